"""The interface in the language that somebody has chosen for Blender's own: English, and German.

Blender itself looks up, in what is registered here, the names and tooltips of classes, properties and their items, and
every text that a layout is given whole. Three things it does not know of are said with `say`: a text with something
filled in, one that is broken into lines, and one that is put together. So no text of the interface is an f-string:

    layout.label(text=say("{count} frames left", count=3))

A new text gets its German line in `german_*.py`. What comes from the core, an error's message or a model's description,
is shown in the core's English, unless it is one of the texts that the dictionary knows.
"""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface, pgettext_rpt, pgettext_tip

OWN = "Platewright"                                # the context in which Blender's own words for a text do not win
LANGUAGE = "de"
LATER_SECONDS = 2.0                                # the start is to be short
CONTEXTS = ("*", "Operator", OWN)                  # of labels and tooltips; of buttons


def say(text: str, /, **values: object) -> str:
    """A text of the interface in its language, then filled in as `str.format` does."""
    return filled(pgettext_iface(text, OWN), values)


def say_tip(text: str, /, **values: object) -> str:
    """The same for a tooltip, which can be left in English by itself."""
    return filled(pgettext_tip(text, OWN), values)


def say_report(text: str, /, **values: object) -> str:
    """The same for what is reported below the window."""
    return filled(pgettext_rpt(text, OWN), values)


def filled(text: str, values: dict[str, object]) -> str:
    """Without values it stays as it is: braces in somebody's name are no places to fill in."""
    return text.format(**values) if values else text


def register() -> None:
    """Hand over the dictionary at once if it is spoken; else after the start, for whoever changes the language."""
    if bpy.app.translations.locale.partition("_")[0] == LANGUAGE:
        hand_over()
    else:
        bpy.app.timers.register(hand_over, first_interval=LATER_SECONDS, persistent=True)


def hand_over() -> None:
    """Blender looks into it when its language is this one."""
    from .german import GERMAN

    lines = {(context, text): said for context in CONTEXTS for text, said in GERMAN.items()}
    bpy.app.translations.register(str(__package__), {LANGUAGE: lines})


def unregister() -> None:
    """It may not have been handed over yet."""
    if bpy.app.timers.is_registered(hand_over):
        bpy.app.timers.unregister(hand_over)
    bpy.app.translations.unregister(str(__package__))
