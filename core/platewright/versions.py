"""Which folder a plate goes to: a name that every system takes, a version nobody else has, or the one to continue.

    preflight(out, name, camera, frame_format)     before anything heavy
    folder = open_folder(job, request, resume)     a new version, or the one this request began

A version is claimed by making its folder, and never written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import disk
from .camera import CameraPath
from .errors import PlateError, RequestError
from .plates import JOURNAL, MANIFEST, RECORD, PlateFolder
from .protocol import FrameFormat, Job, PlateRequest, slug

VERSION_MAX = 9999
_BYTES_PER_PIXEL = {"exr": 6.2, "png": 3.1}        # nothing compressed: noise may not be


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
    record = {
        "job": {**job.to_dict(), "request": request.to_dict()},
        "request_sha256": request.sha256,
        "frame_format": request.frame_format,
    }
    return claim(out, job.name, job.version, record)


def is_made(job: Job) -> bool:
    """Whether the newest version of this very request, or the version that the job owns, is a whole plate."""
    known = _versions(Path(job.out), job.name)
    numbers = [job.version] if job.version else sorted(known, reverse=True)
    fitting = (known[n] for n in numbers if n in known and _request_of(known[n]) == job.request.sha256)
    return any((path / MANIFEST).is_file() for path in list(fitting)[:1])


def make_folder(folder: Path) -> None:
    """Make a folder for files that are no plate; PlateError of `disk.publish`."""
    with disk.refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def claim(out: Path, name: str, version: int | None, record: Mapping[str, Any]) -> PlateFolder:
    """Make a version folder of our own and start its record; among any number of claimers each gets another.

    version   None: the one after the last that exists
    record    goes into job.json; holds at least `request_sha256` and `frame_format`
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
            with disk.refusing(out):
                disk.sync_folder(out)              # the version's own name survives a power cut, too
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
    """The hash of the request a version was made for; None for a later lock, and when nothing trustworthy says so."""
    for name in (MANIFEST, RECORD):
        try:
            document = disk.read_json(path / name)
            return None if document.get("locked_from") else str(document.get("request_sha256"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
    return None
