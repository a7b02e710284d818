"""The weights as they travel: safetensors shards in half precision and the card that names each with its hash.

    python -m training.train --config cpu-three-hours --out DIR --only export     what a run has reached, into DIR/model
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from platewright.nets.draft_decoder import DraftDecoder
from platewright.nets.draft_denoiser import DraftVideo
from platewright.nets.draft_text import TextEncoder
from platewright.nets.patches import Patches
from platewright.weights import FORMAT, VERSION

SHARD_BYTES = 16 * 1024 * 1024 - 64 * 1024  # of tensors in one file; the rest is room for its header
TOTAL_BYTES = 64_000_000


def export(
    folder: Path,
    network: DraftVideo,
    decoder: DraftDecoder,
    patches: Patches,
    text: TextEncoder,
    window: int,
    training: Mapping[str, Any],
) -> Path:
    """Write the shards and `draft.json` into a folder; returns the card's path. Raises ValueError if too large."""
    parts: dict[str, nn.Module] = {"network.": network, "decoder.": decoder, "patches.": patches, "text.": text}
    tensors = {
        prefix + name: halved(tensor)
        for prefix, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    packs = [save(pack) for pack in packed(tensors)]
    if sum(map(len, packs)) > TOTAL_BYTES:
        raise ValueError(f"the weights take {sum(map(len, packs))} bytes, more than {TOTAL_BYTES}")
    names = [f"draft-{n + 1:05d}-of-{len(packs):05d}.safetensors" for n in range(len(packs))]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("draft*.safetensors"):
        old.unlink()
    for name, pack in zip(names, packs, strict=True):
        (folder / name).write_bytes(pack)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "name": "draft",
        "files": {name: hashlib.sha256(pack).hexdigest() for name, pack in zip(names, packs, strict=True)},
        "bytes": sum(map(len, packs)),
        "licence": "Apache-2.0",
        "parameters": {prefix.rstrip("."): sum(p.numel() for p in part.parameters()) for prefix, part in parts.items()},
        "network": asdict(network.config),
        "decoder": asdict(decoder.config),
        "text": asdict(text.config),
        "window": window,
        "training": dict(training),
    }
    path = folder / "draft.json"
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return path


def halved(tensor: Tensor) -> Tensor:
    """Floating point numbers in half precision, whole numbers as they are."""
    tensor = tensor.detach().cpu()
    return (tensor.to(torch.float16) if tensor.is_floating_point() else tensor).contiguous()


def packed(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors in as few packs as hold them in their order, none above SHARD_BYTES."""
    packs: list[dict[str, Tensor]] = [{}]
    left = SHARD_BYTES
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if size > left and packs[-1]:
            packs.append({})
            left = SHARD_BYTES
        packs[-1][name] = tensor
        left -= size
    return packs
