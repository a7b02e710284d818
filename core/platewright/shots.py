"""A camera path in shots, one per camera cut: how they are called, where they begin, what is asked of each.

    split(path)              its shots, in order
    chosen(shots, names)     some of them
    read_list(file)          what a list of shots says: prompt, negative prompt, seed and still frame of each, by name

Standard library only: Blender lists the shots of a scene by the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from . import camera_file
from .camera import CameraPath, motion_warnings
from .errors import RequestError
from .values import NAME_MAX, clean_prompt, is_whole, real_seed, slug

FORMAT, VERSION = "platewright.shots", 1
ALL = "all"                                        # means every shot, so no shot is called so
UNNAMED = re.compile(r"(F_\d+|Marker)?(\.\d+)?", re.IGNORECASE)      # what Blender calls markers by itself
TEXTS = ("prompt", "negative")
FACTS = ("camera", "first", "last")                # of a list, for people: the camera file decides
MOTION = ("W_NO_MOTION", "W_CAMERA_JUMP")
HINT = "Compare it with what `platewright shots camera.json -o shots.json` writes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What one camera films without a cut; what is None is left to whoever makes its plate."""

    name: str                                      # a slug that no other shot of the path has, whatever its case
    camera: CameraPath
    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    still: int | None = None                       # frame of its picture on a storyboard; None: the middle one

    @property
    def first(self) -> int:
        return self.camera.frames[0]

    @property
    def last(self) -> int:
        return self.camera.frames[-1]

    def wishes(self) -> dict[str, Any]:
        """What is asked of this shot alone, by the names of a request's fields."""
        told = {"prompt": self.prompt, "negative": self.negative, "seed": self.seed}
        return {name: value for name, value in told.items() if value is not None}

    def still_index(self) -> int:
        """Which of its frames a storyboard shows, counted from 0."""
        return len(self.camera) // 2 if self.still is None else self.still - self.first

    def to_dict(self) -> dict[str, Any]:
        """What a list of shots, or `platewright shots --json`, says of it."""
        place = {"camera": self.camera.camera, "first": self.first, "last": self.last}
        wishes = {name: getattr(self, name) for name in (*TEXTS, "seed", "still")}
        return {"name": self.name, **place, **wishes}


def split(path: CameraPath) -> tuple[Shot, ...]:
    """The shots of a path: a new one wherever another camera takes over; a path without a cut is one.

    A shot is called by the marker that binds its camera, where its name says something, else by its camera.
    """
    starts = (path.frames[0], *path.cuts(), path.frames[-1] + 1)
    parts = [_alone(path, first, after - 1) for first, after in pairwise(starts)]
    markers = dict(path.markers)
    names = unique_names((markers.get(part.frames[0], ""), part.camera) for part in parts)
    return tuple(Shot(name=name, camera=part) for name, part in zip(names, parts, strict=True))


def _alone(path: CameraPath, first: int, last: int) -> CameraPath:
    """The part as a path of its own, with its own warnings of motion."""
    part = path.window(first, last)
    others = (warning for warning in path.warnings if not warning.startswith(MOTION))
    return replace(part, markers=(), warnings=(*others, *motion_warnings(part)))


def unique_names(called: Iterable[tuple[str, str]]) -> list[str]:
    """A name for each shot, of the marker and the camera that each is called by: slugs, no two alike.

    The second of a name has `_2` behind it. A name that no file can have becomes `sh010`, `sh020` ... by its place.
    """
    taken, names = {ALL}, list[str]()
    for number, (marker, camera) in enumerate(called, start=1):
        stem = _slug_of(camera if UNNAMED.fullmatch(marker.strip()) else marker) or f"sh{10 * number:03d}"
        name, count = stem, 1
        while name.lower() in taken:
            count += 1
            name = f"{stem[: NAME_MAX - 6]}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def _slug_of(name: str) -> str:
    try:
        return slug(name)
    except RequestError:
        return ""


def within(shots: Iterable[Shot], first: int, last: int) -> tuple[Shot, ...]:
    """What of the shots lies between two frames, both included, under the same names.

    RequestError E_RANGE where that is nothing.
    """
    parts = [
        replace(
            shot,
            camera=_alone(shot.camera, max(first, shot.first), min(last, shot.last)),
            still=shot.still if shot.still is not None and first <= shot.still <= last else None,
        )
        for shot in shots
        if max(first, shot.first) <= min(last, shot.last)
    ]
    if not parts:
        raise RequestError("E_RANGE", f"No shot has frames {first} to {last}.", "See `platewright shots camera.json`.")
    return tuple(parts)


def chosen(shots: Sequence[Shot], names: Sequence[str]) -> tuple[Shot, ...]:
    """The shots of these names, in their own order; `all` is every one. RequestError E_SHOT_UNKNOWN."""
    wanted = {name.lower() for name in names}
    refuse_unknown(wanted - {ALL}, shots)
    return tuple(shot for shot in shots if ALL in wanted or shot.name.lower() in wanted)


def refuse_unknown(names: Iterable[str], shots: Sequence[Shot]) -> None:
    """RequestError E_SHOT_UNKNOWN for a name that no shot has."""
    known = {shot.name.lower() for shot in shots}
    if strangers := sorted(name for name in names if name.lower() not in known):
        there = ", ".join(shot.name for shot in shots[:20]) + (" ..." if len(shots) > 20 else "")
        raise RequestError("E_SHOT_UNKNOWN", f"There is no shot {strangers[0][:80]!r}.", f"There are {there}.")


# The list ----------------------------------------------------------------------------------------


def document(shots: Iterable[Shot]) -> dict[str, Any]:
    """A list of shots, for people to write prompts into."""
    return {"format": FORMAT, "version": VERSION, "shots": [shot.to_dict() for shot in shots]}


def read_list(path: Path) -> list[dict[str, Any]]:
    """What a list of shots says of each: `name`, and what of prompt, negative, seed and still is not null.

    RequestError E_FILE_MISSING, E_SHOT_LIST where it is none or names a shot twice, and those of a bad value.
    """
    try:
        told = json.loads(camera_file.read_text(path))
    except (ValueError, RecursionError) as error:
        raise RequestError("E_SHOT_LIST", f"{path} is not valid JSON: {error}.", HINT) from None
    entries = told.get("shots") if isinstance(told, dict) and told.get("format") == FORMAT else None
    if not isinstance(entries, list) or told.get("version") != VERSION:
        raise RequestError("E_SHOT_LIST", f"{path} is no list of shots.", HINT)
    found = [_entry(entry) for entry in entries]
    names = [entry["name"].lower() for entry in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RequestError("E_SHOT_LIST", f"The list names the shot {twice!r} twice.", HINT)
    return found


def _entry(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise RequestError("E_SHOT_LIST", "An entry of the list has no name.", HINT)
    known = {"name", *TEXTS, *FACTS, "seed", "still"}
    if strangers := sorted(set(entry) - known):
        why = f"The shot {entry['name'][:80]!r} has the unknown key {strangers[0][:80]!r}."
        raise RequestError("E_SHOT_LIST", why, f"Known: {', '.join(sorted(known))}.")
    told = {name: value for name, value in entry.items() if value is not None and name not in FACTS}
    for name in TEXTS:
        if not isinstance(told.get(name, ""), str):
            raise RequestError("E_SHOT_LIST", f"The {name} of {entry['name'][:80]!r} is no text.", HINT)
    for name in ("seed", "still"):
        if not is_whole(told.get(name, 0)):
            raise RequestError("E_SHOT_LIST", f"The {name} of {entry['name'][:80]!r} is no whole number.", HINT)
    return told | {name: clean_prompt(told[name]) for name in TEXTS if name in told}


def applied(shots: Sequence[Shot], entries: Sequence[dict[str, Any]]) -> tuple[Shot, ...]:
    """The shots with what a list says of them; those that it does not name are as they were.

    RequestError E_SHOT_UNKNOWN, E_VALUE of a seed, E_RANGE of a still frame that the shot does not have.
    """
    refuse_unknown((entry["name"] for entry in entries), shots)
    told = {entry["name"].lower(): {**entry} for entry in entries}
    return tuple(_told(shot, told.get(shot.name.lower(), {})) for shot in shots)


def _told(shot: Shot, entry: dict[str, Any]) -> Shot:
    still = entry.get("still")
    if still is not None and not shot.first <= still <= shot.last:
        why = f"Frame {still} is none of {shot.name}, which has {shot.first} to {shot.last}."
        raise RequestError("E_RANGE", why, "Choose a frame of the shot, or null for its middle one.")
    seed = real_seed(entry["seed"]) if "seed" in entry else None
    texts = {name: entry[name] or None for name in TEXTS if name in entry}
    return replace(shot, **texts, seed=seed, still=still)
