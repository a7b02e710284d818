"""The Platewright tab. Draws from the scene's settings and from the job list; touches no file and no process."""

from __future__ import annotations

from contextlib import suppress

import bpy

from platewright.errors import WorkerMissing

from . import jobs, plate_link, preferences, preloading
from .panel_jobs import draw_check_error, draw_error, draw_jobs, draw_left, draw_lost, draw_waiting
from .panel_models import PLATEWRIGHT_MT_models, card_of, draw_inputs, draw_model
from .panel_plate import draw_plate, plate_in_hand, told_of
from .panel_shot import PLATEWRIGHT_MT_prompts, draw_generate, draw_presets, draw_prompt, draw_seed, draw_shot
from .translations import say


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
        ask_models_soon()
        preloading.soon()
        draw_shot(layout, scene)
        settings = scene.platewright
        draw_presets(layout, settings)
        draw_prompt(layout, settings)
        draw_model(layout, settings)
        if jobs.state.check.error:
            draw_check_error(layout, jobs.state.check.error)
        draw_inputs(layout, settings)
        draw_seed(layout, settings)
        if not (jobs.state.preparation and jobs.state.preparation.is_reading):
            draw_generate(layout, scene)
        if jobs.state.refusal:
            draw_error(layout, jobs.state.refusal)
        draw_jobs(layout)
        own = jobs.state.made_of(scene)
        if plate := plate_in_hand(settings, own):
            if plate in plate_link.lost_plates():
                draw_lost(layout, plate)
            draw_plate(layout, plate, told_of(plate), own)
        for other, waiting in jobs.waiting():
            if str(waiting.folder) != plate:
                draw_waiting(layout, other, waiting)
        for left in jobs.state.past.left:
            draw_left(layout, left)


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
        layout.prop(settings, "percent")
        layout.prop(settings, "steps")
        row = layout.row(heading="Guidance")
        row.prop(settings, "use_guidance", text="")
        value = row.row()
        value.enabled = settings.use_guidance
        value.prop(settings, "guidance", text="")
        if not card_of(settings.model).get("takes_guide"):         # else it is said above what it does there
            layout.prop(settings, "use_scene")
        layout.prop(settings, "device")
        layout.prop(settings, "memory")
        layout.prop(settings, "format")
        layout.prop(settings, "out", placeholder=preferences.out_folder())
        layout.prop(settings, "plate_name", placeholder=say("the camera's"))


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


def ask_models_soon() -> None:
    """The first time the tab is seen the runtime is asked for its models; not while it is drawn."""
    state = jobs.state
    if not (state.is_asked or state.check.models or bpy.app.background) and preferences.has_runtime():
        state.is_asked = True
        bpy.app.timers.register(ask_models, first_interval=0.1)


def ask_models() -> None:
    """From the timer; without a runtime there is nobody to ask, and the panel says so."""
    with suppress(WorkerMissing):
        jobs.ask_models(preferences.own_runtime())


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_MT_models,
        PLATEWRIGHT_MT_prompts,
        PLATEWRIGHT_PT_tab,
        PLATEWRIGHT_PT_tab_settings,
        PLATEWRIGHT_PT_tab_match,
        PLATEWRIGHT_PT_camera,
        PLATEWRIGHT_PT_camera_settings,
        PLATEWRIGHT_PT_camera_match,
    )
)
