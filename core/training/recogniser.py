"""Who looks at a clip and says what it shows: a small network trained on rendered worlds, the judge of generated clips.

    python -m training.recogniser --looks looks --worlds 5000 --processes 2 --out recogniser.safetensors

It sees two frames that follow each other at half size, names the value of each attribute, and says where the light
comes from. Its features are the space in which Frechet distances are measured.
"""

from __future__ import annotations

import argparse
import math
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from platewright.layout.worlds import ATTRIBUTES

from .looks import SIZE, Looks, looks_of, make_looks, read_looks

FEATURES = 48
EPOCHS = 24
BATCH = 64
SUN_WEIGHT = 0.5


class Recogniser(nn.Module):
    """Pictures in, what they show out."""

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 24, 48, 96, 128)
        stages = [_stage(before, width) for before, width in pairwise(widths)]
        self.stages = nn.Sequential(*stages)
        self.gather = nn.Linear(2 * widths[-1], FEATURES)
        self.name = nn.ModuleList(nn.Linear(FEATURES, len(values)) for values in ATTRIBUTES.values())
        self.light = nn.Linear(2 * widths[-1], 2)

    def forward(self, looks: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """Looks (B, 6, H, W) in 0..1: features (B, FEATURES), logits per attribute, light (B, 2) right and ahead."""
        rows = torch.linspace(-1, 1, looks.shape[2], device=looks.device)[None, None, :, None]
        columns = torch.linspace(-1, 1, looks.shape[3], device=looks.device)[None, None, None, :]
        ones = torch.ones_like(looks[:, :1])
        now, then = 2 * looks[:, :3] - 1, 8 * (looks[:, 3:] - looks[:, :3])
        seen = self.stages(torch.cat([now, then, rows * ones, columns * ones], 1))
        pooled = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
        features = functional.gelu(self.gather(pooled))
        return features, [name(features) for name in self.name], self.light(pooled)


def _stage(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(8, after), nn.GELU())


@dataclass(frozen=True, slots=True)
class Seen:
    """What it makes of N clips."""

    features: Tensor  # (N, looks, FEATURES)
    kinds: Tensor  # (N, attributes) the value it names
    light_rad: Tensor  # (N,) azimuth of the light, 0 ahead of the camera, towards the right


def trained(taught: Looks, epochs: int = EPOCHS, seed: int = 0) -> Recogniser:
    """A recogniser trained on looks, from a seed."""
    torch.manual_seed(seed)
    judge = Recogniser()
    learner = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.05)
    steps = epochs * math.ceil(len(taught["looks"]) / BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(learner, 2e-3, steps, pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(len(taught["looks"]), (BATCH,))
        looks, light = disturbed(taught["looks"][chosen].float() / 255, taught["light"][chosen])
        _, named, seen = judge(looks)
        kinds = taught["kinds"][chosen].T
        losses = [
            functional.cross_entropy(logits, kind, label_smoothing=0.05)
            for logits, kind in zip(named, kinds, strict=True)
        ]
        is_lit = light.norm(dim=1) > 0.5
        off = ((seen - light).square().sum(1) * is_lit).sum() / is_lit.sum().clamp_min(1)
        learner.zero_grad()
        (torch.stack(losses).sum() + SUN_WEIGHT * off).backward()
        learner.step()
        pace.step()
    return judge.eval().requires_grad_(False)


def disturbed(looks: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """Looks mirrored, cut, softened and grained by chance, so that it judges the place and not the renderer's grain."""
    if torch.rand(()) < 0.5:
        looks, light = looks.flip(3), light * torch.tensor([-1.0, 1.0])
    top, left = int(torch.randint(9, ())), int(torch.randint(17, ()))
    looks = looks[:, :, top : SIZE[0] - 8 + top, left : SIZE[1] - 16 + left]
    if torch.rand(()) < 0.4:
        small = functional.interpolate(looks, scale_factor=float(0.4 + 0.5 * torch.rand(())), mode="area")
        looks = functional.interpolate(small, looks.shape[2:], mode="bilinear")
    looks = looks + 0.04 * torch.rand(()) * torch.randn_like(looks)
    return functional.interpolate(looks * (0.9 + 0.2 * torch.rand(())), SIZE, mode="bilinear"), light


@torch.no_grad()
def recognised(judge: Recogniser, clips: list[Tensor]) -> Seen:
    """What it makes of clips (F, H, W, 3) uint8: of each the mean over its looks."""
    features, kinds, light = [], [], []
    for frames in clips:
        seen, named, shone = judge(looks_of(frames).float() / 255)
        features.append(seen)
        kinds.append(torch.stack([logits.log_softmax(1).mean(0).argmax() for logits in named]))
        right, ahead = shone.mean(0)
        light.append(torch.atan2(right, ahead))
    return Seen(torch.stack(features), torch.stack(kinds), torch.stack(light))


def frechet(one: Tensor, other: Tensor) -> float:
    """Frechet distance of two clouds of features (N, D) taken as Gaussians (Heusel and others 2017, equation 6)."""
    a, b = (cloud.reshape(-1, cloud.shape[-1]).double().numpy() for cloud in (one, other))
    first, second = numpy.cov(a, rowvar=False), numpy.cov(b, rowvar=False)
    values, vectors = numpy.linalg.eigh(first)
    root = (vectors * numpy.sqrt(values.clip(0))) @ vectors.T
    cross = numpy.sqrt(numpy.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + numpy.trace(first) + numpy.trace(second) - 2 * cross)


def save_judge(path: Path, judge: Recogniser) -> None:
    """Keep a recogniser; a file under its final name is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".part-{os.getpid()}")
    part.write_bytes(save(dict(judge.state_dict())))
    part.replace(path)


def load_judge(path: Path) -> Recogniser:
    """The recogniser that `save_judge` kept."""
    judge = Recogniser()
    judge.load_state_dict(load_file(path))
    return judge.eval().requires_grad_(False)


@torch.no_grad()
def shares_right(judge: Recogniser, looks: Looks) -> dict[str, float]:
    """How often it names each attribute of single looks as it is."""
    _, named, _ = judge(looks["looks"].float() / 255)
    right = [(logits.argmax(1) == kinds).float().mean() for logits, kinds in zip(named, looks["kinds"].T, strict=True)]
    return {name: float(share) for name, share in zip(ATTRIBUTES, right, strict=True)}


def main() -> None:
    """Train one and print how often it is right on worlds it has not seen."""
    parser = argparse.ArgumentParser(description="Train the judge of pictures.")
    parser.add_argument("--looks", type=Path, required=True, help="folder of looks, drawn where they are missing")
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    taught, kept_back = make_looks(given.looks, given.worlds, given.processes)
    judge = trained(read_looks(taught))
    save_judge(given.out, judge)
    for name, share in shares_right(judge, read_looks(kept_back)).items():
        print(f"{name:10} {100 * share:.0f} % of single looks")


if __name__ == "__main__":
    main()
