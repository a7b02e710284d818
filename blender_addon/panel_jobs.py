"""The panel while a plate is made: how far it is, the way out, what went wrong, what waits for its scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from platewright.errors import PlatewrightError

from . import jobs
from .words import draw_text, duration, shown

if TYPE_CHECKING:                                  # not at every start of Blender
    from .plate_read import Plate
    from .preparing import Preparation


def draw_preparation(layout: bpy.types.UILayout, preparation: Preparation) -> None:
    """How far the camera was read, and the way out."""
    layout.progress(factor=preparation.fraction, text=preparation.headline())
    layout.operator("platewright.cancel", icon="CANCEL")


def draw_progress(layout: bpy.types.UILayout, run: jobs.Run) -> None:
    """Which try, stage, bar, time left and the way out."""
    if run.attempt:
        layout.label(text=f"Try {shown(run.attempt)}", icon="RENDERLAYERS")
    layout.progress(factor=run.fraction, text=run.headline())
    left = run.seconds_left()
    draw_text(layout, f"about {duration(left)} left" if left is not None else run.handle.detail)
    cancel = layout.row()
    cancel.enabled = not run.is_cancelling
    cancel.operator("platewright.cancel", text="Cancelling..." if run.is_cancelling else "Cancel", icon="CANCEL")


def draw_error(layout: bpy.types.UILayout, error: PlatewrightError) -> None:
    """What happened, what to do, and the code to search for."""
    box = layout.box()
    draw_text(box, error.message, icon="CANCEL" if error.code == "E_CANCELLED" else "ERROR")
    if error.hint:
        draw_text(box, error.hint, icon="BLANK1")
    box.label(text=error.code, icon="BLANK1")


def draw_waiting(layout: bpy.types.UILayout, run: jobs.Run, plate: Plate) -> None:
    """A plate whose scene is not here any more: nothing is forced into another file."""
    box = layout.box().column(align=True)
    draw_text(box, f"{plate.folder.name} was made for {run.origin.title()}", icon="FILE_BLEND")
    box.operator("platewright.show_plate", text="Show It Here", icon="IMPORT").plate = str(plate.folder)
