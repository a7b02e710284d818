"""What a frozen camera did not see gets nothing of its frame: a wall behind a column, by Blender's own rays."""

from __future__ import annotations

from array import array
from pathlib import Path

import bpy
import pytest
from mathutils import Vector

from blender_addon import plate_read, ways_depth, ways_projection, ways_removal, ways_uses
from platewright.errors import PlateError
from tests.blender import ways_shots
from tests.blender.plate_files import Picture, flat
from tests.blender.ways_shots import FIRST, plate_of, rendered, shot

WIDTH, HEIGHT = 64, 36
WHITE, BLACK = 255, 0
COLUMN = (-0.5, 0.5), (-0.5, 0.5), (-3.0, 3.0)     # from, to
WALL_Y = 4.0


def box(scene: bpy.types.Scene, name: str, *sides: tuple[float, float]) -> bpy.types.Object:
    """From and to along each axis; a side without an extent is left out."""
    mesh = bpy.data.meshes.new(name)
    points = [(x, y, z) for x in sides[0] for y in sides[1] for z in sides[2]]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(points, [], quads)
    made = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(made)
    return made


def wall_and_column() -> tuple[bpy.types.Scene, list[bpy.types.Object]]:
    """The shot's camera looks straight at the column; the scene is dark but for what is projected."""
    scene = shot(width=WIDTH, height=HEIGHT)
    scene.cycles.max_bounces = 0                   # what is projected shines on what is not
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 0.0), (1.5707963, 0.0, 0.0)
    mesh = bpy.data.meshes.new("Wall")
    mesh.from_pydata([(-9, WALL_Y, -6), (9, WALL_Y, -6), (9, WALL_Y + 2, 6), (-9, WALL_Y + 2, 6)], [], [(0, 1, 2, 3)])
    wall = bpy.data.objects.new("Wall", mesh)
    scene.collection.objects.link(wall)
    bpy.context.view_layer.update()
    return scene, [wall, box(scene, "Column", *COLUMN)]


def thrown(scene: bpy.types.Scene, folder: Path, things: list[bpy.types.Object], *, is_occluded: bool = True) -> None:
    plate = plate_read.read_plate(folder)
    ways_projection.project(scene, plate, [FIRST], "CHOSEN", chosen=things, is_occluded=is_occluded)


def from_aside(scene: bpy.types.Scene, folder: Path) -> Picture:
    """The render of a camera that looks behind the column."""
    aside = bpy.data.objects.new("Aside", bpy.data.cameras.new("Aside"))
    scene.collection.objects.link(aside)
    aside.location = (-6.0, -7.0, 1.0)
    aside.rotation_euler = (Vector((0.0, 2.0, 0.0)) - aside.location).to_track_quat("-Z", "Y").to_euler()
    scene.camera = aside
    bpy.context.view_layer.update()
    return rendered(scene, FIRST, folder)


def was_seen(scene: bpy.types.Scene, picture: Picture) -> tuple[int, int, int]:
    """Of the pixels well within a face and the shot's picture: rightly white, rightly dark, wrong.

    What is right is found by Blender's own rays: from the camera of the render to a point, from the shot's camera to
    the same point. Where within half a degree something else is seen the pixel does not count.
    """
    graph = bpy.context.evaluated_depsgraph_get()
    eye, shots = scene.camera, bpy.data.objects["Cam"]
    corners = [eye.matrix_world @ each for each in eye.data.view_frame(scene=scene)]
    right, bottom = corners[0] - corners[3], corners[2] - corners[3]
    counts = [0, 0, 0]
    for y in range(HEIGHT):
        for x in range(WIDTH):
            goal = corners[3] + right * ((x + 0.5) / WIDTH) + bottom * ((y + 0.5) / HEIGHT)
            start = eye.matrix_world.translation
            hit, point, *_ = scene.ray_cast(graph, start, goal - start)
            verdicts = {is_open(scene, graph, shots, point, nudge) for nudge in NUDGES} if hit else {None}
            if len(verdicts) == 1 and None not in verdicts:
                wanted = WHITE if True in verdicts else BLACK
                counts[2 if abs(picture[y][x][0] - wanted) > 8 else wanted == BLACK] += 1
    return counts[0], counts[1], counts[2]


NUDGES = [Vector((x, 0.0, z)) for x in (-0.15, 0.0, 0.15) for z in (-0.15, 0.0, 0.15)]


def is_open(
    scene: bpy.types.Scene, graph: bpy.types.Depsgraph, camera: bpy.types.Object, point: Vector, nudge: Vector
) -> bool | None:
    """Whether nothing lies between; None where it is not in the camera's picture."""
    from bpy_extras.object_utils import world_to_camera_view

    place = world_to_camera_view(scene, camera, point)
    if not (0.05 < place.x < 0.95 and 0.05 < place.y < 0.95 and place.z > 0):
        return None
    start = camera.matrix_world.translation
    goal = point + nudge
    hit, first, *_ = scene.ray_cast(graph, start, goal - start)
    return not hit or (first - start).length > (goal - start).length * 0.995


def test_the_wall_behind_the_column_is_not_smeared(tmp_path: Path) -> None:
    scene, things = wall_and_column()
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    thrown(scene, folder, things)
    seen, hidden, wrong = was_seen(scene, from_aside(scene, tmp_path))
    assert seen > 400 and hidden > 100 and wrong == 0


def test_the_measure_sees_a_smear(tmp_path: Path) -> None:
    """Guilty: without the test the wall behind the column and the column's far side are white, too."""
    scene, things = wall_and_column()
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    thrown(scene, folder, things, is_occluded=False)
    seen, hidden, wrong = was_seen(scene, from_aside(scene, tmp_path))
    assert seen > 400 and hidden == 0 and wrong > 100


def test_what_is_not_chosen_hides_nothing(tmp_path: Path) -> None:
    """A figure that stands in the shot is not in the plate: behind it there is wall."""
    scene, (wall, column) = wall_and_column()
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    thrown(scene, folder, [wall])
    column.hide_render = True
    assert {pixel for row in from_aside(scene, tmp_path) for pixel in row[40:]} <= {(255, 255, 255), (0, 0, 0)}
    scene.camera = bpy.data.objects["Cam"]
    assert {pixel for row in rendered(scene, FIRST, tmp_path) for pixel in row} == {(255, 255, 255)}


def test_from_its_own_camera_nothing_is_missing(tmp_path: Path) -> None:
    """No stripes on slanted walls, nothing at edges: the frame is itself, pixel by pixel."""
    scene, things = wall_and_column()
    folder = plate_of(scene, tmp_path, ways_shots.slopes(WIDTH, HEIGHT))
    thrown(scene, folder, things)
    got = rendered(scene, FIRST, tmp_path)
    assert ways_shots.shift_px(got, ways_shots.slopes(WIDTH, HEIGHT)[0]) <= 0.02


def test_the_map_is_what_blenders_own_rays_say(tmp_path: Path) -> None:
    """Also of a text, which is no mesh, and it goes into the .blend."""
    scene, things = wall_and_column()
    text = bpy.data.objects.new("Text", bpy.data.curves.new("Text", "FONT"))
    text.data.body, text.data.extrude = "HI", 0.2
    text.location, text.rotation_euler = (1.0, -2.0, -0.5), (1.5707963, 0.0, 0.0)
    scene.collection.objects.link(text)
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    before = {len(bpy.data.objects), len(bpy.data.meshes)}
    thrown(scene, folder, [*things, text])
    assert before != {0} and not [each for each in bpy.data.node_groups if each.type == "GEOMETRY"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene = bpy.context.scene
    (image,) = [each for each in bpy.data.images if ways_depth.DEPTH in each]
    values = array("f", bytes(16 * WIDTH * HEIGHT))
    image.pixels.foreach_get(values)
    graph, camera = bpy.context.evaluated_depsgraph_get(), bpy.data.objects["Cam"]
    start, forward = camera.matrix_world.translation, -camera.matrix_world.col[2].xyz
    corners = [camera.matrix_world @ each for each in camera.data.view_frame(scene=scene)]
    right, up = corners[0] - corners[3], corners[3] - corners[2]
    off = []
    for y in range(HEIGHT):
        for x in range(WIDTH):
            goal = corners[2] + right * ((x + 0.5) / WIDTH) + up * ((y + 0.5) / HEIGHT)
            hit, point, *_ = scene.ray_cast(graph, start, goal - start)
            truth = (point - start).dot(forward) if hit else ways_depth.FAR
            off.append(abs(values[4 * (y * WIDTH + x)] / truth - 1))
    assert sorted(off)[-20] < 1e-4, "but for rays that graze an edge"
    assert len({round(each, 1) for each in values[0::4]}) > 2


def test_another_version_sees_what_its_own_camera_saw(tmp_path: Path) -> None:
    scene, things = wall_and_column()
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    thrown(scene, folder, things)
    scene.camera.location.x = 3.0
    bpy.context.view_layer.update()
    ways_uses.use_version(scene, plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3, version=2))
    seen, hidden, wrong = was_seen(scene, from_aside(scene, tmp_path))
    assert seen > 300 and hidden > 40 and wrong == 0
    ways_removal.remove(scene, "projection")
    assert not [each for each in bpy.data.images if ways_depth.DEPTH in each] and not bpy.data.node_groups


def test_a_frame_that_is_too_large_is_refused_before_anything_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, things = wall_and_column()
    folder = plate_of(scene, tmp_path, [flat(WIDTH, HEIGHT, (255, 255, 255))] * 3)
    monkeypatch.setattr(ways_depth, "PIXELS_MAX", WIDTH * HEIGHT - 1)
    with pytest.raises(PlateError, match="E_PROJECT_DEPTH"):
        thrown(scene, folder, things)
    assert not bpy.data.images and not bpy.data.node_groups and len(bpy.data.cameras) == 1
    thrown(scene, folder, things, is_occluded=False)
