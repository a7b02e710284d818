"""What makes clay of a scene: one grey material for all, and the light that its own sun gives.

Lit     by a sun without width, so one sample has no noise, turned as the scene's strongest sun lamp in every frame,
        else as the sun of its sky
Shade   grey by the way a face looks, so that no two walls of a corner are alike; all the light there is where there
        is no sun
"""

from __future__ import annotations

import math

import bpy

from .scene_stage import rendered_objects
from .scene_sun import Sun, sky_sun, strength

ALBEDO = 0.8
SUN_LIT = 0.36                                     # linear, of a face that looks into the sun, beside its shade
SHADE = 0.05, 0.2                                  # linear, of faces that look away from the sky's light and into it
ALONE = 0.08, 0.6                                  # the same without a sun
SKYWARDS = 0.36, -0.22, 0.91                       # towards the sky's light, not quite from above


def sun_lamp(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """A new lamp with the light of the scene's sun, in no collection yet; None where there is no sun."""
    suns = [found for found in rendered_objects(scene) if found.type == "LIGHT" and found.data.type == "SUN"]
    lit = [found for found in suns if strength(found.data) > 0.0]
    strongest = max(lit, key=lambda found: strength(found.data), default=None)
    sky = sky_sun(scene.world) if scene.world and strongest is None else None
    if strongest is None and sky is None:
        return None
    lamp = bpy.data.objects.new("platewright_sun", bpy.data.lights.new("platewright_sun", "SUN"))
    lamp.data.energy, lamp.data.angle = math.pi * SUN_LIT / ALBEDO, 0.0
    if strongest is not None:
        follows = lamp.constraints.new("COPY_ROTATION")
        follows.target = strongest
    elif sky is not None:
        lamp.rotation_euler = turned(sky)
    return lamp


def turned(sun: Sun) -> tuple[float, float, float]:
    """The angles of a lamp that shines from there: turned about Y away from the zenith, then about Z."""
    azimuth, elevation = sun
    return 0.0, math.radians(90.0 - elevation), math.radians(azimuth)


def material(has_sun: bool) -> bpy.types.Material:
    """A new grey material that shines by itself as much as its face looks to the sky."""
    made = bpy.data.materials.new("platewright_clay")
    if bpy.app.version < (5, 0):                   # from then on all have nodes, and asking is deprecated
        made.use_nodes = True
    made.cycles.emission_sampling = "NONE"         # it shines for the eye alone: what it lights would be grain
    tree = made.node_tree
    tree.nodes.clear()
    face, look, level, ray, seen, shine, grey, both, end = (
        tree.nodes.new(kind)
        for kind in (
            "ShaderNodeNewGeometry", "ShaderNodeVectorMath", "ShaderNodeMapRange", "ShaderNodeLightPath",
            "ShaderNodeMath", "ShaderNodeEmission", "ShaderNodeBsdfDiffuse", "ShaderNodeAddShader",
            "ShaderNodeOutputMaterial",
        )
    )  # fmt: skip
    look.operation, seen.operation = "DOT_PRODUCT", "MULTIPLY"
    look.inputs[1].default_value = SKYWARDS
    level.inputs["From Min"].default_value, level.inputs["From Max"].default_value = -1.0, 1.0
    dark, light = SHADE if has_sun else ALONE
    level.inputs["To Min"].default_value, level.inputs["To Max"].default_value = dark, light
    grey.inputs["Color"].default_value = (ALBEDO, ALBEDO, ALBEDO, 1.0)
    shine.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    for start, finish in (
        (face.outputs["Normal"], look.inputs[0]),
        (look.outputs["Value"], level.inputs["Value"]),
        (level.outputs["Result"], seen.inputs[0]),
        (ray.outputs["Is Camera Ray"], seen.inputs[1]),
        (seen.outputs[0], shine.inputs["Strength"]),
        (shine.outputs[0], both.inputs[0]),
        (grey.outputs[0], both.inputs[1]),
        (both.outputs[0], end.inputs["Surface"]),
    ):
        tree.links.new(start, finish)
    return made
