"""Whatever moves a camera, the path is where Blender draws the scene: judged on every frame, in pixels at 1920 wide."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from mathutils import Vector

from blender_addon import camera_views, scene_read
from tests.blender import scenes
from tests.blender.scenes import LIMIT_PX, add, drive, keys, shot, tetrahedron, variable, worst_px

Camera = bpy.types.Object


def constrain(camera: Camera, kind: str, **settings: object) -> bpy.types.Constraint:
    made = camera.constraints.new(kind)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def tracks_a_target(camera: Camera) -> None:
    target = add("Target")
    keys(target, "location", {1: (-3, 2, 0), 24: (4, 1, 2)})
    constrain(camera, "TRACK_TO", target=target, track_axis="TRACK_NEGATIVE_Z", up_axis="UP_Y")


def follows_a_path(camera: Camera) -> None:
    curve = bpy.data.curves.new("Rail", "CURVE")
    curve.dimensions = "3D"
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(2)
    for point, place in zip(spline.bezier_points, ((0, 0, 1), (3, 4, 2), (8, 4, 1)), strict=True):
        point.co, point.handle_left_type, point.handle_right_type = place, "AUTO", "AUTO"
    rail = add("Rail", curve)
    curve.use_path = True
    keys(curve, "eval_time", {1: 0.0, 24: 80.0})
    constrain(camera, "FOLLOW_PATH", target=rail, use_curve_follow=True)


def child_of(camera: Camera) -> None:
    crane = add("Crane")
    keys(crane, "rotation_euler", {1: (0, 0, 0), 24: (0.2, 0.1, 1.5)})
    constrain(camera, "CHILD_OF", target=crane)


def parented_and_scaled(camera: Camera) -> None:
    root, arm = add("Root"), add("Arm")
    root.scale = (100, 100, 100)
    arm.parent, camera.parent = root, arm
    keys(arm, "scale", {1: (0.01, 0.01, 0.01), 24: (0.02, 0.02, 0.02)})
    keys(arm, "rotation_euler", {1: (0, 0, 0), 24: (0, 0, 1)})


def hangs_on_a_bone(camera: Camera) -> None:
    rig = add("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("Bone")
    bone.head, bone.tail = (0, 0, 0), (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    pose = rig.pose.bones["Bone"]
    pose.rotation_mode = "XYZ"
    drive(pose, "rotation_euler", "sin(frame / 9) * 0.4", 0)
    camera.parent, camera.parent_type, camera.parent_bone = rig, "BONE", "Bone"


def hangs_on_waving_vertices(camera: Camera) -> None:
    cloth = tetrahedron("Cloth")
    wave = cloth.modifiers.new("Wave", "WAVE")
    wave.height, wave.width, wave.speed = 0.7, 1.0, 0.2
    camera.parent, camera.parent_type, camera.parent_vertices = cloth, "VERTEX_3", (0, 1, 2)


def hangs_on_a_simplified_surface(camera: Camera) -> None:
    body = tetrahedron("Body")
    body.modifiers.new("Smooth", "SUBSURF").levels = 3
    camera.parent, camera.parent_type, camera.parent_vertices = body, "VERTEX", (3, 0, 0)
    bpy.context.scene.render.use_simplify, bpy.context.scene.render.simplify_subdivision = True, 0


def driven_by_the_frame(camera: Camera) -> None:
    drive(camera, "delta_location", "frame * 0.1", 0)
    drive(camera.data, "lens", "30 + frame")


def driven_by_an_object(camera: Camera) -> None:
    dial = add("Dial")
    dial["zoom"] = 20.0
    keys(dial, "location", {1: (20, 0, 0), 24: (70, 0, 0)})
    driver = drive(camera.data, "lens", "x + zoom * 0.1")
    variable(driver, "x", "OBJECT", dial, "location.x")
    variable(driver, "zoom", "OBJECT", dial, '["zoom"]')


def lens_and_shift_move(camera: Camera) -> None:
    keys(camera.data, "shift_x", {1: -0.3, 24: 0.2})
    keys(camera.data, "shift_y", {1: 0.1, 24: -0.4})
    keys(camera.data, "sensor_width", {1: 24.0, 24: 36.0})


def fit_and_sensor_change(camera: Camera) -> None:
    keys(camera.data, "sensor_fit", {1: "AUTO", 12: "VERTICAL", 18: "HORIZONTAL"})
    keys(camera.data, "sensor_height", {1: 18.0, 24: 30.0})


def is_hidden(camera: Camera) -> None:
    camera.hide_viewport = True
    camera.hide_set(True)


def has_a_strip_of_action(camera: Camera) -> None:
    animation = camera.animation_data
    strip = animation.nla_tracks.new().strips.new("Move", 5, animation.action)
    strip.scale = 0.5
    animation.action = None


MOVERS: list[Callable[[Camera], None]] = [
    tracks_a_target, follows_a_path, child_of, parented_and_scaled, hangs_on_a_bone, hangs_on_waving_vertices,
    driven_by_the_frame, driven_by_an_object, lens_and_shift_move, fit_and_sensor_change, is_hidden,
    has_a_strip_of_action, hangs_on_a_simplified_surface,
]  # fmt: skip


@pytest.mark.parametrize("mover", MOVERS)
def test_whatever_moves_it(mover: Callable[[Camera], None]) -> None:
    scene, camera = shot()
    mover(camera)
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert path.warnings == ()
    assert len(set(path.camera_to_world)) + len(set(path.intrinsics)) > 4


def test_a_path_one_frame_late_would_be_seen() -> None:
    scene, _ = shot()
    late = scene_read.camera_path(scene, frames=(2, 24))
    object.__setattr__(late, "frames", tuple(range(1, 24)))
    assert worst_px(late, scene) > 1


# What a scene of its own cannot know --------------------------------------------------------------------


def reads_the_clock(scene: bpy.types.Scene, camera: Camera) -> None:
    driver = drive(camera, "location", "now * 0.2", 1)
    variable(driver, "now", "SCENE", scene, "frame_current")


def reads_the_clock_on_one_frame_only(scene: bpy.types.Scene, camera: Camera) -> None:
    driver = drive(camera, "location", "5.0 if now == 7 else 1.0", 1)
    variable(driver, "now", "SCENE", scene, "frame_current")


def reads_the_active_scene(scene: bpy.types.Scene, camera: Camera) -> None:
    scene["height"] = 3.5
    driver = drive(camera, "location", "height", 2)
    asked = driver.variables.new()
    asked.name, asked.type = "height", "CONTEXT_PROP"
    asked.targets[0].context_property, asked.targets[0].data_path = "ACTIVE_SCENE", '["height"]'


def a_parent_reads_the_clock(scene: bpy.types.Scene, camera: Camera) -> None:
    camera.parent = add("Parent")
    variable(drive(camera.parent, "rotation_euler", "now * 0.05", 2), "now", "SCENE", scene, "frame_current")


CLOCKS = [reads_the_clock, reads_the_clock_on_one_frame_only, reads_the_active_scene, a_parent_reads_the_clock]


@pytest.mark.parametrize("clock", CLOCKS)
def test_drivers_on_the_scene_take_the_slow_path(clock: Callable[[bpy.types.Scene, Camera], None]) -> None:
    scene, camera = shot()
    clock(scene, camera)
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert [warning.split(":")[0] for warning in path.warnings][:1] == ["W_SLOW_PATH"]


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_fast_path_alone_would_be_wrong(
    clock: Callable[[bpy.types.Scene, Camera], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, camera = shot()
    clock(scene, camera)
    monkeypatch.setattr(camera_views.camera_chain, "slow_reason", lambda links, hangs_on_scene: "")
    monkeypatch.setattr(camera_views, "agree", lambda a, b: True)
    assert worst_px(scene_read.camera_path(scene), scene) > 1


def test_three_frames_catch_what_the_chain_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, camera = shot()
    reads_the_clock(scene, camera)
    monkeypatch.setattr(camera_views.camera_chain, "slow_reason", lambda links, hangs_on_scene: "")
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert "at frame 13 the whole scene puts it elsewhere" in path.warnings[0]


def test_the_slow_path_tells_how_far_it_is() -> None:
    scene, camera = shot()
    reads_the_clock(scene, camera)
    heard: list[tuple[int, int]] = []
    scene_read.camera_path(scene, on_frame=lambda done, total: heard.append((done, total)))
    assert heard == [(done, 24) for done in range(1, 25)]


# Files that come with a camera ----------------------------------------------------------------------------


def saved_library(folder: Path) -> Path:
    shot()
    file = folder / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return file


@pytest.mark.parametrize("is_overridden", [False, True])
def test_a_linked_camera(tmp_path: Path, is_overridden: bool) -> None:
    library = saved_library(tmp_path)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Camera"]
    scene = bpy.context.scene
    camera = wanted.objects[0]
    if is_overridden:
        camera = camera.override_create(remap_local_usages=True)
        camera.location.z += 1
        constrain(camera, "LIMIT_ROTATION", use_limit_z=True, max_z=0.2)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.frame_end = 24
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert path.warnings == ()
    assert len(set(path.camera_to_world)) == 24


def moved_by_alembic(folder: Path) -> None:
    file = str(folder / "camera.abc")
    bpy.ops.wm.alembic_export(filepath=file, start=1, end=24, as_background_job=False)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.alembic_import(filepath=file, as_background_job=False)


def moved_by_usd(folder: Path) -> None:
    file = str(folder / "camera.usdc")
    bpy.ops.wm.usd_export(filepath=file, export_animation=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.usd_import(filepath=file)


@pytest.mark.parametrize("cache", [moved_by_alembic, moved_by_usd])
def test_a_transform_cache(tmp_path: Path, cache: Callable[[Path], None]) -> None:
    original, _ = shot()
    wanted = scene_read.camera_path(original).camera_to_world
    cache(tmp_path)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 24
    scene.camera = next(found for found in scene.objects if found.type == "CAMERA")
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert len(set(path.camera_to_world)) == 24
    moved = [math.dist(a[3:12:4], b[3:12:4]) for a, b in zip(path.camera_to_world, wanted, strict=True)]
    assert max(moved) < 1e-4


def test_a_point_is_where_the_path_says() -> None:
    scene, camera = shot()
    path = scene_read.camera_path(scene)
    seen = scenes.evaluated(scene, camera, 12)
    point = Vector((0.3, 1.0, 1.0))
    assert path.project(point, 11) == pytest.approx(scenes.view_pixel(scene, seen, point), abs=0.01)
