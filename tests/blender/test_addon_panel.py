"""Whatever state the panel is in, it can be drawn, says what is the matter and offers the next step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import properties
from platewright.errors import Cancelled, PlatewrightError
from platewright.models import presets
from tests.blender import paper
from tests.blender.scenes import shot

CARDS: dict[str, dict[str, Any]] = {               # as back-ends declare themselves
    "grid": {"title": "Layout grid", "kind": "layout", "commercial": "yes", "takes_prompt": False, "memory_gb": 0.2},
    "draft": {"title": "Draft", "kind": "draft", "commercial": "yes", "memory_gb": 1.0, "default_steps": 14},
    "research": {"title": "Research", "kind": "final", "commercial": "no", "terms": "Only for research."},
    "away": {"title": "Away", "kind": "final", "commercial": "yes", "available": False, "memory_gb": 80.0,
             "reason": "The weights of 'away' are not installed (looked in /x). Fetch it with `platewright models`."},
    "afar": {"title": "Afar", "kind": "final", "commercial": "yes", "available": False, "memory_gb": 8.0,
             "reason": "The weights of 'afar' are not installed. Fetch it with `platewright models pull afar`."},
    "big": {"title": "Big", "kind": "final", "commercial": "conditions", "terms": "Free below 10 million dollars.",
            "territory": "the European Union", "memory_gb": 16.0, "default_steps": 61, "fps": 16.0,
            "needs_first_frame": True, "takes_guide": True, "summary": "A first picture goes on."},
    "painter": {"title": "Painter", "kind": "final", "commercial": "yes", "takes_plate": True, "default_steps": 50},
}  # fmt: skip


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> bpy.types.Scene:
    """A shot that is ready to be made."""
    scene, _ = shot(1001, 1024)
    settings = scene.platewright
    settings.prompt, settings.out = "a moor", str(tmp_path / "plates")
    return scene


@pytest.fixture
def cards(addon: ModuleType) -> dict[str, dict[str, Any]]:
    addon.jobs.state.check.models = dict(CARDS)
    return CARDS


def no_camera(scene: bpy.types.Scene) -> None:
    scene.camera = None


def no_true_camera(scene: bpy.types.Scene) -> None:
    scene.camera = bpy.data.objects.new("Thing", None)
    scene.collection.objects.link(scene.camera)


def set_of(**values: Any) -> Callable[[bpy.types.Scene], None]:
    def change(scene: bpy.types.Scene) -> None:
        for name, value in values.items():
            setattr(scene.platewright, name, value)

    return change


LACKS = {                                          # what is wrong, what is said, what is offered
    "no camera": (no_camera, "has no camera", "object.camera_add"),
    "another thing": (no_true_camera, "is not a camera", ""),
    "unknown model": (set_of(model="none such"), "Nobody knows the model none such", ""),
    "not installed": (set_of(model="away"), "The weights of 'away' are not installed", ""),
    "not downloaded": (set_of(model="afar"), "not on this machine yet", "platewright.fetch_model"),
    "no prompt": (set_of(prompt="  "), "Say in the prompt", ""),
    "no picture": (set_of(model="big", first_frame="FILE"), "Choose the picture", ""),
    "no mask": (set_of(model="painter", use_painting=True, painting_plate="/x"), "Choose the plate", ""),
    "never saved": (set_of(out="//plates"), "Save the file first", "wm.save_mainfile"),
    "nowhere": (set_of(out="plates"), "not absolute", ""),
}


@pytest.mark.parametrize("name", LACKS)
def test_a_state_says_what_to_do(addon: ModuleType, scene: bpy.types.Scene, cards: object, name: str) -> None:
    assert paper.tab(addon).button("platewright.generate").is_enabled
    change, words, offered = LACKS[name]
    change(scene)
    sheet = paper.tab(addon)
    assert words in sheet.text and not sheet.button("platewright.generate").is_enabled
    assert not offered or sheet.has(offered)


def test_without_a_runtime_the_way_to_one_is_offered(
    addon: ModuleType, scene: bpy.types.Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    addon.jobs.state.default_python = ""
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", "")
    sheet = paper.tab(addon)
    assert not sheet.button("platewright.generate").is_enabled and sheet.has("platewright.open_preferences")


def test_a_runtime_that_cannot_say_its_models_is_told(
    addon: ModuleType, scene: bpy.types.Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", bpy.utils.__file__)
    addon.panels.ask_models()
    addon.jobs.state.check.wait()
    sheet = paper.tab(addon)
    assert "cannot be run" in sheet.text and sheet.has("platewright.open_preferences")
    assert bpy.ops.platewright.copy_details(**sheet.button("platewright.copy_details").values) == {"FINISHED"}
    assert addon.jobs.state.is_asked, "it is asked once, and not each time the tab is drawn"


def test_the_models_of_the_runtime_are_known_without_a_press(addon: ModuleType, scene: bpy.types.Scene) -> None:
    addon.panels.ask_models()
    addon.jobs.state.check.wait()
    sheet = paper.drawn(addon.panels.PLATEWRIGHT_MT_models)
    assert sheet.button("platewright.choose_model", model="grid").is_enabled
    assert "Commercial use: yes" in paper.tab(addon).text


def test_an_empty_name_chooses_no_model(addon: ModuleType) -> None:
    settings = bpy.context.scene.platewright
    settings.model, settings.steps = "grid", 7
    assert bpy.ops.platewright.choose_model() == {"CANCELLED"}
    assert (settings.model, settings.steps) == ("grid", 7)


def test_a_layout_needs_no_words(addon: ModuleType, scene: bpy.types.Scene) -> None:
    scene.platewright.prompt, scene.platewright.model = "", "grid"
    assert paper.tab(addon).button("platewright.generate").is_enabled, "before anybody was asked"
    addon.jobs.state.check.models = dict(CARDS)
    assert paper.tab(addon).button("platewright.generate").is_enabled


def test_every_panel_and_menu_can_be_drawn(addon: ModuleType, scene: bpy.types.Scene, cards: Any) -> None:
    for model in cards:
        scene.platewright.model = model
        for each in ("PlatePanel", "SettingsPanel", "MatchPanel", "PLATEWRIGHT_MT_models", "PLATEWRIGHT_MT_prompts"):
            for is_open in (True, False):
                paper.drawn(getattr(addon.panels, each), is_open)


def test_the_paper_finds_what_blender_would_not_draw(addon: ModuleType, scene: bpy.types.Scene) -> None:
    sheet = paper.Paper(paper.Sheet())
    for wrong in (
        lambda: sheet.label(text="x", icon="NO_SUCH_ICON"),
        lambda: sheet.prop(scene.platewright, "no_such_property"),
        lambda: sheet.operator("platewright.no_such_operator"),
        lambda: setattr(sheet.operator("platewright.cancel"), "no_such_setting", 1),
        lambda: sheet.label(texts="x"),
        lambda: sheet.menu("PLATEWRIGHT_MT_none"),
    ):
        with pytest.raises(AssertionError):
            wrong()


def test_the_menu_greys_what_cannot_run_and_says_why(addon: ModuleType, scene: bpy.types.Scene, cards: object) -> None:
    sheet = paper.drawn(addon.panels.PLATEWRIGHT_MT_models)
    away = sheet.button("platewright.choose_model", model="away")
    assert not away.is_enabled and away.text == "Away: The weights of 'away' are not installed"
    assert sheet.button("platewright.choose_model", model="big").is_enabled
    assert [each for each in sheet.texts if each.startswith("For ")] == ["For finals", "For drafts", "For layout"]
    tooltip = addon.panel_models.tooltip(CARDS["away"])
    assert "Fetch it with" in tooltip and "80 GB" in tooltip


def test_what_a_licence_means_is_said_before_anything_is_made(
    addon: ModuleType, scene: bpy.types.Scene, cards: object
) -> None:
    scene.platewright.model = "big"
    for is_open in (True, False):
        sheet = paper.tab(addon, is_open)
        assert "Commercial use: under conditions" in sheet.text and "Not in: the European Union" in sheet.text
    assert "Free below 10 million dollars." in paper.tab(addon).text and "Needs 16 GB" in paper.tab(addon).text
    scene.platewright.model = "research"
    assert "Commercial use: no" in paper.tab(addon, is_open=False).text
    addon.jobs.state.check.models = {}
    assert "Licence: not known" in paper.tab(addon, is_open=False).text, "nothing is claimed that nobody declared"


def test_a_model_is_offered_what_it_takes(addon: ModuleType, scene: bpy.types.Scene, cards: object) -> None:
    inputs = {"first_frame", "use_scene", "use_painting"}
    for model, taken in (("draft", set()), ("big", {"first_frame", "use_scene"}), ("painter", {"use_painting"})):
        scene.platewright.model = model
        assert inputs & set(paper.tab(addon).properties) == taken
        assert ("use_scene" in paper.drawn(addon.panels.SettingsPanel).properties) == ("use_scene" not in taken)
    assert "a first frame, which it needs, a guide" in addon.panel_models.takes(CARDS["big"])


def test_how_fast_the_world_will_run_is_said(addon: ModuleType, scene: bpy.types.Scene, cards: object) -> None:
    scene.platewright.model, scene.render.fps = "big", 24
    assert "1.5 times their speed" in paper.tab(addon).text
    scene.render.fps = 16
    assert "times their speed" not in paper.tab(addon).text


# Presets, seed, prompts --------------------------------------------------------------------------


def test_presets_set_what_can_be_set_by_hand(addon: ModuleType, scene: bpy.types.Scene, cards: object) -> None:
    settings = scene.platewright
    meant = {"DRAFT": ("draft", 0, 50, 1), "SHOT": ("big", 31, 100, 1), "FINAL": ("big", 0, 100, 4)}
    for preset, values in meant.items():
        bpy.ops.platewright.use_preset(preset=preset)
        assert (settings.model, settings.steps, settings.percent, settings.tries) == values
        pressed = [each for each, *_ in addon.panel_presets.PRESETS
                   if addon.panel_presets.choice(each, CARDS).is_set(settings)]
        assert pressed == [preset]
    settings.steps = 7
    assert not any(addon.panel_presets.choice(each, CARDS).is_set(settings) for each in meant)


def test_a_preset_takes_no_model_that_cannot_run_or_be_sold(addon: ModuleType) -> None:
    few = {name: CARDS[name] for name in ("draft", "research", "away")}
    assert addon.panel_presets.choice("FINAL", few).model == "draft"
    assert addon.panel_presets.choice("FINAL", {}).model == "draft"


def test_a_smaller_plate_keeps_its_shape(addon: ModuleType, scene: bpy.types.Scene) -> None:
    render, settings = scene.render, scene.platewright
    render.resolution_x, render.resolution_y, render.resolution_percentage = 1920, 1080, 100
    assert addon.operators.job_of(scene).request.size is None
    settings.percent = 50
    assert addon.operators.job_of(scene).request.size == (960, 540)
    assert "960 x 540, 50 %" in paper.tab(addon).text
    render.resolution_percentage = 50
    assert addon.job_inputs.size_of(scene) == (480, 270)


def test_the_memory_presets_are_the_cores(addon: ModuleType, scene: bpy.types.Scene) -> None:
    assert [each[0] for each in properties.MEMORY] == ["auto", *presets.NAMES]
    assert addon.operators.job_of(scene).request.preset is None
    scene.platewright.memory = "group-offload"
    assert addon.operators.job_of(scene).request.preset == "group-offload"


def test_a_seed_is_drawn_by_the_dice_and_by_generate_if_it_is_unlocked(
    addon: ModuleType, scene: bpy.types.Scene
) -> None:
    settings = scene.platewright
    seeds = set()
    for _ in range(4):
        bpy.ops.platewright.roll_seed()
        seeds.add(settings.seed)
    assert len(seeds) == 4
    addon.panel_choices.remember(scene)
    assert settings.seed in seeds, "it is locked"
    settings.is_seed_locked = False
    addon.panel_choices.remember(scene)
    assert settings.seed not in seeds


def test_prompts_are_remembered_by_the_person_and_not_by_the_file(
    addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    addon.jobs.state.past.folder = tmp_path / "own"
    for prompt in ("one", "two", "one", " "):
        scene.platewright.prompt = prompt
        addon.panel_choices.remember(scene)
    again = type(addon.jobs.state.past)(folder=tmp_path / "own")
    assert again.remembered().prompts == ["one", "two"]
    assert (tmp_path / "own/panel.json").stat().st_mode & 0o077 == 0
    lines = paper.drawn(addon.panels.PLATEWRIGHT_MT_prompts)
    assert [each.text for each in lines.buttons[:2]] == ["one", "two"]
    bpy.ops.platewright.choose_prompt(number=1)
    assert scene.platewright.prompt == "two"
    bpy.ops.platewright.forget_prompts()
    assert "Prompts you have used" in paper.drawn(addon.panels.PLATEWRIGHT_MT_prompts).text
    assert "two" not in (tmp_path / "own/panel.json").read_text(encoding="utf-8")


# Painting ----------------------------------------------------------------------------------------


def test_a_plate_and_its_mask_go_along_by_what_they_hold(
    addon: ModuleType, scene: bpy.types.Scene, cards: object, tmp_path: Path
) -> None:
    settings = scene.platewright
    settings.model, settings.use_painting, settings.use_overscan = "painter", True, True
    settings.painting_plate, settings.painting_mask = str(tmp_path / "kept"), str(tmp_path / "mask.png")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/a.1001.png").write_bytes(b"a picture")
    (tmp_path / "mask.png").write_bytes(b"a mask")
    request = addon.operators.job_of(scene).request
    assert request.plate.opened() == tmp_path / "kept" and request.mask.opened() == tmp_path / "mask.png"
    assert not request.lock and request.overscan is None, "what stays must not move"
    settings.model = "draft"
    request = addon.operators.job_of(scene).request
    assert request.plate is None and request.lock, "it does not paint"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PlatewrightError("E_X", "It broke."), "Copy Details holds"),
        (PlatewrightError("E_X", "It broke.", "Mend it."), "Mend it."),
        (Cancelled(), "Nothing was made."),
    ],
)
def test_every_error_says_what_to_do_next(
    addon: ModuleType, scene: bpy.types.Scene, error: PlatewrightError, words: str
) -> None:
    addon.jobs.state.refusal = error
    sheet = paper.tab(addon)
    assert words in sheet.text and sheet.button("platewright.copy_details").values == {"job": ""}


def test_a_plate_that_is_gone_can_be_brought_back(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    folder = str(tmp_path / "shot_v001")
    scene.platewright.plate = folder
    assert not paper.tab(addon).has("platewright.bring_back")
    image = bpy.data.images.new("plate", 8, 8)
    image[addon.plate_link.TAG] = "shot"
    addon.plate_link.tell_lost(image, folder)
    sheet = paper.tab(addon)
    assert "shot_v001 was not where it lay" in sheet.text and sheet.has("platewright.bring_back")
