"""Frames of a plate, thrown onto things from where their camera stood: exact for that camera, whatever they hit.

Frozen   one camera object per frame, from the plate's own camera.json; its shader finds every point in that camera's
         space, so that neither UVs nor the number of faces matter
Layers   the first frame named lies on top, the next fills what it does not see. Nothing is occluded: what a frame's
         camera cannot see behind something gets that something's colours
Onto     a card per frame, a dome around the first camera, or chosen objects, whose own materials come back
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import bpy
from mathutils import Matrix

from platewright.camera import CameraPath
from platewright.errors import PlateError, RequestError

from . import ways_lens as lens
from .plate_link import TAG, path_for_blend, remember
from .plate_read import Plate
from .scene_read import metres_per_unit
from .scene_write import discard_unused, set_space
from .solve_read import Frame, blender_axes
from .solve_write import frame_of
from .ways_marks import (
    PROJECTION,
    camera_path_of,
    check_scene,
    discard_material,
    images_in,
    is_ours,
    mark,
    own_collection,
    own_objects,
    remove_objects,
    tree_of,
    view_notes,
)
from .ways_plane import quad

FRAME = "platewright_frame"                        # custom property: number of the frame that is thrown
WORN = "platewright_worn"                          # custom property of an object: how its slots were linked before
CARD = "platewright_card"                          # custom property: it fills its camera's view
LOOKS_ALONG = -1.0                                 # of an object's own space, for a camera
RINGS, SPOKES = 32, 64                             # of the dome
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
) -> list[str]:
    """Throw frames of the plate onto cards, a dome or the chosen objects, in place of an earlier projection; notes.

    Raises PlateError E_SCENE_LINKED, E_NO_CAMERA_FILE, E_PROJECT_ONTO, E_OBJECT_LINKED and RequestError E_RANGE,
    E_CAMERA_FILE, before anything has changed.
    """
    check_scene(scene)
    throw = Throw(plate=plate, path=camera_path_of(plate), frames=tuple(dict.fromkeys(frames)))
    check_frames(throw)
    chosen = surfaces(chosen) if onto == CHOSEN else []
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
        put_on(chosen, material_of(throw, cameras, covers=True))
    numbers = ", ".join(map(str, throw.frames))
    where = {CARDS: "a card", DOME: "a dome", CHOSEN: ", ".join(each.name for each in chosen)}[onto]
    return [f"{plate.folder.name}, frame {numbers}, is projected onto {where}.", *view_notes(scene)]


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


def surfaces(chosen: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """The chosen objects that can wear a material. Raises PlateError E_PROJECT_ONTO, E_OBJECT_LINKED."""
    found = [each for each in chosen if each.type in {"MESH", "CURVE", "SURFACE", "FONT", "META"}]
    if not found:
        why = "Nothing is chosen that a frame can be projected onto."
        raise PlateError("E_PROJECT_ONTO", why, "Select the objects first, or project onto cards or a dome.")
    for each in found:
        bare = each.data.library is not None and not each.material_slots
        if each.library is not None or bare:       # an override keeps the slots it has
            why = f"{each.name} comes from another file: a material put on it here would be gone after saving."
            hint = "Make a library override of it or make it local, or project onto cards or a dome."
            raise PlateError("E_OBJECT_LINKED", why, hint)
    return found


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


def material_of(throw: Throw, cameras: dict[int, bpy.types.Object], *, covers: bool) -> bpy.types.Material:
    """The frames as light, the first on top; where none reaches, grey if it `covers`, else nothing at all."""
    material = bpy.data.materials.new(f"{throw.plate.name} projection")
    mark(material, PROJECTION, throw.plate)
    tree = tree_of(material)
    tree.nodes.clear()
    ground = tree.nodes.new("ShaderNodeBsdfDiffuse" if covers else "ShaderNodeBsdfTransparent")
    if covers:
        ground.inputs["Color"].default_value = (UNCOVERED, UNCOVERED, UNCOVERED, 1.0)
    shader = ground.outputs[0]
    for column, frame in enumerate(reversed(throw.frames), start=1):
        node = tree.nodes.new("ShaderNodeGroup")
        node.node_tree = frame_group(throw, frame, cameras[frame])
        node.location, node.width = (240.0 * column, 0.0), 200.0
        tree.links.new(shader, node.inputs[0])
        shader = node.outputs[0]
    end = tree.nodes.new("ShaderNodeOutputMaterial")
    end.location = 240.0 * (len(throw.frames) + 1), 0.0
    tree.links.new(shader, end.inputs["Surface"])
    return material


def frame_group(throw: Throw, frame: int, camera: bpy.types.Object) -> bpy.types.NodeTree:
    """One frame over the shader that comes in, wherever its camera sees."""
    group = bpy.data.node_groups.new(f"{throw.plate.name}.{frame}", "ShaderNodeTree")
    mark(group, PROJECTION, throw.plate)
    group[FRAME] = frame
    group.interface.new_socket(name="Shader", in_out="INPUT", socket_type="NodeSocketShader")
    group.interface.new_socket(name="Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    space = group.nodes.new("ShaderNodeTexCoord")
    space.object = camera
    seen = lens.picture_of(group, space.outputs["Object"], LOOKS_ALONG)
    texture, light, mix = (group.nodes.new(f"ShaderNode{kind}") for kind in ("TexImage", "Emission", "MixShader"))
    texture.name = texture.label = "Plate"
    texture.extension = "EXTEND"
    group.links.new(seen.place, texture.inputs["Vector"])
    group.links.new(texture.outputs["Color"], light.inputs["Color"])
    group.links.new(seen.inside, mix.inputs[0])
    group.links.new(group.nodes.new("NodeGroupInput").outputs[0], mix.inputs[1])
    group.links.new(light.outputs[0], mix.inputs[2])
    group.links.new(mix.outputs[0], group.nodes.new("NodeGroupOutput").inputs[0])
    for column, each in enumerate(group.nodes):
        each.location = 180.0 * column, 0.0
    load_frame(group, throw, frame)
    return group


def load_frame(group: bpy.types.NodeTree, throw: Throw, frame: int) -> None:
    """The picture of a frame and the lens it was seen through."""
    group.nodes["Plate"].image = still(throw.plate, frame)
    _, optics = pose_and_lens(throw.path, frame)
    lens.set_lens(group.nodes["Across"], group.nodes["Up"], optics, throw.path.width, throw.path.height)


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


# Onto what ---------------------------------------------------------------------------------------


def wear(
    scene: bpy.types.Scene,
    screen: bpy.types.Object,
    camera: bpy.types.Object,
    material: bpy.types.Material,
    plate: Plate,
) -> None:
    """Hang a screen of ours on a frozen camera."""
    mark(screen, PROJECTION, plate)
    own_collection(scene).objects.link(screen)
    screen.parent = camera
    screen.data.materials.append(material)
    screen.visible_shadow = False


def card_place(camera: bpy.types.Object, own: Frame, distance: float) -> Matrix:
    """Of a unit quad that fills the frozen camera's view at a distance, in its space."""
    width = distance * own.sensor_width_mm / camera.data.lens
    height = width * own.aspect * own.height / own.width
    middle = Matrix.Translation((camera.data.shift_x * width, camera.data.shift_y * width, -distance))
    return middle @ Matrix.Diagonal((width, height, 1.0, 1.0))


def sphere(name: str, radius: float) -> bpy.types.Mesh:
    """A closed ball of quads and two caps, seen from within as from without."""
    mesh = bpy.data.meshes.new(name)
    points = [(0.0, 0.0, radius), (0.0, 0.0, -radius)]
    for ring in range(1, RINGS):
        polar = math.pi * ring / RINGS
        out, up = radius * math.sin(polar), radius * math.cos(polar)
        turns = (2 * math.pi * spoke / SPOKES for spoke in range(SPOKES))
        points += [(out * math.cos(turn), out * math.sin(turn), up) for turn in turns]
    faces: list[tuple[int, ...]] = []
    for spoke in range(SPOKES):
        after, last = (spoke + 1) % SPOKES, 2 + (RINGS - 2) * SPOKES
        faces += [(0, 2 + spoke, 2 + after), (1, last + after, last + spoke)]
        for ring in range(RINGS - 2):
            row = 2 + ring * SPOKES
            faces.append((row + spoke, row + SPOKES + spoke, row + SPOKES + after, row + after))
    mesh.from_pydata(points, [], faces)
    return mesh


def put_on(chosen: Sequence[bpy.types.Object], material: bpy.types.Material) -> None:
    """Dress objects, and note what they wore. Their meshes keep their own materials: the slots are the objects'."""
    for each in chosen:
        if WORN not in each:
            each[WORN] = " ".join(slot.link for slot in each.material_slots)
            for index, slot in enumerate(each.material_slots):
                if slot.link == "OBJECT" and slot.material:
                    each[f"{WORN}_{index}"] = slot.material
        if not each.material_slots:
            each.data.materials.append(None)
        for slot in each.material_slots:
            slot.link = "OBJECT"
            slot.material = material


def dressed(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Objects of the artist's that wear a projection of ours."""
    return [each for each in scene.objects if WORN in each and each.library is None]


def undress(thing: bpy.types.Object) -> None:
    """Give an object back what it wore; a slot that wears something else by now is left alone."""
    links = str(thing[WORN]).split()
    for index, slot in enumerate(thing.material_slots):
        if slot.link == "OBJECT" and slot.material is not None and is_ours(slot.material, PROJECTION):
            before = thing.get(f"{WORN}_{index}")
            slot.material = before if isinstance(before, bpy.types.Material) else None
            slot.link = "OBJECT" if links[index : index + 1] == ["OBJECT"] else "DATA"
    if not links and thing.data.library is None and not any(slot.material for slot in thing.material_slots):
        thing.data.materials.clear()               # it had no slot at all
    for name in [name for name in thing.keys() if name.startswith(WORN)]:  # noqa: SIM118
        del thing[name]


def plate_worn(thing: bpy.types.Object) -> str:
    """Name of the plate that is projected onto the object; empty where somebody has taken it off."""
    materials = (slot.material for slot in thing.material_slots)
    return next((str(each[TAG]) for each in materials if each is not None and is_ours(each, PROJECTION)), "")


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
    for group in groups:
        images = images_in(group)
        load_frame(group, throw, int(group[FRAME]))
        discard_unused(images)
    own = frame_of_plate(scene, throw.path)
    for camera in frozen(scene, throw.plate.name):
        aim_camera(scene, camera, throw.path, int(camera[FRAME]))
        for card in [each for each in own_objects(scene, PROJECTION) if each.parent == camera and CARD in each]:
            card.matrix_local = card_place(camera, own, -card.matrix_local.translation.z)
    return len(groups)
