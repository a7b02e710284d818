"""The scene's own picture as a model's first: what stands where, what is left out, and that nothing else is touched."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest

from blender_addon import scene_picture, scene_read
from platewright.camera import CameraPath
from platewright.errors import PlateError
from tests.blender.placed import body
from tests.blender.scenes import add_camera, keys, shot
from tests.blender.test_scene_handed import everything

POINTS = [(-2.0, 12.0, 0.6), (1.7, 11.0, -0.9), (0.4, 13.0, 1.2), (-0.9, 9.0, -1.1), (3.1, 12.0, 0.5)]


def shining(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shine, out = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    shine.inputs["Color"].default_value = (*colour, 1.0)
    tree.links.new(shine.outputs[0], out.inputs["Surface"])
    return material


@pytest.fixture
def scene() -> bpy.types.Scene:
    """Small bright cubes under a dark blue sky; what hangs on the camera would hide them all."""
    made, camera = shot(1001, 1004)
    keys(camera, "location", {1001: (0.0, 0.0, 0.0), 1004: (3.0, 0.0, 0.0)})
    camera.rotation_euler = (1.5708, 0.0, 0.0)
    camera.data.lens, camera.data.shift_x = 30.0, 0.04
    camera.data.dof.use_dof, camera.data.dof.aperture_fstop = True, 0.1
    for number, place in enumerate(POINTS):
        body(f"Dot{number}", place, 0.12).data.materials.append(shining(f"White{number}", (1.0, 1.0, 1.0)))
    keys(bpy.data.objects["Dot1"], "location", {1001: POINTS[1], 1003: (5.0, 50.0, 20.0)})      # on another frame, gone
    screen = body("Screen", (0.0, 0.0, -1.0), 3.0)
    screen.parent = camera
    made.world = bpy.data.worlds.new("Sky")
    if bpy.app.version < (5, 0):
        made.world.use_nodes = True
    made.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.0, 0.0, 0.1, 1.0)
    made.render.engine, made.cycles.samples, made.cycles.device = "CYCLES", 16, "CPU"
    made.cycles.use_denoising, made.cycles.use_adaptive_sampling = False, False
    made.render.resolution_x, made.render.resolution_y, made.render.film_transparent = 320, 180, True
    made.view_settings.view_transform = "Standard"
    made.view_layers.new("Second")
    marker = made.timeline_markers.new("cut", frame=990)
    marker.camera = camera
    made.frame_set(1003)
    return made


def state(scene: bpy.types.Scene) -> tuple[Any, ...]:
    """Everything; 4.2 itself forgets to take the users of a copied scene back when that one goes."""
    first, (*things, last) = everything(scene)[:4], everything(scene)[4:]
    named = [[entry[:3] for entry in each] for each in things]
    return (*first, named, last) if bpy.app.version < (4, 5) else everything(scene)


def wide(scene: bpy.types.Scene) -> CameraPath:
    """A fifth more all around the first frame."""
    return scene_read.camera_path(scene).cropped(-32, -18, 384, 216).window(1001, 1001)


def pixels(file: Path) -> tuple[int, int, list[float]]:
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    found = image.size[0], image.size[1], list(image.pixels)
    bpy.data.images.remove(image)
    return found


def centre(picture: tuple[int, int, list[float]], at: tuple[float, float], reach: int = 7) -> tuple[float, float]:
    """The middle of the red light about a place; rows of Blender's pixels begin at the bottom."""
    width, height, values = picture
    total = across = down = 0.0
    for y in range(int(at[1]) - reach, int(at[1]) + reach + 1):
        for x in range(int(at[0]) - reach, int(at[0]) + reach + 1):
            light = values[4 * ((height - 1 - y) * width + x)]
            total, across, down = total + light, across + light * (x + 0.5), down + light * (y + 0.5)
    assert total > 2.0
    return across / total, down / total


def test_a_point_of_the_scene_lies_where_the_view_sees_it(scene: bpy.types.Scene, tmp_path: Path) -> None:
    view, file = wide(scene), tmp_path / "a {b} #.png"
    before = state(scene), len(bpy.data.cameras), len(bpy.data.images), scene.view_layers[0].name
    scene_picture.render(scene, view, file)
    assert (state(scene), len(bpy.data.cameras), len(bpy.data.images), scene.view_layers[0].name) == before
    assert scene.render.film_transparent and [marker.name for marker in scene.timeline_markers] == ["cut"]
    picture = pixels(file)
    assert picture[:2] == (384, 216)
    for point in POINTS:
        at = view.project(point, 0)
        assert at is not None
        found = centre(picture, at)
        assert abs(found[0] - at[0]) < 0.5 and abs(found[1] - at[1]) < 0.5, (found, at)
    assert picture[2][2] == pytest.approx(0.349, abs=0.01)      # the sky, 0.1 linear, and not the film's black


def test_it_says_which_camera_it_shows_and_nothing_of_this_machine(scene: bpy.types.Scene, tmp_path: Path) -> None:
    view = wide(scene)
    scene_picture.render(scene, view, tmp_path / "first.png")
    data = (tmp_path / "first.png").read_bytes()
    texts: dict[str, str] = {}
    place = 8
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"tIME"):
            name, _, text = data[place + 8 : place + 8 + size].partition(b"\0")
            texts[name.decode()] = text.decode()
        place += size + 12
    assert texts == view.texts(0)
    scene_picture.render(scene, view, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == data


def test_it_is_seen_through_the_scenes_own_transform(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.view_settings.exposure = 1.0
    scene_picture.render(scene, wide(scene), tmp_path / "first.png")
    assert pixels(tmp_path / "first.png")[2][2] == pytest.approx(0.4845, abs=0.01)      # 0.2 linear


def test_a_render_that_fails_leaves_the_scene_alone(
    scene: bpy.types.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(scene)
    with pytest.raises(PlateError, match="E_STILL_RENDER"):
        scene_picture.render(scene, wide(scene), tmp_path / "no" / "x.png")
    assert state(scene) == before


def in_blender(blend: Path, *words: Any) -> subprocess.CompletedProcess[str]:
    from tests.conftest import ROOT

    line = [sys.executable, ROOT / "tests" / "blender" / "command_line.py", blend, "--command", "platewright", *words]
    environment = {"PLATEWRIGHT_RUNTIME": str(ROOT / ".venv" / "bin" / "python"), "PATH": "/usr/bin"}
    return subprocess.run(list(map(str, line)), env=environment, capture_output=True, text=True, check=False)


def test_the_command_in_blender_renders_it_and_hands_it_on(scene: bpy.types.Scene, tmp_path: Path) -> None:
    """To a model that takes none, which says so: it was there."""
    scene.cycles.samples = 1
    blend = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    done = in_blender(blend, "still", "--model", "grid", "--overscan", "0.2", "-o", tmp_path / "first.png", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["frame"], told["width"], told["height"], told["model"]) == (1001, 384, 216, "grid")
    assert pixels(tmp_path / "first.png")[:2] == (384, 216)
    words = ("generate", "--model", "grid", "--no-check", "--no-scene", "--out", tmp_path / "out")
    done = in_blender(blend, *words, "--first-frame-from", "render")
    assert done.returncode == 2 and "starts from no picture" in done.stderr, done.stderr
    done = in_blender(blend, "still", "--model", "nobody", "-o", tmp_path / "no.png")
    assert done.returncode == 2 and "E_MODEL_UNKNOWN" in done.stderr, done.stderr
    assert not (tmp_path / "no.png").exists() and not (tmp_path / "out").exists()


def test_a_child_renders_it_for_the_command_line(scene: bpy.types.Scene, tmp_path: Path) -> None:
    """Through the core's own verb, in its own environment; the file it starts from stays as it is."""
    from tests.conftest import ROOT

    blend = tmp_path / "shot.blend"
    add_camera("Other")
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    stored = blend.read_bytes()
    file = tmp_path / "first.png"
    words: list[Any] = [ROOT / ".venv" / "bin" / "python", "-m", "platewright", "still", blend, "--model", "sana-wm"]
    words += ["--overscan", "0.2", "--blender", sys.executable, "-o", file, "--json"]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, env={"PYTHONPATH": str(ROOT / "core"), "PATH": "/usr/bin"},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"width": 1280, "height": 704' in done.stdout
    assert pixels(file)[:2] == (1280, 704) and blend.read_bytes() == stored
