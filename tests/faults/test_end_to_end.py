"""The real engine in the real worker: whatever is killed in the middle, whole frames stay and the plate is finished."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright.client import JobHandle, Worker, command_line, read_record
from platewright.protocol import Job, PlateRequest
from tests.core.shots import shot

from .rig import CORE, eventually, lives, pump_until

FRAMES = 10

HOST = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/core"]
from pathlib import Path
from platewright.client import Worker
from tests.faults.test_end_to_end import grid_job
folder = Path(sys.argv[2])
worker = Worker(sys.executable, Path(sys.argv[1]) / "core", folder / "log")
worker.wait(worker.submit(grid_job(folder), folder / "job").id)
"""


def grid_job(folder: Path) -> Job:
    """A layout of a few frames: no weights, no torch, everything else as always."""
    request = PlateRequest(camera=shot(FRAMES, size=(320, 180)), prompt="", model="grid")
    return Job(request=request, name="shot", out=str(folder / "out"), id="layout")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(sys.executable, CORE, tmp_path / "log")
    yield worker
    worker.close()


def frames_on_disk(folder: Path) -> dict[str, str]:
    """sha256 of everything under a final name in the first version."""
    paths = sorted((folder / "out" / "shot_v001").glob("*.exr"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def resume(folder: Path, *words: str) -> dict[str, object]:
    """`platewright run JOB.json --resume` in another process, as a farm does."""
    arguments = ["run", str(folder / "job" / "job.json"), "--resume", "--json", *words]
    command, environment = command_line(Path(sys.executable), CORE, {}, arguments)
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def assert_whole(folder: Path, survivors: dict[str, str]) -> None:
    """One version, every frame listed with its hash, and nothing that was whole before was touched."""
    assert [path.name for path in (folder / "out").iterdir()] == ["shot_v001"]
    manifest = json.loads((folder / "out" / "shot_v001" / "plate.json").read_text())
    on_disk = frames_on_disk(folder)
    assert {frame["file"]: frame["sha256"] for frame in manifest["frames"]} == on_disk
    assert len(on_disk) == FRAMES and survivors.items() <= on_disk.items()
    assert list((folder / "out" / "shot_v001").glob("*.part-*")) == []


@pytest.mark.parametrize("whole", [0, 4, FRAMES])
def test_kill_the_worker_and_resume(tmp_path: Path, worker: Worker, whole: int) -> None:
    handle = worker.submit(grid_job(tmp_path), tmp_path / "job")
    said: dict[str, str] = {}
    assert pump_until(worker, lambda: len(handle.frames) >= whole and handle.stage != "queued", 60)
    kill(worker)
    worker.wait(handle.id, 60)
    said = {Path(path).name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in handle.frames.values()}
    assert handle.state == "lost" and read_record(tmp_path / "job")["state"] == "lost"
    survivors = frames_on_disk(tmp_path)
    assert said.items() <= survivors.items(), "a frame that was announced is whole"
    answer = resume(tmp_path)
    assert answer["frames"] == FRAMES and Path(str(answer["plate"])).name == "shot_v001"
    assert_whole(tmp_path, survivors)
    if whole == FRAMES:
        assert resume(tmp_path)["plate"] == answer["plate"], "safe to retry"


def kill(worker: Worker) -> None:
    """The real worker, between two breaths."""
    os.kill(worker._service.child.pid, signal.SIGKILL)  # type: ignore[union-attr]


def test_kill_the_host_and_resume(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    with subprocess.Popen([sys.executable, "-c", HOST, str(CORE.parent), str(tmp_path)]) as host:
        assert eventually(lambda: len(frames_on_disk(tmp_path)) >= 3, 60)
        worker_pid = read_record(folder)["worker_pid"]
        host.kill()
        assert eventually(lambda: not lives(worker_pid))
    record = read_record(folder)
    assert (record["state"], record["failure"]["code"], record["stage"]) == ("lost", "E_HOST_DIED", "writing")
    survivors = frames_on_disk(tmp_path)
    assert 3 <= len(survivors) < FRAMES
    resume(tmp_path)
    assert_whole(tmp_path, survivors)


def test_cancel_and_resume_with_the_same_worker(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(grid_job(tmp_path), tmp_path / "job")
    assert pump_until(worker, lambda: len(handle.frames) >= 2, 60)
    worker.cancel(handle.id)
    worker.wait(handle.id, 60)
    assert handle.state == "cancelled" and worker.state == "idle"
    survivors = frames_on_disk(tmp_path)
    assert 2 <= len(survivors) < FRAMES
    again: JobHandle = worker.submit(_renamed(handle.job), tmp_path / "again", resume=True)
    worker.wait(again.id, 60)
    assert again.state == "done", again.failure
    assert_whole(tmp_path, survivors)


def _renamed(job: Job) -> Job:
    return Job(request=job.request, name=job.name, out=job.out, id="again")
