"""Several tries of one plate: a list from which the artist picks, each with figures of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import plate_match
from blender_addon.plate_read import read_plate
from blender_addon.plate_told import Told, Wedge
from tests.blender import scenes
from tests.blender.plate_files import flat, read_manifest, write_manifest, write_plate

ERRORS_PX = (9.0, 0.4, 30.0)
VERDICTS = ("follows", "locked", "lost")


def report(number: int) -> dict[str, Any]:
    error = {"p95": ERRORS_PX[number], "max": 2 * ERRORS_PX[number]}
    return {"verdict": VERDICTS[number], "reason": "As it is.", "camera_error_px": error}


@pytest.fixture
def plates(tmp_path: Path) -> list[Path]:
    """Three tries of three frames beside where a .blend will be, and their wedge."""
    out = tmp_path / "shot/plates"
    made = [write_plate(out, [flat(4, 4, (9, 9, 9))] * 3, version=n + 1, camera="Camera") for n in range(3)]
    for number, plate in enumerate(made):
        write_manifest(plate, {**read_manifest(plate), "match": report(number)})
    tries = [{"plate": plate.name, "seed": 7 + n, "match": report(n)} for n, plate in enumerate(made)]
    write_wedge(out / "shot_wedge001", tries=tries)
    return made


def write_wedge(folder: Path, **document: Any) -> None:
    folder.mkdir()
    whole = {"format": "platewright.wedge", "version": 1, "name": "shot", "proposed": "shot_v002", **document}
    (folder / "wedge.json").write_text(json.dumps(whole), encoding="utf-8")


def in_hand(addon: ModuleType) -> tuple[str, Told]:
    """The plate that the panel speaks of, and what it knows of it."""
    scene = bpy.context.scene
    plate = addon.panel_plate.plate_in_hand(scene.platewright, addon.jobs.latest_of(scene))
    return Path(plate).name, addon.panel_plate.told_of(plate)


def test_each_try_shows_its_own_figures(addon: ModuleType, plates: list[Path]) -> None:
    scenes.shot(1001, 1003)
    for number in (1, 0, 2):
        bpy.ops.platewright.show_plate(plate=str(plates[number]))
        name, told = in_hand(addon)
        assert name == plates[number].name and told.match == plate_match.kept(report(number))
        assert told.wedge and [each.seed for each in told.wedge.tries] == [7, 8, 9]
        assert told.wedge.proposed == "shot_v002" and told.wedge.name == "shot_wedge001" and told.wedge.is_measured
        assert [each.match for each in told.wedge.tries] == [plate_match.kept(report(n)) for n in range(3)]
        (background,) = bpy.context.scene.camera.data.background_images
        assert background.image.name == name


def test_the_list_stays_with_the_blend_and_follows_it(addon: ModuleType, plates: list[Path], tmp_path: Path) -> None:
    scenes.shot(1001, 1003)
    bpy.ops.platewright.show_plate(plate=str(plates[0]))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot/shot.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    shutil.move(tmp_path / "shot", tmp_path / "elsewhere")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "elsewhere/shot.blend"))
    name, told = in_hand(addon)
    assert name == "shot_v001" and told.wedge and len(told.wedge.tries) == 3
    there = addon.words.beside(bpy.context.scene.platewright.plate, told.wedge.tries[2].plate)
    bpy.ops.platewright.show_plate(plate=there)
    assert in_hand(addon)[1].match == plate_match.kept(report(2))


def test_a_plate_of_no_wedge_has_no_list(plates: list[Path]) -> None:
    other = write_plate(plates[0].parent, [flat(4, 4, (9, 9, 9))] * 3, version=4)
    assert read_plate(other).told.wedge is None


def test_the_newest_wedge_that_shows_the_plate_is_its(plates: list[Path]) -> None:
    out = plates[0].parent
    again = [{"plate": plate.name, "seed": 1, "match": None} for plate in plates[:2]]
    write_wedge(out / "shot_wedge999", tries=again)
    write_wedge(out / "shot_wedge1000", tries=again)
    write_wedge(out / "shot_wedge1001", tries=[{"plate": "shot_v004", "seed": 1}, {"plate": "shot_v005", "seed": 1}])
    write_wedge(out / "other_wedge1002", tries=again)
    wedges = [read_plate(plate).told.wedge for plate in plates]
    assert [wedge.name for wedge in wedges if wedge] == ["shot_wedge1000", "shot_wedge1000", "shot_wedge001"]
    assert wedges[0] and not wedges[0].is_measured, "nothing to propose by"


NO_WEDGES = ["", "[", "[]", "[" * 10**5, '{"format": "platewright.wedge", "tries": 7}', '{"tries": [{"plate": "a"}]}']


@pytest.mark.parametrize("text", NO_WEDGES, ids=range(6))
def test_what_is_no_wedge_does_no_harm(plates: list[Path], text: str) -> None:
    (plates[0].parent / "shot_wedge001/wedge.json").write_text(text, encoding="utf-8")
    assert read_plate(plates[0]).told.wedge is None


@pytest.mark.parametrize("plate", ["../secret", "a/b", "..", ".", "", "a\\b", "c:d", "a\0b", "x" * 999, 7, None])
def test_a_wedge_cannot_name_what_lies_elsewhere(plate: Any) -> None:
    fair = [{"plate": f"shot_v00{n}", "seed": n, "match": None} for n in range(2)]
    wedge = Wedge.kept({"name": "w", "proposed": "shot_v001", "tries": [*fair, {"plate": plate, "seed": 1}]})
    assert wedge and [each.plate for each in wedge.tries] == ["shot_v000", "shot_v001"]
    assert Wedge.kept({"name": plate, "proposed": "shot_v001", "tries": fair}) is None


def test_a_hostile_wedge_shrinks_to_what_can_be_shown() -> None:
    hostile = {"plate": "p", "seed": 1, "match": {"verdict": "locked", "reason": "x" * 10**6}}
    wedge = {"name": "w", "proposed": "p", "tries": [hostile] * 10**4}
    told = Told.kept({"wedge": wedge, "warnings": ["y" * 10**6] * 99})
    assert told.wedge and len(json.dumps(told.to_dict())) < 50_000
    assert Told.kept(json.loads(json.dumps(told.to_dict()))) == told, "what an image remembers is read like any record"


@pytest.mark.parametrize(("said", "known"), [(1.5, 1.5), (None, 1.0), ("x", 1.0), (float("nan"), 1.0), (-2, 1.0)])
def test_the_speed_of_its_world_is_told(said: Any, known: float) -> None:
    told = Told.kept({"world_speed": said})
    assert told.world_speed == known and Told.kept(told.to_dict()) == told


def test_the_worker_makes_tries_and_the_artist_picks(addon: ModuleType, tmp_path: Path) -> None:
    scene, camera = scenes.shot(1001, 1005)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings = scene.platewright
    settings.prompt, settings.model, settings.out, settings.tries = "a moor", "grid", str(tmp_path / "plates"), 2
    assert bpy.ops.platewright.generate() == {"FINISHED"}
    run = addon.jobs.latest()
    assert run.attempt == "2 of 2, seed 1"
    assert {Path(each).name for each in run.folders} == {"Camera_v001", "Camera_v002"}
    name, told = in_hand(addon)
    assert told.wedge and name == told.wedge.proposed
    assert (tmp_path / "plates" / told.wedge.name / "contact.png").is_file()
    other = next(each for each in run.folders if Path(each).name != name)
    bpy.ops.platewright.show_plate(plate=other)
    assert in_hand(addon)[0] == Path(other).name == camera.data.background_images[0].image.name
    assert not addon.jobs.waiting()


def test_picking_a_try_ends_the_waiting_of_all(addon: ModuleType, tmp_path: Path) -> None:
    """Its scene is gone; the artist takes the other try into the one that is open."""
    scene, _ = scenes.shot(1001, 1003)
    settings = scene.platewright
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings.prompt, settings.model, settings.out, settings.tries = "a moor", "grid", str(tmp_path / "plates"), 2
    job = addon.operators.job_of(scene)
    run = addon.jobs.submit(job, addon.jobs.Origin.of(scene, "Camera"), addon.preferences.own_runtime())
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scenes.shot(1001, 1003)
    addon.jobs.wait(run)
    assert [each for each, _ in addon.jobs.waiting()] == [run]
    bpy.ops.platewright.show_plate(plate=max(run.folders))
    assert not addon.jobs.waiting()
