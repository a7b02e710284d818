"""The strict reader of plate.json: a manifest that is missing, torn, foreign or contradicts itself is refused.

It is `"format": "platewright.plate", "version": 1`. No name in it leads out of the plate's folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .disk import read_json
from .errors import PlateError

FORMAT = "platewright.plate"
VERSION = 1
SEAL = "record_sha256"                             # of all else that the manifest says


def read_manifest(folder: Path) -> dict[str, Any]:
    """plate.json after its form was checked; PlateError E_MANIFEST: missing, torn, foreign or reaching outside."""
    try:
        document = read_json(folder / "plate.json")
    except FileNotFoundError:
        raise _unusable(folder, _why_unfinished(folder)) from None
    except (OSError, ValueError) as error:
        raise _unusable(folder, f"plate.json cannot be read: {error}") from None
    for fault in _faults(document):
        raise _unusable(folder, fault)
    return document


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the hash of all else it says: by it a byte that changes in plate.json itself is found."""
    told = {key: value for key, value in document.items() if key != SEAL}
    return told | {SEAL: _fingerprint(told)}


def is_as_sealed(document: Mapping[str, Any]) -> bool:
    """Whether a manifest that was read says what it said when it was written; older ones have no hash of their own."""
    return SEAL not in document or document == sealed(document)


def proxies(document: Mapping[str, Any]) -> list[Any]:
    """The entries of the plate's proxies, in a folder of their own; none where it has none."""
    told = ((document.get("picture") or {}).get("delivery") or {}).get("proxy") or {}
    return told.get("files", [])


def _unusable(folder: Path, reason: str) -> PlateError:
    hint = "Continue its job with --resume, or fetch the folder again from where it was made."
    return PlateError("E_MANIFEST", f"{folder.resolve().name}: {reason}.", hint)


def _why_unfinished(folder: Path) -> str:
    try:
        record = read_json(folder / "job.json")
    except (OSError, ValueError):
        return "there is no plate.json here"
    status = {"running": "running, or was killed"}.get(str(record.get("status")), record.get("status"))
    why = (record.get("error") or {}).get("message", "").rstrip(".")
    return f"the plate is not finished, its job is {status}{': ' if why else ''}{why}"


def _faults(document: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the manifest itself."""
    if document.get("format") != FORMAT:
        yield f'plate.json does not say "{FORMAT}"'
    if document.get("version") != VERSION:
        yield f"its version is {document.get('version')!r}; this Platewright reads {VERSION}"
    yield from _missing_keys(document)
    for entry in [*document["frames"], *document["companions"], *proxies(document)]:
        yield from _entry_faults(entry)
    yield from _range_faults(document["frames"])
    if document["request"] is not None and _fingerprint(document["request"]) != document["request_sha256"]:
        yield "the request does not have the hash that is written beside it"


def _missing_keys(document: dict[str, Any]) -> Iterator[str]:
    kinds: dict[str, type | tuple[type, ...]] = {
        "frames": list, "companions": list, "camera": dict, "timings": dict, "warnings": list, "status": str,
        "request": (dict, type(None)), "model": (dict, type(None)), "match": (dict, type(None)),
    }  # fmt: skip
    for key, kind in kinds.items():
        if not isinstance(document.get(key, ...), kind):
            yield f"{key!r} is missing or of the wrong kind"
    for key in ("request_sha256", "seed", "device"):
        if key not in document:
            yield f"{key!r} is missing"
    if document.get("status") != "done":
        yield f"its status is {document.get('status')!r}"


def _entry_faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "an entry is no object"
    file, size, sha256 = (entry.get(key) for key in ("file", "size", "sha256"))
    if not (isinstance(file, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", file)):
        yield f"{str(file)[:80]!r} is not a plain name inside the folder"
    if not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256) and type(size) is int and size >= 0):
        yield f"{file} has no size or no SHA-256"


def _range_faults(frames: list[dict[str, Any]]) -> Iterator[str]:
    numbers: list[int] = [entry["frame"] for entry in frames if type(entry.get("frame")) is int]
    if not numbers or len(numbers) < len(frames):
        yield "its list of frames is empty or has no numbers"
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        yield "its frames are not contiguous"
    for number, entry in zip(numbers, frames, strict=True):
        if not re.fullmatch(rf".*\.{number:04d}\.(exr|png)", entry["file"]):
            yield f"frame {number} is called {entry['file']}"


def _fingerprint(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
