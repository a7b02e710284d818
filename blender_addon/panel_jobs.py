"""The panel while plates are made: a row for each job, what went wrong, what waits for its scene or was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from platewright.errors import PlatewrightError

from . import jobs
from .job_run import place_of
from .translations import say, say_sentence
from .words import draw_text, duration, file_of, shown, told

if TYPE_CHECKING:                                  # not at every start of Blender
    from .job_record import Left
    from .plate_read import Plate
    from .preparing import Again, Preparation
    from .shot_making import Several

CHECK = "check"                                    # instead of a job's id: what was asked of the worker's Python
THUMB_SCALE = 3.2                                  # of a row's height
DONE_SHOWN = 3                                     # finished jobs that keep a row


def draw_jobs(layout: bpy.types.UILayout) -> None:
    """The queue, in the order in which it is served, and what has just ended."""
    for preparation in jobs.state.coming():
        draw_preparation(layout, preparation)
    for place, run in enumerate(jobs.under_way()):
        draw_run(layout, run, place)
    ended = [run for run in jobs.state.runs if run.is_over]
    for run in ended:
        if run.error:
            draw_error(layout, run.error, run)
    for run in [run for run in ended if run.is_shown and not run.error][-DONE_SHOWN:]:
        draw_done(layout, run)


def draw_preparation(layout: bpy.types.UILayout, preparation: Preparation | Several | Again) -> None:
    """How far the scene was read, and the way out."""
    row = layout.row(align=True)
    row.progress(factor=preparation.fraction, text=preparation.headline())
    row.operator("platewright.cancel", text="", icon="X").job = preparation.id


def draw_run(layout: bpy.types.UILayout, run: jobs.Run, place: int) -> None:
    """One job of the queue: its newest frame, stage, bar, time left, folder and way out."""
    row = layout.box().row()
    if jobs.state.previews and run.thumb in jobs.state.previews:
        row.template_icon(icon_value=jobs.state.previews[run.thumb].icon_id, scale=THUMB_SCALE)
    column = row.column(align=True)
    head = column.row(align=True)
    name, attempt, seed = shown(run.handle.job.name), shown(run.attempt), run.handle.job.request.seed
    title = say("{name}, try {attempt}" if attempt else "{name}, seed {seed}", name=name, attempt=attempt, seed=seed)
    head.label(text=title, icon="NONE" if run.thumb else "RENDER_ANIMATION")
    if run.folder:
        head.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = run.folder
    cancel = head.row(align=True)
    cancel.enabled = not run.is_cancelling and not run.handle.ended
    cancel.operator("platewright.cancel", text="", icon="X").job = run.handle.id
    column.progress(factor=run.fraction, text=waits(place) if place and run.is_queued else run.headline())
    if words := time_left(run):
        column.label(text=words)
    elif run.handle.detail:
        draw_text(column, run.handle.detail)


def waits(place: int) -> str:
    """For its turn."""
    return say("next") if place == 1 else say("waits for {count} others", count=place)


def time_left(run: jobs.Run) -> str:
    """Of the whole job by earlier plates; else of the stage by its pace; empty where neither is known."""
    if run.is_queued and run.expected_seconds is not None:
        return say("will take about {time}", time=duration(run.expected_seconds))
    if (left := run.seconds_left_in_all()) is not None:
        return say("about {time} left", time=duration(left))
    if (left := run.seconds_left()) is not None:
        return say("about {time} left of {stage}", time=duration(left), stage=say(run.handle.stage))
    return ""


def draw_done(layout: bpy.types.UILayout, run: jobs.Run) -> None:
    """A job that went well."""
    row = layout.row(align=True)
    words = say("{plate} in {time}", plate=shown(file_of(run.folder)), time=duration(run.seconds))
    row.label(text=words, icon="CHECKMARK")
    row.operator("platewright.show_plate", text="", icon="OUTLINER_OB_CAMERA").plate = run.folder
    row.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = run.folder
    row.operator("platewright.dismiss", text="", icon="X").job = run.handle.id


def draw_error(layout: bpy.types.UILayout, error: PlatewrightError, run: jobs.Run | None = None) -> None:
    """What happened, what to do, the code to search for, and the buttons for it."""
    box, job = layout.box(), run.handle.id if run else ""
    icon = "CANCEL" if error.code == "E_CANCELLED" else "ERROR"
    message = say_sentence(error.message)
    draw_text(box, f"{run.handle.job.name}: {message}" if run else message, icon=icon)
    draw_text(box, error.hint or next_step(error, run), icon="BLANK1")
    box.label(text=error.code, icon="BLANK1", translate=False)
    row = box.row(align=True)
    if run:
        row.operator("platewright.retry").job = job
    row.operator("platewright.copy_details").job = job
    if run and run.folder:
        row.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = run.folder
    row.operator("platewright.dismiss", text="", icon="X").job = job


def next_step(error: PlatewrightError, run: jobs.Run | None) -> str:
    """What to do about an error that does not say so itself."""
    if error.code != "E_CANCELLED":
        return "Copy Details holds what somebody needs to know who can help."
    if run and run.folder:
        return "Frames that are finished stay on disk; Retry goes on from them."
    return "Nothing was made; Retry starts again." if run else "Nothing was made."


def draw_check_error(layout: bpy.types.UILayout, error: PlatewrightError) -> None:
    """Why the worker's Python does not answer, and the way out."""
    draw_text(layout, told(error), icon="ERROR")
    column = layout.column(align=True)
    column.operator("platewright.open_preferences", icon="PREFERENCES")
    column.operator("platewright.copy_details", icon="COPYDOWN").job = CHECK


def draw_lost(layout: bpy.types.UILayout, plate: str) -> None:
    """The plate in hand was not there when the file was opened."""
    words = "{plate} was not where it lay when this file was opened. Bring it back from where it lies now."
    draw_text(layout, say(words, plate=file_of(plate)), icon="ERROR")
    layout.operator("platewright.bring_back", icon="FILE_FOLDER")


def draw_waiting(layout: bpy.types.UILayout, run: jobs.Run, plate: Plate) -> None:
    """A plate whose scene was not here: nothing is forced into another file, and its own is asked for no place."""
    box = layout.box().column(align=True)
    words = say("{plate} was made for {place}", plate=plate.folder.name, place=run.origin.title())
    draw_text(box, words, icon="FILE_BLEND")
    row = box.row(align=True)
    draw_way_in(row, run.origin, str(plate.folder))
    row.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = str(plate.folder)
    row.operator("platewright.dismiss", text="", icon="X").job = run.handle.id


def draw_way_in(row: bpy.types.UILayout, origin: jobs.Origin, plate: str) -> None:
    """Behind its own camera where that is in the open file; else wherever the artist stands."""
    if place := origin.here():
        words = say("Show Behind {camera}", camera=shown(place[1].name))
        row.operator("platewright.show_at_home", text=words, icon="OUTLINER_OB_CAMERA", translate=False).plate = plate
    else:
        row.operator("platewright.show_plate", text="Show It Here", icon="IMPORT").plate = plate


def draw_left(layout: bpy.types.UILayout, left: Left) -> None:
    """A job that another session did not see the end of."""
    box = layout.box().column(align=True)
    whose = f"{left.name}, {place_of(left.camera, left.scene, left.file)}"
    if left.plate:
        draw_text(box, say("Finished when Blender was closed: {plate}", plate=whose), icon="FILE_BLEND")
        row = box.row(align=True)
        draw_way_in(row, jobs.origin_of(left), left.plate)
        row.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = left.plate
    else:
        closed = "Blender was closed after {done} of {all} frames: {plate}"
        words = say(closed if left.frames_made else "Blender was closed: {plate}",
                    plate=whose, done=left.frames_made, all=left.frames)  # fmt: skip
        draw_text(box, words, icon="RECOVER_LAST")
        row = box.row(align=True)
        row.operator("platewright.collect", icon="PLAY").job = left.id
    row.operator("platewright.dismiss", text="", icon="X").job = left.id
