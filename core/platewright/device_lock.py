"""One job at a time on each GPU, among all Blenders, scripts and command lines of this user on this machine.

A file per device in the user's own runtime folder, locked for as long as a job needs the device. The system lets go of
the lock when its holder ends, however it ends. What is written in the file is for people who wait; it decides nothing.

A farm whose scheduler hands out GPUs sets PLATEWRIGHT_GPU_LOCK=0.
"""

from __future__ import annotations

import json
import os
import platform
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from .file_lock import keeps_nobody_out, try_lock
from .protocol import Emit, Progress, Stage, Warned

SWITCH: Final = "PLATEWRIGHT_GPU_LOCK"
LOOK_SECONDS: Final = 0.05
WORDS_BYTES: Final = 1000
UNKNOWN: Final = "another process"


@contextmanager
def held(device: str, job: str, emit: Emit) -> Iterator[None]:
    """Have the device for this process alone, once whoever has it lets go.

    device  the GPU's UUID; empty where a job needs no GPU: then nothing is waited for and nothing is locked
    emit    hears who holds the device, and W_NO_GPU_LOCK where there can be no lock; may raise Cancelled while waiting
    """
    descriptor = _claimed(device, job, emit) if device and os.environ.get(SWITCH) != "0" else None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lock_file(device: str) -> Path:
    """Where the device's lock lies. Raises OSError if this user has no private folder to put it in."""
    return _runtime_folder() / f"gpu-{re.sub(r'[^A-Za-z0-9-]', '_', device)}.lock"


def _claimed(device: str, job: str, emit: Emit) -> int | None:
    """The lock, as the descriptor that holds it; None, after a warning, where there can be none."""
    descriptor = None
    try:
        descriptor = _opened(lock_file(device))
        _wait(descriptor, job, emit)
        _write_holder(descriptor)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        words = f"The GPU cannot be locked ({error.strerror}): another job may take its memory at the same time."
        emit(Warned(job, "W_NO_GPU_LOCK", words))
        return None
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        raise
    return descriptor


def _wait(descriptor: int, job: str, emit: Emit) -> None:
    """Until the lock is ours; each new holder is told once, and every look may be the one that is cancelled."""
    told = ""
    while not try_lock(descriptor):
        if (holder := _holder(descriptor)) != told:
            told = holder
            emit(Stage(job, "queued", f"the GPU is used by {holder}"))
        emit(Progress(job, "queued", 0, 0))
        time.sleep(LOOK_SECONDS)
    _refuse_hollow(descriptor)


def _refuse_hollow(descriptor: int) -> None:
    """OSError where the file system gives the same lock to everybody."""
    if keeps_nobody_out(descriptor):
        raise OSError(0, "its folder's locks keep nobody out")


# What is in the file -----------------------------------------------------------------------------


def _write_holder(descriptor: int) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    words = json.dumps({"pid": os.getpid(), "host": platform.node(), "since": now})
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, words.encode("ascii"))


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as the file tells: its words may be torn, old or somebody's joke."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        words = json.loads(os.read(descriptor, WORDS_BYTES))
        host = "".join(filter(str.isprintable, str(words["host"])))[:64]
        since = datetime.fromisoformat(words["since"]).astimezone()
        return f"process {int(words['pid'])} on {host} since {since:%H:%M}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return UNKNOWN


# Where the file lies -----------------------------------------------------------------------------


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _runtime_folder() -> Path:
    """A folder of this user alone, on a local disk. OSError if it cannot be had, or is somebody else's."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(given):
        folder = Path(given, "platewright")
    else:
        folder = Path(tempfile.gettempdir(), f"platewright-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise PermissionError(1, f"{folder} belongs to somebody else")
    return folder
