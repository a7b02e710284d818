"""A scene's camera -> CameraPath, exactly as Blender would render it."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import bpy

from platewright.camera import FRAME_MAX, CameraPath, Lens, Pose, from_blender, motion_warnings
from platewright.errors import CameraError, PlatewrightError, RequestError

from . import camera_chain, camera_views
from .camera_views import Pause, Sample, Take, View


def camera_path(
    scene: bpy.types.Scene,
    *,
    camera: bpy.types.Object | None = None,        # None: the one that Blender renders each frame with
    frames: tuple[int, int] | None = None,         # first and last; None: the scene's range
    on_frame: Callable[[int, int], None] | None = None,   # done, total; may raise Cancelled
) -> CameraPath:
    """The camera at every whole frame of the range, with a warning for everything that a plate cannot honour.

    Raises RequestError E_RANGE, E_RANGE_STEP, E_STEREO, E_SIZE and CameraError E_NO_CAMERA, E_CAMERA_TYPE,
    E_CAMERA_PROJECTION, E_CAMERA_NOT_FINITE, E_CAMERA_SINGULAR, E_CAMERA_MIRRORED, E_CAMERA_SHEARED, E_CAMERA_FOV,
    E_LIBRARY_MISSING, E_CACHE_MISSING, E_SCRIPTS_BLOCKED.
    """
    reading = Reading(scene, camera, frames)
    while not reading.look(on_frame or _unheard):
        continue
    return reading.path()


@dataclass(frozen=True, slots=True)
class Span:
    """Frames for which one marker decides; to be used at once, as it holds what undo ends."""

    first: int
    last: int
    camera: bpy.types.Object | None
    marker: bpy.types.TimelineMarker | None


class Reading:
    """The same a few frames at a time, for a window that stays alive meanwhile; see `camera_views` for what it holds.

    Made, it has refused what can be refused at once, and knows everything but the poses. `look` until it is true, from
    the main thread; then `path`, from any thread: it takes longer than looking and touches nothing of Blender.
    Both raise what `camera_path` raises; `look` also E_CAMERA_GONE and E_CAMERA_CHANGED.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        camera: bpy.types.Object | None = None,
        frames: tuple[int, int] | None = None,
    ) -> None:
        numbers = _range(scene, frames)
        if scene.render.use_multiview:
            hint = "Turn off Stereoscopy in the output properties."
            raise RequestError("E_STEREO", "The scene renders in stereo.", hint)
        bound = _bound_cameras(scene, numbers)
        cameras = [camera or own for own in bound]
        used = [_checked(found) for found in dict.fromkeys(cameras)]
        leader = _leader(scene, camera)
        leaders = cameras if camera is None else [leader or own or camera for own in bound]
        self._take = Take(
            scene.session_uid, numbers, _uids(cameras), _uids(leaders), leader.session_uid if leader else None
        )
        self._facts = _facts(scene, numbers, used, cameras)
        self._warnings = tuple(_ignored(scene, used))
        self._sample: Sample = [], []
        self._pause: Pause = _unheard
        self._looks = camera_views.sample(self._take, lambda done, total: self._pause(done, total))

    @property
    def total(self) -> int:
        """How many frames there are."""
        return len(self._take.numbers)

    @property
    def camera(self) -> str:
        """The name of the camera at the first frame."""
        return self._facts["cameras"][0]

    def look(self, pause: Pause) -> bool:
        """Read on until `pause` returns something true; True once every frame was looked at."""
        self._pause = pause
        try:
            next(self._looks)
        except StopIteration as end:
            self._sample = end.value
            return True
        return False

    def path(self) -> CameraPath:
        """What was seen, as a path."""
        views, notes = self._sample
        path = _path(self._facts, views)
        return replace(path, warnings=tuple(dict.fromkeys((*self._warnings, *notes, *motion_warnings(path)))))


def _unheard(done: int, total: int) -> None:
    del done, total


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


def _bound_cameras(scene: bpy.types.Scene, numbers: list[int]) -> list[bpy.types.Object | None]:
    """The camera Blender renders each frame with: the last marker's at or before it, else the first marker's."""
    found = spans(scene, numbers[0], numbers[-1])
    return [span.camera for span in found for _ in range(span.first, span.last + 1)]


def spans(scene: bpy.types.Scene, first: int, last: int) -> list[Span]:
    """The range by the markers that bind cameras: each from its own frame to the next; before the first, the first."""
    markers = [marker for marker in scene.timeline_markers if marker.camera and not marker.camera.hide_render]
    if not markers:
        return [Span(first, last, scene.camera, None)]
    there = {marker.frame: marker for marker in reversed(markers)}             # of two on one frame, the older
    step = _float32(scene.render.frame_map_old / scene.render.frame_map_new)
    numbers = range(first, last + 1)
    begins = [bisect_left(numbers, frame, key=lambda number: _remapped(number, step)) for frame in sorted(there)]
    begins = [first, *(first + begin for begin in begins[1:]), last + 1]
    parts = zip(begins, begins[1:], (there[frame] for frame in sorted(there)), strict=False)
    return [Span(begin, end - 1, marker.camera, marker) for begin, end, marker in parts if begin < end]


def _remapped(number: int, step: float) -> int:
    """The frame after time remapping, in 32-bit floats as Blender counts it."""
    return int(_float32(number * step))


def _uids(objects: list[Any]) -> list[int]:
    known = {found: found.session_uid for found in set(objects)}
    return [known[found] for found in objects]


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


def _facts(
    scene: bpy.types.Scene, numbers: list[int], used: list[bpy.types.Object], cameras: list[bpy.types.Object]
) -> dict[str, Any]:
    """Everything that a path says beside poses and lenses, in CameraPath's words, and what the lenses need."""
    render = scene.render
    fps_base = _decimal(render.fps_base)
    names = names_of(used)
    found = spans(scene, numbers[0], numbers[-1])
    distortions = (camera_chain.lens_distortion(scene, camera) for camera in used)
    return {
        "cameras": tuple(names[camera] for camera in cameras),
        "fps": render.fps / fps_base,
        "fps_base": fps_base,
        "width": render.resolution_x * render.resolution_percentage // 100,
        "height": render.resolution_y * render.resolution_percentage // 100,
        "frames": tuple(numbers),
        "scene": scene.name,
        "markers": tuple((span.first, span.marker.name) for span in found if span.marker and span.camera in used),
        "lens_distortion": next(filter(None, distortions), None),
        "shutter": _decimal(render.motion_blur_shutter) if render.use_motion_blur else None,
        "pixel_aspect_x": render.pixel_aspect_x,
        "pixel_aspect_y": render.pixel_aspect_y,
        "scale_length": metres_per_unit(scene),
    }


def _path(facts: dict[str, Any], views: list[View]) -> CameraPath:
    facts = dict(facts)
    common = {name: facts.pop(name) for name in ("pixel_aspect_x", "pixel_aspect_y", "scale_length")}
    common |= {"width": facts["width"], "height": facts["height"]}
    poses: list[Pose] = []
    lenses: list[Lens] = []
    for number, name, view in zip(facts["frames"], facts["cameras"], views, strict=True):
        pose, lens = _pinhole(number, name, view, common)
        poses.append(pose)
        lenses.append(lens)
    return CameraPath(
        camera=facts["cameras"][0], camera_to_world=tuple(poses), intrinsics=tuple(lenses), **facts
    )


def _pinhole(number: int, camera: str, view: View, common: dict[str, Any]) -> tuple[Pose, Lens]:
    matrix, optics = view
    optics = dict(optics)
    kind = optics.pop("type")
    if kind != "PERSP":
        why = f"Camera {camera!r} has the projection {kind.lower()} at frame {number}."
        raise CameraError("E_CAMERA_PROJECTION", why, "Set the camera's type to Perspective.")
    try:
        return from_blender(matrix, **optics, **common)
    except PlatewrightError as error:
        where = f"Camera {camera!r} at frame {number}"
        raise type(error)(error.code, f"{where}: {error.message}", error.hint) from None


def metres_per_unit(scene: bpy.types.Scene) -> float:
    """The scene's unit scale; 1 where it has no unit system."""
    units = scene.unit_settings
    return 1.0 if units.system == "NONE" else _decimal(units.scale_length)


def _decimal(value: float) -> float:
    """The number that an artist typed, from its nearest 32-bit float: 1.001 and not 1.00100004673."""
    return float(f"{value:.7g}")


def names_of(used: list[bpy.types.Object]) -> dict[bpy.types.Object, str]:
    """A name per camera; cameras of the same name, from other files, are told apart by the file."""
    is_plain = len({camera.name for camera in used}) == len(used)
    return {camera: camera.name if is_plain else camera.name_full for camera in used}


def _ignored(scene: bpy.types.Scene, used: list[bpy.types.Object]) -> Iterator[str]:
    """What the scene asks for and a plate does not have."""
    if scene.render.use_border:
        yield "W_RENDER_BORDER: the render border is ignored; the plate has the whole frame."
    if scene.render.use_motion_blur:
        yield "W_MOTION_BLUR: motion blur is left to the render; the path has whole frames only."
    for camera in used:
        if camera.data.dof.use_dof:
            yield f"W_DEPTH_OF_FIELD: the depth of field of {camera.name!r} is ignored."
        if camera.data.clip_start > camera.data.clip_end:
            yield f"W_CLIP_RANGE: {camera.name!r} clips from beyond its far end; its clipping is ignored."
        if distortion := camera_chain.lens_distortion(scene, camera):
            clip = distortion["clip"]
            yield f"W_LENS_DISTORTION: the lens of clip {clip!r} distorts; the plate is for the undistorted picture."
