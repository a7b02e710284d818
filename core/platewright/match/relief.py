"""How far away the things are that the wanted camera sees: inverse depth, per metre along the camera's axis.

FarAway       zero: everything is at infinity, a lock is a turn and a zoom
GroundPlane   the plane z = ground; zero at its horizon and above, so nothing tears there: what stands on the plane is
              pinned at its feet, what rises above the horizon is locked as if far away
SceneDepth    the scene's own depth pictures of the wanted camera
SolvedDepth   the solved points, spread over the picture

Errors  RequestError E_FILE_MISSING, E_DEPTH_FRAMES, E_DEPTH_READ
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from ..errors import RequestError
from .views import Array, Views
from .warping import pull_push, source_positions

NEAREST_M = 1e-6                                   # nearer is nothing
SKY_M = 1e9                                        # Blender writes 1e10 where there is nothing
CELL_PX = 8                                        # of the grid on which solved points are spread
FADE_FRAMES = 8                                    # a point counts less and less so long before and after it is seen
DENSE_POINTS, DENSE_SHARE = 60, 0.35               # fewer points, or less of the picture with a point near: no relief
DENSE_CELLS = (16, 9)
HIDDEN_PX = 1.5                                    # surfaces that move apart by less hide nothing of each other
HIDDEN_CELL_PX = 2                                 # grain of the test for hidden places
_DEPTH_CHANNELS = ("Z", "Depth", "V", "Y", "R")


class Relief(Protocol):
    """Inverse depth per frame of the wanted camera."""

    def inverse_depth(self, index: int) -> Array | float:
        """(height, width) of the plate, or one number for all of it; zero at infinity."""
        ...


@dataclass(frozen=True, slots=True)
class FarAway:
    """Nothing is near."""

    def inverse_depth(self, index: int) -> Array | float:
        return 0.0


@dataclass(frozen=True, slots=True)
class GroundPlane:
    """Level ground."""

    wanted: Views
    ground_m: float                                # its height, world z

    def inverse_depth(self, index: int) -> Array | float:
        """Above the horizon the plane lies behind the camera; its inverse depth goes through zero there."""
        rise = self.ground_m - self.wanted.centre[index, 2]
        if abs(rise) < 1e-6:                       # the camera lies in the plane and sees nothing of it
            return 0.0
        up = self.wanted.world_from_camera[index, 2]
        fx, fy, cx, cy = self.wanted.lens[index]
        columns = (np.arange(self.wanted.width) + 0.5 - cx) / fx
        rows = (np.arange(self.wanted.height)[:, None] + 0.5 - cy) / fy
        return np.maximum((up[0] * columns + up[1] * rows + up[2]) / rise, 0.0)


# The scene's depth -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SceneDepth:
    """Planar depth in metres, one EXR per frame; 0, infinite or beyond 1e9 is sky."""

    paths: tuple[Path, ...]                        # one per frame of the pictures
    width: int                                     # of the plate
    height: int

    @classmethod
    def open(cls, folder: Path, frames: Sequence[int], wanted: Views) -> SceneDepth:
        """The last group of digits in a name is the scene frame; RequestError E_FILE_MISSING, E_DEPTH_FRAMES."""
        if not folder.is_dir():
            raise RequestError("E_FILE_MISSING", f"There is no folder {folder}.", "Render the depth of each frame.")
        numbered = ((re.findall(r"\d+", path.stem), path) for path in sorted(folder.glob("*.exr")))
        of_frame = {int(digits[-1]): path for digits, path in numbered if digits}
        if lacking := [frame for frame in frames if frame not in of_frame]:
            one = f"{folder.name} has no depth for frame {lacking[0]}."
            why = f"{folder.name} has no depth for frame {lacking[0]} and others." if lacking[1:] else one
            raise RequestError("E_DEPTH_FRAMES", why, "Name one EXR per frame by its number: depth.1001.exr.")
        return cls(tuple(of_frame[frame] for frame in frames), wanted.width, wanted.height)

    def inverse_depth(self, index: int) -> Array:
        """Nearest pixel where sizes differ: between a wall and the sky behind it there is nothing."""
        depth = read_depth(self.paths[index])
        is_solid = np.isfinite(depth) & (depth > NEAREST_M) & (depth < SKY_M)
        inverse = np.divide(1.0, depth, out=np.zeros(depth.shape), where=is_solid)
        if inverse.shape != (self.height, self.width):
            inverse = cv2.resize(inverse, (self.width, self.height), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(inverse, dtype=np.float64)


def read_depth(path: Path) -> NDArray[np.float32]:
    """The depth channel of an EXR, (height, width) in metres as written; RequestError E_DEPTH_READ."""
    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        complaint = OpenImageIO.geterror()[:200]
        raise RequestError("E_DEPTH_READ", f"{path.name} cannot be read: {complaint}", "Render it again.")
    names = [str(name).rpartition(".")[2] for name in source.spec().channelnames]
    channel = next((names.index(name) for name in _DEPTH_CHANNELS if name in names), 0)
    pixels = source.read_image(0, 0, channel, channel + 1, "float")
    complaint = source.geterror()
    source.close()
    if pixels is None:
        raise RequestError("E_DEPTH_READ", f"{path.name} cannot be read: {complaint[:200]}", "Render it again.")
    return np.asarray(pixels, dtype=np.float32).reshape(pixels.shape[:2])


# Solved points -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SolvedDepth:
    """Explained points, each from a little before it is seen to a little after, so that none comes or goes at once."""

    points: Array                                  # (K, 4) homogeneous, w = 0 at infinity
    first: NDArray[np.int32]                       # (K,) frame index of the first and last sight
    last: NDArray[np.int32]
    wanted: Views

    def half(self, part: int) -> SolvedDepth:
        """Every second of its points: what it would be without the others."""
        return SolvedDepth(self.points[part::2], self.first[part::2], self.last[part::2], self.wanted)

    def is_dense(self) -> bool:
        """Enough points, and near enough to everywhere, in the usual frame."""
        counts, shares = zip(*(self._density(index) for index in range(len(self.wanted))), strict=True)
        return bool(np.median(counts) >= DENSE_POINTS and np.median(shares) >= DENSE_SHARE)

    def _density(self, index: int) -> tuple[int, float]:
        pixel, _, _ = self._seen(index)
        size = np.array([self.wanted.width, self.wanted.height])
        cells = np.unique((pixel / size * DENSE_CELLS).astype(int), axis=0)
        return len(pixel), len(cells) / np.prod(DENSE_CELLS)

    def _seen(self, index: int) -> tuple[Array, Array, Array]:
        """Pixels (N, 2), inverse depths and weights (N,) of the points that count in a frame."""
        away = np.maximum(np.maximum(self.first - index, index - self.last), 0)
        weight = np.maximum(1.0 - away / FADE_FRAMES, 0.0)
        offset = self.points[:, :3] - self.points[:, 3:] * self.wanted.centre[index]
        x, y, z = (offset @ self.wanted.world_from_camera[index]).T
        fx, fy, cx, cy = self.wanted.lens[index]
        front = np.where(z > 0, z, np.inf)
        pixel = np.column_stack([x / front * fx + cx, y / front * fy + cy])
        is_inside = (z > 0) & (pixel >= 0).all(axis=1) & (pixel < [self.wanted.width, self.wanted.height]).all(axis=1)
        chosen = is_inside & (weight > 0)
        return pixel[chosen], np.maximum(self.points[chosen, 3] / front[chosen], 0.0), weight[chosen]

    def inverse_depth(self, index: int) -> Array:
        """Averages on a coarse grid, holes filled from around, drawn up to the plate's size."""
        pixel, inverse, weight = self._seen(index)
        size = (-(-self.wanted.height // CELL_PX), -(-self.wanted.width // CELL_PX))
        cell = np.ravel_multi_index(tuple((pixel[:, ::-1] / CELL_PX).astype(int).T), size)
        total = np.bincount(cell, weight, size[0] * size[1])
        mean = np.bincount(cell, weight * inverse, size[0] * size[1]) / np.maximum(total, 1e-12)
        grid = pull_push(mean.reshape(*size, 1).astype(np.float32), total.reshape(size).astype(np.float32))
        grid = cv2.GaussianBlur(grid[..., 0], (0, 0), 1.0)
        drawn = cv2.resize(grid, (size[1] * CELL_PX, size[0] * CELL_PX), interpolation=cv2.INTER_LINEAR)
        return drawn[: self.wanted.height, : self.wanted.width].astype(np.float64)


# What a warp cannot see --------------------------------------------------------------------------


def hidden(pictured: Views, wanted: Views, index: int, inverse_depth: Array) -> NDArray[np.bool_]:
    """(height, width): pixels of the plate whose surface the pictured camera sees another surface in front of.

    Every surface is drawn into the pictured view with the nearest on top; what then finds a nearer one at its own
    place is hidden. Tested at a grain of a few pixels, so that the drawing leaves no pinholes.
    """
    shift_px = pictured.lens[index, 0] * float(np.linalg.norm(wanted.centre[index] - pictured.centre[index]))
    if shift_px * float(inverse_depth.max()) < HIDDEN_PX:
        return np.zeros(inverse_depth.shape, dtype=np.bool_)
    x, y = source_positions(pictured, wanted, index, inverse_depth)
    column, row = (x // HIDDEN_CELL_PX).astype(int), (y // HIDDEN_CELL_PX).astype(int)
    width, height = -(-pictured.width // HIDDEN_CELL_PX), -(-pictured.height // HIDDEN_CELL_PX)
    is_inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = np.where(is_inside, row * width + column, 0)
    nearest = np.zeros(width * height)
    order = np.argsort(inverse_depth, axis=None, kind="stable")
    nearest[place.ravel()[order]] = np.where(is_inside, inverse_depth, 0.0).ravel()[order]    # the last written stays
    return is_inside & (nearest[place] > inverse_depth + HIDDEN_PX / shift_px)
