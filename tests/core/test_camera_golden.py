"""Our projection against Blender's own numbers, and against every classic mistake, which the numbers must catch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright.camera import CameraPath, from_blender

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_camera.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
ORACLES = ("calc_matrix_camera", "world_to_camera_view")
LIMIT_PX = 0.02                                    # at 1920 wide

Mistake = Callable[[dict[str, Any], CameraPath], CameraPath]


def inputs(case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    known = {key: value for key, value in case.items() if key not in {"matrix_world", "points", *ORACLES}}
    return {**known, **changes}


def path_of(case: dict[str, Any], matrix: list[list[float]] | None = None, **changes: Any) -> CameraPath:
    given = inputs(case, **changes)
    pose, lens = from_blender(matrix or case["matrix_world"], **given)
    return CameraPath(
        camera="Camera", cameras=("Camera",), fps=24.0, width=given["width"], height=given["height"], frames=(1,),
        camera_to_world=(pose,), intrinsics=(lens,),
    )  # fmt: skip


def worst_px(case: dict[str, Any], path: CameraPath, oracle: str) -> float:
    """The largest distance to Blender's pixels at 1920 wide; a point lost behind the camera counts a whole width."""
    worst = 0.0
    for point, blender in zip(case["points"], case[oracle] or [], strict=False):
        mine = path.project([x * case["scale_length"] for x in point], 0)
        worst = max(worst, math.dist(mine, blender) if mine else case["width"])
    return worst * 1920 / case["width"]


@pytest.mark.parametrize("oracle", ORACLES)
def test_every_camera_is_blenders(oracle: str) -> None:
    assert max(worst_px(case, path_of(case), oracle) for case in CASES) < LIMIT_PX


def test_the_cases_are_many_and_different() -> None:
    assert len(CASES) >= 60
    assert {case["sensor_fit"] for case in CASES} == {"AUTO", "HORIZONTAL", "VERTICAL"}
    assert any(case["height"] > case["width"] and case["sensor_fit"] == "AUTO" for case in CASES)
    assert any(case["pixel_aspect_x"] != case["pixel_aspect_y"] for case in CASES)
    assert sum(case["world_to_camera_view"] is not None for case in CASES) >= 20


def test_the_rotation_is_orthonormal_in_doubles() -> None:
    for case in CASES:
        pose = path_of(case).camera_to_world[0]
        axes = [pose[axis:12:4] for axis in range(3)]
        products = [math.fsum(x * y for x, y in zip(a, b, strict=True)) for a in axes for b in axes]
        assert products == pytest.approx([1, 0, 0, 0, 1, 0, 0, 0, 1], abs=1e-15)


# The classic mistakes ---------------------------------------------------------------------------------


def flip_on_the_left(case: dict[str, Any], path: CameraPath) -> CameraPath:
    m = case["matrix_world"]
    lengths = [math.hypot(*(m[row][axis] for row in range(3))) for axis in range(3)]
    flipped = [[(1, -1, -1)[row] * m[row][axis] / lengths[axis] for axis in range(3)] for row in range(3)]
    pose = path.camera_to_world[0]
    rows = [(*flipped[row], pose[4 * row + 3]) for row in range(3)]
    return replace(path, camera_to_world=((*rows[0], *rows[1], *rows[2], 0.0, 0.0, 0.0, 1.0),))


def no_flip(case: dict[str, Any], path: CameraPath) -> CameraPath:
    p = path.camera_to_world[0]
    return replace(path, camera_to_world=(tuple(-x if i < 12 and i % 4 in (1, 2) else x for i, x in enumerate(p)),))


def inverted(case: dict[str, Any], path: CameraPath) -> CameraPath:
    p = path.camera_to_world[0]
    rows = [(p[axis], p[4 + axis], p[8 + axis]) for axis in range(3)]
    place = [-math.fsum(row[i] * p[4 * i + 3] for i in range(3)) for row in rows]
    pose = (*rows[0], place[0], *rows[1], place[1], *rows[2], place[2], 0.0, 0.0, 0.0, 1.0)
    return replace(path, camera_to_world=(pose,))


def scale_left_in(case: dict[str, Any], path: CameraPath) -> CameraPath:
    size = math.hypot(*(case["matrix_world"][row][0] for row in range(3)))
    p = path.camera_to_world[0]
    scaled = tuple(x * size if i < 12 and i % 4 == 2 else x for i, x in enumerate(p))
    return replace(path, camera_to_world=(scaled,))


def scale_on_the_place(case: dict[str, Any], path: CameraPath) -> CameraPath:
    """A parent's scale, which the world matrix has already put into the camera's place, applied to it once more."""
    size = math.hypot(*(case["matrix_world"][row][0] for row in range(3)))
    p = path.camera_to_world[0]
    return replace(path, camera_to_world=(tuple(x * size if i < 12 and i % 4 == 3 else x for i, x in enumerate(p)),))


def sensor_height_for_auto_portrait(case: dict[str, Any], path: CameraPath) -> CameraPath:
    is_portrait = case["pixel_aspect_x"] * case["width"] < case["pixel_aspect_y"] * case["height"]
    if case["sensor_fit"] != "AUTO" or not is_portrait:
        return path
    return path_of(case, sensor_width_mm=case["sensor_height_mm"])


def shift_with_the_wrong_sign(case: dict[str, Any], path: CameraPath) -> CameraPath:
    return path_of(case, shift_x=-case["shift_x"], shift_y=-case["shift_y"])


def shift_of_its_own_side(case: dict[str, Any], path: CameraPath) -> CameraPath:
    fx, fy, _, _ = path.intrinsics[0]
    cx = path.width * (0.5 - case["shift_x"])
    cy = path.height * (0.5 + case["shift_y"])
    return replace(path, intrinsics=((fx, fy, cx, cy),))


def pixel_aspect_ignored(case: dict[str, Any], path: CameraPath) -> CameraPath:
    return path_of(case, pixel_aspect_x=1.0, pixel_aspect_y=1.0)


def fit_ignored(case: dict[str, Any], path: CameraPath) -> CameraPath:
    return path_of(case, sensor_fit="HORIZONTAL")


def units_ignored(case: dict[str, Any], path: CameraPath) -> CameraPath:
    return path_of(case, scale_length=1.0)


def pixel_centres_at_integers(case: dict[str, Any], path: CameraPath) -> CameraPath:
    fx, fy, cx, cy = path.intrinsics[0]
    return replace(path, intrinsics=((fx, fy, cx - 0.5, cy - 0.5),))


def size_not_truncated(case: dict[str, Any], path: CameraPath) -> CameraPath:
    return path_of(case, width=case["width"] + 1)


MISTAKES: list[Mistake] = [
    flip_on_the_left, no_flip, inverted, scale_left_in, scale_on_the_place, sensor_height_for_auto_portrait,
    shift_with_the_wrong_sign, shift_of_its_own_side, pixel_aspect_ignored, fit_ignored, units_ignored,
    pixel_centres_at_integers, size_not_truncated,
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("oracle", ORACLES)
def test_a_mistake_is_caught(mistake: Mistake, oracle: str) -> None:
    wrong = max(worst_px(case, mistake(case, path_of(case)), oracle) for case in CASES if case[oracle])
    assert wrong > 10 * LIMIT_PX
