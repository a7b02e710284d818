"""A plate with overscan by every way into the scene: the camera's own picture lies pixel on pixel, no rim is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from blender_addon import scene_composite, ways_plane, ways_projection, ways_strip, ways_uses, ways_world
from blender_addon.plate_read import Plate, read_plate
from platewright.camera import CameraPath
from tests.blender import ways_shots
from tests.blender.plate_files import Picture, read_manifest, write_manifest, write_plate
from tests.blender.test_ways_plane import PLACE_PX
from tests.blender.ways_shots import FIRST, HEIGHT, WIDTH, rendered, slope

LEFT, TOP = 4, 3                                   # pixels of the rim: not the same share of both sides


def strip(scene: bpy.types.Scene, plate: Plate) -> None:
    ways_strip.lay_strip(scene, plate)
    scene.render.use_sequencer = True


def dome(scene: bpy.types.Scene, plate: Plate) -> None:
    ways_projection.project(scene, plate, [FIRST], "DOME")


WAYS: dict[str, Callable[[bpy.types.Scene, Plate], object]] = {
    "compositor": scene_composite.composite_behind, "plane": ways_plane.stand_plane, "world": ways_world.set_world,
    "strip": strip, "projection": dome,
}  # fmt: skip


def rimmed(picture: Picture) -> Picture:
    """The picture with a rim all around, of the colours that it ends in."""
    wide = [row[:1] * LEFT + row + row[-1:] * LEFT for row in picture]
    return wide[:1] * TOP + wide + wide[-1:] * TOP


def plate_of(scene: bpy.types.Scene, parent: Path, *, version: int = 1, rim: int = 1, says: bool = True) -> Path:
    """A plate of slopes, with the camera of what it sees itself; the manifest says where in the frames that lies."""
    pictures = [slope(blue=60 * version)] * 3
    frames = [rimmed(each) for each in pictures] if rim else pictures
    folder = write_plate(parent, frames, version=version, camera=scene.camera.name)
    ways_shots.scene_read.camera_path(scene).write(folder / "camera.json")
    view = {"left": LEFT * rim, "top": TOP * rim, "width": WIDTH, "height": HEIGHT}
    told = {"picture": {"delivery": {"view": view}}} if says else {}
    write_manifest(folder, {**read_manifest(folder), **told})
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_the_cameras_own_picture_fills_the_render(tmp_path: Path, way: str) -> None:
    scene = ways_shots.shot()
    WAYS[way](scene, read_plate(plate_of(scene, tmp_path)))
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slope(blue=60)) <= PLACE_PX


@pytest.mark.parametrize("way", WAYS)
def test_the_measure_sees_a_rim_that_nobody_told_of(tmp_path: Path, way: str) -> None:
    scene = ways_shots.shot()
    WAYS[way](scene, read_plate(plate_of(scene, tmp_path, says=False)))
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slope(blue=60)) > 1.0


@pytest.mark.parametrize("way", WAYS)
def test_versions_with_and_without_take_each_others_place(tmp_path: Path, way: str) -> None:
    scene = ways_shots.shot()
    first, second = (plate_of(scene, tmp_path, version=v, rim=v - 1) for v in (1, 2))
    WAYS[way](scene, read_plate(first))
    for version, folder in ((2, second), (1, first), (2, second)):
        ways_uses.use_version(scene, folder)
        got = rendered(scene, FIRST, tmp_path)
        assert ways_shots.shift_px(got, slope(blue=60 * version)) <= PLACE_PX
        assert abs(ways_shots.blue_of(got) - 60 * version) <= 1


def test_what_an_artist_cropped_and_mapped_stays(tmp_path: Path) -> None:
    scene = ways_shots.shot()
    first, second = (plate_of(scene, tmp_path, version=version, rim=0) for version in (1, 2))
    ways_plane.stand_plane(scene, read_plate(first))
    scene_composite.composite_behind(scene, read_plate(first))
    by_way = {use.way: use.owner for use in ways_uses.uses(scene)}
    tree = by_way["compositor"].id_data
    crop = tree.nodes.new("CompositorNodeCrop")
    tree.links.new(by_way["compositor"].outputs["Image"], crop.inputs[0])
    by_way["shader"].texture_mapping.scale = 2.0, 2.0, 1.0
    ways_uses.use_version(scene, second)
    assert [node for node in tree.nodes if node.bl_idname == "CompositorNodeCrop"] == [crop]
    assert tuple(by_way["shader"].texture_mapping.scale) == (2.0, 2.0, 1.0)


def test_a_frame_is_thrown_from_the_larger_view_where_that_is_the_plates_camera(tmp_path: Path) -> None:
    scene = ways_shots.shot()
    folder = plate_of(scene, tmp_path)
    path = ways_shots.scene_read.camera_path(scene)
    wider(path).write(folder / "camera.json")
    dome(scene, read_plate(folder))
    assert ways_shots.shift_px(rendered(scene, FIRST, tmp_path), slope(blue=60)) <= PLACE_PX


def wider(path: CameraPath) -> CameraPath:
    """What the camera would see with the rim."""
    lenses = tuple((fx, fy, cx + LEFT, cy + TOP) for fx, fy, cx, cy in path.intrinsics)
    told = path.to_dict()
    told |= {"width": WIDTH + 2 * LEFT, "height": HEIGHT + 2 * TOP, "intrinsics": [list(each) for each in lenses]}
    return CameraPath.from_dict(told)
