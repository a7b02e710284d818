"""What the add-on takes of Blender's main thread: enabling it, and one helping of reading a scene. CPU time.

    .venv-bpy/bin/python bench/addon.py [--objects 5000] [--repeats 5]

Enabling is measured in processes of their own, beside registering one empty panel, with byte code as Blender keeps it.
A helping is asked to end after 10 ms, as the window asks; beside it stands what Blender itself does afterwards: nothing
where no scene was set up.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import bpy

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "core")]
HELPING_SECONDS = 0.01
ENABLE = """
import sys, os, time
sys.path[:0] = {paths!r}
import bpy
class PLATEWRIGHT_PT_empty(bpy.types.Panel):
    bl_space_type, bl_region_type, bl_label = "VIEW_3D", "UI", "Empty"
    def draw(self, context): pass
started = time.process_time()
bpy.utils.register_class(PLATEWRIGHT_PT_empty)
empty = time.process_time()
import blender_addon
blender_addon.register()
print(empty - started, time.process_time() - empty, flush=True)
os._exit(0)
"""


def enabling(repeats: int) -> tuple[float, float]:
    """Median seconds of an empty panel, and of the add-on."""
    code = ENABLE.format(paths=sys.path[:2])
    with tempfile.TemporaryDirectory() as byte_code:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        kept["PYTHONPYCACHEPREFIX"] = byte_code
        command = [sys.executable, "-c", code]
        runs = [subprocess.run(command, capture_output=True, check=True, env=kept) for _ in range(repeats + 1)]
    pairs = [tuple(map(float, run.stdout.split()[-2:])) for run in runs[1:]]       # the first has written it
    return statistics.median(empty for empty, _ in pairs), statistics.median(own for _, own in pairs)


def crowd(count: int) -> bpy.types.Scene:
    """Many monkeys on a ground, and a camera that flies past."""
    from tests.blender.placed import plane
    from tests.blender.scenes import add, shot

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene, _ = shot(1, 24)
    plane(0.0)
    bpy.ops.mesh.primitive_monkey_add()
    model, places = bpy.context.object.data, random.Random(1)
    for number in range(count):
        thing = add(f"Thing {number}", model.copy())
        thing.location = places.uniform(-60.0, 60.0), places.uniform(0.0, 120.0), places.uniform(0.0, 3.0)
    bpy.context.view_layer.update()
    return scene


def reading(count: int) -> list[tuple[float, float]]:
    """Seconds of each helping, and of what Blender does after it."""
    from blender_addon.scene_geometry import GeometryReading
    from blender_addon.scene_read import camera_path

    scene = crowd(count)
    looking, helpings = GeometryReading(scene).along(camera_path(scene)), []
    bpy.context.view_layer.update()
    is_over = False
    while not is_over:
        started = process_time()
        is_over = looking.look(lambda done, total, until=started + HELPING_SECONDS: process_time() >= until)
        looked = process_time()
        bpy.context.view_layer.update()
        helpings.append((looked - started, process_time() - looked))
    return helpings


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--objects", type=int, default=5000)
    asked.add_argument("--repeats", type=int, default=5)
    options = asked.parse_args()
    empty, own = enabling(options.repeats)
    print(f"enabling: {own * 1e3:.1f} ms, an empty panel {empty * 1e3:.2f} ms, ratio {own / empty:.0f}")
    for count in (max(1, options.objects // 50), options.objects):
        helpings = reading(count)
        longest, after = (max(column) * 1e3 for column in zip(*helpings, strict=True))
        total = sum(map(sum, helpings))
        print(
            f"{count} objects: {len(helpings)} helpings, the longest {longest:.0f} ms,"
            f" Blender after one {after:.0f} ms, all {total:.1f} s",
            flush=True,
        )
    os._exit(0)                                    # the wheels before 5.0 can crash on their way out


if __name__ == "__main__":
    main()
