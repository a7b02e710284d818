"""After the worker's last word: every frame is hashed, then the plate stands behind the camera it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from platewright.errors import PlatewrightError

if TYPE_CHECKING:                                  # not at every start of Blender
    from .job_run import Run
    from .plate_read import Plate


def read_back(run: Run) -> None:
    """Hash every frame: gigabytes take seconds. In a thread of its own; touches nothing of Blender."""
    from .plate_read import read_manifest, read_plate

    answer = run.handle.answer or {}
    try:
        run.plate = read_plate(answer["plate"])
        run.timings = dict(read_manifest(run.plate.folder).get("timings") or {})
    except PlatewrightError as error:
        run.error = error


def show_at_origin(run: Run) -> None:
    """Stand the plate behind the very camera it was made for, if that still is in the open file, as one undo step."""
    place = run.origin.find()
    if run.plate is None or place is None:
        return
    try:
        show_at(*place, run.plate)
    except PlatewrightError as error:
        run.error = error
        return
    run.is_shown = True
    push_undo("Show Plate")


def show_at(scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate) -> None:
    """Stand it behind this camera, in its shot. Raises CameraError and PlateError E_COLOUR_SPACE."""
    from . import shot_making
    from .scene_write import show_behind_camera

    were_seen = shot_making.seen_behind(camera)
    show_behind_camera(camera, plate, scene)
    shot_making.arrived(scene, camera, plate, were_seen)
    scene.platewright.plate = str(plate.folder)


def push_undo(message: str) -> None:
    """One undo step for what a timer did; a timer has no window of its own."""
    windows = bpy.context.window_manager.windows
    if windows and not bpy.app.background:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)
