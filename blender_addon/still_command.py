"""The first frame rendered from the open scene, for the command line: as a file, or on its way into `generate`.

What a model must see is the core's to say (`platewright still -o VIEW.json`); the picture is Blender's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from platewright.camera import CameraPath
from platewright.errors import PlateError, RequestError, WorkerMissing

from . import preferences, runtime, scene_picture
from .scene_child import die_with_parent

FROM = "--first-frame-from"
CHILD = "PLATEWRIGHT_STILL_CHILD"                  # set: our stdin is whoever waits, and its end is ours


def write(scene: bpy.types.Scene, path: CameraPath, words: Sequence[str]) -> int:
    """`still --model NAME -o FILE.png`: the answer is that of the core's own verb."""
    if CHILD in os.environ:
        die_with_parent()
    options, rest = _options(needs_output=True).parse_known_args(words)
    file = Path(options.output).absolute()
    view = seen_first(path, [*rest, *_wishes(options)])
    render(scene, view, file)
    answer = {"file": str(file), "frame": view.frames[0], "width": view.width, "height": view.height}
    answer["model"] = options.model
    told = "frame {frame} as {model} sees it first, {width}x{height} -> {file}".format(**answer)
    print(json.dumps(answer) if options.json else told)  # noqa: T201
    return 0


def led(scene: bpy.types.Scene, path: CameraPath, words: Sequence[str]) -> list[str]:
    """The words of `generate`, with a picture of the scene where they ask for one: `--first-frame-from render`."""
    options, _ = _options(needs_output=False).parse_known_args(words)
    if options.source != "render":
        return list(words)
    file = Path(bpy.app.tempdir) / "first_frame.png"
    render(scene, seen_first(path, _wishes(options)), file)
    kept = [word for number, word in enumerate(words) if not _is_source(words, number)]
    return [*kept, f"--first-frame={file}"]


def render(scene: bpy.types.Scene, view: CameraPath, file: Path) -> None:
    """Under its name when it is whole. Raises PlateError E_STILL_RENDER, E_OUT_IO."""
    part = file.with_name(f"{file.name}.part-{os.getpid()}")
    try:
        scene_picture.render(scene, view, part)
        os.replace(part, file)
    except OSError as error:
        raise PlateError("E_OUT_IO", f"{file} cannot be written: {error}.", "Choose another place.") from None
    finally:
        part.unlink(missing_ok=True)


def seen_first(path: CameraPath, words: Sequence[str]) -> CameraPath:
    """The camera of the model's first frame, as the core says. Raises RequestError, WorkerMissing."""
    folder = Path(bpy.app.tempdir)
    camera, view = folder / "camera.json", folder / "view.json"
    path.write(camera)
    own = preferences.own_runtime()
    line = ["still", "--camera", str(camera), *words, "-o", str(view), "--json"]
    command, environment = runtime.command_line(own, line)
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        said: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise WorkerMissing("E_NO_RUNTIME", f"{own.python} gave no answer: {error}.", runtime.NO_RUNTIME) from None
    if "error" in said:
        raise RequestError(*(str(said["error"].get(key, "")) for key in ("code", "message", "hint")))
    return CameraPath.read(view)


def _options(needs_output: bool) -> argparse.ArgumentParser:
    """What of the words decides the view; the rest is the core's to judge."""
    parser = argparse.ArgumentParser(prog="platewright", add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--model", default=None if needs_output else "draft")
    parser.add_argument("--size")
    parser.add_argument("--overscan")
    parser.add_argument("--no-lock", dest="lock", action="store_false")
    parser.add_argument("--no-check", dest="check", action="store_false")
    parser.add_argument(FROM, dest="source")
    if needs_output:
        parser.add_argument("-o", "--output", default="first_frame.png")
        parser.add_argument("--json", action="store_true")
    return parser


def _wishes(options: argparse.Namespace) -> list[str]:
    named = (("--model", options.model), ("--size", options.size), ("--overscan", options.overscan))
    words = [f"{flag}={value}" for flag, value in named if value is not None]
    return words if options.lock and options.check else [*words, "--no-lock"]


def _is_source(words: Sequence[str], number: int) -> bool:
    """Whether a word is the flag or its value."""
    return words[number].partition("=")[0] == FROM or (number > 0 and words[number - 1] == FROM)
