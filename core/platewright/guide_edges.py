"""Outlines and creases of what a camera sees, found in its planar depth alone: no texture, no bump, no light.

1 / z of a plane is linear over the picture, so each side of an edge foretells itself exactly, however steep it is seen:
an outline is where neither side foretells the other, a crease where both meet and their normals differ. Normals are the
geometry's own, from differences taken on the side that is the smoother one, so that none reaches across an edge (the
choice of stencil of ENO schemes, Harten et al. 1987).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Lines = NDArray[np.bool_]

JUMP = 0.03                                        # of 1 / z: what neither side foretells by more is an outline
CREASE_COS = math.cos(math.radians(25.0))


def lines(near: NDArray[np.floating], lens: Sequence[float]) -> Lines:
    """Where a picture of 1 / z (height, width; 0 is nothing) has a line, one pixel wide, on the nearer side.

    lens    fx, fy, cx, cy in pixels of this very picture
    """
    near = near.astype(np.float64)
    facing = normals(near, lens)
    found = np.zeros(near.shape, dtype=bool)
    for near_along, facing_along, found_along in (
        (near, facing, found),
        (near.T, facing.transpose(1, 0, 2), found.T),
    ):
        _draw(near_along, facing_along, found_along)
    return found


def normals(near: Field, lens: Sequence[float]) -> Field:
    """(height, width, 3) unit normals in the camera's axes; any where there is nothing.

    On a plane N . P = 1, 1 / z = N . (x, y, 1) with slopes x and y: its gradient is N's x and y.
    """
    fx, fy, cx, cy = lens
    x, y = (np.arange(near.shape[1]) + 0.5 - cx) / fx, (np.arange(near.shape[0]) + 0.5 - cy) / fy
    across, down = _step(near) * fx, _step(near.T).T * fy
    facing = np.stack([across, down, near - across * x - down * y[:, None]], axis=-1)
    return facing / np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-30)


def _step(near: Field) -> Field:
    """Change per pixel along a row, taken on the side that bends less."""
    if near.shape[1] < 3:
        return np.zeros_like(near)
    step = np.diff(near, axis=1)
    bend = np.abs(np.diff(step, axis=1))           # about each inner pixel
    none = np.full((len(near), 2), np.inf)
    before = np.hstack([none, bend])               # of the pixel and the two on its left
    after = np.hstack([bend, none])
    ahead, behind = np.hstack([step, step[:, -1:]]), np.hstack([step[:, :1], step])
    return np.where(before <= after, behind, ahead)


def _draw(near: Field, facing: Field, found: Lines) -> None:
    """Mark the nearer one of each pair of neighbours in a row that has an edge between them."""
    left, right = near[:, :-1], near[:, 1:]
    is_solid = (left > 0) & (right > 0)
    is_outline = (left > 0) != (right > 0)
    is_outline |= is_solid & (_unforeseen(near) > JUMP * np.maximum(left, right))
    is_crease = is_solid & ((facing[:, :-1] * facing[:, 1:]).sum(-1) < CREASE_COS)
    is_edge = is_outline | is_crease
    found[:, :-1] |= is_edge & (left >= right)
    found[:, 1:] |= is_edge & (left < right)


def _unforeseen(near: Field) -> Field:
    """How far each pixel is from what its left neighbours foretell, or those from what its right ones do; the less."""
    step = np.diff(near, axis=1)
    bend = np.abs(np.diff(step, axis=1))
    rim = np.full((len(near), 1), np.inf)
    least = np.minimum(np.hstack([rim, bend]), np.hstack([bend, rim]))
    return np.where(np.isfinite(least), least, np.abs(step))
