"""What a worker is started from, and what it says of itself.

A Python with torch, named by the artist or the studio; the core's wheel; the weights in the zip.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import bpy

import platewright
from platewright.errors import PlatewrightError, WorkerMissing

HERE = Path(__file__).parent
NO_RUNTIME = "Install the runtime in the preferences of Platewright, name a Python there, or set PLATEWRIGHT_RUNTIME."
VARIABLES = ("PLATEWRIGHT_MODELS", "PLATEWRIGHT_CACHE", "PLATEWRIGHT_OFFLINE")
CHECK_SECONDS = 300.0                              # a first import of torch from a slow disk


@dataclass(frozen=True, slots=True)
class Runtime:
    """A worker's Python and what it is given."""

    python: str
    core: str                                      # wheel or folder in front of its sys.path
    folder: Path                                   # logs and job records
    environment: tuple[tuple[str, str], ...] = ()  # added to the scrubbed environment


def around(python: str, chosen: Mapping[str, str] | None = None) -> Runtime:
    """The runtime around this Python; `chosen` are the preferences, by the names of the variables that override them.

    Raises WorkerMissing E_NO_RUNTIME if there is no Python.
    """
    if not python:
        raise WorkerMissing("E_NO_RUNTIME", "There is no Python to run the models with.", NO_RUNTIME)
    return Runtime(python_in(python), core_path(), own_folder(), tuple(environment(chosen or {}).items()))


def studios_python() -> str:
    """The Python of $PLATEWRIGHT_RUNTIME; empty if nobody has set it."""
    named = os.environ.get("PLATEWRIGHT_RUNTIME", "")
    return python_in(named) if named else ""


def default_python(cache: str = "") -> str:
    """The Python for who names none: that of $PLATEWRIGHT_RUNTIME, else the newest that was installed from here."""
    if named := studios_python():
        return named
    from .installer import places

    folder = places.runtimes_folder({"PLATEWRIGHT_CACHE": cache, **os.environ} if cache else os.environ)
    return next((str(each.python) for each in places.managed(folder) if each.stands), "")


def python_in(path: str) -> str:
    """The interpreter, given as itself or as the folder of its environment."""
    folder = Path(path)
    if not folder.is_dir():
        return path
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def core_path() -> str:
    """What the worker imports: the very wheel Blender installed, or the checkout's core."""
    wheels = list((HERE / "wheels").glob("platewright-*.whl"))
    return str(wheels[0] if wheels else Path(platewright.__file__).parent.parent)


def own_folder() -> Path:
    """Where this extension may write; only extensions have such a folder, anything else gets a temporary one."""
    package = str(__package__)
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, path="jobs", create=True))
    return Path(bpy.app.tempdir) / "platewright"


def environment(chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a worker is told: the preferences, unless this machine's own variables say otherwise; the weights in the zip
    behind those of the studio; and no network while Blender is offline.
    """
    told = {name: value for name, value in (chosen or {}).items() if value} | own_variables()
    folders = [told.get("PLATEWRIGHT_MODELS", ""), str(HERE / "assets")]
    if not bpy.app.online_access or is_on(told.get("PLATEWRIGHT_OFFLINE", "")):
        told |= {"HF_HUB_OFFLINE": "1", "PLATEWRIGHT_OFFLINE": "1"}
    return {**told, "PLATEWRIGHT_MODELS": os.pathsep.join(filter(None, folders))}


def own_variables() -> dict[str, str]:
    """What a studio has set for all its machines; it overrides the preferences."""
    return {name: value for name in VARIABLES if (value := os.environ.get(name, ""))}


def is_on(value: str) -> bool:
    """Whether a variable says yes."""
    return value.lower() not in ("", "0", "no", "off", "false")


def command_line(runtime: Runtime, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The core's own command line in the worker's Python: what to run, and its whole environment."""
    from platewright import client  # not at every start of Blender

    return client.command_line(Path(runtime.python), Path(runtime.core), dict(runtime.environment), words)


@dataclass(slots=True)
class Check:
    """What the worker's Python says of itself."""

    findings: list[dict[str, Any]] = field(default_factory=list)   # of `doctor`: name, is_well, detail, mend, is_needed
    models: dict[str, dict[str, Any]] = field(default_factory=dict)    # cards by name, of `models`
    error: PlatewrightError | None = None          # why there are no findings
    asker: Thread | None = None

    def start(self, runtime: Runtime) -> None:
        """Ask in a thread that touches nothing of Blender; a check under way is left alone."""
        if not self.is_running:
            self.asker = Thread(target=self.ask, args=(runtime,), name="platewright-check", daemon=True)
            self.asker.start()

    def ask(self, runtime: Runtime) -> None:
        """Fill in what is found, or why nothing is."""
        self.findings, self.error = [], None
        try:
            self.findings = answer_of(runtime, "doctor")["findings"]
            self.models = {card["name"]: card for card in answer_of(runtime, "models")["models"]}
        except PlatewrightError as error:
            self.error = error

    def wait(self) -> None:
        """Until the answer is there."""
        if self.asker:
            self.asker.join()

    @property
    def is_running(self) -> bool:
        return self.asker is not None and self.asker.is_alive()

    @property
    def is_well(self) -> bool:
        """Nothing that is needed is missing."""
        return bool(self.findings) and all(each["is_well"] or not each["is_needed"] for each in self.findings)


def answer_of(runtime: Runtime, verb: str) -> dict[str, Any]:
    """One JSON answer of the core's command line in the worker's Python. Raises WorkerMissing E_NO_RUNTIME."""
    command, environment = command_line(runtime, [verb, "--json"])
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkerMissing("E_NO_RUNTIME", f"{runtime.python} cannot be run: {error}.", NO_RUNTIME) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise WorkerMissing("E_NO_RUNTIME", f"{runtime.python} cannot run Platewright: {last}", NO_RUNTIME) from None
    if "error" in answer:
        raise PlatewrightError(**answer["error"])
    return answer
