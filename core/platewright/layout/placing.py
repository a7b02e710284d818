"""A place laid around a scene's camera so that the camera runs into nothing, and how far its rays go there."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..conditioning import heading_of
from ..world_noise import WorldNoise
from .lands import Land
from .marching import first_hits
from .worlds import World

CLEAR_M = 0.3  # between the camera and whatever is below it
ARM_M = 0.5  # and beside it
TRIES = 12  # ways to lay a place
OPEN_M, WAY_M = 40.0, 4.0  # how far it may be moved
LEAST_RUN_M = 1.0  # of a path that says which way a street runs
FARTHEST_M = 60_000.0  # what lies beyond is sky; float16 still holds it
DIRECTED = ("city", "road", "canyon")  # their middle is a way, and cameras stand on it
# how far a world's axis is turned from where the camera looks, and how much by chance, radians: streets, valleys and
# canyons lead into the picture, lakes lie ahead, shores run along one side of it
COMPOSED = {
    "city": (0.0, 0.12), "road": (0.0, 0.2), "canyon": (0.0, 0.25), "mountains": (0.0, 0.7), "lake": (0.0, 0.4),
    "coast": (-0.5, 0.3),
}  # fmt: skip


def place_around(world: World, noise: WorldNoise, poses: Tensor, device: torch.device | str = "cpu") -> Land | None:
    """The land of a world about a path, or None where it can't be laid without running into the camera.

    poses  (F, 4, 4) world from camera, OpenCV axes, metres, z above the ground
    """
    for laid in _laid(world, poses):
        land = Land(laid, noise, device)
        if clearance(land, poses[:, :3, 3]) > CLEAR_M:
            return land
    return None


def clearance(land: Land, places: Tensor) -> float:
    """Metres between a path (F, 3) and what is highest within arm's reach below it; less than 0 is inside something."""
    at = places.to(land.centre.device, torch.float32)
    around = torch.tensor([[0.0, 0.0], [ARM_M, 0.0], [-ARM_M, 0.0], [0.0, ARM_M], [0.0, -ARM_M]], device=at.device)
    top = land.height(at[:, None, :2] + around).amax(1)
    return float((at[:, 2] - top).min())


def distances(land: Land, poses: Tensor, lenses: Tensor, size: tuple[int, int]) -> Tensor:
    """Metres (F, H, W) along the rays of a camera to what they meet first, 0 for the sky.

    poses   (F, 4, 4) float64, world from camera, OpenCV axes, metres, z above the ground
    lenses  (F, 4) float64: fx, fy, cx, cy in pixels of a picture of `size` (width, height)
    """
    found = [_reached(land, pose, lens, size) for pose, lens in zip(poses, lenses, strict=True)]
    return torch.stack(found).reshape(len(found), size[1], size[0])


def pixel_rays(pose: Tensor, lens: Tensor, size: tuple[int, int]) -> Tensor:
    """Unit rays (H * W, 3) float32 through the pixels' centres, in world axes; pose and lens float64."""
    width, height = size
    x = (torch.arange(width, dtype=torch.float64) + 0.5 - lens[2]) / lens[0]
    y = (torch.arange(height, dtype=torch.float64) + 0.5 - lens[3]) / lens[1]
    inverse = 1.0 / torch.sqrt(x * x + (y * y)[:, None] + 1.0)
    rays = torch.stack([x * inverse, y[:, None] * inverse, inverse], -1)
    return (rays.reshape(-1, 3) @ pose[:3, :3].T).to(torch.float32)


def looks(poses: Tensor) -> float:
    """Where a camera looks in the middle of its path (F, 4, 4): radians from +X towards +Y."""
    return float(heading_of(poses[len(poses) // 2 :][:1, :3, :3]))


def _laid(world: World, poses: Tensor) -> Iterator[World]:
    """Ways to lay a world about a path: its middle at the path's; then moved."""
    dice = random.Random(f"laid {world.seed}")
    places = poses[:, :3, 3]
    yield replace(world, centre=_middle(places), heading=_heading(world, poses, dice))
    reach = WAY_M if world.terrain in DIRECTED else OPEN_M
    for _ in range(1, TRIES):
        x, y = (axis + dice.uniform(-reach, reach) for axis in _middle(places))
        yield replace(world, centre=(x, y), heading=_heading(world, poses, dice))


def _middle(places: Tensor) -> tuple[float, float]:
    x, y = places[:, :2].mean(0).tolist()
    return x, y


def _heading(world: World, poses: Tensor, dice: random.Random) -> float:
    """Where a world's axis lies, so that what it has to show is in the picture, and a way is not left."""
    run = poses[-1, :2, 3] - poses[0, :2, 3]
    if world.terrain in DIRECTED and float(run.norm()) > LEAST_RUN_M:
        return math.atan2(float(run[1]), float(run[0]))
    turned, by_chance = COMPOSED.get(world.terrain, (0.0, math.pi))
    side = math.pi if world.terrain == "coast" and world.variety[5] < 0.5 else 0.0
    return looks(poses) + side + (turned if side == 0.0 else -turned) + dice.uniform(-by_chance, by_chance)


def _reached(land: Land, pose: Tensor, lens: Tensor, size: tuple[int, int]) -> Tensor:
    """Distances (H * W) of one frame."""
    rays = pixel_rays(pose, lens, size).to(land.centre.device)
    origin = pose[:3, 3].to(land.centre.device, torch.float32)
    found = first_hits(land, origin, rays, 1.0 / float(lens[0]))
    return torch.where(found < FARTHEST_M, found, 0.0)
