"""A scene's camera -> CameraPath, exactly as Blender would render it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy

from platewright.camera import FRAME_MAX, CameraPath, Lens, Pose, from_blender, motion_warnings
from platewright.errors import CameraError, PlatewrightError, RequestError

from . import camera_chain, camera_views
from .camera_views import OnFrame, View


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
    with camera_views.undisturbed(scene, cameras, leader):
        views, notes = camera_views.sample(scene, numbers, cameras, leaders, on_frame)
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
