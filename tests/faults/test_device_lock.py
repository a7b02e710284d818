"""One GPU, several who want it: real processes, real locks, and a GPU that only has a name."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from platewright import device_lock, engine, models
from platewright.client import Worker
from platewright.errors import Cancelled
from platewright.models import grid
from platewright.protocol import Event, Progress, Stage, Warned

from .rig import CORE, PATIENCE, eventually, holding, job, lives, pump_until, real

GPU = "GPU-6a3c"
HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from platewright import device_lock
with device_lock.held(sys.argv[2], "job", lambda event: None):
    print("held", flush=True)
    time.sleep(600)
"""
ENGINE = f"""
from platewright import device_lock
with device_lock.held({GPU!r}, job.id, emit):
    emit(Stage(job.id, "sampling"))
    while job.request.prompt == "stay":
        emit(Progress(job.id, "sampling", 0, 1))
return {{}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of the test's own, for it and for the processes it starts."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "run" / "platewright"


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = real(tmp_path, ENGINE)
    yield worker
    worker.close()


def holder(device: str = GPU) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Another process that has the device."""
    return holding(HOLDER, CORE, device)


def heard_while_held(device: str = GPU) -> list[Event]:
    """Take the lock in this process, and let go."""
    heard: list[Event] = []
    with device_lock.held(device, "job", heard.append):
        pass
    return heard


def warnings(heard: list[Event]) -> list[str]:
    return [event.code for event in heard if isinstance(event, Warned)]


def test_a_free_gpu_is_taken_without_a_word(folder: Path) -> None:
    assert heard_while_held() == []
    assert [path.name for path in folder.iterdir()] == [f"gpu-{GPU}.lock"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_second_waits_says_for_whom_and_takes_over_when_the_first_is_killed(tmp_path: Path, worker: Worker) -> None:
    with holder() as first:
        handle = worker.submit(job(tmp_path), tmp_path / "job")
        assert pump_until(worker, lambda: handle.stage == "queued" and handle.detail)
        assert handle.detail.startswith(f"the GPU is used by process {first.pid} on {os.uname().nodename} since ")
        for _ in range(100):
            worker.poll()
        assert handle.state == "running" and not handle.ended
        first.send_signal(signal.SIGKILL)
        worker.wait(handle.id, PATIENCE)
    assert handle.state == "done"


def test_it_takes_over_when_the_first_is_done(tmp_path: Path, worker: Worker) -> None:
    other = real(tmp_path / "other", ENGINE)
    first = other.submit(job(tmp_path, "stay", id="first"), tmp_path / "first")
    assert pump_until(other, lambda: first.stage == "sampling")
    second = worker.submit(job(tmp_path, id="second"), tmp_path / "second")
    assert pump_until(worker, lambda: "is used by" in second.detail)
    other.cancel(first.id)
    other.wait(first.id, PATIENCE)
    worker.wait(second.id, PATIENCE)
    assert (first.state, second.state) == ("cancelled", "done") and other.state == "idle", "a warm worker lets go"
    other.close()


def test_cancel_while_waiting(tmp_path: Path, worker: Worker) -> None:
    with holder() as first:
        handle = worker.submit(job(tmp_path), tmp_path / "job")
        assert pump_until(worker, lambda: "is used by" in handle.detail)
        pid = worker._service.child.pid  # type: ignore[union-attr]
        worker.cancel(handle.id)
        worker.wait(handle.id, PATIENCE)
        assert handle.state == "cancelled" and lives(first.pid)
        assert worker._service and worker._service.child.pid == pid, "it was asked, not killed"


def test_another_gpu_is_not_waited_for() -> None:
    with holder("GPU-other"):
        assert heard_while_held() == []


@pytest.mark.parametrize("switch", ["", "0"])
def test_who_needs_no_gpu_or_no_lock_waits_for_nobody(monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    monkeypatch.setenv("PLATEWRIGHT_GPU_LOCK", switch)
    with holder():
        assert heard_while_held(GPU if switch else "") == []


@pytest.mark.parametrize("words", ["{}", "[", "{" * 9999, '{"pid": 1, "host": "h", "since": "2026-01-01"}', ""])
def test_the_lock_decides_and_not_what_the_file_says(folder: Path, words: str) -> None:
    """A pid that lives, as after a crash and a restart of the machine, or rubbish: nobody holds the lock."""
    folder.mkdir(parents=True)
    (folder / f"gpu-{GPU}.lock").write_text(words.replace("1,", f"{os.getppid()},"))
    assert heard_while_held() == []


def test_a_holder_whose_words_are_rubbish_is_waited_for_all_the_same(folder: Path) -> None:
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        assert isinstance(event, Stage) and event.detail == "the GPU is used by another process"
        raise Stop

    with holder():
        (folder / f"gpu-{GPU}.lock").write_text("\x1b[2J" * 400)
        with pytest.raises(Stop), device_lock.held(GPU, "job", stop):
            pytest.fail("it is not ours")


def not_to_be_made(folder: Path) -> None:
    folder.parent.write_text("a file is in the way")


def not_ours(folder: Path) -> None:
    folder.parent.mkdir()
    folder.symlink_to("/usr")


def laid_by_somebody(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"gpu-{GPU}.lock").symlink_to("/etc/passwd")


@pytest.mark.parametrize("spoil", [not_to_be_made, not_ours, laid_by_somebody])
def test_a_folder_that_takes_no_lock_is_a_warning(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    assert warnings(heard_while_held()) == ["W_NO_GPU_LOCK"]


@pytest.mark.parametrize("answer", ["no locks here", "yes to everybody"])
def test_a_file_system_without_locks_is_a_warning(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """As network disks answer: with an error, or with a lock for each who asks."""

    def try_lock(_: int) -> bool:
        if answer.startswith("no"):
            raise OSError(errno.ENOLCK, "No locks available")
        return True

    monkeypatch.setattr(device_lock, "try_lock", try_lock)
    assert warnings(heard_while_held()) == ["W_NO_GPU_LOCK"]


def test_the_engine_holds_the_gpu_while_its_model_works_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(event: Event) -> None:
        raise Cancelled

    def take_it() -> None:
        with device_lock.held(GPU, "other", refuse):
            pass

    tried: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "sampling":
            tried.append("in vain")
            with pytest.raises(Cancelled):
                take_it()

    def gpu(device: str) -> str:
        return {"auto": GPU, "cpu": ""}[device]

    monkeypatch.setattr(grid, "gpu", gpu)
    engine.make_plate(job(tmp_path), emit)
    take_it()
    assert tried


def test_no_model_asks_for_a_gpu_on_the_processor() -> None:
    assert [models.gpu(name, "cpu") for name in models.BACKENDS] == [""] * len(models.BACKENDS)


GIVES_BACK = """
import sys, types
given = []
cuda = types.SimpleNamespace(is_initialized=lambda: job.request.prompt == "gpu", empty_cache=lambda: given.append(1))
known = sys.modules.setdefault("torch", types.SimpleNamespace(cuda=cuda, given=given))
return {"given": len(known.given)}
"""


@pytest.mark.parametrize(("prompt", "given"), [("gpu", 1), ("cpu", 0)])
def test_after_a_job_the_memory_is_given_back(tmp_path: Path, prompt: str, given: int) -> None:
    worker = real(tmp_path, GIVES_BACK)
    answers: list[Any] = []
    for name in ("first", "second"):
        handle = worker.submit(job(tmp_path, prompt), tmp_path / name)
        worker.wait(handle.id, PATIENCE)
        answers.append(handle.answer)
    assert answers == [{"given": 0}, {"given": given}]
    worker.close()


def test_the_holder_is_told_in_the_file(folder: Path) -> None:
    with holder() as first:
        assert eventually(lambda: f'"pid": {first.pid}' in (folder / f"gpu-{GPU}.lock").read_text())
