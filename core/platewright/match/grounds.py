"""The ground that a plate shows: the nearly level plane below the cameras that holds most of the solved points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .views import Array

POINTS_MIN = 12
TILT_MAX_DEG = 15.0
NEAR_GROUND, ON_GROUND = 0.05, 0.02                # of the camera's height: what votes for a ground, what stands on it
TIGHTER = (0.05, 0.05, 0.03, 0.02, 0.01, 0.01)     # the same, step by step: stones rise from the ground, none sinks in
DIP = 0.05                                         # downward slope of a ray that may meet the ground
TRIALS = 400                                       # of three points each: with half of them on it one will do


@dataclass(frozen=True, slots=True)
class Level:
    """A plate's own ground, in the world in which its points are."""

    below: Array                                   # (3,) its place below the middle of the path, metres
    up: Array                                      # (3,) unit
    is_on: NDArray[np.bool_]                       # (K,) tracks on it

    @property
    def height_m(self) -> float:
        """World height below the middle of the path."""
        return float(self.below[2])

    @property
    def tilt_deg(self) -> float:
        """Against the horizon."""
        return float(np.degrees(np.arccos(np.clip(self.up[2], -1.0, 1.0))))


def ground_of(centres: Array, points: Array, chosen: NDArray[np.bool_]) -> Level | None:
    """The ground among the chosen (K,) of homogeneous points (K, 4) below cameras at `centres` (F, 3).

    It lies within TILT_MAX_DEG of level, or there is none.
    """
    middle = centres.mean(axis=0)
    known = chosen & (points[:, 3] > 0)
    off = np.full((len(points), 3), np.nan)
    off[known] = points[known, :3] / points[known, 3:] - middle
    flat = np.hypot(off[:, 0], off[:, 1])
    below = np.flatnonzero(known & (off[:, 2] < -DIP * flat))
    if len(below) < POINTS_MIN:
        return None
    plane = _best_plane(off[below])
    if plane is None:
        return None
    is_on = known & (np.abs(off @ np.array([-plane[0], -plane[1], 1.0]) - plane[2]) < ON_GROUND * -plane[2])
    up = np.array([-plane[0], -plane[1], 1.0])
    return Level(middle + [0.0, 0.0, plane[2]], up / np.linalg.norm(up), is_on)


def _best_plane(points: Array) -> Array | None:
    """z = a x + b y + c through most of the points (N, 3): trials of three, then least squares; None: no plane."""
    draws = np.random.default_rng(0).integers(0, len(points), (TRIALS, 3))
    best, votes = np.zeros(3), POINTS_MIN - 1
    for three in points[draws]:
        rows = np.column_stack([three[:, :2], np.ones(3)])
        if abs(np.linalg.det(rows)) < 1e-6:
            continue
        plane = np.linalg.solve(rows, three[:, 2])
        is_level = plane[2] < 0 and np.hypot(plane[0], plane[1]) < np.tan(np.radians(TILT_MAX_DEG))
        count = np.count_nonzero(_on(points, plane)) if is_level else 0
        if count > votes:
            best, votes = plane, count
    if votes < POINTS_MIN:
        return None
    for share in TIGHTER:
        held = points[_on(points, best, share)]
        if len(held) < POINTS_MIN:
            break
        rows = np.column_stack([held[:, :2], np.ones(len(held))])
        best = np.asarray(np.linalg.lstsq(rows, held[:, 2], rcond=None)[0], dtype=np.float64)
    return best


def _on(points: Array, plane: Array, share: float = NEAR_GROUND) -> NDArray[np.bool_]:
    height = points[:, :2] @ plane[:2] + plane[2]
    return np.abs(points[:, 2] - height) < share * -plane[2]
