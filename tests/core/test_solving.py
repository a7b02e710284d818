"""The solver on worlds whose cameras are known: what is planted is found with its size, what is right is left alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from platewright.match import lengths
from platewright.match.aligning import aligned, displacement
from platewright.match.choosing import some
from platewright.match.intersecting import placed
from platewright.match.lengths import cameras
from platewright.match.matching import aligned_to_all
from platewright.match.scoring import Figures, measured, per_frame_error
from platewright.match.solving import Model, Solution, refine, residual_of, start
from platewright.match.tracking import Tracks
from platewright.match.views import Array, Views, rotation_from_vector, vector_from_rotation

from . import tracked_world as world

pytestmark = pytest.mark.slow

KINDS = ("parallax", "nodal", "zoom", "static")


@cache
def seen(kind: str) -> tuple[Views, Tracks]:
    views = world.cameras(kind)
    return views, world.tracks(views)


def silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


def found(tracks: Tracks, given: Views) -> tuple[Solution, Figures, Array]:
    """The whole way from tracks to figures, and the uncertainty."""
    solved = cameras(tracks, given, silent)
    everything = aligned_to_all(tracks, given, solved)
    return everything, measured(tracks, given, everything, 1.0), solved.doubt_px


def truly(tracks: Tracks, true: Views, given: Views) -> Array:
    """(F,) the error of `given`, by the true cameras and the points that they place."""
    moves = bool(np.ptp(true.centre, axis=0).max() > 0)
    told = placed(tracks, true, Model(moves=moves, zooms=False), 1.0)
    told = aligned(tracks, given, told, told.weight)
    rms = np.sqrt(np.bincount(tracks.track, np.sum(told.residual**2, axis=1)) / np.bincount(tracks.track))
    return per_frame_error(tracks, given, told, rms <= 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_path_is_found_right_and_the_uncertainty_says_how_well(kind: str) -> None:
    views, tracks = seen(kind)
    _, figures, doubt = found(tracks, views)
    assert np.percentile(figures.error_px, 95) < 0.15
    assert np.sqrt(np.mean(figures.error_px**2)) < 3 * np.sqrt(np.mean(doubt**2)) + 0.01
    assert doubt.max() < 0.2
    assert figures.rigidity > 0.6


PLANTED: dict[str, Callable[[Views], Views]] = {
    "drift": lambda views: world.drifting(views, 3.0),
    "small drift": lambda views: world.drifting(views, 0.2),
    "tremble": lambda views: world.trembling(views, 1.0),
    "late": lambda views: world.late(views, 3),
    "mirrored": world.mirrored,
}


@pytest.mark.parametrize("wrong", PLANTED)
@pytest.mark.parametrize("kind", ["parallax", "nodal"])
def test_what_is_planted_is_found_with_its_size(kind: str, wrong: str) -> None:
    views, tracks = seen(kind)
    given = PLANTED[wrong](views)
    _, figures, _ = found(tracks, given)
    expected = np.percentile(truly(tracks, views, given), 95)
    assert expected > 0.5
    assert np.nanpercentile(figures.error_px, 95) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("kind", ["parallax", "nodal"])
def test_a_wrong_focal_length_is_found(kind: str) -> None:
    views, tracks = seen(kind)
    given = world.lensed(views, 1.1)
    solution, figures, _ = found(tracks, given)
    ratio = solution.views.lens[:, 0] / given.lens[:, 0]
    assert ratio == pytest.approx(1 / 1.1, abs=0.02)
    assert np.percentile(figures.error_px, 95) == pytest.approx(np.percentile(truly(tracks, views, given), 95), rel=0.2)


def test_a_step_aside_is_found_where_there_is_parallax_and_only_there() -> None:
    views, tracks = seen("parallax")
    given = world.straying(views, 0.5)
    _, figures, _ = found(tracks, given)
    assert np.percentile(figures.error_px, 95) == pytest.approx(np.percentile(truly(tracks, views, given), 95), rel=0.1)
    assert figures.parallax_px > 10
    _, tracks = seen("nodal")
    _, figures, _ = found(tracks, world.straying(world.cameras("nodal"), 0.5))
    assert figures.parallax_px == 0


def test_a_move_too_long_by_a_fifth_looks_right_without_the_scene() -> None:
    views, tracks = seen("parallax")
    right, _, _ = found(tracks, views)
    larger, figures, _ = found(tracks, world.enlarged(views, 1.2))
    assert np.percentile(figures.error_px, 95) < 0.15
    near = figures.is_explained & (right.points.inverse_depth > 0.02)
    ratio = right.points.inverse_depth[near] / larger.points.inverse_depth[near]
    assert np.median(ratio) == pytest.approx(1.2, abs=0.02)              # the world has grown with the move


def test_tremble_is_told_from_drift() -> None:
    views, tracks = seen("nodal")
    _, drifting, _ = found(tracks, world.drifting(views, 5.0))
    _, trembling, _ = found(tracks, world.trembling(views, 1.0))
    assert np.sqrt(np.nanmean(drifting.step_px**2)) < 0.1
    assert np.sqrt(np.nanmean(trembling.step_px**2)) == pytest.approx(2.0, rel=0.25)   # two axes, two frames, one pixel


def test_a_crowd_that_walks_off_does_not_carry_the_camera_along() -> None:
    views = world.cameras("nodal")
    half = world.tracks(views, movers=0.0, strays=0.0)
    drift = world.drifting(views, 6.0)
    clouds = world.tracks(drift, movers=0.0, strays=0.0, seed=7)
    count = len(half.was_lost)
    both = Tracks(
        np.concatenate([half.track, clouds.track + count]),
        np.concatenate([half.frame, clouds.frame]),
        np.concatenate([half.pixel, clouds.pixel]),
        np.concatenate([half.was_lost, clouds.was_lost]),
        half.width,
        half.height,
    )
    _, figures, _ = found(both, views)
    assert np.percentile(figures.error_px, 95) < 0.1
    assert figures.rigidity == pytest.approx(0.5, abs=0.1)


def test_keys_carry_the_frames_between(monkeypatch: pytest.MonkeyPatch) -> None:
    views, tracks = seen("parallax")
    given = world.trembling(views, 1.0)
    _, together, _ = found(tracks, given)
    monkeypatch.setattr(lengths, "KEYS_MAX", 14)
    _, by_keys, _ = found(tracks, given)
    assert by_keys.error_px == pytest.approx(together.error_px, abs=0.15)


def test_the_same_tracks_give_the_same_cameras() -> None:
    views, tracks = seen("parallax")
    first, again = (cameras(tracks, world.drifting(views, 1.0), silent) for _ in range(2))
    assert np.array_equal(first.views.world_from_camera, again.views.world_from_camera)
    assert np.array_equal(first.doubt_px, again.doubt_px)


def test_frames_that_share_no_track_are_known_to_be_unknown() -> None:
    """A clip torn in the middle: each half is sharp, but how they lie to each other is anybody's guess."""
    views, tracks = seen("nodal")
    half = len(views) // 2
    first = np.bincount(tracks.track, tracks.frame < half)
    torn = some(tracks, (first == 0) | (first == np.bincount(tracks.track)))
    whole = cameras(tracks, views, silent).doubt_px
    assert cameras(torn, views, silent).doubt_px.min() > 20 * whole.max()


def test_the_solver_stops_when_it_is_told_to() -> None:
    views, tracks = seen("static")

    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cameras(tracks, views, stop)


def test_points_at_infinity_are_ordinary() -> None:
    views, tracks = seen("nodal")
    solution = refine(tracks, views, start(tracks, views, Model(moves=True, zooms=False)), [4.0, 1.0])
    assert np.isfinite(solution.residual).all()
    assert np.isfinite(solution.points.homogeneous()).all()


def test_displacement_is_what_two_projections_differ_by() -> None:
    views, tracks = seen("parallax")
    told = placed(tracks, views, Model(moves=True, zooms=False), 1.0)
    given = world.drifting(views, 1.0)
    off = displacement(tracks, given, told)
    expected = residual_of(tracks, given, told.points) - residual_of(tracks, views, told.points)
    assert off == pytest.approx(expected, abs=1e-9)


def test_rotation_vectors_come_back() -> None:
    vectors = np.random.default_rng(0).uniform(-1.7, 1.7, (200, 3))
    vectors[0] = 0
    vectors[1] = 1e-9
    assert vector_from_rotation(rotation_from_vector(vectors)) == pytest.approx(vectors, abs=1e-9)
    turns = rotation_from_vector(vectors)
    assert turns @ turns.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), turns.shape), abs=1e-12)
