"""How long the main thread is away: the beat of a timer without a job and with one, and every call into the extension.

The beat shows what an artist feels, whoever is to blame: Blender's own drawing, a busy machine, us. The calls show what
is ours: each operator, panel, timer and handler is held between two looks at the thread's own clock, which stands still
while somebody else has the processor.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import ADDON, Steps, generate, jobs, noted, own_classes, perform, prepare, until

BEAT_SECONDS = 0.01
BEATS = 300
GUILTY_SECONDS = 0.08                              # what a tick is made to take, to see that it is seen
FRAMES = 8
PARTS = ("tick", "proceed", "submit", "pump", "show_at_origin", "conclude", "redraw")    # a tick, and what it is of

beats: list[float] = []
calls: list[tuple[str, float]] = []
replaced: list[tuple[list[Any], int, Callable[..., Any]]] = []     # handlers: the list, the place in it, what was there


def beat() -> float:
    """From a timer of Blender's, as often as it will."""
    beats.append(time.perf_counter())
    return BEAT_SECONDS


def gaps_since(start: int) -> dict[str, float]:
    """Between the beats from that one on, in milliseconds: the longest, and what 99 of 100 stay under."""
    gaps = sorted(1000 * (second - first) for first, second in zip(beats[start:], beats[start + 1 :], strict=False))
    return {"longest": gaps[-1], "p99": gaps[int(0.99 * (len(gaps) - 1))], "beats": len(gaps)}


def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def held(*words: Any, **values: Any) -> Any:
        started = time.thread_time()
        try:
            return call(*words, **values)
        finally:
            calls.append((name, time.thread_time() - started))

    return held


def held_method(own: type, name: str) -> Callable[..., Any]:
    """Blender counts the parameters of a method, and hands it as many."""
    call = timed(f"{own.__name__}.{name}", getattr(own, name))
    if name == "invoke":
        return lambda self, context, event: call(self, context, event)
    return lambda self, context: call(self, context)


def hold_everything() -> None:
    """Put a clock around whatever Blender calls of ours on its main thread."""
    for kind, names in ((bpy.types.Panel, ("draw",)), (bpy.types.Operator, ("execute", "invoke"))):
        for own in own_classes(kind):
            for name in (name for name in names if hasattr(own, name)):
                setattr(own, name, held_method(own, name))
    for module, name in (("panels", "ask_models"), ("runtime_install", "tick"), *(("jobs", name) for name in PARTS)):
        setattr(sys.modules[f"{ADDON}.{module}"], name, timed(name, getattr(sys.modules[f"{ADDON}.{module}"], name)))
    for handlers in (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)):
        for place, each in enumerate(handlers if isinstance(handlers, list) else ()):
            if each.__module__.startswith(ADDON):
                handlers[place] = timed(each.__name__, each)
                replaced.append((handlers, place, each))


def give_handlers_back() -> None:
    """The extension asks for its own when it goes."""
    for handlers, place, own in replaced:
        handlers[place] = own


def job(guilty_seconds: float = 0.0) -> Steps:
    """The beat of an idle window, of one beside a busy neighbour, of one with a job; then the calls."""
    if guilty_seconds:
        innocent = jobs().pump
        jobs().pump = lambda seconds: (time_away(guilty_seconds), innocent(seconds))[1]
    hold_everything()
    yield from prepare()
    yield from until(lambda: jobs().state.check.models)
    bpy.app.timers.register(beat, persistent=True)
    for name, does in (("idle", "input()"), ("neighbour", "while True: sum(range(9999))")):
        start = len(beats)
        with subprocess.Popen([sys.executable or "python3", "-c", does], stdin=subprocess.PIPE) as other:
            yield from until(lambda start=start: len(beats) > start + BEATS)
            other.kill()
        noted[name] = gaps_since(start + 1)
    bpy.context.scene.frame_end = bpy.context.scene.frame_start + FRAMES - 1
    for name in ("first job", "second job"):       # the first one loads what only a job needs
        calls.clear()
        start = len(beats)
        run = yield from generate()
        yield from until(lambda run=run: run.is_over, 400.0)
        yield 1.0
        assert run.error is None and run.is_shown, run.error
        longest = sorted(calls, key=lambda each: -each[1])[:8]
        noted[name] = gaps_since(start + 1)
        noted[f"own in {name}"] = [(call, round(1000 * seconds, 1)) for call, seconds in longest]
        noted[f"following {name}"] = 1000 * max(seconds for call, seconds in calls if call == "pump")
    give_handlers_back()


def time_away(seconds: float) -> None:
    """Keep the thread, and the processor, for as long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def guilty() -> Steps:
    """The same with a tick that takes too long."""
    yield from job(GUILTY_SECONDS)


if __name__ == "__main__":
    perform(globals())
