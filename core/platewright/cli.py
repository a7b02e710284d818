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
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from . import __version__, narration
from .camera import CameraPath
from .errors import Cancelled, PlatewrightError, RequestError
from .protocol import Job, PlateRequest, frame_range, plate_name, plate_size

Answer = dict[str, Any]


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


# The commands ------------------------------------------------------------------------------------


def _camera(options: argparse.Namespace) -> Answer:
    from . import host

    path = host.read_camera(
        Path(options.shot),
        scene=options.scene,
        camera=options.camera_object,
        frames=options.frames,
        blender=options.blender,
        allow_scripts=options.allow_scripts,
    )
    path.write(Path(options.output))
    return path.answer(Path(options.output))


def _generate(options: argparse.Namespace) -> Answer:
    camera = CameraPath.read(Path(options.camera))
    if options.frames:
        camera = camera.window(*options.frames)
    request = PlateRequest(
        camera=camera,
        prompt=options.prompt,
        negative=options.negative,
        model=options.model,
        seed=options.seed,
        steps=options.steps,
        guidance=options.guidance,
        size=options.size,
        frame_format=options.format,
        device=options.device,
    ).checked()
    name = plate_name(options.name or "{camera}", camera)
    job = Job(request=request, name=name, out=str(Path(options.out).resolve()), id=request.sha256[:12])
    return _make(job, resume=False)


def _run(options: argparse.Namespace) -> Answer:
    try:
        answer = _make(_read_job(Path(options.job), options.version), options.resume)
    except (PlatewrightError, KeyboardInterrupt) as stopped:
        error = stopped if isinstance(stopped, PlatewrightError) else Cancelled()
        _leave_result(options, {"error": error.to_dict(), "exit_code": error.exit_code})
        raise
    _leave_result(options, answer)
    return answer


def _leave_result(options: argparse.Namespace, answer: Answer) -> None:
    """A farm that keeps no stdout finds the answer, or the error, in the file it named."""
    from . import disk

    if options.result:
        disk.write_json(Path(options.result), answer)


def _read_job(path: Path, version: int | None) -> Job:
    """Read job.json. A camera given as text is a file, and relative paths start, at the job's own folder."""
    from . import disk

    try:
        data = disk.read_json(path)
    except FileNotFoundError:
        raise RequestError("E_FILE_MISSING", f"There is no {path}.", "Check the path.") from None
    except (OSError, ValueError) as error:
        raise RequestError("E_JOB", f"{path} cannot be read: {error}.", "Compare it with examples/.") from None
    request = data.get("request")
    if isinstance(request, dict) and isinstance(request.get("camera"), str):
        request["camera"] = CameraPath.read(path.parent / request["camera"]).to_dict()
    if isinstance(request, dict) and request.get("seed") == -1:
        message = "A job that may be retried needs a seed of its own; -1 would draw another each time."
        raise RequestError("E_VALUE", message, "Write a seed into the job.")
    job = Job.from_dict(data)
    return Job(
        request=job.request,
        name=job.name,
        out=str((path.parent / job.out).resolve()),
        version=version or job.version,
        id=job.id or job.request.sha256[:12],
    )


def _make(job: Job, resume: bool) -> Answer:
    from . import engine

    return engine.make_plate(job, narration.Narrator(), resume)


def _verify(options: argparse.Namespace) -> Answer:
    from . import provenance

    return provenance.verify(Path(options.plate)).to_dict()


def _models(options: argparse.Namespace) -> Answer:
    from . import models

    del options
    return {"models": [asdict(card) for card in models.cards()]}


def _conditioning(options: argparse.Namespace) -> Answer:
    from safetensors.numpy import save

    from . import disk, models

    camera = CameraPath.read(Path(options.camera))
    tensors = models.conditioning(options.model, camera, options.size)
    disk.write_bytes(Path(options.output), save(tensors, metadata={"model": options.model}))
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return {"file": str(Path(options.output).resolve()), "tensors": shapes}


def _doctor(options: argparse.Namespace) -> Answer:
    from . import doctor

    del options
    answer = doctor.report(doctor.examine())
    return {**answer, "exit_code": 0 if answer["ok"] else 1}


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
    command.add_argument("--scene", help="scene to read (default: the file's active scene)")
    command.add_argument("--camera-object", help="camera to read (default: the one Blender would render with)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="default: the scene's own range")
    command.add_argument("--blender", help="a Blender, or a Python that has bpy")
    trust = "run the Python drivers stored in the file; only for files you trust"
    command.add_argument("--allow-scripts", action="store_true", help=trust)
    command.add_argument("-o", "--output", required=True, metavar="camera.json")


def _generate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--camera", required=True, metavar="camera.json")
    command.add_argument("--prompt", default="", help="what the place looks like")
    command.add_argument("--negative", default="", help="what the picture should not show")
    command.add_argument("--model", default="draft")
    command.add_argument("--seed", type=int, default=0, help="0 to 2^63-1; -1 draws one and records it")
    command.add_argument("--steps", type=int)
    command.add_argument("--guidance", type=float)
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="the plate's size (default: the camera's)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="part of the camera's range")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N, mps")
    command.add_argument("--format", choices=("exr", "png"), default="exr")
    command.add_argument("--name", help="the plate's name; may hold {camera} and {scene} (default: {camera})")
    command.add_argument("--out", default=".", metavar="DIR", help="where versions go (default: here)")


def _run_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("job", metavar="JOB.json")
    command.add_argument("--version", type=int, metavar="N", help="the version this job owns")
    command.add_argument("--resume", action="store_true", help="continue a plate that was interrupted")
    command.add_argument("--result", metavar="FILE", help="also write the answer, or the error, to this file")


def _verify_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("plate", metavar="PLATE")


def _no_options(command: argparse.ArgumentParser) -> None:
    del command


def _conditioning_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--camera", required=True, metavar="camera.json")
    command.add_argument("--model", required=True)
    command.add_argument("--size", type=pixel_size, metavar="WxH", help="used as given (default: the model's own)")
    command.add_argument("-o", "--output", required=True, metavar="FILE.safetensors")


def pixel_size(text: str) -> tuple[int, int]:
    """`1920x1080` in pixels."""
    width, _, height = text.lower().partition("x")
    try:
        return plate_size((int(width), int(height)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1920x1080") from None


_COMMANDS: list[tuple[str, str, Callable[..., Answer], Callable[[Answer], str], Callable[..., None]]] = [
    ("camera", "Write the camera path of a .blend as camera.json.", _camera, narration.say_camera, _camera_options),
    ("generate", "Make a plate that follows a camera.", _generate, narration.say_plate, _generate_options),
    ("run", "Make the plate of a job file; safe to retry.", _run, narration.say_plate, _run_options),
    ("verify", "Check a plate against its manifest.", _verify, narration.say_verify, _verify_options),
    ("models", "List the models, their licences and what can run here.", _models, narration.say_models, _no_options),
    ("conditioning", "Save the camera tensors a model is given.", _conditioning, narration.say_conditioning,
     _conditioning_options),
    ("doctor", "Say what is wrong with this installation.", _doctor, narration.say_doctor, _no_options),
]
