"""A retimed path is the scene's own at that rate: Blender's Time Stretching says which frame is which, and where."""

from __future__ import annotations

import math
from dataclasses import replace

import bpy
import pytest

from blender_addon import scene_read
from platewright.camera import CameraPath
from platewright.retiming import retimed
from tests.blender.scenes import shot

DEPTHS = (2.0, 10.0)


def stretched(scene: bpy.types.Scene, path: CameraPath) -> CameraPath:
    """What Blender itself shows of the scene at the path's rate and in its frames."""
    scene.render.frame_map_old, scene.render.frame_map_new = scene.render.fps, round(path.fps)
    scene.render.fps = round(path.fps)
    scene.frame_start, scene.frame_end = path.frames[0], path.frames[-1]
    return scene_read.camera_path(scene)


def off_px(one: CameraPath, other: CameraPath) -> float:
    """The farthest that points before the one camera move in the other's picture, pixels."""
    worst = 0.0
    for index in range(len(one)):
        pose, (fx, fy, cx, cy) = one.camera_to_world[index], one.intrinsics[index]
        for z in DEPTHS:
            x, y = (100 - cx) * z / fx, (200 - cy) * z / fy
            point = tuple(sum(pose[4 * row + n] * v for n, v in enumerate((x, y, z, 1.0))) for row in range(3))
            there = other.project(point, index)
            assert there
            worst = max(worst, math.dist((100, 200), there))
    return worst


@pytest.mark.parametrize(("fps", "first"), [(16, 1001), (30, 1), (12, 87)])
def test_it_lines_up_frame_for_frame_with_a_stretched_scene(fps: int, first: int) -> None:
    scene, _ = shot(first, first + 47)
    made = retimed(scene_read.camera_path(scene), fps)
    own = stretched(scene, made)
    assert (own.frames, own.rate) == (made.frames, made.rate)
    assert off_px(own, made) < 0.05
    late = replace(made, camera_to_world=made.camera_to_world[1:] + made.camera_to_world[-1:])
    assert off_px(own, late) > 5, "the guilty: one frame late"
