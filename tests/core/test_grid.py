"""The layout draws the horizon and the metres exactly where the camera puts them."""

from __future__ import annotations

import math

import numpy
import pytest

from platewright.models import grid

from .shots import level_pose, shot


@pytest.mark.parametrize("tilt_deg", [-12.0, -3.0, 0.0, 5.0])
def test_the_horizon_is_where_the_tilt_puts_it(tilt_deg: float) -> None:
    camera = shot(frames=1, size=(320, 180), tilts_deg=(tilt_deg,))
    picture = grid.draw(camera, 0)
    orange = numpy.abs(picture - grid.HORIZON_LINE).sum(-1)[:150, 160]        # the label is below
    focal_px = camera.intrinsics[0][1]
    assert orange.argmin() + 0.5 == pytest.approx(90 + focal_px * math.tan(math.radians(tilt_deg)), abs=1.0)


def test_the_ten_metre_line_is_drawn_where_it_projects() -> None:
    camera = shot(frames=1, size=(640, 360))
    picture = grid.draw(camera, 0)
    fx, fy, cx, cy = camera.intrinsics[0]
    for depth_m in (10.0, 20.0):                                             # lines across the view
        row = cy + fy * 1.7 / depth_m
        column = int(cx + fx * 0.5 / depth_m)                                # half a metre off the line along the view
        strip = picture[int(row) - 3 : int(row) + 4, column].mean(-1)
        assert abs(strip.argmax() + int(row) - 3 + 0.5 - row) <= 1.0


def test_every_frame_is_finite_and_labelled_even_from_awkward_cameras() -> None:
    camera = shot(frames=1, size=(64, 36))
    for pose in (level_pose(0, 0, 0), level_pose(0, 0, -5), level_pose(1e6, 1e6, 2, 30), level_pose(0, 0, 2, 0, -90)):
        from dataclasses import replace

        picture = grid.draw(replace(camera, camera_to_world=(pose,)), 0)
        assert picture.dtype == numpy.float32 and picture.shape == (36, 64, 3)
        assert numpy.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1


def centre_of(strip: numpy.ndarray) -> float:
    """Where a line is in a strip of brightness across it, to a part of a pixel."""
    weight = strip - numpy.minimum(strip[0], strip[-1])
    return float((weight * (numpy.arange(len(strip)) + 0.5)).sum() / weight.sum())


@pytest.mark.parametrize("ground_m", [0.0, 0.8, -2.0])
def test_world_points_of_the_guide_are_where_the_camera_projects_them(ground_m: float) -> None:
    """Points on the lines of the ground, and of the horizon: under a shifted lens with pixels that are no squares."""
    from dataclasses import replace

    camera = shot(frames=3, size=(640, 360), tilts_deg=(-3.0, -6.0, -9.0))
    camera = replace(camera, intrinsics=((520.0, 610.0, 350.0, 140.0),) * 3)
    checked = 0
    for index in range(3):
        grey = grid.unlabelled(camera, index, ground_m).astype(float).mean(-1)
        for x, y in [(x, y) for x in (-2.5, 0.5, 3.5) for y in (4.0, 6.0, 10.0)]:        # lines across the view
            seen, beyond = camera.project((x, y, ground_m), index), camera.project((x, y + 1, ground_m), index)
            is_alone = seen is not None and beyond is not None and seen[1] - beyond[1] > 6
            if seen and is_alone and 8 < seen[0] < 632 and 8 < seen[1] < 352:
                top = int(seen[1]) - 3
                assert centre_of(grey[top : top + 7, int(seen[0])]) + top == pytest.approx(seen[1], abs=0.5)
                checked += 1
        far = (camera.camera_to_world[index][3] + 3e5, camera.camera_to_world[index][7] + 1e6)
        horizon = camera.project((*far, camera.camera_to_world[index][11]), index)
        assert horizon is not None
        picture = grid.unlabelled(camera, index, ground_m)
        orange = numpy.clip(0.5 - numpy.abs(picture - grid.HORIZON_LINE).max(-1), 0, 1)
        top = int(horizon[1]) - 4
        assert centre_of(orange[top : top + 9, int(horizon[0])]) + top == pytest.approx(horizon[1], abs=0.5)
        checked += 1
    assert checked >= 6
    wrong = numpy.abs(grid.unlabelled(camera, 0, ground_m) - grid.unlabelled(camera, 0, ground_m + 0.2)).max()
    assert wrong > 0.2                             # guilty: another height is another picture
