"""A finished plate on disk: its manifest is read, every frame is hashed. No Blender here, so a thread may do it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from platewright.errors import PlateError

from .plate_told import Told, told_by

SPACE_OF_SUFFIX = {".exr": "lin_rec709_scene", ".png": "srgb_rec709_scene"}


class View(NamedTuple):
    """Where the camera's own picture lies in frames that may show more around it: pixels, as many on either side."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def told(cls, told: dict[str, Any]) -> View | None:
        """What a record says; None where it says nothing, or what cannot be true."""
        left, top, width, height = (each if type(each) is int else -1 for each in map(told.get, cls._fields))
        can_be = width > 0 and height > 0 and 0 <= 2 * left <= width and 0 <= 2 * top <= height
        return cls(left, top, width, height) if can_be else None

    @property
    def larger(self) -> tuple[float, float]:
        """How many times as wide and as high the frames are."""
        return 1.0 + 2 * self.left / self.width, 1.0 + 2 * self.top / self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A plate on disk whose every frame has been read and found whole."""

    name: str
    folder: Path
    frames: tuple[int, ...]                        # numbers of the files, step 1: scene frames, and the offset
    files: tuple[str, ...]                         # file names inside the folder, one per frame
    space: str                                     # interop id of the pixels, or a name of a studio's configuration
    frame_offset: int = 0                          # what the scene's frame numbers were raised by
    view: View | None = None                       # the camera's own picture; None for old plates, without overscan
    camera: str                                    # name of the camera it was made for, "" if the manifest has none
    told: Told = field(default_factory=Told)       # what it says of its match, its warnings and its siblings

    @property
    def start(self) -> int:
        """The scene frame that shows the first file."""
        return self.frames[0] - self.frame_offset

    @property
    def first_path(self) -> Path:
        """Where the first frame lies."""
        return self.folder / self.files[0]


def read_plate(folder: str | Path) -> Plate:
    """Read `plate.json` and every frame it names, so that Blender is never handed an unfinished file.

    Raises PlateError: E_MANIFEST (no manifest, or one that cannot be true), E_FRAME_MISSING (a hole in the range or a
    file that is not there), E_FRAME_CORRUPT (size or sha256 differ from the manifest).
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    entries = manifest["frames"]
    check_range(folder, [entry["frame"] for entry in entries])
    check_names(folder, entries)
    files = tuple(str(entry["file"]) for entry in entries)
    picture = dict_in(manifest, "picture")
    space = space_of(folder, files[0], dict_in(picture, "colour").get("space"))
    expected = tuple((one["frame"], one["file"], one["sha256"].lower(), one.get("size")) for one in entries)
    check_frames(folder, expected, stamp_of(folder))
    return Plate(
        name=str(manifest.get("name") or re.sub(r"_v\d+$", "", folder.name)),
        folder=folder.absolute(),
        frames=tuple(entry["frame"] for entry in entries),
        files=files,
        space=space,
        frame_offset=frame_offset(manifest),
        view=View.told(dict_in(dict_in(picture, "delivery"), "view")),
        camera=str(manifest["camera"].get("camera", "")) if isinstance(manifest.get("camera"), dict) else "",
        told=told_by(folder, manifest),
    )


def frame_offset(manifest: dict[str, Any]) -> int:
    """What the scene's frame numbers were raised by."""
    raised = dict_in(dict_in(manifest, "picture"), "delivery").get("frame_offset")
    return raised if type(raised) is int else 0


def read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "plate.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlateError(
            "E_MANIFEST", f"{path} cannot be read: {error.strerror}.", "Choose the folder of a finished plate."
        ) from error
    except (ValueError, RecursionError) as error:
        raise manifest_error(folder, "it is not JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != "platewright.plate":
        raise manifest_error(folder, "it does not say platewright.plate")
    if manifest.get("version") != 1:
        raise manifest_error(folder, f"its version is {manifest.get('version')!r}, this Platewright reads version 1")
    entries = manifest.get("frames")
    if not isinstance(entries, list) or not entries or not all(is_entry(entry) for entry in entries):
        raise manifest_error(folder, "its list of frames is empty or damaged")
    return manifest


def is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and type(entry.get("frame")) is int
        and isinstance(entry.get("file"), str)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size", 0), int)
    )


def manifest_error(folder: Path, reason: str) -> PlateError:
    return PlateError(
        "E_MANIFEST",
        f"The manifest of {folder.name} cannot be used: {reason}.",
        "Generate the plate again, or fetch its folder again from where it was made.",
    )


def check_range(folder: Path, frames: list[int]) -> None:
    """Every frame from first to last, in order: Blender would show the wrong file after a hole, or stop early."""
    for expected, frame in enumerate(frames, start=frames[0]):
        if frame > expected:
            raise missing_error(folder, expected)
        if frame < expected:
            raise manifest_error(folder, f"frame {frame} is out of order")


def check_names(folder: Path, entries: list[dict[str, Any]]) -> None:
    """The names lie inside the folder and are those that Blender derives from the first one.

    Blender takes the last digits of the first name for the frame number and counts up from there.
    """
    first = entries[0]
    parts = re.fullmatch(r"([^/\\:\0]*?)(\d+)(\.[A-Za-z]+)", first["file"], flags=re.DOTALL)
    if parts is None or first["file"] == "":
        raise manifest_error(folder, f"{first['file']!r} is no name of a numbered frame")
    head, digits, suffix = parts.groups()
    for entry in entries:
        expected = f"{head}{entry['frame']:0{len(digits)}d}{suffix}"
        if entry["file"] != expected:
            raise manifest_error(folder, f"frame {entry['frame']} is called {entry['file']!r} and not {expected!r}")


Expected = tuple[int, str, str, int | None]        # of a frame: number, file, sha256, size where it is noted
Stamp = tuple[tuple[str, int, int, int], ...]      # of every file: name, size, when its content and its place changed


def stamp_of(folder: Path) -> Stamp:
    """What changes as soon as a file of the folder does; empty for a folder that cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats))


@lru_cache(maxsize=8)
def check_frames(folder: Path, expected: tuple[Expected, ...], _stamp: Stamp) -> None:
    """Read and hash every frame, once: a slider that is dragged asks again and again, and nothing has changed."""
    for frame in expected:
        check_frame(folder, *frame)


def check_frame(folder: Path, frame: int, file: str, expected_sha256: str, expected_size: int | None) -> None:
    path = folder / file
    if path.is_symlink():
        raise PlateError("E_FRAME_CORRUPT", f"Frame {frame} of {folder.name} is a link, not a file.")
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except FileNotFoundError as error:
        raise missing_error(folder, frame) from error
    except OSError as error:
        raise PlateError("E_FRAME_CORRUPT", f"{path} cannot be read: {error.strerror}.") from error
    if sha256 != expected_sha256 or size != (size if expected_size is None else expected_size):
        raise PlateError(
            "E_FRAME_CORRUPT",
            f"Frame {frame} of {folder.name} is not the file that was written: it has been cut or changed.",
            "Copy the plate again from where it was made, or run the job again with --resume.",
        )


def missing_error(folder: Path, frame: int) -> PlateError:
    return PlateError(
        "E_FRAME_MISSING",
        f"Frame {frame} of {folder.name} is missing.",
        "Copy the plate again from where it was made, or run the job again with --resume.",
    )


def dict_in(holder: dict[str, Any], key: str) -> dict[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def space_of(folder: Path, file: str, told: Any) -> str:
    """What the manifest says; by the kind of file where it says nothing."""
    suffix = Path(file).suffix.lower()
    if suffix not in SPACE_OF_SUFFIX:
        raise manifest_error(folder, f"its frames are {suffix} files")
    return told if isinstance(told, str) and told else SPACE_OF_SUFFIX[suffix]
