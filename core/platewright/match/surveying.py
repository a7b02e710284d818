"""What a lock will do and leave, told before its first picture is made: residuals by depth, bends, bare rims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import PlateError
from . import leftover, warping
from .correction import Difference
from .overscan import overscan_for
from .placing import Sight
from .relief import Relief, SceneDepth, SolvedDepth
from .views import Array, Views

if TYPE_CHECKING:
    from . import Match

Uncovered = Literal["fill", "refuse"]
RIM_FACTOR = 1.25                                  # in depth, from one surface to the one behind it
RIM_PX = 1                                         # how far a point that is followed may be beside its surface
STANDS = 0.05                                      # of the camera's height: what rises higher is not of the ground
BENT_SHARE = 0.01                                  # of what is seen: less is not worth a warning


def correction_figures(difference: Difference) -> dict[str, Any]:
    """How much is turned and zoomed."""
    degrees = np.degrees(np.linalg.norm(difference.turn, axis=1))
    ratio = np.exp(difference.zoom)
    return {
        "correction_deg": {"mean": round(float(degrees.mean()), 5), "max": round(float(degrees.max()), 5)},
        "focal_ratio": {"min": round(float(ratio.min()), 6), "max": round(float(ratio.max()), 6)},
    }


def before(match: Match, wanted: Views) -> dict[str, Any]:
    """What there was to mend, the world laid as the check laid it."""
    assert match.solved is not None
    sight, _ = _in_plate(wanted, Sight.of(match))
    nowhere = np.zeros(len(sight.frame))
    return leftover.figures(leftover.left_px(match.solved, match.given, wanted, sight.points, sight.frame, nowhere))


def survey(
    match: Match, sight: Sight, pictured: Views, wanted: Views, relief: Relief, ground_m: float | None
) -> dict[str, Any]:
    """One look at every frame: what is left of the error, and what the pictures do not cover.

    ground_m   height of a ground that is pinned: what stands on it is told apart
    """
    assert match.solved is not None
    sight, goal = _in_plate(wanted, sight)
    inverse = np.zeros(len(goal))
    shares, reach = np.zeros(len(wanted)), np.zeros((len(wanted), 2))
    for index in range(len(wanted)):
        depth = relief.inverse_depth(index)
        positions = warping.source_positions(pictured, wanted, index, depth)
        shares[index] = 1.0 - warping.covered(positions, pictured.width, pictured.height).mean()
        reach[index] = warping.reach(positions, pictured.width, pictured.height)
        here = np.flatnonzero(sight.frame == index)
        if isinstance(depth, np.ndarray):
            inverse[here] = _told_of(relief, depth, index, sight[here], goal[here], wanted)
    after = leftover.left_px(match.solved, pictured, wanted, sight.points, sight.frame, inverse)
    depth_m = leftover.depths(wanted, sight.points, sight.frame)
    return {
        "residual_px": leftover.figures(after),
        "bands": leftover.by_depth(depth_m, after),
        "usable_beyond_m": leftover.usable_beyond_m(depth_m, after),
        "bent": None if ground_m is None else _bent(sight.points, after, wanted, ground_m),
        "uncovered": _uncovered(match.frames, shares),
        "overscan_needed": round(overscan_for(reach, match.given, wanted), 4),
    }


def _told_of(relief: Relief, depth: Array, index: int, sight: Sight, goal: Array, wanted: Views) -> Array:
    """The inverse depth (N,) by which points that should be seen at `goal` are moved.

    Solved depth is asked without the point itself: what it says of the places between. A drawn one is asked around the
    point, for what is followed at the rim of a thing is on it, or beside it, by less than a pixel; and where a rim
    passes and the point is on neither side, it is a crossing of two edges and no point: NaN.
    """
    if isinstance(relief, SolvedDepth):
        halves = np.stack([_sampled(relief.half(part).inverse_depth(index), goal) for part in (0, 1)])
        return halves[1 - sight.point % 2, np.arange(len(goal))]
    if not isinstance(relief, SceneDepth):
        return _sampled(depth, goal)
    own = 1.0 / leftover.depths(wanted, sight.points, sight.frame)
    steps = range(-RIM_PX, RIM_PX + 1)
    around = np.stack([_sampled(depth, goal + [x, y]) for x in steps for y in steps])
    nearest = around[np.abs(around - own).argmin(axis=0), np.arange(len(goal))]
    is_rim = around.max(axis=0) > RIM_FACTOR * around.min(axis=0)
    is_neither = np.maximum(own, nearest) > RIM_FACTOR * np.minimum(own, nearest)
    return np.where(is_rim & is_neither, np.nan, nearest)


def _bent(points: Array, after: Array, wanted: Views, ground_m: float) -> dict[str, Any]:
    """What stands on a pinned ground: its share of what is seen, how far it is from its place, and how much of it."""
    high = STANDS * np.abs(np.median(wanted.centre[:, 2]) - ground_m)
    stands = (points[:, 3] > 0) & (points[:, 2] > (ground_m + high) * points[:, 3])
    is_off = stands & (np.nan_to_num(after) > leftover.LIMIT_PX)
    return {
        "share": round(float(stands.mean()), 4) if len(stands) else 0.0,
        "share_off": round(float(is_off.mean()), 4) if len(stands) else 0.0,
        **{name: value for name, value in leftover.figures(after[stands]).items() if name != "points"},
    }


def bent_warnings(found: dict[str, Any] | None) -> list[str]:
    """What an artist must know of a ground lock."""
    if found is None or found["share_off"] < BENT_SHARE:
        return []
    what = f"{found['share']:.0%} of the points seen stand above the ground and are bent, by {found['p95_px']:.1f} px"
    return [f"W_BENT: {what} (p95); {found['share_off']:.0%} of all are off by more than a pixel."]


def _in_plate(wanted: Views, sight: Sight) -> tuple[Sight, Array]:
    """The observations that the plate should show, and where (N, 2)."""
    goal = leftover.goal_pixels(wanted, sight.points, sight.frame)
    is_inside = np.asarray(((goal >= 0) & (goal <= [wanted.width, wanted.height])).all(axis=1))
    return sight[is_inside], goal[is_inside]


def _sampled(inverse_depth: Array, pixel: Array) -> Array:
    """The inverse depth at places (N, 2) of the plate."""
    height, width = inverse_depth.shape
    column = np.clip(pixel[:, 0], 0, width - 1).astype(int)
    row = np.clip(pixel[:, 1], 0, height - 1).astype(int)
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


def uncovered_warnings(report: dict[str, Any], uncovered: Uncovered) -> list[str]:
    """A warning, or the refusal that was asked for; nothing where the pictures reach everywhere."""
    found = report["uncovered"]
    if not found["frames"]:
        return []
    what = f"frame {found['worst_frame']} lacks {found['max']:.2%} of its picture"
    enough = f"an overscan of {report['overscan_needed']:.3g} would have been enough"
    if uncovered == "refuse":
        why = f"The pictures end before the plate does: {what}; {enough}."
        hint = f"Generate with --overscan {report['overscan_needed']:.3g}, or let the rim be filled."
        raise PlateError("E_UNCOVERED", why, hint)
    count = len(found["frames"])
    also = f"{count} frames do, from {found['frames'][0]} to {found['frames'][-1]}"
    return [f"W_UNCOVERED: {what} and was filled ({also}); {enough}."]


def listed(values: Array) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
