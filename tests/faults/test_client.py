"""The client against a process that misbehaves: what the host sees, and that the host always goes on."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platewright.client import Limits, Worker, read_record
from platewright.errors import PlateError, RequestError, WorkerError
from platewright.protocol import PROTOCOL, Emit, Event, FrameReady, Hello, Job, Progress, Stage, Warned

from .rig import PATIENCE, ThreadChild, eventually, fake, job, lives, pump_until

QUICK = Limits(hello=5.0, stale=0.3, stalled=0.6, grace=0.3)
QUIET = Limits(grace=0.3)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = fake(tmp_path, limits=QUIET)
    yield worker
    worker.close()


def run(worker: Worker, folder: Path, script: str, name: str = "job") -> str:
    """State and code of a job that does `script`."""
    handle = worker.submit(job(folder, script), folder / name)
    worker.wait(handle.id, PATIENCE)
    return f"{handle.state} {handle.failure.code}" if handle.failure else handle.state


def test_a_job_from_submit_to_done(tmp_path: Path, worker: Worker) -> None:
    heard: list[Event] = []
    handle = worker.submit(job(tmp_path, "stage=sampling progress=9 frame=1001 frame=1002 done"), tmp_path / "job")
    assert handle.state == "queued" and worker.state == "starting" and worker.any_running
    ending = worker.wait(handle.id, PATIENCE, heard.append)
    assert [type(event) for event in heard[:2]] == [Hello, Stage] and heard[-1] is ending
    assert Progress(handle.id, "sampling", 9, 9) in heard
    assert sorted(handle.frames) == [1001, 1002] and handle.answer == {"plate": str(tmp_path / "out")}
    assert (handle.state, worker.state, worker.any_running, worker.ignored) == ("done", "idle", False, 0)


def test_one_process_serves_several_jobs(tmp_path: Path, worker: Worker) -> None:
    pids: list[int] = []
    handles = [worker.submit(job(tmp_path), tmp_path / str(i)) for i in range(5)]
    worker.wait(handles[-1].id, PATIENCE, lambda event: pids.append(event.pid) if isinstance(event, Hello) else None)
    assert [handle.state for handle in handles] == ["done"] * 5 and len(pids) == 1


# Death -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 12, 13, -7, -9, -11])
@pytest.mark.parametrize("moment", ["", "stage=importing", "stage=loading", "stage=sampling progress=3", "frame=1001"])
def test_death_in_every_phase_loses_the_job_and_nothing_else(tmp_path: Path, code: int, moment: str) -> None:
    if code != -9 and moment != "stage=loading":
        code = -9                                  # every code in one phase, the commonest in every phase
    worker = fake(tmp_path)
    handle = worker.submit(job(tmp_path, f"{moment} die={code}"), tmp_path / "job")
    worker.wait(handle.id, PATIENCE)
    codes = {0: "E_PROTOCOL", 12: "E_OOM", 13: "E_DEVICE_LOST"}
    assert handle.state == "lost" and handle.failure and handle.failure.code == codes.get(code, "E_WORKER_DIED")
    assert len(handle.frames) == moment.count("frame"), "frames that were whole are kept"
    assert worker.state == "failed"
    assert run(worker, tmp_path, "done", "next") == "done", "a new process serves the next job"
    worker.close()


def test_death_before_hello(tmp_path: Path) -> None:
    worker = fake(tmp_path, "shout=1000 die=1")
    assert run(worker, tmp_path, "done") == "lost E_WORKER_DIED"
    assert "xxx" in worker.log_tail()


@pytest.mark.parametrize(("protocol", "to_update"), [(PROTOCOL - 1, "runtime"), (PROTOCOL + 1, "extension")])
def test_a_worker_of_another_version_is_refused_each_time(tmp_path: Path, protocol: int, to_update: str) -> None:
    """An older runtime, a newer one: it is ended before it sees a job, and it is said which side to update."""
    pids: list[int] = []
    worker = fake(tmp_path, f"hello={protocol}")
    for name in ("a", "b"):
        handle = worker.submit(job(tmp_path), tmp_path / name)
        worker.wait(handle.id, PATIENCE, lambda event: pids.append(event.pid) if isinstance(event, Hello) else None)
        assert handle.failure and handle.failure.code == "E_WORKER_MISMATCH" and worker.state == "failed"
        assert handle.failure.hint == f"Update the {to_update}." and str(protocol) in handle.failure.message
        assert not handle.frames and handle.answer is None
    assert len(set(pids)) == 2 and not any(map(lives, pids)), "one process per try, and none is left"
    worker.close()


def test_a_process_killed_while_idle_is_replaced(tmp_path: Path, worker: Worker) -> None:
    pids: list[int] = []
    worker.start()
    assert pump_until(worker, lambda: worker.state == "idle")
    first = worker._service.child.pid  # type: ignore[union-attr]
    os.kill(first, signal.SIGKILL)
    assert pump_until(worker, lambda: worker.state == "failed")
    handle = worker.submit(job(tmp_path), tmp_path / "job")
    worker.wait(handle.id, PATIENCE, lambda event: pids.append(event.pid) if isinstance(event, Hello) else None)
    assert handle.state == "done" and pids and pids[0] != first


def test_a_crash_loop_ends(tmp_path: Path) -> None:
    worker = fake(tmp_path)
    handles = [worker.submit(job(tmp_path, "die=-11"), tmp_path / str(i)) for i in range(5)]
    worker.wait(handles[-1].id, PATIENCE)
    assert [handle.state for handle in handles] == ["lost"] * 3 + ["failed"] * 2
    assert handles[-1].failure and handles[-1].failure.code == "E_WORKER_CRASHES"
    worker.close()


# Silence -----------------------------------------------------------------------------------------


def test_a_stopped_worker_is_shown_and_comes_back(tmp_path: Path) -> None:
    worker = fake(tmp_path, limits=Limits(stale=0.3, stalled=60))
    handle = worker.submit(job(tmp_path, "stop done"), tmp_path / "job")
    assert pump_until(worker, lambda: worker.state == "not responding")
    assert not handle.ended
    os.kill(worker._service.child.pid, signal.SIGCONT)  # type: ignore[union-attr]
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "done" and worker.state == "idle"
    worker.close()


@pytest.mark.parametrize("script", ["stop", "freeze=60"])
def test_a_worker_silent_for_too_long_is_killed(tmp_path: Path, script: str) -> None:
    worker = fake(tmp_path, limits=QUICK)
    handle = worker.submit(job(tmp_path, script), tmp_path / "job")
    assert pump_until(worker, lambda: worker.state == "busy")
    pid = worker._service.child.pid  # type: ignore[union-attr]
    worker.wait(handle.id, PATIENCE)
    assert handle.failure and handle.failure.code == "E_WORKER_STALLED" and not lives(pid)


def test_a_worker_that_closes_its_output_is_ended(tmp_path: Path, worker: Worker) -> None:
    assert run(worker, tmp_path, "mute") == "lost E_PROTOCOL"


# Rubbish -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rubbish", ["junk=90", "bigline=3000000", 'say={"say":"weather"}', 'say={"say":"order","verb":"exit"}']
)
def test_rubbish_does_not_disturb_the_job(tmp_path: Path, worker: Worker, rubbish: str) -> None:
    assert run(worker, tmp_path, f"stage=sampling {rubbish} progress=3 done") == "done"


def test_nothing_but_rubbish_is_the_end(tmp_path: Path, worker: Worker) -> None:
    assert run(worker, tmp_path, "junk=200 delay=60") == "lost E_PROTOCOL"


def test_a_line_cut_by_death_is_not_believed(tmp_path: Path, worker: Worker) -> None:
    assert run(worker, tmp_path, "cut die=-9") == "lost E_WORKER_DIED"


def test_done_many_times_is_done_once(tmp_path: Path, worker: Worker) -> None:
    heard: list[Event] = []
    handle = worker.submit(job(tmp_path, "done=5 stage=sampling"), tmp_path / "job")
    worker.wait(handle.id, PATIENCE, heard.append)
    assert run(worker, tmp_path, "done", "next") == "done"
    assert handle.state == "done" and worker.ignored == 5


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "{out}/../secret.exr", "{out}_other/shot.1001.exr", "relative.exr", "{out}/link/x.exr"],
)
def test_a_frame_outside_the_jobs_folder_is_refused(tmp_path: Path, worker: Worker, path: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    handle = worker.submit(job(tmp_path, f"frame-at={path.format(out=out)} frame=1002 done"), tmp_path / "job")
    heard: list[Event] = []
    worker.wait(handle.id, PATIENCE, heard.append)
    assert list(handle.frames) == [1002] and handle.state == "done"
    assert [warning.code for warning in handle.warnings] == ["W_FRAME_PATH"]
    assert [event.frame for event in heard if isinstance(event, FrameReady)] == [1002]


def test_a_frame_named_in_bytes_that_are_no_text_comes_through(tmp_path: Path, worker: Worker) -> None:
    path = f"{tmp_path}/out/\\udcff.exr"
    line = '{"say":"frame","job":"JOB","frame":1001,"path":"PATH","sha256":""}'.replace("PATH", path)
    handle = worker.submit(job(tmp_path, f"say={line} done"), tmp_path / "job")
    worker.wait(handle.id, PATIENCE)
    assert os.fsencode(handle.frames[1001]).endswith(b"/\xff.exr")


# Load --------------------------------------------------------------------------------------------


def test_a_flood_of_progress_arrives_as_its_last_word(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "stage=sampling progress=20000 done"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.state == "running")
    link = worker._service.link  # type: ignore[union-attr]
    assert eventually(lambda: link.heard > 20000), "nobody looks meanwhile"
    jumps: list[int] = []
    while not handle.ended:
        before = handle.done
        told = [event for event in worker.poll(0.05) if isinstance(event, Progress)]
        assert [event.done for event in told] in ([], [handle.done]), "one word at most for each look: the last"
        jumps.append(handle.done - before)
    assert handle.done == 20000 and max(jumps) > 1


def test_a_flood_nobody_reads_fills_the_pipe_and_not_the_memory(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "flood=13000 done"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.state == "running")
    link = worker._service.link  # type: ignore[union-attr]
    assert eventually(lambda: len(link._events) == 10_000)
    time.sleep(0.2)
    assert len(link._events) == 10_000
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "done"


def test_a_worker_that_does_not_read_blocks_nobody(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "deaf delay=600"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.state == "running")
    for _ in range(12_000):                        # a megabyte of orders into a pipe of 64 KiB
        worker._service.stop("x" * 40)  # type: ignore[union-attr]
    assert worker.poll() is not None
    worker.cancel(handle.id)
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "cancelled"


def test_a_talkative_stderr_stalls_nobody(tmp_path: Path, worker: Worker) -> None:
    assert run(worker, tmp_path, "shout=1000000 done") == "done"
    assert worker.log_path and worker.log_path.stat().st_size > 900_000


# Cancelling --------------------------------------------------------------------------------------


MOODS = [
    "obey",
    "stage=loading delay=0.1 done",
    "ignore-cancel delay=600",
    "ignore-term ignore-cancel delay=600",
    "stop",
]


@pytest.mark.parametrize("script", MOODS)
def test_cancel_in_every_mood_of_the_worker(tmp_path: Path, worker: Worker, script: str) -> None:
    handle = worker.submit(job(tmp_path, script), tmp_path / "job")
    assert pump_until(worker, lambda: handle.state == "running")
    worker.cancel(handle.id)
    worker.cancel(handle.id)
    worker.wait(handle.id, PATIENCE)
    assert handle.state == "cancelled" and handle.failure and handle.failure.code == "E_CANCELLED"
    assert run(worker, tmp_path, "done", "next") == "done"


def test_cancel_before_hello(tmp_path: Path) -> None:
    worker = fake(tmp_path, "delay=0.3 hello")
    handle = worker.submit(job(tmp_path), tmp_path / "job")
    worker.cancel(handle.id)
    assert worker.wait(handle.id, PATIENCE) and handle.state == "cancelled"
    assert run(worker, tmp_path, "done", "next") == "done"
    worker.close()


def test_no_grandchild_outlives_a_cancelled_job(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "ignore-cancel ignore-term grandchild delay=600"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.warnings)
    worker.cancel(handle.id)
    worker.wait(handle.id, PATIENCE)
    assert eventually(lambda: not lives(int(handle.warnings[0].message)))


def test_cancel_against_finish_a_thousand_times(tmp_path: Path) -> None:
    """Over the real wire and the real worker's end of it: whoever wins the race, a job ends exactly once."""

    def make_plate(asked: Job, emit: Emit, resume: bool) -> dict[str, Any]:
        for done in range(int(asked.request.prompt)):
            emit(Progress(asked.id, "sampling", done, 9))
        return {}

    rng = random.Random(7)
    worker = Worker("", "", tmp_path, start_child=lambda: ThreadChild(make_plate, tmp_path / "log"))
    endings: dict[str, int] = {"done": 0, "cancelled": 0}
    for number in range(1000):
        handle = worker.submit(job(tmp_path, str(rng.randrange(4, 10))), tmp_path / "job")
        news: list[Event] = []
        patience = rng.randrange(0, 60)
        while not handle.ended:
            news += worker.poll(0.0)
            if patience == 0:
                worker.cancel(handle.id)
            patience -= 1
            time.sleep(0)                          # the worker is a thread here: let it have the interpreter
        worker.cancel(handle.id)
        news += worker.poll()
        assert [event.job for event in news if event is handle.ending] == [handle.id], number
        endings[handle.state] += 1
    assert min(endings.values()) > 20, endings
    worker.close()


def test_cycles_leave_nothing_behind(tmp_path: Path) -> None:
    """Start, then finish, cancel, die or be closed: no descriptor, no thread, no process more than before."""
    rng, worker = random.Random(11), fake(tmp_path, limits=Limits(grace=0.05))
    assert run(worker, tmp_path, "done") == "done"
    worker.close()
    before = len(os.listdir("/proc/self/fd")), threading.active_count(), _children()
    for number in range(25):
        handle = worker.submit(job(tmp_path, rng.choice(["done", "delay=600", "die=-9", "die=0"])), tmp_path / "job")
        pump_until(worker, lambda handle=handle: handle.state != "queued" or rng.random() < 0.1)
        if rng.random() < 0.5:
            worker.cancel(handle.id)
            worker.wait(handle.id, PATIENCE)
        worker.close()
        assert handle.ended, number
    assert eventually(lambda: (len(os.listdir("/proc/self/fd")), threading.active_count(), _children()) == before)


def _children() -> int:
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


# The host's own mistakes -------------------------------------------------------------------------


def test_an_id_is_given_once(tmp_path: Path, worker: Worker) -> None:
    worker.submit(job(tmp_path, id="a"), tmp_path / "a")
    with pytest.raises(RequestError, match="E_JOB_ID"):
        worker.submit(job(tmp_path, id="a"), tmp_path / "b")


def test_waiting_has_an_end(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "delay=600"), tmp_path / "job")
    with pytest.raises(WorkerError, match="E_TIMEOUT"):
        worker.wait(handle.id, 0.3)
    assert not handle.ended


def test_closing_ends_what_runs(tmp_path: Path, worker: Worker) -> None:
    running, queued = (worker.submit(job(tmp_path, "delay=600"), tmp_path / name) for name in "ab")
    assert pump_until(worker, lambda: running.state == "running")
    pid = worker._service.child.pid  # type: ignore[union-attr]
    worker.close()
    worker.close()
    assert (running.state, queued.state, worker.state) == ("cancelled", "cancelled", "stopped") and not lives(pid)
    assert read_record(tmp_path / "a")["state"] == read_record(tmp_path / "b")["state"] == "cancelled"


def test_what_is_kept_when_the_host_closes_can_be_resumed(tmp_path: Path, worker: Worker) -> None:
    jobs = [worker.submit(job(tmp_path, "delay=600", id=name), tmp_path / name) for name in "abc"]
    assert pump_until(worker, lambda: jobs[0].state == "running")
    jobs[0].cancelling = True                      # asked to stop, and not stopped yet
    worker.close(is_kept=True)
    assert [each.state for each in jobs] == ["cancelled", "lost", "lost"] and worker.state == "stopped"
    assert [read_record(tmp_path / name)["state"] for name in "abc"] == ["cancelled", "lost", "lost"]
    assert worker.submit(job(tmp_path, "done", id="d"), tmp_path / "b", resume=True).resume, "nobody holds its folder"


def test_a_job_folder_that_cannot_be_made(tmp_path: Path, worker: Worker) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlateError, match="E_JOB_FOLDER"):
        worker.submit(job(tmp_path), tmp_path / "file" / "job")
    assert worker.jobs == {}


def test_a_record_that_cannot_be_written_does_not_end_the_job(tmp_path: Path, worker: Worker) -> None:
    handle = worker.submit(job(tmp_path, "obey"), tmp_path / "job")
    assert pump_until(worker, lambda: handle.state == "running")
    (tmp_path / "job").rename(tmp_path / "gone")
    worker.cancel(handle.id)
    heard: list[Event] = []
    worker.wait(handle.id, PATIENCE, heard.append)
    assert handle.state == "cancelled"
    assert any(isinstance(event, Warned) and event.code == "W_RECORD" for event in heard)


def test_a_job_that_finished_before_its_worker_died_is_done(tmp_path: Path, worker: Worker) -> None:
    """Its last word waits in the pipe while another job is submitted."""
    first = worker.submit(job(tmp_path, "done die=-9"), tmp_path / "a")
    assert pump_until(worker, lambda: first.state == "running")
    child = worker._service.child  # type: ignore[union-attr]
    assert eventually(lambda: child.exit_code() is not None)
    second = worker.submit(job(tmp_path), tmp_path / "b")
    worker.wait(second.id, PATIENCE)
    assert (first.state, second.state) == ("done", "done")
