"""The whole interface has its German: no text without a line, no line without a text, every place to fill in kept."""

from __future__ import annotations

import ast
import string
from importlib import import_module
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from blender_addon import translations
from tests.blender import interface_texts
from tests.blender.interface_texts import Reader

GUILTY = {                                         # source that cannot be translated, or whose text nobody has
    "label": ('layout.label(text="Quite New")', ("*", "Quite New")),
    "button": ('row.operator("a.b", text="Go" if x else "Stop it")', ("Operator", "Stop it")),
    "said": ('say("{count} left", count=3)', ("Platewright", "{count} left")),
    "sentence": ('draw_text(layout, "Do this.", icon="INFO")', ("Platewright", "Do this.")),
    "table": ('WORDS = {"a": ("Quite good", "INFO")}', ("Platewright", "Quite good")),
    "template": ('words = "{name}, seed {seed}"', ("Platewright", "{name}, seed {seed}")),
    "hint": ('hint = "Buy another one."\nraise E("E_X", f"{n} is gone.", hint)', ("Platewright", "Buy another one.")),
}
TORN = ('label(text=f"{count} left")', 'words = f"about {time}"', 'draw(f"Use {version}")', 'x = [f"{a} of {b}"]')
MISSAID = {                                        # Blender's own German of a word, where it means another thing
    "Always": "Überall", "Guide": "Führung", "Jitter": "Flimmern", "Lock": "Sperre", "Locked": "Gesperrt",
    "Metal": "Metall", "Mirror": "Spiegeln", "Selected Objects": "Ausgewählte Objekts",
}  # fmt: skip
WHOLE = ('raise E("E_X", f"{n} is gone.", "")', 'path = f"{name}_v{n:03d}.exr"', 'name = f"platewright.{verb}"')


def fields(text: str) -> set[tuple[str, str]]:
    """Names of what is filled in, with their formats; none for a text that is never filled in."""
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def mistaken(german: dict[str, str]) -> list[str]:
    """Lines that say nothing, or fill in something else."""
    return [each for each, said in german.items() if not said.strip() or fields(each) != fields(said)]


@pytest.fixture
def german(addon: ModuleType) -> dict[str, str]:
    from blender_addon.german import GERMAN

    return GERMAN


def test_every_text_has_its_german_line(addon: ModuleType, german: dict[str, str]) -> None:
    texts = interface_texts.all_texts(addon.__name__)
    assert {("Operator", "Generate Plate"), ("Platewright", "sampling"), ("*", "Overscan")} <= texts
    assert {context for context, _ in texts} <= set(translations.CONTEXTS)
    assert sorted({text for _, text in texts} - set(german)) == [], "add these to blender_addon/german_*.py"


def test_no_german_line_is_stale(addon: ModuleType, german: dict[str, str]) -> None:
    texts = {text for _, text in interface_texts.all_texts(addon.__name__)}
    known = interface_texts.elsewhere()
    assert "Frame {} of {} is missing." in known and "Frame {} of {} is lost." not in known
    assert sorted(each for each in set(german) - texts if interface_texts.FIELD.sub("{}", each) not in known) == []


def test_a_text_has_one_german(german: dict[str, str]) -> None:
    from blender_addon import german as whole

    parts = [each for name, each in vars(whole).items() if name.isupper() and name != "GERMAN"]
    assert len(parts) > 5
    assert sum(map(len, parts)) == len(german), [each for each in german if sum(each in part for part in parts) > 1]


def test_what_is_filled_in_is_the_same(german: dict[str, str]) -> None:
    assert mistaken(german) == []


def test_a_word_that_blender_would_say_wrongly_is_looked_up_as_our_own(addon: ModuleType) -> None:
    texts = interface_texts.all_texts(addon.__name__)
    assert {words for context, words in texts if context == translations.OWN} >= {"Lock", "Metal", "Mirror"}
    assert {words for context, words in texts if context != translations.OWN} & set(MISSAID) == set()


def test_no_text_is_torn() -> None:
    torn = [f"{path.name}:{each}" for path in interface_texts.modules() for each in interface_texts.read(path).torn]
    assert torn == [], "say it with blender_addon.translations.say"


@pytest.mark.parametrize("name", GUILTY)
def test_the_check_finds_a_text(name: str) -> None:
    source, text = GUILTY[name]
    assert text in Reader(ast.parse(source), is_drawing=True).texts


def test_the_check_finds_what_cannot_be_translated() -> None:
    assert [len(Reader(ast.parse(each), is_drawing=True).torn) for each in TORN] == [1] * len(TORN)
    assert [Reader(ast.parse(each), is_drawing=True).torn for each in WHOLE] == [[]] * len(WHOLE)


def test_the_check_finds_a_mistaken_line() -> None:
    lines = {"{count} left": "noch {number}", "{x:.2f} m": "{x:.1f} m", "a": " ", "b": "c"}
    assert mistaken(lines) == list(lines)[:3]


def test_a_text_nobody_has_told_blender_is_missed(addon: ModuleType, german: dict[str, str]) -> None:
    class Mute(bpy.types.Operator):
        """Say nothing in German"""

        bl_idname, bl_label = "platewright.mute", "Mute"
        __module__ = "blender_addon.test"

    bpy.utils.register_class(Mute)
    try:
        texts = set(interface_texts.registered(addon.__name__))
    finally:
        bpy.utils.unregister_class(Mute)
    assert {("Operator", "Mute"), ("*", "Say nothing in German")} <= texts and "Mute" not in german


def test_it_is_said_and_filled_in(addon: ModuleType) -> None:
    from blender_addon.translations import say, say_report, say_tip

    assert [each("{count} tries", count=3) for each in (say, say_tip, say_report)] == ["3 tries"] * 3
    assert say("{not} a place") == "{not} a place"


def test_blender_looks_it_up_as_long_as_the_extension_is_enabled(addon: ModuleType) -> None:
    """Only a Blender that was built with languages has any; as a module of Python it has none, and speaks English."""
    from blender_addon.translations import say

    view = bpy.context.preferences.view
    has_german = "de_DE" in bpy.app.translations.locales
    if has_german:
        view.language, view.use_translate_interface = "de_DE", True
        translations.hand_over()
    assert say("{count} tries", count=3) == ("3 Versuche" if has_german else "3 tries")
    translations.unregister()
    assert say("{count} tries", count=3) == "3 tries"
    assert not bpy.app.timers.is_registered(translations.hand_over)
    translations.register()
    assert bpy.app.timers.is_registered(translations.hand_over) != has_german


def test_a_finished_sentence_is_known_by_its_pattern(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from blender_addon.german import GERMAN

    said = addon.translations.say_sentence
    gone = import_module("blender_addon.plate_read").missing_error(Path("a {b} of c"), 1003)
    assert said(gone.message) == "Frame 1003 of a {b} of c is missing."
    for name, asked in (("pgettext_iface", lambda text, _context: GERMAN.get(text, text)), ("is_spoken", lambda: True)):
        monkeypatch.setitem(said.__globals__, name, asked)
    assert said(gone.message) == "Einzelbild 1003 von a {b} of c fehlt."
    ranges = "the plate covers frames 1-9, the scene runs 1-20"
    note = f"W_RANGE: {ranges}; before the plate there is nothing, after it the last frame is held."
    assert said(note).startswith("W_RANGE: Die Plate hat die Einzelbilder 1-9, die Szene l")
    assert said("Nobody has said this before.") == "Nobody has said this before."
