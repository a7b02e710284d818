"""Platewright inside Blender: the panel, the jobs and the command over the core's four doors."""

from __future__ import annotations

import sys

import bpy

SUBMODULES = (
    "translations", "provenance_choices", "plate_checks", "properties", "preferences", "plate_link", "jobs",
    "operators", "job_operators", "panel_choices", "panels", "ways_operators", "ways_panel", "panel_provenance",
    "shot_properties", "shot_operators", "panel_shots",
    "runtime_install", "runtime_operators", "model_fetch", "model_operators", "preloading",
)  # fmt: skip

_register, _unregister = bpy.utils.register_submodule_factory(__package__, SUBMODULES)


def register() -> None:
    """Enable the extension."""
    _register()
    from . import jobs

    jobs.state.command = bpy.utils.register_cli_command("platewright", execute)


def execute(words: list[str]) -> int:
    """`blender --command platewright ...`; what only this needs is loaded now and not at every start of Blender."""
    from . import command

    return command.execute(words)


def unregister() -> None:
    """Disable the extension; Blender does so before it puts a newer one, with a newer wheel, in its place."""
    from . import jobs

    bpy.utils.unregister_cli_command(jobs.state.command)
    _unregister()
    if str(__package__).startswith("bl_ext."):
        forget()


def forget() -> None:
    """Take all of this and of the core's wheel out of memory: after an update the new files are to be imported."""
    for name in list(sys.modules):
        if name.startswith((f"{__package__}.", "platewright.")) or name == "platewright":
            del sys.modules[name]
