"""The Shots panel: the scene's shots by its markers, what is asked of each, what became of it, the storyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import jobs, preferences
from .panel_models import card_of
from .panel_shot import Lack, lack_of_place
from .panels import CameraData, PlatewrightTab
from .translations import say
from .words import draw_text, file_of, shown, told

if TYPE_CHECKING:                                  # not at every start of Blender
    from .shot_read import SceneShot

EMPTY = (
    "A shot begins where a marker binds a camera: go to its first frame, select the camera, "
    "and press Ctrl+B over the timeline."
)
SHOTS_MAX = 60                                     # that are listed; all are made


class ShotsPanel:
    """A row for each shot, the storyboard, and plates of the chosen ones."""

    bl_label = "Shots"
    bl_options = {"DEFAULT_CLOSED"}
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        from .shot_read import shots_of

        layout, scene = self.layout, context.scene
        shots = shots_of(scene)
        if not shots:
            draw_text(layout, EMPTY, icon="INFO")
            return
        draw_board(layout, scene)
        head = layout.row(align=True)
        head.label(text=say("{count} shots", count=len(shots)), translate=False)
        head.operator("platewright.tick_shots", text="", icon="CHECKBOX_HLT").is_chosen = True
        head.operator("platewright.tick_shots", text="", icon="CHECKBOX_DEHLT").is_chosen = False
        for shot in shots[:SHOTS_MAX]:
            draw_shot(layout, scene, shot)
        if len(shots) > SHOTS_MAX:
            layout.label(text=say("and {count} more", count=len(shots) - SHOTS_MAX), translate=False)
        draw_generate(layout, scene, shots)


def draw_board(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """The storyboard that is drawn, or the buttons for it."""
    board = jobs.state.board
    if board and board.is_running:
        row = layout.row(align=True)
        row.progress(factor=board.fraction, text=board.headline())
        row.operator("platewright.cancel", text="", icon="X").job = board.id
        return
    row = layout.row(align=True)
    row.enabled = preferences.has_runtime()
    row.operator("platewright.storyboard", icon="IMGDISPLAY")
    if scene.platewright_board.sheet:
        row.operator("platewright.show_storyboard", text="", icon="WINDOW")
    if board and board.error:
        draw_text(layout, told(board.error), icon="ERROR")
    elif board and board.sketch.scene_uid == scene.session_uid:
        for shot in board.answer.get("shots", ()):
            if shot["error"]:
                draw_text(layout, f"{shot['shot']}: {shot['error']['message']}", icon="ERROR")


def draw_shot(layout: bpy.types.UILayout, scene: bpy.types.Scene, shot: SceneShot) -> None:
    """Tick box, name, frames, camera; prompt and seed of its own; its newest plate."""
    asked = shot.marker.platewright
    box = layout.box().column(align=True)
    row = box.row(align=True)
    row.prop(asked, "is_chosen", text="")
    row.label(text=f"{shown(shot.name)}  {shot.first}-{shot.last}", translate=False)
    row.operator("platewright.go_to_shot", text="", icon="PLAY").frame = shot.first
    box.label(text=shown(shot.camera.name), icon="CAMERA_DATA", translate=False)
    row = box.row(align=True)
    row.prop(asked, "prompt", text="", placeholder=scene.platewright.prompt or "Prompt of this shot")
    narrow = row.row(align=True)
    narrow.scale_x = 0.45
    narrow.prop(asked, "seed", text="")
    draw_state(box, scene, shot)


def draw_state(layout: bpy.types.UILayout, scene: bpy.types.Scene, shot: SceneShot) -> None:
    """What became of it: its job, else its newest plate."""
    from .shot_making import run_of

    run: Any = run_of(scene, shot)
    if run and not run.is_over:
        words = say("waits") if run.is_queued else run.headline()
        layout.progress(factor=run.fraction, text=words)
        return
    if run and run.error:
        layout.label(text=say("{code}: see above", code=run.error.code), icon="ERROR", translate=False)
    plate = shot.marker.platewright.plate
    if not plate:
        layout.label(text="No plate yet", icon="BLANK1")
        return
    row = layout.row(align=True)
    row.label(text=shown(file_of(plate)), icon="IMAGE_BACKGROUND", translate=False)
    row.operator("platewright.show_shot", text="", icon="OUTLINER_OB_CAMERA").shot = shot.name
    row.operator("platewright.open_folder", text="", icon="FILE_FOLDER").plate = plate


def draw_generate(layout: bpy.types.UILayout, scene: bpy.types.Scene, shots: list[SceneShot]) -> None:
    """The button, or why it cannot be pressed."""
    from .shot_read import chosen

    picked = chosen(shots)
    lack = why_not(scene, picked)
    row = layout.row()
    row.scale_y = 1.5
    row.enabled = lack is None and not (jobs.state.preparation and jobs.state.preparation.is_reading)
    row.operator("platewright.generate_shots", text=say("Generate {count} of {all}", count=len(picked), all=len(shots)),
                 icon="RENDER_ANIMATION", translate=False)
    if lack:
        draw_text(layout, lack.reason, icon="INFO")
        if lack.operator:
            layout.operator(lack.operator, icon=lack.icon)


def why_not(scene: bpy.types.Scene, picked: list[SceneShot]) -> Lack | None:
    """What must be done before plates of these shots can be made; None when they can. Touches no file."""
    if not picked:
        return Lack("Tick the shots that are to be made.")
    if not preferences.has_runtime():
        reason = "There is no runtime yet, which runs the models. Install or name one in the preferences."
        return Lack(reason, "platewright.open_preferences", "PREFERENCES")
    settings = scene.platewright
    takes_prompt = card_of(settings.model).get("takes_prompt", settings.model != "grid")
    if takes_prompt and not settings.prompt.strip() and not all(shot.prompt for shot in picked):
        return Lack("Say in the prompt above, or in that of each shot, what the place looks like.")
    return lack_of_place(scene)


class PLATEWRIGHT_PT_tab_shots(PlatewrightTab, ShotsPanel, bpy.types.Panel):
    """In the 3D view's sidebar."""

    bl_parent_id = "PLATEWRIGHT_PT_tab"


class PLATEWRIGHT_PT_camera_shots(CameraData, ShotsPanel, bpy.types.Panel):
    """In the camera's properties."""

    bl_parent_id = "PLATEWRIGHT_PT_camera"


register, unregister = bpy.utils.register_classes_factory((PLATEWRIGHT_PT_tab_shots, PLATEWRIGHT_PT_camera_shots))
