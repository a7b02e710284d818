"""From a request to a plate: the story, readable top to bottom.

    request -> camera fitted to the plate -> what the path asks for -> model opened, a little wider than the plate
            -> pictures kept -> measured -> locked -> frames written -> measured again -> signed off

Without a lock the pictures become frames as they are made. The engine names no model. It runs in the worker process
and, unchanged, inside the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import (
    enlarging,
    fitting,
    guides,
    keeping,
    measuring,
    models,
    provenance,
    remaking,
    rights,
    sources,
    stills,
    versions,
    wedge,
)
from .camera import CameraPath
from .credentials import refuse_unsignable, sign_finished
from .frame_forms import FrameForm
from .match import Match, locking
from .match.foresight import foresee
from .models import first_frame, presets
from .protocol import OVERSCAN_MAX, Emit, Job, PlateRequest, Stage, check_against
from .remaking import Remade
from .take import Opener, Source, Take

GROUND_M = 0.0                                     # where models put a ground that nobody told them of


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
    if upscaler := sources.upscaler_of(request):
        enlarging.opened(upscaler)                 # a file that is no such model, before the hours of another
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
    with sources.pictured(part) as source:
        source = remade.whole(source) if remade else source
        take.write(source)
    take.seen, take.remade = part.seen, remade.told() if remade else None
    after = source.before
    if after is None or not take.are_frames_as_made(source):
        after = sources.measured(take, take.frames_as_footage(), take.view, take.view, "how well the plate follows")
    for warning in source.larger.warnings() if source.larger else []:
        take.warn(warning)
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
        measuring.split((after, source.before), source.made.model.get("windows"))
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
