"""Projected frames as passes of their own, so that the compositor can show their codes while the render has its view.

What is projected is light in the scene, and a view such as AgX bends light. So the materials of projections write the
plate's colour, and where there is plate, into two passes of the very same samples. The compositor takes the plate's
light out of the render, gives the view to what is left, and puts the plate back in by its own codes:

    rest = (render - plate) / (alpha - cover)          straight; through the view
    sum  = plate + (1 - cover) * rest over what stands behind the render

A half-covered pixel thus weighs both by what they cover, as a display shows them.
"""

from __future__ import annotations

import bpy

PLATE, COVER = "Platewright plate", "Platewright cover"     # names of the passes


def add_passes(scene: bpy.types.Scene) -> None:
    """Have every view layer write them."""
    for layer in scene.view_layers:
        for name, kind in ((PLATE, "COLOR"), (COVER, "VALUE")):
            if name not in layer.aovs:
                one = layer.aovs.add()
                one.name, one.type = name, kind


def remove_passes(scene: bpy.types.Scene) -> None:
    """Nothing is projected any more."""
    for layer in scene.view_layers:
        for one in [each for each in layer.aovs if each.name in (PLATE, COVER)]:
            layer.aovs.remove(one)


def has_passes(scene: bpy.types.Scene) -> bool:
    return any(PLATE in layer.aovs for layer in scene.view_layers)


def write_passes(
    tree: bpy.types.NodeTree, plate: bpy.types.NodeSocket, cover: bpy.types.NodeSocket
) -> None:
    """In a material: what goes into the passes."""
    for name, socket, source in ((PLATE, "Color", plate), (COVER, "Value", cover)):
        node = tree.nodes.new("ShaderNodeOutputAOV")
        node.aov_name = name
        tree.links.new(source, node.inputs[socket])


# The compositor ----------------------------------------------------------------------------------


def insert(group: bpy.types.NodeTree, tree: bpy.types.NodeTree, node: bpy.types.Node, layers: bpy.types.Node) -> None:
    """Into our group, which bakes the view, and feed it: `node` in `tree` is the group's, `layers` the render's."""
    for name, kind in ((PLATE, "NodeSocketColor"), (COVER, "NodeSocketFloat")):
        group.interface.new_socket(name=name, in_out="INPUT", socket_type=kind)
        tree.links.new(layers.outputs[name], node.inputs[name])
    given = next(each for each in group.nodes if each.bl_idname == "NodeGroupInput").outputs
    image, plate, cover = given[0], given[PLATE], given[COVER]
    followers = [link.to_socket for link in image.links]
    apart = group.nodes.new("CompositorNodeSeparateColor")
    group.links.new(image, apart.inputs[0])
    left = values(group, "SUBTRACT", apart.outputs["Alpha"], cover)
    rest = with_alpha(group, less(group, image, plate), left)
    for follower in followers:
        group.links.new(rest, follower)
    share = values(group, "DIVIDE", left, values(group, "SUBTRACT", 1.0, cover))
    lay_over(group, with_alpha(group, plate, cover), share)


def lay_over(group: bpy.types.NodeTree, plate: bpy.types.NodeSocket, share: bpy.types.NodeSocket) -> None:
    """The plate's light over all else; `share` is how much of what it leaves free the render covers.

    The render is straight until it meets a plate behind it, or is made premultiplied in the end.
    """
    end = next(each for each in group.nodes if each.bl_idname == "NodeGroupOutput").inputs[0]
    over = next((each for each in group.nodes if each.bl_idname == "CompositorNodeAlphaOver"), None)
    mixed = over_inputs(over)[1] if over else end.links[0].from_node.inputs[0]
    group.links.new(with_alpha(group, mixed.links[0].from_socket, share), mixed)
    behind = end.links[0].from_socket
    last = group.nodes.new("CompositorNodeAlphaOver")
    back, front = over_inputs(last)
    group.links.new(behind, back)
    group.links.new(plate, front)
    group.links.new(last.outputs[0], end)


def over_inputs(over: bpy.types.Node) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """Back and front; 5.0 named and reordered them."""
    named = "Background" in over.inputs
    back, front = (over.inputs[name] for name in (("Background", "Foreground") if named else (1, 2)))
    return back, front


def with_alpha(
    group: bpy.types.NodeTree, image: bpy.types.NodeSocket, alpha: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The same colours with another alpha."""
    node = group.nodes.new("CompositorNodeSetAlpha")
    if hasattr(node, "mode"):                      # up to 4.5
        node.mode = "REPLACE_ALPHA"
    else:
        node.inputs["Type"].default_value = "Replace Alpha"
    group.links.new(image, node.inputs["Image"])
    group.links.new(alpha, node.inputs["Alpha"])
    return node.outputs[0]


def convert(group: bpy.types.NodeTree, image: bpy.types.NodeSocket, mapping: str, kind: str) -> bpy.types.NodeSocket:
    """Between straight and premultiplied, by the name before 5.0 and by the one since."""
    node = group.nodes.new("CompositorNodePremulKey")
    if hasattr(node, "mapping"):
        node.mapping = mapping
    else:
        node.inputs["Type"].default_value = kind
    group.links.new(image, node.inputs[0])
    return node.outputs[0]


def less(
    group: bpy.types.NodeTree, image: bpy.types.NodeSocket, light: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The picture without that light, by the node of either age."""
    if hasattr(bpy.types, "CompositorNodeMixRGB"):               # up to 4.5
        node = group.nodes.new("CompositorNodeMixRGB")
        (factor, first, second), (result,) = node.inputs, node.outputs
    else:
        node = group.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
        factor, first, second = (each for each in node.inputs if each.enabled)
        result = next(each for each in node.outputs if each.enabled)
    node.blend_type = "SUBTRACT"
    factor.default_value = 1.0
    group.links.new(image, first)
    group.links.new(light, second)
    return result


def values(
    group: bpy.types.NodeTree, operation: str, first: bpy.types.NodeSocket | float, second: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The result of a math node, held between 0 and 1."""
    node = group.nodes.new("CompositorNodeMath" if hasattr(bpy.types, "CompositorNodeMath") else "ShaderNodeMath")
    node.operation, node.use_clamp = operation, True
    if isinstance(first, float):
        node.inputs[0].default_value = first
    else:
        group.links.new(first, node.inputs[0])
    group.links.new(second, node.inputs[1])
    return node.outputs[0]
