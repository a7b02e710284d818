"""The seam healer: shown what the network guesses from noisy latents, it learns to give back the rendered frames."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from platewright.nets.decoder import SPAN, PatchBasis, SeamHealer
from platewright.nets.draft_video import DraftVideo, ray_tokens
from platewright.sampling import calmed, sample_step, schedule

from .dataset import load_shard, shard_path
from .latents import as_signed, draw_words

HEALER = {"width": 32, "depth": 5}
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
        shard = load_shard(shard_path(clips, "train", step % _shards(clips)))
        shown = guess(network, basis, shard, vocabulary, generator)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            healed = healer(shown.frames, shown.directions, shown.origins)
        loss = healing_loss(healed.float(), shown.true)
        loss.backward()
        optimiser.param_groups[0]["lr"] = (
            RATE * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        optimiser.step()
        optimiser.zero_grad()
        if step % 20 == 0:
            unhealed = healing_loss(shown.frames, shown.true).item()
            print(f"healer {step}  {loss.item():.4f}  unhealed {unhealed:.4f}", flush=True)
    save_file(healer.state_dict(), path)
    return healer


def healing_loss(frames: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of frames (B, F, H, W, 3) and of their steps in time and space: seams are steps."""
    steps = [(frames.diff(dim=axis) - true.diff(dim=axis)).abs().mean() for axis in (1, 2, 3)]
    return 0.5 * (frames - true).abs().mean() + 2.0 * torch.stack(steps).sum()


@dataclass(frozen=True, slots=True)
class Guessed:
    """What the network made of noisy latents, (B, F, H, W, 3) in -1..1, the true frames, and the cameras' rays."""

    frames: Tensor
    true: Tensor
    directions: Tensor
    origins: Tensor


@torch.no_grad()
def guess(
    network: DraftVideo,
    basis: PatchBasis,
    shard: dict[str, Tensor],
    vocabulary: dict[str, int],
    generator: torch.Generator,
) -> Guessed:
    """Clips noised by half to nine tenths and sampled back in four steps, invented detail and all."""
    chosen = torch.randint(len(shard["kinds"]), (CLIPS,), generator=generator)
    span = slice(0, 4 * SPAN)
    true = as_signed(shard["frames"][chosen, span])
    clean = basis.encode(true)
    camera = {name: shard[name][chosen, span].float() for name in ("directions", "origins", "headings")}
    rays, words = ray_tokens(**camera), draw_words(shard["kinds"][chosen], vocabulary, 0.1, generator)
    device = next(network.parameters()).device

    def denoise(noisy: Tensor, times: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return network(noisy, times, rays.to(device), words.to(device)).float()

    start = 0.45 + 0.45 * torch.rand((), generator=generator).item()
    noisy = ((1 - start) * clean + start * calmed(torch.randn(clean.shape, generator=generator))).to(device)
    for now, then in itertools.pairwise(start * time for time in schedule(4)):
        noisy = sample_step(denoise, noisy, 0, now, then)
    first = int(torch.randint(0, 9, (), generator=generator).item())
    part = slice(first, first + 8)
    return Guessed(
        basis.decode(noisy.cpu())[:, part], true[:, part], camera["directions"][:, part], camera["origins"][:, part]
    )


def seam_ratio(frames: Tensor) -> float:
    """How much steeper pictures (B, F, H, W, 3) are across patch borders than elsewhere; 1 means no seams show."""
    steps = (frames[:, :, :, 1:] - frames[:, :, :, :-1]).abs().mean((0, 1, 2, 4))
    borders = torch.arange(15, len(steps), 16)
    inside = torch.ones(len(steps), dtype=torch.bool)
    inside[borders] = False
    return (steps[borders].mean() / steps[inside].mean()).item()


def _shards(clips: Path) -> int:
    return len(list(clips.glob("train_*.safetensors")))


def heal(healer: SeamHealer, shown: Guessed) -> Tensor:
    """Healed frames within -1..1."""
    with torch.no_grad():
        return functional.hardtanh(healer(shown.frames, shown.directions, shown.origins))
