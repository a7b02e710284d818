"""What all ways into a scene share: where they may write, what of it is ours, and how it goes again.

Ours     objects, materials, groups and worlds carry `WAY`: the way and their own name. A copy or a renamed one is the
         artist's, and stays. Nodes and strips carry `TAG`, the plate's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy

from platewright.camera import CameraPath
from platewright.errors import CameraError, PlateError

from .plate_image import discard_unused, load_sequence, set_frames, show_view
from .plate_link import TAG
from .plate_read import Plate
from .scene_composite import check_compositor, composite_behind, compositor_tree, own_nodes, shows_picture
from .scene_view import NEUTRAL, REMEMBERED, is_neutral
from .scene_write import camera_of

WAY = "platewright_way"                            # custom property: "way/name we gave"
DEPTH = "platewright_depth"                        # custom property of an image: a map of ours, see `ways_depth`
STANDS_IN = "platewright_stands_in"                # custom property of our compositor's node: see `keep_codes`
COLLECTION = "Platewright ways"
PLANE, WORLD, STRIP, PROJECTION = "plane", "world", "strip", "projection"
NODES_ARE_OPTIONAL = "compositing_node_group" not in bpy.types.Scene.bl_rna.properties      # before 5.0
STARTED = "frame >= "                              # a driver's words: before its first frame a texture is magenta


def check_scene(scene: bpy.types.Scene) -> None:
    """PlateError E_SCENE_LINKED for a scene that is not this file's own: what is written there is gone after saving."""
    if scene.library is not None or scene.override_library is not None:
        library = scene.library or scene.override_library.reference.library
        home = f"from {Path(library.filepath).name}" if library else "from another file"
        why = f"The scene {scene.name} comes {home}: what is put into it here would be gone after saving."
        raise PlateError("E_SCENE_LINKED", why, "Open its own file, or make the scene local.")


def check_perspective(camera: bpy.types.Object | None) -> bpy.types.Object:
    """The camera, if a plate can be fitted to what it sees. Raises CameraError E_NO_CAMERA, E_CAMERA_PROJECTION."""
    if camera is None or camera.type != "CAMERA":
        why = "There is no camera for the plate to follow."
        raise CameraError("E_NO_CAMERA", why, "Give the scene a camera.")
    if camera.data.type != "PERSP":
        why = f"{camera.name} is {camera.data.type}: a plate is a picture in perspective, and fits no other camera."
        raise CameraError("E_CAMERA_PROJECTION", why, "Set the camera's type to Perspective.")
    return camera


def camera_for(scene: bpy.types.Scene, plate: Plate) -> bpy.types.Object:
    """The camera the plate was made for, else the scene's. Raises as `check_perspective`."""
    return check_perspective(camera_of(scene, plate))


def camera_path_of(plate: Plate) -> CameraPath:
    """The camera of the plate's own frames. Raises PlateError E_NO_CAMERA_FILE and RequestError E_CAMERA_FILE."""
    file = plate.folder / "camera.json"
    if not file.is_file():
        why = f"{plate.folder.name} does not say which camera it was made for: it has no camera.json."
        raise PlateError("E_NO_CAMERA_FILE", why, "Copy the plate again from where it was made.")
    return CameraPath.read(file)


# Ours --------------------------------------------------------------------------------------------


def mark(owner: bpy.types.ID, way: str, plate: Plate) -> None:
    """Note that this datablock is ours, and which plate it shows."""
    owner[WAY], owner[TAG] = f"{way}/{owner.name}", plate.name


def is_ours(owner: bpy.types.ID, way: str) -> bool:
    """It was made by this way, and nobody has copied or renamed it since."""
    return owner.get(WAY) == f"{way}/{owner.name}" and owner.library is None


def own_collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """Where our objects of this scene are, made if it is not there."""
    there = found_collection(scene)
    if there is None:
        there = bpy.data.collections.new(COLLECTION)
        there[WAY] = f"{COLLECTION}/{there.name}"
        scene.collection.children.link(there)
    return there


def found_collection(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """The same, if it is there."""
    return next((each for each in scene.collection.children if is_ours(each, COLLECTION)), None)


def own_objects(scene: bpy.types.Scene, way: str) -> list[bpy.types.Object]:
    """The objects of a way, wherever in the scene they have been moved."""
    return [each for each in scene.objects if is_ours(each, way)]


def remove_objects(scene: bpy.types.Scene, objects: Iterable[bpy.types.Object]) -> None:
    """Take our objects away, with the meshes, cameras and materials that nothing else uses."""
    gone = list(objects)
    data = {each.data for each in gone if each.data is not None}
    materials = {slot.material for each in gone for slot in each.material_slots if slot.material}
    bpy.data.batch_remove(gone)
    bpy.data.batch_remove([each for each in data if each.users == 0])
    for material in materials:
        discard_material(material)
    there = found_collection(scene)
    if there is not None and not there.all_objects and not there.children:
        bpy.data.batch_remove([there])


def discard_material(material: bpy.types.Material) -> None:
    """Remove a material of ours that nothing wears any more, its groups and pictures with it."""
    if material.users == 0 and WAY in material:
        groups = {node.node_tree for node in material.node_tree.nodes if node.bl_idname == "ShaderNodeGroup"}
        images = images_in(material.node_tree)
        bpy.data.batch_remove([material])
        discard_unused(images)
        for group in groups - {None}:
            discard_group(group)


def discard_group(group: bpy.types.NodeTree) -> None:
    """Remove a group that nothing uses any more, its pictures with it."""
    if group.users == 0:
        images = images_in(group)
        bpy.data.batch_remove([group])
        discard_unused(images)


def images_in(tree: bpy.types.NodeTree) -> set[bpy.types.Image]:
    """Pictures of a shader tree that show plates of ours, or are maps of what their cameras saw."""
    nodes = (node for node in tree.nodes if node.bl_idname == "ShaderNodeTexImage")
    return {node.image for node in nodes if node.image is not None and (TAG in node.image or DEPTH in node.image)}


# Shaders -----------------------------------------------------------------------------------------


def tree_of(owner: bpy.types.Material | bpy.types.World) -> bpy.types.NodeTree:
    """Its nodes, switched on; from 5.0 they always are."""
    if owner.node_tree is None or (NODES_ARE_OPTIONAL and not owner.use_nodes):
        owner.use_nodes = True
    return owner.node_tree


def plate_texture(tree: bpy.types.NodeTree, plate: Plate, frame_start: int | None) -> bpy.types.Node:
    """An image texture that plays the plate, and reaches beyond its rim so that the rim does not mix with itself."""
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = "Plate"
    texture.extension = "EXTEND"
    texture.image = load_sequence(plate)
    show_view(texture, plate)
    set_frames(texture.image_user, plate, frame_start)
    return texture


def drive_start(socket: bpy.types.NodeSocket, texture: bpy.types.Node) -> None:
    """Hold the socket at 0 before the plate's first frame, and at 1 from then on.

    The frame stands in the driver's words: one that looks it up on the texture would wait for the texture itself.
    """
    driver = socket.driver_add("default_value").driver
    driver.type, driver.expression = "SCRIPTED", f"{STARTED}{texture.image_user.frame_start}"


def start_again(tree: bpy.types.NodeTree, frame_start: int) -> None:
    """Tell the drivers of `drive_start` in this tree of another first frame."""
    curves = tree.animation_data.drivers if tree.animation_data else ()
    for curve in curves:
        if curve.driver.expression.startswith(STARTED):
            curve.driver.expression = f"{STARTED}{frame_start}"


def read(driver: bpy.types.Driver, name: str, kind: str, owner: bpy.types.ID, path: str) -> None:
    """A variable of a driver: a property of a datablock."""
    variable = driver.variables.new()
    variable.name, variable.type = name, "SINGLE_PROP"
    variable.targets[0].id_type = kind
    variable.targets[0].id = owner
    variable.targets[0].data_path = path


# Colour ------------------------------------------------------------------------------------------


def is_bent(scene: bpy.types.Scene) -> bool:
    """The view moves a plate that is light in the scene away from its codes: by itself, or inside our compositor."""
    tree = compositor_tree(scene)
    baked = tree is not None and any(REMEMBERED in node for node in tree.nodes)
    return baked or not is_neutral(scene.view_settings)


def check_colour(scene: bpy.types.Scene, keeps_codes: bool) -> None:
    """Refuse what `keep_codes` would refuse, before anything has changed."""
    if keeps_codes and is_bent(scene):
        check_compositor(scene)


def keep_codes(scene: bpy.types.Scene, plate: Plate, frame_start: int | None) -> list[str]:
    """Let the compositor show the plate's own codes where the scene shows it; notes.

    A branch that nobody has asked for is marked, and goes with the last plane or world that it stands in for.
    """
    if not is_bent(scene):
        return []
    is_asked_for = any(shows_picture(node) and STANDS_IN not in node for node in own_nodes(scene))
    notes = composite_behind(scene, plate, frame_start=frame_start)
    if not is_asked_for:
        for node in own_nodes(scene):
            node[STANDS_IN] = True
    return notes


def view_notes(scene: bpy.types.Scene) -> list[str]:
    """What becomes of a plate that is light in the scene, or a strip."""
    if not is_bent(scene):
        return []
    view = scene.view_settings.view_transform
    bent = "the compositor's view of the render" if is_neutral(scene.view_settings) else f"the view transform {view}"
    return [f"W_VIEW: {bent} changes the plate's colours here; {NEUTRAL['view_transform']} shows them as they are."]

