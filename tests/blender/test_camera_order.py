"""What needs every frame in order, or other people's code on every frame: physics, simulations, handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import bmesh
import bpy
import pytest

from blender_addon import scene_read
from tests.blender.scenes import LIMIT_PX, add, shot, tetrahedron, worst_px

Camera = bpy.types.Object
FIRST = 10                                         # of the range; the simulations start at frame 1


def falls(camera: Camera) -> None:
    ball = tetrahedron("Ball")
    bpy.ops.rigidbody.world_add()
    with bpy.context.temp_override(object=ball, active_object=ball, selected_objects=[ball]):
        bpy.ops.rigidbody.object_add()
    camera.parent = ball


def hangs_on_cloth(camera: Camera) -> None:
    grid, built = bpy.data.meshes.new("Sheet"), bmesh.new()
    bmesh.ops.create_grid(built, x_segments=6, y_segments=6, size=2)
    built.to_mesh(grid)
    sheet = add("Sheet", grid)
    sheet.modifiers.new("Cloth", "CLOTH")
    camera.parent, camera.parent_type, camera.parent_vertices = sheet, "VERTEX_3", (0, 8, 20)


def hangs_on_simulation_nodes(camera: Camera) -> None:
    group = bpy.data.node_groups.new("Lift", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    kinds = ("NodeGroupInput", "GeometryNodeSimulationInput", "GeometryNodeSetPosition", "GeometryNodeSimulationOutput")
    entry, start, move, end = (group.nodes.new(kind) for kind in kinds)
    start.pair_with_output(end)
    move.inputs["Offset"].default_value = (0, 0, 0.1)
    way = [(entry, start), (start, move), (move, end), (end, group.nodes.new("NodeGroupOutput"))]
    for source, target in way:
        group.links.new(source.outputs["Geometry"], target.inputs["Geometry"])
    body = tetrahedron("Body")
    body.modifiers.new("Lift", "NODES").node_group = group
    camera.parent, camera.parent_type, camera.parent_vertices = body, "VERTEX_3", (0, 1, 2)


@pytest.mark.parametrize("physics", [falls, hangs_on_cloth, hangs_on_simulation_nodes])
def test_physics_run_in_order(physics: Callable[[Camera], None]) -> None:
    scene, camera = shot()
    camera.animation_data_clear()
    physics(camera)
    path = scene_read.camera_path(scene, frames=(FIRST, 24))
    assert path.warnings[0].startswith("W_SLOW_PATH: ")
    heights = [pose[11] for pose in path.camera_to_world]
    assert len(set(heights)) == len(heights)
    assert abs(heights[0] - camera.location.z) > 0.3                           # it had moved before the range began
    for frame in range(1, FIRST):
        scene.frame_set(frame)
    assert worst_px(path, scene) < LIMIT_PX


# Handlers -----------------------------------------------------------------------------------------------


def by_the_scene_given(scene: bpy.types.Scene, graph: object = None) -> None:
    bpy.data.objects["Camera"].location.x = scene.frame_current * 0.1


def by_the_scene_in_view(scene: bpy.types.Scene, graph: object = None) -> None:
    bpy.data.objects["Camera"].location.x = bpy.context.scene.frame_current * 0.1


@pytest.fixture(params=[by_the_scene_given, by_the_scene_in_view])
def handler(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """An add-on or a rig that moves the camera at every frame change."""
    bpy.app.handlers.frame_change_pre.append(request.param)
    yield request.param
    bpy.app.handlers.frame_change_pre.remove(request.param)


def test_handlers_move_the_camera(handler: Callable[..., None]) -> None:
    scene, camera = shot()
    camera.animation_data_clear()
    scene.frame_set(5)
    path = scene_read.camera_path(scene)
    assert camera.location.x == pytest.approx(0.5)
    assert len(set(path.camera_to_world)) == 24
    assert worst_px(path, scene) < LIMIT_PX
    assert bool(path.warnings) == (handler is by_the_scene_in_view)
