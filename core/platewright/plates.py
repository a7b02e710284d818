"""Plates on disk: a folder per version, claimed once, filled frame by frame, signed off last.

    <name>_v001/                        claimed by mkdir; a version is never written twice
        <name>_v001.1001.exr            whole and hashed under this name; `.part-<pid>` until then
        journal.jsonl                   one line per finished frame; held open and locked by whoever writes
        job.json                        how the job stands: running, failed or cancelled, with the error
        camera.json contact.png preview.mp4
        plate.json                      the manifest, written last; then journal.jsonl and job.json go

So a folder with plate.json is a whole plate, and one without says in job.json why not. A job is told in six calls:

    preflight(out, name, camera, frame_format)     before anything heavy
    folder = open_folder(job, request, resume)     `folder.is_whole`: there is nothing left to do
    with folder.recording():                       failure and cancellation end up in job.json
        folder.write(camera, index, picture, provenance.marks(...))
        companions = folder.add_companions(camera, marks)
        folder.finish(provenance.manifest(...))
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from . import disk, pictures
from .camera import CameraPath
from .disk import FileRecord, write_bytes, write_json
from .errors import Cancelled, PlateError, PlatewrightError, RequestError
from .pictures import Picture, resize
from .protocol import FrameFormat, Job, PlateRequest, slug

__all__ = [
    "FrameRecord", "FrameWarning", "PlateFolder", "claim", "find_partial", "open_folder", "preflight", "resize", "slug",
    "write_bytes", "write_json",
]  # fmt: skip

MANIFEST, RECORD, JOURNAL = "plate.json", "job.json", "journal.jsonl"
VERSION_MAX = 9999
_ENCODERS: dict[str, Callable[[Path, Picture, pictures.Tags], None]] = {
    "exr": pictures.write_exr,
    "png": pictures.write_png,
}
_BYTES_PER_PIXEL = {"exr": 6.2, "png": 3.1}        # nothing compressed: noise may not be


@dataclass(frozen=True, slots=True)
class FrameWarning:
    """Something odd about a frame that was written all the same."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A frame that is whole under its final name."""

    frame: int
    file: str
    size: int
    sha256: str
    warnings: tuple[FrameWarning, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"frame": self.frame, "file": self.file, "size": self.size, "sha256": self.sha256}


# Names -------------------------------------------------------------------------------------------


def _require_slug(name: str) -> None:
    if slug(name) != name:
        raise RequestError("E_NAME", f"{name[:80]!r} cannot be the name of a plate.", f"{slug(name)!r} can.")


def _stem(name: str, version: int) -> str:
    return f"{name}_v{version:03d}"


def _versions(out: Path, name: str) -> dict[int, Path]:
    """The versions that exist, whatever their case: a disk may not tell Shot from shot."""
    pattern = re.compile(rf"{re.escape(name)}_v(\d{{3,4}})", re.IGNORECASE)
    found = ((pattern.fullmatch(path.name), path) for path in out.iterdir()) if out.is_dir() else ()
    return {int(match[1]): path for match, path in found if match}


# Before the work ---------------------------------------------------------------------------------


def preflight(out: Path, name: str, camera: CameraPath, frame_format: FrameFormat) -> None:
    """Refuse early what cannot end well; nothing is made yet.

    RequestError E_NAME, E_PATH, E_PATH_LENGTH, E_OUT_READONLY, E_FRAME_NUMBER; PlateError E_DISK_SPACE.
    """
    _require_slug(name)
    if camera.frames[0] < 0:
        message = f"Frame {camera.frames[0]} is negative; file names count from zero."
        raise RequestError("E_FRAME_NUMBER", message, "Shift the scene's range; 1001 is a usual start.")
    longest = f"{_stem(name, VERSION_MAX)}.{max(camera.frames):04d}.{frame_format}{disk.PART}{2**31}"
    disk.check_length(out / _stem(name, VERSION_MAX) / longest)
    disk.check_folder(out)
    disk.check_space(out, int(len(camera) * camera.width * camera.height * _BYTES_PER_PIXEL[frame_format]))


# A version ---------------------------------------------------------------------------------------


def open_folder(job: Job, request: PlateRequest, resume: bool) -> PlateFolder:
    """The folder to fill: a new version, or with `resume` the one this request began (see `find_partial`, `claim`)."""
    out = Path(job.out)
    found = find_partial(out, job.name, job.version, request.sha256) if resume else None
    if found:
        return found
    record = {"job": {**job.to_dict(), "request": request.to_dict()}, "request_sha256": request.sha256}
    return claim(out, job.name, job.version, record)


def claim(out: Path, name: str, version: int | None, record: Mapping[str, Any]) -> PlateFolder:
    """Make a version folder of our own and start its record; among any number of claimers each gets another.

    version   None: the one after the last that exists
    record    goes into job.json; holds at least `request_sha256` and `job`
    raises    RequestError E_NAME, E_VERSION_TAKEN; PlateError of `disk.publish`
    """
    _require_slug(name)
    with disk.refusing(out):
        out.mkdir(parents=True, exist_ok=True)
    taken = _versions(out, name)
    for number in [version] if version else range(max(taken, default=0) + 1, VERSION_MAX + 1):
        folder = _claimed(taken.get(number, out / _stem(name, number)))
        if folder:
            folder.start(record)
            return folder
    message = f"{_stem(name, version or VERSION_MAX)} exists already; versions are never overwritten."
    raise RequestError("E_VERSION_TAKEN", message, "Leave the version out, or continue this job with --resume.")


def _claimed(path: Path) -> PlateFolder | None:
    """The folder if it is ours now; a claimer killed before it wrote a word has lost its claim."""
    with disk.refusing(path):
        try:
            path.mkdir()
        except FileExistsError:
            if not _is_untouched(path):
                return None
    try:
        return PlateFolder(path)
    except PlateError as error:
        if error.code == "E_PLATE_BUSY":
            return None
        raise


def _is_untouched(path: Path) -> bool:
    return not path.is_symlink() and path.is_dir() and all(_is_scrap(entry.name) for entry in path.iterdir())


def _is_scrap(name: str) -> bool:
    return name == JOURNAL or disk.PART in name


def find_partial(out: Path, name: str, version: int | None, request_sha256: str) -> PlateFolder | None:
    """The folder where this request began or ended, opened to continue; None when there is none.

    Without `version` the newest that fits. Frames of the journal whose bytes have changed are made again.
    RequestError E_JOB_DIFFERS when the given version holds another request, E_PATH when it is a link;
    PlateError E_PLATE_BUSY while its writer lives.
    """
    _require_slug(name)
    known = {number: path for number, path in _versions(out, name).items() if not _is_untouched(path)}
    for number in [version] if version else sorted(known, reverse=True):
        path = known.get(number)
        if path and (path.is_symlink() or not path.is_dir()):
            raise RequestError("E_PATH", f"{path.name} is no folder of its own.", "Remove it, or choose another name.")
        if path and _request_of(path) == request_sha256:
            return PlateFolder(path)
    if version in known:
        message = f"{_stem(name, version)} belongs to another request."
        raise RequestError("E_JOB_DIFFERS", message, "Choose another version, or leave it out.")
    return None


def _request_of(path: Path) -> str | None:
    """The hash of the request a version was made for; None when nothing trustworthy says so."""
    for name in (MANIFEST, RECORD):
        try:
            return str(disk.read_json(path / name).get("request_sha256"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
    return None


class PlateFolder:
    """One version on disk, open for writing until it is whole."""

    def __init__(self, path: Path) -> None:
        """Open a version; one that is not whole is locked, its journal believed only where the bytes agree."""
        self.path = path
        self.frames: dict[int, FrameRecord] = {}   # whole so far, by scene frame
        self._record: dict[str, Any] = {}
        self._journal = None if (path / MANIFEST).is_file() else disk.Journal(path / JOURNAL)
        self.is_whole = (path / MANIFEST).is_file()            # asked again: its writer may just have finished
        disk.remove_stale_parts(path)
        if self.is_whole:
            self._put_away()
        elif self._journal:
            known = map(_frame_record, self._journal.lines())
            self.frames = {record.frame: record for record in known if self._holds(record)}
            self._record = disk.read_json(path / RECORD) if (path / RECORD).is_file() else {}

    def _holds(self, record: FrameRecord) -> bool:
        try:
            return disk.measure(self.path / record.file) == FileRecord(record.file, record.size, record.sha256)
        except OSError:
            return False

    # How the job stands ---------------------------------------------------------------------------

    def start(self, record: Mapping[str, Any]) -> None:
        """Begin job.json."""
        self._record = {"format": "platewright.record", "version": 1, **record}
        self._tell("running")

    @contextmanager
    def recording(self) -> Iterator[None]:
        """While it lasts job.json says running; afterwards how it ended, unless the plate is whole."""
        self._tell("running")
        try:
            yield
        except (Cancelled, KeyboardInterrupt) as error:
            self._try_to_tell("cancelled", error)
            raise
        except BaseException as error:
            self._try_to_tell("failed", error)
            raise
        finally:
            self.release()

    def release(self) -> None:
        """Give up the right to write here; ending the process does the same."""
        if self._journal:
            self._journal.close()

    def _tell(self, status: str, error: dict[str, str] | None = None) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._record = {**self._record, "status": status, "error": error, "pid": os.getpid(), "changed": now}
        disk.write_json(self.path / RECORD, self._record)

    def _try_to_tell(self, status: str, error: BaseException) -> None:
        """The failure itself matters more than a full disk that does not take its record."""
        known = error if isinstance(error, PlatewrightError) else PlatewrightError("E_INTERNAL", repr(error)[:500])
        try:
            self._tell(status, known.to_dict())
        except PlateError as second:
            error.add_note(f"job.json could not say so: {second}")

    # Frames ---------------------------------------------------------------------------------------

    def write(self, camera: CameraPath, index: int, picture: Picture, marks: Mapping[str, str]) -> FrameRecord:
        """Publish frame `index` of `camera`, or return it as it stands when an earlier run has made it.

        picture   float32 (camera.height, camera.width, 3), display-referred sRGB, 0..1
        marks     `platewright.*` texts for the header
        raises    PlateError E_FRAME_SIZE, E_NOT_FINITE (no file appears), and those of `disk.publish`
        """
        journal, frame = self._open_journal, camera.frames[index]
        if frame in self.frames:
            return self.frames[frame]
        _check_picture(picture, camera, frame)
        tags = pictures.Tags(
            rate=camera.rate,
            frame=frame,
            world_from_camera=camera.camera_to_world[index],
            intrinsics=camera.intrinsics[index],
            texts=marks,
        )
        suffix = self._record["job"]["request"]["frame_format"]
        file = disk.publish(
            self.path / f"{self.path.name}.{frame:04d}.{suffix}",
            lambda part: _ENCODERS[suffix](part, picture, tags),
        )
        record = FrameRecord(frame, file.file, file.size, file.sha256, _suspicions(picture, frame))
        journal.append(_journal_line(record))
        self.frames[frame] = record
        return record

    @property
    def _open_journal(self) -> disk.Journal:
        if self._journal is None:
            raise PlateError("E_VERSION_TAKEN", f"{self.path.name} is finished.", "Make a new version.")
        return self._journal

    # The end --------------------------------------------------------------------------------------

    def add_companions(self, camera: CameraPath, marks: Mapping[str, str]) -> tuple[FileRecord, ...]:
        """Publish camera.json, contact.png and preview.mp4, made from the frames on disk, one at a time."""
        sheet = pictures.ContactSheet(self._title(camera), camera.width, camera.height)
        written = disk.write_bytes(self.path / "camera.json", camera.to_json().encode("utf-8"))
        preview = disk.publish(self.path / "preview.mp4", lambda part: self._look_through(camera, marks, sheet, part))
        return written, disk.publish(self.path / "contact.png", sheet.save), preview

    def _look_through(
        self, camera: CameraPath, marks: Mapping[str, str], sheet: pictures.ContactSheet, preview_path: Path
    ) -> None:
        chosen = sheet.chosen(camera.frames)
        with pictures.Preview(preview_path, camera.rate, camera.width, camera.height, marks) as preview:
            for frame in camera.frames:
                picture = pictures.read_picture(self.path / self.frames[frame].file)
                preview.add(picture)
                if frame in chosen:
                    sheet.add(frame, picture)

    def _title(self, camera: CameraPath) -> str:
        first, last = camera.frames[0], camera.frames[-1]
        rate = f"{float(camera.rate):.6g} fps"
        return f"{self.path.name}   {first:04d}-{last:04d}   {camera.width} x {camera.height}   {rate}"

    def finish(self, manifest: dict[str, Any]) -> None:
        """Sign the plate off: plate.json appears last, then the journal and the record have done their work."""
        disk.write_json(self.path / MANIFEST, manifest)
        self.is_whole = True
        self._put_away()

    def _put_away(self) -> None:
        self.release()
        for name in (JOURNAL, RECORD):
            disk.remove(self.path / name)


# A frame's own affairs ---------------------------------------------------------------------------


def _check_picture(picture: Picture, camera: CameraPath, frame: int) -> None:
    if picture.shape != (camera.height, camera.width, 3):
        message = f"Frame {frame} has the shape {picture.shape}, not {(camera.height, camera.width, 3)}."
        raise PlateError("E_FRAME_SIZE", message, "This is a fault of the model's back-end.")
    if not np.isfinite(picture).all():
        message = f"Frame {frame} holds values that are not numbers."
        raise PlateError("E_NOT_FINITE", message, "Try another seed or fewer steps; on a GPU try --device cpu.")


def _suspicions(picture: Picture, frame: int) -> tuple[FrameWarning, ...]:
    low, high = float(picture.min()), float(picture.max())
    if high - low > 1 / 255:
        return ()
    looks = "black" if high < 1 / 255 else "of one colour"
    return (FrameWarning("W_FRAME_SUSPECT", f"Frame {frame} is all {looks}."),)


def _journal_line(record: FrameRecord) -> dict[str, Any]:
    return {**record.to_dict(), "warnings": [[warning.code, warning.message] for warning in record.warnings]}


def _frame_record(line: dict[str, Any]) -> FrameRecord:
    warnings = tuple(FrameWarning(*pair) for pair in line["warnings"])
    return FrameRecord(line["frame"], line["file"], line["size"], line["sha256"], warnings)
