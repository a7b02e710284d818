"""`blender -b SHOT.blend --command platewright VERB ...`: the command line with the camera and range of the open scene.

What needs the scene is read here; everything else is the core's own command line, run by the worker's Python with the
words as they came. Its exit code becomes Blender's. What is no PlatewrightError ends with its trace and code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NoReturn

import bpy

from platewright.camera import CameraPath
from platewright.errors import PlatewrightError, RequestError, WorkerMissing
from platewright.protocol import frame_range

from . import guide_command, preferences, runtime, scene_geometry, scene_read, shot_command, still_command
from .scene_geometry import SceneGeometry

USAGE = """usage: blender -b SHOT.blend --command platewright VERB [options]

  camera -o camera.json          write the camera path of the scene
  still --model NAME -o FILE.png render what a model must see at its first frame
  generate --prompt TEXT         make a plate that follows the scene's camera
  check PLATE                    measure how well a plate, or any frames, follow the scene's camera
  lock PLATE --out DIR           make a version that is locked to the scene's camera
  shots                          list the shots: markers that bind cameras (-o shots.json begins a list of prompts)
  storyboard -o SHEET.png        draw a still of each shot on one sheet
  generate --shots all           make a plate of each shot
  guide -o DIR                   render depth, edges, clay and grid of the scene, for models that paint over them

All take --scene NAME, --camera-object NAME and --frames A-B; the rest is as in `VERB --help`. The scene's ground, sun
and depth are read and go along, unless they are given by hand or left out by --no-scene. Prompts and seeds that markers
hold go along with --shots, unless a --shot-list is given.
With --first-frame-from render a plate starts from a picture of the scene.
Every other verb of `platewright` works too, and leaves the scene alone."""

HELP = {"-h", "--help"}
HANDLES_MAX = 1000                                 # more the core refuses

SceneVerb = Callable[[CameraPath, SceneGeometry | None, Sequence[str]], int]


def execute(words: list[str]) -> int:
    """Run one command; the answer is Blender's exit code."""
    with answers_alone_on_stdout("--json" in words):
        try:
            return run(words)
        except PlatewrightError as error:
            print(f"platewright: {error.code}: {error.for_people()}", file=sys.stderr)
            if "--json" in words:
                print(json.dumps({"error": error.to_dict()}))
            return error.exit_code


@contextmanager
def answers_alone_on_stdout(is_wanted: bool) -> Iterator[None]:
    """With --json the answer is the last line of stdout: what Blender says from now to its end goes to stderr.

    What it said while it was loading the file is out already, or waits in a buffer that is emptied at the end.
    """
    if not is_wanted:
        yield
        return
    sys.stdout.flush()
    answers = os.dup(1)
    os.dup2(2, 1)
    with open(answers, "w", encoding="utf-8") as file, redirect_stdout(file):
        yield


def run(words: Sequence[str]) -> int:
    """Read the scene where the verb needs it, hand over the rest."""
    verb = words[0] if words else "--help"
    if verb in HELP:
        print(USAGE)
        return 0
    refuse_missing_blend()
    read = SCENE_VERBS.get(verb)
    if (read is None and verb != "still") or HELP & set(words):
        return hand_over(words)
    if not bpy.data.filepath:
        hint = f"blender -b SHOT.blend --command platewright {verb} ..."
        raise RequestError("E_NO_BLEND", "No .blend is open.", hint)
    options, rest = scene_options().parse_known_args(words[1:])
    scene = scene_read.find_scene(options.scene)
    camera = scene_read.find_camera(scene, options.camera_object)
    frames = with_handles(options.frames, rest) if verb == "generate" else options.frames
    path = scene_read.camera_path(scene, camera=camera, frames=frames)
    is_read = options.is_scene_read and verb in GEOMETRY_FLAGS
    geometry = shot_command.geometry_of(scene, path, rest) if is_read else None
    shot_command.refuse_passing(rest)
    rest = shot_command.with_list(scene, verb, path, rest)
    if read is None:
        return still_command.write(scene, path, rest)
    return read(path, geometry, still_command.led(scene, path, rest) if verb == "generate" else rest)


def with_handles(cut: tuple[int, int] | None, words: Sequence[str]) -> tuple[int, int] | None:
    """The cut's frames and its handles, which the core takes for the outermost frames of the camera that it is given.

    Of a plate that is made anew in part handles are something else, and how many there may be the core says.
    """
    parser = Parser(prog="platewright generate", add_help=False, allow_abbrev=False)
    parser.add_argument("--handles", type=int, default=0)
    parser.add_argument("--from", dest="plate")
    options, _ = parser.parse_known_args(words)
    if cut is None or options.plate or not 0 < options.handles <= HANDLES_MAX:
        return cut
    return cut[0] - options.handles, cut[1] + options.handles


def write_camera(path: CameraPath, _geometry: SceneGeometry | None, words: Sequence[str]) -> int:
    """camera.json, and the answer that `platewright camera` gives."""
    parser = Parser(prog="platewright camera", allow_abbrev=False)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    path.write(Path(options.output))
    answer = path.answer(Path(options.output))
    words_for_people = "{camera}: frames {first}-{last}, {width}x{height}, {fps:g} fps -> {file}".format(**answer)
    print(json.dumps(answer) if options.json else "\n  ".join([words_for_people, *path.warnings]))
    return 0


def make_guide(path: CameraPath, _geometry: SceneGeometry | None, words: Sequence[str]) -> int:
    """What this Blender renders of the scene, made a guide by the core."""
    return hand_over(guide_command.rendered(scene_read.find_scene(path.scene), path, words))


def with_camera(verb: str) -> SceneVerb:
    """The verb of the core's command line that is given this camera, in the worker's Python."""

    def run_verb(path: CameraPath, geometry: SceneGeometry | None, words: Sequence[str]) -> int:
        file = Path(bpy.app.tempdir) / "camera.json"
        path.write(file)
        known = flags_of(geometry, GEOMETRY_FLAGS[verb], words) if geometry else []
        return hand_over([verb, "--camera", str(file), *known, *words])

    return run_verb


def list_shots(path: CameraPath, _geometry: SceneGeometry | None, words: Sequence[str]) -> int:
    """The core's list of the shots of this camera."""
    file = Path(bpy.app.tempdir) / "camera.json"
    path.write(file)
    return hand_over(["shots", str(file), *words])


def flags_of(geometry: SceneGeometry, names: Mapping[str, str], words: Sequence[str]) -> list[str]:
    """What the scene knows, in the verb's own flags; those that were given by hand are left to the hand."""
    print(f"platewright: {geometry.words()}", file=sys.stderr)
    guide = geometry.write(shot_command.lasting(words) / scene_geometry.GUIDE)
    known = {
        "ground": None if geometry.ground_m is None else f"{geometry.ground_m:.17g}",
        "sun": None if geometry.sun is None else "{:.17g},{:.17g}".format(*geometry.sun),
        "depth": guide.path if guide else None,
    }
    given = {word.partition("=")[0] for word in words}
    return [f"{flag}={known[what]}" for what, flag in names.items() if known[what] and flag not in given]


GEOMETRY_FLAGS = {
    "generate": {"ground": "--ground", "sun": "--sun", "depth": "--guide"},
    "storyboard": {"ground": "--ground", "sun": "--sun"},
    **{verb: {"ground": "--ground", "depth": "--scene-depth"} for verb in ("check", "lock")},
}

SCENE_VERBS: dict[str, SceneVerb] = {
    "camera": write_camera,
    "guide": make_guide,
    "shots": list_shots,
    **{verb: with_camera(verb) for verb in ("generate", "storyboard", "check", "lock")},
}


def hand_over(words: Sequence[str]) -> int:
    """Run the core's command line and pass its exit code on; it ends with this Blender. Raises WorkerMissing."""
    own = preferences.own_runtime()
    command, environment = runtime.command_line(own, words)
    sys.stdout.flush()
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stdout, check=False)
    except OSError as error:
        why = f"{own.python} cannot be run: {error.strerror}."
        raise WorkerMissing("E_NO_RUNTIME", why, runtime.NO_RUNTIME) from None
    return done.returncode if done.returncode >= 0 else 1


def refuse_missing_blend() -> None:
    """Blender only prints that a file is missing or damaged, and goes on with an empty scene."""
    before = sys.argv[: next((i for i, word in enumerate(sys.argv) if word in {"-c", "--command"}), 0)]
    named = [word for word in before if Path(word).suffix.startswith(".blend")]
    if named and not bpy.data.filepath:
        hint = "Check the path; Blender's own message is above."
        raise RequestError("E_BLEND", f"{named[-1]} could not be opened.", hint)


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that `--json` answers a misspelt option too."""

    def error(self, message: str) -> NoReturn:
        raise RequestError("E_USAGE", f"{message[:1].upper()}{message[1:]}.", f"See `{self.prog} --help`.")


def scene_options() -> argparse.ArgumentParser:
    """What chooses the camera inside the file, and whether its scene is read."""
    parser = Parser(prog="platewright", add_help=False, allow_abbrev=False)
    parser.add_argument("--scene")
    parser.add_argument("--camera-object")
    parser.add_argument("--frames", type=frame_range)
    parser.add_argument("--no-scene", dest="is_scene_read", action="store_false")
    return parser
