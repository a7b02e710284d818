"""What each frame's header and pixels say, held against what is wanted and against the other frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from ..camera import CameraPath
from .findings import Finding, of_frames, of_plate
from .frames import HALF_MAX, Look

LOSSY = ("dwaa", "dwab", "b44", "b44a")
NEW = ("htj2k", "htj2k256", "htj2k32", "zstd", "lj2k")           # what other software cannot read yet
WHITE_MAX, TOPPED_MAX = 0.05, 0.25                 # shares of a picture: wholly at the ceiling, with any channel there
BELOW_ZERO = -1e-3                                 # less is ringing that nobody sees
RATE_SLACK = 1e-4                                  # frames per second, for headers that hold a float
NARROW = "lin_rec709_scene"                        # wide gamut seen through it has negative values
DISPLAY = (".png", ".jpg", ".jpeg")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the plate should be; None: nobody says."""

    frames: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    rate: Fraction | None = None
    space: str | None = None                       # canonical name
    camera: CameraPath | None = None
    into: Path | None = None                       # where it is to be delivered


def readable(looks: Sequence[Look]) -> Iterator[Finding]:
    """Frames that cannot be read whole."""
    told = [(look.frame, f"{look.fault}.") for look in looks if look.fault and look.path.is_file()]
    told += [(look.frame, f"{look.fault}.") for look in looks if look.path.is_symlink()]
    yield from of_frames("refused", "TRUNCATED", told, "Copy it again from where it was made, or make it anew.")


def headers(looks: Sequence[Look], wanted: Wanted) -> Iterator[Finding]:
    """Size, windows, channels, compression, colour space and rate."""
    yield from _size(looks, wanted.size)
    yield from _channels(looks)
    yield from _compression(looks)
    yield from _space(looks, wanted.space)
    yield from _rate(looks, wanted.rate)


def _size(looks: Sequence[Look], wanted: tuple[int, int] | None) -> Iterator[Finding]:
    due = wanted or _most(looks, lambda look: look.size)
    why = f"not {due[0]}x{due[1]}" + ("" if wanted else " as the others")
    odd = [(look.frame, f"is {look.size[0]}x{look.size[1]} pixels, {why}.") for look in looks if look.size != due]
    mend = "Make the plate at that size: --size."
    yield from of_frames("refused", "SIZE", odd, mend)
    windows = [(look.frame, "has a data window that is not its display window.") for look in looks if not look.is_flat]
    mend = "Write flat windows: Blender takes the data window for the picture's size."
    yield from of_frames("doubtful", "WINDOW", windows, mend)


def _channels(looks: Sequence[Look]) -> Iterator[Finding]:
    due = _most(looks, lambda look: (look.channels, look.kind))
    odd = [(look.frame, f"holds {_held(look)}, the others {'/'.join(due[0])} {due[1]}.")
           for look in looks if (look.channels, look.kind) != due]  # fmt: skip
    yield from of_frames("refused", "CHANNELS", odd, "Write all frames with the same channels.")
    if due[0] != ("R", "G", "B"):
        why = f"The frames hold the channels {', '.join(due[0])}, a plate R, G, B alone."
        yield of_plate("doubtful", "CHANNELS", why, "Write RGB, or tell whoever takes the plate.")
    if looks[0].path.suffix.lower() == ".exr" and due[1] != "half":
        yield of_plate("doubtful", "CHANNELS", f"The frames hold {due[1]} values.", "16-bit half float is usual.")


def _held(look: Look) -> str:
    return f"{'/'.join(look.channels)} {look.kind}"


def _compression(looks: Sequence[Look]) -> Iterator[Finding]:
    lossy = [(look.frame, f"is compressed with loss ({look.compression}).")
             for look in looks if _loses(look)]  # fmt: skip
    yield from of_frames("refused", "COMPRESSION", lossy, "Write ZIP or PIZ, which lose nothing.")
    new = [(look.frame, f"is compressed as {look.compression}, which little software reads yet.")
           for look in looks if look.compression in NEW]  # fmt: skip
    yield from of_frames("doubtful", "COMPRESSION", new, "Write ZIP or PIZ.")
    if any(look.path.suffix.lower() in (".jpg", ".jpeg") for look in looks):
        yield of_plate("doubtful", "COMPRESSION", "The frames are JPEG, which loses detail.", "Deliver EXR.")


def _loses(look: Look) -> bool:
    return look.compression in LOSSY or (look.compression == "pxr24" and look.kind == "float")


def _space(looks: Sequence[Look], wanted: str | None) -> Iterator[Finding]:
    told = {look.space for look in looks if look.space}
    due = wanted or (_most([look for look in looks if look.space], lambda look: look.space) if told else "")
    why = f"not {due}" + ("" if wanted else " as the others")
    odd = [(look.frame, f"is in {look.space}, {why}.") for look in looks if look.space and look.space != due]
    yield from of_frames("refused", "SPACE", odd, "Convert it, or name the space that it is in.")
    silent = [(look.frame, "does not say its colour space.") for look in looks if not _says_space(look)]
    yield from of_frames("doubtful", "SPACE", silent, "Write colorInteropID into the header, or tell with the plate.")
    torn = [(look.frame, f"says {look.space}, but its primaries are {_of(look.primaries)}.")
            for look in looks if _contradicts_itself(look)]  # fmt: skip
    yield from of_frames("refused", "SPACE", torn, "One of the two is wrong: write the header again.")


def _says_space(look: Look) -> bool:
    return bool(look.space or look.primaries) or look.path.suffix.lower() in DISPLAY


def _contradicts_itself(look: Look) -> bool:
    return bool(look.primaries) and look.space.startswith("lin_") and look.primaries != look.space


def _of(primaries: str) -> str:
    return "none that is known" if primaries == "?" else f"those of {primaries}"


def _rate(looks: Sequence[Look], wanted: Fraction | None) -> Iterator[Finding]:
    told = [look.rate for look in looks if look.rate is not None]
    due = wanted or (_most([look for look in looks if look.rate is not None], lambda look: look.rate) if told else None)
    if due is None:
        return
    odd = [(look.frame, f"says {_fps(look.rate)}, not {_fps(due)}{'' if wanted else ' as the others'}.")
           for look in looks if look.rate is not None and abs(look.rate - due) > RATE_SLACK]  # fmt: skip
    yield from of_frames("refused", "RATE", odd, "Write the rate that it plays at, or make the plate at the other.")
    if told:
        silent = [(look.frame, "does not say its frame rate.") for look in looks if look.rate is None]
        yield from of_frames("doubtful", "RATE", silent, "Write framesPerSecond into every header.")
    else:
        yield of_plate("told", "RATE", "The frames do not say their rate.", "Tell it with the plate.")


def _fps(rate: Fraction) -> str:
    whole = f"{rate.numerator}" if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"
    return f"{whole} fps"


# Pixels ------------------------------------------------------------------------------------------


def values(looks: Sequence[Look]) -> Iterator[Finding]:
    """Values that are no numbers, cut off at the top, or below zero. Black is not counted: nights are black."""
    broken = [(look.frame, f"holds {look.not_finite} {_pixels(look.not_finite)} that are NaN or infinite.")
              for look in looks if look.not_finite]  # fmt: skip
    yield from of_frames("refused", "NAN", broken, "Make these frames anew, or paint over those pixels.")
    over = [(look.frame, f"holds values of {HALF_MAX:g}, the most that half floats hold.")
            for look in looks if look.kind in ("half", "float") and look.high >= HALF_MAX]  # fmt: skip
    yield from of_frames("refused", "CLIPPED", over, "Bring the exposure down before it is written.")
    told = [(look.frame, "is cut off at its brightest in a large part of the picture.")
            for look in looks if look.high < HALF_MAX and _is_clipped(look)]  # fmt: skip
    yield from of_frames("doubtful", "CLIPPED", told, "Look at it: what is white there holds no detail to grade.")
    below = [(look.frame, "holds values below zero.") for look in looks if _is_below(look)]
    yield from of_frames("doubtful", "NEGATIVE", below, "Convert it to the space that holds its colours.")


def _pixels(count: int) -> str:
    return "pixel" if count == 1 else "pixels"


def _is_clipped(look: Look) -> bool:
    return look.white > WHITE_MAX or look.topped > TOPPED_MAX


def _is_below(look: Look) -> bool:
    return look.low < BELOW_ZERO and look.space in ("", NARROW)


def _most(looks: Sequence[Look], key: Callable[[Look], T]) -> T:
    """What most of them have."""
    return Counter(key(look) for look in looks).most_common(1)[0][0]
