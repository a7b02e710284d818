"""A plate on a plane, by what Cycles renders of it: where its pixels are, and which codes they have."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_addon import plate_read, ways_marks, ways_plane
from platewright.errors import CameraError
from tests.blender import ways_shots
from tests.blender.ways_shots import AGX, FIRST, HEIGHT, STANDARD, WIDTH, View, plate_of, rendered, shot, slope, slopes

PLACE_PX = 0.15                                    # a slope is written in whole codes: 0.12 px each
CODES = 1

LENSES = [
    {},
    {"sensor_fit": "VERTICAL", "sensor_height": 20.0, "shift_x": 0.3, "shift_y": -0.2, "lens": 35.0},
    {"sensor_fit": "HORIZONTAL", "sensor_width": 24.0, "shift_y": 0.4, "lens": 18.0},
    {"lens": 200.0, "shift_x": -1.2},
]
PICTURES = [(WIDTH, HEIGHT, 1.0, 1.0, 100), (18, 32, 1.0, 1.0, 100), (32, 18, 2.0, 1.0, 100), (33, 19, 1.0, 1.5, 97)]


def stand(scene: bpy.types.Scene, folder: Path, distance: float = 0.0, **options: bool) -> bpy.types.Object:
    ways_plane.stand_plane(scene, plate_read.read_plate(folder), distance, **options)
    (plane,) = ways_marks.own_objects(scene, ways_marks.PLANE)
    return plane


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
    stand(scene, plate_of(scene, tmp_path, [slope(width, height)] * 3), 12.5)
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slope(width, height)) <= PLACE_PX


def test_it_follows_lens_shift_sensor_and_a_scaled_camera(tmp_path: Path) -> None:
    scene = shot()
    camera = scene.camera
    ways_shots.keyed(camera.data, "lens", [24.0, 70.0, 35.0])
    ways_shots.keyed(camera.data, "shift_x", [0.0, 0.5, -0.3])
    ways_shots.keyed(camera.data, "sensor_width", [36.0, 20.0, 30.0])
    ways_shots.keyed(camera, "rotation_euler", [(1.3, 0.1, 0.4), (0.9, -0.4, 2.0), (2.0, 0.9, -1.0)])
    camera.scale = (0.2, 3.0, 0.5)
    stand(scene, plate_of(scene, tmp_path, slopes()))
    for frame, picture in enumerate(slopes(), start=FIRST):
        got = rendered(scene, frame, tmp_path)
        assert ways_shots.shift_px(got, picture) <= PLACE_PX
        assert abs(ways_shots.blue_of(got) - ways_shots.blue_of(picture)) <= CODES, "another frame's picture"


def test_the_measure_sees_a_plane_that_does_not_follow(tmp_path: Path) -> None:
    """Guilty: the same plane without its drivers."""
    scene = shot()
    plane = stand(scene, plate_of(scene, tmp_path, slopes()))
    scale = tuple(plane.scale)
    plane.driver_remove("scale", -1)
    plane.scale = scale
    scene.camera.data.lens *= 1.1
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slopes()[0]) > 0.5


def test_drivers_need_no_python(tmp_path: Path) -> None:
    scene = shot()
    plane = stand(scene, plate_of(scene, tmp_path, slopes()))
    drivers = [curve.driver for curve in plane.animation_data.drivers]
    drivers += [curve.driver for curve in plane.active_material.node_tree.animation_data.drivers]
    assert len(drivers) == 6
    assert all(driver.is_valid and driver.is_simple_expression for driver in drivers)
    assert max(len(driver.expression) for driver in drivers) < 256


@pytest.mark.parametrize("view", ways_shots.views(), ids=str)
def test_plate_and_render_keep_their_codes(tmp_path: Path, view: View) -> None:
    """An object before the plane, one behind it, the plate between them."""
    scene = shot(view)
    ways_shots.patch(scene, 4.0)
    alone = rendered(scene, FIRST, tmp_path)
    ways_shots.patch(scene, 9.0, width=3.0, colour=(0.1, 0.9, 0.2))
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    stand(scene, plate_of(scene, tmp_path, pictures), 6.0)
    left, right = range(8, WIDTH // 2 - 1), range(WIDTH // 2 + 1, WIDTH)
    for frame, picture in enumerate(pictures, start=FIRST):
        got = rendered(scene, frame, tmp_path)
        assert ways_shots.worst(got, picture, right) <= CODES
        assert ways_shots.worst(got, alone, left) <= CODES


def test_as_light_the_view_acts_on_it_and_says_so(tmp_path: Path) -> None:
    """Guilty: the same plane as light under AgX."""
    scene = shot(AGX)
    folder = plate_of(scene, tmp_path, [ways_shots.blocks(0)] * 3)
    _, notes = ways_plane.stand_plane(scene, plate_read.read_plate(folder), keeps_codes=False)
    assert any(note.startswith("W_VIEW") for note in notes)
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), ways_shots.blocks(0)) > 40
    assert scene.view_settings.view_transform == "AgX" and not scene.render.film_transparent


def test_before_the_plate_there_is_nothing(tmp_path: Path) -> None:
    scene = shot()
    stand(scene, plate_of(scene, tmp_path, slopes()))
    assert {pixel for row in rendered(scene, FIRST - 1, tmp_path) for pixel in row} == {(0, 0, 0)}


@pytest.mark.parametrize("kind", ["ORTHO", "PANO"])
def test_a_camera_without_perspective_is_refused(tmp_path: Path, kind: str) -> None:
    scene = shot()
    folder = plate_of(scene, tmp_path, slopes())
    scene.camera.data.type = kind
    with pytest.raises(CameraError, match="perspective") as refused:
        stand(scene, folder)
    assert refused.value.code == "E_CAMERA_PROJECTION" and "Perspective" in refused.value.hint
    assert not bpy.data.meshes and not bpy.data.images and len(scene.objects) == 1


def test_it_stands_behind_everything_and_within_the_clip(tmp_path: Path) -> None:
    scene = shot()
    ways_shots.patch(scene, 40.0)
    plate = plate_read.read_plate(plate_of(scene, tmp_path, slopes()))
    distance, _ = ways_plane.stand_plane(scene, plate)
    assert distance == pytest.approx(42.0, rel=1e-4)
    again, _ = ways_plane.stand_plane(scene, plate)
    assert again == distance, "it does not stand behind itself"
    scene.camera.data.clip_end = 30.0
    assert ways_plane.stand_plane(scene, plate)[0] < 30.0
    _, notes = ways_plane.stand_plane(scene, plate, 31.0)
    assert any(note.startswith("W_CLIP") for note in notes)


def test_the_next_version_takes_its_place_and_leaves_nothing_behind(tmp_path: Path) -> None:
    scene = shot()
    first = stand(scene, plate_of(scene, tmp_path, [slope()] * 3), 8.0)
    assert stand(scene, plate_of(scene, tmp_path, [slope(blue=9)] * 3, version=2), 9.0) == first
    assert [image.name for image in bpy.data.images if image.users] == ["shot_v002"]
    assert len(bpy.data.materials) == 1 and first[ways_plane.DISTANCE] == 9.0
    ways_marks.remove_objects(scene, [first])
    left = [*bpy.data.materials, *bpy.data.meshes, *bpy.data.collections, *scene.objects]
    assert left == [scene.camera]


def test_through_a_linked_camera_it_works(tmp_path: Path) -> None:
    """Where a background would be gone after saving, a plane is not."""
    scene = shot()
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {scene.camera})
    folder = plate_of(scene, tmp_path, slopes())
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Cam"]
    scene = shot()
    scene.camera = wanted.objects[0]
    scene.collection.objects.link(scene.camera)
    bpy.data.objects.remove(next(each for each in scene.objects if each.library is None))
    stand(scene, folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert ways_shots.shift_px(rendered(bpy.context.scene, FIRST, tmp_path), slopes()[0]) <= PLACE_PX
