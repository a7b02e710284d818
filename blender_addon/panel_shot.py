"""The panel before there is a plate: shot, model, what the model starts from, Generate or why it is grey."""

from __future__ import annotations

import bpy

from . import jobs, preferences
from .words import draw_text, shown

EMBEDDED = {"draft": "Draft (embedded)", "grid": "Grid (layout)"}


def draw_first_frame(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """What the chosen model starts from, if it starts from a picture."""
    card = jobs.state.check.models.get(settings.model, {})
    if card.get("needs_first_frame") or card.get("takes_first_frame"):
        layout.prop(settings, "first_frame")
        if settings.first_frame == "FILE":
            layout.prop(settings, "first_frame_file")


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
