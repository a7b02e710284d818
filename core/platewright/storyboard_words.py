"""What stands below a panel of a storyboard: the lens, and what the camera does, in a few words. No picture library.

A move is told from where the camera is at the shot's first frame to where it is at the last: "push in 2.3 m".
"""

from __future__ import annotations

import math

from .camera import CameraPath, Pose

SENSOR_MM = 36.0                                   # across the longer side of the picture: what a lens is told for
LEAST_M, LEAST_DEG, LEAST_ZOOM = 0.05, 1.0, 0.01   # less is called standing still
LEAST_SHARE = 0.3                                  # of the longest move or widest turn; less is not worth a word
MOVES = (("truck right", "truck left"), ("boom down", "boom up"), ("push in", "pull back"))
TURNS = (("pan right", "pan left"), ("tilt up", "tilt down"))


def lens_mm(camera: CameraPath, index: int) -> float:
    """The focal length of frame `index` for a sensor that is SENSOR_MM across the longer side, millimetres."""
    fx, fy, _, _ = camera.intrinsics[index]
    return SENSOR_MM / max(camera.width / fx, camera.height / fy)


def lens_words(camera: CameraPath) -> str:
    """`35 mm`, or of a zoom `24-50 mm`: as it is at the first frame and at the last."""
    first, last = lens_mm(camera, 0), lens_mm(camera, -1)
    is_zoom = abs(last / first - 1) > LEAST_ZOOM
    return f"{first:.3g}\u2013{last:.3g} mm" if is_zoom else f"{first:.3g} mm"


def move_words(camera: CameraPath) -> str:
    """`push in 2.3 m, pan left 12°`; `the camera stands` where it does nothing at all, `moves and returns` likewise."""
    first, last = camera.camera_to_world[0], camera.camera_to_world[-1]
    said = [*_said(_moved(first, last), MOVES, LEAST_M, " m"), *_said(_turned(first, last), TURNS, LEAST_DEG, "°")]
    if said:
        return ", ".join(said)
    return "static" if len(set(camera.camera_to_world)) == 1 else _restless(camera)


def _restless(camera: CameraPath) -> str:
    """Of a camera that ends where it began."""
    first = camera.camera_to_world[0]
    is_moved = any(max(map(abs, _moved(first, pose))) > LEAST_M for pose in camera.camera_to_world)
    is_turned = any(max(map(abs, _turned(first, pose))) > LEAST_DEG for pose in camera.camera_to_world)
    return "moves and comes back" if is_moved or is_turned else "almost static"


def _said(amounts: tuple[float, ...], words: tuple[tuple[str, str], ...], least: float, unit: str) -> list[str]:
    longest = max(map(abs, amounts))
    return [
        f"{pair[amount < 0]} {abs(amount):.{0 if abs(amount) >= 10 else 1}f}{unit}"
        for amount, pair in zip(amounts, words, strict=True)
        if abs(amount) > max(least, LEAST_SHARE * longest)
    ]


def _moved(first: Pose, last: Pose) -> tuple[float, float, float]:
    """Metres to the right, down and ahead, as the camera stands at first."""
    step = [last[4 * row + 3] - first[4 * row + 3] for row in range(3)]
    right, down, ahead = (math.fsum(first[4 * row + axis] * step[row] for row in range(3)) for axis in range(3))
    return right, down, ahead


def _turned(first: Pose, last: Pose) -> tuple[float, float]:
    """Degrees to the right and up, against the world's horizon."""
    (heading, rise), (new_heading, new_rise) = map(_looks, (first, last))
    pan = (heading - new_heading + 180) % 360 - 180
    return pan, new_rise - rise


def _looks(pose: Pose) -> tuple[float, float]:
    """Where a camera heads, degrees from +X towards +Y, and how far above the horizon it looks.

    One that looks straight up or down heads where the top of its picture points.
    """
    forward = pose[2], pose[6], pose[10]
    top = -pose[1], -pose[5]
    flat = forward[:2] if math.hypot(*forward[:2]) > 0.014 else (-math.copysign(1, forward[2]) * each for each in top)
    x, y = flat
    return math.degrees(math.atan2(y, x)), math.degrees(math.asin(max(-1.0, min(1.0, forward[2]))))
