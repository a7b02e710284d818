"""Markers that bind cameras: shots, their plates behind the right cameras, the storyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

import bpy
import pytest

from platewright import shots as core
from platewright.camera import CameraPath
from platewright.errors import CameraError, RequestError
from tests.blender import paper
from tests.blender.scenes import add_camera, bind, keys, shot


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bpy.types.Scene:
    """Three small shots by two cameras, the first one twice; plates and records go into `tmp_path`."""
    records = tmp_path / "jobs"
    monkeypatch.setattr(addon.runtime, "own_folder", lambda: records)
    addon.jobs.state.past.folder = records
    scene, first = shot(1001, 1009)
    close = add_camera("Close", (4, -6, 3))
    keys(close, "location", {1001: (4, -6, 3), 1009: (2, -6, 3)})
    bind(scene, [(1001, first), (1004, close), (1007, first)])
    for marker, name in zip(scene.timeline_markers, ("sh010", "F_1004", "sh030"), strict=True):
        marker.name = name
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings = scene.platewright
    settings.prompt, settings.model, settings.out = "a moor in the rain", "grid", str(tmp_path / "plates")
    settings.check, settings.use_scene, settings.format = False, False, "png"
    return scene


@pytest.fixture
def read(addon: ModuleType) -> Any:
    return import_module("blender_addon.shot_read")


def plates(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "plates").glob("*_v*"))


def backgrounds(camera: bpy.types.Object) -> dict[str, bool]:
    found = [each for each in camera.data.background_images if each.image]
    return {Path(each.image.filepath).name: each.show_background_image for each in found}


def seen_at(camera: bpy.types.Object, frame: int) -> list[str]:
    """What a viewport would show behind this camera: switched on, and not transparent."""
    bpy.context.scene.frame_set(frame)
    data = camera.data.evaluated_get(bpy.context.evaluated_depsgraph_get())
    there = [each for each in data.background_images if each.image and each.show_background_image and each.alpha > 0]
    return [each.image.name for each in there]


# Read off the markers ------------------------------------------------------------------------------


def test_shots_of_the_panel_are_those_of_the_camera_path(scene: bpy.types.Scene, read: Any) -> None:
    path = import_module("blender_addon.scene_read").camera_path(scene)
    found = [(each.name, each.first, each.last, each.camera.name) for each in read.shots_of(scene)]
    assert found == [("sh010", 1001, 1003, "Camera"), ("Close", 1004, 1006, "Close"), ("sh030", 1007, 1009, "Camera")]
    assert [(each.name, each.first, each.last, each.camera.camera) for each in core.split(path)] == found
    assert path.markers == ((1001, "sh010"), (1004, "F_1004"), (1007, "sh030"))
    assert CameraPath.from_json(path.to_json()) == path


def test_markers_before_between_and_behind_the_range(scene: bpy.types.Scene, read: Any) -> None:
    scene.frame_start, scene.frame_end = 1005, 1008
    path = import_module("blender_addon.scene_read").camera_path(scene)
    found = [(each.name, each.first, each.last) for each in read.shots_of(scene)]
    assert found == [("Close", 1005, 1006), ("sh030", 1007, 1008)]
    assert [(each.name, each.first, each.last) for each in core.split(path)] == found
    scene.frame_start, scene.frame_end = 1, 900
    assert [(each.name, each.first, each.last) for each in read.shots_of(scene)] == [("sh010", 1, 900)]
    scene.frame_start, scene.frame_end = 1001, 1009
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 101
    path = import_module("blender_addon.scene_read").camera_path(scene)
    found = [(each.name, each.first, each.last) for each in read.shots_of(scene)]
    assert [(each.name, each.first, each.last) for each in core.split(path)] == found


def test_a_marker_for_the_same_camera_and_a_hidden_camera_begin_no_shot(scene: bpy.types.Scene, read: Any) -> None:
    close = bpy.data.objects["Close"]
    bind(scene, [(1005, close)])
    assert [each.first for each in read.shots_of(scene)] == [1001, 1004, 1007]
    close.hide_render = True
    assert [(each.name, each.last) for each in read.shots_of(scene)] == [("sh010", 1009)]
    path = import_module("blender_addon.scene_read").camera_path(scene)
    assert [each.name for each in core.split(path)] == ["sh010"]


def test_without_a_bound_camera_there_are_none_and_the_panel_says_how_to_bind_one(
    addon: ModuleType, scene: bpy.types.Scene, read: Any
) -> None:
    scene.timeline_markers.clear()
    assert read.shots_of(scene) == []
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert "Ctrl+B" in sheet.text and not sheet.buttons
    for name in ("generate_shots", "storyboard"):
        with pytest.raises(RuntimeError, match=r"E_NO_SHOTS.*Ctrl\+B"):
            getattr(bpy.ops.platewright, name)()


def test_what_is_said_of_a_shot_goes_where_its_marker_goes(scene: bpy.types.Scene, read: Any, tmp_path: Path) -> None:
    marker = scene.timeline_markers["F_1004"]
    marker.platewright.prompt, marker.platewright.seed = "a fjord", 12
    marker.frame, marker.name = 1005, "sh020"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    found = read.shots_of(bpy.context.scene)[1]
    assert (found.name, found.first, found.wishes()) == ("sh020", 1005, {"prompt": "a fjord", "seed": 12})
    listed = read.as_list(read.shots_of(bpy.context.scene))
    (tmp_path / "list.json").write_text(json.dumps(listed))
    assert core.read_list(tmp_path / "list.json")[1] == {"name": "sh020", "prompt": "a fjord", "seed": 12}


# Made ----------------------------------------------------------------------------------------------


def test_each_plate_comes_back_to_the_camera_of_its_shot(scene: bpy.types.Scene, tmp_path: Path) -> None:
    close = scene.timeline_markers["F_1004"]
    close.platewright.prompt, close.platewright.seed = "a fjord", 12
    assert bpy.ops.platewright.generate_shots() == {"FINISHED"}
    assert plates(tmp_path) == ["Close_v001", "sh010_v001", "sh030_v001"]
    asked = {name: json.loads((tmp_path / "plates" / name / "plate.json").read_text()) for name in plates(tmp_path)}
    assert [(each["request"]["prompt"], each["seed"]) for each in asked.values()] == [
        ("a fjord", 12), ("a moor in the rain", 0), ("a moor in the rain", 0),
    ]  # fmt: skip
    assert [each["camera"]["first"] for each in asked.values()] == [1004, 1001, 1007]
    assert backgrounds(bpy.data.objects["Close"]) == {"Close_v001.1004.png": True}
    camera = bpy.data.objects["Camera"]
    assert backgrounds(camera) == {"sh010_v001.1001.png": True, "sh030_v001.1007.png": True}
    assert [seen_at(camera, frame) for frame in (1001, 1003, 1004, 1007, 1009)] == [
        ["sh010_v001"], ["sh010_v001"], [], ["sh030_v001"], ["sh030_v001"],
    ]  # fmt: skip
    newest = [Path(marker.platewright.plate).name for marker in scene.timeline_markers]
    assert newest == ["sh010_v001", "Close_v001", "sh030_v001"]


def test_a_new_version_of_one_shot_leaves_the_others_seen(scene: bpy.types.Scene, tmp_path: Path) -> None:
    bpy.ops.platewright.generate_shots()
    for marker in scene.timeline_markers:
        marker.platewright.is_chosen = marker.name == "sh010"
    bpy.ops.platewright.generate_shots()
    camera = bpy.data.objects["Camera"]
    assert plates(tmp_path) == ["Close_v001", "sh010_v001", "sh010_v002", "sh030_v001"]
    assert [seen_at(camera, frame) for frame in (1002, 1005, 1008)] == [["sh010_v002"], [], ["sh030_v001"]]
    drivers = [driver.data_path for driver in camera.data.animation_data.drivers]
    assert len(drivers) == 2 == len(camera.data.background_images)


def test_an_artists_own_driver_is_left_alone(scene: bpy.types.Scene) -> None:
    camera = bpy.data.objects["Camera"]
    mine = camera.data.background_images.new()
    mine.driver_add("alpha").driver.expression = "0.5"
    bpy.ops.platewright.generate_shots()
    assert camera.data.animation_data.drivers[0].driver.expression == "0.5"
    assert len(camera.data.animation_data.drivers) == 3


def test_named_shots_are_made_whatever_is_ticked(scene: bpy.types.Scene, tmp_path: Path) -> None:
    bpy.ops.platewright.tick_shots(is_chosen=False)
    with pytest.raises(RuntimeError, match="E_NO_SHOTS"):
        bpy.ops.platewright.generate_shots()
    with pytest.raises(RuntimeError, match="E_SHOT_UNKNOWN"):
        bpy.ops.platewright.generate_shots(shots="nobody")
    assert plates(tmp_path) == []
    scene.platewright.plate_name = "{scene}_{shot}_BG"
    assert bpy.ops.platewright.generate_shots(shots="Close") == {"FINISHED"}
    assert plates(tmp_path) == ["Scene_Close_BG_v001"]


def test_a_shot_that_cannot_be_made_loses_no_other(scene: bpy.types.Scene, tmp_path: Path) -> None:
    bpy.data.objects["Close"].data.type = "ORTHO"
    with pytest.raises(RuntimeError, match="E_CAMERA_PROJECTION: Close:"):
        bpy.ops.platewright.generate_shots()
    assert plates(tmp_path) == ["sh010_v001", "sh030_v001"]


def test_a_cut_is_refused_before_there_is_a_job(addon: ModuleType, scene: bpy.types.Scene) -> None:
    preparing = import_module("blender_addon.preparing")
    path = import_module("blender_addon.scene_read").camera_path(scene)
    with pytest.raises(RequestError, match="E_CAMERA_CUT") as refused:
        preparing.refuse_cuts(path)
    assert "Generate Chosen" in refused.value.hint


def test_one_picture_begins_no_two_shots(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    card = {"takes_first_frame": True, "needs_first_frame": False}
    addon.jobs.state.check.models = {"grid": card}
    scene.platewright.first_frame, scene.platewright.first_frame_file = "FILE", str(tmp_path / "a.png")
    with pytest.raises(RuntimeError, match="E_FIRST_FRAME"):
        bpy.ops.platewright.generate_shots()
    scene.platewright.first_frame = "RENDER"
    making, read = (import_module(f"blender_addon.{name}") for name in ("shot_making", "shot_read"))
    (order,) = making.orders_of(scene, read.named(read.shots_of(scene), "Close"))
    assert order.first.words[-2:] == ("--frames", "1004-1006")


# In a window ---------------------------------------------------------------------------------------


@pytest.fixture
def press(addon: ModuleType, scene: bpy.types.Scene) -> Callable[[], Any]:
    """What the button does in a window: everything goes on by the timer."""
    making, read = (import_module(f"blender_addon.{name}") for name in ("shot_making", "shot_read"))

    def press() -> Any:
        orders = making.orders_of(scene, read.chosen(read.shots_of(scene)))
        making.queue(scene, orders, addon.preferences.own_runtime())
        return addon.jobs.state.preparation

    return press


def until(jobs: Any, is_so: Callable[[], object]) -> None:
    while not is_so():
        assert jobs.prepared() or jobs.under_way() or jobs.state.is_drawing, f"in vain: {jobs.state.refusal}"
        jobs.pump(jobs.TICK_SECONDS)
        jobs.state.looked_at_board()
        sleep(jobs.TICK_SECONDS)


def test_shots_are_read_one_after_another_and_queue_up(
    addon: ModuleType, scene: bpy.types.Scene, press: Callable[[], Any], tmp_path: Path
) -> None:
    jobs = addon.jobs
    press()
    assert jobs.state.preparation is None or "shot" in jobs.state.preparation.headline()
    until(jobs, lambda: len(jobs.state.runs) == 3)
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert "waits" in sheet.texts or "sh010_v001" in sheet.texts
    scene.timeline_markers["sh030"].frame = 1006                             # while they are made
    scene.timeline_markers["F_1004"].name = "renamed"
    until(jobs, lambda: not jobs.under_way())
    assert [Path(marker.platewright.plate).name for marker in scene.timeline_markers] == [
        "sh010_v001", "Close_v001", "sh030_v001",
    ]  # fmt: skip
    assert plates(tmp_path) == ["Close_v001", "sh010_v001", "sh030_v001"]


def test_markers_that_go_away_take_no_plate_with_them(
    addon: ModuleType, scene: bpy.types.Scene, press: Callable[[], Any]
) -> None:
    jobs = addon.jobs
    press()
    until(jobs, lambda: len(jobs.state.runs) == 3)
    scene.timeline_markers.clear()
    until(jobs, lambda: not jobs.under_way())
    assert backgrounds(bpy.data.objects["Close"]) == {"Close_v001.1004.png": True}
    assert not any(run.error for run in jobs.state.runs)


def test_another_file_ends_what_was_not_read_yet(
    addon: ModuleType, scene: bpy.types.Scene, press: Callable[[], Any]
) -> None:
    jobs = addon.jobs
    making = import_module("blender_addon.shot_making")
    several = making.Several(scene.session_uid, [], addon.preferences.own_runtime(), False)
    orders = making.orders_of(scene, import_module("blender_addon.shot_read").shots_of(scene))
    several.orders, several.count = orders, len(orders)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    while not several.is_over:
        several.advance()
    assert [error.code for error in several.errors] == ["E_SCENE"] * 3 and not jobs.state.runs


def test_cancel_gives_up_the_shots_to_come(
    addon: ModuleType, scene: bpy.types.Scene, press: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = addon.jobs
    making = import_module("blender_addon.shot_making")
    monkeypatch.setattr(making.Several, "advance", lambda self: None)        # a scene that takes long to read
    several = press()
    assert jobs.state.preparation is several
    with pytest.raises(RequestError, match="E_BUSY"):
        press()
    jobs.cancel(several.id)
    assert several.is_over and not several.orders and jobs.state.preparation is None
    assert jobs.state.refusal.code == "E_CANCELLED"


# The storyboard ------------------------------------------------------------------------------------


def test_the_storyboard_becomes_an_image(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.timeline_markers["F_1004"].platewright.prompt = "a fjord"
    assert bpy.ops.platewright.storyboard() == {"FINISHED"}
    sheet = tmp_path / "plates" / "storyboard" / "Scene.png"
    image = bpy.data.images["Scene.png"]
    assert Path(bpy.path.abspath(image.filepath)) == sheet and image.size[0] > 1000
    assert scene.platewright_board.sheet == str(sheet)
    told = json.loads(sheet.with_suffix(".json").read_text())
    assert [(each["shot"], each["prompt"]) for each in told["shots"]] == [
        ("sh010", "a moor in the rain"), ("Close", "a fjord"), ("sh030", "a moor in the rain"),
    ]  # fmt: skip
    assert told["model"]["name"] == "grid"
    assert bpy.ops.platewright.show_storyboard() == {"FINISHED"} and len(bpy.data.images) == 1
    sheet.unlink()
    with pytest.raises(RuntimeError, match="E_FILE_MISSING"):
        bpy.ops.platewright.show_storyboard()


def test_a_storyboard_is_cancelled_with_its_process(addon: ModuleType, scene: bpy.types.Scene) -> None:
    jobs = addon.jobs
    board = import_module("blender_addon.shot_board")
    jobs.take_up(board.prepare(scene, addon.preferences.own_runtime()))
    until(jobs, lambda: jobs.state.board)
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert sheet.button("platewright.cancel").values == {"job": jobs.state.board.id}
    jobs.cancel(jobs.state.board.id)
    until(jobs, lambda: not jobs.state.is_drawing)
    assert jobs.state.board.error.code == "E_CANCELLED" and jobs.state.board.child.poll() is not None


def test_why_a_storyboard_failed_stands_in_the_panel(addon: ModuleType, scene: bpy.types.Scene) -> None:
    scene.platewright.model, scene.platewright.prompt = "draft", ""
    with pytest.raises(RuntimeError, match="E_PROMPT_EMPTY"):
        bpy.ops.platewright.storyboard()
    assert "needs a prompt" in paper.drawn(addon.panel_shots.ShotsPanel).text


# The panel -----------------------------------------------------------------------------------------


def test_the_panel_lists_shots_with_what_is_asked_and_what_became_of_them(
    addon: ModuleType, scene: bpy.types.Scene
) -> None:
    scene.timeline_markers["sh030"].platewright.is_chosen = False
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert "sh010  1001-1003" in sheet.texts and "Close  1004-1006" in sheet.texts
    assert sheet.properties.count("prompt") == 3 and sheet.texts.count("No plate yet") == 3
    assert sheet.button("platewright.generate_shots").text == "Generate 2 of 3"
    assert sheet.button("platewright.generate_shots").is_enabled
    bpy.ops.platewright.generate_shots(shots="Close")
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert sheet.button("platewright.show_shot").values == {"shot": "Close"} and "Close_v001" in sheet.texts
    bpy.data.objects["Close"].data.background_images.clear()
    assert bpy.ops.platewright.show_shot(shot="Close") == {"FINISHED"}
    assert backgrounds(bpy.data.objects["Close"]) == {"Close_v001.1004.png": True}


def test_the_button_waits_for_a_prompt_and_a_tick(addon: ModuleType, scene: bpy.types.Scene) -> None:
    scene.platewright.model, scene.platewright.prompt = "draft", " "
    sheet = paper.drawn(addon.panel_shots.ShotsPanel)
    assert not sheet.button("platewright.generate_shots").is_enabled and "in that of each shot" in sheet.text
    for marker in scene.timeline_markers:
        marker.platewright.prompt = "a fjord"
    assert paper.drawn(addon.panel_shots.ShotsPanel).button("platewright.generate_shots").is_enabled
    bpy.ops.platewright.tick_shots(is_chosen=False)
    assert "Tick the shots" in paper.drawn(addon.panel_shots.ShotsPanel).text


def test_values_of_a_foreign_file_are_brought_within_bounds(scene: bpy.types.Scene, read: Any) -> None:
    first = scene.timeline_markers[0]
    first.platewright.seed = 2**31 - 1
    first.name = "../../../etc/\u202eevil"
    found = read.shots_of(scene)[0]
    assert found.seed() == 2**31 - 1 and found.name == "etc_evil"
    for bad in (CameraError, RequestError):
        assert issubclass(bad, Exception)
