"""Lines where bodies that are known end and bend, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from platewright import guide_edges

SIZE = (96, 160)                                   # height, width
LENS = (150.0, 120.0, 83.0, 44.0)                  # a shifted lens with pixels that are no squares


def slopes() -> tuple[Any, Any]:
    fx, fy, cx, cy = LENS
    return (np.arange(SIZE[1]) + 0.5 - cx)[None, :] / fx, (np.arange(SIZE[0]) + 0.5 - cy)[:, None] / fy


def plane(normal: tuple[float, float, float], distance: float) -> Any:
    """1 / z of a plane n . P = distance, in the camera's axes; 0 behind."""
    x, y = slopes()
    return np.maximum((normal[0] * x + normal[1] * y + normal[2]) / distance, 0.0)


def ball(centre: tuple[float, float, float], radius: float) -> Any:
    x, y = slopes()
    a, b = x**2 + y**2 + 1.0, x * centre[0] + y * centre[1] + centre[2]
    root = b**2 - a * (sum(value**2 for value in centre) - radius**2)
    return np.where(root > 0, a / (b - np.sqrt(np.maximum(root, 0))), 0.0)


def distance_to(lines: Any) -> Any:
    """Pixels from each pixel to the nearest line, up to 4, in the larger of both axes."""
    found, far = np.where(lines, 0, 4), lines.copy()
    for step in (1, 2, 3):
        far = far | np.roll(far, 1, 0) | np.roll(far, -1, 0)
        far = far | np.roll(far, 1, 1) | np.roll(far, -1, 1)
        found = np.where(far & (found == 4), step, found)
    return found


def test_the_outline_of_a_ball_is_a_line_where_it_projects() -> None:
    near = np.maximum(ball((0.2, -0.1, 6.0), 1.2), plane((0.0, 1.0, 0.02), 1.5))
    lines = guide_edges.lines(near, LENS)
    is_ball = (near > 0) & (ball((0.2, -0.1, 6.0), 1.2) >= near)
    around = [np.roll(is_ball, step, axis) for step in (-1, 1) for axis in (0, 1)]
    rim = is_ball & ~np.all(around, axis=0)
    inside = np.s_[:72]                            # further down the ball meets the ground, which is no outline
    assert rim[inside].sum() > 60 and distance_to(lines)[inside][rim[inside]].max() <= 1
    horizon = (near[1:] > 0) & (near[:-1] == 0)
    assert distance_to(lines)[1:][horizon].max() <= 1
    stray = lines & (distance_to(rim) > 1)
    stray[1:] &= distance_to(horizon) > 1
    assert stray[inside].sum() == 0


def test_a_crease_is_one_line_wide_and_a_plane_has_none() -> None:
    left, right = plane((-0.8, 0.1, 0.6), 4.0), plane((0.7, -0.1, 0.7), 4.0)
    lines = guide_edges.lines(np.minimum(left, right), LENS)        # a corner that points at the camera
    border = np.abs(np.diff((left < right).astype(int), axis=1)) > 0
    rows, columns = np.nonzero(border)
    assert len(rows) == SIZE[0] and lines.sum() == SIZE[0]
    assert np.abs(np.argmax(lines, axis=1)[rows] - columns).max() <= 1
    for tilted in ((0.0, 1.0, 0.001), (0.9, 0.1, 0.4), (0.0, 0.0, 1.0)):
        assert guide_edges.lines(plane(tilted, 2.0), LENS)[1:-1].sum() <= SIZE[1]      # the horizon, at most


@pytest.mark.parametrize(("degrees", "is_line"), [(10.0, False), (20.0, False), (32.0, True), (80.0, True)])
def test_a_bend_is_a_crease_from_an_angle_on(degrees: float, is_line: bool) -> None:
    turn = np.radians(degrees)
    bent = plane((0.0, float(np.sin(turn)), float(np.cos(turn))), 5.0)
    assert guide_edges.lines(np.minimum(plane((0.0, 0.0, 1.0), 5.0), bent), LENS).any() == is_line


def test_a_thing_of_one_pixel_has_an_outline() -> None:
    near = plane((0.0, 0.0, 1.0), 10.0)
    near[20:60, 40] = near[80, 20:100] = 0.5
    lines = guide_edges.lines(near, LENS)
    assert lines[20:60, 40].all() and lines[80, 20:100].all() and lines.sum() == 120


def test_depth_as_an_exr_has_it_is_exact_enough() -> None:
    """Half a metre's step between two floors 40 m away, and float32 noise everywhere."""
    near = plane((0.0, 1.0, 0.0), 1.7)
    noisy = (near * (1 + 2e-6 * np.random.default_rng(1).standard_normal(SIZE))).astype(np.float32)
    assert guide_edges.lines(noisy, LENS)[46:].sum() <= SIZE[1]
    linear = np.where(near > 0, 1 / np.maximum(near, 1e-3), 0.0)
    assert guide_edges.lines(linear, LENS)[46:].sum() > SIZE[1]     # guilty: distances, which no plane is linear in


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 40), (40, 2)])
def test_the_smallest_pictures_do_no_harm(shape: tuple[int, int]) -> None:
    assert guide_edges.lines(np.full(shape, 0.2, np.float32), LENS).sum() == 0
    assert guide_edges.lines(np.zeros(shape, np.float32), LENS).sum() == 0
