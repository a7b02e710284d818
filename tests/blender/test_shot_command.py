"""Shots on Blender's own command line: real processes, answers on stdout, prompts that markers hold."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.shots import split
from tests.blender.scenes import add_camera, bind, shot, tetrahedron
from tests.blender.test_addon_command import run

GRID = ("--model", "grid", "--no-scene", "--json")


@pytest.fixture
def blend(addon: ModuleType, tmp_path: Path) -> Path:
    """A saved film of three shots by two cameras, one of which has a prompt of its own."""
    scene, first = shot(1001, 1006)
    bind(scene, [(1001, first), (1003, add_camera("Close", (4, -6, 3))), (1005, first)])
    for marker, name in zip(scene.timeline_markers, ("sh010", "F_1003", ""), strict=True):
        marker.name = name
    scene.timeline_markers["F_1003"].platewright.prompt = "a fjord"
    scene.timeline_markers["F_1003"].platewright.seed = 5
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    return tmp_path / "film.blend"


def test_shots_are_listed_drawn_and_made_as_the_markers_say(blend: Path, tmp_path: Path) -> None:
    code, out, err = run(blend, "--command", "platewright", "shots", "--json")
    assert code == 0, err
    listed = [(each["name"], each["first"], each["prompt"], each["seed"]) for each in json.loads(out)["shots"]]
    assert listed == [("sh010", 1001, None, None), ("Close", 1003, "a fjord", 5), ("Camera", 1005, None, None)]

    sheet = tmp_path / "sheet.png"
    code, out, err = run(blend, "--command", "platewright", "storyboard", *GRID, "--prompt", "a moor", "-o", sheet)
    assert code == 0 and sheet.is_file(), err
    assert [each["prompt"] for each in json.loads(out)["shots"]] == ["a moor", "a fjord", "a moor"]

    words = ("--no-check", "--format", "png", "--prompt", "a moor", "--out", tmp_path, "--shots", "Close", "Camera")
    code, out, err = run(blend, "--command", "platewright", "generate", *GRID, *words)
    assert code == 0, err
    made = json.loads(out)["shots"]
    assert [(each["shot"], each["seed"]) for each in made] == [("Close", 5), ("Camera", 0)]
    assert CameraPath.read(Path(made[0]["plate"]) / "camera.json").cameras == ("Close", "Close")


def test_a_part_of_the_range_takes_prompts_by_frames_and_not_by_names(blend: Path, addon: ModuleType) -> None:
    from blender_addon import scene_read, shot_command

    scene = bpy.context.scene
    for marker in scene.timeline_markers:
        marker.name = ""                                                     # shots Camera, Close, Camera_2
    marker = next(each for each in scene.timeline_markers if each.frame == 1005)
    marker.platewright.prompt = "a desert"
    part = scene_read.camera_path(scene, frames=(1004, 1006))
    assert [each.name for each in split(part)] == ["Close", "Camera"]
    words = shot_command.with_list(scene, "storyboard", part, ["-o", "x.png"])
    told = json.loads(Path(words[2].partition("=")[2]).read_text())
    assert {each["name"]: each["prompt"] for each in told["shots"]} == {"Close": "a fjord", "Camera": "a desert"}
    assert words[3:] == ["--shots", "all"]
    assert shot_command.with_list(scene, "generate", part, ["--prompt", "x"]) == ["--prompt", "x"]
    named = ["--shots", "Close", "--shot-list", "mine.json"]
    assert shot_command.with_list(scene, "generate", part, named) == named


def test_what_a_job_file_is_given_of_the_scene_outlives_this_blender(blend: Path, addon: ModuleType) -> None:
    from blender_addon import shot_command

    for words in (["--jobs", "/farm"], ["--jobs=/farm"]):
        assert shot_command.lasting(words).parent == Path("/farm")
    assert shot_command.lasting(["--shots", "all"]) == Path(bpy.app.tempdir)
    shot_command.refuse_passing(["--first-frame-from", "render"])
    for words in (["--first-frame-from", "render"], ["--first-frame-from=render"]):
        with pytest.raises(RequestError, match="E_USAGE"):
            shot_command.refuse_passing([*words, "--jobs", "/farm"])


def test_depth_is_read_in_every_shot_or_in_none(blend: Path, addon: ModuleType) -> None:
    from blender_addon import scene_read, shot_command

    scene = bpy.context.scene
    body = tetrahedron("Body")
    body.location, body.scale = (-1, 2, 0), (6, 6, 6)
    bpy.context.view_layer.update()
    path = scene_read.camera_path(scene)
    found = shot_command.geometry_of(scene, path, ["--shots", "all"])
    assert set(found.depth) == set(path.frames)
    bpy.data.objects["Close"].rotation_euler = (3.0, 0.0, 0.0)               # looks at the sky, where nothing is
    bpy.context.view_layer.update()
    path = scene_read.camera_path(scene)
    assert shot_command.geometry_of(scene, path, ["--shots", "all"]).depth == {}
    assert shot_command.geometry_of(scene, path, []).depth
