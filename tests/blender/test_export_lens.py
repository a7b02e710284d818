"""The lens of a movie clip as the core bends it, against Blender's own Movie Distortion node.

The node is given a picture whose colours are its own coordinates; what comes out is Blender's ST map. It samples
between pixels, which a ramp survives exactly, so the two may differ by rounding alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import camera_chain, scene_write
from platewright.exports.lens import NAMES, ClipLens

WIDTH, HEIGHT = 192, 108
LIMIT_PX = 0.1
LENSES = {
    "barrel": ("POLYNOMIAL", {"k1": -0.12, "k2": 0.02}),
    "pincushion": ("POLYNOMIAL", {"k1": 0.08, "k3": 0.01}),
    "division": ("DIVISION", {"division_k1": 0.1, "division_k2": -0.02}),
    "nuke": ("NUKE", {"nuke_k1": 0.06, "nuke_k2": 0.02}),
    "brown": ("BROWN", {"brown_k1": -0.1, "brown_k2": 0.03, "brown_p1": 0.01, "brown_p2": -0.008}),
}
HAS = set(bpy.types.MovieTrackingCamera.bl_rna.properties.keys())
if "nuke_p1" in HAS:                               # from 5.1 on
    LENSES["anamorphic"] = ("NUKE", {"nuke_k1": 0.05, "nuke_p1": 0.03, "nuke_p2": -0.02})
ASPECTS = [1.0, 2.0] if bpy.app.version < (4, 3) else [1.0]        # later nodes leave the clip's pixel aspect out


def clip_of(folder: Path) -> bpy.types.MovieClip:
    image = bpy.data.images.new("clip", WIDTH, HEIGHT)
    image.filepath_raw, image.file_format = str(folder / "clip.png"), "PNG"
    image.save()
    return bpy.data.movieclips.load(str(folder / "clip.png"))


def solved(clip: bpy.types.MovieClip, model: str, coefficients: dict[str, float], aspect: float = 1.0) -> None:
    """A lens as a solver leaves it: long focus, a centre that is not the middle."""
    lens = clip.tracking.camera
    lens.pixel_aspect = aspect
    lens.distortion_model = model
    for name, value in coefficients.items():
        setattr(lens, name, value)
    lens.focal_length_pixels = 150.0
    lens.principal_point_pixels = (WIDTH / 2 + 4.0, HEIGHT / 2 - 3.0)


def known(clip: bpy.types.MovieClip) -> ClipLens:
    scene = bpy.context.scene
    scene.active_clip = clip
    camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    document = camera_chain.lens_distortion(scene, camera)
    assert document is not None
    return ClipLens.of(document)


def ramp(folder: Path) -> bpy.types.Image:
    """Red and green are where a pixel's centre lies, in pixels from the bottom-left corner."""
    image = bpy.data.images.new("ramp", WIDTH, HEIGHT, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    across, up = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    pixels = np.stack([across, up, 0 * up, 1 + 0 * up], axis=-1).astype(np.float32)
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(folder / "ramp.exr"), "OPEN_EXR"
    image.save()
    return image


def of_blender(clip: bpy.types.MovieClip, kind: str, folder: Path) -> np.ndarray:
    """(HEIGHT, WIDTH, 2): where each pixel comes from, from the top-left corner; 0 where from nowhere."""
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = WIDTH, HEIGHT
    scene.cycles.samples = 1
    scene.camera = bpy.data.objects["Cam"]
    if scene.camera.name not in scene.collection.objects:
        scene.collection.objects.link(scene.camera)
    tree, output = scene_write.tree_and_output(scene)
    source = tree.nodes.new("CompositorNodeImage")
    source.image = ramp(folder)
    node = tree.nodes.new("CompositorNodeMovieDistortion")
    node.clip = clip
    if hasattr(node, "distortion_type"):
        node.distortion_type = kind.upper()
    else:
        node.inputs["Type"].default_value = kind.title()
    tree.links.new(source.outputs[0], node.inputs[0])
    tree.links.new(node.outputs[0], output)
    render.use_compositing = True
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    render.filepath = str(folder / f"{kind}.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(render.filepath)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.empty(4 * WIDTH * HEIGHT, np.float32)
    image.pixels.foreach_get(pixels)
    place = pixels.reshape(HEIGHT, WIDTH, 4)[::-1, :, :2].astype(float)
    place[..., 1] = HEIGHT - place[..., 1]
    return place


def bent(lens: ClipLens, kind: str, pixels: np.ndarray) -> np.ndarray:
    """The same by the core: the picture without distortion keeps the clip's focal length and centre."""
    widths = np.array([1.0, 1.0 / lens.pixel_aspect]) / lens.focal_px
    if kind == "undistort":
        return lens.pixels((pixels - lens.centre_px) * widths)
    return lens.rays(pixels) / widths + lens.centre_px


def grid() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5), axis=-1)


def laid_px(lens: ClipLens, kind: str, blender: np.ndarray) -> np.ndarray:
    """By how much Blender has moved its result.

    From 4.5 on (4.3 and 4.4 were not looked at) the node's picture grows until it holds all that is bent, and the
    compositor lays its middle on the render's: by whole or half pixels it is not where it was. 4.2 does not do that.
    """
    other = "distort" if kind == "undistort" else "undistort"
    row, column = HEIGHT // 2, WIDTH // 2
    moved = bent(lens, other, blender[row, column]) - grid()[row, column]
    found = np.round(2 * moved) / 2
    assert np.abs(found - moved).max() < 0.02
    assert bpy.app.version >= (4, 3) or not found.any()
    return found


def apart_px(one: np.ndarray, other: np.ndarray) -> float:
    """The largest distance where both are well inside; at the edge the node mixes with nothing."""
    inside = np.ones(one.shape[:2], bool)
    for place in (one, other):
        inside &= (place > 1.5).all(axis=-1) & (place[..., 0] < WIDTH - 1.5) & (place[..., 1] < HEIGHT - 1.5)
    assert inside.mean() > 0.5
    return float(np.linalg.norm((one - other)[inside], axis=-1).max())


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("kind", ["undistort", "distort"])
@pytest.mark.parametrize("name", LENSES)
def test_lens_is_blenders_own(tmp_path: Path, name: str, kind: str, aspect: float) -> None:
    clip = clip_of(tmp_path)
    solved(clip, *LENSES[name], aspect)
    lens, blender = known(clip), of_blender(clip, kind, tmp_path)
    moved = laid_px(lens, kind, blender)
    assert apart_px(bent(lens, kind, grid() + moved), blender) < LIMIT_PX
    assert apart_px(grid() + moved, blender) > 10 * LIMIT_PX       # a lens that does nothing would not pass


def test_every_coefficient_is_read() -> None:
    """What Blender's clips can hold is what the add-on reads and the core can bend."""
    known_names = {name for names in NAMES.values() for name in names}
    assert known_names == {name for names in camera_chain.COEFFICIENTS.values() for name in names}
    assert not {name for name in HAS if re.fullmatch(r"(\w+_)?[kp]\d", name)} - known_names
