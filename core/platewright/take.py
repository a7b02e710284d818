"""One plate in the making: what its steps share, and how frames get to the disk while the next are made."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from threading import BoundedSemaphore
from time import perf_counter
from typing import Any

from . import disk, provenance
from .camera import CameraPath
from .disk import FileRecord
from .enlarging import Enlarged
from .errors import PlateError
from .fitting import world_speed
from .frame_forms import PROXY, FrameForm
from .guides import DepthGuide
from .keeping import KeptPlate
from .match import Match
from .match.footage import Footage
from .models.base import Backend
from .own_colours import Written
from .pictures import RESAMPLE_FILTER, Picture, resize
from .plates import FrameRecord, Frames, PlateFolder
from .protocol import Delivery, Emit, Event, FrameReady, Job, ModelCard, PlateRequest, Stage, Warned
from .spool import BYTES_PER_PIXEL, Spool

WARP = "lanczos4 along the lock"
WAITING_MAX = 8                                    # pictures at the model's size, made and not yet written
WRITERS = min(3, os.cpu_count() or 1)              # frames encoded side by side: OpenImageIO takes one core for each

LockReport = dict[str, Any]
Opener = Callable[[str, str], Backend]             # model, device -> what makes its pictures
Finish = Callable[[int, Picture], Picture]         # index, the model's picture -> the plate's


@dataclass(frozen=True, slots=True)
class Made:
    """What made the pictures."""

    model: dict[str, Any]                          # what the back-end says of its weights
    device: str
    native: tuple[int, int]                        # width and height of the pictures, pixels

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Made:
        """From what `to_dict` gave, with whatever else is there."""
        return cls(facts["model"], facts["device"], (facts["native"][0], facts["native"][1]))


@dataclass(frozen=True, slots=True)
class Source:
    """Pictures at the model's size, in the order of the frames, and how each becomes a frame."""

    made: Made
    pictures: Iterator[Picture]
    finished: Finish
    before: Match | None = None                    # how well they follow the camera as they are
    lock: LockReport | None = None                 # None: no lock was asked for
    larger: Enlarged | None = None                 # the same pictures, where a model of the user's own enlarges them

    @property
    def is_locked(self) -> bool:
        return self.lock is not None and bool(self.lock["applied"])


@dataclass(slots=True)
class Take:
    """What the steps of one plate share."""

    folder: PlateFolder
    job: Job
    card: ModelCard
    camera: CameraPath                             # the plate's
    seen: CameraPath                               # what the model is shown: the plate's with its overscan
    emit: Emit
    opener: Opener
    depth: DepthGuide | None = None                # what the scene's own camera sees
    steps_down: int = 0                            # leaner by so many presets: memory ran out before
    remade: dict[str, Any] | None = None           # of a plate of which this makes a part anew
    kept: KeptPlate | None = None                  # the plate that is painted into
    warnings: list[str] = field(default_factory=list[str])
    timings: dict[str, float] = field(default_factory=dict[str, float])
    companions: tuple[FileRecord, ...] = ()

    @property
    def request(self) -> PlateRequest:
        return self.job.request

    @property
    def spool(self) -> Spool:
        return Spool(self.folder.path)

    # Telling ----------------------------------------------------------------------------------------

    def stage(self, stage: str, detail: str) -> None:
        self.emit(Stage(self.job.id, stage, detail))

    def hear(self, event: Event) -> None:
        """Pass the event on; the manifest remembers what was warned of."""
        if isinstance(event, Warned):
            self.warnings.append(f"{event.code}: {event.message}")
        self.emit(event)

    def warn(self, warning: str) -> None:
        """The same for "W_CODE: sentence"; what the camera says of itself is in the manifest already."""
        code, _, sentence = warning.partition(": ")
        tell = self.emit if warning in self.camera.warnings else self.hear
        tell(Warned(self.job.id, code, sentence))

    def write(self, source: Source) -> None:
        """Make the frames; whatever an earlier job has left stays as it is."""
        marks = provenance.marks(self.origin())
        with self.timed("frames"):
            self.companions = write_frames(
                self.folder,
                self.camera,
                marks,
                source.pictures,
                source.finished,
                self.job.id,
                self.emit,
                self.warn,
                self.kept,
                self.form,
            )

    @property
    def form(self) -> FrameForm:
        """How its frames are written, and read back."""
        return FrameForm.asked(self.request)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds it takes to the stage's."""
        started = perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + perf_counter() - started

    @property
    def view(self) -> CameraPath:
        """What the frames show: all of the plate's camera, or its middle where the rest is outside the window."""
        return self.form.camera_of(self.camera)

    def why_not_measured(self) -> str:
        return "too few frames" if self.job.check else "the check was left out"

    # Pictures and frames ----------------------------------------------------------------------------

    def framed(self, picture: Picture) -> Picture:
        """The plate's part of a picture at the plate's size, in one resample."""
        x, y = picture.shape[1] / self.seen.width, picture.shape[0] / self.seen.height
        left, top = self.corner
        box = left * x, top * y, (left + self.camera.width) * x, (top + self.camera.height) * y
        return resize(picture, self.camera.width, self.camera.height, box)

    @property
    def corner(self) -> tuple[int, int]:
        """Where the plate begins in what the model sees, in pixels of the plate from its left and from its top."""
        same = self.seen.frames[0] - self.camera.frames[0]
        (_, _, seen_x, seen_y), (_, _, x, y) = self.seen.intrinsics[0], self.camera.intrinsics[same]
        return round(seen_x - x), round(seen_y - y)

    def frames_as_footage(self) -> Footage:
        """The plate's frames, as they lie on the disk."""
        paths = tuple(self.folder.path / self.folder.frames[frame].file for frame in self.camera.frames)
        size = self.view.width, self.view.height
        return Written(paths, self.camera.frames, *size, form=self.form)

    def are_frames_as_made(self, source: Source) -> bool:
        """Whether each frame is the model's picture, pixel by pixel: then they need not be measured twice."""
        size = self.camera.width, self.camera.height
        as_seen = size == source.made.native == (self.seen.width, self.seen.height)
        is_plain = self.kept is None and source.larger is None and self.view is self.camera
        return as_seen and not source.is_locked and is_plain

    def refuse_little_space(self, made: Made) -> None:
        """PlateError E_DISK_SPACE where the model's own pictures would not fit."""
        if self.request.lock or (self.request.delivery and self.request.delivery.upscaler):
            disk.check_space(self.folder.path, len(self.camera) * made.native[0] * made.native[1] * BYTES_PER_PIXEL)

    # What is recorded -------------------------------------------------------------------------------

    def origin(self, made: Made | None = None) -> provenance.Origin:
        """Where the pictures come from; what the back-end says of itself is known once it was open."""
        model, device = (made.model, made.device) if made else ({}, "")
        model = {"world_speed": round(world_speed(self.camera.fps, self.card.fps), 6), **model}
        return provenance.Origin.generated(self.job, self.request, self.card, model, device)

    def inputs(self) -> dict[str, Any]:
        """What the scene told beside its camera."""
        request = self.request
        depth = self.depth.to_dict() if self.depth else {}
        given = request.guide
        guide = {**depth, **given.told()} if given else None
        sun = None if request.sun is None else list(request.sun)
        files = {
            name: given.told() if given else None
            for name, given in (("first_frame", request.first_frame), ("plate", request.plate), ("mask", request.mask))
        }
        known = {"ground_m": request.ground_m, "sun": sun, "guide": guide, **files}
        return known | {"remake": self.remade} if self.remade else known

    def picture(self, source: Source) -> dict[str, Any]:
        """The manifest's words on how frames came from pictures."""
        seen, warp = (self.seen.width, self.seen.height), WARP if source.is_locked else ""
        beyond = self.form.window(self.camera.width, self.camera.height)
        told = provenance.picture(
            self.view,
            source.made.native,
            self.request.frame_format,
            seen=(self.corner[0] + beyond[0], self.corner[1] + beyond[1], *seen),
            warp=warp,
            colour=self.form.told(),
        )
        if source.larger:
            times, native = source.larger.upscaler.scale, source.made.native
            scale = [seen[0] / (native[0] * times), seen[1] / (native[1] * times)]
            told |= {"upscaler": source.larger.told()}
            told |= {"resample": {"filter": warp or RESAMPLE_FILTER, "scale": scale}}
        if lens := self.camera.lens_distortion:
            told["distortion"] = f"none: the picture of {lens.get('clip', 'a clip')} with its lens straightened"
        told |= {"delivery": self.delivered()}
        return told | {"kept": self.kept.to_dict(self.request.frame_format)} if self.kept else told

    def delivered(self) -> dict[str, Any]:
        """Which of the frames are the cut, how they are numbered, and what else the request's delivery asked for."""
        asked, camera = self.request.delivery or Delivery(), self.camera
        width, height = self.request.size or (self.request.camera.width, self.request.camera.height)
        left, top = (camera.width - width) // 2, (camera.height - height) // 2
        told: dict[str, Any] = {
            "handles": asked.handles,
            "cut": [camera.frames[0] + asked.handles, camera.frames[-1] - asked.handles],
            "frame_offset": asked.frame_offset,
            "overscan_kept": asked.overscan,
            "view": {"left": left, "top": top, "width": width, "height": height},
        }
        if self.form.view:
            told["data_window"] = {"left": -left, "top": -top, "width": camera.width, "height": camera.height}
        if self.form.proxy:
            size = self.form.proxy.size(self.view.width, self.view.height)
            files = [self.folder.proxies[frame].to_dict() for frame in camera.frames]
            told["proxy"] = {"folder": PROXY, "width": size[0], "height": size[1], "files": files}
        return told


def write_frames(
    folder: PlateFolder,
    camera: CameraPath,
    marks: Mapping[str, str],
    pictures: Iterator[Picture],
    finished: Finish,
    job: str,
    emit: Emit,
    warn: Callable[[str], None],                   # takes "W_CODE: sentence"
    kept: KeptPlate | None = None,                 # the plate that is painted into
    form: FrameForm | None = None,                 # how frames are written; None: as ever
) -> tuple[FileRecord, ...]:
    """Every picture becomes a frame under its final name, told as it does; returns camera.json, sheet and preview.

    Raises PlateError E_FRAMES_MISSING where there are fewer pictures than frames.
    """
    with folder.frames_of(camera, marks, kept, form) as frames:
        with closing(_write_behind(frames, pictures, finished)) as records:
            for record in records:
                for warning in record.warnings:
                    warn(f"{warning.code}: {warning.message}")
                emit(FrameReady(job, record.frame, str(folder.path / record.file), record.sha256))
        refuse_holes(camera, sum(1 for frame in camera.frames if frame in folder.frames))
        return frames.companions()


def refuse_holes(camera: CameraPath, count: int) -> None:
    """PlateError E_FRAMES_MISSING where there are fewer pictures than the camera has frames."""
    if count < len(camera):
        message = f"The model made {count} of {len(camera)} frames; {camera.frames[count]} is missing."
        raise PlateError("E_FRAMES_MISSING", message, "This is a fault of the model's back-end.")


def _write_behind(
    frames: Frames, pictures: Iterator[Picture], finished: Finish
) -> Generator[FrameRecord, None, None]:
    """Finish each picture in a second thread and write it in one of a few more, while the next ones are made.

    Yields the frames in order. Memory holds WAITING_MAX pictures as the model made them and WRITERS as they are
    written. However it ends, no write is left half done behind it.
    """
    room = BoundedSemaphore(WRITERS)

    def finish(index: int, picture: Picture) -> Future[FrameRecord]:
        room.acquire()
        try:
            writing = writers.submit(frames.begin(index, finished(index, picture)))
        except BaseException:
            room.release()
            raise
        writing.add_done_callback(lambda _: room.release())
        return writing

    with ThreadPoolExecutor(WRITERS, "frames") as writers, ThreadPoolExecutor(1, "finish") as finisher:
        waiting: deque[Future[Future[FrameRecord]]] = deque()
        try:
            for index, picture in enumerate(pictures):
                waiting.append(finisher.submit(finish, index, picture))
                while waiting and (len(waiting) > WAITING_MAX or _is_over(waiting[0])):
                    yield waiting.popleft().result().result()
            while waiting:
                yield waiting.popleft().result().result()
        finally:
            for unwanted in waiting:
                unwanted.cancel()


def _is_over(step: Future[Future[FrameRecord]]) -> bool:
    """Whether a frame is written, or will not be."""
    return step.done() and (step.exception() is not None or step.result().done())
