"""Onto what frames are projected: cards that fill a frozen camera's view, a dome around it, objects of the artist's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
from mathutils import Matrix

from platewright.errors import PlateError

from .plate_link import TAG
from .plate_read import Plate
from .solve_read import Frame
from .ways_marks import PROJECTION, is_ours, mark, own_collection

WORN = "platewright_worn"                          # custom property of an object: how its slots were linked before
RINGS, SPOKES = 32, 64                             # of the dome


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
