"""check and lock inside Blender: the plate is held against the scene's own camera, and its solve comes back into it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from platewright.camera import CameraPath
from tests.blender import scenes
from tests.blender.test_addon_command import run

FIRST, LAST = 1001, 1016
DRIFT_DEG = 3.0


def shot(folder: Path, drift_deg: float) -> Path:
    """A slow dolly that turns away by so much, opened and saved."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.frame_end, scene.frame_start = LAST, FIRST
    scene.render.resolution_x, scene.render.resolution_y = 480, 270
    camera = scenes.add_camera()
    scenes.keys(camera, "location", {FIRST: (-0.5, -8.0, 1.8), LAST: (0.5, -7.0, 1.8)})
    scenes.keys(camera, "rotation_euler", {FIRST: (1.4, 0.0, 0.0), LAST: (1.4, 0.0, math.radians(drift_deg))})
    blend = folder / f"turned_{drift_deg:g}.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    return blend


def answer(blend: Path, verb: str, *words: str | Path, code: int = 0) -> dict[str, Any]:
    """What the verb answers, in a Blender that has the shot open."""
    ended, out, err = run(blend, "--command", "platewright", verb, *words, "--json")
    assert ended == code, err
    return json.loads(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shots")


@pytest.fixture(scope="module")
def plate(folder: Path) -> Path:
    """A grid drawn for the camera that does not turn; neither measured nor locked."""
    made = answer(shot(folder, 0.0), "generate", "--prompt", "x", "--model", "grid", "--no-check", "--out", folder)
    assert made["match"] is None
    return Path(made["plate"])


def test_a_plate_follows_the_camera_it_was_made_for(plate: Path, folder: Path) -> None:
    told = answer(shot(folder, 0.0), "check", plate)
    assert told["verdict"] == "locked" and told["frames_solved"] == LAST - FIRST + 1


def test_a_scene_that_was_changed_since_is_found_out(plate: Path, folder: Path) -> None:
    told = answer(shot(folder, DRIFT_DEG), "check", plate, "--out", folder / "report")
    assert told["verdict"] == "follows"
    assert told["rotation_error_deg"]["max"] == pytest.approx(DRIFT_DEG / 2, rel=0.2), "either way from the middle"
    assert {"match.json", "match.png"} <= {path.name for path in (folder / "report").iterdir()}


def test_a_locked_plate_comes_back_with_the_scenes_camera(plate: Path, folder: Path, addon: ModuleType) -> None:
    blend = shot(folder, DRIFT_DEG)
    told = answer(blend, "lock", plate, "--out", folder / "locked")
    assert told["match"]["verdict"] == "locked"
    before, after = (each["camera_error_px"]["p95"] for each in (told["match"]["before"], told["match"]))
    assert after < 0.1 * before and after < 0.3, "pixels of the plate"
    bpy.ops.platewright.import_solve(plate=told["plate"])
    scene = bpy.context.scene
    shown = CameraPath.read(Path(told["plate"]) / "solve.json")
    for index, frame in enumerate(shown.frames):
        scene.frame_set(frame)
        solved = scenes.evaluated(scene, bpy.data.objects["Platewright solve"], frame).matrix_world
        given = shown.camera_to_world[index]
        assert math.dist(solved.translation, given[3:12:4]) < 1e-4, "metres"
        backward = [-given[axis] for axis in (2, 6, 10)]
        assert math.degrees(solved.col[2].xyz.angle(backward)) < 0.01
    assert len(bpy.data.objects["Platewright points"].data.vertices) > 50
    bpy.ops.platewright.show_plate(plate=told["plate"])
    match = addon.plate_link.told_of(scene.platewright.plate).match
    assert addon.plate_match.verdict(match)[0] == "Locked to the camera" and match["before"]["p95"] == before


@pytest.mark.parametrize("words", [("check",), ("lock", "--out", "locked")])
def test_frames_that_are_not_there_are_a_bad_request(folder: Path, words: tuple[str, ...]) -> None:
    told = answer(shot(folder, 0.0), words[0], folder / "nowhere", *words[1:], code=2)
    assert told["error"]["code"] == "E_FILE_MISSING"


def test_frames_beyond_the_scenes_range_are_a_bad_request(plate: Path, folder: Path) -> None:
    told = answer(shot(folder, 0.0), "check", plate, "--frames", f"{FIRST}-{LAST - 5}", code=2)
    assert told["error"]["code"] == "E_RANGE"
