"""The embedded video network: a small diffusion transformer over patch latents that sees what each ray meets.

Tokens are cells of latent frames; each latent frame has its own diffusion time, so finished ones (time 0) can lead.
Outer blocks look around within a latent frame at every cell; inner ones, wider, look at everything at once through
groups of 2 x 2 cells. Text, light and time steer every layer (adaLN-single). The output is the clean latent.
Nothing knows its place in the picture but by what its rays see, so any grid of cells will do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..conditioning import FEATURES
from ..sights import SIGHT_NAMES
from .patches import PATCH, SPAN

CELLS = 4  # sights per token across and down
SEEN_FRAMES = 2  # of a latent frame's four, whose sights and rays a token is shown
SEEN = SEEN_FRAMES * (len(SIGHT_NAMES) * CELLS**2 + FEATURES)  # numbers
MIDDLE = slice(PATCH // CELLS // 2, None, PATCH // CELLS)  # the pixel that stands for a sight: depths have no mean
LIGHT = 4  # the light ahead, beside and above the camera's heading, and whether it is known
HEAD = 64  # channels of an attention head


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftConfig:
    """Shape of the network; written into the model's card."""

    latent: int = 32  # channels of a latent cell
    text: int  # numbers in a text's vector
    outer: int = 384  # width at every cell
    inner: int = 384  # width at 2 x 2 cells
    before: int = 1  # outer blocks before the inner ones
    within: int = 3
    after: int = 2


class DraftVideo(nn.Module):
    """clean = network(noisy latent, times, what is seen, text, light)."""

    deviation: Tensor

    def __init__(self, config: DraftConfig) -> None:
        super().__init__()
        self.config = config
        outer, inner = config.outer, config.inner
        self.register_buffer("deviation", torch.ones(2, config.latent))
        self.read = nn.Linear(config.latent, outer)
        self.see = nn.Sequential(nn.Linear(SEEN, inner), nn.SiLU(), nn.Linear(inner, outer))
        self.mood = nn.Sequential(nn.Linear(64 + config.text + LIGHT, inner), nn.SiLU(), nn.Linear(inner, outer))
        self.steer = nn.Linear(outer, 6 * outer)
        self.steer_inner = nn.Linear(outer, 6 * inner)
        self.gather = nn.Linear(4 * outer, inner)
        self.spread = nn.Linear(inner, 4 * outer)
        self.before = nn.ModuleList(Block(outer) for _ in range(config.before))
        self.within = nn.ModuleList(Block(inner) for _ in range(config.within))
        self.after = nn.ModuleList(Block(outer) for _ in range(config.after))
        self.beside_before = nn.ModuleList(Beside(outer) for _ in range(config.before))
        self.beside_within = nn.ModuleList(Beside(inner) for _ in range(config.within))
        self.beside_after = nn.ModuleList(Beside(outer) for _ in range(config.after))
        self.last = nn.Linear(outer, 2 * outer)
        self.write = nn.Linear(outer, config.latent)
        for layer in (self.steer, self.steer_inner, self.last, self.write, self.spread):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, times: Tensor, seen: Tensor, text: Tensor, light: Tensor) -> Tensor:
        """Clean latents (B, L, C, h, w).

        noisy  (B, L, C, h, w)  = (1 - t) * clean + t * noise
        times  (B, L) in 0..1, one per latent frame
        seen   (B, L, h * w, SEEN) from `seen_by_cells`
        text   (B, config.text)
        light  (B, L, LIGHT)
        """
        batch, frames, _, high, wide = noisy.shape
        keep, swing, level = self._balance(times)
        hidden = self.read(_cells_last(noisy * level)) + self.see(seen)
        mood = self._mood(times, text, light)
        steer = self.steer(mood)[:, :, None].chunk(6, -1)
        for beside, block in zip(self.beside_before, self.before, strict=True):
            hidden = block(beside(hidden, wide).flatten(0, 1), _flat(steer)).unflatten(0, (batch, frames))
        hidden = hidden + self._overview(hidden, mood, high, wide)
        for beside, block in zip(self.beside_after, self.after, strict=True):
            hidden = block(beside(hidden, wide).flatten(0, 1), _flat(steer)).unflatten(0, (batch, frames))
        shift, scale = self.last(mood)[:, :, None].to(hidden.dtype).chunk(2, -1)
        out = self.write(torch.addcmul(shift, _normal(hidden), 1 + scale)).to(noisy.dtype)
        out = out.unflatten(2, (high, wide)).permute(0, 1, 4, 2, 3)
        return keep * noisy + swing * out

    def _overview(self, hidden: Tensor, mood: Tensor, high: int, wide: int) -> Tensor:
        """What the inner blocks say to every cell, of groups of 2 x 2 cells that look at all groups of all frames."""
        batch, frames, _, width = hidden.shape
        grid = hidden.reshape(batch * frames, high, wide, width)
        grid = functional.pad(grid, (0, 0, 0, wide % 2, 0, high % 2))
        rows, columns = grid.shape[1] // 2, grid.shape[2] // 2
        groups = grid.reshape(-1, rows, 2, columns, 2, width).transpose(2, 3).reshape(batch, frames, -1, 4 * width)
        inner = self.gather(groups)
        steer = self.steer_inner(mood)[:, :, None].chunk(6, -1)
        for beside, block in zip(self.beside_within, self.within, strict=True):
            told = beside(inner, columns).flatten(1, 2)
            inner = block(told, _spread_over(steer, inner.shape[2])).view_as(inner)
        told = self.spread(inner).reshape(-1, rows, columns, 2, 2, width).transpose(2, 3)
        told = told.reshape(-1, 2 * rows, 2 * columns, width)[:, :high, :wide]
        return told.reshape(batch, frames, high * wide, width)

    def _balance(self, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What to keep of the input, how far the network's unit output swings, and what brings the input to unit size.

        Wiener's filter for each channel given its deviation: Karras et al. 2022 (EDM), section 5, for straight paths.
        """
        t = times[:, :, None, None, None]
        s = self.deviations(times.shape[1])[None, :, :, None, None]
        level = torch.rsqrt(((1 - t) * s) ** 2 + t * t + 1e-8)
        return (1 - t) * s * s * level * level, t * s * level, level

    def deviations(self, frames: int) -> Tensor:
        """Deviation (L, C) of the channels of each latent frame of a window."""
        return self.deviation[[0] + [1] * (frames - 1)]

    def _mood(self, times: Tensor, text: Tensor, light: Tensor) -> Tensor:
        """One vector (B, L, outer) per latent frame."""
        rates = torch.exp(torch.linspace(0.0, math.log(1000.0), 32, device=times.device))
        phases = times[..., None] * rates
        words = text[:, None].expand(-1, times.shape[1], -1)
        return functional.silu(self.mood(torch.cat([phases.sin(), phases.cos(), words, light], -1)))


class Beside(nn.Module):
    """What the cells around say, and the same cell just before and after: depthwise convolutions in space and in time.

    Attention knows cells by their rays alone, and would have to learn first who is whose neighbour.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.between = nn.Conv2d(width, width, (3, 1), padding=(1, 0), groups=width, bias=False)
        nn.init.zeros_(self.around.weight)
        nn.init.zeros_(self.between.weight)

    def forward(self, hidden: Tensor, wide: int) -> Tensor:
        """Hidden cells (B, L, N, width) in rows of `wide`, and what their neighbours add to them."""
        calm = _normal(hidden)
        rows = calm.flatten(0, 1).unflatten(1, (-1, wide)).permute(0, 3, 1, 2)
        around = self.around(rows).permute(0, 2, 3, 1).reshape(hidden.shape)
        between = self.between(calm.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return hidden + around + between


class Block(nn.Module):
    """Attention and a feed-forward, both steered, with one learned offset of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // HEAD)
        self.look = nn.Linear(width, 3 * width, bias=False)
        self.gather = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.sharpness = nn.Parameter(torch.ones(self.heads, 1, 1))
        self.offset = nn.Parameter(torch.zeros(6, width))
        nn.init.zeros_(self.gather.weight)
        nn.init.zeros_(self.down.weight)
        with torch.no_grad():
            self.offset[2] = 1.0
            self.offset[5] = 1.0

    def forward(self, hidden: Tensor, steer: tuple[Tensor, ...]) -> Tensor:
        """Hidden cells (B, N, width), all of which see each other, steered six times by (B, 1 or N, width)."""
        shift, scale, gate, shift_2, scale_2, gate_2 = (
            (s + o).to(hidden.dtype) for s, o in zip(steer, self.offset, strict=True)
        )
        hidden = torch.addcmul(hidden, gate, self._attend(torch.addcmul(shift, _normal(hidden), 1 + scale)))
        wide = functional.relu(self.up(torch.addcmul(shift_2, _normal(hidden), 1 + scale_2))).square()
        return torch.addcmul(hidden, gate_2, self.down(wide))

    def _attend(self, hidden: Tensor) -> Tensor:
        """Every cell looks at all others; written out on the CPU, where the fused form is slower."""
        batch, cells, width = hidden.shape
        q, k, v = self.look(hidden).reshape(batch, cells, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = _normal(q) * (self.sharpness / math.sqrt(q.shape[-1])).to(q.dtype), _normal(k)
        if hidden.is_cuda:
            seen = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
        else:
            seen = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        return self.gather(seen.transpose(1, 2).reshape(batch, cells, width))


def light_beside(sun: Tensor | None, headings: Tensor) -> Tensor:
    """The light (F, LIGHT) ahead, beside (to the left) and above cameras that head (F,) radians from +X towards +Y.

    sun  (3,) unit vector towards it, world axes; None or zeros: not known, all 0
    """
    light = headings.new_zeros(len(headings), LIGHT)
    if sun is None or not bool(sun.any()):
        return light
    x, y, z = sun.to(headings).unbind()
    c, s = torch.cos(headings), torch.sin(headings)
    return torch.stack([c * x + s * y, c * y - s * x, z.expand_as(c), torch.ones_like(c)], 1)


def seen_frames(latents: int) -> list[int]:
    """Which frames of a window of 1 + 4 (L - 1) its latent frames see, two each: every other frame, the first twice."""
    return [0, 0, *(frame for n in range(1, latents) for frame in (SPAN * n - 2, SPAN * n))]


def seen_by_cells(sights: Tensor, rays: Tensor) -> Tensor:
    """What each cell is shown (B, L, h * w, SEEN).

    sights  (B, 2 L, SIGHTS, 4 h, 4 w) of the frames `seen_frames`
    rays    (B, 2 L, FEATURES, h, w) from `ray_features`, of the same frames
    """
    batch, count, channels, high, wide = sights.shape
    cells = sights.reshape(batch, count // 2, 2, channels, high // CELLS, CELLS, wide // CELLS, CELLS)
    cells = cells.permute(0, 1, 4, 6, 2, 3, 5, 7).flatten(4).flatten(2, 3)
    beams = rays.unflatten(1, (-1, 2)).permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(2, 3)
    return torch.cat([cells, beams.to(cells.dtype)], -1)


def _normal(hidden: Tensor) -> Tensor:
    return functional.layer_norm(hidden, hidden.shape[-1:])


def _cells_last(grid: Tensor) -> Tensor:
    """(B, L, C, h, w) as (B, L, h * w, C)."""
    return grid.flatten(3).transpose(2, 3)


def _flat(steer: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """(B, L, 1, width) as (B * L, 1, width)."""
    return tuple(s.flatten(0, 1) for s in steer)


def _spread_over(steer: tuple[Tensor, ...], groups: int) -> tuple[Tensor, ...]:
    """(B, L, 1, width) as (B, L * groups, width)."""
    return tuple(s.expand(-1, -1, groups, -1).flatten(1, 2) for s in steer)
