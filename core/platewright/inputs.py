"""What a scene hands over beside its camera: files by their content, the ground's height, the sun's direction.

Two farms mount one folder in two places, so a plate depends on what a folder holds and not on where it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .errors import RequestError

GROUND_MAX_M = 1e6
GUIDE_KINDS = ("depth", "edges", "clay", "grid")
STILL_MODEL = "z-image-turbo"
HANDLES, HANDLES_MAX = 8, 1000
RIGHTS_MAX = 500                                   # characters
_REMAKE = ("plate", "first", "last", "handles")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """A folder, or a file, that a request was made with."""

    path: str
    sha256: str                                    # of what it holds; see `fingerprint`
    rights: str | None = None                      # who says that it may be used, see `real_rights`; None: not asked

    @classmethod
    def of(cls, path: Path, rights: str | None = None) -> Input:
        """What lies there now; RequestError E_INPUT_MISSING, E_INPUT_READ."""
        return cls(str(path.resolve()), fingerprint(path), rights)

    @classmethod
    def from_dict(cls, data: Any) -> Input:
        """From `to_dict`'s form; RequestError E_JOB."""
        if not isinstance(data, dict) or not {"path", "sha256"} <= set(data) <= {"path", "sha256", "rights"}:
            raise RequestError("E_JOB", "An input is no object of path and sha256.", "Compare it with examples/.")
        return cls(data["path"], data["sha256"], data.get("rights")).checked()

    def to_dict(self) -> dict[str, str]:
        """Rights nobody was asked for are left out, as they were before anybody could be."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def told(self) -> dict[str, str]:
        """What a manifest keeps of it: nothing of where it lies."""
        facts = {"name": Path(self.path).name, "sha256": self.sha256}
        return facts if self.rights is None else {**facts, "rights": self.rights}

    def checked(self) -> Input:
        """The same; RequestError E_VALUE where it is not even the name of something. Nothing is read."""
        path: Any = self.path                      # whatever a file had there
        sha256: Any = self.sha256
        if not (isinstance(path, str) and path and "\0" not in path):
            raise RequestError("E_VALUE", "An input's path is no path.", "Name the folder.")
        if not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256)):
            raise RequestError("E_VALUE", f"The sha256 of {path} is none.", "Make the request again.")
        return self if self.rights is None else replace(self, rights=real_rights(self.rights))

    def opened(self) -> Path:
        """Its path, if it holds what it held; RequestError E_INPUT_MISSING, E_INPUT_CHANGED, E_INPUT_READ."""
        path = Path(self.path)
        if fingerprint(path) != self.sha256:
            why = f"{path} does not hold what it held when the plate was asked for."
            raise RequestError("E_INPUT_CHANGED", why, "Ask for the plate again, or bring the old files back.")
        return path


@dataclass(frozen=True, slots=True)
class Remake:
    """Which frames of a plate are made anew; all others are copied."""

    plate: Input                                   # its plate.json, which knows the hash of every frame
    first: int                                     # scene frames, both are made
    last: int
    handles: int = HANDLES                         # frames made beyond either end to look at, and thrown away

    @classmethod
    def from_dict(cls, data: Any) -> Remake:
        """From `to_dict`'s form; RequestError E_JOB, E_VALUE."""
        if not isinstance(data, dict) or not {"plate", "first", "last"} <= set(data) <= {*_REMAKE}:
            raise RequestError("E_JOB", "A remake is no object of plate, first and last.", "Compare it with examples/.")
        plain: dict[str, Any] = {**data, "plate": Input.from_dict(data["plate"])}
        return cls(**plain).checked()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"plate": self.plate.to_dict()}

    def identity(self) -> dict[str, Any]:
        """The same without where the plate lies."""
        return asdict(self) | {"plate": {"sha256": self.plate.sha256}}

    def checked(self) -> Remake:
        """The same; RequestError E_VALUE names what is wrong."""
        numbers: list[Any] = [self.first, self.last, self.handles]     # whatever a file had there
        if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
            raise RequestError("E_VALUE", "The frames of a remake are no whole numbers.", "Write them like 1001-1048.")
        if self.last < self.first or not 0 <= self.handles <= HANDLES_MAX:
            why = f"Frames {self.first} to {self.last} with {self.handles} handles cannot be made."
            raise RequestError("E_VALUE", why, f"First one first; at most {HANDLES_MAX} handles.")
        return replace(self, plate=self.plate.checked())

    def holds(self, frame: int) -> bool:
        """Whether a scene frame is made anew."""
        return self.first <= frame <= self.last


@dataclass(frozen=True, slots=True)
class Still:
    """A first frame that is made of the prompt, before the plate: by which model and from which seed.

    A seed of its own: tries of a plate start from one and the same picture.
    """

    seed: int                                      # 0 .. 2**63 - 1; -1 draws one
    model: str = STILL_MODEL                       # a name, or the folder of one

    @classmethod
    def from_dict(cls, data: Any) -> Still:
        """From `to_dict`'s form; RequestError E_JOB, E_VALUE."""
        if not isinstance(data, dict) or not {"seed"} <= set(data) <= {"seed", "model"}:
            raise RequestError("E_JOB", "A still is no object of seed and model.", "Compare it with examples/.")
        return cls(**data).checked()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def checked(self) -> Still:
        """The same; RequestError E_VALUE."""
        model: Any = self.model                    # whatever a file had there
        seed: Any = self.seed
        if not (isinstance(model, str) and model and "\0" not in model):
            raise RequestError("E_VALUE", f"The still's model is {model!r}.", "Name the model, such as z-image-turbo.")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise RequestError("E_VALUE", f"The still's seed is {seed!r}.", "It must be a whole number.")
        return self


def real_rights(answer: Any) -> str:
    """What was said of an input's rights: `mine`, `unknown`, or `licensed: ` and by whom; RequestError E_VALUE."""
    plain = " ".join(str(answer).split())
    kind, _, who = plain.partition(":")
    if isinstance(answer, str) and len(plain) <= RIGHTS_MAX and plain.isprintable():
        if plain.lower() in ("mine", "unknown"):
            return plain.lower()
        if kind.lower() == "licensed" and who.strip():
            return f"licensed: {who.strip()}"
    hint = f"Say mine, unknown, or licensed: by whom and how, in {RIGHTS_MAX} characters."
    raise RequestError("E_VALUE", f"{plain[:80]!r} is no answer to whose it is.", hint)


def refuse_two_leads(first_frame: Any, still: Any) -> None:
    """RequestError E_VALUE for a still that is none, or for a first frame that is given and made as well."""
    if still is None:
        return
    if not isinstance(still, Still):
        raise RequestError("E_VALUE", f"still is {still!r}.", "It must be a Still.")
    still.checked()
    if first_frame is not None:
        why = "The first frame is given, and is to be made of the prompt as well."
        raise RequestError("E_VALUE", why, "Leave one of the two out.")


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file, or of a folder: that of a line "sha256  name" for each file in it, sorted by name.

    Files whose name begins with a dot and folders inside do not count. RequestError E_INPUT_MISSING, E_INPUT_READ.
    """
    try:
        if not path.is_dir():
            return _of_file(path)
        entries = sorted((entry for entry in path.iterdir() if _counts(entry)), key=lambda entry: entry.name)
        lines = "".join(f"{_of_file(entry)}  {entry.name}\n" for entry in entries)
    except FileNotFoundError:
        hint = "Check the path, and that this machine has the disk."
        raise RequestError("E_INPUT_MISSING", f"There is no {path}.", hint) from None
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}."
        raise RequestError("E_INPUT_READ", why, "Check the permissions of its files.") from None
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _counts(entry: Path) -> bool:
    return not entry.name.startswith(".") and not entry.is_dir()


def _of_file(path: Path) -> str:
    sha = hashlib.sha256()
    for chunk in _chunks(path):
        sha.update(chunk)
    return sha.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def refuse_half_a_plate(plate: Any, mask: Any, lock: bool, overscan: float | None) -> None:
    """RequestError E_PLATE_MASK where a plate or its mask is missing, E_PLATE_LOCK where what is kept would move.

    A plate that is there has the scene's camera already, so a lock is off by default with it.
    """
    if (plate is None) != (mask is None):
        lacking = "plate" if plate is None else "mask"
        why = f"A plate and its mask go together; there is no {lacking}."
        raise RequestError("E_PLATE_MASK", why, "Give --plate and --mask: white is painted, black is kept.")
    if plate is not None and lock:
        why = "A lock would move the pixels that are to be kept; the plate has the scene's camera already."
        raise RequestError("E_PLATE_LOCK", why, "Leave the lock off: --no-lock, or no word of it.")
    if plate is not None and overscan:
        why = "There is nothing to be seen around a plate that is given, so there can be no overscan."
        raise RequestError("E_PLATE_LOCK", why, "Leave --overscan out.")


# Numbers -----------------------------------------------------------------------------------------


def ground_height(value: Any) -> float:
    """The ground's height in metres of the world; RequestError E_VALUE."""
    return _number("ground_m", value, -GROUND_MAX_M, GROUND_MAX_M)


def sun_direction(value: Any) -> tuple[float, float]:
    """Azimuth 0..360 from +X towards +Y and elevation -90..90, degrees, towards the sun; RequestError E_VALUE."""
    if not (isinstance(value, tuple | list) and len(value) == 2):
        hint = "Give azimuth and elevation in degrees, like 120,35."
        raise RequestError("E_VALUE", f"The sun's direction is {value!r}.", hint)
    azimuth = _number("the sun's azimuth", value[0], -360.0, 360.0) % 360.0
    return (0.0 if azimuth == 360.0 else azimuth), _number("the sun's elevation", value[1], -90.0, 90.0)


def _number(name: str, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):          # false for NaN and infinity, too
        raise RequestError("E_VALUE", f"{name} is {value!r}.", f"It must be a number from {least:g} to {most:g}.")
    return float(value) + 0.0                      # no -0.0: two zeros would be two hashes
