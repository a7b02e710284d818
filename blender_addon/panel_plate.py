"""The panel's box about a plate: the tries it is one of, how well it follows the camera, what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from . import jobs, plate_link, plate_match
from .panel_models import speed_words
from .translations import say
from .words import beside, draw_text, duration, ending, file_of, shown

if TYPE_CHECKING:                                  # not at every start of Blender
    from .plate_told import Told, Try, Wedge

SEED_CHARS = 6                                     # of a seed in the list of tries; neighbours differ in the last


def plate_in_hand(settings: bpy.types.PropertyGroup, own: jobs.Run | None) -> str:
    """Folder of the plate to speak of: the newest while it waits for its camera, else the one that the scene shows."""
    made = str(own.plate.folder) if own and own.is_over and own.plate else ""
    return made if own and made and not own.is_shown else settings.plate or made


def told_of(folder: str) -> Told:
    """What is known of the plate in this folder: of one that stands somewhere, else of one that was just made."""
    from .plate_told import Told

    made = (run.plate.told for run in jobs.state.runs if run.plate and str(run.plate.folder) == folder)
    return plate_link.told_of(folder) or next(made, Told())


def draw_plate(layout: bpy.types.UILayout, plate: str, told: Told, run: jobs.Run | None) -> None:
    """A finished plate, the tries it is one of, how well it follows the camera, and what can be done with it."""
    box = layout.box().column(align=True)
    if told.wedge:
        draw_tries(box, plate, told.wedge)
    head = box.row()
    seeds = {each.plate: each.seed for each in told.wedge.tries} if told.wedge else {}
    name, seed = shown(file_of(plate)), seeds.get(file_of(plate))
    title = name if seed is None else say("{name}, seed {seed}", name=name, seed=seed)
    head.label(text=title, icon="IMAGE_BACKGROUND", translate=False)
    if told.match:
        draw_opener(head, plate, "match.png", icon="GRAPH")
    draw_match(box, told)
    box.operator("platewright.show_plate", icon="OUTLINER_OB_CAMERA").plate = plate
    box.operator("platewright.composite_plate", icon="NODE_COMPOSITING").plate = plate
    if told.match and told.match.get("verdict") in plate_match.MEASURED:
        box.operator("platewright.import_solve", icon="CON_CAMERASOLVER").plate = plate
    box.operator("platewright.open_folder", icon="FILE_FOLDER").plate = plate
    draw_notes(box, plate, told, run)


def draw_tries(layout: bpy.types.UILayout, plate: str, wedge: Wedge) -> None:
    """Every try with its seed and its figure; a press shows it behind the camera, and what follows speaks of it."""
    folder = beside(plate, wedge.name)
    first, second, third = columns(layout)
    first.label(text=say("{count} tries", count=len(wedge.tries)))
    second.label(text="seed")
    third.alignment = "RIGHT"
    draw_opener(third, folder, "contact.png", icon="IMAGE_REFERENCE")
    draw_opener(third, folder, "preview.mp4", icon="FILE_MOVIE")
    for each in wedge.tries:
        draw_try(layout, each, plate, is_best=wedge.is_measured and each.plate == wedge.proposed)
    if wedge.is_measured:
        layout.label(text="Proposed: it follows best", icon="SOLO_ON")
    else:
        draw_text(layout, "None could be measured: choose by eye.", icon="INFO")
    layout.separator()


def columns(layout: bpy.types.UILayout) -> tuple[bpy.types.UILayout, bpy.types.UILayout, bpy.types.UILayout]:
    """Of a row in the list of tries."""
    split = layout.split(factor=0.36, align=True)
    first, rest = split.row(align=True), split.split(factor=0.46, align=True)
    return first, rest.row(), rest.row(align=True)


def draw_try(layout: bpy.types.UILayout, each: Try, plate: str, is_best: bool) -> None:
    """A row of the list."""
    first, second, third = columns(layout)
    icon, is_shown = "SOLO_ON" if is_best else "SOLO_OFF", each.plate == file_of(plate)
    name = shown(each.plate.rpartition("_")[2])
    first.operator("platewright.show_plate", text=name, icon=icon, depress=is_shown).plate = beside(plate, each.plate)
    second.label(text=ending(str(each.seed), SEED_CHARS))
    third.label(text=plate_match.in_short(each.match), icon=plate_match.verdict(each.match)[1])


def draw_opener(layout: bpy.types.UILayout, folder: str, file: str, icon: str) -> None:
    """A small button for a picture that lies in a folder of ours."""
    opener = layout.operator("platewright.open_folder", text="", icon=icon)
    opener.plate, opener.file = folder, file


def draw_match(layout: bpy.types.UILayout, told: Told) -> None:
    """Verdict, reason, what to do, and figures."""
    words, icon = plate_match.verdict(told.match)
    row = layout.row()
    row.alert = icon == "ERROR"
    row.label(text=say(words), icon=icon)
    reason = plate_match.reason(told.match, told.unmeasured)
    for text in (reason, plate_match.advice(told.match, told.unmeasured)):
        if text:
            draw_text(layout, text, icon="BLANK1")
            layout.separator(factor=0.6)
    for name, value in plate_match.figures(told.match):
        row = layout.split(factor=0.42)
        row.label(text=say(name), icon="BLANK1")
        row.label(text=value)
    layout.separator()


def draw_notes(layout: bpy.types.UILayout, plate: str, told: Told, run: jobs.Run | None) -> None:
    """What else is to be known: of the plate, and of the job if it has just made it."""
    warnings = [tuple(warning.partition(": ")[::2]) for warning in told.warnings]
    if run and run.handle.answer and plate in run.folders:
        answer, count = run.handle.answer, len(run.folders)
        words = "{frames} frames in {time} on {device}"
        if count > 1:
            words = "{count} x {frames} frames in {time} on {device}"
        time, device = duration(answer["seconds"]), shown(answer["device"])
        layout.label(text=say(words, count=count, frames=answer["frames"], time=time, device=device))
        warnings += [(each.code, each.message) for each in run.handle.warnings if each.code in plate_match.OF_THE_RUN]
    if words := speed_words(told.world_speed):
        draw_text(layout, words, icon="MOD_TIME")
    for code, sentence in dict.fromkeys(warnings):
        if code not in plate_match.TOLD:
            draw_text(layout, f"{sentence[:1].upper()}{sentence[1:]}", icon="INFO")
