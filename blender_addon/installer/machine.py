"""Which lock suits this machine, and which Python can make an environment that lasts."""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .trouble import Trouble

CUDA_DRIVER = 580                          # the oldest major version of NVIDIA's driver that runs CUDA 13
DRIVER = Path("/proc/driver/nvidia/version")
QUESTION = "import sys, venv; print('%d.%d' % sys.version_info[:2], sys._base_executable)"
ASK_SECONDS = 30
NO_GPU = "No NVIDIA GPU was found: models would run on the processor, slowly."
OWN = "Name a Python that has torch for this machine under Runtime in the preferences."


@dataclass(frozen=True, slots=True)
class Fit:
    """What this machine is offered."""

    variant: str                           # empty: there is no lock for it
    note: str = ""                         # what its owner should know


def fit(
    system: str = sys.platform, machine: str = "", driver_text: str | None = None, has_kfd: bool | None = None
) -> Fit:
    """The lock for a machine; without arguments for this one. Starts no process."""
    machine = machine or platform.machine()
    driver = driver_version(read(DRIVER) if driver_text is None else driver_text)
    if system == "darwin":
        return Fit("macos") if machine == "arm64" else Fit("", f"There is no torch for this Mac's processor. {OWN}")
    if machine.lower() not in ("x86_64", "amd64"):
        return Fit("", f"There is no lock for a {machine} processor. {OWN}")
    if system == "win32":
        return Fit("windows", f"This runtime does not use the GPU. {OWN}")
    if driver is None:
        is_amd = Path("/dev/kfd").exists() if has_kfd is None else has_kfd
        return Fit("linux-cuda", f"The AMD GPU would not be used. {OWN}" if is_amd else NO_GPU)
    if driver < CUDA_DRIVER:
        return Fit("linux-cuda", f"The NVIDIA driver {driver} is too old: from {CUDA_DRIVER} on the GPU is used.")
    return Fit("linux-cuda")


def driver_version(text: str) -> int | None:
    """The major version, as the kernel module tells it or as nvidia-smi prints it; None without a driver."""
    found = re.search(r"(?:Kernel Module(?: for \S+)?|Driver Version:)\s+(\d{3})\.\d+", text)
    return int(found[1]) if found else None


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# Pythons -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter outside any environment."""

    program: str
    version: str                           # "3.11"


def find_python(versions: Sequence[str], named: str = "") -> Python:
    """The one that was named, or else the best there is; raises Trouble E_PYTHON. Blender's own is the last resort:
    an environment that it made is broken once that Blender is gone."""
    tried: list[str] = []
    for program in [named] if named else candidates(versions):
        found = asked(program)
        if found and found.version in versions:
            return found
        tried.append(f"{program} ({found.version if found else 'does not run, or cannot make environments'})")
    hint = f"Install Python {versions[-1]} (and its venv module), or name a Python that has torch in the preferences."
    wanted = f"{versions[0]} to {versions[-1]}" if len(versions) > 1 else versions[0]
    raise Trouble("E_PYTHON", f"No Python {wanted} was found here. Tried: {', '.join(tried) or 'nothing'}.", hint)


def candidates(versions: Sequence[str]) -> Iterator[str]:
    """Each once, newest first, this program's own Python last."""
    seen = {os.path.realpath(sys.executable or "")}
    for found in filter(None, elsewhere(versions)):
        if (real := os.path.realpath(found)) not in seen and "WindowsApps" not in found:
            seen.add(real)
            yield found
    if sys.executable:
        yield sys.executable


def elsewhere(versions: Iterable[str]) -> Iterator[str | None]:
    """Where installers of Python put it; a Blender started from a menu may have a short PATH."""
    more = ["/usr/local/bin", "/opt/homebrew/bin"] if os.name == "posix" else []
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *more])
    for version in sorted(versions, key=lambda each: tuple(map(int, each.split("."))), reverse=True):
        yield shutil.which(f"python{version}", path=path)
        if os.name == "nt":
            folder = f"Python{version.replace('.', '')}"
            for base in (os.environ.get("LOCALAPPDATA", "") + r"\Programs\Python", os.environ.get("PROGRAMFILES", "")):
                yield from glob.glob(os.path.join(glob.escape(base), folder, "python.exe"))
        if sys.platform == "darwin":
            yield from glob.glob(f"/Library/Frameworks/Python.framework/Versions/{version}/bin/python{version}")


def asked(program: str) -> Python | None:
    """What a Python says of itself; None if it does not run or lacks what makes environments."""
    try:
        command = [program, "-I", "-c", QUESTION]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    version, _, base = done.stdout.decode("utf-8", "replace").strip().partition(" ")
    return Python(base, version) if done.returncode == 0 and base else None
