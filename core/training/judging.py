"""What a run shows of itself on clips that it never trains on: figures, and pictures from noise."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import torch
from torch import Tensor

from platewright.nets.draft_decoder import DOUBT, DraftDecoder, in_time
from platewright.nets.draft_denoiser import DraftVideo, light_beside
from platewright.nets.patches import Patches
from platewright.sampling import guided, sample_step, schedule
from platewright.sights import sights, view_of
from platewright.world_noise import WorldNoise

from .latents import Clips, Lesson, guide_of
from .learning import drawn_noise
from .paints import EVERY, paints_of

TIMES = (0.3, 0.6, 0.8, 0.95)
SHIFT = 2.0  # of the schedule


@torch.no_grad()
def held_out_figures(network: DraftVideo, patches: Patches, lesson: Lesson) -> dict[str, float]:
    """Loss and PSNR of the clean guess, with the right cameras and with cameras exchanged among the clips.

    PSNR is over pixels in 0..1, from noise at time 0.8 with nothing given: the network has to know where things go.
    """
    exchanged = replace(lesson, seen=lesson.seen.roll(1, 0), light=lesson.light.roll(1, 0))
    right = [_error(network, patches, lesson, time) for time in TIMES]
    wrong = [_error(network, patches, exchanged, time) for time in TIMES]
    at = TIMES.index(0.8)
    return {
        "loss": _mean([loss for loss, _ in right]),
        "loss_shuffled": _mean([loss for loss, _ in wrong]),
        "psnr": right[at][1],
        "psnr_shuffled": wrong[at][1],
    }


def _error(network: DraftVideo, patches: Patches, lesson: Lesson, time: float) -> tuple[float, float]:
    clean = lesson.latents
    noise = drawn_noise(clean, torch.Generator().manual_seed(5))
    times = torch.full(clean.shape[:2], time, device=clean.device)
    with torch.autocast(clean.device.type, dtype=torch.bfloat16):
        found = network((1 - time) * clean + time * noise, times, lesson.seen, lesson.text, lesson.light).float()
    pixels = ((patches.decode(found) - patches.decode(clean)) / 2).square().mean().item()
    return ((found - clean) / time).square().mean().item(), -10 * math.log10(pixels)


@torch.no_grad()
def sample(network: DraftVideo, lesson: Lesson, steps: int, guidance: float, seed: int) -> Tensor:
    """Latents like the lesson's, from noise, its cameras, lights and words."""
    silent = torch.zeros_like(lesson.text)

    def denoise(noisy: Tensor, times: Tensor) -> Tensor:
        with torch.autocast(noisy.device.type, dtype=torch.bfloat16):
            told = network(noisy, times, lesson.seen, lesson.text, lesson.light).float()
            return guided(told, network(noisy, times, lesson.seen, silent, lesson.light).float(), guidance)

    noisy = drawn_noise(lesson.latents, torch.Generator().manual_seed(seed))
    for now, then in itertools.pairwise(schedule(steps, SHIFT)):
        noisy = sample_step(denoise, noisy, 0, now, then)
    return noisy


@torch.no_grad()
def painted(decoder: DraftDecoder, patches: Patches, clips: Clips, latents: Tensor, times: list[int]) -> Tensor:
    """Decoded pictures (B, N, H, W, 3), about -1..1, of the first clips at some times, multiples of `paints.EVERY`."""
    made = []
    for clip, linear in enumerate(patches.decode(latents)):
        shard, n = clips.where[clip]
        part = clips.shards[shard]
        at = torch.tensor(times, device=latents.device)
        height, width = linear.shape[1:3]
        view = view_of(part["poses"][n, at], part["lenses"][n, at], (width, height), (width, height), 0.0)
        noise, sun = WorldNoise(int(part["seed"][n]), latents.device), part["sun"][n]
        seen = sights(view, noise, part["seconds"][n, at], sun, guide_of(part, n, at))
        text = clips.texts[shard][n, :1].expand(len(at), -1)
        told = paints_of(clips.paints[shard][n, at // EVERY])
        doubt = torch.full((len(at),), DOUBT, device=latents.device)
        with torch.autocast(latents.device.type, dtype=torch.bfloat16):
            made.append(decoder(in_time(linear, at), seen, told, text, light_beside(sun, view.headings), doubt).float())
    return torch.stack(made).permute(0, 1, 3, 4, 2)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
