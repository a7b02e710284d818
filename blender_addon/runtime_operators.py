"""Buttons of the runtime: install, mend, remove, cancel, copy what went wrong. Nothing is fetched without a press."""

from functools import cache

import bpy
from bpy.props import EnumProperty

from platewright.errors import PlatewrightError, RequestError

from . import jobs, preferences, runtime_install
from .translations import say, say_tip
from .words import draw_text, told

Outcome = set[str]
DIALOG_WIDTH = 460
OFFLINE = "Blender is offline. Allow Online Access under System in its preferences, or name an offline bundle."
NOTHING_YET = "Models run in a Python of their own, outside of Blender. Install it, or name one above that is there."
DISK = "Downloads {wheels:.1f} GB and needs up to {needed:.0f} GB of disk; {free:.0f} GB are free."
_choices: list[tuple[str, str, str]] = []          # Blender keeps no reference to what an enum shows


def choices(_operator: object, _context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    """The locks in the zip, in the language of now."""
    told = "Downloads {size:.1f} GB"
    _choices[:] = [(variant, title, say_tip(told, size=size / 1e9)) for variant, title, size in shipped()]
    return _choices


@cache
def shipped() -> list[tuple[str, str, int]]:
    """Variant, title and bytes to download of every lock in the zip; read once."""
    from .installer import locks

    read = (locks.read(path) for path in locks.shipped().values())
    return [(lock.variant, lock.title, lock.download_bytes()) for lock in read]


class PLATEWRIGHT_OT_install_runtime(bpy.types.Operator):
    """Download and install the Python environment that runs the models, outside of Blender"""

    bl_idname = "platewright.install_runtime"
    bl_label = "Install Runtime"

    variant: EnumProperty(name="For", description="Which machine the runtime is for", items=choices)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        runtime_install.look(preferences.cache_folder())
        fit = runtime_install.state.fit
        if fit and fit.variant:
            self.variant = fit.variant
        return context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH, confirm_text="Install")

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        if bundle := preferences.bundle_folder():
            draw_text(layout, say("From the bundle in {folder}; nothing is downloaded.", folder=bundle), icon="PACKAGE")
            return
        layout.prop(self, "variant")
        for line in announced(self.variant):
            draw_text(layout, line)
        if runtime_install.state.fit and runtime_install.state.fit.note:
            draw_text(layout, runtime_install.state.fit.note, icon="INFO")

    def execute(self, _context: bpy.types.Context) -> Outcome:
        return install(self, ["--variant", self.variant])


class PLATEWRIGHT_OT_mend_runtime(bpy.types.Operator):
    """Make the installed runtime anew: what is whole is kept, what is damaged or outdated is fetched again"""

    bl_idname = "platewright.mend_runtime"
    bl_label = "Mend Runtime"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        runtime_install.look(preferences.cache_folder())
        managed = runtime_install.state.managed
        variant = ["--variant", managed.variant] if managed else []
        jobs.close_worker()                        # it holds files of the runtime open
        return install(self, [*variant, "--anew"])


class PLATEWRIGHT_OT_remove_runtime(bpy.types.Operator):
    """Delete the installed runtime and everything that was downloaded for it"""

    bl_idname = "platewright.remove_runtime"
    bl_label = "Remove Runtime"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, _context: bpy.types.Context) -> Outcome:
        jobs.close_worker()
        return started(self, ["remove"])


class PLATEWRIGHT_OT_cancel_install(bpy.types.Operator):
    """Stop the installation; what has arrived is kept for the next one"""

    bl_idname = "platewright.cancel_install"
    bl_label = "Cancel"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        if runtime_install.state.installing:
            runtime_install.state.installing.cancel()
        return {"FINISHED"}


class PLATEWRIGHT_OT_copy_install_details(bpy.types.Operator):
    """Copy what went wrong, with the last lines of the log, to paste it where somebody can help"""

    bl_idname = "platewright.copy_install_details"
    bl_label = "Copy Details"

    def execute(self, context: bpy.types.Context) -> Outcome:
        context.window_manager.clipboard = details()
        return {"FINISHED"}


def announced(variant: str) -> tuple[str, ...]:
    """What an installation would fetch and need, before anybody agrees to it."""
    from .installer import locks, places

    lock = locks.read(locks.shipped()[variant])
    folder = preferences.runtimes_folder()
    wheels, needed, free = lock.download_bytes() / 1e9, lock.needed_bytes() / 1e9, places.free_bytes(folder) / 1e9
    return (
        say(DISK, wheels=wheels, needed=needed, free=free),
        say("Goes to {folder}", folder=folder),
        say("Blender's own Python stays as it is."),
    )


def install(operator: bpy.types.Operator, words: list[str]) -> Outcome:
    """Start it with the preferences' sources, if Blender may go online or need not."""
    if bundle := preferences.bundle_folder():
        kept = [word for word in words if word == "--anew"]
        return started(operator, ["install", "--bundle", bundle, *kept])
    if not preferences.is_online():
        return refused(operator, RequestError("E_OFFLINE", "Nothing is downloaded while Blender is offline.", OFFLINE))
    return started(operator, ["install", *words])


def started(operator: bpy.types.Operator, words: list[str]) -> Outcome:
    """The installer, followed by the timer; in background mode it is waited for."""
    try:
        installing = runtime_install.start(words, preferences.installers_environment())
    except PlatewrightError as error:
        return refused(operator, error)
    if bpy.app.background:
        runtime_install.wait()
        if installing.error:
            return refused(operator, installing.error)
    return {"FINISHED"}


def refused(operator: bpy.types.Operator, error: PlatewrightError) -> Outcome:
    operator.report({"ERROR"}, f"{error.code}: {told(error)}")
    return {"CANCELLED"}


def details() -> str:
    """The failure and the end of the log."""
    installing = runtime_install.state.installing
    if installing is None or installing.error is None:
        return ""
    error = installing.error
    return f"{error.code}: {error.for_people()}\n\n{installing.log}"


# Drawn in the preferences ------------------------------------------------------------------------


def draw_runtime(layout: bpy.types.UILayout) -> None:
    """What was installed from here, or the offer to; how an installation goes."""
    state = runtime_install.state
    if runtime_install.is_under_way() and state.installing:
        return draw_progress(layout, state.installing)
    if state.managed is None and not preferences.has_runtime():
        draw_text(layout, NOTHING_YET, icon="INFO")
    row = layout.row()
    if state.managed is None:
        row.operator("platewright.install_runtime", icon="IMPORT", text="Install Runtime...")
    else:
        draw_managed(layout, row)
    if not preferences.is_online() and not preferences.bundle_folder() and not state.is_current:
        row.enabled = False
        draw_text(layout, OFFLINE, icon="INFO")
    error = state.installing.error if state.installing else None
    if error and error.code == "E_CANCELLED":
        draw_text(layout, "The installation was cancelled; what has arrived is kept for the next one.", icon="INFO")
    elif error:
        draw_text(layout, told(error), icon="ERROR")
        layout.operator("platewright.copy_install_details", icon="COPYDOWN")
    return None


def draw_managed(layout: bpy.types.UILayout, row: bpy.types.UILayout) -> None:
    """The installed runtime and what can be done with it."""
    state = runtime_install.state
    managed = state.managed
    assert managed
    variant, python, packages = managed.variant, managed.python_version, managed.packages
    installed = "Installed: {variant}, Python {python}, {packages} packages"
    about = say(installed, variant=variant, python=python, packages=packages)
    if not managed.stands:
        draw_text(layout, say("The Python it stands on is gone: {python}", python=managed.made_with), icon="ERROR")
    elif not state.is_current:
        draw_text(layout, "This version of Platewright comes with newer packages.", icon="INFO")
    row.label(text=about, icon="CHECKMARK" if managed.stands and state.is_current else "ERROR")
    row.operator("platewright.mend_runtime", text="Mend" if state.is_current else "Update")
    row.operator("platewright.remove_runtime", text="", icon="TRASH")


def draw_progress(layout: bpy.types.UILayout, installing: runtime_install.Installing) -> None:
    """The bar and the way out."""
    from .words import duration

    left = installing.seconds_left()
    text = installing.headline() + (say(", {time} left", time=duration(left)) if left else "")
    layout.progress(factor=installing.fraction, text=text)
    row = layout.row()
    row.enabled = not installing.is_cancelling
    row.operator("platewright.cancel_install", icon="CANCEL")


register, unregister = bpy.utils.register_classes_factory(
    (
        PLATEWRIGHT_OT_install_runtime,
        PLATEWRIGHT_OT_mend_runtime,
        PLATEWRIGHT_OT_remove_runtime,
        PLATEWRIGHT_OT_cancel_install,
        PLATEWRIGHT_OT_copy_install_details,
    )
)
