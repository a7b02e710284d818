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
