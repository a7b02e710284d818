"""The composited picture, by its codes: the plate's own, the render's own, and the right mix between them.

The scene is 32 x 16 pixels: an opaque patch on the left, a half transparent one in the middle, nothing on the right.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_addon import scene_write
from tests.blender.plate_files import Picture, flat, linear, noise, write_plate

WIDTH, HEIGHT = 32, 16
OPAQUE, HALF, CLEAR = range(1, 9), range(13, 19), range(23, 32)          # columns
PICTURES = [noise(WIDTH, HEIGHT, seed) for seed in range(3)]
CODES = 1                                          # a code, for what is not copied but computed
PATCH = (0.7, 0.3, 0.05)                           # scene-linear light of both patches

View = tuple[str, str, float]                      # transform, look, exposure
STANDARD: View = ("Standard", "None", 0.0)
AGX: View = ("AgX", "None", 0.0)
VIEWS: list[View] = [STANDARD, AGX, ("AgX", "None", 1.0), ("Filmic", "None", 0.0), ("Standard", "None", -1.0)]


def shot(view: View = AGX) -> bpy.types.Scene:
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = WIDTH, HEIGHT
    render.film_transparent, render.dither_intensity, render.filter_size = True, 0.0, 0.01
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.frame_start, scene.frame_end = 1001, 1003
    settings = scene.view_settings
    settings.view_transform, settings.look, settings.exposure = view
    scene.camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    scene.collection.objects.link(scene.camera)
    patch(scene, -9.0, cover=1.0)
    patch(scene, -3.0, cover=0.5)
    return scene


def patch(scene: bpy.types.Scene, left: float, cover: float) -> None:
    """A glowing quad, a third of the frame wide, that lets the rest through."""
    mesh = bpy.data.meshes.new("Patch")
    right, far = left + 6.0, -25.0
    mesh.from_pydata([(left, -9, far), (right, -9, far), (right, 9, far), (left, 9, far)], [], [(0, 1, 2, 3)])
    surface = bpy.data.materials.new("Patch")
    if surface.node_tree is None:
        surface.use_nodes = True
    tree = surface.node_tree
    tree.nodes.clear()
    light, hole, mix, end = (
        tree.nodes.new(f"ShaderNode{kind}") for kind in ("Emission", "BsdfTransparent", "MixShader", "OutputMaterial")
    )
    light.inputs["Color"].default_value = (*PATCH, 1.0)
    mix.inputs[0].default_value = cover
    tree.links.new(hole.outputs[0], mix.inputs[1])
    tree.links.new(light.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], end.inputs[0])
    mesh.materials.append(surface)
    scene.collection.objects.link(bpy.data.objects.new("Patch", mesh))


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


def worst(one: Picture, other: Picture, columns: range) -> int:
    """The largest difference of codes in these columns."""
    pairs = [(a[x], b[x]) for a, b in zip(one, other, strict=True) for x in columns]
    return max(abs(p - q) for a, b in pairs for p, q in zip(a, b, strict=True))


def mixed(one: Picture, other: Picture) -> Picture:
    """Half of each, as light."""
    def half(a: int, b: int) -> int:
        light = (linear(a) + linear(b)) / 2
        return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))

    return [[tuple(map(half, a, b)) for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)]


@pytest.mark.parametrize("suffix", ["exr", "png"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_plate_and_render_keep_their_codes(tmp_path: Path, view: View, suffix: str) -> None:
    scene = shot(view)
    alone = rendered(scene, 1001, tmp_path)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, suffix=suffix), compositor=True)
    for frame, picture in enumerate(PICTURES, start=1001):
        got = rendered(scene, frame, tmp_path)
        assert worst(got, picture, CLEAR) == 0
        assert worst(got, alone, OPAQUE) == 0
    opaque = [[row[OPAQUE[0]]] * WIDTH for row in alone]
    assert worst(got, mixed(opaque, PICTURES[-1]), HALF) <= CODES


def test_the_measure_sees_a_plate_under_agx(tmp_path: Path) -> None:
    """Guilty: the same branch, with AgX left on for the whole picture."""
    scene = shot(AGX)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    scene.view_settings.view_transform = "AgX"
    assert worst(rendered(scene, 1001, tmp_path), PICTURES[0], CLEAR) > 50


def test_the_measure_sees_a_view_on_premultiplied_edges(tmp_path: Path) -> None:
    """Guilty: the same branch without the conversion to straight alpha."""
    scene = shot(AGX)
    alone = rendered(scene, 1001, tmp_path)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    group = our_node(scene).node_tree
    exposure = next(node for node in group.nodes if node.bl_idname == "CompositorNodeExposure")
    exposure.outputs[0].links[0].to_node.mute = True
    opaque = [[row[OPAQUE[0]]] * WIDTH for row in alone]
    assert worst(rendered(scene, 1001, tmp_path), mixed(opaque, PICTURES[0]), HALF) > 10


def test_a_look_is_kept_or_told(tmp_path: Path) -> None:
    scene = shot(("AgX", "AgX - Punchy", 0.0))
    alone = rendered(scene, 1001, tmp_path)
    imported = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    got = rendered(scene, 1001, tmp_path)
    assert worst(got, PICTURES[0], CLEAR) == 0
    told = [note for note in imported.notes if note.startswith("W_VIEW") and "look" in note]
    assert bool(told) == (worst(got, alone, OPAQUE) > 0)


def test_what_a_group_cannot_hold_is_told(tmp_path: Path) -> None:
    scene = shot(AGX)
    scene.view_settings.gamma = 1.2
    imported = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    assert worst(rendered(scene, 1001, tmp_path), PICTURES[0], CLEAR) == 0
    assert [note for note in imported.notes if note.startswith("W_VIEW") and "gamma" in note]


@pytest.mark.parametrize("display", ["Display P3", "Rec.1886", "Rec.2020"])
def test_other_displays_show_the_same_render(tmp_path: Path, display: str) -> None:
    scene = shot(AGX)
    scene.display_settings.display_device = display
    scene.view_settings.view_transform = "AgX"
    alone = rendered(scene, 1001, tmp_path)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    assert worst(rendered(scene, 1001, tmp_path), alone, OPAQUE) == 0


@pytest.mark.parametrize("size", [(16, 8), (33, 17), (40, 20), (64, 32)], ids=str)
def test_a_plate_of_another_size_reaches_the_rim(tmp_path: Path, size: tuple[int, int]) -> None:
    """A scaled picture must not fade out towards its rim."""
    scene = shot(STANDARD)
    colour = flat(*size, (200, 120, 40))
    scene_write.import_plate(scene, write_plate(tmp_path, [colour] * 3), compositor=True)
    assert worst(rendered(scene, 1002, tmp_path), flat(WIDTH, HEIGHT, (200, 120, 40)), CLEAR) == 0


def test_the_last_frame_is_held(tmp_path: Path) -> None:
    scene = shot(STANDARD)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    assert worst(rendered(scene, 1009, tmp_path), PICTURES[-1], CLEAR) == 0


def test_a_plate_shown_from_another_frame(tmp_path: Path) -> None:
    scene = shot(STANDARD)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True, frame_start=1)
    assert worst(rendered(scene, 2, tmp_path), PICTURES[1], CLEAR) == 0


def test_the_plate_is_there_after_a_save(tmp_path: Path) -> None:
    scene = shot(AGX)
    folder = write_plate(tmp_path, PICTURES)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene_write.import_plate(scene, folder, compositor=True)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert worst(rendered(bpy.context.scene, 1002, tmp_path), PICTURES[1], CLEAR) == 0


# The artist's own compositor


def tree_of(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    return scene_write.compositor_tree(scene)


def our_node(scene: bpy.types.Scene) -> bpy.types.Node:
    (node,) = [node for node in tree_of(scene).nodes if scene_write.TAG in node]
    return node


def artists_tree(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """The render, a stop darker, into output and viewer."""
    tree, output = scene_write.tree_and_output(scene)
    for node in [node for node in tree.nodes if node != output.node]:
        tree.nodes.remove(node)
    render = tree.nodes.new("CompositorNodeRLayers")
    darker, viewer = tree.nodes.new("CompositorNodeExposure"), tree.nodes.new("CompositorNodeViewer")
    darker.inputs["Exposure"].default_value = -1.0
    tree.links.new(render.outputs["Image"], darker.inputs["Image"])
    tree.links.new(darker.outputs[0], viewer.inputs[0])
    tree.links.new(darker.outputs[0], output)
    return tree


def drawing(tree: bpy.types.NodeTree) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    """Every node and link, as it would be drawn."""
    nodes = [f"{node.name} {tuple(node.location)} {node.mute}" for node in tree.nodes]
    links = [
        (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
        for link in tree.links
    ]
    return sorted(nodes), sorted(links)


def test_the_artists_nodes_stay_and_the_plate_comes_last(tmp_path: Path) -> None:
    scene = shot(STANDARD)
    tree = artists_tree(scene)
    darkened = rendered(scene, 1001, tmp_path)
    nodes, links = drawing(tree)
    folder = write_plate(tmp_path, PICTURES)
    for _ in range(3):
        scene_write.import_plate(scene, folder, compositor=True)
    assert tree_of(scene) == tree
    nodes_now, links_now = drawing(tree)
    ours = our_node(scene).name
    assert set(nodes) < set(nodes_now)
    assert len(nodes_now) == len(nodes) + 1
    moved = [link for link in links if link not in links_now]
    assert [(link[0], link[2] == ours) for link in moved] == [("Exposure", False)]
    assert len(links_now) == len(links) + 1
    assert len([group for group in bpy.data.node_groups if group.name.startswith(scene_write.GROUP)]) == 1
    got = rendered(scene, 1001, tmp_path)
    assert worst(got, PICTURES[0], CLEAR) == 0
    assert worst(got, darkened, OPAQUE) == 0


def test_withdrawing_gives_everything_back(tmp_path: Path) -> None:
    scene = shot(("AgX", "None", 0.5))
    tree = artists_tree(scene)
    before = drawing(tree)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), background=False, compositor=True)
    settings = scene.view_settings
    assert (settings.view_transform, settings.exposure) == ("Standard", 0.0)
    scene_write.withdraw_composite(scene)
    assert drawing(tree) == before
    assert (settings.view_transform, settings.exposure) == ("AgX", 0.5)
    assert not [image for image in bpy.data.images if scene_write.TAG in image]
    assert not [group for group in bpy.data.node_groups if group.name.startswith(scene_write.GROUP)]


def test_a_view_chosen_since_is_not_taken_back(tmp_path: Path) -> None:
    scene = shot(AGX)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    scene.view_settings.view_transform = "Filmic"
    scene_write.withdraw_composite(scene)
    assert scene.view_settings.view_transform == "Filmic"


def test_a_second_import_still_knows_the_view(tmp_path: Path) -> None:
    scene = shot(AGX)
    alone = rendered(scene, 1001, tmp_path)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, version=2), compositor=True)
    got = rendered(scene, 1001, tmp_path)
    assert worst(got, alone, OPAQUE) == 0
    assert worst(got, PICTURES[0], CLEAR) == 0
    scene_write.withdraw_composite(scene)
    assert scene.view_settings.view_transform == "AgX"


def test_a_group_somebody_deleted_is_no_obstacle(tmp_path: Path) -> None:
    scene = shot(AGX)
    folder = write_plate(tmp_path, PICTURES)
    scene_write.import_plate(scene, folder, compositor=True)
    bpy.data.node_groups.remove(our_node(scene).node_tree)
    scene_write.import_plate(scene, folder, compositor=True)
    assert worst(rendered(scene, 1001, tmp_path), PICTURES[0], CLEAR) == 0


if hasattr(bpy.data, "colorspace"):                # from 5.0 a file has a working space of its own

    @pytest.mark.parametrize("space", ["ACEScg", "Linear Rec.2020"])
    def test_any_working_space(tmp_path: Path, space: str) -> None:
        shot(AGX)
        bpy.ops.wm.set_working_color_space(working_space=space)
        scene = bpy.context.scene
        alone = rendered(scene, 1001, tmp_path)
        scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
        got = rendered(scene, 1001, tmp_path)
        assert bpy.data.colorspace.working_space == space
        assert worst(got, PICTURES[0], CLEAR) == 0
        assert worst(got, alone, OPAQUE) == 0


if "compositing_node_group" in bpy.types.Scene.bl_rna.properties:         # before 5.0 the tree was part of its scene

    def test_a_linked_compositor_is_refused(tmp_path: Path) -> None:
        bpy.data.libraries.write(str(tmp_path / "house.blend"), {artists_tree(shot(AGX))})
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        scene = shot(AGX)
        with bpy.data.libraries.load(str(tmp_path / "house.blend"), link=True) as (there, wanted):
            wanted.node_groups = there.node_groups
        scene.compositing_node_group = wanted.node_groups[0]
        with pytest.raises(scene_write.PlateError) as refused:
            scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
        assert not scene.camera.data.background_images
        assert refused.value.code == "E_COMPOSITOR_LINKED"
        assert scene.view_settings.view_transform == "AgX"
