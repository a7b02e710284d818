"""The distortion of a movie clip's lens, as Blender's motion tracking solves it: rays to pixels and back.

camera.json keeps the lens as `lens_distortion`, in Blender's words (bpy.types.MovieTrackingCamera). Blender measures
in square pixels as wide as the clip's own, y up, from the principal point; n is undistorted and divided by the focal
length, d distorted:

    POLYNOMIAL  d = n (1 + k1 r^2 + k2 r^4 + k3 r^6)                                     r = |n|
    DIVISION    d = n / (1 + k1 r^2 + k2 r^4)                                            r = |n|
    BROWN       d = n (1 + k1 r^2 + ... + k4 r^8) + (p1 (r^2 + 2 x^2) + 2 p2 x y, p2 (r^2 + 2 y^2) + 2 p1 x y)
    NUKE        n = s d / f / (1 + k1 r^2 + k2 r^4 + (p1 y^2, p2 x^2))       r = |d|, d in s: half the longer side

after libmv, intern/libmv/libmv/simple_pipeline/distortion_models.h in Blender's sources (Nuke's p1 and p2 from 5.1
on). What has no closed form is solved by Newton's method. Beyond the point where a model folds back onto itself there
is no picture: NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import RequestError

Points = npt.NDArray[np.float64]                   # (..., 2)
_Map = Callable[[Points], Points]

NAMES = {                                          # as in bpy.types.MovieTrackingCamera, in the order of the formulas
    "POLYNOMIAL": ("k1", "k2", "k3"),
    "DIVISION": ("division_k1", "division_k2"),
    "NUKE": ("nuke_k1", "nuke_k2", "nuke_p1", "nuke_p2"),
    "BROWN": ("brown_k1", "brown_k2", "brown_k3", "brown_k4", "brown_p1", "brown_p2"),
}
STEPS_MAX = 40
CLOSE = 1e-12                                      # a step this short ends the solution: 1e-9 px and less
_H = 1e-6                                          # of the difference quotient


@dataclass(frozen=True, slots=True)
class ClipLens:
    """A clip's lens; pixels are its own, from the top-left corner, centres at +0.5."""

    model: str
    coefficients: tuple[float, ...]                # in the order of NAMES
    focal_px: float                                # in widths of a pixel
    centre_px: tuple[float, float]                 # from the top-left corner
    pixel_aspect: float                            # width over height
    size: tuple[int, int]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ClipLens:
        """From `lens_distortion` of a camera.json; RequestError E_LENS names what is wrong with it."""
        try:
            model = str(document["model"])
            names, given = NAMES[model], document["coefficients"]
            if strange := set(given) - set(names):
                raise KeyError(f"coefficient {min(strange)}")
            width, height = (int(side) for side in document["size"])
            right, up = (float(value) for value in document["principal_point_px"])
            focal_px, aspect = float(document["focal_length_px"]), float(document["pixel_aspect"])
            values = tuple(float(given.get(name, 0.0)) for name in names)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unusable(f"{error} is missing or not understood") from None
        numbers = np.array([right, up, focal_px, aspect, *values])
        if not np.isfinite(numbers).all() or min(width, height, focal_px, aspect) <= 0:
            raise _unusable("a number in it is no usable one")
        return cls(model, values, focal_px, (right, height - up), aspect, (width, height))

    def rays(self, pixels: Points) -> Points:
        """Undistorted (x right, y down) at depth 1 of what distorted pixels show; NaN beyond a fold."""
        shown = self._square(pixels)
        if self.model == "NUKE":
            return self._turned(_guarded(self._nuke, shown / self._half) * self._half / self.focal_px)
        return self._turned(_solved(self._spread, shown / self.focal_px))

    def pixels(self, rays: Points) -> Points:
        """Where the clip shows rays (x right, y down) at depth 1; NaN beyond a fold."""
        straight = self._turned(rays)
        if self.model == "NUKE":
            return self._clip(_solved(self._nuke, straight * self.focal_px / self._half) * self._half)
        return self._clip(_guarded(self._spread, straight) * self.focal_px)

    @property
    def _half(self) -> float:
        """What Nuke's model measures in."""
        return max(self.size[0], int(self.size[1] / self.pixel_aspect)) / 2

    def _square(self, pixels: Points) -> Points:
        """From the principal point in square pixels, y up."""
        return (pixels - self.centre_px) * (1.0, -1.0 / self.pixel_aspect)

    def _clip(self, square: Points) -> Points:
        return square * (1.0, -self.pixel_aspect) + self.centre_px

    @staticmethod
    def _turned(points: Points) -> Points:
        return points * (1.0, -1.0)

    def _spread(self, n: Points) -> Points:
        x, y = n[..., 0], n[..., 1]
        r2 = x * x + y * y
        if self.model == "DIVISION":
            k1, k2 = self.coefficients
            return n / (1 + r2 * (k1 + r2 * k2))[..., None]
        if self.model == "POLYNOMIAL":
            k1, k2, k3 = self.coefficients
            return n * (1 + r2 * (k1 + r2 * (k2 + r2 * k3)))[..., None]
        k1, k2, k3, k4, p1, p2 = self.coefficients
        across = p1 * (r2 + 2 * x * x) + 2 * p2 * x * y
        along = p2 * (r2 + 2 * y * y) + 2 * p1 * x * y
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4))))[..., None]
        return n * radial + np.stack([across, along], axis=-1)

    def _nuke(self, d: Points) -> Points:
        k1, k2, p1, p2 = self.coefficients
        squares = d * d
        r2 = squares.sum(axis=-1)
        common = 1 + r2 * (k1 + r2 * k2)
        return d / np.stack([common + p1 * squares[..., 1], common + p2 * squares[..., 0]], axis=-1)


def _solved(bend: _Map, target: Points) -> Points:
    """The points that `bend` takes to `target`, by Newton's method from the target itself."""
    with np.errstate(all="ignore"):                # what runs away becomes NaN, which is the answer there
        found = target.copy()
        for _ in range(STEPS_MAX):
            bent, slopes = _slopes(bend, found)
            step = _divided(bent - target, slopes)
            found -= step
            if not (np.abs(step) > CLOSE).any():
                break
        bent, slopes = _slopes(bend, found)
        is_found = (np.abs(bent - target).max(axis=-1) < 1e-9) & _keeps_side(slopes)
    return np.where(is_found[..., None], found, np.nan)


def _guarded(bend: _Map, points: Points) -> Points:
    """`bend`, and NaN where it has folded back."""
    with np.errstate(all="ignore"):
        bent, slopes = _slopes(bend, points)
        return np.where(_keeps_side(slopes)[..., None], bent, np.nan)


def _slopes(bend: _Map, points: Points) -> tuple[Points, Points]:
    """`bend` and its Jacobian (..., 2, 2), by differences about each point."""
    columns = [(bend(points + step) - bend(points - step)) / (2 * _H) for step in _H * np.eye(2)]
    return bend(points), np.stack(columns, axis=-1)


def _divided(values: Points, slopes: Points) -> Points:
    """The inverse of each 2x2 times each vector."""
    (a, b), (c, d) = (slopes[..., 0, 0], slopes[..., 0, 1]), (slopes[..., 1, 0], slopes[..., 1, 1])
    x, y = values[..., 0], values[..., 1]
    return np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]


def _keeps_side(slopes: Points) -> npt.NDArray[np.bool_]:
    """Whether neighbours stay neighbours on their own side: a positive determinant and trace."""
    a, d = slopes[..., 0, 0], slopes[..., 1, 1]
    return (a * d - slopes[..., 0, 1] * slopes[..., 1, 0] > 0) & (a + d > 0)


def _unusable(why: str) -> RequestError:
    hint = "Read the camera again with `platewright camera SHOT.blend`, from a clip whose lens is solved."
    return RequestError("E_LENS", f"The lens distortion of the camera file is not usable: {why}.", hint)
