"""Values that people and programs hand in: prompts, names, ranges, sizes and numbers, checked and made clean."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any

from .camera import CameraPath
from .errors import RequestError

PROMPT_BYTES_MAX = 64 * 1024
SEED_MAX = 2**63 - 1
SIDE_MIN, SIDE_MAX = 16, 16384                     # pixels
NAME_MAX = 64
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10))}


def clean_prompt(text: str) -> str:
    """The prompt without surrounding space; empty when it holds nothing that can be read.

    Inner text stays byte for byte. Raises RequestError E_PROMPT_CHAR for NUL and lone surrogates,
    E_PROMPT_TOO_LONG over 64 kB of UTF-8.
    """
    try:
        size_bytes = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise RequestError("E_PROMPT_CHAR", "The prompt holds half a character.", "Type it again.") from None
    if "\0" in text:
        raise RequestError("E_PROMPT_CHAR", "The prompt holds a NUL character.", "Remove it.")
    if size_bytes > PROMPT_BYTES_MAX:
        message = f"The prompt is {size_bytes} bytes long; {PROMPT_BYTES_MAX} is the limit."
        raise RequestError("E_PROMPT_TOO_LONG", message, "Say it in fewer words.")
    return text.strip() if any(char.isprintable() and not char.isspace() for char in text) else ""


def slug(name: str) -> str:
    """A name that every system and every pipeline takes: [A-Za-z0-9._-], at most 64 long, no device, no hidden file.

    Accents are dropped, anything else becomes `_`. RequestError E_NAME when nothing is left.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", plain)[:NAME_MAX].strip("._-")
    if not plain:
        raise RequestError("E_NAME", f"{name[:80]!r} cannot be a file name.", "Use letters and digits.")
    is_device = plain.partition(".")[0].lower() in _DEVICES
    return f"plate_{plain}"[:NAME_MAX].rstrip("._-") if is_device else plain


def plate_name(template: str, camera: CameraPath, facts: Mapping[str, object] | None = None) -> str:
    """The plate's name: its tokens filled in, then a slug. RequestError E_TEMPLATE for a token that is not known.

    `{camera}`, `{scene}`, `{first}` and `{last}` (frames), and the `facts`; `{shot}` is the camera's name unless they
    say another. `_v{version}` may stand at the end and changes nothing: that is where every version has its number.
    """
    known: dict[str, object] = {"shot": camera.camera, "camera": camera.camera, "scene": camera.scene}
    known |= {"first": f"{camera.frames[0]:04d}", "last": f"{camera.frames[-1]:04d}", **(facts or {})}
    template = re.sub(r"[._-]?v?\{version\}$", "", template)

    def value(token: re.Match[str]) -> str:
        if token[1] not in known:
            hint = f"Known: {', '.join(f'{{{name}}}' for name in known)}."
            raise RequestError("E_TEMPLATE", f"The name holds the unknown token {token[0][:80]}.", hint)
        return str(known[token[1]])

    return slug(re.sub(r"\{([^{}]*)\}", value, template))


def frame_range(text: str) -> tuple[int, int]:
    """`1001-1048`, or one frame, as typed; RequestError E_USAGE. Whether a path has them is asked there."""
    first, separator, last = text.partition("-")
    try:
        return int(first), int(last if separator else first)
    except ValueError:
        raise RequestError("E_USAGE", f"{text!r} is not a range of frames.", "Write it like 1001-1048.") from None


def sun_direction(text: str) -> tuple[float, float]:
    """`120,35`, azimuth and elevation in degrees, as typed; RequestError E_USAGE."""
    azimuth, _, elevation = text.partition(",")
    try:
        return float(azimuth), float(elevation)
    except ValueError:
        raise RequestError("E_USAGE", f"{text!r} is not a direction.", "Write it like 120,35.") from None


def plate_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels, or RequestError E_SIZE outside 16..16384."""
    sides_fit = len(size) == 2 and all(is_whole(side) and SIDE_MIN <= side <= SIDE_MAX for side in size)
    if not sides_fit:
        hint = f"Each side must be {SIDE_MIN} to {SIDE_MAX} pixels."
        raise RequestError("E_SIZE", f"A plate of {'x'.join(map(str, size))} pixels cannot be made.", hint)
    return int(size[0]), int(size[1])


def real_seed(seed: int) -> int:
    """-1 draws one; anything else must be 0 .. 2**63 - 1."""
    return secrets.randbelow(2**31) if seed == -1 else int(within("seed", seed, 0, SEED_MAX))


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def within(name: str, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):          # false for NaN and infinity, too
        raise RequestError("E_VALUE", f"{name} is {value!r}.", f"It must be a number from {least:g} to {most:g}.")
    return value
