"""What a job tells while it runs, and how it ends. Plain data: one line of JSON each on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker's first line, sent before anything heavy is imported."""

    protocol: int
    core: str                                      # version of platewright
    pid: int


@dataclass(frozen=True, slots=True)
class Stage:
    """The job entered a stage: queued, importing, foresight, loading, sampling, checking, locking, writing, signing."""

    job: str
    stage: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of the stage are behind us."""

    job: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FrameReady:
    """A frame is complete under its final name."""

    job: str
    frame: int
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the artist should know; the job goes on."""

    job: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Terminal: the plate is whole; `answer` is what `generate --json` prints."""

    job: str
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """Terminal: the job failed or was cancelled (code E_CANCELLED)."""

    job: str
    code: str
    message: str
    hint: str = ""
    exit_code: int = 1


Event = Hello | Stage | Progress | FrameReady | Warned | Finished | Failed
Emit = Callable[[Event], None]                     # may raise Cancelled: that is how a job is stopped
