"""Frames of a plate, thrown onto things from where their camera stood: exact for that camera, whatever they hit.

Frozen   one camera object per frame, from the plate's own camera.json; its shader finds every point in that camera's
         space, so that neither UVs nor the number of faces matter
Layers   the first frame named lies on top, the next fills what it does not see
Hidden   what a frame's camera did not see of the chosen objects, because another of them stands before it, gets nothing
         of that frame, unless that is not wanted
Onto     a card per frame, a dome around the first camera, or chosen objects, whose own materials come back
Colour   as in the file under any view: the compositor gives the view to the render, and the plate's light is left out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
from mathutils import Matrix

from platewright.camera import CameraPath
from platewright.errors import RequestError

from . import scene_light, ways_depth
from . import ways_lens as lens
from .plate_image import discard_unused, set_space, show_view
from .plate_link import TAG, path_for_blend, remember
from .plate_read import Plate
from .scene_composite import bake_view_alone
from .scene_read import metres_per_unit
from .solve_read import Frame, blender_axes
from .solve_write import frame_of
from .ways_marks import (
    DEPTH,
    PROJECTION,
    camera_path_of,
    check_colour,
    check_scene,
    discard_material,
    images_in,
    is_bent,
    is_ours,
    mark,
    own_collection,
    own_objects,
    remove_objects,
    tree_of,
    view_notes,
)
from .ways_plane import quad
from .ways_screens import card_place, dressed, plate_worn, put_on, sphere, surfaces, undress, wear

FRAME = "platewright_frame"                        # custom property: number of the frame that is thrown
CARD = "platewright_card"                          # custom property: it fills its camera's view
LOOKS_ALONG = -1.0                                 # of an object's own space, for a camera
UNCOVERED = 0.18                                   # grey of chosen objects where no frame reaches
CARDS, DOME, CHOSEN = "CARDS", "DOME", "CHOSEN"
FRAMES_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw:
    """What is to be projected."""

    plate: Plate
    path: CameraPath
    frames: tuple[int, ...]


def project(
    scene: bpy.types.Scene,
    plate: Plate,
    frames: Sequence[int],
    onto: str,                                     # CARDS, DOME, CHOSEN
    distance: float = 10.0,                        # Blender units from the frozen camera to card and dome
    chosen: Sequence[bpy.types.Object] = (),
    *,
    is_occluded: bool = True,                      # chosen objects hide one another, and themselves
    keeps_codes: bool = True,
) -> list[str]:
    """Throw frames of the plate onto cards, a dome or the chosen objects, in place of an earlier projection; notes.

    Raises PlateError E_SCENE_LINKED, E_NO_CAMERA_FILE, E_PROJECT_ONTO, E_PROJECT_DEPTH, E_OBJECT_LINKED,
    E_COMPOSITOR_LINKED and RequestError E_RANGE, E_CAMERA_FILE, before anything has changed.
    """
    check_scene(scene)
    check_colour(scene, keeps_codes)
    throw = Throw(plate=plate, path=camera_path_of(plate), frames=tuple(dict.fromkeys(frames)))
    check_frames(throw)
    chosen = surfaces(chosen) if onto == CHOSEN else []
    if hidden := chosen if is_occluded else []:
        ways_depth.check_size(throw.path.width, throw.path.height)
    withdraw_projection(scene, [plate.name])
    cameras = {frame: frozen_camera(scene, throw, frame) for frame in throw.frames}
    if onto == CARDS:
        for frame, camera in cameras.items():
            one = Throw(plate=plate, path=throw.path, frames=(frame,))
            card = bpy.data.objects.new(f"{plate.name}.{frame} card", quad(f"{plate.name}.{frame} card"))
            wear(scene, card, camera, material_of(one, cameras, covers=False), plate)
            card[CARD] = True
            card.matrix_local = card_place(camera, frame_of_plate(scene, throw.path), distance)
    elif onto == DOME:
        dome = bpy.data.objects.new(f"{plate.name} dome", sphere(f"{plate.name} dome", distance))
        wear(scene, dome, cameras[throw.frames[0]], material_of(throw, cameras, covers=False), plate)
    else:
        put_on(chosen, material_of(throw, cameras, covers=True, hidden=hidden))
    numbers = ", ".join(map(str, throw.frames))
    where = {CARDS: "a card", DOME: "a dome", CHOSEN: ", ".join(each.name for each in chosen)}[onto]
    notes = [f"{plate.folder.name}, frame {numbers}, is projected onto {where}."]
    return notes + (keep_light(scene, plate) if keeps_codes else view_notes(scene))


def keep_light(scene: bpy.types.Scene, plate: Plate) -> list[str]:
    """Show what is projected by its own codes where the view would bend it; notes."""
    if not is_bent(scene):
        return []
    scene_light.add_passes(scene)
    return bake_view_alone(scene, plate.name)


def check_frames(throw: Throw) -> None:
    plate = throw.plate
    known = set(range(plate.start, plate.start + len(plate.frames))) & set(throw.path.frames)
    missing = [str(frame) for frame in throw.frames if frame not in known]
    if missing or not throw.frames:
        which = f"frame {', '.join(missing)}" if missing else "a frame that is chosen"
        why = f"{plate.folder.name} does not have {which}."
        raise RequestError("E_RANGE", why, f"Choose from {plate.start} to {plate.start + len(plate.frames) - 1}.")
    if len(throw.frames) > FRAMES_MAX:
        why = f"{len(throw.frames)} frames at once are more than a shader can mix."
        raise RequestError("E_RANGE", why, f"Choose {FRAMES_MAX} at most; a few that see different parts are enough.")


# The frozen camera -------------------------------------------------------------------------------


def frozen_camera(scene: bpy.types.Scene, throw: Throw, frame: int) -> bpy.types.Object:
    """A camera that stands where the frame's own camera stood."""
    name = f"{throw.plate.name}.{frame} camera"
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    mark(camera, PROJECTION, throw.plate)
    camera[FRAME] = frame
    own_collection(scene).objects.link(camera)
    camera.lock_location = camera.lock_rotation = camera.lock_scale = (True, True, True)
    aim_camera(scene, camera, throw.path, frame)
    return camera


def aim_camera(scene: bpy.types.Scene, camera: bpy.types.Object, path: CameraPath, frame: int) -> None:
    """Place and lens of a frame."""
    own = frame_of_plate(scene, path)
    pose, optics = pose_and_lens(path, frame)
    rows = [(*axes, place) for axes, place in zip(blender_axes(pose), own.place(pose), strict=True)]
    camera.matrix_world = Matrix([*rows, (0.0, 0.0, 0.0, 1.0)])
    data = camera.data
    data.sensor_fit, data.sensor_width = "HORIZONTAL", own.sensor_width_mm
    data.lens, data.shift_x, data.shift_y = own.optics(optics)


def pose_and_lens(path: CameraPath, frame: int) -> tuple[tuple[float, ...], tuple[float, float, float, float]]:
    index = frame - path.frames[0]
    return path.camera_to_world[index], path.intrinsics[index]


def frame_of_plate(scene: bpy.types.Scene, path: CameraPath) -> Frame:
    """The plate's picture, with the pixels of the scene, as a sensor sees it."""
    like = frame_of(scene)
    return Frame(
        width=path.width, height=path.height, pixel_aspect_x=like.pixel_aspect_x, pixel_aspect_y=like.pixel_aspect_y,
        sensor_fit="HORIZONTAL", sensor_width_mm=like.sensor_width_mm, sensor_height_mm=like.sensor_height_mm,
        metres_per_unit=metres_per_unit(scene),
    )  # fmt: skip


# The shader --------------------------------------------------------------------------------------


def material_of(
    throw: Throw,
    cameras: dict[int, bpy.types.Object],
    *,
    covers: bool,
    hidden: Sequence[bpy.types.Object] = (),       # what hides parts of one another
) -> bpy.types.Material:
    """The frames as light, the first on top; where none reaches, grey if it `covers`, else nothing at all."""
    material = bpy.data.materials.new(f"{throw.plate.name} projection")
    mark(material, PROJECTION, throw.plate)
    tree = tree_of(material)
    tree.nodes.clear()
    ground = tree.nodes.new("ShaderNodeBsdfDiffuse" if covers else "ShaderNodeBsdfTransparent")
    if covers:
        ground.inputs["Color"].default_value = (UNCOVERED, UNCOVERED, UNCOVERED, 1.0)
    shader, light = ground.outputs[0], ground.outputs
    for column, frame in enumerate(reversed(throw.frames), start=1):
        node = tree.nodes.new("ShaderNodeGroup")
        node.node_tree = frame_group(throw, frame, cameras[frame], hidden)
        node.location, node.width = (240.0 * column, 0.0), 200.0
        tree.links.new(shader, node.inputs[0])
        for place in (1, 2) if column > 1 else ():
            tree.links.new(light[place], node.inputs[place])
        shader, light = node.outputs[0], node.outputs
    end = tree.nodes.new("ShaderNodeOutputMaterial")
    end.location = 240.0 * (len(throw.frames) + 1), 0.0
    tree.links.new(shader, end.inputs["Surface"])
    scene_light.write_passes(tree, *light[1:3])
    return material


def frame_group(
    throw: Throw, frame: int, camera: bpy.types.Object, hidden: Sequence[bpy.types.Object]
) -> bpy.types.NodeTree:
    """One frame over the shader that comes in, and over its light and cover, wherever its camera sees."""
    group = bpy.data.node_groups.new(f"{throw.plate.name}.{frame}", "ShaderNodeTree")
    mark(group, PROJECTION, throw.plate)
    group[FRAME] = frame
    for name, kind in (("Shader", "Shader"), ("Light", "Color"), ("Cover", "Float")):
        for side in ("INPUT", "OUTPUT"):
            group.interface.new_socket(name=name, in_out=side, socket_type=f"NodeSocket{kind}")
    space = group.nodes.new("ShaderNodeTexCoord")
    space.object = camera
    seen = lens.picture_of(group, space.outputs["Object"], LOOKS_ALONG)
    texture = group.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = "Plate"
    texture.extension = "EXTEND"
    group.links.new(seen.place, texture.inputs["Vector"])
    inside = seen.inside
    if hidden:
        inside = lens.maths(group, "MULTIPLY", inside, ways_depth.unhidden(group, space.outputs["Object"], seen))
    lay(group, inside, texture.outputs["Color"])
    for column, each in enumerate(group.nodes):
        each.location = 180.0 * column, 0.0
    load_frame(group, throw, frame)
    load_depth(group, throw, camera, hidden)
    return group


def lay(group: bpy.types.NodeTree, inside: bpy.types.NodeSocket, colour: bpy.types.NodeSocket) -> None:
    """The colour over what comes into the group: as a shader, as light, and as how much is covered."""
    below, above = group.nodes.new("NodeGroupInput").outputs, group.nodes.new("NodeGroupOutput").inputs
    light, mix = (group.nodes.new(f"ShaderNode{kind}") for kind in ("Emission", "MixShader"))
    group.links.new(colour, light.inputs["Color"])
    for place, socket in enumerate((inside, below[0], light.outputs[0])):
        group.links.new(socket, mix.inputs[place])
    group.links.new(mix.outputs[0], above[0])
    both = group.nodes.new("ShaderNodeMix")
    both.data_type = "RGBA"
    sockets = [each for each in both.inputs if each.enabled]
    for socket, source in zip(sockets, (inside, below[1], colour), strict=True):
        group.links.new(source, socket)
    group.links.new(next(each for each in both.outputs if each.enabled), above[1])
    group.links.new(lens.maths(group, "MAXIMUM", inside, below[2]), above[2])


def load_frame(group: bpy.types.NodeTree, throw: Throw, frame: int) -> None:
    """The picture of a frame and the lens it was seen through."""
    texture, view = group.nodes["Plate"], throw.plate.view
    texture.image = still(throw.plate, frame)
    if view and throw.path.width == view.width:    # the path of what the camera sees, not of all that frames show
        show_view(texture, throw.plate)
    _, optics = pose_and_lens(throw.path, frame)
    lens.set_lens(group.nodes["Across"], group.nodes["Up"], optics, throw.path.width, throw.path.height)


def load_depth(
    group: bpy.types.NodeTree, throw: Throw, camera: bpy.types.Object, hidden: Sequence[bpy.types.Object]
) -> None:
    """What the frame's camera sees of the things that hide one another, if the group asks for it."""
    if not (hidden and set(group.nodes.keys()) >= ways_depth.NODES):
        return
    _, optics = pose_and_lens(throw.path, int(group[FRAME]))
    view = ways_depth.View(camera=camera, lens=optics, width=throw.path.width, height=throw.path.height)
    ways_depth.aim(group, view)
    group.nodes["Depth"].image = ways_depth.depth_map(f"{group.name} depth", view, hidden)


def still(plate: Plate, frame: int) -> bpy.types.Image:
    """One frame as a picture of its own: pictures of a sequence would all show the same frame in a viewport."""
    path = plate.folder / plate.files[frame - plate.start]
    for image in bpy.data.images:
        same = image.source == "FILE" and bpy.path.abspath(image.filepath) == str(path)
        if same and image.get(TAG) == plate.name and image.library is None:
            remember(image, plate)
            return image
    image = bpy.data.images.load(path_for_blend(path))
    image.name = path.name
    image.alpha_mode = "NONE"
    set_space(image, plate.space)
    remember(image, plate)
    image[FRAME] = frame
    return image


# What stands ------------------------------------------------------------------------------------


def withdraw_projection(scene: bpy.types.Scene, names: Sequence[str] | None = None) -> None:
    """Take projections away, those of the named plates or all."""
    for thing in dressed(scene):
        if names is None or plate_worn(thing) in {*names, ""}:
            materials = {slot.material for slot in thing.material_slots if slot.material}
            undress(thing)
            for material in materials:
                discard_material(material)
    remove_objects(scene, [each for each in own_objects(scene, PROJECTION) if names is None or each[TAG] in names])


def frozen(scene: bpy.types.Scene, name: str) -> list[bpy.types.Object]:
    """The frozen cameras of a plate."""
    ours = [each for each in own_objects(scene, PROJECTION) if each.type == "CAMERA" and each.get(TAG) == name]
    return [each for each in ours if isinstance(each.get(FRAME), int)]


def groups_in(scene: bpy.types.Scene, name: str) -> set[bpy.types.NodeTree]:
    """The shader groups that throw a plate's frames in this scene."""
    materials = {slot.material for each in scene.objects for slot in each.material_slots if slot.material}
    nodes = (node for each in materials if is_ours(each, PROJECTION) for node in each.node_tree.nodes)
    groups = {node.node_tree for node in nodes if node.bl_idname == "ShaderNodeGroup"} - {None}
    ours = {each for each in groups if each.get(TAG) == name and isinstance(each.get(FRAME), int)}
    return {each for each in ours if {"Plate", "Across", "Up"} <= set(each.nodes.keys())}


def check_switch(scene: bpy.types.Scene, plate: Plate) -> Throw | None:
    """What another version is to throw in place of this one; None where nothing is thrown. Raises as `project`."""
    frames = {int(each[FRAME]) for each in (*frozen(scene, plate.name), *groups_in(scene, plate.name))}
    if not frames:
        return None
    throw = Throw(plate=plate, path=camera_path_of(plate), frames=tuple(sorted(frames)))
    check_frames(throw)
    return throw


def switch(scene: bpy.types.Scene, throw: Throw) -> int:
    """Throw another version of the plate from where its own cameras stood; how many frames were changed."""
    groups = groups_in(scene, throw.plate.name)
    own, cameras = frame_of_plate(scene, throw.path), frozen(scene, throw.plate.name)
    for camera in cameras:
        aim_camera(scene, camera, throw.path, int(camera[FRAME]))
        for card in [each for each in own_objects(scene, PROJECTION) if each.parent == camera and CARD in each]:
            card.matrix_local = card_place(camera, own, -card.matrix_local.translation.z)
    for group in groups:
        images = images_in(group)
        load_frame(group, throw, int(group[FRAME]))
        for camera in [each for each in cameras if each[FRAME] == group[FRAME]]:
            load_depth(group, throw, camera, dressed_by(scene, group))
        discard_unused(images)
        for image in images_in(group):
            if DEPTH in image:
                image.name = f"{group.name} depth"           # which the earlier one had
    return len(groups)


def dressed_by(scene: bpy.types.Scene, group: bpy.types.NodeTree) -> list[bpy.types.Object]:
    """Objects of the artist's that wear what this group throws."""
    return [
        each
        for each in dressed(scene)
        if any(
            node.bl_idname == "ShaderNodeGroup" and node.node_tree == group
            for slot in each.material_slots
            if slot.material and is_ours(slot.material, PROJECTION)
            for node in slot.material.node_tree.nodes
        )
    ]
