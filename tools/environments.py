"""The Python environments: which there are, which Python each needs, and making them.

An environment is whole when its stamp says so. The stamp is written last, so one that was interrupted is made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:                        # Windows: two set-ups at once are left to the person
    fcntl = None

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".platewright-stamp"
LOCK = ROOT / ".lanes" / "lock"
ERROR_LINES = 20
SIGN_OF_LIFE_SECONDS = 20


class Unavailable(Exception):
    """This machine lacks something; the message says what, for people."""


class SetupFailed(Exception):
    """Setting up went wrong; the message shows the command and the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment: where it stands, which Python makes it, what goes in."""

    name: str
    folder: Path
    python_version: str                    # "3.11"
    requirements: tuple[Path, ...]
    alone: tuple[Path, ...] = ()           # likewise, without what those name as their own requirements
    has_core: bool = False                 # torch comes first, and the project itself last

    @property
    def python(self) -> Path:
        return executable(self.folder, "python")


def executable(folder: Path, name: str) -> Path:
    """Where the environment at `folder` keeps the program `name`."""
    return folder / "Scripts" / f"{name}.exe" if os.name == "nt" else folder / "bin" / name


def core(root: Path = ROOT) -> Environment:
    """The core's environment: torch and friends, and no Blender."""
    files = tuple(root / f"requirements/{name}.txt" for name in ("core", "dev", "credentials", "colour"))
    alone = (root / "requirements/upscale.txt",)
    folder = root / ".venv"
    return Environment(
        name=".venv", folder=folder, python_version="3.11", requirements=files, alone=alone, has_core=True
    )


def blender(series: str, root: Path = ROOT) -> Environment:
    """Blender `series` ("5.0") as a Python module, and nothing of ours."""
    file = root / f"requirements/bpy-{series}.txt"
    name = ".venv-bpy" if series == "5.0" else f".lanes/bpy-{pin('bpy', file)}"
    version = "3.11" if series < "5.1" else "3.13"
    return Environment(name=name, folder=root / name, python_version=version, requirements=(file,))


def pin(package: str, requirements: Path) -> str:
    """The one version of `package` that a requirements file names."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


@cache
def find_python(version: str) -> Path:
    """A Python of that version which really runs, outside any virtual environment; raises Unavailable."""
    for candidate in candidate_pythons(version):
        if found := real_python(candidate, version):
            return found
    raise Unavailable(f"no Python {version} on this machine")


def candidate_pythons(version: str) -> Iterator[Path]:
    """This Python, those on PATH, those that pyenv keeps off PATH."""
    yield Path(sys.executable)
    for name in (f"python{version}", "python3", "python"):
        if found := shutil.which(name):
            yield Path(found)
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        yield from sorted(Path(root.stdout.strip()).glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def real_python(candidate: Path, version: str) -> Path | None:
    """The program behind `candidate` if it starts and is that version: a shim on PATH may do neither.

    Behind an environment's Python stands the one that made it, which survives when the environment is made anew.
    """
    question = "import sys; print('%d.%d' % sys.version_info[:2], sys._base_executable)"
    try:
        command = [candidate, "-I", "-c", question]
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found, _, program = asked.stdout.strip().partition(" ")
    return Path(program) if found == version else None


@cache
def has_nvidia() -> bool:
    """Whether an NVIDIA GPU answers."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


def place_of(env: Environment) -> str:
    """What an environment cannot change without being made anew: scripts hold its path, packages suit one Python."""
    return f"{env.folder} python {env.python_version}"


def stamp_of(env: Environment, torch_build: str) -> str:
    """What the stamp says when the environment is whole: its place, its recipe, which torch."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in (*env.requirements, *env.alone)))
    return "\n".join([place_of(env), digest.hexdigest(), torch_build if env.has_core else "no torch", ""])


def read_stamp(env: Environment) -> str:
    """The stamp; empty if the environment was never finished."""
    stamp = env.folder / STAMP
    return stamp.read_text(encoding="utf-8") if env.python.exists() and stamp.exists() else ""


def is_whole(env: Environment, cpu: bool = False) -> bool:
    """Whether nothing needs doing. Either build of torch will do unless the CPU's was asked for."""
    return read_stamp(env) in {stamp_of(env, build) for build in (("cpu",) if cpu else ("cpu", "cuda"))}


def ensure(env: Environment, cpu: bool = False) -> bool:
    """Make the environment unless it is whole; True if there was something to do. Raises Unavailable, SetupFailed."""
    if is_whole(env, cpu):
        return False
    with one_at_a_time():
        if is_whole(env, cpu):                             # somebody else made it meanwhile
            return False
        make(env, "cpu" if cpu or not has_nvidia() else "cuda")
    return True


@contextmanager
def one_at_a_time() -> Generator[None, None, None]:
    """Wait until nobody else sets up an environment of this checkout: two in one folder would ruin it."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)               # ends with the process, however that ends
        yield


def make(env: Environment, torch_build: str) -> None:
    """Make the environment, or bring a finished one up to date, telling each step."""
    started = time.monotonic()
    if read_stamp(env).startswith(place_of(env) + "\n"):
        say(env, "bringing it up to date")
        (env.folder / STAMP).unlink()
    else:
        python = find_python(env.python_version)
        say(env, f"making it with Python {env.python_version}")
        run_quietly([python, "-m", "venv", "--clear", env.folder], f"Is python{env.python_version}-venv installed?")
    if env.has_core:
        install_torch(env, torch_build)
    say(env, "installing " + " and ".join(file.name for file in env.requirements))
    pip(env, "install", *(part for file in env.requirements for part in ("-r", file)))
    if env.alone:
        pip(env, "install", "--no-deps", *(part for file in env.alone for part in ("-r", file)))
    if env.has_core:
        say(env, "installing platewright itself, straight from core/")
        pip(env, "install", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    (env.folder / STAMP).write_text(stamp_of(env, torch_build), encoding="utf-8")
    say(env, f"ready after {time.monotonic() - started:.0f} s")


def install_torch(env: Environment, build: str) -> None:
    """The build of torch for this machine. `===` keeps pip from preferring a CPU build on a machine with a GPU."""
    version = pin("torch", env.requirements[0])
    if build == "cuda":
        say(env, f"installing torch {version} for CUDA (a big download)")
        return pip(env, "install", f"torch==={version}")
    say(env, f"installing torch {version} for the CPU")
    try:
        pip(env, "install", f"torch=={version}+cpu")
    except SetupFailed:
        say(env, f"the package index has no CPU-only torch {version}: installing its usual build (a big download)")
        pip(env, "install", f"torch=={version}")


def pip(env: Environment, *arguments: str | Path) -> None:
    """Run the environment's pip, silent unless it fails."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    run_quietly([env.python, "-m", "pip", *arguments, *quiet], hint="Is the package index within reach?")


def run_quietly(command: list[str | Path], hint: str, env: dict[str, str] | None = None) -> None:
    """Run it with no more than a sign of life; on failure raise SetupFailed with the end of what it said."""
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as child:
        while True:
            try:
                said, _ = child.communicate(timeout=SIGN_OF_LIFE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"    ... {time.monotonic() - started:.0f} s", flush=True)
    if child.returncode:
        tail = "\n".join(said.splitlines()[-ERROR_LINES:])
        words = " ".join(str(part) for part in command)
        raise SetupFailed(f"this failed: {words}\n{tail}\n{hint}")


def say(env: Environment, message: str) -> None:
    print(f"  {env.name}: {message}", flush=True)
