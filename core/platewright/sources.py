"""The pictures of a plate and what becomes of each: made, kept, measured, locked, enlarged, resampled once.

    with pictured(take) as source:                 a model and its device are held as long as the block needs them
        take.write(source)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from . import device_lock, enlarging, guides, measuring, models, stills
from .camera import CameraPath
from .errors import OutOfMemory, PlatewrightError
from .match import Match, locking
from .match.footage import Footage
from .match.matching import FRAMES_MIN
from .models import latents, presets
from .models.base import Backend
from .pictures import Picture
from .protocol import Input, PlateRequest
from .take import LockReport, Made, Source, Take, refuse_holes

LOCK_GAIN_PX = 0.05                                # a lock that mends less would only soften the pictures


# The model's pictures ----------------------------------------------------------------------------


def pictured(take: Take) -> AbstractContextManager[Source]:
    """The pictures and what becomes of each; those that are locked or enlarged wait on the disk until all are made."""
    if take.request.lock:
        return _locked(take)
    return _enlarged(take) if upscaler_of(take.request) else _streamed(take)


@contextmanager
def _streamed(take: Take) -> Iterator[Source]:
    """The pictures as they are made, cropped and enlarged: nothing else is done to them."""
    with _generating(take) as (made, pictures):
        yield Source(made, pictures, lambda index, picture: take.framed(picture))


@contextmanager
def _enlarged(take: Take) -> Iterator[Source]:
    """The pictures once the model is gone from its device, enlarged by another."""
    made = _spooled(take)
    footage = take.spool.footage(take.camera.frames, *made.native)
    with _larger(take, footage) as larger:
        yield _unplanned_source(take, made, footage, larger)


@contextmanager
def _larger(take: Take, footage: Footage) -> Iterator[enlarging.Enlarged | None]:
    """The footage as the user's own model enlarges it, with the device to itself; None where none was asked for."""
    if (given := upscaler_of(take.request)) is None:
        yield None
        return
    request = take.request
    with device_lock.held(models.gpu(request.model, request.device), take.job.id, take.emit):
        take.stage("enlarging", f"opening {Path(given.path).name}")
        try:
            own = replace(footage, _last={})       # frames are resampled in a thread
            yield enlarging.Enlarged.of(own, enlarging.opened(given, request.device))
        finally:
            models.give_memory_back()


def upscaler_of(request: PlateRequest) -> Input | None:
    return request.delivery.upscaler if request.delivery else None


def _unplanned_source(
    take: Take,
    made: Made,
    footage: Footage,
    larger: enlarging.Enlarged | None,
    before: Match | None = None,
    report: LockReport | None = None,
) -> Source:
    """The pictures, cropped and brought to the plate's size."""
    pictures = (footage.picture(index) for index in range(len(footage)))

    def framed(index: int, picture: Picture) -> Picture:
        return take.framed(larger.next(index) if larger else picture)

    return Source(made, pictures, framed, before, report, larger)


@contextmanager
def _locked(take: Take) -> Iterator[Source]:
    """The pictures once all are made and measured, each one resample away from its frame."""
    made = _spooled(take)
    footage = take.spool.footage(take.camera.frames, *made.native)
    native = take.seen.scaled(*made.native)
    before = measured(take, footage, native, take.seen, "how well the model followed")
    with (
        guides.as_seen(take.depth, take.camera) as scene_depth,          # looked at as long as frames are made
        _larger(take, footage) as larger,
    ):
        yield _planned_source(take, made, footage, before, scene_depth, larger)


def _planned_source(
    take: Take,
    made: Made,
    footage: Footage,
    before: Match | None,
    scene_depth: Path | None,
    larger: enlarging.Enlarged | None,
) -> Source:
    """The pictures and what becomes of each, with a lock if there is anything to mend."""
    pictures = (footage.picture(index) for index in range(len(footage)))
    lock, report = _planned(take, before, scene_depth)
    if lock is None:
        take.stage("writing", report["reason"])
        return _unplanned_source(take, made, footage, larger, before, report)
    take.stage("locking", f"undoing up to {report['correction_deg']['max']:.2f} degrees")
    for warning in report["warnings"]:
        take.warn(warning)
    lender = larger or take.spool.footage(take.camera.frames, *made.native)     # its own: resampled in a thread
    plan = lock.enlarged(larger.upscaler.scale) if larger else lock

    def resampled(index: int, picture: Picture) -> Picture:
        return plan.picture(index, larger.next(index) if larger else picture, lender.picture)

    return Source(made, pictures, resampled, before, report, larger)


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


def measured(take: Take, footage: Footage, camera: CameraPath, seen: CameraPath, detail: str) -> Match | None:
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
