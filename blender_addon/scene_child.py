"""A Blender's answer to another process: opens a shot, reads its camera, writes the answer into a file, ends.

Run by a Python that has bpy, or by Blender itself (`--python`). The last argument is the request file, JSON with `core`
(folder of the package platewright), `blend`, `scene`, `allow_scripts` and `answer`; for a camera `camera` and `frames`,
for guides `view` (as in camera.json), `kinds` and `folder`, for a first picture `view` and `still` (the file).
What Blender prints is no part of the answer.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1                               # linux/prctl.h


def main(request_file: str) -> None:
    """Answer the request; the process ends here whatever happens, without Blender's own tear-down."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    die_with_parent()
    sys.path[:0] = [request["core"], str(Path(__file__).resolve().parents[1])]
    answer = Path(request["answer"])
    part = answer.with_suffix(".part")
    part.write_text(json.dumps(answer_to(request)), encoding="utf-8")
    os.replace(part, answer)
    sys.stdout.flush()
    os._exit(0)                                    # the wheels before 5.0 can crash or hang on their way out


def die_with_parent() -> None:
    """Their death closes our stdin; on Linux the kernel also ends us in the middle of a C call."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_stdin() -> None:
    os.read(0, 1)                                  # nothing is ever written: it returns when the other end is closed
    os._exit(1)


def answer_to(request: dict[str, Any]) -> dict[str, Any]:
    """`{"camera": ...}` as in camera.json, `{"rendered": ...}` or `{"error": {"class", "code", "message", "hint"}}`."""
    from platewright.errors import PlatewrightError

    try:
        open_blend(request["blend"], request["allow_scripts"])
        if "still" in request:
            return {"rendered": render_still(request)}
        return {"rendered": render_guides(request)} if "view" in request else {"camera": read_camera(request)}
    except PlatewrightError as error:
        return {"error": {"class": type(error).__name__, **error.to_dict()}}


def open_blend(blend: str, allow_scripts: bool) -> None:
    """RequestError E_BLEND where Blender cannot read the file."""
    import bpy

    from platewright.errors import RequestError

    bpy.ops.wm.read_factory_settings(use_empty=True)                           # nobody's add-ons and handlers
    try:
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=allow_scripts)
    except RuntimeError as error:
        hint = f"Open it in Blender by hand. This one is {bpy.app.version_string}; a newer file needs a newer one."
        raise RequestError("E_BLEND", f"{blend} cannot be opened: {str(error).strip()}", hint) from None


def read_camera(request: dict[str, Any]) -> dict[str, Any]:
    """The camera path that the request asks for."""
    from blender_addon import scene_read

    scene = scene_read.find_scene(request["scene"])
    camera = scene_read.find_camera(scene, request["camera"])
    frames = tuple(request["frames"]) if request["frames"] else None
    return scene_read.camera_path(scene, camera=camera, frames=frames).to_dict()


def render_guides(request: dict[str, Any]) -> list[str]:
    """The pictures that the request asks for, in its folder."""
    from blender_addon import guide_passes, scene_read
    from platewright.camera import CameraPath

    scene = scene_read.find_scene(request["scene"])
    view = CameraPath.from_dict(request["view"])
    guide_passes.render(scene, view, request["kinds"], Path(request["folder"]))
    return request["kinds"]


def render_still(request: dict[str, Any]) -> list[str]:
    """The picture that a model is to start from, in its file."""
    from blender_addon import scene_picture, scene_read
    from platewright.camera import CameraPath

    scene = scene_read.find_scene(request["scene"])
    scene_picture.render(scene, CameraPath.from_dict(request["view"]), Path(request["still"]))
    return [request["still"]]


if __name__ == "__main__":
    try:
        main(sys.argv[-1])
    except BaseException:  # noqa: BLE001          # to end without Blender's tear-down, whatever it is
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
