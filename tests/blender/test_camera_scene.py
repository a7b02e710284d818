"""Which camera, which frames, which clock, which units; and the user's scene as it was."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_addon import camera_views, scene_read
from platewright.errors import RequestError
from tests.blender.scenes import LIMIT_PX, add_camera, bind, drive, keys, shot, variable, worst_px


def state(scene: bpy.types.Scene) -> tuple[object, ...]:
    bindings = [(marker.name, marker.frame, marker.camera) for marker in scene.timeline_markers]
    return (scene.frame_current, scene.frame_subframe, scene.camera, bindings, list(bpy.data.scenes), bpy.context.scene)


def codes(path: scene_read.CameraPath) -> list[str]:
    return [warning.split(":")[0] for warning in path.warnings]


# Markers ------------------------------------------------------------------------------------------------


def cut_scene() -> tuple[bpy.types.Scene, list[bpy.types.Object]]:
    scene, first = shot()
    second, third = add_camera("Second", (4, -6, 3)), add_camera("Third", (-4, -6, 3))
    keys(second, "location", {1: (4, -6, 3), 24: (2, -6, 3)})
    return scene, [first, second, third]


def test_markers_choose_the_camera_that_blender_renders_with() -> None:
    scene, (first, second, third) = cut_scene()
    third.hide_render = True
    bind(scene, [(15, first), (5, second), (20, third), (8, None), (15, second)])
    path = scene_read.camera_path(scene)
    blender = []
    for frame in path.frames:
        scene.frame_set(frame)
        blender.append(scene.camera.name)
    assert list(path.cameras) == blender == ["Second"] * 14 + ["Camera"] * 10
    assert path.cuts() == (15,)
    assert worst_px(path, scene) < LIMIT_PX
    with pytest.raises(RequestError):
        path.refuse_cuts()


@pytest.mark.parametrize(("old", "new"), [(100, 300), (100, 50), (7, 9)])
def test_markers_follow_the_remapped_clock(old: int, new: int) -> None:
    scene, (first, second, _) = cut_scene()
    bind(scene, [(3, first), (9, second), (14, first)])
    scene.render.frame_map_old, scene.render.frame_map_new = old, new
    path = scene_read.camera_path(scene)
    blender = []
    for frame in path.frames:
        scene.frame_set(frame)
        blender.append(scene.camera.name)
    assert list(path.cameras) == blender
    assert worst_px(path, scene) < LIMIT_PX


def test_a_named_camera_overrides_the_markers() -> None:
    scene, (first, second, third) = cut_scene()
    bind(scene, [(1, first), (10, third)])
    before = state(scene)
    path = scene_read.camera_path(scene, camera=second)
    second.hide_viewport = True
    assert scene_read.camera_path(scene, camera=second) == path
    assert set(path.cameras) == {"Second"}
    assert state(scene) == before
    assert path.warnings == ()
    second.hide_viewport = False
    assert worst_px(path, scene, camera=second) < LIMIT_PX


def test_markers_stand_in_for_a_scene_without_camera() -> None:
    scene, (_, second, _) = cut_scene()
    bind(scene, [(1, second)])
    scene.camera = None
    assert set(scene_read.camera_path(scene).cameras) == {"Second"}
    assert scene.camera is None


def test_cameras_of_one_name_are_told_apart(tmp_path: Path) -> None:
    shot()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene, camera = shot()
    with bpy.data.libraries.load(str(tmp_path / "a.blend"), link=True) as (_, wanted):
        wanted.objects = ["Camera"]
    scene.collection.objects.link(wanted.objects[0])
    bind(scene, [(1, camera), (12, wanted.objects[0])])
    path = scene_read.camera_path(scene)
    assert path.cuts() == (12,)
    assert "a.blend" in path.cameras[-1]


# The user's scene -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_the_scene_is_left_as_it_was(is_slow: bool, fails: bool) -> None:
    scene, (first, second, _) = cut_scene()
    bind(scene, [(1, first), (12, second)])
    if is_slow:
        variable(drive(first, "scale", "1 + now * 0", 0), "now", "SCENE", scene, "frame_current")
    scene.frame_set(10, subframe=0.5)
    if fails:
        second.data.type = "ORTHO"
    before = state(scene)
    place = first.matrix_world.copy()
    try:
        path = scene_read.camera_path(scene)
        assert not fails
        assert (codes(path)[:1] == ["W_SLOW_PATH"]) == is_slow
    except RequestError:
        assert fails
    assert state(scene) == before
    assert first.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world == place


def test_a_cancel_in_the_middle_leaves_nothing_behind() -> None:
    scene, camera = shot()
    variable(drive(camera, "scale", "1 + now * 0", 0), "now", "SCENE", scene, "frame_current")
    scene.frame_set(7)
    before = state(scene)

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene_read.camera_path(scene, on_frame=stop)
    assert state(scene) == before


def test_changes_without_a_keyframe_survive() -> None:
    scene, camera = shot()
    scene.frame_set(5)
    camera.location.x, camera.data.lens = 42.0, 77.0
    path = scene_read.camera_path(scene)
    assert (camera.location.x, camera.data.lens) == (42.0, 77.0)
    assert max(pose[3] for pose in path.camera_to_world) < 4


def test_an_exploding_probe_leaves_no_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, _ = shot()
    before = state(scene)
    monkeypatch.setattr(camera_views.camera_chain, "chain", lambda probe: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scene_read.camera_path(scene)
    assert state(scene) == before


# Frames and clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "last"), [(0, 5), (1001, 1048), (7, 7), (1_048_570, 1_048_574)])
def test_ranges(first: int, last: int) -> None:
    scene, _ = shot()
    scene.frame_end, scene.frame_start = last, first
    path = scene_read.camera_path(scene)
    assert path.frames == tuple(range(first, last + 1))
    assert worst_px(path, scene) < LIMIT_PX
    assert scene_read.camera_path(scene, frames=(first, last)) == path


def test_ten_thousand_frames() -> None:
    scene, _ = shot(1, 10_000)
    path = scene_read.camera_path(scene)
    assert len(path) == 10_000
    assert path.warnings == ()


def test_time_is_remapped() -> None:
    scene, _ = shot()
    plain = scene_read.camera_path(scene)
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 200
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert path.camera_to_world[23] == pytest.approx(plain.camera_to_world[11], abs=1e-5)


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [(24, 1.001, (24000, 1001)), (30, 1.001, (30000, 1001)), (1, 1, (1, 1)), (240, 1, (240, 1))],
)
def test_the_rate_is_exact(fps: int, base: float, rate: tuple[int, int]) -> None:
    scene, _ = shot()
    scene.render.fps, scene.render.fps_base = fps, base
    path = scene_read.camera_path(scene)
    assert (path.rate.numerator, path.rate.denominator) == rate
    assert path.fps == fps / base


# Size and units -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "percent", "size"),
    [(1919, 1081, 50, (959, 540)), (4, 4, 100, (4, 4)), (333, 777, 33, (109, 256))],
)
def test_sizes_are_truncated_as_blender_does(x: int, y: int, percent: int, size: tuple[int, int]) -> None:
    scene, _ = shot()
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = x, y, percent
    path = scene_read.camera_path(scene)
    assert (path.width, path.height) == size
    assert worst_px(path, scene) < LIMIT_PX


@pytest.mark.parametrize(
    ("system", "scale", "metres"),
    [("METRIC", 0.01, 0.01), ("IMPERIAL", 0.3048, 0.3048), ("NONE", 0.01, 1.0)],
)
def test_units(system: str, scale: float, metres: float) -> None:
    scene, _ = shot()
    scene.unit_settings.system, scene.unit_settings.scale_length = system, scale
    path = scene_read.camera_path(scene)
    assert path.camera_to_world[0][3:12:4] == pytest.approx([x * metres for x in (-2.0, -8.0, 1.6)])
    assert worst_px(path, scene, metres_per_unit=metres) < LIMIT_PX


# Other scenes -----------------------------------------------------------------------------------------------


def test_a_camera_of_another_scene() -> None:
    scene, camera = shot()
    other = bpy.data.scenes.new("Other")
    other.camera, other.frame_start, other.frame_end = camera, 3, 9
    other.render.resolution_x = 640
    before = state(scene)
    path = scene_read.camera_path(other)
    assert (path.scene, path.width, path.frames) == ("Other", 640, tuple(range(3, 10)))
    assert worst_px(path, other) < LIMIT_PX
    assert state(scene) == before


def test_a_camera_outside_the_view_layer() -> None:
    scene, camera = shot()
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    hidden.objects.link(camera)
    scene.collection.objects.unlink(camera)
    bpy.context.view_layer.layer_collection.children["Hidden"].exclude = True
    path = scene_read.camera_path(scene)
    assert len(set(path.camera_to_world)) == 24
    assert worst_px(path, scene) < LIMIT_PX


# What a plate cannot honour -----------------------------------------------------------------------------------


def test_what_is_ignored_is_said() -> None:
    scene, camera = shot()
    plain = scene_read.camera_path(scene)
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_max_x = 0.5
    scene.render.use_motion_blur = camera.data.dof.use_dof = True
    camera.data.clip_start, camera.data.clip_end = 100, 1
    path = scene_read.camera_path(scene)
    assert codes(path) == ["W_RENDER_BORDER", "W_MOTION_BLUR", "W_DEPTH_OF_FIELD", "W_CLIP_RANGE"]
    assert (path.camera_to_world, path.intrinsics) == (plain.camera_to_world, plain.intrinsics)
    assert all(": " in warning for warning in path.warnings)


def test_the_shutter_goes_along_where_motion_is_blurred() -> None:
    scene, _ = shot()
    scene.render.motion_blur_shutter = 0.35
    assert scene_read.camera_path(scene).shutter is None
    scene.render.use_motion_blur = True
    assert scene_read.camera_path(scene).shutter == 0.35


def test_a_static_camera_and_a_leap() -> None:
    scene, camera = shot()
    camera.animation_data_clear()
    camera.data.animation_data_clear()
    path = scene_read.camera_path(scene)
    assert codes(path) == ["W_NO_MOTION"]
    assert len(set(path.camera_to_world)) == 1
    drive(camera, "location", "9 if frame > 12 else 0", 0)
    assert codes(scene_read.camera_path(scene)) == ["W_CAMERA_JUMP"]
