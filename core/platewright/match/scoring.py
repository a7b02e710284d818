"""How far the camera that the pictures show is from the camera that was given, as numbers.

Every figure is taken after the one similarity of the whole scene that fits best (`aligning`), in pixels of the plate,
and is NaN where the tracks do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .aligning import displacement
from .choosing import LONG_FRAMES, track_rms
from .intersecting import placed
from .solving import Model, Solution, residual_of, spans
from .tracking import Tracks
from .views import Array, Views, vector_from_rotation

TRACKS_MIN = 8                                     # explained ones in a frame: fewer do not hold a camera
KEPT_SHARE = 0.95                                  # of the points of a frame, the nearest to agreement
TREND_FRAMES = 9                                   # motion smoother than that is drift, the rest is jitter
LOOKS = (5, 3)                                     # picture positions, across and down, where jitter is looked at
PARALLAX_NONE_PX = 1.0
PARALLAX_STRONG_SHARE = 0.015                      # of the width


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, frame by frame and track by track."""

    error_px: Array                                # (F,) mean over the solved points seen in the frame
    step_px: Array                                 # (F,) the error's jump from the frame before, beyond its trend
    rotation_error_deg: Array                      # (F,) after the one rotation that fits best
    turn_error_deg: Array                          # (F, 3) the same about the camera's x, y, z axes
    translation_error_m: Array                     # (F,) after the one similarity that fits best
    is_explained: NDArray[np.bool_]                # (K,)
    rigidity: float                                # share of long tracks that one rigid scene explains
    long_tracks: int
    parallax_px: float                             # of nine in ten explained tracks
    camera_mc: float


def measured(tracks: Tracks, given: Views, solution: Solution, plate_scale: float) -> Figures:
    """Figures of an aligned solution that has a point for every track.

    plate_scale   plate pixels per footage pixel
    """
    explained = is_explained(tracks, solution, plate_scale)
    error = per_frame_error(tracks, given, solution, explained) * plate_scale
    is_known = np.isfinite(error)
    turn = turn_error(given, solution.views, is_known)
    shift = _shift_error(given, solution, is_known)
    _, length = spans(tracks)
    is_long = length >= long_frames(len(given))
    parallax = parallax_px(tracks, solution)[explained] * plate_scale
    return Figures(
        error_px=error,
        step_px=_steps(tracks, given, solution, explained, is_known) * plate_scale,
        rotation_error_deg=np.degrees(np.linalg.norm(turn, axis=1)),
        turn_error_deg=np.degrees(turn),
        translation_error_m=np.linalg.norm(shift, axis=1),
        is_explained=explained,
        rigidity=float(explained[is_long].mean()) if is_long.any() else float("nan"),
        long_tracks=int(is_long.sum()),
        parallax_px=float(np.percentile(parallax, 90)) if len(parallax) else 0.0,
        camera_mc=_camera_mc(given, solution, is_known),
    )


def long_frames(frames: int) -> int:
    """How many frames make a long track: eight, or a third of a shorter clip."""
    return max(3, min(LONG_FRAMES, frames // 3))


def is_explained(tracks: Tracks, solution: Solution, plate_scale: float) -> NDArray[np.bool_]:
    """(K,) a rigid scene explains the track: its root mean square distance is at most one pixel of the plate."""
    return track_rms(tracks, solution.residual) * plate_scale <= 1.0


def per_frame_error(tracks: Tracks, given: Views, solution: Solution, explained: NDArray[np.bool_]) -> Array:
    """(F,) footage pixels: mean distance between where both cameras put the solved points; NaN with too few points.

    The worst twentieth of each frame is left out: a passer-by whose few frames fit some point close to the lens.
    """
    chosen = explained[tracks.track]
    off = np.linalg.norm(displacement(tracks, given, solution), axis=1)
    off = np.minimum(off, np.hypot(given.width, given.height))           # behind the camera is wrong enough
    order = np.lexsort((off[chosen], tracks.frame[chosen]))
    frame, sorted_off = tracks.frame[chosen][order], off[chosen][order]
    begin, end = (np.searchsorted(frame, np.arange(len(given)), side) for side in ("left", "right"))
    kept = begin + np.ceil(KEPT_SHARE * (end - begin)).astype(np.intp)
    means = [sorted_off[low:high].mean() if high > low else np.nan for low, high in zip(begin, kept, strict=True)]
    return np.where(end - begin >= TRACKS_MIN, means, np.nan)


def turn_error(given: Views, solved: Views, is_known: NDArray[np.bool_]) -> Array:
    """(F, 3) radians about the given camera's axes, after the one world rotation that fits best (chordal mean)."""
    between = np.matmul(given.world_from_camera, solved.world_from_camera.transpose(0, 2, 1))
    left, _, right = np.linalg.svd(between[is_known].sum(axis=0))
    best = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    relative = np.matmul(given.world_from_camera.transpose(0, 2, 1), best @ solved.world_from_camera)
    return np.where(is_known[:, None], vector_from_rotation(relative), np.nan)


def _shift_error(given: Views, solution: Solution, is_known: NDArray[np.bool_]) -> Array:
    """(F, 3) metres after one more similarity of the centres alone; NaN where the path or the plate does not move."""
    path, solved = given.centre[is_known], solution.views.centre[is_known]
    if not solution.model.moves or len(path) < 2 or np.ptp(path, axis=0).max() < 1e-6:
        return np.full((len(given), 3), np.nan)
    a, b = path - path.mean(axis=0), solved - solved.mean(axis=0)
    left, size, right = np.linalg.svd(a.T @ b)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = float(np.sum(size * np.diag(flip)) / max(np.sum(b**2), 1e-12))
    best = scale * (solution.views.centre - solved.mean(axis=0)) @ (left @ flip @ right).T + path.mean(axis=0)
    return np.where(is_known[:, None], best - given.centre, np.nan)


def _camera_mc(given: Views, solution: Solution, is_known: NDArray[np.bool_]) -> float:
    """CamMC: mean Frobenius distance of [R | t], relative to the first known frame; without t where nothing moves."""
    chosen = np.flatnonzero(is_known)
    if len(chosen) < 2:
        return float("nan")
    rows = [_relative(views, chosen, solution.model.moves) for views in (given, solution.views)]
    return float(np.linalg.norm(rows[0] - rows[1], axis=(1, 2)).mean())


def _relative(views: Views, chosen: NDArray[np.intp], moves: bool) -> Array:
    first = views.world_from_camera[chosen[0]].T
    turn = first @ views.world_from_camera[chosen]
    shift = (views.centre[chosen] - views.centre[chosen[0]]) @ first.T
    return np.concatenate([turn, shift[:, :, None] * moves], axis=2)


def parallax_px(tracks: Tracks, solution: Solution) -> Array:
    """(K,) footage pixels: how far the camera's move, turns left out, shifts each point between its frames."""
    if not solution.model.moves:
        return np.zeros(len(tracks.was_lost))
    first, length = spans(tracks)
    middle = np.repeat(first + length // 2, length)
    points = solution.points.homogeneous()[tracks.track]
    at_middle = solution.views.centre[tracks.frame[middle]]
    seen, unmoved = (
        np.einsum("nji,nj->ni", solution.views.world_from_camera[tracks.frame], points[:, :3] - centre * points[:, 3:])
        for centre in (solution.views.centre[tracks.frame], at_middle)
    )
    is_front = (seen[:, 2] > 0) & (unmoved[:, 2] > 0)
    moved = np.zeros(len(seen))
    pixels = [solution.views.pixels(part[is_front], tracks.frame[is_front]) for part in (seen, unmoved)]
    moved[is_front] = np.linalg.norm(pixels[0] - pixels[1], axis=1)
    return np.maximum.reduceat(moved, first)


# Jitter ---------------------------------------------------------------------------------------------


def _steps(
    tracks: Tracks, given: Views, solution: Solution, explained: NDArray[np.bool_], is_known: NDArray[np.bool_]
) -> Array:
    """(F,) footage pixels: how far the error jumps from the frame before, beyond its trend over TREND_FRAMES.

    Looked at on a grid of picture positions at the usual depth of each, so that rolling and breathing count too.
    """
    field = _error_field(tracks, given, solution, explained)
    change = np.diff(field, axis=0)
    change[~(is_known[1:] & is_known[:-1])] = np.nan
    jump = np.full(len(given), np.nan)
    half = TREND_FRAMES // 2
    for index in range(len(change)):
        around = change[max(0, index - half) : index + half + 1]
        around = around[np.isfinite(around[:, 0, 0])]
        if np.isfinite(change[index, 0, 0]) and len(around) > 1:
            beyond = change[index] - around.mean(axis=0)
            jump[index + 1] = np.sqrt(np.mean(np.sum(beyond**2, axis=-1)))
    return jump


def _error_field(tracks: Tracks, given: Views, solution: Solution, explained: NDArray[np.bool_]) -> Array:
    """(F, G, 2) footage pixels: solved minus given at fixed picture positions."""
    x, y = (np.arange(count) + 0.5 for count in LOOKS)
    column, row = np.meshgrid(x, y)
    place = np.column_stack([column.ravel() * given.width / LOOKS[0], row.ravel() * given.height / LOOKS[1]])
    frames, looks = len(given), len(place)
    frame = np.repeat(np.arange(frames), looks)
    pixel = np.tile(place, (frames, 1))
    ray = given.world_rays(pixel, frame)
    nearness = np.tile(_usual_nearness(tracks, given, solution, explained), frames)
    seen = np.einsum(
        "nji,nj->ni",
        solution.views.world_from_camera[frame],
        ray + (given.centre[frame] - solution.views.centre[frame]) * nearness[:, None],
    )
    seen[:, 2] = np.maximum(seen[:, 2], 1e-3)
    most = float(np.hypot(given.width, given.height))
    return np.clip(solution.views.pixels(seen, frame) - pixel, -most, most).reshape(frames, looks, 2)


def _usual_nearness(tracks: Tracks, given: Views, solution: Solution, explained: NDArray[np.bool_]) -> Array:
    """(G,) 1/metre along the camera's axis: the median of the points that pass each picture position."""
    points = solution.points.homogeneous()[tracks.track]
    offset = points[:, :3] - solution.views.centre[tracks.frame] * points[:, 3:]
    z = np.einsum("nji,nj->ni", solution.views.world_from_camera[tracks.frame], offset)[:, 2]
    good = explained[tracks.track] & (z > 0)
    nearness = np.where(good, points[:, 3] / np.where(good, z, 1.0), 0.0)
    column = np.clip(tracks.pixel[:, 0] * LOOKS[0] / given.width, 0, LOOKS[0] - 1).astype(int)
    row = np.clip(tracks.pixel[:, 1] * LOOKS[1] / given.height, 0, LOOKS[1] - 1).astype(int)
    cell = row * LOOKS[0] + column
    members = [nearness[good & (cell == look)] for look in range(LOOKS[0] * LOOKS[1])]
    return np.array([float(np.median(each)) if len(each) else 0.0 for each in members])


def under_the_path(tracks: Tracks, given: Views, plate_scale: float) -> Array:
    """(K,) plate pixels: how far each track is from any rigid point if the given cameras are taken at their word."""
    moves = bool(np.ptp(given.centre, axis=0).max() > 1e-6)
    told = placed(tracks, given, Model(moves=moves, zooms=False), scale_px=4.0)
    residual = residual_of(tracks, given, told.points)
    return np.minimum(track_rms(tracks, residual), np.hypot(given.width, given.height)) * plate_scale
