"""What a lock leaves: how far points are from where the wanted camera sees them, by distance from the camera."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .views import Array, Views

BANDS_M = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0, np.inf)
LIMIT_PX = 1.0
_SLICES, _SLICE_LEAST = 20, 150                    # of all observations by depth: as many, but not smaller
_SLICE_FACTOR = 1.5                                # from its farthest to its nearest, where it is not the farthest
_PERCENTILE = 95


def left_px(
    solved: Views, pictured: Views, wanted: Views, points: Array, frame: NDArray[np.integer[Any]], inverse_depth: Array
) -> Array:
    """(N,) plate pixels between where the locked plate shows a point and where the wanted camera sees it; NaN unseen.

    The pictures show the point where the solved camera sees it. The lock moves that place to the plate by the camera it
    takes for pictured and the inverse depth (N,) it takes for the point's.
    """
    aim = _axes_of(wanted, points, frame)
    seen = _axes_of(solved, points, frame)
    is_front = (aim[:, 2] > 1e-9) & (seen[:, 2] > 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = solved.pixels(seen, frame)
        goal = wanted.pixels(aim, frame)
        world = pictured.world_rays(shown, frame)
        ray = np.einsum("nji,nj->ni", wanted.world_from_camera[frame], world)
        shift = np.einsum("nji,nj->ni", wanted.world_from_camera[frame], wanted.centre[frame] - pictured.centre[frame])
        # The place in the wanted axes is s * ray - w * shift with s such that its depth is one.
        stretch = (1 + inverse_depth * shift[:, 2]) / ray[:, 2]
        place = stretch[:, None] * ray - inverse_depth[:, None] * shift
        rest = np.linalg.norm(wanted.pixels(place, frame) - goal, axis=1)
    return np.where(is_front & np.isfinite(rest), rest, np.nan)


def depths(wanted: Views, points: Array, frame: NDArray[np.integer[Any]]) -> Array:
    """(N,) metres along the wanted camera's axis; infinite at infinity, NaN behind."""
    z = _axes_of(wanted, points, frame)[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = z / points[:, 3]
    return np.where(z > 0, np.where(points[:, 3] > 0, depth, np.inf), np.nan)


def goal_pixels(wanted: Views, points: Array, frame: NDArray[np.integer[Any]]) -> Array:
    """(N, 2) where the wanted camera sees the points; NaN behind it."""
    seen = _axes_of(wanted, points, frame)
    seen[seen[:, 2] <= 1e-9] = np.nan
    return wanted.pixels(seen, frame)


def _axes_of(views: Views, points: Array, frame: NDArray[np.integer[Any]]) -> Array:
    """Homogeneous points (N, 4) in the axes of their frame's camera, up to their own scale."""
    offset = points[:, :3] - points[:, 3:] * views.centre[frame]
    return np.einsum("nji,nj->ni", views.world_from_camera[frame], offset)


# By depth ----------------------------------------------------------------------------------------


def by_depth(depth_m: Array, rest_px: Array) -> list[dict[str, Any]]:
    """Each band's `from_m`, `to_m` (None: infinity) and `figures`."""
    bands = [_band(depth_m, rest_px, near, far) for near, far in pairwise(BANDS_M)]
    at_infinity = rest_px[np.isposinf(depth_m)]
    return [*bands, {"from_m": None, "to_m": None, **figures(at_infinity)}]


def _band(depth_m: Array, rest_px: Array, near: float, far: float) -> dict[str, Any]:
    here = (depth_m >= near) & (depth_m < far)
    return {"from_m": near, "to_m": far if np.isfinite(far) else None, **figures(rest_px[here])}


def figures(rest_px: Array) -> dict[str, Any]:
    """`points` (observations), `p95_px` and `max_px` of what is known; null where nothing is."""
    known = rest_px[np.isfinite(rest_px)]
    if not len(known):
        return {"points": 0, "p95_px": None, "max_px": None}
    p95 = float(np.percentile(known, _PERCENTILE))
    return {"points": len(known), "p95_px": round(p95, 4), "max_px": round(float(known.max()), 4)}


def usable_beyond_m(depth_m: Array, rest_px: Array) -> float | None:
    """The nearest depth beyond which every slice of depths has its p95 within a pixel; 0 if all do, None if none does.

    Slices hold equal counts of observations, and those that span a factor in depth are cut smaller: many that are fine
    far away cannot hide those that are not. The farthest is left whole: a handful of wild points says nothing of hills.
    """
    is_known = np.isfinite(rest_px) & ~np.isnan(depth_m)
    if not is_known.any():
        return None
    order = np.argsort(-depth_m[is_known], kind="stable")
    depth, rest = depth_m[is_known][order], rest_px[is_known][order]
    usable = None
    for start, end in pairwise(_slices(depth)):
        if np.percentile(rest[start:end], _PERCENTILE) > LIMIT_PX:
            return usable
        usable = _finite(depth[end - 1])
    return 0.0


def _slices(depth: Array) -> list[int]:
    """Where slices of falling depths begin, and the end of the last."""
    count = max(1, min(_SLICES, len(depth) // _SLICE_LEAST))
    found = [0]
    for end in np.linspace(0, len(depth), count + 1).astype(int)[1:].tolist():
        while len(found) > 1 and end - found[-1] >= 2 * _SLICE_LEAST:
            cut = int(np.searchsorted(-depth, -depth[found[-1]] / _SLICE_FACTOR))
            if cut >= end - _SLICE_LEAST:
                break
            found.append(max(cut, found[-1] + _SLICE_LEAST))
        found.append(end)
    return found


def _finite(depth_m: float) -> float | None:
    return round(float(depth_m), 3) if np.isfinite(depth_m) else None
