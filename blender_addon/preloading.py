"""What the first press of a button needs, imported before it: one module in a tick, once the panel was seen.

A start of Blender pays for none of it, and neither does whoever never opens the tab. Each stands after what it needs,
so that no tick takes long; a press that comes too early imports the rest itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import resolve_name

import bpy

STEP_SECONDS = 0.05                                # between two: the window's own
MODULES = (
    "decimal", "fractions", "statistics", ".job_memory", ".job_estimate",
    "platewright.camera", "platewright.cards", "platewright.inputs", "platewright.delivery", "platewright.events",
    "platewright.values", "platewright.protocol",
    "argparse", "traceback", ".camera_views", ".scene_stage", ".scene_read", ".still_command", ".first_picture",
    ".preparing", "array", ".scene_rays", ".scene_geometry",
    "logging", "platewright.record", "platewright.wire.lines", "platewright.wire.service", "platewright.client",
    ".plate_told", ".job_record", ".job_thumb", ".plate_read", ".scene_write", ".shot_making",
)  # fmt: skip


def soon() -> None:
    """Begin, unless there is nothing left to do; from a panel that is drawn. In background mode timers never fire."""
    if not bpy.app.background and not bpy.app.timers.is_registered(step) and any(left()):
        bpy.app.timers.register(step, first_interval=STEP_SECONDS)


def step() -> float | None:
    """One of them; ends with the last."""
    if (name := next(left(), None)) is None:
        return None
    import_module(name)
    return STEP_SECONDS


def left() -> Iterator[str]:
    """What is not there yet."""
    names = (resolve_name(name, __package__) for name in MODULES)
    return (name for name in names if name not in sys.modules)


def register() -> None:
    """Nothing before somebody looks."""


def unregister() -> None:
    """On disable: no timer."""
    if bpy.app.timers.is_registered(step):
        bpy.app.timers.unregister(step)
