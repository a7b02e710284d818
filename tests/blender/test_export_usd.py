"""The USD camera as Blender imports it: its own projection shows points where camera.json does."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import pytest
from mathutils import Vector

from platewright.camera import CameraPath
from platewright.exports import usd

FRAMES = range(1001, 1013)
WIDTH, HEIGHT = 1920, 1080
LIMIT_PX = 0.05                                    # Blender keeps cameras in 32-bit floats
ZOOMS_PX = [0.0, 20.0] if bpy.app.version >= (4, 4) else [0.0]     # 4.2 imports the first frame's focal length alone


def wandering(zoom_px: float = 0.0) -> CameraPath:
    """A pan past a half turn with a roll and a shift to both sides; the focal length grows by so much a frame."""
    poses: list[tuple[float, ...]] = []
    for frame in FRAMES:
        share = (frame - FRAMES[0]) / len(FRAMES)
        pan, roll = 5 * share, 0.4 * share
        forward = Vector((math.cos(pan), math.sin(pan), -0.2)).normalized()
        right = forward.cross(Vector((0, 0, 1))).normalized()
        down = forward.cross(right)
        right, down = right * math.cos(roll) + down * math.sin(roll), down * math.cos(roll) - right * math.sin(roll)
        place = (3 - 4 * share, 2 + 9 * share, 1.7)
        poses.append((*(x for row in range(3) for x in (right[row], down[row], forward[row], place[row])), 0, 0, 0, 1))
    return CameraPath(
        camera="Cam",
        cameras=("Cam",) * len(FRAMES),
        fps=25.0,
        width=WIDTH,
        height=HEIGHT,
        frames=tuple(FRAMES),
        camera_to_world=tuple(poses),
        intrinsics=tuple((1700.0 + zoom_px * i, 1700.0 + zoom_px * i, 1010.0, 500.0) for i in range(len(FRAMES))),
    )


def shown_px(scene: bpy.types.Scene, camera: bpy.types.Object, point: Vector) -> tuple[float, float]:
    graph = bpy.context.evaluated_depsgraph_get()
    seen = camera.evaluated_get(graph)
    flat = seen.calc_matrix_camera(graph, x=WIDTH, y=HEIGHT) @ seen.matrix_world.inverted() @ point.to_4d()
    return (1 + flat.x / flat.w) / 2 * WIDTH, (1 - flat.y / flat.w) / 2 * HEIGHT


@pytest.mark.parametrize("zoom_px", ZOOMS_PX)
def test_blender_imports_the_camera(tmp_path: Path, zoom_px: float) -> None:
    path = wandering(zoom_px)
    (tmp_path / "camera.usda").write_text(usd.text(path, "sh010"), encoding="ascii")
    scene = bpy.context.scene
    scene.render.fps = 25
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "camera.usda"))
    (camera,) = [each for each in bpy.data.objects if each.type == "CAMERA"]
    assert (scene.frame_start, scene.frame_end) == (FRAMES[0], FRAMES[-1])
    worst = 0.0
    for index, frame in enumerate(FRAMES):
        scene.frame_set(frame)
        pose = path.camera_to_world[index]
        for across, down, ahead in [(0.0, 0.0, 5.0), (2.0, -1.0, 9.0), (-1.5, 1.2, 4.0)]:
            point = [pose[4 * row] * across + pose[4 * row + 1] * down + pose[4 * row + 2] * ahead + pose[4 * row + 3]
                     for row in range(3)]  # fmt: skip
            known = path.project(point, index)
            assert known is not None
            worst = max(worst, math.dist(known, shown_px(scene, camera, Vector(point))))
    assert worst < LIMIT_PX


@pytest.mark.parametrize("fault", ["verticalApertureOffset", "focalLength"])
def test_a_wrong_lens_would_show(tmp_path: Path, fault: str) -> None:
    text = usd.text(wandering(), "sh010")
    (tmp_path / "camera.usda").write_text(text.replace(f"float {fault}", "float custom"), encoding="ascii")
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "camera.usda"))
    (camera,) = [each for each in bpy.data.objects if each.type == "CAMERA"]
    bpy.context.scene.frame_set(FRAMES[0])
    pose = wandering().camera_to_world[0]
    point = Vector([pose[4 * row + 2] * 5 + pose[4 * row + 3] + 0.5 * pose[4 * row] for row in range(3)])
    known = wandering().project(list(point), 0)
    assert known is not None
    assert math.dist(known, shown_px(bpy.context.scene, camera, point)) > 1
