"""What can go wrong: a stable code, a message for people, and what to do next."""

from __future__ import annotations

import errno
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Trouble(Exception):
    """A failure that a person is told of."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


def cancelled() -> Trouble:
    return Trouble("E_CANCELLED", "The installation was cancelled.", "Install again: what has arrived is kept.")


def of_disk(error: OSError, place: Path) -> Trouble:
    """What a disk says, told plainly."""
    if error.errno in FULL:
        why = f"The disk of {place} is full ({error.strerror})."
        return Trouble("E_DISK_FULL", why, "Free some space, then install again.")
    words = error.strerror or str(error)
    hint = "Choose a folder that you can write: Cache in the preferences, or PLATEWRIGHT_CACHE."
    return Trouble("E_OUT_READONLY", f"{place} cannot be written ({words}).", hint)
