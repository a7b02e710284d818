"""Numbered pictures in a folder: which files are the frames of a sequence, and what size they have in common.

A frame's number is the last group of digits of its name; what stands around it is the sequence's name. In a plate the
manifest says which files are frames. Pictures without a number (contact.png, match.png) are never frames.

Errors  RequestError E_FILE_MISSING, E_FRAMES_NONE, E_FRAMES_MIXED, E_FRAMES_SIZE; PlateError E_FRAME_READ, E_MANIFEST
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from . import pictures, provenance
from .errors import PlateError, RequestError

SUFFIXES = frozenset({".exr", ".png", ".jpg", ".jpeg"})
_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


class _Name(NamedTuple):
    """A file's name around its number."""

    before: str
    after: str
    suffix: str

    def __str__(self) -> str:
        return f"{self.before}####{self.after}{self.suffix}"


def frames_of(folder: Path) -> dict[int, Path]:
    """The files by frame number, increasing: of a plate, or of any folder of exr, png or jpg. None is opened.

    Raises RequestError E_FILE_MISSING, E_FRAMES_NONE (no numbered picture), E_FRAMES_MIXED (two sequences) and
    PlateError E_FRAME_READ, E_MANIFEST.
    """
    if not folder.is_dir():
        raise _not_a_folder(folder)
    return _listed_frames(folder) if (folder / "plate.json").exists() else _numbered_pictures(folder)


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


def common_size(paths: list[Path]) -> tuple[int, int]:
    """Width and height of all of them, by their headers; RequestError E_FRAMES_SIZE, PlateError E_FRAME_READ."""
    size = pictures.read_size(paths[0])
    for path in paths[1:]:
        if (other := pictures.read_size(path)) != size:
            raise other_size(path, other, size)
    return size


def other_size(path: Path, size: tuple[int, ...], wanted: tuple[int, int]) -> RequestError:
    """What to raise for a picture of another size."""
    why = f"{path.name} is {size[0]}x{size[1]} pixels, not {wanted[0]}x{wanted[1]} as it should be."
    return RequestError("E_FRAMES_SIZE", why, "Bring all pictures of the sequence, and its mask, to one size.")
