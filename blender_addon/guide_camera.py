"""A camera path put back into Blender: one camera object that stands and looks as each frame of it."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from platewright.camera import CameraPath

from .scene_stage import names_of

SENSOR_MM = 100.0                                  # wide, so that no focal length falls below what Blender takes
CLIP_UNITS = 1e-3, 1e7                             # where the path's own camera is not in the file


def place(
    camera: bpy.types.Object, render: bpy.types.RenderSettings, view: CameraPath, index: int, metres: float
) -> None:
    """Set the camera and the picture to a frame of `view`; `metres` per Blender unit.

    The inverse of `camera.from_blender` with the sensor fitted to the width: fx = lens / sensor * width,
    cx = width / 2 - shift_x * width, cy = height / 2 + shift_y * width / aspect, fy = fx / aspect.
    """
    pose, (fx, fy, cx, cy) = view.camera_to_world[index], view.intrinsics[index]
    aspect = fx / fy                               # pixel_aspect_y / pixel_aspect_x
    render.resolution_x, render.resolution_y, render.resolution_percentage = view.width, view.height, 100
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1.0 / aspect), max(1.0, aspect)
    data = camera.data
    data.sensor_fit, data.sensor_width, data.lens = "HORIZONTAL", SENSOR_MM, fx * SENSOR_MM / view.width
    data.shift_x = (view.width / 2 - cx) / view.width
    data.shift_y = (cy - view.height / 2) * aspect / view.width
    data.clip_start, data.clip_end = clip_of(view.cameras[index])
    right, down, forward = ((pose[axis], pose[4 + axis], pose[8 + axis]) for axis in range(3))
    rows = [(right[row], -down[row], -forward[row], pose[4 * row + 3] / metres) for row in range(3)]
    camera.matrix_world = Matrix((*rows, (0.0, 0.0, 0.0, 1.0)))


def clip_of(name: str) -> tuple[float, float]:
    """How near and how far the scene's own camera of that name sees, Blender units."""
    found = next((found for found in bpy.data.objects if found.type == "CAMERA" and name in names_of(found)), None)
    if found is None or found.data.clip_start >= found.data.clip_end:
        return CLIP_UNITS
    return found.data.clip_start, found.data.clip_end
