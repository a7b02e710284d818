"""Cameras of a clip of any length, in memory that does not grow with its square.

Up to KEYS_MAX frames are solved together. A longer clip is solved on so many evenly spaced frames of it; every other
frame then finds its own camera from the points that those have settled, one small system per frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .aligning import uncertainty_px
from .choosing import Fit, Tell, Witness, solve, some, strongest
from .resecting import resected
from .solving import Model
from .tracking import Tracks
from .views import Array, Views, rotation_from_vector, vector_from_rotation

KEYS_MAX = 120
KEY_SIGHTS = 3                                     # of a track that is to carry frames between
KERNELS_PX = (4.0, 4.0, 1.0, 1.0, 1.0)             # of the search in each frame between


@dataclass(frozen=True, slots=True)
class Cameras:
    """What the tracks say of all cameras."""

    model: Model
    views: Views
    doubt_px: Array                                # (F,) standard error, footage pixels
    share: float                                   # of the long tracks, explained within a pixel
    witness: Witness                               # which start found them


def cameras(tracks: Tracks, given: Views, tell: Tell) -> Cameras:
    """Solve all frames, the long clip by its keys."""
    frames = len(given)
    if frames <= KEYS_MAX:
        kernel = some(tracks, strongest(tracks, frames))
        return _told(best := solve(kernel, given, tell), best.solution.views, uncertainty_px(kernel, best.solution))
    keys = np.unique(np.linspace(0, frames - 1, KEYS_MAX).round().astype(np.int32))
    at_keys, carried = _only_at(tracks, keys)
    chosen = strongest(at_keys, len(keys))
    kernel = some(at_keys, chosen)
    best = solve(kernel, _picked(given, keys), tell)
    fit = best.solution
    doubt = np.interp(np.arange(frames), keys, uncertainty_px(kernel, fit))
    carriers = np.zeros(len(tracks.was_lost), dtype=np.bool_)
    carriers[np.flatnonzero(carried)[chosen]] = True
    every = np.ones(frames, dtype=np.bool_)
    views = resected(some(tracks, carriers), given, fit, _between(given, keys, fit.views), every, KERNELS_PX)
    return _told(best, views, doubt)


def _told(fit: Fit, views: Views, doubt_px: Array) -> Cameras:
    return Cameras(fit.solution.model, views, doubt_px, fit.share, fit.witness)


def _only_at(tracks: Tracks, keys: NDArray[np.int32]) -> tuple[Tracks, NDArray[np.bool_]]:
    """The tracks as the key frames see them, numbered anew, and which (K,) are seen often enough."""
    place = np.searchsorted(keys, tracks.frame)
    at_key = keys[np.minimum(place, len(keys) - 1)] == tracks.frame
    often = np.bincount(tracks.track[at_key], minlength=len(tracks.was_lost)) >= KEY_SIGHTS
    thin = replace(tracks, track=tracks.track[at_key], frame=place[at_key].astype(np.int32), pixel=tracks.pixel[at_key])
    return some(thin, often), often


def _picked(views: Views, keys: NDArray[np.int32]) -> Views:
    return replace(
        views, world_from_camera=views.world_from_camera[keys], centre=views.centre[keys], lens=views.lens[keys]
    )


def _between(given: Views, keys: NDArray[np.int32], solved: Views) -> Views:
    """The given cameras with the keys' corrections, blended in between: where each frame's own search begins."""
    at_keys = _picked(given, keys)
    turn = vector_from_rotation(np.matmul(at_keys.world_from_camera.transpose(0, 2, 1), solved.world_from_camera))
    shift = np.einsum("fji,fj->fi", at_keys.world_from_camera, solved.centre - at_keys.centre)
    zoom = np.log(solved.lens[:, :1] / at_keys.lens[:, :1])
    frames = np.arange(len(given))
    known = np.concatenate([turn, shift, zoom], axis=1)
    blended = np.column_stack([np.interp(frames, keys, column) for column in known.T])
    return replace(
        given,
        world_from_camera=np.matmul(given.world_from_camera, rotation_from_vector(blended[:, :3])),
        centre=given.centre + np.einsum("fij,fj->fi", given.world_from_camera, blended[:, 3:6]),
        lens=given.lens * np.column_stack([np.exp(blended[:, 6:]).repeat(2, axis=1), np.ones((len(given), 2))]),
    )
