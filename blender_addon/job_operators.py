"""The buttons of a job's row: cancel, retry, put away, go on with what another session left, copy what went wrong."""

import bpy
from bpy.props import BoolProperty, StringProperty

from platewright.errors import PlatewrightError, RequestError

from . import job_details, job_end, jobs, preferences
from .operators import PLATE, Outcome, refuse
from .panel_jobs import CHECK


class PLATEWRIGHT_OT_cancel(bpy.types.Operator):
    """Stop this job; frames that are finished stay on disk"""

    bl_idname = "platewright.cancel"
    bl_label = "Cancel"

    job: StringProperty(name="Job", description="Which job; empty is the one under way", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> Outcome:
        jobs.cancel(self.job)
        return {"FINISHED"}


class PLATEWRIGHT_OT_retry(bpy.types.Operator):
    """Make this plate once more, just as it was asked for; frames that are whole are kept"""

    bl_idname = "platewright.retry"
    bl_label = "Retry"

    job: StringProperty(name="Job", description="Which job; empty is the newest", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> Outcome:
        jobs.state.refusal = None
        try:
            jobs.retry(over(self.job), preferences.own_runtime())
        except PlatewrightError as error:
            return refuse(self, error)
        return {"FINISHED"}


class PLATEWRIGHT_OT_dismiss(bpy.types.Operator):
    """Take this out of the list; files stay where they are"""

    bl_idname = "platewright.dismiss"
    bl_label = "Dismiss"

    job: StringProperty(name="Job", description="Which job; empty is what was said last", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> Outcome:
        if not self.job:
            jobs.state.refusal = None
        for run in [each for each in jobs.state.runs if each.handle.id == self.job]:
            jobs.dismiss(run)
        jobs.state.past.settle(self.job)
        return {"FINISHED"}


class PLATEWRIGHT_OT_collect(bpy.types.Operator):
    """Go on with this job where Blender was closed; frames that are whole are kept"""

    bl_idname = "platewright.collect"
    bl_label = "Go On"
    bl_options = {"INTERNAL"}                      # a search would not know the job

    job: StringProperty(name="Job", description="Which job of another session", options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> Outcome:
        left = next((each for each in jobs.state.past.left if each.id == self.job), None)
        try:
            if left is None:
                raise gone(self.job)
            jobs.collect(left, preferences.own_runtime())
        except PlatewrightError as error:
            return refuse(self, error)
        return {"FINISHED"}


class PLATEWRIGHT_OT_show_at_home(bpy.types.Operator):
    """Show this plate behind the very camera that it was made for"""

    bl_idname = "platewright.show_at_home"
    bl_label = "Show in Its Shot"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # a search would not know the plate

    plate: StringProperty(**{**PLATE, "description": "The plate's folder"})

    def execute(self, _context: bpy.types.Context) -> Outcome:
        from .plate_read import read_plate

        origins = {str(plate.folder): run.origin for run, plate in jobs.waiting()}
        origins |= {left.plate: jobs.origin_of(left) for left in jobs.state.past.left if left.plate}
        place = origins[self.plate].here() if self.plate in origins else None
        try:
            if place is None:
                why = "The shot of this plate is not in the open file."
                raise RequestError("E_JOB_GONE", why, "Open its file, or press Show It Here.")
            plate = read_plate(self.plate)
            job_end.show_at(*place, plate)
        except PlatewrightError as error:
            return refuse(self, error)
        jobs.mark_shown(plate.folder)
        return {"FINISHED"}


class PLATEWRIGHT_OT_copy_details(bpy.types.Operator):
    """Copy what went wrong, its code and all versions, to send to somebody; hold Shift to copy the prompt as well"""

    bl_idname = "platewright.copy_details"
    bl_label = "Copy Details"

    job: StringProperty(name="Job", description="Which job; empty is what was said last", options={"SKIP_SAVE"})
    use_prompt: BoolProperty(name="Prompt", description="Copy the prompt as well", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        self.use_prompt = event.shift
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            run = over(self.job) if self.job not in ("", CHECK) else None
            error = run.error if run else jobs.state.check.error if self.job == CHECK else jobs.state.refusal
            if error is None:
                raise gone(self.job)
        except PlatewrightError as refused:
            return refuse(self, refused)
        context.window_manager.clipboard = job_details.details(error, run, self.use_prompt)
        self.report({"INFO"}, "Copied")
        return {"FINISHED"}


def over(job: str) -> jobs.Run:
    """The job that is over, of this id or the newest. Raises RequestError E_JOB_GONE, E_BUSY."""
    runs = [run for run in jobs.state.runs if job in ("", run.handle.id)]
    if not runs:
        raise gone(job)
    if not runs[-1].is_over:
        raise RequestError("E_BUSY", "The job is under way.", "Wait for it, or cancel it.")
    return runs[-1]


def gone(job: str) -> RequestError:
    """Somebody has put it away meanwhile."""
    return RequestError("E_JOB_GONE", f"There is no such job {job}.".replace(" .", "."), "Press Generate Plate.")


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_cancel,
        PLATEWRIGHT_OT_retry,
        PLATEWRIGHT_OT_dismiss,
        PLATEWRIGHT_OT_collect,
        PLATEWRIGHT_OT_show_at_home,
        PLATEWRIGHT_OT_copy_details,
    )
)
