"""What this person's panel remembers from one session to the next: prompts, and how long plates took on this machine.

It lies in the add-on's own folder of the user, never in a .blend, which may be handed on. Whatever cannot be read is
forgotten without a word: nothing here is worth an error.
"""

from __future__ import annotations

import json
import math
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any

FILE = "panel.json"
FORMAT = "platewright.panel"
BYTES_MAX = 2_000_000
PROMPTS_MAX = 40
PROMPT_CHARS = 4000
MEASURED_MAX = 200
USED_MAX = 5                                       # of the newest plates alike: drivers and models change
ONCE = ("load", "first_frame")                     # stages whose length does not hang on the number of frames
MAKING = ("sampling", "frames")                    # the model's own; without a lock it paints right into the frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What decides how long a plate takes."""

    model: str
    device: str                                    # as chosen: auto, cpu, cuda
    frames: int
    steps: int                                     # 0: the model's own
    megapixels: float                              # of a frame of the plate
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How long a plate took: one try of it, in seconds."""

    work: Work
    machine: str
    once: float                                    # until the model is ready
    sampling: float
    rest: float                                    # measuring, locking, writing


@dataclass(slots=True)
class Memory:
    """The newest comes first."""

    prompts: list[str] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def remember_prompt(self, prompt: str) -> None:
        """Once each; the empty one never."""
        if prompt.strip():
            kept = [each for each in self.prompts if each != prompt]
            self.prompts = [prompt[:PROMPT_CHARS], *kept][:PROMPTS_MAX]

    def remember_work(self, work: Work, timings: dict[str, float]) -> None:
        """Of a plate that was made in one go, by the stages of its manifest."""
        seconds = {stage: value for stage, value in timings.items() if _is_time(value)}
        making = next((seconds[stage] for stage in MAKING if seconds.get(stage)), None)
        if making is None:
            return
        once = sum(seconds.get(stage, 0.0) for stage in ONCE)
        rest = sum(seconds.values()) - once - making
        made = Measured(work=work, machine=platform.node(), once=once, sampling=making, rest=rest)
        self.measured = [made, *self.measured][:MEASURED_MAX]

    def seconds_for(self, work: Work) -> tuple[float, int] | None:
        """How long it will take by how many earlier plates of this model on this machine; None where there are none.

        Sampling grows with frames and steps, the rest with frames and pixels; a model is loaded once.
        """
        alike = [each for each in self.measured if _is_alike(each, work)][:USED_MAX]
        if not alike:
            return None
        once = median(each.once for each in alike)
        sampling = median(each.sampling / (each.work.frames * _pace(each.work, work)) for each in alike)
        rest = median(each.rest / (each.work.frames * each.work.megapixels) for each in alike)
        one = sampling * work.frames * _pace(work, work) + rest * work.frames * work.megapixels
        return once + one * work.tries, len(alike)


def load(folder: Path) -> Memory:
    """As it was left; empty where nothing was, or nothing that can be understood."""
    path = folder / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size < BYTES_MAX else {}
    except (OSError, ValueError, RecursionError):
        return Memory()
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return Memory()
    prompts, measured = document.get("prompts"), document.get("measured")
    texts = [each[:PROMPT_CHARS] for each in prompts if isinstance(each, str)] if isinstance(prompts, list) else []
    found = map(_measured, measured[:MEASURED_MAX]) if isinstance(measured, list) else ()
    return Memory(texts[:PROMPTS_MAX], [each for each in found if each])


def save(memory: Memory, folder: Path) -> None:
    """For this user alone, whole or not at all."""
    measured = [asdict(each) for each in memory.measured]
    document = {"format": FORMAT, "version": 1, "prompts": memory.prompts, "measured": measured}
    part = folder / f"{FILE}.part-{os.getpid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            json.dump(document, file)
        os.replace(part, folder / FILE)


def _is_alike(each: Measured, work: Work) -> bool:
    """Another number of steps is, too, if both are known."""
    same = (each.work.model, each.work.device, each.machine) == (work.model, work.device, platform.node())
    return same and (each.work.steps == work.steps or bool(each.work.steps and work.steps))


def _pace(work: Work, other: Work) -> int:
    """The steps, where both are known."""
    return work.steps if work.steps and other.steps else 1


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _measured(entry: Any) -> Measured | None:
    try:
        work = Work(**entry["work"])
        plain: dict[str, Any] = {**entry, "work": work}
        found = Measured(**plain)
    except (TypeError, KeyError):
        return None
    numbers = [work.frames, work.steps, work.megapixels, work.tries, found.once, found.sampling, found.rest]
    texts = [getattr(work, each.name) for each in fields(Work)[:2]] + [found.machine]
    if not all(map(_is_time, numbers)) or not all(isinstance(each, str) for each in texts):
        return None
    return found if work.frames and work.megapixels else None
