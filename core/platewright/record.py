"""The job folder: what was asked (`job.json`) and what became of it (`state.json`), whoever dies on the way.

The host holds a lock in the folder for as long as it looks after the job. The system lets go of it when the host ends,
however it ends; so a job that is not over and not held was lost, and the first to read the record says so in it.
The folder is private: prompts and paths of unpublished work are in it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from .errors import PlateError
from .file_lock import try_lock
from .protocol import Event, Failed, Finished, FrameReady, Job, Progress, Stage, Warned

JOB_FILE: Final = "job.json"
STATE_FILE: Final = "state.json"
LOCK_FILE: Final = "host.lock"
GUIDE: Final = "depth"                             # folder of what a host read of its scene for this job
NOTES: Final = ("origin.json", "first_frame.png")  # of a host beside the record
FORMAT: Final = "platewright.state"
VERSION: Final = 1
UNDER_WAY: Final = ("queued", "running")
OVER: Final = ("done", "failed", "cancelled")      # a lost job is not over: it can be resumed
KEPT_COUNT: Final = 50
KEPT_TIME: Final = timedelta(days=30)
HOST_DIED: Final = (                               # code, message, hint
    "E_HOST_DIED",
    "The Blender or the script that asked for this job ended before the job did.",
    "Its whole frames are kept; resume the job to make the others.",
)

log = logging.getLogger(__name__)

JobState = Literal["queued", "running", "done", "failed", "cancelled", "lost"]


def job_text(job: Job) -> str:
    """job.json as it will lie on disk. Ten thousand frames take a second: a host with a window asks in a thread."""
    return _text(job.to_dict())


class Record:
    """One job's folder, held by this process until `close`."""

    def __init__(self, job: Job, folder: Path, text: str) -> None:
        """Write job.json (0600) into `folder` (0700). Raises PlateError E_JOB_FOLDER, also if another host holds it."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(folder, error) from None
        try:
            if not try_lock(self._lock):
                raise BlockingIOError(errno.EWOULDBLOCK, "another process looks after the job in it")
            _replace(folder / JOB_FILE, text, is_durable=True)
        except OSError as error:
            os.close(self._lock)
            raise _unusable(folder, error) from None
        self.folder = folder
        self._job = job.id

    def write(self, state: str, **facts: Any) -> None:
        """Replace state.json. Raises OSError."""
        _replace(self.folder / STATE_FILE, _text(_state(self._job, state, host_pid=os.getpid(), **facts)))

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)


@dataclass(slots=True, eq=False)
class JobHandle:
    """A job as the host knows it, and its record on disk."""

    job: Job
    folder: Path
    resume: bool = False
    state: JobState = "queued"
    stage: str = "queued"
    detail: str = ""
    done: int = 0
    total: int = 0
    cancelling: bool = False
    frames: dict[int, str] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    ending: Finished | Failed | None = None
    tries: int = 1
    text: InitVar[str | None] = None               # job.json, if `job_text` was called before
    _record: Record | None = None

    def __post_init__(self, text: str | None) -> None:
        """Write job.json. Raises PlateError E_JOB_FOLDER."""
        self._record = Record(self.job, self.folder, text or job_text(self.job))

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def ended(self) -> bool:
        return self.ending is not None

    @property
    def answer(self) -> dict[str, Any] | None:
        return self.ending.answer if isinstance(self.ending, Finished) else None

    @property
    def failure(self) -> Failed | None:
        return self.ending if isinstance(self.ending, Failed) else None

    def apply(self, event: Event) -> None:
        """Take in what the worker said of this job under way."""
        match event:
            case Stage(_, stage, detail):
                self.stage, self.detail, self.done, self.total = stage, detail, 0, 0
            case Progress(_, stage, done, total):
                self.stage, self.done, self.total = stage, done, total
            case FrameReady(_, frame, path, _):
                self.frames[frame] = path
            case Warned():
                self.warnings.append(event)
            case _:
                pass

    def begin_again(self) -> None:
        """Back in the queue for another try, which goes on from the frames that are whole."""
        self.tries += 1
        self.resume = True
        self.state, self.stage, self.detail, self.done, self.total = "queued", "queued", "", 0, 0

    def end(self, ending: Finished | Failed, failed_state: JobState = "failed") -> None:
        """Become terminal, once and for all."""
        assert self.ending is None, f"job {self.id} ended twice"
        self.ending = ending
        self.state = "done" if isinstance(ending, Finished) else failed_state
        if isinstance(ending, Failed) and ending.code == "E_CANCELLED":
            self.state = "cancelled"

    def write_record(self, worker_pid: int | None, log_path: Path | None) -> Warned | None:
        """Say on disk where the job stands; a disk that refuses is a warning, not the end of the job."""
        if self._record is None:
            return None
        failure = self.failure and {name: getattr(self.failure, name) for name in ("code", "message", "hint")}
        stage = {"stage": self.stage, "detail": self.detail, "frames": len(self.frames)}
        who = {"worker_pid": worker_pid, "log": str(log_path)}
        try:
            self._record.write(self.state, **stage, **who, answer=self.answer, failure=failure)
        except OSError as error:
            return Warned(self.id, "W_RECORD", f"The job's record cannot be written: {error.strerror}.")
        finally:
            if self.ended:
                self._record.close()
                self._record = None
        return None


def read_record(folder: Path) -> dict[str, Any]:
    """What became of the job in `folder`: `state` and what is known of it; see state.json.

    A job under way whose host is gone is recorded as "lost", once. Raises PlateError E_RECORD if there is no record.
    """
    path = folder / STATE_FILE
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PlateError("E_RECORD", f"{path} cannot be read: {error}.", "Name the folder of a job.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise PlateError("E_RECORD", f"{path} is not the state of a job.", "Name the folder of a job.")
    if data.get("state") in UNDER_WAY and not _is_held(folder):
        data = _lost(data)
        with contextlib.suppress(OSError):         # a folder that can only be read still tells what happened
            _replace(path, _text(data))
    return data


def prune_records(folder: Path) -> None:
    """Take away the job folders in `folder` whose jobs are over, but for the last 50 and those of the last 30 days.

    What is no record of ours stays, and so does a job under way, held by anybody, or lost.
    """
    over = sorted(_over(folder), reverse=True)
    for changed, job in over[KEPT_COUNT:]:
        if datetime.now(UTC) - changed > KEPT_TIME and not _is_held(job):
            _take_away(job)


def _over(folder: Path) -> Iterator[tuple[datetime, Path]]:
    """The job folders whose jobs are over, and since when."""
    for path in folder.glob(f"*/{STATE_FILE}"):
        with contextlib.suppress(PlateError, KeyError, TypeError, ValueError):
            data = read_record(path.parent)
            if data["state"] in OVER and not path.parent.is_symlink():
                yield datetime.fromisoformat(data["changed"]).astimezone(UTC), path.parent


def _take_away(job: Path) -> None:
    """The files of a record, then its folder if nothing else is in it; the state goes last, and knows until then."""
    parts, depth = list(job.glob("*.json.part-*")), list(job.glob(f"{GUIDE}/depth.*.exr"))
    try:
        for path in (job / JOB_FILE, *(job / name for name in NOTES), *parts, *depth, job / LOCK_FILE):
            path.unlink(missing_ok=True)
        if depth:
            (job / GUIDE).rmdir()
        (job / STATE_FILE).unlink(missing_ok=True)
        job.rmdir()
    except OSError as error:                       # somebody reads in it, or has put something there
        log.info("%s stays: %s", job, error.strerror)


def _lost(data: dict[str, Any]) -> dict[str, Any]:
    failure = dict(zip(("code", "message", "hint"), HOST_DIED, strict=True))
    return {**data, "state": "lost", "changed": _now(), "failure": failure}


def _is_held(folder: Path) -> bool:
    try:
        with open(folder / LOCK_FILE, "rb") as file:
            return not try_lock(file.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _state(job: str, state: str, **facts: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "job": job, "state": state, "changed": _now(), **facts}


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, allow_nan=False)


def _replace(path: Path, text: str, is_durable: bool = False) -> None:
    """Write it under a name of its own, then take the final name in one step; readable by this user alone."""
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _unusable(folder: Path, error: OSError) -> PlateError:
    hint = "Choose another folder for jobs, or wait for the job that uses this one."
    return PlateError("E_JOB_FOLDER", f"The job folder {folder} cannot be used: {error.strerror}.", hint)
