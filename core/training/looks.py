"""What the recogniser looks at: two frames that follow each other, at half size, from clips or from worlds of its own.

A shard of looks holds `looks` (N, 6, H, W) uint8, `kinds` (N, attributes) int64 and `light` (N, 2) float32. Most that
a world can teach is in two glances at it, so that a judge may see many worlds for the price of few clips.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from platewright.conditioning import heading_of, poses_and_lenses
from platewright.layout.worlds import HELD_OUT_SEED, draw_world

from .dataset import SIZE as RENDERED
from .dataset import Order, clear_path, load_shard, save_shard, shard_path, workers
from .moves import FPS
from .rendering import Stage

SIZE = (72, 128)  # pixels down and across that it sees
LOOKS = (0, 5, 11, 17, 23)  # frames of a clip of 25 that are looked at, each with the next one
GLANCES = (5, 17)  # frames of a world of its own that are, each with the next one
WORLDS = 50  # in a shard of looks
FIRST_SEED = 1 << 30  # of worlds for the recogniser alone
KEPT_BACK = 4  # shards of held-out worlds that it is tried on
Looks = dict[str, Tensor]


def looks_of(frames: Tensor) -> Tensor:
    """(F, H, W, 3) uint8 to (looks, 6, *SIZE) uint8: what it looks at in a clip, at LOOKS."""
    last = len(frames) - 2
    at = [min(last, round(look * last / 23)) for look in LOOKS]
    return paired(frames[at], frames[[n + 1 for n in at]])


def paired(now: Tensor, then: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 each to (N, 6, *SIZE) uint8: frames and the next ones, half size."""
    both = torch.cat([now, then], 3).permute(0, 3, 1, 2).float()
    return functional.interpolate(both, SIZE, mode="area").round().to(torch.uint8).contiguous()


def light_of(sun: Tensor, poses: Tensor) -> Tensor:
    """(2,) right and ahead: where the light is, level, for the clip's middle camera; zeros where there is none."""
    heading = heading_of(poses[len(poses) // 2 : len(poses) // 2 + 1, :3, :3])[0]
    right, ahead = torch.stack([heading.sin(), -heading.cos()]), torch.stack([heading.cos(), heading.sin()])
    flat = sun[:2].double()
    found = torch.stack([flat @ right, flat @ ahead])
    return (found / found.norm().clamp_min(1e-6) if float(found.norm()) > 1e-3 else torch.zeros(2)).float()


def draw_looks(seed: int) -> Looks:
    """Glances at one world along the camera path that belongs to its seed."""
    world = draw_world(seed)
    stage = Stage(world, "cpu")
    poses, lenses = poses_and_lenses(clear_path(stage, seed, Order()))
    at = [n + step for step in (0, 1) for n in GLANCES]
    film = stage.film(poses[at], lenses[at], RENDERED, torch.tensor(at, dtype=torch.float32) / FPS)
    now, then = (film.frames.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8).chunk(2)
    light = light_of(torch.tensor(world.sun), poses)
    return {
        "looks": paired(now, then),
        "kinds": torch.tensor(world.kinds).expand(len(now), -1).contiguous(),
        "light": light.expand(len(now), 2).contiguous(),
    }


def make_looks(folder: Path, worlds: int, processes: int = 1) -> tuple[list[Path], list[Path]]:
    """Draw the shards that are missing; those of so many worlds to learn from, and those it is tried on."""
    folder.mkdir(parents=True, exist_ok=True)
    kept_back = [(shard_path(folder, "held_out", n), HELD_OUT_SEED + FIRST_SEED) for n in range(KEPT_BACK)]
    taught = [(shard_path(folder, "train", n), FIRST_SEED) for n in range(-(-worlds // WORLDS))]
    wanted = [
        (path, first + n * WORLDS)
        for shards in (kept_back, taught)
        for n, (path, first) in enumerate(shards)
        if not path.exists()
    ]
    with workers(processes) as pool:
        for job in [pool.submit(make_shard, *each, WORLDS) for each in wanted]:
            job.result()
    return [path for path, _ in taught], [path for path, _ in kept_back]


def make_shard(path: Path, first_seed: int, worlds: int) -> None:
    """Write one shard."""
    drawn = [draw_looks(first_seed + n) for n in range(worlds)]
    save_shard(path, {name: torch.cat([each[name] for each in drawn]) for name in drawn[0]})


def read_looks(paths: list[Path]) -> Looks:
    """The looks of these shards, one after the other."""
    shards = [load_shard(path) for path in paths]
    return {name: torch.cat([shard[name] for shard in shards]) for name in shards[0]}
