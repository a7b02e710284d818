"""A zip as the next release would be: a newer version, a newer wheel, and an add-on that needs what is new in it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

NEXT = "99.0.0"


def next_release(built: Path, folder: Path) -> Path:
    """Write the zip of the next release into `folder`."""
    with zipfile.ZipFile(built) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    wheel = next(name for name in entries if name.startswith("wheels/"))
    number = wheel.split("-")[1]
    changed = {
        "blender_manifest.toml": replaced(entries["blender_manifest.toml"], number, NEXT),
        "operators.py": entries["operators.py"] + b"\nfrom platewright.protocol import NEW_IN_NEXT\n",
        "words.py": entries["words.py"] + b"\nNEW_IN_NEXT = True\n",
        "panels.py": entries["panels.py"] + b"\nfrom .words import NEW_IN_NEXT\n",
    }
    version = re.compile(rb'(?m)^version = ".*"')
    changed["blender_manifest.toml"] = version.sub(f'version = "{NEXT}"'.encode(), changed["blender_manifest.toml"])
    newer = rewritten(entries.pop(wheel), lambda name, data: next_wheel_entry(name, data, number))
    path = folder / f"platewright-{NEXT}.zip"
    with zipfile.ZipFile(path, "w") as new:
        for name, data in {**entries, **changed, wheel.replace(number, NEXT): newer}.items():
            new.writestr(name, data)
    return path


def next_wheel_entry(name: str, data: bytes, number: str) -> tuple[str, bytes]:
    if name.endswith("protocol.py"):
        data += b"\nNEW_IN_NEXT = True\n"
    return name.replace(number, NEXT), replaced(data, number, NEXT) if ".dist-info/" in name else data


def rewritten(archive: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return out.getvalue()


def replaced(data: bytes, old: str, new: str) -> bytes:
    return data.replace(old.encode(), new.encode())
