"""The scene is as it was at every pause, and what it knows reaches the job, the command and the check."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import preparing, scene_geometry, scene_read, scene_stage
from blender_addon.scene_geometry import GeometryReading, geometry_along, spread
from platewright.errors import CameraError
from platewright.inputs import fingerprint
from tests.blender.placed import body, full_scene, plane
from tests.blender.scenes import add_camera, keys, shot
from tests.blender.test_addon_command import run

# The scene as it was ---------------------------------------------------------------------------------


def everything(scene: bpy.types.Scene) -> tuple[Any, ...]:
    things = [(thing.name, thing.matrix_world.copy(), thing.location.copy(), thing.users) for thing in bpy.data.objects]
    chosen = scene.view_layers[0].objects.active, [thing for thing in scene.objects if thing.select_get()]
    return scene.frame_current, scene.frame_subframe, scene.camera, list(bpy.data.scenes), things, chosen


def test_the_scene_is_as_it_was_at_every_pause() -> None:
    scene = full_scene()
    path = scene_read.camera_path(scene)
    bpy.data.objects["Wall"].location = (1.0, 2.0, 3.0)
    bpy.context.view_layer.update()
    before = everything(scene)
    reading, helpings, asked = GeometryReading(scene).along(path), 0, count()
    while not reading.look(lambda done, total: next(asked) % 20 == 0):
        helpings += 1
        assert everything(scene) == before
    assert helpings > 9 and everything(scene) == before
    assert reading.geometry() == geometry_along(scene, path)


def test_a_scene_that_goes_away_ends_the_reading() -> None:
    scene = full_scene()
    reading = GeometryReading(scene).along(scene_read.camera_path(scene))
    assert not reading.look(lambda done, total: True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with pytest.raises(CameraError) as caught:
        while not reading.look():
            continue
    assert caught.value.code == "E_CAMERA_GONE"


def test_a_heavy_scene_gets_fewer_key_frames_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_geometry, "LOOKS_SECONDS", 1e-6)
    monkeypatch.setattr(scene_geometry, "PIECE", scene_geometry.WIDTH)
    scene = full_scene()
    path = scene_read.camera_path(scene)
    reading = GeometryReading(scene, is_hurried=True).along(path)
    while not reading.look(lambda done, total: True):
        continue
    geometry = reading.geometry()
    assert [1, *{4} & set(geometry.depth), 24] == list(geometry.depth)       # 4 may have been begun already
    assert geometry.ground_m == pytest.approx(0.0, abs=1e-5)
    assert len(geometry_along(scene, path).depth) == 9     # in background nobody waits


def test_nothing_is_evaluated_where_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, _ = shot(1, 24)
    path = scene_read.camera_path(scene)
    monkeypatch.setattr(scene_stage.camera_views, "undisturbed", lambda *words: pytest.fail("evaluated"))
    assert geometry_along(scene, path).depth == {}


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread(tuple(range(10)), 4) == (0, 3, 6, 9) and spread((5, 6), 9) == (5, 6)
    assert spread((1, 2, 3), 1) == (3,)


# Handed on -------------------------------------------------------------------------------------------


def test_the_panels_job_holds_what_the_scene_knows(addon: ModuleType, tmp_path: Path) -> None:
    scene = full_scene()
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path)
    request = addon.operators.job_of(scene).request
    assert request.ground_m == pytest.approx(0.0, abs=1e-5) and request.sun == pytest.approx((30.0, 30.0), abs=1e-3)
    assert request.guide is not None and request.guide.sha256 == fingerprint(Path(request.guide.path))
    assert len(list(Path(request.guide.path).glob("depth.*.exr"))) == 9
    assert addon.operators.job_of(scene).request.sha256 == request.sha256     # read twice, the same
    scene.platewright.use_scene = False
    plain = addon.operators.job_of(scene).request
    assert (plain.ground_m, plain.sun, plain.guide) == (None, None, None)


def test_the_button_reads_camera_and_scene_between_the_ticks(
    addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, sent, headlines = addon.jobs, [], []
    monkeypatch.setattr(jobs, "follow", lambda: None)
    monkeypatch.setattr(jobs, "submit", lambda job, text, **words: sent.append((job, text)))
    for limit in ("LOOK_SECONDS", "LOOK_SECONDS_MAX", "STILL_SECONDS_MAX"):
        monkeypatch.setattr(preparing, limit, 0.0)
    monkeypatch.setattr(scene_geometry, "LOOKS_SECONDS", math.inf)
    monkeypatch.setattr(scene_geometry, "PIECE", scene_geometry.WIDTH)
    scene = full_scene()
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path)
    jobs.prepare(scene, addon.operators.job_maker(scene), addon.preferences.own_runtime(), is_scene_read=True)
    while preparation := jobs.state.preparation:
        headlines.append(preparation.headline())
        assert 0.0 <= preparation.fraction <= 1.0 and list(bpy.data.scenes) == [scene]
        jobs.tick()
    [(job, text)] = sent
    whole = addon.operators.job_of(scene).request
    assert job.request.sha256 == whole.sha256 and json.loads(text)["request"]["guide"]["sha256"] == whole.guide.sha256
    assert headlines[0] == "reading the camera 1/24" and "reading the scene 4/9" in headlines


@pytest.fixture
def filmed(tmp_path: Path) -> Iterator[Path]:
    """A shot over a painted ground at 1.25 m, saved, and its own pictures."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1001, 1010
    camera = add_camera()
    keys(camera, "location", {1001: (-1.0, -8.0, 3.0), 1010: (1.0, -6.5, 3.2)})
    camera.rotation_euler = (1.2, 0.0, 0.05)
    for thing in (plane(1.25), body("Crate", (1.0, 0.0, 1.75), 1.0), body("Box", (-2.0, 2.0, 2.25))):
        thing.data.materials.append(painted())
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 8, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(tmp_path / "frames" / "shot.####")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.render.render(animation=True)
    yield tmp_path


def painted() -> bpy.types.Material:
    """Noise that shines by itself, coarse and fine."""
    material = bpy.data.materials.new("Painted")
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    place, noise, shine, out = (
        tree.nodes.new(f"ShaderNode{name}") for name in ("NewGeometry", "TexNoise", "Emission", "OutputMaterial")
    )
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = 1.5, 6.0
    tree.links.new(place.outputs["Position"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Color"], shine.inputs["Color"])
    tree.links.new(shine.outputs[0], out.inputs["Surface"])
    return material


def test_the_command_checks_against_the_scene_by_itself(filmed: Path) -> None:
    words = (filmed / "shot.blend", "--command", "platewright", "check", filmed / "frames", "--json")
    code, out, err = run(*words)
    assert code == 0, err
    by_depth = json.loads(out)
    assert by_depth["verdict"] == "locked" and by_depth["world_against"] == "the scene's depth"
    assert by_depth["world_scale"] == pytest.approx(1.0, abs=0.02) and by_depth["slide_px"]["p95"] < 1.0
    assert "the ground at 1.25 m" in err and "depth of 9 frames" in err
    code, out, _ = run(*words, "--no-scene")
    assert code == 0 and json.loads(out)["world_scale"] is None
    code, out, _ = run(*words, "--scene-depth", filmed / "nowhere")
    assert code == 2 and json.loads(out)["error"]["code"] == "E_FILE_MISSING"      # the hand wins


def test_the_command_generates_with_what_the_scene_knows(filmed: Path) -> None:
    words = ("generate", "--model", "grid", "--no-check", "--ground", "-3.5", "--json", "--out", filmed)
    code, out, err = run(filmed / "shot.blend", "--command", "platewright", *words)
    assert code == 0, err
    inputs = json.loads((Path(json.loads(out)["plate"]) / "plate.json").read_text())["inputs"]
    assert inputs["ground_m"] == -3.5 and inputs["sun"] is None
    assert len(inputs["guide"]["frames"]) == 9 and inputs["guide"]["name"] == "depth"
