"""The watch over one worker process, from its start to its end: is it there, does it answer, does it obey.

Everything here is asked, nothing waits: the host looks whenever it has a moment. Time is the host's own waking time,
so a Blender that was suspended for ten minutes does not blame its worker for the silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import PlatewrightError, WorkerDied, WorkerMismatch
from ..protocol import PROTOCOL, Event, Hello
from .child import KILLED, Child, log_tail, memory_kills, words_for_exit
from .lines import Order
from .link import Link

LOOK_SECONDS: Final = 2.0                          # a host that looks more rarely than this was away itself
DRAIN_SECONDS: Final = 0.5                         # for the last words of a worker that ended
KILL_SECONDS: Final = 0.5                          # between SIGTERM and SIGKILL
UNKILLABLE_SECONDS: Final = 5.0                    # stuck in a driver: given up


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the host waits, in seconds."""

    hello: float = 180.0                           # a cold start from a slow disk
    stale: float = 15.0                            # without a beat: "not responding"
    stalled: float = 120.0                         # without a beat: killed; 0 waits for ever
    grace: float = 5.0                             # between asking a job to stop and ending its process


class HostTime:
    """Seconds this host was awake to look."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._last = clock()
        self.now = 0.0

    def tick(self) -> None:
        now = self.clock()
        self.now += min(now - self._last, LOOK_SECONDS)
        self._last = now

    def since(self, moment: float | None) -> float:
        return 0.0 if moment is None else self.now - moment


class Service:
    """One child, its link, and the host's patience with both."""

    def __init__(self, child: Child, host_time: HostTime, limits: Limits) -> None:
        self.child = child
        self.link = Link(child, host_time.clock)
        self.greeted = False
        self.death: PlatewrightError | None = None   # set once the child is gone: why, in words
        self._time = host_time
        self._limits = limits
        self._verdict: PlatewrightError | None = None  # why the host ended it
        self._started_at = host_time.now
        self._heard_at = host_time.now
        self._heard = 0
        self._asked_at: float | None = None        # when it was asked to stop a job, or to go
        self._gone_at: float | None = None         # when it, or its output, was seen to have ended
        self._is_leaving = False
        self._kills = memory_kills()

    @property
    def is_fit(self) -> bool:
        """True if it can be given a job."""
        return self.greeted and not self._is_leaving and self.death is None

    @property
    def was_dismissed(self) -> bool:
        """True if its end was wished for."""
        return self._is_leaving and self._verdict is None

    @property
    def is_stale(self) -> bool:
        """True if nothing was heard for longer than a busy interpreter explains."""
        return self._time.since(self._heard_at) >= self._limits.stale

    # What it is told ------------------------------------------------------------------------------

    def run(self, job_id: str, job_path: str, resume: bool) -> None:
        """Give it a job."""
        self._asked_at = None
        self.link.send(Order("run", job_id, job_path, resume))

    def stop(self, job_id: str) -> None:
        """Ask it to stop its job; from now on the grace time runs, until `settled`."""
        self._asked_at = self._time.now
        self.link.send(Order("cancel", job_id))

    def settled(self) -> None:
        """Its job is over: nothing is asked of it any more."""
        if not self._is_leaving:
            self._asked_at = None

    def dismiss(self) -> None:
        """Let it go: it is not fit for another job. It gets the grace time to end by itself."""
        self._is_leaving = True
        self._asked_at = self._time.now
        self.link.close()

    def close(self) -> None:
        """End it now, and wait for that: usually 0.1 s, at most 3 s."""
        self.link.close()
        self._outlast(1.0)
        self.child.kill()
        self._outlast(1.0)
        self.link.join(0.5)

    # What it says ---------------------------------------------------------------------------------

    def listen(self, seconds: float) -> Iterator[Event]:
        """What arrived, for about `seconds` of taking it in."""
        deadline = time.perf_counter() + seconds
        while (event := self.link.take()) is not None:
            if isinstance(event, Hello):
                self._greet(event)
            yield event
            if time.perf_counter() > deadline:
                break
        if self.link.heard != self._heard:
            self._heard, self._heard_at = self.link.heard, self._time.now

    def _greet(self, hello: Hello) -> None:
        self.greeted = True
        if hello.protocol != PROTOCOL:
            hint = "Update the runtime." if hello.protocol < PROTOCOL else "Update the extension."
            message = f"The worker ({hello.core}) speaks protocol {hello.protocol}, this side {PROTOCOL}."
            self._condemn(WorkerMismatch("E_WORKER_MISMATCH", message, hint))

    # How it fares ---------------------------------------------------------------------------------

    def look(self) -> None:
        """See whether it lives and obeys; `death` is set once it does not live."""
        code = self.child.exit_code()
        has_fallen_silent = self.link.is_silent_for_good
        if code is None and not has_fallen_silent:
            self._check_answers()
        else:
            self._see_off(code, has_fallen_silent)
        if self.death is None:
            self._press()

    def is_dead(self) -> bool:
        """True if the process has ended, whatever it said before."""
        return self.child.exit_code() is not None

    def bury(self, code: int | None = None) -> None:
        """It is gone: say why, and end what it started."""
        code = self.child.exit_code() if code is None else code
        self.child.kill()
        self.link.close()
        self.death = self._verdict or self._words_for(KILLED if code is None else code)

    def _words_for(self, code: int) -> PlatewrightError:
        return words_for_exit(code, self.child.log_path, memory_kills() - self._kills)

    def _see_off(self, code: int | None, has_fallen_silent: bool) -> None:
        self._gone_at = self._time.now if self._gone_at is None else self._gone_at
        has_drained = self._time.since(self._gone_at) > DRAIN_SECONDS
        if code is not None and (has_fallen_silent or has_drained):
            self.bury(code)
        elif code is None and has_drained:
            self._condemn(WorkerDied("E_PROTOCOL", "The worker closed its output.", f"See {self.child.log_path}."))

    def _check_answers(self) -> None:
        limits = self._limits
        if not self.greeted and self._time.since(self._started_at) > limits.hello:
            message = f"The worker did not answer for {limits.hello:g} s."
            self._condemn(WorkerDied("E_WORKER_SILENT", message, log_tail(self.child.log_path, 5)))
        elif self.link.is_babbling:
            message = "What the worker says cannot be understood."
            self._condemn(WorkerDied("E_PROTOCOL", message, "Update the extension and the runtime."))
        elif self.greeted and limits.stalled and self._time.since(self._heard_at) > limits.stalled:
            message = f"The worker gave no sign of life for {limits.stalled:g} s."
            self._condemn(WorkerDied("E_WORKER_STALLED", message, "Start the job again; it continues."))

    def _press(self) -> None:
        """Asked nicely, then firmly, then given up."""
        waited = self._time.since(self._asked_at) - self._limits.grace
        if waited > UNKILLABLE_SECONDS:
            self.bury()
        elif waited > KILL_SECONDS:
            self.child.kill()
        elif waited > 0:
            self.child.terminate()

    def _condemn(self, verdict: PlatewrightError) -> None:
        if self._verdict is None:
            self._verdict = verdict
            self._is_leaving = True
            self._asked_at = self._time.now - self._limits.grace
        self.child.kill()

    def _outlast(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.child.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.01)
