"""Memory runs out, on the device and in the machine: one more try where that may help, and plain words."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright.client import JobHandle, Limits, Worker, read_record
from platewright.protocol import Hello
from platewright.wire.child import memory_kills

from .rig import PATIENCE, eventually, fake, job, pump_until, real
from .test_end_to_end import assert_whole, frames_on_disk, grid_job

MOMENTS = ["", "stage=loading", "stage=sampling progress=3", "frame=1001 stage=writing"]
LOST = 'say={"say":"failed","job":"JOB","code":"E_DEVICE_LOST","message":"m","hint":"h","exit_code":4}'
WAYS = ["oom", "die=12"]                           # told, and only by the exit code


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = fake(tmp_path, limits=Limits(grace=0.3))
    yield worker
    worker.close()


def run(worker: Worker, folder: Path, script: str, name: str = "job") -> tuple[JobHandle, list[int]]:
    """The job after its end, and the pid of every worker that was started for it."""
    pids: list[int] = []
    handle = worker.submit(job(folder, script), folder / name)
    worker.wait(handle.id, PATIENCE, lambda event: pids.append(event.pid) if isinstance(event, Hello) else None)
    return handle, pids


# On the device -----------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_fresh_process_gets_one_more_try(tmp_path: Path, worker: Worker, moment: str, way: str) -> None:
    handle, pids = run(worker, tmp_path, f"{moment} first={way.replace('=', ':')} frame=1002 done")
    assert (handle.state, handle.tries, handle.resume) == ("done", 2, True) and len(set(pids)) == 2
    assert [warning.code for warning in handle.warnings] == ["W_SECOND_TRY"]
    assert read_record(tmp_path / "job")["state"] == "done"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_second_time_is_the_end_with_advice(tmp_path: Path, worker: Worker, moment: str, way: str) -> None:
    handle, pids = run(worker, tmp_path, f"{moment} {way}")
    assert handle.failure and (handle.failure.code, handle.failure.exit_code) == ("E_OOM", 4)
    assert "second try" in handle.failure.hint and "smaller size" in handle.failure.hint
    assert handle.tries == len(pids) == 2, "once, and not for ever"
    after, pids = run(worker, tmp_path, "done", "next")
    assert (after.state, after.tries, len(pids)) == ("done", 1, 1), "the next job gets a process of its own"


@pytest.mark.parametrize("script", ["die=13", "die=-9", "die=1", LOST])
def test_no_other_failure_is_tried_again(tmp_path: Path, worker: Worker, script: str) -> None:
    handle, pids = run(worker, tmp_path, script)
    assert handle.ended and (handle.tries, len(pids)) == (1, 1)


def test_the_old_process_is_gone_before_the_new_one_starts(tmp_path: Path, worker: Worker) -> None:
    """Its memory with it; also where it clings to life after it has said that memory ran out."""
    handle = worker.submit(job(tmp_path, f"{LOST.replace('DEVICE_LOST', 'OOM')} stop"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.tries == 2)
    first = worker._service.child  # type: ignore[union-attr]
    assert first.exit_code() is None and worker._running is None
    assert pump_until(worker, lambda: handle.state == "running")
    assert first.exit_code() == -signal.SIGKILL


def test_cancel_between_the_tries(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "first=oom obey"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.tries == 2)
    worker.cancel(handle.id)
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "cancelled" and run(worker, tmp_path, "done", "next")[0].state == "done"


RUNS_OUT = """
from platewright import engine
def heard(event):
    emit(event)
    if isinstance(event, FrameReady) and event.frame == 1004 and not resume:
        raise MemoryError
return engine.make_plate(job, heard, resume)
"""


def test_the_second_try_goes_on_from_the_frames_that_are_whole(tmp_path: Path) -> None:
    worker = real(tmp_path, RUNS_OUT)
    handle = worker.submit(grid_job(tmp_path), tmp_path / "job")
    assert pump_until(worker, lambda: handle.tries == 2, 60)
    survivors = frames_on_disk(tmp_path)
    worker.wait(handle.id, 60)
    assert handle.state == "done" and len(survivors) >= 4
    assert_whole(tmp_path, survivors)
    worker.close()


HUNGRY = """
from types import SimpleNamespace
from platewright import engine
from platewright.errors import OutOfMemory
from platewright.models import grid, presets
presets.free_bytes = lambda device: 1e12
presets.weights_bytes = lambda part: 1
class Hungry(grid.GridBackend):
    def generate(self, request, camera, name, emit):
        if presets.chosen(SimpleNamespace(type="cuda"), [None]) == "full":
            raise OutOfMemory("E_OOM", "cuda:0 has too little memory.", "Close other programs.")
        yield from super().generate(request, camera, name, emit)
grid.open = lambda device: Hungry()
return engine.make_plate(job, emit, resume)
"""


def test_the_second_try_keeps_less_on_the_device(tmp_path: Path) -> None:
    worker = real(tmp_path, HUNGRY)
    handle = worker.submit(grid_job(tmp_path), tmp_path / "job")
    worker.wait(handle.id, 120)
    assert (handle.state, handle.tries) == ("done", 2)
    assert [warning.code for warning in handle.warnings] == ["W_SECOND_TRY", "W_PRESET"]
    (manifest,) = tmp_path.rglob("plate.json")
    assert json.loads(manifest.read_text())["model"]["preset"] == "model-offload"
    worker.close()


# In the machine ----------------------------------------------------------------------------------

EATS = """
import os
from pathlib import Path
if job.request.prompt:
    Path(job.request.prompt, "cgroup.procs").write_text(str(os.getpid()))
emit(Stage(job.id, "sampling"))
eaten = []
while job.request.prompt:
    eaten.append(b"x" * 2**20)
import time
time.sleep(600)
"""


@pytest.fixture
def small_world() -> Iterator[Path]:
    """A control group with 100 MB, where the kernel ends whoever takes more. Needs root, and a kernel that lets it."""
    unified, legacy = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
    name, limit = f"platewright-test-{os.getpid()}", str(100 * 2**20)
    limits = {legacy / name / "memory.limit_in_bytes": limit} if legacy.is_dir() else {
        unified / name / "memory.max": limit, unified / name / "memory.swap.max": "0"
    }  # fmt: skip
    folder = next(iter(limits)).parent
    try:
        folder.mkdir()
        for path, value in limits.items():
            if path.exists() or path.name != "memory.swap.max":
                path.write_text(value)
    except OSError as error:
        if folder.is_dir():
            folder.rmdir()
        pytest.skip(f"this machine lets nobody here limit a process's memory: {error}")
    yield folder
    assert eventually(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def test_the_kernel_takes_the_worker_and_the_host_says_why(tmp_path: Path, small_world: Path) -> None:
    worker, before = real(tmp_path, EATS), memory_kills()
    handle = worker.submit(job(tmp_path, str(small_world)), tmp_path / "job")
    worker.wait(handle.id, 60)
    assert memory_kills() > before
    assert handle.state == "lost" and handle.failure and handle.failure.code == "E_HOST_OOM"
    assert handle.failure.exit_code == 4 and "smaller size" in handle.failure.hint and handle.tries == 1
    worker.close()


def test_killed_by_somebody_is_not_for_want_of_memory(tmp_path: Path) -> None:
    worker = real(tmp_path, EATS)
    handle = worker.submit(job(tmp_path, ""), tmp_path / "job")
    assert pump_until(worker, lambda: handle.stage == "sampling")
    os.kill(worker._service.child.pid, signal.SIGKILL)  # type: ignore[union-attr]
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "lost" and handle.failure and handle.failure.code == "E_WORKER_DIED"
    worker.close()
