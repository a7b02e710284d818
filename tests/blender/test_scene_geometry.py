"""The ground and the depth that are read of a scene, and what of it does not count."""

from __future__ import annotations

import math
from typing import Any

import bpy
import pytest
from mathutils import Matrix, Vector

from blender_addon.scene_geometry import SceneGeometry, level_of, spread
from platewright.camera import CameraPath
from tests.blender.placed import Object, body, plane, read
from tests.blender.scenes import add, keys, shot


def ray(path: CameraPath, size: tuple[int, int], index: int, column: int, row: int) -> tuple[Vector, Vector]:
    """Eye and direction, one deep, of a pixel's centre: in doubles, and not by what is tested."""
    pose, (fx, fy, cx, cy) = path.camera_to_world[index], path.intrinsics[index]
    x, y = (column + 0.5) * path.width / size[0], (row + 0.5) * path.height / size[1]
    local = ((x - cx) / fx, (y - cy) / fy, 1.0)
    return Vector(pose[3::4][:3]), Vector([sum(pose[4 * i + j] * local[j] for j in range(3)) for i in range(3)])


# The ground ------------------------------------------------------------------------------------------


def test_the_ground_is_found_where_it_is() -> None:
    scene, _ = shot(1001, 1024)
    plane(1.25)
    scene.camera.location.z += 3.0
    for fcurve_height in (4.6, 5.2):
        keys(scene.camera, "location", {1001 if fcurve_height < 5 else 1024: (0.0, -8.0, fcurve_height)})
    assert read(scene)[0].ground_m == pytest.approx(1.25, abs=1e-5)


def test_the_ground_is_in_metres() -> None:
    scene, _ = shot(1, 12)
    plane(0.5)
    scene.unit_settings.scale_length = 0.01
    assert read(scene)[0].ground_m == pytest.approx(0.005, abs=1e-6)


@pytest.mark.parametrize(("tilt_deg", "is_ground"), [(0.5, True), (6.0, False), (30.0, False)])
def test_a_tilted_ground_is_none(tilt_deg: float, is_ground: bool) -> None:
    scene, _ = shot(1, 12)
    ground = plane(0.0)
    ground.rotation_euler.x = math.radians(tilt_deg)
    assert (read(scene)[0].ground_m is not None) is is_ground


def test_a_thing_under_the_way_is_not_the_ground() -> None:
    scene, _ = shot(1, 24)
    plane(0.0)
    body("Crate", (0.0, -6.5, 0.5), 1.0)
    assert read(scene)[0].ground_m == pytest.approx(0.0, abs=1e-6)


def test_a_ground_beside_the_camera_is_seen_and_none_is_never_assumed() -> None:
    scene, _ = shot(1, 12)
    stage = body("Stage", (0.0, 4.0, 0.3), 5.0, "grid")              # begins a metre before the eye can look down on it
    assert read(scene)[0].ground_m == pytest.approx(0.3, abs=1e-4)
    stage.rotation_euler.x = math.radians(20)
    assert read(scene)[0].ground_m is None                           # a ramp
    bpy.data.objects.remove(stage)
    assert read(scene)[0] == SceneGeometry(None, None, (128, 72), {})


def test_heights_that_do_not_agree_are_no_ground() -> None:
    assert level_of([]) is None
    assert level_of([(2.0, 0.0)] * 7 + [(2.0, 0.9)] * 3) == 0.0
    assert level_of([(2.0, 0.0)] * 5 + [(2.0, 0.9)] * 5) is None
    assert level_of([(2.0, height / 10) for height in range(10)]) is None


# The depth -------------------------------------------------------------------------------------------


def test_depth_of_a_cube_is_planar_depth_in_metres() -> None:
    scene, _ = shot(1001, 1024)
    cube = body("Cube", (0.3, 1.0, 1.0))
    cube.rotation_euler = (0.2, 0.1, 0.6)
    scene.unit_settings.scale_length = 0.5
    geometry, path = read(scene)
    assert list(geometry.depth) == list(spread(path.frames, 9)) and len(geometry.depth) == 9
    box = (Matrix.Translation(cube.location) @ cube.rotation_euler.to_matrix().to_4x4()).inverted()
    hits = 0
    for frame in (1001, 1012, 1024):
        if frame not in geometry.depth:
            continue
        for row in range(0, 72, 3):
            for column in range(0, 128, 3):
                eye, direction = ray(path, geometry.size, frame - 1001, column, row)
                truth = slab(box @ (eye / 0.5), box.to_3x3() @ direction) * 0.5
                found = geometry.depth[frame][row * 128 + column]
                assert (found == 0.0) == (truth == 0.0) or is_rim(geometry, frame, row, column)
                if found and truth:
                    hits += 1
                    assert found == pytest.approx(truth, rel=1e-4)
    assert hits > 50


def slab(eye: Vector, direction: Vector) -> float:
    """Where a ray meets the cube of edge 2 about the origin, in lengths of `direction`; 0 where it does not."""
    near, far = -math.inf, math.inf
    for place, step in zip(eye, direction, strict=True):
        ends = sorted(((-1.0 - place) / step, (1.0 - place) / step))
        near, far = max(near, ends[0]), min(far, ends[1])
    return near if 0.0 < near < far else 0.0


def is_rim(geometry: SceneGeometry, frame: int, row: int, column: int) -> bool:
    around = [geometry.depth[frame][(row + y) * 128 + column + x] for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return 0.0 in around and any(around)


def test_instances_and_what_modifiers_make_are_seen_where_they_are() -> None:
    scene, _ = shot(1, 9)
    scene.camera.animation_data_clear()
    model = body("Model", (0.0, 0.0, 0.0))
    many = bpy.data.collections.new("Many")
    many.objects.link(model)
    scene.collection.objects.unlink(model)
    stand = add("Stand")
    stand.instance_type, stand.instance_collection = "COLLECTION", many
    stand.location = (0.0, 20.0, 2.0)
    middle = 36 * 128 + 64
    depths = set()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 2.0), (math.pi / 2, 0.0, 0.0)
    depths.add(round(read(scene)[0].depth[1][middle], 3))
    row = body("Row", (0.0, 10.0, 2.0))
    array = row.modifiers.new("Array", "ARRAY")
    array.count, array.relative_offset_displace = 3, (0.0, -1.5, 0.0)
    depths.add(round(read(scene)[0].depth[1][middle], 3))
    assert depths == {27.0, 11.0}


def test_geometry_that_nodes_have_made_is_seen() -> None:
    scene, _ = shot(1, 2)
    scene.camera.animation_data_clear()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 0.0), (math.pi / 2, 0.0, 0.0)
    tree = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    start, end, cube, scatter = (
        tree.nodes.new(kind)
        for kind in ("NodeGroupInput", "NodeGroupOutput", "GeometryNodeMeshCube", "GeometryNodeInstanceOnPoints")
    )
    tree.links.new(start.outputs[0], scatter.inputs["Points"])
    tree.links.new(cube.outputs[0], scatter.inputs["Instance"])
    tree.links.new(scatter.outputs[0], end.inputs[0])
    mesh = bpy.data.meshes.new("Points")
    mesh.from_pydata([(0.0, 5.0, 0.0), (3.0, 7.0, 0.0)], [], [])
    add("Scattered", mesh).modifiers.new("Nodes", "NODES").node_group = tree
    assert read(scene)[0].depth[1][36 * 128 + 64] == pytest.approx(12.5, rel=1e-5)


HIDDEN: dict[str, Any] = {
    "from render": lambda thing: setattr(thing, "hide_render", True),
    "from the camera": lambda thing: setattr(thing, "visible_camera", False),
    "drawn as bounds": lambda thing: setattr(thing, "display_type", "BOUNDS"),
    "drawn as wire": lambda thing: setattr(thing, "display_type", "WIRE"),
    "on the camera": lambda thing: setattr(thing, "parent", bpy.context.scene.camera),
    "on the camera's dolly": lambda thing: on_a_dolly(thing),
    "with its collection": lambda thing: into_hidden_collection(thing, "hide_render"),
    "left out of the layer": lambda thing: into_hidden_collection(thing, "exclude"),
    "falling": lambda thing: falling(thing),
}


def on_a_dolly(thing: Object) -> None:
    dolly = add("Dolly")
    keys(dolly, "location", {1: (0.0, 0.0, 0.0), 9: (0.0, 1.0, 0.0)})
    thing.parent = bpy.context.scene.camera.parent = dolly


def into_hidden_collection(thing: Object, how: str) -> None:
    scene, hidden = bpy.context.scene, bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    hidden.objects.link(thing)
    scene.collection.objects.unlink(thing)
    if how == "exclude":
        scene.view_layers[0].layer_collection.children["Hidden"].exclude = True
    else:
        hidden.hide_render = True


def falling(thing: Object) -> None:
    bpy.ops.rigidbody.world_add()
    bodies = bpy.data.collections.new("Bodies")
    bpy.context.scene.rigidbody_world.collection = bodies
    bodies.objects.link(thing)
    with bpy.context.temp_override(object=thing, active_object=thing, selected_objects=[thing]):
        bpy.ops.rigidbody.object_add(type="ACTIVE")
    assert thing.rigid_body


@pytest.mark.parametrize("how", HIDDEN)
def test_what_the_render_does_not_show_is_left_out(how: str) -> None:
    scene, _ = shot(1, 9)
    plane(0.0)
    roof = body("Roof", (0.0, -6.0, 1.0), 8.0, "grid")               # right below the camera
    scene.camera.animation_data_clear()
    scene.camera.location = (0.0, -8.0, 4.0)
    bpy.context.view_layer.update()
    assert read(scene)[0].ground_m == pytest.approx(1.0, abs=1e-5)
    HIDDEN[how](roof)
    assert read(scene)[0].ground_m == pytest.approx(0.0, abs=1e-5)


def test_what_is_hidden_in_the_viewport_alone_counts() -> None:
    scene, _ = shot(1, 2)
    ground = plane(0.5)
    ground.hide_set(True)
    assert read(scene)[0].ground_m == pytest.approx(0.5, abs=1e-5)


def test_things_that_move_are_where_they_are_in_each_frame() -> None:
    scene, _ = shot(1, 9)
    scene.camera.animation_data_clear()
    scene.camera.data.animation_data_clear()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 0.0), (math.pi / 2, 0.0, 0.0)
    wall = body("Wall", (0.0, 0.0, 0.0), 10.0)
    keys(wall, "location", {1: (0.0, 10.0, 0.0), 9: (0.0, 30.0, 0.0)})
    depth = read(scene)[0].depth
    assert [round(depth[frame][36 * 128 + 64], 3) for frame in (1, 9)] == [13.0, 33.0]
