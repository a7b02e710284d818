"""The worker's end of the wire: takes jobs from stdin, makes plates, says on stdout how it goes.

`hello` goes out before anything heavy is imported. One job at a time; the process stays warm for the next one. It ends
with its host: when stdin ends, when the parent is another than the one that started it, and, under Linux, by a signal
that no library can hold up. Exit codes: 0 told to, 2 started wrongly, 3 host gone, 12 out of memory, 13 device lost.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from . import __version__
from .errors import Cancelled, DeviceLost, OutOfMemory, PlatewrightError, RequestError
from .models import give_memory_back
from .protocol import PROTOCOL, Emit, Event, Failed, Finished, Hello, Job, Stage
from .wire.child import LOG_BYTES_MAX
from .wire.lines import BadLineError, Beat, Lines, Message, Order, decode, encode

MakePlate = Callable[[Job, Emit, bool], dict[str, Any]]

BEAT_SECONDS: Final = 1.0
READ_BYTES: Final = 1 << 16
TOLD_TO_EXIT: Final = 0
STARTED_WRONGLY: Final = 2
HOST_GONE: Final = 3
OUT_OF_MEMORY: Final = 12
DEVICE_LOST: Final = 13
PR_SET_PDEATHSIG: Final = 1
OOM_SCORE: Final = 500                             # the kernel takes the worker before it takes Blender

log = logging.getLogger(__name__)


def main(make_plate: MakePlate | None = None) -> int:
    """Serve the host that started this process: `sys.argv` is core path, host's pid, log path."""
    if len(sys.argv) != 4 or not sys.argv[2].isdecimal():
        return STARTED_WRONGLY
    host_pid, log_path = int(sys.argv[2]), Path(sys.argv[3])
    die_with_host(host_pid)
    orders, answers = private_pipes()
    faulthandler.enable(all_threads=False)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    prefer_to_be_killed()

    def every_beat() -> None:
        if not host_lives(host_pid):
            os._exit(HOST_GONE)
        keep_log_short(log_path)

    return serve(orders, answers, make_plate or engine_make_plate, lambda: os._exit(HOST_GONE), every_beat)


def engine_make_plate(job: Job, emit: Emit, resume: bool) -> dict[str, Any]:
    """The real work; imported only now, because it takes seconds."""
    emit(Stage(job.id, "importing"))
    from . import engine

    return engine.make_plate(job, emit, resume)


def serve(
    stdin: IO[bytes],
    stdout: IO[bytes],
    make_plate: MakePlate,
    on_host_gone: Callable[[], None],              # stdin ended or stdout broke; called from whichever thread saw it
    every_beat: Callable[[], None] = lambda: None,
) -> int:
    """Say hello, then work until told to exit or until a failure calls for a new process; returns the exit code."""
    server = _Server(stdout, make_plate, on_host_gone)
    server.say(Hello(PROTOCOL, __version__, os.getpid()))
    threading.Thread(target=server.listen, args=(stdin,), name="orders", daemon=True).start()
    threading.Thread(target=server.pulse, args=(every_beat,), name="pulse", daemon=True).start()
    return server.work()


class _Server:
    """What the three threads share: the jobs that wait, the jobs to stop, the one way out."""

    def __init__(self, stdout: IO[bytes], make_plate: MakePlate, on_host_gone: Callable[[], None]) -> None:
        self._stdout = stdout
        self._make_plate = make_plate
        self._on_host_gone = on_host_gone
        self._speaking = threading.Lock()
        self._waiting: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._is_over = threading.Event()
        self._beats = 0

    def say(self, message: Message) -> None:
        """One line to the host, whole, whichever thread speaks. Raises BadLineError."""
        line = memoryview(encode(message))
        try:
            with self._speaking:
                while line:
                    line = line[os.write(self._stdout.fileno(), line) :]
        except OSError:                            # nobody reads any more
            self._on_host_gone()

    def listen(self, stdin: IO[bytes]) -> None:
        """Take orders until the host is gone."""
        lines = Lines()
        while chunk := os.read(stdin.fileno(), READ_BYTES):
            for line in lines.feed(chunk):
                self._obey(line)
        self._waiting.put(None)
        self._on_host_gone()

    def _obey(self, line: bytes) -> None:
        try:
            order = decode(line)
        except BadLineError as error:
            log.warning("an order that cannot be read: %s", error)
            return
        match order:
            case Order("run"):
                self._waiting.put(order)
            case Order("cancel", job):
                self._cancelled.add(job)
            case Order("ping"):
                self.beat()
            case Order("exit"):
                self._waiting.put(None)
            case _:
                log.warning("an order of another version: %r", line[:200])

    def pulse(self, every_beat: Callable[[], None]) -> None:
        """Show once a second that the interpreter turns."""
        while not self._is_over.wait(BEAT_SECONDS):
            every_beat()
            self.beat()

    def beat(self) -> None:
        self._beats += 1
        self.say(Beat(self._beats))

    def work(self) -> int:
        """Run one job after the other."""
        exit_code = None
        while exit_code is None:
            order = self._waiting.get()
            exit_code = TOLD_TO_EXIT if order is None else self._run(order)
            give_memory_back()
        self._is_over.set()
        return exit_code

    def _run(self, order: Order) -> int | None:
        """One job, one ending; an exit code if this process must not take another."""
        try:
            answer = self._make_plate(_read_job(order), self._emit, order.resume)
            self.say(Finished(order.job, answer))
            return None
        except PlatewrightError as error:
            failure = error
        except MemoryError:
            hint = "Choose a smaller size or fewer frames, or a machine with more memory."
            failure = OutOfMemory("E_OOM", "There is not enough memory for this plate.", hint)
        except Exception as error:                 # a bug, ours or a library's: the job fails, the worker serves on
            log.exception("job %s", order.job)
            failure = PlatewrightError("E_INTERNAL", _sentence(error), "The log holds the details; please report it.")
        self.say(_failed(order.job, failure))
        return _exit_code_after(failure)

    def _emit(self, event: Event) -> None:
        job = getattr(event, "job", "")
        if job in self._cancelled:
            raise Cancelled()
        self.say(event)


def _read_job(order: Order) -> Job:
    try:
        data = json.loads(Path(order.job_path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError("E_JOB", f"{order.job_path} cannot be read: {error}.", "Submit the job again.") from None
    job = Job.from_dict(data)
    if job.id != order.job:
        raise RequestError("E_JOB", f"{order.job_path} holds job {job.id!r}, not {order.job!r}.", "Submit it again.")
    return job


def _failed(job_id: str, error: PlatewrightError) -> Failed:
    return Failed(job_id, error.code, error.message, error.hint, error.exit_code)


def _exit_code_after(error: PlatewrightError) -> int | None:
    if isinstance(error, OutOfMemory):
        return OUT_OF_MEMORY
    return DEVICE_LOST if isinstance(error, DeviceLost) else None


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


# The process -------------------------------------------------------------------------------------


def die_with_host(host_pid: int) -> None:
    """First thing in the process: ask to be killed with the host, then see whether it is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not host_lives(host_pid):
        os._exit(HOST_GONE)


def stay_with_host(host_pid: int) -> None:
    """For the command line as somebody's child: end when that process ends, also where no signal tells."""
    die_with_host(host_pid)

    def watch() -> None:
        while host_lives(host_pid):
            time.sleep(BEAT_SECONDS)
        os._exit(HOST_GONE)

    threading.Thread(target=watch, name="host watch", daemon=True).start()


def host_lives(host_pid: int) -> bool:
    """False once this process has another parent. Under Windows a launcher stands between: there stdin tells."""
    return sys.platform == "win32" or os.getppid() == host_pid


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The host's pipes under numbers nobody else knows; what anybody prints goes to the log, and there is no input.

    The new descriptors are not inherited, so no process started from here can hold the host's pipes open.
    """
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)    # type: ignore[union-attr]
    return open(orders, "rb", buffering=0), open(answers, "wb", buffering=0)


def keep_log_short(log_path: Path) -> None:
    """Past its limit, move the log's last part aside and begin anew; whoever appends to it goes on undisturbed."""
    try:
        if os.fstat(2).st_size <= LOG_BYTES_MAX or not os.path.samestat(os.fstat(2), log_path.stat()):
            return
        with open(log_path, "rb") as file, open(log_path.with_suffix(".log.1"), "wb") as aside:
            file.seek(-LOG_BYTES_MAX // 2, os.SEEK_END)
            aside.write(file.read(LOG_BYTES_MAX))
        os.truncate(log_path, 0)
    except OSError as error:
        log.warning("the log cannot be shortened: %s", error)


def prefer_to_be_killed() -> None:
    """Under memory pressure the worker goes first, so that Blender and the unsaved scene stay."""
    try:
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    except OSError as error:
        log.info("no oom_score_adj here: %s", error)
