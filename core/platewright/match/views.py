"""Cameras as arrays: one pinhole view per frame.

World   +Z up, metres. Camera OpenCV: +X right, +Y down, +Z forward.
Pixels  from the top-left corner, the first pixel's centre at (0.5, 0.5).
Names   `a_from_b` takes coordinates in b to coordinates in a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import CameraPath

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Views:
    """The cameras of F frames."""

    world_from_camera: Array                       # (F, 3, 3) rotations
    centre: Array                                  # (F, 3) metres, world
    lens: Array                                    # (F, 4) fx, fy, cx, cy in pixels
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.centre)

    @classmethod
    def of(cls, camera: CameraPath, frames: Sequence[int] | None = None) -> Views:
        """The views of a camera path, or of those of its scene frames that `frames` lists."""
        chosen = range(len(camera)) if frames is None else [frame - camera.frames[0] for frame in frames]
        poses = np.array([camera.camera_to_world[index] for index in chosen], dtype=np.float64).reshape(-1, 4, 4)
        lens = np.array([camera.intrinsics[index] for index in chosen], dtype=np.float64)
        return cls(poses[:, :3, :3].copy(), poses[:, :3, 3].copy(), lens, camera.width, camera.height)

    def path(self, like: CameraPath, frames: Sequence[int], name: str) -> CameraPath:
        """These views as a camera path of consecutive `frames`, with the clock and the notes of `like`."""
        poses = np.zeros((len(self), 4, 4))
        poses[:, :3, :3], poses[:, :3, 3], poses[:, 3, 3] = self.world_from_camera, self.centre, 1.0
        return replace(
            like,
            camera=name,
            cameras=(name,) * len(self),
            width=self.width,
            height=self.height,
            frames=tuple(frames),
            camera_to_world=tuple(tuple(map(float, pose.ravel())) for pose in poses),
            intrinsics=tuple(tuple(map(float, lens)) for lens in self.lens),  # type: ignore[misc]
        )

    def camera_points(self, points: Array, frame: NDArray[np.integer[Any]]) -> Array:
        """World points (N, 3) in the axes of the camera of their frame index (N,)."""
        return np.einsum("nji,nj->ni", self.world_from_camera[frame], points - self.centre[frame])

    def pixels(self, points_camera: Array, frame: NDArray[np.integer[Any]]) -> Array:
        """Camera-space points or directions (N, 3), in front of the camera, as pixels (N, 2)."""
        lens = self.lens[frame]
        return points_camera[:, :2] / points_camera[:, 2:] * lens[:, :2] + lens[:, 2:]

    def rays(self, pixels: Array, frame: NDArray[np.integer[Any]]) -> Array:
        """Camera-space directions (N, 3) with z = 1 through pixels (N, 2)."""
        lens = self.lens[frame]
        return np.column_stack([(pixels - lens[:, 2:]) / lens[:, :2], np.ones(len(pixels))])

    def world_rays(self, pixels: Array, frame: NDArray[np.integer[Any]]) -> Array:
        """World directions (N, 3), unit length in camera z, through pixels (N, 2)."""
        return np.einsum("nij,nj->ni", self.world_from_camera[frame], self.rays(pixels, frame))


def rotation_from_vector(vector: Array) -> Array:
    """Rotations (..., 3, 3) by `vector` (..., 3) radians about its own direction: Rodrigues' formula."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = _cross_matrix(vector)
    # Both coefficients by sinc: exact at zero, where the quotient is not.
    first, half = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi))
    return np.eye(3) + first * cross + 0.5 * half**2 * (cross @ cross)


def vector_from_rotation(rotation: Array) -> Array:
    """The inverse of `rotation_from_vector` for angles below pi: (..., 3) radians."""
    skew = np.stack(
        [
            rotation[..., 2, 1] - rotation[..., 1, 2],
            rotation[..., 0, 2] - rotation[..., 2, 0],
            rotation[..., 1, 0] - rotation[..., 0, 1],
        ],
        axis=-1,
    )
    cosine = (np.trace(rotation, axis1=-2, axis2=-1) - 1) / 2
    sine = np.linalg.norm(skew, axis=-1) / 2
    angle = np.arctan2(sine, cosine)
    return skew * (0.5 / np.sinc(angle / np.pi))[..., None]


def _cross_matrix(vector: Array) -> Array:
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
