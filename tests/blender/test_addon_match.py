"""What the panel says of a plate's camera; and a plate that is found again where it has gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import plate_link, plate_match, scene_write
from blender_addon.plate_read import read_plate
from tests.blender import scenes
from tests.blender.plate_files import flat, read_manifest, write_manifest, write_plate

REPORT: dict[str, Any] = {
    "verdict": "locked", "reason": "", "frames": 48, "frames_solved": 48,
    "camera_error_px": {"p95": 0.4213, "max": 0.81}, "uncertainty_px": 0.08, "jitter_px": 0.051,
    "reprojection_px": {"median": 0.2, "p95": 0.6},
    "rotation_error_deg": {"mean": 0.0104, "p95": 0.02, "max": 0.021}, "rigidity": 0.934, "parallax": "strong",
    "world_scale": None, "slide_px": None, "usable_beyond_m": 12.34,
}  # fmt: skip


def with_match(folder: Path, match: Any) -> Path:
    """A plate whose manifest says that it was measured."""
    manifest = read_manifest(folder)
    write_manifest(folder, {**manifest, "match": match})
    return folder


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """A measured plate of three frames beside where a .blend will be."""
    folder = tmp_path / "shot/plates"
    return with_match(write_plate(folder, [flat(4, 4, (9, 9, 9))] * 3, camera="Camera"), REPORT)


# Figures -----------------------------------------------------------------------------------------


def test_a_locked_plate_in_words() -> None:
    match = plate_match.kept(REPORT)
    assert plate_match.verdict(match) == ("Locked to the camera", "CHECKMARK")
    assert plate_match.figures(match) == [
        ("Off by", "0.42 px, worst 0.81 px"),
        ("Accuracy", "\N{PLUS-MINUS SIGN}0.080 px"),
        ("Jitter", "0.051 px"),
        ("Rotation", "0.010\N{DEGREE SIGN} off"),
        ("Rigid", "93 % of points"),
        ("Good from", "12.3 m on"),
        ("World scale", "not measured"),
    ]


@pytest.mark.parametrize("name", ["follows", "lost", "unsolved"])
def test_other_verdicts_have_their_reason(name: str) -> None:
    match = plate_match.kept({"verdict": name, "reason": "Turns 4.1 degrees too far."})
    assert plate_match.verdict(match) != plate_match.verdict(plate_match.kept(REPORT))
    assert plate_match.reason(match) == "Turns 4.1 degrees too far."
    assert plate_match.figures(match) == []


@pytest.mark.parametrize("report", [None, {}, {"verdict": "splendid"}, {"verdict": 7}, [], "locked", 3.0])
def test_what_nobody_measured_is_not_called_good(report: Any) -> None:
    assert plate_match.verdict(plate_match.kept(report)) == plate_match.NOT_MEASURED


def test_what_the_lock_mended_is_told() -> None:
    match = plate_match.kept({**REPORT, "before": {**REPORT, "camera_error_px": {"p95": 38.21, "max": 61.0}}})
    assert ("Before lock", "38.2 px, worst 61.0 px") in plate_match.figures(match)
    assert plate_match.kept(match) == match, "what an image remembers is read like any report"
    unsolved = plate_match.kept({**REPORT, "before": {"verdict": "unsolved", "camera_error_px": None}})
    unlocked = plate_match.kept({**REPORT, "before": REPORT})
    assert "Before lock" not in {**dict(plate_match.figures(unsolved)), **dict(plate_match.figures(unlocked))}


def test_a_plate_that_is_locked_throughout_is_told_so() -> None:
    match = plate_match.kept({**REPORT, "usable_beyond_m": 0.0})
    assert dict(plate_match.figures(match))["Good from"] == "any distance"


def test_a_try_in_short() -> None:
    assert plate_match.in_short(plate_match.kept(REPORT)) == "0.42 px"
    assert plate_match.in_short(plate_match.kept({"verdict": "lost"})) == "lost"
    for report in (None, {"verdict": "unsolved", "camera_error_px": {"p95": 0.1}}, {"verdict": "splendid"}):
        assert plate_match.in_short(plate_match.kept(report)) == "by eye"


def test_the_reason_is_no_longer_than_a_panel_can_bear() -> None:
    reason = "Off by 6.3 px, 9.8 px at worst; 1 and 2 are allowed. It turns 4.1 degrees too far. Up to world scale."
    told = plate_match.reason(plate_match.kept({**REPORT, "verdict": "follows", "reason": reason}))
    assert told == reason.removesuffix(" Up to world scale.")


def test_every_verdict_but_the_best_says_what_to_do() -> None:
    advice = {name: plate_match.advice({"verdict": name}) for name in plate_match.VERDICTS}
    assert advice["locked"] == "" and len(set(advice.values())) == len(advice)
    assert "judge by eye" in advice["unsolved"] and "judge by eye" in plate_match.advice(None)


def test_what_could_not_be_measured_is_no_failure() -> None:
    """It has no figures, whatever a report says, and what it says to do is not to throw it away."""
    match = plate_match.kept({**REPORT, "verdict": "unsolved"})
    assert plate_match.figures(match) == [] and plate_match.verdict(match)[1] not in ("ERROR", "CANCEL")
    assert "It may follow all the same" in plate_match.advice(match)


def test_why_nobody_measured_is_told() -> None:
    assert plate_match.reason(None, "too few frames") == "Too few frames."
    assert "Switch on Check" in plate_match.advice(None, plate_match.NOT_CHECKED)
    assert "Switch on Check" not in plate_match.advice(None, "too few frames")


def test_a_hostile_report_shrinks_to_what_can_be_shown() -> None:
    hostile = {
        "verdict": "locked", "reason": "x" * 10**6, "jitter_px": float("nan"), "rigidity": True,
        "camera_error_px": {"p95": "0.1", "max": float("inf"), "more": 1}, "slide_px": 3, "per_frame": [1] * 10**5,
    }  # fmt: skip
    match = plate_match.kept(hostile)
    assert match is not None and len(json.dumps(match)) < 1000
    assert plate_match.figures(match) == []


def test_every_icon_is_one_of_blenders() -> None:
    icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
    names = [icon for _, icon in plate_match.VERDICTS.values()]
    of_the_list = {"SOLO_ON", "SOLO_OFF", "GRAPH", "IMAGE_REFERENCE", "FILE_MOVIE", "RENDERLAYERS"}
    assert {*names, *of_the_list, plate_match.NOT_MEASURED[1], "CON_CAMERASOLVER"} <= set(icons)


# Kept with the image -----------------------------------------------------------------------------


def test_the_figures_stay_in_the_blend(addon: ModuleType, plate: Path, tmp_path: Path) -> None:
    scenes.shot(1001, 1003)
    bpy.ops.platewright.show_plate(plate=str(plate))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot/shot.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert addon.plate_link.told_of(str(plate)) is None
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot/shot.blend"))
    scene = bpy.context.scene
    match = addon.plate_link.told_of(scene.platewright.plate).match
    assert match == plate_match.kept(REPORT)


def test_a_plate_measured_since_is_told_at_the_next_import(plate: Path) -> None:
    scene, _ = scenes.shot(1001, 1003)
    scene_write.import_plate(scene, with_match(plate, None))
    told = read_plate(plate).told
    assert told.match is None and plate_link.told_of(str(plate)) == told
    scene_write.import_plate(scene, with_match(plate, REPORT))
    assert plate_link.told_of(str(plate)).match == plate_match.kept(REPORT)


@pytest.mark.parametrize("record", ["", "{", "[]", "[" * 9999, '{"folder": 7, "match": 7}', '{"wedge": []}'])
def test_a_record_from_anywhere_does_no_harm(plate: Path, record: str) -> None:
    scene, _ = scenes.shot(1001, 1003)
    scene_write.import_plate(scene, plate)
    image = next(image for image in bpy.data.images if plate_link.TAG in image)
    image[plate_link.RECORD] = record
    assert plate_link.told_of(str(plate)) is None


# Moved -------------------------------------------------------------------------------------------


def reopened(blend: Path) -> tuple[Path, Path]:
    """Where the image and the scene have their plate after the .blend was opened."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    image = scene.camera.data.background_images[0].image
    return Path(bpy.path.abspath(image.filepath)), Path(scene.platewright.plate)


@pytest.fixture
def blend(addon: ModuleType, plate: Path) -> Path:
    """A saved shot that shows the plate by a relative path."""
    scenes.shot(1001, 1003)
    file = plate.parents[1] / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.platewright.show_plate(plate=str(plate))
    assert bpy.context.scene.camera.data.background_images[0].image.filepath.startswith("//")
    bpy.ops.wm.save_mainfile()
    return file


def test_the_blend_alone_has_moved(blend: Path, plate: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(blend, tmp_path / "elsewhere/shot.blend"))
    image, folder = reopened(moved)
    assert (image, folder) == (plate / "shot_v001.1001.exr", plate)


def test_both_have_moved_together(blend: Path, plate: Path, tmp_path: Path, addon: ModuleType) -> None:
    shutil.move(blend.parent, tmp_path / "elsewhere")
    there = tmp_path / "elsewhere/plates" / plate.name
    assert reopened(tmp_path / "elsewhere/shot.blend") == (there / "shot_v001.1001.exr", there)
    assert addon.plate_link.told_of(str(there)).match == plate_match.kept(REPORT)


def test_the_plate_was_put_beside_the_blend(blend: Path, plate: Path) -> None:
    there = Path(shutil.move(plate, blend.parent / plate.name))
    assert reopened(blend) == (there / "shot_v001.1001.exr", there)


def test_what_is_gone_or_is_no_plate_is_left_as_it_was(blend: Path, plate: Path) -> None:
    decoy = blend.parent / plate.name
    decoy.mkdir()
    shutil.move(plate / "shot_v001.1001.exr", decoy)
    shutil.rmtree(plate)
    assert reopened(blend) == (plate / "shot_v001.1001.exr", plate)
