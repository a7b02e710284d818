"""The worker as a child process: how it is started, where its stderr goes, how it is ended, what its exit code means.

No orphans: the child has its own process group, which is killed as a whole, and holds the read end of a pipe that only
this process can write: the operating system closes it when this process ends, however it ends. Under Linux the child
also asks to die with the *thread* that started it, which is why only the main thread may start one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

from ..errors import DeviceLost, OutOfMemory, PlatewrightError, WorkerDied, WorkerError, WorkerMissing

LOG_BYTES_MAX: Final = 20 * 1024 * 1024
LOGS_KEPT: Final = 8
LOG_TAIL_BYTES: Final = 8192

ISOLATED: Final = ("-I", "-B", "-X", "utf8")

# Data travels as arguments, never as code. The core goes in front of the environment's own packages.
ENTRY: Final = (
    "-c",
    "import sys; sys.path.insert(0, sys.argv[1]); from platewright.worker import main; raise SystemExit(main())",
)
COMMAND_ENTRY: Final = (
    "-c",
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from platewright import cli, worker; "
    + "worker.stay_with_host(int(sys.argv.pop(1))); raise SystemExit(cli.main())",
)

_FOREIGN_PREFIXES: Final = ("PYTHON", "CONDA_", "_CONDA_", "DYLD_", "UV_", "PIP_")
_FOREIGN_NAMES: Final = {"VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT"}
_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_BLENDERS_COLOURS: Final = "datafiles/colormanagement/"    # where Blender points OCIO itself, into its own files
_QUIET: Final = {"HF_HUB_DISABLE_TELEMETRY": "1", "DISABLE_TELEMETRY": "YES", "DO_NOT_TRACK": "1"}

_LOOK_IN_LOG: Final = "The log says more; starting the job again continues it."
_EXIT_WORDS: Final[dict[int, tuple[str, str, str]]] = {
    0: ("E_PROTOCOL", "The worker ended without finishing the job.", _LOOK_IN_LOG),
    1: ("E_WORKER_DIED", "The worker stopped with a Python error.", _LOOK_IN_LOG),
    2: ("E_WORKER_DIED", "The worker could not understand how it was started.", "Reinstall the extension."),
    3: (
        "E_WORKER_DIED",
        "The worker lost sight of the process that started it.",
        "Name a real Python interpreter, not a script that wraps one.",
    ),
    4: ("E_PROTOCOL", "The worker could not understand what it was told.", "Update the extension and the runtime."),
    12: ("E_OOM", "The device has too little memory for this job.", "Try a smaller size or fewer frames."),
    13: ("E_DEVICE_LOST", "The graphics device stopped answering.", "Try again; if it stays, restart the computer."),
    -4: ("E_WORKER_DIED", "The worker ran into an instruction this processor lacks.", "Install another runtime."),
    -6: ("E_WORKER_DIED", "The worker aborted inside a library.", _LOOK_IN_LOG),
    -7: (
        "E_WORKER_DIED",
        "A file the worker was reading, most likely of the model, was cut short under it.",
        "Let installations finish, check the model's files, then start the job again.",
    ),
    -9: (
        "E_WORKER_DIED",
        "The worker was killed from outside, perhaps because memory ran out.",
        "Close other programs, or try a smaller size or fewer frames; starting the job again continues it.",
    ),
    -11: ("E_WORKER_DIED", "The worker crashed inside a library.", _LOOK_IN_LOG),
    -15: ("E_WORKER_DIED", "Somebody ended the worker.", "Starting the job again continues it."),
    0xC0000005: ("E_WORKER_DIED", "The worker crashed inside a library (access violation).", _LOOK_IN_LOG),
    0xC0000135: ("E_WORKER_DIED", "A DLL the worker needs is missing.", "Repair the runtime, then try again."),
    0xC000013A: ("E_WORKER_DIED", "Somebody ended the worker.", "Starting the job again continues it."),
}
_EXIT_KINDS: Final[dict[str, type[PlatewrightError]]] = {"E_OOM": OutOfMemory, "E_DEVICE_LOST": DeviceLost}
KILLED: Final = -9


class Child(Protocol):
    """What the client needs of a worker, in whatever way it runs."""

    pid: int
    stdin: IO[bytes]                               # unbuffered; written and closed by one thread
    stdout: IO[bytes]                              # unbuffered; read and closed by another
    log_path: Path

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        ...

    def terminate(self) -> None:
        """Ask the whole group to end."""
        ...

    def kill(self) -> None:
        """End the whole group, what outlived its leader included; harmless when nothing is left."""
        ...


class Process:
    """A worker in a process of its own, leader of its own group."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log_path: Path, log: int) -> None:
        self.log_path = log_path
        self._popen = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=log_path.parent,
            env=dict(environment),
            close_fds=True,
            **_own_group(),
        )
        assert self._popen.stdin and self._popen.stdout
        self.pid = self._popen.pid
        self.stdin: IO[bytes] = self._popen.stdin
        self.stdout: IO[bytes] = self._popen.stdout

    def exit_code(self) -> int | None:
        return self._popen.poll()

    def terminate(self) -> None:
        self._signal_group("SIGTERM")

    def kill(self) -> None:
        self._signal_group("SIGKILL")

    def _signal_group(self, name: str) -> None:
        if sys.platform == "win32":
            self._popen.terminate()                # does nothing once the process has ended
            return
        try:
            os.killpg(self.pid, getattr(signal, name))
        except (ProcessLookupError, PermissionError):   # macOS says the latter of a group of zombies
            return


def start_process(
    python: Path,                                  # interpreter of the worker's own environment
    core_path: Path,                               # wheel file or folder that holds `platewright`
    log_dir: Path,
    environment: Mapping[str, str],                # added to the scrubbed environment of this process
    entry: Sequence[str] = ENTRY,                  # what the interpreter runs
) -> Process:
    """Start a worker. Raises WorkerMissing if that Python cannot be run or the core is not there."""
    if threading.current_thread() is not threading.main_thread():
        raise WorkerError("E_THREAD", "A worker is started from the main thread only.", "Submit the job from there.")
    if not core_path.exists():
        raise WorkerMissing("E_NO_CORE", f"There is no {core_path}.", "Reinstall the extension.")
    log_path, log = open_log(log_dir)
    arguments = [str(core_path), str(os.getpid()), str(log_path)]
    try:
        return Process(
            [str(python), *ISOLATED, *entry, *arguments],
            {**scrubbed(os.environ), **_QUIET, **environment},
            log_path,
            log,
        )
    except OSError as error:
        raise WorkerMissing(
            "E_NO_RUNTIME",
            f"The worker's Python cannot be started: {python}: {error.strerror}.",
            "Name a working interpreter in the preferences, or install the runtime.",
        ) from None
    finally:
        os.close(log)


def command_line(
    python: Path,                                  # interpreter of the worker's own environment
    core_path: Path,                               # wheel file or folder that holds `platewright`
    environment: Mapping[str, str],                # added to the scrubbed environment of this process
    words: Sequence[str],                          # as typed after `platewright`
) -> tuple[list[str], dict[str, str]]:
    """The core's command line in the worker's Python, bound to end with this process: what to run, and where."""
    command = [str(python), *ISOLATED, *COMMAND_ENTRY, str(core_path), str(os.getpid()), *words]
    return command, {**scrubbed(os.environ), **_QUIET, **environment}


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what belongs to the host: interpreter, libraries, colours. A studio's OCIO stays."""
    return {name: value for name, value in environment.items() if not _is_foreign(name.upper(), value)}


def memory_kills() -> int:
    """How many processes the system has ended for want of memory since it started; 0 where it does not say."""
    try:
        counts = dict(line.split() for line in Path("/proc/vmstat").read_text("ascii").splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return 0


def words_for_exit(code: int, log_path: Path, kills: int = 0) -> PlatewrightError:
    """An exit code in words; a signal is negative, a Windows status is its unsigned value.

    `kills` is by how much `memory_kills` rose while the worker lived: that and the signal together are evidence.
    """
    if code == KILLED and kills > 0:
        hint = f"Close other programs, or choose a smaller size or fewer frames. Log: {log_path}"
        return OutOfMemory("E_HOST_OOM", "This machine ran out of memory, and the system ended the worker.", hint)
    error_code, message, hint = _EXIT_WORDS.get(code, ("E_WORKER_DIED", _plain(code), _LOOK_IN_LOG))
    kind = _EXIT_KINDS.get(error_code, WorkerDied)
    return kind(error_code, message, f"{hint} Log: {log_path}")


def open_log(log_dir: Path) -> tuple[Path, int]:
    """Path and descriptor of this host's worker log, for appending: in `log_dir`, else in a new temporary folder.

    Raises WorkerError E_LOG if there is no place at all.
    """
    try:
        return _open_in(log_dir)
    except OSError:
        import tempfile  # 24 ms that a working folder does not pay
    try:
        return _open_in(Path(tempfile.mkdtemp(prefix="platewright-")))
    except OSError as error:
        message = f"Neither {log_dir} nor the temporary folder can be written: {error.strerror}."
        raise WorkerError("E_LOG", message, "Make room on the disk, or set TMPDIR.") from None


def log_tail(log_path: Path, lines: int = 20) -> str:
    """The last lines of a log, printable characters only; empty if it cannot be read."""
    try:
        with open(log_path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join("".join(filter(str.isprintable, line)) for line in text.splitlines()[-lines:])


def _open_in(folder: Path) -> tuple[Path, int]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"worker-{os.getpid()}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        os.replace(path, path.with_suffix(".log.1"))
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
    for old in _oldest_logs(folder):
        old.unlink(missing_ok=True)
    return path, log


def _oldest_logs(folder: Path) -> Iterator[Path]:
    newest_first = sorted(folder.glob("worker-*.log*"), key=lambda path: path.lstat().st_mtime, reverse=True)
    yield from newest_first[LOGS_KEPT:]


def _is_foreign(name: str, value: str) -> bool:
    if name in _CERTIFICATES:                      # Blender points these into itself
        return value.startswith(sys.prefix)
    if name == "OCIO":
        return not value or _BLENDERS_COLOURS in value.replace("\\", "/")
    return name in _FOREIGN_NAMES or name.startswith(_FOREIGN_PREFIXES)


def _own_group() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _plain(code: int) -> str:
    if code < 0:
        return f"The worker was ended by signal {-code}."
    return f"The worker ended with code {code if code < 256 else hex(code)}."
