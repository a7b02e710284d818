"""A scene's camera -> CameraPath, exactly as Blender would render it.

Fast    a scene of its own with nothing but the camera: the dependency graph brings parents, targets and drivers along
Check   first, middle and last frame against the real scene; what the camera hangs on tells where the two must differ
Slow    the real scene, frame after frame, where they do

The scene is left as it was: frame, subframe, camera, markers, unkeyed changes of the camera itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import bpy

from platewright.camera import FRAME_MAX, CameraPath, Lens, Pose, from_blender, motion_warnings
from platewright.errors import CameraError, PlatewrightError, RequestError

from . import camera_chain

View = tuple[tuple[tuple[float, ...], ...], dict[str, Any]]      # matrix_world by rows, and the camera's optics
OnFrame = Callable[[int, int], None]               # done, total; may raise Cancelled

COPIED = (
    "fps", "fps_base", "resolution_x", "resolution_y", "resolution_percentage",
    "pixel_aspect_x", "pixel_aspect_y", "frame_map_old", "frame_map_new",
)  # fmt: skip
TWEAKS = ("location", "rotation_euler", "rotation_quaternion", "scale")
LENS_TWEAKS = ("lens", "shift_x", "shift_y")
SAME = 1e-4                                        # Blender units, millimetres


def camera_path(
    scene: bpy.types.Scene,
    *,
    camera: bpy.types.Object | None = None,        # None: the one that Blender renders each frame with
    frames: tuple[int, int] | None = None,         # first and last; None: the scene's range
    on_frame: OnFrame | None = None,
) -> CameraPath:
    """The camera at every whole frame of the range, with a warning for everything that a plate cannot honour.

    Raises RequestError E_RANGE, E_RANGE_STEP, E_STEREO, E_SIZE and CameraError E_NO_CAMERA, E_CAMERA_TYPE,
    E_CAMERA_PROJECTION, E_CAMERA_NOT_FINITE, E_CAMERA_SINGULAR, E_CAMERA_MIRRORED, E_CAMERA_SHEARED, E_CAMERA_FOV,
    E_LIBRARY_MISSING, E_CACHE_MISSING, E_SCRIPTS_BLOCKED.
    """
    numbers = _range(scene, frames)
    if scene.render.use_multiview:
        raise RequestError("E_STEREO", "The scene renders in stereo.", "Turn off Stereoscopy in the output properties.")
    bound = [_bound_camera(scene, number) for number in numbers]
    cameras = [_checked(camera or own) for own in bound]
    leader = _leader(scene, camera)
    leaders = cameras if camera is None else [leader or own or camera for own in bound]
    with _undisturbed(scene, cameras, leader):
        views, notes = _sample(scene, numbers, cameras, leaders, on_frame or _unheard)
    path = _path(scene, numbers, cameras, views)
    warnings = (*_ignored(scene, cameras), *notes, *motion_warnings(path))
    return replace(path, warnings=tuple(dict.fromkeys(warnings)))


def find_scene(name: str | None) -> bpy.types.Scene:
    """The scene of that name, or the file's active one; RequestError E_SCENE."""
    scene = bpy.data.scenes.get(name) if name is not None else bpy.context.scene
    if scene is None:
        there = ", ".join(repr(other.name) for other in bpy.data.scenes)
        raise RequestError("E_SCENE", f"The file has no scene {name!r}.", f"It has {there}.")
    return scene


def find_camera(scene: bpy.types.Scene, name: str | None) -> bpy.types.Object | None:
    """The object of that name, None for no name; CameraError E_NO_CAMERA."""
    if name is None:
        return None
    found = scene.objects.get(name) or bpy.data.objects.get(name)
    if found is None:
        there = ", ".join(repr(other.name) for other in scene.objects if other.type == "CAMERA") or "none"
        raise CameraError("E_NO_CAMERA", f"There is no camera {name!r}.", f"Cameras of scene {scene.name!r}: {there}.")
    return found


# Which frames, which camera --------------------------------------------------------------------------


def _range(scene: bpy.types.Scene, frames: tuple[int, int] | None) -> list[int]:
    first, last = frames or (scene.frame_start, scene.frame_end)
    if not 0 <= first <= last <= FRAME_MAX:
        why = f"Frames {first} to {last} are not a range."
        raise RequestError("E_RANGE", why, f"Give the first frame first, both from 0 to {FRAME_MAX}.")
    if scene.frame_step != 1:
        why = f"The scene has a frame step of {scene.frame_step}; a plate has every frame."
        raise RequestError("E_RANGE_STEP", why, "Set the frame step to 1 in the output properties.")
    return list(range(first, last + 1))


def _bound_camera(scene: bpy.types.Scene, number: int) -> bpy.types.Object | None:
    """The camera that Blender renders the frame with: the last marker's at or before it, else the first marker's."""
    markers = [marker for marker in scene.timeline_markers if marker.camera and not marker.camera.hide_render]
    if not markers:
        return scene.camera
    now = _remapped(scene, number)
    passed = [marker for marker in markers if marker.frame <= now]
    frame = max(marker.frame for marker in passed) if passed else min(marker.frame for marker in markers)
    return next(marker.camera for marker in markers if marker.frame == frame)


def _remapped(scene: bpy.types.Scene, number: int) -> int:
    """The frame after time remapping, in 32-bit floats as Blender counts it."""
    return int(_float32(number * _float32(scene.render.frame_map_old / scene.render.frame_map_new)))


def _float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def _checked(camera: bpy.types.Object | None) -> bpy.types.Object:
    if camera is None:
        raise CameraError("E_NO_CAMERA", "The scene has no camera.", "Add a camera and make it active (Ctrl+Numpad 0).")
    camera_chain.refuse_missing(camera, camera)
    if camera.type != "CAMERA":
        why = f"{camera.name!r} is no camera but an object of type {camera.type.lower()}."
        raise CameraError("E_CAMERA_TYPE", why, "Choose a camera in the scene properties.")
    return camera


def _leader(scene: bpy.types.Scene, camera: bpy.types.Object | None) -> bpy.types.Object | None:
    """The named camera if it has to be the scene's to be evaluated at all: a hidden one is left out of the graph.

    Any other is read with the scene's own camera in place, because tracked objects follow that one.
    """
    is_evaluated = camera is None or camera.visible_get(view_layer=scene.view_layers[0])
    return None if is_evaluated else camera


# Sampling -------------------------------------------------------------------------------------------


def _sample(
    scene: bpy.types.Scene,
    numbers: list[int],
    cameras: list[bpy.types.Object],               # read, per frame
    leaders: list[bpy.types.Object],               # the scene's camera meanwhile, per frame
    on_frame: OnFrame,
) -> tuple[list[View], list[str]]:
    """One view per frame and the warnings that sampling brings."""
    views: dict[int, View] = {}
    notes: list[str] = []
    links: dict[bpy.types.Object, list[bpy.types.ID]] = {}
    reason = ""
    pairs = list(zip(cameras, leaders, strict=True))
    for camera, leader in dict.fromkeys(pairs):
        own = [number for number, pair in zip(numbers, pairs, strict=True) if pair == (camera, leader)]
        with own_scene(scene, camera, leader) as probe:
            views.update((number, look(probe, camera, number)) for number in own)
            links[camera], hangs_on_scene = camera_chain.chain(probe)
        reason = reason or camera_chain.slow_reason(links[camera], hangs_on_scene)
    reason = reason or _difference(scene, numbers, cameras, views)
    if reason:
        notes.append(f"W_SLOW_PATH: the camera was read from the whole scene, frame by frame, because {reason}.")
        starts = [start for found in links.values() for start in camera_chain.physics_starts(found)]
        views = _slow(scene, numbers, cameras, starts, on_frame)
    for camera, found in links.items():
        notes += camera_chain.refuse_broken(found, camera)
    return [views[number] for number in numbers], notes


@contextmanager
def own_scene(
    scene: bpy.types.Scene, camera: bpy.types.Object, leader: bpy.types.Object
) -> Iterator[bpy.types.Scene]:
    """A scene with nothing but the camera; reading from its own graph writes nothing back into the user's objects."""
    probe = bpy.data.scenes.new("platewright_camera")
    try:
        probe.collection.objects.link(camera)
        probe.camera = leader                      # evaluated even where it is hidden in the viewport
        probe.active_clip = scene.active_clip
        for name in COPIED:
            setattr(probe.render, name, getattr(scene.render, name))
        yield probe
    finally:
        bpy.data.batch_remove([probe])             # scenes.remove asks for the window: 4.3 dies where there is none


def look(scene: bpy.types.Scene, camera: bpy.types.Object, number: int) -> View:
    """Evaluate the scene at a frame and read the camera there."""
    scene.frame_set(number)
    seen = camera.evaluated_get(scene.view_layers[0].depsgraph)
    data = seen.data
    optics = {
        "type": data.type,
        "lens_mm": data.lens,
        "sensor_width_mm": data.sensor_width,
        "sensor_height_mm": data.sensor_height,
        "sensor_fit": data.sensor_fit,
        "shift_x": data.shift_x,
        "shift_y": data.shift_y,
    }
    return tuple(tuple(row) for row in seen.matrix_world), optics


def _difference(
    scene: bpy.types.Scene, numbers: list[int], cameras: list[bpy.types.Object], views: dict[int, View]
) -> str:
    """Where the real scene shows the camera elsewhere on the first, middle or last frame; '' where it does not."""
    for index in sorted({0, len(numbers) // 2, len(numbers) - 1}):
        number, camera = numbers[index], cameras[index]
        if not agree(look(scene, camera, number), views[number]):
            return f"at frame {number} the whole scene puts it elsewhere"
    return ""


def agree(a: View, b: View) -> bool:
    pairs = zip(_numbers(a), _numbers(b), strict=True)
    return all(_close(x, y) for x, y in pairs)


def _numbers(view: View) -> list[Any]:
    return [*(number for row in view[0] for number in row), *view[1].values()]


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, str) or a != a or b != b:     # words, and NaN, which equals nothing
        return str(a) == str(b)
    return abs(a - b) <= SAME + 1e-6 * abs(b)


def _slow(
    scene: bpy.types.Scene,
    numbers: list[int],
    cameras: list[bpy.types.Object],
    starts: list[int],                             # first frames of simulations, which need every frame since
    on_frame: OnFrame,
) -> dict[int, View]:
    if starts:
        for number in range(min(starts), numbers[0]):
            scene.frame_set(number)
    views = {}
    for done, (number, camera) in enumerate(zip(numbers, cameras, strict=True), 1):
        views[number] = look(scene, camera, number)
        on_frame(done, len(numbers))
    return views


def _unheard(done: int, total: int) -> None:
    del done, total


@contextmanager
def _undisturbed(
    scene: bpy.types.Scene, cameras: list[bpy.types.Object], leader: bpy.types.Object | None
) -> Iterator[None]:
    """Evaluate at will, with a `leader` in place of every camera; afterwards the scene is as it was."""
    frame, subframe, camera = scene.frame_current, scene.frame_subframe, scene.camera
    bindings = [(marker, marker.camera) for marker in scene.timeline_markers if leader and marker.camera]
    tweaks = [tweak for found in dict.fromkeys(cameras) for tweak in _tweaks(found)]
    try:
        for marker, _ in bindings:
            marker.camera = None
        if leader:
            scene.camera = leader
        yield
    finally:
        for marker, bound in bindings:
            marker.camera = bound
        scene.frame_set(frame, subframe=subframe)
        scene.camera = camera
        for owner, name, value in tweaks:
            if _plain(getattr(owner, name)) != value:
                setattr(owner, name, value)


def _tweaks(camera: bpy.types.Object) -> Iterator[tuple[bpy.types.ID, str, Any]]:
    """What an artist may have changed without a keyframe, which evaluating another frame would undo."""
    for owner, names in ((camera, TWEAKS), (camera.data, LENS_TWEAKS)):
        if owner.library is None and owner.override_library is None:
            yield from ((owner, name, _plain(getattr(owner, name))) for name in names)


def _plain(value: Any) -> Any:
    return value if isinstance(value, float) else tuple(value)


# The path -------------------------------------------------------------------------------------------


def _path(
    scene: bpy.types.Scene, numbers: list[int], cameras: list[bpy.types.Object], views: list[View]
) -> CameraPath:
    render = scene.render
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    common = {
        "width": width,
        "height": height,
        "pixel_aspect_x": render.pixel_aspect_x,
        "pixel_aspect_y": render.pixel_aspect_y,
        "scale_length": _metres_per_unit(scene),
    }
    poses, lenses = [], []
    for number, camera, view in zip(numbers, cameras, views, strict=True):
        pose, lens = _pinhole(number, camera, view, common)
        poses.append(pose)
        lenses.append(lens)
    names = _names(cameras)
    distortions = (camera_chain.lens_distortion(scene, camera) for camera in dict.fromkeys(cameras))
    fps_base = _decimal(render.fps_base)
    return CameraPath(
        camera=names[0],
        cameras=names,
        fps=render.fps / fps_base,
        fps_base=fps_base,
        width=width,
        height=height,
        frames=tuple(numbers),
        camera_to_world=tuple(poses),
        intrinsics=tuple(lenses),
        scene=scene.name,
        lens_distortion=next(filter(None, distortions), None),
    )


def _pinhole(number: int, camera: bpy.types.Object, view: View, common: dict[str, Any]) -> tuple[Pose, Lens]:
    matrix, optics = view
    optics = dict(optics)
    kind = optics.pop("type")
    if kind != "PERSP":
        why = f"Camera {camera.name!r} has the projection {kind.lower()} at frame {number}."
        raise CameraError("E_CAMERA_PROJECTION", why, "Set the camera's type to Perspective.")
    try:
        return from_blender(matrix, **optics, **common)
    except PlatewrightError as error:
        where = f"Camera {camera.name!r} at frame {number}"
        raise type(error)(error.code, f"{where}: {error.message}", error.hint) from None


def _metres_per_unit(scene: bpy.types.Scene) -> float:
    units = scene.unit_settings
    return 1.0 if units.system == "NONE" else _decimal(units.scale_length)


def _decimal(value: float) -> float:
    """The number that an artist typed, from its nearest 32-bit float: 1.001 and not 1.00100004673."""
    return float(f"{value:.7g}")


def _names(cameras: list[bpy.types.Object]) -> tuple[str, ...]:
    """A name per frame; cameras of the same name, from other files, are told apart by the file."""
    different = list(dict.fromkeys(cameras))
    is_plain = len({camera.name for camera in different}) == len(different)
    return tuple(camera.name if is_plain else camera.name_full for camera in cameras)


def _ignored(scene: bpy.types.Scene, cameras: list[bpy.types.Object]) -> Iterator[str]:
    """What the scene asks for and a plate does not have."""
    if scene.render.use_border:
        yield "W_RENDER_BORDER: the render border is ignored; the plate has the whole frame."
    if scene.render.use_motion_blur:
        yield "W_MOTION_BLUR: motion blur is left to the render; the path has whole frames only."
    for camera in dict.fromkeys(cameras):
        if camera.data.dof.use_dof:
            yield f"W_DEPTH_OF_FIELD: the depth of field of {camera.name!r} is ignored."
        if camera.data.clip_start > camera.data.clip_end:
            yield f"W_CLIP_RANGE: {camera.name!r} clips from beyond its far end; its clipping is ignored."
        if distortion := camera_chain.lens_distortion(scene, camera):
            clip = distortion["clip"]
            yield f"W_LENS_DISTORTION: the lens of clip {clip!r} distorts; the plate is for the undistorted picture."
