"""Where the light comes from: the strongest sun lamp, else the sun of the world's sky."""

from __future__ import annotations

import math

import bpy
from mathutils import Vector

from .scene_stage import Stage

Sun = tuple[float, float]                          # azimuth from +X towards +Y, elevation; degrees, towards the sun
LUMINANCE = (0.2126, 0.7152, 0.0722)               # Rec.709
BY_VECTOR = {"PREETHAM", "HOSEK_WILKIE"}           # skies whose sun is a vector and no pair of angles
DIGITS = 4                                         # of a degree: what 32-bit matrices hold


def sun_of(stage: Stage, graph: bpy.types.Depsgraph) -> Sun | None:
    """The sun as evaluated; None without one, and where a sky is turned in ways that are not read here."""
    lit = [lamp for lamp in (found.evaluated_get(graph) for found in stage.suns) if strength(lamp.data) > 0.0]
    if lit:
        strongest = max(lit, key=lambda lamp: strength(lamp.data))
        return towards(strongest.matrix_world.to_3x3() @ Vector((0.0, 0.0, 1.0)))    # a lamp shines along its -Z
    return sky_sun(stage.world.evaluated_get(graph)) if stage.world else None


def strength(lamp: bpy.types.SunLight) -> float:
    """Irradiance, for comparison; from 5.0 a lamp has an exposure beside its energy."""
    colour = sum(weight * channel for weight, channel in zip(LUMINANCE, lamp.color, strict=True))
    return lamp.energy * colour * 2.0 ** getattr(lamp, "exposure", 0.0)


def sky_sun(world: bpy.types.World) -> Sun | None:
    """The sun of the sky texture that the world shows.

    Measured with Cycles on 4.2, 5.0 and 5.2: a rotation of 0 puts it above +Y, and it turns clockwise seen from above.
    """
    sky = _sky_of(world)
    if sky is None or any(socket.is_linked for socket in sky.inputs):
        return None
    if sky.sky_type in BY_VECTOR:
        return towards(Vector(sky.sun_direction))
    azimuth = (90.0 - math.degrees(sky.sun_rotation)) % 360.0
    elevation = math.degrees(sky.sun_elevation)
    if abs(elevation) > 90.0:                      # the field takes any angle
        return None
    return round(azimuth, DIGITS) % 360.0, round(elevation, DIGITS)


def _sky_of(world: bpy.types.World) -> bpy.types.ShaderNode | None:
    """The first sky texture upstream of the output that is rendered."""
    tree = world.node_tree if bpy.app.version >= (5, 0) or world.use_nodes else None
    output = tree.get_output_node("ALL") if tree else None
    todo, seen = [output] if output else [], set()
    while todo:
        node = todo.pop(0)
        if node.name in seen:
            continue
        seen.add(node.name)
        if node.type == "TEX_SKY" and not node.mute:
            return node
        todo += [link.from_node for socket in node.inputs for link in socket.links]
    return None


def towards(direction: Vector) -> Sun | None:
    """A world direction as angles; None for no direction at all."""
    if direction.length == 0.0:
        return None
    x, y, z = direction.normalized()
    azimuth = math.degrees(math.atan2(y, x)) % 360.0
    return round(azimuth, DIGITS) % 360.0, round(math.degrees(math.atan2(z, math.hypot(x, y))), DIGITS)
