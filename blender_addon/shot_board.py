"""A scene's storyboard: its camera is read, then another process draws a still per shot, and the sheet is shown.

What that process runs is the command line's own `storyboard`; it ends when this Blender does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from platewright.errors import Cancelled, PlatewrightError, WorkerMissing
from platewright.values import slug

from . import runtime
from .job_end import push_undo
from .preparing import Preparation
from .runtime import Runtime
from .translations import say

if TYPE_CHECKING:                                  # not at every start of Blender
    from platewright.camera import CameraPath

    from .scene_geometry import SceneGeometry

FOLDER = "storyboard"
QUICK = ("draft", "grid")                          # models that draw one; draft is what others are drawn with
COUNT = re.compile(rb"stills (\d+)/(\d+)")
LOG_BYTES = 4000                                   # of its end
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sketch:
    """What was asked for when the button was pressed; holds nothing of Blender."""

    sheet: Path
    scene_uid: int
    words: tuple[str, ...]                         # of the verb `storyboard`
    listed: dict[str, Any]                         # the shots, as the core reads a list of them
    records: Path                                  # a folder for what the process is told and says

    @classmethod
    def of(cls, scene: bpy.types.Scene) -> Sketch:
        """As it is now. Raises RequestError E_UNSAVED, E_PATH of the output folder."""
        from . import operators, preferences, provenance_choices, shot_read

        settings, frozen = scene.platewright, operators.settings_of(scene)
        out = Path(operators.folder_of(settings.out or preferences.out_folder())) / FOLDER
        model = frozen["model"] if frozen["model"] in QUICK else QUICK[0]
        told = {"title": scene.name, "model": model, "device": frozen["device"]}
        told |= {name: frozen[name] for name in ("prompt", "negative", "seed")}
        words = (*(f"--{name}={value}" for name, value in told.items()), *signing(provenance_choices.chosen(scene).job))
        listed = shot_read.as_list(shot_read.shots_of(scene))
        records = runtime.own_folder() / f"storyboard_{os.urandom(6).hex()}"
        return cls(out / f"{_file_name(scene.name)}.png", scene.session_uid, words, listed, records)

    def write(self, path: CameraPath, geometry: SceneGeometry | None = None) -> list[str]:
        """Leave what the process reads; gives the words of its command line. From any thread."""
        known = {"ground": geometry.ground_m, "sun": geometry.sun} if geometry else {}
        told = [f"--{name}={comma_separated(value)}" for name, value in known.items() if value is not None]
        self.records.mkdir(mode=0o700, parents=True, exist_ok=True)
        camera, listed = self.records / "camera.json", self.records / "shots.json"
        path.write(camera)
        listed.write_text(json.dumps(self.listed), encoding="ascii")
        files = ["--camera", str(camera), "--shot-list", str(listed), "-o", str(self.sheet)]
        return ["storyboard", *files, *self.words, *told, "--json"]


def signing(job: Mapping[str, Any]) -> list[str]:
    """What the scene says of Content Credentials, as the command line reads it."""
    sign, told = job["sign"], job["prompt_told"]
    wish = [] if sign is None else ["--sign" if sign else "--no-sign"]
    return wish if told is None else [*wish, f"--prompt-told={told}"]


def comma_separated(value: float | tuple[float, ...]) -> str:
    """Numbers as the command line reads them."""
    numbers = value if isinstance(value, tuple) else (value,)
    return ",".join(f"{number:.17g}" for number in numbers)


def _file_name(scene: str) -> str:
    try:
        return slug(scene)
    except PlatewrightError:
        return FOLDER


class BoardPreparation(Preparation):
    """Of a storyboard: the camera is read over all shots; what is made of it is no job but a command line."""

    def _write(self) -> None:
        self.job = self.make_job(self.path, self.geometry.geometry() if self.geometry else None)


@dataclass(slots=True)
class Board:
    """A storyboard that is drawn, or was."""

    sketch: Sketch
    child: subprocess.Popen[bytes]
    id: str = field(default_factory=lambda: os.urandom(6).hex())
    answer: dict[str, Any] = field(default_factory=dict)
    error: PlatewrightError | None = None
    is_running: bool = True
    is_stopped: bool = False
    LOG: ClassVar[str] = "log.txt"
    ANSWER: ClassVar[str] = "answer.json"

    @classmethod
    def begun(cls, sketch: Sketch, words: list[str], own: Runtime) -> Board:
        """Start the process; from the main thread. Raises WorkerMissing."""
        command, environment = runtime.command_line(own, words)
        with open(sketch.records / cls.LOG, "wb") as log, open(sketch.records / cls.ANSWER, "wb") as out:
            try:
                child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
            except OSError as error:
                why = f"{own.python} cannot be run: {error.strerror}."
                raise WorkerMissing("E_NO_RUNTIME", why, runtime.NO_RUNTIME) from None
        return cls(sketch, child)

    def count(self) -> tuple[int, int]:
        """How many stills are drawn, of how many; zeros before it is known."""
        try:
            said = (self.sketch.records / self.LOG).read_bytes()[-LOG_BYTES:]
        except OSError:
            return 0, 0
        found = COUNT.findall(said)
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)

    @property
    def fraction(self) -> float:
        done, total = self.count()
        return done / total if total else 0.0

    def headline(self) -> str:
        """For the bar."""
        done, total = self.count()
        if not total:
            return say("starting")
        return say("drawing still {number} of {total}", number=min(done + 1, total), total=total)

    def look(self) -> bool:
        """Whether there was anything to look after; when it is over its sheet becomes an image of Blender's."""
        if not self.is_running or self.child.poll() is None:
            return self.is_running
        self.is_running = False
        try:
            self.answer = self._answered()
            show(self.sketch.scene_uid, Path(self.answer["sheet"]))
            push_undo("Storyboard")
        except PlatewrightError as error:
            self.error = error
        shutil.rmtree(self.sketch.records, ignore_errors=True)
        return True

    def wait(self) -> None:
        """Until it is over; in background mode."""
        while self.is_running:
            sleep(POLL_SECONDS)
            self.look()

    def stop(self) -> None:
        """Nobody wants it any more; stills that are there stay."""
        self.is_stopped = True
        self.child.terminate()

    def _answered(self) -> dict[str, Any]:
        if self.is_stopped:
            raise Cancelled()
        try:
            answer = json.loads((self.sketch.records / self.ANSWER).read_bytes())
        except (OSError, ValueError):
            last = (self.sketch.records / self.LOG).read_text("utf-8", "replace").strip().rpartition("\n")[2]
            raise WorkerMissing("E_NO_RUNTIME", f"The storyboard came to no end: {last}", runtime.NO_RUNTIME) from None
        if "error" in answer:
            raise PlatewrightError(**answer["error"])
        return answer


def prepare(scene: bpy.types.Scene, own: Runtime) -> BoardPreparation:
    """Of the shots that the scene has now. Raises what `Reading` and `Sketch.of` raise."""
    from . import jobs
    from .scene_geometry import GeometryReading
    from .scene_read import Reading

    sketch = Sketch.of(scene)

    def start(words: list[str], text: str = "") -> None:
        del text
        jobs.state.board = Board.begun(sketch, words, own)
        jobs.follow()

    geometry = GeometryReading(scene, is_hurried=True) if scene.platewright.use_scene else None
    return BoardPreparation(Reading(scene), sketch.write, start, geometry, last="writing the job")


# Shown --------------------------------------------------------------------------------------------


def show(scene_uid: int, sheet: Path) -> bpy.types.Image:
    """The sheet as an image, in whatever Image Editor is open; remembered by its scene."""
    image = image_of(sheet)
    for scene in bpy.data.scenes:
        if scene.session_uid == scene_uid:
            scene.platewright_board.sheet = str(sheet)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.spaces.active.image = image
                area.tag_redraw()
    return image


def image_of(sheet: Path) -> bpy.types.Image:
    """The image of this file, as it is on the disk now."""
    image = bpy.data.images.load(str(sheet), check_existing=True)
    image.reload()
    return image
