"""From noise to latents: schedules, steps, guidance and seeded noise, as plain functions.

Straight paths (rectified flow): x_t = (1 - t) * clean + t * noise, so t = 1 is noise and t = 0 the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SHARED = 0.5  # of the power of the noise that all frames of a window have in common
Denoise = Callable[[Tensor, Tensor], Tensor]  # (noisy latent, times (B, L)) -> clean latent


def schedule(steps: int, shift: float = 1.0) -> list[float]:
    """`steps + 1` times from 1 to 0; a shift above 1 dwells on coarse structure (Esser et al. 2024, eq. 23)."""
    even = [1.0 - n / steps for n in range(steps + 1)]
    return [shift * t / (1.0 + (shift - 1.0) * t) for t in even]


def euler_step(noisy: Tensor, clean: Tensor, time: float, next_time: float) -> Tensor:
    """Along the straight line from `noisy` at `time` towards `clean`, as far as `next_time`."""
    return clean + (noisy - clean) * (next_time / time)


def guided(told: Tensor, silent: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): 1 is the prompt as learned, more exaggerates it."""
    return silent + guidance * (told - silent)


def window_noise(shape: Sequence[int], seed: int, window: int) -> Tensor:
    """White noise drawn on the CPU, so every device starts from the same bytes; one stream per window of a path."""
    generator = torch.Generator(device="cpu").manual_seed((seed * 1_000_003 + window * 7_919 + 17) % 2**63)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)

def frames_noise(white: Tensor) -> Tensor:
    """Noise (B, L, C, h, w) of white noise (B, L + 1, C, h, w): each frame's own, mixed with what all have in common.

    The frames of a shot are alike, so they begin alike: what a small network leaves of the noise then does not flicker
    (mixed noise: Ge et al. 2023, "Preserve Your Own Correlation", section 4.2).
    """
    return white[:, :1] * math.sqrt(SHARED) + white[:, 1:] * math.sqrt(1.0 - SHARED)


def sample_step(denoise: Denoise, noisy: Tensor, given: int, time: float, next_time: float) -> Tensor:
    """One Euler step of a window (B, L, C, h, w) whose first `given` latent frames are finished and stay."""
    times = torch.full(noisy.shape[:2], time, dtype=noisy.dtype, device=noisy.device)
    times[:, :given] = 0.0
    stepped = euler_step(noisy, denoise(noisy, times), time, next_time)
    return torch.cat([noisy[:, :given], stepped[:, given:]], 1)
