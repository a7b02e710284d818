"""The compositor's branch: a plate behind the render, or the scene's view given to the render alone.

View     a plate keeps its codes under any view transform: the view is applied to the render alone (`bake_view`), and
         what is projected comes as passes of its own (`scene_light`).
Ours     one group node in front of the output, with `TAG`; nothing else of the artist's compositor is touched.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from platewright.errors import PlateError

from . import scene_light
from .plate_image import discard_unused, fit_for_pixels, larger, load_sequence, set_frames
from .plate_link import TAG
from .plate_read import Plate
from .scene_view import REMEMBERED, bake_view, follow, remember_view, restore_view

GROUP = "Platewright plate"
CROP = "platewright_crop"                          # custom property of a crop of ours: an artist's own stays
FILM = "platewright_film"                          # custom property on our node: was the film transparent before


def check_compositor(scene: bpy.types.Scene) -> None:
    tree = compositor_tree(scene)
    if tree is not None and tree.library is not None:
        raise PlateError(
            "E_COMPOSITOR_LINKED",
            "The scene's compositor belongs to a linked file.",
            "Make it local, or import the plate as the camera's background only.",
        )


def composite_behind(scene: bpy.types.Scene, plate: Plate, *, frame_start: int | None = None) -> list[str]:
    """Put the plate behind whatever the scene's compositor shows, with one group node in front of the output.

    The plate's codes stay what they are in the file. The scene's view transform and exposure are applied to the render
    inside the group, and the scene itself is set to Standard; `withdraw_composite` gives the old view back. Both
    pictures are then mixed in linear light, so that half-covered edges and shadows weigh what they weigh on a display.
    Raises PlateError E_COMPOSITOR_LINKED. Returns notes for the panel.
    """
    check_compositor(scene)
    withdraw_composite(scene)
    node, view_notes = stand_before_output(scene, plate.folder.name, *plate_group(scene, plate, frame_start))
    node[TAG] = plate.name
    node[FILM] = scene.render.film_transparent
    scene.render.film_transparent = True
    return [f"{plate.folder.name} is composited behind the render; the film is transparent.", *view_notes]


def bake_view_alone(scene: bpy.types.Scene, name: str) -> list[str]:
    """Give the scene's view to the render inside the compositor, so that projections and strips keep their codes.

    A branch that does so already goes on, with what is projected taken into account; a new one is for the plate `name`.
    Raises PlateError E_COMPOSITOR_LINKED. Returns notes for the panel; none for a view that bends nothing.
    """
    check_compositor(scene)
    tree = compositor_tree(scene)
    node = next((each for each in tree.nodes if REMEMBERED in each and TAG in each), None) if tree else None
    if node is not None:
        show_light(scene, node)
        return []
    group, notes = view_group(scene)
    if not notes:
        discard_groups([group])
        return []
    withdraw_composite(scene)
    node, _ = stand_before_output(scene, f"View for {name}", group, notes)
    node[TAG] = name
    return notes


def stand_before_output(
    scene: bpy.types.Scene, label: str, group: bpy.types.NodeTree, view_notes: list[str]
) -> tuple[bpy.types.Node, list[str]]:
    """Put the group in front of the compositor's output; a view that it bakes is the scene's no more."""
    tree, output = tree_and_output(scene)
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree = group
    node.label, node.width = label, 200.0
    node.location = output.node.location.x, output.node.location.y + 160.0
    render = output.links[0].from_socket if output.links else render_layers(tree).outputs["Image"]
    tree.links.new(render, node.inputs[0])
    tree.links.new(node.outputs[0], output)
    scene.render.use_compositing = True
    if bpy.app.background:
        scene.render.compositor_device = "CPU"     # without a display the GPU compositor takes the process down
    if view_notes:
        remember_view(scene, node)
        show_light(scene, node)
    return node, view_notes


def show_light(scene: bpy.types.Scene, node: bpy.types.Node) -> None:
    """Let our group show what is projected by its own codes, once."""
    if scene_light.has_passes(scene) and scene_light.PLATE not in node.inputs:
        tree = compositor_tree(scene)
        scene_light.insert(node.node_tree, tree, node, render_layers(tree))
        lay_out(node.node_tree)


def withdraw_composite(scene: bpy.types.Scene) -> None:
    """Take our group out of the scene's compositor; film and view come back, a view that was changed since does not."""
    tree = compositor_tree(scene)
    if tree is None:
        return
    for node in [each for each in tree.nodes if TAG in each]:
        group = node.node_tree
        restore_view(scene, node)
        scene.render.film_transparent = bool(node.get(FILM, scene.render.film_transparent))
        bypass(tree, node)
        tree.nodes.remove(node)
        discard_groups([group])


def discard_groups(groups: Iterable[bpy.types.NodeTree | None]) -> None:
    """Remove compositor groups of ours that nothing uses, with their pictures."""
    for group in groups:
        if group is not None and group.users == 0:
            images = {each.image for each in group.nodes if each.bl_idname == "CompositorNodeImage" and each.image}
            bpy.data.node_groups.remove(group)
            discard_unused(images)


def bypass(tree: bpy.types.NodeTree, node: bpy.types.Node) -> None:
    """What fed the node first feeds its followers. Without its group it may have no sockets left."""
    sources = [link.from_socket for socket in node.inputs[:1] for link in socket.links]
    followers = [link.to_socket for socket in node.outputs for link in socket.links]
    for source in sources:
        for follower in followers:
            tree.links.new(source, follower)


def own_nodes(scene: bpy.types.Scene) -> list[bpy.types.Node]:
    """Our group nodes in the scene's compositor."""
    tree = compositor_tree(scene)
    return [node for node in tree.nodes if TAG in node and node.node_tree] if tree is not None else []


def shows_picture(node: bpy.types.Node) -> bool:
    """This group of ours stands a plate behind the render; else it only gives the view to the render."""
    return any(each.bl_idname == "CompositorNodeImage" for each in node.node_tree.nodes)


def compositor_tree(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    return scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree


def tree_and_output(scene: bpy.types.Scene) -> tuple[bpy.types.NodeTree, bpy.types.NodeSocket]:
    """The scene's compositor, made if there is none, and the socket whose picture is the render result."""
    if not hasattr(scene, "compositing_node_group"):             # up to 4.5
        scene.use_nodes = True
        tree = scene.node_tree
        return tree, node_of(tree, "CompositorNodeComposite").inputs["Image"]
    tree = scene.compositing_node_group
    if tree is None:
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return tree, node_of(tree, "NodeGroupOutput").inputs[0]


def node_of(tree: bpy.types.NodeTree, kind: str) -> bpy.types.Node:
    """The tree's node of this kind, the active one first; a new one if there is none."""
    there = sorted(
        (node for node in tree.nodes if node.bl_idname == kind),
        key=lambda node: not getattr(node, "is_active_output", False),
    )
    return there[0] if there else tree.nodes.new(kind)


def render_layers(tree: bpy.types.NodeTree) -> bpy.types.Node:
    node = node_of(tree, "CompositorNodeRLayers")
    node.location = node.location.x - 400.0, node.location.y
    return node


def plate_group(
    scene: bpy.types.Scene, plate: Plate, frame_start: int | None
) -> tuple[bpy.types.NodeTree, list[str]]:
    """A group that takes the render and gives it back over the plate; notes say what became of the view."""
    group, render = empty_group()
    front, notes = bake_view(group, scene, render)
    over = group.nodes.new("CompositorNodeAlphaOver")
    back_input, front_input = scene_light.over_inputs(over)
    if front != render:
        take_straight(over)
    group.links.new(plate_picture(group, scene, plate, frame_start), back_input)
    group.links.new(front, front_input)
    group.links.new(over.outputs[0], group.nodes.new("NodeGroupOutput").inputs[0])
    lay_out(group)
    return group, notes


def view_group(scene: bpy.types.Scene) -> tuple[bpy.types.NodeTree, list[str]]:
    """A group that gives the view to the render and shows nothing else; no notes where there is nothing to do."""
    group, render = empty_group()
    front, notes = bake_view(group, scene, render)
    seen = scene_light.convert(group, front, "STRAIGHT_TO_PREMUL", "To Premultiplied") if notes else front
    group.links.new(seen, group.nodes.new("NodeGroupOutput").inputs[0])
    lay_out(group)
    return group, notes


def empty_group() -> tuple[bpy.types.NodeTree, bpy.types.NodeSocket]:
    """A group of ours, and the render that comes into it."""
    group = bpy.data.node_groups.new(GROUP, "CompositorNodeTree")
    group.interface.new_socket(name="Image", in_out="INPUT", socket_type="NodeSocketColor")
    group.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return group, group.nodes.new("NodeGroupInput").outputs[0]


def plate_picture(
    group: bpy.types.NodeTree, scene: bpy.types.Scene, plate: Plate, frame_start: int | None
) -> bpy.types.NodeSocket:
    """The plate's frame, fitted to the render's size and opaque up to its rim."""
    picture = group.nodes.new("CompositorNodeImage")
    picture.image = load_sequence(plate)
    set_frames(picture, plate, frame_start)
    scale = group.nodes.new("CompositorNodeScale")
    fitted = follow(group, picture.outputs["Image"], scale)
    crop_to_view(picture, plate)
    fit = fit_for_pixels(scene)
    if not hasattr(scale, "space"):                              # from 5.0
        choices = {"Type": "Render Size", "Frame Type": fit.title(), "Extension X": "Extend", "Extension Y": "Extend"}
        for name, choice in choices.items():
            scale.inputs[name].default_value = choice
        return fitted
    scale.space, scale.frame_method = "RENDER_SIZE", fit
    straight = group.nodes.new("CompositorNodePremulKey")        # up to 4.5 an enlarged picture fades out at its rim
    straight.mapping = "PREMUL_TO_STRAIGHT"
    opaque = group.nodes.new("CompositorNodeSetAlpha")
    opaque.mode = "REPLACE_ALPHA"
    return follow(group, follow(group, fitted, straight), opaque)


def crop_to_view(picture: bpy.types.Node, plate: Plate) -> None:
    """Between an image and what it feeds: the camera's own picture alone, where frames show more around it."""
    tree, shown = picture.id_data, picture.outputs["Image"]
    for old in [link.to_node for link in shown.links if CROP in link.to_node]:
        bypass(tree, old)
        tree.nodes.remove(old)
    if plate.view is None or larger(plate.view) == (1.0, 1.0):
        return
    followers = [link.to_socket for link in shown.links]
    crop = tree.nodes.new("CompositorNodeCrop")
    crop[CROP] = True
    cropped = follow(tree, shown, crop)
    for follower in followers:
        tree.links.new(cropped, follower)
    left, top, width, height = plate.view          # as much shows on either side: up or down is no matter
    if "Width" in crop.inputs:                     # from 4.5
        for name, value in zip(("X", "Y", "Width", "Height"), plate.view, strict=True):
            crop.inputs[name].default_value = value
        crop.inputs["Alpha Crop"].default_value = False
    else:
        crop.min_x, crop.max_x, crop.min_y, crop.max_y = left, left + width, top + height, top
        crop.use_crop_size = True


def take_straight(over: bpy.types.Node) -> None:
    if "Straight Alpha" in over.inputs:                          # from 4.5
        over.inputs["Straight Alpha"].default_value = True
    else:
        over.use_premultiply = True


def lay_out(group: bpy.types.NodeTree) -> None:
    for column, node in enumerate(group.nodes):
        node.location = 200.0 * column, 0.0
