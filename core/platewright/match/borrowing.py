"""What a frame does not show, other frames may: the rim that a lock uncovers is taken from the nearest that saw it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..pictures import Picture
from .views import Array, Views
from .warping import covered, resample, source_points, source_positions

REACH_FRAMES = 60                                  # farther off in time the world may have changed
LENDERS = 4                                        # frames at most that one frame borrows from
GAIN = 0.25                                        # of what is still missing: less is not worth reading a frame
PARALLAX_PX = 1.0                                  # a frame from elsewhere shows near things elsewhere
_PROBES = 2000


def borrowed(
    drawn: Picture,
    is_missing: NDArray[np.bool_],
    views: tuple[Views, Views],                    # pictured and wanted
    index: int,
    inverse_depth: Array | float,
    nearness: float,
    picture_of: Callable[[int], Picture],
) -> tuple[Picture, NDArray[np.bool_]]:
    """The plate's frame with what others show of `is_missing`, and what is missing still.

    nearness   a usual inverse depth where `inverse_depth` is not known by pixel: tells whose parallax is small enough
    """
    pictured, wanted = views
    result, rest = drawn.copy(), is_missing.copy()
    for lender in _lenders(is_missing, pictured, wanted, index, inverse_depth, nearness):
        positions = source_positions(pictured, wanted, index, inverse_depth, shown_by=lender)
        is_seen = rest & covered(positions, pictured.width, pictured.height)
        scale = pictured.lens[lender, :2] / wanted.lens[index, :2]
        result[is_seen] = resample(picture_of(lender), positions, (float(scale[0]), float(scale[1])))[is_seen]
        rest &= ~is_seen
    return result, rest


def _lenders(
    is_missing: NDArray[np.bool_], pictured: Views, wanted: Views, index: int, inverse_depth: Array | float, near: float
) -> Iterator[int]:
    """Frames, the nearest in time first, each of which shows a good part of what those before it do not."""
    rows, columns = np.nonzero(is_missing)
    chosen = np.linspace(0, len(rows) - 1, min(_PROBES, len(rows))).astype(int)
    rows, columns = rows[chosen], columns[chosen]
    pixel = np.column_stack([columns, rows]).astype(np.float64) + 0.5
    inverse = inverse_depth[rows, columns] if isinstance(inverse_depth, np.ndarray) else np.zeros(len(rows))
    count = 0
    for lender in _by_distance(index, len(pictured)):
        if count == LENDERS or not len(pixel):
            return
        apart_m = float(np.linalg.norm(pictured.centre[lender] - pictured.centre[index]))
        if not isinstance(inverse_depth, np.ndarray) and apart_m * near * wanted.lens[index, 0] > PARALLAX_PX:
            continue
        places = source_points(pictured, wanted, index, pixel, inverse, shown_by=lender)
        is_seen = covered((places[:, 0], places[:, 1]), pictured.width, pictured.height)
        if is_seen.mean() >= GAIN:
            pixel, inverse, count = pixel[~is_seen], inverse[~is_seen], count + 1
            yield lender


def _by_distance(index: int, frames: int) -> Iterator[int]:
    for step in range(1, REACH_FRAMES + 1):
        yield from (other for other in (index - step, index + step) if 0 <= other < frames)
