"""The command line: `platewright`, also `python -m platewright`.

Exit codes: 0 done · 1 failed · 2 bad request (never retry) · 3 requirement not met ·
4 retry elsewhere (out of memory, GPU lost) · 130 cancelled. With `--json` stdout is one JSON object
and progress goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from . import (
    __version__,
    commands,
    credential_commands,
    export_commands,
    ingest_commands,
    model_commands,
    narration,
    shot_commands,
)
from .commands import Answer
from .delivery_options import declare as declare_delivery
from .errors import Cancelled, PlatewrightError, RequestError
from .inputs import HANDLES
from .models import presets
from .protocol import GUIDE_KINDS, OVERSCAN_MAX, STILL_MODEL, TRIES_MAX, frame_range, plate_size
from .retime_options import declare as declare_retime
from .shot_options import declare as declare_shots
from .values import sun_direction


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    wants_json = "--json" in words
    try:
        _stop_like_ctrl_c()
        options = _parser().parse_args(words)
        answer = options.run(options)
    except PlatewrightError as error:
        return _refuse(error, wants_json)
    except KeyboardInterrupt:
        return _refuse(Cancelled(), wants_json)
    except Exception as error:  # noqa: BLE001
        # Whoever reads JSON gets JSON even for our own faults; the trace goes to stderr.
        traceback.print_exc()
        fault = PlatewrightError("E_INTERNAL", f"{type(error).__name__}: {error}", "Run `platewright doctor`.")
        return _refuse(fault, wants_json)
    print(json.dumps(answer, allow_nan=False) if wants_json else options.say(answer))
    return int(answer.get("exit_code", 0))


def _stop_like_ctrl_c() -> None:
    """A farm stops its jobs by SIGTERM: the plate's record must say cancelled, as it does for Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _refuse(error: PlatewrightError, wants_json: bool) -> int:
    if wants_json:
        print(json.dumps({"error": error.to_dict()}))
    print(f"platewright: {error.code}: {error.for_people()}", file=sys.stderr)
    return error.exit_code


_SUN = "towards the sun: azimuth from +X towards +Y and elevation, degrees"


# What people type --------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that `--json` answers a misspelt option too."""

    def error(self, message: str) -> NoReturn:
        raise RequestError("E_USAGE", f"{message[:1].upper()}{message[1:]}.", f"See `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="platewright", description="Background plates that follow your camera.")
    parser.add_argument("--version", action="version", version=f"platewright {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for name, summary, run, say, declare in _COMMANDS:
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        declare(command)
        command.add_argument("--json", action="store_true", help="answer with one JSON object on stdout")
        command.set_defaults(run=run, say=say)
    return parser


def _camera_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("shot", metavar="SHOT.blend")
    _shot_options(command)
    command.add_argument("-o", "--output", required=True, metavar="camera.json")


def _shot_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--scene", help="scene to read (default: the file's active scene)")
    command.add_argument("--camera-object", help="camera to read (default: the one Blender would render with)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="default: the scene's own range")
    command.add_argument("--blender", help="a Blender, or a Python that has bpy")
    trust = "run the Python drivers stored in the file; only for files you trust"
    command.add_argument("--allow-scripts", action="store_true", help=trust)


def _guide_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("shot", metavar="SHOT.blend", nargs="?", help="not needed for a grid along --camera")
    _shot_options(command)
    command.add_argument("--camera", metavar="camera.json", help="default: the camera of the shot")
    kinds = f"{','.join(GUIDE_KINDS)} (default: all; without a shot the grid)"
    command.add_argument("--kinds", "--kind", type=guide_kinds, metavar="KINDS", help=kinds)
    size = "of the camera's own picture; overscan comes on top (default: the camera's, at most 1280 on a side)"
    command.add_argument("--size", type=pixel_size, metavar="WxH", help=size)
    wider = "share of the width added around the view (default: what the models need that take a guide)"
    command.add_argument("--overscan", type=float, metavar="X", help=f"{wider}; 0 to {OVERSCAN_MAX:g}")
    command.add_argument("--ground", type=float, metavar="Z", help="height of the grid in metres (default: 0)")
    made = "a new folder for `generate --guide`"
    command.add_argument("-o", "--output", "--out", required=True, metavar="DIR", help=made)
    command.add_argument("--view", metavar="FILE", help="only write the view that is to be rendered, as a camera.json")
    command.add_argument("--passes", metavar="DIR", help="take what was rendered for that view from DIR")


def _still_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("shot", metavar="SHOT.blend", nargs="?", help="not needed for the view alone")
    _shot_options(command)
    command.add_argument("--camera", metavar="camera.json", help="the camera (default: the shot's)")
    command.add_argument("--model", required=True, help="the model that starts from the picture")
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="the plate's size, as for generate")
    command.add_argument("--overscan", type=float, metavar="X", help="as for generate")
    command.add_argument("--no-lock", dest="lock", action="store_false", help="as for generate: no overscan by default")
    what = "the picture; or, as .json, the camera to render it with elsewhere"
    command.add_argument("-o", "--output", required=True, metavar="FILE.png", help=what)


def _generate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--camera", metavar="camera.json", help="with --from: if it has changed since")
    again = "a plate of which --frames A-B are made again, or made more; its other frames are copied"
    command.add_argument("--from", dest="source", metavar="PLATE", help=again)
    beyond = "frames beyond --frames at either end, as part of the plate; without --frames the camera's outermost ones"
    measured = f"with --from they hold the part, or are made to measure its joins (default: {HANDLES})"
    command.add_argument("--handles", type=int, metavar="N", help=f"{beyond} (default: 0); {measured}")
    command.add_argument("--prompt", help="what the place looks like")
    command.add_argument("--negative", help="what the picture should not show")
    command.add_argument("--model", help="default: draft")
    command.add_argument("--seed", type=int, help="default: 0; 0 to 2^63-1; -1 draws one and records it")
    command.add_argument("--steps", type=int)
    command.add_argument("--guidance", type=float)
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="the plate's size (default: the camera's)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="part of the camera's range")
    declare_shots(command)
    declare_retime(command)
    drift = "share of the width added around the view, for the lock to pull in (default: what the model's drift needs)"
    command.add_argument("--overscan", type=float, metavar="X", help=f"{drift}; 0 to {OVERSCAN_MAX:g}")
    lock = "make the pictures follow the camera, or leave the model's as it is (default: lock; with --plate never)"
    command.add_argument("--lock", action=argparse.BooleanOptionalAction, help=lock)
    skip = "do not measure how well the plate follows; neither is it locked then"
    command.add_argument("--no-check", dest="check", action="store_false", help=skip)
    needed = ("follows", "locked")
    command.add_argument("--require", choices=needed, default="", help="exit with 3 when the verdict is less")
    tries = f"plates to choose from, with the seeds that follow; at most {TRIES_MAX}"
    command.add_argument("--tries", type=int, default=1, metavar="N", help=tries)
    depth = "the scene's own depth: a folder of EXR, depth.1001.exr ..., planar metres, for all or some frames"
    command.add_argument("--guide", metavar="DIR", help=f"{depth}; or what `platewright guide` has made")
    which = "what of the guide the model is shown (default: what it prefers of what is there)"
    command.add_argument("--guide-kind", choices=GUIDE_KINDS, help=which)
    seen = "what the camera sees at its first frame, for models that start from a picture"
    led = command.add_mutually_exclusive_group()
    led.add_argument("--first-frame", metavar="IMG", help=seen)
    led.add_argument("--first-frame-from", choices=("prompt",), help="or made of the prompt by a text-to-image model")
    drawn = "that model, or its folder (default: %(default)s)"
    command.add_argument("--still-model", default=STILL_MODEL, metavar="NAME", help=drawn)
    command.add_argument("--still-seed", type=int, metavar="N", help="that model's seed (default: the plate's, --seed)")
    given = "frames to paint into, numbered like the scene's and as large as the plate, such as a filmed foreground"
    command.add_argument("--plate", metavar="DIR", help=given)
    whose = "who may use the first frame, guide or plate that is given: mine, 'licensed: by whom' or unknown"
    command.add_argument("--rights", metavar="TEXT", help=f"{whose} (default: asked once)")
    where = "for --plate, a picture or a folder of them: white is painted, black is kept bit for bit, grey a soft edge"
    command.add_argument("--mask", metavar="PATH", help=where)
    command.add_argument("--ground", type=float, metavar="Z", help="height of the scene's ground in metres")
    sun = f"{_SUN}; write --sun=AZ,EL where it is negative"
    command.add_argument("--sun", type=sun_direction, metavar="AZ,EL", help=sun)
    memory = f"{', '.join(presets.NAMES)}, or more behind a +: docs/models.md (default: by the memory that is free)"
    command.add_argument("--preset", metavar="NAME", help=memory)
    command.add_argument("--device", help="auto (the default), cpu, cuda, cuda:N, mps")
    command.add_argument("--format", choices=("exr", "png"), help="default: exr")
    declare_delivery(command)
    signed = "give the plate Content Credentials (default: where `platewright credentials` names a key)"
    command.add_argument("--sign", action=argparse.BooleanOptionalAction, help=signed)
    told = "what they tell of the prompt: its hash, or the text as well (default: as was chosen with the key)"
    command.add_argument("--prompt-told", choices=credential_commands.PROMPTS, help=told)
    tokens = "{shot}, {camera}, {scene}, {first}, {last}, {model}, {seed}, {width}, {height}"
    own = "default: {camera}, of shots {shot}"
    command.add_argument("--name", help=f"the plate's name; may hold {tokens} ({own})")
    command.add_argument("--out", default=".", metavar="DIR", help="where versions go (default: here)")


def _decode_options(command: argparse.ArgumentParser) -> None:
    what = "a file of latents that a model has left, or a folder of one plate's; generate says where they are"
    command.add_argument("latents", metavar="LATENTS", help=what)
    command.add_argument("--out", required=True, metavar="DIR", help="where versions go")
    command.add_argument("--name", help="the plate's name (default: what it had)")
    command.add_argument("--format", choices=("exr", "png"), help="default: what it had")
    command.add_argument("--device", default="cpu", help="cpu (the default), auto, cuda, cuda:N, mps")


def _run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("job", metavar="JOB.json")
    command.add_argument("--version", type=int, metavar="N", help="the version this job owns")
    command.add_argument("--resume", action="store_true", help="continue a plate that was interrupted")
    command.add_argument("--result", metavar="FILE", help="also write the answer, or the error, to this file")
    whose = "who may use what it is made from: mine, 'licensed: by whom' or unknown"
    command.add_argument("--rights", metavar="TEXT", help=f"{whose} (default: what the job says, or was said before)")


def _measure_options(command: argparse.ArgumentParser) -> None:
    frames = "a plate, or a folder of exr, png or jpg with a frame number in each name"
    command.add_argument("frames", metavar="FRAMES_OR_PLATE", help=frames)
    command.add_argument("--camera", metavar="camera.json", help="the camera it should follow (default: the plate's)")
    depth = "the scene's own depth in metres, an EXR for all or some frames, as the whole picture of the camera sees it"
    command.add_argument("--scene-depth", metavar="DIR", help=depth)
    command.add_argument("--ground", type=float, metavar="Z", help="height of the scene's ground in metres")
    command.add_argument("--mask", metavar="PATH", help="what moves: a picture or a folder of them, white is ignored")
    command.add_argument("--ocio", metavar="CONFIG", help="the config.ocio of a plate in a studio's own colours")


def _check_options(command: argparse.ArgumentParser) -> None:
    _measure_options(command)
    files = "also leave match.json, match.png, solve.json and points.ply here"
    command.add_argument("--out", metavar="DIR", help=files)


def _lock_options(command: argparse.ArgumentParser) -> None:
    _measure_options(command)
    command.add_argument("--to", choices=("far", "ground", "region"), default="far", help="what is pinned")
    command.add_argument("--region", metavar="PIC", help="for --to region: a picture or a folder, white is pinned")
    edges = "what to do where the pictures end before the plate does"
    command.add_argument("--uncovered", choices=("fill", "refuse"), default="fill", help=edges)
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="the new plate's size (default: the frames')")
    larger = "enlarge the pictures by this super-resolution model first (needs spandrel)"
    command.add_argument("--upscale", metavar="MODEL.safetensors", help=larger)
    command.add_argument("--device", default="auto", help="for --upscale: auto (the default), cpu, cuda, cuda:N, mps")
    command.add_argument("--name", help="the new plate's name (default: the plate's, or the camera's)")
    command.add_argument("--format", choices=("exr", "png"), default="exr")
    command.add_argument("--out", required=True, metavar="DIR", help="where versions go")


def _no_options(command: argparse.ArgumentParser) -> None:
    del command


def _conditioning_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--camera", required=True, metavar="camera.json")
    command.add_argument("--model", required=True)
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="used as given (default: the model's own)")
    command.add_argument("-o", "--output", required=True, metavar="FILE.safetensors")


def guide_kinds(text: str) -> tuple[str, ...]:
    """`depth,edges`, each once, in the order of GUIDE_KINDS."""
    wanted = [word.strip() for word in text.split(",")]
    if strangers := [word for word in wanted if word not in GUIDE_KINDS]:
        raise argparse.ArgumentTypeError(f"{strangers[0]!r} is none of {', '.join(GUIDE_KINDS)}")
    return tuple(kind for kind in GUIDE_KINDS if kind in wanted)


def pixel_size(text: str) -> tuple[int, int]:
    """`1920x1080` in pixels."""
    width, _, height = text.lower().partition("x")
    try:
        return plate_size((int(width), int(height)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1920x1080") from None


_COMMANDS: list[tuple[str, str, Callable[..., Answer], Callable[[Answer], str], Callable[..., None]]] = [
    ("camera", "Write the camera path of a .blend as camera.json.", commands.camera, narration.say_camera,
     _camera_options),
    ("guide", "Render what the camera sees of a scene as a guide for models.", commands.guide, narration.say_guide,
     _guide_options),
    ("still", "Render what a model must see at its first frame.", commands.still, narration.say_still,
     _still_options),
    ("generate", "Make a plate that follows a camera.", commands.generate, commands.say_generated, _generate_options),
    ("run", "Make the plate of a job file; safe to retry.", commands.run, narration.say_plate, _run_options),
    ("decode", "Make the plate of latents that are there: decode, lock and write.", commands.decode,
     narration.say_plate, _decode_options),
    ("check", "Measure how well frames follow a camera.", commands.check, narration.say_check, _check_options),
    ("lock", "Make frames follow their camera, as a new version.", commands.lock, narration.say_plate, _lock_options),
    ("verify", "Say where a plate comes from, and whether it is as it was made.", credential_commands.verify,
     credential_commands.say_words, credential_commands.declare_verify),
    ("sign", "Give a plate Content Credentials.", credential_commands.sign, credential_commands.say_sign,
     credential_commands.declare_sign),
    ("credentials", "Say which key signs; make one, or name yours.", credential_commands.shown,
     credential_commands.say, credential_commands.declare),
    ("ingest", "Find what a studio's check would find in a plate.", ingest_commands.run, ingest_commands.say,
     ingest_commands.declare),
    ("shots", "List the shots of a camera that cuts; begin a list of prompts for them.", shot_commands.listed,
     shot_commands.say_listed, shot_commands.declare_list),
    ("storyboard", "Draw one still per shot on a sheet, in seconds.", shot_commands.storyboard,
     shot_commands.say_storyboard, shot_commands.declare_storyboard),
    ("export", "Give other programs a plate's camera, frames and lens.", export_commands.export, export_commands.say,
     export_commands.declare),
    ("models", "List the models and their licences; fetch, verify or remove one.", model_commands.listed,
     model_commands.say_listed, model_commands.declare),
    ("conditioning", "Save the camera tensors a model is given.", commands.conditioning, narration.say_conditioning,
     _conditioning_options),
    ("doctor", "Say what is wrong with this installation.", commands.doctor, narration.say_doctor, _no_options),
]
