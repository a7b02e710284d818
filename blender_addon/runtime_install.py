"""An installation of the runtime as Blender follows it: a program outside, and its lines of JSON.

Blender waits for nothing: one thread reads, the timer applies, closing a pipe is how it is cancelled. The program ends
with Blender, however that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import bpy

from platewright.errors import Cancelled, PlatewrightError, WorkerMissing

from . import jobs, runtime
from .translations import say

if TYPE_CHECKING:
    from .installer.machine import Fit
    from .installer.places import Managed

INSTALLER = Path(__file__).parent / "installer"
POLL_SECONDS = 0.2
LOOK_SECONDS = 0.05                        # after the start, which is to be short
CLOSE_SECONDS = 3.0
PACE_SECONDS, PACE_SHARE = 10.0, 0.01      # of a stage, before anything is said about its end
STAGES = {
    "waiting": "waiting for another installation",
    "python": "looking for a Python",
    "looking": "looking at what is here",
    "environment": "making the environment",
    "download": "downloading",
    "link": "taking over what is here",
    "install": "unpacking packages",
    "examine": "examining the new runtime",
    "removing": "removing the runtime",
}


@dataclass(slots=True)
class Installing:
    """One run of the installer."""

    words: Sequence[str]
    stage: str = "python"
    stage_started: float = field(default_factory=monotonic)
    detail: str = ""
    done: int = 0
    total: int = 0
    python: str = ""                       # of the runtime, once it is whole
    error: PlatewrightError | None = None
    log: str = ""                          # the last lines, when it failed
    is_over: bool = False
    is_cancelling: bool = False
    child: subprocess.Popen[str] | None = None
    lines: deque[str] = field(default_factory=deque)
    reader: Thread | None = None

    def start(self, added: Mapping[str, str]) -> None:
        """Start the program. Raises WorkerMissing E_NO_PYTHON."""
        import shutil  # not at every start of Blender: it brings four compressors

        program = sys.executable or shutil.which("python3")
        if not program:
            hint = "Name a Python that has torch, or set PLATEWRIGHT_RUNTIME."
            raise WorkerMissing("E_NO_PYTHON", "This Blender has no Python of its own to install with.", hint)
        from .installer.pip import ISOLATED, clean

        group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            group = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
        self.child = subprocess.Popen(
            [program, *ISOLATED, str(INSTALLER), *self.words, "--with-host"],
            env={**clean(os.environ), **added}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", **group,
        )
        self.reader = Thread(target=self.read, name="platewright-install", daemon=True)
        self.reader.start()

    def read(self) -> None:
        """In a thread of its own: keep what is said."""
        assert self.child and self.child.stdout
        for line in self.child.stdout:
            self.lines.append(line)

    def poll(self) -> bool:
        """Apply what was said; True if there was news."""
        if self.is_over or self.child is None:
            return False
        is_ended = self.child.poll() is not None and not (self.reader and self.reader.is_alive())
        has_news = bool(self.lines)
        while self.lines:
            self.apply(self.lines.popleft())
        if is_ended:
            self.is_over = True
            self.let_go()
            if not self.python and not self.error and self.child.returncode:
                why = f"The installer ended with code {self.child.returncode}."
                self.error = PlatewrightError("E_INSTALLER", why, "Install again; the details may say more.")
        return has_news or is_ended

    def apply(self, line: str) -> None:
        """One line; what is no event is kept for the details."""
        try:
            told: dict[str, Any] = json.loads(line)
            event = told["event"]
        except (ValueError, TypeError, KeyError):
            self.log = f"{self.log}\n{line.rstrip()}"[-4000:].strip()
            return
        if event in ("stage", "progress"):
            if told["stage"] != self.stage:
                self.stage, self.stage_started = told["stage"], monotonic()
            self.detail, self.done, self.total = (told.get(name, empty) for name, empty in TOLD)
        elif event == "finished":
            self.python = told["python"]
        elif event == "failed":
            self.log = told["log"]
            failed = PlatewrightError(told["code"], told["message"], told["hint"])
            self.error = Cancelled() if told["code"] == "E_CANCELLED" else failed

    def cancel(self) -> None:
        """Let go of the program, which then stops and cleans up. Nothing is written: a write to a dead pipe kills."""
        if self.child and self.child.stdin and not self.is_over:
            self.is_cancelling = True
            self.child.stdin.close()

    def close(self) -> None:
        """Stop it and wait, a little."""
        self.cancel()
        if self.child:
            try:
                self.child.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            if self.reader:
                self.reader.join(CLOSE_SECONDS)
            self.let_go()

    def let_go(self) -> None:
        """Close the pipes of a program that has ended."""
        for pipe in (self.child.stdin, self.child.stdout) if self.child else ():
            if pipe:
                pipe.close()

    @property
    def fraction(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def headline(self) -> str:
        """The stage and its count, for the bar."""
        if self.is_cancelling:
            return say("cancelling")
        words, done, total = say(STAGES.get(self.stage, self.stage)), self.done, self.total
        if self.stage == "download" and total:
            counted = "{stage} {what}: {done:.0f} of {total:.0f} MB"
            return say(counted, stage=words, what=self.detail, done=done / 1e6, total=total / 1e6)
        return say("{stage} {done} of {total}", stage=words, done=done, total=total) if total else words

    def seconds_left(self) -> float | None:
        """Of this stage at its pace so far; None while there is no pace to speak of."""
        spent = monotonic() - self.stage_started
        if spent < PACE_SECONDS or not PACE_SHARE < self.fraction < 1.0:
            return None
        return spent * (1.0 - self.fraction) / self.fraction


TOLD = (("detail", ""), ("done", 0), ("total", 0))


@dataclass(slots=True)
class State:
    """What drawing needs, so that it touches no file."""

    installing: Installing | None = None   # under way, or how the last one ended
    managed: Managed | None = None         # the newest runtime that was installed from here
    is_current: bool = False               # and it is what this version's lock says
    fit: Fit | None = None                 # what suits this machine


state = State()


def look(cache: str = "") -> None:
    """What is here now: one small folder is read."""
    from .installer import locks, machine, places

    folder = places.runtimes_folder({**os.environ, **({"PLATEWRIGHT_CACHE": cache} if cache else {})})
    state.managed = next(iter(places.managed(folder)), None)
    shipped = locks.shipped()
    own = shipped.get(state.managed.variant) if state.managed else None
    state.is_current = bool(state.managed and own and locks.read(own).digest == state.managed.lock)
    state.fit = machine.fit()
    jobs.state.default_python = runtime.default_python(cache)


def is_under_way() -> bool:
    return state.installing is not None and not state.installing.is_over


def start(words: Sequence[str], added: Mapping[str, str]) -> Installing:
    """Start the installer with these words; the timer follows it. Raises PlatewrightError E_BUSY, WorkerMissing."""
    if is_under_way():
        raise PlatewrightError("E_BUSY", "An installation is under way.", "Wait for it, or cancel it.")
    installing = Installing(words)
    installing.start(added)
    state.installing = installing
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)
    return installing


def tick() -> float | None:
    """Follow it; ends itself when there is nothing to follow."""
    if state.installing and state.installing.poll():
        if state.installing.is_over:
            conclude(state.installing)
        jobs.redraw()
    return POLL_SECONDS if is_under_way() else None


def conclude(installing: Installing) -> None:
    """Take up what is there now, and ask it how it is."""
    from . import preferences

    look(preferences.cache_folder())
    if installing.python and not installing.error:
        jobs.start_check(preferences.own_runtime())


def wait() -> None:
    """The same without a timer, for background mode."""
    said = ""
    while state.installing and not state.installing.is_over:
        state.installing.poll()
        if (line := state.installing.headline()) != said:
            said = line
            sys.stderr.write(f"{line}\n")
        sleep(POLL_SECONDS)
    if state.installing:
        conclude(state.installing)


def look_first() -> None:
    """Once the window stands; in background mode whoever needs it looks."""
    from . import preferences

    look(preferences.cache_folder())
    jobs.redraw()


def register() -> None:
    """What is here already is looked for soon; nothing is started."""
    if not bpy.app.background:
        bpy.app.timers.register(look_first, first_interval=LOOK_SECONDS, persistent=True)


def unregister() -> None:
    """On disable and when Blender quits."""
    for timer in (tick, look_first):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    if is_under_way() and state.installing:
        state.installing.close()
