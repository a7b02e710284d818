"""The one resample: positions against the camera's own projection, pixels against a world that needs no resampling."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from platewright.match import warping
from platewright.match.relief import GroundPlane, hidden
from platewright.match.views import Array, Views
from tests.core import painted_world as world


def still(width: int = 96, height: int = 64, focal: float = 1.1) -> Views:
    return Views.of(world.path([world.level_pose(0, 0, 1.7, 0, -3)], (width, height), focal))


def waves(x: Array, y: Array, shortest_px: float = 4.0) -> NDArray[np.float32]:
    draw, total = np.random.default_rng(2), np.zeros(x.shape)
    for _ in range(20):
        angle, length = draw.uniform(0, 6.3), shortest_px * 4 ** draw.uniform()
        total += np.sin(2 * np.pi / length * (np.cos(angle) * x + np.sin(angle) * y) + draw.uniform(0, 6.3))
    return np.repeat((0.5 + 0.03 * total)[..., None], 3, axis=-1).astype(np.float32)


def centres(width: int, height: int) -> tuple[Array, Array]:
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return x, y


# Positions ---------------------------------------------------------------------------------------


def test_no_difference_returns_the_very_pixels() -> None:
    views = still()
    picture = np.random.default_rng(0).random((64, 96, 3), dtype=np.float32)
    positions = warping.source_positions(views, views, 0)
    assert np.array_equal(warping.resample(picture, positions, (1.0, 1.0)), picture)


@pytest.mark.parametrize("metres", [4.0, 30.0, 1e9])
def test_positions_are_where_the_pictured_camera_projects(metres: float) -> None:
    camera = world.path([world.level_pose(0.3, 0, 1.7, 4, -3)], (200, 120), 0.9)
    wanted = Views.of(world.path([world.level_pose(0, 0.2, 1.6, 0, -3)], (96, 64)))
    x, y = warping.source_positions(Views.of(camera), wanted, 0, 1.0 / metres)
    for column, row in ((0, 0), (95, 63), (40, 11)):
        ray = wanted.world_rays(np.array([[column + 0.5, row + 0.5]]), np.zeros(1, dtype=int))[0]
        projected = camera.project(tuple(wanted.centre[0] + metres * ray), 0)
        assert (x[row, column], y[row, column]) == pytest.approx(projected, abs=1e-4)


def test_single_points_agree_with_the_picture_of_positions() -> None:
    pictured, wanted = Views.of(world.path([world.level_pose(0.3, 0, 1.7, 4)], (200, 120))), still()
    x, y = warping.source_positions(pictured, wanted, 0, 0.2)
    points = warping.source_points(pictured, wanted, 0, np.array([[10.5, 20.5]]), np.array([0.2]))
    assert points[0] == pytest.approx([x[20, 10], y[20, 10]])


def test_a_wrong_sign_is_twice_as_wrong() -> None:
    wanted = still()
    for sign, limit in ((1, 1e-9), (-1, None)):
        pictured = world.drifted(wanted, np.array([[0.0, 2.0, 0.0]]))
        assumed = world.drifted(wanted, np.array([[0.0, sign * 2.0, 0.0]]))
        x, y = warping.source_positions(assumed, wanted, 0)
        true_x, true_y = warping.source_positions(pictured, wanted, 0)
        error = np.hypot(x - true_x, y - true_y).max()
        assert error < limit if limit else error > 2 * np.radians(2.0) * wanted.lens[0, 0]


def test_what_lies_behind_the_pictured_camera_is_not_covered() -> None:
    wanted = still()
    behind = world.drifted(wanted, np.array([[0.0, 180.0, 0.0]]))
    assert not warping.covered(warping.source_positions(behind, wanted, 0), 96, 64).any()


def test_the_ground_is_pinned_and_its_horizon_does_not_tear() -> None:
    wanted = still(192, 128)
    pictured = world.drifted(wanted, np.array([[0.3, 0.5, 0.2]]), 0.0, np.array([[0.3, -0.2, 0.1]]))
    relief = GroundPlane(wanted, 0.0)
    x, y = warping.source_positions(pictured, wanted, 0, relief.inverse_depth(0))
    ray = wanted.world_rays(np.array([[30.5, 110.5]]), np.zeros(1, dtype=int))[0]
    foot = wanted.centre[0] - wanted.centre[0, 2] / ray[2] * ray
    seen = pictured.pixels(pictured.camera_points(foot[None], np.zeros(1, dtype=int)), np.zeros(1, dtype=int))[0]
    assert (x[110, 30], y[110, 30]) == pytest.approx(tuple(seen), abs=1e-6)
    far_x, far_y = warping.source_positions(pictured, wanted, 0)
    assert np.array_equal(x[:40], far_x[:40])
    assert np.array_equal(y[:40], far_y[:40])                                # above the horizon
    assert np.abs(np.diff(x, axis=0)).max() < 1.0                            # nothing leaps from row to row
    assert 0.5 < np.diff(y, axis=0).min() <= np.diff(y, axis=0).max() < 1.5


# Coverage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 1, 10])
def test_coverage_is_exact(step: int) -> None:
    x, y = centres(96, 64)
    is_covered = warping.covered((x + step, y), 96, 64)
    assert 1 - is_covered.mean() == pytest.approx(step / 96)
    assert is_covered[:, : 96 - step].all()


def test_nothing_is_filled_with_black() -> None:
    x, y = centres(96, 64)
    bright = np.full((64, 96, 3), 0.7, dtype=np.float32)
    drawn = warping.resample(bright, (x + 40, y - 30), (1.0, 1.0))
    assert drawn == pytest.approx(np.full_like(drawn, 0.7), abs=1e-5)


# Pixels ------------------------------------------------------------------------------------------


def test_one_resample_is_sharper_than_a_bicubic_chain() -> None:
    x, y = centres(300, 200)
    source = waves(x, y)
    cosine, sine = np.cos(np.radians(3)), np.sin(np.radians(3))
    at_x, at_y = cosine * x - sine * y + 10.3, sine * x + cosine * y - 6.3
    truth = waves(at_x, at_y)
    one = warping.resample(source, (at_x, at_y), (1.0, 1.0))
    # Moved first, kept in eight bits, then turned about the corner: what a chain of tools does.
    moved = cv2.warpAffine(source, np.array([[1, 0, -10.3], [0, 1, 6.3]]), (300, 200), flags=cv2.INTER_CUBIC)
    moved = (np.rint(moved * 255) / 255).astype(np.float32)
    chain_x, chain_y = (at_x - 10.8).astype(np.float32), (at_y + 5.8).astype(np.float32)
    chain = cv2.remap(moved, chain_x, chain_y, cv2.INTER_CUBIC)
    inner = np.s_[40:-40, 60:-60]
    assert world.psnr(one[inner], truth[inner]) > world.psnr(chain[inner], truth[inner]) + 6
    assert world.psnr(one[inner], truth[inner]) > 45


def test_a_reduction_does_not_alias() -> None:
    x, _ = centres(240, 160)
    fine = np.repeat((0.5 + 0.5 * np.sin(2 * np.pi * x / 2.7))[..., None], 3, -1).astype(np.float32)
    to_x, to_y = centres(80, 53)
    innocent = warping.resample(fine, (to_x * 3, to_y * 3), (3.0, 3.0))
    guilty = warping.resample(fine, (to_x * 3, to_y * 3), (1.0, 1.0))
    assert innocent[8:-8, 8:-8].std() < 0.03
    assert guilty[8:-8, 8:-8].std() > 0.3


def test_the_low_pass_begins_without_a_leap() -> None:
    x, y = centres(96, 64)
    picture = waves(x, y)
    almost = warping.resample(picture, (x, y), (1.001, 1.001))
    assert np.abs(almost - picture).max() < 0.01


def test_out_of_range_is_clipped() -> None:
    step = np.zeros((64, 96, 3), dtype=np.float32)
    step[:, 48:] = 1.0
    x, y = centres(96, 64)
    drawn = warping.resample(step, (x + 0.5, y), (1.0, 1.0))
    assert (drawn.min(), drawn.max()) == (0.0, 1.0)


# Holes -------------------------------------------------------------------------------------------


def test_what_stands_in_front_hides_and_what_stands_still_does_not() -> None:
    wanted = Views.of(world.path([world.level_pose(0, 0, 1.7)], (320, 180)))
    depth = world.depth_of(wanted, 0)
    moved = world.drifted(wanted, np.zeros((1, 3)), 0.0, np.array([[0.5, 0.0, 0.0]]))
    is_hidden = hidden(moved, wanted, 0, 1.0 / depth)
    pictured_depth = world.depth_of(moved, 0)
    x, y = warping.source_positions(moved, wanted, 0, 1.0 / depth)
    inside = warping.covered((x, y), 320, 180)
    seen = pictured_depth[np.clip(y.astype(int), 0, 179), np.clip(x.astype(int), 0, 319)]
    truth = inside & (seen < 0.8 * depth)
    assert 0.01 < truth.mean() < 0.1
    assert (is_hidden & truth).sum() > 0.9 * truth.sum()
    assert (is_hidden & ~truth).mean() < 0.01
    assert not hidden(wanted, wanted, 0, 1.0 / depth).any()


def test_holes_take_what_is_around_them() -> None:
    x, y = centres(96, 64)
    picture = np.repeat((x / 96)[..., None], 3, -1).astype(np.float32)
    is_hole = (np.abs(x - 50) < 3) & (y > 20)
    broken = np.where(is_hole[..., None], np.float32(9.0), picture)
    mended = warping.filled(broken, is_hole)
    assert np.abs(mended - picture).max() < 0.08
    assert np.array_equal(mended[~is_hole], picture[~is_hole])


# Sharpness ---------------------------------------------------------------------------------------


def test_sharpness_falls_with_blur_and_pulses_with_it() -> None:
    x, y = centres(96, 64)
    picture = waves(x, y)
    before = np.full(6, warping.sharpness(picture))
    steady = np.full(6, warping.sharpness(cv2.GaussianBlur(picture, (0, 0), 0.8)))
    assert steady[0] < 0.8 * before[0]
    assert warping.pulse(before, steady) == pytest.approx(0.0, abs=1e-9)
    assert (warping.pulse(before, np.where(np.arange(6) % 2, before, steady)) or 0.0) > 0.1
    assert warping.pulse(before, np.full(6, np.nan)) is None
