"""Debian's own Blender in a folder with a system of its own, for the windowed tests on a machine that has none.

Made once by debootstrap and apt in `.lanes/debian-SUITE`, and called so only when it is whole. Needs root: `enter.py`
mounts what it is to see, in a namespace that goes with the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .environments import ROOT, Unavailable, one_at_a_time, run_quietly

SUITES = ("trixie", "sid")                 # Debian 13 has Blender 4.3; sid has the newest that Debian has
PACKAGES = ("blender", "xvfb", "xauth", "xdotool", "imagemagick", "libgl1-mesa-dri", "libegl1")
ALSO = {"sid": ("python3-cattr", "python3-numpy", "python3-requests", "python3-zstandard")}    # its Blender wants them
STAMP = "platewright-packages"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OWN = ("DISPLAY", "WAYLAND_", "XAUTHORITY", "XDG_", "TMPDIR", "LC_", "LANG", "LD_")    # of this machine's system
HOMES = "import sys, sysconfig; print(sys.base_prefix, sys._base_executable, sysconfig.get_path('stdlib'), sep='\\n')"
Run = Callable[..., None]


def lacking(is_root: bool, find: Callable[[str], str | None] = shutil.which) -> list[str]:
    """What this machine would need for making a system."""
    absent = [program for program in ("debootstrap", "unshare", "mount") if find(program) is None]
    return [*absent, *([] if is_root else ["the rights of root"])]


def check_possible() -> None:
    """Raises Unavailable with what is lacking."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if absent := lacking(is_root):
        raise Unavailable(f"making a Blender of Debian's needs {' and '.join(absent)}")


def ensure(suite: str, root: Path = ROOT, run: Run = run_quietly) -> Path:
    """The folder of the system, made where it is not there. Raises Unavailable, SetupFailed."""
    check_possible()
    folder = root / ".lanes" / f"debian-{suite}"
    with one_at_a_time():
        if not is_whole(folder, suite):
            make(folder, suite, run)
    return folder


def packages(suite: str) -> tuple[str, ...]:
    """What apt installs, and apt's own choice of what that needs."""
    return PACKAGES + ALSO.get(suite, ())


def is_whole(folder: Path, suite: str) -> bool:
    """Whether it has what is wanted today."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8").split() == list(packages(suite))


def make(folder: Path, suite: str, run: Run) -> None:
    """Make it under another name, and give it its own when it is whole."""
    started, unfinished = time.monotonic(), folder.with_name(f"{folder.name}.part")
    for old in (folder, unfinished):
        if old.exists():
            shutil.rmtree(old)
    print(f"  {folder.name}: making it with Debian's Blender (about 2.5 GB)", flush=True)
    mirror = "Is a mirror of Debian within reach?"
    run(["debootstrap", "--variant=minbase", suite, unfinished], mirror)
    for words in (("update",), ("install", "-y", "--no-install-recommends", *packages(suite)), ("clean",)):
        run(inside(unfinished, (), ("apt-get", *words)), mirror, environment())
    (unfinished / STAMP).write_text("\n".join(packages(suite)), encoding="utf-8")
    unfinished.rename(folder)
    print(f"  {folder.name}: ready after {time.monotonic() - started:.0f} s", flush=True)


def inside(folder: Path, shared: Sequence[str | Path], command: Sequence[str]) -> list[str | Path]:
    """`command` in the system at `folder`, which sees `shared` of this machine under the same paths."""
    enter = ROOT / "tools/enter.py"
    return ["unshare", "--mount", "--propagation", "private", sys.executable, enter, folder, *shared, "--", *command]


def environment() -> dict[str, str]:
    """For programs of that system: this one's, without what is true of this machine alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return {**kept, "PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def homes(python: Path) -> list[Path]:
    """What the Python behind a virtual environment consists of: its own folder, or its parts among a system's."""
    asked = subprocess.run([python, "-I", "-c", HOMES], capture_output=True, text=True, check=True)
    prefix, program, library = map(Path, asked.stdout.split("\n")[:3])
    return [program, library] if prefix == Path("/usr") else [prefix]
