"""What is known while the add-on is enabled, and in no file. `jobs` has the one of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from platewright.errors import PlatewrightError

from .job_past import Past
from .job_run import Run
from .runtime import Check, Runtime

if TYPE_CHECKING:                                  # what only a job needs is loaded with the first one
    from platewright.client import Worker

    from .plate_read import Plate
    from .preparing import Again, Preparation
    from .shot_board import Board
    from .shot_making import Several


@dataclass(slots=True)
class State:
    """The worker, its jobs, and what was asked of it."""

    runtime: Runtime | None = None                 # of the worker
    worker: Worker | None = None
    preparation: Preparation | Several | None = None     # of the job to come
    board: Board | None = None                     # the storyboard that is drawn, or was drawn last
    written: list[Preparation | Several | Again] = field(default_factory=list)   # no longer read, not yet submitted
    runs: list[Run] = field(default_factory=list)  # in the order in which they were submitted
    refusal: PlatewrightError | None = None        # why the last press of Generate did not start a job
    check: Check = field(default_factory=Check)
    past: Past = field(default_factory=Past)
    is_asked: bool = False                         # for its models, without anybody having pressed Check
    previews: Any = None                           # of frames as they arrive
    default_python: str = ""                       # looked up once, so that drawing touches no file
    command: Any = None                            # Blender's handle for taking `--command platewright` away again

    def latest(self) -> Run | None:
        """The job that was submitted last."""
        return self.runs[-1] if self.runs else None

    def latest_of(self, scene: bpy.types.Scene) -> Run | None:
        """The job that was submitted last for this very scene."""
        return next((run for run in reversed(self.runs) if run.origin.scene_uid == scene.session_uid), None)

    def made_of(self, scene: bpy.types.Scene) -> Run | None:
        """The job that made this very scene's newest plate."""
        own = [run for run in self.runs if run.origin.scene_uid == scene.session_uid and run.is_over and run.plate]
        return own[-1] if own else None

    def under_way(self) -> list[Run]:
        """From submit until the plate is shown; the first is the one that is served."""
        return [run for run in self.runs if not run.is_over]

    def running(self) -> Run | None:
        """The one job that is served now."""
        return next(iter(self.under_way()), None)

    def waiting(self) -> list[tuple[Run, Plate]]:
        """Plates that are whole and whose scene was not here to receive them."""
        return [(run, run.plate) for run in self.runs if run.is_over and run.plate and not run.is_shown]

    @property
    def is_drawing(self) -> bool:
        """A storyboard."""
        return self.board is not None and self.board.is_running

    def looked_at_board(self) -> bool:
        """Whether there is a storyboard to look after, which is done."""
        return self.board is not None and self.board.look()

    def coming(self) -> list[Preparation | Several | Again]:
        """What is to become a job."""
        return [each for each in (self.preparation, *self.written) if each]
