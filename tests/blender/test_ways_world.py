"""A plate as the world, by what Cycles renders of it; and the world's own light, which must stay."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_addon import plate_read, ways_marks, ways_world
from platewright.errors import CameraError, PlateError
from tests.blender import ways_shots
from tests.blender.plate_files import Picture
from tests.blender.test_ways_plane import CODES, LENSES, PICTURES, PLACE_PX
from tests.blender.ways_shots import AGX, FIRST, STANDARD, WIDTH, View, plate_of, rendered, shot, slope, slopes


def show(scene: bpy.types.Scene, folder: Path, **options: bool) -> list[str]:
    return ways_world.set_world(scene, plate_read.read_plate(folder), **options)


def lit_world(scene: bpy.types.Scene) -> bpy.types.World:
    """A world whose light is a node of the artist's."""
    scene.world = bpy.data.worlds.new("Sky")
    tree = ways_marks.tree_of(scene.world)
    for node in tree.nodes:
        if node.bl_idname == "ShaderNodeBackground":
            node.inputs["Color"].default_value = (0.2, 0.5, 0.9, 1.0)
    return scene.world


def mean_of(picture: Picture) -> list[float]:
    """Of the patch."""
    pixels = [pixel for row in picture[6:12] for pixel in row[9 : WIDTH // 2 - 2]]
    return [sum(pixel[channel] for pixel in pixels) / len(pixels) for channel in range(3)]


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.get("sensor_fit", "AUTO"))
@pytest.mark.parametrize("picture", PICTURES, ids=str)
def test_every_pixel_is_where_it_is_in_the_file(
    tmp_path: Path, lens: dict[str, object], picture: tuple[int, int, float, float, int]
) -> None:
    width, height, pixel_x, pixel_y, percent = picture
    scene = shot(STANDARD, width, height)
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = pixel_x, pixel_y
    scene.render.resolution_percentage = percent
    for name, value in lens.items():
        setattr(scene.camera.data, name, value)
    width, height = width * percent // 100, height * percent // 100
    show(scene, plate_of(scene, tmp_path, [slope(width, height)] * 3))
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slope(width, height)) <= PLACE_PX


def test_it_follows_lens_shift_and_turn(tmp_path: Path) -> None:
    scene = shot()
    ways_shots.keyed(scene.camera.data, "lens", [24.0, 70.0, 35.0])
    ways_shots.keyed(scene.camera.data, "shift_x", [0.0, 0.5, -0.3])
    ways_shots.keyed(scene.camera, "rotation_euler", [(1.3, 0.1, 0.4), (0.9, -0.4, 2.0), (2.0, 0.9, -1.0)])
    show(scene, plate_of(scene, tmp_path, slopes()))
    for frame, picture in enumerate(slopes(), start=FIRST):
        got = rendered(scene, frame, tmp_path)
        assert ways_shots.shift_px(got, picture) <= PLACE_PX
        assert abs(ways_shots.blue_of(got) - ways_shots.blue_of(picture)) <= CODES


def test_the_measure_sees_a_lens_it_does_not_follow(tmp_path: Path) -> None:
    """Guilty: the same group without its drivers."""
    scene = shot()
    show(scene, plate_of(scene, tmp_path, slopes()))
    (node,) = ways_world.own_nodes(scene)
    scene.frame_set(FIRST)
    values = [socket.default_value for name in ("Across", "Up") for socket in node.node_tree.nodes[name].inputs[1:]]
    node.node_tree.animation_data_clear()
    sockets = [socket for name in ("Across", "Up") for socket in node.node_tree.nodes[name].inputs[1:]]
    for socket, value in zip(sockets, values, strict=True):
        socket.default_value = value
    scene.camera.data.lens *= 1.1
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slopes()[0]) > 0.5


@pytest.mark.parametrize("view", ways_shots.views(), ids=str)
def test_plate_and_render_keep_their_codes(tmp_path: Path, view: View) -> None:
    scene = shot(view)
    ways_shots.patch(scene, 4.0)
    alone = rendered(scene, FIRST, tmp_path)
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    show(scene, plate_of(scene, tmp_path, pictures))
    for frame, picture in enumerate(pictures, start=FIRST):
        got = rendered(scene, frame, tmp_path)
        assert ways_shots.worst(got, picture, range(WIDTH // 2 + 1, WIDTH)) <= CODES
        assert ways_shots.worst(got, alone, range(8, WIDTH // 2 - 1)) <= CODES


def test_as_light_the_view_acts_on_it_and_says_so(tmp_path: Path) -> None:
    """Guilty: the same plate as light under AgX."""
    scene = shot(AGX)
    notes = show(scene, plate_of(scene, tmp_path, [ways_shots.blocks(0)] * 3), keeps_codes=False)
    assert any(note.startswith("W_VIEW") for note in notes)
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), ways_shots.blocks(0)) > 40


def test_the_worlds_own_light_stays(tmp_path: Path) -> None:
    """A matt quad is lit as before, and before the plate's first frame the sky is seen."""
    scene = shot()
    lit_world(scene)
    scene.cycles.samples = 4
    ways_shots.patch(scene, 4.0)
    tree = bpy.data.materials["Patch"].node_tree
    matt = tree.nodes.new("ShaderNodeBsdfDiffuse")
    end = next(node for node in tree.nodes if node.bl_idname == "ShaderNodeOutputMaterial")
    tree.links.new(matt.outputs[0], end.inputs[0])
    alone = rendered(scene, FIRST, tmp_path)
    show(scene, plate_of(scene, tmp_path, [ways_shots.blocks(1)] * 3))
    got = rendered(scene, FIRST, tmp_path)
    assert all(abs(a - b) <= 2 for a, b in zip(mean_of(got), mean_of(alone), strict=True)), "but for grain"
    assert min(mean_of(alone)) > 20, "it is lit at all"
    before = rendered(scene, FIRST - 1, tmp_path)
    assert ways_shots.worst(before, alone, range(WIDTH // 2 + 1, WIDTH)) <= CODES


def test_it_goes_and_the_world_is_what_it_was(tmp_path: Path) -> None:
    scene = shot()
    world = lit_world(scene)
    before = [(link.from_node.name, link.to_node.name) for link in world.node_tree.links]
    folder = plate_of(scene, tmp_path, slopes())
    for _ in range(2):
        show(scene, folder)
    assert len(ways_world.own_nodes(scene)) == 1
    ways_world.withdraw_world(scene)
    assert scene.world == world
    assert [(link.from_node.name, link.to_node.name) for link in world.node_tree.links] == before
    assert not bpy.data.node_groups and not bpy.data.images


def test_a_world_of_ours_goes_with_it(tmp_path: Path) -> None:
    scene = shot()
    show(scene, plate_of(scene, tmp_path, slopes()))
    assert scene.world is not None
    ways_world.withdraw_world(scene)
    assert scene.world is None and not bpy.data.worlds and not bpy.data.images


def test_a_world_that_two_scenes_share_is_told(tmp_path: Path) -> None:
    scene = shot()
    bpy.data.scenes.new("Other").world = lit_world(scene)
    notes = show(scene, plate_of(scene, tmp_path, slopes()))
    assert any("W_WORLD_SHARED" in note and "Other" in note for note in notes)


def test_a_linked_world_and_a_camera_without_perspective_are_refused(tmp_path: Path) -> None:
    scene = shot()
    folder = plate_of(scene, tmp_path, slopes())
    bpy.data.libraries.write(str(tmp_path / "house.blend"), {lit_world(scene)})
    with bpy.data.libraries.load(str(tmp_path / "house.blend"), link=True) as (_, wanted):
        wanted.worlds = ["Sky"]
    scene.world = wanted.worlds[0]
    with pytest.raises(PlateError, match="E_WORLD_LINKED"):
        show(scene, folder)
    scene.world, scene.camera.data.type = None, "ORTHO"
    with pytest.raises(CameraError, match="E_CAMERA_PROJECTION"):
        show(scene, folder)
    assert scene.world is None and not bpy.data.images
