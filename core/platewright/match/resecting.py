"""The camera of one frame from points that others have settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .solving import Solution, linearised, moved, refine, residual_of, robust_weight
from .tracking import Tracks
from .views import Array, Views

LEFT_OUT = 0.5                                     # of the usual share: a frame that holds less was left behind
KERNELS_PX = (64.0, 64.0, 16.0, 16.0, 4.0, 4.0, 1.0)
SETTLE_PX = (2.0, 1.0)


def resected(
    tracks: Tracks, given: Views, fit: Solution, begin: Views, frames: NDArray[np.bool_], kernels_px: Sequence[float]
) -> Views:
    """Cameras that start at `begin` and find the fit's points, a step per kernel; only the chosen frames (F,) move."""
    held = np.zeros((len(tracks.was_lost), fit.model.point_size))
    state = replace(fit, views=begin, residual=residual_of(tracks, begin, fit.points))
    for scale_px in kernels_px:
        system = linearised(tracks, given, state, robust_weight(tracks, state.residual, scale_px, by_track=False))
        step = np.linalg.solve(system.camera_block, system.camera_pull[:, :, None])[:, :, 0]
        step[~frames] = 0.0
        after = moved(state, np.asarray(step, dtype=np.float64), held)
        state = replace(after, points=fit.points, residual=residual_of(tracks, after.views, fit.points))
    return state.views


def caught_up(tracks: Tracks, given: Views, fit: Solution) -> Solution:
    """The fit, its stragglers brought home.

    Where the given path jumps, a frame may start too far off to be drawn in by its neighbours: nothing in it counts
    any more, and it stays where it was. Such frames look for the points that the others have settled, then all settle.
    """
    behind = _behind(tracks, fit)
    if not behind.any() or behind.all():
        return fit
    views = resected(tracks, given, fit, fit.views, behind, KERNELS_PX)
    begin = replace(fit, views=views, residual=residual_of(tracks, views, fit.points))
    return refine(tracks, given, begin, list(SETTLE_PX))


def _behind(tracks: Tracks, fit: Solution) -> NDArray[np.bool_]:
    frames = len(fit.views)
    is_held: Array = (fit.weight > 0.25).astype(np.float64)
    share = np.bincount(tracks.frame, is_held, frames) / np.maximum(np.bincount(tracks.frame, minlength=frames), 1)
    return share < LEFT_OUT * np.median(share)
