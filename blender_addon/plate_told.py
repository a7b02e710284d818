"""What a plate says of itself besides its frames, as its manifest, its wedge and an image of the .blend tell it.

All of them may come from anywhere: known words of bounded length, known figures, plain names. No Blender here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import plate_match, plate_story
from .plate_match import Report
from .plate_story import Story

TRIES_MAX, WARNINGS_MAX = 64, 16
TEXT_CHARS = 400
WEDGE_BYTES_MAX = 1_000_000
PLAIN_NAME = re.compile(r"(?!\.{1,2}$)[^/\\:\0]{1,255}")     # of a folder beside the plate's


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One of several plates of the same request."""

    plate: str                                     # name of its folder
    seed: int
    match: Report | None                           # the figures that tell tries apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Wedge:
    """The tries side by side."""

    name: str                                      # of its folder, which lies where the plates lie
    proposed: str                                  # the try that follows best
    tries: tuple[Try, ...]

    @classmethod
    def kept(cls, wedge: Any) -> Wedge | None:
        """What of it may be shown; None for what is no wedge of at least two tries."""
        if not isinstance(wedge, dict) or not isinstance(wedge.get("tries"), list | tuple):
            return None
        tries = tuple(_tries(wedge["tries"][:TRIES_MAX]))
        if len(tries) < 2 or not is_plain_name(wedge.get("name")):
            return None
        return cls(name=wedge["name"], proposed=text(wedge.get("proposed")), tries=tries)

    @property
    def is_measured(self) -> bool:
        """At least one try has a figure to be chosen by."""
        return any(each.match and each.match.get("verdict") in plate_match.MEASURED for each in self.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a plate when its files are not at hand."""

    match: Report | None = None                    # what was measured of it; None: nothing
    unmeasured: str = ""                           # why not
    warnings: tuple[str, ...] = ()                 # "W_CODE: sentence"
    wedge: Wedge | None = None                     # it is one of several tries
    world_speed: float = 1.0                       # of what moves by itself: a model's rate need not be the scene's
    story: Story = field(default_factory=dict[str, str])               # where it came from

    @classmethod
    def kept(cls, record: Any) -> Told:
        """What of a record may be shown."""
        record = record if isinstance(record, dict) else {}
        warnings = record.get("warnings")
        lines = warnings if isinstance(warnings, list | tuple) else ()
        speed = record.get("world_speed")
        return cls(
            match=plate_match.kept(record.get("match")),
            unmeasured=text(record.get("unmeasured")),
            warnings=tuple(filter(None, map(text, lines[:WARNINGS_MAX]))),
            wedge=Wedge.kept(record.get("wedge")),
            world_speed=speed if plate_match.is_number(speed) and speed > 0 else 1.0,
            story=plate_story.kept(record.get("story")),
        )

    def to_dict(self) -> dict[str, Any]:
        """For an image of the .blend to remember."""
        return asdict(self)


def told_by(folder: Path, manifest: dict[str, Any]) -> Told:
    """What the manifest of the plate in `folder` and the newest wedge beside it tell."""
    model = manifest.get("model")
    record = {
        "match": manifest.get("match"),
        "unmeasured": manifest.get("match_reason"),
        "warnings": manifest.get("warnings"),
        "wedge": wedge_of(folder),
        "world_speed": model.get("world_speed") if isinstance(model, dict) else None,
        "story": plate_story.story_of(manifest),
    }
    return Told.kept(record)


def wedge_of(folder: Path) -> dict[str, Any] | None:
    """The newest wedge.json that shows the plate in `folder`, with its folder's name; None where there is none."""
    name = re.escape(re.sub(r"_v\d+$", "", folder.name))
    beside = folder.absolute().parent
    numbers = (re.fullmatch(rf"{name}_wedge(\d{{3,}})", path.name, re.ASCII) for path in beside.iterdir())
    for found in sorted(filter(None, numbers), key=lambda found: int(found[1]), reverse=True):
        wedge = _read(beside / found[0] / "wedge.json")
        tries = wedge.get("tries")
        if isinstance(tries, list) and any(isinstance(t, dict) and t.get("plate") == folder.name for t in tries):
            return {**wedge, "name": found[0]}
    return None


def _read(path: Path) -> dict[str, Any]:
    """The document, empty for what is none."""
    try:
        if path.stat().st_size > WEDGE_BYTES_MAX:
            return {}
        wedge = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return wedge if isinstance(wedge, dict) and wedge.get("format") == "platewright.wedge" else {}


def _tries(entries: Any) -> Iterator[Try]:
    for entry in entries:
        if isinstance(entry, dict) and is_plain_name(entry.get("plate")) and type(entry.get("seed")) is int:
            yield Try(plate=entry["plate"], seed=entry["seed"], match=plate_match.kept(entry.get("match")))


def is_plain_name(name: Any) -> bool:
    """It names something beside the plate, and leads nowhere else."""
    return isinstance(name, str) and PLAIN_NAME.fullmatch(name) is not None


def text(value: Any) -> str:
    """A text of bounded length; empty for anything else."""
    return value[:TEXT_CHARS] if isinstance(value, str) else ""
