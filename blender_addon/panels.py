"""The Platewright tab. Draws from the scene's settings and from the job list; touches no file and no process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from platewright.errors import PlatewrightError

from . import jobs, plate_link, plate_match, preferences
from .plate_read import Plate
from .preparing import Preparation
from .words import draw_text, duration, shown

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
        if jobs.state.refusal:
            draw_error(layout, jobs.state.refusal)
        elif own and own.is_over:
            draw_outcome(layout, own)
        elif settings.plate and not own:
            draw_plate(layout, settings.plate, plate_link.match_of(settings.plate))
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
        layout.prop(settings, "device")
        layout.prop(settings, "format")
        layout.prop(settings, "out", placeholder=preferences.out_folder())
        layout.prop(settings, "plate_name", placeholder="the camera's")


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
    """Stage, bar, time left and the way out."""
    layout.progress(factor=run.fraction, text=run.headline())
    left = run.seconds_left()
    row = layout.row()
    row.label(text=f"about {duration(left)} left" if left is not None else shown(run.handle.detail))
    cancel = row.row()
    cancel.enabled = not run.is_cancelling
    cancel.operator("platewright.cancel", text="Cancelling..." if run.is_cancelling else "Cancel", icon="CANCEL")


def draw_outcome(layout: bpy.types.UILayout, run: jobs.Run) -> None:
    """What came of the latest job: a plate, or a reason and a next step."""
    if run.error:
        draw_error(layout, run.error)
        return
    answer = run.handle.answer or {}
    plate = str(run.plate.folder) if run.plate else answer["plate"]
    box = draw_plate(layout, plate, plate_match.kept(answer.get("match")))
    box.label(text=f"{answer['frames']} frames in {duration(answer['seconds'])} on {shown(answer['device'])}")
    draw_tries(box, answer.get("tries") or [], str(answer.get("wedge", "")))
    for warning in run.handle.warnings:
        if warning.code not in plate_match.TOLD:
            draw_text(box, f"{warning.code}: {warning.message}", icon="INFO")


def draw_tries(layout: bpy.types.UILayout, tries: list[dict[str, Any]], wedge: str) -> None:
    """Every try with its verdict: the best is shown already, the artist may pick another."""
    if not tries:
        return
    row = layout.row()
    row.label(text=f"The best of {len(tries)} tries", icon="SOLO_ON")
    row.operator("platewright.open_folder", text="Side by Side", icon="FILE_FOLDER").plate = wedge
    for each in tries:
        name = shown(Path(each["plate"]).name)
        row = layout.row()
        row.label(text=f"{name}: {plate_match.in_short(plate_match.kept(each['match']))}", icon="BLANK1")
        row.operator("platewright.show_plate", text="", icon="OUTLINER_OB_CAMERA").plate = each["plate"]


def draw_error(layout: bpy.types.UILayout, error: PlatewrightError) -> None:
    """What happened, what to do, and the code to search for."""
    box = layout.box()
    draw_text(box, error.message, icon="CANCEL" if error.code == "E_CANCELLED" else "ERROR")
    if error.hint:
        draw_text(box, error.hint, icon="BLANK1")
    box.label(text=error.code, icon="BLANK1")


def draw_plate(layout: bpy.types.UILayout, plate: str, match: plate_match.Report | None) -> bpy.types.UILayout:
    """A finished plate, how well it follows the camera, and what can be done with it."""
    box = layout.box().column(align=True)
    box.label(text=shown(plate.rstrip("/\\").replace("\\", "/").rpartition("/")[2]), icon="IMAGE_BACKGROUND")
    draw_match(box, match)
    box.operator("platewright.show_plate", icon="OUTLINER_OB_CAMERA").plate = plate
    box.operator("platewright.composite_plate", icon="NODE_COMPOSITING").plate = plate
    solve = box.row(align=True)
    solve.enabled = match is not None and match.get("verdict") not in (None, "unsolved")
    solve.operator("platewright.import_solve", icon="CON_CAMERASOLVER").plate = plate
    box.operator("platewright.open_folder", icon="FILE_FOLDER").plate = plate
    return box


def draw_match(layout: bpy.types.UILayout, match: plate_match.Report | None) -> None:
    """Verdict, reason and figures."""
    words, icon = plate_match.verdict(match)
    layout.label(text=words, icon=icon)
    if why := plate_match.reason(match):
        draw_text(layout, why, icon="BLANK1")
    for name, value in plate_match.figures(match):
        row = layout.split(factor=0.36)
        row.label(text=name, icon="BLANK1")
        row.label(text=value)
    layout.separator()


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
