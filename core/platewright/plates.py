"""Plates on disk: a folder per version, filled frame by frame, signed off last.

    <name>_v001/                        claimed by mkdir; a version is never written twice
        <name>_v001.1001.exr            whole and hashed under this name; `.part-<pid>` until then
        proxy/                          smaller pictures, where they were asked for
        native/                         the model's own pictures, while a lock needs them
        journal.jsonl                   one line per finished frame; held open and locked by whoever writes
        job.json                        how the job stands: running, failed or cancelled, with the error
        camera.json contact.png preview.mp4
        plate.json                      the manifest, written last; then journal.jsonl and job.json go

So a folder with plate.json is a whole plate, also after a power cut: it is written when the disk has all the rest. One
without says in job.json why not. A job is told in these calls:

    folder = versions.open_folder(job, request, resume)    `folder.is_whole`: there is nothing left to do
    with folder.recording():                       failure and cancellation end up in job.json
        with folder.frames_of(camera, marks) as frames:
            frames.write(index, picture)
            companions = frames.companions()
        folder.finish(provenance.manifest(...))
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from . import disk, previews
from .camera import CameraPath
from .disk import FileRecord
from .errors import Cancelled, PlateError, PlatewrightError
from .frame_forms import PROXY, FrameForm
from .frame_tags import Tags
from .keeping import Kept, KeptPlate
from .pictures import Picture
from .plate_file import sealed

MANIFEST, RECORD, JOURNAL = "plate.json", "job.json", "journal.jsonl"
NATIVE = "native"                                  # folder of the model's own pictures, while the plate is not whole


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


class PlateFolder:
    """One version on disk, open for writing until it is whole."""

    def __init__(self, path: Path) -> None:
        """Open a version; one that is not whole is locked, its journal believed only where the bytes agree."""
        self.path = path
        self.frames: dict[int, FrameRecord] = {}   # whole so far, by scene frame
        self.proxies: dict[int, FileRecord] = {}   # likewise, where there are any
        self._record: dict[str, Any] = {}
        self._journal = None if (path / MANIFEST).is_file() else disk.Journal(path / JOURNAL)
        self.is_whole = (path / MANIFEST).is_file()            # asked again: its writer may just have finished
        disk.remove_stale_parts(path, alone=self._journal is not None)
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
        """Begin job.json; it says whose version this is, so it is on the disk before the work begins."""
        self._record = {"format": "platewright.record", "version": 1, **record}
        self._tell("running", is_durable=True)

    @property
    def ended_with(self) -> str:
        """The code of the error that the last job here ended with; empty for none."""
        return str((self._record.get("error") or {}).get("code", ""))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """While it lasts job.json says running; afterwards how it ended, unless the plate is whole."""
        if (self._record.get("status"), self._record.get("pid")) != ("running", os.getpid()):
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

    def _tell(self, status: str, error: dict[str, str] | None = None, is_durable: bool = False) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._record = {**self._record, "status": status, "error": error, "pid": os.getpid(), "changed": now}
        disk.write_json(self.path / RECORD, self._record, is_durable)

    def _try_to_tell(self, status: str, error: BaseException) -> None:
        """The failure itself matters more than a full disk that does not take its record."""
        known = error if isinstance(error, PlatewrightError) else PlatewrightError("E_INTERNAL", repr(error)[:500])
        try:
            self._tell(status, known.to_dict())
        except PlateError as second:
            error.add_note(f"job.json could not say so: {second}")

    # Frames ---------------------------------------------------------------------------------------

    def write(
        self,
        camera: CameraPath,
        index: int,
        picture: Picture,
        marks: Mapping[str, str],
        kept: Kept | None = None,
        form: FrameForm | None = None,
    ) -> FrameRecord:
        """Publish frame `index` of `camera`, or return it as it stands when an earlier run has made it.

        picture   float32 (camera.height, camera.width, 3), display-referred sRGB, 0..1
        marks     `platewright.*` texts for the header
        kept      of a given plate, what is not painted over by the picture
        form      how it is written; None: as ever for the version's format
        raises    PlateError E_FRAME_SIZE, E_NOT_FINITE (no file appears), and those of `disk.publish`
        """
        journal, frame = self._open_journal, camera.frames[index]
        if frame in self.frames:
            return self.frames[frame]
        low, high = _range_of(picture, camera, frame)
        tags = _tags(camera, index, marks)
        suffix = self._record["frame_format"]
        form = form or FrameForm.of(suffix)
        encode = {"exr": kept.write_exr, "png": kept.write_png}[suffix] if kept else form.write
        file = disk.publish(
            self.path / f"{self.path.name}.{frame:04d}.{suffix}",
            lambda part: encode(part, picture, tags),
        )
        record = FrameRecord(frame, file.file, file.size, file.sha256, _suspicions(low, high, frame))
        journal.append(_journal_line(record))
        self.frames[frame] = record
        return record

    def adopt(self, frame: int, source: Path, sha256: str) -> FrameRecord:
        """Take over a frame of another plate byte for byte, or return it as it stands.

        PlateError E_FRAME_CORRUPT where `source` is not what its manifest says, and those of `disk.publish`.
        """
        journal = self._open_journal
        if frame in self.frames:
            return self.frames[frame]

        def copied(part: Path) -> None:
            shutil.copyfile(source, part)
            if disk.measure(part).sha256 != sha256:
                message = f"{source.name} is not the file that was written: its bytes have changed."
                raise PlateError("E_FRAME_CORRUPT", message, "Fetch the plate again, or make all of it anew.")

        file = disk.publish(self.path / f"{self.path.name}.{frame:04d}{source.suffix}", copied)
        record = FrameRecord(frame, file.file, file.size, file.sha256)
        journal.append(_journal_line(record))
        self.frames[frame] = record
        return record

    @property
    def _open_journal(self) -> disk.Journal:
        if self._journal is None:
            raise PlateError("E_VERSION_TAKEN", f"{self.path.name} is finished.", "Make a new version.")
        return self._journal

    # The end --------------------------------------------------------------------------------------

    @contextmanager
    def frames_of(
        self,
        camera: CameraPath,
        marks: Mapping[str, str],
        kept: KeptPlate | None = None,
        form: FrameForm | None = None,
    ) -> Iterator[Frames]:
        """The plate's frames while they are written; contact sheet and preview grow with them, or are thrown away.

        kept   the given plate whose pixels stay where it is not painted over
        form   how they are written; None: as ever for the version's format
        """
        frames = Frames(self, camera, marks, kept, form or FrameForm.of(self._record["frame_format"]))
        try:
            yield frames
        finally:
            frames.close()

    def title(self, camera: CameraPath) -> str:
        """What stands above the contact sheet."""
        first, last = camera.frames[0], camera.frames[-1]
        rate = f"{float(camera.rate):.6g} fps"
        return f"{self.path.name}   {first:04d}-{last:04d}   {camera.width} x {camera.height}   {rate}"

    def finish(self, manifest: dict[str, Any]) -> None:
        """Sign the plate off: plate.json appears last, then the journal and the record have done their work."""
        disk.sync(self.path, [entry["file"] for entry in (*manifest["frames"], *manifest["companions"])])
        if self.proxies:
            disk.sync(self.path / PROXY, [record.file for record in self.proxies.values()])
        disk.write_json(self.path / MANIFEST, sealed(manifest), is_durable=True)
        self.is_whole = True
        self._put_away()

    def _put_away(self) -> None:
        self.release()
        disk.remove_folder(self.path / NATIVE)
        for name in (JOURNAL, RECORD):
            disk.remove(self.path / name)


class Frames:
    """Frames in the order of the camera, each also shown in the contact sheet and the preview as it passes by."""

    def __init__(
        self,
        folder: PlateFolder,
        camera: CameraPath,
        marks: Mapping[str, str],
        kept: KeptPlate | None,
        form: FrameForm,
    ) -> None:
        self._folder, self._camera, self._marks, self._kept, self._form = folder, camera, marks, kept, form
        self._view = form.camera_of(camera)
        self._sheet = previews.ContactSheet(folder.title(self._view), self._view.width, self._view.height)
        self._chosen = self._sheet.chosen(camera.frames)
        self._part = disk.Part(folder.path / "preview.mp4")
        with self._part.guarded():
            self._preview = previews.Preview(self._part.path, camera.rate, self._view.width, self._view.height, marks)

    def write(self, index: int, picture: Picture) -> FrameRecord:
        """`PlateFolder.write`; the sheet and the preview show the file where it is not just this picture."""
        return self.begin(index, picture)()

    def begin(self, index: int, picture: Picture) -> Callable[[], FrameRecord]:
        """The same in two steps: shown at once, in the order of the frames; written by a call, in any thread and order.

        Raises what `PlateFolder.write` does, here or there.
        """
        frame = self._camera.frames[index]
        is_known = frame in self._folder.frames
        kept = self._kept.frame(frame) if self._kept and not is_known else None
        if is_known or kept is not None:
            record = self._folder.write(self._camera, index, picture, self._marks, kept, self._form)
            picture = self._form.read(self._folder.path / record.file)
            self._show(frame, picture)
            return partial(self._with_proxy, index, picture, record)
        _range_of(picture, self._camera, frame)
        self._show(frame, self._form.shown(picture))
        return partial(self._publish, index, picture)

    def _publish(self, index: int, picture: Picture) -> FrameRecord:
        record = self._folder.write(self._camera, index, picture, self._marks, None, self._form)
        return self._with_proxy(index, self._form.shown(picture), record)

    def _show(self, frame: int, picture: Picture) -> None:
        with self._part.guarded():
            self._preview.add(picture)
        if frame in self._chosen:
            self._sheet.add(frame, picture)

    def _with_proxy(self, index: int, picture: Picture, record: FrameRecord) -> FrameRecord:
        folder = self._folder
        if self._form.proxy:
            with disk.refusing(folder.path):
                (folder.path / PROXY).mkdir(exist_ok=True)
            tags = _tags(self._view, index, self._marks)
            folder.proxies[record.frame] = self._form.publish_proxy(folder.path / record.file, picture, tags)
        return record

    def companions(self) -> tuple[FileRecord, ...]:
        """Publish camera.json, contact.png and preview.mp4."""
        with self._part.guarded():
            self._preview.finish()
        folder = self._folder.path
        written = disk.write_bytes(folder / "camera.json", self._view.to_json().encode("utf-8"))
        return written, disk.publish(folder / "contact.png", self._sheet.save), self._part.publish()

    def close(self) -> None:
        """What is not published goes away."""
        self._preview.close()
        self._part.discard()


# A frame's own affairs ---------------------------------------------------------------------------


def _tags(camera: CameraPath, index: int, marks: Mapping[str, str]) -> Tags:
    return Tags(
        rate=camera.rate,
        frame=camera.frames[index],
        world_from_camera=camera.camera_to_world[index],
        intrinsics=camera.intrinsics[index],
        texts=marks,
    )


def _range_of(picture: Picture, camera: CameraPath, frame: int) -> tuple[float, float]:
    """Its least and its greatest value; PlateError E_FRAME_SIZE, E_NOT_FINITE."""
    if picture.shape != (camera.height, camera.width, 3):
        message = f"Frame {frame} has the shape {picture.shape}, not {(camera.height, camera.width, 3)}."
        raise PlateError("E_FRAME_SIZE", message, "This is a fault of the model's back-end.")
    low, high = float(picture.min()), float(picture.max())     # a NaN anywhere is both
    if not isfinite(low) or not isfinite(high):
        message = f"Frame {frame} holds values that are not numbers."
        raise PlateError("E_NOT_FINITE", message, "Try another seed or fewer steps; on a GPU try --device cpu.")
    return low, high


def _suspicions(low: float, high: float, frame: int) -> tuple[FrameWarning, ...]:
    if high - low > 1 / 255:
        return ()
    looks = "black" if high < 1 / 255 else "of one colour"
    return (FrameWarning("W_FRAME_SUSPECT", f"Frame {frame} is all {looks}."),)


def _journal_line(record: FrameRecord) -> dict[str, Any]:
    return {**record.to_dict(), "warnings": [[warning.code, warning.message] for warning in record.warnings]}


def _frame_record(line: dict[str, Any]) -> FrameRecord:
    warnings = tuple(FrameWarning(*pair) for pair in line["warnings"])
    return FrameRecord(line["frame"], line["file"], line["size"], line["sha256"], warnings)
