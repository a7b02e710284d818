"""Which Python runs the models, and where plates go when a scene does not say."""

import bpy
from bpy.props import StringProperty

from . import jobs, runtime
from .properties import PATH_OPTIONS
from .words import draw_text

OUT = "//plates"


class PLATEWRIGHT_AP_preferences(bpy.types.AddonPreferences):
    """The artist's own settings. Programs to run are named here and never in a scene."""

    bl_idname = __package__

    python: StringProperty(
        name="Worker's Python",
        description="The Python that has torch and runs the models, or the folder of its environment; "
        "empty takes that of PLATEWRIGHT_RUNTIME",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
    )
    out: StringProperty(
        name="Output Folder",
        description="Where plates go when the scene names no folder; // is the folder of the .blend",
        default=OUT,
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python", placeholder=jobs.state.default_python)
        layout.prop(self, "out")
        draw_check(layout, jobs.state.check)


def draw_check(layout: bpy.types.UILayout, check: runtime.Check) -> None:
    """The Check button and what the last check found, troubles first."""
    row = layout.row()
    row.enabled = not check.is_running
    row.operator("platewright.check_runtime", text="Checking..." if check.is_running else "Check", icon="CHECKMARK")
    if check.error is not None:
        draw_text(layout, check.error.for_people(), icon="ERROR")
    for finding in sorted(check.findings, key=lambda each: each["is_well"]):
        icon = "CHECKMARK" if finding["is_well"] else "ERROR" if finding["is_needed"] else "INFO"
        mend = "" if finding["is_well"] else f" {finding['mend']}"
        draw_text(layout, f"{finding['name']}: {finding['detail']}{mend}", icon=icon)


def own() -> PLATEWRIGHT_AP_preferences | None:
    """This add-on's preferences; None where it was registered without being enabled, as with Blender as a module."""
    addon = bpy.context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


def chosen_python() -> str:
    """What the artist has named; empty if nothing."""
    preferences = own()
    return bpy.path.abspath(preferences.python) if preferences else ""


def has_runtime() -> bool:
    """Somebody has named a Python, as far as one can tell without looking at the disk."""
    return bool(chosen_python() or jobs.state.default_python)


def own_runtime() -> runtime.Runtime:
    """The artist's Python, else that of $PLATEWRIGHT_RUNTIME. Raises WorkerMissing E_NO_RUNTIME."""
    return runtime.around(chosen_python() or runtime.default_python())


def out_folder() -> str:
    """The output folder for scenes that name none; may start with `//`."""
    preferences = own()
    return (preferences.out if preferences else "") or OUT


def register() -> None:
    bpy.utils.register_class(PLATEWRIGHT_AP_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(PLATEWRIGHT_AP_preferences)
