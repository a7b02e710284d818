"""Bodies, grounds and suns put into a scene, and what is read of it."""

from __future__ import annotations

import math

import bmesh
import bpy

from blender_addon import scene_read
from blender_addon.scene_geometry import SceneGeometry, geometry_along
from platewright.camera import CameraPath
from tests.blender.scenes import add, keys, shot

Object = bpy.types.Object


def body(name: str, place: tuple[float, float, float], size: float = 2.0, kind: str = "cube") -> Object:
    """A cube of that edge, or a square of twice that edge."""
    mesh, shape = bpy.data.meshes.new(name), bmesh.new()
    (bmesh.ops.create_cube if kind == "cube" else bmesh.ops.create_grid)(shape, size=size)
    shape.to_mesh(mesh)
    shape.free()
    made = add(name, mesh)
    made.location = place
    return made


def plane(height: float, size: float = 60.0) -> Object:
    return body("Ground", (0.0, 0.0, height), size, "grid")


def read(scene: bpy.types.Scene) -> tuple[SceneGeometry, CameraPath]:
    path = scene_read.camera_path(scene)
    return geometry_along(scene, path), path


def lamp(name: str, energy: float, azimuth_deg: float, elevation_deg: float) -> Object:
    """A sun in that direction: turned about Y away from the zenith, then about Z."""
    made = add(name, bpy.data.lights.new(name, "SUN"))
    made.data.energy = energy
    made.rotation_euler = (0.0, math.radians(90.0 - elevation_deg), math.radians(azimuth_deg))
    return made


def full_scene() -> bpy.types.Scene:
    scene, _ = shot(1, 24)
    plane(0.0)
    wall = body("Wall", (0.0, 10.0, 0.0), 4.0)
    keys(wall, "location", {1: (0.0, 10.0, 0.0), 24: (5.0, 10.0, 0.0)})
    lamp("Sun", 1.0, 30.0, 30.0)
    scene.frame_set(7, subframe=0.25)
    wall.location = (1.0, 2.0, 3.0)                # not keyed: another frame would undo it
    bpy.context.view_layer.update()
    return scene
