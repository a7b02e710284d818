"""Materials and shapes the demo shot is built from. Metres, +Z up; every shape stands on z = 0 or around the Z axis."""

from __future__ import annotations

import math
from collections.abc import Iterable

import bpy  # comes first: it brings bmesh and mathutils

# isort: split
import bmesh
from mathutils import Matrix, Vector

Colour = tuple[float, float, float]


def stops(ramp: bpy.types.Node, colours: Iterable[tuple[float, Colour]]) -> None:
    elements = ramp.color_ramp.elements
    while len(elements) > 1:
        elements.remove(elements[0])
    for index, (position, colour) in enumerate(colours):
        element = elements[0] if index == 0 else elements.new(position)
        element.position, element.color = position, (*colour, 1.0)


def material(
    name: str,
    colour: Colour,
    *,
    metallic: float = 0.0,
    roughness: float = 0.5,
    glow: float = 0.0,                             # emission strength, in the same colour
    wear: float = 0.0,                             # 0..1: how much weather has darkened and roughened it
) -> bpy.types.Material:
    """A surface of the observatory, made once per name."""
    there = bpy.data.materials.get(name)
    if there is not None:
        return there
    made = bpy.data.materials.new(name)
    if made.node_tree is None:
        made.use_nodes = True
    shader = next(node for node in made.node_tree.nodes if node.bl_idname == "ShaderNodeBsdfPrincipled")
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Emission Color"].default_value = (*colour, 1.0)
    shader.inputs["Emission Strength"].default_value = glow
    made.cycles.emission_sampling = "NONE"         # lamps are seen, and light the place by lights of their own
    if wear:
        weather(made.node_tree, shader, colour, wear)
    return made


def weather(tree: bpy.types.NodeTree, shader: bpy.types.Node, colour: Colour, wear: float) -> None:
    """Streaks that run down: noise stretched along Z, darker and rougher where it is high."""
    position = tree.nodes.new("ShaderNodeTexCoord")
    stretch = tree.nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (2.2, 2.2, 0.45)
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = 1.6, 9.0
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    red, green, blue = (channel * (1.0 - 0.75 * wear) for channel in colour)
    stops(ramp, ((0.32, colour), (0.72, (red, green, blue))))
    tree.links.new(position.outputs["Object"], stretch.inputs[0])
    tree.links.new(stretch.outputs[0], noise.inputs["Vector"])
    tree.links.new(noise.outputs[0], ramp.inputs[0])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])


def place(thing: bpy.types.Object, parent: bpy.types.Object | None = None) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(thing)
    thing.parent = parent
    return thing


def add(
    name: str,
    shape: bmesh.types.BMesh,
    surface: bpy.types.Material,
    *,
    location: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rotation_z: float = 0.0,                       # radians
    bevel: float = 0.0,                            # metres
    smooth: bool = True,
    parent: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """Make an object of the shape, shaded smooth below 30 degrees."""
    mesh = bpy.data.meshes.new(name)
    for face in shape.faces:
        face.smooth = smooth
    for edge in shape.edges:
        edge.smooth = edge.calc_face_angle(0.0) < math.radians(30)
    shape.to_mesh(mesh)
    shape.free()
    mesh.materials.append(surface)
    thing = place(bpy.data.objects.new(name, mesh), parent)
    thing.location, thing.rotation_euler = location, (0.0, 0.0, rotation_z)
    if bevel:
        rounded = thing.modifiers.new("Bevel", "BEVEL")
        rounded.width, rounded.segments, rounded.limit_method = bevel, 3, "ANGLE"
        rounded.harden_normals = False
    return thing


def box(x: float, y: float, z: float) -> bmesh.types.BMesh:
    """A box standing on z = 0."""
    shape = bmesh.new()
    bmesh.ops.create_cube(shape, size=1.0, matrix=Matrix.Diagonal((x, y, z, 1.0)) @ Matrix.Translation((0.0, 0.0, 0.5)))
    return shape


def cone(lower: float, upper: float, height: float, sides: int = 64) -> bmesh.types.BMesh:
    """A closed cone or cylinder standing on z = 0."""
    shape = bmesh.new()
    bmesh.ops.create_cone(
        shape, cap_ends=True, segments=sides, radius1=lower, radius2=upper, depth=height,
        matrix=Matrix.Translation((0.0, 0.0, height / 2)),
    )
    return shape


def ring(radius: float, width: float, height: float, sides: int = 96) -> bmesh.types.BMesh:
    """A flat band around the Z axis, standing on z = 0."""
    profile = ((radius, 0.0), (radius + width, 0.0), (radius + width, height), (radius, height))
    return swept([
        [Vector((r * math.cos(angle), r * math.sin(angle), z)) for r, z in profile]
        for angle in (2 * math.pi * side / sides for side in range(sides))
    ], closed=True)


def swept(sections: list[list[Vector]], closed: bool) -> bmesh.types.BMesh:
    """A skin over equal closed sections, capped at its ends unless the last meets the first."""
    shape = bmesh.new()
    rows = [[shape.verts.new(point) for point in section] for section in sections]
    count = len(rows[0])
    for row, following in zip(rows, rows[1:] + (rows[:1] if closed else []), strict=False):
        for index in range(count):
            after = (index + 1) % count
            shape.faces.new((row[index], row[after], following[after], following[index]))
    if not closed:
        shape.faces.new(rows[0])
        shape.faces.new(reversed(rows[-1]))
    bmesh.ops.recalc_face_normals(shape, faces=shape.faces)
    return shape
