"""Generate a plate for a shot, composite it behind the render, render frames; the exit code says whether all went well.

    blender -b SHOT.blend --python-exit-code 1 -P examples/render_with_plate.py -- --prompt "a foggy harbour" --out DIR

Uses the installed extension, or this checkout's own where none is enabled, as with Blender as a Python module:

    .venv-bpy/bin/python examples/render_with_plate.py --shot SHOT.blend --prompt "a foggy harbour" --out DIR
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parent.parent
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def main(words: Sequence[str]) -> int:
    """0 when every frame is on disk and whole; 1 with the reason on stderr; 2 when there is nothing to work on."""
    options = parser().parse_args(words)
    if options.shot and options.shot.is_file():
        bpy.ops.wm.open_mainfile(filepath=str(options.shot.absolute()), load_ui=False)
    if not bpy.data.filepath:
        print("There is no shot: its .blend is missing, damaged, or was not named.", file=sys.stderr)
        return 2
    enable_extension()
    try:
        plate = generate(options)
        frames = render(options.render, options.out.absolute())
    except RuntimeError as error:                  # what an operator reports as an error, its code in front
        print(error, file=sys.stderr)
        return 1
    print(f"{plate}\n{len(frames)} frames over it in {options.out}")
    return 0


def parser() -> argparse.ArgumentParser:
    """What stands behind `--`."""
    made = argparse.ArgumentParser(prog="render_with_plate.py", description=__doc__.splitlines()[0])
    made.add_argument("--shot", type=Path, help="the .blend, where Blender has not opened it already")
    made.add_argument("--prompt", required=True)
    made.add_argument("--model", default="draft")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--out", type=Path, required=True, help="folder for plates/ and for the rendered frames")
    made.add_argument("--render", type=frame_list, help="frames to render, as in 1001,1024 (default: all)")
    return made


def frame_list(text: str) -> list[int]:
    return [int(frame) for frame in text.split(",")]


def enable_extension() -> None:
    """Nothing to do where the extension is installed and enabled."""
    if hasattr(bpy.types.Scene, "platewright"):
        return
    sys.path[:0] = [str(ROOT), str(ROOT / "core")]
    os.environ.setdefault("PLATEWRIGHT_RUNTIME", str(ROOT / ".venv"))
    import blender_addon

    blender_addon.register()


def generate(options: argparse.Namespace) -> str:
    """Make the plate and stand it behind the camera and behind the render; its folder. Raises RuntimeError."""
    settings = bpy.context.scene.platewright
    settings.prompt, settings.model, settings.seed = options.prompt, options.model, options.seed
    settings.out = str(options.out.absolute() / "plates")
    bpy.ops.platewright.generate()                 # waits, in background mode
    bpy.ops.platewright.composite_plate(plate=settings.plate)
    return settings.plate


def render(numbers: list[int] | None, folder: Path) -> list[Path]:
    """Render the frames as PNG. Raises RuntimeError for one that is not whole: Blender itself would not tell."""
    scene = bpy.context.scene
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):            # from 5.0 it decides which formats there are
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode = "PNG", "RGB"
    written = []
    for number in numbers or range(scene.frame_start, scene.frame_end + 1):
        file = folder / f"{Path(bpy.data.filepath).stem}.{number:04d}.png"
        scene.frame_set(number)
        scene.render.filepath = str(file)
        bpy.ops.render.render(write_still=True)
        if not is_whole_png(file):
            raise RuntimeError(f"Frame {number} was not written whole: {file}. Is the disk full?")
        written.append(file)
    return written


def is_whole_png(file: Path) -> bool:
    """It begins and ends as a PNG does."""
    data = file.read_bytes() if file.is_file() else b""
    return data.startswith(PNG_START) and data.endswith(PNG_END)


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
