"""The buttons of shots: draw the storyboard, open it, make plates of the chosen ones, tick all or none, go to one."""

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from platewright.errors import PlatewrightError, RequestError

from . import jobs, panel_choices, preferences
from .operators import Outcome, refuse
from .translations import say_report

if TYPE_CHECKING:                                  # what only a press needs is loaded with the first one
    from .shot_read import SceneShot

FIT_SECONDS = 0.3
NO_SHOTS = "No camera is bound to a marker, so there are no shots."
BIND = "Go to the frame where a shot begins, select its camera, and press Ctrl+B over the timeline."


class PLATEWRIGHT_OT_generate_shots(bpy.types.Operator):
    """Make a background plate of each shot that is ticked, one after another"""

    bl_idname = "platewright.generate_shots"
    bl_label = "Generate Chosen"
    bl_options = {"REGISTER"}                      # nothing to undo yet: plates arrive later, from the timer

    shots: StringProperty(
        name="Shots",
        description="Names of shots with commas between them; empty makes those that are ticked",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import shot_making

        jobs.state.refusal = None
        scene = context.scene
        panel_choices.remember(scene)
        try:
            jobs.refuse_busy()                     # before a file is copied for its render
            orders, own = shot_making.orders_of(scene, self.wanted(scene)), preferences.own_runtime()
            if bpy.app.background:
                errors = shot_making.make_at_once(scene, orders, own)
                for error in errors:
                    refuse(self, error)
                return {"CANCELLED"} if errors else {"FINISHED"}
            shot_making.queue(scene, orders, own)
        except PlatewrightError as error:
            jobs.state.refusal = error
            return refuse(self, error)
        return {"FINISHED"}

    def wanted(self, scene: bpy.types.Scene) -> "list[SceneShot]":
        """The shots to make. Raises RequestError E_NO_SHOTS, E_SHOT_UNKNOWN."""
        from . import shot_read

        there = shots_there(scene)
        found = shot_read.named(there, self.shots) if self.shots else shot_read.chosen(there)
        if not found:
            raise RequestError("E_NO_SHOTS", "No shot is ticked.", "Tick those that are to be made.")
        return found


class PLATEWRIGHT_OT_storyboard(bpy.types.Operator):
    """Draw one still of each shot on a sheet, quickly, with the draft model; only what has changed is drawn again"""

    bl_idname = "platewright.storyboard"
    bl_label = "Storyboard"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import shot_board

        jobs.state.refusal = None
        try:
            shots_there(context.scene)
            board = jobs.state.board
            if board and board.is_running:
                raise RequestError("E_BUSY", "A storyboard is being drawn already.", "Wait for it, or cancel it.")
            jobs.take_up(shot_board.prepare(context.scene, preferences.own_runtime()))
            if bpy.app.background:
                wait_for_board()
        except PlatewrightError as error:
            jobs.state.refusal = error
            return refuse(self, error)
        return {"FINISHED"}


class PLATEWRIGHT_OT_show_storyboard(bpy.types.Operator):
    """Open the storyboard in an Image Editor of its own"""

    bl_idname = "platewright.show_storyboard"
    bl_label = "Show Storyboard"

    def execute(self, context: bpy.types.Context) -> Outcome:
        from pathlib import Path

        from . import shot_board

        drawn = context.scene.platewright_board.sheet
        if not drawn:
            return refuse(self, RequestError("E_NO_STORYBOARD", "There is no storyboard yet.", "Press Storyboard."))
        sheet = Path(bpy.path.abspath(drawn))
        if not sheet.is_file():
            gone = RequestError("E_FILE_MISSING", f"{sheet} is not there any more.", "Press Storyboard.")
            return refuse(self, gone)
        image = shot_board.show(context.scene.session_uid, sheet)
        if bpy.app.background or is_shown(context.window_manager, image):
            return {"FINISHED"}
        if not bpy.ops.wm.window_new.poll():       # from an area that fills its window
            self.report({"INFO"}, say_report("Look for {name} in an Image Editor", name=image.name))
        else:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "IMAGE_EDITOR"
            area.spaces.active.image = image
            bpy.app.timers.register(fit_boards, first_interval=FIT_SECONDS)
        return {"FINISHED"}


class PLATEWRIGHT_OT_tick_shots(bpy.types.Operator):
    """Tick all shots, or none"""

    bl_idname = "platewright.tick_shots"
    bl_label = "Tick Shots"
    bl_options = {"REGISTER", "UNDO"}

    is_chosen: BoolProperty(name="Ticked", description="Tick all, or else none", default=True)

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import shot_read

        for shot in shot_read.shots_of(context.scene):
            shot.marker.platewright.is_chosen = self.is_chosen
        return {"FINISHED"}


class PLATEWRIGHT_OT_go_to_shot(bpy.types.Operator):
    """Go to the first frame of this shot"""

    bl_idname = "platewright.go_to_shot"
    bl_label = "Go to Shot"
    bl_options = {"INTERNAL"}                      # a search would not know the frame

    frame: IntProperty(name="Frame", description="The shot's first frame")

    def execute(self, context: bpy.types.Context) -> Outcome:
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


class PLATEWRIGHT_OT_show_shot(bpy.types.Operator):
    """Show the plate of a shot behind the shot's own camera, in the shot's own frames"""

    bl_idname = "platewright.show_shot"
    bl_label = "Show Behind Camera"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # a search would not know the shot

    shot: StringProperty(name="Shot", description="The name of the shot")

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import plate_read, scene_write, shot_making, shot_read

        try:
            (shot,) = shot_read.named(shots_there(context.scene), self.shot)
            plate = plate_read.read_plate(scene_write.absolute_folder(shot.marker.platewright.plate))
            were_seen = shot_making.seen_behind(shot.camera)
            scene_write.show_behind_camera(shot.camera, plate, context.scene)
        except PlatewrightError as error:
            return refuse(self, error)
        shot_making.arrived(context.scene, shot.camera, plate, were_seen)
        context.scene.platewright.plate = str(plate.folder)
        jobs.mark_shown(plate.folder)
        return {"FINISHED"}


def shots_there(scene: bpy.types.Scene) -> "list[SceneShot]":
    """The scene's shots; RequestError E_NO_SHOTS where it has none."""
    from .shot_read import shots_of

    found = shots_of(scene)
    if not found:
        raise RequestError("E_NO_SHOTS", NO_SHOTS, BIND)
    return found


def wait_for_board() -> None:
    """In background mode a script wants the sheet when the call returns. Raises why there is none."""
    while jobs.state.coming():
        for preparation in jobs.state.coming():
            jobs.proceed(preparation)
    board = jobs.state.board
    assert board is not None
    board.wait()
    if board.error:
        raise board.error


def fit_boards() -> None:
    """A new window has its size a moment later: then the whole sheet is shown in it."""
    window = bpy.context.window_manager.windows[-1]
    for area in window.screen.areas:
        if area.type == "IMAGE_EDITOR":
            region = next(each for each in area.regions if each.type == "WINDOW")
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.image.view_all(fit_view=True)


def is_shown(manager: bpy.types.WindowManager, image: bpy.types.Image) -> bool:
    """An Image Editor shows it."""
    areas = (area for window in manager.windows for area in window.screen.areas if area.type == "IMAGE_EDITOR")
    return any(area.spaces.active.image == image for area in areas)


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_generate_shots,
        PLATEWRIGHT_OT_storyboard,
        PLATEWRIGHT_OT_show_storyboard,
        PLATEWRIGHT_OT_tick_shots,
        PLATEWRIGHT_OT_go_to_shot,
        PLATEWRIGHT_OT_show_shot,
    )
)
