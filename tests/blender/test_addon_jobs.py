"""A plate from the button to the camera's background, through the real worker process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.scenes import shot
from tests.conftest import ROOT

Submit = Callable[[bpy.types.Scene], Any]


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> bpy.types.Scene:
    """A shot of five small frames whose plates go into `tmp_path`; few tests here are about measuring them."""
    scene, _ = shot(1001, 1005)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings = scene.platewright
    settings.prompt, settings.model, settings.out = "a moor in the rain", "grid", str(tmp_path / "plates")
    settings.check = False
    return scene


@pytest.fixture
def jobs(addon: ModuleType) -> Any:
    return addon.jobs


@pytest.fixture
def submit(addon: ModuleType) -> Submit:
    """What the button does in a window: the job runs on, and nobody waits."""

    def submit(scene: bpy.types.Scene) -> Any:
        job = addon.operators.job_of(scene)
        origin = addon.jobs.Origin.of(scene, job.request.camera.camera)
        return addon.jobs.submit(job, origin, addon.preferences.own_runtime())

    return submit


def backgrounds(camera: bpy.types.Object) -> list[str]:
    return [Path(each.image.filepath).name for each in camera.data.background_images if each.image]


def test_generate_ends_with_the_plate_behind_the_camera(jobs: Any, scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.platewright.check = True
    assert bpy.ops.platewright.generate() == {"FINISHED"}
    folder = tmp_path / "plates/Camera_v001"
    assert len(list(folder.glob("*.exr"))) == 5
    assert backgrounds(scene.camera) == ["Camera_v001.1001.exr"]
    assert Path(scene.platewright.plate) == folder
    manifest = json.loads((folder / "plate.json").read_text(encoding="utf-8"))
    assert manifest["request"]["prompt"] == "a moor in the rain"
    run = jobs.latest()
    assert run and run.is_shown and run.handle.answer and run.handle.answer["device"]
    assert run.handle.answer["match"] and run.plate.told.match


def test_a_second_job_takes_the_warm_worker_and_the_next_version(
    jobs: Any, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    bpy.ops.platewright.generate()
    worker = jobs.state.worker
    scene.platewright.format = "png"
    bpy.ops.platewright.generate()
    assert jobs.state.worker is worker
    assert backgrounds(scene.camera) == ["Camera_v002.1001.png"]
    assert sorted(path.name for path in (tmp_path / "plates").iterdir()) == ["Camera_v001", "Camera_v002"]


def test_composite_puts_the_plate_into_the_compositor(scene: bpy.types.Scene) -> None:
    bpy.ops.platewright.generate()
    bpy.ops.platewright.composite_plate(plate=scene.platewright.plate)
    assert scene.render.film_transparent
    assert any(group.name.startswith("Platewright") for group in bpy.data.node_groups)


@pytest.mark.parametrize(
    ("of", "name", "value", "code"),
    [
        ("", "camera", None, "E_NO_CAMERA"),
        ("camera.data", "type", "ORTHO", "E_CAMERA_PROJECTION"),
        ("platewright", "out", "//plates", "E_UNSAVED"),
        ("platewright", "out", "plates", "E_PATH"),
        ("platewright", "model", "none such", "E_MODEL_UNKNOWN"),
        ("platewright", "prompt", "x" * 70_000, "E_PROMPT_TOO_LONG"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(jobs: Any,
    scene: bpy.types.Scene, of: str, name: str, value: object, code: str
) -> None:
    setattr(scene.path_resolve(of) if of else scene, name, value)
    with pytest.raises(RuntimeError, match=code):
        bpy.ops.platewright.generate()
    assert not jobs.running()
    told = jobs.state.refusal or jobs.latest().error
    assert told.code == code and told.hint


@pytest.mark.parametrize("python", ["", "no-such-python"])
def test_without_a_runtime_the_reason_is_said(jobs: Any,
    scene: bpy.types.Scene, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", str(tmp_path / python) if python else "")
    with pytest.raises(RuntimeError, match="E_NO_RUNTIME"):
        bpy.ops.platewright.generate()
    assert not jobs.running()


def test_cancel_ends_the_job_and_keeps_the_worker(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.frame_end = 1400
    run = submit(scene)
    while not run.handle.frames:
        jobs.pump(jobs.TICK_SECONDS)
    jobs.cancel()
    assert run.is_cancelling and run.headline() == "cancelling"
    jobs.wait(run)
    assert run.error.code == "E_CANCELLED"
    assert not run.is_cancelling and backgrounds(scene.camera) == []
    assert not list(tmp_path.rglob("*.part-*")) and not list(tmp_path.rglob("plate.json"))
    scene.frame_end = 1003
    bpy.ops.platewright.generate()
    assert backgrounds(scene.camera) == ["Camera_v002.1001.exr"]


def test_a_renamed_camera_is_found_again(jobs: Any, submit: Submit, scene: bpy.types.Scene) -> None:
    run = submit(scene)
    scene.camera.name, scene.name = "Renamed", "Other"
    jobs.wait(run)
    assert run.is_shown and backgrounds(scene.camera) == ["Camera_v001.1001.exr"]


def test_a_deleted_camera_leaves_the_plate_waiting(jobs: Any, submit: Submit, scene: bpy.types.Scene) -> None:
    run = submit(scene)
    bpy.data.objects.remove(scene.camera)
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    jobs.wait(run)
    assert not run.is_shown and [each for each, _ in jobs.waiting()] == [run] and run.error is None
    assert backgrounds(scene.camera) == []


def test_a_plate_is_never_forced_into_another_file(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    run = submit(scene)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    _, camera = shot(1001, 1005)
    jobs.wait(run)
    assert [each for each, _ in jobs.waiting()] == [run] and backgrounds(camera) == []
    assert "unsaved" in run.origin.title()
    assert run.plate
    bpy.ops.platewright.show_plate(plate=str(run.plate.folder))
    assert backgrounds(camera) == ["Camera_v001.1001.exr"] and not jobs.waiting()


def test_reverting_counts_as_another_file(jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path) -> None:
    blend = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    run = submit(scene)
    bpy.ops.wm.open_mainfile(filepath=blend)
    jobs.wait(run)
    assert [each for each, _ in jobs.waiting()] == [run] and backgrounds(bpy.context.scene.camera) == []


def test_saving_under_another_name_keeps_the_scene(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    run = submit(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    jobs.wait(run)
    assert run.is_shown and backgrounds(scene.camera) == ["Camera_v001.1001.exr"]


def test_disabling_stops_the_worker(jobs: Any, submit: Submit, scene: bpy.types.Scene) -> None:
    scene.frame_end = 1400
    run = submit(scene)
    jobs.close_worker()
    assert run.handle.failure and run.handle.failure.code == "E_CANCELLED"
    assert jobs.state.worker is None


def test_a_damaged_frame_is_not_handed_to_blender(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    run = submit(scene)
    while not run.handle.ended:
        assert jobs.state.worker
        jobs.state.worker.poll(0.01)
    frame = next(tmp_path.rglob("*.1003.exr"))
    frame.write_bytes(frame.read_bytes()[:200])
    jobs.wait(run)
    assert run.error.code == "E_FRAME_CORRUPT"
    assert backgrounds(scene.camera) == [] and jobs.waiting() == []


START = """
import os, sys
sys.path[:0] = sys.argv[1:]
import bpy
before = set(sys.modules)
import blender_addon
blender_addon.register()
print(*sorted(set(sys.modules) - before), flush=True)
os._exit(0)
"""
FOR_LATER = {"argparse", "decimal", "fractions", "statistics", "platewright.client", "platewright.wire.service"}


def test_a_start_of_blender_does_not_pay_for_what_nobody_has_asked_for() -> None:
    words = [sys.executable, "-c", START, str(ROOT), str(ROOT / "core")]
    loaded = set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    assert {"blender_addon.panels", "platewright.errors"} <= loaded
    assert not loaded & (FOR_LATER | {"blender_addon.command"})


def test_check_asks_the_workers_python(jobs: Any, addon: ModuleType) -> None:
    bpy.ops.platewright.check_runtime()
    check = jobs.state.check
    assert any(finding["name"] == "python" for finding in check.findings)
    assert "grid" in check.models


def test_check_names_a_python_without_libraries(jobs: Any, addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", bpy.utils.__file__)
    bpy.ops.platewright.check_runtime()
    check = jobs.state.check
    assert check.error and check.error.code == "E_NO_RUNTIME" and not check.is_well
