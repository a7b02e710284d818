"""The panel before there is a plate: shot, preset, prompt, model, seed, how long it will take, Generate or why not."""

from __future__ import annotations

import os
from dataclasses import dataclass

import bpy

from . import jobs, preferences, provenance_choices
from .job_inputs import render_size, size_of
from .panel_models import card_of, fetch_words, memory, speed_words, takes_picture, world_speed
from .panel_presets import PRESETS, choice
from .translations import say
from .words import draw_text, duration, shown

NOT_HERE = "This model is not on this machine yet. Download it, or choose another."
PROMPT_CHARS = 60                                  # of a line in the menu of earlier ones


@dataclass(frozen=True, slots=True)
class Lack:
    """Why Generate cannot be pressed, and the button that helps, if there is one."""

    reason: str
    operator: str = ""
    icon: str = "NONE"


class PLATEWRIGHT_MT_prompts(bpy.types.Menu):
    """The prompts of earlier, the newest first."""

    bl_label = "Earlier Prompts"

    def draw(self, _context: bpy.types.Context) -> None:
        memory = jobs.state.past.memory
        for number, prompt in enumerate(memory.prompts if memory else ()):
            line = shown(" ".join(prompt.split()), most=PROMPT_CHARS)
            self.layout.operator("platewright.choose_prompt", text=line).number = number
        if memory and memory.prompts:
            self.layout.separator()
            self.layout.operator("platewright.forget_prompts", icon="TRASH")
        else:
            self.layout.label(text="Prompts you have used will be here", icon="INFO")


def draw_shot(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Camera, frames, size and rate of the plate to come."""
    box = layout.box().column(align=True)
    camera = shown(scene.camera.name) if scene.camera else say("no camera")
    frames = f"{scene.frame_start}-{scene.frame_end}"
    box.label(text=say("{camera}, frames {frames}", camera=camera, frames=frames), icon="CAMERA_DATA")
    width, height = plate_size(scene)
    share = f", {scene.platewright.percent} %" if size_of(scene) else ""
    size, fps = f"{width} x {height}{share}", f"{fps_of(scene):.6g}"
    box.label(text=say("{size} at {fps} fps", size=size, fps=fps), icon="BLANK1")


def draw_presets(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Draft, Shot, Final; the one that the settings are just now is pressed."""
    row = layout.row(align=True)
    for preset, name, _words in PRESETS:
        is_set = choice(preset, jobs.state.check.models).is_set(settings)
        row.operator("platewright.use_preset", text=say(name), depress=is_set).preset = preset


def draw_prompt(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """What it shall look like, in words of now or of earlier."""
    row = layout.row(align=True)
    row.prop(settings, "prompt", text="", placeholder="Prompt: a foggy coast at dawn")
    row.menu("PLATEWRIGHT_MT_prompts", text="", icon="RECOVER_LAST")


def draw_seed(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """The seed, its lock and its dice."""
    row = layout.row(align=True)
    row.prop(settings, "seed")
    icon = "LOCKED" if settings.is_seed_locked else "UNLOCKED"
    row.prop(settings, "is_seed_locked", text="", icon=icon)
    row.operator("platewright.roll_seed", text="", icon="FILE_REFRESH")


def draw_generate(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """What it will take and the button, or why it cannot be pressed."""
    lack = why_not(scene)
    if lack is None:
        for text, icon in ahead(scene):
            draw_text(layout, text, icon=icon)
    row = layout.row()
    row.scale_y = 1.5
    row.enabled = lack is None
    words = "Add to Queue" if jobs.under_way() else "Generate Plate"
    row.operator("platewright.generate", text=words, icon="RENDER_ANIMATION")
    if lack:
        draw_text(layout, lack.reason, icon="INFO")
        if lack.operator:
            layout.operator(lack.operator, icon=lack.icon)


def why_not(scene: bpy.types.Scene) -> Lack | None:
    """What must be done before Generate can be pressed; None when it can. Touches no file."""
    if scene.camera is None:
        reason = "The scene has no camera. Add one and make it the scene's camera."
        return Lack(reason, "object.camera_add", "CAMERA_DATA")
    if scene.camera.type != "CAMERA":
        reason = "{name} is not a camera. Choose one in the scene's properties."
        return Lack(say(reason, name=shown(scene.camera.name)))
    if not preferences.has_runtime():
        reason = "There is no runtime yet, which runs the models. Install or name one in the preferences."
        return Lack(reason, "platewright.open_preferences", "PREFERENCES")
    return lack_of_model(scene) or lack_of_place(scene)


def lack_of_model(scene: bpy.types.Scene) -> Lack | None:
    """What the chosen model still wants."""
    settings, card = scene.platewright, card_of(scene.platewright.model)
    if jobs.state.check.models and not card:
        return Lack(say("Nobody knows the model {model}. Choose another one.", model=shown(settings.model)))
    if not card.get("available", True):
        if fetch_words(card):
            return Lack(NOT_HERE, "platewright.fetch_model", "IMPORT")
        return Lack(say("This model cannot run here: {why} Choose another one.", why=card.get("reason", "")))
    takes_prompt = card.get("takes_prompt", settings.model != "grid")
    if takes_prompt and not settings.prompt.strip():
        return Lack("Say in the prompt what the place behind the scene looks like.")
    if takes_picture(card) and settings.first_frame == "FILE" and not settings.first_frame_file:
        return Lack("Choose the picture that the model starts from, or another kind of first frame.")
    is_painted = card.get("takes_plate") and settings.use_painting
    if is_painted and not (settings.painting_plate and settings.painting_mask):
        return Lack("Choose the plate that stays and its mask: white is painted, black stays.")
    unsaid = provenance_choices.lack(scene, card)
    return Lack(unsaid) if unsaid else None


def lack_of_place(scene: bpy.types.Scene) -> Lack | None:
    """Somewhere to put it."""
    out = scene.platewright.out or preferences.out_folder()
    if out.startswith("//") and not bpy.data.filepath:
        reason = "Save the file first: its plates go into a folder beside it."
        return Lack(reason, "wm.save_mainfile", "FILE_TICK")
    if not out.startswith("//") and not os.path.isabs(out):
        return Lack("The output folder under Settings is not absolute. Start it with / or with //.")
    return None


def ahead(scene: bpy.types.Scene) -> list[tuple[str, str]]:
    """What is known of the plate before it is made: how long, how much memory, how fast its world runs."""
    card = card_of(scene.platewright.model)
    needs = say("; needs {amount} of memory", amount=memory(card)) if memory(card) else ""
    speed = speed_words(world_speed(card, fps_of(scene)))
    return [(f"{time_ahead(scene)}{needs}", "SORTTIME"), *([(speed, "MOD_TIME")] if speed else [])]


def time_ahead(scene: bpy.types.Scene) -> str:
    """By what was measured on this machine; else that nobody knows."""
    past = jobs.state.past.memory
    if past and past.measured:
        from .job_estimate import work_ahead

        found = past.seconds_for(work_ahead(scene, plate_size(scene), jobs.state.check.models))
        if found:
            seconds, count = found
            by = "About {time}, by {count} earlier plates" if count > 1 else "About {time}, by one earlier plate"
            return say(by, time=duration(seconds), count=count)
    return say("Time: not known yet")


def plate_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height in pixels of the plate to come."""
    return size_of(scene) or render_size(scene)


def fps_of(scene: bpy.types.Scene) -> float:
    """The scene's own rate."""
    return scene.render.fps / scene.render.fps_base
