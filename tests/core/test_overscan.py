"""How much wider, and how far it is usable: figures that must hold for any drift and any mix of depths."""

from __future__ import annotations

import numpy as np
import pytest

from platewright.match import warping
from platewright.match.leftover import by_depth, usable_beyond_m
from platewright.match.overscan import expected_overscan, overscan_for, overscanned
from platewright.match.views import Views
from tests.core import painted_world as world

# Overscan ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift_deg", [0.5, 2.5, 5.0])
def test_the_overscan_expected_covers_a_drift_about_any_axis(drift_deg: float) -> None:
    camera = world.pan(2)
    share = expected_overscan(camera, drift_deg)
    assert camera.width * share / 2 == pytest.approx(round(camera.width * share / 2))
    draw = np.random.default_rng(0)
    worst = 0.0
    for _ in range(200):
        axis = draw.normal(size=3)
        turn = np.tile(drift_deg * axis / np.linalg.norm(axis), (2, 1))
        wide = Views.of(overscanned(camera, share + 0.01))
        positions = warping.source_positions(world.drifted(wide, turn), Views.of(camera), 0)
        assert warping.covered(positions, wide.width, wide.height).all()
        reach = np.tile(warping.reach(positions, wide.width, wide.height), (2, 1))
        worst = max(worst, overscan_for(reach, wide, Views.of(camera)))
    assert worst > 0.8 * share - 2 / camera.width  # and not far more than needed
    assert expected_overscan(camera, 0.0) == 0.0


def test_an_overscanned_camera_holds_the_plate_in_its_middle() -> None:
    camera = world.pan(2)
    wide = overscanned(camera, 0.25)
    assert (wide.width, wide.height) == (400, 224)
    assert wide.cropped(40, 22, 320, 180) == camera


# Depth bands -------------------------------------------------------------------------------------


def test_usable_beyond_ends_where_a_slice_of_depths_fails() -> None:
    depth = np.linspace(1, 100, 4000)
    near_wrong = 5.0 / depth
    found = usable_beyond_m(depth, near_wrong)
    assert found is not None
    assert 4.5 < found < 8.0
    assert usable_beyond_m(depth, np.full(4000, 0.3)) == 0.0
    assert usable_beyond_m(depth, np.full(4000, 3.0)) is None
    assert usable_beyond_m(depth, np.full(4000, np.nan)) is None
    crowd = np.concatenate([np.full(100_000, 80.0), depth])                   # many that are fine hide nothing
    hidden = usable_beyond_m(crowd, np.concatenate([np.full(100_000, 0.1), near_wrong]))
    assert hidden is not None
    assert hidden > 4.5


def test_bands_hold_every_observation_once() -> None:
    depth = np.array([1.0, 2.0, 7.0, 300.0, np.inf, np.nan])
    bands = by_depth(depth, np.full(6, 0.5))
    assert [(entry["from_m"], entry["points"]) for entry in bands if entry["points"]] == [
        (0.0, 1), (2.0, 1), (5.0, 1), (200.0, 1), (None, 1),
    ]  # fmt: skip
    assert bands[-2]["to_m"] is None
    assert bands[-1]["p95_px"] == 0.5
