"""The host's end of the wire: one worker process, any number of jobs, nothing that blocks Blender.

Standard library only; runs inside Blender 4.2 to 5.2 and in any Python from 3.11.

How an add-on uses it::

    worker = client.Worker(python, core_path, log_dir)     # nothing runs yet; no thread, no process
    handle = worker.submit(job, folder)                    # main thread only: starts the process if there is none
    ...
    for event in worker.poll(0.005):                       # from a timer every 0.1 s while `worker.any_running`
        ...                                                # protocol events, progress already coalesced
    worker.cancel(handle.id)                               # show `handle.cancelling` at once
    worker.close()                                         # in unregister() and atexit

Without a timer (background mode, scripts) the same worker is pumped by the caller::

    ending = worker.wait(handle.id, on_event=print)        # Finished or Failed

`python`     the interpreter of the worker's own environment: a real one, not a script that wraps it.
`core_path`  what goes in front of that interpreter's `sys.path`: the core's wheel file as the extension ships it
             (`<extension>/wheels/platewright...whl`), or the `core` folder of a checkout. Never Blender's shared
             site-packages: other extensions' libraries live there.
`log_dir`    gets `worker-<pid of this process>.log`, the worker's stderr; a temporary folder if it cannot be written.
`environment` adds variables for the worker (`{"HF_HUB_OFFLINE": "1"}`); the rest is this process's own, scrubbed.

`Worker`
    start()                    start the process ahead of need, or again after trouble. Raises WorkerMissing.
    submit(job, folder, resume=False, text=None) -> JobHandle
                               writes `folder/job.json`, queues the job. Raises WorkerMissing (no such Python),
                               WorkerError (E_THREAD, E_LOG), RequestError (the id is taken), PlateError (E_JOB_FOLDER).
    poll(seconds) -> [Event]   applies what arrived and returns it; never blocks and never raises. Restarts the worker
                               for queued jobs, at most three times a minute.
    cancel(job_id)             idempotent. Message, after 5 s SIGTERM to the process group, then SIGKILL.
    wait(job_id, timeout=None, on_event=None) -> Finished | Failed
                               pumps `poll` until the job ended. Raises WorkerError E_TIMEOUT.
    close(is_kept=False)       ends the process (and every running job as cancelled, or with `is_kept` as lost: whoever
                               comes next may resume it); takes at most 3 s, usually 0.1 s.
    jobs                       dict of id -> JobHandle, in order of submission.
    state                      "stopped", "starting", "idle", "busy", "not responding", "failed".
    failure                    the WorkerError behind "failed" (WorkerMismatch, WorkerDied, ...), else None.
    any_running                some job is queued or running.
    log_path, log_tail()       where stderr goes, and its last lines.
`JobHandle` (plain data for a panel; no bpy)
    id, job, folder, state     state: "queued", "running", "done", "failed", "cancelled", "lost".
    ended, cancelling          bools.
    stage, detail, done, total the latest progress; stage is one of protocol.Stage's.
    tries                      2 once a fresh process had to begin again because memory ran out.
    frames                     dict of frame number -> path of the frame under its final name.
    warnings                   list of Warned.
    answer                     the dict of Finished, or None.
    failure                    the Failed event (code, message, hint, exit_code), or None. A worker that died:
                               E_WORKER_DIED with the exit code in words; state "lost". Cancelled: E_CANCELLED. Out of
                               memory: E_OOM after the second try; E_HOST_OOM where the system ended the worker for it.
`job_text(job)`                what job.json will say; for a window, because a long camera takes a second to write.
`read_record(folder)`          what `state.json` says of a job, also after Blender crashed: a job whose host is gone
                               reads as "lost".
`prune_records(folder)`        takes old records of finished jobs out of a folder of job folders; for a thread.
`command_line(python, core_path, environment, words)`   the core's command line in that Python: arguments, environment.
"""


from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from .errors import Cancelled, PlatewrightError, RequestError, WorkerDied, WorkerError, WorkerMismatch
from .protocol import Event, Failed, Finished, FrameReady, Hello, Job, Progress, Stage, Warned
from .record import HOST_DIED, JOB_FILE, JobHandle, JobState, job_text, prune_records, read_record
from .wire.child import Child, command_line, log_tail, start_process
from .wire.service import HostTime, Limits, Service

__all__ = ["JobHandle", "Limits", "Worker", "command_line", "job_text", "prune_records", "read_record"]

WorkerState = Literal["stopped", "starting", "idle", "busy", "not responding", "failed"]

CRASHES_MAX: Final = 3
CRASHES_SECONDS: Final = 60.0
OUT_OF_MEMORY: Final = "E_OOM"
TRIES_MAX: Final = 2
SMALLER: Final = "Choose a smaller size or fewer frames, or close other programs that use the device."
RETRY_ELSEWHERE: Final = 4                         # exit code of errors after which a process is not fit for more


class Worker:
    """One worker process and the jobs it is given, one at a time; see the top of this file."""

    def __init__(
        self,
        python: str | Path,
        core_path: str | Path,
        log_dir: str | Path,
        *,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        start_child: Callable[[], Child] | None = None,   # another way to run a worker, for tests
    ) -> None:
        self.jobs: dict[str, JobHandle] = {}
        self.failure: PlatewrightError | None = None
        self.log_path: Path | None = None
        self.ignored = 0                           # messages that the running job cannot have sent
        self._start_child = start_child or partial(
            start_process, Path(python), Path(core_path), Path(log_dir), dict(environment or {})
        )
        self._limits = limits or Limits()
        self._clock = clock
        self._time = HostTime(clock)
        self._service: Service | None = None
        self._queue: list[JobHandle] = []          # not over yet, oldest first
        self._running: JobHandle | None = None     # the one of them the process works on
        self._news: list[Event] = []
        self._crashes: deque[float] = deque(maxlen=CRASHES_MAX)

    # What the host asks ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process if there is none. Raises WorkerMissing; WorkerError E_THREAD off the main thread."""
        if self._service is None:
            self._crashes.clear()
            self._start()

    def submit(self, job: Job, folder: str | Path, resume: bool = False, text: str | None = None) -> JobHandle:
        """Queue a job and write its folder; raises what the top of this file says. `text` is its `job_text`."""
        job = replace(job, id=job.id or os.urandom(6).hex())
        if job.id in self.jobs:
            raise RequestError("E_JOB_ID", f"There is a job {job.id} already.", "Give the job another id, or none.")
        if self._service is not None and self._running is None and self._service.is_dead():
            self._service.bury()                   # it ended while it was idle and nobody looked
            self._mourn(self._service)
        self.start()
        handle = JobHandle(job, Path(folder).absolute(), resume, text=text)
        self.jobs[job.id] = handle
        self._queue.append(handle)
        self._write_record(handle)
        self._serve_next()
        return handle

    def poll(self, seconds: float = 0.005) -> list[Event]:
        """Apply what arrived, for about `seconds`; look after the process; return the news, oldest first."""
        self._time.tick()
        if (service := self._service) is not None:
            self._listen(service, seconds)
            service.look()
            if service.death is not None:
                self._mourn(service)
        self._serve_next()
        news, self._news = self._news, []
        return _coalesced(news)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; of a job that is over or unknown, nothing."""
        handle = self.jobs.get(job_id)
        if handle is None or handle.ended or handle.cancelling:
            return
        handle.cancelling = True
        if handle is self._running and self._service is not None:
            self._service.stop(job_id)
        else:
            self._end(handle, _failed(job_id, Cancelled()))

    def wait(
        self, job_id: str, timeout: float | None = None, on_event: Callable[[Event], None] | None = None
    ) -> Finished | Failed:
        """Pump until the job is over. Raises WorkerError E_TIMEOUT after `timeout` seconds; the job goes on."""
        handle = self.jobs[job_id]
        deadline = None if timeout is None else self._clock() + timeout
        while True:
            for event in self.poll(0.05):
                if on_event is not None:
                    on_event(event)
            if handle.ending is not None:
                return handle.ending
            if deadline is not None and self._clock() > deadline:
                message = f"Job {job_id} takes longer than {timeout:g} s."
                raise WorkerError("E_TIMEOUT", message, "Wait again or cancel it.")
            time.sleep(0.01)

    def close(self, is_kept: bool = False) -> None:
        """End the process; jobs that are not over end as cancelled, or as lost if they are to be resumed one day.

        What somebody had cancelled stays cancelled. The worker can be started again.
        """
        if (service := self._service) is not None:
            self._listen(service, 0.05)
        for handle in list(self._queue):
            is_lost = is_kept and not handle.cancelling
            error = WorkerDied(*HOST_DIED) if is_lost else Cancelled(message="The host closed the worker.")
            self._end(handle, _failed(handle.id, error), "lost")
        if service is not None:
            service.close()
            self._service = None

    @property
    def any_running(self) -> bool:
        return bool(self._queue)

    @property
    def state(self) -> WorkerState:
        service = self._service
        if service is None:
            return "failed" if self.failure else "stopped"
        if not service.greeted:
            return "starting"
        if service.is_stale:
            return "not responding"
        return "busy" if self._running else "idle"

    def log_tail(self, lines: int = 20) -> str:
        """The last lines the worker wrote to its log."""
        return log_tail(self.log_path, lines) if self.log_path else ""

    # What the worker says -------------------------------------------------------------------------

    def _listen(self, service: Service, seconds: float) -> None:
        for event in service.listen(seconds):
            if isinstance(event, Hello):
                self._news.append(event)
            elif self._running is not None and event.job == self._running.id and _makes_sense(event):
                self._apply(service, self._running, event)
            else:
                self.ignored += 1

    def _apply(self, service: Service, handle: JobHandle, event: Event) -> None:
        if isinstance(event, Finished):
            self._end(handle, event)
        elif isinstance(event, Failed):
            self._fail(handle, event, "failed")
            if event.exit_code == RETRY_ELSEWHERE:
                service.dismiss()
        elif isinstance(event, FrameReady) and not _is_inside(event.path, handle.job.out):
            self.ignored += 1
            self._tell(handle, Warned(handle.id, "W_FRAME_PATH", f"Frame {event.frame} is not in the job's folder."))
        else:
            self._tell(handle, event)
        if isinstance(event, Stage):
            self._write_record(handle)

    def _tell(self, handle: JobHandle, event: Event) -> None:
        handle.apply(event)
        self._news.append(event)

    # What comes next ------------------------------------------------------------------------------

    def _serve_next(self) -> None:
        if self._running is not None or not self._queue:
            return
        if self._service is None:
            self._restart()
        elif self._service.is_fit:
            self._running = handle = self._queue[0]
            handle.state = "running"
            self._write_record(handle)
            self._service.run(handle.id, str(handle.folder / JOB_FILE), handle.resume)

    def _start(self) -> None:
        child = self._start_child()
        self.failure = None
        self.log_path = child.log_path
        self._service = Service(child, self._time, self._limits)

    def _restart(self) -> None:
        is_loop = len(self._crashes) == CRASHES_MAX and self._clock() - self._crashes[0] < CRASHES_SECONDS
        if is_loop and self.failure is not None:
            message = f"The worker crashed {CRASHES_MAX} times within a minute: {self.failure.message}"
            self._give_up(WorkerDied("E_WORKER_CRASHES", message, self.failure.hint))
            return
        try:
            self._start()
        except PlatewrightError as error:
            self._give_up(error)

    def _mourn(self, service: Service) -> None:
        """The worker is gone. Its job was lost; so was the first in the queue if it died before its first word."""
        self._service = None
        if service.was_dismissed or service.death is None:
            return
        self.failure = service.death
        victim = self._running or (None if service.greeted or not self._queue else self._queue[0])
        if victim is not None:
            self._crashes.append(self._clock())
            self._fail(victim, _failed(victim.id, Cancelled() if victim.cancelling else service.death), "lost")
        if isinstance(service.death, WorkerMismatch):
            self._give_up(service.death)

    def _give_up(self, error: PlatewrightError) -> None:
        self.failure = error
        for handle in list(self._queue):
            self._end(handle, _failed(handle.id, error))

    def _fail(self, handle: JobHandle, failure: Failed, state: JobState) -> None:
        """Memory is the one want that a fresh process may mend: it holds nothing, and others may have let go."""
        if failure.code != OUT_OF_MEMORY or handle.cancelling:
            self._end(handle, failure, state)
        elif handle.tries < TRIES_MAX:
            handle.begin_again()
            self._put_down(handle)
            words = "The device ran out of memory; the job goes on in a fresh process, once."
            self._tell(handle, Warned(handle.id, "W_SECOND_TRY", words))
            self._write_record(handle)
        else:
            hint = f"A second try in a fresh process ended the same way. {SMALLER}"
            self._end(handle, replace(failure, hint=hint), state)

    def _put_down(self, handle: JobHandle) -> None:
        if handle is self._running:
            self._running = None
            if self._service is not None:
                self._service.settled()

    def _end(self, handle: JobHandle, ending: Finished | Failed, failed_state: JobState = "failed") -> None:
        """The one place where a job becomes terminal."""
        handle.end(ending, failed_state)
        self._queue.remove(handle)
        self._put_down(handle)
        self._news.append(ending)
        self._write_record(handle)

    def _write_record(self, handle: JobHandle) -> None:
        warning = handle.write_record(self._service.child.pid if self._service else None, self.log_path)
        if warning is not None:
            self._tell(handle, warning)


def _failed(job_id: str, error: PlatewrightError) -> Failed:
    return Failed(job_id, error.code, error.message, error.hint, error.exit_code)


def _makes_sense(event: Event) -> bool:
    return not isinstance(event, Progress) or 0 <= event.done <= event.total


def _is_inside(path: str, folder: str) -> bool:
    try:
        return os.path.commonpath([os.path.realpath(path), os.path.realpath(folder)]) == os.path.realpath(folder)
    except ValueError:                             # another drive, or a NUL in the name
        return False


def _coalesced(events: list[Event]) -> list[Event]:
    """The same events with only the last progress of each job and stage."""
    last = {(event.job, event.stage): event for event in events if isinstance(event, Progress)}
    return [e for e in events if not isinstance(e, Progress) or last[e.job, e.stage] is e]
