"""Build the demo shot: a small observatory at dusk, a camera that dollies and pans while its lens closes in.

    .venv-bpy/bin/python examples/demo_scene.py --out shot.blend [--frames 1001-1048]

The ground is a shadow catcher, so the plate's own ground shows, with the observatory's shadow on it. Metres, +Z up.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import bpy  # comes first: it brings bmesh and mathutils

# isort: split
import bmesh
from demo_observatory import lamp, observatory, steel
from demo_shapes import add, cone, material, place, stops
from mathutils import Vector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the .blend to write")
    parser.add_argument("--frames", default="1001-1048", help="first-last")
    arguments = parser.parse_args()
    first, last = (int(part) for part in arguments.frames.split("-"))
    build(first, last)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(arguments.out.absolute()), compress=True)
    print(f"{arguments.out}: {len(bpy.data.objects)} objects, frames {first}-{last}", flush=True)


def build(first: int, last: int) -> None:
    """Fill an empty file with the shot."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.name = "Observatory"
    set_render(scene, first, last)
    light(scene)
    ground()
    observatory(first, last)
    path_lights()
    stones()
    camera(scene, first, last)


def set_render(scene: bpy.types.Scene, first: int, last: int) -> None:
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 1280, 720, 100
    render.fps, render.fps_base = 24, 1.0
    render.film_transparent = True
    render.image_settings.file_format = "PNG"
    render.filepath = "//render/observatory."
    scene.frame_start, scene.frame_end = first, last
    scene.cycles.device = "CPU"
    scene.cycles.samples = 48
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.03
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4
    scene.view_settings.view_transform = "AgX"


# Light


def light(scene: bpy.types.Scene) -> None:
    """A low warm sun from the left, a blue sky that glows towards the horizon."""
    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.color, sun.angle = 5.0, (1.0, 0.58, 0.31), math.radians(1.5)
    place(bpy.data.objects.new("Sun", sun)).rotation_euler = (math.radians(76), 0.0, math.radians(-62))
    scene.world = bpy.data.worlds.new("Dusk")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    tree = scene.world.node_tree
    background = next(node for node in tree.nodes if node.bl_idname == "ShaderNodeBackground")
    background.inputs["Strength"].default_value = 0.55
    direction = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"], direction.inputs[0])
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ground_glow, horizon, veil, zenith = (0.10, 0.08, 0.07), (0.95, 0.50, 0.26), (0.52, 0.46, 0.55), (0.12, 0.22, 0.46)
    stops(ramp, ((0.0, ground_glow), (0.02, horizon), (0.18, veil), (0.6, zenith)))
    tree.links.new(direction.outputs["Z"], ramp.inputs[0])
    tree.links.new(ramp.outputs["Color"], background.inputs["Color"])


# The place


def ground() -> None:
    """Only shadows stay of it: the plate brings the ground itself."""
    shape = bmesh.new()
    bmesh.ops.create_grid(shape, x_segments=1, y_segments=1, size=60.0)
    add("Ground", shape, material("Ground", (0.22, 0.19, 0.16), roughness=0.95)).is_shadow_catcher = True


def path_lights() -> None:
    """Bollards beside the way to the door: near and far ones slide past each other as the camera moves."""
    for pace in range(4):
        for side in (-1, 1):
            x, y = side * (1.2 + 0.1 * pace) - 0.25 * pace**2, -4.4 - 2.1 * pace
            add("Bollard", cone(0.06, 0.05, 0.40, 32), steel(), location=(x, y, 0), bevel=0.01)
            add("Bollard lamp", cone(0.05, 0.05, 0.07, 32), lamp(), location=(x, y, 0.40))
            add("Bollard cap", cone(0.075, 0.06, 0.04, 32), steel(), location=(x, y, 0.47), bevel=0.01)


def stones() -> None:
    """A few boulders around the plinth, the same ones every time."""
    draw = random.Random(7)
    rock = material("Rock", (0.25, 0.21, 0.18), roughness=0.92, wear=0.4)
    for _ in range(34):
        angle, distance = draw.uniform(0, 2 * math.pi), draw.uniform(3.6, 8.5)
        size = draw.choice((0.09, 0.12, 0.16, 0.22, 0.34))
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        if abs(x) > 1.9 or y > 0:                  # the way to the door stays free
            add("Stone", boulder(draw, size), rock, location=(x, y, -0.2 * size), rotation_z=angle)


def boulder(draw: random.Random, size: float) -> bmesh.types.BMesh:
    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=3, radius=1.0)
    knobs = [Vector((draw.gauss(0, 1), draw.gauss(0, 1), draw.gauss(0, 1))).normalized() for _ in range(9)]
    for vertex in shape.verts:
        flatness = max(vertex.co.dot(knob) for knob in knobs)
        vertex.co = vertex.co * size / max(flatness, 0.55) * 0.8
        vertex.co.z *= 0.72
    return shape


# The camera


def camera(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Eye height; it walks in from the left, looks past the door towards the horizon and closes from 28 to 40 mm."""
    data = bpy.data.cameras.new("Shot camera")
    data.sensor_width, data.clip_start, data.clip_end = 36.0, 0.1, 1000.0
    seen = place(bpy.data.objects.new("Shot camera", data))
    seen.rotation_mode = "XYZ"
    scene.camera = seen
    moves = (                                      # share of the shot, place, where it looks, lens in mm
        (0.0, (-8.6, -17.0, 1.75), (-2.6, 0.0, 2.35), 28.0),
        (0.5, (-6.3, -16.2, 1.85), (-1.9, 0.0, 2.40), 33.0),
        (1.0, (-3.6, -15.6, 2.05), (-1.6, 0.0, 2.55), 40.0),
    )
    for share, where, target, lens in moves:
        frame = round(first + share * (last - first))
        seen.location = where
        seen.rotation_euler = (Vector(target) - Vector(where)).to_track_quat("-Z", "Y").to_euler()
        data.lens = lens
        seen.keyframe_insert("location", frame=frame)
        seen.keyframe_insert("rotation_euler", frame=frame)
        data.keyframe_insert("lens", frame=frame)


if __name__ == "__main__":
    main()
