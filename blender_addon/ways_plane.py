"""A plate on a plane that fills the camera's view at a distance, and goes on filling it when lens or shift change.

Rigid    a Child Of constraint that takes place and turn from the camera, and not its scale, which no view shows
Size     drivers on location and scale, of lens, sensor, shift and the render's size
Colour   light in the scene where the view leaves it alone; else a hole, behind which the compositor stands the plate
"""

from __future__ import annotations

import math

import bpy
from mathutils import Vector

from . import ways_lens as lens
from .plate_image import range_notes
from .plate_read import Plate
from .ways_marks import (
    PLANE,
    TAG,
    camera_for,
    check_colour,
    check_scene,
    discard_material,
    drive_start,
    is_bent,
    keep_codes,
    mark,
    own_collection,
    own_objects,
    plate_texture,
    tree_of,
    view_notes,
)

DISTANCE = "plate_distance"                        # custom property of the plane, Blender units
BEHIND = 1.05                                      # times as far as the farthest thing the camera sees
ALONE = 10.0                                       # Blender units, where there is nothing else
UNLIT = ("visible_diffuse", "visible_glossy", "visible_transmission", "visible_volume_scatter", "visible_shadow")


def stand_plane(
    scene: bpy.types.Scene,
    plate: Plate,
    distance: float = 0.0,                         # Blender units; 0: behind all that the camera sees
    *,
    keeps_codes: bool = True,
    frame_start: int | None = None,
) -> tuple[float, list[str]]:
    """Stand the plate before the camera it was made for, in place of an earlier version; the distance and notes.

    Raises PlateError E_SCENE_LINKED, E_COMPOSITOR_LINKED and CameraError E_NO_CAMERA, E_CAMERA_PROJECTION, before
    anything has changed.
    """
    check_scene(scene)
    camera = camera_for(scene, plate)
    check_colour(scene, keeps_codes)
    distance = distance or behind_all(scene, camera)
    plane = plane_of(scene, camera, plate) or new_plane(scene, camera, plate)
    plane[DISTANCE] = distance
    dress(plane, plate, frame_start)
    plane.is_holdout = keeps_codes and is_bent(scene)
    notes = [f"{plate.folder.name} stands {distance:.4g} before {camera.name}.", *clip_notes(camera, distance)]
    notes += range_notes(scene, plate, frame_start)
    return distance, notes + (keep_codes(scene, plate, frame_start) if keeps_codes else view_notes(scene))


def plane_of(scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate) -> bpy.types.Object | None:
    """The plane on which this plate stands before this camera already."""
    planes = (each for each in own_objects(scene, PLANE) if each.get(TAG) == plate.name)
    return next((each for each in planes if any(held.target == camera for held in holds(each))), None)


def holds(plane: bpy.types.Object) -> list[bpy.types.Constraint]:
    return [each for each in plane.constraints if each.type == "CHILD_OF"]


def new_plane(scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate) -> bpy.types.Object:
    """A quad that fills the camera's view."""
    plane = bpy.data.objects.new(f"{plate.name} plane", quad(f"{plate.name} plane"))
    mark(plane, PLANE, plate)
    own_collection(scene).objects.link(plane)
    for name in UNLIT:
        setattr(plane, name, False)
    plane.hide_select = True
    hold = plane.constraints.new("CHILD_OF")
    hold.target = camera
    hold.set_inverse_pending = False               # it would keep the plane where it is now
    hold.use_scale_x = hold.use_scale_y = hold.use_scale_z = False
    plane[DISTANCE] = ALONE
    plane.id_properties_ui(DISTANCE).update(
        min=0.0, soft_max=1000.0, subtype="DISTANCE", description="How far before the camera the plate stands"
    )
    fill_view(plane, camera, scene)
    return plane


def quad(name: str) -> bpy.types.Mesh:
    """One unit wide and high, its picture upright when seen from +Z."""
    mesh = bpy.data.meshes.new(name)
    corners = [(-0.5, -0.5, 0.0), (0.5, -0.5, 0.0), (0.5, 0.5, 0.0), (-0.5, 0.5, 0.0)]
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    for loop, corner in zip(layer.data, corners, strict=True):
        loop.uv = corner[0] + 0.5, corner[1] + 0.5
    return mesh


def fill_view(plane: bpy.types.Object, camera: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Rule place and size by the camera's lens."""
    ruled = (
        ("location", (lens.PLANE_X, lens.PLANE_Y, lens.PLANE_Z)),
        ("scale", (lens.PLANE_WIDTH, lens.PLANE_HEIGHT)),
    )
    for channel, expressions in ruled:
        for index, expression in enumerate(expressions):
            driver = lens.drive(plane, channel, index, expression, camera, scene)
            lens.read(driver, "d", "OBJECT", plane, f'["{DISTANCE}"]')
            driver.expression = expression         # once more: it is only now that it knows all its words


def dress(plane: bpy.types.Object, plate: Plate, frame_start: int | None) -> None:
    """Give the plane a material that shows the plate; before its first frame there is nothing."""
    old = plane.active_material
    material = bpy.data.materials.new(f"{plate.name} plane")
    mark(material, PLANE, plate)
    tree = tree_of(material)
    tree.nodes.clear()
    texture = plate_texture(tree, plate, frame_start)
    light, hole, mix, end = (
        tree.nodes.new(f"ShaderNode{kind}") for kind in ("Emission", "BsdfTransparent", "MixShader", "OutputMaterial")
    )
    tree.links.new(texture.outputs["Color"], light.inputs["Color"])
    tree.links.new(hole.outputs[0], mix.inputs[1])
    tree.links.new(light.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], end.inputs["Surface"])
    drive_start(mix.inputs[0], texture)
    plane.active_material = material
    if old is not None:
        discard_material(old)


def behind_all(scene: bpy.types.Scene, camera: bpy.types.Object) -> float:
    """A little farther than anything that renders before the camera, and within what the camera shows."""
    forward = -camera.matrix_world.normalized().col[2].xyz
    eye = camera.matrix_world.translation
    farthest = max((depth_of(each, eye, forward) for each in scene.objects if is_solid(each)), default=0.0)
    wanted = BEHIND * farthest if farthest > 0.0 else ALONE
    clip = camera.data
    return min(max(wanted, 2.0 * clip.clip_start), 0.99 * clip.clip_end)


def is_solid(thing: bpy.types.Object) -> bool:
    return thing.type in {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "VOLUME"} and not (
        thing.hide_render or is_way(thing)
    )


def is_way(thing: bpy.types.Object) -> bool:
    return TAG in thing


def depth_of(thing: bpy.types.Object, eye: Vector, forward: Vector) -> float:
    """How far before the camera the farthest corner of the thing's box lies; 0 for one without an end."""
    depths = [(thing.matrix_world @ Vector(corner) - eye).dot(forward) for corner in thing.bound_box]
    farthest = max(depths)
    return farthest if math.isfinite(farthest) else 0.0


def clip_notes(camera: bpy.types.Object, distance: float) -> list[str]:
    clip = camera.data
    if clip.clip_start < distance < clip.clip_end:
        return []
    ends = f"{clip.clip_start:.4g} to {clip.clip_end:.4g}"
    return [f"W_CLIP: {camera.name} shows what is {ends} away, and the plane is {distance:.4g} away: it is not seen."]
