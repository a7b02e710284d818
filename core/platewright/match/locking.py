"""A plate whose camera is the scene's: what the solver found wrong with the pictures is undone in one resample.

    lock = plan(match, camera, to="far")           what must be undone, and what that will leave; refuses early
    picture = lock.picture(index, footage.picture(index))
    lock.report                                    figures and words; sharpness grows with the pictures made

`far`     pins what is far away: turn and focal length. Where the depth of things is known, from the scene or from the
          solved points, the camera's wrong place is corrected too, as long as a warp can do it.
`ground`  pins the plane z = ground_m, by the solved place as well. The plane's homography becomes the far one at the
          horizon and stays it above: nothing tears, and what rises above the horizon is locked as if it were far.
`region`  pins what a mask shows white, by turn and focal length.

The report holds, all in plate pixels and null where nothing is known:
    to, warnings, translation (in words), parallax_px, disoccluded      what the lock does about a wrong place
    correction_deg {mean, max}, focal_ratio {min, max}                   how much it turns and zooms
    residual_before_px, residual_px {points, p95_px, max_px}             of what one rigid scene explains
    bands [{from_m, to_m, points, p95_px, max_px}], usable_beyond_m      the same by depth; the last band is infinity
    uncovered {mean, max, worst_frame, frames, per_frame, mirrored}      shares of the picture; mirrored: once made,
                                                                         what no other frame could lend
    overscan_needed                                                      that would have covered all of it
    sharpness {before, after, pulse}, sharpness_pulse                    per frame, once its picture is made
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..camera import CameraPath
from ..errors import PlateError, RequestError
from ..pictures import Picture
from . import leftover, warping
from .borrowing import borrowed
from .correction import Difference, pinned, sensitivity, steadied
from .footage import Footage, Mask
from .overscan import expected_overscan, overscan_for, overscanned
from .placing import Placing, Sight, by_depth, likeness, on_ground
from .relief import FarAway, GroundPlane, Relief, hidden
from .settling import laid
from .views import Array, Views

if TYPE_CHECKING:
    from . import Match

__all__ = ["Lock", "Target", "Uncovered", "expected_overscan", "overscanned", "plan"]

Target = Literal["far", "ground", "region"]
Uncovered = Literal["fill", "refuse"]
GROUND_SLACK = 0.1                                 # of the camera's height: points so near the ground are of it


@dataclass(slots=True)
class Lock:
    """A planned lock of F frames; `plan` makes it."""

    frames: tuple[int, ...]                        # scene frames of the pictures
    pictured: Views                                # the camera that the pictures are taken to show, at their size
    wanted: Views                                  # the camera of the plate, at its size
    relief: Relief
    nearness: float                                # usual inverse depth, per metre; 0: everything is far away
    report: dict[str, Any]                         # JSON-safe
    _before: Array = field(repr=False)             # (F,) sharpness; NaN until the picture is made
    _after: Array = field(repr=False)

    def picture(self, index: int, source: Picture, picture_of: Callable[[int], Picture] | None = None) -> Picture:
        """Frame index `index` of the plate, one resample away from `source`, the footage's float picture.

        picture_of   gives the footage's other pictures by index: what `source` does not cover is taken from the nearest
                     that does, and only the rest is mirrored; it is asked for nothing where nothing is uncovered
        Returns float32 (height, width, 3) of the plate, display-referred sRGB, 0..1. RequestError E_FRAMES_SIZE when
        `source` has not the size that was measured; E_DEPTH_READ.
        """
        if source.shape[:2] != (self.pictured.height, self.pictured.width):
            why = f"Frame {self.frames[index]} is {source.shape[1]}x{source.shape[0]} pixels, not as it was measured."
            raise RequestError("E_FRAMES_SIZE", why, "Lock the very frames that were checked.")
        inverse_depth = self.relief.inverse_depth(index)
        positions = warping.source_positions(self.pictured, self.wanted, index, inverse_depth)
        scale = self.pictured.lens[index, :2] / self.wanted.lens[index, :2]
        drawn = warping.resample(source, positions, (float(scale[0]), float(scale[1])))
        if isinstance(inverse_depth, np.ndarray) and not isinstance(self.relief, GroundPlane):
            drawn = warping.filled(drawn, hidden(self.pictured, self.wanted, index, inverse_depth))
        is_missing = ~warping.covered(positions, self.pictured.width, self.pictured.height)
        if picture_of and is_missing.any():
            views = (self.pictured, self.wanted)
            drawn, is_missing = borrowed(drawn, is_missing, views, index, inverse_depth, self.nearness, picture_of)
        self.report["uncovered"]["mirrored"][index] = round(float(is_missing.mean()), 6)
        self._note_sharpness(index, warping.window(source, positions), drawn, float(scale.mean()))
        return drawn

    def _note_sharpness(self, index: int, before: Picture, after: Picture, scale: float) -> None:
        self._before[index], self._after[index] = warping.sharpness(before) * scale, warping.sharpness(after)
        pulse = warping.pulse(self._before, self._after)
        self.report["sharpness"] = {"before": _listed(self._before), "after": _listed(self._after), "pulse": pulse}
        self.report["sharpness_pulse"] = pulse


def plan(
    match: Match,
    camera: CameraPath,
    *,
    to: Target = "far",
    ground_m: float | None = None,
    scene_depth: Path | None = None,
    region: Path | None = None,
    uncovered: Uncovered = "fill",
) -> Lock:
    """What must be done to every frame, decided for the whole plate before the first is made.

    camera        the camera that is wanted, at the plate's size; its frames hold all of the footage's
    ground_m      height of the ground, metres, for `to="ground"`; None: what the match says, else 0
    scene_depth   folder of EXR with planar depth in metres as `camera` sees it, numbered by scene frame
    region        for `to="region"`: a picture, or a folder of them numbered by frame, of the footage's shape; white is
                  what is pinned
    uncovered     where the pictures end before the plate does: `fill`, with a warning, or `refuse`

    PlateError E_UNSOLVED, E_UNCOVERED; RequestError E_RANGE, E_REGION_NONE, E_REGION_EMPTY, E_FILE_MISSING,
    E_DEPTH_FRAMES, E_DEPTH_READ and those of `Mask.open`.
    """
    _require_solved(match, camera)
    wanted, found = Views.of(camera, match.frames), match
    difference, sight = _difference(match, wanted), Sight.of(match)
    if not difference.is_nothing:
        match = _laid(found, wanted, scene_depth)
        difference, sight = _difference(match, wanted), Sight.of(match)
    if to == "region":
        difference = _region_difference(match, wanted, sight, region, difference)
    pictured = difference.pictured(match.given, wanted)
    if to == "far":
        placing = by_depth(match, sight, pictured, wanted, scene_depth)
    elif to == "ground":
        placing = on_ground(pictured, wanted, _ground(found, match) if ground_m is None else ground_m)
    else:
        placing = Placing(FarAway(), "left: a region is pinned by turn and focal length")
    unseen = np.full(len(wanted), np.nan)
    lock = Lock(match.frames, pictured, wanted, placing.relief, sight.nearness(wanted), {}, unseen, unseen.copy())
    lock.report |= {"to": to, **_correction_figures(difference), **placing.to_dict()}
    lock.report |= {"residual_before_px": _before(found, wanted), **_survey(lock, match, sight)}
    _judge_uncovered(lock.report, uncovered)
    lock.report |= {"sharpness": {"before": _listed(unseen), "after": _listed(unseen), "pulse": None}}
    lock.report |= {"sharpness_pulse": None}
    return lock


def _require_solved(match: Match, camera: CameraPath) -> None:
    if match.solved is None:
        why = f"The camera of these pictures is not known: {match.report.get('reason') or 'it could not be solved'}"
        raise PlateError("E_UNSOLVED", why, "Mask what moves, or make the plate again with more texture.")
    if not camera.frames[0] <= match.frames[0] <= match.frames[-1] <= camera.frames[-1]:
        why = f"The camera's frames {camera.frames[0]} to {camera.frames[-1]} do not hold all that was measured."
        raise RequestError("E_RANGE", why, "Lock with the camera file that the frames were checked with.")


def _laid(match: Match, wanted: Views, scene_depth: Path | None) -> Match:
    """Place on place; but where the scene's depth is at hand and says better, as the check laid it."""
    moved = laid(match, wanted, Sight.of(match).nearness(wanted))
    if scene_depth and likeness(match, wanted, scene_depth) > likeness(moved, wanted, scene_depth):
        return match
    return moved


def _ground(found: Match, laid_match: Match) -> float:
    """The height of the ground that was found, in the world as it is laid now; 0 where none was."""
    known = found.report.get("ground_m")
    if known is None:
        return 0.0
    near = found.points_world[:, 3] > 0
    z, z_now = (match.points_world[near, 2] / match.points_world[near, 3] for match in (found, laid_match))
    is_ground = np.abs(z - known) < GROUND_SLACK * np.abs(np.median(found.given.centre[:, 2]) - known)
    return float(np.median(z_now[is_ground])) if is_ground.any() else float(known)


# What is wrong -----------------------------------------------------------------------------------


def _difference(match: Match, wanted: Views) -> Difference:
    assert match.solved is not None
    sight, raw = Sight.of(match), Difference.between(match.solved, match.given, wanted)
    return steadied(raw, sensitivity(sight.points, sight.frame, wanted), match.per_frame["uncertainty_px"])


def _region_difference(match: Match, wanted: Views, sight: Sight, region: Path | None, far: Difference) -> Difference:
    """Turn and zoom that pin the explained points inside the region, as steady as their own noise allows."""
    if region is None:
        raise RequestError("E_REGION_NONE", "There is no region to pin.", "Give a mask with --region; white is pinned.")
    inside = _inside(match, sight, region)
    points, frame = sight.points[inside], sight.frame[inside]
    directions = np.einsum(
        "nji,nj->ni", wanted.world_from_camera[frame], points[:, :3] - points[:, 3:] * wanted.centre[frame]
    )
    is_front = directions[:, 2] > 0
    points, frame, directions = points[is_front], frame[is_front], directions[is_front]
    raw, sigma = pinned(far, match.given, wanted, directions, sight.pixel[inside][is_front], frame)
    if not np.isfinite(sigma).any():
        why = f"No solved point lies where {region.name} is white."
        raise RequestError("E_REGION_EMPTY", why, "Paint the mask over something with texture that does not move.")
    metric = sensitivity(points, frame, wanted)
    metric[:, 4:], metric[:, :, 4:] = 0.0, 0.0
    return steadied(raw, metric, sigma)


def _inside(match: Match, sight: Sight, region: Path) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(N,) observations on the white of their frame's mask."""
    footage = Footage((), match.frames, match.given.width, match.given.height)
    mask = Mask.open(region, footage)
    column = np.clip(sight.pixel[:, 0].astype(int), 0, match.given.width - 1)
    row = np.clip(sight.pixel[:, 1].astype(int), 0, match.given.height - 1)
    inside = np.zeros(len(sight.frame), dtype=np.bool_)
    for index in np.unique(sight.frame):
        here = sight.frame == index
        inside[here] = ~mask.is_free(int(index))[row[here], column[here]]
    return inside


# What the report says ----------------------------------------------------------------------------


def _correction_figures(difference: Difference) -> dict[str, Any]:
    degrees = np.degrees(np.linalg.norm(difference.turn, axis=1))
    ratio = np.exp(difference.zoom)
    return {
        "correction_deg": {"mean": round(float(degrees.mean()), 5), "max": round(float(degrees.max()), 5)},
        "focal_ratio": {"min": round(float(ratio.min()), 6), "max": round(float(ratio.max()), 6)},
    }


def _before(match: Match, wanted: Views) -> dict[str, Any]:
    """What there was to mend, the world laid as the check laid it."""
    assert match.solved is not None
    sight, _ = _in_plate(wanted, Sight.of(match))
    nowhere = np.zeros(len(sight.frame))
    return leftover.figures(leftover.left_px(match.solved, match.given, wanted, sight.points, sight.frame, nowhere))


def _survey(lock: Lock, match: Match, sight: Sight) -> dict[str, Any]:
    """One look at every frame: what is left of the error, and what the pictures do not cover."""
    assert match.solved is not None
    wanted, pictured = lock.wanted, lock.pictured
    sight, goal = _in_plate(wanted, sight)
    inverse = np.zeros(len(goal))
    shares, reach = np.zeros(len(wanted)), np.zeros((len(wanted), 2))
    for index in range(len(wanted)):
        depth = lock.relief.inverse_depth(index)
        positions = warping.source_positions(pictured, wanted, index, depth)
        shares[index] = 1.0 - warping.covered(positions, pictured.width, pictured.height).mean()
        reach[index] = warping.reach(positions, pictured.width, pictured.height)
        if isinstance(depth, np.ndarray):
            here = sight.frame == index
            inverse[here] = _sampled(depth, goal[here])
    after = leftover.left_px(match.solved, pictured, wanted, sight.points, sight.frame, inverse)
    depth_m = leftover.depths(wanted, sight.points, sight.frame)
    return {
        "residual_px": leftover.figures(after),
        "bands": leftover.by_depth(depth_m, after),
        "usable_beyond_m": leftover.usable_beyond_m(depth_m, after),
        "uncovered": _uncovered(lock.frames, shares),
        "overscan_needed": round(overscan_for(reach, match.given, wanted), 4),
    }


def _in_plate(wanted: Views, sight: Sight) -> tuple[Sight, Array]:
    """The observations that the plate should show, and where (N, 2)."""
    goal = leftover.goal_pixels(wanted, sight.points, sight.frame)
    is_inside = (goal >= 0).all(axis=1) & (goal <= [wanted.width, wanted.height]).all(axis=1)
    return Sight(sight.points[is_inside], sight.frame[is_inside], sight.pixel[is_inside]), goal[is_inside]


def _sampled(inverse_depth: Array, pixel: Array) -> Array:
    """The inverse depth at places (N, 2) of the plate."""
    height, width = inverse_depth.shape
    column = np.minimum(pixel[:, 0], width - 1).astype(int)
    row = np.minimum(pixel[:, 1], height - 1).astype(int)
    return inverse_depth[row, column]


def _uncovered(frames: tuple[int, ...], shares: Array) -> dict[str, Any]:
    lacking = [frame for frame, share in zip(frames, shares, strict=True) if share > 0]
    return {
        "mean": round(float(shares.mean()), 6),
        "max": round(float(shares.max()), 6),
        "worst_frame": frames[int(shares.argmax())] if lacking else None,
        "frames": lacking,
        "per_frame": [round(float(share), 6) for share in shares],
        "mirrored": [None] * len(frames),
    }


def _judge_uncovered(report: dict[str, Any], uncovered: Uncovered) -> None:
    """A warning, or the refusal that was asked for; nothing where the pictures reach everywhere."""
    report["warnings"] = []
    found = report["uncovered"]
    if not found["frames"]:
        return
    what = f"frame {found['worst_frame']} lacks {found['max']:.2%} of its picture"
    enough = f"an overscan of {report['overscan_needed']:.3g} would have been enough"
    if uncovered == "refuse":
        why = f"The pictures end before the plate does: {what}; {enough}."
        hint = f"Generate with --overscan {report['overscan_needed']:.3g}, or let the rim be filled."
        raise PlateError("E_UNCOVERED", why, hint)
    count = len(found["frames"])
    also = f"{count} frames do, from {found['frames'][0]} to {found['frames'][-1]}"
    report["warnings"] = [f"W_UNCOVERED: {what} and was filled ({also}); {enough}."]


def _listed(values: Array) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
