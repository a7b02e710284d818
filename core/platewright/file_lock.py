"""A lock on an open file, the system's own: it ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

_HELD: Final = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 40, os.SEEK_SET)         # a byte far behind the text, which stays readable
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(descriptor: int) -> bool:
    """True: held from now until the descriptor is closed. False: somebody else holds it.

    Raises OSError where the file system has no locks.
    """
    try:
        _take(descriptor)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def keeps_nobody_out(descriptor: int) -> bool:
    """Whether a lock that is held is given to a second comer too, as some network disks do; known on Linux alone."""
    if sys.platform != "linux":
        return False
    again = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)
    try:
        return try_lock(again)
    finally:
        os.close(again)
