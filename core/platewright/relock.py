"""Measure and lock pictures that are there already: a plate, or a folder of frames from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from . import device_lock, enlarging, guides, measuring, models, own_colours, provenance, versions
from .camera import CameraPath
from .credentials import sign_finished
from .disk import FileRecord
from .errors import PlateError, RequestError
from .frame_forms import FrameForm
from .guides import DepthGuide
from .inputs import Input, fingerprint
from .match import Match, locking
from .match.footage import Footage
from .models import device as devices
from .pictures import Picture
from .plates import PlateFolder
from .protocol import Emit, FrameFormat, Stage, Warned, slug
from .take import WARP, write_frames

JOB = "lock"                                       # events belong to it; there is no other


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured, against which camera, and what the scene knows beside it."""

    frames: Path                                   # a plate's folder, or a folder of numbered pictures
    camera: CameraPath | None = None               # None: the camera.json beside the frames
    scene_depth: Path | None = None                # a guide: what the whole picture of that camera sees
    ground_m: float | None = None
    mask: Path | None = None
    ocio: Path | None = None                       # the configuration of a plate in a studio's own colours

    def depth(self, camera: CameraPath) -> DepthGuide | None:
        """The scene's depth, as seen by the camera before it is fitted to frames; errors of `DepthGuide.open`."""
        return DepthGuide.open(self.scene_depth, camera, self.offset) if self.scene_depth else None

    @property
    def offset(self) -> int:
        """What the scene's frame numbers were raised by: the frames have the sum, depth and a given camera do not."""
        return int(self.delivery.get("frame_offset", 0))

    @property
    def delivery(self) -> dict[str, Any]:
        """What the plate's manifest says of how it is delivered; empty where it is no plate."""
        return ((_manifest_of(self.frames) or {}).get("picture") or {}).get("delivery") or {}

    def camera_for(self, footage: Footage) -> CameraPath:
        """The camera that was given, at the frames' numbers, else the one that lies beside them; E_NO_CAMERA."""
        if self.camera is None:
            return _camera_beside(self.frames)
        raised = self.camera.renumbered(self.offset)
        holds_all = raised.frames[0] <= footage.frames[0] and footage.frames[-1] <= raised.frames[-1]
        return raised if holds_all else self.camera

    def footage(self) -> Footage:
        """The frames, in the colours that they were written in; errors of `own_colours.footage_of`."""
        return own_colours.footage_of(self.frames, _manifest_of(self.frames), self.ocio)

    def inputs(self, depth: DepthGuide | None) -> dict[str, Any]:
        """What a manifest keeps of it."""
        guide = depth.to_dict() | {"sha256": fingerprint(depth.folder)} if depth else None
        return {"ground_m": self.ground_m, "sun": None, "guide": guide}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it is locked, and where the new version goes."""

    out: Path
    to: locking.Target = "far"
    region: Path | None = None
    uncovered: locking.Uncovered = "fill"
    size: tuple[int, int] | None = None            # None: the frames' own
    name: str | None = None                        # None: the plate's, else the camera's
    frame_format: FrameFormat = "exr"
    upscaler: Input | None = None                  # a super-resolution model: the pictures go through it first
    device: str = "auto"                           # that it runs on


def check(subject: Subject, out: Path | None, emit: Emit) -> dict[str, Any]:
    """Measure, and answer with the report; the files that show it only go to `out`: a finished plate stays as it is.

    Raises RequestError E_NO_CAMERA, and what `match.check`, reading frames and `disk.publish` raise.
    """
    footage = subject.footage()
    camera = subject.camera_for(footage)
    match = _measured(subject, footage, camera, subject.depth(camera), emit)
    if out is None:
        return match.report
    versions.make_folder(out)
    files = measuring.publish(out, subject.frames.resolve().name, camera, footage, match)
    return {**match.report, "files": [str((out / file.file).resolve()) for file in files]}


def lock(subject: Subject, wish: Wish, emit: Emit) -> dict[str, Any]:
    """Make a new version whose pictures follow the camera, measured before and after; answers like `generate`.

    Raises RequestError E_NO_CAMERA, E_FRAMES_GAP, and what `check`, `locking.plan` and writing a plate raise.
    """
    footage = subject.footage()
    whole = subject.camera_for(footage)
    camera, depth = _clip(whole, footage), subject.depth(whole)
    wanted = camera.fitted(*(wish.size or (footage.width, footage.height)))
    document = _manifest_of(subject.frames)
    _refuse_kept(document)
    name = slug(wish.name or (document or {}).get("name") or camera.camera)
    versions.preflight(wish.out, name, wanted, wish.frame_format)
    if wish.upscaler:
        enlarging.opened(wish.upscaler)            # a file that is no such model, before anything is measured

    before = _measured(subject, footage, camera, depth, emit)
    with guides.as_seen(depth, wanted) as scene_depth:       # looked at as long as frames are made
        shown = measuring.shown_depth(before, wanted, scene_depth)
        plan = locking.plan(
            before,
            wanted,
            to=wish.to,
            ground_m=subject.ground_m,
            scene_depth=shown,
            region=wish.region,
            uncovered=wish.uncovered,
        )
        if shown != scene_depth:
            plan.report["warnings"].append(measuring.UNSHOWN)
        origin = provenance.Origin.locked(document, subject.frames.resolve().name)
        folder = versions.claim(wish.out, name, None, _record(origin, wish))
        with folder.recording(), _larger(footage, wish, emit) as larger:
            _Lock(folder, name, origin, wanted, footage, before, plan, wish, subject, depth, emit, larger).fill()
    unsigned = sign_finished(None if origin.source_type else False, folder.path, JOB, emit)
    answer = provenance.answer(folder.path)
    return answer | {"warnings": [*answer["warnings"], *unsigned]}


@contextmanager
def _larger(footage: Footage, wish: Wish, emit: Emit) -> Iterator[enlarging.Enlarged | None]:
    """The pictures as the user's own model enlarges them, with the device to itself; None where none was asked for."""
    if wish.upscaler is None:
        yield None
        return
    with device_lock.held(devices.uuid(devices.chosen(wish.device)), JOB, emit):
        emit(Stage(JOB, "enlarging", f"opening {Path(wish.upscaler.path).name}"))
        try:
            own = replace(footage, _last={})       # frames are resampled in a thread
            yield enlarging.Enlarged.of(own, enlarging.opened(wish.upscaler, wish.device))
        finally:
            models.give_memory_back()


@dataclass(frozen=True, slots=True)
class _Lock:
    """One lock under way."""

    folder: PlateFolder
    name: str
    origin: provenance.Origin
    wanted: CameraPath
    footage: Footage
    before: Match
    plan: locking.Lock
    wish: Wish
    subject: Subject
    depth: DepthGuide | None
    emit: Emit
    larger: enlarging.Enlarged | None = None
    warnings: list[str] = field(default_factory=list[str])
    timings: dict[str, float] = field(default_factory=dict[str, float])

    def fill(self) -> None:
        """Write the locked frames, measure them, sign."""
        self.emit(Stage(JOB, "locking", f"undoing up to {self.plan.report['correction_deg']['max']:.2f} degrees"))
        for warning in self.plan.report["warnings"]:
            self.warn(warning)
        started = perf_counter()
        companions = self.write()
        written = perf_counter()
        for warning in self.larger.warnings() if self.larger else ():
            self.warn(warning)
        locked = self.locked_footage()
        after = _measured(self.subject_now(), locked, self.wanted, self.depth, self.emit)
        self.timings.update(frames=written - started, check=perf_counter() - written)
        for code, sentence in measuring.warnings(after.report, self.before.report):
            self.warn(f"{code}: {sentence}")
        self.sign(companions, locked, after)

    def subject_now(self) -> Subject:
        """What to measure of the locked frames: a mask still covers what moves, unless they have another shape."""
        has_same_shape = self.wanted.width * self.footage.height == self.wanted.height * self.footage.width
        return replace(self.subject, frames=self.folder.path, mask=self.subject.mask if has_same_shape else None)

    def warn(self, warning: str) -> None:
        code, _, sentence = warning.partition(": ")
        self.warnings.append(warning)
        self.emit(Warned(JOB, code, sentence))

    def write(self) -> tuple[FileRecord, ...]:
        """Every frame, one resample away from the picture that is there."""
        pictures: Iterator[Picture] = (self.footage.picture(index) for index in range(len(self.footage)))
        larger = self.larger
        lender = larger or replace(self.footage, _last={})     # its own: frames are resampled in a thread
        plan = self.plan.enlarged(larger.upscaler.scale) if larger else self.plan

        def resampled(index: int, picture: Picture) -> Picture:
            return plan.picture(index, larger.next(index) if larger else picture, lender.picture)

        marks = provenance.marks(self.origin)
        return write_frames(self.folder, self.wanted, marks, pictures, resampled, JOB, self.emit, self.warn)

    def locked_footage(self) -> Footage:
        paths = tuple(self.folder.path / self.folder.frames[frame].file for frame in self.wanted.frames)
        return Footage(paths, self.wanted.frames, self.wanted.width, self.wanted.height)

    def picture_told(self, native: tuple[int, int]) -> dict[str, Any]:
        """The manifest's words on how frames came from the pictures that were there."""
        colour = FrameForm.of(self.wish.frame_format).told()
        colour["steps"] = [*own_colours.way_back(self.footage), *colour["steps"]]
        told = provenance.picture(self.wanted, native, self.wish.frame_format, warp=WARP, colour=colour)
        if self.larger:
            made = native[0] * self.larger.upscaler.scale, native[1] * self.larger.upscaler.scale
            scale = [self.wanted.width / made[0], self.wanted.height / made[1]]
            told |= {"upscaler": self.larger.told(), "resample": {"filter": WARP, "scale": scale}}
        return told | ({"delivery": delivery} if (delivery := self.delivered()) else {})

    def delivered(self) -> dict[str, Any]:
        """What was said of the plate's frames and still is true of these: cut, numbers, and the view in them."""
        told = {name: value for name, value in self.subject.delivery.items() if name != "proxy"}
        if told.pop("data_window", None):          # what lay outside the display window was not looked at
            whole = {"left": 0, "top": 0, "width": self.footage.width, "height": self.footage.height}
            told |= {"overscan_kept": 0.0, "view": whole}
        if view := told.get("view"):
            x, y = self.wanted.width / self.footage.width, self.wanted.height / self.footage.height
            scale = {"left": x, "width": x, "top": y, "height": y}
            told["view"] = {name: round(view[name] * scale[name]) for name in view}
        return told

    def sign(self, companions: tuple[FileRecord, ...], locked: Footage, after: Match) -> None:
        """Leave the files that tell of the match, then the manifest."""
        folder, native = self.folder, (self.footage.width, self.footage.height)
        report = self.plan.report | {"applied": True, "reason": "asked for"}
        files = measuring.publish(folder.path, folder.path.name, self.wanted, locked, after, self.before, report)
        folder.finish(
            provenance.manifest(
                origin=self.origin,
                name=self.name,
                plate=folder.path.name,
                camera=self.wanted,
                picture=self.picture_told(native),
                frames=[folder.frames[frame].to_dict() for frame in self.wanted.frames],
                companions=[*companions, *files],
                timings=self.timings,
                match=measuring.told(after, self.before, report),
                inputs=self.subject.inputs(self.depth),
                warnings=self.warnings,
            )
        )


def _record(origin: provenance.Origin, wish: Wish) -> dict[str, Any]:
    """What job.json says of a lock: whose pictures, and that no request will ever continue it."""
    return {
        "job": {"lock": wish.to},
        "request_sha256": origin.request_sha256,
        "locked_from": origin.locked_from,
        "frame_format": wish.frame_format,
    }


def _measured(
    subject: Subject, footage: Footage, camera: CameraPath, depth: DepthGuide | None, emit: Emit
) -> Match:
    with guides.as_seen(depth, _seen(camera, footage)) as scene_depth:
        return measuring.measured(
            footage,
            camera,
            JOB,
            emit,
            subject.frames.resolve().name,
            ground_m=subject.ground_m,
            scene_depth=scene_depth,
            mask=subject.mask,
        )


def _seen(camera: CameraPath, footage: Footage) -> CameraPath:
    """The camera at the pictures' size, over those of their frames that it has."""
    outer = footage.frames[0], footage.frames[-1]
    first, last = (min(max(frame, camera.frames[0]), camera.frames[-1]) for frame in outer)
    return camera.window(first, last).fitted(footage.width, footage.height)


def _camera_beside(frames: Path) -> CameraPath:
    beside = frames / "camera.json"
    if not beside.is_file():
        message = f"There is no camera.json in {frames}."
        raise RequestError("E_NO_CAMERA", message, "Say with --camera which camera the frames should follow.")
    return CameraPath.read(beside)


def _clip(camera: CameraPath, footage: Footage) -> CameraPath:
    """The camera of these frames; RequestError E_FRAMES_GAP, E_RANGE."""
    for frame, following in pairwise(footage.frames):
        if following != frame + 1:
            message = f"Frames {frame + 1} to {following - 1} are missing."
            raise RequestError("E_FRAMES_GAP", message, "A plate has every frame of its range: fetch the rest.")
    return camera.window(footage.frames[0], footage.frames[-1])


def _refuse_kept(document: dict[str, Any] | None) -> None:
    """RequestError E_PLATE_LOCK for a plate that was painted into another: what was kept of that would move."""
    if document and (document["request"] or {}).get("plate"):
        why = "This plate holds pixels of another that were kept as they were; a lock would move them."
        raise RequestError("E_PLATE_LOCK", why, "Lock a plate that is wholly the model's.")


def _manifest_of(frames: Path) -> dict[str, Any] | None:
    """The plate's manifest, if the frames are a plate's."""
    with suppress(PlateError):
        return provenance.read_manifest(frames)
    return None
