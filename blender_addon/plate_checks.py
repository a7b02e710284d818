"""Questions about a plate that a child process answers: is it what was written, would a studio take it, who signs here.

Hashing every frame takes seconds, so a thread waits for the child and Blender goes on. Answers are kept by question and
plate as long as the extension is enabled, through undo and File > Open; they hold no reference to anything of Blender.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import Any

import bpy

from platewright.errors import PlatewrightError, WorkerMissing

from . import jobs
from .runtime import NO_RUNTIME, Runtime, command_line

POLL_SECONDS = 0.2
LOG_CHARS = 300                                    # of what a child that failed said last


@dataclass(slots=True)
class Inquiry:
    """One question, and its answer when it is there."""

    words: tuple[str, ...]                         # of the command line
    answer: dict[str, Any] = field(default_factory=dict[str, Any])
    error: PlatewrightError | None = None
    when: str = ""                                 # the time of day when it was answered
    child: subprocess.Popen[bytes] | None = None
    asker: Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.asker is not None and self.asker.is_alive()

    def ask(self, runtime: Runtime) -> None:
        """Fill in the answer, or why there is none; in a thread, touches nothing of Blender."""
        try:
            self.answer = self._answered(runtime)
        except PlatewrightError as error:
            self.error = error
        self.when = f"{datetime.now():%H:%M}"

    def _answered(self, runtime: Runtime) -> dict[str, Any]:
        command, environment = command_line(runtime, [*self.words, "--json"])
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        try:
            self.child = subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise WorkerMissing("E_NO_RUNTIME", f"{runtime.python} cannot be run: {error}.", NO_RUNTIME) from None
        out, log = self.child.communicate()
        try:
            answer = json.loads(out)
        except ValueError:
            last = log.decode("utf-8", "replace").strip().rpartition("\n")[2][:LOG_CHARS]
            raise WorkerMissing("E_NO_RUNTIME", f"{runtime.python} gave no answer: {last}", NO_RUNTIME) from None
        if "error" in answer:
            raise PlatewrightError(**answer["error"])
        return answer


asked: dict[tuple[str, str], Inquiry] = {}         # by verb and plate


def inquire(runtime: Runtime, verb: str, plate: str = "", words: Sequence[str] = ()) -> Inquiry:
    """Ask, unless the same is being asked already; in background mode the answer is there afterwards."""
    under_way = asked.get((verb, plate))
    if under_way and under_way.is_running:
        return under_way
    inquiry = Inquiry((verb, *words, *([plate] if plate else [])))
    asked[verb, plate] = inquiry
    inquiry.asker = Thread(target=inquiry.ask, args=(runtime,), name=f"platewright-{verb}", daemon=True)
    inquiry.asker.start()
    if bpy.app.background:
        inquiry.asker.join()
    elif not bpy.app.timers.is_registered(follow):
        bpy.app.timers.register(follow, first_interval=POLL_SECONDS, persistent=True)
    return inquiry


def answered(verb: str, plate: str = "") -> Inquiry | None:
    """What is known, or being asked."""
    return asked.get((verb, plate))


def follow() -> float | None:
    """Have the panels drawn anew while something is asked, and once when it is answered."""
    jobs.redraw()
    return POLL_SECONDS if any(each.is_running for each in asked.values()) else None


def register() -> None:
    """Nothing is asked before somebody looks."""


def unregister() -> None:
    """No process and no timer is left behind."""
    if bpy.app.timers.is_registered(follow):
        bpy.app.timers.unregister(follow)
    for each in asked.values():
        if each.child is not None and each.is_running:
            each.child.kill()
    asked.clear()
