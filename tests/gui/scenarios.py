"""What an artist does with one plate in the window, step by step: `blender SHOT.blend --python scenarios.py -- ...`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import (
    ADDON,
    Steps,
    generate,
    has_plate,
    jobs,
    look,
    noted,
    open_tab,
    perform,
    prepare,
    press,
    until,
    view,
    worker_pid,
    write,
)


def plate() -> Steps:
    """Generate, go on working meanwhile, see the plate and its figures, undo, redo, import its camera."""
    yield from prepare(check=True)
    look("ready")
    run, ticks = (yield from generate()), 0
    headlines: set[str] = set()
    while jobs().running():
        ticks += 1
        headlines.add(run.headline())
        if ticks % 20 == 0:                        # the artist works on
            bpy.context.scene.objects["Suzanne"].location.z += 0.01
        if len(run.handle.frames) > 12 and "running" not in noted:
            noted["running"] = run.headline()
            look("running")
        yield 0.05
    assert run.error is None, run.error
    assert run.is_shown and has_plate()
    noted["verdict"] = run.handle.answer["match"]["verdict"]
    bpy.context.scene.frame_set(1012)
    yield 1.5
    look("plate")
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()
        yield 0.2
    assert not has_plate(), "one undo takes the plate away"
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.redo()
        yield 0.2
    assert has_plate(), "one redo brings it back"
    press("platewright.composite_plate", plate=str(run.plate.folder))
    yield 0.5
    assert bpy.context.scene.render.film_transparent
    look("composite")
    yield from solve(str(run.plate.folder))
    noted.update(headlines=sorted(headlines), idle=not bpy.app.timers.is_registered(jobs().tick))


def solve(folder: str) -> Steps:
    """See what the plate's pictures say of the camera."""
    scene = bpy.context.scene
    own = scene.camera
    press("platewright.import_solve", plate=folder)
    yield 0.5
    assert {"Platewright solve", "Platewright points"} <= set(scene.objects.keys())
    assert scene.camera == own, "it is a second camera"
    bpy.data.objects["Platewright points"].select_set(True)
    scene.frame_set(1012)
    yield 1.0
    look("solve")
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()
        yield 0.2
    assert "Platewright solve" not in bpy.context.scene.objects, "one undo takes it away"


def tries() -> Steps:
    """Make three tries, pick another than the proposed one and see its figures, open the sheet that shows them all."""
    yield from prepare(check=True)
    scene, settings = bpy.context.scene, bpy.context.scene.platewright
    scene.frame_end, settings.tries, settings.seed = 1008, 3, 7
    scene.frame_set(1004)
    run = yield from generate()
    yield from until(lambda: run.attempt.startswith("2 of 3") and run.handle.stage == "sampling")
    look("trying")
    yield from until(lambda: run.is_over)
    assert run.error is None, run.error
    proposed, (other, *_) = settings.plate, sorted(run.folders - {settings.plate})
    spoil(Path(other))
    yield 1.0
    look("tries")
    press("platewright.show_plate", plate=other)
    assert settings.plate == other and has_plate()
    noted["picked"] = figures_of(other)
    yield 3.0                                      # Blender slides the panels below to their new place
    look("another try")
    press("platewright.open_folder", plate=str(Path(other).with_name("Camera_wedge001")), file="contact.png")
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()
        yield 0.2
    assert bpy.context.scene.platewright.plate == proposed, "one undo brings the proposed one back"
    noted.update(proposed=figures_of(proposed), tries=len(run.folders))


def spoil(folder: Path) -> None:
    """Have the plate's report say something that no other try says: the layout is the same with every seed."""
    manifest = json.loads((folder / "plate.json").read_text(encoding="utf-8"))
    figures = {"camera_error_px": {"p95": 44.4, "max": 55.5}, "rotation_error_deg": {"mean": 4.1}}
    manifest["match"] |= {"verdict": "lost", "reason": "It turns 4.1 degrees too far by frame 1008.", **figures}
    (folder / "plate.json").write_text(json.dumps(manifest), encoding="utf-8")


def figures_of(folder: str) -> dict[str, str]:
    """What the panel says of the plate in this folder, if that is the one it speaks of."""
    panel, own = sys.modules[f"{ADDON}.panel_plate"], jobs().latest()
    assert panel.plate_in_hand(bpy.context.scene.platewright, own) == folder
    told = panel.told_of(folder)
    return {"verdict": panel.plate_match.verdict(told.match)[0], **dict(panel.plate_match.figures(told.match))}


def cancel() -> Steps:
    """Cancel a job in the middle of it, see that at once, make another."""
    yield from prepare()
    bpy.context.scene.frame_end = 1800
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    press("platewright.cancel")
    assert run.is_cancelling and run.headline() == "cancelling"
    yield 0.2
    look("cancelling")
    yield from until(lambda: run.is_over)
    assert run.error.code == "E_CANCELLED" and not has_plate()
    yield 0.5
    look("cancelled")
    bpy.context.scene.frame_end = 1004
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert has_plate()


def long_camera() -> Steps:
    """Thousands of frames are read while the artist works on, undoes and redoes; once more, and the file is left."""
    yield from prepare()
    scene = bpy.context.scene
    scene.frame_end = 10_000
    before = len(bpy.data.scenes), scene.frame_current
    headlines: list[str] = []
    press("platewright.generate")
    while preparation := jobs().state.preparation:
        headlines.append(preparation.headline())
        if len(headlines) == 1:
            step_back_and_forth()
        if len(headlines) == 3:
            look("reading")
        assert (len(bpy.data.scenes), bpy.context.scene.frame_current) == before
        yield 0.01
    assert jobs().state.refusal is None, jobs().state.refusal
    assert headlines[0].startswith("reading the camera ") and headlines[-1] == "writing the job", headlines
    run = jobs().latest()
    noted.update(headlines=headlines)
    assert len(run.handle.job.request.camera.frames) == 9_000
    press("platewright.cancel")
    yield from until(lambda: run.is_over)
    press("platewright.generate")
    yield 0.05
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    assert jobs().state.preparation is None and jobs().state.refusal.code == "E_CAMERA_GONE"
    assert len(bpy.data.scenes) == 1


def step_back_and_forth() -> None:
    """An undo step, one back, one forth: what was known by reference is gone."""
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message="step")
        bpy.ops.ed.undo()
        bpy.ops.ed.redo()


def undo_and_load() -> Steps:
    """Undo and redo while a job runs, then leave the file: the plate waits and is not forced into another."""
    yield from prepare()
    bpy.context.scene.frame_end = 1200
    run = yield from generate()
    for _ in range(20):
        step_back_and_forth()
        yield 0.01
    assert not run.is_over
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0                                      # the window is a new one
    yield from until(lambda: run.is_over)
    assert run.error is None and not run.is_shown and not has_plate()
    assert [each for each, _ in jobs().waiting()] == [run]
    yield from open_tab()
    look("waiting")
    press("platewright.show_plate", plate=str(run.plate.folder))
    assert has_plate() and not jobs().waiting()


def other_file() -> Steps:
    """Open another .blend in the middle of a job: the plate waits; the shot is opened again, and it stands there."""
    yield from prepare()
    shot = bpy.data.filepath
    bpy.context.scene.frame_end = 1040
    other = str(Path(shot).with_name("other.blend"))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    bpy.ops.wm.open_mainfile(filepath=other)
    yield 1.0
    assert not run.is_over, "it is told in the middle of the job"
    yield from open_tab()
    look("another file meanwhile")
    yield from until(lambda: run.is_over)
    assert run.error is None and not run.is_shown and not has_plate()
    bpy.ops.wm.open_mainfile(filepath=shot)
    yield 1.0
    yield from open_tab()
    look("back in the shot")
    press("platewright.show_plate", plate=str(run.plate.folder))
    assert has_plate() and not jobs().waiting()


def kill_worker() -> Steps:
    """The worker is killed in the middle of a job: Blender says so at once, and Retry goes on from the whole frames."""
    yield from prepare()
    bpy.context.scene.frame_end = 1200
    run = yield from generate()
    yield from until(lambda: len(run.handle.frames) > 5)
    killed, pid, made = time.monotonic(), worker_pid(), len(run.handle.frames)
    os.kill(pid, signal.SIGKILL)
    yield from until(lambda: run.is_over)
    noted["seconds_until_told"] = time.monotonic() - killed
    assert run.error.code == "E_WORKER_DIED" and not has_plate(), run.error
    yield 1.0
    look("worker killed")
    press("platewright.retry", job=run.handle.id)
    yield from until(lambda: jobs().latest() not in (None, run))
    again = jobs().latest()
    yield from until(lambda: again.is_over, 400.0)
    assert again.error is None and has_plate() and worker_pid() != pid
    noted["frames_kept"] = made
    assert again.folder == run.folder, "the frames that were whole are kept"


def render() -> Steps:
    """Press F12 while a plate is made: both come to their end, and the plate is not shown into a running render."""
    yield from prepare()
    scene = bpy.context.scene
    scene.frame_end = 1008
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.render.resolution_percentage = 25
    scene.render.filepath = str(Path(sys.argv[-1]) / "rendered-")
    run, seen = (yield from generate()), False
    press("render.render", animation=True)
    while not run.is_over or bpy.app.is_job_running("RENDER"):
        seen = seen or bpy.app.is_job_running("RENDER")
        assert not (run.is_shown and bpy.app.is_job_running("RENDER"))
        yield 0.05
    assert seen and run.error is None and run.is_shown and has_plate()
    assert len(list(Path(sys.argv[-1]).glob("rendered-*.png"))) == 8


def no_camera_no_runtime() -> Steps:
    """What the panel says when something is missing."""
    yield from prepare()
    bpy.data.objects.remove(bpy.context.scene.camera)
    view()["area"].spaces.active.region_3d.view_perspective = "PERSP"
    yield 2.0
    look("no camera")
    jobs().state.default_python = ""
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    yield from open_tab()
    look("no runtime")
    press("platewright.open_preferences")
    yield 1.0
    look("preferences")


def check() -> Steps:
    """The Check button of the preferences."""
    press("platewright.open_preferences")
    yield 0.5
    press("platewright.check_runtime")
    assert jobs().state.check.is_running
    yield from until(lambda: not jobs().state.check.is_running)
    yield 1.0
    look("check")
    noted.update(findings=jobs().state.check.findings)


def disable() -> Steps:
    """Disable the extension in the middle of a job, enable it again, make a plate."""
    yield from prepare()
    bpy.context.scene.frame_end = 1800
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    pid, tick = worker_pid(), jobs().tick
    bpy.ops.preferences.addon_disable(module=ADDON)
    assert not Path(f"/proc/{pid}").exists(), "the worker is gone"
    assert not bpy.app.timers.is_registered(tick) and not hasattr(bpy.types.Scene, "platewright")
    yield 0.5
    bpy.ops.preferences.addon_enable(module=ADDON)
    yield from prepare()
    bpy.context.scene.frame_end = 1004
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert has_plate()


def busy() -> Steps:
    """Start a long job and leave; with the word `stay` behind it, wait to be killed."""
    yield from prepare()
    bpy.context.scene.frame_end = 1800
    run = yield from generate()
    yield from until(lambda: len(run.handle.frames) > 2)
    noted.update(worker=worker_pid(), record=str(run.handle.folder))
    if os.environ.get("PW_GUI_STAY"):
        write()
        yield 3600.0


if __name__ == "__main__":
    perform(globals())
