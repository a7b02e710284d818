"""The undistorted working format: the camera, seen wide enough that a plate made with it can be bent like the clip.

`platewright generate --camera <name>_working.camera.json` makes that plate. Focal lengths and pixels are the
camera's; the picture grows by whole pixels on each side, to what the clip's outline needs and a filter's reach more,
and never shrinks.
"""

from __future__ import annotations

import math
from pathlib import Path

from ..camera import CameraPath
from .shot import Shot
from .stmap import lens_of, needed

REACH_PX = 2                                       # of the filter that samples through an ST map


def name(shot: Shot) -> str:
    """What the file is called."""
    return f"{shot.name}_working.camera.json"


def camera(seen: CameraPath) -> CameraPath:
    """The same camera with the picture that redistorting needs; raises as `stmap.lens_of` and `needed`, and E_SIZE."""
    left, top, right, bottom = needed(seen, lens_of(seen))
    left_px, top_px = (max(0, math.ceil(-edge) + REACH_PX if edge < 0 else 0) for edge in (left, top))
    right_px = _beyond(right, seen.width)
    bottom_px = _beyond(bottom, seen.height)
    width, height = left_px + seen.width + right_px, top_px + seen.height + bottom_px
    return seen.cropped(-left_px, -top_px, width + width % 2, height + height % 2)     # even, as video wants it


def write(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; RequestError as above, OSError."""
    del folder
    part.write_text(camera(shot.camera).to_json(), encoding="utf-8")


def _beyond(edge: float, side: int) -> int:
    return math.ceil(edge - side) + REACH_PX if edge > side else 0
