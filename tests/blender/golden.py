"""Golden numbers: random cameras, and where Blender draws points through them.

`PYTHON tests/blender/golden.py --write` makes tests/data/golden_camera.json anew, which is checked
with and without Blender.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests/data/golden_camera.json"
COUNT = 72
PERCENTAGES = (100, 100, 50, 33, 75)

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "core")]

import bpy  # noqa: E402 - the path is ready only now
from mathutils import Euler  # noqa: E402

from tests.blender import scenes  # noqa: E402


def build(index: int) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Camera number `index`: every fit and orientation, shift, pixel aspect, percentage, scaled parent, units."""
    draw = random.Random(1000 + index)
    scene = bpy.context.scene
    scene.frame_start = scene.frame_end = 1
    parent = scenes.add("Parent")
    parent.scale = (draw.choice((1.0, 0.01, 3.0, 100.0)),) * 3
    parent.rotation_euler = Euler([draw.uniform(-3, 3) for _ in range(3)])
    camera = scenes.add_camera()
    camera.parent = parent
    camera.location = [draw.uniform(-10, 10) / parent.scale.x for _ in range(3)]
    camera.rotation_euler = Euler([draw.uniform(-3, 3) for _ in range(3)])
    camera.scale = (draw.choice((1.0, 0.5, 2.0)),) * 3
    scene.camera = camera
    lens = camera.data
    lens.lens = draw.uniform(12, 120)
    lens.sensor_width, lens.sensor_height = draw.uniform(10, 40), draw.uniform(8, 30)
    lens.sensor_fit = ("AUTO", "HORIZONTAL", "VERTICAL")[index % 3]
    lens.shift_x, lens.shift_y = draw.uniform(-0.4, 0.4), draw.uniform(-0.4, 0.4)
    render = scene.render
    sides = sorted((draw.randrange(480, 1080), draw.randrange(1080, 1921)), reverse=index % 2 == 0)
    render.resolution_x, render.resolution_y = sides
    render.resolution_percentage = PERCENTAGES[index % len(PERCENTAGES)]
    render.pixel_aspect_x, render.pixel_aspect_y = draw.choice(((1, 1), (1, 1), (2, 1), (1, 1.5), (1.1, 1)))
    scene.unit_settings.system = draw.choice(("METRIC", "METRIC", "IMPERIAL", "NONE"))
    scene.unit_settings.scale_length = draw.choice((1.0, 1.0, 0.01))
    return scene, camera


def measure(index: int) -> dict[str, Any]:
    """What `from_blender` is given, and what Blender says."""
    scene, camera = build(index)
    seen = scenes.evaluated(scene, camera, 1)
    points = scenes.points_in_view(scene, seen, random.Random(index))
    is_whole = scene.render.resolution_percentage == 100
    width, height = scenes.size_of(scene)
    units = scene.unit_settings
    return {
        "matrix_world": [list(row) for row in seen.matrix_world],
        "lens_mm": seen.data.lens,
        "sensor_width_mm": seen.data.sensor_width,
        "sensor_height_mm": seen.data.sensor_height,
        "sensor_fit": seen.data.sensor_fit,
        "shift_x": seen.data.shift_x,
        "shift_y": seen.data.shift_y,
        "width": width,
        "height": height,
        "pixel_aspect_x": scene.render.pixel_aspect_x,
        "pixel_aspect_y": scene.render.pixel_aspect_y,
        "scale_length": 1.0 if units.system == "NONE" else round(units.scale_length, 6),
        "points": [list(point) for point in points],
        "calc_matrix_camera": [scenes.blender_pixel(scene, seen, point) for point in points],
        "world_to_camera_view": [scenes.view_pixel(scene, seen, point) for point in points] if is_whole else None,
    }


def write() -> None:
    """Measure every camera with this Blender and store the numbers."""
    cases = []
    for index in range(COUNT):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        cases.append(measure(index))
    rows = ",\n".join(json.dumps(case) for case in cases)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(f'{{"blender": "{bpy.app.version_string}", "cases": [\n{rows}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    write()
    sys.stdout.flush()
    os._exit(0)                                    # the wheels before 5.0 can crash on their way out
