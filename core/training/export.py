"""The weights as they travel: one safetensors file in half precision and the card that names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from platewright.nets.decoder import PatchBasis, SeamHealer
from platewright.nets.draft_video import DraftVideo
from platewright.weights import FORMAT, VERSION

from .captions import vocabulary


def export(
    folder: Path,
    network: DraftVideo,
    basis: PatchBasis,
    healer: SeamHealer,
    healer_shape: dict[str, int],
    window: int,
    training: dict[str, Any],
) -> Path:
    """Write `draft.safetensors` and `draft.json` into a folder; returns the card's path."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"network.": network, "basis.": basis, "healer.": healer}
    tensors = {
        prefix + name: tensor.detach().cpu().to(torch.float16).contiguous()
        for prefix, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    packed = save(tensors)
    (folder / "draft.safetensors").write_bytes(packed)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "name": "draft",
        "file": "draft.safetensors",
        "sha256": hashlib.sha256(packed).hexdigest(),
        "bytes": len(packed),
        "licence": "Apache-2.0",
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
        "network": asdict(network.config),
        "healer": healer_shape,
        "window": window,
        "words": vocabulary(),
        "training": training,
    }
    path = folder / "draft.json"
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path
