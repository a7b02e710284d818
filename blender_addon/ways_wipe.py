"""Two versions side by side behind the render, with a line between them that can be dragged.

The compositor's branch shows the one left of the line and the other right of it: a drag needs no new render. The far
side is not touched by "Use v003".
"""

from __future__ import annotations

from pathlib import Path

import bpy

from platewright.errors import PlateError

from .plate_image import absolute_folder
from .plate_read import Plate, read_plate
from .scene_composite import check_compositor, composite_behind, own_nodes, plate_picture
from .ways_marks import check_scene
from .ways_uses import OTHER, versions_on_disk

SPLIT = "Wipe"                                     # name of the node between the two


def wipe(
    scene: bpy.types.Scene, folder: str | Path, other: str | Path = "", share: float = 0.5
) -> tuple[Plate, list[str]]:
    """Show the plate in `folder` in the left `share` of the picture and the `other` in the rest; notes.

    Without an `other` it is the newest other version on disk. Raises PlateError (those of `read_plate`;
    E_SCENE_LINKED, E_COMPOSITOR_LINKED, E_ONE_VERSION), before anything has changed.
    """
    check_scene(scene)
    check_compositor(scene)
    plate = read_plate(absolute_folder(folder))
    far = read_plate(absolute_folder(other) if str(other) else newest_other(plate))
    notes = composite_behind(scene, plate)
    (node,) = own_nodes(scene)
    put_beside(scene, node.node_tree, far)
    node.label = f"{plate.folder.name} | {far.folder.name}"
    set_share(scene, share)
    return plate, [f"{plate.folder.name} is wiped against {far.folder.name}.", *notes]


def newest_other(plate: Plate) -> Path:
    others = [each for each in versions_on_disk(plate.folder) if each.name != plate.folder.name]
    if not others:
        why = f"There is no other version of {plate.name} beside {plate.folder.name}."
        raise PlateError("E_ONE_VERSION", why, "Generate another one, or choose the folder of another plate.")
    return others[0]


def put_beside(scene: bpy.types.Scene, group: bpy.types.NodeTree, far: Plate) -> None:
    """Between the plate's picture and what lies over it: a split, with the other picture on its far side."""
    over = next(node for node in group.nodes if node.bl_idname == "CompositorNodeAlphaOver")
    link = next(each for each in group.links if each.to_node == over and leads_to_picture(each.from_node))
    near, back = link.from_socket, link.to_socket
    before = set(group.nodes)
    picture = plate_picture(group, scene, far, None)
    for node in set(group.nodes) - before:
        node.location = node.location.x, node.location.y - 320.0
        if node.bl_idname == "CompositorNodeImage":
            node[OTHER] = True
    split = group.nodes.new("CompositorNodeSplit")
    split.name = split.label = SPLIT
    left, right = (socket for socket in split.inputs if socket.type == "RGBA")
    if "Position" not in split.inputs:             # up to 4.5 the second one is left of the line
        left, right = right, left
    group.links.new(near, left)
    group.links.new(picture, right)
    group.links.new(split.outputs[0], back)


def leads_to_picture(node: bpy.types.Node) -> bool:
    """Whether the node, or what feeds it, is an image."""
    sources = (link.from_node for socket in node.inputs for link in socket.links)
    return node.bl_idname == "CompositorNodeImage" or any(map(leads_to_picture, sources))


def split_of(scene: bpy.types.Scene) -> bpy.types.Node | None:
    """The node with the line, if two versions are wiped."""
    return next((node.node_tree.nodes.get(SPLIT) for node in own_nodes(scene)), None)


def far_image(scene: bpy.types.Scene) -> bpy.types.Image | None:
    """The picture right of the line, if two versions are wiped."""
    nodes = (node for group in own_nodes(scene) for node in group.node_tree.nodes)
    return next((node.image for node in nodes if OTHER in node), None)


def slider_of(split: bpy.types.Node) -> tuple[bpy.types.bpy_struct, str]:
    """What an artist drags: the owner and the name of a property."""
    if hasattr(split, "factor") and "Factor" not in split.inputs:          # up to 4.4, in percent
        return split, "factor"
    return split.inputs[0], "default_value"


def set_share(scene: bpy.types.Scene, share: float) -> None:
    """Move the line: 0 is the picture's left side, 1 its right side."""
    split = split_of(scene)
    if split is None:
        return
    if hasattr(split, "axis"):
        split.axis = "X"
    owner, name = slider_of(split)
    if "Position" in split.inputs:                 # from 5.0 a point and an angle
        split.inputs["Rotation"].default_value = 1.5707963
        split.inputs["Position"].default_value = share, 0.5
    else:
        setattr(owner, name, round(100 * share) if owner == split else share)


