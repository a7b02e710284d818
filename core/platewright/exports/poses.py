"""Camera poses as text, the format of RealEstate10K, which CameraCtrl, VideoX-Fun and others read.

One line per frame behind a first line that names the video and that readers skip, space separated:

    time fx/width fy/height cx/width cy/height 0 0 + world-to-camera, 3x4, row major

OpenCV axes, so the poses are camera.json's, inverted. RealEstate10K counts time in microseconds (Zhou et al. 2018,
google.github.io/realestate10k/download.html); CameraCtrl and VideoX-Fun only carry the column along, and number frames.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..camera import CameraPath, Pose
from .shot import Shot


def text(camera: CameraPath, title: str, time_of: Callable[[int], int]) -> str:
    """All lines; `time_of` counts from the first frame, 0."""
    lines = [title]
    for index, (pose, lens) in enumerate(zip(camera.camera_to_world, camera.intrinsics, strict=True)):
        sides = (camera.width, camera.height, camera.width, camera.height)
        shares = [value / side for value, side in zip(lens, sides, strict=True)]
        numbers = [*shares, 0.0, 0.0, *camera_from_world(pose)]
        lines.append(" ".join([str(time_of(index)), *(f"{number:.12g}" for number in numbers)]))
    return "\n".join(lines) + "\n"


def camera_from_world(pose: Pose) -> list[float]:
    """The inverse of a rotation and a place: [R^T | -R^T t], 12 numbers, row major."""
    found: list[float] = []
    for axis in range(3):
        across = [pose[4 * row + axis] for row in range(3)]
        shift = -sum(across[row] * pose[4 * row + 3] for row in range(3))
        found += [*(value + 0.0 for value in across), shift + 0.0]
    return found


def re10k_name(shot: Shot) -> str:
    """What the RealEstate10K file is called."""
    return f"{shot.name}.re10k.txt"


def write_re10k(shot: Shot, part: Path, folder: Path) -> None:
    """Microseconds from the first frame; OSError."""
    del folder
    rate = shot.camera.rate
    part.write_text(text(shot.camera, shot.name, lambda index: round(index * 1_000_000 / rate)), "ascii", newline="\n")


def cameractrl_name(shot: Shot) -> str:
    """What the CameraCtrl file is called."""
    return f"{shot.name}.cameractrl.txt"


def write_cameractrl(shot: Shot, part: Path, folder: Path) -> None:
    """Frames numbered from 0; OSError."""
    del folder
    part.write_text(text(shot.camera, shot.name, int), "ascii", newline="\n")
