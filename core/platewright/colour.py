"""Colour: from a model's display picture to the values of a file, and back, by exact curves and matrices.

Picture   float32 (height, width, 3), display-referred sRGB, 0..1. Out of range is clipped: models make SDR.
Space     what a file's values mean. The curve is IEC 61966-2-1's, both ways; primaries are those of ITU-R BT.709 and of
          the Academy (AP0: SMPTE ST 2065-1; AP1: S-2014-004); white moves from D65 to the Academy's by Bradford. A
          matrix is computed from its primaries (SMPTE RP 177) and its rows sum to 1: grey stays grey.

No tone curve is undone: display white is 1.0 in every linear space. `studio_colour` is for whoever wants otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.floating]
Chromaticities = tuple[float, ...]                 # x and y of red, green, blue and white

REC709: Chromaticities = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
REC2020: Chromaticities = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)
P3: Chromaticities = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
AP0: Chromaticities = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
AP1: Chromaticities = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_NO_CHANGE = np.eye(3)
_BAND = 32                                         # rows


# Between primaries -------------------------------------------------------------------------------


def matrix_between(source: Chromaticities, target: Chromaticities) -> Matrix:
    """(3, 3) for column vectors of linear RGB; each row sums to 1. Bradford where the whites differ."""
    return np.linalg.inv(_xyz_from_rgb(target)) @ _adapted(source, target) @ _xyz_from_rgb(source)


def _xyz_from_rgb(primaries: Chromaticities) -> Matrix:
    """SMPTE RP 177: the primaries scaled so that their sum is the white of luminance 1."""
    columns = np.column_stack([_xyz(*primaries[place : place + 2]) for place in (0, 2, 4)])
    return columns * np.linalg.solve(columns, _xyz(*primaries[6:]))


def _xyz(x: float, y: float) -> Matrix:
    return np.array([x / y, 1.0, (1 - x - y) / y]) if y else np.array([x, y, 1 - x - y])


def _adapted(source: Chromaticities, target: Chromaticities) -> Matrix:
    if source[6:] == target[6:]:
        return _NO_CHANGE
    gain = (_BRADFORD @ _xyz(*target[6:])) / (_BRADFORD @ _xyz(*source[6:]))
    return np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD


# Spaces ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """What the values of a file mean."""

    name: str                                      # as people type it
    interop_id: str                                # of the Color Interop Forum, read by Blender 5 and OpenImageIO
    blender: str                                   # what Blender calls it
    primaries: Chromaticities
    is_linear: bool
    from_rec709: Matrix                            # of linear light

    def stored(self, display: Picture) -> Picture:
        """The values of a file that show this display picture."""
        if not self.is_linear:
            return np.clip(display, 0.0, 1.0)
        linear = linear_from_srgb(display)
        return linear if self.from_rec709 is _NO_CHANGE else mixed(linear, self.from_rec709)

    def shown(self, stored: Picture) -> Picture:
        """The display picture of a file's values; what a display cannot show is clipped."""
        if not self.is_linear:
            return np.clip(stored, 0.0, 1.0)
        is_plain = self.from_rec709 is _NO_CHANGE
        return srgb_from_linear(stored if is_plain else mixed(stored, np.linalg.inv(self.from_rec709)))

    @property
    def is_known_everywhere(self) -> bool:
        """Whether whoever reads the file's header finds the way back."""
        return True

    @property
    def undone(self) -> str:
        """The view that was undone; none ever is."""
        return ""

    def told(self, frame_format: str, compression: str) -> dict[str, Any]:
        """The manifest's words on values, and on how they came from the model's."""
        steps = ["model output, display-referred sRGB"]
        if self.is_linear:
            steps.append("inverse sRGB curve, IEC 61966-2-1")
        if self.from_rec709 is not _NO_CHANGE:
            rows = "; ".join(" ".join(f"{value:.9f}" for value in row) for row in self.from_rec709)
            steps.append(f"matrix from Rec.709 to {self.name}, Bradford: {rows}")
        is_exr = frame_format == "exr"
        return {
            "space": self.interop_id,
            "blender": self.blender,
            "steps": steps,
            "bits": "half float" if is_exr else "8",
            "compression": compression if is_exr else "deflate",
        }


class Encoding(Protocol):
    """How display pictures become a file's values: a `Space`, or a studio's own way."""

    @property
    def interop_id(self) -> str: ...
    @property
    def primaries(self) -> Chromaticities: ...
    @property
    def is_known_everywhere(self) -> bool: ...
    @property
    def undone(self) -> str: ...
    def stored(self, display: Picture) -> Picture: ...
    def shown(self, stored: Picture) -> Picture: ...
    def told(self, frame_format: str, compression: str) -> dict[str, Any]: ...


SRGB = Space("srgb", "srgb_rec709_scene", "sRGB", REC709, False, _NO_CHANGE)
LINEAR = Space("linear-rec709", "lin_rec709_scene", "Linear Rec.709", REC709, True, _NO_CHANGE)
ACESCG = Space("acescg", "lin_ap1_scene", "ACEScg", AP1, True, matrix_between(REC709, AP1))
ACES = Space("aces2065-1", "lin_ap0_scene", "ACES2065-1", AP0, True, matrix_between(REC709, AP0))
SPACES: Mapping[str, Space] = {space.name: space for space in (SRGB, LINEAR, ACESCG, ACES)}
OF_FORMAT = {"exr": LINEAR, "png": SRGB}           # unless something else is asked for


_ONLY_READ = (
    Space("srgb", "srgb_rec709_display", "sRGB", REC709, False, _NO_CHANGE),
    Space("linear-rec2020", "lin_rec2020_scene", "Linear Rec.2020", REC2020, True, matrix_between(REC709, REC2020)),
    Space("linear-p3", "lin_p3d65_scene", "Linear DCI-P3 D65", P3, True, matrix_between(REC709, P3)),
)
UNSAID = ("", "unknown")                           # names of a space that say nothing


def space_named(interop_id: str) -> Space | None:
    """The space of this name, if it is one that is known."""
    return next((space for space in (*SPACES.values(), *_ONLY_READ) if space.interop_id == interop_id), None)


def space_of(interop_id: str, primaries: Chromaticities | None) -> Space:
    """What an EXR's header says of its values; Linear Rec.709 where it says nothing that is known."""
    named = space_named(interop_id)
    if named or not primaries:
        return named or LINEAR
    linear = (space for space in (*SPACES.values(), *_ONLY_READ) if space.is_linear)
    return next((space for space in linear if np.allclose(space.primaries, primaries, atol=1e-3)), LINEAR)


# Curves ------------------------------------------------------------------------------------------


def linear_from_srgb(display: Picture) -> Picture:
    """IEC 61966-2-1 decoding, exact; 0..1 in, 0..1 out. Band by band: what a core's cache holds takes half the time."""
    linear = np.empty(display.shape, np.float32)
    for top in range(0, len(display), _BAND):
        linear[top : top + _BAND] = _decoded(display[top : top + _BAND])
    return linear


def _decoded(display: Picture) -> Picture:
    display = np.clip(display, 0.0, 1.0, dtype=np.float32)
    curve = (display + np.float32(0.055)) * np.float32(1 / 1.055)
    return np.where(display <= 0.04045, display * np.float32(1 / 12.92), cv2.pow(curve, 2.4))


def srgb_from_linear(linear: Picture) -> Picture:
    """IEC 61966-2-1 encoding, exact; 0..1 in, 0..1 out."""
    linear = np.clip(linear, 0.0, 1.0, dtype=np.float32)
    curve = np.float32(1.055) * cv2.pow(linear, 1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curve)


def mixed(picture: Picture, matrix: Matrix) -> Picture:
    """Each pixel's RGB times a (3, 3) matrix."""
    return np.asarray(cv2.transform(np.ascontiguousarray(picture), matrix.astype(np.float32)), np.float32)


def bytes_from_display(display: Picture) -> npt.NDArray[np.uint8]:
    """8-bit codes, rounded to nearest; out of range is clipped."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(display, 0.0), alpha=255.0), np.uint8)
