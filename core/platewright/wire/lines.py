"""Lines of JSON between two processes: one ASCII object per line, split on the newline byte alone.

The host says    run{job, job_path, resume}   cancel{job}   ping{}   exit{}
The worker says  the events of `protocol`, and a `Beat` once a second

What arrives is never trusted: a line that is too long, not UTF-8, not JSON, not an object, with a key twice, with NaN,
with a number too large to be meant, or with a field of the wrong kind raises `BadLineError`, and nothing but that line
is lost. Unknown messages and unknown fields come from a newer version: they are passed over.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from ..protocol import Event, Failed, Finished, FrameReady, Hello, Progress, Stage, Warned

LINE_BYTES_MAX: Final = 1 << 20
DIGITS_MAX: Final = 20                             # enough for any 64-bit number

Verb = Literal["run", "cancel", "ping", "exit"]


class BadLineError(ValueError):
    """A line that cannot be what the other side meant to say."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The worker's interpreter turns; says nothing about progress."""

    beat: int                                      # counts up from 1


@dataclass(frozen=True, slots=True)
class Order:
    """What the host asks of the worker."""

    verb: Verb
    job: str = ""
    job_path: str = ""
    resume: bool = False


Message = Event | Beat | Order

_MESSAGES: Final[dict[str, type[Any]]] = {
    "hello": Hello,
    "stage": Stage,
    "progress": Progress,
    "frame": FrameReady,
    "warned": Warned,
    "finished": Finished,
    "failed": Failed,
    "beat": Beat,
    "order": Order,
}
_NAMES: Final = {kind: name for name, kind in _MESSAGES.items()}
_KINDS: Final[dict[str, type[Any]]] = {"str": str, "int": int, "bool": bool, "dict[str, Any]": dict, "Verb": str}


def encode(message: Message) -> bytes:
    """One line, newline included; at most LINE_BYTES_MAX bytes, else BadLineError.

    ASCII, so that U+2028 is no line end and a path with undecodable bytes comes back as it went.
    """
    try:
        text = json.dumps({"say": _NAMES[type(message)], **asdict(message)}, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadLineError(f"{type(message).__name__} cannot be written as JSON: {error}") from None
    line = text.encode("ascii") + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise BadLineError(f"{type(message).__name__} takes {len(line)} bytes; a line has at most {LINE_BYTES_MAX}")
    return line


def decode(line: bytes) -> Message | None:
    """What the line says; None if it is a message this version does not know. Raises BadLineError."""
    data = parse(line)
    kind = _MESSAGES.get(_field(data, "say", "str"))
    if kind is None:
        return None
    values = {f.name: _field(data, f.name, str(f.type)) for f in fields(kind) if f.name in data}
    try:
        return kind(**values)
    except TypeError as error:                     # a field without a default is absent
        raise BadLineError(str(error)) from None


def parse(line: bytes) -> dict[str, Any]:
    """The JSON object of one line, under the rules above. Raises BadLineError."""
    if len(line) > LINE_BYTES_MAX:
        raise BadLineError(f"{len(line)} bytes in one line")
    try:
        data = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_whole,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"{type(error).__name__}: {error}") from None
    if not isinstance(data, dict):
        raise BadLineError("not an object")
    return data


class Lines:
    """Bytes in, whole lines out; a line that grows past LINE_BYTES_MAX is forgotten up to its newline."""

    def __init__(self) -> None:
        self.dropped = 0                           # lines that were too long
        self._rest = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their newline; empty lines included."""
        *ends, rest = chunk.split(b"\n")
        lines = [line for end in ends if (line := self._end(end)) is not None]
        self._grow(rest)
        return lines

    @property
    def unfinished(self) -> bool:
        """True if the stream stands in the middle of a line: at its end, that line was cut."""
        return bool(self._rest) or self._skipping

    def _end(self, tail: bytes) -> bytes | None:
        self._grow(tail)
        line = None if self._skipping else bytes(self._rest)
        self._rest.clear()
        self._skipping = False
        return line

    def _grow(self, part: bytes) -> None:
        if self._skipping:
            return
        self._rest += part
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest.clear()
            self._skipping = True
            self.dropped += 1


def _field(data: dict[str, Any], name: str, annotation: str) -> Any:
    value = data.get(name)
    kind = _KINDS[annotation]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadLineError(f"`{name}` is not {annotation}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise BadLineError("a key twice")
    return data


def _refuse(constant: str) -> float:
    raise BadLineError(f"{constant} is not a number")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise BadLineError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadLineError(f"{text[:20]} is beyond a float")
    return value
