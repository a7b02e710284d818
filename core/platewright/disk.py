"""Files that appear whole or not at all.

A file grows as `<name>.part-<pid>` beside its final name; it is hashed and only then renamed. Whoever sees the final
name sees all of it, whatever was killed or full in between. What must survive a power cut waits for the disk:
`is_durable` for one file, `sync` once for many, which costs a hundredth of waiting for each.

Errors  E_DISK_FULL, E_DISK_SPACE, E_OUT_IO, E_OUT_READONLY, E_OUT_LOCKED, E_PATH, E_PATH_LENGTH, E_PLATE_BUSY
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from .errors import PlateError, RequestError
from .file_lock import try_lock

PART = ".part-"
LOCK_PATIENCE_SECONDS = 5.0                        # Windows: scanners and players hold new files open for a moment
SYNCED_AT_ONCE = 16
SPACE_MARGIN = 1.2                                 # ask for a fifth more than the frames should need
WINDOWS_PATH_MAX = 259                             # Blender and most tools on Windows stop here
_PROBE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A whole file: its plain name, its size in bytes and the SHA-256 of its bytes."""

    file: str
    size: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.file, "size": self.size, "sha256": self.sha256}


# One file ----------------------------------------------------------------------------------------


class Part:
    """A file that grows beside its final name and takes that name when it is whole."""

    def __init__(self, target: Path) -> None:
        """Raises what `guarded` does."""
        self.target = target
        self.path = target.with_name(f"{target.name}{PART}{os.getpid()}")
        with self.guarded():
            self.path.unlink(missing_ok=True)      # a link left under this name must not be followed

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """For everything that writes to it: whatever goes wrong, no part is left behind.

        An OSError, without an errno where a library did not say why, becomes PlateError E_DISK_FULL, E_OUT_READONLY,
        E_PATH_LENGTH, E_PATH or E_OUT_IO. E_OUT_LOCKED alone keeps the part, and names it.
        """
        try:
            yield
        except OSError as error:
            cause = error if error.errno else _cause(self.path, error)
            self.discard()
            raise _refusal(cause, self.target) from error
        except PlateError as error:
            if error.code != "E_OUT_LOCKED":
                self.discard()
            raise
        except BaseException:
            self.discard()
            raise

    def publish(self, is_durable: bool = False) -> FileRecord:
        """Hash it and give it its final name; durable: a power cut afterwards takes neither. Raises as `guarded`."""
        with self.guarded():
            if is_durable:
                _sync_file(self.path)
            record = replace(measure(self.path), file=self.target.name)
            _rename(self.path, self.target)
            if is_durable:
                sync_folder(self.target.parent)
            return record

    def discard(self) -> None:
        """Take it away; harmless once it is published."""
        remove(self.path)


def publish(target: Path, write: Callable[[Path], None], is_durable: bool = False) -> FileRecord:
    """Let `write` fill a part file, then give it its final name; raises what `Part.guarded` does."""
    part = Part(target)
    with part.guarded():
        write(part.path)
    return part.publish(is_durable)


def write_bytes(target: Path, data: bytes, is_durable: bool = False) -> FileRecord:
    """Publish `data` as a file."""

    def write(part: Path) -> None:
        part.write_bytes(data)

    return publish(target, write, is_durable)


def write_json(target: Path, document: dict[str, Any], is_durable: bool = False) -> FileRecord:
    """Publish a JSON document as `json_bytes` writes it."""
    return write_bytes(target, json_bytes(document), is_durable)


def json_bytes(document: dict[str, Any]) -> bytes:
    """A JSON document, a line per key: ASCII, so that no reader guesses an encoding; never NaN."""
    lines = (f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def sync(folder: Path, names: Iterable[str]) -> None:
    """Wait until the disk has these files of `folder`, and their names; PlateError where it will not take them.

    Side by side: a journalling file system then takes many files with one turn of its journal.
    """
    with refusing(folder), ThreadPoolExecutor(SYNCED_AT_ONCE, "sync") as waiting:
        for _ in waiting.map(_sync_file, [folder / name for name in names]):
            pass
        sync_folder(folder)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of ours; OSError or ValueError when it is missing, a link, torn or something else."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link")
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def measure(path: Path) -> FileRecord:
    """Size and hash of a file as it lies there; OSError where it cannot be read."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(path.name, file.tell(), digest)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def refusing(target: Path) -> Iterator[None]:
    """Turn what the system says about `target` into a PlateError with a code and a hint."""
    try:
        yield
    except OSError as error:
        raise _refusal(error, target) from error


def stale_parts(folder: Path, alone: bool = False) -> list[Path]:
    """Unfinished files whose process is gone; numbers of processes come again, so who is `alone` here asks no number.

    alone   the caller holds the folder's lock: whatever is not its own was left behind
    """
    owners = {path: path.name.rpartition(PART)[2] for path in folder.iterdir() if PART in path.name}
    ours = str(os.getpid())
    return sorted(path for path, pid in owners.items() if pid != ours and (alone or not _is_alive(pid)))


def remove_stale_parts(folder: Path, alone: bool = False) -> None:
    """Drop what dead processes left half written."""
    for part in stale_parts(folder, alone):
        remove(part)


def remove(path: Path) -> None:
    """Take a file away if it is there; tidying that fails is no failure of the job."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """The same for a folder of ours and the files in it; a link is not followed."""
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            remove(entry)
        with contextlib.suppress(OSError):
            path.rmdir()


# Before the work ---------------------------------------------------------------------------------


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written or is no folder: RequestError E_PATH, E_OUT_READONLY."""
    hint = "Choose another output folder."
    try:
        folder.resolve()
        ground = _ground(folder)
    except (OSError, RuntimeError, ValueError) as error:
        raise RequestError("E_PATH", f"The path {folder} leads nowhere: {error}.", hint) from None
    try:
        with tempfile.TemporaryFile(dir=ground):
            pass
    except OSError as error:
        message = f"Nothing can be written in {ground}: {error.strerror}."
        raise RequestError("E_OUT_READONLY", message, "Choose a folder you may write to.") from None


def check_space(folder: Path, need_bytes: int) -> None:
    """Refuse when the disk has less than 1.2 times what is needed: PlateError E_DISK_SPACE."""
    need = int(need_bytes * SPACE_MARGIN)
    have = shutil.disk_usage(_ground(folder)).free
    if have < need:
        message = f"The plate may need {_megabytes(need)}; {_megabytes(have)} are free in {folder}."
        raise PlateError("E_DISK_SPACE", message, "Free some space or choose another disk.")


def check_length(longest: Path) -> None:
    """Refuse names the system cannot hold: RequestError E_PATH_LENGTH. `longest` is the longest path to come."""
    path = str(Path.cwd() / longest)
    limit = WINDOWS_PATH_MAX if os.name == "nt" else 4095
    too_long = len(path if os.name == "nt" else os.fsencode(path)) > limit
    if too_long or any(len(os.fsencode(part)) > 255 for part in Path(path).parts):
        message = f"The path of a frame would be {len(path)} characters long: {path[:60]}..."
        raise RequestError("E_PATH_LENGTH", message, "Choose a shorter name or a folder nearer to the root.")


# A journal ---------------------------------------------------------------------------------------


class Journal:
    """Lines of JSON that survive kill -9; holding it open is the right to write in its folder.

    The lock is the system's own and dies with its process; where a network disk has none, nothing is promised.
    Raises PlateError E_PLATE_BUSY while another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise _refusal(error, path) from error
        if not _held_alone(self._descriptor):
            os.close(self._descriptor)
            message = f"Another process is writing in {path.parent.name}."
            raise PlateError("E_PLATE_BUSY", message, "Wait until it ends, or make a new version.")

    def lines(self) -> list[dict[str, Any]]:
        """Every whole line; a torn last one is cut off, so that the next starts clean."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            whole, _, torn = file.read().rpartition(b"\n")
        if torn:
            os.ftruncate(self._descriptor, len(whole) + 1 if whole else 0)
        return [json.loads(line) for line in whole.split(b"\n") if line]

    def append(self, entry: dict[str, Any]) -> None:
        """Add one line; PlateError. A kill cannot take it; after a power cut its hashes tell what is true."""
        line = json.dumps(entry, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        with refusing(self._path):
            if os.write(self._descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Give the right to write back; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _held_alone(descriptor: int) -> bool:
    """Whether this process now holds the file, as far as its file system can tell."""
    try:
        return try_lock(descriptor)
    except OSError:
        return True


# Inside ------------------------------------------------------------------------------------------


def _sync_file(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _rename(part: Path, target: Path) -> None:
    """`os.replace`, patient with whoever holds the target open on Windows."""
    deadline = monotonic() + LOCK_PATIENCE_SECONDS
    for pause in _pauses():
        try:
            os.replace(part, target)
            return
        except PermissionError as error:
            if getattr(error, "winerror", None) is None:
                raise
            if monotonic() + pause > deadline:
                message = f"{target.name} is held by another program; the new file waits as {part.name}."
                raise PlateError("E_OUT_LOCKED", message, "Close the player or viewer that has it open.") from error
        sleep(pause)


def _pauses() -> Iterator[float]:
    seconds = 0.02
    while True:
        yield seconds
        seconds = min(2 * seconds, 0.5)


def _cause(part: Path, error: OSError) -> OSError:
    """What the system says when the part grows, for a library that failed without telling why."""
    try:
        with open(part, "ab") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as cause:
        return cause
    return error


def _refusal(error: OSError, target: Path) -> PlateError:
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            message = f"The disk is full: {target.name} could not be written ({reason})."
            return PlateError("E_DISK_FULL", message, "Free some space, then continue with --resume.")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            message = f"{target.name} may not be written ({reason})."
            return PlateError("E_OUT_READONLY", message, "Check the folder's permissions, then continue with --resume.")
        case errno.ENAMETOOLONG:
            return PlateError("E_PATH_LENGTH", f"{target.name} is too long a name here.", "Choose a shorter one.")
        case errno.ELOOP | errno.EEXIST | errno.ENOTDIR:
            return PlateError("E_PATH", f"{target.name} is in the way: {reason}.", "Choose another folder.")
        case _:
            message = f"{target.name} could not be written ({reason})."
            return PlateError("E_OUT_IO", message, "Check that the folder and its disk are still there, then retry.")


def _ground(folder: Path) -> Path:
    """The nearest folder that exists on the way to `folder`; NotADirectoryError where a file or dead link is there."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return place
        if place.is_symlink() or place.exists():
            raise NotADirectoryError(f"{place} is not a folder")
    raise FileNotFoundError(f"{folder} has no root here")


def _is_alive(pid: str) -> bool:
    if not pid.isdecimal() or os.name == "nt":     # on Windows a file that is still open refuses to go
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
