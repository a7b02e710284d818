"""What an ingest check found: one thing each, with a code for programs and a next step for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["refused", "doubtful", "told"]
PREFIX: dict[Severity, str] = {"refused": "E_INGEST_", "doubtful": "W_INGEST_", "told": "W_INGEST_"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a studio's check would stumble over, or should know of.

    refused    a plate with it is sent back
    doubtful   somebody should look at it first
    told       nothing need be wrong
    """

    code: str                                      # E_INGEST_... where refused, else W_INGEST_...
    severity: Severity
    message: str
    mend: str                                      # what to do about it
    frame: int | None = None                       # the first frame it is about; None: the plate as a whole
    last: int | None = None                        # the last one

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def of_plate(severity: Severity, name: str, message: str, mend: str) -> Finding:
    """About the plate as a whole."""
    return Finding(PREFIX[severity] + name, severity, message, mend)


def of_frames(
    severity: Severity, name: str, told: Iterable[tuple[int, str]], mend: str
) -> Iterator[Finding]:
    """One finding for every run of frames of which the same is told: (frame number, "is ...")."""
    for first, last, what in runs(told):
        which = f"Frame {first}" if first == last else f"Each of the frames {first} to {last}"
        yield Finding(PREFIX[severity] + name, severity, f"{which} {what}", mend, first, last)


def runs(told: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """First and last number and the words, for numbers that follow one another with the same words."""
    run: tuple[int, int, str] | None = None
    for frame, what in sorted(told):
        if run and (run[1] + 1, run[2]) == (frame, what):
            run = run[0], frame, what
            continue
        if run:
            yield run
        run = frame, frame, what
    if run:
        yield run
