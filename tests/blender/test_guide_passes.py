"""Depth and clay of real scenes against what is known of them; and the scene as it was, whatever happened."""

from __future__ import annotations

import math
import os
import subprocess
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bmesh
import bpy
import pytest
from mathutils import Vector

from blender_addon import guide_camera, guide_passes, scene_read
from platewright.camera import CameraPath
from platewright.errors import Cancelled, PlatewrightError
from tests.blender.placed import body, full_scene, lamp, plane
from tests.blender.scenes import add, keys, shot
from tests.conftest import ROOT

PYTHON = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TRUTH = ROOT / "tests/blender/guide_truth.py"
WIDTH, HEIGHT = 48, 32


class Pictures:
    """Passes by kind and frame, as rows of numbers."""

    def __init__(self, folder: Path, view: CameraPath) -> None:
        self.folder, self.view = folder, view
        subprocess.run([str(PYTHON), "-I", "-B", str(TRUTH), str(folder)], check=True)

    def at(self, kind: str, frame: int, column: int, row: int) -> float:
        values = array("f", (self.folder / f"{kind}.{frame:04d}.f32").read_bytes())
        return values[row * self.view.width + column]

    def all(self, kind: str, frame: int) -> array[float]:
        return array("f", (self.folder / f"{kind}.{frame:04d}.f32").read_bytes())


def small(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT


def rendered(scene: bpy.types.Scene, folder: Path, *kinds: str, view: CameraPath | None = None) -> Pictures:
    view = view or scene_read.camera_path(scene)
    guide_passes.render(scene, view, kinds, folder)
    return Pictures(folder, view)


def ahead(scene: bpy.types.Scene) -> bpy.types.Object:
    """A camera that stands at (0, -8, 0) and looks along +Y."""
    camera = add("Front", bpy.data.cameras.new("Front"))
    camera.location, camera.rotation_euler = (0.0, -8.0, 0.0), (math.pi / 2, 0.0, 0.0)
    camera.data.lens = 36.0
    scene.camera = camera
    return camera


# Depth -----------------------------------------------------------------------------------------------


def on_plane(view: CameraPath, index: int, column: int, row: int, point: Vector, normal: Vector) -> float:
    """Planar depth in metres of a plane, by a pixel's ray in doubles; 0 where it is not met."""
    pose, (fx, fy, cx, cy) = view.camera_to_world[index], view.intrinsics[index]
    slopes = ((column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy, 1.0)
    ray = [sum(pose[4 * i + j] * slopes[j] for j in range(3)) for i in range(3)]
    along = sum(a * b for a, b in zip(ray, normal, strict=True))
    away = sum((point[i] - pose[4 * i + 3]) * normal[i] for i in range(3))
    return away / along if along and away / along > 0 else 0.0


def shifted(camera: Any, render: Any) -> None:
    camera.data.shift_x, camera.data.shift_y = 0.21, -0.13


def anamorphic(camera: Any, render: Any) -> None:
    render.pixel_aspect_x, camera.data.shift_x = 2.0, -0.1


def tall_pixels(camera: Any, render: Any) -> None:
    render.pixel_aspect_y, camera.data.sensor_fit = 1.5, "VERTICAL"


def in_centimetres(camera: Any, render: Any) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01


LENSES: list[Callable[[Any, Any], None]] = [shifted, anamorphic, tall_pixels, in_centimetres]


@pytest.mark.parametrize("lens", LENSES)
def test_depth_is_that_of_known_planes_with_the_overscan(lens: Callable[[Any, Any], None], tmp_path: Path) -> None:
    scene, camera = shot(1001, 1001)
    small(scene)
    plane(0.0, 2000.0)
    lens(camera, scene.render)
    path = scene_read.camera_path(scene)
    view = path.cropped(-9, -7, WIDTH + 18, HEIGHT + 14)
    pictures = rendered(scene, tmp_path, "depth", view=view)
    metres = scene_read.metres_per_unit(scene)
    depth, checked = pictures.all("depth", 1001), 0
    for row in range(view.height):
        for column in range(view.width):
            truth = on_plane(view, 0, column, row, Vector((0, 0, 0)), Vector((0, 0, 1)))
            found = depth[row * view.width + column] * metres
            if 0 < truth < 20 * metres:            # beyond, a row of this small picture is metres deep
                checked += 1
                assert found == pytest.approx(truth, rel=1e-4), (row, column)
            elif truth == 0:
                assert found > 1e9 * metres
    assert checked > 200
    off = on_plane(view, 0, 5, view.height - 2, Vector((0, 0, 0)), Vector((0, 0, 1)))       # guilty: a pixel aside
    assert depth[(view.height - 1) * view.width + 5] * metres != pytest.approx(off, rel=1e-4)


def test_what_moves_bends_and_grows_is_where_the_render_has_it(tmp_path: Path) -> None:
    """Side by side: a wall that moves, a shape key, a modifier that only renders, an instance, hair, and nothing."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 3
    small(scene)
    ahead(scene)
    wall = body("Wall", (-3.3, 4.0, 0.0), 1.0)
    keys(wall, "location", {1: (-3.3, 4.0, 0.0), 3: (-4.4, 8.0, 0.0)})    # along the ray of its pixel
    bending = body("Bending", (-1.7, 4.0, 0.0), 1.0)
    bending.shape_key_add(name="Basis")
    nearer = bending.shape_key_add(name="Nearer")
    for vertex in nearer.data:
        vertex.co.y -= 2.0
    for frame, value in ((1, 0.0), (3, 1.0)):
        nearer.value = value
        nearer.keyframe_insert("value", frame=frame)
    round_one = body("Round", (0.0, 4.0, 0.0), 1.6)
    subdivision = round_one.modifiers.new("Subdivision", "SUBSURF")
    subdivision.levels, subdivision.render_levels, subdivision.show_viewport = 0, 4, False
    many = bpy.data.collections.new("Many")
    model = body("Model", (0.0, 0.0, 0.0), 1.0)
    scene.collection.objects.unlink(model)
    many.objects.link(model)
    stand = add("Stand")
    stand.instance_type, stand.instance_collection, stand.location = "COLLECTION", many, (1.7, 6.0, 0.0)
    add_hair((3.3, 3.0, 0.0))
    pictures = rendered(scene, tmp_path, "depth")
    column = {name: int(WIDTH / 2 + WIDTH * x / y) for name, x, y in (
        ("wall", -3.3, 12.0), ("bending", -1.7, 11.5), ("round", 0.0, 11.2), ("stand", 1.7, 13.5), ("hair", 3.3, 11.0),
    )}  # fmt: skip
    middle = HEIGHT // 2
    seen = {name: [pictures.at("depth", frame, at, middle) for frame in (1, 2, 3)] for name, at in column.items()}
    assert seen["wall"][::2] == pytest.approx([11.5, 15.5], rel=1e-4)
    assert seen["bending"][::2] == pytest.approx([11.5, 9.5], rel=1e-4)
    assert 11.5 > seen["bending"][1] > 9.5
    assert seen["stand"] == pytest.approx([13.5] * 3, rel=1e-4)
    assert 11.3 < seen["round"][0] < 11.6          # a cube's corner cut down to Catmull-Clark's limit; the cube is 11.2
    assert seen["hair"] == pytest.approx([11.0] * 3, abs=0.06)
    assert pictures.at("depth", 1, WIDTH // 2, 1) > 1e9


def add_hair(place: tuple[float, float, float]) -> None:
    """One thick strand, straight up."""
    curves = bpy.data.hair_curves.new("Hair")
    curves.add_curves([3])
    for index, z in enumerate((-2.0, 0.0, 2.0)):
        curves.points[index].position, curves.points[index].radius = (0.0, 0.0, z), 0.05
        curves.points[index].radius = 0.3
    add("Hair", curves).location = place


def test_what_the_render_does_not_show_is_left_out(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 1
    small(scene)
    camera = ahead(scene)
    body("Far", (0.0, 20.0, 0.0), 30.0)
    for index, hide in enumerate(("hide_render", "display_type", "parent")):
        thing = body(hide, (index - 1.0, 0.0, 0.0), 0.9)
        if hide == "parent":
            bpy.context.view_layer.update()
            thing.parent, thing.matrix_parent_inverse = camera, camera.matrix_world.inverted()
        else:
            setattr(thing, hide, True if hide == "hide_render" else "WIRE")
    shown = body("Only in renders", (0.0, 1.0, 2.0), 0.9)
    shown.hide_viewport = True
    pictures = rendered(scene, tmp_path, "depth")
    middle = [pictures.at("depth", 1, column, HEIGHT // 2) for column in (18, 24, 30)]
    assert middle == pytest.approx([13.0] * 3, rel=1e-4)
    assert pictures.at("depth", 1, WIDTH // 2, HEIGHT // 2 - 11) == pytest.approx(8.55, rel=1e-4)


# Clay ------------------------------------------------------------------------------------------------


def ball(place: tuple[float, float, float]) -> None:
    mesh, shape = bpy.data.meshes.new("Ball"), bmesh.new()
    bmesh.ops.create_uvsphere(shape, u_segments=32, v_segments=16, radius=2.0)
    shape.to_mesh(mesh)
    shape.free()
    add("Ball", mesh).location = place


def sides(pictures: Pictures, frame: int) -> tuple[float, float, float, float]:
    """Grey of the ball's left, right, upper and lower parts."""
    x, y, away = WIDTH // 2, HEIGHT // 2, 6
    places = ((x - away, y), (x + away - 1, y), (x, y - away), (x, y + away - 1))
    grey = [pictures.at("clay", frame, column, row) for column, row in places]
    return grey[0], grey[1], grey[2], grey[3]


def test_clays_lit_side_is_where_the_sun_is_in_every_frame(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 2
    small(scene)
    ahead(scene)
    ball((0.0, 0.0, 0.0))
    lamp("Weak", 0.1, 90.0, 10.0)
    sun = lamp("Sun", 3.0, 180.0, 20.0)            # from -X, which is on the left
    turn = tuple(sun.rotation_euler)
    keys(sun, "rotation_euler", {1: turn, 2: (turn[0], turn[1], turn[2] + math.pi)})
    pictures = rendered(scene, tmp_path, "clay")
    left, right, up, down = sides(pictures, 1)
    assert left > right + 0.08 and up > down
    left, right, up, down = sides(pictures, 2)
    assert right > left + 0.08 and up > down
    assert pictures.at("clay", 1, 1, 1) == pytest.approx(0.85, abs=0.01)


def test_clay_has_no_grain_and_a_ground_that_catches_shadows_is_grey(tmp_path: Path) -> None:
    """A sun from behind the camera on a wall, before a ground that the render itself would leave clear."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 1
    small(scene)
    ahead(scene)
    body("Wall", (0.0, 2.0, 0.0), 4.0)
    ground = plane(-1.0, 100.0)
    ground.is_shadow_catcher = True
    lamp("Sun", 3.0, 270.0, 30.0)
    pictures = rendered(scene, tmp_path, "depth", "clay")
    wall = [pictures.at("clay", 1, column, row) for column in range(21, 27) for row in range(13, 18)]
    assert max(wall) - min(wall) < 0.004 and wall[0] > 0.5
    assert pictures.at("clay", 1, 3, HEIGHT - 2) == pytest.approx(0.68, abs=0.02)
    assert pictures.at("clay", 1, 3, 2) == pytest.approx(0.85, abs=0.01)


def test_without_a_sun_clay_has_form_all_the_same(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 1
    small(scene)
    ahead(scene)
    ball((0.0, 0.0, 0.0))
    left, right, up, down = sides(rendered(scene, tmp_path, "clay"), 1)
    assert up > down + 0.08 and right > left + 0.02


# The scene as it was ---------------------------------------------------------------------------------


def everything() -> dict[str, Any]:
    """Every data-block with its users, what is chosen, where things are, and every setting of the render."""
    scene = bpy.context.scene
    blocks = {
        name: sorted((block.name_full, block.users) for block in getattr(bpy.data, name))
        for name in dir(bpy.data)
        if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection) and name != "window_managers"
    }
    settings = {
        f"{owner.rna_type.identifier}.{item.identifier}": str(getattr(owner, item.identifier))
        for owner in (scene.render, scene.cycles, scene.render.image_settings, scene.view_layers[0])
        for item in owner.rna_type.properties
        if item.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")
    }
    things = [(thing.name, thing.matrix_world.copy(), thing.location.copy()) for thing in bpy.data.objects]
    chosen = scene.view_layers[0].objects.active, [thing.select_get() for thing in scene.objects]
    when = scene.frame_current, scene.frame_subframe, scene.camera, scene.view_layers[0].material_override
    return {"blocks": blocks, "settings": settings, "things": things, "chosen": chosen, "when": when}


@pytest.mark.parametrize("end", ["well", "cancelled", "failed"])
def test_the_scene_is_as_it_was(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = full_scene()
    small(scene)
    bpy.data.objects["Wall"].select_set(True)
    bpy.context.view_layer.objects.active = bpy.data.objects["Ground"]
    path = scene_read.camera_path(scene, frames=(1, 2))
    bpy.data.objects["Wall"].location = (1.0, 2.0, 3.0)
    bpy.context.view_layer.update()
    before = everything()

    def stop(done: int, total: int) -> None:
        assert total == 4 and len(bpy.data.scenes) == 2 and scene.frame_current == 7
        if end == "cancelled" and done == 3:
            raise Cancelled()

    if end == "failed":
        monkeypatch.setattr(guide_camera, "clip_of", lambda name: (tmp_path / "no" / "folder").unlink())
    try:
        guide_passes.render(scene, path, ("depth", "clay"), tmp_path, stop)
    except (PlatewrightError, FileNotFoundError) as error:
        assert isinstance(error, Cancelled) == (end == "cancelled")
    else:
        assert end == "well"
    assert everything() == before


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    scene, _ = shot(1, 1)
    small(scene)
    body("Cube", (0.0, 0.0, 0.0))
    (tmp_path / "file").write_text("in the way")
    bpy.context.view_layer.update()
    before = everything()
    with pytest.raises(PlatewrightError) as caught:
        guide_passes.render(scene, scene_read.camera_path(scene), ["depth"], tmp_path / "file")
    assert caught.value.code == "E_GUIDE_RENDER" and caught.value.hint
    assert everything() == before


def test_names_from_a_file_are_only_names(tmp_path: Path) -> None:
    """A result of an earlier render stays, too."""
    scene, camera = shot(7, 7)
    small(scene)
    for owner in (scene, camera, body("{frame} #### ../x'; $(touch y)", (0.0, 0.0, 1.0))):
        owner.name = owner.name[:1] + "{blend} ##; \"'$(touch z) ä"
    folder = tmp_path / "{file_name} ## ä 'x'"
    folder.mkdir()
    pictures = rendered(scene, folder, "depth", "clay")
    names = ["clay.0007.exr", "clay.0007.f32", "depth.0007.exr", "depth.0007.f32"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert pictures.at("depth", 7, WIDTH // 2, HEIGHT // 2) > 0


@pytest.mark.parametrize("name", ["Camera", "gone"])
def test_what_the_scenes_camera_clips_is_clipped(name: str, tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 1
    small(scene)
    camera = ahead(scene)
    camera.name = name
    camera.data.clip_start, camera.data.clip_end = 9.0, 1000.0
    body("Near", (0.0, -6.0, 0.0), 1.0)
    body("Far", (0.0, 20.0, 0.0), 30.0)
    path = scene_read.camera_path(scene)
    if name == "gone":
        camera.name = "Another"
    depth = rendered(scene, tmp_path, "depth", view=path).at("depth", 1, WIDTH // 2, HEIGHT // 2)
    assert depth == pytest.approx(13.0 if name == "Camera" else 1.5, rel=1e-4)
