"""The windowed lane: the zip in a real Blender with its window, on a virtual screen where there is no other."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import environments, extension
from .environments import ROOT, Unavailable


def run(named: str | None) -> int:
    """Build the zip and test it in the Blender at `named`, or in the one on PATH; raises Unavailable."""
    blender, screen = find_blender(named), find_screen()
    built = extension.build(environments.core(), extension.version_now(), ROOT / "dist")
    print(f"{built.name} in {blender}", flush=True)
    command = [*screen, str(environments.core().python), "tests/gui/run.py", "--blender", blender, "--zip", str(built)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def find_blender(named: str | None) -> str:
    """The Blender to test in."""
    found = shutil.which(named or "blender")
    if found is None:
        absent = f"there is no Blender called {named}" if named else "no Blender on PATH; name one with --blender"
        raise Unavailable(absent)
    return str(Path(found).absolute())


def find_screen() -> list[str]:
    """What goes in front of a command that opens a window: nothing where there is a screen."""
    if os.name == "nt" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    if shutil.which("xvfb-run") is None:
        raise Unavailable("there is no screen, and no xvfb-run to stand in for one")
    return ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1600x1000x24"]
