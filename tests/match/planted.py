"""Guilty cameras, made from the right one, and an oracle that says how wrong each of them is.

The oracle knows the right camera, the wrong one and the true depth of the picture. It is written from the definitions
and shares no code with what it judges.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from platewright.camera import CameraPath

Array = NDArray[np.float64]

GRID_PX = 40                                       # between the places of the picture at which the oracle looks
FAR_M = 1e7


# Paths as arrays ------------------------------------------------------------------------------------


def poses(path: CameraPath) -> Array:
    """(F, 4, 4) world from camera."""
    return np.array(path.camera_to_world, dtype=np.float64).reshape(-1, 4, 4)


def lenses(path: CameraPath) -> Array:
    """(F, 4) fx, fy, cx, cy."""
    return np.array(path.intrinsics, dtype=np.float64)


def with_poses(path: CameraPath, matrices: Array) -> CameraPath:
    """The same path elsewhere."""
    return replace(path, camera_to_world=tuple(tuple(map(float, one.ravel())) for one in matrices))


def rotation(vector: Array) -> Array:
    """(4, 4) turn by a rotation vector in radians."""
    angle = float(np.linalg.norm(vector))
    matrix = np.eye(4)
    if angle > 0:
        x, y, z = vector / angle
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        matrix[:3, :3] += math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return matrix


def growth(count: int, smooth: bool) -> Array:
    """0 at the first frame, 1 at the last."""
    share = np.linspace(0.0, 1.0, count)
    return share**2 * (3 - 2 * share) if smooth else share


# Guilty ---------------------------------------------------------------------------------------------


def rotation_drift(path: CameraPath, degrees: float, smooth: bool = False) -> CameraPath:
    """Turned about the camera's own axes, mostly sideways, by so much at the last frame."""
    axis = np.array([0.25, 0.94, 0.23]) / np.linalg.norm([0.25, 0.94, 0.23])
    turns = [rotation(axis * math.radians(degrees) * share) for share in growth(len(path), smooth)]
    return with_poses(path, poses(path) @ np.array(turns))


def focal_error(path: CameraPath, factor: float, growing: bool = False) -> CameraPath:
    """Focal lengths times a factor, from the first frame on or growing to it."""
    share = growth(len(path), smooth=False) if growing else np.ones(len(path))
    lens = lenses(path)
    lens[:, :2] *= (1 + (factor - 1) * share)[:, None]
    return replace(path, intrinsics=tuple(tuple(map(float, one)) for one in lens))


def translation_error(path: CameraPath, metres: float) -> CameraPath:
    """Moved up by so much on the way, and back: no scale and no turn of the whole path explains that."""
    matrices = poses(path)
    matrices[:, 2, 3] += metres * np.sin(math.pi * growth(len(path), smooth=False))
    return with_poses(path, matrices)


def scaled_motion(path: CameraPath, factor: float) -> CameraPath:
    """All places so much farther from the first."""
    matrices = poses(path)
    matrices[:, :3, 3] = matrices[0, :3, 3] + factor * (matrices[:, :3, 3] - matrices[0, :3, 3])
    return with_poses(path, matrices)


def late(path: CameraPath, frames: int) -> CameraPath:
    """Every frame has the camera of a few frames later; the last one stays."""
    index = np.minimum(np.arange(len(path)) + frames, len(path) - 1)
    later = replace(path, intrinsics=tuple(path.intrinsics[i] for i in index))
    return with_poses(later, poses(path)[index])


def mirrored(path: CameraPath) -> CameraPath:
    """The first camera stays, and every move and turn to its left goes to its right."""
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    matrices = poses(path)
    return with_poses(path, matrices[0] @ mirror @ np.linalg.inv(matrices[0]) @ matrices @ mirror)


def jittered(path: CameraPath, px: float, seed: int) -> CameraPath:
    """Turned by noise of its own in every frame, which moves the middle of the picture by `px` RMS."""
    draw = np.random.default_rng(seed)
    sigma = px / math.sqrt(2) / lenses(path)[:, 0]
    turns = [rotation(np.array([*(one * draw.standard_normal(2)), 0.0])) for one in sigma]
    return with_poses(path, poses(path) @ np.array(turns))


# The oracle -----------------------------------------------------------------------------------------


def places(path: CameraPath) -> Array:
    """(P, 2) pixels all over the picture."""
    x = np.arange(GRID_PX / 2, path.width, GRID_PX)
    y = np.arange(GRID_PX / 2, path.height, GRID_PX)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def far_depths(path: CameraPath) -> Array:
    """(F, P) metres: everything is far away, as it might be for a camera that stands still."""
    return np.full((len(path), len(places(path))), FAR_M)


def read_depths(path: CameraPath, folder: Path) -> Array:
    """(F, P) planar depth in metres at `places`; the sky is far away."""
    column, row = places(path).astype(int).T
    seen = []
    for frame in path.frames:
        file = folder / f"depth.{frame}.exr"
        pixels = OpenImageIO.ImageBuf(str(file)).get_pixels(OpenImageIO.FLOAT)
        seen.append(np.minimum(pixels[row, column, 0].astype(np.float64), FAR_M))
    return np.array(seen)


def world_points(path: CameraPath, depths: Array) -> Array:
    """(F, P, 3) what the right camera sees at `places`."""
    lens = lenses(path)[:, None, :]
    rays = np.concatenate([(places(path) - lens[..., 2:]) / lens[..., :2], np.ones((*depths.shape, 1))], -1)
    matrix = poses(path)
    return np.einsum("fij,fpj->fpi", matrix[:, :3, :3], rays * depths[..., None]) + matrix[:, None, :3, 3]


def project(path: CameraPath, points: Array) -> Array:
    """(F, P, 2) pixels of (F, P, 3) points; NaN behind the camera."""
    matrix, lens = poses(path), lenses(path)[:, None, :]
    seen = np.einsum("fji,fpj->fpi", matrix[:, :3, :3], points - matrix[:, None, :3, 3])
    depth = np.where(seen[..., 2:] > 1e-6, seen[..., 2:], np.nan)
    return seen[..., :2] / depth * lens[..., :2] + lens[..., 2:]


def expected_error_px(true: CameraPath, given: CameraPath, depths: Array, rotation_only: bool = False) -> Array:
    """(F,) mean distance between where the picture shows a point and where `given` puts it.

    One similarity of the whole world (one rotation, where nothing has parallax) is free: the one with the least sum of
    squared distances, by Levenberg and Marquardt with a numerical derivative.
    """
    return error_px(true, given, depths, best_similarity(true, given, depths, rotation_only))


def error_px(true: CameraPath, given: CameraPath, depths: Array, similarity: Array) -> Array:
    """(F,) under that similarity (7,): rotation vector and shift about the first camera, log of the scale."""
    off = project(given, moved(world_points(true, depths), poses(true)[0, :3, 3], similarity)) - places(true)
    return np.nanmean(np.linalg.norm(off, axis=-1), axis=-1)


def moved(points: Array, pivot: Array, similarity: Array) -> Array:
    turned = (points - pivot) @ rotation(similarity[:3])[:3, :3].T
    return np.exp(similarity[6]) * turned + pivot + similarity[3:6]


def best_similarity(true: CameraPath, given: CameraPath, depths: Array, rotation_only: bool) -> Array:
    points, pivot, wanted = world_points(true, depths), poses(true)[0, :3, 3], places(true)
    free = 3 if rotation_only else 7
    steps = np.array([1e-6] * 3 + [1e-5] * 3 + [1e-6])[:free]

    def misfit(similarity: Array) -> Array:
        return np.nan_to_num(project(given, moved(points, pivot, similarity)) - wanted, nan=1e3).ravel()

    best, damping = np.zeros(7), 1e-3
    rest = misfit(best)
    for _ in range(60):
        nudges = np.eye(7)[:free] * steps[:, None]
        slope = np.stack([(misfit(best + nudge) - rest) / step for nudge, step in zip(nudges, steps, strict=True)], 1)
        normal = slope.T @ slope
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -slope.T @ rest)
        tried = best.copy()
        tried[:free] += step
        new = misfit(tried)
        if new @ new < rest @ rest:
            best, rest, damping = tried, new, damping / 5
        else:
            damping *= 10
    return best


def expected_rotation_deg(true: CameraPath, given: CameraPath) -> Array:
    """(F,) angle between the two cameras after the one global rotation that fits best (chordal mean, by SVD)."""
    error = poses(given)[:, :3, :3] @ poses(true)[:, :3, :3].transpose(0, 2, 1)
    left, _, right = np.linalg.svd(error.sum(0))
    mean = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    cosine = (np.trace(mean.T @ error, axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def expected_step_px(true: CameraPath, given: CameraPath, depths: Array) -> Array:
    """(F - 1,) mean over the picture of how far the error changes from one frame to the next."""
    fitted = best_similarity(true, given, depths, rotation_only=bool((depths == FAR_M).all()))
    off = project(given, moved(world_points(true, depths), poses(true)[0, :3, 3], fitted)) - places(true)
    return np.nanmean(np.linalg.norm(np.diff(off, axis=0), axis=-1), axis=-1)
