"""The one job runner: a worker, its queue of jobs, a timer. No other module holds a job.

    Generate -> a preparation (the scene is read) -> a run, queued -> served by the worker, one after another
                                                  -> its files hashed in a thread -> behind the camera -> over
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import bpy

from platewright.errors import Cancelled, PlatewrightError, RequestError

from .job_end import read_back, show_at_origin
from .job_run import Origin, Run
from .job_state import State
from .runtime import Check, Runtime, answer_of, own_folder, studios_python

if TYPE_CHECKING:                                  # what only a job needs is loaded with the first one
    from platewright.client import Worker
    from platewright.protocol import Event, Job

    from .job_record import Left
    from .preparing import Again, Preparation
    from .shot_making import Several

POLL_SECONDS = 0.1
LOOK_BACK_SECONDS = 1.0                            # after the start, which is to be short
OVER_MAX = 12                                      # runs that are done with and still listed
PANEL_REGIONS = {("VIEW_3D", "UI"), ("PROPERTIES", "WINDOW"), ("PREFERENCES", "WINDOW")}
TICK_SECONDS = 0.004                               # leaves room for the rest of a tick of 5 ms

state = State()
latest, latest_of, running, under_way, waiting = (
    state.latest, state.latest_of, state.running, state.under_way, state.waiting,
)  # fmt: skip


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
    take_up(Preparation(reading, make_job, start, geometry, **more))


def take_up(preparation: Preparation | Several) -> None:
    """Follow what is to become a job, or several. Raises what it ends with, if that is now; RequestError E_BUSY."""
    refuse_busy()
    if state.preparation:                          # its last step goes on by itself
        state.written.append(state.preparation)
    state.preparation = preparation
    follow()
    proceed(preparation)


def proceed(preparation: Preparation | Several | Again) -> None:
    """As far as it goes now. Raises what it ends with."""
    preparation.advance()
    if preparation.is_over:
        drop(preparation)
        preparation.finish()


def drop(preparation: Preparation | Several | Again) -> None:
    """It is over, or given up."""
    if preparation is state.preparation:
        state.preparation = None
    state.written = [each for each in state.written if each is not preparation]


def refuse_busy() -> None:
    """RequestError E_BUSY while a scene is read for a plate."""
    if state.preparation and state.preparation.is_reading:
        raise RequestError("E_BUSY", "The scene is being read for a plate already.", "Wait for it, or cancel it.")


def submit(job: Job, origin: Origin, runtime: Runtime, text: str | None = None, resume: bool = False) -> Run:
    """Queue a job; the timer follows it, or `wait` does. Raises WorkerMissing, RequestError E_BUSY, PlateError."""
    from . import job_record

    worker = worker_for(runtime)
    run = Run(worker.submit(job, runtime.folder / job.id, resume, text=text), origin)
    run.expected_seconds = expected(job)
    state.runs.append(run)
    job_record.note(run)
    follow()
    return run


def retry(run: Run, runtime: Runtime) -> None:
    """Once more what came to no good end: it goes on from the frames that are whole, at the end of the queue."""
    from platewright.client import job_text

    from .preparing import Again

    def load() -> tuple[Job, str]:
        job = replace(run.handle.job, id=again.id)
        return job, job_text(job)

    again = Again(run.handle.job.name, load, partial(submit, origin=run.origin, runtime=runtime, resume=True))
    dismiss(run)
    state.written.append(again)
    follow()


def collect(left: Left, runtime: Runtime) -> None:
    """Go on with a job of another session, from the frames that are whole; shown in its own file and nowhere else."""
    from . import job_record
    from .preparing import Again

    start = partial(submit, origin=origin_of(left), runtime=runtime, resume=True)
    state.written.append(Again(left.name, lambda: job_record.job_left(left), start))
    state.past.left = [each for each in state.past.left if each is not left]
    follow()


def origin_of(left: Left) -> Origin:
    """Where a job of another session came from."""
    return Origin.named(left.file, left.scene, left.camera)


def expected(job: Job) -> float | None:
    """How long earlier plates like it took on this machine; None where there were none."""
    from .job_estimate import work_of

    found = state.past.remembered().seconds_for(work_of(job, state.check.models))
    return found[0] if found else None


def worker_for(runtime: Runtime) -> Worker:
    """The warm worker, or a new one if the artist has named another Python since. Raises RequestError E_BUSY."""
    if state.worker is None or state.runtime != runtime:
        from platewright.client import Worker, prune_records  # not paid for at every start of Blender

        if under_way():
            why = "The runtime was changed while plates are being made with another one."
            raise RequestError("E_BUSY", why, "Wait for them, or cancel them.")
        close_worker()
        state.runtime = runtime
        Thread(target=prune_records, args=(runtime.folder,), name="platewright-prune", daemon=True).start()
        state.worker = Worker(runtime.python, runtime.core, runtime.folder, environment=dict(runtime.environment))
    return state.worker


def cancel(job: str = "") -> None:
    """Ask a job to stop, or what is to become one; without an id those that are worked at now.

    Shown at once; the worker has its seconds to comply. One that waits in the queue is over at once.
    """
    for preparation in state.coming():
        if job == preparation.id or (preparation is state.preparation and not job):
            preparation.close()
            drop(preparation)
            state.refusal = Cancelled()
    if state.board and state.is_drawing and job in ("", state.board.id):
        state.board.stop()
    for run in under_way() if job else [running()]:
        if run and state.worker and job in ("", run.handle.id):
            state.worker.cancel(run.handle.id)
    redraw()


def dismiss(run: Run) -> None:
    """Nobody wants to hear of it any more; files stay."""
    from . import job_record

    if run.is_over:
        state.runs = [each for each in state.runs if each is not run]
        job_record.settle(run.handle.folder)
        if state.previews and run.thumb in state.previews:
            del state.previews[run.thumb]


def close_worker(is_kept: bool = False) -> None:
    """End the worker process, and with it what it is doing; with `is_kept` the next start offers to go on."""
    if state.worker is not None:
        state.worker.close(is_kept)
        state.worker = None


def mark_shown(folder: Path) -> None:
    """The artist has put this plate somewhere: it waits no longer, and neither do the other tries."""
    from . import job_record

    for run in state.runs:
        if str(folder) in run.folders:
            run.is_shown = True
            job_record.settle(run.handle.folder)
    for left in list(state.past.left):
        if left.plate == str(folder):
            state.past.settle(left.id)


# Following ---------------------------------------------------------------------------------------


def follow() -> None:
    """Have the timer tick; there is one, and it lives through File > Open. In background mode timers never fire."""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def tick() -> float | None:
    """Take what the worker said, for a few milliseconds, then give the interface back; ends itself when idle."""
    is_news = any((prepared(), pump(TICK_SECONDS), state.check.is_running, state.looked_at_board()))
    is_idle = not (state.coming() or under_way() or state.check.is_running or state.is_drawing)
    if is_news or is_idle:                         # the last thing that happened is seen, too
        redraw()
    if state.preparation:
        return state.preparation.pause_seconds
    return None if is_idle else POLL_SECONDS


def prepared() -> bool:
    """Bring the jobs to come a bit nearer; True if there are any."""
    coming = state.coming()
    for each in coming:
        try:
            proceed(each)
        except PlatewrightError as error:
            state.refusal = error
    return bool(coming)


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
    """Bring the jobs as far as they will go now; True if there was news."""
    runs = under_way()
    if not runs or state.worker is None:
        return False
    news = state.worker.poll(seconds)
    for run in runs:
        follow_tries(run, news)
        if run.stage != run.handle.stage:
            run.stage, run.stage_started = run.handle.stage, monotonic()
        if run.started is None and not run.is_queued:
            run.started = monotonic()
        if run.handle.ended:
            follow_end(run)
        elif not bpy.app.background:
            follow_frames(run)
    return bool(news)


def follow_frames(run: Run) -> None:
    """Have the newest frame ready as a small picture; Blender reads it in a thread of its own."""
    if run.handle.frames:
        from . import job_thumb

        state.previews = job_thumb.follow(state.previews, run)


def follow_tries(run: Run, news: list[Event]) -> None:
    """Which try the worker is at."""
    from platewright.protocol import Stage

    for event in news:
        if isinstance(event, Stage) and event.stage == "trying" and event.job == run.handle.id:
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
    from . import job_record
    from .job_estimate import work_of

    run.error = error
    run.seconds = monotonic() - (run.started or run.asked)
    run.is_over = True
    if error or run.is_shown:
        job_record.settle(run.handle.folder)
    if run.timings and not run.handle.resume:
        state.past.remembered().remember_work(work_of(run.handle.job, state.check.models), run.timings)
        state.past.save()
    over = [each for each in state.runs if each.is_over and (each.error or each.is_shown)]
    for each in over[:-OVER_MAX]:
        dismiss(each)
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


def ask_models(runtime: Runtime) -> None:
    """Learn once which models there are, without anybody having pressed Check; what is wrong shows when one does."""
    state.is_asked = True

    def ask() -> None:
        try:
            state.check.models = {card["name"]: card for card in answer_of(runtime, "models")["models"]}
        except PlatewrightError as error:
            state.check.error = error

    if not state.check.is_running and not state.check.models:
        state.check.asker = Thread(target=ask, name="platewright-models", daemon=True)
        state.check.asker.start()
        follow()


# Coming and going --------------------------------------------------------------------------------


def look_back() -> float | None:
    """Shortly after the start: what was left of other sessions, and what the panel remembers."""
    if state.past.reader is None:
        state.past.start(own_folder())
    if state.past.is_running:
        return POLL_SECONDS
    redraw()
    return None


def register() -> None:
    """Nothing is started before somebody asks; `runtime_install` looks for a runtime where no studio names one."""
    state.default_python = studios_python()
    if not bpy.app.background:
        bpy.app.timers.register(look_back, first_interval=LOOK_BACK_SECONDS, persistent=True)


def unregister() -> None:
    """On disable, on reload and when Blender quits: no process, no timer. The next start offers to go on."""
    for timer in (tick, look_back):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    for preparation in state.coming():
        preparation.close()
        drop(preparation)
    if state.board:
        state.board.stop()
    close_worker(is_kept=True)
    if state.previews is not None:
        from . import job_thumb

        job_thumb.close(state.previews)
        state.previews = None
