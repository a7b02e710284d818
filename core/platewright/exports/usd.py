"""A USD camera as text (.usda): Z-up, metres, one transform per frame, as UsdGeomCamera defines it.

Apertures, their offsets and the focal length are tenths of a unit, here of a metre: 36 mm is 0.36. The camera looks
along its -Z with +Y up; USD multiplies row vectors, so a matrix is written transposed. Every frame has a whole matrix
in doubles: Blender's own exporter writes Euler angles in floats, which leap at half turns.

    window   x from hoff - h/2 to hoff + h/2 over the width, so  cx = width / 2 - hoff width / h
             y from voff - v/2 to voff + v/2 over the height, up, so  cy = height / 2 + voff height / v
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..camera import CameraPath
from .turning import constant, gl_camera

if TYPE_CHECKING:
    from .shot import Shot  # reads pictures, which a Blender's Python cannot

APERTURE = 0.36                                    # tenths of a metre: the picture's width on a 36 mm film back
CLIPPING_METRES = (0.1, 10_000.0)


def name(shot: Shot) -> str:
    """What the file is called."""
    return f"{shot.name}.usda"


def text(camera: CameraPath, title: str) -> str:
    """The whole stage: `/Camera`, with the camera's frames as time codes."""
    width, height = camera.width, camera.height
    focal = [fx * APERTURE / width for fx, _, _, _ in camera.intrinsics]
    tall = [length * height / fy for length, (_, fy, _, _) in zip(focal, camera.intrinsics, strict=True)]
    channels = {
        "focalLength": focal,
        "horizontalAperture": [APERTURE] * len(camera),
        "verticalAperture": tall,
        "horizontalApertureOffset": [(width / 2 - cx) * APERTURE / width for _, _, cx, _ in camera.intrinsics],
        "verticalApertureOffset": [
            (cy - height / 2) * side / height for side, (_, _, _, cy) in zip(tall, camera.intrinsics, strict=True)
        ],
    }
    lines = [
        "#usda 1.0", "(", '    defaultPrim = "Camera"', f'    doc = "Platewright {__version__}: {title}"',
        f"    endTimeCode = {camera.frames[-1]}", f"    framesPerSecond = {float(camera.rate)!r}",
        "    metersPerUnit = 1", f"    startTimeCode = {camera.frames[0]}",
        f"    timeCodesPerSecond = {float(camera.rate)!r}", '    upAxis = "Z"', ")", "",
        'def Camera "Camera"', "{",
        "    float2 clippingRange = ({:g}, {:g})".format(*CLIPPING_METRES),
        *(line for channel, values in channels.items() for line in _floats(channel, camera.frames, values)),
        '    token projection = "perspective"',
        "    matrix4d xformOp:transform.timeSamples = {",
        *(f"        {frame}: {_transposed(gl_camera(pose))}," for frame, pose in _poses(camera)),
        "    }", '    uniform token[] xformOpOrder = ["xformOp:transform"]', "}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def write(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; OSError."""
    del folder
    part.write_text(text(shot.camera, shot.name), encoding="ascii", newline="\n")


def _poses(camera: CameraPath) -> list[tuple[int, tuple[float, ...]]]:
    return list(zip(camera.frames, camera.camera_to_world, strict=True))


def _floats(channel: str, frames: Sequence[int], values: Sequence[float]) -> list[str]:
    if constant(values):
        return [f"    float {channel} = {values[0] + 0.0:.9g}"]
    samples = (f"        {frame}: {value + 0.0:.9g}," for frame, value in zip(frames, values, strict=True))
    return [f"    float {channel}.timeSamples = {{", *samples, "    }"]


def _transposed(rows: Sequence[Sequence[float]]) -> str:
    columns = ("(" + ", ".join(repr(row[column]) for row in rows) + ")" for column in range(4))
    return "( " + ", ".join(columns) + " )"
