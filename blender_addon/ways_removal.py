"""Taking plates out of a scene: what is ours goes, what an artist has made of it stays."""

from __future__ import annotations

import bpy

from . import scene_light, ways_projection, ways_strip, ways_world
from .plate_image import discard_unused
from .plate_link import TAG
from .scene_composite import bake_view_alone, own_nodes, shows_picture, withdraw_composite
from .ways_marks import (
    PLANE,
    PROJECTION,
    STANDS_IN,
    WAY,
    check_scene,
    found_collection,
    own_objects,
    remove_objects,
    view_notes,
)
from .ways_uses import cameras_of


def remove(scene: bpy.types.Scene, way: str) -> list[str]:
    """Remove one way of showing plates from the scene; notes. Raises PlateError E_SCENE_LINKED, E_WORLD_LINKED."""
    check_scene(scene)
    if way == "world":
        ways_world.check_world(scene)
    removals = {
        "plane": lambda: remove_objects(scene, own_objects(scene, PLANE)),
        "world": lambda: ways_world.withdraw_world(scene),
        "strip": lambda: ways_strip.withdraw_strips(scene),
        "projection": lambda: ways_projection.withdraw_projection(scene),
        "compositor": lambda: withdraw_composite(scene),
        "background": lambda: withdraw_backgrounds(scene),
    }
    removals[way]()
    if way in ("projection", "strip", "plane", "world"):
        give_view_back(scene)
    return [*open_planes(scene), *light_again(scene)] if way == "compositor" else []


def give_view_back(scene: bpy.types.Scene) -> None:
    """A branch that nobody asked for goes with the last of what it was there for."""
    is_projected = bool(own_objects(scene, PROJECTION) or ways_projection.dressed(scene))
    if not is_projected:
        scene_light.remove_passes(scene)
    needs_view = is_projected or bool(ways_strip.own_strips(scene))
    left = [each for each in own_nodes(scene) if shows_picture(each) or not needs_view]
    unwanted = [str(each[TAG]) for each in left if not is_wanted(scene, each)]
    if unwanted:
        withdraw_composite(scene)
    if unwanted and needs_view:
        bake_view_alone(scene, unwanted[0])


def is_wanted(scene: bpy.types.Scene, node: bpy.types.Node) -> bool:
    """Our branch stands a plate behind the render: one that was asked for, or that a plane or a world is a hole for."""
    stands_in_for_some = STANDS_IN not in node or own_objects(scene, PLANE) or ways_world.own_nodes(scene)
    return shows_picture(node) and bool(stands_in_for_some)


def light_again(scene: bpy.types.Scene) -> list[str]:
    """What becomes of projections and strips once the view acts on everything again."""
    stands = own_objects(scene, PROJECTION) or ways_projection.dressed(scene) or ways_strip.own_strips(scene)
    return view_notes(scene) if stands else []


def open_planes(scene: bpy.types.Scene) -> list[str]:
    """Planes that were holes for the compositor show the plate by themselves again."""
    holes = [each for each in own_objects(scene, PLANE) if each.is_holdout]
    for plane in holes:
        plane.is_holdout = False
    return [f"{each.name} is light in the scene again." for each in holes]


def withdraw_backgrounds(scene: bpy.types.Scene) -> None:
    """Take our pictures from behind the scene's cameras, but for cameras of other files."""
    for camera in [each for each in cameras_of(scene) if each.library is None]:
        ours = [each for each in camera.background_images if each.image is not None and TAG in each.image]
        images = {each.image for each in ours}
        for each in ours:
            each.image = None                      # `remove` alone leaves the image with a user it does not have
            camera.background_images.remove(each)
        discard_unused(images)


def standing(scene: bpy.types.Scene) -> set[str]:
    """The ways that this scene shows plates by; looks where ours are and not through every object."""
    home = found_collection(scene)
    words = {str(each.get(WAY, "")).partition("/")[0] for each in home.objects} if home else set()
    camera = scene.camera.data if scene.camera and scene.camera.type == "CAMERA" else None
    shown = [each for each in camera.background_images if each.image and TAG in each.image] if camera else []
    return (words & {"plane", "projection"}) | {
        way
        for way, is_there in (
            ("world", ways_world.own_nodes(scene)),
            ("strip", ways_strip.own_strips(scene)),
            ("compositor", own_nodes(scene)),
            ("background", shown),
        )
        if is_there
    }
