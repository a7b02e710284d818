"""How much wider a picture must be than the plate, so that a lock has something to pull in from outside."""

from __future__ import annotations

import math

import numpy as np

from ..camera import CameraPath
from .views import Array, Views, rotation_from_vector

_AXES = 32                                         # directions of drift that are tried


def expected_overscan(camera: CameraPath, drift_deg: float) -> float:
    """The share of width and of height to add so that a turn of `drift_deg` about any axis uncovers nothing.

    Exact for a rotation: the picture's outline is turned about axes all around, roll included, and the farthest place
    it asks for counts, over all frames. A share of whole pixels on both sides: width * share / 2 is a whole number.
    Zero for no drift. RequestError E_SIZE where the wider picture is beyond what can be made comes from `overscanned`.
    """
    if drift_deg <= 0:
        return 0.0
    views = Views.of(camera)
    turns = rotation_from_vector(math.radians(drift_deg) * _axes())
    share = max(_reach(lens, camera.width, camera.height, turns) for lens in np.unique(views.lens, axis=0)) - 1.0
    return 2 * math.ceil(share * camera.width / 2) / camera.width


def overscanned(camera: CameraPath, overscan: float) -> CameraPath:
    """The same camera with a wider picture about it: `overscan` is the share of width and height that is added.

    Focal lengths in pixels stay, the principal point moves with the corner, each side grows by whole pixels: the plate
    is `cropped(left, top, width, height)` of it. RequestError E_SIZE beyond the largest size.
    """
    left, top = round(camera.width * overscan / 2), round(camera.height * overscan / 2)
    return camera.cropped(-left, -top, camera.width + 2 * left, camera.height + 2 * top)


def overscan_for(reach: Array, given: Views, wanted: Views) -> float:
    """The overscan that covers what reaches `reach` (F, 2) source pixels away from the middle of the pictures.

    Counted from the wanted picture, whatever overscan the pictures have already.
    """
    scale = wanted.lens[:, :2] / given.lens[:, :2]
    share = 2 * reach * scale / np.array([wanted.width, wanted.height]) - 1.0
    return max(0.0, float(share.max()))


def _axes() -> Array:
    """(N, 3) unit vectors all around: Fibonacci's sphere, and the camera's own axes."""
    steps = np.arange(_AXES) + 0.5
    z, angle = 1 - 2 * steps / _AXES, steps * math.pi * (3 - math.sqrt(5))
    around = np.column_stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])
    return np.concatenate([around, np.eye(3), -np.eye(3)])


def _reach(lens: Array, width: int, height: int, turns: Array) -> float:
    """How far the turned outline reaches from the picture's middle, in half widths or half heights."""
    x, y = np.meshgrid([0.0, width / 2, width], [0.0, height / 2, height])
    rays = np.stack([(x.ravel() - lens[2]) / lens[0], (y.ravel() - lens[3]) / lens[1], np.ones(x.size)])
    turned = turns @ rays
    depth = np.maximum(turned[:, 2], 1e-3)         # beside or behind the camera no overscan helps: far out
    across = turned[:, 0] / depth * lens[0] + lens[2] - width / 2
    down = turned[:, 1] / depth * lens[1] + lens[3] - height / 2
    return float(max(np.abs(across).max() / (width / 2), np.abs(down).max() / (height / 2)))
