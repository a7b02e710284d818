"""A picture of a scene of our own is of the frame that was asked for, and the open scene keeps what is not keyed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from blender_addon import guide_passes, scene_picture, scene_read
from platewright.camera import CameraPath
from tests.blender.placed import body
from tests.blender.scenes import add, keys


def still(scene: bpy.types.Scene, view: CameraPath, folder: Path) -> Path:
    scene_picture.render(scene, view, folder / "still.png")
    return folder / "still.png"


def clay(scene: bpy.types.Scene, view: CameraPath, folder: Path) -> Path:
    guide_passes.render(scene, view, ["clay"], folder)
    return folder / "clay.0003.exr"


@pytest.mark.parametrize("made", [still, clay])
def test_the_frame_is_the_one_that_was_asked_for(
    made: Callable[[bpy.types.Scene, CameraPath, Path], Path], tmp_path: Path
) -> None:
    """A wall that stands before the camera at frame 1 and is gone at frame 3, from where the open scene is at 1."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 3
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.world = bpy.data.worlds.new("Night")
    if bpy.app.version < (5, 0):
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.0, 0.0, 0.0, 1.0)
    camera = add("Camera", bpy.data.cameras.new("Camera"))
    camera.rotation_euler, scene.camera = (math.pi / 2, 0.0, 0.0), camera
    glowing = bpy.data.materials.new("Glowing")
    if bpy.app.version < (5, 0):
        glowing.use_nodes = True
    glowing.node_tree.nodes["Principled BSDF"].inputs["Emission Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    glowing.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"].default_value = 1.0
    wall = body("Wall", (0.0, 8.0, 0.0), 4.0)
    wall.data.materials.append(glowing)
    keys(wall, "location", {1: (0.0, 8.0, 0.0), 3: (30.0, 8.0, 0.0)})
    pillar = body("Pillar", (3.0, 20.0, 0.0), 1.0)
    keys(pillar, "location", {1: (3.0, 20.0, 0.0)})
    view = scene_read.camera_path(scene).window(3, 3)
    scene.frame_set(1)
    pillar.location = (1.0, 2.0, 3.0)              # not keyed
    bpy.context.view_layer.update()
    image = bpy.data.images.load(str(made(scene, view, tmp_path)))
    middle = image.pixels[4 * (8 * 16 + 5)], image.pixels[4 * (8 * 16 + 5) + 3]
    assert middle[0] < 0.05 or middle[1] < 0.05    # the wall, grey or glowing, would be neither dark nor clear
    assert tuple(pillar.location) == (1.0, 2.0, 3.0) and scene.frame_current == 1
