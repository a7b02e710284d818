"""Which cameras do the tracks show? Robust bundle adjustment that starts from the camera path we know.

Unknowns    per frame a small turn and, where the model has them, a shift and a zoom on top of the given camera;
            per track a direction and, where the camera moves, an inverse depth rho: X = anchor + direction / rho,
            so a point at infinity is an ordinary one (Civera, Davison, Montiel 2008).
Robust      Geman-McClure weights per observation and per track, their scale annealed from the first misfit down to a
            pixel: graduated non-convexity (Yang et al. 2020). Nothing is drawn: the same tracks, the same cameras.
Algebra     Gauss-Newton with Levenberg's damping; the points are eliminated first (Schur complement; Triggs et al.
            2000), then the cameras of all frames are one dense positive definite system.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .tracking import Tracks
from .views import Array, Views, rotation_from_vector, vector_from_rotation

Index = NDArray[np.int32]

TURN_PRIOR = np.radians(20.0)                      # how far a camera may plausibly be off; only has to fix the gauge
ZOOM_PRIOR = 0.2                                   # of the logarithm of the focal length
NOISE_PX = 0.1                                     # of a good track: what the plausible is weighed against
NEAREST_METRES = 0.05
BEYOND_INFINITY = 0.02                             # 1/metre: a wall at infinity stops the steps of all that leans on it
CHUNK = 256                                        # tracks eliminated in one matrix product


@dataclass(frozen=True, slots=True)
class Model:
    """What may differ from the given cameras."""

    moves: bool                                    # centres, and depths of the points
    zooms: bool                                    # focal lengths

    @property
    def camera_size(self) -> int:
        """Unknowns per frame: turn, then shift, then zoom."""
        return 3 + 3 * self.moves + self.zooms

    @property
    def point_size(self) -> int:
        """Unknowns per track: direction, then inverse depth."""
        return 2 + self.moves


@dataclass(frozen=True, slots=True)
class Points:
    """K points: `anchor + direction / inverse_depth`, world metres; an inverse depth of zero is infinity."""

    anchor: Array                                  # (K, 3)
    direction: Array                               # (K, 3) unit
    inverse_depth: Array                           # (K,) 1/metre, never negative

    def homogeneous(self) -> Array:
        """(K, 4), the last number zero at infinity."""
        return np.column_stack([self.anchor * self.inverse_depth[:, None] + self.direction, self.inverse_depth])

    def __getitem__(self, chosen: NDArray[np.bool_] | Index) -> Points:
        return Points(self.anchor[chosen], self.direction[chosen], self.inverse_depth[chosen])


@dataclass(frozen=True, slots=True)
class Solution:
    """Cameras and points that explain the tracks, and how well."""

    model: Model
    views: Views
    points: Points
    residual: Array                                # (N, 2) pixels, projected minus seen
    weight: Array                                  # (N,) 0 .. 1
    information: Array = field(repr=False)         # (F * D, F * D) of the cameras, per pixel squared; empty: not fitted


def start(tracks: Tracks, views: Views, model: Model) -> Solution:
    """The tracks' points as the given cameras see them: nothing is fitted but one depth per track."""
    points = triangulated(tracks, views, model.moves)
    residual = residual_of(tracks, views, points)
    return Solution(model, views, points, residual, np.ones(len(residual)), np.zeros((0, 0)))


def triangulated(tracks: Tracks, views: Views, moves: bool) -> Points:
    """One point per track: the ray of its middle observation, and the inverse depth that fits the others best.

    Linear least squares of `ray x (direction + rho (anchor - centre)) = 0` in each camera, clamped to the front.
    """
    first, length = spans(tracks)
    middle = first + length // 2
    anchor = views.centre[tracks.frame[middle]]
    direction = views.world_rays(tracks.pixel[middle], tracks.frame[middle])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    if not moves:
        return Points(anchor, direction, np.zeros(len(first)))
    ray = views.world_rays(tracks.pixel, tracks.frame)
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    still = np.cross(ray, direction[tracks.track])
    shift = np.cross(ray, anchor[tracks.track] - views.centre[tracks.frame])
    above = np.add.reduceat(np.einsum("ni,ni->n", still, shift), first)
    below = np.add.reduceat(np.einsum("ni,ni->n", shift, shift), first)
    depth = np.divide(-above, below, out=np.zeros(len(first)), where=below > 1e-12)
    return Points(anchor, direction, np.clip(depth, 0.0, 1 / NEAREST_METRES))


def spans(tracks: Tracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index of each track's first observation, and its length."""
    first = np.flatnonzero(np.diff(tracks.track, prepend=-1))
    return first, np.diff(first, append=len(tracks.track))


def refine(
    tracks: Tracks,
    given: Views,
    begin: Solution,
    scales_px: list[float],                        # of the robust kernel, one after the other, falling
    steps: int = 3,                                # per scale
    least_gain: float = 1e-3,                      # share of the misfit: a smaller gain ends a scale
) -> Solution:
    """Cameras and points that explain the tracks best, near `given` where the tracks say nothing."""
    state = begin
    damping = 1e-3
    for scale in scales_px:
        for _ in range(steps):
            state, damping, gain = _step(tracks, given, state, scale, damping)
            if gain < least_gain:
                break
    state = in_front(tracks, state)
    return replace(state, information=_information(tracks, given, state))


def promise(tracks: Tracks, given: Views, state: Solution) -> float:
    """The share of the misfit that one full step would take away: what a freer model has to offer, before it is run."""
    system = linearised(tracks, given, state, state.weight)
    camera, point = system.solved(1e-6)
    gain = float(np.sum(system.camera_pull * camera) + np.sum(system.point_pull * point))
    return gain / max(_cost(state.residual, state.weight), 1e-12)


def in_front(tracks: Tracks, state: Solution) -> Solution:
    """What ended up beyond infinity is put there, and pays for it with its residual."""
    points = replace(state.points, inverse_depth=np.maximum(state.points.inverse_depth, 0.0))
    return replace(state, points=points, residual=residual_of(tracks, state.views, points))


def _step(
    tracks: Tracks, given: Views, state: Solution, scale_px: float, damping: float
) -> tuple[Solution, float, float]:
    """One accepted step, or the state as it is; the next damping; the share by which the misfit fell."""
    weight = robust_weight(tracks, state.residual, scale_px)
    system = linearised(tracks, given, state, weight)
    before = _cost(state.residual, weight) + _prior_cost(given, state)
    for _ in range(4):
        turn, point = system.solved(damping)
        tried = moved(state, turn, point)
        residual = residual_of(tracks, tried.views, tried.points)
        after = _cost(residual, weight) + _prior_cost(given, tried)
        if after < before:
            return replace(tried, residual=residual, weight=weight), max(damping / 5, 1e-7), 1 - after / before
        damping *= 8
    return replace(state, weight=weight), damping, 0.0


def robust_weight(tracks: Tracks, residual: Array, scale_px: float, by_track: bool = True) -> Array:
    """Geman-McClure weights (N,): an observation far off counts nothing, nor `by_track` one of a track that is."""
    square = np.minimum(np.einsum("ni,ni->n", residual, residual), 1e12)
    own = (scale_px**2 / (scale_px**2 + square)) ** 2
    if not by_track:
        return own
    first, length = spans(tracks)
    mean = np.add.reduceat(np.minimum(square, (8 * scale_px) ** 2), first) / length
    whole = (scale_px**2 / (scale_px**2 + mean)) ** 2
    return own * whole[tracks.track]


def _cost(residual: Array, weight: Array) -> float:
    return float(np.sum(weight * np.einsum("ni,ni->n", residual, residual)))


# Projection and its derivatives ------------------------------------------------------------------


def _camera_space(tracks: Tracks, views: Views, points: Points) -> Array:
    """Points (N, 3) in camera axes up to a positive factor: finite and infinite ones alike."""
    offset = (points.anchor[tracks.track] - views.centre[tracks.frame]) * points.inverse_depth[tracks.track, None]
    return np.einsum("nji,nj->ni", views.world_from_camera[tracks.frame], offset + points.direction[tracks.track])


def residual_of(tracks: Tracks, views: Views, points: Points) -> Array:
    """(N, 2) pixels: where each observation's point is projected, minus where it was seen."""
    seen = _camera_space(tracks, views, points)
    seen[:, 2] = np.maximum(seen[:, 2], 1e-3)      # behind the camera: a huge misfit, but a finite one
    return views.pixels(seen, tracks.frame) - tracks.pixel


@dataclass(slots=True)
class System:
    """Normal equations of one linearisation; points still in."""

    tracks: Tracks
    camera_block: Array                            # (F, D, D), prior included
    camera_pull: Array                             # (F, D)
    point_block: Array                             # (K, P, P)
    point_pull: Array                              # (K, P)
    mixed: Array                                   # (N, D, P)

    def reduced(self, damping: float) -> tuple[Array, Array, Array]:
        """The cameras' own system (F D, F D) and right side (F D,), and the points' inverse blocks."""
        frames, size = self.camera_pull.shape
        inverse = np.asarray(np.linalg.inv(damped(self.point_block, damping)), dtype=np.float64)
        half = np.linalg.cholesky(inverse)
        blocks = np.matmul(self.mixed, half[self.tracks.track])
        matrix = np.zeros((frames, size, frames, size))
        matrix[np.arange(frames), :, np.arange(frames), :] = damped(self.camera_block, damping)
        _eliminate(matrix, self.tracks, blocks)
        answer = np.einsum("kpq,kq->kp", inverse, self.point_pull)
        carried = np.einsum("ndp,np->nd", self.mixed, answer[self.tracks.track])
        pull = self.camera_pull - by_frame(carried, self.tracks.frame, frames)
        return matrix.reshape(frames * size, -1), pull.ravel(), inverse

    def solved(self, damping: float) -> tuple[Array, Array]:
        """Steps of the cameras (F, D) and the points (K, P)."""
        matrix, pull, inverse = self.reduced(damping)
        cameras = np.asarray(np.linalg.solve(matrix, pull), dtype=np.float64).reshape(self.camera_pull.shape)
        first, _ = spans(self.tracks)
        carried = np.add.reduceat(np.einsum("ndp,nd->np", self.mixed, cameras[self.tracks.frame]), first)
        return cameras, np.einsum("kpq,kq->kp", inverse, self.point_pull - carried)


def by_frame(values: Array, frame: Index, frames: int) -> Array:
    """Sums over the observations (N, ...) of each frame: (F, ...)."""
    total = np.zeros((frames, *values.shape[1:]))
    order = np.argsort(frame, kind="stable")
    present, begin = np.unique(frame[order], return_index=True)
    total[present] = np.add.reduceat(values[order], begin)
    return total


def damped(blocks: Array, damping: float) -> Array:
    """Symmetric blocks (K, P, P) with their diagonals raised by a share (Levenberg, scaled by Marquardt)."""
    diagonal = np.einsum("kii->ki", blocks)
    return blocks + np.einsum("ki,ij->kij", damping * diagonal + 1e-12, np.eye(blocks.shape[-1]))


def _eliminate(matrix: Array, tracks: Tracks, blocks: Array) -> None:
    """Subtract every track's share: sums of outer products, a few hundred tracks in one matrix product."""
    count, size, rank = len(tracks.was_lost), blocks.shape[1], blocks.shape[2]
    for begin, end in pairwise(np.searchsorted(tracks.track, np.arange(0, count + CHUNK, CHUNK))):
        if begin == end:
            continue
        frame, track = tracks.frame[begin:end], tracks.track[begin:end]
        low, high = int(frame.min()), int(frame.max()) + 1
        wide = np.zeros((high - low, size, int(track[-1] - track[0]) + 1, rank))
        wide[frame - low, :, track - track[0], :] = blocks[begin:end]
        flat = wide.reshape((high - low) * size, -1)
        matrix[low:high, :, low:high, :] -= (flat @ flat.T).reshape(high - low, size, high - low, size)


def linearised(tracks: Tracks, given: Views, state: Solution, weight: Array) -> System:
    """The normal equations around a state, the faint pull of the given path included."""
    by_camera, by_point = derivatives(tracks, state)
    first, _ = spans(tracks)
    frames = len(given)
    heavy = by_camera * weight[:, None, None]
    block = by_frame(np.matmul(heavy.transpose(0, 2, 1), by_camera), tracks.frame, frames)
    pull = -by_frame(np.einsum("nid,ni->nd", heavy, state.residual), tracks.frame, frames)
    deviation, sigma = _deviation(given, state)
    block += np.diag(1 / sigma**2)
    pull -= deviation / sigma**2
    weighted = by_point * weight[:, None, None]
    own = np.add.reduceat(np.matmul(weighted.transpose(0, 2, 1), by_point), first)
    own += np.diag([1e-6, 1e-6, 1e-4][: state.model.point_size])
    aim = -np.add.reduceat(np.einsum("nip,ni->np", weighted, state.residual), first)
    return System(tracks, block, pull, own, aim, np.matmul(heavy.transpose(0, 2, 1), by_point))


def derivatives(tracks: Tracks, state: Solution) -> tuple[Array, Array]:
    """Of the projected pixel: by turn, shift and zoom of its camera (N, 2, D), by its point (N, 2, P)."""
    frame, track, views, points = tracks.frame, tracks.track, state.views, state.points
    seen = _camera_space(tracks, views, points)
    x, y, z = seen[:, 0], seen[:, 1], np.maximum(seen[:, 2], 1e-3)
    fx, fy = views.lens[frame, 0], views.lens[frame, 1]
    zero = np.zeros_like(z)
    by_seen = np.stack([np.stack([fx / z, zero, -fx * x / z**2], -1), np.stack([zero, fy / z, -fy * y / z**2], -1)], 1)
    columns = [np.cross(by_seen, seen[:, None, :])]          # row . (p x w) = w . (row x p)
    if state.model.moves:
        columns.append(-by_seen * points.inverse_depth[track, None, None])
    if state.model.zooms:
        columns.append(np.stack([fx * x / z, fy * y / z], -1)[:, :, None])
    by_camera = np.asarray(np.concatenate(columns, -1), dtype=np.float64)
    turned = np.matmul(by_seen, views.world_from_camera[frame].transpose(0, 2, 1))
    by_direction = np.matmul(turned, _tangents(points.direction)[track])
    if not state.model.moves:
        return by_camera, by_direction
    by_depth = np.einsum("nij,nj->ni", turned, points.anchor[track] - views.centre[frame])[:, :, None]
    return by_camera, np.asarray(np.concatenate([by_direction, by_depth], -1), dtype=np.float64)


def _tangents(direction: Array) -> Array:
    """Two unit vectors (K, 3, 2) square to each direction."""
    least = np.argmin(np.abs(direction), axis=1)
    first = np.cross(direction, np.eye(3)[least])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.asarray(np.stack([first, np.cross(direction, first)], axis=-1), dtype=np.float64)


def moved(state: Solution, camera: Array, point: Array) -> Solution:
    """The state after a step of cameras (F, D) and points (K, P)."""
    views, points = state.views, state.points
    turned = np.matmul(views.world_from_camera, rotation_from_vector(camera[:, :3]))
    centre, lens = views.centre, views.lens
    if state.model.moves:
        centre = centre + np.einsum("fij,fj->fi", views.world_from_camera, camera[:, 3:6])
    if state.model.zooms:
        lens = lens * np.column_stack([np.exp(np.clip(camera[:, -1:], -1, 1)).repeat(2, 1), np.ones((len(lens), 2))])
    direction = points.direction + np.einsum("kij,kj->ki", _tangents(points.direction), point[:, :2])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    depth = points.inverse_depth
    if state.model.moves:
        depth = np.clip(depth + point[:, 2], -BEYOND_INFINITY, 1 / NEAREST_METRES)
    return replace(
        state,
        views=replace(views, world_from_camera=turned, centre=centre, lens=lens),
        points=Points(points.anchor, direction, depth),
    )


# What holds the cameras where the tracks say nothing -----------------------------------------------


def _deviation(given: Views, state: Solution) -> tuple[Array, Array]:
    """How far each camera is from the given one (F, D), and how far it may be per pixel of misfit (D,)."""
    turn = vector_from_rotation(np.matmul(given.world_from_camera.transpose(0, 2, 1), state.views.world_from_camera))
    columns, sigma = [turn], [np.full(3, TURN_PRIOR)]
    if state.model.moves:
        shift = state.views.centre - given.centre
        columns.append(np.einsum("fji,fj->fi", state.views.world_from_camera, shift))
        sigma.append(np.full(3, _reach_m(given)))
    if state.model.zooms:
        columns.append(np.log(state.views.lens[:, :1] / given.lens[:, :1]))
        sigma.append(np.full(1, ZOOM_PRIOR))
    return np.concatenate(columns, axis=1), np.concatenate(sigma) / NOISE_PX


def _reach_m(given: Views) -> float:
    """The size of the move in metres; a camera that stands still may have taken a step."""
    return max(0.5, float(np.linalg.norm(np.ptp(given.centre, axis=0))))


def _prior_cost(given: Views, state: Solution) -> float:
    deviation, sigma = _deviation(given, state)
    return float(np.sum((deviation / sigma) ** 2))


def _information(tracks: Tracks, given: Views, state: Solution) -> Array:
    """What the tracks, and the faint pull of the given path, say of the cameras: (F D, F D)."""
    return linearised(tracks, given, state, state.weight).reduced(0.0)[0]
