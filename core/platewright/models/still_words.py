"""A camera in words, for a model that draws what it is told and knows no lens.

Words are all that such a model takes, and it follows them more or less: nothing here makes a picture of the right angle
of view, it makes one likelier. What follows from the numbers exactly is the shape of the picture and nothing else.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from ..camera import CameraPath

FULL_FRAME_MM = 36.0                               # width of the film that photographers' millimetres mean
LENSES_MM = (18.0, 32.0, 42.0, 60.0, 105.0)
LENSES = (
    "an ultra wide-angle lens", "a wide-angle lens", "a moderately wide lens", "a normal lens",
    "a short telephoto lens", "a long telephoto lens",
)  # fmt: skip
PLACES = (0.0, 0.12, 0.28, 0.43, 0.57, 0.72, 0.88, 1.0)     # of the picture's height, from its top
HORIZONS = (
    "looking down, with no horizon and no sky in the picture",
    "looking down, the horizon at the very top of the picture",
    "looking slightly down, the horizon high in the picture",
    "the horizon in the upper third of the picture",
    "the horizon in the middle of the picture",
    "the horizon in the lower third of the picture",
    "looking slightly up, the horizon low in the picture",
    "looking up, the horizon at the very bottom of the picture",
    "looking up into the sky, with no horizon in the picture",
)
STEEP_DEG = 60.0
ROLL_DEG = 3.0                                     # less is called level
HEIGHTS_M = (0.6, 1.2, 2.2, 8.0, 40.0)
HEIGHTS = (
    "from close to the ground", "from a low viewpoint", "from eye level", "from a raised viewpoint",
    "from a high viewpoint", "aerial view",
)  # fmt: skip


def worded(prompt: str, camera: CameraPath, ground_m: float | None) -> str:
    """The prompt, and what the camera's first frame is like: lens, horizon, height above a ground that is known."""
    return f"{prompt.rstrip(' .')}. Photographed with {view_words(camera, ground_m)}."


def view_words(camera: CameraPath, ground_m: float | None) -> str:
    """Such as "a wide-angle lens (24 mm), the horizon in the upper third of the picture, level, from eye level"."""
    told = [lens_words(camera), *_horizon_words(camera)]
    if ground_m is not None:
        told.append(HEIGHTS[bisect_right(HEIGHTS_M, camera.camera_to_world[0][11] - ground_m)])
    return ", ".join(told)


def lens_words(camera: CameraPath) -> str:
    """By the angle of view across the width of the first frame, as on film 36 mm wide."""
    focal_mm = FULL_FRAME_MM * camera.intrinsics[0][0] / camera.width
    return f"{LENSES[bisect_right(LENSES_MM, focal_mm)]} ({focal_mm:.0f} mm)"


def tilt_deg(camera: CameraPath) -> float:
    """How far the first frame's axis looks up from level."""
    return math.degrees(math.asin(max(-1.0, min(1.0, camera.camera_to_world[0][10]))))


def horizon_share(camera: CameraPath) -> float:
    """Where the first frame's horizon crosses the column of the principal point: 0 at the top, 1 at the bottom.

    A ray (0, y, 1) is level where right_z * 0 + down_z * y + forward_z = 0, with the rows of the pose.
    """
    _, fy, _, cy = camera.intrinsics[0]
    down_z, forward_z = camera.camera_to_world[0][9], camera.camera_to_world[0][10]
    if abs(down_z) < 1e-9:
        return math.copysign(math.inf, forward_z)
    return (cy - fy * forward_z / down_z) / camera.height


def _horizon_words(camera: CameraPath) -> list[str]:
    tilt = tilt_deg(camera)
    if abs(tilt) > STEEP_DEG:
        return ["looking steeply down, seen from above" if tilt < 0 else "looking steeply up into the sky"]
    right_z, down_z = camera.camera_to_world[0][8], camera.camera_to_world[0][9]
    roll = math.degrees(math.atan2(right_z, -down_z))
    if abs(roll) > 90.0 - ROLL_DEG:
        return [f"camera rolled by {abs(roll):.0f} degrees"]
    level = "level" if abs(roll) < ROLL_DEG else f"tilted horizon, camera rolled by {abs(roll):.0f} degrees"
    return [HORIZONS[bisect_right(PLACES, horizon_share(camera))], level]
