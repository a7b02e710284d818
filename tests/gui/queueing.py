"""What an artist does with several jobs, played like `scenarios`: queue, cancel, retry, leave, come back.

    blender SHOT.blend --python queueing.py -- SCENARIO FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import Steps, generate, jobs, look, noted, open_tab, perform, prepare, press, until, view


def queue() -> Steps:
    """Three plates are asked for; one is cancelled and asked for again, pictures of the others arrive meanwhile."""
    yield from prepare()
    scene, settings = bpy.context.scene, bpy.context.scene.platewright
    yield from until(lambda: jobs().state.check.models)
    yield 1.0
    look("ready with presets")
    scene.frame_end = 1080
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720       # the first is not done when the last is read
    runs = []
    for seed in range(3):
        settings.seed = seed
        runs.append((yield from generate()))
    assert jobs().under_way() == runs, [(run.is_over, run.error, len(run.handle.frames)) for run in runs]
    yield from until(lambda: runs[0].thumb)
    press("platewright.cancel", job=runs[1].handle.id)
    yield from until(lambda: runs[1].is_over)
    yield 3.0
    look("queue")
    noted["thumbs"] = len([run for run in runs if run.thumb])
    press("platewright.copy_details", job=runs[1].handle.id)
    noted["clipboard"] = bpy.context.window_manager.clipboard
    noted["tick_seconds"] = seconds_of_a_tick()
    press("platewright.retry", job=runs[1].handle.id)
    yield from until(lambda: len(jobs().state.runs) == 3 and not jobs().state.written)
    yield from until(lambda: not jobs().under_way(), 400.0)
    assert all(run.is_shown and run.error is None for run in jobs().state.runs), [r.error for r in jobs().state.runs]
    yield 2.0
    look("queue done")


def seconds_of_a_tick() -> float:
    """The median of a few."""
    took = []
    for _ in range(9):
        started = time.perf_counter()
        jobs().tick()
        took.append(time.perf_counter() - started)
        time.sleep(0.05)
    return sorted(took)[len(took) // 2]


def leave() -> Steps:
    """Blender is closed in the middle of a job; it asks nothing."""
    yield from prepare()
    bpy.context.scene.frame_end = 1080
    bpy.ops.wm.save_mainfile()
    run = yield from generate()
    yield from until(lambda: len(run.handle.frames) > 5)
    noted["job"] = run.handle.id


def come_back() -> Steps:
    """The next start offers to go on, and the plate stands behind its camera."""
    yield from open_tab()
    yield from until(lambda: jobs().state.past.left)
    yield 1.0
    look("left")
    (left,) = (each for each in jobs().state.past.left if each.file == bpy.data.filepath)
    noted["job"] = left.id
    press("platewright.collect", job=left.id)
    yield from until(lambda: jobs().latest() and jobs().latest().is_over, 400.0)
    run = jobs().latest()
    assert run.error is None and run.is_shown, run.error
    assert view()["scene"].camera.data.background_images[0].image
    folder = Path(run.folder)
    noted.update(frames=len(list(folder.glob("*.exr"))), versions=sorted(each.name for each in folder.parent.iterdir()))


if __name__ == "__main__":
    perform(globals())
