"""A long camera, read a few frames at a time: the same path, a scene left alone in between, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from blender_addon import scene_read
from platewright.camera import CameraPath
from platewright.errors import CameraError
from tests.blender.scenes import add, add_camera, bind, drive, keys, shot, variable

Scene = bpy.types.Scene
HELPING = 7                                        # frames
PATIENCE = 20_000                                  # helpings, after which it will never end


class Counted:
    """Says enough after a few frames, and counts."""

    def __init__(self, helping: int = HELPING) -> None:
        self.helping, self.frames, self.most = helping, 0, 0

    def begin(self) -> None:
        self.frames = 0

    def __call__(self, done: int, total: int) -> bool:
        assert 0 < done <= total
        self.frames += 1
        self.most = max(self.most, self.frames)
        return self.frames >= self.helping


def in_helpings(reading: scene_read.Reading, between: Callable[[], object] = int, helping: int = HELPING) -> CameraPath:
    """The path, read in helpings with something happening between them."""
    pause = Counted(helping)
    for _ in range(PATIENCE):
        pause.begin()
        if reading.look(pause):
            assert pause.most <= helping
            return reading.path()
        between()
    raise AssertionError("it never ends")


def state(scene: Scene) -> tuple[object, ...]:
    """All that an artist, a save or an undo step could see."""
    bindings = [(marker.name, marker.frame, marker.camera) for marker in scene.timeline_markers]
    places = [(found.name, found.matrix_world.copy(), found.location.copy()) for found in bpy.data.objects]
    clock = scene.frame_current, scene.frame_subframe
    return (clock, scene.camera, bindings, places, list(bpy.data.scenes), len(bpy.data.objects), bpy.context.scene)


def plain(scene: Scene, camera: bpy.types.Object) -> None:
    del scene, camera


def cut_by_markers(scene: Scene, camera: bpy.types.Object) -> None:
    second = add_camera("Second", (4, -6, 3))
    keys(second, "location", {1: (4, -6, 3), 60: (2, -6, 3)})
    bind(scene, [(1, camera), (23, second), (41, camera)])


def slow(scene: Scene, camera: bpy.types.Object) -> None:
    variable(drive(camera, "location", "now * 0.2", 1), "now", "SCENE", scene, "frame_current")


def following(scene: Scene, camera: bpy.types.Object) -> None:
    target = add("Target")
    keys(target, "location", {1: (-3, 2, 0), 60: (4, 1, 2)})
    track = camera.constraints.new("TRACK_TO")
    track.target, track.track_axis, track.up_axis = target, "TRACK_NEGATIVE_Z", "UP_Y"


def bound_and_slow(scene: Scene, camera: bpy.types.Object) -> None:
    cut_by_markers(scene, camera)
    slow(scene, camera)


KINDS = [plain, cut_by_markers, slow, following, bound_and_slow]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("helping", [1, HELPING, 60])
def test_in_helpings_it_is_the_same_path_and_between_them_the_scene_is_as_it_was(
    kind: Callable[[Scene, bpy.types.Object], None], helping: int
) -> None:
    scene, camera = shot(1, 60)
    kind(scene, camera)
    scene.frame_set(10, subframe=0.5)
    camera.update_tag()                                    # keyed and driven, it may have been drawn wrong
    bpy.context.view_layer.update()
    whole = scene_read.camera_path(scene)
    before, seen = state(scene), 0

    def between() -> None:
        nonlocal seen
        seen += 1
        assert state(scene) == before

    assert in_helpings(scene_read.Reading(scene), between, helping) == whole
    assert state(scene) == before and seen >= 60 // helping


def test_a_scene_that_is_not_put_back_would_be_seen() -> None:
    scene, _ = shot(1, 60)
    before = state(scene)
    scene.frame_set(11)
    assert state(scene) != before
    scene.frame_set(1)
    probe = bpy.data.scenes.new("platewright_camera")
    assert state(scene) != before
    bpy.data.scenes.remove(probe)


def test_a_named_hidden_camera_gives_the_markers_back_each_time() -> None:
    scene, camera = shot(1, 60)
    cut_by_markers(scene, camera)
    hidden = add_camera("Hidden", (0, -9, 1))
    keys(hidden, "location", {1: (0, -9, 1), 60: (0, -5, 1)})
    hidden.hide_viewport = True
    scene.frame_set(10)
    before = state(scene)[:3]
    path = in_helpings(scene_read.Reading(scene, hidden), lambda: state(scene)[:3] == before or pytest.fail("moved"))
    assert path == scene_read.camera_path(scene, camera=hidden) and set(path.cameras) == {"Hidden"}


def test_ten_thousand_frames_take_as_many_helpings_as_they_need() -> None:
    scene, _ = shot(1, 10_000)
    counted, helpings = Counted(500), 1
    reading = scene_read.Reading(scene)
    while not reading.look(counted):
        helpings += 1
        counted.begin()
    assert helpings >= 20 and counted.most == 500
    assert len(reading.path()) == 10_000


# What an artist does meanwhile ----------------------------------------------------------------------------


def once(act: Callable[[], object]) -> Callable[[], None]:
    """Do it between the second and the third helping."""
    calls = iter([lambda: None, act])

    def between() -> None:
        next(calls, lambda: None)()

    return between


def delete_camera() -> None:
    bpy.data.objects.remove(bpy.data.objects["Camera"])


def delete_scene() -> None:
    bpy.data.batch_remove([bpy.data.scenes["Other"]])


def new_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    shot(1, 60)                                    # another scene and camera of the same names


@pytest.mark.parametrize("act", [delete_camera, delete_scene, new_file])
@pytest.mark.parametrize("kind", [plain, slow])
def test_what_goes_away_ends_the_reading(act: Callable[[], None], kind: Callable[..., None]) -> None:
    scene, camera = shot(1, 60)
    kind(scene, camera)
    other = bpy.data.scenes.new("Other")           # not the one in view, which background mode cannot delete
    other.collection.objects.link(camera)
    other.camera, other.frame_end = camera, 60
    with pytest.raises(CameraError, match="E_CAMERA_GONE"):
        in_helpings(scene_read.Reading(other), once(act))
    assert not any(found.name.startswith("platewright") for found in bpy.data.scenes)


def move(camera: bpy.types.Object) -> None:
    keys(camera, "location", {1: (9.0, -8.0, 1.6)})


def zoom(camera: bpy.types.Object) -> None:
    keys(camera.data, "lens", {1: 90.0})


@pytest.mark.parametrize("act", [move, zoom])
@pytest.mark.parametrize("kind", [plain, slow])
def test_a_camera_that_is_changed_meanwhile_is_refused(
    act: Callable[[bpy.types.Object], None], kind: Callable[..., None]
) -> None:
    scene, camera = shot(1, 60)
    kind(scene, camera)
    with pytest.raises(CameraError, match="E_CAMERA_CHANGED"):
        in_helpings(scene_read.Reading(scene), once(lambda: act(camera)), 4)


def test_whatever_else_an_artist_does_is_no_matter(tmp_path: Path) -> None:
    scene, camera = shot(1, 60)
    whole = scene_read.camera_path(scene)

    def work() -> None:
        add("Something").location.x = 3
        camera.name, scene.name = "Renamed", "Elsewhere"
        scene.frame_set(33)
        scene.render.resolution_x = 100
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))

    path = in_helpings(scene_read.Reading(scene), once(work))
    assert path == whole, "what was asked for is what the scene was then"
    assert scene.frame_current == 33 and camera.name == "Renamed"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert [found.name for found in bpy.data.scenes] == ["Elsewhere"]


def test_a_reading_that_is_dropped_leaves_nothing() -> None:
    scene, camera = shot(1, 60)
    slow(scene, camera)
    scene.frame_set(10)
    before = state(scene)
    reading = scene_read.Reading(scene)
    reading.look(Counted())
    del reading
    assert state(scene) == before


def test_a_rig_that_listens_to_the_clock_is_put_back_each_time() -> None:
    scene, _ = shot(1, 60)
    prop = add("Prop")

    def follow_clock(now: Scene, graph: object = None) -> None:
        prop.location.x = now.frame_current * 0.1

    bpy.app.handlers.frame_change_pre.append(follow_clock)
    try:
        scene.frame_set(5)
        before = state(scene)
        in_helpings(scene_read.Reading(scene), lambda: state(scene) == before or pytest.fail("the prop has moved"))
    finally:
        bpy.app.handlers.frame_change_pre.remove(follow_clock)
