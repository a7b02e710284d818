"""The picture that a model starts from, as the model's own camera sees it.

It shows the whole of what the request's camera sees at its first frame, at any resolution. The model may see more (the
overscan, another shape) or less: the picture is cut and scaled by the two lenses, edge to edge, so that every ray stays
where it is. A narrow rim that it does not show is filled with its mirror image, and said so; a wide one is refused.

Errors  RequestError E_FIRST_FRAME, and what `Input.opened` and `pictures.read_picture` raise
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import pictures
from ..camera import CameraPath
from ..errors import RequestError
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Warned

ASPECT_SLACK = 0.01  # of the shape: rounding to whole pixels, and no more
RIM_MAX = 0.15  # of the picture's side: wider would be mostly made up
EXACT_PX = 1e-6


def first_picture(request: PlateRequest, native: CameraPath, job: str, emit: Emit) -> Picture:
    """The request's first frame as `native` sees it: float32 (native.height, native.width, 3), display sRGB, 0..1."""
    if request.first_frame is None:
        hint = "Name a picture of what the camera sees at its first frame, such as a render."
        raise RequestError("E_FIRST_FRAME", f"{request.model} starts from a picture.", hint)
    path = request.first_frame.opened()
    picture = pictures.read_picture(path)
    box, rim = seen_box(picture, request.camera, native, path)
    if rim > EXACT_PX / max(picture.shape[:2]):
        why = f"{path.name} shows less than the model must see: its rim is {rim:.1%} of mirror image."
        emit(Warned(job, "W_FIRST_FRAME", why))
    return recut(picture, box, native.width, native.height)


def seen_box(picture: Picture, camera: CameraPath, native: CameraPath, path: Path) -> tuple[pictures.Box, float]:
    """Left, top, right, bottom in the picture's pixels of what `native` sees, and the widest rim beyond it (a share).

    Raises RequestError E_FIRST_FRAME for a picture of another shape than `camera`'s, or one that shows too little.
    """
    height, width = picture.shape[:2]
    stretch = width * camera.height / (height * camera.width)
    if abs(stretch - 1) > ASPECT_SLACK:
        why = f"{path.name} is {width}x{height}, not the shape of the camera's {camera.width}x{camera.height}."
        raise RequestError("E_FIRST_FRAME", why, "Render it with the very camera that the plate is for.")
    fx, fy, cx, cy = camera.scaled(width, height).intrinsics[0]
    nx, ny, ux, uy = native.intrinsics[0]
    edges = [cx - ux * fx / nx, cy - uy * fy / ny, cx + (native.width - ux) * fx / nx]
    edges.append(cy + (native.height - uy) * fy / ny)
    left, top, right, bottom = (round(edge) if abs(edge - round(edge)) < EXACT_PX else edge for edge in edges)
    rim = max(-left / width, -top / height, right / width - 1, bottom / height - 1, 0.0)
    if rim > RIM_MAX:
        why = f"{path.name} lacks {rim:.0%} of its side at the rim of what the model must see."
        raise RequestError("E_FIRST_FRAME", why, "Ask for less overscan (--overscan 0).")
    return (left, top, right, bottom), rim


def recut(picture: Picture, box: pictures.Box, width: int, height: int) -> Picture:
    """A box of the picture at another size; beyond its edges there is its mirror image."""
    left, top, right, bottom = box
    beyond = [max(0, int(np.ceil(edge))) for edge in (-top, bottom - picture.shape[0], -left, right - picture.shape[1])]
    if any(beyond):
        picture = np.pad(picture, ((beyond[0], beyond[1]), (beyond[2], beyond[3]), (0, 0)), mode="symmetric")
    moved = (left + beyond[2], top + beyond[0], right + beyond[2], bottom + beyond[0])
    return pictures.resize(picture, width, height, moved)
