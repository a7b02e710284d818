"""Which way of laying the solved world over the scene a lock takes: by what is known of the scene, else by the path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from .correction import Difference
from .grounds import Level, ground_of
from .placing import Sight, likeness
from .settling import Laid, Move, at_first, grounded, laid, moved_by, resized
from .views import Array, Views

if TYPE_CHECKING:
    from . import Match

SLOPE_DEG, HEIGHT_SHARE = 0.3, 0.02                # a ground that lies no farther off is where it should be
CLOSE_FACTOR = 1.06                                # of a depth that is as drawn: a world at another size is not
SIZINGS = 3                                        # the size settles as the places do
BETTER = 0.05                                      # of the points: so many more must the scene have at their depth

Target = Literal["far", "ground", "region"]


def lay(
    match: Match, wanted: Views, difference: Difference, to: Target, ground_m: float | None, scene_depth: Path | None
) -> Laid:
    """The match, its world laid for a lock.

    difference   as measured: where it is nothing, the world stays where it is, but on a ground that lies elsewhere
    ground_m     height of the scene's ground; None: not known
    Errors as of `SceneDepth.open`.
    """
    assert match.solved is not None
    level = _level(match) if to == "ground" or ground_m is not None else None
    move = grounded(match.solved.centre, wanted.centre, level, ground_m) if level else None
    if to == "ground" and level and move and not (difference.is_nothing and _is_right(level, move)):
        height = ground_m if ground_m is not None else float(move.of_places(level.below[None])[0, 2])
        return Laid(moved_by(match, move), _ground_words(level, move), ground_m=height)
    found = Laid(match, "left where the check laid it")
    if not difference.is_nothing:
        first = wanted.world_from_camera[0] @ difference.turn[0]
        found = laid(match, wanted, Sight.of(match).nearness(wanted), first)
        if move and level and not found.by_places:
            found = Laid(moved_by(match, move), _ground_words(level, move))
        if scene_depth:
            found = _by_depth(match, found, wanted, scene_depth, first)
    if to != "ground":
        return found
    known = match.report.get("ground_m") if ground_m is None else ground_m
    words = found.words if level else f"{found.words}; the pictures show no ground to lay it by"
    return Laid(found.match, words, ground_m=known or 0.0)


def _by_depth(match: Match, found: Laid, wanted: Views, scene_depth: Path, turn: Array) -> Laid:
    """As found; but where the scene has clearly more points at their depth, laid otherwise and at another size."""
    plain = Laid(match, "laid where the cameras differ least in pixels")
    first = Laid(at_first(match, wanted, turn), "laid on the first picture")
    best, most = found, likeness(found.match, wanted, scene_depth, CLOSE_FACTOR)[0] + BETTER
    for one in (found, plain, first):
        for other in (one, _sized(one, wanted, scene_depth)):
            share, _ = likeness(other.match, wanted, scene_depth, CLOSE_FACTOR)
            best, most = (other, share) if share > most else (best, most)
    return best


def _sized(one: Laid, wanted: Views, scene_depth: Path) -> Laid:
    """The same as large as the scene's depth says, seen from where the first picture was taken."""
    match, size = one.match, 1.0
    for _ in range(SIZINGS):
        _, times = likeness(match, wanted, scene_depth)
        match, size = resized(match, times), size * times
    return Laid(match, f"{one.words}, {size:.3f} times as large by the scene's depth")


def _level(match: Match) -> Level | None:
    """The ground of the explained points."""
    assert match.solved is not None
    is_known = np.isfinite(match.solved.centre).all(axis=1)
    is_good = match.is_explained & np.isfinite(match.points_world).all(axis=1)
    return ground_of(match.solved.centre[is_known], match.points_world, is_good)


def _is_right(level: Level, move: Move) -> bool:
    return level.tilt_deg < SLOPE_DEG and abs(move.log_scale) < HEIGHT_SHARE


def _ground_words(level: Level, move: Move) -> str:
    size = float(np.exp(move.log_scale))
    return f"laid on the ground, which sloped by {level.tilt_deg:.2f} degrees, and {size:.3f} times as large"
