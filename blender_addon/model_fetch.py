"""A model's weights on their way: the runtime's own `models pull` in a child process, as Blender follows it.

A thread reads what the child tells and touches nothing of Blender; a timer has the panels drawn. What has arrived when
it is cancelled, or when Blender ends, stays for the next time.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import deque
from dataclasses import dataclass, field
from threading import Thread

import bpy

from platewright.errors import Cancelled, PlatewrightError, RequestError, WorkerMissing

from . import jobs
from .runtime import NO_RUNTIME, Runtime, command_line
from .translations import say
from .words import draw_text, shown, told

POLL_SECONDS = 0.3
CLOSE_SECONDS = 3.0
LOG_LINES = 20
STAGE = re.compile(r"([a-z ]+): .*")               # as the command line tells it where nobody watches
COUNT = re.compile(r"\s+([a-z ]+) (\d+)/(\d+)")
DOWNLOADING = "downloading"                        # is counted in megabytes


@dataclass(slots=True)
class Fetch:
    """One run of the command."""

    model: str
    title: str                                     # for people
    stage: str = ""
    done: int = 0
    total: int = 0
    error: PlatewrightError | None = None
    is_cancelling: bool = False
    log: deque[str] = field(default_factory=lambda: deque[str](maxlen=LOG_LINES))
    child: subprocess.Popen[str] | None = None
    reader: Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.reader is not None and self.reader.is_alive()

    @property
    def fraction(self) -> float:
        """How much of the stage is behind us, 0..1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def headline(self) -> str:
        """Stage and count, for the bar."""
        if self.is_cancelling:
            return say("cancelling")
        stage = say(self.stage or "starting")
        if self.stage == DOWNLOADING and self.total:
            done, total = self.done / 1e3, self.total / 1e3
            return say("{stage}: {done:.1f} of {total:.1f} GB", stage=stage, done=done, total=total)
        return say("{stage} {done} of {total}", stage=stage, done=self.done, total=self.total) if self.total else stage

    def start(self, runtime: Runtime) -> None:
        """Raises WorkerMissing E_NO_RUNTIME."""
        words = ["models", "pull", self.model, "--accept-licence", "--json"]
        command, environment = command_line(runtime, words)
        try:
            self.child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, encoding="utf-8", errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise WorkerMissing("E_NO_RUNTIME", f"{runtime.python} cannot be run: {error}.", NO_RUNTIME) from None
        self.reader = Thread(target=self._follow, args=(self.child,), name="platewright-fetch", daemon=True)
        self.reader.start()

    def cancel(self) -> None:
        """Ask it to stop."""
        if self.child and self.is_running:
            self.is_cancelling = True
            self.child.terminate()

    def close(self) -> None:
        """Stop it and wait, a little."""
        self.cancel()
        if self.child and self.reader:
            self.reader.join(CLOSE_SECONDS)
            if self.reader.is_alive():
                self.child.kill()

    def hear(self, line: str) -> None:
        """One line of what is told meanwhile."""
        if counted := COUNT.fullmatch(line):
            self.stage, self.done, self.total = counted[1], int(counted[2]), int(counted[3])
        elif begun := STAGE.fullmatch(line):
            self.stage, self.done, self.total = begun[1], 0, 0
        self.log.append(line)

    def _follow(self, child: subprocess.Popen[str]) -> None:
        said: list[str] = []
        assert child.stdout and child.stderr
        with child, child.stdout as answer, child.stderr as news:
            listener = Thread(target=lambda: said.append(answer.read()), daemon=True)
            listener.start()
            for line in news:
                self.hear(line.rstrip("\n"))
            listener.join()
        self.error = self._outcome("".join(said))

    def _outcome(self, said: str) -> PlatewrightError | None:
        try:
            answer = json.loads(said)
        except ValueError:
            last = self.log[-1] if self.log else ""
            why = f"The download of {self.model} ended without an answer: {last[:300]}"
            hint = "Download again; it goes on where it was."
            return Cancelled() if self.is_cancelling else PlatewrightError("E_FETCH", why, hint)
        return PlatewrightError(**answer["error"]) if "error" in answer else None


@dataclass(slots=True)
class State:
    """What drawing needs."""

    fetch: Fetch | None = None                     # under way, or how the last one ended


state = State()


def is_under_way() -> bool:
    return state.fetch is not None and state.fetch.is_running


def start(model: str, title: str, runtime: Runtime) -> Fetch:
    """Begin; the timer follows, in background mode it is waited for. Raises RequestError E_BUSY, WorkerMissing."""
    if is_under_way():
        raise RequestError("E_BUSY", "Another model is being downloaded.", "Wait for it, or cancel it.")
    fetch = Fetch(model, title)
    fetch.start(runtime)
    state.fetch = fetch
    if bpy.app.background and fetch.reader:
        fetch.reader.join()
        conclude(fetch)
    elif not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=POLL_SECONDS, persistent=True)
    return fetch


def tick() -> float | None:
    """Have the panels drawn; ends itself with the download."""
    jobs.redraw()
    if is_under_way():
        return POLL_SECONDS
    if state.fetch:
        conclude(state.fetch)
    return None


def conclude(fetch: Fetch) -> None:
    """What is here now is asked of the runtime; what was cancelled needs no words."""
    from . import preferences

    if fetch.error is None:
        state.fetch = None
        jobs.start_check(preferences.own_runtime())


def draw_fetch(layout: bpy.types.UILayout) -> None:
    """The bar and the way out, or why there is no model."""
    fetch = state.fetch
    if fetch and fetch.is_running:
        layout.label(text=shown(fetch.title), icon="IMPORT", translate=False)
        row = layout.row(align=True)
        row.progress(factor=fetch.fraction, text=fetch.headline())
        row.operator("platewright.cancel_fetch", text="", icon="X")
    elif fetch and fetch.error and fetch.error.code == "E_CANCELLED":
        draw_text(layout, "The download was cancelled; what has arrived is kept for the next one.", icon="INFO")
    elif fetch and fetch.error:
        draw_text(layout, told(fetch.error), icon="ERROR")


def register() -> None:
    """Nothing is fetched without a press."""


def unregister() -> None:
    """On disable and when Blender quits: no process, no timer."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    if state.fetch:
        state.fetch.close()
    state.fetch = None
