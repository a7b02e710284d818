"""What is chosen with a press: a model, a preset, a seed, a prompt of earlier."""

import secrets

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from . import jobs, panel_models
from .panel_presets import PRESETS, choice
from .properties import SEED_MAX
from .translations import say_tip

Outcome = set[str]


class PLATEWRIGHT_OT_choose_model(bpy.types.Operator):
    """Make plates with this model"""

    bl_idname = "platewright.choose_model"
    bl_label = "Choose Model"
    bl_options = {"INTERNAL", "UNDO"}

    model: StringProperty(name="Model", description="Name of the model, as the worker declares it")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return panel_models.tooltip(jobs.state.check.models.get(properties.model, {}))

    def execute(self, context: bpy.types.Context) -> Outcome:
        settings = context.scene.platewright
        if not self.model:
            return {"CANCELLED"}
        if settings.model != self.model:
            settings.steps = 0                     # another model's number means nothing to this one
        settings.model = self.model
        return {"FINISHED"}


class PLATEWRIGHT_OT_use_preset(bpy.types.Operator):
    """Set model, steps, size and tries for what the plate is wanted for"""

    bl_idname = "platewright.use_preset"
    bl_label = "Use Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Preset", description="What the plate is wanted for", items=PRESETS)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return say_tip(next(each[2] for each in PRESETS if each[0] == properties.preset))

    def execute(self, context: bpy.types.Context) -> Outcome:
        choice(self.preset, jobs.state.check.models).apply(context.scene.platewright)
        return {"FINISHED"}


class PLATEWRIGHT_OT_roll_seed(bpy.types.Operator):
    """Draw another seed, for another place of the same kind"""

    bl_idname = "platewright.roll_seed"
    bl_label = "Roll Seed"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        roll(context.scene)
        return {"FINISHED"}


class PLATEWRIGHT_OT_choose_prompt(bpy.types.Operator):
    """Take this prompt again"""

    bl_idname = "platewright.choose_prompt"
    bl_label = "Choose Prompt"
    bl_options = {"INTERNAL", "UNDO"}

    number: IntProperty(name="Number", description="Which one, the newest is 0", min=0)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        prompts = jobs.state.past.remembered().prompts
        return prompts[properties.number] if properties.number < len(prompts) else ""

    def execute(self, context: bpy.types.Context) -> Outcome:
        prompts = jobs.state.past.remembered().prompts
        if self.number >= len(prompts):
            return {"CANCELLED"}
        context.scene.platewright.prompt = prompts[self.number]
        return {"FINISHED"}


class PLATEWRIGHT_OT_forget_prompts(bpy.types.Operator):
    """Forget all prompts of earlier; they are kept for you alone and in no .blend"""

    bl_idname = "platewright.forget_prompts"
    bl_label = "Forget All"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        jobs.state.past.remembered().prompts.clear()
        jobs.state.past.save()
        return {"FINISHED"}


def roll(scene: bpy.types.Scene) -> None:
    """Another seed; with room for the tries that count on from it."""
    scene.platewright.seed = secrets.randbelow(SEED_MAX - 100)


def remember(scene: bpy.types.Scene) -> None:
    """What a press of Generate leaves behind in any case: the prompt, and another seed if it is unlocked."""
    settings = scene.platewright
    if not settings.is_seed_locked:
        roll(scene)
    memory = jobs.state.past.remembered()
    if settings.prompt.strip() and memory.prompts[:1] != [settings.prompt]:
        memory.remember_prompt(settings.prompt)
        jobs.state.past.save()


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_choose_model,
        PLATEWRIGHT_OT_use_preset,
        PLATEWRIGHT_OT_roll_seed,
        PLATEWRIGHT_OT_choose_prompt,
        PLATEWRIGHT_OT_forget_prompts,
    )
)
