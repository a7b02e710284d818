"""How much faster the camera's own scene is than evaluating everything: `.venv-bpy/bin/python bench/camera.py`.

One run, one scene of deforming objects, three ways to read the same camera. Compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

Answer = TypeVar("Answer")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

import bpy  # noqa: E402                            # after the path, like the two below

from blender_addon import camera_views, scene_read  # noqa: E402
from tests.blender import scenes  # noqa: E402


def main() -> None:
    """Build the scene, time the three ways, print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=240)
    options = parser.parse_args()
    scene, camera = heavy_scene(options.objects, options.frames)
    numbers = list(range(1, options.frames + 1))
    own, fast = timed(lambda: read_alone(scene, camera, numbers))
    whole, path = timed(lambda: scene_read.camera_path(scene))
    plain, real = timed(lambda: [camera_views.look(scene, camera, number) for number in numbers])
    print(f"Blender {bpy.app.version_string}, {options.objects} deforming objects, {options.frames} frames")
    print(f"  plain frame_set             {plain:9.3f} s")
    print(f"  the camera's own scene      {own:9.3f} s   {plain / own:8.0f} times faster")
    print(f"  camera_path, with its check {whole:9.3f} s   {plain / whole:8.0f} times faster")
    same = all(camera_views.agree(a, b) for a, b in zip(real, fast, strict=True))
    print(f"  the same camera on every frame: {'yes' if same else 'NO'}; warnings: {path.warnings or 'none'}")
    sys.stdout.flush()
    os._exit(0 if same else 1)                     # the wheels before 5.0 can crash on their way out


def heavy_scene(objects: int, frames: int) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """Cubes that are subdivided and waved anew on every frame, and an animated camera on a moving crane."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene, camera = scenes.shot(1, frames)
    crane = scenes.add("Crane")
    scenes.keys(crane, "rotation_euler", {1: (0, 0, 0), frames: (0, 0, 1)})
    camera.parent = crane
    for index in range(objects):
        cube = scenes.tetrahedron(f"Body {index}")
        cube.location = (index % 40, index // 40, 0)
        cube.modifiers.new("Round", "SUBSURF").levels = 3
        cube.modifiers.new("Wave", "WAVE").speed = 0.1
    return scene, camera


def read_alone(scene: bpy.types.Scene, camera: bpy.types.Object, numbers: list[int]) -> list[camera_views.View]:
    """The fast path alone."""
    with camera_views.own_scene(scene, camera, camera) as probe:
        return [camera_views.look(probe, camera, number) for number in numbers]


def timed(task: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds, and what came out."""
    started = perf_counter()
    answer = task()
    return perf_counter() - started, answer


if __name__ == "__main__":
    main()
