"""From a request to a plate: the story, readable top to bottom.

    request -> camera fitted to the plate -> model opened -> frames generated -> written -> signed off

The engine names no model. It runs in the worker process and, unchanged, inside the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from . import models, plates, provenance
from .camera import CameraPath
from .errors import OutOfMemory, PlatewrightError
from .protocol import Emit, FrameReady, Job, PlateRequest, Stage, Warned, check_against


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
    plates.preflight(Path(job.out), job.name, camera, request.frame_format)

    folder = plates.open_folder(job, request, resume)
    if folder.is_whole:
        return provenance.answer(folder.path)
    with folder.recording():
        for warning in camera.warnings:
            code, _, sentence = warning.partition(": ")
            emit(Warned(job.id, code, sentence))
        return _fill(folder, job, request, camera, emit)


def plate_camera(request: PlateRequest) -> CameraPath:
    """The scene's camera at the plate's size: same poses, the lens follows the crop and the scale."""
    request.camera.refuse_cuts()
    return request.camera if request.size is None else request.camera.fitted(*request.size)


def _fill(folder: plates.PlateFolder, job: Job, request: PlateRequest, camera: CameraPath, emit: Emit) -> dict[str, Any]:
    started = perf_counter()
    emit(Stage(job.id, "loading", f"opening {request.model}"))
    backend = models.open_backend(request.model, request.device)
    loaded = perf_counter()
    native = backend.native_camera(camera)

    pictures = _guarded(backend.generate(request, camera, job.id, emit))
    for index, picture in enumerate(pictures):
        record = folder.write(camera, index, plates.resize(picture, camera.width, camera.height))
        for warning in record.warnings:
            emit(Warned(job.id, warning.code, warning.message))
        emit(FrameReady(job.id, record.frame, str(folder.path / record.file), record.sha256))
    made = perf_counter()

    emit(Stage(job.id, "signing", "contact sheet, preview and manifest"))
    timings = {"load": loaded - started, "frames": made - loaded}
    return folder.finish(camera, backend, native, timings)


def _guarded(pictures: Iterator[Any]) -> Iterator[Any]:
    """The same pictures; what a library says about memory becomes a code that a farm understands."""
    try:
        yield from pictures
    except PlatewrightError:
        raise
    except MemoryError as error:
        hint = "Choose a smaller size or fewer frames, or a machine with more memory."
        raise OutOfMemory("E_OOM", "There is not enough memory for this plate.", hint) from error
