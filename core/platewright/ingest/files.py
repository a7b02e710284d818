"""The files of a plate as a folder shows them: which are frames, what they are called, which are missing.

Names   Netflix's plate naming: `<shot>_<type><NN>_v<NNN>.<frame>.exr`, of letters, digits, dot, dash and underscore
        alone, frames of at least four digits; the last group of digits is the frame: Blender and Nuke take it for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .findings import Finding, of_frames, of_plate

SUFFIXES = (".exr", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dpx")
NAME_MAX = 120                                     # characters; what renames and archives still take
_SAFE = re.compile(r"[A-Za-z0-9._-]+")
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
_PLATE = re.compile(r"(.+)_v([0-9]{3,4})", re.IGNORECASE)
_LISTED = 3                                        # names that one finding tells


@dataclass(frozen=True, slots=True)
class Strip:
    """The frames by number, and what their names have in common."""

    files: dict[int, Path]
    stem: str                                      # name_v001
    strangers: tuple[str, ...] = ()                # numbered pictures that belong to another sequence
    doubles: tuple[str, ...] = ()                  # second files of one number


def strip_of(folder: Path, document: Mapping[str, Any] | None) -> Strip:
    """The frames that the manifest lists, there or not; without one the largest numbered sequence of the folder."""
    if document is not None:
        files = {int(entry["frame"]): folder / str(entry["file"]) for entry in document["frames"]}
        return Strip(files, str(document.get("plate") or folder.name))
    groups: dict[tuple[str, str, str], list[tuple[int, Path]]] = {}
    for path in sorted(folder.iterdir()):
        number = _NUMBERED.fullmatch(path.stem)
        if number and path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            groups.setdefault((number[1], number[3], path.suffix), []).append((int(number[2]), path))
    if not groups:
        return Strip({}, folder.name)
    name = max(groups, key=lambda key: (len(groups[key]), key))
    files: dict[int, Path] = {}
    doubles: list[str] = []
    for number, path in groups.pop(name):
        doubles += [path.name] if number in files else []
        files.setdefault(number, path)
    others = tuple(path.name for group in groups.values() for _, path in group)
    return Strip(dict(sorted(files.items())), name[0].rstrip("._-"), others, tuple(doubles))


# Range -------------------------------------------------------------------------------------------


def gaps(strip: Strip, wanted: tuple[int, int] | None) -> Iterator[Finding]:
    """Frames that are missing, inside and at either end of what is wanted, and frames beyond it."""
    there = {number for number, path in strip.files.items() if path.is_file()}
    numbers = set(strip.files)
    first, last = min(numbers), max(numbers)
    inside = [(frame, "is missing.") for frame in range(first, last + 1) if frame not in there]
    yield from of_frames("refused", "GAP", inside, "Fetch the plate again, or make these frames: generate --from.")
    if wanted is None:
        return
    ends = [*range(wanted[0], min(first, wanted[1] + 1)), *range(max(last + 1, wanted[0]), wanted[1] + 1)]
    lacking = [(frame, f"is missing: {wanted[0]} to {wanted[1]} is wanted.") for frame in ends]
    yield from of_frames("refused", "RANGE", lacking, "Make them, --frames with generate --from, or ask for fewer.")
    beyond = [frame for frame in sorted(numbers) if not wanted[0] <= frame <= wanted[1]]
    told = [(frame, f"lies outside {wanted[0]} to {wanted[1]}.") for frame in beyond]
    yield from of_frames("refused", "RANGE", told, "Take it out, or say that the range is longer.")


# Names -------------------------------------------------------------------------------------------


def names(folder: Path, strip: Strip) -> Iterator[Finding]:
    """What a pipeline's pattern would not match."""
    every = [folder.name, *(path.name for path in folder.iterdir() if not path.name.startswith("."))]
    odd = [name for name in every if not _SAFE.fullmatch(name)]
    if odd:
        why = f"{_listed(odd)}: a name may hold letters, digits, dot, dash and underscore alone."
        yield of_plate("refused", "NAME", why, "Rename it; `generate --name` makes names that fit.")
    if long := [name for name in every if len(name) > NAME_MAX]:
        yield of_plate("refused", "NAME", f"{_listed(long)} is longer than {NAME_MAX} characters.", "Shorten it.")
    if twins := sorted({name for name in every[1:] if _folded(every[1:])[name.casefold()] > 1}):
        why = f"{_listed(twins)} differ in capitals alone: many disks take them for one file."
        yield of_plate("refused", "NAME", why, "Rename one of them.")
    yield from _frame_names(folder, strip)
    if strip.doubles:
        yield of_plate("refused", "NAME", f"{_listed(strip.doubles)}: its number is there twice.", "Keep one of them.")
    if strip.strangers:
        why = f"{_listed(strip.strangers)} is of another sequence than {strip.stem}."
        yield of_plate("refused", "STRANGER", why, "Give each sequence a folder of its own.")


def _frame_names(folder: Path, strip: Strip) -> Iterator[Finding]:
    files = strip.files
    short = [(n, "has a number of fewer than four digits.") for n, path in files.items() if _digits(path) < 4]
    yield from of_frames("doubtful", "NAME", short, "Write it with four digits: name_v001.0101.exr.")
    plate = _PLATE.fullmatch(strip.stem)
    if plate is None:
        why = f"The frames are called {strip.stem}, which ends in no version such as _v001."
        yield of_plate("doubtful", "NAME", why, "Name them name_v001.1001.exr.")
    if plate and folder.name != strip.stem and _PLATE.fullmatch(folder.name):
        why = f"The folder is called {folder.name}, its frames {strip.stem}."
        yield of_plate("refused", "NAME", why, "Give the folder the name of its frames.")


def _digits(path: Path) -> int:
    number = _NUMBERED.fullmatch(path.stem)
    return len(number[2]) if number else 0


def _folded(names: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name.casefold()] = counts.get(name.casefold(), 0) + 1
    return counts


def _listed(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown


# Version -----------------------------------------------------------------------------------------


def version(folder: Path, strip: Strip, into: Path | None) -> Iterator[Finding]:
    """Whether the place where the plate is to go has this version already, whatever its capitals."""
    own = folder.resolve()
    for place in dict.fromkeys([into.resolve()] if into else [own.parent]):
        taken = {path.name for path in place.iterdir() if _is_of(path.name, strip.stem) and path.resolve() != own}
        if into is None:                           # beside itself a plate may have files of its own name
            taken = {name for name in taken if name.casefold() == folder.name.casefold()}
        if taken:
            why = f"{place.name or place} has {sorted(taken)[0]} already."
            yield of_plate("refused", "VERSION", why, f"Deliver it as {_next(place, strip.stem)}.")


def _is_of(name: str, stem: str) -> bool:
    return name.casefold() == stem.casefold() or name.casefold().startswith(f"{stem.casefold()}.")


def _next(place: Path, stem: str) -> str:
    plate = _PLATE.fullmatch(stem)
    if plate is None:
        return "another name"
    pattern = re.compile(rf"{re.escape(plate[1])}_v([0-9]{{3,4}})(\..*)?", re.IGNORECASE)
    numbers = [int(found[1]) for path in place.iterdir() if (found := pattern.fullmatch(path.name))]
    return f"{plate[1]}_v{max(numbers, default=0) + 1:03d}"
