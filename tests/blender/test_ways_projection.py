"""Frames thrown from their own cameras: from there the render is the frame, whatever it fell on."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_addon import (
    plate_read,
    scene_composite,
    ways_marks,
    ways_projection,
    ways_removal,
    ways_screens,
    ways_uses,
)
from platewright.errors import PlateError, RequestError
from tests.blender import ways_shots
from tests.blender.plate_files import Picture, flat, linear
from tests.blender.test_ways_plane import CODES, LENSES, PLACE_PX
from tests.blender.ways_shots import AGX, FIRST, HEIGHT, WIDTH, plate_of, rendered, shot, slope, slopes


def moving(lens: dict[str, object] | None = None) -> bpy.types.Scene:
    """A camera that travels, turns and zooms."""
    scene = shot()
    for name, value in (lens or {}).items():
        setattr(scene.camera.data, name, value)
    ways_shots.keyed(scene.camera, "location", [(3.0, -7.0, 2.0), (2.0, -7.5, 2.2), (0.0, -8.0, 3.0)])
    ways_shots.keyed(scene.camera, "rotation_euler", [(1.3, 0.1, 0.4), (1.25, 0.0, 0.3), (1.2, -0.1, 0.0)])
    ways_shots.keyed(scene.camera.data, "lens", [30.0, 33.0, 40.0])
    return scene


def throw(
    scene: bpy.types.Scene, folder: Path, frames: list[int], onto: str, *chosen: bpy.types.Object, far: float = 6.0
) -> list[str]:
    return ways_projection.project(scene, plate_read.read_plate(folder), frames, onto, far, chosen)


def hills(scene: bpy.types.Scene) -> bpy.types.Object:
    """Rough ground, walls and ceiling of one face each, all around the shot."""
    mesh = bpy.data.meshes.new("Hills")
    floor = [(-60.0, -50.0, -1.5), (70.0, -40.0, -2.5), (60.0, 9.0, -2.0), (-60.0, 11.0, -1.0)]
    ceiling = [(x * 0.9, y + 2.0, 40.0 - z) for x, y, z in floor]
    walls = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    mesh.from_pydata(floor + ceiling, [], [(0, 1, 2, 3), (4, 5, 6, 7), *walls])
    made = bpy.data.objects.new("Hills", mesh)
    scene.collection.objects.link(made)
    return made


def from_frozen(scene: bpy.types.Scene, frame: int, folder: Path, at: int = 2000) -> Picture:
    """What the frozen camera sees long after the shot, which has gone on."""
    scene.camera = next(each for each in ways_projection.frozen(scene, "shot") if each[ways_projection.FRAME] == frame)
    return rendered(scene, at, folder)


def of_shot(scene: bpy.types.Scene, frame: int, folder: Path) -> Picture:
    """What the shot's own camera sees at the frame."""
    scene.camera = bpy.data.objects["Cam"]
    return rendered(scene, frame, folder)


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.get("sensor_fit", "AUTO"))
@pytest.mark.parametrize("onto", ["CARDS", "DOME", "CHOSEN"])
def test_from_its_own_camera_a_frame_is_itself(tmp_path: Path, onto: str, lens: dict[str, object]) -> None:
    scene = moving(lens)
    throw(scene, plate_of(scene, tmp_path, slopes()), [FIRST + 1], onto, hills(scene), far=3.0)
    if onto != "CHOSEN":
        bpy.data.objects.remove(bpy.data.objects["Hills"])
    for got in (of_shot(scene, FIRST + 1, tmp_path), from_frozen(scene, FIRST + 1, tmp_path)):
        assert ways_shots.shift_px(got, slopes()[1]) <= PLACE_PX
        assert abs(ways_shots.blue_of(got) - 120) <= CODES


def test_codes_are_those_of_the_file(tmp_path: Path) -> None:
    scene = moving()
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    throw(scene, plate_of(scene, tmp_path, pictures, suffix="png"), [FIRST], "CHOSEN", hills(scene))
    assert ways_shots.worst(of_shot(scene, FIRST, tmp_path), pictures[0]) <= CODES


def test_the_measure_sees_another_camera(tmp_path: Path) -> None:
    """Guilty: a frame thrown from where the camera stood a frame earlier, and a world whose unit is not a metre."""
    scene = moving()
    throw(scene, plate_of(scene, tmp_path, slopes()), [FIRST + 1], "CHOSEN", hills(scene))
    (camera,) = ways_projection.frozen(scene, "shot")
    place = camera.location.copy()
    camera.location.x += 0.2
    assert ways_shots.shift_px(of_shot(scene, FIRST + 1, tmp_path), slopes()[1]) > 0.5
    camera.location = place
    assert ways_shots.shift_px(of_shot(scene, FIRST + 1, tmp_path), slopes()[1]) <= PLACE_PX


def test_in_a_scene_of_centimetres(tmp_path: Path) -> None:
    scene = moving()
    scene.unit_settings.scale_length = 0.01
    throw(scene, plate_of(scene, tmp_path, slopes()), [FIRST], "CHOSEN", hills(scene))
    assert ways_shots.shift_px(of_shot(scene, FIRST, tmp_path), slopes()[0]) <= PLACE_PX


def test_the_first_named_lies_on_top_and_the_next_fills_the_rest(tmp_path: Path) -> None:
    scene = moving()
    ways_shots.keyed(scene.camera.data, "lens", [60.0, 33.0, 20.0])
    folder = plate_of(scene, tmp_path, slopes())
    throw(scene, folder, [FIRST, FIRST + 2], "DOME", far=30.0)
    assert ways_shots.shift_px(from_frozen(scene, FIRST, tmp_path), slopes()[0]) <= PLACE_PX
    wide = from_frozen(scene, FIRST + 2, tmp_path)
    blues = {pixel[2] for row in wide for pixel in row}
    assert {60, 180} <= {min((60, 120, 180), key=lambda one: abs(one - blue)) for blue in blues}
    throw(scene, folder, [FIRST + 2, FIRST], "DOME", far=30.0)
    assert ways_shots.shift_px(from_frozen(scene, FIRST + 2, tmp_path), slopes()[2]) <= PLACE_PX


def test_beside_the_frame_a_dome_is_clear_and_an_object_grey(tmp_path: Path) -> None:
    scene = moving()
    folder = plate_of(scene, tmp_path, slopes())
    thing = hills(scene)
    throw(scene, folder, [FIRST], "CHOSEN", thing)
    (camera,) = ways_projection.frozen(scene, "shot")
    scene.camera = bpy.data.objects["Cam"]
    scene.camera.animation_data_clear()
    scene.camera.matrix_world = camera.matrix_world
    scene.camera.rotation_euler.z += 3.1
    scene.world = bpy.data.worlds.new("Magenta")
    tree = ways_marks.tree_of(scene.world)
    light = next(node for node in tree.nodes if node.bl_idname == "ShaderNodeBackground")
    light.inputs["Color"].default_value = (1.0, 0.0, 1.0, 1.0)
    got = {pixel for row in rendered(scene, FIRST, tmp_path) for pixel in row}
    assert max(blue for _, _, blue in got) < 50, "neither the world nor the rim of the frame, which is 60"
    throw(scene, folder, [FIRST], "DOME")
    bpy.data.objects.remove(thing)
    assert {pixel for row in rendered(scene, FIRST, tmp_path) for pixel in row} == {(255, 0, 255)}


def test_the_artists_materials_come_back(tmp_path: Path) -> None:
    scene = moving()
    folder = plate_of(scene, tmp_path, slopes())
    bare, dressed, own = hills(scene), hills(scene), hills(scene)
    moss, stone = bpy.data.materials.new("Moss"), bpy.data.materials.new("Stone")
    dressed.data.materials.append(moss)
    own.data.materials.append(moss)
    own.material_slots[0].link, own.material_slots[0].material = "OBJECT", stone
    for frame in (FIRST, FIRST + 1):               # a second projection takes the place of the first
        throw(scene, folder, [frame], "CHOSEN", bare, dressed, own)
    assert dressed.data.materials[0] == moss and dressed.material_slots[0].material not in (moss, None)
    stone.name = "Granite"
    ways_projection.withdraw_projection(scene)
    assert not bare.material_slots
    assert (dressed.material_slots[0].link, dressed.material_slots[0].material) == ("DATA", moss)
    (slot,) = own.material_slots
    assert (slot.link, slot.material, own.data.materials[0]) == ("OBJECT", stone, moss)
    assert [each.name for each in bpy.data.materials] == ["Granite", "Moss"]
    assert not bpy.data.node_groups and not bpy.data.images and len(bpy.data.cameras) == 1
    assert not [name for each in (bare, dressed, own) for name in each.keys() if "platewright" in name]  # noqa: SIM118


def test_what_a_file_says_of_projections_is_not_believed(tmp_path: Path) -> None:
    scene = moving()
    folder, thing = plate_of(scene, tmp_path, slopes()), hills(scene)
    throw(scene, folder, [FIRST, FIRST + 1], "CHOSEN", thing)
    first, _ = ways_projection.frozen(scene, "shot")
    first[ways_projection.FRAME] = "rm -rf"
    thing[f"{ways_screens.WORN}_0"] = scene.camera
    group = min(ways_projection.groups_in(scene, "shot"), key=lambda each: each.name)
    group.nodes["Across"].name = "Mine"
    _, notes = ways_uses.use_version(scene, plate_of(scene, tmp_path, slopes(), version=2))
    assert any("1 projected frame." in note for note in notes)
    ways_projection.withdraw_projection(scene)
    assert not thing.material_slots and list(scene.objects) == [scene.camera, thing]


@pytest.mark.parametrize("onto", ["CARDS", "DOME", "CHOSEN"])
def test_another_version_is_thrown_from_its_own_cameras(tmp_path: Path, onto: str) -> None:
    """The camera was changed between the versions: the frames of v002 fit v002's camera."""
    scene = moving()
    throw(scene, plate_of(scene, tmp_path, [slope(blue=9)] * 3), [FIRST, FIRST + 2], onto, hills(scene))
    if onto != "CHOSEN":
        bpy.data.objects.remove(bpy.data.objects["Hills"])
    scene.camera.data.animation_data_clear()
    scene.camera.data.lens, scene.camera.data.shift_x = 22.0, 0.3
    ways_shots.keyed(scene.camera, "location", [(2.0, -6.0, 2.5)] * 3)
    second = plate_of(scene, tmp_path, slopes(), version=2)
    _, notes = ways_uses.use_version(scene, second)
    assert any("2 projected frames" in note for note in notes)
    got = of_shot(scene, FIRST, tmp_path)
    if onto == "CARDS":
        bpy.data.objects.remove(bpy.data.objects[f"shot.{FIRST + 2} card"])
        got = of_shot(scene, FIRST, tmp_path)
    assert ways_shots.shift_px(got, slopes()[0]) <= PLACE_PX
    left = {image.name for image in bpy.data.images if image.type == "IMAGE"}
    maps = {f"shot.{frame} depth" for frame in (FIRST, FIRST + 2)} if onto == "CHOSEN" else set()
    assert left == maps | {f"shot_v002.{frame}.exr" for frame in (FIRST, FIRST + 2)}


def test_what_cannot_be_is_refused_before_anything_has_changed(tmp_path: Path) -> None:
    scene = moving()
    folder = plate_of(scene, tmp_path, slopes())
    for frames, onto, code in (([FIRST + 9], "DOME", "E_RANGE"), ([], "DOME", "E_RANGE"), ([FIRST], "CHOSEN", "ONTO")):
        with pytest.raises((PlateError, RequestError), match=code):
            throw(scene, folder, frames, onto, scene.camera)
    (folder / "camera.json").unlink()
    with pytest.raises(PlateError, match="E_NO_CAMERA_FILE"):
        throw(scene, folder, [FIRST], "DOME")
    assert list(scene.objects) == [scene.camera] and not bpy.data.images and not bpy.data.node_groups


def test_a_linked_object_is_refused(tmp_path: Path) -> None:
    scene = moving()
    folder = plate_of(scene, tmp_path, slopes())
    bpy.data.libraries.write(str(tmp_path / "set.blend"), {hills(scene)})
    with bpy.data.libraries.load(str(tmp_path / "set.blend"), link=True) as (_, wanted):
        wanted.objects = ["Hills"]
    scene.collection.objects.link(wanted.objects[0])
    with pytest.raises(PlateError, match="E_OBJECT_LINKED"):
        throw(scene, folder, [FIRST], "CHOSEN", wanted.objects[0])


@pytest.mark.parametrize("view", ways_shots.views()[1:], ids=lambda view: f"{view[0]}{view[2]:+g}")
@pytest.mark.parametrize("onto", ["CARDS", "DOME", "CHOSEN"])
def test_under_any_view_the_plate_keeps_its_codes_and_the_rest_its_view(
    tmp_path: Path, onto: str, view: ways_shots.View
) -> None:
    """Left of the middle glows a thing of the scene's own, which looks as it looked without a projection."""
    scene = shot(view)
    ways_shots.patch(scene, 2.0)
    before = rendered(scene, FIRST, tmp_path)
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    things = [hills(scene)] if onto == "CHOSEN" else []
    throw(scene, plate_of(scene, tmp_path, pictures), [FIRST], onto, *things)
    got = rendered(scene, FIRST, tmp_path)
    assert ways_shots.worst(got, pictures[0], range(WIDTH // 2 + 1, WIDTH)) <= 1
    inner = [(x, y) for y in range(6, 12) for x in range(10, 14)]
    assert max(abs(got[y][x][c] - before[y][x][c]) for x, y in inner for c in range(3)) <= 1
    ways_removal.remove(scene, "projection")
    assert (scene.view_settings.view_transform, scene.view_settings.exposure) == (view[0], pytest.approx(view[2]))
    if things:
        bpy.data.objects.remove(things[0])
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), before) == 0


def test_the_measure_sees_a_plate_that_the_view_bends(tmp_path: Path) -> None:
    """Guilty: the same as light in the scene."""
    scene = shot(AGX)
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    plate = plate_read.read_plate(plate_of(scene, tmp_path, pictures))
    ways_projection.project(scene, plate, [FIRST], "DOME", keeps_codes=False)
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), pictures[0]) > 40


def test_half_covered_pixels_weigh_both_by_what_they_cover(tmp_path: Path) -> None:
    """The ideal mix of the plate's codes and the thing's codes under the view, in the light of the display."""
    scene = shot(AGX)
    scene.cycles.samples, scene.render.filter_size = 256, 1.0
    scene.cycles.pixel_filter_type = "BOX"
    ways_shots.patch(scene, 2.0, width=0.19)
    throw(scene, plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (30, 200, 90))] * 3), [FIRST], "DOME")
    got = rendered(scene, FIRST, tmp_path)
    thing, plate = got[9][12], (30, 200, 90)
    mixed = 0
    for row in got:
        for pixel in row:
            shares = [(linear(p) - linear(q)) / (linear(r) - linear(q))
                      for p, q, r in zip(pixel, plate, thing, strict=True) if abs(q - r) > 40]
            assert max(shares) - min(shares) < 0.03, "one share explains every channel"
            mixed += 0.1 < shares[0] < 0.9
    assert mixed > 20


@pytest.mark.parametrize("is_behind_first", [True, False])
def test_a_plate_behind_and_a_projection_before_it(tmp_path: Path, is_behind_first: bool) -> None:
    """In either order, and each goes without the other."""
    scene, far = shot(AGX), flat(WIDTH, HEIGHT, (9, 99, 199))
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    folder, behind = plate_of(scene, tmp_path, pictures), plate_of(scene, tmp_path / "behind", [far] * 3)
    steps = [
        lambda: scene_composite.composite_behind(scene, plate_read.read_plate(behind)),
        lambda: throw(scene, folder, [FIRST], "CHOSEN", panel(scene)),
    ]
    for step in steps if is_behind_first else reversed(steps):
        step()
    got = rendered(scene, FIRST, tmp_path)
    assert ways_shots.worst(got, pictures[0], range(1, WIDTH // 2)) <= 1
    assert ways_shots.worst(got, far, range(WIDTH // 2 + 1, WIDTH)) <= 1
    ways_removal.remove(scene, "projection")
    bpy.data.objects.remove(bpy.data.objects["Patch"])
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), far) <= 1
    notes = ways_removal.remove(scene, "compositor")
    assert scene.view_settings.view_transform == "AgX" and not notes


def panel(scene: bpy.types.Scene) -> bpy.types.Object:
    """A quad before the shot's camera that covers the left half of its picture."""
    ways_shots.patch(scene, 5.0)
    thing = bpy.data.objects["Patch"]
    thing.data.materials.clear()
    return thing


def test_a_branch_that_is_taken_away_leaves_light_and_says_so(tmp_path: Path) -> None:
    scene = shot(AGX)
    throw(scene, plate_of(scene, tmp_path, slopes()), [FIRST], "DOME")
    notes = ways_removal.remove(scene, "compositor")
    assert any(note.startswith("W_VIEW") and "AgX" in note for note in notes)


def test_as_light_under_agx_it_says_what_becomes_of_the_colours(tmp_path: Path) -> None:
    scene = moving()
    scene.view_settings.view_transform = AGX[0]
    plate = plate_read.read_plate(plate_of(scene, tmp_path, slopes()))
    notes = ways_projection.project(scene, plate, [FIRST], "DOME", keeps_codes=False)
    assert any(note.startswith("W_VIEW") and "AgX" in note for note in notes)


def test_a_plate_of_another_size_is_thrown_through_its_own_pixels(tmp_path: Path) -> None:
    scene = moving()
    folder = plate_of(scene, tmp_path, slopes(WIDTH // 2, HEIGHT // 2))
    throw(scene, folder, [FIRST], "CHOSEN", hills(scene))
    got = of_shot(scene, FIRST, tmp_path)
    assert abs(got[HEIGHT // 2][WIDTH // 2][0] - 255 * (WIDTH // 4) / (WIDTH // 2 - 1)) < 12
