"""The extension is put away or replaced in the middle of a job, and Blender itself by one with another Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.scenes import shot
from tests.conftest import ROOT
from tests.faults import runtime_rig
from tests.faults.rig import lives
from tests.faults.runtime_rig import Index, Rig, versions

OTHER = ROOT / ".venv/bin/python"                  # another Blender's Python: 3.11, as up to 5.0
Running = tuple[ModuleType, Any, int]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The extension with a job of four hundred frames under way; the run, and the worker's process."""
    import blender_addon

    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", str(OTHER))
    blender_addon.register()
    scene, _ = shot(1001, 1400)
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    settings = scene.platewright
    settings.prompt, settings.model, settings.out, settings.check = "a moor", "grid", str(tmp_path / "plates"), False
    asked = blender_addon.operators.job_of(scene)
    origin = blender_addon.jobs.Origin.of(scene, asked.request.camera.camera)
    run = blender_addon.jobs.submit(asked, origin, blender_addon.preferences.own_runtime())
    worker = blender_addon.jobs.state.worker
    while not run.handle.frames:
        worker.poll(0.01)
        assert not run.handle.ended, run.handle.failure
    yield blender_addon, run, worker._service.child.pid
    if hasattr(bpy.types.Scene, "platewright"):
        blender_addon.unregister()


def gone_before_its_files(addon: ModuleType, pid: int, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Disable the extension as an update does; whether the worker lived when the last of it was still registered."""
    seen: list[bool] = []
    whole: Callable[[], None] = addon._unregister

    def watched() -> None:
        whole()
        seen.append(lives(pid))

    monkeypatch.setattr(addon, "_unregister", watched)
    addon.unregister()
    return seen


def test_the_worker_is_gone_before_anything_is_replaced(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    addon, run, pid = running
    tick = addon.jobs.tick
    bpy.app.timers.register(tick, persistent=True)     # in a window the press does that
    assert lives(pid)
    assert gone_before_its_files(addon, pid, monkeypatch) == [False]
    assert run.handle.state == "lost" and run.handle.frames, "its frames stay, and the next start offers to go on"
    assert not bpy.app.timers.is_registered(tick)


def test_a_worker_that_stayed_would_be_seen(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    addon, _, pid = running
    worker = addon.jobs.state.worker
    monkeypatch.setattr(addon.jobs, "close_worker", lambda is_kept: None)
    assert gone_before_its_files(addon, pid, monkeypatch) == [True]
    worker.close()
    assert not lives(pid)


# Another Blender ---------------------------------------------------------------------------------


@pytest.fixture
def made_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The Python of a runtime that another Blender has installed, with its own Python; here is the next Blender."""
    told = [OTHER, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    monkeypatch.setattr(runtime_rig, "PYTHON", subprocess.check_output(told, text=True).strip())
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path))
    monkeypatch.delenv("PLATEWRIGHT_RUNTIME", raising=False)
    rig = Rig(tmp_path)
    with Index(dict(rig.wheels)) as index:
        words = [str(OTHER), *rig.words("--mirror", index.address)[1:]]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    import blender_addon

    blender_addon.register()
    blender_addon.runtime_install.look()
    yield Path(blender_addon.preferences.own_runtime().python)
    blender_addon.unregister()


def test_the_next_blender_uses_the_same_runtime(made_elsewhere: Path, tmp_path: Path) -> None:
    """Whatever Python that Blender has: the worker runs in the runtime's own, and says hello from there."""
    import blender_addon
    from platewright.client import Worker

    assert made_elsewhere.is_relative_to(tmp_path / "runtimes") and versions(made_elsewhere) == "1.0 2.1 3.0"
    assert blender_addon.preferences.has_runtime() and blender_addon.preferences.is_managed()
    worker = Worker(made_elsewhere, ROOT / "core", tmp_path / "log")
    worker.start()
    while worker.state == "starting":
        worker.poll(0.02)
    assert worker.state == "idle", worker.log_tail()
    worker.close()


def test_a_runtime_whose_python_went_with_the_old_blender_is_offered_to_be_mended(made_elsewhere: Path) -> None:
    import blender_addon

    made_elsewhere.unlink()
    made_elsewhere.symlink_to("/nowhere/python3.11")
    blender_addon.runtime_install.look()
    assert not blender_addon.preferences.has_runtime() and not blender_addon.runtime_install.state.managed.stands


def test_both_pythons_are_there() -> None:
    """From 5.1 on they are of different versions, and then this page is about what it says."""
    assert shutil.which(OTHER)
    theirs = subprocess.check_output([OTHER, "-c", "import sys; print(sys.version_info[:2])"], text=True).strip()
    assert theirs == "(3, 11)" and (bpy.app.version < (5, 1) or str(sys.version_info[:2]) != theirs)
