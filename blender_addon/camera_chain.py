"""What a camera hangs on: parents, targets, drivers, caches, physics, movie clips, and what that means for its path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from platewright.errors import CameraError

PHYSICS = {"CLOTH", "DYNAMIC_PAINT", "FLUID", "PARTICLE_SYSTEM", "SOFT_BODY"}
CLIP_CONSTRAINTS = {"CAMERA_SOLVER", "FOLLOW_TRACK", "OBJECT_SOLVER"}
TORN_SINCE = (4, 5, 0)
COEFFICIENTS = {                                   # as in bpy.types.MovieTrackingCamera, per distortion model
    "POLYNOMIAL": ("k1", "k2", "k3"),
    "DIVISION": ("division_k1", "division_k2"),
    "NUKE": ("nuke_k1", "nuke_k2", "nuke_p1", "nuke_p2"),                      # p1 and p2 from 5.1 on
    "BROWN": ("brown_k1", "brown_k2", "brown_k3", "brown_k4", "brown_p1", "brown_p2"),
}


def chain(probe: bpy.types.Scene) -> tuple[list[bpy.types.ID], bool]:
    """Everything that the probe's camera hangs on, as original datablocks, and whether another scene is among it."""
    originals = [found.original for found in probe.view_layers[0].depsgraph.ids]
    hangs_on_scene = any(found.id_type == "SCENE" and found != probe for found in originals)
    return [found for found in originals if found.id_type not in {"SCENE", "COLLECTION"}], hangs_on_scene


def slow_reason(links: list[bpy.types.ID], hangs_on_scene: bool) -> str:
    """Why a scene of its own cannot stand in for the real one, '' where it can."""
    if hangs_on_scene or any(_asks_active_scene(fcurve) for fcurve in _drivers(links)):
        return "a driver reads the scene"
    if physics_starts(links):
        return "it hangs on physics"
    return ""


def physics_starts(links: list[bpy.types.ID]) -> list[int]:
    """First frames of the simulations among the links; they give the right answer only in order from there."""
    starts = []
    for link in links:
        for modifier in getattr(link, "modifiers", ()):
            if modifier.type in PHYSICS:
                starts.append(_cache_start(modifier))
        if getattr(link, "rigid_body", None):
            worlds = [scene.rigidbody_world for scene in bpy.data.scenes if scene.rigidbody_world]
            starts += [world.point_cache.frame_start for world in worlds]
        if link.id_type == "NODETREE" and any(node.bl_idname == "GeometryNodeSimulationInput" for node in link.nodes):
            starts.append(0)
    return starts


def refuse_missing(link: bpy.types.ID, camera: bpy.types.Object) -> None:
    """CameraError E_LIBRARY_MISSING where Blender only has a placeholder, which stands still at the origin."""
    if link.is_missing:
        why = f"Camera {camera.name!r} needs {link.name!r}, whose file is missing."
        hint = "Restore the linked file (File > External Data > Find Missing Files) and open the shot again."
        raise CameraError("E_LIBRARY_MISSING", why, hint)


def refuse_broken(links: Iterable[bpy.types.ID], camera: bpy.types.Object) -> list[str]:
    """CameraError where a link is missing or was not allowed to run; warnings for what is broken anyhow.

    Raises E_LIBRARY_MISSING, E_CACHE_MISSING, E_SCRIPTS_BLOCKED.
    """
    links = list(links)
    for link in links:
        refuse_missing(link, camera)
        if link.id_type == "CACHEFILE" and not link.is_sequence and not _file(link).exists():
            why = f"Camera {camera.name!r} hangs on the cache {link.filepath!r}, which is missing."
            raise CameraError("E_CACHE_MISSING", why, "Restore the file or correct its path in the constraint.")
    broken = [fcurve for fcurve in _drivers(links) if not fcurve.driver.is_valid]
    if not broken:
        return [f"W_SCRIPTS_BLOCKED: {script}"] if (script := _blocked_text()) else []
    names = ", ".join(sorted({f"{fcurve.id_data.name!r} {fcurve.data_path}" for fcurve in broken}))
    if bpy.app.autoexec_fail or bpy.app.autoexec_fail_quiet:
        hint = "If you trust the file: allow its scripts (--allow-scripts, or Allow Execution in Blender)."
        raise CameraError("E_SCRIPTS_BLOCKED", f"The path of {camera.name!r} needs a Python driver: {names}.", hint)
    return [f"W_DRIVER_BROKEN: Blender cannot evaluate the driver of {names}; the camera is taken as Blender shows it."]


def torn(links: Iterable[bpy.types.ID]) -> list[bpy.types.Object]:
    """Objects with keys on some components of a property and a driver on another: location x and z keyed, y driven.

    Since 4.5 Blender evaluates the two side by side, and whichever writes first may be lost: seen on up to one frame
    in 25, in 5.0 to 5.2, where something else moves too. Evaluated once more alone, such an object stands right.
    """
    return [link for link in links if isinstance(link, bpy.types.Object) and _keyed(link) & _driven(link)]


def torn_note(objects: Iterable[str]) -> list[str]:
    """A warning for objects of these names, where this Blender renders them wrong now and then."""
    names = ", ".join(map(repr, objects))
    if not names or bpy.app.version < TORN_SINCE:
        return []
    why = f"{names} has keys on some components of a property and a driver on another"
    return [f"W_DRIVER_TORN: {why}: the path is right, but Blender may render single frames wrong. Drive all or none."]


def _keyed(link: bpy.types.Object) -> set[str]:
    """Data paths with keyframes, in the action or in strips of the NLA."""
    animation = link.animation_data
    if animation is None:
        return set()
    strips = [strip for track in animation.nla_tracks for strip in track.strips]
    players = [player for player in (animation, *strips) if player.action]
    return {fcurve.data_path for player in players for fcurve in _played(player)}


def _played(player: bpy.types.AnimData | bpy.types.NlaStrip) -> Iterable[bpy.types.FCurve]:
    """The curves of its action, where actions have slots those of its slot."""
    if not hasattr(player, "action_slot_handle"):
        return player.action.fcurves
    bags = [bag for layer in player.action.layers for strip in layer.strips for bag in strip.channelbags]
    return [fcurve for bag in bags if bag.slot_handle == player.action_slot_handle for fcurve in bag.fcurves]


def _driven(link: bpy.types.Object) -> set[str]:
    return {fcurve.data_path for fcurve in _drivers([link])}


def lens_distortion(scene: bpy.types.Scene, camera: bpy.types.Object) -> dict[str, Any] | None:
    """The lens of the movie clip that the camera, its constraints or the scene names, where that lens distorts."""
    for source, clip in _clips(scene, camera):
        lens = clip.tracking.camera
        model = lens.distortion_model
        names = [name for name in COEFFICIENTS.get(model, ()) if hasattr(lens, name)]
        values = {name: getattr(lens, name) for name in names}
        if any(values.values()) or not names:
            return {
                "clip": clip.name,
                "source": source,
                "model": model,
                "coefficients": values,
                "focal_length_px": lens.focal_length_pixels,
                "principal_point_px": list(lens.principal_point_pixels),
                "pixel_aspect": lens.pixel_aspect,
                "size": list(clip.size),
            }
    return None


def _clips(scene: bpy.types.Scene, camera: bpy.types.Object) -> Iterable[tuple[str, bpy.types.MovieClip]]:
    for constraint in camera.constraints:
        if constraint.type in CLIP_CONSTRAINTS and not constraint.use_active_clip and constraint.clip:
            yield f"constraint {constraint.name}", constraint.clip
    for background in camera.data.background_images:
        if background.source == "MOVIE_CLIP" and background.clip and not background.use_camera_clip:
            yield "camera background", background.clip
    if scene.active_clip:
        yield "active clip", scene.active_clip


def _drivers(links: Iterable[bpy.types.ID]) -> Iterable[bpy.types.FCurve]:
    for link in links:
        animation = getattr(link, "animation_data", None)
        for fcurve in animation.drivers if animation else ():
            if not fcurve.mute:
                yield fcurve


def _asks_active_scene(fcurve: bpy.types.FCurve) -> bool:
    """Whether a variable reads the active scene beyond its clock, which a scene of its own has too."""
    asked = [variable.targets[0] for variable in fcurve.driver.variables if variable.type == "CONTEXT_PROP"]
    return any(not target.data_path.startswith("frame_current") for target in asked)


def _cache_start(modifier: bpy.types.Modifier) -> int:
    cache = getattr(getattr(modifier, "particle_system", modifier), "point_cache", None)
    return cache.frame_start if cache else 0


def _blocked_text() -> str:
    message = bpy.app.autoexec_fail_message
    if not message.startswith("Text"):
        return ""
    return f"a script of this file did not run ({message}); if it moves the camera, allow scripts."


def _file(cache: bpy.types.CacheFile) -> Path:
    return Path(bpy.path.abspath(cache.filepath, library=cache.library))
