"""What Ways In says and offers, whatever stands in the scene; it can be drawn by every Blender."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import pytest

from blender_addon import plate_link, scene_write, ways_panel
from tests.blender import paper
from tests.blender.ways_shots import plate_of, shot, slope


@pytest.fixture
def versions(addon: ModuleType, tmp_path: Path) -> list[str]:
    """Folders of three versions of a shot's plate."""
    scene = shot()
    return [str(plate_of(scene, tmp_path, [slope(blue=number)] * 3, version=number)) for number in (1, 2, 3)]


def ways() -> paper.Sheet:
    return paper.drawn(ways_panel.WaysPanel)


def removals(sheet: paper.Sheet) -> dict[str, bool]:
    return {each.values["way"]: each.is_enabled for each in sheet.buttons if each.name == "platewright.remove_way"}


def test_without_a_plate_it_says_what_to_do(addon: ModuleType) -> None:
    shot()
    sheet = ways()
    assert "bring one back" in sheet.text and [each.name for each in sheet.buttons] == ["platewright.bring_back"]


def test_one_press_uses_the_plate_in_hand(versions: list[str]) -> None:
    scene = bpy.context.scene
    bpy.ops.platewright.bring_back(directory=versions[0])
    assert not ways().has("platewright.use_version"), "it is shown already"
    assert "shot_v001" in ways().text
    scene.platewright.plate = versions[2]          # as a job that has made it leaves it
    button = ways().button("platewright.use_version")
    assert (button.text, button.values) == ("Use v003", {"plate": versions[2]})
    bpy.ops.platewright.use_version(**button.values)
    assert not ways().has("platewright.use_version")
    assert ways().button("platewright.list_versions").values == {"plate": versions[2]}


def test_every_way_has_its_button_and_an_x_where_it_stands(versions: list[str]) -> None:
    bpy.ops.platewright.bring_back(directory=versions[0])
    assert removals(ways()) == dict.fromkeys(("plane", "world", "strip", "projection"), False)
    for name in ("image_plane", "world_background", "sequencer_strip", "project_frames"):
        assert ways().button(f"platewright.{name}").values == {"plate": versions[0]}
        getattr(bpy.ops.platewright, name)()
    assert removals(ways()) == dict.fromkeys(("plane", "world", "strip", "projection"), True)


def test_the_line_of_a_wipe_can_be_dragged_as_long_as_it_stands(versions: list[str]) -> None:
    bpy.ops.platewright.bring_back(directory=versions[0])
    assert ways().has("platewright.wipe")
    bpy.ops.platewright.wipe()
    sheet = ways()
    assert not sheet.has("platewright.use_version"), "the far side is meant to be another one"
    assert not sheet.has("platewright.wipe") and sheet.properties and removals(sheet)["compositor"]
    bpy.ops.platewright.remove_way(way="compositor")
    assert ways().has("platewright.wipe")


def test_a_plate_that_is_not_there_is_told(versions: list[str]) -> None:
    bpy.ops.platewright.bring_back(directory=versions[0])
    assert "was not where it lay" not in ways().text
    for image in plate_link.own_images():
        plate_link.tell_lost(image, versions[0])
    assert "shot_v001 was not where it lay" in ways().text
    plate_link.take_home(Path(versions[0]))
    plate_link.relink()
    assert "was not where it lay" not in ways().text


def test_drawing_touches_no_disk(versions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.ops.platewright.bring_back(directory=versions[0])
    bpy.ops.platewright.wipe()
    ways()                                         # what only a drawing needs is loaded with the first one

    def refuse(*_words: object, **_more: object) -> None:
        raise AssertionError("a panel read a file")

    for owner, name in ((Path, "iterdir"), (Path, "is_file"), (Path, "is_dir"), (Path, "read_text"), (Path, "open")):
        monkeypatch.setattr(owner, name, refuse)
    ways()
    with pytest.raises(AssertionError, match="read a file"):
        scene_write.import_plate(bpy.context.scene, versions[0])
