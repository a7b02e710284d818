"""Where a camera is on every frame, and through which lens: evaluated by Blender, with the scene left as it was.

Fast    a scene of its own with nothing but the camera: the dependency graph brings parents, targets and drivers along
Check   first, middle and last frame against the real scene; what the camera hangs on tells where the two must differ
Slow    the real scene, frame after frame, where they do

Left as they were: frame, subframe, camera, markers, unkeyed changes of the camera itself. Evaluating other frames
undoes unkeyed changes of other objects, as moving the playhead does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from . import camera_chain

View = tuple[tuple[tuple[float, ...], ...], dict[str, Any]]      # matrix_world by rows, and the camera's optics
OnFrame = Callable[[int, int], None]               # done, total; may raise Cancelled

COPIED = (
    "fps", "fps_base", "resolution_x", "resolution_y", "resolution_percentage",
    "pixel_aspect_x", "pixel_aspect_y", "frame_map_old", "frame_map_new", "use_simplify", "simplify_subdivision",
)  # fmt: skip
TWEAKS = ("location", "rotation_euler", "rotation_quaternion", "scale")
LENS_TWEAKS = ("lens", "shift_x", "shift_y")
SAME = 1e-4                                        # Blender units, millimetres


def sample(
    scene: bpy.types.Scene,
    numbers: list[int],
    cameras: list[bpy.types.Object],               # read, per frame
    leaders: list[bpy.types.Object],               # the scene's camera meanwhile, per frame
    on_frame: OnFrame | None,
) -> tuple[list[View], list[str]]:
    """One view per frame and the warnings that sampling brings; to be called where the scene is `undisturbed`.

    Raises CameraError E_LIBRARY_MISSING, E_CACHE_MISSING, E_SCRIPTS_BLOCKED.
    """
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
        views = _slow(scene, numbers, cameras, starts, on_frame or _unheard)
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
def undisturbed(
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
