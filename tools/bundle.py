"""The offline runtime: the installer fetches the wheels of a lock into a folder, and installs from there elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .environments import ROOT, SetupFailed

INSTALLER = ROOT / "blender_addon/installer"


def variants() -> list[str]:
    """The locks that there are."""
    return sorted(path.stem for path in (INSTALLER / "locks").glob("*.txt"))


def build(variant: str | None, python_version: str, dist: Path, tell: Callable[[str], None]) -> Path:
    """`dist/platewright-runtime-VARIANT-PYTHON/`: wheels and lock. Raises SetupFailed with what the installer says.

    Folders of wheels that pip's own settings name (PIP_FIND_LINKS) are looked into as well.
    """
    name = f"platewright-runtime-{variant or 'here'}-{python_version or 'oldest'}"
    words = ["bundle", "--out", str(dist / f"{name}.part")]
    words += ["--variant", variant] if variant else []
    words += ["--python-version", python_version] if python_version else []
    for folder in os.environ.get("PIP_FIND_LINKS", "").split():
        words += ["--wheels", folder]
    told = follow([sys.executable, "-I", "-B", str(INSTALLER), *words], tell)
    made = dist / f"platewright-runtime-{told['variant']}-{told['python_version']}"
    if made.exists():
        raise SetupFailed(f"{made} is there already: delete it first, or install from it")
    Path(told["folder"]).rename(made)
    return made


def follow(command: list[str], tell: Callable[[str], None]) -> dict[str, str]:
    """The last event; each package is told as it comes. Raises SetupFailed."""
    last: dict[str, str] = {}
    said = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as child:
        assert child.stdout
        for line in child.stdout:
            last = json.loads(line)
            if last["event"] == "progress" and last["detail"] != said:
                said = last["detail"]
                tell(f"  {said} ({float(last['done']) / 1e6:.0f} of {float(last['total']) / 1e6:.0f} MB are here)")
    if last.get("event") != "finished":
        raise SetupFailed(f"{last.get('message', 'the installer said nothing')} {last.get('hint', '')}")
    return last
