"""What of a scene counts as its geometry, set up in a scene of its own: the user's stays as it is.

Counted     what Blender would render: meshes, curves, surfaces, text and collection instances, with their modifiers as
            the viewport has them
Left out    hidden from render or from the camera; drawn as wire or bounds, as helpers are; what hangs on the camera, or
            on something that moves and carries the camera: its rig; rigid bodies on their way, whose place only the
            simulation of the real scene knows
Suns        lamps of type Sun
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from platewright.errors import CameraError

from . import camera_views

SURFACES = {"MESH", "CURVE", "SURFACE", "FONT"}
HELPERS = {"BOUNDS", "WIRE"}


@dataclass(frozen=True, slots=True)
class Stage:
    """The scene of our own."""

    scene: bpy.types.Scene
    suns: tuple[bpy.types.Object, ...]             # not evaluated
    world: bpy.types.World | None

    def at(self, number: int) -> bpy.types.Depsgraph:
        """Evaluated at a frame; what an earlier frame gave is no more."""
        self.scene.frame_set(number)
        return self.scene.view_layers[0].depsgraph


def scene_of(scene_uid: int) -> bpy.types.Scene:
    """The scene of this number. Raises CameraError E_CAMERA_GONE."""
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == scene_uid), None)
    if scene is None:
        why = "The scene went away while it was being read."
        raise CameraError("E_CAMERA_GONE", why, "Generate again in the file that has it.")
    return scene


@contextmanager
def staged(scene: bpy.types.Scene, things: list[bpy.types.Object]) -> Iterator[Stage]:
    """These objects of the scene, and its sky; whatever was looked up ends with the block."""
    suns = tuple(found for found in things if found.type == "LIGHT")
    with camera_views.undisturbed(scene, [], None):
        probe = bpy.data.scenes.new("platewright_scene")
        try:
            for found in things:
                probe.collection.objects.link(found)
            probe.camera, probe.world = scene.camera, scene.world
            for name in camera_views.COPIED:
                setattr(probe.render, name, getattr(scene.render, name))
            yield Stage(probe, suns, scene.world)
        finally:
            bpy.data.batch_remove([probe])


def names_of(camera: bpy.types.Object) -> set[str]:
    return {camera.name, camera.name_full}


def rendered_objects(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The objects that some view layer of the scene renders, each once."""
    found: dict[bpy.types.Object, None] = {}
    for layer in scene.view_layers:
        if layer.use:
            for thing in _in_layer(layer.layer_collection):
                found[thing] = None
    return [thing for thing in found if not thing.hide_render]


def _in_layer(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.Object]:
    if layer.exclude or layer.indirect_only or layer.collection.hide_render:
        return
    yield from layer.collection.objects
    for child in layer.children:
        yield from _in_layer(child)


def is_surface(thing: bpy.types.Object) -> bool:
    """Whether a ray of the camera may end on it; of an empty, on what it stands for."""
    has_faces = thing.type in SURFACES or (thing.type == "EMPTY" and thing.instance_type == "COLLECTION")
    body = thing.rigid_body
    is_falling = body is not None and body.type == "ACTIVE" and not body.kinematic
    return has_faces and not is_falling and is_seen(thing)


def is_seen(thing: bpy.types.Object) -> bool:
    """Whether the render's camera sees it where it is not hidden by a collection."""
    return not thing.hide_render and thing.visible_camera and thing.display_type not in HELPERS


def rig_of(cameras: list[bpy.types.Object]) -> set[bpy.types.Object]:
    """What hangs on a camera, or on something that moves and carries one."""
    rig: set[bpy.types.Object] = set()
    for camera in cameras:
        rig.update(camera.children_recursive)
        carrier = camera.parent
        while carrier is not None:
            if carrier.animation_data is not None or carrier.constraints:
                rig.update((carrier, *carrier.children_recursive))
            carrier = carrier.parent
    return rig
