"""Stand a plate behind a shot's camera and its render, save the shot, and render some of its frames.

    .venv-bpy/bin/python examples/demo_compose.py SHOT.blend PLATE_FOLDER --frames 1001,1048 --out DIR
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from blender_addon import scene_write  # noqa: E402
from platewright.errors import PlatewrightError  # noqa: E402

SAMPLES = 16                                       # a look, not a final: the denoiser does the rest
PERCENT = 50                                       # of the shot's size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shot", type=Path, help="the .blend; it is saved with the plate in it")
    parser.add_argument("plate", type=Path, help="folder of a finished plate")
    parser.add_argument("--frames", required=True, help="frames to render, as in 1001,1024,1048")
    parser.add_argument("--out", type=Path, required=True, help="folder for the composed frames")
    arguments = parser.parse_args()
    try:
        bring_in(arguments.shot.absolute(), arguments.plate.absolute())
        render([int(frame) for frame in arguments.frames.split(",")], arguments.out.absolute())
    except PlatewrightError as error:
        print(f"{error.code}: {error.for_people()}", file=sys.stderr)
        return error.exit_code
    return 0


def bring_in(shot: Path, plate: Path) -> None:
    """Open the shot, import the plate, save the shot where it was."""
    bpy.ops.wm.open_mainfile(filepath=str(shot), load_ui=False)
    imported = scene_write.import_plate(bpy.context.scene, plate, compositor=True)
    for note in imported.notes:
        print(note, flush=True)
    bpy.context.preferences.filepaths.save_version = 0           # one .blend, no .blend1 beside it
    bpy.ops.wm.save_mainfile(compress=True)
    print(f"{shot.name} saved.", flush=True)


def render(frames: list[int], folder: Path) -> None:
    """Render the frames over the plate, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = bpy.context.scene
    scene.cycles.samples = SAMPLES
    scene.render.resolution_percentage = PERCENT
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.use_persistent_data = True
    for count, frame in enumerate(frames, start=1):
        started = time.monotonic()
        scene.frame_set(frame)
        scene.render.filepath = str(folder / f"composed.{frame:04d}.png")
        bpy.ops.render.render(write_still=True)
        print(f"composed frame {frame} ({count} of {len(frames)}) in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
