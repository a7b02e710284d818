"""The locks of the runtime that Blender installs: one file for each kind of machine, every wheel by its hash.

uv resolves the versions of requirements/core.txt for each system and Python; what it finds is written as a plain
requirements file that pip takes as it is, with the size of each wheel beside it, so that a download can be announced.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .environments import ROOT, Environment, SetupFailed, ensure, executable

LOCKS = ROOT / "blender_addon/installer/locks"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACOS = "14.0"                             # the oldest that torch still has wheels for


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of machine, as Blender offers it and as uv calls it."""

    name: str
    title: str
    platform: str
    torch_build: str = ""                  # the local part of torch's version


VARIANTS = (
    Variant("linux-cuda", "Linux, NVIDIA GPU (CUDA 13); works without a GPU, too", "x86_64-manylinux_2_28"),
    Variant("linux-cpu", "Linux, processor only; from a source with such torch", "x86_64-manylinux_2_28", "+cpu"),
    Variant("macos", "macOS on Apple silicon", "aarch64-apple-darwin"),
    Variant("windows", "Windows, processor only", "x86_64-pc-windows-msvc"),
)


def environment(root: Path = ROOT) -> Environment:
    """Where uv lives."""
    file = root / "requirements/locks.txt"
    return Environment(name=".lanes/locks", folder=root / ".lanes/locks", python_version="3.11", requirements=(file,))


def write_all(out: Path = LOCKS) -> list[Path]:
    """Resolve every variant anew and write its lock. Raises SetupFailed where a variant resolves for no Python."""
    ensure(environment())
    out.mkdir(parents=True, exist_ok=True)
    return [write(variant, out / f"{variant.name}.txt") for variant in VARIANTS]


def write(variant: Variant, path: Path) -> Path:
    """One variant's lock. A Python for which some wheel is nowhere to be had is left out of it."""
    found: dict[str, dict[str, Any]] = {}
    refusals: list[str] = []
    for python in PYTHONS:
        try:
            found[python] = resolved(variant, python)
        except SetupFailed as error:
            refusals.append(f"Python {python}: {error}")
    if not found:
        raise SetupFailed(f"no lock for {variant.name}: {' '.join(refusals)}")
    path.write_text(rendered(variant, found), encoding="utf-8")
    return path


def resolved(variant: Variant, python: str) -> dict[str, Any]:
    """name -> package, as uv writes it into a pylock.toml (PEP 751)."""
    pins = (ROOT / "requirements/core.txt").read_text(encoding="utf-8")
    pins = re.sub(r"(?m)^(torch==\S+)", rf"\1{variant.torch_build}", pins)
    links = os.environ.get("PIP_FIND_LINKS", "").split() if variant.torch_build else []
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "asked.txt", Path(folder) / "pylock.toml"
        asked.write_text(pins, encoding="utf-8")
        command = [executable(environment().folder, "uv"), "pip", "compile", asked, "--quiet", "--no-config"]
        command += ["--only-binary", ":all:", "--python-version", python, "--python-platform", variant.platform]
        command += ["--format", "pylock.toml", "--output-file", answer]
        command += [word for link in links for word in ("--find-links", link)]
        env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode:
            raise SetupFailed(done.stderr.strip())
        packages = tomllib.loads(answer.read_text(encoding="utf-8"))["packages"]
        for wheel in (wheel for package in packages for wheel in package["wheels"] if "size" not in wheel):
            here = wheel.get("path") or unquote(urlsplit(wheel["url"]).path)      # uv tells no size of such a file
            wheel["size"] = (Path(folder) / here).stat().st_size
    return {each["name"]: each for each in packages}


def rendered(variant: Variant, found: dict[str, dict[str, Any]]) -> str:
    """The lock as text: a requirement with its hashes, then a comment for each wheel: bytes, Pythons, file."""
    head = "# Made by `python build.py locks` from requirements/core.txt; a requirements file that pip takes as it is."
    lines = [head, f"# variant: {variant.name}", f"# title: {variant.title}", f"# pythons: {' '.join(found)}"]
    for name in sorted({name for packages in found.values() for name in packages}):
        versions = {packages[name]["version"] for packages in found.values() if name in packages}
        if len(versions) != 1:
            raise SetupFailed(f"{variant.name}: {name} is not one version for all Pythons: {sorted(versions)}")
        wheels: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for python, packages in found.items():
            if name in packages:
                best = best_wheel(packages[name]["wheels"], python)
                wheels.setdefault(file_of(best), (best, []))[1].append(python)
        hashes = [f"    --hash=sha256:{wheel['hashes']['sha256']}" for wheel, _ in wheels.values()]
        lines += ["", " \\\n".join([f"{name}=={versions.pop()}", *hashes])]
        lines += [f"# {wheel['size']} {','.join(pythons)} {file}" for file, (wheel, pythons) in wheels.items()]
    return "\n".join(lines) + "\n"


def best_wheel(wheels: list[dict[str, Any]], python: str) -> dict[str, Any]:
    """Of the wheels that fit, the one for this very Python and the newest system; else the stable interface's."""

    def rank(wheel: dict[str, Any]) -> tuple[int, tuple[int, ...], str]:
        tag, abi, system = file_of(wheel).removesuffix(".whl").rsplit("-", 3)[1:]
        is_own = f"cp{python.replace('.', '')}" in (tag, abi)
        numbers = [tuple(map(int, found)) for found in re.findall(r"(?:manylinux|macosx)_(\d+)_(\d+)", system)]
        return (2 if is_own else 1 if abi == "abi3" else 0), max(numbers, default=(0, 0)), file_of(wheel)

    return max(wheels, key=rank)


def file_of(wheel: dict[str, Any]) -> str:
    """The wheel's file name, however uv says where it is."""
    return unquote((wheel.get("name") or wheel.get("url") or wheel["path"]).rpartition("/")[2])
