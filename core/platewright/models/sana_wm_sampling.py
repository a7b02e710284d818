"""SANA-WM's first stage: from noise, a first picture and a camera to latents.

The steps are those of diffusers 0.42.1, `SanaWMPipeline.__call__`, with two exact changes: prompt and negative prompt
go through the transformer one after the other, which halves the activations, and latents stay float32 in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..camera import CameraPath
from .far_side import Held, put
from .sana_wm_camera import cells, latent_frames
from .sana_wm_exact import camera_arguments

Told = tuple[Tensor, Tensor]  # a prompt: embedding (1, 1, L, D) and mask (1, L)
Transformer = Any  # SanaWMTransformer3DModel
Scheduler = Any  # FlowMatchEulerDiscreteScheduler


@dataclass(frozen=True, slots=True)
class Shot:
    """One clip to be sampled."""

    camera: CameraPath  # at the model's size, with 8k + 1 frames
    first: Tensor  # normalised latent of the first picture (1, C, 1, h, w)
    prompt: Told
    negative: Told
    steps: int
    guidance: float
    seed: int
    held: Held | None = None  # latents that are known besides the first


@torch.no_grad()
def sampled(
    transformer: Transformer,
    scheduler: Scheduler,
    shot: Shot,
    stepped: Callable[[], None],
) -> Tensor:
    """The latents (1, C, T, h, w), float32, normalised; `transformer` is prepared.

    `stepped` hears of every pass through the transformer, two a step with guidance; it may raise to stop.
    """
    device = transformer.device
    across, down = cells(shot.camera)
    shape = (1, shot.first.shape[1], latent_frames(len(shot.camera)), down, across)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(shot.seed)).to(device)
    latents = noise.clone()
    latents[:, :, :1] = shot.first.to(device)
    free = torch.ones(shape[2], device=device)  # what is sampled: all but the first picture, which is given
    free[0] = 0.0
    known = camera_arguments(transformer, shot.camera)
    scheduler.set_timesteps(shot.steps, device=device)
    for step, time in enumerate(scheduler.timesteps):
        times = torch.minimum(time.float(), free * 1000.0)
        velocity = _velocity(transformer, latents, times, shot.prompt, known)
        stepped()
        if shot.guidance > 1.0:
            plain = _velocity(transformer, latents, times, shot.negative, known)
            stepped()
            velocity = plain + shot.guidance * (velocity - plain)
        moved = _moved(scheduler, latents, velocity, time, times)
        latents = torch.where(free[:, None, None] > 0, moved, latents)
        if shot.held:
            latents = put(latents, shot.held.known, noise, shot.held.places, float(scheduler.sigmas[step + 1]))
    return latents


def passes(steps: int, guidance: float) -> int:
    """How often `sampled` goes through the transformer."""
    return steps * (2 if guidance > 1.0 else 1)


def _velocity(transformer: Transformer, noisy: Tensor, times: Tensor, told: Told, known: dict[str, Any]) -> Tensor:
    """What one prompt makes of noisy latents, float32; times (T,) are 0 .. 1000."""
    embedding, mask = (part.to(noisy.device) for part in told)
    return transformer(noisy, times[None, None], embedding, mask=mask, return_dict=False, **known)[0].float()


def _moved(scheduler: Scheduler, latents: Tensor, velocity: Tensor, time: Tensor, times: Tensor) -> Tensor:
    """One Euler step, each latent frame from its own time."""
    tokens, speeds = (part.flatten(2).transpose(1, 2) for part in (latents, -velocity))
    per_token = times.repeat_interleave(latents[0, 0, 0].numel())[None]
    found = scheduler.step(speeds, time, tokens, per_token_timesteps=per_token, return_dict=False)[0]
    return found.transpose(1, 2).reshape(latents.shape)
