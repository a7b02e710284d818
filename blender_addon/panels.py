"""The Platewright tab. Draws from the scene's settings and from the job list; touches no file and no process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from platewright.errors import PlatewrightError

from . import jobs, plate_link, plate_match, preferences
from .words import beside, draw_text, duration, ending, file_of, shown

if TYPE_CHECKING:                                  # not at every start of Blender
    from .plate_read import Plate
    from .plate_told import Told, Try, Wedge
    from .preparing import Preparation

SEED_CHARS = 6                                     # of a seed in the list of tries; neighbours differ in the last
EMBEDDED = {"draft": "Draft (embedded)", "grid": "Grid (layout)"}


class PlatewrightTab:
    """Where the panels stand: the sidebar of the 3D view."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Platewright"


class CameraData:
    """The same panels in the camera's properties."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "data"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.camera is not None


class PlatePanel:
    """Shot, prompt, Generate, and what came of it."""

    bl_label = "Platewright"
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        draw_shot(layout, scene)
        settings = scene.platewright
        layout.prop(settings, "prompt", text="", placeholder="Prompt: a foggy coast at dawn")
        layout.menu("PLATEWRIGHT_MT_models", text=model_title(settings.model))
        run, own = jobs.running(), jobs.latest_of(scene)
        if jobs.state.preparation:
            draw_preparation(layout, jobs.state.preparation)
        elif run:
            draw_progress(layout, run)
        else:
            draw_generate(layout, scene)
        error = jobs.state.refusal or (own.error if own and own.is_over else None)
        if error:
            draw_error(layout, error)
        if plate := plate_in_hand(settings, own):
            draw_plate(layout, plate, told_of(plate), own)
        for other, plate in jobs.waiting():
            if other is not own:
                draw_waiting(layout, other, plate)


class SettingsPanel:
    """What most plates leave alone."""

    bl_label = "Settings"
    bl_options = {"DEFAULT_CLOSED"}
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.platewright
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "negative")
        layout.prop(settings, "seed")
        layout.prop(settings, "steps")
        row = layout.row(heading="Guidance")
        row.prop(settings, "use_guidance", text="")
        value = row.row()
        value.enabled = settings.use_guidance
        value.prop(settings, "guidance", text="")
        draw_first_frame(layout, settings)
        layout.prop(settings, "use_scene")
        layout.prop(settings, "device")
        layout.prop(settings, "format")
        layout.prop(settings, "out", placeholder=preferences.out_folder())
        layout.prop(settings, "plate_name", placeholder="the camera's")


def draw_first_frame(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """What the chosen model starts from, if it starts from a picture."""
    card = jobs.state.check.models.get(settings.model, {})
    if card.get("needs_first_frame") or card.get("takes_first_frame"):
        layout.prop(settings, "first_frame")
        if settings.first_frame == "FILE":
            layout.prop(settings, "first_frame_file")


class MatchPanel:
    """Whether the plate is measured and locked."""

    bl_label = "Match"
    bl_options = {"DEFAULT_CLOSED"}
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.platewright
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "check")
        column = layout.column()
        column.enabled = settings.check
        column.prop(settings, "lock")
        column.prop(settings, "tries")
        row = layout.row(heading="Overscan")
        row.prop(settings, "use_overscan", text="")
        value = row.row()
        value.enabled = settings.use_overscan
        value.prop(settings, "overscan", text="")


class PLATEWRIGHT_PT_tab(PlatewrightTab, PlatePanel, bpy.types.Panel):
    """In the 3D view's sidebar."""


class PLATEWRIGHT_PT_tab_settings(PlatewrightTab, SettingsPanel, bpy.types.Panel):
    """In the 3D view's sidebar."""

    bl_parent_id = "PLATEWRIGHT_PT_tab"


class PLATEWRIGHT_PT_tab_match(PlatewrightTab, MatchPanel, bpy.types.Panel):
    """In the 3D view's sidebar."""

    bl_parent_id = "PLATEWRIGHT_PT_tab"


class PLATEWRIGHT_PT_camera(CameraData, PlatePanel, bpy.types.Panel):
    """In the camera's properties."""

    bl_options = {"DEFAULT_CLOSED"}


class PLATEWRIGHT_PT_camera_settings(CameraData, SettingsPanel, bpy.types.Panel):
    """In the camera's properties."""

    bl_parent_id = "PLATEWRIGHT_PT_camera"


class PLATEWRIGHT_PT_camera_match(CameraData, MatchPanel, bpy.types.Panel):
    """In the camera's properties."""

    bl_parent_id = "PLATEWRIGHT_PT_camera"


class PLATEWRIGHT_MT_models(bpy.types.Menu):
    """Every model the worker declares; before the first check, the two that are always there."""

    bl_label = "Model"

    def draw(self, _context: bpy.types.Context) -> None:
        for name, title in model_titles().items():
            card = jobs.state.check.models.get(name, {})
            row = self.layout.row()
            row.enabled = card.get("available", True)
            row.operator("platewright.choose_model", text=title).model = name


def model_titles() -> dict[str, str]:
    """Title by name of every model that can be chosen."""
    models = jobs.state.check.models
    return {name: card.get("title", name) for name, card in models.items()} if models else EMBEDDED


def model_title(name: str) -> str:
    """What the closed menu says; a name that a scene brought along and nobody knows stays itself."""
    return model_titles().get(name, shown(name))


def draw_shot(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Camera, frames, size and rate of the plate to come."""
    render = scene.render
    share = render.resolution_percentage / 100
    box = layout.box().column(align=True)
    camera = shown(scene.camera.name) if scene.camera else "no camera"
    box.label(text=f"{camera}, frames {scene.frame_start}-{scene.frame_end}", icon="CAMERA_DATA")
    size = f"{int(render.resolution_x * share)} x {int(render.resolution_y * share)}"
    box.label(text=f"{size} at {render.fps / render.fps_base:.6g} fps", icon="BLANK1")


def draw_generate(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """The button, or why it cannot be pressed."""
    reason = why_not(scene)
    row = layout.row()
    row.scale_y = 1.5
    row.enabled = not reason
    row.operator("platewright.generate", icon="RENDER_ANIMATION")
    if reason:
        draw_text(layout, reason, icon="INFO")
    if not preferences.has_runtime():
        layout.operator("platewright.open_preferences", icon="PREFERENCES")


def why_not(scene: bpy.types.Scene) -> str:
    """What must be done before Generate can be pressed; empty when it can."""
    if scene.camera is None:
        return "The scene has no camera. Add one and make it the scene's camera."
    if scene.camera.type != "CAMERA":
        return f"{shown(scene.camera.name)} is not a camera. Choose one in the scene's properties."
    if not preferences.has_runtime():
        return "No runtime. Name the worker's Python in the preferences."
    return ""


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
    seeds = {each.plate: f", seed {each.seed}" for each in told.wedge.tries} if told.wedge else {}
    head.label(text=shown(file_of(plate)) + seeds.get(file_of(plate), ""), icon="IMAGE_BACKGROUND")
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
    first.label(text=f"{len(wedge.tries)} tries")
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
    row.label(text=words, icon=icon)
    reason = plate_match.reason(told.match, told.unmeasured)
    for text in (reason, plate_match.advice(told.match, told.kind, told.unmeasured)):
        if text:
            draw_text(layout, text, icon="BLANK1")
            layout.separator(factor=0.6)
    for name, value in plate_match.figures(told.match):
        row = layout.split(factor=0.42)
        row.label(text=name, icon="BLANK1")
        row.label(text=value)
    layout.separator()


def draw_notes(layout: bpy.types.UILayout, plate: str, told: Told, run: jobs.Run | None) -> None:
    """What else is to be known: of the plate, and of the job if it has just made it."""
    warnings = [tuple(warning.partition(": ")[::2]) for warning in told.warnings]
    if run and run.handle.answer and plate in run.folders:
        answer, count = run.handle.answer, len(run.folders)
        frames = f"{count} x {answer['frames']} frames" if count > 1 else f"{answer['frames']} frames"
        layout.label(text=f"{frames} in {duration(answer['seconds'])} on {shown(answer['device'])}")
        warnings += [(each.code, each.message) for each in run.handle.warnings if each.code in plate_match.OF_THE_RUN]
    for code, sentence in dict.fromkeys(warnings):
        if code not in plate_match.TOLD:
            draw_text(layout, f"{sentence[:1].upper()}{sentence[1:]}", icon="INFO")


def draw_waiting(layout: bpy.types.UILayout, run: jobs.Run, plate: Plate) -> None:
    """A plate whose scene is not here any more: nothing is forced into another file."""
    box = layout.box().column(align=True)
    draw_text(box, f"{plate.folder.name} was made for {run.origin.title()}", icon="FILE_BLEND")
    box.operator("platewright.show_plate", text="Show It Here", icon="IMPORT").plate = str(plate.folder)


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_MT_models,
        PLATEWRIGHT_PT_tab,
        PLATEWRIGHT_PT_tab_settings,
        PLATEWRIGHT_PT_tab_match,
        PLATEWRIGHT_PT_camera,
        PLATEWRIGHT_PT_camera_settings,
        PLATEWRIGHT_PT_camera_match,
    )
)
