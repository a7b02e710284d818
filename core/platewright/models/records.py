"""What was fetched, kept twice: in the model's folder, for whoever loads it, and in the cache, for the next fetch.

    <model>/.platewright.json          commits, sizes and sha256 of all its files, whose acceptance of which terms
    <cache>/records/<name>.json        the same after the folder is gone: what was recorded at first use stays true
                                       until it is forgotten on purpose

Errors  BackendError E_MODEL_CORRUPT (a record that cannot be read)
"""

from __future__ import annotations

import getpass
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import disk
from ..errors import BackendError
from .checkpoint import cache_folder, find

RECORD = ".platewright.json"
FORMAT = "platewright.fetched"


def of_folder(folder: Path) -> dict[str, Any] | None:
    """The record in a model's folder; None where somebody else has put the folder there."""
    return _read(folder / RECORD)


def remembered(name: str) -> dict[str, Any]:
    """What was recorded of this model at any time; empty for one never fetched."""
    return _read(_memory(name)) or {}


def write(folder: Path, record: dict[str, Any]) -> None:
    """Leave a record in the folder, and remember it."""
    whole = {"format": FORMAT, "version": 1, **record}
    disk.write_json(folder / RECORD, whole, is_durable=True)
    _remember(record["name"], {**remembered(record["name"]), **whole})


def forget(name: str) -> None:
    """The next fetch is a first one again."""
    disk.remove(_memory(name))


def commits(name: str, folder: Path | None = None) -> list[str]:
    """The commits that the model's folder was fetched at; empty where that is not known."""
    try:
        record = of_folder(find(name, folder))
    except BackendError:
        return []
    return [source["commit"] for source in (record or {}).get("sources", []) if source.get("commit")]


def acceptance(name: str, terms_sha256: str) -> dict[str, str] | None:
    """Who accepted exactly these terms, and when."""
    found = remembered(name).get("accepted") or {}
    return found if found.get("terms_sha256") == terms_sha256 else None


def accept(name: str, terms_sha256: str) -> dict[str, str]:
    """Record that whoever runs this accepts these terms now."""
    try:
        who = getpass.getuser()
    except (OSError, KeyError, ImportError):           # a container's user may have no name
        who = "unknown"
    when = datetime.now(UTC).isoformat(timespec="seconds")
    given = {"who": f"{who} on {platform.node()}", "when": when, "terms_sha256": terms_sha256}
    _remember(name, {"format": FORMAT, "version": 1, "name": name, **remembered(name), "accepted": given})
    return given


def _memory(name: str) -> Path:
    return cache_folder() / "records" / f"{name}.json"


def _remember(name: str, record: dict[str, Any]) -> None:
    _memory(name).parent.mkdir(parents=True, exist_ok=True)
    disk.write_json(_memory(name), record, is_durable=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = disk.read_json(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        hint = "Remove this file; the model is then fetched and recorded anew."
        raise BackendError("E_MODEL_CORRUPT", f"{path} cannot be read: {error}.", hint) from error
    if found.get("format") != FORMAT:
        raise BackendError("E_MODEL_CORRUPT", f"{path} is no record of ours.", "Remove this file.")
    return found
