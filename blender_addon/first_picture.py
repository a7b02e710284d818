"""The picture that a model starts from, as the panel has it: made of the prompt, a file, or a render of the scene.

A render takes its time, so another Blender makes it, of a copy of the file as it is now; this one goes on. What that
one runs is the command line's own `still`. It ends with us: by `stop`, or when its stdin is closed by our end.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from platewright.errors import Cancelled, PlateError, RequestError
from platewright.protocol import Input, Still

from .still_command import CHILD

PICTURE = "first_frame.png"


@dataclass(slots=True)
class FirstPicture:
    """What was chosen when Generate was pressed; `fields` touches nothing of Blender and may run in a thread."""

    source: str                                    # PROMPT, FILE, RENDER
    seed: int = 0
    file: str = ""                                 # absolute
    words: tuple[str, ...] = ()                    # of the verb `still`
    copy: Path = field(default_factory=Path)       # of the file, as it was
    is_stopped: bool = False
    _child: subprocess.Popen[bytes] | None = None

    @property
    def headline(self) -> str:
        """What it does while it is waited for."""
        return "rendering the first frame" if self.source == "RENDER" else "writing the job"

    def fields(self, folder: Path) -> dict[str, Any]:
        """Those of a request; a render is left in `folder`. Raises what `still` and `Input.of` raise, Cancelled."""
        if self.source == "PROMPT":
            return {"still": Still(self.seed)}
        if self.source == "FILE":
            return {"first_frame": Input.of(Path(self.file))}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._render(folder / PICTURE)
        return {"first_frame": Input.of(folder / PICTURE)}

    def stop(self) -> None:
        """Whatever still runs for it ends now."""
        self.is_stopped = True
        if self._child is not None:
            self._child.kill()

    def _render(self, file: Path) -> None:
        command = [*blender_on(self.copy), *self.words, "-o", str(file), "--json"]
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,             # open as long as we live
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, CHILD: "1"},
            )
            with self._child as child:
                if self.is_stopped:
                    child.kill()
                assert child.stdout
                last = ([b""] + child.stdout.read().splitlines())[-1]
                code = child.wait()
        except OSError as error:
            why = f"{command[0]} cannot be run: {error.strerror}."
            raise PlateError("E_STILL_RENDER", why, "Render the picture by hand, and choose it as the file.") from None
        finally:
            self.copy.unlink(missing_ok=True)
        if self.is_stopped:
            raise Cancelled()
        if code:
            raise _refused(last, code)


def blender_on(blend: Path) -> list[str]:
    """This very Blender without a window, with a file and our command."""
    return [bpy.app.binary_path, "--background", str(blend), "--command", "platewright", "still"]


def chosen(scene: bpy.types.Scene, is_needed: bool) -> FirstPicture | None:
    """What the settings ask for; None where it is left to us and the model can go without one.

    For a render the file is copied as it is now. Raises RequestError, PlateError.
    """
    settings = scene.platewright
    source = settings.first_frame or "AUTO"        # empty where a foreign file holds nonsense
    if source == "AUTO" and not is_needed:
        return None
    if source == "FILE":
        return FirstPicture("FILE", file=_absolute(settings.first_frame_file))
    if source != "RENDER":
        return FirstPicture("PROMPT", seed=max(0, settings.seed))
    copy = Path(bpy.app.tempdir) / f"first_frame_{os.urandom(4).hex()}.blend"
    _save(copy)
    return FirstPicture("RENDER", words=tuple(_words(scene)), copy=copy)


def _words(scene: bpy.types.Scene) -> list[str]:
    settings = scene.platewright
    words = ["--scene", scene.name_full, "--model", settings.model]
    if settings.use_overscan:
        words += ["--overscan", f"{settings.overscan:.9g}"]
    return words if settings.check and settings.lock else [*words, "--no-lock"]


def _absolute(path: str) -> str:
    found = bpy.path.abspath(path)
    if not os.path.isabs(found):
        raise RequestError("E_FIRST_FRAME", "No picture is chosen as the first frame.", "Choose a file for it.")
    return os.path.normpath(found)


def _save(copy: Path) -> None:
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, check_existing=False)
    except RuntimeError as error:
        why = f"The scene cannot be copied for its render: {error}"
        raise PlateError("E_OUT_IO", why, "Make room, or choose a picture as the first frame.") from None


def _refused(last: bytes, code: int) -> Exception:
    """The error that the child told, or that it told none."""
    hint = "Render the picture by hand, and choose it as the file."
    try:
        told = json.loads(last)["error"]
        return RequestError(str(told["code"]), str(told["message"]), str(told.get("hint") or hint))
    except (ValueError, KeyError, TypeError):
        return PlateError("E_STILL_RENDER", f"The Blender that renders the first frame ended with {code}.", hint)
