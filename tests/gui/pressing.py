"""Every operator of ours is pressed as a button presses it: in a shot, with a plate, in a bare file; see `hands`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import Steps, generate, has_plate, jobs, look, noted, open_tab, own_classes, perform, prepare, until, view
from mouse import hand

FRAMES = 4


def buttons() -> Steps:
    """What each of them says, or that it was greyed."""
    yield from prepare()
    yield from until(lambda: jobs().state.check.models)
    bpy.context.scene.frame_end = bpy.context.scene.frame_start + FRAMES - 1
    yield from press_all("shot")
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert has_plate(), run.error
    yield from press_all("plate")
    bpy.ops.wm.read_homefile(app_template="", use_empty=True)
    yield 1.0
    yield from open_tab()
    yield from press_all("bare")


def press_all(state: str) -> Steps:
    """One after the other, each when the one before has come to its end."""
    noted[state] = {}
    for own in sorted(own_classes(bpy.types.Operator), key=lambda each: str(each.bl_idname)):
        group, name = str(own.bl_idname).split(".")
        noted[state][name] = said_by(getattr(getattr(bpy.ops, group), name))
        yield 0.3
        yield from cleared()
    yield 1.0
    look(f"every button, {state}")


def said_by(operator: Any) -> str:
    with bpy.context.temp_override(**view()):
        if not operator.poll():
            return "greyed"
        try:
            return str(operator("INVOKE_DEFAULT", True))
        except RuntimeError as error:
            return str(error)


def cleared() -> Steps:
    """Whatever has opened is closed, whatever has begun is cancelled."""
    yield from hand("key", "Escape")
    manager = bpy.context.window_manager
    for window in manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    yield from until(lambda: not jobs().state.preparation)
    for run in jobs().under_way():
        bpy.ops.platewright.cancel(job=run.handle.id)
    yield from until(lambda: not jobs().under_way())
    yield from until(lambda: not jobs().state.check.is_running)


if __name__ == "__main__":
    perform(globals())
