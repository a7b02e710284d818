"""Guilty cameras, made from the right one, and an oracle that says how wrong each of them is.

The oracle knows the right camera, the wrong one and the true depth of the picture. It is written from the definitions
and shares no code with what it judges; only where in the picture to look, it may ask the tracks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from platewright.camera import CameraPath
from platewright.match.tracking import Tracks

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


@dataclass(frozen=True, slots=True)
class Looks:
    """N places of the pictures at which the oracle compares two cameras."""

    frame: NDArray[np.intp]                        # (N,) index
    pixel: Array                                   # (N, 2)
    depth_m: Array                                 # (N,) planar, as the right camera sees it


def all_over(path: CameraPath) -> Looks:
    """A grid in every picture, everything far away: right for a camera that stands still."""
    x, y = (np.arange(GRID_PX / 2, side, GRID_PX) for side in (path.width, path.height))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    frame = np.repeat(np.arange(len(path)), len(grid))
    return Looks(frame, np.tile(grid, (len(path), 1)), np.full(len(frame), FAR_M))


def at_tracks(path: CameraPath, tracks: Tracks, is_wanted: NDArray[np.bool_], depth: Path) -> Looks:
    """Where the tracks were seen, with the true depth of each place; places at the rim of something are left out."""
    found = []
    for index, frame in enumerate(path.frames):
        here = (tracks.frame == index) & is_wanted[tracks.track]
        pixel = tracks.pixel[here]
        column, row = pixel.astype(int).T
        metres = read_depth(depth / f"depth.{frame}.exr")
        smooth = cv2.dilate(metres, np.ones((5, 5))) < 1.1 * cv2.erode(metres, np.ones((5, 5)))
        good = smooth[row, column]
        found.append((np.full(good.sum(), index), pixel[good], metres[row, column][good].astype(np.float64)))
    frames, pixels, depths = (np.concatenate(part) for part in zip(*found, strict=True))
    return Looks(frames, pixels, depths)


def read_depth(file: Path) -> NDArray[np.float32]:
    """(H, W) metres; the sky is far away."""
    return np.minimum(OpenImageIO.ImageBuf(str(file)).get_pixels(OpenImageIO.FLOAT)[..., 0], FAR_M)


def world_points(path: CameraPath, looks: Looks) -> Array:
    """(N, 3) what the right camera sees there."""
    lens, matrix = lenses(path)[looks.frame], poses(path)[looks.frame]
    rays = np.column_stack([(looks.pixel - lens[:, 2:]) / lens[:, :2], np.ones(len(lens))])
    return np.einsum("nij,nj->ni", matrix[:, :3, :3], rays * looks.depth_m[:, None]) + matrix[:, :3, 3]


def project(path: CameraPath, points: Array, frame: NDArray[np.intp]) -> Array:
    """(N, 2) pixels; far outside where a point is behind the camera."""
    lens, matrix = lenses(path)[frame], poses(path)[frame]
    seen = np.einsum("nji,nj->ni", matrix[:, :3, :3], points - matrix[:, :3, 3])
    return seen[:, :2] / np.maximum(seen[:, 2:], 1e-3) * lens[:, :2] + lens[:, 2:]


def displacement(true: CameraPath, given: CameraPath, looks: Looks, rotation_only: bool = False) -> Array:
    """(N, 2) pixels: where `given` puts what the picture shows there, minus where that is; see `misfit`."""
    return misfit(given, world_points(true, looks), looks.frame, looks.pixel, rotation_only)


def misfit(
    given: CameraPath, points: Array, frame: NDArray[np.intp], pixel: Array, rotation_only: bool = False
) -> Array:
    """(N, 2) where `given` sees points (N, 3), minus `pixel`, after the best similarity of the whole world.

    One similarity (one rotation about the first camera, where nothing has parallax) is free: the one with the least sum
    of squared distances, by Levenberg and Marquardt with a numerical derivative.
    """
    pivot, free = poses(given)[0, :3, 3], 3 if rotation_only else 7
    nudges = np.eye(7)[:free] * np.array([1e-6] * 3 + [1e-5] * 3 + [1e-6])[:free, None]

    def off(similarity: Array) -> Array:
        turned = (points - pivot) @ rotation(similarity[:3])[:3, :3].T
        world = np.exp(similarity[6]) * turned + pivot + similarity[3:6]
        return np.clip(project(given, world, frame) - pixel, -given.width, given.width).ravel()

    best, damping = np.zeros(7), 1e-3
    rest = off(best)
    for _ in range(40):
        slope = np.stack([(off(best + nudge) - rest) / nudge.sum() for nudge in nudges], 1)
        normal = slope.T @ slope
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -slope.T @ rest)
        tried = best + np.pad(step, (0, 7 - free))
        new = off(tried)
        if new @ new < rest @ rest:
            best, rest, damping = tried, new, damping / 5
        else:
            damping *= 10
    return rest.reshape(-1, 2)


def expected_error_px(true: CameraPath, given: CameraPath, looks: Looks, rotation_only: bool = False) -> Array:
    """(F,) mean distance, over the places seen in each frame, that `displacement` leaves."""
    away = np.linalg.norm(displacement(true, given, looks, rotation_only), axis=1)
    return np.bincount(looks.frame, away, len(true)) / np.bincount(looks.frame, minlength=len(true))


def expected_jitter_px(true: CameraPath, given: CameraPath) -> float:
    """RMS over frames and over a grid of how far the displacement jumps from frame to frame; everything far away."""
    looks = all_over(true)
    jump = np.diff(displacement(true, given, looks, rotation_only=True).reshape(len(true), -1, 2), axis=0)
    return float(np.sqrt((jump**2).sum(-1).mean()))


def expected_rotation_deg(true: CameraPath, given: CameraPath) -> Array:
    """(F,) angle between the two cameras after the one global rotation that fits best (chordal mean, by SVD)."""
    error = poses(given)[:, :3, :3] @ poses(true)[:, :3, :3].transpose(0, 2, 1)
    left, _, right = np.linalg.svd(error.sum(0))
    mean = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    cosine = (np.trace(mean.T @ error, axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
