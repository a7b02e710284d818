"""pip as a child process: the one that lies beside this file, whatever this machine has.

No setting of this machine or this person has a say, but proxies and a company's certificates; a mirror is named on
purpose. pip ends with the program that started it, however that ends: it watches a pipe.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .locks import Wheel
from .trouble import Trouble, cancelled

PIP = Path(__file__).parent / "pip-26.3-py3-none-any.whl"
ENTRY = """
import os, runpy, sys, threading
def watch():
    while os.read(0, 1):
        pass
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
sys.path.insert(0, sys.argv[1])
del sys.argv[1]
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
ISOLATED = ("-I", "-B", "-X", "utf8")
POLL_SECONDS = 0.1
TOLD_LINES = 20

FOREIGN = ("PYTHON", "PIP_", "UV_", "CONDA_", "_CONDA_", "DYLD_", "LD_", "VIRTUAL_ENV", "__PYVENV")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")

UNREACHED = (
    "NewConnectionError|Failed to establish|Name or service not known|getaddrinfo failed|name resolution|"
    "Connection refused|timed out|ConnectTimeout|ReadTimeout|Connection broken|ConnectionReset|IncompleteRead|"
    "RemoteDisconnected|Network is unreachable|ProtocolError|IncompleteDownload|incomplete-download|Max retries|"
    "50[0234] (?:Server )?Error"
)
NAMED = r"(?:host='|for |from )([\w.-]+\.whl|[\w.+-]+==[\w.+-]+|[\w.-]+\.\w+)'?"
AGAIN = "Install again: what has arrived is kept."
SAYS: tuple[tuple[str, str, str, str], ...] = (    # what pip writes, and what that means for a person
    (
        r"DO NOT MATCH THE HASHES", "E_HASH",
        "A package that arrived is not the one that was locked: it was damaged on the way, or somebody changed it.",
        "Nothing of it was installed. Do not use this network or mirror for it; tell who runs it.",
    ),
    (
        r"Errno 28|No space left|Errno 27|File too large|Disk quota|not enough space", "E_DISK_FULL",
        "The disk is full.", f"Free some space. {AGAIN}",
    ),
    (
        r"407 Proxy|Proxy Authentication", "E_PROXY", "The proxy asks for a name and a password (407).",
        "Give HTTPS_PROXY the name and password that your network asks for.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", "E_TLS", "The package index cannot prove who it is.",
        "A company's own certificates are trusted once SSL_CERT_FILE names them.",
    ),
    (
        r"40[13] (?:Client )?Error|Unauthorized", "E_AUTH", "The package index asks who you are.",
        "Put name and password into the mirror's address.",
    ),
    (
        UNREACHED, "E_NETWORK", "The package index cannot be reached, or the connection was lost.",
        f"Check the connection and the proxy's settings. {AGAIN}",
    ),
    (
        r"No matching distribution|Could not find a version", "E_SOURCE",
        "The package index does not have what the lock names, or a login page of the network answered.",
        "Name a mirror or a bundle that has it, or choose another kind of runtime.",
    ),
    (
        r"Permission denied|Errno 13|Errno 30|Read-only file system", "E_OUT_READONLY", "The folder cannot be written.",
        "Choose another cache folder.",
    ),
)


@dataclass(slots=True)
class Pip:
    """Runs pip, one at a time, until it is done or `stop` is set."""

    scratch: Path                          # temporary files, on the disk where the runtime will be
    log: Path
    stop: threading.Event
    mirror: str = ""
    more: tuple[str, ...] = ()             # folders of wheels to look into as well

    def asked(self, wheels: Sequence[Wheel]) -> Path:
        """These very files and no others, as a requirements file."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        path = self.scratch / "asked.txt"
        path.write_text("".join(wheel.requirement for wheel in wheels), encoding="utf-8")
        return path

    def run(self, python: Path, words: Sequence[str | Path], look: Callable[[], None]) -> None:
        """pip with these words in that Python; `look` is called a few times a second. Raises Trouble."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        command = [str(python), *ISOLATED, "-c", ENTRY, str(PIP), *map(str, words), "--log", str(self.verbose)]
        environment = pip_environment(os.environ, self.mirror, self.more)
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.scratch))
        with open(self.log, "ab") as log:
            log.write(f"\n$ pip {' '.join(map(str, words))}\n".encode())
            log.flush()                            # before the child appends its own
            start = log.tell()
            code = run_until(command, environment, log.fileno(), self.stop, look)
        if code:
            raise meaning(told(self.log, start), self.mirror, told(self.verbose, 0))
        self.verbose.unlink(missing_ok=True)

    @property
    def verbose(self) -> Path:
        """Where pip says why it was refused something, which it keeps from the console."""
        return self.scratch / "pip.log"


def run_until(
    command: Sequence[str],
    environment: Mapping[str, str],
    out: int,
    stop: threading.Event,
    look: Callable[[], None],
) -> int:
    """Exit code of a child that lives no longer than `stop` is unset, its words in `out`. Raises Trouble.

    E_PYTHON is raised of the start alone: what `look` raises is no word about the program.
    """
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    try:
        child = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.PIPE, stdout=out, stderr=out, creationflags=flags
        )
    except OSError as error:
        why = f"{command[0]} cannot be run ({error.strerror})."
        raise Trouble("E_PYTHON", why, "Install again, or name another Python.") from None
    try:
        while child.poll() is None:
            if stop.is_set():
                raise cancelled()
            look()
            time.sleep(POLL_SECONDS)
        look()
        return child.returncode
    finally:
        if child.stdin:
            child.stdin.close()
        if child.poll() is None:
            child.kill()
            child.wait()


def pip_environment(environment: Mapping[str, str], mirror: str, more: Sequence[str] = ()) -> dict[str, str]:
    """This process's own without what would steer pip or Python, and a mirror and folders where they are named."""
    kept = clean(environment)
    certificates = [kept.get("REQUESTS_CA_BUNDLE"), kept.get("SSL_CERT_FILE"), *filter(os.path.exists, BUNDLES)]
    bundle = next(filter(None, certificates), "")
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    settings |= {"PIP_NO_CACHE_DIR": "1", "PIP_TIMEOUT": "15", "PIP_RETRIES": "2", "PIP_NO_COLOR": "1"}
    settings |= {"PIP_PROGRESS_BAR": "off", "PIP_CERT": bundle, "PIP_INDEX_URL": mirror, "PIP_RESUME_RETRIES": "20"}
    settings["PIP_FIND_LINKS"] = " ".join(Path(folder).absolute().as_uri() for folder in more)
    return kept | {name: value for name, value in settings.items() if value}


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to Blender, to another Python or to another installer."""
    return {name: value for name, value in environment.items() if not name.upper().startswith(FOREIGN)}


def told(log: Path, start: int) -> str:
    """What was written since `start`, without passwords."""
    try:
        with open(log, "rb") as file:
            file.seek(start)
            return CREDENTIALS.sub("***@", file.read().decode("utf-8", "replace"))
    except OSError:
        return ""


def meaning(text: str, mirror: str, verbose: str = "") -> Trouble:
    """What pip's last words mean for a person; `verbose` is what it said on the quiet."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
    where = f" ({CREDENTIALS.sub('', mirror)})" if mirror else ""
    for pattern, code, message, hint in SAYS:
        if re.search(pattern, text) or re.search(pattern, verbose):
            named = re.search(NAMED, " ".join(errors))
            return Trouble(code, f"{message[:-1]}{where}{f': {named[1]}' if named else ''}.", hint)
    last = errors[-1].removeprefix("ERROR: ") if errors else "no word"
    return Trouble("E_PIP", f"pip failed: {last}", "The details say more.")
