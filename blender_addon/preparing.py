"""From the button to a job that can be sent: a window stays alive while a long camera is read.

Looking needs Blender and is done a few milliseconds at a time, or as long as the window itself was busy since: every
helping has Blender sort its scene anew, which a scene of a thousand objects feels more than the looking. What follows
is arithmetic and text, longer than the looking itself, and done in a thread that touches nothing of Blender.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from time import perf_counter

from platewright.camera import CameraPath
from platewright.errors import PlatewrightError
from platewright.protocol import Job

from .camera_views import Pause
from .scene_read import Reading

LOOK_SECONDS = 0.03                                # of a helping
LOOK_SECONDS_MAX = 1.0                             # of one in a window that was busy for longer than that
LOOK_PAUSE_SECONDS = 0.01                          # between two helpings: the window's own
SETTLE_SECONDS = 0.01                              # in which a short shot is written


@dataclass(slots=True)
class Preparation:
    """One press of Generate, until there is a job or a reason why there is none."""

    reading: Reading
    make_job: Callable[[CameraPath], Job]          # knows all but the camera; touches nothing of Blender
    start: Callable[..., object]                   # what becomes of the job, and of its `text`
    done: int = 0                                  # frames looked at
    job: Job | None = None
    text: str = ""                                 # the job as it will lie on disk
    error: PlatewrightError | None = None
    writer: Thread | None = None
    clock: Callable[[], float] = perf_counter
    looked_at: float | None = None                 # when the last helping ended

    @property
    def is_over(self) -> bool:
        """There is a job, or an error."""
        return self.error is not None or (self.writer is not None and not self.writer.is_alive())

    @property
    def fraction(self) -> float:
        """How much of the camera was looked at, 0..1."""
        return self.done / self.reading.total

    def headline(self) -> str:
        """The count, for the bar."""
        return "writing the job" if self.writer else f"reading the camera {self.done}/{self.reading.total}"

    def advance(self) -> None:
        """One helping: as many frames as fit, one at least; from the main thread."""
        deadline = self._deadline()

        def is_late(done: int, _total: int) -> bool:
            self.done = done
            return self.clock() >= deadline

        try:
            while self.writer is None and not self._look(is_late) and self.clock() < deadline:
                continue
        except PlatewrightError as error:
            self.error = error
        if self.writer is not None:
            self.writer.join(SETTLE_SECONDS)
        self.looked_at = self.clock()

    def finish(self) -> None:
        """Start the job, or raise why there is none."""
        if self.error is not None:
            raise self.error
        self.start(self.job, text=self.text)

    def _deadline(self) -> float:
        now = self.clock()
        busy = 0.0 if self.looked_at is None else now - self.looked_at - LOOK_PAUSE_SECONDS
        return now + min(max(LOOK_SECONDS, busy), LOOK_SECONDS_MAX)

    def _look(self, is_late: Pause) -> bool:
        if not self.reading.look(is_late):
            return False
        self.writer = Thread(target=self._write, name="platewright-job", daemon=True)
        self.writer.start()
        return True

    def _write(self) -> None:
        try:
            from platewright.client import job_text  # not at every start of Blender

            job = self.make_job(self.reading.path())
            self.text = job_text(job)
            self.job = job
        except PlatewrightError as error:
            self.error = error
