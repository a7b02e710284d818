"""Platewright inside Blender: the panel, the jobs and the command over the core's four doors."""

from __future__ import annotations

import bpy

register, unregister = bpy.utils.register_submodule_factory(
    __package__, ("properties", "preferences", "jobs", "operators", "panels", "command")
)
