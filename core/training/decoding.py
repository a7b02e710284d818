"""How the decoder learns to paint: squares of rendered frames, from blurred latents and what their pixels see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from platewright.nets.draft_decoder import DraftDecoder, in_time
from platewright.nets.draft_denoiser import light_beside
from platewright.nets.patches import PATCH, Patches
from platewright.sights import sights
from platewright.world_noise import WorldNoise

from . import paints
from .latents import GUIDED, SILENT, SUNLESS, WORDINGS, Clips, as_signed, guide_of, partly, view_of_pixels

FRAMES = 4  # of each clip in a lesson
WORST = 1.6  # most noise in the latents; from 1 on they tell nothing, and the decoder paints by itself
KEPT = 512  # worlds whose noise is kept, 5 MB each: making one anew takes a quarter of a lesson
BLIND = 0.06  # share of the lessons without sights: so that what sights are worth can be told


@dataclass(frozen=True, slots=True)
class Sitting:
    """What one step of the decoder learns from; see `DraftDecoder.forward`."""

    frames: Tensor  # (N, 3, 3, H, W)
    sights: Tensor  # (N, SIGHTS, H, W)
    paints: Tensor  # (N, PAINTS, H, W)
    text: Tensor  # (N, T)
    light: Tensor  # (N, LIGHT)
    doubt: Tensor  # (N,)
    true: Tensor  # (N, 3, H, W)

    def joined(self, others: list[Sitting]) -> Sitting:
        """All in one."""
        names = ("frames", "sights", "paints", "text", "light", "doubt", "true")
        return Sitting(*(torch.cat([getattr(part, name) for part in (self, *others)]) for name in names))


def sitting(clips: Clips, count: int, side: int, patches: Patches, deviation: Tensor, draw: torch.Generator) -> Sitting:
    """Squares, `side` pixels wide, of FRAMES frames of `count` clips; `deviation` (2, C) of the latents' channels."""
    chosen = torch.randint(len(clips), (count,), generator=draw).tolist()
    first, *rest = [_squares(clips, clip, side, patches, deviation, draw) for clip in chosen]
    return first.joined(rest)


def _squares(
    clips: Clips, clip: int, side: int, patches: Patches, deviation: Tensor, draw: torch.Generator
) -> Sitting:
    """One place of one clip, at a few times."""
    shard, n = clips.where[clip]
    part = clips.shards[shard]
    count, height, width = part["frames"].shape[1:4]
    top, left = (
        PATCH * int(torch.randint((size - side) // PATCH + 1, (), generator=draw)) for size in (height, width)
    )
    square = slice(top, top + side), slice(left, left + side)
    chosen = torch.randint(1 + (count - 1) // paints.EVERY, (FRAMES,), generator=draw).to(clips.device)
    times = chosen * paints.EVERY
    guided, sunless, silent, blind = torch.rand(4, generator=draw).tolist()
    doubt = min(1.0, WORST * float(torch.rand((), generator=draw)))
    whole = as_signed(part["frames"][(n, slice(None), *square)])
    linear = patches.decode(blurred(patches.encode(whole[None]), doubt, deviation, draw))[0]
    sun = torch.zeros_like(part["sun"][n]) if sunless < SUNLESS else part["sun"][n]
    guide = partly(guide_of(part, n, times), int(part["seed"][n])).window(*square) if guided < GUIDED else None
    told = paints.paints_of(clips.paints[shard][(n, chosen, slice(None), *square)])
    told = paints.as_told(told, part["distance"][(n, times, *square)].float(), draw) * float(guided < GUIDED)
    view = view_of_pixels(part, n, times, (top, left), side)
    noise = _noise(int(part["seed"][n]), clips.device)
    text = clips.texts[shard][n, int(torch.randint(WORDINGS, (), generator=draw))] * float(silent > SILENT)
    return Sitting(
        in_time(linear, times),
        sights(view, noise, part["seconds"][n, times], sun, guide) * float(blind > BLIND),
        told * float(blind > BLIND),
        text.expand(FRAMES, -1),
        light_beside(sun, view.headings),
        torch.full((FRAMES,), doubt, device=clips.device),
        whole[times].permute(0, 3, 1, 2),
    )


@lru_cache(KEPT)
def _noise(seed: int, device: str) -> WorldNoise:
    return WorldNoise(seed, device)


def blurred(latents: Tensor, doubt: float, deviation: Tensor, draw: torch.Generator) -> Tensor:
    """Latents as a network guesses them that knows no more than noise of this time (0..1) leaves: Wiener's estimate."""
    noise = torch.randn(latents.shape, generator=draw).to(latents.device)
    s = deviation[[0] + [1] * (latents.shape[1] - 1)][None, :, :, None, None]
    noisy = (1 - doubt) * latents + doubt * noise
    return noisy * (1 - doubt) * s * s / (((1 - doubt) * s) ** 2 + doubt**2 + 1e-8)


def painting_loss(decoder: DraftDecoder, lesson: Sitting) -> Tensor:
    """Mean absolute difference of pictures and of their steps in space, at full and at half size: detail is steps."""
    with torch.autocast(lesson.frames.device.type, dtype=torch.bfloat16):
        made = decoder(lesson.frames, lesson.sights, lesson.paints, lesson.text, lesson.light, lesson.doubt)
    return picture_difference(made.float(), lesson.true)


def picture_difference(made: Tensor, true: Tensor) -> Tensor:
    """The loss of pictures (N, 3, H, W)."""
    wrong = made - true
    steps = [error.diff(dim=axis).abs().mean() for error in (wrong, avg_pool2d(wrong, 2)) for axis in (2, 3)]
    return wrong.abs().mean() + 0.5 * torch.stack(steps).sum()


@torch.no_grad()
def painting_figures(decoder: DraftDecoder, lessons: list[Sitting]) -> dict[str, float]:
    """PSNR, over pixels in 0..1, of the linear pictures, of the decoder's, and of the decoder's without sights."""
    errors: dict[str, list[float]] = {"linear": [], "decoded": [], "without_sights": []}
    for lesson in lessons:
        blind, untold = torch.zeros_like(lesson.sights), torch.zeros_like(lesson.paints)
        with torch.autocast(lesson.frames.device.type, dtype=torch.bfloat16):
            how = lesson.text, lesson.light, lesson.doubt
            seeing = decoder(lesson.frames, lesson.sights, lesson.paints, *how).float()
            unseeing = decoder(lesson.frames, blind, untold, *how).float()
        made = {"linear": lesson.frames[:, 1], "decoded": seeing, "without_sights": unseeing}
        for name, pictures in made.items():
            errors[name].append(((pictures - lesson.true) / 2).square().mean().item())
    return {f"psnr_{name}": _psnr(found) for name, found in errors.items()}


def _psnr(errors: list[float]) -> float:
    return float(-10 * torch.tensor(errors).mean().log10())
