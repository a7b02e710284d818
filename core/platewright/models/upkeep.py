"""What is fetched, looked after: hashed again, told, taken away.

Errors  BackendError E_MODEL_MISSING, E_MODEL_CHANGED, E_MODEL_CORRUPT, E_MODEL_UNSAFE (what a file has become)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import BackendError, RequestError
from ..protocol import Emit, Stage
from . import checkpoint, records, staging
from .staging import JOB

AGAIN = "`platewright models pull NAME` fetches what is wrong, and only that."


def verify(name: str, emit: Emit) -> dict[str, Any]:
    """Hash every file of a fetched model again. Raises what its folder has become, the first of it."""
    folder = checkpoint.find(name)
    record = records.of_folder(folder)
    if record is None:
        hint = "`platewright models pull NAME --from DIR` records what is there."
        raise RequestError("E_MODEL_UNRECORDED", f"{folder} was not put there by `models pull`: nobody knows it.", hint)
    emit(Stage(JOB, "verifying", f"{len(record['files'])} files in {folder}"))
    if wrong := damaged(folder, record, emit):
        raise next(iter(wrong.values()))
    size = sum(entry["size"] for entry in record["files"].values())
    return {"name": name, "folder": str(folder), "files": len(record["files"]), "bytes": size, "ok": True}


def damaged(folder: Path, record: dict[str, Any], emit: Emit) -> dict[str, BackendError]:
    """The files that are not what was recorded, each with what is wrong."""
    found: dict[str, BackendError] = {}
    for name, entry in record["files"].items():
        path = folder / name
        if not path.is_file():
            found[name] = BackendError("E_MODEL_MISSING", f"{path} ({entry['size']:,} bytes) is missing.", AGAIN)
        elif path.stat().st_size != entry["size"] or staging.digests(path, emit).sha256 != entry["sha256"]:
            found[name] = checkpoint.became(path, entry["size"])
    return found


def remove(name: str, is_forgotten: bool, emit: Emit) -> dict[str, Any]:
    """Take a fetched model away, and what is half fetched of it; forget its hashes and terms too where asked.

    Raises RequestError E_MODEL_THERE for a folder that somebody else has put there.
    """
    homes = [home for home in checkpoint.places() if home.is_dir()]
    if foreign := [home / name for home in homes if (home / name).is_dir() and records.of_folder(home / name) is None]:
        why = f"{foreign[0]} was not put there by `models pull`."
        raise RequestError("E_MODEL_THERE", why, "Whoever put it there may take it away.")
    gone = [str(home / name) for home in homes if staging.discard(home, name, emit)]
    if is_forgotten:
        records.forget(name)
    return {"name": name, "removed": gone, "forgotten": is_forgotten}
