"""Frames to be measured: a plate, or any folder of numbered pictures; one picture in memory at a time.

A frame's number is the last group of digits of its name; what stands around it is the sequence's name. In a plate the
manifest says which files are frames. Pictures without a number (contact.png, match.png) are never frames.

Errors  RequestError E_FILE_MISSING, E_FRAMES_NONE, E_FRAMES_MIXED, E_FRAMES_SIZE, E_MASK_FRAMES;
        PlateError E_FRAME_READ, E_MANIFEST
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import pictures, sequences
from ..errors import RequestError
from ..pictures import Picture

ASPECT_SLACK = 0.02                                # a mask may be drawn at another size, not at another shape
_REC709 = np.array([[0.2126, 0.7152, 0.0722]], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Footage:
    """F frames of one size, increasing in number; gaps are allowed."""

    paths: tuple[Path, ...]
    frames: tuple[int, ...]                        # scene frame numbers
    width: int                                     # pixels
    height: int
    _last: dict[int, Picture] = field(default_factory=dict[int, Picture], repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A plate's folder, or a folder of exr, png or jpg; only headers are read.

        Raises RequestError E_FILE_MISSING, E_FRAMES_NONE (no numbered picture), E_FRAMES_MIXED (two sequences),
        E_FRAMES_SIZE (a frame of another size) and PlateError E_FRAME_READ, E_MANIFEST.
        """
        found = sequences.frames_of(path)
        width, height = sequences.common_size(list(found.values()))
        return cls(tuple(found.values()), tuple(found), width, height)

    def picture(self, index: int) -> Picture:
        """Frame `index` (0 is the first) as display-referred sRGB, float32 (height, width, 3), 0..1.

        Raises PlateError E_FRAME_READ, and RequestError E_FRAMES_SIZE where the file has changed since.
        """
        if index not in self._last:
            picture = _read(self.paths[index])
            if picture.shape[:2] != (self.height, self.width):
                raise sequences.other_size(self.paths[index], picture.shape[1::-1], (self.width, self.height))
            self._last.clear()
            self._last[index] = picture
        return self._last[index]

    def luma(self, index: int) -> NDArray[np.float32]:
        """Rec.709 luma of the display values, (height, width), 0..1."""
        return np.asarray(cv2.transform(self.picture(index), _REC709), dtype=np.float32)

    def grey(self, index: int) -> NDArray[np.uint8]:
        """The same in 8-bit codes."""
        return pictures.bytes_from_display(self.luma(index))


@dataclass(frozen=True, slots=True)
class Mask:
    """Areas declared as moving, to be ignored: one picture for all frames, or one for each."""

    paths: tuple[Path, ...]                        # one, or one per frame
    width: int                                     # of the footage, pixels
    height: int
    _last: dict[Path, NDArray[np.bool_]] = field(
        default_factory=dict[Path, NDArray[np.bool_]], repr=False, compare=False
    )

    @classmethod
    def open(cls, path: Path, footage: Footage) -> Self:
        """A picture, or a folder of pictures numbered like the footage's frames, of its shape; white is ignored.

        Raises what `Footage.open` does, and RequestError E_MASK_FRAMES where the folder lacks a frame of the footage.
        """
        if path.is_file():
            sizes, paths = pictures.read_size(path), (path,)
        else:
            drawn = Footage.open(path)
            of_frame = dict(zip(drawn.frames, drawn.paths, strict=True))
            if lacking := [frame for frame in footage.frames if frame not in of_frame]:
                why = f"The mask {path} has no picture for frame {lacking[0]}."
                raise RequestError("E_MASK_FRAMES", why, "Number its pictures like the frames, or give one picture.")
            sizes, paths = (drawn.width, drawn.height), tuple(of_frame[frame] for frame in footage.frames)
        stretch = sizes[0] * footage.height / (sizes[1] * footage.width)
        if abs(stretch - 1) > ASPECT_SLACK:
            raise sequences.other_size(paths[0], sizes, (footage.width, footage.height))
        return cls(paths, footage.width, footage.height)

    def is_free(self, index: int) -> NDArray[np.bool_]:
        """Where frame `index` may be looked at, (height, width) of the footage; PlateError E_FRAME_READ."""
        path = self.paths[index if len(self.paths) > 1 else 0]
        if path not in self._last:
            white = cv2.transform(_read(path), np.full((1, 3), 1 / 3, dtype=np.float32))
            white = cv2.resize(white, (self.width, self.height), interpolation=cv2.INTER_AREA)
            self._last.clear()
            self._last[path] = white <= 0.5
        return self._last[path]


# Single pictures ---------------------------------------------------------------------------------


def _read(path: Path) -> Picture:
    """A picture without the NaN that a renderer may leave in an EXR; the other formats hold 0..1 and nothing else."""
    picture = pictures.read_picture(path)
    return np.nan_to_num(picture, copy=False, nan=0.0) if path.suffix.lower() == ".exr" else picture
