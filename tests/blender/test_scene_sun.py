"""Where the light of a scene comes from."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import pytest

from tests.blender.placed import lamp, read
from tests.blender.scenes import add, add_camera, keys, shot


def test_the_sun_is_the_strongest_lamp_that_is_rendered() -> None:
    scene, _ = shot(1, 5)
    lamp("Fill", 1.0, 10.0, 60.0)
    lamp("Key", 5.0, 123.0, 34.0)
    dark, hidden = lamp("Dark", 9.0, 200.0, 10.0), lamp("Hidden", 50.0, 300.0, 70.0)
    dark.data.color, hidden.hide_render = (0.01, 0.01, 0.01), True
    add("Point", bpy.data.lights.new("Point", "POINT")).data.energy = 1e6
    assert read(scene)[0].sun == pytest.approx((123.0, 34.0), abs=1e-3)


def test_a_sun_below_a_parent_and_an_animation_is_where_it_is() -> None:
    scene, _ = shot(1, 5)
    turned = lamp("Sun", 1.0, 0.0, 30.0)
    turned.parent = add("Turn")
    keys(turned.parent, "rotation_euler", {1: (0.0, 0.0, math.radians(40.0)), 5: (0.0, 0.0, math.radians(90.0))})
    assert read(scene)[0].sun == pytest.approx((40.0, 30.0), abs=1e-3)


def sky_world(kind: str) -> bpy.types.ShaderNode:
    world = bpy.data.worlds.new("Sky")
    bpy.context.scene.world = world
    if bpy.app.version < (5, 0):
        world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    sky, back, out = (
        tree.nodes.new(f"ShaderNode{name}") for name in ("TexSky", "Background", "OutputWorld")
    )
    tree.links.new(sky.outputs[0], back.inputs[0])
    tree.links.new(back.outputs[0], out.inputs[0])
    sky.sky_type = kind
    return sky


PHYSICAL_SKY = "NISHITA" if bpy.app.version < (5, 0) else "MULTIPLE_SCATTERING"


def test_the_sun_of_a_sky_is_where_cycles_paints_it(tmp_path: Path) -> None:
    scene, _ = shot(1, 5)
    sky = sky_world(PHYSICAL_SKY)
    sky.sun_elevation, sky.sun_rotation, sky.sun_size = math.radians(30.0), math.radians(40.0), math.radians(6.0)
    azimuth, elevation = read(scene)[0].sun
    assert (azimuth, elevation) == pytest.approx((50.0, 30.0), abs=1e-3)
    assert brightest(scene, tmp_path) == pytest.approx((azimuth, elevation), abs=4.0)
    lamp("Sun", 1.0, 200.0, 5.0)
    assert read(scene)[0].sun == pytest.approx((200.0, 5.0), abs=1e-3)       # a lamp is what the artist has set


def brightest(scene: bpy.types.Scene, folder: Path) -> tuple[float, float]:
    """Azimuth and elevation of the brightest pixel of a small panorama, in degrees."""
    camera = add_camera("Panorama", (0.0, 0.0, 1.0))
    camera.rotation_euler = (math.pi / 2, 0.0, 0.0)                  # towards +Y
    camera.data.type = "PANO"
    owner = camera.data if hasattr(camera.data, "panorama_type") else camera.data.cycles
    owner.panorama_type = "EQUIRECTANGULAR"
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 180, 90, 100
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = str(folder / "panorama.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = list(image.pixels)
    best = max(range(180 * 90), key=lambda place: sum(pixels[4 * place : 4 * place + 3]))
    scene.camera = bpy.data.objects["Camera"]
    return (90.0 - ((best % 180 + 0.5) * 2.0 - 180.0)) % 360.0, (best // 180 + 0.5) * 2.0 - 90.0


def test_other_skies_and_skies_that_are_turned() -> None:
    scene, _ = shot(1, 5)
    sky = sky_world("PREETHAM")
    sky.sun_direction = (0.0, -1.0, 1.0)
    assert read(scene)[0].sun == pytest.approx((270.0, 45.0), abs=1e-3)
    tree = scene.world.node_tree
    tree.links.new(tree.nodes.new("ShaderNodeMapping").outputs[0], sky.inputs[0])
    assert read(scene)[0].sun is None              # where to, no field tells
    scene.world.node_tree.nodes.remove(sky)
    assert read(scene)[0].sun is None
