"""Plates of several shots: one after another is read and queued; each comes back to the camera of its own shot.

What was asked for is settled when the button is pressed, shot by shot. Until its turn comes a shot is known by numbers
alone: its scene, its frames. Where markers have moved meanwhile, the frames that were asked for are made, by the camera
that Blender renders them with then; if that now cuts, the shot is refused and the others are made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from platewright.errors import PlatewrightError, RequestError
from platewright.values import plate_name

from . import jobs, shot_ranges
from .preparing import LOOK_PAUSE_SECONDS, Preparation
from .runtime import Runtime
from .shot_read import SceneShot, at
from .translations import say

if TYPE_CHECKING:                                  # what only a press needs is loaded with the first one
    from platewright.camera import CameraPath
    from platewright.protocol import Job

    from .first_picture import FirstPicture
    from .plate_read import Plate
    from .scene_geometry import SceneGeometry

SHOT_TOKEN = "{shot}"


@dataclass(frozen=True, slots=True)
class Order:
    """A shot whose plate was asked for; holds nothing of Blender."""

    name: str
    frames: tuple[int, int]
    make_job: Callable[..., Job]                   # of the camera and, if it was read, the scene
    first: FirstPicture | None = None              # what its model starts from

    @classmethod
    def of(cls, scene: bpy.types.Scene, shot: SceneShot) -> Order:
        """As it is now. Raises what `operators.job_maker` and `first_of` raise."""
        from . import operators

        first = operators.first_of(scene)
        if first and first.words:                  # a render of the scene: of this shot's own first frame
            first.words = (*first.words, "--frames", f"{shot.first}-{shot.last}")
        make = operators.job_maker(scene, first)
        template = of_shot(scene.platewright.plate_name)
        wishes, name = shot.wishes(), shot.name

        def make_job(camera: CameraPath, geometry: SceneGeometry | None = None) -> Job:
            job = make(camera, geometry)
            request = replace(job.request, **wishes).checked()
            return replace(job, request=request, name=plate_name(template, camera, {"shot": name})).checked()

        return cls(name, shot.frames, make_job, first)


def of_shot(template: str) -> str:
    """How the plates of shots are called: each by its shot, whatever else stands in the name."""
    given = template or SHOT_TOKEN
    return given if SHOT_TOKEN in given else f"{given}_{SHOT_TOKEN}"


@dataclass(slots=True)
class Several:
    """The jobs of several shots to come, read one after another; has the manners of a `Preparation`."""

    scene_uid: int
    orders: list[Order]
    runtime: Runtime
    is_scene_read: bool
    count: int = 0                                 # of all that were asked for
    is_over: bool = False
    errors: list[PlatewrightError] = field(default_factory=list)
    id: str = field(default_factory=lambda: os.urandom(6).hex())
    pause_seconds: ClassVar[float] = LOOK_PAUSE_SECONDS
    _now: Preparation | None = None

    @property
    def title(self) -> str:
        """What it will be a plate of."""
        return self.orders[0].name if self.orders else ""

    @property
    def is_reading(self) -> bool:
        """It still looks at the scene, or will."""
        return len(self.orders) > 1 or self._now is None or self._now.is_reading

    @property
    def fraction(self) -> float:
        """How many shots are behind us, 0..1."""
        done = self.count - len(self.orders) + (self._now.fraction if self._now else 0.0)
        return min(done / self.count, 1.0) if self.count else 1.0

    def headline(self) -> str:
        """Which shot, for the bar."""
        number, shot = self.count - len(self.orders) + 1, self.title
        return say("reading shot {number} of {count}: {shot}", number=number, count=self.count, shot=shot)

    def advance(self) -> None:
        """One helping of the shot whose turn it is; what is wrong with one is noted, and the next begins."""
        if not self.orders:
            self.is_over = True
            return
        try:
            self._now = self._now or self._begun()
            self._now.advance()
            if self._now.is_over:
                self._now.finish()
                self._next()
        except PlatewrightError as error:
            self.errors.append(type(error)(error.code, f"{self.title}: {error.message}", error.hint))
            self._next()

    def finish(self) -> None:
        """The jobs are on their way. Raises what was wrong with the first that is not."""
        if self.errors:
            raise self.errors[0]

    def close(self) -> None:
        """It is given up."""
        if self._now:
            self._now.close()
        for order in self.orders:
            if order.first:
                order.first.stop()
        self.orders, self._now, self.is_over = [], None, True

    def _next(self) -> None:
        self._now = None
        del self.orders[0]
        self.is_over = not self.orders

    def _begun(self) -> Preparation:
        from .scene_geometry import GeometryReading
        from .scene_read import Reading

        scene, order = scene_of(self.scene_uid), self.orders[0]
        reading = Reading(scene, None, order.frames)
        start = partial(jobs.submit, origin=jobs.Origin.of(scene, reading.camera), runtime=self.runtime)
        geometry = GeometryReading(scene, is_hurried=True) if self.is_scene_read else None
        told: dict[str, Any] = {"last": order.first.headline, "stop": order.first.stop} if order.first else {}
        return Preparation(reading, order.make_job, start, geometry, **told)


def scene_of(uid: int) -> bpy.types.Scene:
    """The very scene; RequestError E_SCENE where it is gone."""
    found = next((scene for scene in bpy.data.scenes if scene.session_uid == uid), None)
    if found is None:
        raise RequestError("E_SCENE", "The scene is not there any more.", "Open its file again.")
    return found


def orders_of(scene: bpy.types.Scene, shots: Sequence[SceneShot]) -> list[Order]:
    """What is asked for, as it is now.

    Raises RequestError E_FIRST_FRAME where several shots would begin with one picture, and what `Order.of` raises.
    """
    orders = [Order.of(scene, shot) for shot in shots]
    if len(orders) > 1 and any(order.first and order.first.source == "FILE" for order in orders):
        why = "Several shots cannot begin with one picture."
        raise RequestError("E_FIRST_FRAME", why, "Choose another kind of first frame, or one shot alone.")
    return orders


def queue(scene: bpy.types.Scene, orders: list[Order], runtime: Runtime) -> None:
    """Have them read and queued while Blender goes on. Raises RequestError E_BUSY."""
    is_read = scene.platewright.use_scene
    jobs.take_up(Several(scene.session_uid, orders, runtime, is_read, len(orders)))


def make_at_once(scene: bpy.types.Scene, orders: list[Order], runtime: Runtime) -> list[PlatewrightError]:
    """In background mode: one after another, waited for; gives back what went wrong."""
    several = Several(scene.session_uid, orders, runtime, scene.platewright.use_scene, len(orders))
    known = len(jobs.state.runs)
    while not several.is_over:
        several.advance()
    made = jobs.state.runs[known:]
    for run in made:
        jobs.wait(run)
    return [*several.errors, *(run.error for run in made if run.error)]


# A plate comes ------------------------------------------------------------------------------------


def seen_behind(camera: bpy.types.Object) -> set[str]:
    """The plates that stand behind a camera, before another one comes."""
    return shot_ranges.seen(camera)


def arrived(scene: bpy.types.Scene, camera: bpy.types.Object, plate: Plate, were_seen: set[str]) -> None:
    """Note the plate on the marker of its shot, if there is one; the camera's other shots keep theirs."""
    shot = at(scene, camera, (plate.start, plate.start + len(plate.frames) - 1))
    if shot is None:
        return
    shot.marker.platewright.plate = str(plate.folder)
    shot_ranges.settle(camera, plate.name, were_seen)


def run_of(scene: bpy.types.Scene, shot: SceneShot) -> Any:
    """The newest job of this shot, None where there is none."""
    origin = scene.session_uid, shot.camera.session_uid
    for run in reversed(jobs.state.runs):
        frames = run.handle.job.request.camera.frames
        is_own = frames[0] <= shot.last and shot.first <= frames[-1]
        if is_own and (run.origin.scene_uid, run.origin.camera_uid) == origin:
            return run
    return None
