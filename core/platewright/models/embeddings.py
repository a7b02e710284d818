"""What a text encoder made of a prompt, kept: the encoder is loaded for a new prompt only, and gone right after.

An encoder takes up to 24 GB for a few megabytes of numbers, and sequences, tries and resumed jobs say the same words.
A kept embedding belongs to the encoder's very files, the words, and the number format: other ones, another file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import disk
from ..errors import BackendError, PlateError
from .checkpoint import cache_folder
from .hashes import of_files

if TYPE_CHECKING:
    from torch import Tensor

Embedding = dict[str, "Tensor"]
SUFFIXES = (".safetensors", ".json", ".model", ".txt")


def embedded(parts: list[Path], said: dict[str, str], make: Callable[[], Embedding]) -> Embedding:
    """What `make` answers, or answered before, on the CPU.

    parts   folders of all that shapes the embedding: tokenizer, encoder, connectors
    said    what is embedded and how: prompts, number format, length
    Raises what `make` raises, and BackendError E_NOT_FINITE.
    """
    file = _file(parts, said)
    found = _kept(file)
    if found is None:
        found = {name: tensor.detach().cpu().contiguous() for name, tensor in make().items()}
        _refuse_no_numbers(found, parts)
        _keep(file, found)
    return found


def _file(parts: list[Path], said: dict[str, str]) -> Path:
    files = [of_files([path for path in sorted(part.iterdir()) if path.suffix in SUFFIXES]) for part in parts]
    text = json.dumps([files, said], sort_keys=True)
    return cache_folder() / "embeddings" / f"{hashlib.sha256(text.encode('utf-8')).hexdigest()}.safetensors"


def _kept(file: Path) -> Embedding | None:
    """None where there is none, or one that is not whole: it will be made again."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError):
        return None


def _keep(file: Path, embedding: Embedding) -> None:
    from safetensors.torch import save

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_bytes(file, save(embedding))
    except (OSError, PlateError):
        pass  # a cache that cannot be written costs time, nothing else


def _refuse_no_numbers(embedding: Embedding, parts: list[Path]) -> None:
    for name, tensor in embedding.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            why = f"{parts[0]} made no numbers of the prompt ({name})."
            raise BackendError("E_NOT_FINITE", why, "Try other words, or another device.")
