"""The lock on a GPU as Windows keeps it, between real processes; `msvcrt` is played by what its documentation says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest

from platewright import device_lock, file_lock
from platewright.protocol import Event, Stage, Warned
from tests.conftest import ROOT

from . import fake_msvcrt
from .rig import CORE, eventually, holding

GPU = "GPU-6a3c"
HOLDER = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from tests.faults import fake_msvcrt
from platewright import device_lock, file_lock
there = fake_msvcrt.as_windows(file_lock)
device_lock.try_lock, device_lock.keeps_nobody_out = there.try_lock, there.keeps_nobody_out
with device_lock.held(sys.argv[3], "job", print):
    print("held", flush=True)
    time.sleep(600)
"""


class Stop(Exception):
    """Raised by who has waited long enough."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "run" / "platewright"


@pytest.fixture
def windows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The lock of a device on Windows: no users' numbers, no link that is not followed, locked bytes are not read."""
    there = fake_msvcrt.as_windows(file_lock)
    monkeypatch.setattr(device_lock, "try_lock", there.try_lock)
    monkeypatch.setattr(device_lock, "keeps_nobody_out", there.keeps_nobody_out)
    monkeypatch.setattr(os, "read", fake_msvcrt.read)
    monkeypatch.delattr(os, "getuid")
    monkeypatch.delattr(os, "O_NOFOLLOW")
    return there


def holder(device: str = GPU) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Another process that has the device."""
    return holding(HOLDER, CORE, ROOT, device)


def waits_for(seen: list[Event]) -> Callable[[Event], None]:
    """Listens until it has heard for whom it waits, and a hundred times nothing more."""

    def listen(event: Event) -> None:
        seen.append(event)
        if len(seen) > 100:
            raise Stop

    return listen


def queue_up(device: str = GPU) -> list[Event]:
    """Ask for a device that somebody has; what was heard until it was given up."""
    seen: list[Event] = []
    with pytest.raises(Stop), device_lock.held(device, "job", waits_for(seen)):
        pytest.fail("two have it at once")
    return seen


def test_a_second_one_waits_and_reads_for_whom(windows: ModuleType) -> None:
    with holder() as first:
        told = [event.detail for event in queue_up() if isinstance(event, Stage)]
    assert len(told) == 1 and told[0].startswith(f"the GPU is used by process {first.pid} on ")


def test_it_is_free_as_soon_as_its_holder_is_killed(windows: ModuleType) -> None:
    heard: list[Event] = []
    with holder() as first:
        queue_up()
        first.send_signal(signal.SIGKILL)
        first.wait()
        with device_lock.held(GPU, "job", heard.append):
            assert len(queue_up()) > 100, "and now it is ours"
    assert not [event for event in heard if isinstance(event, Warned)]


def test_let_go_it_is_free_for_the_next(windows: ModuleType) -> None:
    heard: list[Event] = []
    for _ in range(2):
        with device_lock.held(GPU, "job", heard.append):
            pass
    assert heard == []


def test_another_device_is_another_lock(windows: ModuleType) -> None:
    heard: list[Event] = []
    with holder("GPU-other"), device_lock.held(GPU, "job", heard.append):
        pass
    assert heard == []


def test_the_holders_words_are_whole_while_it_is_held(windows: ModuleType, folder: Path) -> None:
    with holder() as first:
        path = folder / f"gpu-{GPU}.lock"
        assert eventually(lambda: f'"pid": {first.pid}' in path.read_text())
        assert path.stat().st_size < 1000, "the locked byte lies behind the file's end and makes it no longer"


# The judge ---------------------------------------------------------------------------------------


def on_the_text(descriptor: int) -> bool:
    """A lock on the first byte, as one writes it at first."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        fake_msvcrt.locking(descriptor, fake_msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True


def where_it_stands(descriptor: int) -> bool:
    """A lock wherever the file's position happens to be: each look moves it, and then it is another byte."""
    try:
        fake_msvcrt.locking(descriptor, fake_msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True


def test_a_lock_on_the_words_would_keep_them_from_being_read(
    windows: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_lock, "try_lock", on_the_text)
    folder.mkdir(parents=True)
    descriptor = os.open(folder / f"gpu-{GPU}.lock", os.O_RDWR | os.O_CREAT)
    assert on_the_text(descriptor)
    heard: list[Event] = []
    with device_lock.held(GPU, "job", heard.append):
        pass
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_NO_GPU_LOCK"]
    os.close(descriptor)


def test_a_lock_at_any_byte_would_let_two_in(windows: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "try_lock", where_it_stands)
    with holder(), device_lock.held(GPU, "job", lambda event: None):
        pass                                       # nobody kept us out


def test_the_stand_in_keeps_what_it_promises(tmp_path: Path) -> None:
    """Bytes, not files; the open file, not the process; until it is closed."""
    first, second = (os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT) for _ in range(2))
    fake_msvcrt.locking(first, fake_msvcrt.LK_NBLCK, 10)
    os.lseek(second, 9, os.SEEK_SET)
    with pytest.raises(PermissionError):
        fake_msvcrt.locking(second, fake_msvcrt.LK_NBLCK, 1)
    with pytest.raises(PermissionError):
        fake_msvcrt.read(second, 1)
    os.lseek(second, 10, os.SEEK_SET)
    fake_msvcrt.locking(second, fake_msvcrt.LK_NBLCK, 1)
    fake_msvcrt.locking(second, fake_msvcrt.LK_UNLCK, 1)
    os.close(first)
    os.lseek(second, 0, os.SEEK_SET)
    fake_msvcrt.locking(second, fake_msvcrt.LK_NBLCK, 10)
    os.close(second)
