"""Whether a lock may correct the camera's wrong place too, and by which depth; the reasons are words for a report.

A wrong place moves near things more than far ones. Undoing it needs the depth of every pixel, and shows what the
pictured camera could not see. Within limits a warp does it well; beyond them it would invent, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import leftover
from .relief import FarAway, GroundPlane, Relief, SceneDepth, SolvedDepth, hidden
from .views import Array, Views
from .warping import source_points

if TYPE_CHECKING:
    from . import Match

HELD_PX = 0.5                                      # of the pictures, root mean square over a track
SHIFT_PX = 0.25                                    # a wrong place that moves the usual picture by less is left alone
PARALLAX_SHARE = 0.06                              # of the width: a warp by more is refused
GROUND_SHARE = 0.15                                # a plane bends nothing that lies in it: farther
HIDDEN_SHARE = 0.02                                # of a picture that would have to be invented: likewise
DEPTH_FACTOR, DEPTH_SHARE = 1.25, 0.6              # so near, so often, must the scene's depth be to the solved one
TRIAL_FRAMES = 24                                  # are tried before the decision, the farthest off among them
_TRIAL_STEP_PX = 8


def held(match: Match) -> NDArray[np.bool_]:
    """(K,) what one rigid scene explains, and within HELD_PX: others measure no pixel.

    Mostly those are no points at all, but crossings of two edges at two depths.
    """
    track, count = match.tracks.track, len(match.is_explained)
    square = np.bincount(track, np.nan_to_num(match.residual_px) ** 2, count)
    length = np.maximum(np.bincount(track, minlength=count), 1)
    is_known = match.is_explained & np.isfinite(match.points_world).all(axis=1)
    return is_known & (square <= HELD_PX**2 * length)


@dataclass(frozen=True, slots=True)
class Sight:
    """The observations of points that are held: what a lock is judged by."""

    points: Array                                  # (N, 4) homogeneous world points
    frame: NDArray[np.int32]                       # (N,)
    pixel: Array                                   # (N, 2) in the pictures
    point: NDArray[np.intp]                        # (N,) which of the explained points it is

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Sight:
        return Sight(self.points[chosen], self.frame[chosen], self.pixel[chosen], self.point[chosen])

    @classmethod
    def of(cls, match: Match) -> Sight:
        tracks = match.tracks
        is_good = held(match)
        chosen = is_good[tracks.track]
        track = tracks.track[chosen]
        number = np.cumsum(is_good) - 1
        return cls(match.points_world[track], tracks.frame[chosen], tracks.pixel[chosen], number[track])

    def nearness(self, wanted: Views) -> float:
        """RMS inverse depth, per metre; 0 where everything is at infinity."""
        depth_m = leftover.depths(wanted, self.points, self.frame)
        inverse = 1.0 / depth_m[depth_m > 0]
        return float(np.sqrt(np.mean(inverse**2))) if len(inverse) else 0.0


@dataclass(frozen=True, slots=True)
class Placing:
    """What is taken for the distance of things, and why."""

    relief: Relief
    words: str
    parallax_px: float | None = None               # p95 over the picture in the worst frame tried
    hidden_share: float | None = None              # of the picture, likewise

    def to_dict(self) -> dict[str, Any]:
        return {
            "translation": self.words,
            "parallax_px": None if self.parallax_px is None else round(self.parallax_px, 3),
            "disoccluded": None if self.hidden_share is None else round(self.hidden_share, 5),
        }


def on_ground(pictured: Views, wanted: Views, ground_m: float) -> Placing:
    """The plane, unless the shift is too large for any warp."""
    relief = GroundPlane(wanted, ground_m)
    return _tried(relief, pictured, wanted, f"corrected on the ground at {ground_m:.3g} m")


def by_depth(match: Match, sight: Sight, pictured: Views, wanted: Views, scene_depth: Path | None) -> Placing:
    """The scene's depth, else the solved one, where there is a shift to undo and the depth fits the pictures.

    Errors as of `SceneDepth.open`.
    """
    metres = np.linalg.norm(wanted.centre - pictured.centre, axis=1)
    with np.errstate(divide="ignore"):
        moved = wanted.lens[sight.frame, 0] * metres[sight.frame] / leftover.depths(wanted, sight.points, sight.frame)
    known = moved[np.isfinite(moved)]
    if not np.any(known > 0):
        return Placing(FarAway(), "left: the solved camera is where it should be, as far as the pictures tell")
    usual = float(np.percentile(known, 95))
    if usual < SHIFT_PX:
        return Placing(FarAway(), f"left: it moves hardly anything by more than {usual:.2f} px", usual)
    if scene_depth:
        alike, ratio = likeness(match, wanted, scene_depth)
        if alike < DEPTH_SHARE:
            why = f"refused: the scene's depth is not what the pictures show: {alike:.0%} of the points agree, "
            return Placing(FarAway(), f"{why}and the usual one is {ratio:.2f} times as far there")
        scene = SceneDepth.open(scene_depth, match.frames, wanted)
        return _tried(scene, pictured, wanted, "corrected by scene depth")
    solved = _solved_depth(match, wanted)
    if not solved.is_dense():
        return Placing(FarAway(), "left: too few points are solved to tell the depth of the picture")
    return _tried(solved, pictured, wanted, "corrected by solved depth")


def _solved_depth(match: Match, wanted: Views) -> SolvedDepth:
    tracks = match.tracks
    is_good = held(match)
    first = np.full(len(is_good), np.iinfo(np.int32).max, dtype=np.int32)
    last = np.zeros(len(is_good), dtype=np.int32)
    np.minimum.at(first, tracks.track, tracks.frame)
    np.maximum.at(last, tracks.track, tracks.frame)
    return SolvedDepth(match.points_world[is_good], first[is_good], last[is_good], wanted)


# Limits ------------------------------------------------------------------------------------------


def _tried(relief: Relief, pictured: Views, wanted: Views, words: str) -> Placing:
    """The relief if a warp by it stays within the limits in every frame tried, else infinity and the reason."""
    parallax, invented, worst = 0.0, 0.0, 0
    for index in _trial_frames(pictured, wanted):
        inverse_depth = relief.inverse_depth(index)
        if not isinstance(inverse_depth, np.ndarray):
            continue
        parallax = max(parallax, _parallax_px(pictured, wanted, index, inverse_depth))
        if not isinstance(relief, GroundPlane):    # a plane hides nothing of itself
            share = float(hidden(pictured, wanted, index, inverse_depth).mean())
            invented, worst = max((invented, worst), (share, index))
    limit_px = (GROUND_SHARE if isinstance(relief, GroundPlane) else PARALLAX_SHARE) * wanted.width
    if parallax > limit_px:
        why = f"refused: it would move things by {parallax:.1f} px, and a warp does {limit_px:.0f} px well"
        return Placing(FarAway(), why, parallax, invented)
    if invented > HIDDEN_SHARE:
        why = f"refused: {invented:.1%} of picture {worst + 1} would have to be invented, and {HIDDEN_SHARE:.0%} may be"
        return Placing(FarAway(), why, parallax, invented)
    return Placing(relief, words, parallax, invented)


def _trial_frames(pictured: Views, wanted: Views) -> list[int]:
    farthest = int(np.linalg.norm(wanted.centre - pictured.centre, axis=1).argmax())
    spread = np.linspace(0, len(wanted) - 1, min(TRIAL_FRAMES, len(wanted))).astype(int)
    return sorted({farthest, *spread.tolist()})


def _parallax_px(pictured: Views, wanted: Views, index: int, inverse_depth: Array) -> float:
    """p95 over the picture of how far the warp moves a pixel beside what turn and zoom do, in plate pixels."""
    rows, columns = (np.arange(0, size, _TRIAL_STEP_PX) for size in inverse_depth.shape)
    pixel = np.stack(np.meshgrid(columns + 0.5, rows + 0.5), axis=-1).reshape(-1, 2)
    inverse = inverse_depth[np.ix_(rows, columns)].ravel()
    near = source_points(pictured, wanted, index, pixel, inverse)
    far = source_points(pictured, wanted, index, pixel, np.zeros_like(inverse))
    scale = float(wanted.lens[index, 0] / pictured.lens[index, 0])
    return float(np.percentile(np.linalg.norm(near - far, axis=1), 95)) * scale


def likeness(
    match: Match, wanted: Views, scene_depth: Path, factor: float = DEPTH_FACTOR
) -> tuple[float, float]:
    """The share of solved points that the scene has within a factor of their depth; the usual ratio, its to theirs."""
    scene, sight = SceneDepth.open(scene_depth, match.frames, wanted), Sight.of(match)
    ratios: list[Array] = []
    for index in _trial_frames(wanted, wanted):
        here = sight.frame == index
        points, frame = sight.points[here], sight.frame[here]
        place = np.floor(leftover.goal_pixels(wanted, points, frame))
        is_inside = (place >= 0).all(axis=1) & (place < [wanted.width, wanted.height]).all(axis=1)
        column, row = place[is_inside].astype(int).T
        drawn, depth_m = scene.inverse_depth(index)[row, column], leftover.depths(wanted, points, frame)[is_inside]
        is_near = np.isfinite(depth_m) & (drawn > 0)
        ratios.append(1.0 / (drawn[is_near] * depth_m[is_near]))
    ratio = np.concatenate(ratios)
    if not len(ratio):
        return 0.0, 1.0
    return float(np.mean(np.abs(np.log(ratio)) <= np.log(factor))), float(np.median(ratio))
