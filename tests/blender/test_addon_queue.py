"""Several jobs in a queue, each with a row; what is retried; what survives the artist and the end of Blender."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

import bpy
import pytest

from platewright.camera import CameraPath
from platewright.client import read_record
from platewright.errors import PlatewrightError
from tests.blender import paper
from tests.blender.scenes import shot

Submit = Callable[..., Any]


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> bpy.types.Scene:
    """A shot of five small frames whose plates go into `tmp_path`, and records of its own."""
    scene, _ = shot(1001, 1005)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings = scene.platewright
    settings.prompt, settings.model, settings.out = "a moor in the rain", "grid", str(tmp_path / "plates")
    settings.check = False
    return scene


@pytest.fixture
def jobs(addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(addon.runtime, "own_folder", lambda: tmp_path / "jobs")
    monkeypatch.setattr(addon.jobs, "own_folder", lambda: tmp_path / "jobs")
    addon.jobs.state.past.folder = tmp_path / "jobs"
    return addon.jobs


@pytest.fixture
def submit(addon: ModuleType, jobs: Any) -> Submit:
    """What the button does in a window: the job runs on, and nobody waits."""

    def submit(scene: bpy.types.Scene) -> Any:
        job = addon.operators.job_of(scene)
        return jobs.submit(job, jobs.Origin.of(scene, job.request.camera.camera), addon.preferences.own_runtime())

    return submit


def until(jobs: Any, is_so: Callable[[], object]) -> None:
    while not is_so():
        assert jobs.prepared() or jobs.under_way() or jobs.state.written, f"waited in vain: {jobs.state.refusal}"
        jobs.pump(jobs.TICK_SECONDS)
        sleep(jobs.TICK_SECONDS)


def backgrounds(camera: bpy.types.Object) -> list[str]:
    return [Path(each.image.filepath).name for each in camera.data.background_images if each.image]


# The queue ---------------------------------------------------------------------------------------


def test_one_worker_serves_them_one_after_another(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    runs = [submit(scene) for _ in range(3)]
    assert jobs.under_way() == runs and jobs.running() is runs[0]
    sheet = paper.tab(addon)
    assert [run.is_queued for run in runs][1:] == [True, True]
    assert "next" in sheet.texts and "waits for 2 others" in sheet.texts and "Add to Queue" in sheet.texts
    assert {each.values["job"] for each in sheet.buttons if each.name == "platewright.cancel"} == {
        run.handle.id for run in runs
    }
    served = []
    while jobs.under_way():
        jobs.pump(jobs.TICK_SECONDS)
        busy = [run for run in runs if run.handle.state == "running"]
        assert len(busy) <= 1
        served += [runs.index(run) for run in busy if [runs.index(run)] != served[-1:]]
    assert served == [0, 1, 2] and all(run.is_shown and run.error is None for run in runs)
    assert backgrounds(scene.camera) == ["Camera_v003.1001.exr"], "the last one stands behind the camera"
    assert paper.tab(addon).text.count("Camera_v00") >= 3, "each has a row"


def test_one_of_the_queue_is_cancelled_and_the_others_go_on(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    first, second, third = (submit(scene) for _ in range(3))
    bpy.ops.platewright.cancel(job=second.handle.id)
    assert second.handle.ended and not first.handle.cancelling
    until(jobs, lambda: not jobs.under_way())
    assert second.error.code == "E_CANCELLED" and first.is_shown and third.is_shown
    assert second.folder == "", "it has made nothing"


def test_what_failed_is_told_and_those_behind_it_are_made(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    scene.platewright.model = "none such"
    bad = submit(scene)
    scene.platewright.model = "grid"
    good = submit(scene)
    until(jobs, lambda: not jobs.under_way())
    assert bad.error.code == "E_MODEL_UNKNOWN" and good.is_shown
    sheet = paper.tab(addon)
    assert "E_MODEL_UNKNOWN" in sheet.texts
    for button in ("retry", "copy_details"):
        assert sheet.button(f"platewright.{button}").values == {"job": bad.handle.id}
    bpy.ops.platewright.dismiss(job=bad.handle.id)
    assert "E_MODEL_UNKNOWN" not in paper.tab(addon).texts and bad not in jobs.state.runs


def test_retry_goes_on_from_the_frames_that_are_whole(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.frame_end = 1120
    run = submit(scene)
    until(jobs, lambda: len(run.handle.frames) > 5)
    bpy.ops.platewright.cancel(job=run.handle.id)
    until(jobs, lambda: run.is_over)
    kept = {path: path.stat().st_mtime_ns for path in Path(run.folder).glob("*.exr")}
    assert len(kept) > 5
    bpy.ops.platewright.retry(job=run.handle.id)
    assert run not in jobs.state.runs
    until(jobs, lambda: jobs.latest() and jobs.latest().is_over)
    again = jobs.latest()
    assert again.is_shown and again.handle.id != run.handle.id
    assert [path.name for path in (tmp_path / "plates").iterdir()] == ["Camera_v001"], "the same version"
    assert len(list(Path(again.folder).glob("*.exr"))) == 120
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())


def test_another_runtime_is_not_put_under_jobs_that_run(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    run = submit(scene)
    other = replace(addon.preferences.own_runtime(), environment=(("HF_HUB_OFFLINE", "2"),))
    with pytest.raises(PlatewrightError, match="E_BUSY"):
        jobs.submit(run.handle.job, run.origin, other)
    jobs.wait(run)
    assert run.is_shown
    jobs.worker_for(other)


def test_what_no_longer_reads_the_scene_makes_room_for_the_next(
    addon: ModuleType, jobs: Any, scene: bpy.types.Scene
) -> None:
    preparing = import_module("blender_addon.preparing")
    again = preparing.Again("shot", lambda: (_ for _ in ()).throw(PlatewrightError("E_X", "It is gone.")), print)
    jobs.state.written.append(again)
    jobs.prepare(scene, addon.operators.job_maker(scene), addon.preferences.own_runtime())
    assert "writing the job" in paper.tab(addon).text
    until(jobs, lambda: jobs.under_way() and not jobs.state.coming())
    assert jobs.state.refusal.code == "E_X", "what goes wrong with one is told, and the other is made"
    jobs.wait(jobs.running())


# What survives -----------------------------------------------------------------------------------


def test_a_deleted_scene_leaves_the_plate_waiting(jobs: Any, submit: Submit, scene: bpy.types.Scene) -> None:
    run = submit(scene)
    bpy.data.scenes.new("Other")
    bpy.data.scenes.remove(scene)
    jobs.wait(run)
    assert run.error is None and not run.is_shown and [each for each, _ in jobs.waiting()] == [run]


def test_changing_range_and_camera_meanwhile_changes_nothing_of_the_plate(
    jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    run = submit(scene)
    scene.frame_start, scene.frame_end = 2001, 2100
    scene.camera.name, scene.camera.location.x = "Renamed", 99.0
    scene.camera.animation_data_clear()
    scene.render.resolution_x = 640
    jobs.wait(run)
    assert run.is_shown and run.plate.frames == tuple(range(1001, 1006))
    camera = CameraPath.read(run.plate.folder / "camera.json")
    assert camera.width == 160 and camera.camera == "Camera"
    (background,) = scene.camera.data.background_images
    user = background.image_user
    assert (user.frame_start, user.frame_duration) == (1001, 5)


def begin_and_close(jobs: Any, run: Any) -> Path:
    """Blender is closed in the middle of the job."""
    until(jobs, lambda: len(run.handle.frames) > 3)
    jobs.unregister()
    return run.handle.folder


def next_start(jobs: Any, records: Path) -> Any:
    """What the next session finds."""
    jobs.state.runs.clear()
    jobs.state.past = type(jobs.state.past)()
    jobs.look_back()
    jobs.state.past.wait()
    return jobs.state.past.left


def test_closing_blender_leaves_a_record_that_the_next_start_offers_to_collect(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.frame_end = 1120
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    folder = begin_and_close(jobs, submit(scene))
    record = read_record(folder)
    assert (record["state"], record["failure"]["code"]) == ("lost", "E_HOST_DIED")
    (left,) = next_start(jobs, tmp_path / "jobs")
    assert (left.name, left.camera, left.scene, left.frames) == ("Camera", "Camera", "Scene", 120)
    sheet = paper.tab(addon)
    assert f"Blender was closed after {left.frames_made} of 120 frames" in sheet.text and "shot.blend" in sheet.text
    bpy.ops.platewright.collect(job=sheet.button("platewright.collect").values["job"])
    assert jobs.state.past.left == []
    until(jobs, lambda: jobs.latest() and jobs.latest().is_over)
    run = jobs.latest()
    assert run.is_shown, "this very file is open"
    assert [path.name for path in (tmp_path / "plates").iterdir()] == ["Camera_v001"]
    assert backgrounds(scene.camera) == ["Camera_v001.1001.exr"]
    jobs.unregister()
    assert next_start(jobs, tmp_path / "jobs") == [], "there is nothing to do about it any more"


def test_what_is_collected_is_not_forced_into_another_file(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.frame_end = 1120
    begin_and_close(jobs, submit(scene))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    _, camera = shot(1001, 1005)
    (left,) = next_start(jobs, tmp_path / "jobs")
    bpy.ops.platewright.collect(job=left.id)
    until(jobs, lambda: jobs.latest() and jobs.latest().is_over)
    assert [each for each, _ in jobs.waiting()] == [jobs.latest()] and backgrounds(camera) == []


def test_a_whole_plate_that_nobody_has_taken_is_offered_too(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    run = submit(scene)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    shot(1001, 1005)
    jobs.wait(run)
    jobs.unregister()
    (left,) = next_start(jobs, tmp_path / "jobs")
    assert Path(left.plate) == run.plate.folder
    button = paper.tab(addon).button("platewright.show_plate", plate=left.plate)
    assert bpy.ops.platewright.show_plate(**button.values) == {"FINISHED"}
    assert jobs.state.past.left == [] and next_start(jobs, tmp_path / "jobs") == []


def test_in_its_own_file_again_a_waiting_plate_asks_for_no_place(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    """The artist even stands in another scene of it; in another file it is shown where they stand, or not at all."""
    bpy.data.scenes.new("Other").camera = scene.camera
    blend = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    run = submit(scene)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    shot(1001, 1005)
    jobs.wait(run)
    plate = {"plate": str(run.plate.folder)}
    assert paper.tab(addon).button("platewright.show_plate", **plate).text == "Show It Here"
    with pytest.raises(RuntimeError, match="E_JOB_GONE"):
        bpy.ops.platewright.show_at_home(**plate)
    bpy.ops.wm.open_mainfile(filepath=blend)
    bpy.context.window.scene = bpy.data.scenes["Other"]
    button = paper.tab(addon).button("platewright.show_at_home")
    assert button.text == "Show Behind Camera" and not paper.tab(addon).has("platewright.show_plate")
    assert bpy.ops.platewright.show_at_home(**button.values) == {"FINISHED"}
    home = bpy.data.scenes["Scene"]
    assert backgrounds(home.camera) == ["Camera_v001.1001.exr"] and home.platewright.plate == plate["plate"]
    assert bpy.data.scenes["Other"].platewright.plate == "" and not jobs.waiting()


def test_what_is_put_away_or_was_cancelled_is_not_offered_again(
    jobs: Any, submit: Submit, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.frame_end = 1120
    run = submit(scene)
    until(jobs, lambda: run.handle.frames)
    bpy.ops.platewright.cancel(job=run.handle.id)
    until(jobs, lambda: run.is_over)
    begin_and_close(jobs, submit(scene))
    (left,) = next_start(jobs, tmp_path / "jobs")
    assert left.id != run.handle.id
    bpy.ops.platewright.dismiss(job=left.id)
    assert next_start(jobs, tmp_path / "jobs") == []
    assert read_record(left.folder)["state"] == "lost", "its record is as it was"


SPOILT = ["", "[", "[]", '{"format": "x"}', '{"format": "platewright.origin", "frames": "\\u0000", "name": 7}']


@pytest.mark.parametrize("said", SPOILT)
def test_a_spoilt_record_does_no_harm(jobs: Any, tmp_path: Path, said: str) -> None:
    folder = tmp_path / "jobs/deadbeef"
    folder.mkdir(parents=True)
    (folder / "origin.json").write_text(said, encoding="utf-8")
    assert next_start(jobs, tmp_path / "jobs") == []
    state = {"format": "platewright.state", "version": 1, "state": "lost"}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    assert [each.frames for each in next_start(jobs, tmp_path / "jobs")] in ([], [0])
    with pytest.raises(PlatewrightError):
        import_module("blender_addon.job_record").job_left(
            import_module("blender_addon.job_record").Left(folder, "a", "", "", "", "", 0, 0, "")
        )


# What was measured, what went wrong --------------------------------------------------------------


def test_the_first_plate_tells_how_long_the_next_will_take(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    assert "not known yet" in paper.tab(addon).text
    jobs.wait(submit(scene))
    (measured,) = jobs.state.past.memory.measured
    manifest = json.loads((jobs.latest().plate.folder / "plate.json").read_text(encoding="utf-8"))
    assert measured.sampling == pytest.approx(manifest["timings"]["frames"])
    assert "by one earlier plate" in paper.tab(addon).text
    scene.platewright.model = "draft"
    assert "not known yet" in paper.tab(addon).text, "of another model nobody knows"
    again = type(jobs.state.past)(folder=jobs.state.past.folder)
    assert again.remembered().measured == [measured], "the next session knows it, too"


def test_an_estimate_grows_with_the_work() -> None:
    memory = import_module("blender_addon.job_memory")
    kept, work = memory.Memory(), memory.Work(model="m", device="auto", frames=10, steps=20, megapixels=2.0)
    assert kept.seconds_for(work) is None
    kept.remember_work(work, {"load": 5.0, "sampling": 100.0, "frames": 20.0, "wrong": float("nan")})
    assert kept.seconds_for(work) == (125.0, 1)
    assert kept.seconds_for(replace(work, frames=20)) == (245.0, 1)
    assert kept.seconds_for(replace(work, steps=40)) == (225.0, 1)
    assert kept.seconds_for(replace(work, megapixels=4.0)) == (145.0, 1)
    assert kept.seconds_for(replace(work, tries=3)) == (365.0, 1)
    assert kept.seconds_for(replace(work, device="cpu")) is None
    kept.remember_work(work, {"check": 1.0})
    assert len(kept.measured) == 1, "nothing was made"
    kept.remember_work(work, {"frames": 7.0})
    assert kept.measured[0].sampling == 7.0, "without a lock the model paints right into the frames"


FORGOTTEN = ["", "[" * 10**5, "{}", '{"format": "platewright.panel", "prompts": 7, "measured": [7, {}]}']


@pytest.mark.parametrize("said", FORGOTTEN)
def test_a_spoilt_memory_is_forgotten(tmp_path: Path, said: str) -> None:
    memory = import_module("blender_addon.job_memory")
    (tmp_path / memory.FILE).write_text(said, encoding="utf-8")
    assert memory.load(tmp_path) == memory.Memory()


def test_details_hold_what_helps_and_nothing_that_is_private(
    addon: ModuleType, jobs: Any, submit: Submit, scene: bpy.types.Scene
) -> None:
    details = import_module("blender_addon.job_details").details
    run = submit(scene)
    jobs.wait(run)
    secret = f"{Path.home()}/x https://me:pass@hub/ hf_abcdefghijkl token=s3cr3t of a moor in the rain"
    text = details(PlatewrightError("E_X", secret, "Try --no-lock, or another --to."), run, is_prompt_told=False)
    for known in ("E_X", "Switch off Lock under Match", "model: grid", bpy.app.version_string, "1001-1005", "Python"):
        assert known in text
    for private in (str(Path.home()), "pass@", "abcdefghijkl", "s3cr3t", "moor"):
        assert private not in text
    assert "a moor in the rain" in details(PlatewrightError("E_X", "x"), run, is_prompt_told=True)


def test_details_of_a_refusal_are_there_before_there_is_a_job(addon: ModuleType, jobs: Any) -> None:
    with pytest.raises(RuntimeError, match="E_JOB_GONE"):
        bpy.ops.platewright.copy_details()
    jobs.state.refusal = PlatewrightError("E_CAMERA_SHEARED", "Sheared.", "Unshear it.")
    sheet = paper.tab(addon)
    assert "Unshear it." in sheet.text and not sheet.has("platewright.retry")
    assert bpy.ops.platewright.copy_details() == {"FINISHED"}
    bpy.ops.platewright.dismiss()
    assert jobs.state.refusal is None
