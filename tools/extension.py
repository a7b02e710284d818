"""The Blender extension: the add-on's folder, the core's wheel, the embedded weights beside it, in one zip.

The zip names no path of the machine that built it, and two builds of the same commit are the same bytes. A commit with
the tag of its version is that release. Every other build is an alpha of it, counted in commits; a tree with changes of
its own is numbered between this commit and the next, and by the clock: Blender keeps the old code when a wheel comes
back under a version that it knows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .environments import ROOT, Environment, SetupFailed, run_quietly

WHEEL_BYTES = 1_000_000
ZIP_TIME = (1980, 1, 1, 0, 0, 0)           # the earliest a zip can hold: the same bytes at any time of day
BUILT_FROM = ("core", "blender_addon", "pyproject.toml", "tools")


@dataclass(frozen=True, slots=True)
class Version:
    """The number of a build, as the wheel and as the extension spell it."""

    wheel: str                             # 0.2.0, 0.2.0a57, or 0.2.0a58.dev1732286222
    extension: str                         # 0.2.0, 0.2.0-alpha.57, or 0.2.0-alpha.57.changed.1732286222


def version_now(root: Path = ROOT) -> Version:
    """The version of a build from the tree as it stands.

    Raises SetupFailed outside a git checkout, and where the version is that of an earlier commit's release.
    """
    base, commits = project_version(root), int(git(root, "rev-list", "--count", "HEAD"))
    changed = git(root, "status", "--porcelain", "--", *BUILT_FROM)
    released = git(root, "tag", "--list", f"v{base}")
    if released and (changed or released not in git(root, "tag", "--points-at", "HEAD").split()):
        raise SetupFailed(f"{base} has been released: raise the version in pyproject.toml, and say why in CHANGELOG.md")
    return Version(base, base) if released else numbered(base, commits, int(time.time()) if changed else None)


def numbered(base: str, commits: int, changed_at: int | None) -> Version:
    """`base` is X.Y.Z, `changed_at` in seconds of the clock or None for a clean tree."""
    if changed_at is None:
        return Version(f"{base}a{commits}", f"{base}-alpha.{commits}")
    return Version(f"{base}a{commits + 1}.dev{changed_at}", f"{base}-alpha.{commits}.changed.{changed_at}")


def project_version(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def git(root: Path, *arguments: str) -> str:
    """What git answers."""
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]     # whoever owns the checkout
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupFailed(f"git cannot number this build: {done.stderr.strip()}")
    return done.stdout.strip()


def build(builder: Environment, version: Version, out: Path, root: Path = ROOT) -> Path:
    """Write `platewright-<version>.zip` into `out`, the wheel made by the Python of `builder`."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(builder, version, Path(scratch), root)
        manifest = (root / "blender_addon/blender_manifest.toml").read_text(encoding="utf-8")
        entries = addon_files(root) | {
            "blender_manifest.toml": with_wheel(manifest, version, wheel.name).encode(),
            f"wheels/{wheel.name}": wheel.read_bytes(),
        }
    out.mkdir(parents=True, exist_ok=True)
    return write_zip(out / f"platewright-{version.extension}.zip", entries)


def build_wheel(builder: Environment, version: Version, scratch: Path, root: Path) -> Path:
    """The core as a wheel: code only, small enough to sit in every zip."""
    source = staged(version, scratch / "source", root)
    command: list[str | Path] = [builder.python, "-m", "pip", "wheel", source, "--no-deps", "--no-build-isolation"]
    command += ["--quiet", "--disable-pip-version-check", "--wheel-dir", scratch]
    run_quietly(command, "Try `python build.py env`.", env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"})
    (wheel,) = scratch.glob("*.whl")
    if wheel.stat().st_size >= WHEEL_BYTES:
        raise SetupFailed(f"{wheel.name} has {wheel.stat().st_size} bytes: something other than code got in")
    return wheel


def staged(version: Version, folder: Path, root: Path) -> Path:
    """A copy of the core that carries the build's version; the checkout stays as it is."""
    for pattern in ("*.py", "py.typed", "models/locked/*.json"):
        for file in (root / "core/platewright").rglob(pattern):
            copy(file, folder / file.relative_to(root))
    for name in ("pyproject.toml", "LICENSE"):
        copy(root / name, folder / name)
    put_version(folder / "pyproject.toml", "version", version.wheel)
    put_version(folder / "core/platewright/__init__.py", "__version__", version.wheel)
    return folder


def copy(file: Path, target: Path) -> None:
    """The bytes with plain permissions, whatever this machine's umask gave the original."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    target.chmod(0o644)


def put_version(file: Path, name: str, version: str) -> None:
    text, found = re.subn(rf'(?m)^{name} = "[^"]*"', f'{name} = "{version}"', file.read_text(encoding="utf-8"), count=1)
    if not found:
        raise SetupFailed(f"{file.name} does not say {name}")
    file.write_text(text, encoding="utf-8")


def with_wheel(manifest: str, version: Version, wheel: str) -> str:
    """The manifest with this build's version and its wheel."""
    lines = f'version = "{version.extension}"\nwheels = ["./wheels/{wheel}"]'
    text = re.sub(r'(?m)^version = "[^"]*"', lines, manifest, count=1)
    if tomllib.loads(text).get("wheels") != [f"./wheels/{wheel}"]:
        raise SetupFailed("blender_manifest.toml does not say its version on a line of its own")
    return text


def addon_files(root: Path) -> dict[str, bytes]:
    """The add-on's own files and the embedded weights, by their names in the zip."""
    entries: dict[str, bytes] = {}
    for folder, prefix in ((root / "blender_addon", ""), (root / "core/platewright/assets", "assets/")):
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                entries[prefix + file.relative_to(folder).as_posix()] = file.read_bytes()
    return entries


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    """A zip that depends on nothing but its entries; whole under its name or not there."""
    unfinished = path.with_suffix(f".part-{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return unfinished.replace(path)
