"""What Blender leaves behind when it is closed in the middle of a job, and finds at its next start.

Beside the core's record of a job (`job.json`, `state.json`) lies `origin.json`: where the job came from, in few words.
It lies there as long as there is something to do about the job: until its plate stands somewhere, until it failed in
front of somebody, or until it is taken away by hand. So a start reads few small files, and none where there is nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platewright.errors import PlatewrightError

from .plate_told import text

if TYPE_CHECKING:                                  # not at every start of Blender
    from platewright.protocol import Job

    from .job_run import Run

ORIGIN = "origin.json"
JOB = "job.json"
FORMAT = "platewright.origin"
BYTES_MAX = 100_000
LEFT_MAX = 20                                      # offered at once


@dataclass(frozen=True, slots=True)
class Left:
    """A job of another session that is not done with."""

    folder: Path                                   # of its record
    name: str                                      # of its plate
    model: str
    file: str
    scene: str
    camera: str
    frames: int                                    # that were asked for
    frames_made: int
    plate: str                                     # folder of the plate if it is whole; else empty

    @property
    def id(self) -> str:
        """Of the job."""
        return self.folder.name


def note(run: Run) -> None:
    """Leave word of a job that begins. A disk that refuses costs the offer, not the job."""
    request, origin = run.handle.job.request, run.origin
    document = {
        "format": FORMAT,
        "version": 1,
        "name": run.handle.job.name,
        "model": request.model,
        "file": origin.file,
        "scene": origin.scene_name,
        "camera": origin.camera_name,
        "frames": len(request.camera.frames),
    }
    part = run.handle.folder / f"{ORIGIN}.part-{os.getpid()}"
    with suppress(OSError, UnicodeEncodeError):
        part.write_text(json.dumps(document), encoding="utf-8")
        os.replace(part, run.handle.folder / ORIGIN)


def settle(folder: Path) -> None:
    """There is nothing to do about this job any more."""
    with suppress(OSError):
        (folder / ORIGIN).unlink(missing_ok=True)


def left_in(records: Path) -> list[Left]:
    """The jobs of other sessions that are not done with, newest first. For a thread; raises nothing."""
    try:
        found = sorted(records.glob(f"*/{ORIGIN}"), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []
    return [left for left in map(_left, (path.parent for path in found[:LEFT_MAX])) if left]


def job_left(left: Left) -> tuple[Job, str]:
    """The job and its text. Raises RequestError where its file is none, PlateError E_RECORD where there is none."""
    from platewright.errors import PlateError
    from platewright.protocol import Job

    try:
        said = (left.folder / JOB).read_text(encoding="utf-8")
        return Job.from_dict(json.loads(said)), said
    except (OSError, ValueError, RecursionError) as error:
        why = f"The record of {left.name} cannot be read: {error}."
        raise PlateError("E_RECORD", why, "Make the plate again.") from None


def _left(folder: Path) -> Left | None:
    """None for a job that is under way in another Blender, or over; what is over for good is put away."""
    from platewright.client import read_record

    told = _read(folder / ORIGIN)
    try:
        record = read_record(folder)
    except PlatewrightError:
        return None
    answer = record.get("answer")
    plate = text(answer.get("plate")) if isinstance(answer, dict) else ""
    is_whole = record.get("state") == "done" and bool(plate) and (Path(plate) / "plate.json").is_file()
    if not told or not (is_whole or record.get("state") == "lost"):
        if record.get("state") in ("done", "failed", "cancelled"):
            settle(folder)
        return None
    return Left(
        folder=folder,
        name=text(told.get("name")),
        model=text(told.get("model")),
        file=text(told.get("file")),
        scene=text(told.get("scene")),
        camera=text(told.get("camera")),
        frames=_count(told.get("frames")),
        frames_made=_count(record.get("frames")),
        plate=plate if is_whole else "",
    )


def _count(value: Any) -> int:
    """What may be shown as a number of frames."""
    return value if type(value) is int and 0 <= value < 10**6 else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > BYTES_MAX:
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) and told.get("format") == FORMAT else {}
