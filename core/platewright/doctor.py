"""What is wrong with this installation, and the one command that mends it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from . import __version__, host, models
from .errors import PlatewrightError

REINSTALL = "python build.py env"
LIBRARIES = ("numpy", "torch", "safetensors", "OpenImageIO", "cv2", "av")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    is_well: bool
    detail: str
    mend: str = ""                                 # the command or step that mends it
    is_needed: bool = True                         # an optional thing may be missing


def examine() -> list[Finding]:
    """Look at the interpreter, the libraries, the device, the models, the temporary folder and Blender."""
    return list(_findings())


def report(findings: list[Finding]) -> dict[str, Any]:
    """The form of `doctor --json`."""
    ok = all(finding.is_well for finding in findings if finding.is_needed)
    return {"ok": ok, "platewright": __version__, "findings": [asdict(finding) for finding in findings]}


def _findings() -> Iterator[Finding]:
    yield Finding("python", sys.version_info >= (3, 11), platform.python_version(), "Install Python 3.11 or newer.")
    for library in LIBRARIES:
        yield _library(library)
    yield _look("device", _device, "Install a driver that fits, or choose the device cpu.")
    for name in models.BACKENDS:
        is_ours = models.card(name).kind != "final"     # the others are fetched by whoever wants them
        mend = REINSTALL if is_ours else f"platewright models pull {name}"
        yield _look(f"model {name}", lambda name=name: _model(name), mend, is_needed=is_ours)
    yield _look("temporary folder", _temporary_folder, "Set TMPDIR to a folder you can write.")
    yield _look("blender", _blender, "Set PLATEWRIGHT_BLENDER to a Blender, or a Python with bpy.", is_needed=False)


def _library(name: str) -> Finding:
    try:
        version = getattr(import_module(name), "__version__", "present")
    except ImportError as error:
        return Finding(f"library {name}", False, str(error), REINSTALL)
    return Finding(f"library {name}", True, str(version))


def _look(name: str, ask: Callable[[], str], mend: str, is_needed: bool = True) -> Finding:
    """Ask one question; a failure is the finding."""
    try:
        return Finding(name, True, ask(), is_needed=is_needed)
    except PlatewrightError as error:
        return Finding(name, False, error.message, error.hint or mend, is_needed)
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(name, False, str(error), mend, is_needed)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda:0 {torch.cuda.get_device_name(0)}"
    return f"cpu, {torch.get_num_threads()} threads"


def _model(name: str) -> str:
    card = models.card(name)
    if not card.available:
        raise PlatewrightError("E_MODEL_UNAVAILABLE", card.reason)
    return f"{card.title}, {card.licence}, on {models.open_backend(name, 'auto').device}"


def _temporary_folder() -> str:
    with tempfile.TemporaryDirectory(prefix="platewright-") as folder:
        probe = Path(folder) / "probe"
        probe.write_bytes(os.urandom(4096))
    return "can be written"


def _blender() -> str:
    return str(host.find_blender(None))
