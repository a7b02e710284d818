"""Clips on disk: shards of rendered frames with their cameras, depth and what they show, each from its own seed.

A shard is one safetensors file of N clips: `frames` (N, F, H, W, 3) uint8 display sRGB; `distance` (N, F, H, W)
float16 metres along the ray, 0 for sky; `normals` (N, F, H, W, 3) int8, 127 for 1; `poses` (N, F, 4, 4) float64
OpenCV camera-to-world with z above the ground; `lenses` (N, F, 4) float64 fx, fy, cx, cy; `seconds` (N, F) float32;
`sun` (N, 3) float32 towards the light, zeros for none; `seed` (N,) int64; `kinds` (N, len(ATTRIBUTES)) int64.

    python -m training.dataset --out clips --shards 40 --held-out 6 --processes 2
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from platewright.camera import CameraPath
from platewright.conditioning import poses_and_lenses
from platewright.layout.placing import CLEAR_M, clearance
from platewright.layout.worlds import HELD_OUT_SEED, draw_world

from .moves import FPS, draw_path
from .rendering import Stage

CLIPS = 8  # in a shard
FRAMES = 25
SIZE = (256, 144)
TRIES = 40  # of paths that may run into something


@dataclass(frozen=True, slots=True)
class Order:
    """What clips to make."""

    clips: int = CLIPS
    frames: int = FRAMES
    size: tuple[int, int] = SIZE
    device: str = "cpu"


def make_clip(seed: int, order: Order) -> dict[str, Tensor]:
    """One clip with its camera, from its seed alone."""
    world = draw_world(seed)
    stage = Stage(world, order.device)
    poses, lenses = poses_and_lenses(clear_path(stage, seed, order))
    seconds = torch.arange(order.frames, dtype=torch.float32) / FPS
    film = stage.film(poses, lenses, order.size, seconds)
    return {
        "frames": (film.frames.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8).cpu(),
        "distance": film.distance.to(torch.float16).cpu(),
        "normals": (film.normals * 127.0).round().to(torch.int8).cpu(),
        "poses": poses,
        "lenses": lenses,
        "seconds": seconds,
        "sun": torch.tensor(world.sun),
        "seed": torch.tensor(seed),
        "kinds": torch.tensor(world.kinds),
    }


def clear_path(stage: Stage, seed: int, order: Order) -> CameraPath:
    """The first path drawn for a seed that runs into nothing, or the clearest of many."""
    generator = torch.Generator().manual_seed(seed)
    paths = (
        draw_path(generator, order.frames, *order.size, world=stage.world, held_out=seed >= HELD_OUT_SEED)
        for _ in range(TRIES)
    )
    seen: list[tuple[float, CameraPath]] = []
    for path in paths:
        seen.append((clearance(stage.land, poses_and_lenses(path)[0][:, :3, 3]), path))
        if seen[-1][0] > CLEAR_M:
            break
    return max(seen, key=lambda pair: pair[0])[1]


def make_shard(path: Path, first_seed: int, order: Order) -> None:
    """Write one shard."""
    made = [make_clip(first_seed + n, order) for n in range(order.clips)]
    save_shard(path, {name: torch.stack([clip[name] for clip in made]) for name in made[0]})


def save_shard(path: Path, tensors: dict[str, Tensor]) -> None:
    """A file under its final name is whole."""
    partial = path.with_suffix(f".part-{os.getpid()}")
    save_file(tensors, partial)
    os.replace(partial, path)


def make_dataset(
    folder: Path, shards: int, held_out: int = 1, order: Order | None = None, processes: int = 1, seconds: float = 1e9
) -> None:
    """Render what is missing of `held_out` shards, then of `shards` to train on; begin none after so many seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    order = order or Order()
    until = time.time() + seconds
    wanted = [(path, seed) for path, seed in _wanted(folder, shards, held_out, order) if not path.exists()]
    if processes == 1:
        return _make_shards(wanted, order, until)
    with workers(processes) as pool:
        for job in [pool.submit(_make_shards, wanted[n::processes], order, until) for n in range(processes)]:
            job.result()
    return None


def workers(processes: int) -> ProcessPoolExecutor:
    """Processes of one thread each."""
    return ProcessPoolExecutor(processes, get_context("spawn"), torch.set_num_threads, (1,))


def _make_shards(wanted: list[tuple[Path, int]], order: Order, until: float) -> None:
    for path, seed in wanted:
        if time.time() < until:
            make_shard(path, seed, order)


def shard_path(folder: Path, kind: str, index: int) -> Path:
    """`kind` is train or held_out."""
    return folder / f"{kind}_{index:04d}.safetensors"


def load_shard(path: Path) -> dict[str, Tensor]:
    """The tensors of one shard."""
    return load_file(path)


def _wanted(folder: Path, shards: int, held_out: int, order: Order) -> list[tuple[Path, int]]:
    """Path and first seed of every shard, the held-out ones first."""
    parts = (("held_out", held_out, HELD_OUT_SEED), ("train", shards, 0))
    return [
        (shard_path(folder, kind, n), first + n * order.clips) for kind, count, first in parts for n in range(count)
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render clips to learn from.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--held-out", type=int, default=6)
    parser.add_argument("--clips", type=int, default=CLIPS, help="in a shard")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no shard after this long")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    order = Order(given.clips, given.frames, tuple(given.size), given.device)
    make_dataset(given.out, given.shards, given.held_out, order, given.processes, given.seconds)


if __name__ == "__main__":
    main()
