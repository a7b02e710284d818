"""Packages of another runtime that are whole are linked into the new one: mending and updating fetch only the rest.

Whole means that every file has the hash that its own package's RECORD names.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from .places import Managed

Found = dict[tuple[str, str], Path]        # name and version -> the .dist-info folder of a whole package


def canonical(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def healthy(runtime: Managed, wanted: set[tuple[str, str]], look: Callable[[], None]) -> Found:
    """Of the wanted packages those that this runtime has and that are whole."""
    found: Found = {}
    for info in runtime.site.glob("*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        key = canonical(name), version
        look()
        if key in wanted and is_whole(info, runtime.folder):
            found[key] = info
    return found


def is_whole(info: Path, folder: Path) -> bool:
    """Whether a package has all its files as they were installed, inside that runtime."""
    try:
        hashed = [(path, digest) for path, digest in recorded(info, folder) if digest]
        return bool(hashed) and all(digest_of(path) == digest for path, digest in hashed)
    except (OSError, ValueError, csv.Error):
        return False


def recorded(info: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file that a package has installed, and its hash where one was kept. ValueError for one outside `folder`."""
    with open(info / "RECORD", encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            path = Path(os.path.normpath(info.parent / row[0]))
            if not path.is_relative_to(folder) or len(row) < 2:
                raise ValueError(f"{row[0]} is no file of this runtime")
            yield path, row[1]


def digest_of(path: Path) -> str:
    """As RECORD writes it."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode('ascii')}"


def transplant(info: Path, source: Path, target: Path) -> None:
    """Link a package's files from one runtime's folder into another's; copy where links cannot be. Raises OSError."""
    for path, _ in recorded(info, source):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except FileExistsError:        # of two packages that bring the same file, as Python lets them
                continue
            except OSError:
                shutil.copy2(path, place)
