"""A small shot whose camera moves and zooms, plates of it, and what Blender renders, as display codes."""

from __future__ import annotations

import math
import random
from pathlib import Path

import bpy

from blender_addon import scene_read
from tests.blender.plate_files import Picture, read_manifest, write_manifest, write_plate

WIDTH, HEIGHT = 32, 18
FIRST, LAST = 1001, 1003
BLOCK = 6                                          # pixels; within, a hundredth of a pixel more or less is no matter
GLOW = (0.7, 0.3, 0.05)                            # scene-linear light of the patch that stands for the render

View = tuple[str, str, float]                      # transform, look, exposure
STANDARD: View = ("Standard", "None", 0.0)
AGX: View = ("AgX", "None", 0.0)


def views() -> list[View]:
    """Views that plates have to survive; ACES is there from 5.0 on."""
    wanted = [STANDARD, AGX, ("AgX", "None", 1.0), ("Filmic", "None", 0.0)]
    names = ("ACES 1.3", "ACES 2.0")
    return wanted + [(name, "None", 0.0) for name in names if has_view(name)]


def has_view(name: str) -> bool:
    settings = bpy.data.scenes[0].view_settings
    before = settings.view_transform
    try:
        settings.view_transform = name
    except TypeError:
        return False
    settings.view_transform = before
    return True


def shot(view: View = STANDARD, width: int = WIDTH, height: int = HEIGHT) -> bpy.types.Scene:
    """Cycles, one sample in the middle of each pixel, nothing denoised or dithered."""
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = width, height
    render.dither_intensity, render.filter_size = 0.0, 0.01
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.frame_end, scene.frame_start = LAST, FIRST
    scene.frame_set(FIRST)
    settings = scene.view_settings
    settings.view_transform, settings.look, settings.exposure = view
    scene.camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    scene.collection.objects.link(scene.camera)
    scene.camera.location, scene.camera.rotation_euler = (3.0, -7.0, 2.0), (1.3, 0.1, 0.4)
    bpy.context.view_layer.update()
    return scene


def keyed(owner: bpy.types.bpy_struct, channel: str, values: list[object]) -> None:
    """One value per frame of the shot."""
    for frame, value in enumerate(values, start=FIRST):
        setattr(owner, channel, value)
        owner.keyframe_insert(channel, frame=frame)


def slope(width: int = WIDTH, height: int = HEIGHT, blue: int = 128) -> Picture:
    """Red tells how far right a pixel is, green how far down, blue which picture it is."""
    return [[(code(x, width), code(y, height), blue) for x in range(width)] for y in range(height)]


def code(at: int, count: int) -> int:
    return round(255 * at / (count - 1))


def blocks(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Flat colours of every kind, each a few pixels wide and high."""
    draw = random.Random(seed)
    colours = [[tuple(draw.randrange(256) for _ in range(3)) for _ in range(width)] for _ in range(height)]
    return [[colours[y // BLOCK][x // BLOCK] for x in range(width)] for y in range(height)]


def inner(at: int) -> bool:
    """The pixel does not touch another block."""
    return at % BLOCK not in (0, BLOCK - 1)


def rendered(scene: bpy.types.Scene, frame: int, folder: Path) -> Picture:
    """The codes of the frame as Blender writes it to a PNG."""
    path = folder / f"rendered.{frame}.png"
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    values = list(image.pixels)
    bpy.data.images.remove(image)
    return [
        [tuple(round(255 * values[4 * (row * width + x) + channel]) for channel in range(3)) for x in range(width)]
        for row in reversed(range(height))
    ]


def worst(one: Picture, other: Picture, columns: range = range(WIDTH)) -> int:
    """The largest difference of codes in these columns, within blocks."""
    return max(
        abs(p - q)
        for y, (a, b) in enumerate(zip(one, other, strict=True)) if inner(y)
        for x in columns if inner(x)
        for p, q in zip(a[x], b[x], strict=True)
    )  # fmt: skip


def shift_px(got: Picture, wanted: Picture) -> float:
    """How far a slope has moved, in pixels: the worst of all pixels, by red across and by green down."""
    width, height = len(wanted[0]), len(wanted)
    across, down = 255 / (width - 1), 255 / (height - 1)
    pairs = [(a, b) for rows in zip(got, wanted, strict=True) for a, b in zip(*rows, strict=True)]
    return max(math.hypot((a[0] - b[0]) / across, (a[1] - b[1]) / down) for a, b in pairs)


def blue_of(picture: Picture) -> int:
    """Which of several slopes it is."""
    return picture[len(picture) // 2][len(picture[0]) // 2][2]


def slopes(width: int = WIDTH, height: int = HEIGHT) -> list[Picture]:
    """One per frame of the shot, which blue tells apart."""
    return [slope(width, height, blue=60 * (index + 1)) for index in range(LAST - FIRST + 1)]


def patch(scene: bpy.types.Scene, distance: float, width: float = 0.5, colour: tuple[float, ...] = GLOW) -> None:
    """A glowing quad before the camera that covers a part of the picture's left half."""
    mesh = bpy.data.meshes.new("Patch")
    far, out = -distance, distance * width
    mesh.from_pydata([(-out, -out, far), (0, -out, far), (0, out, far), (-out, out, far)], [], [(0, 1, 2, 3)])
    surface = bpy.data.materials.new("Patch")
    if surface.node_tree is None:
        surface.use_nodes = True
    tree = surface.node_tree
    tree.nodes.clear()
    light, end = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    light.inputs["Color"].default_value = (*colour, 1.0)
    tree.links.new(light.outputs[0], end.inputs[0])
    mesh.materials.append(surface)
    made = bpy.data.objects.new("Patch", mesh)
    scene.collection.objects.link(made)
    made.parent = scene.camera
    bpy.context.view_layer.update()


def plate_of(
    scene: bpy.types.Scene, parent: Path, pictures: list[Picture], version: int = 1, suffix: str = "exr"
) -> Path:
    """A plate of this scene's camera, which knows its camera frame by frame."""
    folder = write_plate(parent, pictures, version=version, camera=scene.camera.name, suffix=suffix)
    path = scene_read.camera_path(scene)
    path.scaled(len(pictures[0][0]), len(pictures[0])).write(folder / "camera.json")
    write_manifest(folder, {**read_manifest(folder)})
    return folder
