"""The models as their back-ends declare them: which there are, what each needs and takes, what its licence means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import bpy

from . import jobs
from .model_fetch import draw_fetch
from .provenance_choices import draw_rights
from .translations import say, say_tip
from .words import draw_text, shown

Card = Mapping[str, Any]

EMBEDDED = {"draft": "Draft (embedded)", "grid": "Grid (layout)"}   # there before anybody was asked
KINDS = (("final", "For finals"), ("draft", "For drafts"), ("layout", "For layout"))
COMMERCIAL = {                                     # by the card's word: what it means for the plate, and Blender's icon
    "yes": ("Commercial use: yes", "CHECKMARK"),
    "conditions": ("Commercial use: under conditions", "INFO"),
    "no": ("Commercial use: no", "ERROR"),
}
NOT_IN = "Not in: {place}"
UNKNOWN = ("Licence: not known yet", "QUESTION")
WORLD_SPEED_SLACK = 0.02                           # of its speed, which nobody sees


class PLATEWRIGHT_MT_models(bpy.types.Menu):
    """Every model the worker declares; before it was asked, the two that are always there."""

    bl_label = "Model"

    def draw(self, _context: bpy.types.Context) -> None:
        cards = jobs.state.check.models
        if not cards:
            for name, title in EMBEDDED.items():
                self.layout.operator("platewright.choose_model", text=say(title)).model = name
            words = "Asking the runtime for more..." if jobs.state.check.is_running else "Check the runtime for more"
            self.layout.label(text=words, icon="INFO")
        for kind, heading in KINDS:
            of_kind = {name: card for name, card in cards.items() if card.get("kind") == kind}
            if of_kind:
                self.layout.label(text=heading)
            for name, card in of_kind.items():
                row = self.layout.row()
                if fetch_words(card):
                    words = say("{model}: Download...", model=shown(str(card.get("title", name))))
                    row.operator("platewright.fetch_model", text=words, icon="IMPORT").model = name
                    continue
                row.enabled = bool(card.get("available", True))
                row.operator("platewright.choose_model", text=menu_line(card, name)).model = name


def draw_model(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """The menu, and below it what a plate by the chosen one may be used for."""
    layout.menu("PLATEWRIGHT_MT_models", text=title_of(settings.model))
    draw_fetch(layout)
    card = card_of(settings.model)
    header, body = layout.panel("platewright_model", default_closed=True)
    words, icon = commercial(card)
    header.label(text=words, icon=icon)
    if body:
        for text, its_icon in about(card):
            draw_text(body, text, icon=its_icon)
    if card.get("territory") and not body:         # never hidden
        draw_text(layout, say(NOT_IN, place=card["territory"]), icon="ERROR")


def draw_inputs(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """What the chosen model takes beside camera and words."""
    card = card_of(settings.model)
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    if takes_picture(card):
        column.prop(settings, "first_frame")
        if settings.first_frame == "FILE":
            column.prop(settings, "first_frame_file")
            draw_rights(column, settings.id_data, "picture")
    if card.get("takes_guide"):
        column.prop(settings, "use_scene", text="Guide from the Scene")
    if card.get("takes_plate"):
        column.prop(settings, "use_painting")
        if settings.use_painting:
            column.prop(settings, "painting_plate")
            column.prop(settings, "painting_mask")
            draw_rights(column, settings.id_data, "painting")


def card_of(name: str) -> Card:
    """What the model declares; empty while nobody has asked, or for a name that nobody knows."""
    return jobs.state.check.models.get(name, {})


def titles() -> dict[str, str]:
    """Title by name of every model that can be chosen."""
    models = jobs.state.check.models
    return {name: card.get("title", name) for name, card in models.items()} if models else EMBEDDED


def title_of(name: str) -> str:
    """What the closed menu says; a name that a scene brought along and nobody knows stays itself."""
    return titles().get(name, shown(name))


def menu_line(card: Card, name: str) -> str:
    """A line of the menu: title, memory, and why it is grey."""
    title = shown(str(card.get("title", name)))
    if not card.get("available", True):
        return f"{title}: {shown(first_clause(str(card.get('reason', ''))), most=60)}"
    return f"{title}, {memory(card)}" if memory(card) else title


def first_clause(reason: str) -> str:
    """Of a sentence that goes on in brackets or with a way out."""
    return reason.partition(" (")[0].partition(". ")[0].rstrip(".")


def tooltip(card: Card) -> str:
    """All of it in one text; empty where nothing is known."""
    return "\n".join(text for text, _ in about(card, say_tip)).rstrip(".") if card else ""


def about(card: Card, speak: Callable[..., str] = say) -> list[tuple[str, str]]:
    """Sentences with icons: what it is, whether it runs, what its plates may be used for, what it needs and takes."""
    if not card:
        return [(speak("The runtime says which licence a model has, what it needs and what it takes."), "INFO")]
    rows = [(speak(str(card.get("summary", ""))), "INFO")]
    if not card.get("available", True):
        rows.append((speak("Cannot run here: {why}", why=card.get("reason", "")), "ERROR"))
    words, icon = commercial(card)
    rows += [(f"{speak(words)}. {card.get('terms') or card.get('licence', '')}", icon)]
    if card.get("territory"):
        rows.append((speak(NOT_IN, place=card["territory"]), "ERROR"))
    if memory(card):
        rows.append((speak("Needs {amount} of the device's memory.", amount=memory(card)), "MEMORY"))
    return [*rows, (takes(card, speak), "IMPORT")]


def commercial(card: Card) -> tuple[str, str]:
    """What the licence means for the plate, in few words."""
    return COMMERCIAL.get(str(card.get("commercial", "")), UNKNOWN)


def memory(card: Card) -> str:
    """`16 GB`; empty where it is not known."""
    return f"{float(card['memory_gb']):.3g} GB" if card.get("memory_gb") else ""


def takes(card: Card, speak: Callable[..., str] = say) -> str:
    """What it takes, as a sentence."""
    found = ["the camera"]
    found += ["a prompt"] if card.get("takes_prompt", True) else []
    found += ["a first frame, which it needs"] if card.get("needs_first_frame") else []
    found += ["a first frame"] if card.get("takes_first_frame") and not card.get("needs_first_frame") else []
    found += ["a guide from the scene's geometry"] if card.get("takes_guide") else []
    found += ["a plate and a mask to paint into"] if card.get("takes_plate") else []
    return speak("Takes {all}.", all=", ".join(map(speak, found)))


def takes_picture(card: Card) -> bool:
    """It starts from a picture, or can."""
    return bool(card.get("needs_first_frame") or card.get("takes_first_frame"))


def fetch_words(card: Card) -> list[str]:
    """Those of the command line that downloads the model, if that is what it lacks; else none."""
    found = re.search(r"`platewright (models pull [\w.-]+)`", str(card.get("reason", "")))
    return found[1].split() if found and not card.get("available", True) else []


def world_speed(card: Card, fps: float) -> float:
    """How fast water and clouds will run: one frame of the model's is one of the scene's, whatever its rate."""
    return fps / card["fps"] if card.get("fps") else 1.0


def speed_words(speed: float) -> str:
    """For people; empty where nobody would see it."""
    if abs(speed - 1.0) <= WORLD_SPEED_SLACK:
        return ""
    return say("Water, clouds and people move at {speed:.3g} times their speed; the camera is exact.", speed=speed)
