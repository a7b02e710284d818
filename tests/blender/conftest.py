"""Each Blender test starts from an empty factory scene and composites on the CPU."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType

import bpy
import pytest

from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def empty_scene() -> Iterator[None]:
    """What one test leaves behind the next must not find, nor what this person saved as a start-up file."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    if hasattr(scene.render, "compositor_device"):         # 5.2 starts on the GPU, and dies where there is none
        scene.render.compositor_device = "CPU"
    yield


@pytest.fixture
def addon(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The extension, enabled, with the checkout's own environment for its worker; its modules are new each time."""
    import blender_addon

    python = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", str(ROOT / ".venv" / python))
    blender_addon.register()
    yield blender_addon
    blender_addon.unregister()
    forget(blender_addon)


def forget(addon: ModuleType) -> None:
    """What has hold of the old module of jobs, and so of its state."""
    for name, module in list(sys.modules.items()):
        if name.startswith("blender_addon.") and hasattr(module, "jobs"):
            del sys.modules[name]
            delattr(addon, name.rpartition(".")[2])
