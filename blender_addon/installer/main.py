"""The installer's command line: one JSON object for each thing that happens, the last one is how it ended.

    plan        what an installation would fetch and need; nothing is done
    install     make the runtime; --anew mends one: packages that are damaged are fetched again
    bundle      a folder to install from without a network
    list        the runtimes that are there
    remove      delete all of them, and what half of one has left

Exit codes: 0 done, 1 failed, 2 used wrongly, 130 cancelled. With --with-host it ends,
and cleans up, when its stdin is closed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import locks, machine, places
from .bundle import LOCK, Order, make
from .install import Installation, Wish, core_here
from .trouble import Trouble

CODES = {"E_CANCELLED": 130}
TOLD_SECONDS = 0.2                         # between two words of progress
LOG_LINES = 20


class Teller:
    """Writes events as lines; of progress not every one."""

    def __init__(self) -> None:
        self.last: tuple[str, float] = ("", 0.0)

    def __call__(self, event: str, **more: Any) -> None:
        now, about = time.monotonic(), f"{event} {more.get('stage', '')}"
        is_often = event in ("progress", "stage") and more.get("done") != more.get("total", "all")
        if is_often and self.last[0] == about and now - self.last[1] < TOLD_SECONDS:
            return
        self.last = about, now
        sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
        sys.stdout.flush()


def plan(options: argparse.Namespace, tell: Teller, stop: threading.Event) -> None:
    """What an installation would fetch and need."""
    del stop
    lock, folder = lock_of(options), folder_of(options)
    told = {"download_bytes": lock.download_bytes(), "needed_bytes": lock.needed_bytes(), "folder": str(folder)}
    fit = machine.fit()
    tell("plan", variant=lock.variant, title=lock.title, note=fit.note, free_bytes=places.free_bytes(folder), **told)


def install(options: argparse.Namespace, tell: Teller, stop: threading.Event) -> None:
    """Make the runtime, or mend it."""
    started = time.monotonic()
    is_offline = options.offline or os.environ.get("PLATEWRIGHT_OFFLINE", "").lower() not in ("", "0", "no", "false")
    wish = Wish(
        lock=lock_of(options), folder=folder_of(options), core=Path(options.core).absolute(), python=options.python,
        mirror=mirror_of(options), more=tuple(options.wheels), is_offline=is_offline, anew=options.anew,
        bundle=Path(options.bundle).absolute() if options.bundle else None,
    )
    made = Installation(wish, tell, stop).run()
    tell("finished", python=str(made.python), folder=str(made.folder), seconds=round(time.monotonic() - started, 1))


def bundle(options: argparse.Namespace, tell: Teller, stop: threading.Event) -> None:
    """Fetch a lock's wheels for one Python, of this machine or another, into a folder."""
    lock = lock_of(options)
    version, out = options.python_version or lock.pythons[0], Path(options.out).absolute()
    order = Order(
        lock=lock, python_version=version, out=out, mirror=mirror_of(options), more=tuple(options.wheels)
    )
    make(order, tell, stop)
    total = sum(wheel.size for wheel in lock.wheels_for(version))
    tell("finished", folder=str(out), variant=lock.variant, python_version=version, bytes=total)


def list_all(options: argparse.Namespace, tell: Teller, stop: threading.Event) -> None:
    """The runtimes that are there."""
    del stop
    for each in places.managed(folder_of(options)):
        tell("runtime", variant=each.variant, python=str(each.python), stands=each.stands, packages=each.packages)


def remove(options: argparse.Namespace, tell: Teller, stop: threading.Event) -> None:
    """Delete every runtime, and what half of one has left."""
    del stop
    folder = folder_of(options)
    if not folder.is_dir():
        return
    with places.held(folder, lambda: tell("stage", stage="waiting")):
        left = [*folder.glob("rt-*"), *folder.glob("wheels-*"), folder / "scratch", folder / "arriving"]
        for each in left:
            places.remove(each)
    if kept := [each.name for each in left if each.exists()]:
        hint = "Close what uses it, Blender's jobs first, then try again."
        raise Trouble("E_RUNTIME_BUSY", f"{folder} still holds {', '.join(kept)}.", hint)


COMMANDS: dict[str, Callable[[argparse.Namespace, Teller, threading.Event], None]] = {
    "plan": plan, "install": install, "bundle": bundle, "list": list_all, "remove": remove
}


def lock_of(options: argparse.Namespace) -> locks.Lock:
    """The named lock, the bundle's, or this machine's. Raises Trouble E_LOCK, E_BUNDLE, E_VARIANT."""
    if options.lock:
        return locks.read(Path(options.lock))
    if bundled := getattr(options, "bundle", ""):
        if not (Path(bundled) / LOCK).is_file():
            hint = "Name the folder that `python build.py bundle` has made."
            raise Trouble("E_BUNDLE", f"{bundled} is no offline bundle, or not a whole one.", hint)
        return locks.read(Path(bundled) / LOCK)
    fit = machine.fit()
    wanted = options.variant or fit.variant
    if wanted not in locks.shipped():
        why = f"There is no runtime called {wanted}." if wanted else fit.note
        raise Trouble("E_VARIANT", why, f"There are: {', '.join(locks.shipped())}.")
    return locks.read(locks.shipped()[wanted])


def mirror_of(options: argparse.Namespace) -> str:
    """Named among the words, or where nobody but this program reads it."""
    return options.mirror or os.environ.get("PLATEWRIGHT_MIRROR", "")


def folder_of(options: argparse.Namespace) -> Path:
    return Path(options.folder).absolute() if options.folder else places.runtimes_folder()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="installer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    made = {name: commands.add_parser(name, help=run.__doc__) for name, run in COMMANDS.items()}
    for name, one in made.items():
        one.add_argument("--with-host", action="store_true", help="end when stdin is closed")
        one.add_argument("--folder", default="", help="of all runtimes (default: below PLATEWRIGHT_CACHE)")
        if name in ("plan", "install", "bundle"):
            one.add_argument("--variant", default="", help="a shipped lock (default: what suits this machine)")
            one.add_argument("--lock", default="", help="a lock of your own")
        if name in ("install", "bundle"):
            one.add_argument("--mirror", default="", help="a package index to take the place of pip's own")
            one.add_argument("--wheels", action="append", default=[], help="a folder of wheels to look into as well")
    one = made["install"]
    one.add_argument("--core", default=str(core_here()), help="wheel or folder of Platewright, for the examination")
    one.add_argument("--python", default="", help="the Python to make the environment with")
    one.add_argument("--bundle", default="", help="an offline bundle: nothing is fetched")
    one.add_argument("--offline", action="store_true", help="fetch nothing")
    one.add_argument("--anew", action="store_true", help="make it anew even if it is there")
    made["bundle"].add_argument("--python-version", default="", help="such as 3.11 (default: the oldest of the lock)")
    made["bundle"].add_argument("--out", required=True, help="folder of the bundle")
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = parser().parse_args(words)
    tell, stop = Teller(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    if options.with_host:
        threading.Thread(target=watch, args=(stop,), daemon=True).start()
    try:
        COMMANDS[options.command](options, tell, stop)
    except Trouble as trouble:
        log = Path(options.out) / "bundle.log" if options.command == "bundle" else folder_of(options) / "install.log"
        tell("failed", **trouble.to_dict(), log=tail(log))
        return CODES.get(trouble.code, 1)
    return 0


def watch(stop: threading.Event) -> None:
    """Stop when whoever holds the other end of stdin lets go."""
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    stop.set()


def tail(log: Path) -> str:
    """The last lines of the log."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
    except OSError:
        return ""
