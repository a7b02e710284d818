"""The points of cameras that are settled: where the rays of each track meet, robustly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .solving import (
    Model,
    Points,
    Solution,
    damped,
    in_front,
    linearised,
    moved,
    residual_of,
    robust_weight,
    spans,
    start,
)
from .tracking import Tracks
from .views import Array, Views

SIGHTS_AT_ONCE = 20_000                            # so that memory does not grow with the clip
STEPS = 4


def placed(tracks: Tracks, views: Views, model: Model, scale_px: float) -> Solution:
    """A point for every track, the cameras held; three unknowns per track, so the tracks go in batches."""
    parts = [_placed(batch, views, model, scale_px) for batch in _batches(tracks)]
    points = Points(
        np.concatenate([part.points.anchor for part in parts]),
        np.concatenate([part.points.direction for part in parts]),
        np.concatenate([part.points.inverse_depth for part in parts]),
    )
    residual = np.concatenate([part.residual for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    return Solution(model, views, points, residual, weight, np.zeros((0, 0)))


def _batches(tracks: Tracks) -> Iterator[Tracks]:
    """Whole tracks, about SIGHTS_AT_ONCE observations each time, numbered from zero."""
    first, length = spans(tracks)
    batch = (first + length - 1) // SIGHTS_AT_ONCE
    starts = np.flatnonzero(np.diff(batch, prepend=-1))
    for begin, end in zip(starts, [*starts[1:], len(first)], strict=True):
        sights = slice(first[begin], first[end - 1] + length[end - 1])
        yield replace(
            tracks,
            track=tracks.track[sights] - tracks.track[first[begin]],
            frame=tracks.frame[sights],
            pixel=tracks.pixel[sights],
            was_lost=tracks.was_lost[begin:end],
        )


def _placed(tracks: Tracks, views: Views, model: Model, scale_px: float) -> Solution:
    """Gauss-Newton steps of the points alone; each track keeps a step only where it helped."""
    state = start(tracks, views, model)
    for _ in range(STEPS):
        weight = robust_weight(tracks, state.residual, scale_px)
        system = linearised(tracks, views, state, weight)
        answer = np.linalg.solve(damped(system.point_block, 1e-4), system.point_pull[:, :, None])
        point = np.asarray(answer[:, :, 0], dtype=np.float64)
        tried = moved(state, np.zeros((len(views), model.camera_size)), point)
        residual = residual_of(tracks, tried.views, tried.points)
        better = _misfit(tracks, residual, weight) < _misfit(tracks, state.residual, weight)
        points = Points(
            state.points.anchor,
            np.where(better[:, None], tried.points.direction, state.points.direction),
            np.where(better, tried.points.inverse_depth, state.points.inverse_depth),
        )
        residual = np.where(better[tracks.track, None], residual, state.residual)
        state = replace(state, points=points, residual=residual, weight=weight)
    return in_front(tracks, state)


def _misfit(tracks: Tracks, residual: Array, weight: Array) -> Array:
    """(K,) weighted squared distance of each track from its point."""
    first, _ = spans(tracks)
    return np.add.reduceat(weight * np.einsum("ni,ni->n", residual, residual), first)
