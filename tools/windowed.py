"""The windowed lane: the zip in a real Blender with its window, on a virtual screen where there is no other."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import debian, environments, extension
from .environments import ROOT, Unavailable

SCREEN = ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1600x1000x24"]


def run(named: str | None, suite: str | None) -> int:
    """Build the zip and test it in a Blender: see `find_stage`. Raises Unavailable, SetupFailed."""
    core = environments.core().python
    front, blender, env = find_stage(named, suite, core)
    built = extension.build(environments.core(), extension.version_now(), ROOT / "dist")
    print(f"{built.name} in {blender}", flush=True)
    command = [*front, core, "tests/gui/run.py", "--blender", blender, "--zip", built]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def find_stage(named: str | None, suite: str | None, core: Path) -> tuple[list[str | Path], str, dict[str, str] | None]:
    """What stands in front of the tests' command, the Blender that they are to test in, their environment.

    That is the Blender at `named`, else the one on PATH; where there is none, or a suite was asked for, it is
    Debian's own, in a system that is made for it. Raises Unavailable, SetupFailed.
    """
    if suite is None and (named or shutil.which("blender")):
        return [*find_screen()], find_blender(named), None
    folder = debian.ensure(suite or debian.SUITES[0])
    shared = [ROOT, Path("/tmp"), *debian.homes(core)]     # screens are numbered by files in /tmp
    return debian.inside(folder, shared, SCREEN), "/usr/bin/blender", debian.environment()


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
    return SCREEN
