"""Hands, eyes and the stage of the scenarios, inside Blender.

    blender SHOT.blend --python SCRIPT.py -- SCENARIO FOLDER

Each scenario is a generator that yields the seconds until its next step, so the interface runs in between. What it
notes, or the failure it ends with, is left in FOLDER/noted.json; then Blender quits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import bpy

ADDON = "bl_ext.user_default.platewright"
Steps = Iterator[float]
noted: dict[str, Any] = {}


# Hands and eyes ----------------------------------------------------------------------------------


def view() -> dict[str, Any]:
    """The context of the 3D view, as a button in its sidebar has it."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return {"window": window, "screen": window.screen, "area": area, "region": region, "scene": window.scene}


def press(operator: str, **values: Any) -> None:
    """Press the button of an operator, which leaves an undo step as a button does."""
    group, name = operator.split(".")
    with bpy.context.temp_override(**view()):
        getattr(getattr(bpy.ops, group), name)("INVOKE_DEFAULT", True, **values)


def open_tab() -> Steps:
    """The sidebar with our tab in front, seen through the camera."""
    area = view()["area"]
    area.spaces.active.show_region_ui = True
    area.spaces.active.region_3d.view_perspective = "CAMERA"
    yield 1.0
    sidebar = next(region for region in area.regions if region.type == "UI")
    sidebar.active_panel_category = "Platewright"
    with bpy.context.temp_override(**view()):
        bpy.ops.view3d.view_center_camera()
    yield 1.0


def look(name: str) -> None:
    """A picture of the screen."""
    if "DISPLAY" in os.environ:
        subprocess.run(["import", "-window", "root", str(Path(sys.argv[-1]) / f"{name}.png")], check=False)


def jobs() -> Any:
    return sys.modules[f"{ADDON}.jobs"]


def until(is_so: Callable[[], object], seconds: float = 120.0) -> Steps:
    """Let the interface run until something is so."""
    deadline = time.monotonic() + seconds * float(os.environ.get("PW_GUI_PATIENCE", "1"))
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        yield 0.05


def generate() -> Generator[float, None, Any]:
    """Press Generate; the run that comes of it, once the camera is read."""
    press("platewright.generate")
    yield from until(lambda: not jobs().state.preparation)
    assert jobs().state.refusal is None, jobs().state.refusal
    return jobs().latest()


def has_plate() -> bool:
    return any(each.image for each in bpy.context.scene.camera.data.background_images)


def prepare(check: bool = False) -> Steps:
    """A prompt, a model that needs no weights, a folder; only a few of these plates are worth measuring."""
    settings = bpy.context.scene.platewright
    settings.check = check
    settings.prompt, settings.model = "a coast in the evening fog", os.environ.get("PW_GUI_MODEL", "grid")
    settings.out = str(Path(sys.argv[-1]) / "plates")
    yield from open_tab()


def worker_pid() -> int:
    return jobs().state.worker._service.child.pid


def own_classes(kind: type) -> Iterator[type]:
    """All classes of ours that Blender calls."""
    for each in kind.__subclasses__():
        yield from own_classes(each)
        if each.__module__.startswith(ADDON):
            yield each


def browser() -> tuple[bpy.types.Window, bpy.types.Area] | None:
    """The file browser that stands open."""
    areas = ((window, area) for window in bpy.context.window_manager.windows for area in window.screen.areas)
    return next((pair for pair in areas if pair[1].type == "FILE_BROWSER"), None)


# The stage ---------------------------------------------------------------------------------------


def write() -> None:
    """Whole under its name, or not there: somebody waits for it."""
    folder = Path(sys.argv[-1])
    (folder / "noted.part").write_text(json.dumps(noted, default=str), encoding="utf-8")
    os.replace(folder / "noted.part", folder / "noted.json")


def play(steps: Steps) -> Callable[[], float | None]:
    def step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            pass
        except Exception:  # noqa: BLE001  # whatever it is, the test outside must read it
            noted["failure"] = traceback.format_exc()
            look("failure")
        write()
        bpy.ops.wm.quit_blender()
        return None

    return step


def perform(scenarios: dict[str, Callable[[], Steps]]) -> None:
    """Play the one that the command line names."""
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False
    bpy.app.timers.register(play(scenarios[sys.argv[-2]]()), first_interval=2.0, persistent=True)
