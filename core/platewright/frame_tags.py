"""What a frame says about itself: its time, its camera and where it came from, in words that headers take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

FILM_BACK_MM = 36.0                                # nominal width that a focal length in millimetres is told of
SQUARE = 0.005                                     # a pixel that differs by less from a square one is called square

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a frame says about itself."""

    rate: Fraction                                 # frames per second
    frame: int
    world_from_camera: Floats                      # 16 floats, row major, OpenCV axes
    intrinsics: Floats                             # fx, fy, cx, cy in pixels
    texts: Mapping[str, str]                       # `platewright.*`, ASCII

    def all_texts(self) -> dict[str, str]:
        """The texts, and those of time and lens."""
        return {
            **self.texts,
            "platewright.frame": str(self.frame),
            "platewright.rate": f"{self.rate.numerator}/{self.rate.denominator}",
            "platewright.intrinsics": " ".join(f"{value:.9g}" for value in self.intrinsics),
        }


def time_code(frame: int, rate: Fraction) -> tuple[int, int] | None:
    """SMPTE 12M words of a frame counted from 00:00:00:00, no drop frame; None where there is no code: above 30 fps."""
    per_second = round(rate)
    if frame < 0 or not 1 <= per_second <= 30:
        return None
    seconds, frames = divmod(frame, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    pairs = enumerate((frames, seconds, minutes, hours % 24))
    return sum((value // 10 << 4 | value % 10) << 8 * place for place, value in pairs), 0


# The camera, as OpenEXR's standard attributes want it ----------------------------------------------


def world_to_camera(world_from_camera: Floats) -> Floats:
    """EXR's worldToCamera, row major for row vectors (v * M), 16 floats; world metres, +Z up.

    Its camera is RenderMan's, left-handed: +X right, +Y up, +Z forward (OpenEXR, ImfStandardAttributes.h).
    """
    turned = np.diag([1.0, -1.0, 1.0, 1.0]) @ _camera_from_world(world_from_camera)
    return tuple(float(value) for value in turned.T.ravel())


def world_to_ndc(world_from_camera: Floats, intrinsics: Floats, width: int, height: int) -> Floats:
    """EXR's worldToNDC, likewise: (0, 0) is the display window's upper left corner and (1, 1) its lower right one.

    After the division by w; z tells nothing and is 1 in front of the camera. width and height in pixels.
    """
    fx, fy, cx, cy = intrinsics
    lens = np.array([
        [fx / width, 0.0, cx / width, 0.0], [0.0, fy / height, cy / height, 0.0],
        [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0],
    ])  # fmt: skip
    return tuple(float(value) for value in (lens @ _camera_from_world(world_from_camera)).T.ravel())


def pixel_aspect(intrinsics: Floats) -> float:
    """A pixel's width over its height, fy / fx; 1 where only a size rounded to whole pixels makes it another."""
    aspect = round(intrinsics[1] / intrinsics[0], 6)
    return 1.0 if abs(aspect - 1) < SQUARE else aspect


def film_back(intrinsics: Floats, width: int, height: int) -> tuple[float, tuple[float, float]]:
    """Focal length, and width and height of the sensor that it is meant for, in millimetres: the width is nominal."""
    fx, fy, _, _ = intrinsics
    return fx * FILM_BACK_MM / width, (FILM_BACK_MM, FILM_BACK_MM * (height / fy) / (width / fx))


def _camera_from_world(world_from_camera: Floats) -> npt.NDArray[np.floating]:
    return np.linalg.inv(np.array(world_from_camera, dtype=np.float64).reshape(4, 4))
