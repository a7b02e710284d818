"""The sha256 of large files, remembered: tens of gigabytes are read once, not for every plate.

A file counts as the same while its path, size and time of change are. The memory is a cache: whoever doubts it removes
`hashes/` there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from .. import disk, weights
from ..errors import PlateError
from .checkpoint import cache_folder


def sha256_of(path: Path) -> str:
    """Hex digest of the file's bytes. Raises OSError."""
    try:
        remembered = _note(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        remembered = ""
    if len(remembered) == 64:
        return remembered
    found = weights.file_sha256(path)
    remember(path, found)
    return found


def remember(path: Path, found: str) -> None:
    """Keep what whoever has just read the file has found. Raises OSError where there is no such file."""
    note = _note(path)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        disk.write_bytes(note, found.encode("ascii"))
    except (OSError, PlateError):
        pass  # a cache that cannot be written costs time, nothing else


def _note(path: Path) -> Path:
    facts = path.stat()
    place = f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}".encode("utf-8", "surrogateescape")
    return cache_folder() / "hashes" / hashlib.sha256(place).hexdigest()


def of_files(paths: list[Path]) -> str:
    """One digest of several files by name and content, in the order of their names."""
    lines = sorted(f"{path.name} {sha256_of(path)}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
