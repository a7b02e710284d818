"""A solved camera and its points -> a second camera and a cloud in the scene, which can be compared with the first.

Ours     the collection and both objects carry `TAG` with their own name: a copy or a renamed one is the artist's.
Keys     one per frame, linear between; rotation as a quaternion that never jumps to the other half of the sphere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import bpy
from mathutils import Matrix, Quaternion

from platewright.camera import CameraPath, Pose

from .plate_link import recorded
from .scene_read import metres_per_unit
from .solve_read import Frame, Points, Solve, blender_axes

TAG = "platewright_solve"                          # custom property: the name we gave
COLLECTION, CAMERA, POINTS = "Platewright solve", "Platewright solve", "Platewright points"
LINEAR = "LINEAR"
BACKGROUND = ("image", "alpha", "display_depth", "frame_method", "show_background_image")
PLAYED = ("frame_start", "frame_offset", "frame_duration", "use_cyclic", "use_auto_refresh")
SAME_PIXEL = 1e-3                                  # relative difference of a pixel's shape that is told


def import_solve(scene: bpy.types.Scene, solve: Solve) -> list[str]:
    """Put the solved camera and its points into the scene, in place of those of an earlier import.

    The scene's own camera stays what it is. Returns notes for the panel.
    """
    frame = frame_of(scene)
    home = own_collection(scene)
    camera = own_object(scene, home, CAMERA, bpy.data.cameras.new(CAMERA))
    set_lens_like(camera.data, scene, frame)
    animate(camera, frame.seen_through(solve.path), frame, scene.frame_current)
    show_behind(camera.data, solve)
    notes = [f"{camera.name} is the camera that {solve.folder.name} shows.", *pixel_notes(solve.path, frame)]
    if solve.points is None:
        forget_points(scene)
        notes.append(f"W_NO_POINTS: {solve.folder.name} has no points.ply; the camera came alone.")
    else:
        cloud = own_object(scene, home, POINTS, cloud_mesh(solve.points, frame.metres_per_unit))
        cloud.hide_render = True
        notes.append(f"{len(solve.points.places)} points that it shows are {cloud.name}.")
    return notes


def frame_of(scene: bpy.types.Scene) -> Frame:
    """The scene's picture, and the sensor of its camera where it has one, so that focal lengths can be compared."""
    render, lens = scene.render, own_lens(scene)
    share = render.resolution_percentage
    return Frame(
        width=render.resolution_x * share // 100,
        height=render.resolution_y * share // 100,
        pixel_aspect_x=render.pixel_aspect_x,
        pixel_aspect_y=render.pixel_aspect_y,
        sensor_fit=lens.sensor_fit if lens else "AUTO",
        sensor_width_mm=lens.sensor_width if lens else 36.0,
        sensor_height_mm=lens.sensor_height if lens else 24.0,
        metres_per_unit=metres_per_unit(scene),
    )


def own_lens(scene: bpy.types.Scene) -> bpy.types.Camera | None:
    return scene.camera.data if scene.camera and scene.camera.type == "CAMERA" else None


def pixel_notes(path: CameraPath, frame: Frame) -> list[str]:
    fx, fy, _, _ = path.intrinsics[0]
    if abs(fx / fy / frame.aspect - 1) <= SAME_PIXEL:
        return []
    return ["W_PIXEL_ASPECT: the plate was measured with pixels of another shape than the scene's."]


# Ours, and nobody else's -------------------------------------------------------------------------


def own_collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """The collection of an earlier import, or a new one in the scene."""
    for there in scene.collection.children_recursive:
        if there.get(TAG) == there.name:
            return there
    made = bpy.data.collections.new(COLLECTION)
    made[TAG] = made.name
    scene.collection.children.link(made)
    return made


def forget_points(scene: bpy.types.Scene) -> None:
    """Points of another plate do not stay beside this plate's camera."""
    for there in [each for each in scene.objects if each.get(TAG) == each.name and each.type == "MESH"]:
        bpy.data.batch_remove([there.data, there])


def own_object(
    scene: bpy.types.Scene, home: bpy.types.Collection, name: str, data: bpy.types.Camera | bpy.types.Mesh
) -> bpy.types.Object:
    """The object of an earlier import with new data and without its old motion, or a new one."""
    kind = "CAMERA" if isinstance(data, bpy.types.Camera) else "MESH"
    for there in scene.objects:
        if there.get(TAG) == there.name and there.type == kind:
            renew(there, data)
            return there
    made = bpy.data.objects.new(name, data)
    made[TAG] = made.name
    home.objects.link(made)
    return made


def renew(there: bpy.types.Object, data: bpy.types.Camera | bpy.types.Mesh) -> None:
    old, actions = there.data, [each for each in (action_of(there), action_of(there.data)) if each]
    there.parent = None
    there.constraints.clear()
    there.animation_data_clear()
    there.matrix_basis.identity()
    name, there.data = old.name, data
    if old.users == 0:
        bpy.data.batch_remove([old])
        data.name = name
    bpy.data.batch_remove([each for each in actions if each.users == 0])


def action_of(owner: bpy.types.ID) -> bpy.types.Action | None:
    return owner.animation_data.action if owner.animation_data else None


# The camera --------------------------------------------------------------------------------------


def set_lens_like(lens: bpy.types.Camera, scene: bpy.types.Scene, frame: Frame) -> None:
    """What is not animated: the sensor, and how far the camera sees."""
    lens.sensor_fit = frame.sensor_fit
    lens.sensor_width, lens.sensor_height = frame.sensor_width_mm, frame.sensor_height_mm
    like = own_lens(scene)
    if like is not None and like != lens:
        lens.clip_start, lens.clip_end, lens.display_size = like.clip_start, like.clip_end, like.display_size


def show_behind(lens: bpy.types.Camera, solve: Solve) -> None:
    """Stand the plate behind the solved camera as it stands behind another one, if it does."""
    for there in [each for other in bpy.data.cameras if other != lens for each in other.background_images]:
        if there.image is not None and recorded(there.image).get("folder") == str(solve.folder):
            mine = lens.background_images.new()
            for name in BACKGROUND:
                setattr(mine, name, getattr(there, name))
            for name in PLAYED:
                setattr(mine.image_user, name, getattr(there.image_user, name))
            lens.show_background_images = True
            return


def animate(camera: bpy.types.Object, path: CameraPath, frame: Frame, now: int) -> None:
    """A key on every frame; the camera stands at once where it stands at the frame `now`."""
    places = [frame.place(pose) for pose in path.camera_to_world]
    turns = [tuple(turn) for turn in quaternions(path.camera_to_world)]
    optics = [frame.optics(lens) for lens in path.intrinsics]
    index = min(max(now - path.frames[0], 0), len(path) - 1)
    camera.rotation_mode = "QUATERNION"
    camera.location, camera.rotation_quaternion = places[index], turns[index]
    lens = camera.data
    lens.lens, lens.shift_x, lens.shift_y = optics[index]
    set_keys(camera, path.frames, {"location": places, "rotation_quaternion": turns})
    names = ("lens", "shift_x", "shift_y")
    channels = {name: [(row[at],) for row in optics] for at, name in enumerate(names)}
    set_keys(lens, path.frames, {name: values for name, values in channels.items() if len(set(values)) > 1})


def quaternions(poses: Iterable[Pose]) -> list[Quaternion]:
    """One per pose, each on the same half of the sphere as the one before."""
    turns: list[Quaternion] = []
    for pose in poses:
        turn = Matrix(blender_axes(pose)).to_quaternion()
        turns.append(-turn if turns and turns[-1].dot(turn) < 0 else turn)
    return turns


def set_keys(
    owner: bpy.types.ID, frames: Sequence[int], channels: dict[str, Sequence[tuple[float, ...]]]
) -> None:
    """Linear keys on every frame; a channel has as many curves as its values have numbers."""
    if not channels:
        return
    curves = new_curves(owner)
    for path, values in channels.items():
        for index in range(len(values[0])):
            curve = curves.new(path, index=index)
            points = curve.keyframe_points
            points.add(len(frames))
            pairs = zip(frames, (value[index] for value in values), strict=True)
            points.foreach_set("co", list(chain.from_iterable(pairs)))
            for point in points:
                point.interpolation = LINEAR
            curve.update()


def new_curves(owner: bpy.types.ID) -> bpy.types.bpy_prop_collection:
    """The curves of a new action; from 4.4 they live in a slot of a layer, from 5.0 nowhere else."""
    action = bpy.data.actions.new(f"{owner.name} action")
    animation = owner.animation_data_create()
    animation.action = action
    if not hasattr(animation, "action_slot"):
        return action.fcurves
    slot = action.slots.new(owner.id_type, owner.name)
    animation.action_slot = slot
    return action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True).fcurves


# The points --------------------------------------------------------------------------------------


def cloud_mesh(points: Points, metres_per_unit: float) -> bpy.types.Mesh:
    """A mesh of vertices alone, with the pictures' colours where they are known."""
    mesh = bpy.data.meshes.new(POINTS)
    mesh.vertices.add(len(points.places))
    mesh.vertices.foreach_set("co", [value / metres_per_unit for place in points.places for value in place])
    if points.colours:
        layer = mesh.color_attributes.new("Color", "BYTE_COLOR", "POINT")
        codes = chain.from_iterable((red, green, blue, 255) for red, green, blue in points.colours)
        layer.data.foreach_set("color_srgb", [code / 255 for code in codes])
    mesh.update()
    return mesh
