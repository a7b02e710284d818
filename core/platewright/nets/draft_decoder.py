"""From latents to pictures that hang on the camera: each frame is repainted with all that its pixels' rays meet.

The linear patches give colours and layout at low detail and with seams; the sights give texture at full detail, fixed
to the world. Where a place has been drawn, its paints say what is there, and the first coat is what they are in lights
whose colours the words imply. A convolutional network at half, quarter and eighth size corrects the one by the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layout.painting import PAINTS, display
from ..sights import SIGHT_NAMES
from .draft_denoiser import LIGHT

LAMPS = ("shade", "sun", *PAINTS[7:])  # what has a colour: the sky's light, the sun's, then each paint its own
NOON = (0.35, 1.2, 0.25, 0.3, 0.06, 0.5, 0.6, 0.6, 0.2, 0.6, 0.6, 1.0, 0.6)  # to begin with
COLOURS = 9  # of the frame before, the frame itself and the one behind
DOUBT = 0.9  # that sampled latents deserve: so far they know tones, and nothing of shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """Shape of the decoder; written into the model's card."""

    text: int  # numbers in a text's vector
    widths: tuple[int, ...] = (64, 128, 192)  # at half, quarter, eighth size
    depth: int = 2  # blocks at each size, on the way down and on the way up


class DraftDecoder(nn.Module):
    """pictures = decoder(linear pictures, sights, text, light, doubt)."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        widths, depth = config.widths, config.depth
        self.mood = nn.Sequential(nn.Linear(config.text + LIGHT + 1, 128), nn.SiLU())
        self.enter = nn.Conv2d(4 * (COLOURS + len(SIGHT_NAMES) + len(PAINTS)), widths[0], 3, padding=1)
        self.down = nn.ModuleList(Stage(width, depth) for width in widths)
        self.up = nn.ModuleList(Stage(width, depth) for width in widths[:-1])
        self.reduce = nn.ModuleList(nn.Conv2d(4 * a, b, 1) for a, b in pairwise(widths))
        self.enlarge = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairwise(widths))
        self.leave = nn.Conv2d(widths[0], 4 * 3, 3, padding=1)
        self.tone = nn.Sequential(nn.Linear(128, 256), nn.SiLU(), nn.Linear(256, widths[0]))  # of the whole picture
        told = config.text + LIGHT + 1
        self.palette = nn.Sequential(nn.Linear(told, 256), nn.SiLU(), nn.Linear(256, 3 * (len(SIGHT_NAMES) + 1)))
        self.lamps = nn.Sequential(nn.Linear(told, 256), nn.SiLU(), nn.Linear(256, 3 * len(LAMPS)))
        for layer in (self.leave, self.tone[2], self.palette[2], self.lamps[2]):
            nn.init.zeros_(layer.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            self.lamps[2].bias += torch.tensor(NOON).log().repeat_interleave(3)  # pyright: ignore[reportOperatorIssue]

    def forward(
        self, frames: Tensor, sights: Tensor, paints: Tensor, text: Tensor, light: Tensor, doubt: Tensor
    ) -> Tensor:
        """Pictures (N, 3, H, W), about -1..1.

        frames  (N, 3, 3, H, W) linear pictures: the frame before, the frame itself, the one behind; sides of 8 pixels
        sights  (N, SIGHTS, H, W)
        paints  (N, PAINTS, H, W), 0 where no place was drawn
        text    (N, config.text)
        light   (N, LIGHT)
        doubt   (N,) 0..1: how far from the truth the latents may be
        """
        told = torch.cat([text, light, doubt[:, None]], 1)
        mood = self.mood(told)
        seen = torch.cat([frames.flatten(1, 2), sights, paints.sqrt()], 1)  # as the eye takes light in
        hidden = self.enter(functional.pixel_unshuffle(seen, 2).contiguous(memory_format=torch.channels_last))
        hidden = hidden + self.tone(mood).to(hidden.dtype)[:, :, None, None]
        hidden = self._through(hidden, mood, 0)
        painted = functional.pixel_shuffle(self.leave(functional.silu(hidden)), 2)
        untold = frames[:, 1] + self._coat(told, sights).to(frames.dtype)
        return torch.lerp(untold, self._lit(told, paints), paints[:, :1]) + painted.to(frames.dtype)

    def _lit(self, told: Tensor, paints: Tensor) -> Tensor:
        """First coat (N, 3, H, W) where a place was drawn: each paint in the colour of its light, in linear light."""
        colours = self.lamps(told).float().exp().unflatten(1, (-1, 3))
        shade, sun = (paints[:, first : first + 3] for first in (1, 4))
        linear = shade * colours[:, 0, :, None, None] + sun * colours[:, 1, :, None, None]
        return 2 * display(linear + torch.einsum("npc,nphw->nchw", colours[:, 2:], paints[:, 7:])) - 1

    def _coat(self, told: Tensor, sights: Tensor) -> Tensor:
        """First coat (N, 3, H, W) elsewhere: colours that what is told mixes of what pixels see."""
        mixture, even = self.palette(told).unflatten(1, (3, -1)).split([sights.shape[1], 1], 2)
        return torch.einsum("ncs,nshw->nchw", mixture.to(sights.dtype), sights) + even[..., None].to(sights.dtype)

    def _through(self, hidden: Tensor, mood: Tensor, level: int) -> Tensor:
        """One size, and all smaller ones within it."""
        hidden = self.down[level](hidden, mood)
        if level + 1 == len(self.down):
            return hidden
        smaller = self.reduce[level](functional.pixel_unshuffle(hidden, 2))
        smaller = self._through(smaller, mood, level + 1)
        return self.up[level](hidden + functional.pixel_shuffle(self.enlarge[level](smaller), 2), mood)


class Stage(nn.Module):
    """Blocks at one size: two convolutions each, the first one steered by the mood."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.steer = nn.ModuleList(nn.Linear(128, 2 * width) for _ in range(depth))
        for layer in (*self.second, *self.steer):
            nn.init.zeros_(layer.weight)  # pyright: ignore[reportArgumentType]

    def forward(self, hidden: Tensor, mood: Tensor) -> Tensor:
        for first, second, steer in zip(self.first, self.second, self.steer, strict=True):
            shift, scale = steer(mood).to(hidden.dtype)[:, :, None, None].chunk(2, 1)
            inner = torch.addcmul(shift, first(functional.silu(hidden)), 1 + scale)
            hidden = hidden + second(functional.silu(inner))
        return hidden


def in_time(frames: Tensor, times: Tensor) -> Tensor:
    """Frames (F, H, W, 3) at `times` (N,), each between its neighbours: (N, 3, 3, H, W)."""
    beside = torch.stack([times - 1, times, times + 1], 1).clamp(0, len(frames) - 1)
    return frames[beside].permute(0, 1, 4, 2, 3)


def no_paints(like: Tensor) -> Tensor:
    """The paints (N, PAINTS, H, W) of pictures (N, ..., H, W) of which no place is known."""
    return like.new_zeros(len(like), len(PAINTS), *like.shape[-2:])
