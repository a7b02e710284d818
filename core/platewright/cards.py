"""What a model declares of itself: plain data, read without torch and without its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
    kind: Literal["layout", "draft", "final", "still"]          # a layout is never called a result
    summary: str
    licence: str                                   # SPDX expression of the weights
    commercial: Literal["yes", "no", "conditions"]
    native_size: tuple[int, int]                   # pixels at 16:9; other aspects have about the same area
    sizes: tuple[tuple[int, int], ...] = ()        # all that it makes: its view is widened to one's shape; empty: any
    clip: FrameRule                                # frames in one window; longer paths take several
    fps: float | None = None                       # rate it was trained at; None: any
    default_steps: int = 1
    max_steps: int = 1000
    default_guidance: float = 1.0
    takes_prompt: bool = True
    takes_negative: bool = True
    needs_first_frame: bool = False
    takes_first_frame: bool = False                # goes without one, too
    takes_guide: bool = False
    takes_plate: bool = False                      # paints into frames that are there, where their mask is white
    anchors: Literal["none", "start", "both"] = "none"   # which ends of a part that is made anew are held
    presets: tuple[str, ...] = ()                  # of --preset, and what may follow a +; empty: it has no use for any
    other_pictures: tuple[str, ...] = ()           # those of them that make others than `full` does, beyond rounding
    memory_gb: float = 0.5                         # of the device, at least; what does not fit waits outside
    full_gb: float | None = None                   # to have all of it there at once; None: as much
    drift_deg: float = 0.0                         # turn away from the camera that one must expect
    revision: str = ""                             # sha256 of the weights, or the commits they are pinned to
    terms: str = ""                                # the licence in words
    territory: str = ""                            # where it may not be used; empty: no such limit is known
    disk_gb: float | None = None                   # of its weights; None: not known before they are asked for
    sources: tuple[str, ...] = ()                  # repositories that publish them; empty: they come with Platewright
    available: bool = True
    reason: str = ""                               # why not available, for people
