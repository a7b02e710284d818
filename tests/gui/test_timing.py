"""What the extension takes of Blender's main thread. Figures are printed; what is judged are shares of a limit, in the
processor's time of this very thread, which a busy machine does not lengthen."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.gui.conftest import Blender

LIMIT_MS = 50.0
REPEATS = 4
LIGHT = 0.8                                        # of a million additions, which take 60 ms where nothing else runs
MANIFEST = """schema_version = "1.0.0"
id = "{name}"
version = "1.0.0"
name = "{name}"
tagline = "One panel with nothing in it"
maintainer = "Nobody"
type = "add-on"
license = ["SPDX:GPL-3.0-or-later"]
blender_version_min = "4.2.0"
"""
EMPTY = """import bpy


class EMPTY_PT_panel(bpy.types.Panel):
    bl_space_type, bl_region_type, bl_label = "VIEW_3D", "UI", "Empty"

    def draw(self, context):
        pass


register, unregister = bpy.utils.register_classes_factory((EMPTY_PT_panel,))
"""
YARDSTICK = """
count = 0
for number in range(1_000_000):
    count += number
"""
ENABLE = """
import time, addon_utils
for name in ("empty", "heavy", "platewright"):
    started = time.thread_time()
    assert addon_utils.enable(f"bl_ext.user_default.{name}", default_set=False)
    print("took", name, 1000 * (time.thread_time() - started), flush=True)
""" + "started = time.thread_time()" + YARDSTICK + """
print("took", "yardstick", 1000 * (time.thread_time() - started), flush=True)
"""


JOBS = ("first job", "second job")


def share_of_limit(noted: dict[str, Any]) -> float:
    """Of the longest look after a job, its end and the plate behind the camera included."""
    return max(noted[f"following {name}"] for name in JOBS) / LIMIT_MS


def told(noted: dict[str, Any]) -> None:
    for name in ("idle", "neighbour", *JOBS):
        print(f"beat, {name}, ms: {noted[name]}")
    for name in JOBS:
        print(f"calls into the extension, {name}, ms: {noted[f'own in {name}']}")


@pytest.mark.parametrize(("scenario", "is_guilty"), [("job", False), ("guilty", True)])
def test_following_a_job_keeps_no_window(
    blender: Blender, blend: Path, stage: Path, scenario: str, is_guilty: bool
) -> None:
    """Reading the scene, before the job, is told and not judged: a window that is slow itself is kept as long again."""
    noted = blender.window(blend, scenario, stage, "timing.py")
    told(noted)
    print(f"the longest look after a job takes {share_of_limit(noted):.2f} of {LIMIT_MS:.0f} ms")
    assert (share_of_limit(noted) > 1.0) is is_guilty


def test_enabling_beside_an_empty_extension(blender: Blender, tmp_path: Path) -> None:
    """Judged by a yardstick of the same process: a busy machine stretches both."""
    fresh = replace(blender, home=tmp_path)
    made = [extension(tmp_path, name, code) for name, code in (("empty", EMPTY), ("heavy", 2 * YARDSTICK + EMPTY))]
    for each in (*made, blender.zip):
        code, out, err = fresh.run("--command", "extension", "install-file", "-r", "user_default", each)
        assert code == 0, out + err
    rounds = [enabling(fresh) for _ in range(REPEATS + 1)][1:]     # byte code is written in the first
    for each in rounds:
        print(", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in each.items()))
    own, heavy = (
        min((each[name] - each["empty"]) / each["yardstick"] for each in rounds) for name in ("platewright", "heavy")
    )
    print(f"enabling, over an empty one: {own:.2f} of the yardstick; one that is too heavy: {heavy:.2f}")
    assert own < LIGHT < heavy


def extension(folder: Path, name: str, code: str) -> Path:
    """The zip of an extension that has one file."""
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("blender_manifest.toml", MANIFEST.format(name=name))
        archive.writestr("__init__.py", code)
    return path


def enabling(blender: Blender) -> dict[str, float]:
    """Milliseconds of each extension, and of the yardstick, in one process."""
    code, out, err = blender.run("-b", "--python-exit-code", "1", "--python-expr", ENABLE)
    assert code == 0, out + err
    told = (line.split()[1:] for line in out.splitlines() if line.startswith("took "))
    return {name: float(milliseconds) for name, milliseconds in told}
