"""What the processes say to each other: the request, the job, the models' cards and the events.

Everything here is plain data with a versioned schema name. Pixels never travel; paths do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .camera import CameraPath

PROTOCOL = 1                                       # raised when old and new cannot talk
PROMPT_BYTES_MAX = 64 * 1024

FrameFormat = Literal["exr", "png"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRequest:
    """Everything that influences the pixels of a plate, and nothing else."""

    camera: CameraPath
    prompt: str
    negative: str = ""
    model: str = "draft"
    seed: int = 0                                  # 0 .. 2**63 - 1
    steps: int | None = None                       # None: the model's own default
    guidance: float | None = None                  # None: the model's own default
    size: tuple[int, int] | None = None            # plate's width and height in pixels; None: the camera's
    format: FrameFormat = "exr"
    device: str = "auto"                           # auto, cpu, cuda, cuda:N, mps


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request and where its plate goes: what job.json holds and a farm retries."""

    request: PlateRequest
    name: str                                      # plate name, already a slug
    out: str                                       # folder that holds the versions
    version: int | None = None                     # None: the next free one
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRule:
    """How many frames a model makes in one go: multiple * k + offset, within bounds."""

    multiple: int
    offset: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a back-end declares; the panel draws itself from it."""

    name: str                                      # as given to --model
    title: str
    kind: Literal["layout", "draft", "final"]      # a layout is never called a result
    summary: str
    licence: str                                   # SPDX expression of the weights
    commercial: Literal["yes", "no", "conditions"]
    native_size: tuple[int, int]                   # pixels at 16:9; other aspects have about the same area
    clip: FrameRule                                # frames in one window; longer paths take several
    fps: float | None = None                       # rate it was trained at; None: any
    default_steps: int = 1
    max_steps: int = 1000
    default_guidance: float = 1.0
    takes_prompt: bool = True
    takes_negative: bool = True
    needs_first_frame: bool = False
    takes_guide: bool = False
    memory_gb: float = 0.5
    revision: str = ""                             # sha256 of the weights, or a pinned commit
    available: bool = True
    reason: str = ""                               # why not available, for people


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker's first line, sent before anything heavy is imported."""

    protocol: int
    core: str                                      # version of platewright
    pid: int


@dataclass(frozen=True, slots=True)
class Stage:
    """The job entered a stage: queued, importing, loading, sampling, writing, signing."""

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
