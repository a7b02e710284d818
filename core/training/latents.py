"""The rendered clips as the network reads them: fitted basis, latents in memory, batches drawn by step number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from platewright.conditioning import word_indices
from platewright.nets.decoder import SPAN, PatchBasis, to_patches

from .captions import caption, held_out_caption
from .dataset import kind_of, load_shard, shard_path

WORDS = 16  # longest caption in a batch


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from; `rays` are slices of `conditioning_tensors`."""

    latents: Tensor  # (B, L, C, h, w)
    directions: Tensor  # (B, F, 3, 4 h, 4 w)
    origins: Tensor  # (B, F, 3)
    headings: Tensor  # (B, F)
    kinds: Tensor  # (B, 3)


def fit_basis(folder: Path, shards: int, channels: int) -> tuple[PatchBasis, Tensor]:
    """The basis of the first shards' patches and the deviation (C,) of its channels."""
    chosen = []
    for index in range(shards):
        frames = load_shard(shard_path(folder, "train", index))["frames"]
        chosen.append(to_patches(as_signed(frames[:, :16])).flatten(0, 3)[::3])
    basis = PatchBasis(channels)
    return basis, basis.fit(torch.cat(chosen))


def load_clips(folder: Path, kind: str, shards: int, basis: PatchBasis, mirror: bool) -> list[Batch]:
    """All clips there are, encoded, in half precision: one batch per shape of grid; with `mirror` each one twice."""
    groups: dict[tuple[int, ...], list[Batch]] = {}
    for index in range(shards):
        shard = load_shard(shard_path(folder, kind, index))
        for clips in (shard, _mirrored(shard)) if mirror else (shard,):
            latents = torch.cat([basis.encode(as_signed(part)).half() for part in clips["frames"].split(16)])
            batch = Batch(latents, clips["directions"], clips["origins"], clips["headings"], clips["kinds"])
            groups.setdefault(tuple(latents.shape[1:]), []).append(batch)
    return [
        Batch(*(torch.cat([getattr(part, name) for part in parts]) for name in Batch.__slots__))
        for parts in groups.values()
    ]


def _mirrored(shard: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same worlds with left and right exchanged, pictures and cameras alike."""
    side = torch.tensor([1.0, -1.0, 1.0])
    return {
        "frames": shard["frames"].flip(3),
        "directions": shard["directions"].flip(4) * side.half()[:, None, None],
        "origins": shard["origins"] * side,
        "headings": -shard["headings"],
        "kinds": shard["kinds"],
    }


def draw_batch(groups: list[Batch], size: int, frames: int, generator: torch.Generator) -> Batch:
    """`size` clips of one grid, grids as often as they have clips: `frames` latent frames from a random start."""
    counts = torch.tensor([float(len(group.kinds)) for group in groups])
    group = groups[int(torch.multinomial(counts, 1, generator=generator).item())]
    start = int(torch.randint(group.latents.shape[1] - frames + 1, (), generator=generator).item())
    return take(group, torch.randint(len(group.kinds), (size,), generator=generator), start, frames)


def take(group: Batch, chosen: Tensor, start: int, frames: int) -> Batch:
    """These clips, in single precision, from one latent frame on."""
    span = slice(SPAN * start, SPAN * (start + frames))
    latents = group.latents[chosen, start : start + frames].float()
    return Batch(
        latents,
        group.directions[chosen, span].float(),
        group.origins[chosen, span],
        group.headings[chosen, span],
        group.kinds[chosen],
    )


def draw_words(
    kinds: Tensor, vocabulary: dict[str, int], silence: float, generator: torch.Generator, held_out: bool = False
) -> Tensor:
    """Word indices (B, WORDS) of a new caption for each clip; a share `silence` of them says nothing."""
    words = torch.zeros(len(kinds), WORDS, dtype=torch.long)
    for row, kind in zip(words, kinds, strict=True):
        text = (held_out_caption if held_out else caption)(kind_of(kind), generator)
        known, _ = word_indices(text, vocabulary)
        if torch.rand((), generator=generator).item() >= silence:
            row[: min(len(known), WORDS)] = torch.tensor(known[:WORDS])
    return words


def as_signed(frames: Tensor) -> Tensor:
    """Bytes to -1..1."""
    return frames.float() / 127.5 - 1.0
