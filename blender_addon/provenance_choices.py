"""What somebody says of the plate to come: whose its inputs are, whether it is signed, what is told of its prompt.

Kept in the scene. Whose a picture or a plate is was said of that very file: another one is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import bpy
from bpy.props import EnumProperty, PointerProperty, StringProperty

from .translations import OWN

RIGHTS = (
    ("UNSAID", "Not Said", "Nobody has said so; what was said of the same file before counts"),
    ("MINE", "Mine", "It is mine, or my client's, to use"),
    ("LICENSED", "Licensed", "Somebody has licensed it: say who and how"),
    ("UNKNOWN", "Unknown", "Nobody knows; this is recorded, too"),
)
SIGNING = (
    ("AUTO", "Where a Key Is Chosen", "Signed if there is a key to sign with, else not"),
    ("SIGN", "Always", "Signed; without a key nothing is made"),
    ("NONE", "Never", "Not signed; the plain record is kept anyway"),
)
PROMPTS = (
    ("AUTO", "As Chosen with the Key", "What was chosen when the key was made or named"),
    ("HASH", "Its Hash", "Only the SHA-256 of the prompt travels with the plate's credentials"),
    ("TEXT", "Its Words", "Whoever reads the plate's credentials reads the prompt"),
)
SIGN = {"SIGN": True, "NONE": False}
TOLD = {"HASH": "hash", "TEXT": "text"}
KINDS = {"picture": "The Picture Is", "painting": "Plate and Mask Are", "scene": "The Scene Is"}
LICENCE_CHARS = 400
WHOSE = "Whose it is; recorded with the plate, and nobody checks it"
BY_WHOM = "Who has licensed it and how, in a few words"


class PLATEWRIGHT_PG_provenance(bpy.types.PropertyGroup):
    """What is recorded with this scene's plate beside how it is made."""

    picture: EnumProperty(name="The Picture Is", description=WHOSE, items=RIGHTS, default="UNSAID")
    picture_licence: StringProperty(name="Licensed By", description=BY_WHOM, maxlen=LICENCE_CHARS)
    painting: EnumProperty(name="Plate and Mask Are", description=WHOSE, items=RIGHTS, default="UNSAID")
    painting_licence: StringProperty(name="Licensed By", description=BY_WHOM, maxlen=LICENCE_CHARS)
    scene: EnumProperty(
        name="The Scene Is",
        description="Whose the scene is, of which a guide and a rendered first frame are made",
        items=RIGHTS,
        default="UNSAID",
    )
    scene_licence: StringProperty(name="Licensed By", description=BY_WHOM, maxlen=LICENCE_CHARS)
    sign: EnumProperty(
        name="Sign",
        description="Give the plate Content Credentials: who made it with what, signed with a key of yours",
        translation_context=OWN,
        items=SIGNING,
        default="AUTO",
    )
    prompt: EnumProperty(
        name="Prompt Told",
        description="What the credentials tell of the prompt",
        items=PROMPTS,
        default="AUTO",
    )


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen when Generate was pressed; touches nothing of Blender."""

    rights: Mapping[str, str | None]               # by the request's names
    job: Mapping[str, Any]                         # fields of the job

    def recorded(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """The same fields of a request, each input with what was said of its rights."""
        told = {name: answer for name, answer in self.rights.items() if answer and known.get(name) is not None}
        return {**known, **{name: replace(known[name], rights=answer) for name, answer in told.items()}}


def chosen(scene: bpy.types.Scene) -> Choices:
    """Of this scene; values may come from a foreign file, and what is no choice is none."""
    own = scene.platewright_provenance
    lead = "picture" if scene.platewright.first_frame == "FILE" else "scene"
    kinds = {"first_frame": lead, "guide": "scene", "plate": "painting", "mask": "painting"}
    rights = {name: said(own, kind) for name, kind in kinds.items()}
    return Choices(rights, {"sign": SIGN.get(own.sign), "prompt_told": TOLD.get(own.prompt)})


def said(own: PLATEWRIGHT_PG_provenance, kind: str) -> str | None:
    """In the words of the record; None where nothing was said."""
    answer, licence = getattr(own, kind), " ".join(getattr(own, f"{kind}_licence").split())
    if answer == "LICENSED":
        return ": ".join(("licensed", licence)) if licence else None
    return answer.lower() if answer in ("MINE", "UNKNOWN") else None


def ask_again(kind: str) -> Any:
    """For a path's `update`: of another file nothing was said yet."""

    def forget(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
        own = settings.id_data.platewright_provenance
        own.property_unset(kind)
        own.property_unset(f"{kind}_licence")

    return forget


def lack(scene: bpy.types.Scene, card: Mapping[str, Any]) -> str:
    """What must be said before Generate; empty where all is said. Only of files: a scene may go unsaid."""
    settings, own = scene.platewright, scene.platewright_provenance
    starts = card.get("needs_first_frame") or card.get("takes_first_frame")
    if starts and settings.first_frame == "FILE" and settings.first_frame_file and said(own, "picture") is None:
        return "Say whose the picture is: it is recorded with the plate. Unknown is an answer, too."
    if card.get("takes_plate") and settings.use_painting and said(own, "painting") is None:
        return "Say whose the plate is that stays: it is recorded with the new one. Unknown is an answer, too."
    return ""


def draw_rights(layout: bpy.types.UILayout, scene: bpy.types.Scene, kind: str) -> None:
    """The question, and by whom where it is licensed; what holds Generate up is red."""
    own = scene.platewright_provenance
    row = layout.row()
    row.alert = kind != "scene" and getattr(own, kind) == "UNSAID"
    row.prop(own, kind)
    if getattr(own, kind) == "LICENSED":
        row = layout.row()
        row.alert = said(own, kind) is None
        row.prop(own, f"{kind}_licence")


def register() -> None:
    bpy.utils.register_class(PLATEWRIGHT_PG_provenance)
    bpy.types.Scene.platewright_provenance = PointerProperty(type=PLATEWRIGHT_PG_provenance)


def unregister() -> None:
    del bpy.types.Scene.platewright_provenance
    bpy.utils.unregister_class(PLATEWRIGHT_PG_provenance)
