"""Reading a lock: a requirements file that pip takes as it is, with the size of every wheel in a comment."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .trouble import Trouble

UNPACKED = 3.9                             # bytes on the disk for each of a wheel, with byte-code; measured over all
UNPACKED_NVIDIA = 2.0                      # of libraries that hardly pack; an estimate
FOLDER = Path(__file__).parent / "locks"
HEAD = re.compile(r"^# (variant|title|pythons): (.+)$")
REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.+!_-]*) \\$")
HASH = re.compile(r"^    --hash=sha256:([0-9a-f]{64})(?: \\)?$")
WHEEL = re.compile(r"^# (\d+) ([0-9.,]+) ([A-Za-z0-9_.+!-]+\.whl)$")


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file that is to be fetched."""

    name: str                              # of the package, as the lock spells it
    version: str
    file: str
    sha256: str
    size: int                              # bytes
    pythons: frozenset[str]                # "3.11"

    @property
    def unpacked_bytes(self) -> int:
        """About what it takes on the disk."""
        return int(self.size * (UNPACKED_NVIDIA if self.name.startswith("nvidia") else UNPACKED))

    @property
    def requirement(self) -> str:
        """This very file and no other, as a line for pip."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


@dataclass(frozen=True, slots=True)
class Lock:
    """What a runtime for one kind of machine consists of."""

    path: Path
    variant: str
    title: str
    pythons: tuple[str, ...]               # for which every wheel is there, oldest first
    wheels: tuple[Wheel, ...]
    digest: str                            # of the lock's own bytes

    def wheels_for(self, python: str) -> list[Wheel]:
        """One wheel of each package."""
        return [wheel for wheel in self.wheels if python in wheel.pythons]

    def needed_bytes(self) -> int:
        """Of disk at the worst moment, when nothing is here yet: what is fetched, and all of it unpacked."""
        unpacked = (sum(wheel.unpacked_bytes for wheel in self.wheels_for(python)) for python in self.pythons)
        return self.download_bytes() + max(unpacked)

    def download_bytes(self, python: str = "") -> int:
        """Of all wheels together; for any Python the most that it can be."""
        chosen = [python] if python else list(self.pythons)
        return max(sum(wheel.size for wheel in self.wheels_for(one)) for one in chosen)


def read(path: Path) -> Lock:
    """Raises Trouble E_LOCK if the file is missing or is no lock."""
    try:
        data = path.read_bytes()
        return parsed(path, data.decode("utf-8"), hashlib.sha256(data).hexdigest())
    except (OSError, ValueError, KeyError) as error:
        raise Trouble("E_LOCK", f"{path} is no lock of a runtime: {error}.", "Reinstall the extension.") from None


def parsed(path: Path, text: str, digest: str) -> Lock:
    """Every line is understood or refused. Raises ValueError, KeyError."""
    head: dict[str, str] = {}
    wheels: list[Wheel] = []
    package, hashes = ("", ""), list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if found := HEAD.match(line):
            head[found[1]] = found[2]
        elif found := REQUIREMENT.match(line):
            refuse_left_over(hashes, number)
            package = found[1], found[2]
        elif found := HASH.match(line):
            hashes.append(found[1])
        elif found := WHEEL.match(line):
            if not hashes:
                raise ValueError(f"line {number} has no hash")
            wheels.append(Wheel(*package, found[3], hashes.pop(0), int(found[1]), frozenset(found[2].split(","))))
        elif line and not (line.startswith("# Made by") and number == 1):
            raise ValueError(f"line {number} says something else")
    refuse_left_over(hashes, text.count("\n"))
    return Lock(path, head["variant"], head["title"], tuple(head["pythons"].split()), tuple(wheels), digest)


def refuse_left_over(hashes: list[str], line: int) -> None:
    if hashes:
        raise ValueError(f"line {line}: a hash belongs to no wheel")


def shipped() -> dict[str, Path]:
    """Variant -> its lock."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.txt"))}
