"""Starting and ending a process: its environment, its log, its exit code in words."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from platewright import client
from platewright.errors import DeviceLost, OutOfMemory, WorkerDied, WorkerError, WorkerMissing
from platewright.wire import child

from .rig import CORE, eventually, fake, job, lives

FOREIGN = {
    "PYTHONPATH": "/blender/python",
    "PYTHONHOME": "/blender/python",
    "VIRTUAL_ENV": "/venv",
    "CONDA_PREFIX": "/conda",
    "LD_LIBRARY_PATH": "/blender/lib",
    "LD_PRELOAD": "",
    "DYLD_INSERT_LIBRARIES": "x",
    "UV_INDEX_URL": "x",
    "PIP_INDEX_URL": "x",
    "OCIO": "/usr/share/blender/datafiles/colormanagement/config.ocio",
    "SSL_CERT_FILE": sys.prefix + "/certifi/cacert.pem",
}
OURS = {
    "PATH": "/usr/bin",
    "HTTPS_PROXY": "http://proxy:3128",
    "HF_HOME": "/models",
    "CUDA_VISIBLE_DEVICES": "1",
    "TMPDIR": "/scratch",
    "PLATEWRIGHT_MODELS": "/weights",
    "OCIO": "/studio/aces/config.ocio",
    "SSL_CERT_FILE": "/etc/ssl/studio.pem",
}


def test_the_environment_is_scrubbed_of_the_host() -> None:
    assert child.scrubbed(FOREIGN) == {}
    assert child.scrubbed(OURS) == OURS
    theirs = "C:\\Program Files\\Blender\\5.2\\datafiles\\colormanagement\\config.ocio"
    assert child.scrubbed({"OCIO": ""}) == child.scrubbed({"OCIO": theirs}) == {}


def test_the_scrubbed_environment_reaches_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "CONDA_PREFIX"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("OCIO", FOREIGN["OCIO"])
    worker = fake(tmp_path)
    handle = worker.submit(job(tmp_path, "assert=PYTHONPATH assert=OCIO assert=CONDA_PREFIX done"), tmp_path / "job")
    assert worker.wait(handle.id, 10) and handle.state == "done"
    guilty = worker.submit(job(tmp_path, "assert=PATH done"), tmp_path / "job2")
    worker.wait(guilty.id, 10)
    worker.close()
    assert guilty.state == "lost", "the check can fail"


CODES = [0, 1, 2, 3, 4, 12, 13, -4, -6, -7, -9, -11, -15, 0xC0000005, 0xC0000135, 0xC000013A]


def test_every_known_exit_code_has_words_of_its_own() -> None:
    words = [child.words_for_exit(code, Path("worker.log")) for code in CODES]
    assert all(error.code.startswith("E_") and error.message.endswith(".") and error.hint for error in words)
    assert len({error.message for error in words}) == len(CODES) - 1      # a Windows Ctrl-C is a SIGTERM in words
    assert child.words_for_exit(0, Path("l")).code == "E_PROTOCOL", "ending well is not finishing a job"


@pytest.mark.parametrize(
    ("code", "kind", "exit_code"), [(12, OutOfMemory, 4), (13, DeviceLost, 4), (-9, WorkerDied, 1)]
)
def test_what_is_worth_a_retry_elsewhere_says_so(code: int, kind: type, exit_code: int) -> None:
    error = child.words_for_exit(code, Path("l"))
    assert isinstance(error, kind) and error.exit_code == exit_code


@pytest.mark.parametrize(("code", "part"), [(77, "77"), (-31, "signal 31"), (0xC0000094, "0xc0000094")])
def test_an_unknown_exit_code_is_told_as_it_is(code: int, part: str) -> None:
    assert part in child.words_for_exit(code, Path("l")).message


@pytest.mark.parametrize(
    ("code", "kills", "expected"),
    [(-9, 1, "E_HOST_OOM"), (-9, 0, "E_WORKER_DIED"), (-11, 1, "E_WORKER_DIED"), (12, 1, "E_OOM")],
)
def test_the_signal_and_the_systems_count_together_are_evidence(code: int, kills: int, expected: str) -> None:
    error = child.words_for_exit(code, Path("l"), kills)
    assert error.code == expected and isinstance(error, OutOfMemory) == expected.endswith("_OOM")


def test_no_such_python_is_said_before_anything_is_written(tmp_path: Path) -> None:
    worker = client.Worker(tmp_path / "python", CORE, tmp_path / "log")
    with pytest.raises(WorkerMissing, match="E_NO_RUNTIME"):
        worker.submit(job(tmp_path), tmp_path / "job")
    assert not (tmp_path / "job").exists() and worker.jobs == {}


def test_no_such_core(tmp_path: Path) -> None:
    with pytest.raises(WorkerMissing, match="E_NO_CORE"):
        client.Worker(sys.executable, tmp_path / "no.whl", tmp_path / "log").start()


def test_a_thread_that_may_end_cannot_start_a_worker(tmp_path: Path) -> None:
    caught: list[WorkerError] = []

    def start() -> None:
        try:
            fake(tmp_path).start()
        except WorkerError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [error.code for error in caught] == ["E_THREAD"]


def test_why_only_the_main_thread_may(tmp_path: Path) -> None:
    """Under Linux the worker dies with the thread that started it: the rule above is not caution but need."""
    program = f"import sys; sys.path.insert(0, {str(CORE)!r}); from platewright.worker import main; main()"
    command = [sys.executable, "-I", "-c", program, str(CORE), str(os.getpid()), str(tmp_path / "log")]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()                  # it said hello: it has asked to die with this thread
        started.append(process)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with started[0] as process:
        assert process.wait(5) == -9


def test_the_log_goes_elsewhere_if_its_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file is in the way")
    worker = fake(tmp_path)
    handle = worker.submit(job(tmp_path, "shout=2000 done"), tmp_path / "job")
    worker.wait(handle.id, 10)
    worker.close()
    assert handle.state == "done"
    assert worker.log_path and worker.log_path.parent != tmp_path / "log"
    assert "xxx" in worker.log_tail()


def test_a_full_log_is_put_aside_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    mine = tmp_path / f"worker-{os.getpid()}.log"
    with open(mine, "wb") as file:
        file.truncate(child.LOG_BYTES_MAX + 1)
    for pid in range(20):
        (tmp_path / f"worker-{pid}.log").write_bytes(b"old")
        os.utime(tmp_path / f"worker-{pid}.log", (pid, pid))
    path, descriptor = child.open_log(tmp_path)
    os.close(descriptor)
    assert path == mine and mine.stat().st_size == 0
    assert mine.with_suffix(".log.1").stat().st_size > child.LOG_BYTES_MAX
    assert len(list(tmp_path.iterdir())) == child.LOGS_KEPT
    assert mine.stat().st_mode & 0o077 == 0


def test_the_tail_of_a_log_is_text_whatever_is_in_it(tmp_path: Path) -> None:
    log = tmp_path / "l"
    log.write_bytes(b"first\n" + b"\x1b[31m\x00\xff red\n" * 3)
    assert child.log_tail(log, 2) == "[31m\ufffd red\n[31m\ufffd red"
    assert child.log_tail(tmp_path / "none") == ""


def test_killing_the_group_takes_what_the_worker_started(tmp_path: Path) -> None:
    worker = fake(tmp_path)
    handle = worker.submit(job(tmp_path, "grandchild delay=600"), tmp_path / "job")
    assert eventually(lambda: worker.poll() is not None and handle.warnings)
    sleeper = int(handle.warnings[0].message)
    assert lives(sleeper)
    worker.close()
    assert eventually(lambda: not lives(sleeper))


def test_without_the_group_it_would_live_on(tmp_path: Path) -> None:
    """The guilty case of the test above."""
    sleeper = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", sleeper], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        time.sleep(0.1)
        assert lives(pid)
        os.kill(pid, 9)


def test_no_place_for_a_log_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(WorkerError, match="E_LOG"):
        child.open_log(tmp_path / "file" / "log")
