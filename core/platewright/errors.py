"""What can go wrong, each with a stable code and a next step.

PlatewrightError        failed                                          exit code 1
    RequestError        the request cannot be honoured as written       exit code 2, never worth a retry
        CameraError     the camera cannot be written as a plain pinhole path
    WorkerError         the other process
        WorkerMissing   no runtime to start
        WorkerMismatch  speaks another protocol
        WorkerDied      ended in the middle
    BackendError        the model
        OutOfMemory     worth a retry on another machine                exit code 4
        DeviceLost      likewise
    PlateError          reading or writing frames
    Cancelled           somebody asked for it                           exit code 130
"""

from __future__ import annotations


class PlatewrightError(Exception):
    """A failure with a code for programs, a message for people and a hint for what to do next."""

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[type[PlatewrightError], tuple[str, str, str]]:
        return type(self), (self.code, self.message, self.hint)

    def for_people(self) -> str:
        """One sentence or two: what happened, then what to do."""
        return f"{self.message} {self.hint}".strip()

    def to_dict(self) -> dict[str, str]:
        """The form that leaves the process: `code`, `message`, `hint`."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class RequestError(PlatewrightError):
    """The request cannot be honoured as written; the same request will fail again."""

    exit_code = 2


class CameraError(RequestError):
    """The camera cannot be written as a plain pinhole path."""


class WorkerError(PlatewrightError):
    """The process that runs the model could not do its work."""


class WorkerMissing(WorkerError):
    """There is no runtime to start."""


class WorkerMismatch(WorkerError):
    """The runtime speaks another version of the protocol."""


class WorkerDied(WorkerError):
    """The process ended before the job did."""


class BackendError(PlatewrightError):
    """The model, its weights or its device failed."""


class OutOfMemory(BackendError):
    """The device or the machine has too little memory for this job."""

    exit_code = 4


class DeviceLost(BackendError):
    """The device stopped answering; a new process is needed."""

    exit_code = 4


class PlateError(PlatewrightError):
    """Frames could not be read or written."""


class Cancelled(PlatewrightError):
    """Somebody asked the job to stop."""

    exit_code = 130

    def __init__(self, code: str = "E_CANCELLED", message: str = "Cancelled.", hint: str = "") -> None:
        super().__init__(code, message, hint)
