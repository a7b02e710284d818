"""One frame as a file: read once, header and pixels, and what both say.

Nothing is raised for a frame that cannot be read: that is a finding.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenImageIO

from .. import pictures
from ..camera_file import SIZE_MAX

SMALL_SIDE = 320                                   # pixels of the small picture that motion is judged in
HALF_MAX = 65504.0
CEILING_SLACK = 1e-3                               # of the brightest value that counts as being at it
ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
_SPACES = {                                        # as people, configurations and files call them
    "lin_rec709_scene": ("linear rec.709", "lin_rec709", "linear", "lin_srgb", "linear rec.709 (srgb)"),
    "lin_ap1_scene": ("acescg", "lin_ap1", "aces - acescg"),
    "lin_ap0_scene": ("aces2065-1", "lin_ap0", "aces - aces2065-1"),
    "srgb_rec709_scene": ("srgb", "srgb_texture", "srgb - texture", "srgb_rec709_display", "srgb_tx"),
}
_PRIMARIES = {                                     # of the spaces above: red, green, blue, white
    "lin_rec709_scene": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
}

Small = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is to know of one frame."""

    frame: int
    path: Path
    fault: str = ""                                # why it cannot be read whole; nothing below is known then
    size: tuple[int, int] = (0, 0)                 # display window, pixels
    is_flat: bool = True                           # data window and display window are one
    channels: tuple[str, ...] = ()
    kind: str = ""                                 # half, float, uint8 ...
    compression: str = ""
    space: str = ""                                # canonical name; empty: the file does not say
    primaries: str = ""                            # the space whose primaries an EXR tells; "?" for others
    rate: Fraction | None = None
    not_finite: int = 0                            # pixels with a NaN or an infinity
    low: float = 0.0                               # of the values as they are stored
    high: float = 0.0
    brightest: float = 0.0                         # display-referred, 0..1
    darkest: float = 0.0                           # likewise
    mean: float = 0.0                              # likewise
    white: float = 0.0                             # share of pixels with every channel at the ceiling
    topped: float = 0.0                            # share with any channel there
    digest: bytes = b""                            # of the stored pixels
    small: Small | None = None                     # display-referred grey, at most SMALL_SIDE wide


def space_name(name: str) -> str:
    """The one name of a colour space that goes by several; unknown ones as they are, in lower case."""
    plain = name.strip().lower()
    return next((space for space, others in _SPACES.items() if plain == space or plain in others), plain)


def look(frame: int, path: Path) -> Look:
    """Read one frame."""
    try:
        if path.is_symlink() or not path.is_file():
            return Look(frame=frame, path=path, fault="is a link, not a file" if path.is_symlink() else "is not there")
        if end := ENDS.get(path.suffix.lower()):
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 64))
                if end not in file.read():
                    return Look(frame=frame, path=path, fault="ends before its picture does: it is truncated")
    except OSError as error:
        return Look(frame=frame, path=path, fault=f"cannot be read: {error.strerror}")
    plain = OpenImageIO.ImageSpec()
    plain.attribute("oiio:UnassociatedAlpha", 1)
    source = OpenImageIO.ImageInput.open(str(path), plain)
    if source is None:
        return Look(frame=frame, path=path, fault=f"cannot be opened: {_complaint(OpenImageIO.geterror())}")
    try:
        return _looked(frame, path, source)
    finally:
        source.close()


def _looked(frame: int, path: Path, source: OpenImageIO.ImageInput) -> Look:
    spec = source.spec()
    if max(spec.width, spec.height, spec.full_width, spec.full_height) > SIZE_MAX or spec.depth > 1:
        return Look(frame=frame, path=path, fault=f"has a side of more than {SIZE_MAX} pixels")
    pixels = source.read_image(0, 0, 0, 3 if spec.nchannels >= 3 else 1, "float")
    if pixels is None:
        return Look(frame=frame, path=path, fault=f"cannot be read whole: {_complaint(source.geterror())}")
    is_linear = path.suffix.lower() == ".exr"
    return Look(frame=frame, path=path, **_header(spec, is_linear), **_values(pixels, is_linear))


def _complaint(text: str) -> str:
    return " ".join(text.split())[:160] or "it is no whole picture"


def _header(spec: OpenImageIO.ImageSpec, is_exr: bool) -> dict[str, Any]:
    windows = (spec.x, spec.y, spec.width, spec.height), (spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    told = spec.getattribute("colorInteropID") if is_exr else spec.getattribute("oiio:ColorSpace")
    flag = bool(spec.getattribute("acesImageContainerFlag"))
    return {
        "size": (spec.full_width, spec.full_height),
        "is_flat": windows[0] == windows[1],
        "channels": tuple(spec.channelnames),
        "kind": str(spec.format),
        "compression": str(spec.getattribute("compression") or "").partition(":")[0],
        "space": "lin_ap0_scene" if flag and not told else space_name(str(told or "")),
        "primaries": _primaries(spec.getattribute("chromaticities")),
        "rate": _rate(spec),
    }


def _primaries(told: Any) -> str:
    if told is None:
        return ""
    near = (name for name, known in _PRIMARIES.items() if np.allclose(told, known, atol=2e-3))
    return next(near, "?")


def _rate(spec: OpenImageIO.ImageSpec) -> Fraction | None:
    """Frames per second: a rational in an EXR's header, `platewright.rate` in a PNG's text."""
    told = spec.getattribute("framesPerSecond")
    try:
        if isinstance(told, tuple):
            return Fraction(int(told[0]), int(told[1]))
        text = told if told is not None else spec.getattribute("platewright.rate")
        return None if text is None else Fraction(str(text)).limit_denominator(100_000)
    except (ValueError, ZeroDivisionError):
        return None


def _values(pixels: npt.NDArray[np.float32], is_linear: bool) -> dict[str, Any]:
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(pixels).all(axis=2))
    known = pixels if finite.all() else np.where(finite[:, :, None], pixels, np.float32(0))
    high = float(known.max())
    ceiling = max(1.0, high) * (1 - CEILING_SLACK)
    at_top = known >= ceiling
    small = _small(known)
    display = pictures.srgb_from_linear(small) if is_linear else np.clip(small, 0.0, 1.0)
    ends = np.array([known.min(), high], dtype=np.float32)
    darkest, brightest = pictures.srgb_from_linear(ends) if is_linear else np.clip(ends, 0.0, 1.0)
    return {
        "not_finite": int(finite.size - np.count_nonzero(finite)),
        "low": float(ends[0]),
        "high": high,
        "brightest": float(brightest),
        "darkest": float(darkest),
        "mean": float(display.mean()),
        "white": float(at_top.all(axis=2).mean()),
        "topped": float(at_top.any(axis=2).mean()),
        "digest": hashlib.blake2b(pixels.tobytes()).digest(),
        "small": display,
    }


def _small(pixels: npt.NDArray[np.float32]) -> Small:
    """Grey, at most SMALL_SIDE wide, each pixel the mean of those it covers."""
    grey = pixels.mean(axis=2, dtype=np.float32)
    height, width = grey.shape
    scale = min(1.0, SMALL_SIDE / max(width, height))
    if scale == 1.0:
        return grey
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
