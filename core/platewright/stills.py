"""The first frame that a request has made of its prompt: drawn before the video model is read, and kept with the plate.

    first_frame.png     the picture, with the camera that it was drawn for
    first_frame.json    what made it: model, files with sha256, the prompt as it was sent, seed, size, its own sha256

Whoever continues the plate finds both and draws nothing; another try finds the picture in the cache. Were it drawn
again it would be the same, but for another device or another version of a library.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import disk, models, pictures, provenance
from .camera import CameraPath
from .disk import FileRecord
from .errors import PlateError, RequestError
from .models import still_words
from .models.checkpoint import cache_folder
from .protocol import Emit, Input, PlateRequest, Stage

PICTURE, FACTS = "first_frame.png", "first_frame.json"
FORMAT, VERSION = "platewright.still", 1
KEPT_MAX = 64  # pictures


def refuse(request: PlateRequest) -> None:
    """RequestError E_MODEL_UNAVAILABLE, E_MODEL_UNKNOWN where the model of the still cannot run: before anything is."""
    if request.still is None:
        return
    card = models.still_card(request.still.model)
    if not card.available:
        raise RequestError("E_MODEL_UNAVAILABLE", f"{card.title} cannot run here: {card.reason}", "Give a picture.")


def led(request: PlateRequest, folder: Path, seen: CameraPath, job: str, emit: Emit) -> PlateRequest:
    """The request with the first frame that it wants made: found beside the plate, in the cache, or drawn now.

    folder   the plate's
    seen     what the video model will see
    Nothing of the text-to-image model is left in memory. Raises what its `draw` raises, and PlateError of `disk`.
    """
    if request.still is None:
        return request
    if facts(folder) is None:
        _make(request, folder, seen, job, emit)
    return replace(request, first_frame=Input.of(folder / PICTURE), still=None)


def facts(folder: Path) -> dict[str, Any] | None:
    """What made the plate's first frame; None where there is none, or not the one that was made."""
    try:
        told = disk.read_json(folder / FACTS)
        return told if told["sha256"] == disk.measure(folder / PICTURE).sha256 else None
    except (OSError, ValueError, KeyError):
        return None


def told(request: PlateRequest, folder: Path) -> dict[str, Any]:
    """What a manifest says of it among the plate's inputs; nothing where the request wants none made."""
    made = facts(folder) if request.still else None
    return {"first_frame": {"name": PICTURE, "sha256": made["sha256"], "still": made}} if made else {}


def companions(folder: Path) -> tuple[FileRecord, ...]:
    """The files of a first frame that was made for this plate."""
    return tuple(disk.measure(folder / name) for name in (PICTURE, FACTS)) if facts(folder) else ()


def _make(request: PlateRequest, folder: Path, seen: CameraPath, job: str, emit: Emit) -> None:
    assert request.still is not None
    model = models.open_still(request.still.model, request.device)
    view = model.drawn_camera(seen)
    words = still_words.worded(request.prompt, view, request.ground_m)
    made = {**model.provenance(), "prompt": words, "seed": request.still.seed, "size": [view.width, view.height]}
    made |= {"camera": view.texts(0), "device": model.device}
    kept = _place(made)
    data = _kept(kept, view)
    if data is None:
        drawn = model.draw(words, (view.width, view.height), request.still.seed, job, emit)
        texts = {**view.texts(0), "platewright.model": model.card.name}
        texts["platewright.digitalSourceType"] = provenance.source_type(model.card)
        tags = pictures.Tags(
            rate=view.rate,
            frame=view.frames[0],
            world_from_camera=view.camera_to_world[0],
            intrinsics=view.intrinsics[0],
            texts=texts,
        )
        record = disk.publish(folder / PICTURE, lambda part: pictures.write_png(part, drawn, tags))
        _keep(kept, folder / PICTURE)
    else:
        emit(Stage(job, "sampling", f"the first frame of an earlier job: {kept}"))
        record = disk.write_bytes(folder / PICTURE, data)
    disk.write_json(folder / FACTS, {"format": FORMAT, "version": VERSION, **made, "sha256": record.sha256})


# The cache ---------------------------------------------------------------------------------------


def _place(made: dict[str, Any]) -> Path:
    """Where a picture made of exactly this is kept."""
    text = json.dumps(made, sort_keys=True, allow_nan=False)
    return cache_folder() / "stills" / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}.png"


def _kept(file: Path, view: CameraPath) -> bytes | None:
    """The picture of an earlier job; None where there is none, or not a whole one of this size."""
    try:
        return file.read_bytes() if pictures.read_picture(file).shape[:2] == (view.height, view.width) else None
    except (OSError, PlateError):
        return None


def _keep(file: Path, picture: Path) -> None:
    """A copy, and the oldest are let go; a cache that cannot be written costs time, nothing else."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_bytes(file, picture.read_bytes())
    except (OSError, PlateError):
        return
    newest_first = sorted(file.parent.glob("*.png"), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for old in newest_first[KEPT_MAX:]:
        disk.remove(old)
