"""What clips are painted with, worked out once and kept beside them: `layout.painting` of a few of their frames.

Not every lesson is told it, and some only where nothing stands near: an artist's own scene comes without.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from platewright.layout.lands import Land
from platewright.layout.painting import Painter
from platewright.layout.worlds import draw_world
from platewright.world_noise import WorldNoise

from .progress import save_whole

EVERY = 4  # frames are painted
MOST = 4.0  # that a byte can say: only the sun's glitter is brighter
UNTOLD, NEARLY = 0.2, 0.2  # shares of the guided lessons: without paints, and without those of what is near
NEAR_M = (4.0, 60.0)  # least, and times up to so much


def painted_once(clips: Path, path: Path, device: str) -> Path:
    """The file of a shard's paints (N, frames, PAINTS, H, W), bytes, made if it is missing."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shard = load_file(clips)
        save_whole({"paints": torch.stack([_painted(shard, n, device) for n in range(len(shard["seed"]))])}, path)
    return path


def _painted(shard: dict[str, Tensor], n: int, device: str) -> Tensor:
    """Of one clip (frames, PAINTS, H, W): roots, as the eye takes light in, so that bytes will do."""
    world = draw_world(int(shard["seed"][n]))
    noise = WorldNoise(world.seed, device)
    painter = Painter(Land(world, noise, device), noise)
    frames = range(0, shard["frames"].shape[1], EVERY)
    made = [
        painter.paints(
            shard["poses"][n, f], shard["lenses"][n, f], shard["distance"][n, f].float().to(device),
            float(shard["seconds"][n, f]),
        )
        for f in frames
    ]  # fmt: skip
    return ((torch.stack(made) / MOST).clamp(0, 1).sqrt() * 255).round().to(torch.uint8).cpu()


def paints_of(kept: Tensor) -> Tensor:
    """Paints (..., PAINTS, H, W) from bytes."""
    paints = (kept.float() / 255).square() * MOST
    paints.select(-3, 0).fill_(1.0)
    return paints


def as_told(paints: Tensor, distance: Tensor, draw: torch.Generator) -> Tensor:
    """Paints (N, PAINTS, H, W) as far as a lesson is told them; `distance` (N, H, W) of what is there, 0 for sky."""
    kind, near = torch.rand(2, generator=draw).tolist()
    if kind < UNTOLD:
        return torch.zeros_like(paints)
    if kind > UNTOLD + NEARLY:
        return paints
    reach = NEAR_M[0] * NEAR_M[1] ** near
    return paints * ~((distance > 0) & (distance < reach))[:, None]
