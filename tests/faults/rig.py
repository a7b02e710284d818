"""What the fault tests share: jobs, workers that misbehave, a clock that obeys, a look at processes from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from platewright.client import Limits, Worker
from platewright.protocol import Job, PlateRequest
from platewright.wire.child import start_process
from platewright.wire.lines import Lines, Message, Order, decode, encode
from platewright.worker import MakePlate, serve
from tests.core.shots import shot

CORE = Path(__file__).resolve().parent.parent.parent / "core"
FAKE = Path(__file__).with_name("fake_worker.py")
PATIENCE = 60.0                                    # of a machine that has other things to do


def job(folder: Path, script: str = "done", name: str = "shot", **changes: Any) -> Job:
    """A job whose prompt is what the fake worker does."""
    request = PlateRequest(camera=shot(2), prompt=script, model="grid")
    return Job(**{"request": request, "name": name, "out": str(folder / "out"), **changes})


def fake(folder: Path, script: str = "", limits: Limits | None = None, **options: Any) -> Worker:
    """A worker whose process is the fake one, started exactly as the real one is."""
    start = partial(start_process, Path(sys.executable), CORE, folder / "log", {}, (str(FAKE), script))
    return Worker(sys.executable, CORE, folder / "log", limits=limits, start_child=start, **options)


def real(folder: Path, engine: str, limits: Limits | None = None, **options: Any) -> Worker:
    """The real worker process; `engine` is the body of its `make_plate(job, emit, resume)`."""
    body = "\n".join("    " + line for line in engine.strip().splitlines())
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from platewright.errors import *\nfrom platewright.protocol import *\nfrom platewright.worker import main\n"
        f"def make_plate(job, emit, resume):\n{body}\n"
        "raise SystemExit(main(make_plate))\n"
    )
    start = partial(start_process, Path(sys.executable), CORE, folder / "log", {}, ("-c", program))
    return Worker(sys.executable, CORE, folder / "log", limits=limits, start_child=start, **options)


class Clock:
    """Monotonic time that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Puppet:
    """A child whose strings the test holds: it says what it is told to say and ends when it is told to end."""

    def __init__(self, log_path: Path) -> None:
        self.pid = 4711
        self.log_path = log_path
        self.code: int | None = None
        self.signals: list[str] = []
        self.dies_of: set[str] = {"kill"}
        orders, to_worker = os.pipe()
        from_worker, answers = os.pipe()
        self.stdin, self.stdout = open(to_worker, "wb", 0), open(from_worker, "rb", 0)
        self._orders, self._answers = open(orders, "rb", 0), open(answers, "wb", 0)
        self._heard = Lines()

    def say(self, message: Message) -> None:
        self._answers.write(encode(message))

    def orders(self, count: int) -> list[Order]:
        """The next `count` orders of the host."""
        got: list[Any] = []
        while len(got) < count:
            got += map(decode, self._heard.feed(os.read(self._orders.fileno(), 65536)))
        return got

    def end(self, code: int) -> None:
        if self.code is None:
            self.code = code
            self._answers.close()
            self._orders.close()

    def exit_code(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self._signal("terminate", -15)

    def kill(self) -> None:
        self._signal("kill", -9)

    def _signal(self, name: str, code: int) -> None:
        if self.code is None and name not in self.signals:
            self.signals.append(name)
        if name in self.dies_of:
            self.end(code)


class ThreadChild:
    """The real `serve` in a thread of this process, behind real pipes: every byte goes over the wire."""

    def __init__(self, make_plate: MakePlate, log_path: Path) -> None:
        self.pid = os.getpid()
        self.log_path = log_path
        orders, to_worker = os.pipe()
        from_worker, answers = os.pipe()
        self.stdin, self.stdout = open(to_worker, "wb", 0), open(from_worker, "rb", 0)
        self._code: int | None = None
        self._pipes = open(orders, "rb", 0), open(answers, "wb", 0)
        threading.Thread(target=self._serve, args=(make_plate,), daemon=True).start()

    def _serve(self, make_plate: MakePlate) -> None:
        code = serve(*self._pipes, make_plate, lambda: None)
        for pipe in self._pipes:
            pipe.close()
        self._code = code

    def exit_code(self) -> int | None:
        return self._code

    def terminate(self) -> None:
        """A thread cannot be ended from outside."""

    def kill(self) -> None:
        """A thread cannot be ended from outside."""


def eventually(is_so: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """True as soon as it is so; False if it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def lives(pid: int) -> bool:
    """True while the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def pump_until(worker: Worker, is_so: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """The same while the worker is polled."""
    return eventually(lambda: worker.poll() is not None and is_so(), seconds)


@contextmanager
def holding(script: str, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has said `held`, and is killed in the end."""
    with subprocess.Popen([sys.executable, "-c", script, *map(str, words)], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()
