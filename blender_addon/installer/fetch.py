"""Having wheels arrive, whole and one batch after another, in a folder where whoever comes later finds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import places
from .locks import Wheel
from .pip import Pip
from .trouble import Trouble

SMALL_BYTES = 20_000_000                   # wheels below this come together, others one by one: a kill loses one batch
BATCH_BYTES = 60_000_000

Tell = Callable[..., None]                 # an event's name and its fields


@dataclass(frozen=True, slots=True)
class Fetching:
    """From where, with what, and where to."""

    pip: Pip
    python: Path                           # that pip runs in
    arriving: Path                         # a folder for what is not whole yet, on the disk of `place`
    place: Path
    tell: Tell
    words: Sequence[str | Path] = ()       # more of them, for pip

    def fetch(self, missing: list[Wheel]) -> None:
        """Raises Trouble; what has arrived by then stays."""
        total, done = sum(wheel.size for wheel in missing), 0
        self.place.mkdir(parents=True, exist_ok=True)
        try:
            for batch in batches(missing):
                self.fetch_together(batch, done, total)
                done += sum(wheel.size for wheel in batch)
        finally:
            places.remove(self.arriving)

    def fetch_together(self, batch: list[Wheel], before: int, total: int) -> None:
        """One run of pip."""
        most, what = sum(wheel.size for wheel in batch), batch[0].name

        def look() -> None:
            here = min(most, bytes_below(self.pip.scratch, self.arriving))
            self.tell("progress", stage="download", detail=what, done=before + here, total=total)

        words = ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
        asked = self.pip.asked(batch)
        self.pip.run(self.python, [*words, *self.words, "--dest", self.arriving, "-r", asked], look)
        for wheel in batch:
            self.receive(wheel)

    def receive(self, wheel: Wheel) -> None:
        """Put a wheel that has arrived beside the others. Raises Trouble E_HASH."""
        arrived = self.arriving / wheel.file
        if not arrived.is_file() or digest_of(arrived) != wheel.sha256:
            hint = "Nothing of it was installed. Do not use this network or mirror for it."
            raise Trouble("E_HASH", f"{wheel.file} did not arrive as it was locked.", hint)
        arrived.replace(self.place / wheel.file)


def is_whole(path: Path, wheel: Wheel) -> bool:
    """Whether a wheel lies there as it was locked."""
    return path.is_file() and path.stat().st_size == wheel.size and digest_of(path) == wheel.sha256


def batches(wheels: list[Wheel]) -> Iterator[list[Wheel]]:
    """Small wheels together, big ones alone and last."""
    batch: list[Wheel] = []
    for wheel in sorted(wheels, key=lambda each: each.size):
        if batch and (wheel.size >= SMALL_BYTES or sum(each.size for each in batch) + wheel.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(wheel)
    if batch:
        yield batch


def bytes_below(*folders: Path) -> int:
    """What has arrived so far. Files and whole folders come and go meanwhile: pip cleans up after itself."""
    total = 0
    for folder in folders:
        for place, _, names in os.walk(folder):    # which passes over what is gone, where rglob gives up
            for name in names:
                try:
                    total += os.stat(os.path.join(place, name)).st_size
                except OSError:
                    continue
    return total


def digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
