"""Latents on disk before they are decoded: a crash, or a new decode, costs no sampling.

The file is found again by what it was made from; the newest few are kept. 961 frames of SANA-WM are 55 MB. While a
plate is made (`of_plate`) each also says for which, so that decode, lock and frames can be a task of their own: see
`decoding`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import disk
from ..errors import PlateError
from .checkpoint import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

FORMAT, VERSION = "platewright.latents", "1"
KEPT_MAX = 48  # files


@dataclass(slots=True)
class Record:
    """The plate that is being made, and its latents on disk."""

    plate: dict[str, Any]                          # its job, as plain data
    files: list[Path] = field(default_factory=list[Path])
    sampler: dict[str, Any] | None = None          # what takes the steps: the files say so, too


_RECORD: ContextVar[Record | None] = ContextVar("platewright.latents", default=None)


@contextmanager
def of_plate(plate: dict[str, Any]) -> Iterator[Record]:
    """While it lasts, what is kept or found belongs to this plate."""
    here = Record(plate)
    token = _RECORD.set(here)
    try:
        yield here
    finally:
        _RECORD.reset(token)


def note_sampler(sampler: dict[str, Any]) -> None:
    """What is kept from now on for the plate was sampled so; plain data."""
    if here := _RECORD.get():
        here.sampler = sampler


def file_for(origin: dict[str, Any]) -> Path:
    """Where latents made from exactly this are kept; `origin` is plain data."""
    text = json.dumps(origin, sort_keys=True, allow_nan=False)
    return cache_folder() / "latents" / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}.safetensors"


def kept(file: Path) -> Tensor | None:
    """The latents of an earlier job; None where there are none, or not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(file)["latents"]
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    _note(file)
    return found


def keep(file: Path, latents: Tensor, facts: dict[str, str]) -> str:
    """Write them, whole or not at all, and let the oldest go; why not, where the disk does not take them."""
    from safetensors.torch import save

    here = _RECORD.get()
    of_it = {"plate": here.plate, "sampler": here.sampler} if here else {}
    told = {name: json.dumps(fact, sort_keys=True, allow_nan=False) for name, fact in of_it.items() if fact is not None}
    metadata = {"format": FORMAT, "version": VERSION, **told, **facts}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_bytes(file, save({"latents": latents.detach().cpu().contiguous()}, metadata=metadata))
        _forget_oldest(file.parent)
    except (OSError, PlateError) as error:
        return str(error)
    _note(file)
    return ""


def _note(file: Path) -> None:
    if here := _RECORD.get():
        here.files.append(file)


def _forget_oldest(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in newest_first[KEPT_MAX:]:
        file.unlink(missing_ok=True)
