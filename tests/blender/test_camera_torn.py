"""A camera keyed on two axes and driven on the third, which Blender itself now and then draws wrong."""

from __future__ import annotations

import bpy
import pytest

from blender_addon import camera_chain, camera_views, scene_read
from tests.blender.scenes import add, add_camera, bind, drive, keys, shot, variable

FRAMES = 60
ROUNDS = 12                                        # in each of them Blender 5.0 to 5.2 misdraws a frame or two


@pytest.fixture
def torn() -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Its x and z are keyed, its y is driven by the clock, and others move beside it."""
    scene, camera = shot(1, FRAMES)
    second = add_camera("Second", (4, -6, 3))
    keys(second, "location", {1: (4, -6, 3), FRAMES: (2, -6, 3)})
    variable(drive(camera, "location", "now * 0.2", 1), "now", "SCENE", scene, "frame_current")
    return scene, camera


def curves(owner: bpy.types.Object) -> dict[int, bpy.types.FCurve]:
    """Those of its location, by axis."""
    action = owner.animation_data.action
    every = action.fcurves if hasattr(action, "fcurves") else action.layers[0].strips[0].channelbags[0].fcurves
    return {curve.array_index: curve for curve in every if curve.data_path == "location"}


def where(owner: bpy.types.Object, frame: int) -> tuple[float, float, float]:
    """By its keys and its driver."""
    found = curves(owner)
    return found[0].evaluate(frame), frame * 0.2, found[2].evaluate(frame)


def test_every_frame_is_where_keys_and_driver_put_it(torn: tuple[bpy.types.Scene, bpy.types.Object]) -> None:
    scene, camera = torn
    for _ in range(ROUNDS):
        path = scene_read.camera_path(scene)
        for frame, pose in zip(path.frames, path.camera_to_world, strict=True):
            assert (pose[3], pose[7], pose[11]) == pytest.approx(where(camera, frame), abs=1e-5)


def test_the_artist_hears_that_the_render_may_differ(torn: tuple[bpy.types.Scene, bpy.types.Object]) -> None:
    scene, _ = torn
    told = [warning for warning in scene_read.camera_path(scene).warnings if warning.startswith("W_DRIVER_TORN")]
    assert len(told) == (bpy.app.version >= camera_chain.TORN_SINCE)
    assert all("'Camera'" in warning for warning in told)


def test_a_parent_is_torn_as_well(torn: tuple[bpy.types.Scene, bpy.types.Object]) -> None:
    scene, camera = torn
    other = bpy.data.objects["Second"]
    other.parent = camera
    bind(scene, [(1, other)])
    path = scene_read.camera_path(scene)
    assert any(warning.startswith("W_DRIVER_TORN") for warning in path.warnings) == (
        bpy.app.version >= camera_chain.TORN_SINCE
    )


@pytest.mark.parametrize("channel", ["scale", "rotation_euler"])
def test_keys_on_one_property_and_a_driver_on_another_are_no_matter(channel: str) -> None:
    scene, camera = bpy.context.scene, add_camera()
    keys(camera, "location", {1: (0, 0, 0), 4: (1, 2, 3)})
    drive(camera, channel, "1.0", 1)
    assert camera_chain.torn([camera]) == []
    assert not any(warning.startswith("W_DRIVER_TORN") for warning in scene_read.camera_path(scene).warnings)


def test_strips_of_the_nla_count_as_keys() -> None:
    bare = add("Bare")
    keys(bare, "location", {1: (0, 0, 0), 4: (1, 2, 3)})
    drive(bare, "location", "1.0", 1)
    action = bare.animation_data.action
    bare.animation_data.action = None
    assert camera_chain.torn([bare]) == []
    strip = bare.animation_data.nla_tracks.new().strips.new("Strip", 1, action)
    assert camera_chain.torn([bare]) == [bare]
    if hasattr(strip, "action_slot"):
        strip.action_slot = None                       # it plays nothing of that action
        assert camera_chain.torn([bare]) == []


def test_it_is_looked_at_until_it_is_the_same_twice(torn: tuple[bpy.types.Scene, bpy.types.Object]) -> None:
    scene, camera = torn
    seen = iter([1, 2, 3, 3, 4])
    assert camera_views.settled(scene, [camera], lambda: next(seen)) == 3
    assert camera_views.settled(scene, [], lambda: next(seen)) == 4             # nothing is torn: one look


def test_what_a_script_moved_is_not_moved_back(torn: tuple[bpy.types.Scene, bpy.types.Object]) -> None:
    scene, camera = torn

    def moves(scene: bpy.types.Scene, graph: object = None) -> None:
        del graph
        camera.location.x = scene.frame_current * 0.5

    bpy.app.handlers.frame_change_post.append(moves)
    try:
        path = scene_read.camera_path(scene)
    finally:
        bpy.app.handlers.frame_change_post.remove(moves)
    assert [pose[3] for pose in path.camera_to_world] == pytest.approx([0.5 * frame for frame in path.frames])
