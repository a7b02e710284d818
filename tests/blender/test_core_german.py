"""Errors of the core say in German what to do next: each hint that can reach the panel has its line."""

from __future__ import annotations

import ast
import re
from types import ModuleType

import pytest

from tests.blender import core_texts
from tests.blender.interface_texts import FIELD

LETTER = re.compile("[A-Za-z]")
OWN_LETTERS = 12                                   # of a sentence that no other is taken for
GUILTY = {                                         # source, and the hints in it
    "written out": ('raise E("E_X", "It is gone.", "Look for it.")', ["Look for it."]),
    "filled in": ('raise E("E_X", why, f"Take {name.stem} or {other!r}.")', ["Take {} or {}."]),
    "named": ('def f():\n    hint = "Wait." if a else "Go."\n    raise E("E_X", why, hint)', ["Wait.", "Go."]),
    "of the module": ('HINT = "Turn it."\ndef f():\n    return E("E_X", "Off.", HINT)', ["Turn it."]),
    "put together": ('AGAIN = "Again."\nraise E("E_X", "Off.", "Wait. " + AGAIN)', ["Wait. Again."]),
    "formatted": ('DO = "Do {what}."\nraise E("E_X", "Off.", DO.format(what=1))', ["Do {}."]),
    "in a table": ('WORDS = {1: ("E_X", "Off.", "Plug it in.")}', ["Plug it in."]),
    "behind another": ('raise refused(path, "E_X", "Off.", "Plug it in.")', ["Plug it in."]),
}


@pytest.fixture
def german(addon: ModuleType) -> dict[str, str]:
    from blender_addon.german import GERMAN

    return GERMAN


def without_line(texts: set[str], german: dict[str, str], least: int = 1) -> list[str]:
    """Those that would be shown in English, if they have so many letters of their own: `{} is {}.` fits anything."""
    known = {FIELD.sub("{}", each) for each in german}
    return sorted(each for each in texts - known if len(LETTER.findall(each)) >= least)


def test_every_hint_that_reaches_the_panel_has_its_line(german: dict[str, str]) -> None:
    told = core_texts.reach_the_panel()
    codes = {each.code for each in told}
    assert {"E_OOM", "E_CAMERA_CUT", "E_MODEL_CORRUPT", "E_WORKER_MISMATCH", "E_DISK_FULL", "W_PROMPT_WORDS"} <= codes
    assert len(codes) > 60 and not codes & core_texts.OF_WRITERS
    assert without_line({each.hint for each in told}, german) == [], "add these to blender_addon/german_hints.py"


def test_what_happened_is_said_too(german: dict[str, str]) -> None:
    told = {each.message for each in core_texts.reach_the_panel()}
    assert without_line(told, german, OWN_LETTERS) == [], "add these to blender_addon/german_faults.py"
    assert without_line({"The roof of {} is leaking."}, german, OWN_LETTERS) == ["The roof of {} is leaking."]


@pytest.mark.parametrize("name", GUILTY)
def test_the_check_finds_a_hint(name: str, german: dict[str, str]) -> None:
    source, hints = GUILTY[name]
    found = {each.hint for each in core_texts.errors_of(ast.parse(source), {}, "test")}
    assert found == set(hints) and without_line(found, german) == sorted(hints)


def test_what_only_commands_say_is_left_out() -> None:
    stems = {each.place.partition(":")[0] for each in core_texts.reach_the_panel()}
    assert {"device", "take", "service", "disk"} <= stems and not {"cli", "decoding", "relock", "nuke"} & stems


def test_an_error_is_said_whole(addon: ModuleType, german: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is filled in where it is a sentence, and nothing where it is a name."""
    said = addon.translations.say_sentence
    for name, asked in (("pgettext_iface", lambda text, context: german.get(text, text)), ("is_spoken", lambda: True)):
        monkeypatch.setitem(said.__globals__, name, asked)
    log = "/tmp/Known: you.log"
    hint = f"Repair the runtime, then try again. Log: {log}"
    assert said(hint) == f"Die Laufzeitumgebung reparieren, dann noch einmal. Protokoll: {log}"
    assert said("Give PNG or EXR. White is painted, black is kept.").endswith("Weiß wird gemalt, Schwarz bleibt.")
    assert said("Known: draft, wan-vace.") == "Bekannt: draft, wan-vace."
    assert said("Known: " + "x" * 2000 + ".").startswith("Known:"), "nobody reads that, and no pattern is tried on it"
