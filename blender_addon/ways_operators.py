"""The ways in as buttons. Each can be undone, and changed afterwards in the panel Adjust Last Operation."""

import re
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from platewright.errors import PlatewrightError, RequestError

from . import jobs
from .operators import PLATE, Outcome, chosen_plate, refuse, tell
from .translations import OWN, say, say_report, say_tip

FRAMES_TEXT = re.compile(r"\s*(-?\d+)(?:\s*-\s*(-?\d+))?\s*", re.ASCII)
FRAMES_MOST = 1000
FOUND = "{count} places that had lost {plate} show it again."
COLOURS = (
    ("KEPT", "As in the File", "The plate's own colours; under a view such as AgX the compositor stands it in"),
    ("LIGHT", "As Light in the Scene", "The scene's view transform acts on the plate as on everything else"),
)
SCREENS = (
    ("CARDS", "Cards", "A card for each frame, which fills the view of its frozen camera"),
    ("DOME", "Dome", "A ball around the first frame's camera, which several frames of a pan can fill"),
    ("CHOSEN", "Selected Objects", "The objects that are selected; their own materials come back on removal"),
)
WAYS = (
    ("plane", "Image Plane", "The planes that stand before cameras"),
    ("world", "World Background", "What the camera sees of the plate where the world is"),
    ("strip", "Sequencer Strip", "The strips of plates in this scene's sequencer"),
    ("projection", "Projection", "Frozen cameras, cards and domes; objects get their materials back"),
    ("compositor", "Compositor Branch", "The plate behind the render, and a wipe with it; the view comes back"),
    ("background", "Camera Background", "The plates behind the cameras in the viewport"),
)


class Way:
    """An operator that writes a plate into the scene: it works as a whole, or changes nothing."""

    bl_idname: str
    bl_options = {"REGISTER", "UNDO"}
    plate: StringProperty(**PLATE)

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            shown, notes = self.write(context, chosen_plate(self.plate, context.scene))
        except PlatewrightError as error:
            return refuse(self, error)
        tell(self, tuple(dict.fromkeys(notes)))
        if shown:
            context.scene.platewright.plate = str(shown)
            jobs.mark_shown(shown)
        return {"FINISHED"}

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        """Do it; the folder of the plate that is shown now, and notes. Raises PlatewrightError."""
        raise NotImplementedError(self.bl_idname)


class PLATEWRIGHT_OT_use_version(Way, bpy.types.Operator):
    """Let everything in this scene that shows a version of this plate show this version"""

    bl_idname = "platewright.use_version"
    bl_label = "Use This Version"

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import ways_uses

        plate, notes = ways_uses.use_version(context.scene, folder)
        return plate.folder, notes


class PLATEWRIGHT_OT_list_versions(bpy.types.Operator):
    """List the versions of this plate that are on disk, the newest first, and use one of them everywhere"""

    bl_idname = "platewright.list_versions"
    bl_label = "Versions on Disk"

    plate: StringProperty(**PLATE)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        from . import ways_uses

        shown = self.plate or context.scene.platewright.plate
        versions = ways_uses.versions_on_disk(shown) if shown else []
        standing = ways_uses.shown_folders(ways_uses.versionless(shown)) if versions else set()

        def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
            for each in versions:
                icon = "RADIOBUT_ON" if str(each) in standing else "RADIOBUT_OFF"
                text = say("Use {version}", version=ways_uses.version_of(each.name))
                menu.layout.operator("platewright.use_version", text=text, icon=icon).plate = str(each)
            if not versions:
                menu.layout.label(text="No version of this plate is where it was.", icon="INFO")
            menu.layout.separator()
            menu.layout.operator("platewright.bring_back", icon="FILE_FOLDER")

        context.window_manager.popup_menu(draw, title="Versions on Disk")
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import ways_uses

        versions = ways_uses.versions_on_disk(self.plate or context.scene.platewright.plate)
        tell(self, tuple(each.name for each in versions) or ("No version of this plate is where it was.",))
        return {"FINISHED"}


class PLATEWRIGHT_OT_bring_back(bpy.types.Operator):
    """Show a plate from disk behind the camera; what had lost sight of it finds it again"""

    bl_idname = "platewright.bring_back"
    bl_label = "Bring Back Plate..."
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(**{**PLATE, "name": "Folder", "description": "The plate's folder"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"}, description="Folders are listed")
    background: BoolProperty(
        name="Behind Camera", description="Show it as the background of its camera", default=True
    )
    compositor: BoolProperty(
        name="Behind Render", description="Put it behind the render in the compositor, too", default=False
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        shown = context.scene.platewright.plate
        if shown and not self.directory:
            self.directory = str(Path(shown).parent) + "/"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import plate_link, plate_read, scene_write
        from .ways_marks import check_scene

        try:
            check_scene(context.scene)
            plate = plate_read.read_plate(scene_write.absolute_folder(self.directory))
            if self.background:
                scene_write.check_camera(scene_write.camera_of(context.scene, plate))
            again = plate_link.take_home(plate.folder)
            imported = scene_write.import_plate(
                context.scene, plate.folder, background=self.background, compositor=self.compositor
            )
        except PlatewrightError as error:
            return refuse(self, error)
        found = (say_report(FOUND, count=again, plate=plate.folder.name),) if again else ()
        tell(self, found + imported.notes)
        context.scene.platewright.plate = str(plate.folder)
        jobs.mark_shown(plate.folder)
        return {"FINISHED"}


class PLATEWRIGHT_OT_image_plane(Way, bpy.types.Operator):
    """Stand the plate on a plane that fills the camera's view at a distance and follows its lens"""

    bl_idname = "platewright.image_plane"
    bl_label = "Image Plane"

    distance: FloatProperty(
        name="Distance", description="How far before the camera; 0 is behind everything that it sees",
        default=0.0, min=0.0, soft_max=1000.0, subtype="DISTANCE", unit="LENGTH",
    )  # fmt: skip
    colour: EnumProperty(name="Colour", description="What the view does to the plate", items=COLOURS, default="KEPT")

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import plate_read, scene_write, ways_plane

        plate = plate_read.read_plate(scene_write.absolute_folder(folder))
        keeps = self.colour != "LIGHT"
        self.distance, notes = ways_plane.stand_plane(context.scene, plate, self.distance, keeps_codes=keeps)
        return plate.folder, notes


class PLATEWRIGHT_OT_world_background(Way, bpy.types.Operator):
    """Show the plate where the camera sees the world; the world's own light stays"""

    bl_idname = "platewright.world_background"
    bl_label = "World Background"

    colour: EnumProperty(name="Colour", description="What the view does to the plate", items=COLOURS, default="KEPT")

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import plate_read, scene_write, ways_world

        plate = plate_read.read_plate(scene_write.absolute_folder(folder))
        return plate.folder, ways_world.set_world(context.scene, plate, keeps_codes=self.colour != "LIGHT")


class PLATEWRIGHT_OT_sequencer_strip(Way, bpy.types.Operator):
    """Lay the plate onto this scene's timeline in the sequencer"""

    bl_idname = "platewright.sequencer_strip"
    bl_label = "Sequencer Strip"

    channel: IntProperty(name="Channel", description="0 takes the lowest free one", default=0, min=0, max=128)
    colour: EnumProperty(name="Colour", description="What the view does to the plate", items=COLOURS, default="KEPT")

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import plate_read, scene_write, ways_strip

        plate = plate_read.read_plate(scene_write.absolute_folder(folder))
        return plate.folder, ways_strip.lay_strip(
            context.scene, plate, self.channel, keeps_codes=self.colour != "LIGHT"
        )


class PLATEWRIGHT_OT_wipe(Way, bpy.types.Operator):
    """Compare two versions behind the render, with a line between them that can be dragged"""

    bl_idname = "platewright.wipe"
    bl_label = "Wipe A/B"

    other: StringProperty(
        **{
            **PLATE,
            "name": "Other",
            "description": "Folder of the plate right of the line; empty takes the newest other version on disk",
        }
    )
    share: FloatProperty(
        name="Line", description="Where the line is: 0 is the picture's left side, 1 its right side", default=0.5,
        min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import ways_wipe

        plate, notes = ways_wipe.wipe(context.scene, folder, self.other, self.share)
        return plate.folder, notes


class PLATEWRIGHT_OT_project_frames(Way, bpy.types.Operator):
    """Project frames of the plate from where their camera stood onto cards, a dome or the selected objects"""

    bl_idname = "platewright.project_frames"
    bl_label = "Project Frames"

    frames: StringProperty(
        name="Frames", description="Frame numbers such as 1001, 1050; the first lies on top. Empty is the current one"
    )
    onto: EnumProperty(
        name="Onto", description="What the frames fall on", items=SCREENS, default="CARDS", translation_context=OWN
    )
    distance: FloatProperty(
        name="Distance", description="From the frozen camera to its card, or to the dome", default=10.0, min=0.001,
        soft_max=1000.0, subtype="DISTANCE", unit="LENGTH",
    )  # fmt: skip
    occlusion: BoolProperty(
        name="Occlusion",
        description="What the frame's camera did not see of the selected objects, as they stand now, stays free of it",
        default=True,
    )
    colour: EnumProperty(name="Colour", description="What the view does to the plate", items=COLOURS, default="KEPT")

    def write(self, context: bpy.types.Context, folder: str) -> tuple[Path | None, list[str]]:
        from . import plate_read, scene_write, ways_projection

        plate = plate_read.read_plate(scene_write.absolute_folder(folder))
        frames = frames_in(self.frames) or [context.scene.frame_current]
        chosen = list(context.selected_objects)
        return plate.folder, ways_projection.project(
            context.scene, plate, frames, self.onto, self.distance, chosen,
            is_occluded=self.occlusion, keeps_codes=self.colour != "LIGHT",
        )  # fmt: skip


class PLATEWRIGHT_OT_remove_way(bpy.types.Operator):
    """Take plates out of this scene again; files on disk stay"""

    bl_idname = "platewright.remove_way"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    way: EnumProperty(name="Way", description="What is removed", items=WAYS, default="plane")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        words = {name: text for name, _, text in WAYS}
        return say_tip("Remove: {what}", what=say_tip(words[properties.way]))

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import ways_removal

        try:
            notes = ways_removal.remove(context.scene, self.way)
        except PlatewrightError as error:
            return refuse(self, error)
        tell(self, tuple(notes))
        return {"FINISHED"}


def frames_in(text: str) -> list[int]:
    """The frames that a text such as `1001, 1010-1013` names, in its order. Raises RequestError E_RANGE."""
    frames: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = FRAMES_TEXT.fullmatch(part)
        first = int(found[1]) if found else 0
        last = int(found[2]) if found and found[2] else first
        if found is None or not 0 <= last - first < FRAMES_MOST:
            raise RequestError("E_RANGE", f"{part!r} names no frames.", "Write numbers such as 1001, 1010-1013.")
        frames += range(first, last + 1)
    return frames


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_use_version,
        PLATEWRIGHT_OT_list_versions,
        PLATEWRIGHT_OT_bring_back,
        PLATEWRIGHT_OT_image_plane,
        PLATEWRIGHT_OT_world_background,
        PLATEWRIGHT_OT_sequencer_strip,
        PLATEWRIGHT_OT_wipe,
        PLATEWRIGHT_OT_project_frames,
        PLATEWRIGHT_OT_remove_way,
    )
)
