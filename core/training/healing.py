"""The seam healer: shown what the network guesses from noisy latents, it learns to give back the rendered frames."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from platewright.nets.decoder import SPAN, PatchBasis, SeamHealer
from platewright.nets.draft_video import DraftVideo, ray_tokens

from .dataset import load_shard, shard_path
from .latents import as_signed, draw_words

HEALER = {"width": 32, "depth": 4}
CLIPS = 3  # per step
RATE = 2e-3


def train_healer(
    network: DraftVideo, basis: PatchBasis, clips: Path, vocabulary: dict[str, int], steps: int, path: Path
) -> SeamHealer:
    """The trained healer, kept at `path`: a second call reads it from there."""
    torch.manual_seed(0)
    healer = SeamHealer(**HEALER)
    if path.exists():
        healer.load_state_dict(load_file(path))
        return healer
    optimiser = torch.optim.AdamW(healer.parameters(), lr=RATE, weight_decay=0.0)
    for step in range(steps):
        generator = torch.Generator().manual_seed(90_000 + step)
        guessed, true = guess(
            network, basis, load_shard(shard_path(clips, "train", step % _shards(clips))), vocabulary, generator
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            healed = healer(guessed)
        loss = (healed.float() - true).abs().mean()
        loss.backward()
        optimiser.param_groups[0]["lr"] = (
            RATE * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        optimiser.step()
        optimiser.zero_grad()
        if step % 50 == 0:
            print(f"healer {step}  {loss.item():.4f}  unhealed {(guessed - true).abs().mean().item():.4f}", flush=True)
    save_file(healer.state_dict(), path)
    return healer


@torch.no_grad()
def guess(
    network: DraftVideo,
    basis: PatchBasis,
    shard: dict[str, Tensor],
    vocabulary: dict[str, int],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Frames the network guesses (B, 8, H, W, 3) and the true ones, from latents up to half noise."""
    chosen = torch.randint(len(shard["kinds"]), (CLIPS,), generator=generator)
    span = slice(0, 4 * SPAN)
    frames = as_signed(shard["frames"][chosen, span])
    clean = basis.encode(frames)
    time = (0.03 + 0.5 * torch.rand(CLIPS, 1, generator=generator)).expand(CLIPS, clean.shape[1])
    spread = time[:, :, None, None, None]
    noisy = (1 - spread) * clean + spread * torch.randn(clean.shape, generator=generator)
    rays = ray_tokens(*(shard[name][chosen, span].float() for name in ("directions", "origins", "headings")))
    device = next(network.parameters()).device
    words = draw_words(shard["kinds"][chosen], vocabulary, 0.1, generator)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        found = network(noisy.to(device), time.to(device), rays.to(device), words.to(device)).float().cpu()
    start = int(torch.randint(0, 9, (), generator=generator).item())
    part = slice(start, start + 8)
    return basis.decode(found)[:, part], frames[:, part]


def seam_ratio(frames: Tensor) -> float:
    """How much steeper pictures (B, F, H, W, 3) are across patch borders than elsewhere; 1 means no seams show."""
    steps = (frames[:, :, :, 1:] - frames[:, :, :, :-1]).abs().mean((0, 1, 2, 4))
    borders = torch.arange(15, len(steps), 16)
    inside = torch.ones(len(steps), dtype=torch.bool)
    inside[borders] = False
    return (steps[borders].mean() / steps[inside].mean()).item()


def _shards(clips: Path) -> int:
    return len(list(clips.glob("train_*.safetensors")))


def heal(healer: SeamHealer, frames: Tensor) -> Tensor:
    """Healed frames within -1..1."""
    with torch.no_grad():
        return functional.hardtanh(healer(frames))
