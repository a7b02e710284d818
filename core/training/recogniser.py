"""Who looks at a clip and says what it shows: a small network trained on rendered clips, the judge of generated ones.

    python -m training.recogniser --clips clips --out recogniser.safetensors

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
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from platewright.conditioning import heading_of
from platewright.layout.worlds import ATTRIBUTES

SIZE = (72, 128)  # pixels down and across that it sees
FEATURES = 48
LOOKS = (0, 5, 11, 17, 23)  # frames of a clip of 25 that are looked at, each with the next one
EPOCHS = 24
BATCH = 64
SUN_WEIGHT = 0.5
Clips = dict[str, Tensor]  # looks (N, 6, H, W) uint8, kinds (N, attributes), light (N, 2)


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


def looks_of(frames: Tensor) -> Tensor:
    """(F, H, W, 3) uint8 to (looks, 6, *SIZE) uint8: a frame and the next one, half size, at LOOKS."""
    last = len(frames) - 2
    at = [min(last, round(look * last / 23)) for look in LOOKS]
    chosen = torch.cat([frames[at], frames[[n + 1 for n in at]]], 3).permute(0, 3, 1, 2).float()
    small = functional.interpolate(chosen, SIZE, mode="area")
    return small.round().to(torch.uint8)


def light_of(sun: Tensor, poses: Tensor) -> Tensor:
    """(2,) right and ahead: where the light is, level, for the clip's middle camera; zeros where there is none."""
    heading = heading_of(poses[len(poses) // 2 : len(poses) // 2 + 1, :3, :3])[0]
    right, ahead = torch.stack([heading.sin(), -heading.cos()]), torch.stack([heading.cos(), heading.sin()])
    flat = sun[:2].double()
    found = torch.stack([flat @ right, flat @ ahead])
    return (found / found.norm().clamp_min(1e-6) if float(found.norm()) > 1e-3 else torch.zeros(2)).float()


def read_looks(paths: list[Path]) -> Clips:
    """What it looks at in shards of clips, look by look."""
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for path in paths:
        with safe_open(path, "pt") as shard:
            kinds, sun, poses = (shard.get_tensor(name) for name in ("kinds", "sun", "poses"))
            frames = shard.get_slice("frames")
            for n in range(len(kinds)):
                looks = looks_of(frames[n : n + 1][0])
                light = light_of(sun[n], poses[n]).expand(len(looks), 2)
                rows.append((looks, kinds[n].expand(len(looks), -1), light))
    looks, kinds, light = (torch.cat(parts) for parts in zip(*rows, strict=True))
    return {"looks": looks, "kinds": kinds, "light": light}


def trained(clips: Clips, epochs: int = EPOCHS, seed: int = 0) -> Recogniser:
    """A recogniser trained on looks, from a seed."""
    torch.manual_seed(seed)
    judge = Recogniser()
    learner = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.05)
    steps = epochs * math.ceil(len(clips["looks"]) / BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(learner, 2e-3, steps, pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(len(clips["looks"]), (BATCH,))
        looks, light = disturbed(clips["looks"][chosen].float() / 255, clips["light"][chosen])
        _, named, seen = judge(looks)
        kinds = clips["kinds"][chosen].T
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


def learned(path: Path, shards: list[Path]) -> Recogniser:
    """The recogniser from a file; trained on the shards and written there first where there is none."""
    if not path.is_file():
        judge = trained(read_looks(shards))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part-{os.getpid()}")
        part.write_bytes(save(dict(judge.state_dict()), {"trained_on": f"{len(shards)} shards"}))
        part.replace(path)
    judge = Recogniser()
    judge.load_state_dict(load_file(path))
    return judge.eval().requires_grad_(False)


def main() -> None:
    """Train one and print how often it is right on clips it has not seen."""
    parser = argparse.ArgumentParser(description="Train the judge of pictures.")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    judge = learned(given.out, sorted(given.clips.glob("train_*.safetensors")))
    looks = read_looks(sorted(given.clips.glob("held_out_*.safetensors")))
    _, named, _ = judge(looks["looks"].float() / 255)
    for place, name in enumerate(ATTRIBUTES):
        right = (named[place].argmax(1) == looks["kinds"][:, place]).float().mean()
        print(f"{name:10} {100 * right:.0f} % of single looks")


if __name__ == "__main__":
    main()
