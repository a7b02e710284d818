"""`msvcrt.locking` as Python documents it, over the system's own locks: what a Windows lock does, between processes.

    where            from the file's current position, for so many bytes, also behind its end
    while it is held another's `locking` of any of these bytes fails with OSError (EACCES), and so does its reading them
    it ends          with its LK_UNLCK, with the descriptor, or with the process however that ends

Bytes are locked for an open file: the same process that opens the file again is another. `as_windows` imports a module
as it would be there; `read` is `os.read` there.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import stat
import struct
import sys
from types import ModuleType, SimpleNamespace

LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = range(5)
FLOCK = "hhqqi"                                    # type, whence, start, length, pid

plain_read = os.read


def locking(fd: int, mode: int, nbytes: int, /) -> None:
    """Lock or unlock at the current position; never waits, which is what the modes without NB would do."""
    if mode not in (LK_UNLCK, LK_NBLCK, LK_NBRLCK):
        raise OSError(errno.EINVAL, "not played here")
    kind = fcntl.F_UNLCK if mode == LK_UNLCK else fcntl.F_WRLCK
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(FLOCK, kind, 0, os.lseek(fd, 0, os.SEEK_CUR), nbytes, 0))
    except BlockingIOError:
        raise OSError(errno.EACCES, "Permission denied") from None


def read(fd: int, nbytes: int, /) -> bytes:
    """Bytes of a file that somebody else has locked cannot be read."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return plain_read(fd, nbytes)
    asked = struct.pack(FLOCK, fcntl.F_WRLCK, 0, os.lseek(fd, 0, os.SEEK_CUR), nbytes, 0)
    if struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK:
        raise OSError(errno.EACCES, "Permission denied")
    return plain_read(fd, nbytes)


def as_windows(module: ModuleType) -> ModuleType:
    """The module anew, imported under Windows; it stays there."""
    spec = importlib.util.spec_from_file_location(module.__name__, str(module.__file__))
    assert spec and spec.loader
    there = importlib.util.module_from_spec(spec)
    here, sys.platform = sys.platform, "win32"
    sys.modules["msvcrt"] = sys.modules[__name__]
    try:
        spec.loader.exec_module(there)
    finally:
        sys.platform = here
        del sys.modules["msvcrt"]
    there.__dict__["sys"] = SimpleNamespace(platform="win32")
    return there
