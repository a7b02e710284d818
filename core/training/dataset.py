"""Clips on disk: shards of rendered frames, their cameras and what they show, each made from its own seed.

A shard is one safetensors file: `frames` (N, F, H, W, 3) uint8, `directions` (N, F, 3, h, w), `origins` (N, F, 3),
`headings` (N, F) as the network is given them, `kinds` (N, 3) indices into TERRAINS, TIMES, WEATHERS.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from platewright.camera import CameraPath
from platewright.conditioning import camera_rays, conditioning_tensors

from .moves import draw_path
from .rendering import render
from .worlds import TERRAINS, TIMES, WEATHERS, Kind, draw_kind, make_world

PATCH = 16  # pixels per token
CELLS = 4  # rays per token across and down
GRIDS = (
    (7, 4),
    (7, 3),
    (7, 4),
    (6, 4),
    (7, 4),
    (5, 5),
    (7, 4),
    (7, 4),
    (4, 7),
    (7, 4),
    (7, 4),
    (4, 6),
    (7, 4),
)  # by shard
HELD_OUT_SEED = 1 << 40


def render_path(seed: int, kind: Kind, camera: CameraPath, size: tuple[int, int]) -> Tensor:
    """What a camera sees of a world: (F, H, W, 3) display sRGB 0..1 at `size`."""
    poses = torch.tensor(camera.camera_to_world, dtype=torch.float64).reshape(-1, 4, 4)
    lenses = torch.tensor(camera.intrinsics, dtype=torch.float64)
    directions = torch.einsum("fij,fjhw->fhwi", poses[:, :3, :3], camera_rays(lenses, (camera.width, camera.height), size))
    angle = camera.width / size[0] / lenses[:, 0]
    return render(make_world(seed, kind), poses[:, :3, 3].float(), directions.float(), angle.float())


def make_clip(seed: int, grid: tuple[int, int], frames: int, held_out: bool) -> dict[str, Tensor]:
    """One clip with its camera, from its seed alone."""
    generator = torch.Generator().manual_seed(seed)
    kind = draw_kind(generator, held_out)
    size = grid[0] * PATCH, grid[1] * PATCH
    camera = draw_path(generator, frames, *size)
    pictures = (render_path(seed, kind, camera, size) * 255.0 + 0.5).to(torch.uint8)
    rays = conditioning_tensors(camera, (grid[0] * CELLS, grid[1] * CELLS))
    found = [TERRAINS.index(kind.terrain), TIMES.index(kind.time), WEATHERS.index(kind.weather)]
    return {
        "frames": pictures,
        "directions": rays["directions"].half(),
        "origins": rays["origins"],
        "headings": rays["headings"],
        "kinds": torch.tensor(found),
    }


def make_shard(path: Path, index: int, clips: int, frames: int, held_out: bool) -> None:
    """Write one shard; a file under its final name is whole."""
    torch.set_num_threads(1)
    grid = (7, 4) if held_out else GRIDS[index % len(GRIDS)]
    first = index * 1000 + (HELD_OUT_SEED if held_out else 0)
    made = [make_clip(first + n, grid, frames, held_out) for n in range(clips)]
    partial = path.with_suffix(f".part-{os.getpid()}")
    save_file({name: torch.stack([clip[name] for clip in made]) for name in made[0]}, partial)
    os.replace(partial, path)


def make_dataset(folder: Path, shards: int, clips: int, frames: int, processes: int) -> None:
    """Render what is missing: `shards` to train on and one held out, of `clips` clips each."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [("held_out", 0)] + [("train", index) for index in range(shards)]
    missing = [(kind, index) for kind, index in wanted if not shard_path(folder, kind, index).exists()]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(make_shard, shard_path(folder, kind, index), index, clips, frames, kind == "held_out")
            for kind, index in missing
        ]
        for job in jobs:
            job.result()


def shard_path(folder: Path, kind: str, index: int) -> Path:
    return folder / f"{kind}_{index:04d}.safetensors"


def load_shard(path: Path) -> dict[str, Tensor]:
    return load_file(path)


def kind_of(indices: Tensor) -> Kind:
    terrain, time, weather = (int(i) for i in indices)
    return Kind(TERRAINS[terrain], TIMES[time], WEATHERS[weather])
