"""Putting what was solved beside what was given: the one similarity that fits best, the difference, its uncertainty.

A plate's world has no origin, no north and no metre of its own, so one similarity of the whole scene (one rotation,
where nothing moves against anything) is free and is no error. What is left over is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .solving import Points, Solution, by_frame, damped, derivatives, linearised, residual_of
from .tracking import Tracks
from .views import Array, Views, rotation_from_vector

SIGHTS_MAX = 40_000
GROUPS = 16                                        # of the jackknife
REWEIGHTED = 3
FAR_OFF = 5.0                                      # times the median: drift stays within it, a wild point does not
CAP_SHARE = 0.5                                    # of the width: what is farther off is wrong, no matter by how much
FIRST_SCALES = (1.0, 5.0)                          # a plate that moves quite otherwise fits best when it is far away


@dataclass(frozen=True, slots=True)
class Similarity:
    """world' = scale * rotation @ world + shift."""

    rotation: Array                                # (3, 3)
    shift: Array                                   # (3,) metres
    scale: float

    def of_points(self, points: Points) -> Points:
        """The same points in the new world."""
        anchor = self.scale * points.anchor @ self.rotation.T + self.shift
        return Points(anchor, points.direction @ self.rotation.T, points.inverse_depth / self.scale)

    def of_views(self, views: Views) -> Views:
        """The same cameras in the new world: every pixel stays."""
        return replace(
            views,
            world_from_camera=self.rotation @ views.world_from_camera,
            centre=self.scale * views.centre @ self.rotation.T + self.shift,
        )

    def after_step(self, step: Array, pivot: Array) -> Similarity:
        """A further small turn about `pivot`, a shift in metres and a factor."""
        turn, factor = rotation_from_vector(step[:3]), float(np.exp(np.clip(step[6], -1, 1)))
        moved = factor * turn @ (self.shift - pivot) + pivot + step[3:6]
        return Similarity(turn @ self.rotation, moved, factor * self.scale)


def displacement(tracks: Tracks, given: Views, solution: Solution) -> Array:
    """(N, 2) pixels: where the given camera puts each solved point, minus where the solved camera puts it."""
    return residual_of(tracks, given, solution.points) - solution.residual


def aligned(tracks: Tracks, given: Views, solution: Solution, trust: Array) -> Solution:
    """The solution moved as a whole so that its points, seen by the given cameras, lie where they were solved to lie.

    trust   (N,) weight of each observation, 0 .. 1
    """
    best = _best_similarity(*_thinned(tracks, solution, trust), given)
    views = best.of_views(solution.views)
    if not solution.model.moves:
        views = replace(views, centre=given.centre.copy())   # nothing was learnt about where the camera stands
    return replace(solution, views=views, points=best.of_points(solution.points))


def _thinned(tracks: Tracks, solution: Solution, trust: Array) -> tuple[Tracks, Solution, Array]:
    """Every so many-th observation: seven numbers need no more, and memory does not grow with the clip."""
    every = slice(None, None, -(-len(trust) // SIGHTS_MAX))
    thin = replace(tracks, track=tracks.track[every], frame=tracks.frame[every], pixel=tracks.pixel[every])
    return thin, replace(solution, residual=solution.residual[every], weight=solution.weight[every]), trust[every]


def _best_similarity(tracks: Tracks, solution: Solution, trust: Array, given: Views) -> Similarity:
    seen = solution.residual + tracks.pixel
    scales = FIRST_SCALES if solution.model.moves else FIRST_SCALES[:1]
    found = [_fitted(tracks, given, solution, _enlarged(given, scale), seen, trust) for scale in scales]
    best, _ = min(found, key=lambda fit: fit[1])
    for _ in range(REWEIGHTED):                    # a passer-by close to the lens must not carry the whole scene along
        off = _off(tracks, given, solution, best, seen)
        usual = max(1.0, float(np.median(off[trust > 0.25]))) if (trust > 0.25).any() else 1.0
        best, _ = _fitted(tracks, given, solution, best, seen, trust / (1 + (off / (FAR_OFF * usual)) ** 2))
    return best


def _enlarged(given: Views, scale: float) -> Similarity:
    pivot = given.centre.mean(axis=0)
    return Similarity(np.eye(3), (1 - scale) * pivot, scale)


def _fitted(
    tracks: Tracks, given: Views, solution: Solution, begin: Similarity, seen: Array, trust: Array
) -> tuple[Similarity, float]:
    """The best similarity from one beginning, and its misfit: Levenberg's method on seven unknowns."""
    pivot = given.centre.mean(axis=0)
    best, damping = begin, 1e-3
    cost = _misfit(tracks, given, solution, best, seen, trust)
    for _ in range(30):
        matrix, pull = _normal(tracks, given, best.of_points(solution.points), seen, trust, pivot, solution.model.moves)
        step = np.asarray(np.linalg.solve(matrix + np.diag(damping * np.diag(matrix) + 1e-9), pull), dtype=np.float64)
        candidate = best.after_step(step, pivot)
        next_cost = _misfit(tracks, given, solution, candidate, seen, trust)
        if next_cost >= cost:
            damping *= 10
            continue
        is_done = next_cost > cost * (1 - 1e-6)
        best, cost, damping = candidate, next_cost, max(damping / 5, 1e-9)
        if is_done:
            break
    return best, cost


def _misfit(tracks: Tracks, given: Views, solution: Solution, move: Similarity, seen: Array, trust: Array) -> float:
    off = _off(tracks, given, solution, move, seen)
    return float(np.sum(trust * np.minimum(off, CAP_SHARE * given.width) ** 2))


def _off(tracks: Tracks, given: Views, solution: Solution, move: Similarity, seen: Array) -> Array:
    """(N,) pixels from where the solved camera sees each point to where the given one sees it, moved."""
    off = residual_of(tracks, given, move.of_points(solution.points)) + tracks.pixel - seen
    return np.asarray(np.linalg.norm(off, axis=1), dtype=np.float64)


def _normal(
    tracks: Tracks, given: Views, points: Points, seen: Array, trust: Array, pivot: Array, moves: bool
) -> tuple[Array, Array]:
    """Normal equations (7, 7), (7,) of the pixel misfit by turn about `pivot`, shift and logarithm of the scale."""
    rho = points.inverse_depth[tracks.track, None]
    world = (points.anchor[tracks.track] - pivot) * rho + points.direction[tracks.track]
    turned = given.world_from_camera[tracks.frame].transpose(0, 2, 1)
    off = np.einsum("nij,nj->ni", turned, world - (given.centre[tracks.frame] - pivot) * rho)
    z = np.maximum(off[:, 2:], 1e-3)
    flat = off[:, :2] / z
    by_off = np.zeros((len(off), 2, 3))
    by_off[:, 0, 0], by_off[:, 1, 1], by_off[:, :, 2] = 1.0, 1.0, -flat
    by_world = np.matmul(by_off * (given.lens[tracks.frame, :2] / z)[:, :, None], turned)
    columns = [np.cross(world[:, None, :], by_world)]        # row . (w x X) = w . (X x row)
    if moves:
        columns += [by_world * rho[:, :, None], np.matmul(by_world, world[:, :, None])]
    slope = np.concatenate(columns, axis=-1)
    wrong = flat * given.lens[tracks.frame, :2] + given.lens[tracks.frame, 2:] - seen
    is_near = (np.einsum("ni,ni->n", wrong, wrong) < (CAP_SHARE * given.width) ** 2) & (off[:, 2] > 1e-3)
    size, trusted = slope.shape[-1], trust * is_near
    matrix, pull = np.zeros((7, 7)), np.zeros(7)
    matrix[:size, :size] = np.einsum("n,nia,nib->ab", trusted, slope, slope, optimize=True)
    pull[:size] = -np.einsum("n,nia,ni->a", trusted, slope, wrong, optimize=True)
    return matrix, pull


# How well the tracks fix the cameras ----------------------------------------------------------------


def uncertainty_px(tracks: Tracks, solution: Solution) -> Array:
    """(F,) standard error of the solved cameras in pixels at the solved depths, the free similarity taken out.

    The larger of two: the covariance of the least squares problem with the residuals' own size, which knows where the
    tracks say nothing; and the delete-a-group jackknife over tracks (Quenouille 1956), which knows that a track's
    errors hang together from frame to frame.
    """
    frames, size = len(solution.views), solution.model.camera_size
    by_camera, _ = derivatives(tracks, solution)
    heavy = by_camera * solution.weight[:, None, None]
    metric = by_frame(np.matmul(heavy.transpose(0, 2, 1), by_camera), tracks.frame, frames)
    share = np.bincount(tracks.frame, solution.weight, frames)
    metric /= np.maximum(share, 1.0)[:, None, None]
    covariance = np.asarray(np.linalg.inv(solution.information), dtype=np.float64)
    project = _gauge_free(solution, metric)
    kept = project(project(covariance.T).T).reshape(frames, size, frames, size)
    own = np.einsum("fafb->fab", kept) * _noise_px(solution) ** 2
    by_noise = np.sqrt(np.maximum(np.einsum("fab,fba->f", metric, own), 0.0))

    group = (tracks.track * 7919) % GROUPS         # a fixed scatter: neighbours in the list go to different groups
    pull = np.zeros((GROUPS, frames, size))
    own_pull = -np.einsum("nid,ni->nd", heavy, solution.residual)
    np.add.at(pull, (group, tracks.frame), own_pull - _taken(tracks, solution))
    moved = project(covariance @ pull.reshape(GROUPS, -1).T).T.reshape(GROUPS, frames, size)
    spread = np.einsum("gfa,fab,gfb->f", moved, metric, moved, optimize=True)
    by_tracks = np.sqrt(spread * GROUPS / (GROUPS - 1))
    return np.maximum(by_noise, by_tracks)


def _taken(tracks: Tracks, solution: Solution) -> Array:
    """(N, D) of each observation's pull on its camera, what its point would take up if it were free to.

    Nothing, where a point lies at its best. One that is held at infinity does not, and must not pull the world along.
    """
    system = linearised(tracks, solution.views, solution, solution.weight)
    inverse = np.asarray(np.linalg.inv(damped(system.point_block, 0.0)), dtype=np.float64)
    wanted = np.einsum("kpq,kq->kp", inverse, system.point_pull)
    return np.einsum("ndp,np->nd", system.mixed, wanted[tracks.track])


def _noise_px(solution: Solution) -> float:
    """Of one coordinate: the median absolute deviation of what is believed, as a standard deviation."""
    trusted = np.abs(solution.residual[solution.weight > 0.25])
    return 1.4826 * float(np.median(trusted)) if len(trusted) else 1.0


def _gauge_free(solution: Solution, metric: Array) -> Callable[[Array], Array]:
    """The projection that removes from camera steps (F D, M) the part that one similarity of the scene explains."""
    basis = _gauge(solution)
    frames, size, count = basis.shape
    weighted = np.matmul(metric, basis).reshape(frames * size, count)
    flat = basis.reshape(frames * size, count)
    inner = flat.T @ weighted
    solve = np.linalg.pinv(inner, rcond=1e-9, hermitian=True)

    def project(steps: Array) -> Array:
        return steps - flat @ (solve @ (weighted.T @ steps))

    return project


def _gauge(solution: Solution) -> Array:
    """(F, D, G) camera steps that a turn, and where cameras move a shift and a scale, of the whole world amounts to."""
    views, model = solution.views, solution.model
    into = views.world_from_camera.transpose(0, 2, 1)
    basis = np.zeros((len(views), model.camera_size, 7 if model.moves else 3))
    basis[:, :3, :3] = into
    if model.moves:
        offset = views.centre - views.centre.mean(axis=0)
        turned = np.stack([np.cross(axis, offset) for axis in np.eye(3)], axis=-1)
        basis[:, 3:6, :3] = np.matmul(into, turned)
        basis[:, 3:6, 3:6] = into
        basis[:, 3:6, 6] = np.einsum("fij,fj->fi", into, offset)
    return basis
