"""Where runtimes are, what is in each, and who may work on them.

`<cache>/runtimes/rt-<lock>-<python>` is a runtime, whole; `*.staging` becomes one; `*.old` was one; `wheels-<lock>`
holds what has arrived. Whoever works on any of this holds the lock of the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .locks import Lock
from .trouble import Trouble, of_disk

FORMAT = {"format": "platewright.runtime", "version": 1}
RECORD = "runtime.json"
LONGEST_INSIDE = 200                       # letters of the longest path inside a runtime
WINDOWS_PATH_MAX = 259
BUSY_TRIES = 10                            # of a rename that Windows refuses while a virus scanner reads
POLL_SECONDS = 0.2

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def runtimes_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Below $PLATEWRIGHT_CACHE, else below this person's cache: beside the models that were fetched."""
    if given := environment.get("PLATEWRIGHT_CACHE"):
        return Path(given).expanduser() / "runtimes"
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "platewright" / "runtimes"


# What is there -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Managed:
    """A runtime that this program made."""

    folder: Path
    variant: str
    lock: str                              # digest of the lock it was made from
    python_version: str
    made_with: str                         # the interpreter it stands on
    made_at: float                         # seconds of the clock
    packages: int

    @property
    def python(self) -> Path:
        return python_of(self.folder)

    @property
    def site(self) -> Path:
        return site_of(self.folder, self.python_version)

    @property
    def stands(self) -> bool:
        """Its interpreter is there, and so is the one behind that."""
        return self.python.exists()


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_of(folder: Path, version: str) -> Path:
    return folder / "Lib/site-packages" if os.name == "nt" else folder / f"lib/python{version}/site-packages"


def home_of(folder: Path, lock: Lock, python_version: str) -> Path:
    """The final name of a runtime: short, for Windows."""
    return folder / f"rt-{lock.digest[:8]}-{python_version.replace('.', '')}"


def wheels_of(folder: Path, lock: Lock) -> Path:
    return folder / f"wheels-{lock.digest[:8]}"


def managed(folder: Path) -> list[Managed]:
    """Every runtime in a folder, the newest first; whatever else lies there is none."""
    try:
        found = [read_record(each) for each in folder.iterdir() if each.name.startswith("rt-") and not each.suffix]
    except OSError:
        return []
    return sorted(filter(None, found), key=lambda each: each.made_at, reverse=True)


def read_record(folder: Path) -> Managed | None:
    """What a runtime says of itself; None if it is not whole."""
    try:
        told: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if any(told[name] != value for name, value in FORMAT.items()):
            return None
        return Managed(folder, **{each.name: told[each.name] for each in fields(Managed) if each.name != "folder"})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(staging: Path, made: Managed) -> None:
    """The last file that is written into a runtime before it gets its name."""
    told = {name: value for name, value in asdict(made).items() if name != "folder"}
    with open(staging / RECORD, "w", encoding="utf-8") as file:
        json.dump(FORMAT | told, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def publish(staging: Path, home: Path) -> None:
    """Give a finished staging folder its name; what stood there is moved aside first, and deleted last."""
    old = home.with_name(f"{home.name}.old")
    remove(old)
    if home.exists():
        renamed(home, old)
    renamed(staging, home)
    remove(old)


def renamed(source: Path, target: Path) -> None:
    """One rename. Raises Trouble E_RUNTIME_BUSY where somebody keeps files of it open, as Windows has it."""
    for attempt in range(BUSY_TRIES):
        try:
            source.rename(target)
            return
        except PermissionError as error:
            if os.name != "nt" or attempt == BUSY_TRIES - 1:
                hint = "Close what uses it, Blender's jobs first, then install again."
                raise Trouble("E_RUNTIME_BUSY", f"{source} cannot be moved ({error.strerror}).", hint) from None
            time.sleep(POLL_SECONDS)
        except OSError as error:
            raise of_disk(error, source) from error


def remove(folder: Path) -> None:
    """Delete a folder of ours as far as that goes; what is left is tried again next time."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what killed installations left. Only for who holds the lock."""
    for left in [*folder.glob("rt-*.staging"), *folder.glob("rt-*.old")]:
        remove(left)


# Before anything is done -------------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """Make the folder. Raises Trouble E_OUT_READONLY, E_DISK_FULL, E_PATH_LENGTH."""
    if why := path_trouble(str(folder), os.name == "nt" and not has_long_paths()):
        raise why
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise of_disk(error, folder) from error


def path_trouble(folder: str, is_short: bool) -> Trouble | None:
    """Whether files inside a runtime would have longer names than Windows takes by default."""
    if not is_short or len(folder) + len("/rt-00000000-311.staging/") + LONGEST_INSIDE <= WINDOWS_PATH_MAX:
        return None
    hint = r"Set PLATEWRIGHT_CACHE, or Cache in the preferences, to a short folder such as C:\platewright."
    return Trouble("E_PATH_LENGTH", f"{folder} is too long a name for the files of a runtime.", hint)


def has_long_paths() -> bool:
    """Whether this Windows was told to take long names."""
    if sys.platform != "win32":
        return True
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


def free_bytes(folder: Path) -> int:
    """Of the disk that a folder lies on, or will."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


@contextmanager
def held(folder: Path, waiting: Callable[[], None]) -> Generator[None, None, None]:
    """The folder's lock. `waiting` is called again and again while somebody else has it, and may raise."""
    with open(folder / "lock", "a+b") as file:
        while True:
            try:
                take(file.fileno())
                break
            except BlockingIOError:
                waiting()
            except PermissionError:        # what Windows says of a lock that is held
                waiting()
            except OSError:                # a disk without locks: better alone by luck than never
                break
            time.sleep(POLL_SECONDS)
        yield
