"""A plate as the world behind everything, seen by the camera alone: the world's own light stays what it is.

Place    found by the direction in camera space and the lens, by drivers, so that it is right in a viewport, too
Ours     one group node in front of the world's output; the world's own nodes stay
"""

from __future__ import annotations

import bpy

from platewright.errors import PlateError

from . import ways_lens as lens
from .plate_image import range_notes
from .plate_link import TAG
from .plate_read import Plate
from .scene_composite import bypass
from .ways_marks import (
    WAY,
    WORLD,
    camera_for,
    check_colour,
    check_scene,
    discard_group,
    drive_start,
    is_ours,
    keep_codes,
    mark,
    plate_texture,
    tree_of,
    view_notes,
)

LOOKS_ALONG = 1.0                                  # of a shader's camera space


def set_world(
    scene: bpy.types.Scene, plate: Plate, *, keeps_codes: bool = True, frame_start: int | None = None
) -> list[str]:
    """Show the plate wherever the camera sees the world, in place of an earlier one; notes.

    Raises PlateError E_SCENE_LINKED, E_WORLD_LINKED, E_COMPOSITOR_LINKED and CameraError E_NO_CAMERA,
    E_CAMERA_PROJECTION, before anything has changed.
    """
    check_scene(scene)
    camera = camera_for(scene, plate)
    check_world(scene)
    check_colour(scene, keeps_codes)
    notes = [f"{plate.folder.name} is the world that {camera.name} sees."]
    if scene.world is None:
        scene.world = bpy.data.worlds.new(f"{plate.name} world")
        mark(scene.world, WORLD, plate)
        dark(tree_of(scene.world))
    elif sharing := [each.name for each in bpy.data.scenes if each.world == scene.world and each != scene]:
        notes.append(f"W_WORLD_SHARED: the same world is seen in {', '.join(sharing)}.")
    withdraw_world(scene, keeps_world=True)
    stand_before_output(scene, camera, plate, frame_start)
    if scene.render.film_transparent and not keeps_codes:
        notes.append("W_FILM: the film is transparent, so that renders show no world.")
    notes += range_notes(scene, plate, frame_start)
    return notes + (keep_codes(scene, plate, frame_start) if keeps_codes else view_notes(scene))


def check_world(scene: bpy.types.Scene) -> None:
    world = scene.world
    if world is not None and (world.library is not None or world.override_library is not None):
        why = f"The world {world.name} comes from another file: what is put into it here would be gone after saving."
        raise PlateError("E_WORLD_LINKED", why, "Make the world local, or use the camera background.")


def dark(tree: bpy.types.NodeTree) -> None:
    """A new world gives no light, as no world gives none."""
    for node in tree.nodes:
        if node.bl_idname == "ShaderNodeBackground":
            node.inputs["Color"].default_value = (0.0, 0.0, 0.0, 1.0)


def stand_before_output(
    scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate, frame_start: int | None
) -> None:
    """One group node between the world's own shader and its output."""
    tree = tree_of(scene.world)
    output = tree.get_output_node("ALL") or tree.nodes.new("ShaderNodeOutputWorld")
    surface = output.inputs["Surface"]
    source = surface.links[0].from_socket if surface.links else None
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = world_group(scene, camera, plate, frame_start)
    node.label, node.width = plate.folder.name, 200.0
    node.location = output.location.x, output.location.y + 160.0
    node[TAG] = plate.name
    if source is not None:
        tree.links.new(source, node.inputs[0])
    tree.links.new(node.outputs[0], surface)


def world_group(
    scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate, frame_start: int | None
) -> bpy.types.NodeTree:
    """The world as it was, but for what the camera itself sees from the plate's first frame on."""
    group = bpy.data.node_groups.new(f"{plate.name} world", "ShaderNodeTree")
    mark(group, WORLD, plate)
    group.interface.new_socket(name="World", in_out="INPUT", socket_type="NodeSocketShader")
    group.interface.new_socket(name="World", in_out="OUTPUT", socket_type="NodeSocketShader")
    seen = lens.picture_of(group, group.nodes.new("ShaderNodeTexCoord").outputs["Camera"], LOOKS_ALONG)
    for node, expressions in (
        (seen.across, (lens.ACROSS, lens.ACROSS_OFFSET)),
        (seen.up, (lens.UP, lens.UP_OFFSET)),
    ):
        for socket, expression in zip(node.inputs[1:], expressions, strict=True):
            lens.drive(socket, "default_value", -1, expression, camera, scene)
    texture = plate_texture(group, plate, frame_start)
    group.links.new(seen.place, texture.inputs["Vector"])
    light, path, mix = (group.nodes.new(f"ShaderNode{kind}") for kind in ("Background", "LightPath", "MixShader"))
    group.links.new(texture.outputs["Color"], light.inputs["Color"])
    shown = lens.maths(group, "MULTIPLY", path.outputs["Is Camera Ray"], 1.0)
    drive_start(shown.node.inputs[1], texture)
    group.links.new(shown, mix.inputs[0])
    group.links.new(group.nodes.new("NodeGroupInput").outputs[0], mix.inputs[1])
    group.links.new(light.outputs[0], mix.inputs[2])
    group.links.new(mix.outputs[0], group.nodes.new("NodeGroupOutput").inputs[0])
    for column, each in enumerate(group.nodes):
        each.location = 180.0 * column, 0.0
    return group


def own_nodes(scene: bpy.types.Scene) -> list[bpy.types.Node]:
    """Our group nodes in the scene's world."""
    world = scene.world
    if world is None or world.node_tree is None:
        return []
    groups = (node for node in world.node_tree.nodes if node.bl_idname == "ShaderNodeGroup")
    return [node for node in groups if TAG in node]


def withdraw_world(scene: bpy.types.Scene, *, keeps_world: bool = False) -> None:
    """Take our group out of the world; a world that is ours goes with it."""
    for node in own_nodes(scene):
        group = node.node_tree
        bypass(scene.world.node_tree, node)
        scene.world.node_tree.nodes.remove(node)
        if group is not None and WAY in group:
            discard_group(group)
    world = scene.world
    if world is not None and is_ours(world, WORLD) and not keeps_world:
        scene.world = None
        if world.users == 0:
            bpy.data.batch_remove([world])
