"""From a lock to a runtime: find a Python, fetch what is missing, install it aside, examine it, give it its name."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import machine, places, salvage
from .fetch import Fetching, Tell, is_whole
from .locks import Lock, Wheel
from .pip import ISOLATED, Pip, clean, run_until
from .places import Managed
from .trouble import Trouble, cancelled, of_disk

ROOT = Path(__file__).parent.parent
DOCTOR = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from platewright import cli; raise SystemExit(cli.main())"
)
TOLD_MISSING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be installed, where, and from what."""

    lock: Lock
    folder: Path                           # of all runtimes
    core: Path                             # wheel or folder of Platewright, for the examination
    python: str = ""                       # to make the environment with; empty finds one
    mirror: str = ""                       # address of a package index; empty takes pip's own
    more: tuple[str, ...] = ()             # folders of wheels to look into as well
    bundle: Path | None = None             # folder of wheels: then no connection is opened
    is_offline: bool = False
    anew: bool = False                     # even if there is a runtime of this lock: it is mended


@dataclass(slots=True)
class Installation:
    """One installation under way."""

    wish: Wish
    tell: Tell
    stop: threading.Event
    started: float = 0.0

    def run(self) -> Managed:
        """The runtime, whole. Raises Trouble; whatever is raised, no half of one is left under its name."""
        self.started = time.monotonic()
        folder = self.wish.folder
        places.prepare(folder)
        with places.held(folder, self.wait):
            try:
                return self.in_turn()
            except OSError as error:
                raise of_disk(error, folder) from error
            finally:
                for path in (self.scratch, self.arriving):
                    places.remove(path)
                if self.staging and not places.read_record(self.staging):
                    places.remove(self.staging)

    # The story -----------------------------------------------------------------------------------

    staging: Path | None = None

    def in_turn(self) -> Managed:
        """What only one program at a time may do."""
        self.tell("stage", stage="python")
        python = machine.find_python(self.wish.lock.pythons, self.wish.python)
        home = places.home_of(self.wish.folder, self.wish.lock, python.version)
        if found := self.finished(home):
            return found
        places.sweep(self.wish.folder)
        self.staging = home.with_name(f"{home.name}.staging")
        wheels = self.wish.lock.wheels_for(python.version)
        whole = self.salvaged(python.version, wheels)
        missing = [wheel for wheel in wheels if key_of(wheel) not in whole and not self.is_here(wheel)]
        self.plan(python, wheels, missing)
        self.make_environment(python)
        self.fetch(missing)
        self.link(whole)
        self.install([wheel for wheel in wheels if key_of(wheel) not in whole])
        self.examine()
        lock = self.wish.lock
        made = Managed(home, lock.variant, lock.digest, python.version, python.program, time.time(), len(wheels))
        places.write_record(self.staging, made)
        places.publish(self.staging, home)
        places.remove(self.wheels)
        return made

    def finished(self, home: Path) -> Managed | None:
        """The runtime, if another program has just made it, or a killed one was about to give it its name."""
        there, staging = places.read_record(home), home.with_name(f"{home.name}.staging")
        if there and there.stands and not self.wish.anew:
            return there
        if places.read_record(staging) and places.python_of(staging).exists():
            places.publish(staging, home)
            return places.read_record(home)
        return None

    def salvaged(self, version: str, wheels: list[Wheel]) -> dict[tuple[str, str], tuple[Path, Managed]]:
        """Packages that some runtime here has whole."""
        found: dict[tuple[str, str], tuple[Path, Managed]] = {}
        for donor in places.managed(self.wish.folder):
            if donor.python_version == version:
                self.tell("stage", stage="looking")
                wanted = {key_of(wheel) for wheel in wheels} - found.keys()
                found |= {key: (info, donor) for key, info in salvage.healthy(donor, wanted, self.look).items()}
        return found

    def plan(self, python: machine.Python, wheels: list[Wheel], missing: list[Wheel]) -> None:
        """Say what is to come. Raises Trouble E_BUNDLE, E_OFFLINE, E_DISK_SPACE before anything is done."""
        fetched, free = sum(wheel.size for wheel in missing), places.free_bytes(self.wish.folder)
        needed = fetched + sum(wheel.unpacked_bytes for wheel in wheels)
        about = {"variant": self.wish.lock.variant, "python": python.program, "python_version": python.version}
        sizes = {"download_bytes": fetched, "needed_bytes": needed, "free_bytes": free}
        self.tell("plan", **about, **sizes, packages=len(wheels), folder=str(self.wish.folder))
        names = ", ".join(wheel.file for wheel in missing[:TOLD_MISSING])
        if missing and self.wish.bundle:
            hint = "Take the bundle that was made for this version of Platewright, this machine and this Python."
            raise Trouble("E_BUNDLE", f"{self.wish.bundle} lacks {len(missing)} of the wheels: {names}.", hint)
        if missing and self.wish.is_offline:
            hint = "Allow online access, or name an offline bundle."
            raise Trouble("E_OFFLINE", f"{fetched / 1e6:.0f} MB would have to be fetched, and this is offline.", hint)
        if needed > free:
            why = f"{needed / 1e9:.1f} GB are needed in {self.wish.folder}, and {free / 1e9:.1f} GB are free."
            raise Trouble("E_DISK_SPACE", why, "Free some space, or choose another cache folder.")

    def make_environment(self, python: machine.Python) -> None:
        """An empty environment in the staging folder."""
        assert self.staging
        self.tell("stage", stage="environment")
        command = [python.program, *ISOLATED, "-m", "venv", "--without-pip", str(self.staging)]
        with open(self.log, "ab") as log:
            code = run_until(command, clean(os.environ), log.fileno(), self.stop, self.look)
        if code:
            hint = "Choose another cache folder, or name another Python."
            raise Trouble("E_PYTHON", f"{python.program} cannot make an environment in {self.staging}.", hint)

    def fetch(self, missing: list[Wheel]) -> None:
        """Have every wheel arrive in the folder of wheels, where a later installation finds it."""
        if missing:
            Fetching(self.pip, self.python, self.arriving, self.wheels, self.tell).fetch(missing)

    def link(self, whole: dict[tuple[str, str], tuple[Path, Managed]]) -> None:
        """Take over what another runtime has whole."""
        assert self.staging
        for count, (info, donor) in enumerate(whole.values()):
            self.look()
            self.tell("progress", stage="link", detail=info.stem, done=count, total=len(whole))
            salvage.transplant(info, donor.folder, self.staging)

    def install(self, wheels: list[Wheel]) -> None:
        """Unpack what has arrived. pip holds each file to its hash once more, and installs nothing else."""
        if not wheels:
            return

        def look() -> None:
            done = len(list(self.site.glob("*.dist-info")))
            self.tell("progress", stage="install", detail="", done=min(done, len(wheels)), total=len(wheels))

        source = self.wish.bundle / "wheels" if self.wish.bundle else self.wheels
        words = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-index", "--quiet"]
        self.pip.run(self.python, [*words, "--find-links", source, "-r", self.pip.asked(wheels)], look)

    def examine(self) -> None:
        """`platewright doctor` in the new environment. Raises Trouble E_RUNTIME_UNFIT."""
        self.tell("stage", stage="examine")
        self.scratch.mkdir(exist_ok=True)
        answer = self.scratch / "doctor.json"
        command = [str(self.python), *ISOLATED, "-c", DOCTOR, str(self.wish.core), "doctor", "--json"]
        with open(answer, "wb") as out:
            code = run_until(command, examined_environment(), out.fileno(), self.stop, self.look)
        text = answer.read_text(encoding="utf-8", errors="replace")
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"\n$ platewright doctor (exit code {code})\n{text}\n")
        if why := complaint(text):
            raise Trouble("E_RUNTIME_UNFIT", f"What was installed does not work here: {why}", "The details say more.")

    # Where things are ----------------------------------------------------------------------------

    @property
    def python(self) -> Path:
        assert self.staging
        return places.python_of(self.staging)

    @property
    def site(self) -> Path:
        assert self.staging
        return next(self.staging.glob("lib/python3*/site-packages"), self.staging / "Lib/site-packages")

    @property
    def wheels(self) -> Path:
        return places.wheels_of(self.wish.folder, self.wish.lock)

    @property
    def scratch(self) -> Path:
        return self.wish.folder / "scratch"

    @property
    def arriving(self) -> Path:
        return self.wish.folder / "arriving"

    @property
    def log(self) -> Path:
        return self.wish.folder / "install.log"

    @property
    def pip(self) -> Pip:
        return Pip(self.scratch, self.log, self.stop, self.wish.mirror, self.wish.more)

    def is_here(self, wheel: Wheel) -> bool:
        """It need not be fetched: it lies in the bundle, or has arrived before."""
        if self.wish.bundle:
            return (self.wish.bundle / "wheels" / wheel.file).is_file()
        return is_whole(self.wheels / wheel.file, wheel)

    def look(self) -> None:
        if self.stop.is_set():
            raise cancelled()

    def wait(self) -> None:
        self.look()
        self.tell("stage", stage="waiting")


def key_of(wheel: Wheel) -> tuple[str, str]:
    return salvage.canonical(wheel.name), wheel.version


def core_here() -> Path:
    """The wheel in the zip, or the core of the checkout."""
    wheels = sorted((ROOT / "wheels").glob("platewright-*.whl"))
    return wheels[-1] if wheels else ROOT.parent / "core"


def examined_environment() -> dict[str, str]:
    """With the weights of the zip, which doctor looks for; an examination fetches nothing."""
    folders = [os.environ.get("PLATEWRIGHT_MODELS", ""), str(ROOT / "assets")]
    models = os.pathsep.join(folder for folder in folders if folder)
    return {**clean(os.environ), "PLATEWRIGHT_MODELS": models, "HF_HUB_OFFLINE": "1"}


def complaint(text: str) -> str:
    """What doctor finds lacking, as one sentence; empty if all that is needed is well."""
    try:
        told: dict[str, Any] = json.loads(text)
        findings: list[dict[str, Any]] = told.get("findings", [])
    except (ValueError, AttributeError):
        return f"{text.strip().rpartition(chr(10))[2] or 'it says nothing'}."
    if told.get("ok") is True:
        return ""
    bad = [f"{each['name']}: {each['detail']}" for each in findings if not each["is_well"] and each["is_needed"]]
    return "; ".join(bad) or str(told.get("error", {}).get("message", "it is not well."))
