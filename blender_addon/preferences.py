"""Which Python runs the models, where things are kept, and what may be fetched: the artist's own settings.

Each of them gives way to the variable of the studio that says the same.
"""

import os
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from . import jobs, runtime
from .panel_jobs import CHECK
from .properties import PATH_OPTIONS
from .translations import OWN, say
from .words import draw_text, shown, told

OUT = "//plates"
OVERRIDES = {                                      # preference -> the variable that it gives way to
    "python": "PLATEWRIGHT_RUNTIME",
    "models": "PLATEWRIGHT_MODELS",
    "cache": "PLATEWRIGHT_CACHE",
    "out": "PLATEWRIGHT_OUT",
    "offline": "PLATEWRIGHT_OFFLINE",
}


class PLATEWRIGHT_AP_preferences(bpy.types.AddonPreferences):
    """The artist's own settings. Programs to run are named here and never in a scene."""

    bl_idname = __package__

    python: StringProperty(
        name="Own Python",
        description="A Python that has torch and runs the models, or the folder of its environment; "
        "empty takes the runtime that was installed from here",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
    )
    out: StringProperty(
        name="Output",
        description="Where plates go when the scene names no folder; // is the folder of the .blend",
        default=OUT,
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )
    models: StringProperty(
        name="Models",
        description="A folder with models that somebody else keeps, such as a share that is only read",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )
    cache: StringProperty(
        name="Cache",
        description="Where the runtime and fetched models are kept; empty is the system's own place. "
        "Large, and best on a local disk",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
        update=lambda _self, _context: look_again(),
    )
    offline: BoolProperty(
        name="Stay Offline",
        description="Fetch nothing for Platewright, even where Blender may go online",
    )
    mirror: StringProperty(
        name="Mirror",
        description="Address of a package index to take the place of the public one",
        translation_context=OWN,
    )
    bundle: StringProperty(
        name="Bundle",
        description="Folder of an offline bundle; the runtime is installed from there and nothing is downloaded",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        from . import runtime_operators

        layout = self.layout
        layout.use_property_split = True
        box = layout.box()
        box.label(text="Runtime")
        draw_setting(box, self, "python", placeholder=jobs.state.default_python)
        if not os.environ.get(OVERRIDES["python"]):
            runtime_operators.draw_runtime(box)
        draw_check(box, jobs.state.check)
        box = layout.box()
        box.label(text="Folders")
        for name in ("out", "models", "cache"):
            draw_setting(box, self, name)
        box = layout.box()
        box.label(text="Installing")
        for name in ("offline", "mirror", "bundle"):
            draw_setting(box, self, name)


def draw_setting(layout: bpy.types.UILayout, own: PLATEWRIGHT_AP_preferences, name: str, placeholder: str = "") -> None:
    """One of them, or what the studio has set instead."""
    variable = OVERRIDES.get(name, "")
    if value := os.environ.get(variable):
        draw_text(layout, say("{variable} is set: {value}", variable=variable, value=shown(value)), icon="LOCKED")
    elif placeholder:
        layout.prop(own, name, placeholder=placeholder)
    else:
        layout.prop(own, name)


def draw_check(layout: bpy.types.UILayout, check: runtime.Check) -> None:
    """The Check button and what the last check found, troubles first."""
    row = layout.row()
    row.enabled = not check.is_running
    row.operator("platewright.check_runtime", text="Checking..." if check.is_running else "Check", icon="CHECKMARK")
    if check.error is not None:
        draw_text(layout, told(check.error), icon="ERROR")
        layout.operator("platewright.copy_details", icon="COPYDOWN").job = CHECK
    for finding in sorted(check.findings, key=lambda each: each["is_well"]):
        icon = "CHECKMARK" if finding["is_well"] else "ERROR" if finding["is_needed"] else "INFO"
        mend = "" if finding["is_well"] else f" {say(mend_here(finding['mend']))}"
        draw_text(layout, f"{finding['name']}: {finding['detail']}{mend}", icon=icon)


def mend_here(mend: str) -> str:
    """The step that mends something, as somebody says it who has the runtime's own button before him."""
    return "Press Mend." if mend.startswith("python build.py") and is_managed() else mend


# What is chosen ----------------------------------------------------------------------------------


def own() -> PLATEWRIGHT_AP_preferences | None:
    """This add-on's preferences; None where it was registered without being enabled, as with Blender as a module."""
    addon = bpy.context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


def setting(name: str) -> str:
    """A path or a text as the studio's variable has it, else as the artist does; empty if neither."""
    if value := os.environ.get(OVERRIDES.get(name, ""), ""):
        return value
    preferences = own()
    return bpy.path.abspath(getattr(preferences, name)) if preferences else ""


def chosen_python() -> str:
    """What the artist has named; empty if nothing."""
    preferences = own()
    return bpy.path.abspath(preferences.python) if preferences else ""


def has_runtime() -> bool:
    """There is a Python, as far as one can tell without looking at the disk."""
    return bool(chosen_python() or jobs.state.default_python)


def is_managed() -> bool:
    """The runtime in use is the one that was installed from here."""
    return not runtime.studios_python() and not chosen_python() and bool(jobs.state.default_python)


def own_runtime() -> runtime.Runtime:
    """$PLATEWRIGHT_RUNTIME, else the artist's Python, else the installed runtime. Raises WorkerMissing E_NO_RUNTIME."""
    python = runtime.studios_python() or chosen_python() or runtime.default_python(cache_folder())
    return runtime.around(python, variables())


def out_folder() -> str:
    """The output folder for scenes that name none; may start with `//`."""
    preferences = own()
    return os.environ.get(OVERRIDES["out"], "") or (preferences.out if preferences else "") or OUT


def cache_folder() -> str:
    """Where large things are kept; empty for the system's own place."""
    return setting("cache")


def runtimes_folder() -> Path:
    """Where an installed runtime is, or would be."""
    from .installer import places

    return places.runtimes_folder({**os.environ, **variables()})


def bundle_folder() -> str:
    """The offline bundle to install from; empty for none."""
    return setting("bundle")


def is_online() -> bool:
    """Blender, the studio and the artist have nothing against a download."""
    preferences = own()
    is_refused = runtime.is_on(os.environ.get(OVERRIDES["offline"], "")) or bool(preferences and preferences.offline)
    return bool(bpy.app.online_access) and not is_refused


def variables() -> dict[str, str]:
    """The preferences by the names of the variables that override them; only what is set."""
    told = {OVERRIDES[name]: setting(name) for name in ("models", "cache")}
    preferences = own()
    told[OVERRIDES["offline"]] = "1" if preferences and preferences.offline else ""
    return {name: value for name, value in told.items() if value}


def installers_environment() -> dict[str, str]:
    """What the installer is told beside its words: a mirror's address may hold a password, and everybody sees words."""
    told = {**variables(), "PLATEWRIGHT_MIRROR": setting("mirror")}
    return {name: value for name, value in told.items() if value}


def look_again() -> None:
    """Another folder may hold another runtime."""
    from . import runtime_install

    runtime_install.look(cache_folder())


def register() -> None:
    bpy.utils.register_class(PLATEWRIGHT_AP_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(PLATEWRIGHT_AP_preferences)
