"""The job folder: private, and true about the job whoever was killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from platewright.client import prune_records, read_record
from platewright.errors import PlateError
from platewright.protocol import Finished, Job
from platewright.record import KEPT_COUNT, JobHandle

from .rig import CORE, PATIENCE, eventually, fake, job, pump_until

ROOT = CORE.parent


def test_the_record_follows_the_job(tmp_path: Path) -> None:
    worker = fake(tmp_path)
    folder = tmp_path / "job"
    handle = worker.submit(job(tmp_path, "stage=loading delay=0.2 stage=sampling frame=1001 obey"), folder)
    states = [read_record(folder)["state"]]
    assert pump_until(worker, lambda: handle.stage == "loading")
    running = read_record(folder)
    assert pump_until(worker, lambda: handle.frames)
    worker.cancel(handle.id)
    worker.wait(handle.id, PATIENCE)
    ended = read_record(folder)
    worker.close()
    assert [*states, running["state"], ended["state"]] == ["queued", "running", "cancelled"]
    assert running["stage"] == "loading" and running["host_pid"] == os.getpid() and running["worker_pid"] > 0
    assert (ended["frames"], ended["failure"]["code"], ended["job"]) == (1, "E_CANCELLED", handle.id)
    assert ended["changed"] > running["changed"]


def test_the_record_is_private_and_says_what_was_asked(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "job"
    handle = JobHandle(job(tmp_path, "a prompt", id="a"), folder)
    handle.write_record(None, None)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ("host.lock", "job.json", "state.json"), 0o600
    )
    assert Job.from_dict(json.loads((folder / "job.json").read_text())) == handle.job


def test_how_a_worker_died_is_in_the_record(tmp_path: Path) -> None:
    worker = fake(tmp_path)
    handle = worker.submit(job(tmp_path, "stage=sampling frame=1001 die=-9"), tmp_path / "job")
    worker.wait(handle.id, PATIENCE)
    record = read_record(tmp_path / "job")
    assert (record["state"], record["stage"], record["frames"]) == ("lost", "sampling", 1)
    assert "killed from outside" in record["failure"]["message"] and str(worker.log_path) in record["failure"]["hint"]
    worker.close()


HOST = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/core"]
from pathlib import Path
from tests.faults.rig import fake, job
folder = Path(sys.argv[2])
worker = fake(folder)
handle = worker.submit(job(folder, "stage=sampling delay=600"), folder / "job")
worker.wait(handle.id, on_event=lambda event: print(event, flush=True))
"""


def test_after_the_host_was_killed_the_record_says_lost(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    with subprocess.Popen([sys.executable, "-c", HOST, str(ROOT), str(tmp_path)], stdout=subprocess.DEVNULL) as host:
        assert eventually(lambda: (folder / "state.json").exists() and read_record(folder)["stage"] == "sampling")
        assert read_record(folder)["state"] == "running", "somebody else may look while it runs"
        host.kill()
    record = read_record(folder)
    assert (record["state"], record["failure"]["code"], record["stage"]) == ("lost", "E_HOST_DIED", "sampling")
    assert json.loads((folder / "state.json").read_text()) == record, "whoever reads it later sees the same"


def test_kill_at_any_moment_leaves_a_record_that_can_be_read(tmp_path: Path) -> None:
    """A host that does nothing but write, killed at seeded moments: the record is whole or not there yet."""
    program = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/core']\n"
        "from pathlib import Path\nfrom tests.faults.rig import job\nfrom platewright.record import JobHandle\n"
        "folder = Path(sys.argv[2]); handle = JobHandle(job(folder, 'x' * 9000, id='a'), folder / 'job')\n"
        "print('ready', flush=True)\n"
        "while True: handle.write_record(1, None)"
    )
    rng = random.Random(3)
    for _ in range(12):
        command = [sys.executable, "-c", program, str(ROOT), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
            assert host.stdout is not None
            host.stdout.readline()
            eventually(lambda: False, rng.uniform(0.0, 0.05))
            host.kill()
        Job.from_dict(json.loads((tmp_path / "job" / "job.json").read_text()))
        if (tmp_path / "job" / "state.json").exists():
            assert read_record(tmp_path / "job")["state"] == "lost"


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = JobHandle(job(tmp_path, id="a"), tmp_path / "job")
    first.write_record(None, None)
    with pytest.raises(PlateError, match="E_JOB_FOLDER"):
        JobHandle(job(tmp_path, id="b"), tmp_path / "job")
    assert json.loads((tmp_path / "job" / "job.json").read_text())["id"] == "a"


VERSION_99 = '{"format": "platewright.state", "version": 99}'
NO_RECORDS = ["", "[]", "[" * 100_000, '{"format": "platewright.job"}', VERSION_99]


@pytest.mark.parametrize("text", NO_RECORDS, ids=range(5))
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(PlateError, match="E_RECORD"):
        read_record(tmp_path)


def test_a_record_is_not_written_through_a_planted_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / f"state.json.part-{os.getpid()}").symlink_to(victim)
    handle = JobHandle(job(tmp_path, id="a"), tmp_path / "job")
    assert handle.write_record(None, None) is None
    assert victim.read_text() == "mine" and read_record(tmp_path / "job")["state"] == "queued"


def test_a_suspended_host_is_not_taken_for_dead(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    with subprocess.Popen([sys.executable, "-c", HOST, str(ROOT), str(tmp_path)], stdout=subprocess.DEVNULL) as host:
        assert eventually(lambda: (folder / "state.json").exists() and read_record(folder)["stage"] == "sampling")
        host.send_signal(signal.SIGSTOP)
        assert read_record(folder)["state"] == "running"
        host.kill()


# Old records ---------------------------------------------------------------------------------------


def finished(tmp_path: Path, name: str, days: float, **changes: object) -> Path:
    """The record of a job that was over so many days ago; `changes` go into its state."""
    folder = tmp_path / "jobs" / name
    handle = JobHandle(job(tmp_path, id=name), folder)
    handle.end(Finished(name, {}))
    handle.write_record(1, None)
    state = json.loads((folder / "state.json").read_text())
    changed = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    (folder / "state.json").write_text(json.dumps({**state, "changed": changed, **changes}))
    return folder


@pytest.fixture
def recent(tmp_path: Path) -> None:
    """As many records of today as are always kept."""
    for number in range(KEPT_COUNT):
        finished(tmp_path, f"today-{number}", 0.0)


def left(tmp_path: Path) -> set[str]:
    prune_records(tmp_path / "jobs")
    return {path.name for path in (tmp_path / "jobs").iterdir() if not path.name.startswith("today-")}


@pytest.mark.usefixtures("recent")
@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_old_records_of_finished_jobs_go(tmp_path: Path, state: str) -> None:
    finished(tmp_path, "old", 31.0, state=state)
    finished(tmp_path, "young", 29.0, state=state)
    assert left(tmp_path) == {"young"}


@pytest.mark.usefixtures("recent")
def test_the_depth_that_a_host_has_read_for_a_job_goes_with_its_record(tmp_path: Path) -> None:
    for name, file in (("read", "depth.1001.exr"), ("foreign", "thesis.txt")):
        (finished(tmp_path, name, 31.0) / "depth").mkdir()
        (tmp_path / "jobs" / name / "depth" / file).write_text("x")
    assert left(tmp_path) == {"foreign"} and (tmp_path / "jobs/foreign/depth/thesis.txt").exists()


def test_the_last_fifty_stay_however_old(tmp_path: Path) -> None:
    for day in range(KEPT_COUNT + 3):
        finished(tmp_path, f"day-{day}", 100.0 + day)
    assert left(tmp_path) == {f"day-{day}" for day in range(KEPT_COUNT)}


@pytest.mark.usefixtures("recent")
def test_what_is_not_over_stays(tmp_path: Path) -> None:
    finished(tmp_path, "lost", 400.0, state="lost")
    finished(tmp_path, "running when its host died", 400.0, state="running")
    handle = JobHandle(job(tmp_path, id="held"), tmp_path / "jobs" / "held")
    finished(tmp_path, "over", 400.0)
    (tmp_path / "jobs/over/state.json").replace(tmp_path / "jobs/held/state.json")
    assert left(tmp_path) >= {"lost", "running when its host died", "held"} and not handle.ended


@pytest.mark.usefixtures("recent")
def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    notes = finished(tmp_path, "with notes", 400.0) / "notes.txt"
    notes.write_text("mine")
    elsewhere = finished(tmp_path / "elsewhere", "old", 400.0)
    (tmp_path / "jobs/link").symlink_to(elsewhere)
    finished(tmp_path, "of another time", 400.0, changed="yesterday")
    (tmp_path / "jobs/worker-1.log").write_text("a log")
    assert left(tmp_path) == {"with notes", "link", "of another time", "worker-1.log"}
    assert notes.read_text() == "mine" and (elsewhere / "job.json").exists()
