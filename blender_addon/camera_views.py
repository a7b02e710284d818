"""Where a camera is on every frame, and through which lens: evaluated by Blender, with the scene left as it was.

Fast    a scene of its own with nothing but the camera: the dependency graph brings parents, targets and drivers along
Check   first, middle and last frame against the real scene; what the camera hangs on tells where the two must differ
Slow    the real scene, frame after frame, where they do

Left as they were: frame, subframe, camera, markers, unkeyed changes of the camera itself. Evaluating other frames
undoes unkeyed changes of other objects, as moving the playhead does.

It can be done a few frames at a time. Between two helpings nothing is held: no datablock, no scene of our own, no frame
to put back. Undo, deletion, File > Open and quitting find nothing of ours, and the next helping looks it all up again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bpy

from platewright.errors import CameraError

from . import camera_chain

View = tuple[tuple[tuple[float, ...], ...], dict[str, Any]]      # matrix_world by rows, and the camera's optics
Views = dict[int, View]                            # by frame number
Pair = tuple[int, int]                             # the camera that is read, the scene's camera meanwhile: session_uid
Pause = Callable[[int, int], object]               # done, total; true: enough for now; may raise Cancelled
Sample = tuple[list[View], list[str]]              # one view per frame, and the warnings that sampling brings

T = TypeVar("T")

COPIED = (
    "fps", "fps_base", "resolution_x", "resolution_y", "resolution_percentage",
    "pixel_aspect_x", "pixel_aspect_y", "frame_map_old", "frame_map_new", "use_simplify", "simplify_subdivision",
)  # fmt: skip
TWEAKS = ("location", "rotation_euler", "rotation_quaternion", "scale")
LENS_TWEAKS = ("lens", "shift_x", "shift_y")
LOOKS_AGAIN = 16                                   # at most, whether the camera stayed what it was
SETTLES = 4                                        # times that torn objects are evaluated again, at most
SAME = 1e-4                                        # Blender units, millimetres


@dataclass(frozen=True, slots=True)
class Take:
    """What is to be read, by numbers that Blender never gives twice while it is open."""

    scene: int                                     # session_uid, as all but the frame numbers
    numbers: list[int]
    cameras: list[int]                             # read, per frame
    leaders: list[int]                             # the scene's camera meanwhile, per frame
    leader: int | None                             # a hidden camera that has to stand in for every other

    def shots(self) -> dict[Pair, list[int]]:
        """Frame numbers by camera and leader."""
        shots: dict[Pair, list[int]] = {}
        for number, *pair in zip(self.numbers, self.cameras, self.leaders, strict=True):
            shots.setdefault((pair[0], pair[1]), []).append(number)
        return shots

    def pair_at(self, number: int) -> Pair:
        """The camera of a frame and its leader."""
        index = number - self.numbers[0]
        return self.cameras[index], self.leaders[index]


@dataclass(slots=True)
class Read:
    """What has been read so far."""

    views: Views = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    begun_at: list[int] = field(default_factory=list)     # the first frame of each helping after the first
    torn: dict[int, str] = field(default_factory=dict)    # what has to be evaluated again alone: name by session_uid

    def learn(self, place: Place, torn: list[bpy.types.Object]) -> bool:
        """Objects that have to be evaluated once more from here on; whether any of them is news."""
        news = [found for found in torn if found.session_uid not in self.torn]
        self.torn |= {found.session_uid: found.name for found in news}
        place.torn.extend(news)
        return bool(news)

    def begin_at(self, todo: deque[int]) -> None:
        """Another helping."""
        self.begun_at += list(todo)[:1]


@dataclass(frozen=True, slots=True)
class Place:
    """The same, found in the open file."""

    scene: bpy.types.Scene
    objects: dict[int, bpy.types.Object]
    torn: list[bpy.types.Object]


@contextmanager
def visited(take: Take, torn: Iterable[int] = ()) -> Iterator[Place]:
    """Find everything, evaluate at will, leave the scene as it was. Raises CameraError E_CAMERA_GONE."""
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == take.scene), None)
    wanted = {*take.cameras, *take.leaders, *torn}
    objects = {uid: found for found in bpy.data.objects if (uid := found.session_uid) in wanted}
    if scene is None or len(objects) < len(wanted):
        why = "The scene or its camera went away while it was being read."
        raise CameraError("E_CAMERA_GONE", why, "Generate again in the file that has it.")
    leader = None if take.leader is None else objects[take.leader]
    again = [objects[uid] for uid in torn]
    with undisturbed(scene, [objects[uid] for uid in dict.fromkeys(take.cameras)], leader, again):
        yield Place(scene, objects, again)


def sample(take: Take, pause: Pause) -> Generator[None, None, Sample]:
    """One view per frame and the warnings; whenever `pause` says so, lets go of everything and yields.

    Raises CameraError E_CAMERA_GONE, E_CAMERA_CHANGED, E_LIBRARY_MISSING, E_CACHE_MISSING, E_SCRIPTS_BLOCKED.
    """
    read, reason = Read(), ""
    for pair in take.shots():
        reason = reason or (yield from _fast(take, pair, read, pause))
    if not reason:
        yield from _refuse_change(take, read, pause, is_slow=False)
        reason = yield from _difference(take, read, pause)
    if reason:
        why = f"W_SLOW_PATH: the camera was read from the whole scene, frame by frame, because {reason}."
        read = Read(notes=[why], torn=read.torn)
        yield from _slow(take, read, pause)
        yield from _refuse_change(take, read, pause, is_slow=True)
        read.notes += [note for pair in take.shots() for note in _broken(take, pair)]
    notes = [*read.notes, *camera_chain.torn_note(read.torn.values())]
    return [read.views[number] for number in take.numbers], notes


def _fast(take: Take, pair: Pair, read: Read, pause: Pause) -> Generator[None, None, str]:
    """Read the frames of one camera from a scene of its own; ends with the reason if that cannot be trusted."""
    todo = deque(take.shots()[pair])
    first = todo[0]
    while todo:
        with visited(take, read.torn) as place, probed(place, pair) as probe:
            camera, is_enough = place.objects[pair[0]], False
            while todo and not is_enough:
                number = todo.popleft()
                read.views[number] = look(probe, camera, number, place.torn)
                if number == first:
                    links, hangs_on_scene = camera_chain.chain(probe)
                    if read.learn(place, camera_chain.torn(links)):
                        read.views[number] = look(probe, camera, number, place.torn)
                    if reason := camera_chain.slow_reason(links, hangs_on_scene):
                        return reason
                is_enough = bool(pause(len(read.views), len(take.numbers)))
            if not todo:
                read.notes += camera_chain.refuse_broken(camera_chain.chain(probe)[0], camera)
        yield
        read.begin_at(todo)
    return ""


def _difference(take: Take, read: Read, pause: Pause) -> Generator[None, None, str]:
    """Where the real scene shows the camera elsewhere on the first, middle or last frame; '' where it does not."""
    count = len(take.numbers)
    todo = [take.numbers[index] for index in sorted({0, count // 2, count - 1})]
    while todo:
        with visited(take, read.torn) as place:
            is_enough = False
            while todo and not is_enough:
                number = todo.pop(0)
                camera = place.objects[take.pair_at(number)[0]]
                if not agree(look(place.scene, camera, number, place.torn), read.views[number]):
                    return f"at frame {number} the whole scene puts it elsewhere"
                is_enough = bool(pause(count, count))
        yield
    return ""


def _slow(take: Take, read: Read, pause: Pause) -> Generator[None, None, None]:
    """Read every frame from the real scene. Simulations need all frames since their start in one go."""
    todo = deque(take.numbers)
    starts: list[int] = []
    while todo:
        with visited(take, read.torn) as place:
            if not read.views:
                starts = [start for pair in take.shots() for start in _physics_starts(place, pair)]
            for number in range(min(starts, default=todo[0]), todo[0]):
                place.scene.frame_set(number)
            is_enough = False
            while todo and not is_enough:
                number = todo.popleft()
                camera = place.objects[take.pair_at(number)[0]]
                read.views[number] = look(place.scene, camera, number, place.torn)
                is_enough = bool(pause(len(read.views), len(take.numbers))) and not starts
        yield
        read.begin_at(todo)


def _refuse_change(take: Take, read: Read, pause: Pause, is_slow: bool) -> Generator[None, None, None]:
    """Look again where each helping began: CameraError E_CAMERA_CHANGED if somebody has moved the camera since."""
    todo = read.begun_at[:: max(1, -(-len(read.begun_at) // LOOKS_AGAIN))]
    while todo:
        with visited(take, read.torn) as place:
            is_enough = False
            while todo and not is_enough:
                number = todo.pop(0)
                pair = take.pair_at(number)
                camera = place.objects[pair[0]]
                with nullcontext(place.scene) if is_slow else probed(place, pair) as scene:
                    again = look(scene, camera, number, place.torn)
                if not agree(again, read.views[number]):
                    why = f"The camera {camera.name!r} was changed while it was being read."
                    raise CameraError("E_CAMERA_CHANGED", why, "Generate again.")
                is_enough = bool(pause(len(take.numbers), len(take.numbers)))
        yield


def _physics_starts(place: Place, pair: Pair) -> list[int]:
    with probed(place, pair) as probe:
        look(probe, place.objects[pair[0]], place.scene.frame_current)
        return camera_chain.physics_starts(camera_chain.chain(probe)[0])


def _broken(take: Take, pair: Pair) -> list[str]:
    with visited(take) as place, probed(place, pair) as probe:
        camera = place.objects[pair[0]]
        look(probe, camera, place.scene.frame_current)
        return camera_chain.refuse_broken(camera_chain.chain(probe)[0], camera)


def probed(place: Place, pair: Pair) -> AbstractContextManager[bpy.types.Scene]:
    """The scene of its own for a camera and its leader."""
    return own_scene(place.scene, place.objects[pair[0]], place.objects[pair[1]])


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


def look(
    scene: bpy.types.Scene, camera: bpy.types.Object, number: int, torn: Sequence[bpy.types.Object] = ()
) -> View:
    """Evaluate the scene at a frame and read the camera there, see `settled` for what is `torn`."""
    scene.frame_set(number)
    return settled(scene, torn, lambda: _view(scene, camera))


def settled(scene: bpy.types.Scene, torn: Sequence[bpy.types.Object], see: Callable[[], T]) -> T:
    """What is seen once it is the same twice: torn objects (`camera_chain.torn`) are evaluated alone until it is.

    Not where somebody's code runs with the frame: evaluated again, keys would undo what that code has moved.
    """
    seen = see()
    for _ in range(SETTLES if torn and not has_listeners() else 0):
        for found in torn:
            found.update_tag(refresh={"OBJECT", "TIME"})     # its keys too, not only what Blender copies
        scene.view_layers[0].update()
        before, seen = seen, see()
        if seen == before:
            break
    return seen


def _view(scene: bpy.types.Scene, camera: bpy.types.Object) -> View:
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


def agree(a: View, b: View) -> bool:
    pairs = zip(_numbers(a), _numbers(b), strict=True)
    return all(_close(x, y) for x, y in pairs)


def _numbers(view: View) -> list[Any]:
    return [*(number for row in view[0] for number in row), *view[1].values()]


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, str) or a != a or b != b:     # words, and NaN, which equals nothing
        return str(a) == str(b)
    return abs(a - b) <= SAME + 1e-6 * abs(b)


@contextmanager
def undisturbed(
    scene: bpy.types.Scene,
    cameras: list[bpy.types.Object],
    leader: bpy.types.Object | None,
    torn: Sequence[bpy.types.Object] = (),         # may grow meanwhile
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
        if (scene.frame_current, scene.frame_subframe) != (frame, subframe) or has_listeners():
            scene.frame_set(frame, subframe=subframe)
            settled(scene, torn, lambda: [found.matrix_world.copy() for found in torn])
        scene.camera = camera
        for owner, name, value in tweaks:
            if _plain(getattr(owner, name)) != value:
                setattr(owner, name, value)


def has_listeners() -> bool:
    """Whether somebody's code runs at every change of frame, in our own scene too, and may move what is not ours."""
    return bool(bpy.app.handlers.frame_change_pre or bpy.app.handlers.frame_change_post)


def _tweaks(camera: bpy.types.Object) -> Iterator[tuple[bpy.types.ID, str, Any]]:
    """What an artist may have changed without a keyframe, which evaluating another frame would undo."""
    for owner, names in ((camera, TWEAKS), (camera.data, LENS_TWEAKS)):
        if owner.library is None and owner.override_library is None:
            yield from ((owner, name, _plain(getattr(owner, name))) for name in names)


def _plain(value: Any) -> Any:
    return value if isinstance(value, float) else tuple(value)
