"""The one job runner: a worker, its jobs, a timer. The only module with state.

A run is plain data. Undo and File > Open end every `bpy` reference, so a run remembers where it came from by
`session_uid`, which Blender never gives twice while it is open, and looks the scene up again when the plate is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import bpy

from platewright.errors import Cancelled, PlatewrightError, RequestError

from .runtime import Check, Runtime, default_python

if TYPE_CHECKING:                                  # what only a job needs is loaded with the first one
    from platewright.client import JobHandle, Worker
    from platewright.protocol import Event, Job

    from .plate_read import Plate
    from .preparing import Preparation

POLL_SECONDS = 0.1
PANEL_REGIONS = {("VIEW_3D", "UI"), ("PROPERTIES", "WINDOW"), ("PREFERENCES", "WINDOW")}
PACE_SECONDS = 2.0                                 # of a stage, before anything is said about its end
TICK_SECONDS = 0.004                               # leaves room for the rest of a tick of 5 ms


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

    def find(self) -> tuple[bpy.types.Scene, bpy.types.Object] | None:
        """The very scene and camera, if both are still in the open file."""
        scene = _with_uid(bpy.data.scenes, self.scene_uid)
        camera = _with_uid(bpy.data.objects, self.camera_uid)
        return (scene, camera) if scene and camera else None

    def title(self) -> str:
        """For people: camera, scene and file."""
        file = self.file.replace("\\", "/").rpartition("/")[2] or "an unsaved file"
        return f"{self.camera_name} in {self.scene_name}, {file}"


def _with_uid(items: bpy.types.bpy_prop_collection, uid: int) -> Any:
    return next((item for item in items if item.session_uid == uid), None)


@dataclass(slots=True)
class Run:
    """One job from submit to the plate behind its camera."""

    handle: JobHandle
    origin: Origin
    started: float = field(default_factory=monotonic)
    attempt: str = ""                              # which of several tries is being made
    stage: str = ""
    stage_started: float = field(default_factory=monotonic)
    seconds: float = 0.0                           # from submit to the end
    plate: Plate | None = None                     # read back from disk, every frame hashed
    error: PlatewrightError | None = None          # why there is no plate, or why it cannot be shown
    reader: Thread | None = None
    is_shown: bool = False                         # stands behind its camera
    is_over: bool = False                          # nothing more will happen by itself

    @property
    def is_cancelling(self) -> bool:
        """The artist has asked it to stop and it has not stopped yet."""
        return self.handle.cancelling and not self.is_over

    @property
    def fraction(self) -> float:
        """How much of the stage is behind us, 0..1."""
        return min(self.handle.done / self.handle.total, 1.0) if self.handle.total else 0.0

    @property
    def folders(self) -> set[str]:
        """Every plate it has made, by folder: the one that is shown, and the other tries."""
        answer = self.handle.answer or {}
        return {each["plate"] for each in (answer, *(answer.get("tries") or ())) if each}

    def headline(self) -> str:
        """The stage and its count, for the bar."""
        if self.is_cancelling:
            return "cancelling"
        count = f" {self.handle.done} of {self.handle.total}" if self.handle.total else ""
        return f"{self.handle.stage or 'starting'}{count}"

    def seconds_left(self) -> float | None:
        """Until the end of the stage at the pace so far; None while there is no pace to speak of."""
        spent = monotonic() - self.stage_started
        if spent < PACE_SECONDS or not 0.0 < self.fraction < 1.0:
            return None
        return spent * (1.0 - self.fraction) / self.fraction


@dataclass(slots=True)
class State:
    """What is known while the add-on is enabled."""

    runtime: Runtime | None = None                 # of the worker
    worker: Worker | None = None
    preparation: Preparation | None = None         # of the job to come
    runs: list[Run] = field(default_factory=list)
    refusal: PlatewrightError | None = None        # why the last press of Generate did not start a job
    check: Check = field(default_factory=Check)
    default_python: str = ""                       # looked up once, so that drawing touches no file
    command: Any = None                            # Blender's handle for taking `--command platewright` away again


state = State()


# Starting and stopping ---------------------------------------------------------------------------


def prepare(
    scene: bpy.types.Scene, make_job: Callable[..., Job], runtime: Runtime, is_scene_read: bool = False, **more: Any
) -> None:
    """Read the scene's camera, a few milliseconds at a time, then start the job that `make_job` makes of it.

    With `is_scene_read` the scene's geometry is read, too, and handed to `make_job`; `more` is for `Preparation`.
    A short shot starts at once. Raises what `submit` and `Reading` raise; what shows later becomes `state.refusal`.
    """
    from .preparing import Preparation
    from .scene_geometry import GeometryReading
    from .scene_read import Reading

    refuse_busy()
    reading = Reading(scene)
    start = partial(submit, origin=Origin.of(scene, reading.camera), runtime=runtime)
    geometry = GeometryReading(scene, is_hurried=True) if is_scene_read else None
    state.preparation = Preparation(reading, make_job, start, geometry, **more)
    follow()
    proceed(state.preparation)


def proceed(preparation: Preparation) -> None:
    """As far as it goes now. Raises what it ends with."""
    preparation.advance()
    if preparation.is_over:
        state.preparation = None
        preparation.finish()


def refuse_busy() -> None:
    """RequestError E_BUSY while a plate is being made."""
    if running() or state.preparation:
        raise RequestError("E_BUSY", "A plate is being made already.", "Wait for it, or cancel it.")


def submit(job: Job, origin: Origin, runtime: Runtime, text: str | None = None) -> Run:
    """Start a job; the timer follows it, or `wait` does. Raises WorkerMissing, RequestError E_BUSY, PlateError."""
    refuse_busy()
    worker = worker_for(runtime)
    run = Run(worker.submit(job, runtime.folder / job.id, text=text), origin)
    state.runs.append(run)
    follow()
    return run


def worker_for(runtime: Runtime) -> Worker:
    """The warm worker, or a new one if the artist has named another Python since."""
    if state.worker is None or state.runtime != runtime:
        from platewright.client import Worker, prune_records  # not paid for at every start of Blender

        close_worker()
        state.runtime = runtime
        Thread(target=prune_records, args=(runtime.folder,), name="platewright-prune", daemon=True).start()
        state.worker = Worker(runtime.python, runtime.core, runtime.folder, environment=dict(runtime.environment))
    return state.worker


def cancel() -> None:
    """Ask the running job to stop. Shown at once; the worker has its seconds to comply."""
    if state.preparation:
        state.preparation.close()
        state.preparation = None
        state.refusal = Cancelled()
        redraw()
    run = running()
    if run and state.worker:
        state.worker.cancel(run.handle.id)
        redraw()


def close_worker() -> None:
    """End the worker process, and with it what it is doing."""
    if state.worker is not None:
        state.worker.close()
        state.worker = None


def latest() -> Run | None:
    """The job that was submitted last."""
    return state.runs[-1] if state.runs else None


def latest_of(scene: bpy.types.Scene) -> Run | None:
    """The job that was submitted last for this very scene."""
    return next((run for run in reversed(state.runs) if run.origin.scene_uid == scene.session_uid), None)


def running() -> Run | None:
    """The one job under way, from submit until its plate is shown."""
    run = latest()
    return run if run and not run.is_over else None


def mark_shown(folder: Path) -> None:
    """The artist has put this plate somewhere: it waits no longer, and neither do the other tries."""
    for run in state.runs:
        run.is_shown = run.is_shown or str(folder) in run.folders


def waiting() -> list[tuple[Run, Plate]]:
    """Plates that are whole and whose scene was not here to receive them."""
    return [(run, run.plate) for run in state.runs if run.is_over and run.plate and not run.is_shown]


# Following ---------------------------------------------------------------------------------------


def follow() -> None:
    """Have the timer tick; there is one, and it lives through File > Open. In background mode timers never fire."""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def tick() -> float | None:
    """Take what the worker said, for a few milliseconds, then give the interface back; ends itself when idle."""
    if prepared() or pump(TICK_SECONDS) or state.check.is_running:
        redraw()
    if state.preparation:
        return state.preparation.pause_seconds
    return POLL_SECONDS if running() or state.check.is_running else None


def prepared() -> bool:
    """Bring the job to come a bit nearer; True if there is one."""
    if state.preparation is None:
        return False
    try:
        proceed(state.preparation)
    except PlatewrightError as error:
        state.refusal = error
    return True


def wait(run: Run) -> None:
    """The same without a timer, for background mode."""
    try:
        while not run.is_over:
            pump(TICK_SECONDS)
            sleep(TICK_SECONDS)
    except KeyboardInterrupt:
        close_worker()
        conclude(run, Cancelled())


def pump(seconds: float) -> bool:
    """Bring the running job as far as it will go now; True if there was news."""
    run = running()
    if run is None or state.worker is None:
        return False
    news = state.worker.poll(seconds)
    follow_tries(run, news)
    if run.stage != run.handle.stage:
        run.stage, run.stage_started = run.handle.stage, monotonic()
    if run.handle.ended:
        follow_end(run)
    return bool(news)


def follow_tries(run: Run, news: list[Event]) -> None:
    """Which try the worker is at."""
    from platewright.protocol import Stage

    for event in news:
        if isinstance(event, Stage) and event.stage == "trying":
            run.attempt = event.detail


def follow_end(run: Run) -> None:
    """After the worker's last word: the frames are hashed in a thread, then shown; a render is left to end first."""
    failure = run.handle.failure
    if failure:
        conclude(run, PlatewrightError(failure.code, failure.message, failure.hint))
    elif run.reader is None:
        run.reader = Thread(target=read_back, args=(run,), name="platewright-hash", daemon=True)
        run.reader.start()
    elif not run.reader.is_alive() and not bpy.app.is_job_running("RENDER"):
        try:
            show_at_origin(run)
        finally:                                   # an exception ends the timer, and must not leave a job without end
            conclude(run, run.error)


def read_back(run: Run) -> None:
    """Hash every frame: gigabytes take seconds. In a thread of its own; touches nothing of Blender."""
    from .plate_read import read_plate

    answer = run.handle.answer or {}
    try:
        run.plate = read_plate(answer["plate"])
    except PlatewrightError as error:
        run.error = error


def show_at_origin(run: Run) -> None:
    """Stand the plate behind the very camera it was made for, if that still is in the open file, as one undo step."""
    place = run.origin.find()
    if run.plate is None or place is None:
        return
    from .scene_write import show_behind_camera

    scene, camera = place
    try:
        show_behind_camera(camera, run.plate, scene)
    except PlatewrightError as error:
        run.error = error
        return
    scene.platewright.plate = str(run.plate.folder)
    run.is_shown = True
    push_undo("Show Plate")


def conclude(run: Run, error: PlatewrightError | None) -> None:
    """The run's one end."""
    run.error = error
    run.seconds = monotonic() - run.started
    run.is_over = True
    redraw()


def push_undo(message: str) -> None:
    """One undo step for what a timer did; a timer has no window of its own."""
    windows = bpy.context.window_manager.windows
    if windows and not bpy.app.background:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


def redraw() -> None:
    """Have our panels drawn again, in every window; not the 3D view behind them, which may take a second."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in PANEL_REGIONS:
                    region.tag_redraw()


# Asking the worker's Python ----------------------------------------------------------------------


def start_check(runtime: Runtime) -> Check:
    """Ask for its models and its health, away from the interface: importing torch takes seconds."""
    state.check.start(runtime)
    follow()
    return state.check


# Coming and going --------------------------------------------------------------------------------


def register() -> None:
    """Look for a runtime; nothing is started before somebody asks."""
    state.default_python = default_python()


def unregister() -> None:
    """On disable, on reload and when Blender quits: no process, no timer."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    if state.preparation:
        state.preparation.close()
        state.preparation = None
    close_worker()
