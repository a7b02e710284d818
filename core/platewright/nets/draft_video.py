"""The embedded video network: a small diffusion transformer over patch latents that reads rays and words.

Tokens are cells of latent frames; each latent frame has its own diffusion time, so finished ones (time 0) can lead.
Rays are added to the tokens and the words steer every layer. The output is the clean latent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..conditioning import FEATURES, ray_features

SPAN = 4  # frames in a latent frame
CELLS = 4  # rays per token across and down
RAY_FRAMES = (0, 3)  # which of a latent frame's four frames lend their rays


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftConfig:
    """Shape of the network; written into the model's card."""

    latent: int = 192  # channels of a latent cell
    width: int = 256
    depth: int = 7
    heads: int = 4
    words: int = 1  # size of the vocabulary; word 0 is silence


class DraftVideo(nn.Module):
    """clean = network(noisy latent, times, rays, words)."""

    deviation: Tensor

    def __init__(self, config: DraftConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("deviation", torch.ones(config.latent))
        self.read = nn.Linear(config.latent, width)
        self.rays = nn.Sequential(
            nn.Linear(FEATURES * len(RAY_FRAMES) * CELLS**2, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.word = nn.Embedding(config.words, width)
        self.told = nn.Linear(width, width)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.steer = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.depth))
        self.last = nn.Linear(width, 2 * width)
        self.write = nn.Linear(width, config.latent)
        nn.init.normal_(self.word.weight, std=0.5)
        for layer in (self.steer, self.last, self.write):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, times: Tensor, rays: Tensor, words: Tensor) -> Tensor:
        """Clean latents (B, L, C, h, w).

        noisy  (B, L, C, h, w)  = (1 - t) * clean + t * noise
        times  (B, L) in 0..1, one per latent frame
        rays   (B, L, R, h, w) from `ray_tokens`
        words  (B, W) indices, 0 for none
        """
        frames, _, high, wide = noisy.shape[1:]
        keep, swing, level = self._balance(times)
        hidden = self.read(_cells_last(noisy * level)) + self.rays(_cells_last(rays))
        hidden = hidden + places(frames, high, wide, self.config.width, noisy.device).to(hidden.dtype)
        mood = functional.silu(self._mood(times, words))
        steer = self.steer(mood)[:, :, None].chunk(6, -1)
        for block in self.blocks:
            hidden = block(hidden, steer)
        shift, scale = self.last(mood)[:, :, None].chunk(2, -1)
        out = self.write(_normal(hidden) * (1 + scale) + shift)
        out = out.unflatten(2, (high, wide)).permute(0, 1, 4, 2, 3)
        return keep * noisy + swing * out.to(noisy.dtype)

    def _balance(self, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What to keep of the input, how far the network's unit output swings, and what brings the input to unit size.

        Wiener's filter for each channel given its deviation: Karras et al. 2022 (EDM), section 5, for straight paths.
        """
        t = times[:, :, None, None, None]
        s = self.deviation[None, None, :, None, None]
        level = torch.rsqrt(((1 - t) * s) ** 2 + t * t + 1e-8)
        return (1 - t) * s * s * level * level, t * s * level, level

    def _mood(self, times: Tensor, words: Tensor) -> Tensor:
        """One vector (B, L, width) per latent frame, from its time and the words; no words are a word of their own."""
        rates = torch.exp(torch.linspace(0.0, math.log(1000.0), 32, device=times.device))
        phases = times[..., None] * rates
        said = (words > 0).to(times.dtype)[..., None]
        told = (self.word(words) * said).sum(1) / said.sum(1).clamp_min(1.0)
        silence = self.word.weight[0] * (said.sum(1) == 0)
        return self.time(torch.cat([phases.sin(), phases.cos()], -1)) + self.told(told + silence)[:, None]


class Block(nn.Module):
    """Attention and a feed-forward, both steered, with one learned offset of its own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.look = nn.Linear(width, 3 * width, bias=False)
        self.gather = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.sharpness = nn.Parameter(torch.ones(heads, 1, 1))
        self.offset = nn.Parameter(torch.zeros(6, width))
        nn.init.zeros_(self.gather.weight)
        nn.init.zeros_(self.down.weight)
        with torch.no_grad():
            self.offset[2] = 1.0
            self.offset[5] = 1.0

    def forward(self, hidden: Tensor, steer: tuple[Tensor, ...]) -> Tensor:
        """Hidden cells (B, L, S, width) steered by (B, L, 1, width) six times."""
        shift, scale, gate, shift_2, scale_2, gate_2 = (
            (s + o).to(hidden.dtype) for s, o in zip(steer, self.offset, strict=True)
        )
        hidden = hidden + gate * self._attend(torch.addcmul(shift, _normal(hidden), 1 + scale))
        wide = functional.relu(self.up(torch.addcmul(shift_2, _normal(hidden), 1 + scale_2))).square()
        return hidden + gate_2 * self.down(wide)

    def _attend(self, hidden: Tensor) -> Tensor:
        """Every cell of every frame looks at all others; written out, since the fused form is slow on small CPUs."""
        batch, frames, cells, width = hidden.shape
        q, k, v = self.look(hidden).reshape(batch, frames * cells, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q = _normal(q) * (self.sharpness / math.sqrt(q.shape[-1])).to(q.dtype)
        seen = torch.softmax(q @ _normal(k).transpose(-1, -2), -1).to(v.dtype) @ v
        return self.gather(seen.transpose(1, 2).reshape(batch, frames, cells, width))


def ray_tokens(directions: Tensor, origins: Tensor, headings: Tensor) -> Tensor:
    """The rays a latent cell sees (B, L, R, h, w), laid side by side, from slices of `conditioning_tensors`.

    directions (B, 4 L, 3, 4 h, 4 w), origins (B, 4 L, 3), headings (B, 4 L)
    """
    count = directions.shape[1] // SPAN
    chosen = [SPAN * n + frame for n in range(count) for frame in RAY_FRAMES]
    features = ray_features(directions[:, chosen], origins[:, chosen], headings[:, chosen])
    batch, _, channels, high, wide = features.shape
    cells = features.reshape(batch, count, len(RAY_FRAMES), channels, high // CELLS, CELLS, wide // CELLS, CELLS)
    return cells.permute(0, 1, 2, 3, 5, 7, 4, 6).flatten(2, 5)


def places(frames: int, high: int, wide: int, width: int, device: torch.device) -> Tensor:
    """Waves (L, h * w, width) over latent frame, row and column, the last two from the picture's centre."""
    axes = torch.meshgrid(
        torch.arange(frames).float(),
        torch.arange(high) - (high - 1) / 2,
        torch.arange(wide) - (wide - 1) / 2,
        indexing="ij",
    )
    count = width // 6
    rates = 1.5 * 12.0 ** -(torch.arange(count) / count)
    phases = torch.stack(axes, -1)[..., None] * rates
    waves = torch.cat([phases.sin(), phases.cos()], -1).flatten(-2)
    return functional.pad(waves, (0, width - waves.shape[-1])).flatten(1, 2).to(device) * 0.5


def _normal(hidden: Tensor) -> Tensor:
    return functional.layer_norm(hidden, hidden.shape[-1:])


def _cells_last(grid: Tensor) -> Tensor:
    """(B, L, C, h, w) as (B, L, h * w, C)."""
    return grid.flatten(3).transpose(2, 3)
