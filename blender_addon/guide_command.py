"""`guide -o DIR` for the open scene: the core says which view it needs, Blender renders, the core makes the folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from platewright.camera import CameraPath
from platewright.errors import PlatewrightError, RequestError, WorkerMissing

from . import guide_passes, preferences, runtime

PASSES = "guide_passes"                            # name of their folder


def rendered(scene: bpy.types.Scene, path: CameraPath, words: Sequence[str]) -> list[str]:
    """The words of the core's own verb, once what it needs of the scene is rendered.

    Raises RequestError E_NO_CYCLES and what the core refuses, PlateError E_GUIDE_RENDER, WorkerMissing.
    """
    folder = Path(bpy.app.tempdir) / PASSES
    folder.mkdir(exist_ok=True)
    camera, view = folder.with_name("camera.json"), folder / "camera.json"
    path.write(camera)
    command = ["guide", "--camera", str(camera)]
    said = _asked([*command, "--view", str(view), *(word for word in words if word != "--json"), "--json"])
    guide_passes.render(scene, CameraPath.read(view), said["passes"], folder)
    return [*command, "--passes", str(folder), *words]


def _asked(words: Sequence[str]) -> dict[str, Any]:
    """The answer of the core's command line, in the worker's Python."""
    own = preferences.own_runtime()
    command, environment = runtime.command_line(own, words)
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        said: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise WorkerMissing("E_NO_RUNTIME", f"{own.python} gave no answer: {error}.", runtime.NO_RUNTIME) from None
    if "error" in said:
        kind = RequestError if done.returncode == RequestError.exit_code else PlatewrightError
        raise kind(*(str(said["error"].get(key, "")) for key in ("code", "message", "hint")))
    return said
