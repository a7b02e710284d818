"""Whatever state the panel is in, nothing on it stays English but names, figures and what the core says.

Blender as a module of Python has no languages, so a text that a dictionary has is put into brackets instead, by `say`
as by Blender itself. What stands on the paper outside of brackets nobody could translate.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon.german import GERMAN
from platewright.errors import PlatewrightError
from tests.blender import interface_texts, paper
from tests.blender.scenes import shot
from tests.blender.test_addon_panel import CARDS, LACKS

SAYING = ("say", "say_tip", "say_report")
NAMES = {"Camera", "Thing", "none such", "Nowhere", "big", "grid", "draft", "shot", "fps", "px", "GB", "Wan", "A stone"}
WORD = re.compile(r"[A-Za-z]{2,}")
MATCH = {
    "verdict": "follows", "camera_error_px": {"p95": 3.4, "max": 7.1}, "rotation_error_deg": {"mean": 0.2},
    "uncertainty_px": 0.4, "jitter_px": 0.2, "rigidity": 0.9, "usable_beyond_m": 12.0,
}  # fmt: skip


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bpy.types.Scene:
    """A shot that is ready to be made, in a Blender that speaks in brackets."""
    speakers = [module for name, module in sys.modules.items() if name.startswith("blender_addon.")]
    for said in {getattr(module, name) for module in speakers for name in SAYING if hasattr(module, name)}:
        for asked in ("pgettext_iface", "pgettext_tip", "pgettext_rpt"):
            monkeypatch.setitem(said.__globals__, asked, bracketed)     # a module that stays has the first of them
    addon.jobs.state.check.models = dict(CARDS)
    scene, _ = shot(1001, 1024)
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path / "plates")
    return scene


def bracketed(text: str, _context: str = "*") -> str:
    return f"[{text}]" if text in GERMAN else text


def english(sheet: paper.Sheet) -> list[str]:
    """What is left outside of brackets, without names."""
    said = " ".join(map(bracketed, sheet.texts))
    while (inner := re.sub(r"\[[^\[\]]*\]", " ", said)) != said:
        said = inner
    for name in sorted({*NAMES, *foreign(CARDS)}, key=len, reverse=True):
        said = said.replace(name, " ")
    return [word for word in WORD.findall(said) if not re.search(rf"[EW]_\w*{word}", " ".join(sheet.texts))]


def foreign(value: Any) -> Iterator[str]:
    """What the cards of the models say in the core's words; the first sentence of a reason, as the menu has it, too."""
    if isinstance(value, str):
        yield from (value, value.partition(" (")[0], value.partition(". ")[0])
    for each in value.values() if isinstance(value, dict) else ():
        yield from foreign(each)


def panels(addon: ModuleType) -> Iterator[tuple[str, list[str]]]:
    """Every panel and menu of the extension, and what stays English on it."""
    for kind in (bpy.types.Panel, bpy.types.Menu):
        for each in interface_texts.subclasses(kind, addon.__name__):
            drawing = next(base for base in each.__mro__ if "draw" in vars(base))
            yield each.__name__, english(paper.drawn(drawing))


@pytest.mark.parametrize("name", LACKS)
def test_a_lack_is_said_in_the_language(addon: ModuleType, scene: bpy.types.Scene, name: str) -> None:
    LACKS[name][0](scene)
    found = dict(panels(addon))
    assert {"PLATEWRIGHT_PT_tab", "PLATEWRIGHT_PT_camera_ways", "PLATEWRIGHT_MT_models"} <= set(found)
    assert {name: words for name, words in found.items() if words} == {}


def test_a_plate_and_its_figures_are_said_in_the_language(addon: ModuleType, scene: bpy.types.Scene) -> None:
    told = import_module("blender_addon.plate_told").Told.kept({"match": MATCH, "world_speed": 1.5})
    sheet = paper.Sheet()
    addon.panel_plate.draw_plate(paper.Paper(sheet), "/plates/shot_v001", told, None)
    assert len(sheet.texts) > 12 and english(sheet) == []


def test_an_error_is_said_in_the_language(addon: ModuleType, scene: bpy.types.Scene) -> None:
    addon.jobs.state.refusal = PlatewrightError("E_X", "Cancelled.", "Make the plate again.")
    assert english(paper.tab(addon)) == []
    addon.jobs.state.refusal = PlatewrightError("E_X", "Nobody has said this in German.")
    assert english(paper.tab(addon)) == ["Nobody", "has", "said", "this", "in", "German"]


def test_the_check_hears_what_stays_english(addon: ModuleType, scene: bpy.types.Scene) -> None:
    sheet, say = paper.Sheet(), addon.translations.say
    layout = paper.Paper(sheet)
    layout.label(text="Overscan")
    layout.label(text=say("about {time} left of {stage}", time="3 min", stage=say("sampling")))
    assert english(sheet) == []
    layout.label(text="Left to itself")
    assert english(sheet) == ["Left", "to", "itself"]
