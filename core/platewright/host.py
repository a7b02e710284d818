"""Asks a Blender, or a Python that has bpy, as a child process for what only a scene knows.

The request goes by file and comes back by file; what Blender prints ends in a log that is shown only when it dies.
The child has its own process group, a clean environment and no scripts from the shot unless they are allowed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import errors
from .camera import CameraPath
from .errors import PlatewrightError, RequestError

CHECKOUT = Path(__file__).resolve().parents[2]
BLENDER_VARIABLE = "PLATEWRIGHT_BLENDER"
SCRUBBED = ("PYTHON", "VIRTUAL_ENV", "CONDA_", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "BLENDER_", "OCIO")
LOOK_SECONDS = 0.5                                 # between two looks at what a child has done so far
LOG_TAIL = 2_000                                   # characters of a dead Blender's last words


def read_camera(
    blend: Path,
    *,
    scene: str | None = None,                      # None: the file's active scene
    camera: str | None = None,                     # None: the one that Blender renders each frame with
    frames: tuple[int, int] | None = None,         # first and last; None: the scene's range
    blender: str | None = None,                    # a Blender, or a Python with bpy; None: see `find_blender`
    allow_scripts: bool = False,
) -> CameraPath:
    """The camera of a shot, as a child Blender reads it.

    Raises RequestError E_FILE_MISSING and E_BLEND, everything that `blender_addon.scene_read` raises, and
    PlatewrightError E_NO_BLENDER, E_NO_EXTENSION, E_BLENDER_DIED.
    """
    blend = Path(blend).absolute()
    if not blend.is_file():
        raise RequestError("E_FILE_MISSING", f"There is no file {blend}.", "Check the path of the .blend.")
    request = {
        "blend": str(blend),
        "scene": scene,
        "camera": camera,
        "frames": list(frames) if frames else None,
        "allow_scripts": allow_scripts,
    }
    return CameraPath.from_dict(_ask(find_blender(blender), request)["camera"])


def render_guides(
    blend: Path,
    view: CameraPath,
    kinds: list[str],                              # depth, clay
    folder: Path,                                  # there already; depth.1001.exr ... are rendered into it
    *,
    scene: str | None = None,
    blender: str | None = None,
    allow_scripts: bool = False,
    on_frame: Callable[[int], object] | None = None,          # how many pictures are there
) -> None:
    """What a view sees of a shot, rendered by a child Blender; see `blender_addon.guide_passes`.

    Raises what `read_camera` raises of files and Blenders, RequestError E_NO_CYCLES and PlateError E_GUIDE_RENDER.
    """
    blend = Path(blend).absolute()
    if not blend.is_file():
        raise RequestError("E_FILE_MISSING", f"There is no file {blend}.", "Check the path of the .blend.")
    request = {
        "blend": str(blend),
        "scene": scene,
        "view": view.to_dict(),
        "kinds": kinds,
        "folder": str(folder.absolute()),
        "allow_scripts": allow_scripts,
    }
    _ask(find_blender(blender), request, lambda: on_frame(len(list(folder.iterdir()))) if on_frame else None)


def render_still(
    blend: Path,
    view: CameraPath,
    file: Path,
    *,
    scene: str | None = None,
    blender: str | None = None,
    allow_scripts: bool = False,
) -> None:
    """The first frame of a view of a shot as a PNG, by a child Blender; see `blender_addon.scene_picture`.

    Raises what `read_camera` raises of files and Blenders, and PlateError E_STILL_RENDER, E_OUT_IO ...
    """
    from . import disk

    blend = Path(blend).absolute()
    if not blend.is_file():
        raise RequestError("E_FILE_MISSING", f"There is no file {blend}.", "Check the path of the .blend.")
    request = {"blend": str(blend), "scene": scene, "view": view.to_dict(), "allow_scripts": allow_scripts}

    def rendered(part: Path) -> None:
        _ask(find_blender(blender), {**request, "still": str(part.absolute())})

    disk.publish(file, rendered)


def find_blender(named: str | None) -> Path:
    """The Blender, or the Python with bpy, to ask: the one named, then $PLATEWRIGHT_BLENDER, `.venv-bpy`, PATH.

    Raises PlatewrightError E_NO_BLENDER; one that is named but is not there is never replaced by another.
    """
    named = named or os.environ.get(BLENDER_VARIABLE)
    hint = f"Give --blender PATH or set {BLENDER_VARIABLE}, or make .venv-bpy with `python build.py env`."
    if named:
        found = shutil.which(named)
        if found is None:
            raise PlatewrightError("E_NO_BLENDER", f"There is no Blender at {named}.", hint)
        return Path(found).absolute()
    of_checkout = CHECKOUT / ".venv-bpy" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if of_checkout.is_file():
        return of_checkout
    if on_path := shutil.which("blender"):
        return Path(on_path)
    raise PlatewrightError("E_NO_BLENDER", "There is no Blender on this machine's PATH.", hint)


def _ask(blender: Path, request: dict[str, Any], look: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """The child's answer; what it refused is raised here. `look` is called now and then meanwhile."""
    with tempfile.TemporaryDirectory(prefix="platewright-host-") as name:
        folder = Path(name)
        answer = folder / "answer.json"
        more = {"core": str(CHECKOUT / "core"), "answer": str(answer)}
        (folder / "request.json").write_text(json.dumps({**request, **more}), encoding="utf-8")
        code = _run([*_command(blender), str(folder / "request.json")], folder, look)
        if not answer.is_file():
            words = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip()
            why = f"{blender} ended with code {code} and no answer. Its last words: {words or 'none'}"
            raise PlatewrightError("E_BLENDER_DIED", why, "Open the shot in that Blender by hand, or name another one.")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in said:
        raise _as_raised(said["error"])
    return said


def _command(blender: Path) -> list[str]:
    child = CHECKOUT / "blender_addon" / "scene_child.py"
    if not child.is_file():
        why = "This installation has no Blender extension beside it, so it cannot read a .blend by itself."
        hint = "Use the extension: blender -b SHOT.blend --command platewright camera -o camera.json"
        raise PlatewrightError("E_NO_EXTENSION", why, hint)
    if blender.stem.startswith("python"):
        return [str(blender), "-I", "-B", "-X", "utf8", str(child)]
    quiet = ["--background", "--factory-startup", "--disable-autoexec", "--python-exit-code", "1"]
    return [str(blender), *quiet, "--python", str(child), "--"]


def _run(command: list[str], folder: Path, look: Callable[[], object]) -> int:
    """Run the child to its end; whatever ends us, an interrupt too, ends its whole group."""
    with open(folder / "log.txt", "wb") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,                 # open as long as we live: the child reads its end as our death
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            while True:
                try:
                    return child.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    look()
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        child.kill()
    else:
        try:
            os.killpg(child.pid, signal.SIGKILL)   # the group outlives its leader if the leader left children
        except ProcessLookupError:
            pass
    if child.stdin:
        child.stdin.close()
    child.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Ours without what could lead Blender astray; its own temporary folder lies in ours and goes with it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SCRUBBED)}
    return {**kept, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))}


def _as_raised(error: dict[str, str]) -> PlatewrightError:
    kind = getattr(errors, error["class"], PlatewrightError)
    return kind(error["code"], error["message"], error["hint"])
