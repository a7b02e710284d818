"""Where a run stands, and how tensors are kept: what is under its final name is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


@dataclass(slots=True)
class Progress:
    """How far one network has come."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    held_out: list[dict[str, float]] = field(default_factory=list)
    state: str = ""  # the file that holds its tensors

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> Progress:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def save_whole(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file that is whole or not there."""
    part = path.with_suffix(f".part-{os.getpid()}")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part)
    os.replace(part, path)
