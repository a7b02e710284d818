"""Where weights wait until they are whole: a hidden folder beside the models, one puller at a time in it.

    <home>/.staging/<name>/tree/       files that are whole and proven, laid out as the model's folder
    <home>/.staging/<name>/parts/      the beginnings of files
    <home>/.staging/<name>.lock        held by whoever is at work; the system lets go of it when that process ends

The tree becomes the model's folder by one rename. Where a disk has no locks each puller has a staging of its own.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import disk
from ..file_lock import keeps_nobody_out, try_lock
from ..protocol import Emit, Progress, Stage, Warned
from .fetching import full_or_broken
from .locks import File

FOLDER = ".staging"
LOOK_SECONDS = 0.1
ABANDONED_SECONDS = 24 * 3600.0
HASHED_AT_ONCE = 1 << 22                           # bytes
JOB = "models"                                     # what its events are of


@dataclass(frozen=True, slots=True)
class Digests:
    """A file's bytes in the two ways that hosts speak of them."""

    size: int
    sha256: str
    git_sha1: str

    def are(self, file: File) -> bool:
        """Whether they are all that is known of the file."""
        known = {(file.sha256, self.sha256), (file.git_sha1, self.git_sha1)}
        return self.size == file.size and all(told in ("", found) for told, found in known)


@dataclass(frozen=True, slots=True)
class Staging:
    """One puller's place to work."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def part(self, origin: str, file: File) -> Path:
        """Where the beginning of this very file lies; another commit's has another name."""
        what = f"{origin}|{file.path}|{file.size}|{file.sha256 or file.git_sha1}"
        return self.folder / "parts" / hashlib.sha256(what.encode()).hexdigest()[:32]

    def place(self, file: File) -> Path:
        """Where it lies once it is whole."""
        return self.tree / file.path

    def keep_only(self, parts: set[Path], files: set[Path]) -> None:
        """Take away what an earlier plan has left: the disk holds no more than this one needs."""
        for kept, folder in ((parts, self.folder / "parts"), (files, self.tree)):
            for path in sorted(folder.rglob("*"), reverse=True):
                if not path.is_dir() and path not in kept:
                    path.unlink()

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def digests(path: Path, emit: Emit) -> Digests:
    """Read the file once; `emit` may raise Cancelled. Raises OSError."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(HASHED_AT_ONCE):
            sha256.update(block)
            git.update(block)
            emit(Progress(JOB, "verifying", 0, 0))
    return Digests(size, sha256.hexdigest(), git.hexdigest())


@contextmanager
def turn(home: Path, name: str, emit: Emit) -> Iterator[Staging]:
    """The model's staging, for this process alone; whoever comes second waits. `emit` may raise Cancelled.

    Raises BackendError E_DISK_FULL, E_OUT_IO.
    """
    place = home / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place / f"{name}.lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise full_or_broken(error, place / name) from error
    try:
        if _is_ours(descriptor, emit):
            yield Staging(place / name)
        else:
            yield from _alone(place, name, emit)
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int, emit: Emit) -> bool:
    """Wait for the lock; False where the disk has none that holds."""
    is_told = False
    try:
        while not try_lock(descriptor):
            if not is_told:
                emit(Stage(JOB, "queued", "somebody else is fetching the same model"))
            is_told = True
            emit(Progress(JOB, "queued", 0, 0))
            time.sleep(LOOK_SECONDS)
        return not keeps_nobody_out(descriptor)
    except OSError:
        return False


def _alone(place: Path, name: str, emit: Emit) -> Iterator[Staging]:
    """A staging that nobody else knows of; those that nobody has touched for a day go."""
    words = "This disk has no locks: whoever fetches the same model at the same time fetches it twice."
    emit(Warned(JOB, "W_NO_LOCK", words))
    for old in place.glob(f"{name}@*"):
        newest = max((path.stat().st_mtime for path in (old, *old.rglob("*"))), default=0.0)
        if time.time() - newest > ABANDONED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    own = Staging(place / f"{name}@{secrets.token_hex(6)}")
    try:
        yield own
    finally:
        own.clear()


def publish(staging: Staging, target: Path) -> None:
    """The tree becomes `target`; what was there goes once it is out of sight. Raises as `turn`."""
    try:
        if target.exists():
            os.rename(target, staging.folder / f"old-{secrets.token_hex(4)}")
        os.rename(staging.tree, target)
        disk.sync_folder(target.parent)
    except OSError as error:
        raise full_or_broken(error, target) from error
    staging.clear()


def discard(home: Path, name: str, emit: Emit) -> bool:
    """Take a model away, and what is half fetched of it: out of sight first. True: it was there."""
    with turn(home, name, emit) as staging:
        was_there = (home / name).is_dir()
        try:
            staging.folder.mkdir(parents=True, exist_ok=True)
            if was_there:
                os.rename(home / name, staging.folder / f"old-{secrets.token_hex(4)}")
        except OSError as error:
            raise full_or_broken(error, home / name) from error
        for left in (staging.folder, home / FOLDER / name):
            shutil.rmtree(left, ignore_errors=True)
    return was_there
