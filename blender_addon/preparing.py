"""From the button to a job that can be sent: a window stays alive while a long camera and a large scene are read.

Looking needs Blender and is done a few milliseconds at a time: ten, or as long as the window was busy since, for a
window that draws slowly would else take for ever, but never so long that somebody feels it. One frame is the least:
where evaluating it takes longer, that is the scene's own time. Every helping has Blender sort its scene anew, which a
scene of thousands of objects feels more than the looking: a window that stands still for that takes helpings as long as
its own stillness. What follows is arithmetic and text, longer than the looking itself, and done in a thread that
touches nothing of Blender.

    camera looked at -> path (thread) -> scene looked at along the path -> job and its text (thread)

A job that was asked for before, `Again`, only has its text written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from threading import Thread
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, ClassVar

from platewright.errors import PlatewrightError, RequestError

from .translations import say

if TYPE_CHECKING:
    from platewright.camera import CameraPath
    from platewright.protocol import Job

    from .scene_geometry import GeometryReading
    from .scene_read import Reading

LOOK_SECONDS = 0.01                                # of a helping
LOOK_SECONDS_MAX = 0.03                            # of one in a window that was busy for longer than that
STILL_SECONDS = 0.25                               # of its own work, from which on a window stands still anyway
STILL_SECONDS_MAX = 1.0                            # of a helping then
LOOK_PAUSE_SECONDS = 0.01                          # between two helpings: the window's own
SETTLE_SECONDS = 0.01                              # in which a short shot is written
GLANCE_SECONDS = 0.001                             # at one that takes longer

Steps = Generator[bool]                            # whether there is nothing to do but wait


@dataclass(slots=True)
class Preparation:
    """One press of Generate, until there is a job or a reason why there is none."""

    reading: Reading
    make_job: Callable[..., Any]                   # a Job of the camera and, if read, the scene; touches no Blender
    start: Callable[..., object]                   # what becomes of the job, and of its `text`
    geometry: GeometryReading | None = None        # of the scene, unless it is left out
    last: str = "writing the job"                  # what is done in the end, in words
    stop: Callable[[], None] = lambda: None        # ends what `make_job` waits for
    done: int = 0                                  # frames looked at, key frames of the scene included
    path: CameraPath | None = None
    job: Job | None = None
    text: str = ""                                 # the job as it will lie on disk
    error: PlatewrightError | None = None
    is_over: bool = False                          # there is a job, or an error
    id: str = field(default_factory=lambda: os.urandom(6).hex())
    clock: Callable[[], float] = perf_counter
    worked: Callable[[], float] = thread_time      # drawing in other threads and other programs do not count
    looked_at: float = 0.0                         # when the last helping ended, by the window's own work
    ended: float | None = None                     # and by the clock
    pause_seconds: ClassVar[float] = LOOK_PAUSE_SECONDS
    _deadline: float = 0.0
    _what: str = "the camera"
    _steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        self._steps = self._prepare()

    @property
    def fraction(self) -> float:
        """How much was looked at, 0..1."""
        return min(self.done / self._total, 1.0)

    @property
    def is_reading(self) -> bool:
        """It still looks at the scene; what follows goes on by itself, and another may be read meanwhile."""
        return bool(self._what)

    @property
    def title(self) -> str:
        """What it will be a plate of."""
        return self.path.camera if self.path else ""

    @property
    def _total(self) -> int:
        return self.reading.total + (self.geometry.total if self.geometry else 0)

    def headline(self) -> str:
        """The count, for the bar."""
        if not self._what:
            return say(self.last)
        first = self.reading.total if self.path else 0
        total = self._total - first if self.path else self.reading.total
        return say("reading {what} {done}/{total}", what=say(self._what), done=self.done - first, total=total)

    def advance(self) -> None:
        """One helping: as many frames as fit, one at least; from the main thread."""
        self._deadline = self._end_of_helping()
        try:
            is_waiting = next(self._steps)
            while not is_waiting and self.clock() < self._deadline:
                is_waiting = next(self._steps)
        except StopIteration:
            self.is_over = True
        except PlatewrightError as error:
            self.error, self.is_over = error, True
        self.looked_at, self.ended = self.worked(), self.clock()

    def finish(self) -> None:
        """Start the job, or raise why there is none."""
        if self.error is not None:
            raise self.error
        self.start(self.job, text=self.text)

    def _prepare(self) -> Steps:
        while not self.reading.look(self._is_late):
            yield False
        yield from apart(self._lay)
        if self.geometry and self.path:
            self._what = "the scene"
            self.geometry.along(self.path)
            while not self.geometry.look(self._is_late):
                yield False
        self._what = ""
        yield from apart(self._write)

    def close(self) -> None:
        """It is given up: nothing of it goes on."""
        self._steps.close()
        self.stop()

    def _is_late(self, done: int, _total: int) -> bool:
        self.done = done + (self.reading.total if self.path else 0)
        return self.clock() >= self._deadline

    def _end_of_helping(self) -> float:
        now = self.clock()
        if self.ended is None:
            return now + LOOK_SECONDS
        busy, own = now - self.ended, self.worked() - self.looked_at
        felt = min(max(LOOK_SECONDS, busy), LOOK_SECONDS_MAX)
        return now + (felt if own < STILL_SECONDS else min(own, STILL_SECONDS_MAX))

    def _lay(self) -> None:
        self.path = self.reading.path()

    def _write(self) -> None:
        from platewright.client import job_text  # not at every start of Blender

        assert self.path is not None
        refuse_cuts(self.path)
        job = self.make_job(self.path, self.geometry.geometry()) if self.geometry else self.make_job(self.path)
        self.text = job_text(job)
        self.job = job


def refuse_cuts(path: CameraPath) -> None:
    """RequestError E_CAMERA_CUT with the way on that a panel has."""
    try:
        path.refuse_cuts()
    except RequestError as error:
        hint = "Make a plate of each shot: press Generate Chosen under Shots."
        raise RequestError(error.code, error.message, hint) from None


@dataclass(slots=True)
class Again:
    """A job that was asked for before, on its way back to the worker; touches nothing of Blender."""

    title: str                                     # what it will be a plate of
    load: Callable[[], tuple[Job, str]]            # the job and its text: a long camera takes a second
    start: Callable[..., object]                   # what becomes of both
    error: PlatewrightError | None = None
    is_over: bool = False
    id: str = field(default_factory=lambda: os.urandom(6).hex())
    fraction: ClassVar[float] = 0.0
    is_reading: ClassVar[bool] = False
    pause_seconds: ClassVar[float] = LOOK_PAUSE_SECONDS
    _found: list[tuple[Job, str]] = field(default_factory=list)
    _steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        self._steps = apart(lambda: self._found.append(self.load()))

    def headline(self) -> str:
        """What it does."""
        return "writing the job"

    def advance(self) -> None:
        """Look whether it is there."""
        try:
            next(self._steps)
        except StopIteration:
            self.is_over = True
        except PlatewrightError as error:
            self.error, self.is_over = error, True

    def finish(self) -> None:
        """Start the job, or raise why there is none."""
        if self.error is not None:
            raise self.error
        job, text = self._found[0]
        self.start(job, text=text)

    def close(self) -> None:
        """It is given up."""
        self._steps.close()


def apart(work: Callable[[], None]) -> Steps:
    """Done in a thread, while it yields that there is nothing to do but wait; what goes wrong there goes wrong here."""
    failed: list[PlatewrightError] = []

    def run() -> None:
        try:
            work()
        except PlatewrightError as error:
            failed.append(error)

    thread = Thread(target=run, name="platewright-job", daemon=True)
    thread.start()
    thread.join(SETTLE_SECONDS)
    while thread.is_alive():
        yield True
        thread.join(GLANCE_SECONDS)
    if failed:
        raise failed[0]
