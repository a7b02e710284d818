"""What each verb of the command line does: options in, a JSON object out.

What is heavy is imported by the verb that needs it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import delivery_options, narration, rights, shot_options
from .camera import CameraPath
from .errors import Cancelled, OutOfMemory, PlatewrightError, RequestError
from .inputs import HANDLES
from .protocol import GUIDE_KINDS, INPUTS, Delivery, Input, Job, PlateRequest, Stage, Still, Warned, plate_name
from .retime_options import timed

if TYPE_CHECKING:
    from . import guiding, relock

Answer = dict[str, Any]
UNTOLD = {"prompt": "", "negative": "", "model": "draft", "seed": 0, "device": "auto", "format": "exr"}


def camera(options: argparse.Namespace) -> Answer:
    path = _read_camera(options)
    path.write(Path(options.output))
    return path.answer(Path(options.output))


def _read_camera(options: argparse.Namespace) -> CameraPath:
    from . import host

    return host.read_camera(
        Path(options.shot),
        scene=options.scene,
        camera=options.camera_object,
        frames=options.frames,
        blender=options.blender,
        allow_scripts=options.allow_scripts,
    )


def still(options: argparse.Namespace) -> Answer:
    from . import engine, host

    output = Path(options.output)
    kind = output.suffix.lower()
    is_picture = kind == ".png"
    if kind not in (".png", ".json") or (options.shot is None and (is_picture or not options.camera)):
        hint = "Write `platewright still SHOT.blend --model NAME -o FILE.png`, or --camera FILE and -o VIEW.json."
        raise RequestError("E_USAGE", "That is neither a shot and a PNG nor a camera and a JSON file.", hint)
    camera = CameraPath.read(Path(options.camera)) if options.camera else _read_camera(options)
    if options.camera and options.frames:
        camera = camera.window(*options.frames)
    size, overscan = options.size, options.overscan
    request = PlateRequest(
        camera=camera, prompt="", model=options.model, size=size, overscan=overscan, lock=options.lock
    )
    view = engine.first_view(request.checked())
    if is_picture:
        given = {"scene": options.scene, "blender": options.blender, "allow_scripts": options.allow_scripts}
        host.render_still(Path(str(options.shot)), view, output, **given)
    else:
        view.write(output)
    facts = {"frame": view.frames[0], "width": view.width, "height": view.height, "model": options.model}
    return {"file": str(output.resolve()), **facts}


def generate(options: argparse.Namespace) -> Answer:
    if options.source:
        shot_options.refuse_any(options)
        return _remade(options)
    if options.camera is None:
        raise RequestError("E_USAGE", "The following arguments are required: --camera.", "See `platewright --help`.")
    for name, value in UNTOLD.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    delivery = delivery_options.delivery_of(options)
    camera = delivery_options.seen_through(CameraPath.read(Path(options.camera)), options)
    if shot_options.are_asked(options):
        return _of_shots(options, camera, delivery)
    request = _request(options, delivery_options.delivered(camera, options.frames, delivery), delivery)
    return _make(_job(options, request, options.name or "{camera}"), resume=False)


def _of_shots(options: argparse.Namespace, camera: CameraPath, delivery: Delivery | None) -> Answer:
    """A plate of each shot that is asked for, or the jobs for them; nothing is made before all can be asked for."""
    found = shot_options.chosen(options, camera)
    shot_options.refuse_shared(options, found)
    jobs: dict[str, Job] = {}
    for shot in found:
        own = argparse.Namespace(**{**vars(options), **shot.wishes()})
        request = _request(own, delivery_options.delivered(shot.camera, None, delivery), delivery)
        jobs[shot.name] = _job(own, request, shot_options.template(options.name), shot.name).checked()
    if options.jobs:
        return shot_options.write_jobs(jobs, Path(options.jobs))

    def make(job: Job) -> Answer:
        narration.Narrator()(Stage(job.id, "shot", job.name))
        return _make(job, resume=False)

    return shot_options.each(jobs, make)


def say_generated(answer: Answer) -> str:
    return shot_options.say(answer, narration.say_plate)


def _request(options: argparse.Namespace, camera: CameraPath, delivery: Delivery | None) -> PlateRequest:
    return PlateRequest(
        camera=timed(camera, options),
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
        preset=options.preset,
        lock=options.check and not options.plate if options.lock is None else options.lock,
        ground_m=options.ground,
        sun=options.sun,
        guide=Input.of(Path(options.guide)) if options.guide else None,
        guide_kind=options.guide_kind,
        first_frame=Input.of(Path(options.first_frame)) if options.first_frame else None,
        still=_still(options),
        plate=Input.of(Path(options.plate)) if options.plate else None,
        mask=Input.of(Path(options.mask)) if options.mask else None,
        delivery=delivery,
    ).checked()


def _job(options: argparse.Namespace, request: PlateRequest, name: str, shot: str = "") -> Job:
    request = rights.settled(request, options.rights, rights.asker())
    facts = _facts(request) | ({"shot": shot} if shot else {})
    return Job(
        request=request,
        name=plate_name(name, request.camera, facts),
        out=str(Path(options.out).resolve()),
        id=request.sha256[:12],
        check=options.check,
        require=options.require,
        tries=options.tries,
        sign=options.sign,
        prompt_told=options.prompt_told,
    )


def _facts(request: PlateRequest) -> dict[str, object]:
    """What a plate's name may hold beside its camera."""
    width, height = request.size or (request.camera.width, request.camera.height)
    return {"model": Path(request.model).name, "seed": request.seed, "width": width, "height": height}


def _remade(options: argparse.Namespace) -> Answer:
    """Part of a plate anew; what is not said is as it was."""
    from . import provenance, remaking

    told = {"prompt", "negative", "seed", "steps", "guidance", "device", "overscan", "lock", "sun", "preset"}
    changes = {name: value for name in told if (value := getattr(options, name)) is not None}
    changes |= {} if options.ground is None else {"ground_m": options.ground}
    for name in INPUTS:
        changes |= {name: Input.of(Path(getattr(options, name)))} if getattr(options, name) else {}
    if not options.check:
        changes["lock"] = False
    delivery_options.refuse_any(options)
    strangers = [name for name in ("model", "size", "format", "retime") if getattr(options, name) is not None]
    if strangers or options.frames is None:
        wrong = f"--{strangers[0]} does not go with --from" if strangers else "--from needs --frames"
        raise RequestError("E_USAGE", f"{wrong}.", "The other frames of the plate stay as they are.")
    plate = Path(options.source)
    offset = delivery_options.refuse_remake(provenance.read_manifest(plate))
    camera = CameraPath.read(Path(options.camera)).renumbered(offset) if options.camera else None
    handles = HANDLES if options.handles is None else options.handles
    request = remaking.request_from(plate, options.frames, handles, camera, changes)
    name = options.name or provenance.read_manifest(plate).get("name", "{camera}")
    return _make(_job(options, request, name), resume=False)


def _still(options: argparse.Namespace) -> Still | None:
    if options.first_frame_from is None:
        return None
    return Still(options.seed if options.still_seed is None else options.still_seed, options.still_model)


def guide(options: argparse.Namespace) -> Answer:
    """With --view only the view is written, and what a Blender is to render for it is answered."""
    from . import guiding

    camera = _guided_camera(options)
    has_scene = bool(options.shot or options.passes or options.view)
    wish = guiding.Wish(
        out=Path(options.output),
        kinds=options.kinds or (GUIDE_KINDS if has_scene else ("grid",)),
        size=options.size,
        overscan=options.overscan,
        ground_m=options.ground,
    )
    if options.view:
        view = guiding.view_of(camera, wish.size, wish.overscan)
        view.write(Path(options.view))
        return {"view": str(Path(options.view).resolve()), "passes": guiding.passes_of(wish.kinds)}
    return guiding.make(camera, wish, _passes(options), narration.Narrator())


def _guided_camera(options: argparse.Namespace) -> CameraPath:
    if options.camera is None:
        if options.shot is None:
            hint = "Write `platewright guide SHOT.blend -o DIR`, or --camera camera.json for a grid."
            raise RequestError("E_USAGE", "There is neither a shot nor a camera.", hint)
        return _read_camera(options)
    camera = CameraPath.read(Path(options.camera))
    return camera.window(*options.frames) if options.frames else camera


def _passes(options: argparse.Namespace) -> guiding.Passes | None:
    """What renders depth and clay: a Blender of the shot, or one that has done so already."""
    from . import guiding, host

    def rendered(view: CameraPath, kinds: list[str], folder: Path) -> None:
        host.render_guides(
            Path(options.shot),
            view,
            kinds,
            folder,
            scene=options.scene,
            blender=options.blender,
            allow_scripts=options.allow_scripts,
            on_frame=guiding.teller(narration.Narrator(), len(view) * len(kinds)),
        )

    if options.passes:
        return guiding.taken_from(Path(options.passes))
    return rendered if options.shot else None


def decode(options: argparse.Namespace) -> Answer:
    """A plate of latents that a model has left: no network but its VAE is read."""
    from . import engine
    from .models import decoding

    bundle = decoding.Bundle.open(Path(options.latents))
    job = Job.from_dict(bundle.plate)
    request = replace(job.request, device=options.device, frame_format=options.format or job.request.frame_format)
    name, out = options.name or job.name, str(Path(options.out).resolve())
    wanted = replace(job, request=request, name=name, out=out, version=None, tries=1)
    return engine.make_plate(wanted, narration.Narrator(), opener=bundle.backend)


def run(options: argparse.Namespace) -> Answer:
    from . import versions

    try:
        job = _read_job(Path(options.job), options.version)
        job = replace(job, request=rights.settled(job.request, options.rights, None))
        answer = _make(job, options.resume or versions.is_made(job))
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
    if isinstance(request, dict) and isinstance(request.get("remake"), dict):
        request["remake"]["plate"] = _read_input(request["remake"].get("plate"), path.parent)
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
        there = folder / given["path"]
        return {**({} if "sha256" in given else Input.of(there).to_dict()), **given, "path": str(there.resolve())}
    return given


def _make(job: Job, resume: bool) -> Answer:
    """The plate; where memory runs out once more, with less on the device at once, as a worker's client does."""
    from . import engine
    from . import models as backends

    tell = narration.Narrator()
    tell(Stage(job.id, "licence", narration.licence(backends.card(job.request.model))))
    try:
        return engine.make_plate(job, tell, resume)
    except OutOfMemory as error:
        tell(Warned(job.id, "W_SECOND_TRY", f"{error.message} One more try."))
    backends.give_memory_back()
    return engine.make_plate(job, tell, resume=True)


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
        upscaler=Input.of(Path(options.upscale)) if options.upscale else None,
        device=options.device,
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
        ocio=_path(options.ocio),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
