"""The one job runner: a worker, its jobs, a timer. The only module with state."""

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

from .job_end import read_back, show_at_origin
from .job_run import Origin, Run
from .runtime import Check, Runtime, default_python

if TYPE_CHECKING:                                  # what only a job needs is loaded with the first one
    from platewright.client import Worker
    from platewright.protocol import Event, Job

    from .plate_read import Plate
    from .preparing import Preparation

POLL_SECONDS = 0.1
PANEL_REGIONS = {("VIEW_3D", "UI"), ("PROPERTIES", "WINDOW"), ("PREFERENCES", "WINDOW")}
TICK_SECONDS = 0.004                               # leaves room for the rest of a tick of 5 ms


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


def conclude(run: Run, error: PlatewrightError | None) -> None:
    """The run's one end."""
    run.error = error
    run.seconds = monotonic() - run.started
    run.is_over = True
    redraw()


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
