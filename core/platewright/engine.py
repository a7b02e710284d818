"""From a request to a plate: the story, readable top to bottom.

    request -> camera fitted to the plate -> model opened -> frames generated -> written -> signed off

The engine names no model. It runs in the worker process and, unchanged, inside the command line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from . import device_lock, models, provenance, versions
from .camera import CameraPath
from .errors import OutOfMemory, PlateError, PlatewrightError
from .pictures import Picture, resize
from .plates import FrameRecord, Frames, PlateFolder
from .protocol import Emit, Event, FrameReady, Job, PlateRequest, Stage, Warned, check_against

WAITING_MAX = 8                                    # pictures at the model's size, made and not yet written


def make_plate(job: Job, emit: Emit, resume: bool = False) -> dict[str, Any]:
    """Make the plate that `job` asks for and answer with what `generate --json` prints.

    `emit` hears of every step; one that raises Cancelled stops the job, and the frames made so far stay.
    With `resume` a plate of the same request is continued, or returned as it is when whole.
    Raises RequestError, BackendError, PlateError, Cancelled; the folder's record says how the job ended.
    """
    request = job.request.checked()
    card = models.card(request.model)
    check_against(request, card)
    camera = plate_camera(request)
    versions.preflight(Path(job.out), job.name, camera, request.frame_format)

    folder = versions.open_folder(job, request, resume)
    if folder.is_whole:
        return provenance.answer(folder.path)
    with folder.recording(), device_lock.held(models.gpu(request.model, request.device), job.id, emit):
        for warning in camera.warnings:
            emit(Warned(job.id, *_code_and_sentence(warning)))
        _fill(folder, job, request, camera, emit)
    return provenance.answer(folder.path)


def plate_camera(request: PlateRequest) -> CameraPath:
    """The scene's camera at the plate's size: same poses, the lens follows the crop and the scale."""
    request.camera.refuse_cuts()
    return request.camera if request.size is None else request.camera.fitted(*request.size)


def _fill(folder: PlateFolder, job: Job, request: PlateRequest, camera: CameraPath, emit: Emit) -> None:
    """Generate, write and sign off: the folder becomes a whole plate."""
    started = perf_counter()
    emit(Stage(job.id, "loading", f"opening {request.model}"))
    backend = models.open_backend(request.model, request.device)
    opened = perf_counter()

    marks = provenance.marks(job, request, backend.card)
    warnings: list[str] = []

    def heard(event: Event) -> None:
        """Pass the event on; the manifest remembers what the model warned of."""
        if isinstance(event, Warned):
            warnings.append(f"{event.code}: {event.message}")
        emit(event)

    pictures = _guarded(backend.generate(request, camera, job.id, heard))
    with folder.frames_of(camera, marks) as frames:
        with closing(_write_behind(frames, camera, pictures)) as records:
            for record in records:
                for warning in record.warnings:
                    heard(Warned(job.id, warning.code, warning.message))
                emit(FrameReady(job.id, record.frame, str(folder.path / record.file), record.sha256))
        made = perf_counter()
        _refuse_holes(folder, camera)
        emit(Stage(job.id, "signing", "contact sheet, preview and manifest"))
        companions = frames.companions()
    native = backend.native_camera(camera)
    folder.finish(
        provenance.manifest(
            job=job,
            request=request,
            plate=folder.path.name,
            camera=camera,
            native=(native.width, native.height),
            card=backend.card,
            model=backend.provenance(),
            device=backend.device,
            frames=[folder.frames[frame].to_dict() for frame in camera.frames],
            companions=companions,
            timings={"load": opened - started, "frames": made - opened, "signing": perf_counter() - made},
            warnings=warnings,
        )
    )


def _write_behind(
    frames: Frames, camera: CameraPath, pictures: Iterator[Picture]
) -> Generator[FrameRecord, None, None]:
    """Write each picture in a second thread while the next ones are made; yields the frames in order.

    Memory holds WAITING_MAX pictures at most. However it ends, no write is left half done behind it.
    """

    def write(index: int, picture: Picture) -> FrameRecord:
        return frames.write(index, resize(picture, camera.width, camera.height))

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="frames") as writer:
        waiting: deque[Future[FrameRecord]] = deque()
        try:
            for index, picture in enumerate(pictures):
                waiting.append(writer.submit(write, index, picture))
                while waiting and (len(waiting) > WAITING_MAX or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for unwanted in waiting:
                unwanted.cancel()


def _refuse_holes(folder: PlateFolder, camera: CameraPath) -> None:
    missing = [frame for frame in camera.frames if frame not in folder.frames]
    if missing:
        message = f"The model made {len(camera) - len(missing)} of {len(camera)} frames; {missing[0]} is missing."
        raise PlateError("E_FRAMES_MISSING", message, "This is a fault of the model's back-end.")


def _code_and_sentence(warning: str) -> tuple[str, str]:
    code, _, sentence = warning.partition(": ")
    return code, sentence


def _guarded(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """The same pictures; what a library says about memory becomes a code that a farm understands."""
    try:
        yield from pictures
    except PlatewrightError:
        raise
    except MemoryError as error:
        hint = "Choose a smaller size or fewer frames, or a machine with more memory."
        raise OutOfMemory("E_OOM", "There is not enough memory for this plate.", hint) from error
