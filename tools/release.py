"""What a release is besides its zip: its page of the changelog, and a repository that Blender can subscribe to.

A repository is a folder on any web server or share: the zip, and an index that Blender's own tool writes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from .environments import Environment, SetupFailed, ensure
from .extension import Version

HEADING = re.compile(r"(?m)^## (\d+\.\d+\.\d+) \((unreleased|\d{4}-\d\d-\d\d)\)$")
TOOL = "lib/python*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"


def notes(changelog: Path, version: Version) -> str:
    """What the changelog says of a version. Raises SetupFailed if its newest page is not of that version, or undated
    for a release, or dated for what is none yet."""
    text = changelog.read_text(encoding="utf-8")
    found = HEADING.search(text)
    base, is_release = version.extension.partition("-")[0], "-" not in version.extension
    if not found or found[1] != base:
        raise SetupFailed(f"{changelog.name} begins with another version than {base}")
    if is_release is (found[2] == "unreleased"):
        say = "needs the date of its release" if is_release else f"has the date of a release that v{base} does not tag"
        raise SetupFailed(f"{changelog.name}: {base} {say}")
    following = HEADING.search(text, found.end())
    return text[found.end() : following.start() if following else None].strip()


def repository(zip_file: Path, folder: Path, blender: Environment) -> Path:
    """`folder` as a repository with this zip alone; its index. Raises SetupFailed with what Blender's tool says."""
    ensure(blender)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(zip_file, folder / zip_file.name)
    done = subprocess.run(
        [blender.python, tool(blender), "server-generate", "--repo-dir", folder, "--html"],
        capture_output=True, text=True, check=False,
    )
    index = folder / "index.json"
    if done.returncode or not index.is_file():
        raise SetupFailed(f"Blender cannot index {folder}: {done.stdout}{done.stderr}")
    return index


def tool(blender: Environment) -> Path:
    """Blender's own command line for extensions, in Blender as a Python module."""
    found = sorted(blender.folder.glob(TOOL))
    if not found:
        raise SetupFailed(f"{blender.name} has no tool for repositories: make it anew with `python build.py env`")
    return found[0]
