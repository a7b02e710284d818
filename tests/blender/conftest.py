"""Each Blender test starts from an empty factory scene and composites on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import pytest


@pytest.fixture(autouse=True)
def empty_scene() -> Iterator[None]:
    """What one test leaves behind the next must not find, nor what this person saved as a start-up file."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    if hasattr(scene.render, "compositor_device"):         # 5.2 starts on the GPU, and dies where there is none
        scene.render.compositor_device = "CPU"
    yield
