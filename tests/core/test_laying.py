"""How a lock lays the plate's world over the scene: by its ground, place on place, by the first picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from platewright.camera import CameraPath
from platewright.match import Match, locking
from platewright.match.settling import Move, settled
from platewright.match.views import Views
from tests.core import painted_world as world
from tests.core.locked_world import FRAMES, LAST, as_it_is, left_deg, lock_of, moving, nodal, only_ground


def test_a_turn_that_was_laid_down_as_a_wrong_place_is_undone_as_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A similarity that shares a drift between turns and places is taken back."""
    camera, shown, found = moving(0.0, turn_deg=3.0)
    move = Move(np.radians([0.5, -1.0, 1.5]), 0.03, shown.centre.mean(axis=0), np.array([0.02, 0.01, 0.0]))
    found = replace(found, solved=move.of_views(shown), points_world=move.of_points(found.points_world))
    report = lock_of(found, camera).report
    assert report["translation"].startswith("left")
    assert report["residual_px"]["p95_px"] < 0.5
    monkeypatch.setattr("platewright.match.locking.lay", as_it_is)
    assert lock_of(found, camera).report["parallax_px"] > 2                  # guilty: as the check laid it


def test_wrong_places_that_no_turn_explains_turn_nothing() -> None:
    camera, _, found = moving(0.25, turn_deg=1.0)
    lock = lock_of(found, camera)
    assert lock.report["correction_deg"]["max"] == pytest.approx(1.0, rel=0.1)


def test_a_path_that_does_not_move_leaves_the_world_where_it_is() -> None:
    draw = np.random.default_rng(0)
    wanted = np.zeros((20, 3))
    move = settled(wanted + 1e-4 * draw.normal(size=(20, 3)), wanted, 0.2)
    assert np.degrees(np.linalg.norm(move.turn)) < 0.05
    assert abs(move.log_scale) < 1e-3


def test_the_ground_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, shown, found = moving(0.25)
    lock = lock_of(found, camera, to="ground", ground_m=0.0)
    assert lock.report["translation"] == "corrected on the ground at 0 m"
    assert lock_of(only_ground(found), camera, to="ground", ground_m=0.0).report["residual_px"]["p95_px"] < 0.5
    monkeypatch.setattr("platewright.match.locking.lay", as_it_is)           # the very place, to the pixel
    lock = lock_of(found, camera, to="ground")
    source, _ = world.look(shown, LAST)
    truth, _ = world.look(Views.of(camera), LAST)
    assert world.psnr(lock.picture(LAST, source)[140:], truth[140:], 4) > 33


def sloping() -> tuple[CameraPath, Views, Match]:
    """A drift that is the same in every frame, and a move too long: the path shows neither, the ground both."""
    camera = world.dolly(FRAMES)
    wide = Views.of(locking.overscanned(camera, 0.4))
    there = Move(np.radians([1.5, -1.5, 0.0]), 0.15, wide.centre.mean(axis=0), np.zeros(3))
    back = Move(-there.turn, -there.log_scale, there.pivot, np.zeros(3))
    shown = there.of_views(wide)
    found = world.found(camera, shown, wide)
    return camera, shown, replace(found, solved=wide, points_world=back.of_points(found.points_world))


def test_a_ground_that_slopes_is_stood_up_and_brought_to_its_height() -> None:
    camera, shown, found = sloping()
    lock = lock_of(found, camera, to="ground", ground_m=0.0)
    assert lock.report["world"] == "laid on the ground, which sloped by 2.12 degrees, and 1.162 times as large"
    source, truth = world.look(shown, LAST)[0], world.look(Views.of(camera), LAST)[0]
    assert world.psnr(lock.picture(LAST, source)[140:], truth[140:], 4) > 33
    far = lock_of(found, camera)                                              # innocent: nothing is wrong with its path
    assert far.report["correction_deg"]["max"] == 0.0
    assert world.psnr(far.picture(LAST, source)[140:], truth[140:], 4) < 25
    level = lock_of(found, camera, to="ground")                               # of no known height: stood up alone
    assert level.report["world"].endswith("1.000 times as large")
    assert level.report["correction_deg"]["max"] == pytest.approx(2.12, abs=0.05)


def test_a_ground_that_is_where_it_should_be_is_left_alone() -> None:
    camera, _, found = moving(0.0, turn_deg=0.0)
    report = lock_of(found, camera, to="ground", ground_m=0.0).report
    assert report["world"] == "left where the check laid it"
    assert (report["correction_deg"]["max"], report["residual_px"]["max_px"]) == (0.0, 0.0)


def test_what_stands_on_a_pinned_ground_is_said_to_be_bent() -> None:
    camera, _, found = moving(0.25)
    report = lock_of(found, camera, to="ground", ground_m=0.0).report
    assert 0.1 < report["bent"]["share"] < 0.9
    assert report["bent"]["p95_px"] > 2
    assert "W_BENT" in report["warnings"][-1]
    flat = lock_of(only_ground(found), camera, to="ground", ground_m=0.0).report
    assert flat["bent"]["share"] == 0.0
    assert not any("W_BENT" in warning for warning in flat["warnings"])
    assert lock_of(found, camera).report["bent"] is None


def test_the_first_picture_stays_as_it_is() -> None:
    """The check lays half of a drift into the first picture; a lock takes it out of there."""
    camera, shown, found = nodal(4.0)
    middle = Move(np.radians([0.3, 0.8, 1.9]), 0.0, shown.centre[0], np.zeros(3))
    halved = replace(found, solved=middle.of_views(shown), points_world=middle.of_points(found.points_world))
    lock = lock_of(halved, camera)
    assert lock.report["world"] == "laid by the first picture, which stays as it is"
    assert left_deg(lock, shown)[0] < 0.05
    assert left_deg(lock, shown).max() < 0.1
    truth = world.look(Views.of(camera), LAST)[0]
    assert world.psnr(lock.picture(LAST, world.look(shown, LAST)[0]), truth) > 34
