"""A given plate as Wan-VACE is shown it: at the model's own size, with where it may paint.

A pixel of the model's may be painted as soon as it covers any part of one that is not wholly kept. What the model sees
beyond the plate's edges, because it makes another shape, may be painted too. The frames themselves get their kept
pixels from the plate, not from here (`keeping`).

Of a plate of which a part is made anew, whole frames about the part are kept (`anchors`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..anchors import Anchors
from ..camera import CameraPath
from ..keeping import KeptPlate
from ..pictures import Box, Picture
from .first_frame import recut
from .guided import Guide, box_of


class Blank(Guide):
    """Mid grey: nothing is told of what is to be painted, as where these models fill in and reach out."""

    kind = "none"

    def picture(self, frame: int) -> Picture:
        del frame
        return np.full((self.camera.height, self.camera.width, 3), 0.5, dtype=np.float32)


class Keeper:
    """What is kept, through the model's camera, by scene frame."""

    def __init__(self, native: CameraPath, plate: KeptPlate | None, anchors: Anchors | None = None) -> None:
        self._native, self._plate, self._anchors = native, plate, anchors

    def seen(self, frame: int) -> tuple[Picture, NDArray[np.bool_]] | None:
        """Display sRGB (height, width, 3) and where it is to be painted (height, width); None where all of it is.

        Beyond the last frame: the last frame's.
        """
        frame = min(frame, self._native.frames[-1])
        if self._anchors and frame in self._anchors.frames:
            picture = self._anchors.parent.picture(frame)
            return self._through(frame, self._anchors.parent.camera, picture, np.zeros(picture.shape[:2], np.bool_))
        if self._plate:
            kept = self._plate.frame(frame)
            return self._through(frame, self._plate.camera, kept.display, kept.paint > 0)
        return None

    def _through(
        self, frame: int, camera: CameraPath, picture: Picture, paint: NDArray[np.bool_]
    ) -> tuple[Picture, NDArray[np.bool_]]:
        """What `camera` shows, and where it is painted, in the model's pixels."""
        native = self._native
        box = box_of(native, camera, frame, paint.shape)
        return recut(picture, box, native.width, native.height), touched(paint, box, native.width, native.height)


def touched(paint: NDArray[np.bool_], box: Box, width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels of a box of the mask, at another size, cover a painted one; beyond its edges all is painted."""
    left, top, right, bottom = box
    beyond = [max(0, int(np.ceil(edge))) for edge in (-top, bottom - paint.shape[0], -left, right - paint.shape[1])]
    padded = np.pad(paint, ((beyond[0], beyond[1]), (beyond[2], beyond[3])), constant_values=True)
    wider = cv2.dilate(padded.astype(np.uint8), np.ones((3, 3), np.uint8))         # what a pixel covers in part
    moved = (left + beyond[2], top + beyond[0], right + beyond[2], bottom + beyond[0])
    share = Image.fromarray(wider.astype(np.float32)).resize((width, height), Image.Resampling.BOX, moved)
    return np.asarray(share) > 0
