"""Does the plate move in the scene's own metres? CG that stands on the scene's ground tells.

A camera that moves 1.2 times too far in a world 1.2 times too large makes the very same pictures as the right one: no
solve can tell them apart. The scene's own geometry can, where the plate shows it: its depth, or its ground's height.

world_scale   how many times too far the plate's camera moves, against that geometry: the geometry's distance over the
              distance at which the plate shows it, the camera's move taken from the path
slide_px      how far the plate's picture runs away under a CG point that stands on that geometry, nailed to what the
              plate shows beneath it where the track begins
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .footage import Footage
from .relief import SceneDepth
from .scoring import parallax_px
from .solving import Solution, spans
from .tracking import Tracks
from .views import Array, Views

POINTS_MIN = 12
PARALLAX_MIN_PX = 2.0                              # a point that shifts less has no depth worth a word
SAME_SURFACE = 0.25                                # of the logarithm of the depth: what is farther off is another thing
EDGE = 0.02                                        # a first depth farther off than that share is of the pixel next door
TILT_MAX_DEG = 15.0
NEAR_GROUND, ON_GROUND = 0.05, 0.02                # of the camera's height: what votes for a ground, what stands on it
DIP = 0.05                                         # downward slope of a ray that may meet the ground
TRIALS = 400                                       # of three points each: with half of them on it one will do


@dataclass(frozen=True, slots=True)
class Place:
    """The plate's world against the scene's; null where it was not asked for or cannot be known."""

    world_scale: float | None = None
    slide_px: dict[str, float] | None = None       # p95, max
    ground_m: float | None = None                  # the plate's own ground below the path, in the path's metres
    ground_tilt_deg: float | None = None
    against: str | None = None                     # what it was compared with
    why_not: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """These fields in the report."""
        return {
            "world_scale": self.world_scale, "slide_px": self.slide_px, "ground_m": self.ground_m,
            "ground_tilt_deg": self.ground_tilt_deg, "world_against": self.against,
        }  # fmt: skip

    def words(self, parallax: str | None) -> list[str]:
        """What a person must know of the scale."""
        if parallax == "none":
            return ["Nothing shifts against anything: it is judged as a far background."]
        if self.world_scale is None:
            return [f"Up to world scale{': ' + self.why_not if self.why_not else ''}."]
        slide = f", CG on it slides {self.slide_px['p95']:.1f} px" if self.slide_px else ""
        return [f"Against {self.against} the camera moves {self.world_scale:.2f} times as far as it should{slide}."]


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
    is_deep = explained & (parallax_px(tracks, solution) >= PARALLAX_MIN_PX) & (solution.points.inverse_depth > 0)
    level = _ground(given, solution, is_deep)
    own = Place(ground_m=level.height_m, ground_tilt_deg=level.tilt_deg) if level else Place()
    if scene_depth is not None:
        there = SceneDepth.open(scene_depth, footage.frames, given)
        return _against_depth(tracks, given, solution, is_deep, plate_scale, there, own)
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


@dataclass(frozen=True, slots=True)
class _Level:
    """The plate's own ground, in the path's metres."""

    height_m: float                                # below the middle of the path
    tilt_deg: float
    is_on: NDArray[np.bool_]                       # (K,) tracks on it


def _ground(given: Views, solution: Solution, is_deep: NDArray[np.bool_]) -> _Level | None:
    """The plane below the cameras that holds most points; nearly level, or there is none."""
    middle = given.centre.mean(axis=0)
    homogeneous = solution.points.homogeneous()
    points = np.full((len(is_deep), 3), np.nan)
    points[is_deep] = homogeneous[is_deep, :3] / homogeneous[is_deep, 3:] - middle
    flat = np.hypot(points[:, 0], points[:, 1])
    below = np.flatnonzero(is_deep & (points[:, 2] < -DIP * flat))
    if len(below) < POINTS_MIN:
        return None
    plane = _best_plane(points[below])
    if plane is None:
        return None
    near = np.abs(points @ np.array([-plane[0], -plane[1], 1.0]) - plane[2]) < ON_GROUND * -plane[2]
    is_on = is_deep & near
    tilt = float(np.degrees(np.arctan(np.hypot(plane[0], plane[1]))))
    return _Level(round(float(plane[2] + middle[2]), 4), round(tilt, 3), is_on)


def _best_plane(points: Array) -> Array | None:
    """z = a x + b y + c through most of the points (N, 3): trials of three, then least squares; None: no plane."""
    draws = np.random.default_rng(0).integers(0, len(points), (TRIALS, 3))
    best, votes = np.zeros(3), POINTS_MIN - 1
    for three in points[draws]:
        rows = np.column_stack([three[:, :2], np.ones(3)])
        if abs(np.linalg.det(rows)) < 1e-6:
            continue
        plane = np.linalg.solve(rows, three[:, 2])
        is_level = plane[2] < 0 and np.hypot(plane[0], plane[1]) < np.tan(np.radians(TILT_MAX_DEG))
        count = np.count_nonzero(_on(points, plane)) if is_level else 0
        if count > votes:
            best, votes = plane, count
    if votes < POINTS_MIN:
        return None
    for _ in range(3):
        held = points[_on(points, best)]
        rows = np.column_stack([held[:, :2], np.ones(len(held))])
        best = np.asarray(np.linalg.lstsq(rows, held[:, 2], rcond=None)[0], dtype=np.float64)
    return best


def _on(points: Array, plane: Array) -> NDArray[np.bool_]:
    height = points[:, :2] @ plane[:2] + plane[2]
    return np.abs(points[:, 2] - height) < NEAR_GROUND * -plane[2]


def _on_ground(tracks: Tracks, given: Views, ground_m: float) -> Array:
    """(K, 3) where the ray of each track's first observation meets the scene's ground; NaN where it does not."""
    first, _ = spans(tracks)
    frame = tracks.frame[first]
    ray, centre = given.world_rays(tracks.pixel[first], frame), given.centre[frame]
    falls = ray[:, 2] < 0
    reach = np.divide(ground_m - centre[:, 2], ray[:, 2], out=np.full(len(ray), np.nan), where=falls)
    return np.where((reach > 0)[:, None], centre + ray * reach[:, None], np.nan)
