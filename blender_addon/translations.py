"""The interface in the language that somebody has chosen for Blender's own: English, and German.

Blender itself looks up, in what is registered here, the names and tooltips of classes, properties and their items, and
every text that a layout is given whole. Three things it does not know of are said with `say`: a text with something
filled in, one that is broken into lines, and one that is put together. So no text of the interface is an f-string:

    layout.label(text=say("{count} frames left", count=3))

A new text gets its German line in `german_*.py`. What comes filled in, an error's message or a note, goes through
`say_sentence`; a sentence that no dictionary knows is shown in English.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import bpy
from bpy.app.translations import pgettext_iface, pgettext_rpt, pgettext_tip

PLACE = re.compile(r"\\?\{(\w+)\\?\}")         # where something is filled in, as it is or escaped
OWN = "Platewright"                                # the context in which Blender's own words for a text do not win
LANGUAGE = "de"
SENTENCE_CHARS = 1000                              # a longer one is nobody's; what looks for it would take its time
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


def say_sentence(text: str) -> str:
    """A finished sentence, such as an error's message: the dictionary has it whole, or knows its pattern."""
    said = say(text)
    if said != text or not is_spoken():
        return said
    sentence, values = recognised(text)
    return say(sentence, **{name: part_of(value) for name, value in values.items()}) if values else text


def part_of(value: str) -> str:
    """What is filled in may be a sentence itself; a name is none, and stays."""
    return say_sentence(value) if " " in value else value


@lru_cache(maxsize=256)
def recognised(text: str) -> tuple[str, dict[str, str]]:
    """The sentence of the dictionary that this is, and what was filled into it; nothing if it is none, or too long."""
    for pattern, sentence in patterns() if len(text) <= SENTENCE_CHARS else ():
        if found := pattern.fullmatch(text):
            return sentence, found.groupdict()
    return text, {}


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """Of the sentences that are filled in where they arise; those with the most words of their own come first."""
    from .german_faults import FAULTS
    from .german_fetching import FETCHING
    from .german_hints import HINTS
    from .german_sentences import SENTENCES

    filled_in = filter(PLACE.search, (*SENTENCES, *FAULTS, *FETCHING, *HINTS))
    own = sorted(filled_in, key=lambda sentence: len(PLACE.sub("", sentence)), reverse=True)
    return [(re.compile(PLACE.sub(r"(?P<\1>.+?)", re.escape(each))), each) for each in own]


def is_spoken() -> bool:
    """Blender's language is one of ours."""
    return str(bpy.app.translations.locale).partition("_")[0] == LANGUAGE


def filled(text: str, values: dict[str, object]) -> str:
    """Without values it stays as it is: braces in somebody's name are no places to fill in."""
    return text.format(**values) if values else text


def register() -> None:
    """Hand over the dictionary at once if it is spoken; else after the start, for whoever changes the language."""
    if is_spoken():
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
