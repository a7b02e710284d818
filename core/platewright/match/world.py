"""Does the plate move in the scene's own metres? CG that stands on the scene's ground tells.

A camera that moves 1.2 times too far in a world 1.2 times too large makes the very same pictures as the right one: no
solve can tell them apart. The scene's own geometry can, where the plate shows it: its depth, or its ground's height.

world_scale   how many times too far the plate's camera moves, against that geometry: the geometry's distance over the
              distance at which the plate shows it, the camera's move taken from the path
slide_px      how far the plate's picture runs away under a CG point that stands on that geometry, nailed to what the
              plate shows beneath it where the track begins
ground_m, ground_tilt_deg    the plate's own ground: its height below the path, and its slope

All of them with the plate's path laid over the given one, place on place: a camera that only turns away is then no
nearer to its ground. A turn that is the same in every frame shows here, as a sloping ground, or nowhere: without
parallax nothing tells it from a world that is built so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .aligning import Similarity
from .footage import Footage
from .grounds import POINTS_MIN, Level, ground_of
from .relief import SceneDepth
from .scoring import parallax_px
from .settling import settled
from .solving import Solution, spans
from .tracking import Tracks
from .views import Array, Views, rotation_from_vector

PARALLAX_MIN_PX = 2.0                              # a point that shifts less has no depth worth a word
TILT_TOLD_DEG = 0.5                                # a meadow slopes as much by itself
SAME_SURFACE = 0.25                                # of the logarithm of the depth: what is farther off is another thing
EDGE = 0.02                                        # a first depth farther off than that share is of the pixel next door


@dataclass(frozen=True, slots=True)
class Place:
    """The plate's world against the scene's; null where it was not asked for or cannot be known."""

    world_scale: float | None = None
    slide_px: dict[str, float] | None = None       # p95, max
    ground_m: float | None = None                  # the plate's own ground below the path, in the path's metres
    ground_tilt_deg: float | None = None
    against: str | None = None                     # what it was compared with
    why_not: str | None = None

    @classmethod
    def of(cls, level: Level | None) -> Place:
        """Only what the plate shows by itself."""
        if level is None:
            return cls()
        return cls(ground_m=round(level.height_m, 4), ground_tilt_deg=round(level.tilt_deg, 3))

    def to_dict(self) -> dict[str, Any]:
        """These fields in the report."""
        return {
            "world_scale": self.world_scale, "slide_px": self.slide_px, "ground_m": self.ground_m,
            "ground_tilt_deg": self.ground_tilt_deg, "world_against": self.against,
        }  # fmt: skip

    def words(self, parallax: str | None) -> list[str]:
        """What a person must know of the scale, and of a ground that should be level."""
        if parallax == "none":
            return ["Nothing shifts against anything: it is judged as a far background, and one turn of all is free."]
        if self.world_scale is None:
            return [f"Up to world scale{': ' + self.why_not if self.why_not else ''}."]
        slide = f", CG on it slides {self.slide_px['p95']:.1f} px" if self.slide_px else ""
        far = f"Against {self.against} the camera moves {self.world_scale:.2f} times as far as it should{slide}."
        if (self.ground_tilt_deg or 0.0) < TILT_TOLD_DEG:
            return [far]
        return [far, f"The plate's ground slopes by {self.ground_tilt_deg:.1f} degrees."]


def measured(
    footage: Footage,
    tracks: Tracks,
    given: Views,
    solution: Solution,
    explained: NDArray[np.bool_],
    plate_scale: float,
    ground_m: float | None,
    scene_depth: Path | None,
) -> Place:
    """World scale and slide against the scene's depth, else against its ground; the plate's own ground in any case."""
    solution = _over_the_path(given, solution, explained)
    is_deep = explained & (parallax_px(tracks, solution) >= PARALLAX_MIN_PX) & (solution.points.inverse_depth > 0)
    level = ground_of(given.centre, solution.points.homogeneous(), is_deep)
    own = Place.of(level)
    if scene_depth is not None:
        there = SceneDepth.open(scene_depth, footage.frames, given)
        told = _against_depth(tracks, given, solution, is_deep, plate_scale, there, own)
        if told.world_scale is not None or ground_m is None:
            return told
    if ground_m is None:
        return own
    if level is None:
        return replace(own, why_not="no ground is seen below the cameras")
    height = float(np.mean(given.centre[:, 2]))
    if height <= ground_m:
        return replace(own, why_not=f"the camera is not above a ground at {ground_m:g} m")
    scale = (height - ground_m) / (height - level.height_m)
    slide = _slide(tracks, given, _on_ground(tracks, given, ground_m), level.is_on, plate_scale)
    return replace(own, world_scale=round(scale, 4), slide_px=slide, against=f"the ground at {ground_m:g} m")


def _over_the_path(given: Views, solution: Solution, explained: NDArray[np.bool_]) -> Solution:
    """The solved world laid so that its cameras stand where the given ones do, as nearly as one can."""
    if not solution.model.moves or not explained.any():
        return solution
    nearness = float(np.sqrt(np.mean(solution.points.inverse_depth[explained] ** 2)))
    move = settled(solution.views.centre, given.centre, nearness)
    turn, scale = rotation_from_vector(move.turn), float(np.exp(move.log_scale))
    whole = Similarity(turn, move.pivot + move.offset - scale * turn @ move.pivot, scale)
    return replace(solution, views=whole.of_views(solution.views), points=whole.of_points(solution.points))


def _slide(
    tracks: Tracks, given: Views, stands: Array, chosen: NDArray[np.bool_], plate_scale: float
) -> dict[str, float] | None:
    """CG points (K, 3), seen by the given cameras, against where the tracks go; NaN points are left out."""
    world = stands[tracks.track]
    seen = given.camera_points(world, tracks.frame)
    good = chosen[tracks.track] & np.isfinite(world).all(axis=1) & (seen[:, 2] > 0)
    if np.count_nonzero(good) < POINTS_MIN:
        return None
    off = np.linalg.norm(given.pixels(seen[good], tracks.frame[good]) - tracks.pixel[good], axis=1) * plate_scale
    off = np.minimum(off, np.hypot(given.width, given.height) * plate_scale)
    return {"p95": round(float(np.percentile(off, 95)), 4), "max": round(float(off.max()), 4)}


# Against the scene's depth --------------------------------------------------------------------------


def _against_depth(
    tracks: Tracks,
    given: Views,
    solution: Solution,
    is_deep: NDArray[np.bool_],
    plate_scale: float,
    there: SceneDepth,
    own: Place,
) -> Place:
    scene_z = _scene_depths(tracks, there, len(given))
    first, length = spans(tracks)
    ratio = _median_by_track(scene_z / _solved_depths(tracks, solution), first, length)
    usable = is_deep & np.isfinite(ratio)
    if np.count_nonzero(usable) < POINTS_MIN:
        return replace(own, why_not="too few points lie on the scene's geometry")
    logs = np.log(ratio[usable])
    scale = float(np.exp(_mode(logs)))
    same = usable & (np.abs(np.log(np.where(usable, ratio, 1.0) / scale)) < SAME_SURFACE)
    scale = float(np.exp(np.median(np.log(ratio[same]))))
    begins = scene_z[first]
    ray = given.world_rays(tracks.pixel[first], tracks.frame[first])
    stands = given.centre[tracks.frame[first]] + ray * begins[:, None]
    edge = np.abs(begins / (scale * _solved_depths(tracks, solution)[first]) - 1) > EDGE
    slide = _slide(tracks, given, stands, same & ~edge, plate_scale)
    return replace(own, world_scale=round(scale, 4), slide_px=slide, against="the scene's depth")


def _mode(values: Array) -> float:
    """Where most values lie: the middle of the densest stretch that holds a third of them."""
    ordered = np.sort(values)
    span = max(2, len(ordered) // 3)
    widths = ordered[span - 1 :] - ordered[: len(ordered) - span + 1]
    begin = int(np.argmin(widths))
    return float(np.median(ordered[begin : begin + span]))


def _scene_depths(tracks: Tracks, there: SceneDepth, frames: int) -> Array:
    """(N,) metres along the camera's axis at each observation; NaN on the sky."""
    column = np.clip(tracks.pixel[:, 0].astype(int), 0, there.width - 1)
    row = np.clip(tracks.pixel[:, 1].astype(int), 0, there.height - 1)
    depth = np.full(len(column), np.nan)
    for index in range(frames):
        here = tracks.frame == index
        nearness = there.inverse_depth(index)[row[here], column[here]]
        depth[here] = np.divide(1.0, nearness, out=np.full(len(nearness), np.nan), where=nearness > 0)
    return depth


def _solved_depths(tracks: Tracks, solution: Solution) -> Array:
    """(N,) metres along the solved camera's axis; NaN at infinity and behind."""
    points = solution.points.homogeneous()[tracks.track]
    offset = points[:, :3] - solution.views.centre[tracks.frame] * points[:, 3:]
    z = np.einsum("nji,nj->ni", solution.views.world_from_camera[tracks.frame], offset)[:, 2]
    good = (points[:, 3] > 0) & (z > 0)
    return np.divide(z, points[:, 3], out=np.full(len(z), np.nan), where=good)


def _median_by_track(values: Array, first: NDArray[np.intp], length: NDArray[np.intp]) -> Array:
    parts = (values[begin : begin + count] for begin, count in zip(first, length, strict=True))
    return np.array([np.median(part[np.isfinite(part)]) if np.isfinite(part).any() else np.nan for part in parts])


# Against the scene's ground --------------------------------------------------------------------------


def _on_ground(tracks: Tracks, given: Views, ground_m: float) -> Array:
    """(K, 3) where the ray of each track's first observation meets the scene's ground; NaN where it does not."""
    first, _ = spans(tracks)
    frame = tracks.frame[first]
    ray, centre = given.world_rays(tracks.pixel[first], frame), given.centre[frame]
    falls = ray[:, 2] < 0
    reach = np.divide(ground_m - centre[:, 2], ray[:, 2], out=np.full(len(ray), np.nan), where=falls)
    return np.where((reach > 0)[:, None], centre + ray * reach[:, None], np.nan)
