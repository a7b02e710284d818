"""The camera path: what it refuses from Blender, how it follows a crop, where it cuts, jumps or stands still."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from platewright.camera import CameraPath, cover_size, exact_rate, from_blender, motion_warnings
from platewright.errors import CameraError, RequestError
from tests.core.shots import level_pose, shot

LEVEL = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, -5.0], [0.0, 1.0, 0.0, 1.7], [0.0, 0.0, 0.0, 1.0]]    # looks along +Y
OPTICS: dict[str, Any] = {
    "lens_mm": 50.0, "sensor_width_mm": 36.0, "sensor_height_mm": 24.0, "sensor_fit": "AUTO",
    "shift_x": 0.0, "shift_y": 0.0, "width": 1920, "height": 1080,
}  # fmt: skip


def changed(row: int, column: int, value: float) -> list[list[float]]:
    matrix = [list(line) for line in LEVEL]
    matrix[row][column] = value
    return matrix


def refusal(matrix: list[list[float]] = LEVEL, **changes: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        from_blender(matrix, **{**OPTICS, **changes})
    assert caught.value.hint
    return caught.value


# From Blender -----------------------------------------------------------------------------------------


def test_a_level_camera_has_opencv_axes() -> None:
    pose, lens = from_blender(LEVEL, **OPTICS)
    assert pose == (1, 0, 0, 0, 0, 0, 1, -5, 0, -1, 0, 1.7, 0, 0, 0, 1)
    assert lens == (50 / 36 * 1920, 50 / 36 * 1920, 960, 540)


def test_uniform_scale_drops_out() -> None:
    for scale in (1e-6, 0.01, 100.0, 1e6):
        scaled = [[*(x * scale for x in row[:3]), row[3]] for row in LEVEL]
        assert from_blender(scaled, **OPTICS) == from_blender(LEVEL, **OPTICS)


def test_units_become_metres() -> None:
    pose, _ = from_blender(LEVEL, **OPTICS, scale_length=0.01)
    assert pose[3:12:4] == (0, -0.05, 0.017)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.4e38, 1.1e7])
def test_a_place_that_is_none(axis: int, value: float) -> None:
    error = refusal(changed(axis, 3, value))
    assert error.code == "E_CAMERA_NOT_FINITE"
    assert f"location {'xyz'[axis]}" in error.message


def test_a_rotation_that_is_none() -> None:
    error = refusal(changed(0, 0, math.nan))
    assert error.code == "E_CAMERA_NOT_FINITE"
    assert "x axis" in error.message


@pytest.mark.parametrize("name", ["lens_mm", "sensor_width_mm", "shift_x", "shift_y", "pixel_aspect_x", "scale_length"])
def test_optics_that_are_none(name: str) -> None:
    error = refusal(**{name: math.nan})
    assert error.code == "E_CAMERA_NOT_FINITE"
    assert name.removesuffix("_mm").replace("_", " ")[:5] in error.message or name == "scale_length"


def test_a_scale_of_zero() -> None:
    assert refusal([[x * 0.0 for x in row[:3]] + [row[3]] for row in LEVEL]).code == "E_CAMERA_SINGULAR"
    assert refusal(changed(0, 0, 0.0)).code == "E_CAMERA_SINGULAR"


def test_a_mirrored_camera() -> None:
    assert refusal(changed(0, 0, -1.0)).code == "E_CAMERA_MIRRORED"


def test_a_sheared_camera_and_the_limit() -> None:
    assert refusal(changed(0, 1, 0.3)).code == "E_CAMERA_SHEARED"
    assert refusal(changed(0, 1, 2e-5)).code == "E_CAMERA_SHEARED"
    pose, _ = from_blender(changed(0, 1, 5e-6), **OPTICS)
    assert math.fsum(pose[4 * row] * pose[4 * row + 1] for row in range(3)) == pytest.approx(0, abs=1e-16)


@pytest.mark.parametrize("lens", [0.0, -50.0, 1.0, 1e12])
def test_a_view_that_nobody_can_use(lens: float) -> None:
    assert refusal(lens_mm=lens).code == "E_CAMERA_FOV"


def test_the_widest_and_the_narrowest_view() -> None:
    for degrees in (1.0001, 169.99):
        lens = 18 / math.tan(math.radians(degrees / 2))
        _, (fx, _, _, _) = from_blender(LEVEL, **{**OPTICS, "lens_mm": lens})
        assert 2 * math.degrees(math.atan(960 / fx)) == pytest.approx(degrees)
    for degrees in (0.999, 170.01):
        assert refusal(lens_mm=18 / math.tan(math.radians(degrees / 2))).code == "E_CAMERA_FOV"


@pytest.mark.parametrize("size", [(0, 1080), (1920, 0), (16385, 1080)])
def test_a_size_that_nobody_can_make(size: tuple[int, int]) -> None:
    assert refusal(width=size[0], height=size[1]).code == "E_SIZE"


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (16384, 16384), (1919, 1079)])
def test_odd_sizes_keep_the_view(size: tuple[int, int]) -> None:
    _, (fx, fy, cx, cy) = from_blender(LEVEL, **{**OPTICS, "width": size[0], "height": size[1]})
    assert (cx, cy) == (size[0] / 2, size[1] / 2)
    assert fx == fy == pytest.approx(50 / 36 * max(size))


def test_far_from_the_origin_nothing_is_lost() -> None:
    far = [[*row[:3], row[3] + 1e6 + 0.125 if i < 3 else row[3]] for i, row in enumerate(LEVEL)]
    pose, _ = from_blender(far, **OPTICS)
    assert pose[3] == 1e6 + 0.125
    near, _ = from_blender(LEVEL, **OPTICS)
    lens = (2000.0, 2000.0, 960.0, 540.0)
    path = replace(shot(2, size=(1920, 1080)), camera_to_world=(near, pose), intrinsics=(lens, lens))
    there = path.project((1e6 + 1.125, 1e6 + 0.125, 1e6 + 1.825), 1)
    assert there == pytest.approx(path.project((1, 0, 1.7), 0), abs=1e-6)


# The picture ------------------------------------------------------------------------------------------


def same_view(a: CameraPath, b: CameraPath, left: float, top: float, scale: tuple[float, float]) -> float:
    """The largest distance between b's pixels and a's, scaled and cropped by hand."""
    draw, worst = random.Random(3), 0.0
    for _ in range(50):
        point = (draw.uniform(-3, 3), draw.uniform(5, 9), draw.uniform(0, 3))
        x, y = a.project(point, 1) or (0.0, 0.0)
        worst = max(worst, math.dist((x * scale[0] - left, y * scale[1] - top), b.project(point, 1) or (0.0, 0.0)))
    return worst


def test_scaled_keeps_the_angles() -> None:
    path = shot(size=(1920, 1080))
    small = path.scaled(640, 200)
    assert small.field_of_view_deg(1) == pytest.approx(path.field_of_view_deg(1), rel=1e-15)
    assert same_view(path, small, 0, 0, (640 / 1920, 200 / 1080)) < 1e-9


@pytest.mark.parametrize("size", [(832, 480), (480, 832), (1280, 704), (1920, 1080), (101, 57), (1, 1)])
def test_fitted_covers_and_crops_by_whole_pixels(size: tuple[int, int]) -> None:
    path = shot(size=(1920, 1080))
    fitted = path.fitted(*size)
    whole = cover_size(1920, 1080, *size)
    left, top = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
    assert (fitted.width, fitted.height) == size
    assert whole[0] >= size[0]
    assert whole[1] >= size[1]
    assert 0 in (left, top)
    assert same_view(path, fitted, left, top, (whole[0] / 1920, whole[1] / 1080)) < 1e-9


def test_fitted_to_its_own_size_is_itself() -> None:
    path = shot(size=(1919, 1079))
    assert path.fitted(1919, 1079) == path


def test_a_lens_that_stayed_behind_would_be_seen() -> None:
    path = shot(size=(1920, 1080))
    stayed = replace(path.fitted(832, 480), intrinsics=path.scaled(832, 468).intrinsics)
    assert same_view(path, stayed, 10, 0, (853 / 1920, 480 / 1080)) > 1


def test_overscan_is_a_crop_beyond_the_picture() -> None:
    path = shot(size=(1920, 1080))
    wide = path.cropped(-192, -108, 2304, 1296)
    assert same_view(path, wide, -192, -108, (1, 1)) < 1e-9


def test_a_point_behind_has_no_pixel() -> None:
    assert shot().project((0, -50, 0), 0) is None


# The range --------------------------------------------------------------------------------------------


def test_a_window_keeps_numbers_and_names() -> None:
    path = replace(shot(6), cameras=("A", "A", "A", "B", "B", "B"), camera="A")
    part = path.window(1004, 1005)
    assert (part.frames, part.camera, part.cameras) == ((1004, 1005), "B", ("B", "B"))
    assert part.camera_to_world == path.camera_to_world[3:5]
    assert path.window(1001, 1006) == path


@pytest.mark.parametrize("window", [(1000, 1002), (1003, 1007), (1004, 1003), (5, 6)])
def test_a_window_outside(window: tuple[int, int]) -> None:
    with pytest.raises(RequestError) as caught:
        shot(6).window(*window)
    assert caught.value.code == "E_RANGE"


def test_cuts_are_found_and_refused() -> None:
    path = replace(shot(6), cameras=("A", "A", "B", "B", "A", "A"), camera="A")
    assert path.cuts() == (1003, 1005)
    with pytest.raises(RequestError) as caught:
        path.refuse_cuts()
    assert caught.value.code == "E_CAMERA_CUT"
    assert "1003, 1005" in caught.value.message
    assert "--shots all" in caught.value.hint
    path.window(1003, 1004).refuse_cuts()


# The rate ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [
        (24 / 1.001, 1.001, Fraction(24000, 1001)), (30 / 1.001, 1.001, Fraction(30000, 1001)),
        (60 / 1.001, 1.001, Fraction(60000, 1001)),
        (24.0, 1.0, Fraction(24)), (1.0, 1.0, Fraction(1)), (240.0, 1.0, Fraction(240)), (25 / 2, 2.0, Fraction(25, 2)),
        (23.976, 1.0, Fraction(24000, 1001)), (29.97, 1.0, Fraction(30000, 1001)), (12.5, 1.0, Fraction(25, 2)),
    ],
)  # fmt: skip
def test_rates_are_exact(fps: float, base: float, rate: Fraction) -> None:
    assert exact_rate(fps, base) == rate
    assert replace(shot(), fps=fps, fps_base=base).rate == rate


def test_nothing_drifts_over_ten_thousand_frames() -> None:
    rate = replace(shot(), fps=24 / 1.001, fps_base=1.001).rate
    assert 10_000 / rate == Fraction(10_000 * 1001, 24_000)
    assert abs(10_000 / 23.976 - float(10_000 / rate)) > 4e-4                   # what a rounded rate loses


# The movement -----------------------------------------------------------------------------------------


def moving(places: list[tuple[float, float, float]], headings: list[float] | None = None) -> CameraPath:
    turns = headings or [0.0] * len(places)
    poses = tuple(level_pose(*place, turn) for place, turn in zip(places, turns, strict=True))
    return replace(shot(len(places)), camera_to_world=poses)


def test_a_static_camera_is_said_so() -> None:
    (warning,) = motion_warnings(moving([(0, 0, 1)] * 5))
    assert warning.startswith("W_NO_MOTION: ")


def test_one_frame_is_no_standstill() -> None:
    assert motion_warnings(moving([(0, 0, 1)])) == ()


def test_a_zoom_or_a_pan_is_motion() -> None:
    still = moving([(0, 0, 1)] * 5)
    zoom = replace(still, intrinsics=tuple((50.0 + i, 50.0 + i, 32.0, 18.0) for i in range(5)))
    assert motion_warnings(zoom) == ()
    assert motion_warnings(moving([(0, 0, 1)] * 5, [0, 1, 2, 3, 4])) == ()


@pytest.mark.parametrize(
    "path",
    [
        moving([(0.1 * i + (5 if i > 4 else 0), 0, 1) for i in range(10)]),
        moving([(5 if i > 4 else 0, 0, 1) for i in range(10)]),
        moving([(0, 0, 1)] * 10, [2.0 * i + (90 if i > 4 else 0) for i in range(10)]),
    ],
    ids=["a dolly that leaps", "a leap between standstills", "a pan that leaps"],
)
def test_a_teleport_is_said_so(path: CameraPath) -> None:
    (warning,) = motion_warnings(path)
    assert warning.startswith("W_CAMERA_JUMP: ")
    assert "frame 1006;" in warning


def test_no_teleport_in_fast_moves() -> None:
    ease = [(5 * (1 - math.cos(math.pi * i / 23)), 0.0, 1.0) for i in range(24)]
    whip = [60 / (1 + math.exp(-(i - 12))) for i in range(24)]
    settle = [(10 * math.exp(-i / 3), 0.0, 1.0) for i in range(48)]
    for path in (moving(ease), moving([(0, 0, 1)] * 24, whip), moving(settle)):
        assert motion_warnings(path) == ()


def test_a_cut_is_no_teleport() -> None:
    path = replace(moving([(5 if i > 4 else 0.1 * i, 0, 1) for i in range(10)]), cameras=("A",) * 5 + ("B",) * 5)
    assert motion_warnings(path) == ()


def test_refusals_are_camera_errors() -> None:
    assert isinstance(refusal(changed(0, 0, -1.0)), CameraError)
    assert refusal(changed(0, 0, -1.0)).exit_code == 2
