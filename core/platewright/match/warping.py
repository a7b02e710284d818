"""From the pictures to the plate in one resample.

Every lock is one formula: a target pixel is a ray d of the wanted camera and an inverse depth w along it, zero at
infinity, and the pictured camera sees it at K_s R_s' (R_w d + w (c_w - c_s)). With w = 0 everywhere this is the
homography of a turn and a zoom, with w of a plane the plane's homography (Hartley and Zisserman, section 13.1), with w
of a depth picture a backward warp. Positions count from the top-left corner, the first pixel's centre at (0.5, 0.5).

The filter is OpenCV's Lanczos over 8 x 8 pixels, on float32 display values. It takes positions from a table of 1/32
pixel: measured on sums of sine waves at full contrast, that costs an RMS of 0.002 at five pixels a wave and 0.003 at
three, less than an 8-bit step; bicubic costs two to three times as much. So the table stays.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..pictures import Picture
from .views import Array, Views

Positions = tuple[Array, Array]                    # x and y in the pictures, each (height, width) of the plate
COARSEST_PX = 2                                    # pull and push stops at pictures of this side
_LOBES = 3                                         # of the filter before a reduction
_EDGE_PX = 1e-3                                    # a position on the picture's very edge is inside


# Where from --------------------------------------------------------------------------------------


def source_positions(
    pictured: Views, wanted: Views, index: int, inverse_depth: Array | float = 0.0, shown_by: int | None = None
) -> Positions:
    """Where the pictures show each pixel of the plate; far outside where it lies behind the pictured camera.

    inverse_depth   per metre of depth along the wanted camera's axis: one number, or (height, width) of the plate
    shown_by        index of the picture; None: the plate's own
    """
    columns = np.arange(wanted.width) + 0.5
    rows = np.arange(wanted.height)[:, None] + 0.5
    turn, shift = _projection(pictured, wanted, index, index if shown_by is None else shown_by)
    x, y, z = (row[0] * columns + (row[1] * rows + row[2]) for row in turn)
    if np.ndim(inverse_depth) or inverse_depth:
        x, y, z = x + inverse_depth * shift[0], y + inverse_depth * shift[1], z + inverse_depth * shift[2]
    return _divided(pictured, x, y, z)


def source_points(
    pictured: Views, wanted: Views, index: int, pixels: Array, inverse_depth: Array, shown_by: int | None = None
) -> Array:
    """The same for single places (N, 2) of the plate with their inverse depths (N,)."""
    turn, shift = _projection(pictured, wanted, index, index if shown_by is None else shown_by)
    x, y, z = turn @ np.column_stack([pixels, np.ones(len(pixels))]).T + np.outer(shift, inverse_depth)
    return np.column_stack(_divided(pictured, x, y, z))


def _projection(pictured: Views, wanted: Views, index: int, shown_by: int) -> tuple[Array, Array]:
    """(3, 3) from plate pixels to picture pixels at infinity, and (3,) what is added per unit of inverse depth."""
    from_world = _matrix(pictured.lens[shown_by]) @ pictured.world_from_camera[shown_by].T
    turn = from_world @ wanted.world_from_camera[index] @ np.linalg.inv(_matrix(wanted.lens[index]))
    return turn, from_world @ (wanted.centre[index] - pictured.centre[shown_by])


def _matrix(lens: Array) -> Array:
    fx, fy, cx, cy = lens
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _divided(pictured: Views, x: Array, y: Array, z: Array) -> Positions:
    """Pixels of homogeneous places, held within a picture's size beyond it: folding them back takes time."""
    front = np.maximum(z, 1e-6)
    across = np.where(z > 0, x / front, -pictured.width)
    down = np.where(z > 0, y / front, -pictured.height)
    return (
        np.clip(across, -pictured.width, 2 * pictured.width),
        np.clip(down, -pictured.height, 2 * pictured.height),
    )


def covered(positions: Positions, width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels of the plate lie within the pictures' edges."""
    x, y = positions
    return (x >= -_EDGE_PX) & (x <= width + _EDGE_PX) & (y >= -_EDGE_PX) & (y <= height + _EDGE_PX)


def reach(positions: Positions, width: int, height: int) -> tuple[float, float]:
    """How far the farthest position lies from the pictures' middle, across and down, in source pixels."""
    x, y = positions
    return float(np.abs(x - width / 2).max()), float(np.abs(y - height / 2).max())


# The resample ------------------------------------------------------------------------------------


def resample(source: Picture, positions: Positions, scale: tuple[float, float]) -> Picture:
    """The picture that shows at each pixel what `source` shows at its position; beyond the edge it is mirrored.

    scale   source pixels per plate pixel, across and down: above one, what the plate cannot hold is filtered out first
    """
    x, y = (place.astype(np.float32) - np.float32(0.5) for place in positions)
    drawn = cv2.remap(_prefiltered(source, scale), x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    return np.clip(drawn, 0.0, 1.0, dtype=np.float32)


def _prefiltered(source: Picture, scale: tuple[float, float]) -> Picture:
    """A Lanczos low pass at the plate's resolution, on the source's own grid; nothing where the plate is the finer."""
    if max(scale) <= 1.0:
        return source
    across, down = (_low_pass(max(1.0, step)) for step in scale)
    return cv2.sepFilter2D(source, -1, across, down, borderType=cv2.BORDER_REFLECT).astype(np.float32)


def _low_pass(step: float) -> NDArray[np.float32]:
    """Exactly one tap at a step of 1, and no leap above it: a focal length that breathes must not pulse."""
    half = int(np.ceil(_LOBES * step))
    place = np.arange(-half, half + 1) / step
    taps = np.where(np.abs(place) < _LOBES, np.sinc(place) * np.sinc(place / _LOBES), 0.0)
    return (taps / taps.sum()).astype(np.float32)


def filled(picture: Picture, is_hole: NDArray[np.bool_]) -> Picture:
    """The picture with its holes filled from around, smoothly: slivers, not areas."""
    if not is_hole.any():
        return picture
    around = pull_push(picture, np.asarray(~is_hole, dtype=np.float32))
    return np.where(is_hole[..., None], np.clip(around, 0.0, 1.0), picture).astype(np.float32)


def pull_push(values: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scattered `values` (H, W, C) spread over the whole grid: `weight` (H, W) one or more is kept, less is blended.

    The pyramid of Gortler and others, "The Lumigraph", 1996: averages are pulled up until there are no holes, and
    pushed down into the holes.
    """
    height, width = weight.shape
    if min(height, width) <= COARSEST_PX:
        total = np.maximum(weight.sum(), 1e-12)
        mean = (values * weight[..., None]).sum(axis=(0, 1)) / total
        coarse = np.broadcast_to(mean, values.shape).astype(np.float32)
    else:
        size = ((width + 1) // 2, (height + 1) // 2)
        sums = cv2.resize(np.dstack([values * weight[..., None], weight]), size, interpolation=cv2.INTER_AREA)
        less = sums[..., -1]
        means = np.asarray(sums[..., :-1] / np.maximum(less, 1e-12)[..., None], dtype=np.float32)
        coarse = pull_push(means, np.minimum(4 * less, 1.0))
        coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    trust = np.minimum(weight, 1.0)[..., None]
    return np.asarray(trust * values + (1 - trust) * coarse, dtype=np.float32)


# Sharpness ---------------------------------------------------------------------------------------


def sharpness(picture: Picture) -> float:
    """RMS step between neighbouring pixels of the luma, over both directions."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(np.sqrt((np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean()))


def window(source: Picture, positions: Positions) -> Picture:
    """The part of the source that the plate shows."""
    height, width = source.shape[:2]
    x, y = positions
    left, right = _span(x, width)
    top, bottom = _span(y, height)
    return source[top:bottom, left:right]


def _span(places: Array, size: int) -> tuple[int, int]:
    first = int(np.clip(np.floor(places.min()), 0, size - 2))
    return first, int(np.clip(np.ceil(places.max()), first + 2, size))


def pulse(before: Array, after: Array) -> float | None:
    """How much the sharpness that a frame keeps varies over the frames: standard deviation over mean; None unseen."""
    kept = after / np.maximum(before, 1e-9)
    known = kept[np.isfinite(kept)]
    return float(known.std() / known.mean()) if len(known) and known.mean() > 0 else None
