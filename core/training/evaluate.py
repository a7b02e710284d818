"""How good the network is on worlds, words and cameras it never saw, and whether it looks at the camera at all."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from platewright.nets.decoder import PatchBasis
from platewright.nets.draft_video import DraftVideo, ray_tokens
from platewright.sampling import guided, sample_step, schedule

from .latents import Batch

TIMES = (0.3, 0.6, 0.8, 0.95)


@torch.no_grad()
def held_out_figures(network: DraftVideo, basis: PatchBasis, batch: Batch, words: Tensor) -> dict[str, float]:
    """Loss and PSNR of the clean guess, with the right cameras and with cameras exchanged among the clips.

    PSNR is over pixels in 0..1, from noise at time 0.8 with nothing given: the network has to know where things go.
    """
    rays = ray_tokens(batch.directions, batch.origins, batch.headings)
    right = [_error(network, basis, batch.latents, rays, words, time) for time in TIMES]
    wrong = [_error(network, basis, batch.latents, rays.roll(1, 0), words, time) for time in TIMES]
    at = TIMES.index(0.8)
    return {
        "loss": _mean([e[0] for e in right]),
        "loss_shuffled": _mean([e[0] for e in wrong]),
        "psnr": right[at][1],
        "psnr_shuffled": wrong[at][1],
    }


def _error(
    network: DraftVideo, basis: PatchBasis, clean: Tensor, rays: Tensor, words: Tensor, time: float
) -> tuple[float, float]:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(5)).to(clean.device)
    times = torch.full(clean.shape[:2], time, device=clean.device)
    with torch.autocast(clean.device.type, dtype=torch.bfloat16):
        found = network((1 - time) * clean + time * noise, times, rays, words).float()
    pixels = ((basis.decode(found) - basis.decode(clean)) / 2).square().mean().item()
    return ((found - clean) / time).square().mean().item(), -10 * math.log10(pixels)


@torch.no_grad()
def sample(network: DraftVideo, batch: Batch, words: Tensor, steps: int, guidance: float, seed: int) -> Tensor:
    """Latents like the batch's, from noise, its cameras and the words."""
    rays = ray_tokens(batch.directions, batch.origins, batch.headings)

    def denoise(noisy: Tensor, times: Tensor) -> Tensor:
        with torch.autocast(noisy.device.type, dtype=torch.bfloat16):
            told = network(noisy, times, rays, words).float()
            return guided(told, network(noisy, times, rays, torch.zeros_like(words)).float(), guidance)

    noisy = torch.randn(batch.latents.shape, generator=torch.Generator().manual_seed(seed)).to(batch.latents.device)
    times = schedule(steps, 2.0)
    for now, then in itertools.pairwise(times):
        noisy = sample_step(denoise, noisy, 0, now, then)
    return noisy


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
