"""Shots built in code, and Blender's own word on where their cameras show a point."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from platewright.camera import CameraPath

LIMIT_PX = 0.02                                    # at 1920 wide: the promise
DEPTHS = (1.5, 8.0, 60.0)


# Building -------------------------------------------------------------------------------------------


def add(name: str, data: bpy.types.ID | None = None) -> bpy.types.Object:
    """An object in the scene; without data it is an empty."""
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def add_camera(name: str = "Camera", place: tuple[float, float, float] = (0.0, -8.0, 2.0)) -> bpy.types.Object:
    """A camera that looks along +Y, a little down; the first one is the scene's."""
    camera = add(name, bpy.data.cameras.new(name))
    camera.location = place
    camera.rotation_euler = (1.4, 0.0, 0.0)
    bpy.context.scene.camera = bpy.context.scene.camera or camera
    return camera


def keys(owner: bpy.types.bpy_struct, channel: str, values: dict[int, object]) -> None:
    """Keyframes of one property."""
    for frame, value in values.items():
        setattr(owner, channel, value)
        owner.keyframe_insert(channel, frame=frame)


def shot(first: int = 1, last: int = 24) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """A scene whose camera dollies and pans with an animated lens."""
    scene = bpy.context.scene
    scene.frame_end, scene.frame_start = last, first
    camera = add_camera()
    keys(camera, "location", {first: (-2.0, -8.0, 1.6), last: (3.0, -5.0, 2.2)})
    keys(camera, "rotation_euler", {first: (1.45, 0.0, -0.2), last: (1.35, 0.1, 0.5)})
    keys(camera.data, "lens", {first: 24.0, last: 50.0})
    return scene, camera


def tetrahedron(name: str) -> bpy.types.Object:
    """The smallest body."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [], [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)])
    return add(name, mesh)


def drive(owner: bpy.types.bpy_struct, channel: str, expression: str, index: int = -1) -> bpy.types.Driver:
    """A scripted driver without variables."""
    driver = owner.driver_add(channel, index).driver
    driver.type = "SCRIPTED"
    driver.expression = expression
    return driver


def variable(driver: bpy.types.Driver, name: str, kind: str, owner: bpy.types.ID, path: str) -> None:
    """One variable that reads a property of a datablock."""
    made = driver.variables.new()
    made.name, made.type = name, "SINGLE_PROP"
    made.targets[0].id_type = kind
    made.targets[0].id = owner
    made.targets[0].data_path = path


def bind(scene: bpy.types.Scene, bindings: Iterable[tuple[int, bpy.types.Object | None]]) -> None:
    """Timeline markers, with a camera or without."""
    for frame, camera in bindings:
        scene.timeline_markers.new(f"m{frame}", frame=frame).camera = camera


# Judging --------------------------------------------------------------------------------------------


def blender_pixel(scene: bpy.types.Scene, camera: bpy.types.Object, point: Vector) -> tuple[float, float]:
    """Where Blender draws a point, by the matrices it renders with; `camera` is evaluated.

    Multiplied in doubles: Blender's own products of 32-bit matrices are off by 0.02 px and more through long lenses.
    """
    width, height = size_of(scene)
    graph, render = scene.view_layers[0].depsgraph, scene.render
    clip_from_camera = camera.calc_matrix_camera(
        graph, x=width, y=height, scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y
    )
    offset = [point[row] - camera.matrix_world[row][3] for row in range(3)]
    axes = [[camera.matrix_world[row][axis] for row in range(3)] for axis in range(3)]
    local = [sum(a * x for a, x in zip(axis, offset, strict=True)) / math.hypot(*axis) for axis in axes]
    x, y, _, w = (sum(a * b for a, b in zip(row, (*local, 1.0), strict=True)) for row in clip_from_camera)
    return (x / w + 1) / 2 * width, (1 - y / w) / 2 * height


def view_pixel(scene: bpy.types.Scene, camera: bpy.types.Object, point: Vector) -> tuple[float, float]:
    """Where Blender draws a point, by its Python helper, which knows no truncated sizes."""
    width, height = size_of(scene)
    seen = world_to_camera_view(scene, camera, point)
    return seen.x * width, (1 - seen.y) * height


def size_of(scene: bpy.types.Scene) -> tuple[int, int]:
    """Rendered pixels, as Blender truncates them."""
    render = scene.render
    percent = render.resolution_percentage
    return int(render.resolution_x * percent / 100), int(render.resolution_y * percent / 100)


def points_in_view(
    scene: bpy.types.Scene, camera: bpy.types.Object, draw: random.Random, count: int = 6
) -> list[Vector]:
    """World points (Blender units) that the evaluated camera shows."""
    top_right, bottom_right, bottom_left, _ = camera.data.view_frame(scene=scene)
    points = []
    for index in range(count):
        across, up = draw.uniform(0.02, 0.98), draw.uniform(0.02, 0.98)
        at = bottom_left + (bottom_right - bottom_left) * across + (top_right - bottom_right) * up
        points.append(camera.matrix_world.normalized() @ (at * (DEPTHS[index % 3] / -at.z)))
    return points


def evaluated(scene: bpy.types.Scene, camera: bpy.types.Object, frame: int) -> bpy.types.Object:
    """The camera after a full evaluation of its scene."""
    scene.frame_set(frame)
    return camera.evaluated_get(scene.view_layers[0].depsgraph)


def worst_px(
    path: CameraPath,
    scene: bpy.types.Scene,
    camera: bpy.types.Object | None = None,        # None: the one that Blender switches to
    metres_per_unit: float = 1.0,
) -> float:
    """The largest distance, at 1920 wide, between the path's pixels and Blender's over all frames in order."""
    draw = random.Random(7)
    worst = 0.0
    for index, frame in enumerate(path.frames):
        scene.frame_set(frame)
        used = camera or scene.camera
        seen = evaluated(scene, used, frame)
        assert seen.is_evaluated
        for point in points_in_view(scene, seen, draw):
            mine = path.project(point * metres_per_unit, index)
            assert mine is not None
            worst = max(worst, math.dist(mine, blender_pixel(scene, seen, point)))
    return worst * 1920 / path.width
