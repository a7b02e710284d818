"""What a camera sees, as drivers and as shader nodes: where on a plate a point of the scene lies.

Blender's rule, in every version: the sensor spans the wider side of the picture, or the one that Sensor Fit names.
The sizes are the rendered ones, which are whole numbers of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from platewright.camera import Lens

from .ways_marks import read

WIDE, TALL = "(floor(rx*p/100)*ax)", "(floor(ry*p/100)*ay)"
SPANS_WIDTH = f"(fit==1 or fit==0 and {WIDE}>={TALL})"
SENSOR = "(sh if fit==2 else sw)"                  # mm
CAMERA = {
    "f": "lens", "sw": "sensor_width", "sh": "sensor_height", "fit": "sensor_fit", "sx": "shift_x", "sy": "shift_y",
}  # fmt: skip
SCENE = {
    "rx": "render.resolution_x", "ry": "render.resolution_y", "p": "render.resolution_percentage",
    "ax": "render.pixel_aspect_x", "ay": "render.pixel_aspect_y",
}  # fmt: skip
# Of the picture's frame at the distance d, in Blender units: its width, its height, where its middle is.
PLANE_WIDTH = f"d/f*{SENSOR}*(1 if {SPANS_WIDTH} else {WIDE}/{TALL})"
PLANE_HEIGHT = f"d/f*{SENSOR}*({TALL}/{WIDE} if {SPANS_WIDTH} else 1)"
PLANE_X, PLANE_Y, PLANE_Z = f"d/f*{SENSOR}*sx", f"d/f*{SENSOR}*sy", "-d"
# Of the map from a direction (x/z, y/z) to the picture, 0..1 from its lower left corner: factor and offset.
ACROSS = f"f/{SENSOR}/(1 if {SPANS_WIDTH} else {WIDE}/{TALL})"
UP = f"f/{SENSOR}/({TALL}/{WIDE} if {SPANS_WIDTH} else 1)"
ACROSS_OFFSET = f"0.5-sx/(1 if {SPANS_WIDTH} else {WIDE}/{TALL})"
UP_OFFSET = f"0.5-sy/({TALL}/{WIDE} if {SPANS_WIDTH} else 1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Sockets and nodes that `picture_of` has made."""

    place: bpy.types.NodeSocket                    # on the picture, 0..1 from its lower left corner
    inside: bpy.types.NodeSocket                   # 1 where the camera sees it, else 0
    across: bpy.types.Node                         # x/z times its second input, plus its third
    up: bpy.types.Node


def drive(
    owner: bpy.types.bpy_struct,
    channel: str,
    index: int,
    expression: str,
    camera: bpy.types.Object,
    scene: bpy.types.Scene,
) -> bpy.types.Driver:
    """Let an expression of this module, of lens and render size alone, rule a channel; without Python's help."""
    driver = owner.driver_add(channel, index).driver
    driver.type = "SCRIPTED"
    for name, path in CAMERA.items():
        if uses(expression, name):
            read(driver, name, "CAMERA", camera.data, path)
    for name, path in SCENE.items():
        if uses(expression, name):
            read(driver, name, "SCENE", scene, path)
    driver.expression = expression
    return driver


def uses(expression: str, name: str) -> bool:
    """Whether the word stands in the expression."""
    words = "".join(char if char.isalnum() else " " for char in expression).split()
    return name in words


def picture_of(tree: bpy.types.NodeTree, point: bpy.types.NodeSocket, looks_along: float) -> Seen:
    """Nodes that find a point of camera space on the picture; `looks_along` is +1 or -1, the camera's z."""
    apart = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(point, apart.inputs[0])
    depth = maths(tree, "MULTIPLY", apart.outputs[2], looks_along)
    across, up = (maths(tree, "MULTIPLY_ADD", maths(tree, "DIVIDE", apart.outputs[i], depth)).node for i in (0, 1))
    across.name, up.name = "Across", "Up"
    place = tree.nodes.new("ShaderNodeCombineXYZ")
    tree.links.new(across.outputs[0], place.inputs[0])
    tree.links.new(up.outputs[0], place.inputs[1])
    beside = maths(tree, "MULTIPLY", within(tree, across), within(tree, up))
    inside = maths(tree, "MULTIPLY", beside, maths(tree, "GREATER_THAN", depth, 0.0))
    return Seen(place=place.outputs[0], inside=inside, across=across, up=up)


def within(tree: bpy.types.NodeTree, node: bpy.types.Node) -> bpy.types.NodeSocket:
    """1 where the value lies between 0 and 1."""
    between = maths(tree, "COMPARE", node.outputs[0], 0.5)
    between.node.inputs[2].default_value = 0.5
    return between


def maths(
    tree: bpy.types.NodeTree,
    operation: str,
    first: bpy.types.NodeSocket,
    second: bpy.types.NodeSocket | float | None = None,
) -> bpy.types.NodeSocket:
    """The result of a math node."""
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    tree.links.new(first, node.inputs[0])
    if isinstance(second, float):
        node.inputs[1].default_value = second
    elif second is not None:
        tree.links.new(second, node.inputs[1])
    return node.outputs[0]


def set_lens(across: bpy.types.Node, up: bpy.types.Node, lens: Lens, width: int, height: int) -> None:
    """A lens in pixels: u = fx/W x/z + cx/W from the left; v = fy/H y/z + 1 - cy/H from below, as Blender's y is up."""
    fx, fy, cx, cy = lens
    across.inputs[1].default_value, across.inputs[2].default_value = fx / width, cx / width
    up.inputs[1].default_value, up.inputs[2].default_value = fy / height, 1 - cy / height
