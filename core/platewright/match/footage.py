"""Frames to be measured: a plate, or any folder of numbered pictures; one picture in memory at a time.

A frame's number is the last group of digits of its name; what stands around it is the sequence's name. In a plate the
manifest says which files are frames. Pictures without a number (contact.png, match.png) are never frames.

Errors  RequestError E_FILE_MISSING, E_FRAMES_NONE, E_FRAMES_MIXED, E_FRAMES_SIZE, E_MASK_FRAMES;
        PlateError E_FRAME_READ, E_MANIFEST
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import pictures, provenance
from ..errors import PlateError, RequestError
from ..pictures import Picture

SUFFIXES = frozenset({".exr", ".png", ".jpg", ".jpeg"})
ASPECT_SLACK = 0.02                                # a mask may be drawn at another size, not at another shape
_REC709 = np.array([[0.2126, 0.7152, 0.0722]], dtype=np.float32)
_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


class _Name(NamedTuple):
    """A file's name around its number."""

    before: str
    after: str
    suffix: str

    def __str__(self) -> str:
        return f"{self.before}####{self.after}{self.suffix}"


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
        if not path.is_dir():
            raise _not_a_folder(path)
        found = _listed_frames(path) if (path / "plate.json").exists() else _numbered_pictures(path)
        width, height = _common_size(list(found.values()))
        return cls(tuple(found.values()), tuple(found), width, height)

    def picture(self, index: int) -> Picture:
        """Frame `index` (0 is the first) as display-referred sRGB, float32 (height, width, 3), 0..1.

        Raises PlateError E_FRAME_READ, and RequestError E_FRAMES_SIZE where the file has changed since.
        """
        if index not in self._last:
            picture = _read(self.paths[index])
            if picture.shape[:2] != (self.height, self.width):
                raise _other_size(self.paths[index], picture.shape[1::-1], (self.width, self.height))
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
            raise _other_size(paths[0], sizes, (footage.width, footage.height))
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


# Which files -------------------------------------------------------------------------------------


def _listed_frames(folder: Path) -> dict[int, Path]:
    """The frames of a plate by its manifest, whose names `read_manifest` keeps inside the folder."""
    entries = provenance.read_manifest(folder)["frames"]
    found = {int(entry["frame"]): folder / str(entry["file"]) for entry in entries}
    for frame, path in found.items():
        if path.is_symlink() or not path.is_file():
            kind = "a link, not a file" if path.is_symlink() else "missing"
            hint = "Fetch the plate again; `platewright verify` tells what else is wrong with it."
            raise PlateError("E_FRAME_READ", f"Frame {frame} of {folder.name} ({path.name}) is {kind}.", hint)
    return found


def _numbered_pictures(folder: Path) -> dict[int, Path]:
    """The one sequence in a folder, by number."""
    sequences: dict[_Name, list[tuple[int, Path]]] = {}
    for path in _plain_files(folder):
        number = _NUMBER.fullmatch(path.stem)
        if number and path.suffix.lower() in SUFFIXES:
            name = _Name(number[1], number[3], path.suffix.lower())
            sequences.setdefault(name, []).append((int(number[2]), path))
    if not sequences:
        hint = "Give a plate, or a folder of exr, png or jpg with a frame number in each name: shot.1001.exr."
        raise RequestError("E_FRAMES_NONE", f"{folder} holds no numbered pictures.", hint)
    if len(sequences) > 1:
        listed = ", ".join(f"{name} ({len(sequences[name])})" for name in sorted(sequences)[:4])
        raise _mixed(folder, f"it holds {listed}")
    found = sorted(next(iter(sequences.values())))
    for (frame, path), (following, twin) in pairwise(found):
        if frame == following:
            raise _mixed(folder, f"{path.name} and {twin.name} have the same number")
    return dict(found)


def _plain_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}."
        raise PlateError("E_FRAME_READ", message, "Check the folder's permissions.") from error


def _mixed(folder: Path, why: str) -> RequestError:
    hint = "Give each sequence a folder of its own, with nothing else that is numbered in it."
    return RequestError("E_FRAMES_MIXED", f"{folder} is not one sequence: {why}.", hint)


def _not_a_folder(path: Path) -> RequestError:
    if path.is_file():
        return RequestError("E_FRAMES_NONE", f"{path} is a file.", "Give the folder that holds the frames.")
    return RequestError("E_FILE_MISSING", f"{path} is not there.", "Give a plate or a folder of frames.")


# Single pictures ---------------------------------------------------------------------------------


def _common_size(paths: list[Path]) -> tuple[int, int]:
    size = pictures.read_size(paths[0])
    for path in paths[1:]:
        if (other := pictures.read_size(path)) != size:
            raise _other_size(path, other, size)
    return size


def _other_size(path: Path, size: tuple[int, ...], wanted: tuple[int, int]) -> RequestError:
    why = f"{path.name} is {size[0]}x{size[1]} pixels, not {wanted[0]}x{wanted[1]} as it should be."
    return RequestError("E_FRAMES_SIZE", why, "Bring all pictures of the sequence, and its mask, to one size.")


def _read(path: Path) -> Picture:
    """A picture without the NaN that a renderer may leave in an EXR; the other formats hold 0..1 and nothing else."""
    picture = pictures.read_picture(path)
    return np.nan_to_num(picture, copy=False, nan=0.0) if path.suffix.lower() == ".exr" else picture
