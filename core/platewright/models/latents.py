"""Latents on disk before they are decoded: a crash, or a new decode, costs no sampling.

The file is found again by what it was made from; the newest few are kept. 961 frames of SANA-WM are 55 MB.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import disk
from ..errors import PlateError
from .checkpoint import cache_folder

if TYPE_CHECKING:
    from torch import Tensor

FORMAT, VERSION = "platewright.latents", "1"
KEPT_MAX = 24  # files


def file_for(origin: dict[str, Any]) -> Path:
    """Where latents made from exactly this are kept; `origin` is plain data."""
    text = json.dumps(origin, sort_keys=True, allow_nan=False)
    return cache_folder() / "latents" / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}.safetensors"


def kept(file: Path) -> Tensor | None:
    """The latents of an earlier job; None where there are none, or not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)["latents"]
    except (SafetensorError, OSError, ValueError, KeyError):
        return None


def keep(file: Path, latents: Tensor, facts: dict[str, str]) -> str:
    """Write them, whole or not at all, and let the oldest go; why not, where the disk does not take them."""
    from safetensors.torch import save

    metadata = {"format": FORMAT, "version": VERSION, **facts}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_bytes(file, save({"latents": latents.detach().cpu().contiguous()}, metadata=metadata))
        _forget_oldest(file.parent)
    except (OSError, PlateError) as error:
        return str(error)
    return ""


def _forget_oldest(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in newest_first[KEPT_MAX:]:
        file.unlink(missing_ok=True)
