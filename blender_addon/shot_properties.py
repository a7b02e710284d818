"""What is said of a shot: on the marker that binds its camera, so that it goes where the marker goes.

A marker arrives with a file from anywhere: whoever reads these brings them within bounds.
"""

import bpy
from bpy.props import BoolProperty, IntProperty, PointerProperty, StringProperty

from .properties import PATH_OPTIONS, SEED_MAX

SCENES_SEED = -1                                   # the scene's own


class PLATEWRIGHT_PG_shot(bpy.types.PropertyGroup):
    """How the plate of one shot is to be made."""

    is_chosen: BoolProperty(
        name="Make This Shot",
        description="Make a plate of this shot when the chosen ones are made",
        default=True,
    )
    prompt: StringProperty(
        name="Prompt of the Shot",
        description="What the place behind this shot looks like; empty takes the scene's prompt",
    )
    seed: IntProperty(
        name="Seed of the Shot",
        description="The seed of this shot's plate; -1 takes the scene's",
        default=SCENES_SEED,
        min=SCENES_SEED,
        max=SEED_MAX,
    )
    plate: StringProperty(
        name="Plate of the Shot",
        description="Folder of the plate that was made last for this shot",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )


class PLATEWRIGHT_PG_board(bpy.types.PropertyGroup):
    """What is remembered of a scene's storyboard."""

    sheet: StringProperty(
        name="Storyboard",
        description="The storyboard that was drawn last for this scene",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
    )


_register, _unregister = bpy.utils.register_classes_factory((PLATEWRIGHT_PG_shot, PLATEWRIGHT_PG_board))


def register() -> None:
    _register()
    bpy.types.TimelineMarker.platewright = PointerProperty(type=PLATEWRIGHT_PG_shot)
    bpy.types.Scene.platewright_board = PointerProperty(type=PLATEWRIGHT_PG_board)


def unregister() -> None:
    del bpy.types.Scene.platewright_board
    del bpy.types.TimelineMarker.platewright
    _unregister()
