"""One job as the panel knows it. Plain data.

Undo and File > Open end every `bpy` reference, so a run remembers where it came from by `session_uid`, which Blender
never gives twice while it is open, and looks the scene up again when the plate is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

import bpy

from platewright.errors import PlatewrightError

from .translations import say
from .words import file_of

if TYPE_CHECKING:                                  # what only a job needs is loaded with the first one
    from platewright.client import JobHandle

    from .plate_read import Plate

PACE_SECONDS = 2.0                                 # of a stage, before anything is said about its end
NOWHERE = -1                                       # no session has this uid


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a job came from, by names for people and by numbers for finding it again."""

    file: str                                      # the .blend's path; empty while unsaved
    scene_name: str
    scene_uid: int
    camera_name: str
    camera_uid: int

    @classmethod
    def of(cls, scene: bpy.types.Scene, camera_name: str) -> Origin:
        """The scene as it is now, and the camera that the plate follows: a marker's, or the scene's own."""
        camera = scene.objects.get(camera_name) or scene.camera
        return cls(bpy.data.filepath, scene.name, scene.session_uid, camera.name, camera.session_uid)

    @classmethod
    def named(cls, file: str, scene_name: str, camera_name: str) -> Origin:
        """Of another session: found again by names, and only if this very file is open."""
        scene = bpy.data.scenes.get(scene_name) if file and bpy.data.filepath == file else None
        camera = scene.objects.get(camera_name) if scene else None
        if scene is None or camera is None or camera.type != "CAMERA":
            return cls(file, scene_name, NOWHERE, camera_name, NOWHERE)
        return cls(file, scene_name, scene.session_uid, camera_name, camera.session_uid)

    def find(self) -> tuple[bpy.types.Scene, bpy.types.Object] | None:
        """The very scene and camera, if both are still in the open file."""
        scene = _with_uid(bpy.data.scenes, self.scene_uid)
        camera = _with_uid(bpy.data.objects, self.camera_uid)
        return (scene, camera) if scene and camera else None

    def here(self) -> tuple[bpy.types.Scene, bpy.types.Object] | None:
        """The same, or those of the same names where this very file is open again."""
        return self.find() or Origin.named(self.file, self.scene_name, self.camera_name).find()

    def title(self) -> str:
        """For people: camera, scene and file."""
        return place_of(self.camera_name, self.scene_name, self.file)


def place_of(camera: str, scene: str, file: str) -> str:
    """For people: where a plate belongs."""
    return say("{camera} in {scene}, {file}", camera=camera, scene=scene, file=file_of(file) or say("an unsaved file"))


def _with_uid(items: bpy.types.bpy_prop_collection, uid: int) -> Any:
    return next((item for item in items if item.session_uid == uid), None)


@dataclass(slots=True)
class Run:
    """One job from submit to the plate behind its camera."""

    handle: JobHandle
    origin: Origin
    asked: float = field(default_factory=monotonic)
    started: float | None = None                   # when the worker took it up
    attempt: str = ""                              # which of several tries is being made
    stage: str = ""
    stage_started: float = field(default_factory=monotonic)
    expected_seconds: float | None = None          # by what was measured before
    seconds: float = 0.0                           # of work, to the end
    thumb: str = ""                                # name of the preview of its newest frame
    thumb_time: float = 0.0
    plate: Plate | None = None                     # read back from disk, every frame hashed
    timings: dict[str, float] = field(default_factory=dict)    # seconds by stage, as the plate's manifest tells
    error: PlatewrightError | None = None          # why there is no plate, or why it cannot be shown
    reader: Thread | None = None
    is_shown: bool = False                         # stands behind its camera
    is_over: bool = False                          # nothing more will happen by itself

    @property
    def is_cancelling(self) -> bool:
        """The artist has asked it to stop and it has not stopped yet."""
        return self.handle.cancelling and not self.is_over

    @property
    def is_queued(self) -> bool:
        """The worker has not taken it up."""
        return self.handle.state == "queued"

    @property
    def fraction(self) -> float:
        """How much of the stage is behind us, 0..1."""
        return min(self.handle.done / self.handle.total, 1.0) if self.handle.total else 0.0

    @property
    def folders(self) -> set[str]:
        """Every plate it has made, by folder: the one that is shown, and the other tries."""
        answer = self.handle.answer or {}
        return {each["plate"] for each in (answer, *(answer.get("tries") or ())) if each}

    @property
    def folder(self) -> str:
        """Where its frames are, as far as there are any; empty before the first."""
        made = self.handle.answer["plate"] if self.handle.answer else ""
        newest = next(reversed(self.handle.frames.values()), "")
        return made or newest.replace("\\", "/").rpartition("/")[0]

    def headline(self) -> str:
        """The stage and its count, for the bar."""
        if self.is_cancelling:
            return say("cancelling")
        if self.handle.ended:
            return say("checking the files")
        stage, done, total = say(self.handle.stage or "starting"), self.handle.done, self.handle.total
        return say("{stage} {done} of {total}", stage=stage, done=done, total=total) if total else stage

    def seconds_left(self) -> float | None:
        """Until the end of the stage at the pace so far; None while there is no pace to speak of."""
        spent = monotonic() - self.stage_started
        if spent < PACE_SECONDS or not 0.0 < self.fraction < 1.0:
            return None
        return spent * (1.0 - self.fraction) / self.fraction

    def seconds_left_in_all(self) -> float | None:
        """Until the plate is there, by earlier plates; None where there were none or it takes longer than they did."""
        if self.expected_seconds is None or self.started is None:
            return None
        left = self.expected_seconds - (monotonic() - self.started)
        return left if left > max(0.0, self.seconds_left() or 0.0) else None
