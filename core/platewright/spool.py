"""The model's own pictures on disk, at its own size, from the moment they are made until the plate is whole.

A lock is planned over all of a plate's pictures, so they must outlast the model; memory holds one of them. Whoever
continues an interrupted plate finds them here, and the model does not run again.

    native/0000.npy ...    float16 (height, width, 3), display-referred sRGB, 0..1
    native/made.json       what made them, written when all are there
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import disk
from .errors import PlateError
from .match.footage import Footage
from .pictures import Picture
from .plates import NATIVE

MADE = "made.json"
BYTES_PER_PIXEL = 6


@dataclass(frozen=True, slots=True)
class Spooled(Footage):
    """Spooled pictures as footage to be measured."""

    def picture(self, index: int) -> Picture:
        """Frame `index` as display-referred sRGB, float32 (height, width, 3); PlateError E_FRAME_READ."""
        if index not in self._last:
            picture = _read(self.paths[index]).astype(np.float32)
            self._last.clear()
            self._last[index] = picture
        return self._last[index]


class Spool:
    """The pictures of one version."""

    def __init__(self, plate: Path) -> None:
        self._folder = plate / NATIVE
        self._hashes: list[str] = []

    def made(self) -> dict[str, Any] | None:
        """What `finish` was told; None where the pictures are not all there, or not as they were written."""
        try:
            facts = disk.read_json(self._folder / MADE)
            found = [disk.measure(self._path(index)).sha256 for index in range(len(facts["sha256"]))]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return facts if found == facts["sha256"] else None

    def fill(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """Write the pictures as they come, and hand each on; PlateError of `disk.publish`."""
        with disk.refusing(self._folder):
            self._folder.mkdir(exist_ok=True)
        disk.remove(self._folder / MADE)
        disk.remove_stale_parts(self._folder)
        self._hashes = []
        for picture in pictures:
            self._hashes.append(disk.publish(self._path(len(self._hashes)), _writer(picture)).sha256)
            yield picture

    def finish(self, facts: dict[str, Any]) -> None:
        """All are there; these facts come back from `made`."""
        disk.write_json(self._folder / MADE, {**facts, "sha256": self._hashes})

    def footage(self, frames: tuple[int, ...], width: int, height: int) -> Spooled:
        """The pictures of these scene frames."""
        paths = tuple(self._path(index) for index in range(len(frames)))
        return Spooled(paths, frames, width, height)

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:04d}.npy"


def _writer(picture: Picture) -> Callable[[Path], None]:
    def write(part: Path) -> None:
        with open(part, "wb") as file:
            np.save(file, picture.astype(np.float16), allow_pickle=False)

    return write


def _read(path: Path) -> np.ndarray[Any, np.dtype[np.float16]]:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        message = f"The model's picture {path.name} cannot be read: {error}."
        raise PlateError("E_FRAME_READ", message, "Make the plate again, without --resume.") from error
