"""What must be undone in each frame: how the camera that the pictures show differs from the camera that is wanted.

The difference is a turn (three angles), a zoom (one log ratio of focal lengths) and a shift (three metres), per frame.
The solver knows it only up to its own noise, and a correction that carries noise makes a steady plate tremble. So it is
smoothed in time, as far as the solver's uncertainty explains what smoothing takes away and no farther: trembling that
is really in the pictures is larger than the uncertainty, so it stays in the correction and leaves the plate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .views import Array, Views, rotation_from_vector, vector_from_rotation

WEIGHT_MAX = 1e8                                   # of smoothing: what takes 600 frames passes, and 64 bits suffice
WEIGHT_MIN = 1e-4                                  # below it nothing is smoothed
_WEIGHT_STEP = 0.02                                # of the logarithm: near enough
_RIDGE = 1e-6                                      # a direction that no frame tells anything of stays near zero
UNCERTAINTY_MIN_PX = 0.01                          # nobody knows a camera better


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from the wanted camera to the pictured one, for F frames; NaN where the solver knows nothing."""

    turn: Array                                    # (F, 3) rotation vector of pictured_from_wanted, radians
    zoom: Array                                    # (F,) log of pictured over given focal length
    shift: Array                                   # (F, 3) wanted minus pictured centre, metres in world axes

    @classmethod
    def between(cls, solved: Views, given: Views, wanted: Views) -> Difference:
        """As solved. `given` is the wanted camera at the pictures' size: a focal length is compared with its own."""
        turn = np.swapaxes(solved.world_from_camera, 1, 2) @ wanted.world_from_camera
        zoom = np.log(solved.lens[:, :2] / given.lens[:, :2]).mean(axis=1)
        return cls(vector_from_rotation(turn), zoom, wanted.centre - solved.centre)

    @classmethod
    def nothing(cls, frames: int) -> Difference:
        """No difference at all."""
        return cls(np.zeros((frames, 3)), np.zeros(frames), np.zeros((frames, 3)))

    def pictured(self, given: Views, wanted: Views) -> Views:
        """The camera that the pictures show, at their size."""
        away = np.swapaxes(rotation_from_vector(self.turn), 1, 2)
        lens = given.lens.copy()
        lens[:, :2] *= np.exp(self.zoom)[:, None]
        return replace(
            given,
            world_from_camera=wanted.world_from_camera @ away,
            centre=wanted.centre - self.shift,
            lens=lens,
        )

    @property
    def is_nothing(self) -> bool:
        """Nothing is to be undone."""
        return not self.columns().any()

    def columns(self) -> Array:
        """(F, 7): turn, zoom, shift."""
        return np.column_stack([self.turn, self.zoom, self.shift])

    @classmethod
    def of_columns(cls, columns: Array) -> Difference:
        return cls(columns[:, :3], columns[:, 3], columns[:, 4:])


def steadied(difference: Difference, metric: Array, uncertainty_px: Array) -> Difference:
    """The difference without the solver's noise; nothing at all where its noise explains all of it.

    metric           (F, 7, 7) of `sensitivity`; zero where a frame sees nothing that is explained
    uncertainty_px   (F,) of each frame at the wanted camera's size; NaN: the frame is unknown and takes its neighbours'
    """
    columns = difference.columns()
    is_known = np.isfinite(uncertainty_px) & np.isfinite(columns).all(axis=1) & metric.any(axis=(1, 2))
    sigma = np.where(is_known, np.maximum(np.nan_to_num(uncertainty_px), UNCERTAINTY_MIN_PX), np.inf)
    known, trust = np.where(is_known[:, None], columns, 0.0), metric / sigma[:, None, None] ** 2
    if _misfit(known, trust) <= 1.0:
        return Difference.nothing(len(columns))
    # What no point tells apart (a shift, where everything is at infinity) stays nothing.
    used = np.flatnonzero(np.einsum("fcc->c", trust) > 0)
    steady = np.zeros_like(columns)
    steady[:, used] = smoothed(known[:, used], trust[:, used[:, None], used])
    return Difference.of_columns(steady)


def sensitivity(points: Array, frame: NDArray[np.integer[Any]], wanted: Views) -> Array:
    """(F, 7, 7): d' M d is the mean square distance in pixels by which a small difference d moves a frame's points.

    points   (N, 4) homogeneous world points, as each of N observations of `frame` (N,) sees one
    """
    metric = np.zeros((len(wanted), 7, 7))
    for index in np.unique(frame):
        slope = _slope(points[frame == index], wanted, int(index))
        if len(slope):
            metric[index] = np.einsum("nia,nib->ab", slope, slope) / len(slope)
    return metric


def _slope(points: Array, wanted: Views, index: int) -> Array:
    """(N, 2, 7) derivative of the pixels by turn, zoom and shift, of the points in front of the camera."""
    rotation, focal = wanted.world_from_camera[index], wanted.lens[index, :2]
    seen = (points[:, :3] - points[:, 3:] * wanted.centre[index]) @ rotation
    is_front = seen[:, 2] > 1e-9 * np.linalg.norm(seen, axis=1)
    (x, y, z), weight = seen[is_front].T, points[is_front, 3]
    turns = _turn_and_zoom(x / z, y / z, focal)
    near = weight / z
    zero = np.zeros_like(near)
    across = np.stack([near, zero, -near * x / z], -1) * focal[0]
    down = np.stack([zero, near, -near * y / z], -1) * focal[1]
    return np.concatenate([turns, np.stack([across, down], 1) @ rotation.T], axis=2)


def _turn_and_zoom(u: Array, v: Array, focal: Array) -> Array:
    """(N, 2, 4) derivative of the pixel of a ray (u, v, 1) by the turn that is applied to it last, and by log focal."""
    across = np.stack([-u * v, 1 + u**2, -v, u], -1) * focal[0]
    down = np.stack([-(1 + v**2), u * v, u, v], -1) * focal[1]
    return np.stack([across, down], 1)


# Smoothing ---------------------------------------------------------------------------------------


def smoothed(values: Array, trust: Array) -> Array:
    """`values` (F, C) as smooth in time as what is known of them, `trust` (F, C, C), allows; zero trust: not known.

    Whittaker's smoother with second differences (Whittaker 1923; Eilers, "A perfect smoother", Anal. Chem. 75, 2003):
    z minimises sum((y - z)' trust (y - z)) + weight * sum(|second difference of z|^2), every column counted in units of
    its own trust. The weight is the largest for which the first sum is at most one per frame: Morozov's discrepancy
    principle. With trust as a whole matrix what the pictures tell apart badly, a small turn from a small shift, is
    smoothed far and what they tell well is kept.
    """
    unit = np.sqrt(np.einsum("fcc->c", trust) / np.count_nonzero(trust.any(axis=(1, 2))))
    scaled, metric = values * unit, trust / np.outer(unit, unit)
    if len(values) < 3:
        return values.copy()
    low, high = np.log(WEIGHT_MIN), np.log(WEIGHT_MAX)
    if _misfit(scaled - _whittaker(scaled, metric, WEIGHT_MAX), metric) <= 1.0:
        low = high
    while high - low > _WEIGHT_STEP:
        middle = (low + high) / 2
        is_explained = _misfit(scaled - _whittaker(scaled, metric, float(np.exp(middle))), metric) <= 1.0
        low, high = (middle, high) if is_explained else (low, middle)
    return _whittaker(scaled, metric, float(np.exp(low))) / unit


def _misfit(rest: Array, trust: Array) -> float:
    """Mean over the known frames of the squared rest, in units of what is known of it."""
    known = max(1, np.count_nonzero(trust.any(axis=(1, 2))))
    return float(np.einsum("fa,fab,fb->", rest, trust, rest)) / known


def _whittaker(values: Array, trust: Array, weight: float) -> Array:
    """Solve (trust + weight D'D) z = trust y: the LDL' factors of a matrix of five bands of blocks."""
    count, size = values.shape
    one = np.eye(size)
    main, first, second = (weight * band for band in _penalty(count))
    inverse, near, far = (np.zeros((count, size, size)) for _ in range(3))
    answer = np.einsum("fab,fb->fa", trust, values)
    for row in range(count):
        pivot = trust[row] + (main[row] + _RIDGE) * one
        if row:
            coupled = first[row - 1] * one
            if row > 1:
                far[row] = second[row - 2] * inverse[row - 2]
                coupled = coupled - second[row - 2] * near[row - 1].T
                pivot = pivot - second[row - 2] * far[row].T
                answer[row] -= far[row] @ answer[row - 2]
            near[row] = coupled @ inverse[row - 1]
            pivot = pivot - coupled @ near[row].T
            answer[row] -= near[row] @ answer[row - 1]
        inverse[row] = np.linalg.inv((pivot + pivot.T) / 2)        # what rounding makes uneven would grow
    for row in reversed(range(count)):
        answer[row] = inverse[row] @ answer[row]
        for factors, step in ((near, 1), (far, 2)):
            if row + step < count:
                answer[row] -= factors[row + step].T @ answer[row + step]
    return answer


def _penalty(count: int) -> tuple[Array, Array, Array]:
    """The diagonal of D'D for second differences, and the two beside it."""
    main, first, second = np.zeros(count), np.zeros(count - 1), np.ones(count - 2)
    for places, step in ((slice(0, -2), 1.0), (slice(1, -1), 4.0), (slice(2, None), 1.0)):
        main[places] += step
    first[:-1] -= 2.0
    first[1:] -= 2.0
    return main, first, second


# A pinned region ---------------------------------------------------------------------------------

PIN_STEPS = 8
PIN_ROBUST_PX = 1.0                                # Huber's limit
PIN_PRIOR_PX = 4.0                                 # a picture so far from the start weighs as a pin one pixel off


def pinned(
    start: Difference, given: Views, wanted: Views, directions: Array, pixels: Array, frame: NDArray[np.int32]
) -> tuple[Difference, Array]:
    """Turn and zoom, frame by frame, that bring what is seen at `pixels` to where the wanted camera sees it.

    start        where to begin, and what a frame keeps of what its pins cannot tell
    directions   (N, 3) of the pins in the wanted camera's axes
    pixels       (N, 2) where the pictures show them
    frame        (N,) index of the frame
    Returns the difference, its shift zero, and how far the pins are from it (F,): the uncertainty of the frame's fit,
    NaN where a frame has fewer than two pins.
    """
    turn, zoom = np.nan_to_num(start.turn), np.nan_to_num(start.zoom)
    sigma = np.full(len(zoom), np.nan)
    radius = np.full(len(zoom), np.hypot(wanted.width, wanted.height) / np.sqrt(12))
    prior = np.column_stack([wanted.lens[:, 1], wanted.lens[:, 0], radius, radius]) / PIN_PRIOR_PX
    for index in range(len(zoom)):
        here = frame == index
        if np.count_nonzero(here) >= 2:
            fit = _pin(turn[index], zoom[index], prior[index], given.lens[index], directions[here], pixels[here])
            turn[index], zoom[index], sigma[index] = fit
    return Difference(turn, zoom, np.zeros_like(turn)), sigma


def _pin(
    turn: Array, zoom: float, prior: Array, lens: Array, directions: Array, pixels: Array
) -> tuple[Array, float, float]:
    """Gauss-Newton with Huber's weights over three angles and the log of the focal length, held by a weak prior."""
    rotation, log_focal = rotation_from_vector(turn), zoom
    rest = np.zeros(len(pixels))
    moved = np.zeros(4)                            # away from the start
    for _ in range(PIN_STEPS):
        x, y, z = (directions @ rotation.T).T
        focal = lens[:2] * np.exp(log_focal)
        u, v = x / z, y / z
        error = pixels - (np.column_stack([u, v]) * focal + lens[2:])
        rest = np.linalg.norm(error, axis=1)
        trust = np.minimum(1.0, PIN_ROBUST_PX / np.maximum(rest, 1e-9))
        slope = _turn_and_zoom(u, v, focal)
        normal = np.diag(prior**2) + np.einsum("n,nia,nib->ab", trust, slope, slope)
        right = np.einsum("n,nia,ni->a", trust, slope, error) - prior**2 * moved
        step = np.linalg.solve(normal, right)
        rotation = rotation_from_vector(step[:3]) @ rotation
        log_focal += step[3]
        moved += step
    spread = float(np.median(rest)) * 1.5 / np.sqrt(len(rest))
    return vector_from_rotation(rotation), log_focal, max(spread, UNCERTAINTY_MIN_PX)
