"""The panel under a real pointer: Generate, then every way in; shots; see `hands`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import ADDON, Steps, browser, generate, has_plate, jobs, look, noted, perform, prepare, until, view
from mouse import DOWN, click, hand, open_folder, scroll, unfold

PLATE_FRAMES = 6
LONG_FRAMES = 800
HIDDEN_FRAMES = 60
CROSS = 0.83                                       # of the sidebar's width: where the crosses stand below each other
ACCEPT = 0.9                                       # of a file browser's width
WAYS = {                                           # the button, and what then stands in the scene
    "image_plane": "plane",
    "world_background": "world",
    "sequencer_strip": "strip",
    "project_frames": "projection",
    "wipe": "compositor",
}


def sidebar() -> bpy.types.Region:
    """Ours, in the window's 3D view."""
    return next(region for region in view()["area"].regions if region.type == "UI")


def large() -> Steps:
    """The 3D view alone in the window, a short shot, and the models known."""
    with bpy.context.temp_override(**view()):
        bpy.ops.screen.screen_full_area()
    yield 1.0
    yield from prepare()
    scene = bpy.context.scene
    scene.frame_end = scene.frame_start + PLATE_FRAMES - 1
    yield from until(lambda: jobs().state.check.models)


def ways() -> Steps:
    """A plate by a press on Generate, a second version, then all of Ways In by its buttons."""
    yield from large()
    scene = bpy.context.scene
    yield from click(sidebar(), "platewright.generate")
    yield from until(lambda: jobs().latest() and jobs().latest().is_over)
    assert has_plate(), jobs().latest().error
    first = scene.platewright.plate
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert run.folder != first == bpy.path.abspath(first) and run.is_shown
    for each in list(jobs().state.runs):           # room for what follows
        jobs().dismiss(each)
    scene.frame_set(scene.frame_start + 2)
    yield from fold_out("ways_panel", "WaysPanel")
    yield from scroll(sidebar(), DOWN)
    look("ways")
    for button, way in WAYS.items():
        yield from click(sidebar(), f"platewright.{button}")
        yield from until(lambda way=way: way in standing(), 10.0)
        yield 1.0
        look(f"way {way}")
    noted.update(standing=sorted(standing()))


def crosses() -> Steps:
    """A job under way, what was said of it, one that is done, an image plane: each goes by the cross beside it."""
    yield from large()
    scene = bpy.context.scene
    last, scene.frame_end = scene.frame_end, scene.frame_start + LONG_FRAMES - 1
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    look("cross of a job")
    yield from click(sidebar(), f'platewright.cancel(job="{run.handle.id}")', CROSS)
    yield from until(lambda: run.is_over)
    assert run.error.code == "E_CANCELLED" and jobs().state.runs == [run]
    scene.frame_end = last
    yield from cross_out(run)
    run = yield from made()
    look("cross of a plate")
    yield from cross_out(run)
    look("crossed out")
    assert has_plate() and Path(run.folder).is_dir(), "the row is gone, not the plate"
    noted["plate"] = Path(run.folder).name
    yield from fold_out("ways_panel", "WaysPanel")
    yield from click(sidebar(), "platewright.image_plane")
    yield from until(lambda: "plane" in standing())
    yield 1.0
    look("cross of a way")
    yield from click(sidebar(), "way='plane'", CROSS)
    yield from until(lambda: "plane" not in standing())
    yield 1.0
    look("way crossed out")
    noted.update(standing=sorted(standing()))


def cross_out(run: Any) -> Steps:
    """Press the cross of a job that has ended."""
    yield from click(sidebar(), f'platewright.dismiss(job="{run.handle.id}")', CROSS)
    yield from until(lambda: run not in jobs().state.runs, 5.0)
    yield 0.5


def made() -> Generator[float, None, Any]:
    """The run of a plate that is done."""
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert run.error is None and run.is_shown, run.error
    return run


def fold_out(module: str, name: str) -> Steps:
    """Open a panel by a press on its header."""
    drawn: list[bool] = []
    panel = getattr(sys.modules[f"{ADDON}.{module}"], name)
    draw = panel.draw
    panel.draw = lambda self, context: (drawn.append(True), draw(self, context))[1]
    yield from unfold(sidebar(), lambda: drawn)
    panel.draw = draw


def shots() -> Steps:
    """Two cameras and two markers are two shots: a storyboard of both, then their plates, each behind its camera."""
    yield from prepare()
    scene = bpy.context.scene
    scene.frame_end = scene.frame_start + 2 * PLATE_FRAMES - 1
    first = scene.camera
    second = bpy.data.objects.new("Second", first.data.copy())
    scene.collection.objects.link(second)
    second.location, second.rotation_euler = (5.0, -5.0, 1.7), (1.45, 0.0, 0.785)
    for camera, frame in ((first, scene.frame_start), (second, scene.frame_start + PLATE_FRAMES)):
        scene.timeline_markers.new("", frame=frame).camera = camera
    yield from until(lambda: jobs().state.check.models)
    yield from fold_out("panel_shots", "ShotsPanel")
    yield from click(sidebar(), "platewright.storyboard")
    yield from until(lambda: jobs().state.board and not jobs().state.board.is_running, 200.0)
    assert jobs().state.board.error is None, jobs().state.board.error
    assert Path(bpy.path.abspath(scene.platewright_board.sheet)).is_file()
    yield 2.0
    look("storyboard")
    yield from click(sidebar(), "platewright.generate_shots")
    yield from until(lambda: len(jobs().state.runs) == 2 and not jobs().under_way(), 200.0)
    assert [run.error for run in jobs().state.runs] == [None, None]
    for camera in (first, second):
        assert any(each.image for each in camera.data.background_images), camera.name
    yield 1.0
    look("shots")
    noted.update(plates=sorted(Path(run.folder).name for run in jobs().state.runs))


def standing() -> set[str]:
    """The ways by which the scene shows plates."""
    from importlib import import_module

    return import_module(f"{ADDON}.ways_removal").standing(bpy.context.scene)


def versions() -> Steps:
    """A plane shows version 1, a second one is made: Use v002 switches the plane; version 1 is brought back."""
    yield from large()
    first = yield from made()
    jobs().dismiss(first)
    yield from fold_out("ways_panel", "WaysPanel")
    yield from click(sidebar(), "platewright.image_plane")
    yield from until(lambda: "plane" in standing())
    second = yield from made()
    jobs().dismiss(second)
    assert seen() == {first.folder, second.folder}
    yield 1.0
    look("two versions")
    yield from click(sidebar(), "platewright.use_version")
    yield from until(lambda: seen() == {second.folder}, 10.0)
    yield 1.0
    look("one version")
    yield from click(sidebar(), "platewright.bring_back")
    yield from until(browser, 10.0)
    yield 1.0
    opened = browser()
    assert opened
    window, area = opened
    yield from open_folder(window, area, Path(first.folder).name)
    look("bring back")
    accept = next(region for region in area.regions if region.type == "EXECUTE")
    yield from click(accept, "file.execute", ACCEPT)
    yield from until(lambda: bpy.context.scene.platewright.plate == first.folder, 10.0)
    assert first.folder in seen()
    yield 1.0
    look("brought back")
    noted.update(first=Path(first.folder).name, second=Path(second.folder).name)


def seen() -> set[str]:
    """Folders of the plates that the scene shows."""
    from importlib import import_module

    uses = import_module(f"{ADDON}.ways_uses")
    return set(uses.shown_folders(uses.versionless(bpy.context.scene.platewright.plate)))


def hidden() -> Steps:
    """A job in a session of two windows, both of which are taken off the screen: it goes on, and its plate arrives."""
    yield from prepare()
    with bpy.context.temp_override(**view()):
        bpy.ops.wm.window_new()
    yield 1.0
    assert len(bpy.context.window_manager.windows) == 2
    bpy.context.scene.frame_end = bpy.context.scene.frame_start + HIDDEN_FRAMES - 1
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    look("two windows")
    own = on_screen()
    yield from hand("search", "--onlyvisible", "--class", "blender", "windowunmap", "%@")
    yield 1.0
    assert len(own) == 2 and not on_screen() and not run.is_over
    yield from until(lambda: run.is_over)
    assert run.error is None and run.is_shown and has_plate(), run.error
    noted["frames"] = len(run.handle.frames)
    for each in own:
        yield from hand("windowmap", each)
    yield 2.0
    assert on_screen() == own
    look("two windows again")


def on_screen() -> list[str]:
    """Blender's windows, as the screen numbers them."""
    told = subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--class", "blender"], capture_output=True, check=False, text=True
    )
    return sorted(told.stdout.split())


if __name__ == "__main__":
    perform(globals())
