"""The real worker process with a small engine put in: what it promises to its host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from platewright import __version__
from platewright.client import JobHandle, Limits, Worker
from platewright.protocol import PROTOCOL, Event, Hello
from platewright.wire.child import LOG_BYTES_MAX, start_process

from .rig import CORE, eventually, job, lives, pump_until, real

Run = Callable[..., tuple[JobHandle, list[Event]]]
MAIN = "from platewright.worker import main; raise SystemExit(main(dict))"
PROGRAM = f"import sys; sys.path.insert(0, {str(CORE)!r}); {MAIN}"


@pytest.fixture
def opened() -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.close()


@pytest.fixture
def run(tmp_path: Path, opened: list[Worker]) -> Run:
    """Run one job through a fresh worker whose engine is `engine`; the handle and what was heard."""

    def run(engine: str, script: str = "done") -> tuple[JobHandle, list[Event]]:
        opened.append(real(tmp_path, engine, limits=Limits(grace=0.5)))
        handle = opened[-1].submit(job(tmp_path, script), tmp_path / f"job{len(opened)}")
        heard: list[Event] = []
        opened[-1].wait(handle.id, 60, heard.append)
        return handle, heard

    return run


HEAVY = """
import sys
return {"heavy": sorted({"torch", "numpy", "platewright.engine"} & set(sys.modules))}
"""


def test_hello_comes_before_anything_heavy(run: Run) -> None:
    handle, heard = run(HEAVY)
    assert isinstance(heard[0], Hello)
    assert (heard[0].protocol, heard[0].core) == (PROTOCOL, __version__)
    assert handle.answer == {"heavy": []}


def test_the_job_arrives_as_it_was_asked(run: Run, tmp_path: Path) -> None:
    prompt = '$(rm -rf ~) \u2028 "quoted" {braces} %s \\ 😀\u202e {"say": "exit"}'
    handle, _ = run("return {'job': job.to_dict(), 'resume': resume}", prompt)
    assert handle.answer == {"job": handle.job.to_dict(), "resume": False}
    assert handle.answer["job"]["request"]["prompt"] == prompt


WARM = """
import os, sys
is_first = "colorsys" not in sys.modules
import colorsys
return {"first": is_first, "pid": os.getpid()}
"""


def test_a_warm_worker_imports_once(tmp_path: Path, opened: list[Worker]) -> None:
    opened.append(real(tmp_path, WARM))
    handles = [opened[0].submit(job(tmp_path), tmp_path / str(i)) for i in range(3)]
    opened[0].wait(handles[-1].id, 60)
    answers = [handle.answer for handle in handles]
    assert [answer and answer["first"] for answer in answers] == [True, False, False]
    assert len({answer and answer["pid"] for answer in answers}) == 1


NOISE = """
import ctypes, os, subprocess, sys
print("python says")
sys.stdout.write("without an end")
os.write(1, b"{ a stray write\\n")
ctypes.CDLL(None).puts(b"C says")
ctypes.CDLL(None).fflush(None)
subprocess.run([sys.executable, "-c", "print('a child says')"], check=True)
emit(Stage(job.id, "sampling"))
return {"read": sys.stdin.read()}
"""


def test_what_anybody_prints_goes_to_the_log(run: Run, opened: list[Worker]) -> None:
    handle, _ = run(NOISE)
    assert handle.state == "done" and handle.answer == {"read": ""}
    assert opened[0]._service and opened[0]._service.link.bad == 0
    for words in ("python says", "a stray write", "C says", "a child says"):
        assert words in opened[0].log_tail()


@pytest.mark.parametrize(
    ("engine", "code", "exit_code"),
    [
        ("raise RequestError('E_PROMPT_EMPTY', 'm', 'h')", "E_PROMPT_EMPTY", 2),
        ("raise PlateError('E_DISK_FULL', 'm', 'h')", "E_DISK_FULL", 1),
        ("raise ValueError('a bug' * 10**6)", "E_INTERNAL", 1),
        ("return {'nan': float('nan')}", "E_INTERNAL", 1),
        ("return {'x': 'y' * 2**21}", "E_INTERNAL", 1),
        ("raise Cancelled()", "E_CANCELLED", 130),
    ],
)
def test_a_failure_is_told_and_the_worker_serves_on(
    run: Run, tmp_path: Path, opened: list[Worker], engine: str, code: str, exit_code: int
) -> None:
    handle, _ = run(f"if job.request.prompt == 'done':\n    {engine}\nreturn {{}}")
    assert handle.failure and (handle.failure.code, handle.failure.exit_code) == (code, exit_code)
    again = opened[0].submit(job(tmp_path, "well"), tmp_path / "again")
    pid = opened[0]._service and opened[0]._service.child.pid
    opened[0].wait(again.id, 60)
    assert again.state == "done" and opened[0]._service and opened[0]._service.child.pid == pid


@pytest.mark.parametrize(
    ("engine", "code", "status"),
    [
        ("raise OutOfMemory('E_OOM', 'm', 'h')", "E_OOM", 12),
        ("raise MemoryError", "E_OOM", 12),
        ("raise DeviceLost('E_DEVICE_LOST', 'm', 'h')", "E_DEVICE_LOST", 13),
    ],
)
def test_after_a_failure_of_the_device_the_next_job_gets_a_new_process(
    tmp_path: Path, opened: list[Worker], engine: str, code: str, status: int
) -> None:
    opened.append(real(tmp_path, f"if job.request.prompt == 'done':\n    {engine}\nreturn {{}}"))
    handle = opened[0].submit(job(tmp_path, "done"), tmp_path / "job")
    child = opened[0]._service.child  # type: ignore[union-attr]
    opened[0].wait(handle.id, 60)
    assert handle.failure and (handle.failure.code, handle.failure.exit_code) == (code, 4)
    again = opened[0].submit(job(tmp_path, "well"), tmp_path / "again")
    opened[0].wait(again.id, 60)
    assert again.state == "done" and child.exit_code() == status


def test_a_crash_leaves_its_trace_in_the_log(run: Run, opened: list[Worker]) -> None:
    handle, _ = run("import ctypes; ctypes.string_at(0)")
    assert handle.state == "lost" and handle.failure and "crashed inside a library" in handle.failure.message
    assert "Segmentation fault" in opened[0].log_tail() and "make_plate" in opened[0].log_tail()


STEPS = """
import time
for step in range(10**6):
    emit(Progress(job.id, "sampling", step, 10**6))
    time.sleep(0.01)
"""


def test_cancel_between_steps(tmp_path: Path, opened: list[Worker]) -> None:
    opened.append(real(tmp_path, STEPS))
    handle = opened[0].submit(job(tmp_path), tmp_path / "job")
    assert pump_until(opened[0], lambda: handle.done > 3)
    pid = opened[0]._service and opened[0]._service.child.pid
    opened[0].cancel(handle.id)
    opened[0].wait(handle.id, 60)
    assert handle.state == "cancelled"
    assert opened[0]._service and opened[0]._service.child.pid == pid, "it was asked, not killed"


@pytest.mark.parametrize("spoil", ["remove", "empty", "deep", "other"])
def test_a_job_that_cannot_be_read_is_refused(tmp_path: Path, opened: list[Worker], spoil: str) -> None:
    opened.append(real(tmp_path, "return {}"))
    handle = opened[0].submit(job(tmp_path), tmp_path / "job")
    path = tmp_path / "job" / "job.json"
    texts = {"empty": "", "deep": "[" * 100_000, "other": json.dumps(job(tmp_path, id="another").to_dict())}
    path.unlink() if spoil == "remove" else path.write_text(texts[spoil])
    opened[0].wait(handle.id, 60)
    assert handle.failure and (handle.failure.code, handle.failure.exit_code) == ("E_JOB", 2)


def test_the_log_is_kept_short_while_the_worker_writes(run: Run, opened: list[Worker]) -> None:
    engine = """
import os, time
for _ in range(30):
    os.write(2, b"\\xff\\x00garbage\\n" * (2 * 2**20 // 10))
while os.fstat(2).st_size > 20 * 2**20:
    time.sleep(0.05)
os.write(2, b"the last words\\n")
return {}
"""
    handle, _ = run(engine)
    log = opened[0].log_path
    assert handle.state == "done" and log
    assert log.stat().st_size < LOG_BYTES_MAX and log.with_suffix(".log.1").stat().st_size <= LOG_BYTES_MAX
    assert "the last words" in opened[0].log_tail()


def test_the_worker_goes_before_its_host_when_memory_is_short(run: Run) -> None:
    handle, _ = run("return {'score': int(open('/proc/self/oom_score_adj').read())}")
    assert handle.answer and handle.answer["score"] > int(Path("/proc/self/oom_score_adj").read_text())


def test_the_worker_runs_from_a_wheel_and_sees_nothing_else_of_the_host(tmp_path: Path, opened: list[Worker]) -> None:
    wheel = tmp_path / "platewright-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted((CORE / "platewright").rglob("*.py")):
            archive.write(path, path.relative_to(CORE))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import platewright.worker as worker\n"
        "raise SystemExit(worker.main(lambda job, emit, resume: {'file': worker.__file__, 'path': sys.path[:1]}))"
    )
    start = partial(start_process, Path(sys.executable), wheel, tmp_path / "log", {}, ("-c", program))
    opened.append(Worker("", "", "", start_child=start))
    handle = opened[0].submit(job(tmp_path), tmp_path / "job")
    opened[0].wait(handle.id, 60)
    assert handle.answer == {"file": str(wheel / "platewright" / "worker.py"), "path": [str(wheel)]}


@pytest.mark.parametrize("words", [[], ["core", "not a number", "log"], ["core", "1", "log", "more"]])
def test_started_wrongly(words: list[str]) -> None:
    assert subprocess.run([sys.executable, "-I", "-c", PROGRAM, *words], check=False).returncode == 2


def test_a_worker_that_is_not_its_hosts_own_child_ends() -> None:
    words = ["core", str(os.getppid()), "log"]
    assert subprocess.run([sys.executable, "-I", "-c", PROGRAM, *words], check=False).returncode == 3


VERBS = ("sing", "ping", "exit")


def test_ping_is_answered_and_nonsense_is_not(tmp_path: Path) -> None:
    """The host's side of the wire by hand: what a program in another language would write."""
    words = ["core", str(os.getpid()), str(tmp_path / "log")]
    orders = ["rubbish", '{"say": "beat", "beat": 1}', *(f'{{"say": "order", "verb": "{verb}"}}' for verb in VERBS), ""]
    command = [sys.executable, "-I", "-c", PROGRAM, *words]
    pipe, log = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log) as worker:
        said, _ = worker.communicate("\n".join(orders).encode())
    assert [json.loads(line)["say"] for line in said.splitlines()] == ["hello", "beat"] and worker.returncode in (0, 3)


def test_the_worker_ends_with_its_input(tmp_path: Path, opened: list[Worker]) -> None:
    """In the middle of a job, in whatever the engine does."""
    opened.append(real(tmp_path, "import time; emit(Stage(job.id, 'sampling')); time.sleep(600)"))
    handle = opened[0].submit(job(tmp_path), tmp_path / "job")
    assert pump_until(opened[0], lambda: handle.stage == "sampling")
    child = opened[0]._service.child  # type: ignore[union-attr]
    opened[0]._service.link.close()  # type: ignore[union-attr]
    assert eventually(lambda: child.exit_code() == 3) and not lives(child.pid)


SOCKETS = """
import os, socket
kept = socket.socketpair() if job.request.prompt == "guilty" else ()
links = []
for number in range(256):
    try:
        links.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError:
        continue
return {"sockets": sum(link.startswith("socket:") for link in links)}
"""


def test_the_worker_has_no_socket(run: Run) -> None:
    assert run(SOCKETS)[0].answer == {"sockets": 0}
    assert run(SOCKETS, "guilty")[0].answer == {"sockets": 2}
