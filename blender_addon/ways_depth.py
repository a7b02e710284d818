"""How far everything lies before a frozen camera, so that a frame falls on nothing that this camera did not see.

Map      planar depth through the middle of every pixel of the frame, found by the Raycast node of geometry nodes, many
         threads at once and without a render; packed into the .blend
Test     a point is seen if the plane that it lies in is, in the middle of the point's own pixel, no farther than the
         map says. So a slanted wall is no stripes, and an edge is as sharp as the frame's pixels
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
from mathutils import Vector

from platewright.camera import Lens
from platewright.errors import PlateError

from .ways_lens import Seen, maths
from .ways_marks import DEPTH

ATTRIBUTE = "platewright_depth"
FAR = 1e9                                          # Blender units, where there is nothing
TOLERANCE = 0.01                                   # of the depth
PIXELS_MAX = 1 << 24                               # whole numbers that a float still counts
NODES = {
    "Depth", "Column count", "Column middle", "Row count", "Row middle", "Axis 0", "Axis 1", "Axis 2", "Across", "Up",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A frame as its frozen camera sees it."""

    camera: bpy.types.Object
    lens: Lens                                     # pixels of width x height
    width: int
    height: int


def depth_map(name: str, view: View, things: Sequence[bpy.types.Object]) -> bpy.types.Image:
    """What the camera sees of these things, as they stand now, in Blender units along its axis; `FAR` where nothing is.

    Raises PlateError E_PROJECT_DEPTH, as `check_size` does.
    """
    check_size(view.width, view.height)
    count = view.width * view.height
    with targets(things) as solid, rays(view, solid) as seeker:
        graph = bpy.context.evaluated_depsgraph_get()
        found = seeker.evaluated_get(graph).data.attributes[ATTRIBUTE]
        depths = array("f", bytes(4 * count))
        found.data.foreach_get("value", depths)
    image = bpy.data.images.new(name, view.width, view.height, alpha=False, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    pixels = array("f", [1.0]) * (4 * count)
    for channel in range(3):                       # as a number a colour is its luminance
        pixels[channel::4] = depths
    image.pixels.foreach_set(pixels)
    image.pack()
    image[DEPTH] = True
    return image


def check_size(width: int, height: int) -> None:
    """PlateError E_PROJECT_DEPTH for a frame of more pixels than can be looked through."""
    if width * height > PIXELS_MAX:
        why = f"A frame of {width} x {height} pixels is too large to find out what it hides."
        raise PlateError("E_PROJECT_DEPTH", why, "Switch Occlusion off, or project a smaller version.")


@contextmanager
def targets(things: Sequence[bpy.types.Object]) -> Iterator[list[bpy.types.Object]]:
    """The same as objects that rays meet: curves, texts and balls as the meshes they become."""
    graph = bpy.context.evaluated_depsgraph_get()
    made: list[bpy.types.ID] = []
    solid: list[bpy.types.Object] = []
    try:
        for thing in things:
            if thing.type == "MESH":
                solid.append(thing)
                continue
            mesh = bpy.data.meshes.new_from_object(thing.evaluated_get(graph), depsgraph=graph)
            stand_in = bpy.data.objects.new(thing.name, mesh)
            stand_in.matrix_world = thing.matrix_world
            bpy.context.scene.collection.objects.link(stand_in)
            made += [stand_in, mesh]
            solid.append(stand_in)
        yield solid
    finally:
        bpy.data.batch_remove(made)


@contextmanager
def rays(view: View, things: Sequence[bpy.types.Object]) -> Iterator[bpy.types.Object]:
    """An object with a point for every pixel, rows from below, which knows how far that pixel sees."""
    mesh, group = bpy.data.meshes.new(ATTRIBUTE), bpy.data.node_groups.new(ATTRIBUTE, "GeometryNodeTree")
    seeker = bpy.data.objects.new(ATTRIBUTE, mesh)
    try:
        fill(group, view, things)
        seeker.modifiers.new(ATTRIBUTE, "NODES").node_group = group
        bpy.context.scene.collection.objects.link(seeker)
        yield seeker
    finally:
        bpy.data.batch_remove([seeker, mesh, group])


def fill(group: bpy.types.NodeTree, view: View, things: Sequence[bpy.types.Object]) -> None:
    """A ray per pixel from the camera into the things, and the depth along the camera's axis as an attribute."""
    group.interface.new_socket(name="Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    line = group.nodes.new("GeometryNodeMeshLine")
    line.inputs["Count"].default_value = view.width * view.height
    ray, length = ray_of(group, view)
    cast = group.nodes.new("GeometryNodeRaycast")
    group.links.new(joined(group, things), cast.inputs["Target Geometry"])
    group.links.new(constant(group, view.camera.matrix_world.translation), cast.inputs["Source Position"])
    group.links.new(ray, cast.inputs["Ray Direction"])
    cast.inputs["Ray Length"].default_value = FAR
    store = group.nodes.new("GeometryNodeStoreNamedAttribute")
    store.data_type, store.domain = "FLOAT", "POINT"
    store.inputs["Name"].default_value = ATTRIBUTE
    group.links.new(line.outputs[0], store.inputs["Geometry"])
    depth = maths(group, "DIVIDE", cast.outputs["Hit Distance"], length)
    group.links.new(depth, next(each for each in store.inputs if each.name == "Value" and each.enabled))
    group.links.new(store.outputs[0], group.nodes.new("NodeGroupOutput").inputs[0])


def ray_of(group: bpy.types.NodeTree, view: View) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """Through the middle of the pixel with this index: the direction, one unit along the axis, and its length."""
    index = group.nodes.new("GeometryNodeInputIndex").outputs[0]
    row = maths(group, "FLOOR", maths(group, "DIVIDE", maths(group, "ADD", index, 0.5), float(view.width)))
    column = multiply_add(group, row, -float(view.width), index)
    fx, fy, cx, cy = view.lens
    right, up, back = (Vector(view.camera.matrix_world.col[axis][:3]).normalized() for axis in range(3))
    across = scaled(group, right, multiply_add(group, column, 1 / fx, (0.5 - cx) / fx))
    rise = scaled(group, up, multiply_add(group, row, 1 / fy, (0.5 + cy - view.height) / fy))
    ray = vector(group, "ADD", vector(group, "ADD", across, rise), constant(group, -back))
    return ray, vector(group, "LENGTH", ray)


def joined(group: bpy.types.NodeTree, things: Sequence[bpy.types.Object]) -> bpy.types.NodeSocket:
    """The things as one geometry, where they stand in the world."""
    together = group.nodes.new("GeometryNodeJoinGeometry")
    for thing in things:
        info = group.nodes.new("GeometryNodeObjectInfo")
        info.transform_space = "RELATIVE"          # to the seeker, which stands where the world begins
        info.inputs["Object"].default_value = thing
        group.links.new(info.outputs["Geometry"], together.inputs[0])
    real = group.nodes.new("GeometryNodeRealizeInstances")
    group.links.new(together.outputs[0], real.inputs[0])
    return real.outputs[0]


# The test, in the shader -------------------------------------------------------------------------


def unhidden(group: bpy.types.NodeTree, point: bpy.types.NodeSocket, seen: Seen) -> bpy.types.NodeSocket:
    """1 where the frame's camera saw the point, else 0; `aim` gives these nodes their camera, and a picture its map.

    point   in the camera's space: x right, y up, z backwards
    """
    texture = group.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = "Depth"
    texture.interpolation, texture.extension = "Closest", "EXTEND"
    group.links.new(seen.place, texture.inputs["Vector"])
    middle = group.nodes.new("ShaderNodeCombineXYZ")
    for place, (name, node) in enumerate((("Column", seen.across), ("Row", seen.up))):
        group.links.new(middle_of(group, node.outputs[0], name), middle.inputs[place])
    middle.inputs[2].default_value = -1.0
    apart = group.nodes.new("ShaderNodeSeparateXYZ")
    group.links.new(point, apart.inputs[0])
    own = maths(group, "MULTIPLY", apart.outputs[2], -1.0)
    normal = normal_of(group)
    plane = maths(group, "DIVIDE", vector(group, "DOT_PRODUCT", normal, point),
                  vector(group, "DOT_PRODUCT", normal, middle.outputs[0]))
    near = maths(group, "MINIMUM", own, maths(group, "MAXIMUM", plane, maths(group, "MULTIPLY", own, 0.5)))
    limit = maths(group, "MULTIPLY", texture.outputs["Color"], 1.0 + TOLERANCE)
    return maths(group, "LESS_THAN", near, limit)


def middle_of(group: bpy.types.NodeTree, place: bpy.types.NodeSocket, name: str) -> bpy.types.NodeSocket:
    """Of the pixel in which a place on the picture, 0..1, lies: x or y of the ray through it, at depth 1."""
    pixels = maths(group, "MULTIPLY", place, 1.0)
    pixels.node.name = f"{name} count"
    found = multiply_add(group, maths(group, "FLOOR", pixels), 1.0, 0.0)
    found.node.name = f"{name} middle"
    return found


def normal_of(group: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """Of the face, in the space of the frame's camera."""
    true = group.nodes.new("ShaderNodeNewGeometry").outputs["True Normal"]
    turned = group.nodes.new("ShaderNodeCombineXYZ")
    for axis in range(3):
        found = vector(group, "DOT_PRODUCT", true, None)
        found.node.name = f"Axis {axis}"
        group.links.new(found, turned.inputs[axis])
    return turned.outputs[0]


def aim(group: bpy.types.NodeTree, view: View) -> None:
    """Tell the nodes of `unhidden` where the frame's camera stands and what it sees."""
    fx, fy, cx, cy = view.lens
    for name, count, focal, offset in (("Column", view.width, fx, cx), ("Row", view.height, fy, view.height - cy)):
        group.nodes[f"{name} count"].inputs[1].default_value = count
        middle = group.nodes[f"{name} middle"]
        middle.inputs[1].default_value, middle.inputs[2].default_value = 1 / focal, (0.5 - offset) / focal
    for axis in range(3):
        group.nodes[f"Axis {axis}"].inputs[1].default_value = view.camera.matrix_world.col[axis][:3]


# Nodes -------------------------------------------------------------------------------------------


def multiply_add(
    group: bpy.types.NodeTree, value: bpy.types.NodeSocket, factor: float, more: bpy.types.NodeSocket | float
) -> bpy.types.NodeSocket:
    found = maths(group, "MULTIPLY_ADD", value, factor)
    if isinstance(more, float):
        found.node.inputs[2].default_value = more
    else:
        group.links.new(more, found.node.inputs[2])
    return found


def vector(
    group: bpy.types.NodeTree, operation: str, first: bpy.types.NodeSocket, second: bpy.types.NodeSocket | None = None
) -> bpy.types.NodeSocket:
    """The result of a node of vector maths."""
    node = group.nodes.new("ShaderNodeVectorMath")
    node.operation = operation
    group.links.new(first, node.inputs[0])
    if second is not None:
        group.links.new(second, node.inputs[1])
    return next(each for each in node.outputs if each.enabled)


def scaled(group: bpy.types.NodeTree, axis: Vector, factor: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """A direction, as long as the factor says."""
    found = vector(group, "SCALE", constant(group, axis))
    group.links.new(factor, found.node.inputs["Scale"])
    return found


def constant(group: bpy.types.NodeTree, value: Vector) -> bpy.types.NodeSocket:
    """A vector that stays; a socket of a node may have a field of its own instead of what is written into it."""
    node = group.nodes.new("ShaderNodeCombineXYZ")
    for place in range(3):
        node.inputs[place].default_value = value[place]
    return node.outputs[0]
