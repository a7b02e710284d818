"""What of a scene stands as it is on every frame, read where Blender has evaluated it already.

A scene of our own has Blender sort all of the user's anew, half a second for 5,000 objects. Most of what fills so large
a scene never moves and is in the viewport as it will be rendered: a ray may end on it there, and nothing is sorted.
Whatever may be otherwise on another frame, or is not in the viewport, is set up in `scene_stage`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import bpy

from .camera_views import has_listeners
from .scene_rays import Ball, Surface, has_faces, object_cast
from .scene_stage import Stage, is_surface, names_of, rendered_objects, rig_of, scene_of

PLAIN_MODIFIERS = {
    "BEVEL", "DECIMATE", "EDGE_SPLIT", "SMOOTH", "SOLIDIFY", "SUBSURF", "TRIANGULATE", "WEIGHTED_NORMAL", "WELD",
    "WIREFRAME",
}  # fmt: skip
Known = dict[bpy.types.Object, bool]


@dataclass(slots=True)
class Sorting:
    """The rendered objects of a scene, sorted a few at a time, by numbers that outlive every undo."""

    scene_uid: int
    cameras: frozenset[str]                        # names, of those whose rig is left out
    balls: list[Ball] = field(default_factory=list)      # of what stands still, round its faces
    staged: set[int] = field(default_factory=set)        # uids of the other surfaces, and of the suns
    suns: list[int] = field(default_factory=list)        # uids, staged or not
    has_sky: bool = False
    _todo: deque[int] | None = None
    _rig: set[int] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """There is nothing to look at."""
        return not (self.balls or self.staged or self.suns or self.has_sky)

    def sort(self, is_late: Callable[[], bool]) -> bool:
        """True once everything is sorted. Raises CameraError E_CAMERA_GONE."""
        scene = scene_of(self.scene_uid)
        viewport, known = Viewport(scene), Known()
        if self._todo is None:
            self._begin(scene)
        while self._todo:
            thing = viewport.find(self._todo.popleft())
            if thing is not None and thing.session_uid not in self._rig:
                self._place(thing, viewport, known)
            if is_late():
                break
        return not self._todo

    def _begin(self, scene: bpy.types.Scene) -> None:
        filming = [found for found in scene.objects if found.type == "CAMERA" and names_of(found) & self.cameras]
        self._rig = {thing.session_uid for thing in rig_of(filming)}
        self._todo = deque(thing.session_uid for thing in rendered_objects(scene))
        self.has_sky = scene.world is not None

    def _place(self, thing: bpy.types.Object, viewport: Viewport, known: Known) -> None:
        uid = thing.session_uid
        if thing.type == "LIGHT" and thing.data.type == "SUN":
            self.suns.append(uid)
            if not (viewport.has(thing) and stays(thing, known) and thing.data.animation_data is None):
                self.staged.add(uid)
        elif is_surface(thing):
            is_still = viewport.has(thing) and keeps_shape(thing) and stays(thing, known)
            surface = viewport.surface(uid) if is_still else None
            if surface:
                self.balls.append(Ball(centre=surface.centre, radius=surface.radius, uid=uid))
            elif not is_still:
                self.staged.add(uid)


class Viewport:
    """A scene as Blender shows it now, for one helping: whatever it gives ends with that."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self._scene = scene
        self._layer = None if has_listeners() else next((each for each in scene.view_layers if each.depsgraph), None)
        if self._layer:
            self._layer.update()                   # nothing to do, unless a script has changed something just now
        self._things = {thing.session_uid: thing for thing in bpy.data.objects}
        self._surfaces: dict[int, Surface | None] = {}

    def find(self, uid: int) -> bpy.types.Object | None:
        """The object, not evaluated; None if it is gone."""
        return self._things.get(uid)

    def has(self, thing: bpy.types.Object) -> bool:
        """Whether it is evaluated here, as an object and not for editing."""
        return self._layer is not None and thing.mode == "OBJECT" and thing.visible_get(view_layer=self._layer)

    def surface(self, uid: int) -> Surface | None:
        """An object that a ray may end on; None if it is gone from here, or has no extent."""
        if uid not in self._surfaces:
            thing = self._things.get(uid)
            self._surfaces[uid] = self._evaluated(thing) if thing is not None else None
        return self._surfaces[uid]

    def stage(self, suns: Iterable[int]) -> tuple[Stage, bpy.types.Depsgraph] | None:
        """Its suns and sky; None where nothing is shown."""
        if self._layer is None:
            return None
        found = tuple(thing for uid in suns if (thing := self._things.get(uid)))
        return Stage(self._scene, found, self._scene.world), self._layer.depsgraph

    def _evaluated(self, thing: bpy.types.Object) -> Surface | None:
        if self._layer is None or not self.has(thing):
            return None
        shown = thing.evaluated_get(self._layer.depsgraph)
        return Surface.of(object_cast(shown), shown, shown.matrix_world.copy()) if has_faces(shown) else None


def stays(thing: bpy.types.Object, known: Known) -> bool:
    """Whether it is in the same place on every frame, as far as can be told without looking."""
    if thing not in known:
        known[thing] = False                       # of a ring of parents, which Blender breaks at some point
        is_free = thing.animation_data is None and not thing.constraints and thing.rigid_body is None
        known[thing] = is_free and (thing.parent is None or (_carries(thing) and stays(thing.parent, known)))
    return known[thing]


def _carries(thing: bpy.types.Object) -> bool:
    return thing.parent_type == "OBJECT" and thing.parent.instance_type == "NONE"


def keeps_shape(thing: bpy.types.Object) -> bool:
    """Whether it is a mesh that is the same on every frame and instances nothing."""
    if thing.type != "MESH" or thing.instance_type != "NONE" or thing.particle_systems:
        return False
    mesh = thing.data
    keys = mesh.shape_keys
    is_animated = mesh.animation_data is not None or (keys is not None and keys.animation_data is not None)
    return not is_animated and all(modifier.type in PLAIN_MODIFIERS for modifier in thing.modifiers)


def is_plain_sky(world: bpy.types.World | None) -> bool:
    """Whether nothing of it is animated."""
    trees = [world, world.node_tree] if world else []
    return all(tree is None or tree.animation_data is None for tree in trees)
