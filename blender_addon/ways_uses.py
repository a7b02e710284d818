"""Whatever in a scene shows a plate, and "Use v003": all of it shows another version, in one step.

Found    by the pictures, which carry the plate's name: backgrounds, the compositor, planes, the world, strips,
         projections, and what an artist has built with the same pictures
Kept     where it starts, how it is scaled, keyed and mixed: only pictures and ranges change
Left     what comes from another file, and the other side of a wipe
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy

from . import ways_projection, ways_strip
from .plate_image import (
    absolute_folder,
    discard_unused,
    larger,
    load_sequence,
    range_notes,
    scale_behind,
    set_frames,
    show_view,
)
from .plate_link import TAG, own_images, recorded
from .plate_read import Plate, View, dict_in, read_plate
from .scene_composite import compositor_tree, crop_to_view
from .ways_marks import check_scene, start_again
from .words import file_of

OTHER = "platewright_other"                        # custom property of an image node: the far side of a wipe
VERSION = re.compile(r"(.*)_v(\d{3,})", re.DOTALL | re.ASCII)
WORDS = {
    "background": "camera background", "compositor": "compositor", "shader": "material", "world": "world",
    "strip": "strip", "projection": "projected frame",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A place where a plate's pictures are played."""

    way: str                                       # a key of WORDS
    owner: bpy.types.bpy_struct                    # has `image`
    user: bpy.types.bpy_struct                     # has the frame mapping
    is_linked: bool = False                        # it comes from another file, and cannot be changed here

    def show(self, plate: Plate) -> None:
        """Play another version where this one was played: what was moved in time stays moved by as much."""
        record = recorded(self.owner.image)
        known, view = record.get("start"), View.told(dict_in(record, "view"))
        shift = self.user.frame_start - (known if type(known) is int else self.user.frame_offset + 1)
        self.owner.image = load_sequence(plate)
        set_frames(self.user, plate, plate.start + shift)
        if isinstance(self.owner, bpy.types.CameraBackgroundImage):
            fit = self.owner.frame_method
            self.owner.scale *= scale_behind(plate.view, fit) / scale_behind(view, fit)
        if self.owner.bl_rna.identifier == "ShaderNodeTexImage" and larger(plate.view) != larger(view):
            show_view(self.owner, plate)
        if self.owner.bl_rna.identifier == "CompositorNodeImage":
            crop_to_view(self.owner, plate)
        if isinstance(self.owner, bpy.types.Node):
            start_again(self.owner.id_data, self.user.frame_start)


def use_version(scene: bpy.types.Scene, folder: str | Path) -> tuple[Plate, list[str]]:
    """Let everything in the scene that shows a version of this plate show the one in `folder`; notes.

    Raises PlateError (those of `read_plate`; E_SCENE_LINKED, E_NO_CAMERA_FILE) and RequestError E_RANGE, E_CAMERA_FILE,
    before anything has changed.
    """
    check_scene(scene)
    plate = read_plate(absolute_folder(folder))
    throw = ways_projection.check_switch(scene, plate)
    found = [each for each in uses(scene) if each.owner.image.get(TAG) == plate.name]
    mine, linked = [each for each in found if not each.is_linked], [each for each in found if each.is_linked]
    earlier = {each.owner.image for each in mine}
    for each in mine:
        each.show(plate)
    counts = {way: sum(each.way == way for each in mine) for way in WORDS}
    strips = [each for each in ways_strip.own_strips(scene) if each[TAG] == plate.name]
    for strip in strips:
        ways_strip.play(strip, plate)
    counts["strip"] = len(strips)
    counts["projection"] = ways_projection.switch(scene, throw) if throw else 0
    label_nodes(scene, plate)
    discard_unused(earlier - {load_sequence(plate)} if mine else set())
    return plate, switched_notes(scene, plate, counts, len(linked))


def switched_notes(scene: bpy.types.Scene, plate: Plate, counts: dict[str, int], linked: int) -> list[str]:
    said = [f"{count} {WORDS[way]}{'s' * (count > 1)}" for way, count in counts.items() if count]
    if not said and not linked:
        return [f"W_NOT_SHOWN: nothing in this scene shows {plate.name}."]
    notes = [f"{plate.folder.name} is shown by {', '.join(said)}."] if said else []
    if linked:
        notes.append(f"W_LINKED: {linked} more in linked files stay as they are.")
    return notes + range_notes(scene, plate, None)


# Where plates are shown --------------------------------------------------------------------------


def uses(scene: bpy.types.Scene) -> Iterator[Use]:
    """Every place of the scene that plays a picture of ours, but for strips and projections."""
    for each in cameras_of(scene):
        yield from (
            Use(way="background", owner=one, user=one.image_user, is_linked=each.library is not None)
            for one in each.background_images
            if is_played(one.image)
        )
    yield from in_tree("compositor", compositor_tree(scene), set())
    if scene.world is not None:
        yield from in_tree("world", scene.world.node_tree, set())
    seen: set[bpy.types.NodeTree] = set()
    for material in materials_of(scene):
        yield from in_tree("shader", material.node_tree, seen)


def cameras_of(scene: bpy.types.Scene) -> list[bpy.types.Camera]:
    return list(dict.fromkeys(each.data for each in scene.objects if each.type == "CAMERA"))


def materials_of(scene: bpy.types.Scene) -> list[bpy.types.Material]:
    slots = (slot.material for each in scene.objects for slot in each.material_slots)
    return list(dict.fromkeys(material for material in slots if material is not None))


def in_tree(way: str, tree: bpy.types.NodeTree | None, seen: set[bpy.types.NodeTree]) -> Iterator[Use]:
    """The image nodes of a tree and of the groups in it, each group once."""
    if tree is None or tree in seen:
        return
    seen.add(tree)
    for node in tree.nodes:
        if node.bl_idname in {"CompositorNodeImage", "ShaderNodeTexImage"} and is_played(node.image):
            if OTHER not in node:
                user = node if node.bl_idname == "CompositorNodeImage" else node.image_user
                yield Use(way=way, owner=node, user=user, is_linked=tree.library is not None)
        elif hasattr(node, "node_tree"):
            yield from in_tree(way, node.node_tree, seen)


def is_played(image: bpy.types.Image | None) -> bool:
    return image is not None and image.source == "SEQUENCE" and TAG in image


def label_nodes(scene: bpy.types.Scene, plate: Plate) -> None:
    """Our group nodes say which version they show."""
    trees = (compositor_tree(scene), scene.world.node_tree if scene.world else None)
    for tree in [each for each in trees if each is not None and each.library is None]:
        for node in tree.nodes:
            if node.get(TAG) == plate.name:
                node.label = plate.folder.name


# Versions ----------------------------------------------------------------------------------------


def versions_on_disk(folder: str | Path) -> list[Path]:
    """The finished versions of a plate that lie beside `folder`, the newest first."""
    path = absolute_folder(folder)
    parts = VERSION.fullmatch(path.name)
    if parts is None or not path.parent.is_dir():
        return []
    found = [(one, VERSION.fullmatch(one.name)) for one in path.parent.iterdir()]
    alike = [(int(match[2]), one) for one, match in found if match and match[1] == parts[1]]
    return [one for _, one in sorted(alike, reverse=True) if (one / "plate.json").is_file()]


def version_of(folder: str) -> str:
    """`v003` of `.../sea_v003`; the folder's name where it has no version."""
    parts = VERSION.fullmatch(file_of(folder))
    return f"v{parts[2]}" if parts else file_of(folder)


def versionless(folder: str) -> str:
    """`sea` of `.../sea_v003`."""
    parts = VERSION.fullmatch(file_of(folder))
    return parts[1] if parts else file_of(folder)


def shown_folders(name: str, far: bpy.types.Image | None = None) -> set[str]:
    """Folders of the versions of a plate that anything in this file shows, as its pictures remember them.

    `far` is the picture on the far side of a wipe, which is meant to be of another version and does not count as a use.
    """
    shown = [each for each in own_images() if each[TAG] == name and each.users > (each == far)]
    return {str(recorded(each).get("folder", "")) for each in shown}
