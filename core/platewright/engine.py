"""From a request to a plate: the story, readable top to bottom.

    request -> camera fitted to the plate -> what the path asks for -> model opened, a little wider than the plate
            -> pictures kept -> measured -> locked -> frames written -> measured again -> signed off

Without a lock the pictures become frames as they are made. The engine names no model. It runs in the worker process
and, unchanged, inside the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import (
    device_lock,
    fitting,
    guides,
    keeping,
    measuring,
    models,
    provenance,
    remaking,
    rights,
    stills,
    versions,
    wedge,
)
from .camera import CameraPath
from .credentials import refuse_unsignable, sign_finished
from .errors import OutOfMemory, PlatewrightError
from .frame_forms import FrameForm
from .match import Match, locking
from .match.footage import Footage
from .match.foresight import foresee
from .match.matching import FRAMES_MIN
from .models import first_frame, latents, presets
from .models.base import Backend
from .pictures import Picture
from .protocol import OVERSCAN_MAX, Emit, Job, PlateRequest, Stage, check_against
from .remaking import Remade
from .take import LockReport, Made, Opener, Source, Take, refuse_holes

GROUND_M = 0.0                                     # where models put a ground that nobody told them of
LOCK_GAIN_PX = 0.05                                # a lock that mends less would only soften the pictures


def make_plate(
    job: Job, emit: Emit, resume: bool = False, opener: Opener = models.open_backend
) -> dict[str, Any]:
    """Make the plate that `job` asks for and answer with what `generate --json` prints.

    `emit` hears of every step; one that raises Cancelled stops the job, and what was made so far stays.
    With `resume` a plate of the same request is continued, or returned as it is when whole.
    `opener` opens what makes the pictures, by model and device.
    Raises RequestError, BackendError, PlateError, Cancelled; the folder's record says how the job ended.
    A requirement that is not met is no error: the answer's `exit_code` is 3.
    """
    job = job.checked()
    job = replace(job, request=rights.settled(job.request, None, None))
    check_against(job.request, models.card(job.request.model))
    refuse_unsignable(job.sign)
    presets.refuse(job.request.preset, models.card(job.request.model))
    answer = _one(job, emit, resume, opener) if job.tries == 1 else _best_of(job, emit, resume, opener)
    return answer if measuring.is_met(job.require, answer["match"]) else {**answer, "exit_code": 3}


def plate_camera(request: PlateRequest) -> CameraPath:
    """The scene's camera at the plate's size: same poses, the lens follows the crop and the scale.

    With the overscan that is delivered, which is a part of the plate.
    """
    request.camera.refuse_cuts()
    camera = request.camera if request.size is None else request.camera.fitted(*request.size)
    return locking.overscanned(camera, request.delivery.overscan) if request.delivery else camera


def seen_camera(
    request: PlateRequest, camera: CameraPath, drift_deg: float, sizes: Sequence[fitting.Size] = ()
) -> CameraPath:
    """The plate's camera with the overscan that was asked for, or that the model's drift calls for.

    A model that makes only these `sizes` sees more, until the view has exactly the shape of one of them.
    """
    overscan = request.overscan
    if overscan is None:
        overscan = first_frame.granted(request, camera, wanted_overscan(request, camera, drift_deg))
    wide = locking.overscanned(camera, overscan)
    return fitting.shaped(wide, fitting.size_for(camera, sizes)) if sizes else wide


def first_view(request: PlateRequest) -> CameraPath:
    """The camera of the model's first frame, at the model's own size: what a picture to start from should show."""
    card = models.card(request.model)
    seen = seen_camera(request, plate_camera(request), card.drift_deg, card.sizes)
    first = seen.window(seen.frames[0], seen.frames[0])
    return first.scaled(*fitting.size_for(first, card.sizes)) if card.sizes else first


def wanted_overscan(request: PlateRequest, camera: CameraPath, drift_deg: float) -> float:
    """What a lock would need to undo the model's drift; nothing without one."""
    return min(OVERSCAN_MAX, locking.expected_overscan(camera, drift_deg)) if request.lock else 0.0


def _best_of(job: Job, emit: Emit, resume: bool, opener: Opener) -> dict[str, Any]:
    """A plate for each seed, side by side in a wedge; the best is the answer, and all are named in it."""
    answers: list[dict[str, Any]] = []
    for number in range(job.tries):
        request = replace(job.request, seed=job.request.seed + number)
        emit(Stage(job.id, "trying", f"{number + 1} of {job.tries}, seed {request.seed}"))
        answers.append(_one(replace(job, request=request, tries=1), emit, resume, opener))
    best = min(answers, key=lambda answer: measuring.quality(answer["match"]))
    emit(Stage(job.id, "comparing", f"{job.tries} tries side by side"))
    folder = wedge.publish(Path(job.out), job.name, job.request.sha256, answers, best)
    seconds = round(sum(answer["seconds"] for answer in answers), 3)
    tries = [{key: answer[key] for key in ("plate", "seed", "match")} for answer in answers]
    return {**best, "seconds": seconds, "wedge": str(folder), "tries": tries}


def _one(job: Job, emit: Emit, resume: bool, opener: Opener) -> dict[str, Any]:
    request, card = job.request, models.card(job.request.model)
    camera = plate_camera(request)
    versions.preflight(Path(job.out), job.name, camera, request.frame_format)
    seen = seen_camera(request, camera, card.drift_deg, card.sizes)

    depth = None if resume else _scene_depth(request)        # before a version is taken
    if request.first_frame:
        request.first_frame.opened()
    stills.refuse(request)
    FrameForm.asked(request)                       # a studio's space that its configuration does not know
    kept = None if resume else keeping.opened(request)
    if not resume:
        remaking.opened(request, camera, card)
    folder = versions.open_folder(job, request, resume)
    if folder.is_whole:
        return _signed(job, folder.path, emit)
    steps_down = int(folder.ended_with == "E_OOM")
    with folder.recording():
        depth, kept = depth or _scene_depth(request), kept or keeping.opened(request)
        _fill(Take(folder, job, card, camera, seen, emit, opener, depth, steps_down, kept=kept))
    return _signed(job, folder.path, emit)


def _signed(job: Job, folder: Path, emit: Emit) -> dict[str, Any]:
    """The answer of a whole plate, with its Content Credentials where it is to have any."""
    unsigned = sign_finished(job.sign, folder, job.id, emit, job.prompt_told)
    answer = provenance.answer(folder)
    return answer | {"warnings": [*answer["warnings"], *unsigned]}


def _scene_depth(request: PlateRequest) -> guides.DepthGuide | None:
    """What the scene's camera sees, if it still is what it was when the plate was asked for."""
    return guides.DepthGuide.of(request)


def _fill(take: Take) -> None:
    """Generate, lock, write, measure and sign off: the folder becomes a whole plate."""
    if take.steps_down:
        take.warn("W_PRESET: Memory ran out before: this time less of the model is on the device at once.")
    for warning in take.camera.warnings:
        take.warn(warning)
    wanted = wanted_overscan(take.request, take.camera, take.card.drift_deg)
    if narrow := first_frame.narrowed(take.request, take.camera, wanted):
        take.warn(narrow)
    ground_m = take.request.ground_m
    foresight = foresee(take.camera, GROUND_M if ground_m is None else ground_m)
    take.stage("foresight", foresight.words)
    remade = Remade.begun(take) if take.request.remake else None
    part = _seeing(remade.part) if remade else take
    with (_locked(part) if part.request.lock else _streamed(part)) as source:
        source = remade.whole(source) if remade else source
        take.write(source)
    take.seen, take.remade = part.seen, remade.told() if remade else None
    after = source.before
    if after is None or not take.are_frames_as_made(source):
        after = _measured(take, take.frames_as_footage(), take.view, take.view, "how well the plate follows")
    take.stage("signing", "figures, hashes and manifest")
    _sign(take, source, after, foresight.to_dict())


def _seeing(part: Take) -> Take:
    """The same, seeing what the model must see of its frames."""
    return replace(part, seen=seen_camera(part.request, part.camera, part.card.drift_deg, part.card.sizes))


def _sign(take: Take, source: Source, after: Match | None, foresight: dict[str, Any]) -> None:
    """Leave the files that tell of the match, then the manifest, the last of all."""
    folder = take.folder
    companions = [*take.companions, *stills.companions(folder.path)]
    if after is not None:
        for code, sentence in measuring.warnings(after.report, _unlocked(source)):
            take.warn(f"{code}: {sentence}")
        footage, before = take.frames_as_footage(), source.before if source.is_locked else None
        with take.timed("signing"):
            companions += measuring.publish(
                folder.path, folder.path.name, take.view, footage, after, before, source.lock
            )
    folder.finish(
        provenance.manifest(
            origin=take.origin(source.made),
            name=take.job.name,
            plate=folder.path.name,
            camera=take.view,
            picture=take.picture(source),
            frames=[folder.frames[frame].to_dict() for frame in take.camera.frames],
            companions=companions,
            timings=take.timings,
            match=measuring.told(after, source.before, source.lock) if after else None,
            match_reason=take.why_not_measured(),
            inputs=take.inputs() | stills.told(take.request, folder.path),
            foresight=foresight,
            warnings=take.warnings,
        )
    )


def _unlocked(source: Source) -> dict[str, Any] | None:
    """What was measured before the lock, if there was one."""
    return source.before.report if source.before is not None and source.is_locked else None


# The model's pictures ----------------------------------------------------------------------------


@contextmanager
def _streamed(take: Take) -> Iterator[Source]:
    """The pictures as they are made, cropped and enlarged: nothing else is done to them."""
    with _generating(take) as (made, pictures):
        yield Source(made, pictures, lambda index, picture: take.framed(picture, made))


@contextmanager
def _locked(take: Take) -> Iterator[Source]:
    """The pictures once all are made and measured, each one resample away from its frame."""
    made = _spooled(take)
    footage = take.spool.footage(take.camera.frames, *made.native)
    native = take.seen.scaled(*made.native)
    before = _measured(take, footage, native, take.seen, "how well the model followed")
    with guides.as_seen(take.depth, take.camera) as scene_depth:         # looked at as long as frames are made
        yield _planned_source(take, made, footage, before, scene_depth)


def _planned_source(take: Take, made: Made, footage: Footage, before: Match | None, scene_depth: Path | None) -> Source:
    """The pictures and what becomes of each, with a lock if there is anything to mend."""
    pictures = (footage.picture(index) for index in range(len(footage)))
    lock, report = _planned(take, before, scene_depth)
    if lock is None:
        take.stage("writing", report["reason"])
        return Source(made, pictures, lambda index, picture: take.framed(picture, made), before, report)
    take.stage("locking", f"undoing up to {report['correction_deg']['max']:.2f} degrees")
    for warning in report["warnings"]:
        take.warn(warning)
    lender = take.spool.footage(take.camera.frames, *made.native)        # its own: frames are resampled in a thread

    def resampled(index: int, picture: Picture) -> Picture:
        return lock.picture(index, picture, lender.picture)

    return Source(made, pictures, resampled, before, report)


def _spooled(take: Take) -> Made:
    """All pictures on disk; the model runs only where an earlier job has not left them."""
    facts = take.spool.made()
    if facts is None:
        return _newly_spooled(take)
    for warning in facts["warnings"]:
        take.warn(warning)
    take.timings.update(facts["timings"])
    return Made.from_dict(facts)


def _newly_spooled(take: Take) -> Made:
    spool = take.spool
    with _generating(take) as (made, pictures), take.timed("sampling"):
        count = sum(1 for _ in spool.fill(pictures))
    refuse_holes(take.camera, count)
    spool.finish({**made.to_dict(), "warnings": take.warnings, "timings": take.timings})
    return made


@contextmanager
def _generating(take: Take) -> Iterator[tuple[Made, Iterator[Picture]]]:
    """The model while it is needed, alone on its device: nothing of it is left when the block ends."""
    request, job = take.request, take.job
    with device_lock.held(models.gpu(request.model, request.device), job.id, take.emit):
        if request.still:
            with take.timed("first_frame"):
                request = stills.led(request, take.folder.path, take.seen, job.id, take.hear)
        take.stage("loading", f"opening {request.model}")
        with take.timed("load"):
            backend: Backend | None = take.opener(request.model, request.device)
        native = backend.native_camera(take.seen)
        made = Made(backend.provenance(), backend.device, (native.width, native.height))
        try:
            take.refuse_little_space(made)
            with presets.run(request.preset, take.steps_down) as placed, latents.of_plate(job.to_dict()) as kept:
                yield made, _guarded(backend.generate(request, take.seen, job.id, take.hear))
            made.model.update(placed.told())
            if kept.files:
                take.stage("sampling", f"latents are in {kept.files[0].parent}: {kept.files[-1].name}")
        finally:
            backend = None
            models.give_memory_back()


def _guarded(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """The same pictures; what a library says about memory becomes a code that a farm understands."""
    try:
        yield from pictures
    except PlatewrightError:
        raise
    except MemoryError as error:
        hint = "Choose a smaller size or fewer frames, or a machine with more memory."
        raise OutOfMemory("E_OOM", "There is not enough memory for this plate.", hint) from error


# The camera they show ----------------------------------------------------------------------------


def _measured(take: Take, footage: Footage, camera: CameraPath, seen: CameraPath, detail: str) -> Match | None:
    """How well pictures follow `camera`; None where that was not asked for or cannot be told of so few.

    seen   the same camera in pixels of the plate, which the figures are in
    """
    if not take.job.check or len(footage) < FRAMES_MIN:
        return None
    with take.timed("check"), guides.as_seen(take.depth, camera) as scene_depth:
        return measuring.measured(
            footage,
            camera,
            take.job.id,
            take.emit,
            detail,
            ground_m=take.request.ground_m,
            scene_depth=scene_depth,
            plate_size=(seen.width, seen.height),
        )


def _planned(take: Take, before: Match | None, scene_depth: Path | None) -> tuple[locking.Lock | None, LockReport]:
    """The lock, if there is anything to mend and a way to; what is said of it in any case."""
    if before is None or before.solved is None:
        reason = before.report["reason"] if before else take.why_not_measured()
        return None, {"applied": False, "reason": f"The camera of the model's pictures is not known. {reason}"}
    if take.card.drift_deg <= 0:
        return None, {"applied": False, "reason": "The model draws what the camera sees: there is no drift to undo."}
    if before.report["verdict"] == "locked":
        return None, {"applied": False, "reason": "The model's pictures are locked as they are."}
    shown = measuring.shown_depth(before, take.camera, scene_depth)
    if shown != scene_depth:
        take.warn(measuring.UNSHOWN)
    lock = locking.plan(before, take.camera, ground_m=take.request.ground_m, scene_depth=shown)
    had, left = (lock.report[key]["p95_px"] for key in ("residual_before_px", "residual_px"))
    if had is None or left is None or had - left < LOCK_GAIN_PX:
        return None, {"applied": False, "reason": "What is wrong with the pictures no turn and no zoom can mend."}
    lock.report |= {"applied": True, "reason": f"{had:.2f} px off before (p95), {left:.2f} px left."}
    return lock, lock.report
