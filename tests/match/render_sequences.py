"""Render the sequences that the match tests judge by: `render_sequences.py OUT [NAMES...]`, with bpy 5.0.

Each NAME becomes OUT/NAME/frames/seq.1001.png (8-bit display sRGB) and OUT/NAME/camera.json. Where the pictures were
taken by another camera than that, it is in true_camera.json. `parallax` has depth/depth.1001.exr: planar Z in metres,
and slow_camera.json with slow_depth/: a camera that moves less far, by SLOW, so that the pictures overshoot it.

A sequence has its name only when it is whole; one that is there is not made again.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import bpy  # comes first: it brings mathutils

# isort: split
import numpy as np
from mathutils import Euler, Quaternion, Vector

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from blender_addon import scene_read  # noqa: E402
from tests.match import scenery, textures  # noqa: E402

FIRST, WHOLE, FPS = 1001, 40, 24                              # a move takes so many frames; most sequences stop before
WIDTH, HEIGHT = 640, 360
SAMPLES = 2
DRIFT_AXIS = Vector((0.24, 0.95, 0.18)).normalized()          # of the camera: pitch, yaw, roll
STRAY_AXIS = Vector((0.8, 0.0, 0.6))                          # of the world
SLOW = 1 / 1.2
NOTHING_M = 1e10                                              # how far the sky is, as Blender writes it

Key = tuple[tuple[float, float, float], float, float, float]  # place in metres, pitch up and yaw left in degrees, mm
Move = Callable[[float], Key]                                 # from the share of the way, 0..1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A camera move, and what is odd about the world or about the camera that took the pictures."""

    move: Move
    frames: int = WHOLE                            # rendered of it
    odd: str = ""                                  # crowd, clouds, breathing, swimming, fog, sky
    drift_deg: float = 0.0                         # at the last frame, of the camera that took the pictures
    stray_m: float = 0.0                           # farthest that camera is from where it should be, and back
    overscan: float = 1.0                          # how much wider and higher its pictures are
    has_depth: bool = False


def between(first: Key, last: Key) -> Move:
    """A move that starts and ends gently."""
    def at(share: float) -> Key:
        eased = 0.6 * share + 0.4 * (share * share * (3 - 2 * share))
        a, b = (np.array([*place, *angles]) for place, *angles in (first, last))
        x, y, z, pitch, yaw, lens = (float(value) for value in a + eased * (b - a))
        return (x, y, z), pitch, yaw, lens

    return at


PARALLAX = between(((-2.2, 0.0, 1.8), -2.0, -5.0, 35.0), ((2.2, 4.0, 2.1), -3.5, 6.0, 35.0))
NODAL = between(((0.0, 0.0, 1.7), -2.0, 12.5, 35.0), ((0.0, 0.0, 1.7), 2.0, -12.5, 35.0))
STANDING = between(((0.0, 0.0, 1.7), 0.0, 0.0, 35.0), ((0.0, 0.0, 1.7), 0.0, 0.0, 35.0))
CLOUDS = between(((0.0, 0.0, 1.7), 6.5, 7.5, 35.0), ((0.0, 0.0, 1.7), 6.5, -7.5, 35.0))
SKY = between(((0.0, 0.0, 1.7), 50.0, 0.0, 35.0), ((0.0, 0.0, 1.7), 50.0, -7.0, 35.0))
SEQUENCES = {
    "parallax": Sequence(PARALLAX, has_depth=True),
    "nodal": Sequence(NODAL),
    "drift": Sequence(NODAL, 20, drift_deg=3.0),
    "zoom": Sequence(between(((0.0, 0.0, 1.7), 0.0, 2.5, 28.0), ((0.0, 0.0, 1.7), 0.3, -2.5, 55.0)), 30),
    "static": Sequence(STANDING, 12),
    "crane": Sequence(between(((0.0, -2.0, 1.5), -3.0, 2.0, 28.0), ((0.6, 4.5, 4.6), -13.0, -2.0, 40.0)), 24),
    "sky": Sequence(SKY, 12, odd="sky"),
    "crowd": Sequence(PARALLAX, 20, odd="crowd"),
    "clouds": Sequence(CLOUDS, 24, odd="clouds"),
    "breathing": Sequence(PARALLAX, 24, odd="breathing"),
    "swimming": Sequence(PARALLAX, 20, odd="swimming"),
    "overscan": Sequence(PARALLAX, 20, drift_deg=2.0, overscan=1.2),
    "astray": Sequence(PARALLAX, 20, drift_deg=0.7, stray_m=0.35, overscan=1.2),
    "fog": Sequence(PARALLAX, 16, odd="fog"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", default=list(SEQUENCES), help=f"of {', '.join(SEQUENCES)}")
    arguments = parser.parse_args()
    for name in arguments.names:
        folder = arguments.out.absolute() / name
        if not folder.exists():
            started, worked = time.monotonic(), time.process_time()
            make(SEQUENCES[name], part := folder.with_name(f"{name}.part-{os.getpid()}"))
            part.rename(folder)
            seconds, work = time.monotonic() - started, time.process_time() - worked
            print(f"{name}: {SEQUENCES[name].frames} frames in {seconds:.0f} s, {work:.0f} s of work", flush=True)


def make(sequence: Sequence, folder: Path) -> None:
    """Build the place, write the camera that should have been and the one that was, render."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = empty_scene()
    scene.frame_end = FIRST + sequence.frames - 1
    wanted = add_camera("Shot", sequence)
    write_camera(scene, wanted, folder / "camera.json")
    change = build(sequence)
    if sequence.drift_deg or sequence.overscan != 1:
        taken = add_camera("Taken", sequence, is_wrong=True)
        render = scene.render
        render.resolution_x, render.resolution_y = (round(side * sequence.overscan) for side in (WIDTH, HEIGHT))
        write_camera(scene, taken, folder / "true_camera.json")
    for index in range(sequence.frames):
        scene.frame_set(FIRST + index)
        change(index)
        still(scene, folder / "frames" / f"seq.{FIRST + index}.png")
    if sequence.has_depth:
        render_depths(scene, sequence, folder)


def empty_scene() -> bpy.types.Scene:
    """A scene that renders as display sRGB, without noise but that of sampling."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.fps, render.use_persistent_data, render.dither_intensity = FPS, True, 1.0
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    render.image_settings.compression = 15
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.frame_start = FIRST
    cycles.device, cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = "CPU", SAMPLES, False, False
    cycles.max_bounces, cycles.use_animated_seed, cycles.use_auto_tile = 0, True, False
    return scene


# The cameras ----------------------------------------------------------------------------------------


def add_camera(name: str, sequence: Sequence, is_wrong: bool = False) -> bpy.types.Object:
    """A camera with a key on every frame, and the scene's; overscan keeps the focal length in pixels."""
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    camera.rotation_mode = "QUATERNION"
    camera.data.clip_end = 5000.0
    for index in range(sequence.frames):
        place, pitch, yaw, lens = sequence.move(index / (WHOLE - 1))
        camera.location = place
        camera.rotation_quaternion = Euler((math.radians(90 + pitch), 0.0, math.radians(yaw))).to_quaternion()
        camera.data.lens = lens
        if is_wrong:
            lead_astray(camera, sequence, index / (sequence.frames - 1))
        for owner, channel in ((camera, "location"), (camera, "rotation_quaternion"), (camera.data, "lens")):
            owner.keyframe_insert(channel, frame=FIRST + index)
    return camera


def lead_astray(camera: bpy.types.Object, sequence: Sequence, share: float) -> None:
    """Turned away more and more, beside its way and back, and wider."""
    camera.rotation_quaternion @= Quaternion(DRIFT_AXIS, math.radians(sequence.drift_deg * share**1.5))
    camera.location += sequence.stray_m * math.sin(math.pi * share) * STRAY_AXIS
    camera.data.lens /= sequence.overscan


def write_camera(scene: bpy.types.Scene, camera: bpy.types.Object, file: Path) -> None:
    """The path as the product reads it."""
    scene_read.camera_path(scene, camera=camera).write(file)


# The worlds -----------------------------------------------------------------------------------------

Change = Callable[[int], None]                     # does to the world what the frame index asks for


def build(sequence: Sequence) -> Change:
    """The place with its oddity; what it returns is called before every frame."""
    odd = sequence.odd
    clear = textures.sky(1024, 0.0 if odd == "sky" else 0.25)
    turn = scenery.sky(textures.overcast(4096) if odd == "clouds" else clear)
    if odd == "sky":
        return lambda index: None
    things = [scenery.meadow(), *scenery.boulders(), *scenery.hills()]
    if odd != "clouds":
        things += scenery.houses()
    changes: dict[str, Callable[[], Change]] = {
        "crowd": crowd,
        "clouds": lambda: drifting(turn),
        "breathing": lambda: breathing(things),
        "swimming": lambda: swimming(things),
        "fog": foggy,
    }
    return changes[odd]() if odd else lambda index: None


def crowd() -> Change:
    walkers = scenery.people()

    def walk(index: int) -> None:
        for one, start, step in walkers:
            one.location = start + index * step

    return walk


def drifting(turn: bpy.types.Node) -> Change:
    def drift(index: int) -> None:
        turn.inputs["Rotation"].default_value[2] = math.radians(0.15 * index)

    return drift


def foggy() -> Change:
    for surface in bpy.data.materials:
        surface.node_tree.nodes["Haze"].outputs[0].default_value = 1 / 14
    bpy.context.scene.world = None
    world = bpy.data.worlds.new("Fog")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (*scenery.HAZE, 1)
    bpy.context.scene.world = world
    return lambda index: None


def breathing(things: list[bpy.types.Object]) -> Change:
    """Every body pulses and bends by 3 to 8 %, in its own time; the ground swims in waves."""
    draw = np.random.default_rng(5)
    beings = [(one, rest_of(one), draw.uniform(0.03, 0.08, 3), draw.uniform(0, 6.3, 6), draw.uniform(14, 26))
              for one in things]  # fmt: skip

    def breathe(index: int) -> None:
        for one, rest, strength, phase, period in beings:
            angle = 2 * math.pi * index / period + phase
            if one.name.startswith("Ground"):
                wave = 0.22 * np.sin(rest[:, 1::-1] / (1.7, 2.3) + angle[:2]) + 0.15 * np.sin(rest[:, :2] + angle[2:4])
                moved = rest + np.column_stack([wave, np.zeros(len(rest))])
            else:
                size = np.ptp(rest, axis=0)
                bend = np.sin(2.5 * math.pi * rest[:, [2, 2, 0]] / size[[2, 2, 0]] + angle[3:])
                moved = rest * (1 + strength * np.sin(angle[:3])) + 0.5 * strength * size * bend
            one.data.vertices.foreach_set("co", moved.astype(np.float32).ravel())
            one.data.update()

    return breathe


def rest_of(one: bpy.types.Object) -> np.ndarray:
    """The vertices (V, 3) as they were built."""
    points = np.empty(3 * len(one.data.vertices), np.float32)
    one.data.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(np.float64)


def swimming(things: list[bpy.types.Object]) -> Change:
    """Every texture slides over its surface in its own direction, by 2 to 6 px per frame at its distance."""
    draw = np.random.default_rng(6)
    slides = []
    for one in things:
        distance = {"Ground": 9.0, "Hill": 400.0}.get(one.name.split(".")[0], one.location.length)
        turn, pixels = draw.uniform(0, 2 * math.pi), draw.uniform(2, 6)
        layer = one.data.uv_layers[0].uv
        start = np.empty(2 * len(layer), np.float32)
        layer.foreach_get("vector", start)
        slides.append((one, start, np.tile([math.cos(turn), math.sin(turn)], len(layer)) * pixels * distance / 622))

    def slide(index: int) -> None:
        for one, start, step in slides:
            one.data.uv_layers[0].uv.foreach_set("vector", (start + index * step).astype(np.float32))
            one.data.update()

    return slide


# The pictures ---------------------------------------------------------------------------------------


def still(scene: bpy.types.Scene, file: Path) -> None:
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)


def render_depths(scene: bpy.types.Scene, sequence: Sequence, folder: Path) -> None:
    """The depth that the camera sees, and what one sees that moves less far."""
    set_depth(scene)
    render_all(scene, folder / "depth")
    slow = add_camera("Slow", replace(sequence, move=slowed(sequence.move)))
    write_camera(scene, slow, folder / "slow_camera.json")
    render_all(scene, folder / "slow_depth")


def slowed(move: Move) -> Move:
    """The same turns, with all places nearer to the first."""
    def at(share: float) -> Key:
        place, *angles = move(share)
        x, y, z = (a + SLOW * (b - a) for a, b in zip(move(0.0)[0], place, strict=True))
        return (x, y, z), *angles

    return at


def set_depth(scene: bpy.types.Scene) -> None:
    """Planar Z through the middle of every pixel, as light: one sample, no filter, 32-bit floats."""
    scene.view_layers[0].material_override = depth_material()
    scene.world.node_tree.nodes.clear()
    nodes = scenery.Nodes(scene.world.node_tree)
    far = nodes.new("Background", Color=(1, 1, 1, 1), Strength=NOTHING_M)
    nodes.put(nodes.new("OutputWorld").inputs["Surface"], far.outputs[0])
    scene.cycles.samples, scene.render.filter_size = 1, 0.01
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "BW", "32"
    settings.exr_codec = "ZIP"


def render_all(scene: bpy.types.Scene, folder: Path) -> None:
    for index in range(scene.frame_end - FIRST + 1):
        scene.frame_set(FIRST + index)
        still(scene, folder / f"depth.{FIRST + index}.exr")


def depth_material() -> bpy.types.Material:
    made = bpy.data.materials.new("Depth")
    made.use_nodes = True
    nodes = scenery.Nodes(made.node_tree)
    light = nodes.new("Emission", Strength=nodes.new("CameraData").outputs["View Z Depth"])
    nodes.put(nodes.new("OutputMaterial").inputs["Surface"], light.outputs[0])
    return made


if __name__ == "__main__":
    main()
