"""What the buttons do. Each operator says no with a code and a next step, in a window as in a script."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, StringProperty

from platewright.errors import PlatewrightError, RequestError

from . import job_inputs, jobs, panel_choices, preferences, provenance_choices, runtime
from .properties import (
    GUIDANCE_MAX,
    OVERSCAN_MAX,
    PATH_OPTIONS,
    SEED_MAX,
    STEPS_MAX,
    TRIES_MAX,
    PLATEWRIGHT_PG_scene,
)
from .translations import say_sentence, say_tip
from .words import in_panel_words, told

if TYPE_CHECKING:                                  # what only a press needs is loaded with the first one
    from platewright.camera import CameraPath
    from platewright.protocol import Job

    from .first_picture import FirstPicture
    from .scene_geometry import SceneGeometry

Outcome = set[str]
PLATE = {
    "name": "Plate",
    "description": "The plate's folder; empty takes the one that this scene shows",
    "subtype": "DIR_PATH",
    "options": PATH_OPTIONS,
}


class PLATEWRIGHT_OT_generate(bpy.types.Operator):
    """Make a background plate that follows this scene's camera"""

    bl_idname = "platewright.generate"
    bl_label = "Generate Plate"
    bl_options = {"REGISTER"}                      # nothing to undo yet: the plate arrives later, from the timer

    def execute(self, context: bpy.types.Context) -> Outcome:
        jobs.state.refusal = None
        panel_choices.remember(context.scene)
        try:
            if bpy.app.background:
                return wait_for(self, submit(context.scene))
            jobs.refuse_busy()                     # before a file is copied for its render
            first, is_scene_read = first_of(context.scene), context.scene.platewright.use_scene
            told = {"last": first.headline, "stop": first.stop} if first else {}
            maker = job_maker(context.scene, first)
            jobs.prepare(context.scene, maker, preferences.own_runtime(), is_scene_read, **told)
        except PlatewrightError as error:
            jobs.state.refusal = error
            return refuse(self, error)
        return {"FINISHED"}


class PLATEWRIGHT_OT_show_plate(bpy.types.Operator):
    """Show a plate as the background of this scene's camera"""

    bl_idname = "platewright.show_plate"
    bl_label = "Show Behind Camera"
    bl_options = {"REGISTER", "UNDO"}

    plate: StringProperty(**PLATE)

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import scene_write

        try:
            imported = scene_write.import_plate(context.scene, chosen_plate(self.plate, context.scene))
        except PlatewrightError as error:
            return refuse(self, error)
        tell(self, imported.notes)
        context.scene.platewright.plate = str(imported.plate.folder)
        jobs.mark_shown(imported.plate.folder)
        return {"FINISHED"}


class PLATEWRIGHT_OT_composite_plate(bpy.types.Operator):
    """Put a plate behind the render in this scene's compositor"""

    bl_idname = "platewright.composite_plate"
    bl_label = "Composite Behind Render"
    bl_options = {"REGISTER", "UNDO"}

    plate: StringProperty(**PLATE)

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import scene_write

        try:
            folder = chosen_plate(self.plate, context.scene)
            imported = scene_write.import_plate(context.scene, folder, background=False, compositor=True)
        except PlatewrightError as error:
            return refuse(self, error)
        tell(self, imported.notes)
        return {"FINISHED"}


class PLATEWRIGHT_OT_import_solve(bpy.types.Operator):
    """Put the camera that the plate shows into the scene, as a second camera, with the points it shows"""

    bl_idname = "platewright.import_solve"
    bl_label = "Import Solved Camera"
    bl_options = {"REGISTER", "UNDO"}

    plate: StringProperty(**PLATE)
    use_points: BoolProperty(name="Points", description="Bring the points along, as a mesh of vertices", default=True)

    def execute(self, context: bpy.types.Context) -> Outcome:
        from . import scene_write, solve_read, solve_write

        try:
            folder = chosen_plate(self.plate, context.scene)
            solve = solve_read.read_solve(scene_write.absolute_folder(folder))
        except PlatewrightError as error:
            return refuse(self, error)
        wanted = solve if self.use_points else replace(solve, points=None)
        tell(self, tuple(solve_write.import_solve(context.scene, wanted)))
        return {"FINISHED"}


class PLATEWRIGHT_OT_open_folder(bpy.types.Operator):
    """Open the plate's folder in the file browser of the system"""

    bl_idname = "platewright.open_folder"
    bl_label = "Open Folder"

    plate: StringProperty(**PLATE)
    file: StringProperty(name="File", description="A file in it, for the system's viewer; empty for the folder itself")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return say_tip("Open {file} in the viewer of the system", file=properties.file) if properties.file else ""

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            folder = bpy.path.abspath(chosen_plate(self.plate, context.scene))
            path = os.path.join(folder, self.file) if self.file else folder
            if not os.path.exists(path):
                raise RequestError("E_FILE_MISSING", f"{path} is not there any more.", "Make the plate again.")
        except PlatewrightError as error:
            return refuse(self, error)
        return bpy.ops.wm.path_open(filepath=path)


class PLATEWRIGHT_OT_check_runtime(bpy.types.Operator):
    """Ask the worker's Python what is wrong with it and which models it has"""

    bl_idname = "platewright.check_runtime"
    bl_label = "Check"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        try:
            check = jobs.start_check(preferences.own_runtime())
        except PlatewrightError as error:
            return refuse(self, error)
        if bpy.app.background:
            check.wait()
        return {"FINISHED"}


class PLATEWRIGHT_OT_open_preferences(bpy.types.Operator):
    """Name the Python that runs the models"""

    bl_idname = "platewright.open_preferences"
    bl_label = "Open Preferences"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        return bpy.ops.preferences.addon_show(module=__package__)


def submit(scene: bpy.types.Scene) -> jobs.Run:
    """Read the camera in one go and start the job."""
    job = job_of(scene)
    return jobs.submit(job, jobs.Origin.of(scene, job.request.camera.camera), preferences.own_runtime())


def wait_for(operator: bpy.types.Operator, run: jobs.Run) -> Outcome:
    """In background mode no timer fires, and a script wants the plate when the call returns."""
    jobs.wait(run)
    return refuse(operator, run.error) if run.error else {"FINISHED"}


def chosen_plate(folder: str, scene: bpy.types.Scene) -> str:
    """The folder that an operator names, else of the plate that this scene shows. Raises RequestError E_NO_PLATE."""
    chosen = folder or str(scene.platewright.plate)
    if not chosen:
        raise RequestError("E_NO_PLATE", "No plate is chosen.", "Generate one, or bring one back from disk.")
    return chosen


def refuse(operator: bpy.types.Operator, error: PlatewrightError) -> Outcome:
    """Report what went wrong; for a script Blender makes a RuntimeError of it."""
    operator.report({"ERROR"}, f"{error.code}: {told(error)}")
    return {"CANCELLED"}


def tell(operator: bpy.types.Operator, notes: tuple[str, ...]) -> None:
    """What the artist should know of something that worked."""
    for note in notes:
        operator.report({"WARNING" if note.startswith("W_") else "INFO"}, in_panel_words(say_sentence(note)))


def job_of(scene: bpy.types.Scene) -> "Job":
    """Everything frozen as it is now: camera samples, the scene's geometry, settings, name and folder.

    Raises CameraError and RequestError; E_UNSAVED for a folder relative to a file that was never saved.
    """
    from .scene_geometry import geometry_along
    from .scene_read import camera_path

    make, path = job_maker(scene, first_of(scene)), camera_path(scene)
    return make(path, geometry_along(scene, path) if scene.platewright.use_scene else None)


def first_of(scene: bpy.types.Scene) -> "FirstPicture | None":
    """The picture that the chosen model is to start from; nothing is loaded for one that takes none."""
    card = jobs.state.check.models.get(scene.platewright.model, {})
    if not (card.get("needs_first_frame") or card.get("takes_first_frame")):
        return None
    from .first_picture import chosen

    return chosen(scene, bool(card.get("needs_first_frame")))


def job_maker(scene: bpy.types.Scene, first: "FirstPicture | None" = None) -> "Callable[..., Job]":
    """The same but for camera and geometry, which may be long in coming: it touches nothing of Blender any more.

    Depth that was read is written beside where the job's record will lie.
    """
    from platewright.protocol import Job, PlateRequest, plate_name

    settings, frozen, measuring = scene.platewright, settings_of(scene), measuring_of(scene)
    choices = provenance_choices.chosen(scene)
    painting = job_inputs.painting_of(scene, frozen["model"], jobs.state.check.models)
    out = folder_of(settings.out or preferences.out_folder())
    name, records = settings.plate_name or "{camera}", runtime.own_folder()

    def make(camera: "CameraPath", geometry: "SceneGeometry | None" = None) -> Job:
        plate, job_id = plate_name(name, camera), os.urandom(6).hex()
        known = known_of(geometry, records / job_id) if geometry else {}
        known |= first.fields(records / job_id) if first else {}
        known |= painting.fields() if painting else {}
        request = PlateRequest(camera=camera, **{**frozen, **choices.recorded(known)})
        return Job(request=request, name=plate, out=out, id=job_id, **measuring, **choices.job).checked()

    return make


def known_of(geometry: "SceneGeometry", folder: Path) -> dict[str, Any]:
    """What a request says of the scene; its depth is written into a folder below `folder`."""
    from .scene_geometry import GUIDE

    guide = geometry.write(folder / GUIDE)
    return {"ground_m": geometry.ground_m, "sun": geometry.sun, "guide": guide}


def settings_of(scene: bpy.types.Scene) -> dict[str, Any]:
    """This scene's request without its camera. Values may come from a foreign file: each is brought within bounds."""
    settings: PLATEWRIGHT_PG_scene = scene.platewright
    steps = int(clamped(settings.steps, 0, STEPS_MAX))
    return {
        "prompt": settings.prompt,
        "negative": settings.negative,
        "model": settings.model,
        "seed": int(clamped(settings.seed, 0, SEED_MAX)),
        "steps": steps or None,
        "guidance": clamped(settings.guidance, 0.0, GUIDANCE_MAX) if settings.use_guidance else None,
        "frame_format": settings.format or "exr",
        "device": settings.device or "auto",
        "overscan": clamped(settings.overscan, 0.0, OVERSCAN_MAX) if settings.use_overscan else None,
        "lock": settings.check and settings.lock,
        "size": job_inputs.size_of(scene),
        "preset": settings.memory if settings.memory not in ("", "auto") else None,
    }


def measuring_of(scene: bpy.types.Scene) -> dict[str, Any]:
    """What of this scene's job is no part of its request: whether to measure, and how many plates to choose from."""
    settings: PLATEWRIGHT_PG_scene = scene.platewright
    return {"check": settings.check, "tries": int(clamped(settings.tries, 1, TRIES_MAX)) if settings.check else 1}


def clamped(value: float, least: float, most: float) -> float:
    """`value` within bounds; what is no number becomes the least."""
    return min(max(value, least), most) if value == value else least


def folder_of(path: str) -> str:
    """The absolute folder; `//` starts at the .blend. Raises RequestError E_UNSAVED, E_PATH."""
    if path.startswith("//") and not bpy.data.filepath:
        hint = "Save the file, or choose an absolute output folder."
        raise RequestError("E_UNSAVED", f"{path} starts at the .blend, and this file was never saved.", hint)
    folder = bpy.path.abspath(path)
    if not os.path.isabs(folder):
        raise RequestError("E_PATH", f"The output folder {path} is not absolute.", "Start it with / or with //.")
    return os.path.normpath(folder)


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_generate,
        PLATEWRIGHT_OT_show_plate,
        PLATEWRIGHT_OT_composite_plate,
        PLATEWRIGHT_OT_import_solve,
        PLATEWRIGHT_OT_open_folder,
        PLATEWRIGHT_OT_check_runtime,
        PLATEWRIGHT_OT_open_preferences,
    )
)
