"""Nuke's .chan: one line per frame, `frame tx ty tz rx ry rz vfov`, tabs, degrees, Y-up metres.

The file does not say its rotation order; ours is Nuke's default, ZXY, and the file's name says so. Nor does it know a
lens shift or a pixel aspect: `warnings` tells when that matters. The columns are those that Nuke's Import chan file
and the Blender add-on io_anim_nuke_chan read.
"""

from __future__ import annotations

import math
from pathlib import Path

from ..camera import CameraPath
from .shot import Shot
from .turning import euler_zxy_deg, y_up_camera

SHIFT_PX = 0.01


def name(shot: Shot) -> str:
    """What the file is called."""
    return f"{shot.name}_ZXY.chan"


def text(camera: CameraPath) -> str:
    """All lines. vfov = 2 atan(height / (2 fy)); angles go on from frame to frame without a leap of 360 degrees."""
    lines: list[str] = []
    angles = (0.0, 0.0, 0.0)
    for frame, pose, (_, fy, _, _) in zip(camera.frames, camera.camera_to_world, camera.intrinsics, strict=True):
        matrix = y_up_camera(pose)
        angles = euler_zxy_deg(matrix, angles)
        vfov_deg = math.degrees(2 * math.atan(camera.height / (2 * fy)))
        numbers = (*(row[3] for row in matrix[:3]), *angles, vfov_deg)
        lines.append("\t".join([str(frame), *(f"{number:.12g}" for number in numbers)]))
    return "\n".join(lines) + "\n"


def write(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; OSError."""
    del folder
    part.write_text(text(shot.camera), encoding="ascii", newline="\n")


def warnings(shot: Shot) -> tuple[str, ...]:
    """What the format cannot say of this camera."""
    camera = shot.camera
    off_px = max(
        max(abs(cx - camera.width / 2), abs(cy - camera.height / 2)) for _, _, cx, cy in camera.intrinsics
    )
    if off_px <= SHIFT_PX:
        return ()
    why = f"a .chan knows no lens shift, and this camera's centre is {off_px:.2f} px off: use nuke or usd instead."
    return (f"W_CHAN_SHIFT: {why}",)
