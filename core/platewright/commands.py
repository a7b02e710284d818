"""What each verb of the command line does: options in, a JSON object out.

What is heavy is imported by the verb that needs it.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import narration
from .camera import CameraPath
from .errors import Cancelled, PlatewrightError, RequestError
from .protocol import INPUTS, Input, Job, PlateRequest, plate_name

if TYPE_CHECKING:
    from . import relock

Answer = dict[str, Any]


def camera(options: argparse.Namespace) -> Answer:
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


def generate(options: argparse.Namespace) -> Answer:
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
        overscan=options.overscan,
        lock=options.check and not options.plate if options.lock is None else options.lock,
        ground_m=options.ground,
        sun=options.sun,
        guide=Input.of(Path(options.guide)) if options.guide else None,
        first_frame=Input.of(Path(options.first_frame)) if options.first_frame else None,
        plate=Input.of(Path(options.plate)) if options.plate else None,
        mask=Input.of(Path(options.mask)) if options.mask else None,
    ).checked()
    job = Job(
        request=request,
        name=plate_name(options.name or "{camera}", camera),
        out=str(Path(options.out).resolve()),
        id=request.sha256[:12],
        check=options.check,
        require=options.require,
        tries=options.tries,
    )
    return _make(job, resume=False)


def run(options: argparse.Namespace) -> Answer:
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
    """Read job.json. A camera or an input given as text is a file; relative paths start at the job's own folder."""
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
    for name in INPUTS:
        if isinstance(request, dict) and request.get(name) is not None:
            request[name] = _read_input(request[name], path.parent)
    if isinstance(request, dict) and request.get("seed") == -1:
        message = "A job that may be retried needs a seed of its own; -1 would draw another each time."
        raise RequestError("E_VALUE", message, "Write a seed into the job.")
    job = Job.from_dict(data)
    out = str((path.parent / job.out).resolve())
    return replace(job, out=out, version=version or job.version, id=job.id or job.request.sha256[:12])


def _read_input(given: Any, folder: Path) -> Any:
    """An input as a request has it; one without a hash is what lies there now."""
    if isinstance(given, str):
        return Input.of(folder / given).to_dict()
    if isinstance(given, dict) and isinstance(given.get("path"), str):
        return {**given, "path": str((folder / given["path"]).resolve())}
    return given


def _make(job: Job, resume: bool) -> Answer:
    from . import engine

    return engine.make_plate(job, narration.Narrator(), resume)


def verify(options: argparse.Namespace) -> Answer:
    from . import provenance

    return provenance.verify(Path(options.plate)).to_dict()


def models(options: argparse.Namespace) -> Answer:
    from . import models as backends

    del options
    return {"models": [asdict(card) for card in backends.cards()]}


def conditioning(options: argparse.Namespace) -> Answer:
    from safetensors.numpy import save

    from . import disk
    from . import models as backends

    camera = CameraPath.read(Path(options.camera))
    tensors = backends.conditioning(options.model, camera, options.size)
    disk.write_bytes(Path(options.output), save(tensors, metadata={"model": options.model}))
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return {"file": str(Path(options.output).resolve()), "tensors": shapes}


def doctor(options: argparse.Namespace) -> Answer:
    from . import doctor as physician

    del options
    answer = physician.report(physician.examine())
    return {**answer, "exit_code": 0 if answer["ok"] else 1}


def check(options: argparse.Namespace) -> Answer:
    from . import relock

    out = Path(options.out) if options.out else None
    return relock.check(_subject(options), out, narration.Narrator())


def lock(options: argparse.Namespace) -> Answer:
    from . import relock

    wish = relock.Wish(
        out=Path(options.out).resolve(),
        to=options.to,
        region=_path(options.region),
        uncovered=options.uncovered,
        size=options.size,
        name=options.name,
        frame_format=options.format,
    )
    return relock.lock(_subject(options), wish, narration.Narrator())


def _subject(options: argparse.Namespace) -> relock.Subject:
    from . import relock

    return relock.Subject(
        frames=Path(options.frames),
        camera=CameraPath.read(Path(options.camera)) if options.camera else None,
        scene_depth=_path(options.scene_depth),
        ground_m=options.ground,
        mask=_path(options.mask),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
