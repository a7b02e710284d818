"""The Platewright tab. Draws from the scene's settings and from the job list; touches no file and no process."""

from __future__ import annotations

import bpy

from . import jobs, preferences
from .panel_jobs import draw_error, draw_preparation, draw_progress, draw_waiting
from .panel_plate import draw_plate, plate_in_hand, told_of
from .panel_shot import draw_first_frame, draw_generate, draw_shot, model_title, model_titles


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
