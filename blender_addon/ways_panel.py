"""Ways In: where else a plate can stand than behind the camera. Draws from the open file alone; touches no disk."""

from __future__ import annotations

import bpy

from . import jobs, plate_link
from .translations import say
from .words import draw_text, file_of, shown

WAYS = (                                           # way, its operator, icon
    ("plane", "platewright.image_plane", "IMAGE_PLANE"),
    ("world", "platewright.world_background", "WORLD"),
    ("strip", "platewright.sequencer_strip", "SEQUENCE"),
    ("projection", "platewright.project_frames", "CAMERA_STEREO"),
)


class WaysPanel:
    """What shows the plate, what else could, and which version."""

    bl_label = "Ways In"
    bl_options = {"DEFAULT_CLOSED"}
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        for lost in plate_link.lost_plates():
            words = "{plate} was not where it lay when this file was opened. Bring it back from where it lies now."
            draw_text(layout, say(words, plate=file_of(lost)), icon="ERROR")
        plate = plate_in_hand(scene)
        if plate:
            draw_versions(layout, scene, plate)
            draw_ways(layout, scene, plate)
            draw_wipe(layout, scene, plate)
        else:
            draw_text(layout, "No plate is in hand. Generate one, or bring one back from disk.", icon="INFO")
        layout.operator("platewright.bring_back", icon="FILE_FOLDER")


class PLATEWRIGHT_PT_tab_ways(WaysPanel, bpy.types.Panel):
    """In the 3D view's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Platewright"
    bl_parent_id = "PLATEWRIGHT_PT_tab"


class PLATEWRIGHT_PT_camera_ways(WaysPanel, bpy.types.Panel):
    """In the camera's properties."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "data"
    bl_parent_id = "PLATEWRIGHT_PT_camera"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.camera is not None


def plate_in_hand(scene: bpy.types.Scene) -> str:
    """Folder of the newest plate while it waits for its camera, else of the one that the scene shows."""
    made = plate_made(scene)
    run = jobs.latest_of(scene)
    return made if made and run and not run.is_shown else scene.platewright.plate or made


def plate_made(scene: bpy.types.Scene) -> str:
    """Folder of the plate that this scene's last job has made; empty where there is none."""
    run = jobs.latest_of(scene)
    return str(run.plate.folder) if run and run.is_over and run.plate else ""


def draw_versions(layout: bpy.types.UILayout, scene: bpy.types.Scene, plate: str) -> None:
    """Which version the pictures of this file are of; one press for the plate in hand, another for the list."""
    from .ways_uses import shown_folders, version_of, versionless
    from .ways_wipe import far_image

    others = shown_folders(versionless(plate), far_image(scene)) - {plate}
    row = layout.row(align=True)
    if others:
        text = say("Use {version}", version=shown(version_of(plate)))
        row.operator("platewright.use_version", text=text, icon="FILE_REFRESH").plate = plate
    else:
        row.label(text=shown(file_of(plate)), icon="IMAGE_DATA", translate=False)
    row.operator("platewright.list_versions", text="", icon="DOWNARROW_HLT").plate = plate


def draw_ways(layout: bpy.types.UILayout, scene: bpy.types.Scene, plate: str) -> None:
    """A button per way, and beside it the one that takes it away again."""
    from .ways_removal import standing

    there = standing(scene)
    column = layout.column(align=True)
    for way, operator, icon in WAYS:
        row = column.row(align=True)
        row.operator(operator, icon=icon).plate = plate
        draw_removal(row, way, there)


def draw_wipe(layout: bpy.types.UILayout, scene: bpy.types.Scene, plate: str) -> None:
    """The comparison and its line, which can be dragged as long as it stands."""
    from .ways_wipe import slider_of, split_of

    split = split_of(scene)
    row = layout.row(align=True)
    if split is None:
        row.operator("platewright.wipe", icon="SPLIT_VERTICAL").plate = plate
        return
    owner, name = slider_of(split)
    row.prop(owner, name, text="Line", **({"index": 0} if "Position" in split.inputs else {}))
    removal = row.operator("platewright.remove_way", text="", icon="X")
    removal.way = "compositor"


def draw_removal(row: bpy.types.UILayout, way: str, there: set[str]) -> None:
    """An X where there is something to take away."""
    place = row.row(align=True)
    place.enabled = way in there
    place.operator("platewright.remove_way", text="", icon="X").way = way


register, unregister = bpy.utils.register_classes_factory((PLATEWRIGHT_PT_tab_ways, PLATEWRIGHT_PT_camera_ways))
