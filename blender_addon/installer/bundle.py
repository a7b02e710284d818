"""A folder to install from without a network: the wheels of one lock for one Python, and the lock, written last."""

from __future__ import annotations

import shutil
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from .fetch import Fetching, Tell, is_whole
from .locks import Lock, Wheel
from .pip import Pip
from .trouble import Trouble, of_disk

LOCK = "lock.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be bundled, for which Python, from where, into which folder."""

    lock: Lock
    python_version: str
    out: Path
    mirror: str = ""
    more: tuple[str, ...] = ()             # folders of wheels to look into as well


def make(order: Order, tell: Tell, stop: threading.Event) -> Path:
    """The bundle; one that was interrupted is gone on with. Raises Trouble E_PYTHON, and what fetching raises."""
    wheels = order.lock.wheels_for(order.python_version)
    if not wheels:
        hint = f"It has one for {', '.join(order.lock.pythons)}."
        raise Trouble("E_PYTHON", f"{order.lock.path.name} has no wheels for Python {order.python_version}.", hint)
    place = order.out / "wheels"
    try:
        place.mkdir(parents=True, exist_ok=True)
        missing = [wheel for wheel in wheels if not is_whole(place / wheel.file, wheel)]
        pip = Pip(order.out / "scratch", order.out / "bundle.log", stop, order.mirror, order.more)
        words = target(missing, order.python_version)
        Fetching(pip, Path(sys.executable), order.out / "arriving", place, tell, words).fetch(missing)
        shutil.rmtree(order.out / "scratch", ignore_errors=True)
        for path in set(place.iterdir()) - {place / wheel.file for wheel in wheels}:
            path.unlink()                  # of an older lock
        shutil.copyfile(order.lock.path, order.out / LOCK)
    except OSError as error:
        raise of_disk(error, order.out) from error
    return order.out


def target(wheels: list[Wheel], version: str) -> list[str]:
    """Words by which pip fetches for another machine than this: the tags that the wheels' own names carry."""
    tags = [wheel.file.removesuffix(".whl").rsplit("-", 3)[1:] for wheel in wheels]
    words = ["--python-version", version, "--implementation", "cp"]
    for abi in sorted({abi for _, abi, _ in tags}):
        words += ["--abi", abi]
    for system in sorted({one for _, _, systems in tags for one in systems.split(".")}):
        words += ["--platform", system]
    return words
