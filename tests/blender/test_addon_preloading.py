"""What a first press needs is there before it, a module in a tick; where it is not, that is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon import preloading
from tests.conftest import ROOT

CHILD = """
import sys, os
sys.path[:0] = {paths!r}
import bpy
import blender_addon
from tests.blender.scenes import shot
blender_addon.register()
from blender_addon import jobs, operators, panel_choices, preferences, preloading
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene, _ = shot(1, 3)
scene.platewright.prompt, scene.platewright.model, scene.platewright.out = "a moor", "grid", {out!r}
for _ in range({steps}):
    if preloading.step() is None:
        break
before = set(sys.modules)
panel_choices.remember(scene)
maker = operators.job_maker(scene, operators.first_of(scene))
jobs.prepare(scene, maker, preferences.own_runtime(), True)
while jobs.state.coming():
    assert jobs.prepared() and jobs.state.refusal is None, jobs.state.refusal
assert jobs.running()
jobs.close_worker()
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("encodings.")), "over", flush=True)
os._exit(0)
"""


def imported_by_a_press(steps: int, out: Path) -> list[str]:
    """What Generate, from the press to the job that is sent, imports after so many ticks."""
    code = CHILD.format(paths=[str(ROOT), str(ROOT / "core")], steps=steps, out=str(out))
    told = {**os.environ, "PLATEWRIGHT_RUNTIME": sys.executable}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=told)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[:-1]


def test_a_first_press_imports_nothing(tmp_path: Path) -> None:
    assert imported_by_a_press(99, tmp_path) == []


def test_without_a_tick_it_would_have(tmp_path: Path) -> None:
    assert {"platewright.client", "blender_addon.preparing", "statistics"} <= set(imported_by_a_press(0, tmp_path))


def test_a_tick_imports_one_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloading, "MODULES", ("wave", "colorsys"))
    for name in preloading.MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert list(preloading.left()) == ["wave", "colorsys"]
    assert preloading.step() and list(preloading.left()) == ["colorsys"]
    assert preloading.step() and preloading.step() is None
