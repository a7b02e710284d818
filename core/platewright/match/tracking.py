"""Points followed through the pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tracks:
    """N observations of K tracks, sorted by track, then frame; a track has at least two, in consecutive pictures."""

    track: NDArray[np.int32]                       # (N,) 0 .. K-1
    frame: NDArray[np.int32]                       # (N,) index of the picture
    pixel: NDArray[np.float64]                     # (N, 2) from the top-left corner, first centre at +0.5
    was_lost: NDArray[np.bool_]                    # (K,) ended inside the picture before the last frame: it melted away
    width: int                                     # of the pictures, pixels
    height: int
