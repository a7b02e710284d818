"""Tileable noise: random phases under a power law, kept at several blurs so that distance never aliases."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TEXTURE = 256  # texels per tile
LEVELS = 7  # each level is blurred twice as wide as the one before


def fractal_texture(generator: torch.Generator, slopes: tuple[float, ...], stretch: float = 1.0) -> Tensor:
    """A stack (1, C, LEVELS, TEXTURE + 1, TEXTURE + 1) of tileable noise, mean 0, deviation 1 at level 0.

    slopes   one channel each: amplitude falls as frequency ** -slope
    stretch  above 1 the features are longer along x, as wind makes them
    """
    fy = torch.fft.fftfreq(TEXTURE)[:, None] * TEXTURE
    fx = torch.fft.rfftfreq(TEXTURE)[None, :] * TEXTURE * stretch
    frequency = torch.sqrt(fx * fx + fy * fy).clamp_min(1.0)
    white = torch.fft.rfft2(torch.randn(len(slopes), TEXTURE, TEXTURE, generator=generator))
    levels = []
    for level in range(LEVELS):
        blur = torch.exp(-0.5 * (frequency * 2.0**level / TEXTURE) ** 2 * 4.0) if level else torch.ones_like(frequency)
        shaped = [white[c] * frequency**-slope * blur for c, slope in enumerate(slopes)]
        levels.append(torch.fft.irfft2(torch.stack(shaped), s=(TEXTURE, TEXTURE)))
    stack = torch.stack(levels, 1)
    stack = (stack - stack[:, :1].mean((2, 3), keepdim=True)) / stack[:, :1].std((2, 3), keepdim=True)
    return functional.pad(stack, (0, 1, 0, 1), mode="circular")[None].contiguous()


def look_up(stack: Tensor, x: Tensor, y: Tensor, footprint: Tensor) -> Tensor:
    """Noise (C, N) at tile coordinates x, y (N; 1.0 is one tile), blurred to `footprint` (N, in tiles)."""
    level = torch.log2((footprint * TEXTURE).clamp(1.0, 2.0 ** (LEVELS - 1)))
    scale = 2.0 * TEXTURE / TEXTURE
    grid = torch.stack([torch.remainder(x, 1) * scale - 1, torch.remainder(y, 1) * scale - 1, level], -1)
    grid[..., 2] = grid[..., 2] * (2.0 / (LEVELS - 1)) - 1
    return functional.grid_sample(stack, grid[None, None, None], align_corners=True)[0, :, 0, 0]


def fractal_profile(generator: torch.Generator, slope: float, lowest: int, size: int = 4096) -> Tensor:
    """A closed curve (size + 1) of noise, mean 0, deviation 1, nothing slower than `lowest` waves around."""
    frequency = torch.fft.rfftfreq(size) * size
    weight = torch.where(frequency >= lowest, frequency.clamp_min(1.0) ** -slope, 0.0)
    curve = torch.fft.irfft(torch.fft.rfft(torch.randn(size, generator=generator)) * weight, n=size)
    curve = (curve - curve.mean()) / curve.std()
    return torch.cat([curve, curve[:1]])


def profile_at(curve: Tensor, turn: Tensor) -> Tensor:
    """The curve at `turn` (any shape; 1.0 is once around), linear in between."""
    place = torch.remainder(turn, 1.0) * (len(curve) - 1)
    index = place.long().clamp_max(len(curve) - 2)
    return torch.lerp(curve[index], curve[index + 1], place - index)
