"""The newest frame of a job as a small picture, by Blender's previews: they are read in a thread, when first drawn."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import bpy.utils.previews

if TYPE_CHECKING:                                  # not at every start of Blender
    from .job_run import Run

EVERY_SECONDS = 10.0                               # a new one is blank until Blender has read it


def follow(previews: Any, run: Run) -> Any:
    """Point the run's `thumb` at its newest frame, which is whole under its name; gives the collection."""
    if previews is None:
        previews = bpy.utils.previews.new()
    frame, path = next(reversed(run.handle.frames.items()))
    name = f"{run.handle.id}/{frame}"
    if name == run.thumb or monotonic() - run.thumb_time < EVERY_SECONDS:
        return previews
    if run.thumb in previews:
        del previews[run.thumb]
    previews.load(name, path, "IMAGE")
    run.thumb, run.thumb_time = name, monotonic()
    return previews


def close(previews: Any) -> None:
    """Give them all back to Blender."""
    bpy.utils.previews.remove(previews)
