"""What a sky is made of, before any light: clouds on their plane, far skylines, and the air before everything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..world_noise import CLOUD_ALTITUDE, WorldNoise, footprint
from .reliefs import length
from .worlds import World

DISC = 0.01  # radians about the light over which a skyline takes it
SKYLINE_METRES = (24_000.0, 15_000.0, 9_000.0)  # distance of the far skylines, for the air before them
CLOUD_WEIGHTS = (0.16, 0.34, 0.58, 0.55)
# colour of a skyline's lower and upper part, and the share of its height where the upper begins
SKYLINE_COLOURS = {
    "mountains": ((0.13, 0.16, 0.15), (0.85, 0.88, 0.95), 0.62), "dunes": ((0.48, 0.30, 0.17), (0.55, 0.36, 0.21), 0.9),
    "plains": ((0.10, 0.17, 0.07), (0.15, 0.22, 0.10), 0.9), "coast": ((0.12, 0.16, 0.12), (0.18, 0.22, 0.14), 0.9),
    "sea": ((0.13, 0.16, 0.13), (0.18, 0.22, 0.15), 0.9), "snowfield": ((0.42, 0.50, 0.62), (0.92, 0.95, 1.0), 0.45),
    "forest": ((0.05, 0.10, 0.05), (0.08, 0.13, 0.06), 0.9), "canyon": ((0.44, 0.19, 0.10), (0.62, 0.33, 0.19), 0.6),
    "city": ((0.15, 0.16, 0.17), (0.20, 0.20, 0.21), 0.9), "road": ((0.16, 0.17, 0.12), (0.30, 0.27, 0.22), 0.8),
    "lake": ((0.09, 0.14, 0.10), (0.72, 0.77, 0.84), 0.78),
}  # fmt: skip


def fog_height(world: World) -> float:
    """Metres over which the air thins out upwards."""
    return 45.0 if world.weather == "fog" else 1800.0


def extinction(world: World) -> float:
    """Of the air, 1 / metres."""
    return 3.0 / world.visible


def kept_by_air(world: World, distance: Tensor, climb: Tensor, start: Tensor | float) -> Tensor:
    """Share (N) of a colour that is left behind a distance (N) of air, along rays that climb (N) metres per metre.

    The air thins out exponentially with height, as fog does above the ground; `start` is the height of the rays' start.
    """
    high = fog_height(world)
    thinner = (distance * climb / high).clamp(-20.0, 20.0)
    even = thinner.abs() < 1e-3
    dense = torch.where(even, 1.0, -torch.expm1(-thinner) / torch.where(even, 1.0, thinner))
    at_start = torch.exp(torch.as_tensor(-start / high).clamp(-2.0, 2.0))
    return torch.exp(-extinction(world) * at_start * dense * distance)


@dataclass(frozen=True, slots=True)
class Cover:
    """Clouds before N rays."""

    amount: Tensor  # (N) share of the sky behind that they hide
    density: Tensor  # (N) about -2..2: how thick they are


HAZE = 20.0  # heights of the air that the sky lies behind, in weather
HUMP = 0.5  # of a skyline's relief above its mean: what rises higher does so by this share
GRAIN_UP = 2.0  # how much finer the texture of far slopes is upwards than sideways


@dataclass(frozen=True, slots=True)
class Ridge:
    """One far skyline before N rays."""

    cover: Tensor  # (N) share of the pixel
    albedo: Tensor  # (N, 3)
    lit: Tensor  # (N) share of the sun that lights it
    kept: float  # share of its colour that the air leaves


class Heavens:
    """The sky of one world."""

    def __init__(self, world: World, noise: WorldNoise, device: torch.device | str = "cpu") -> None:
        self.world, self.noise = world, noise
        self.to_light = torch.tensor(world.to_light, device=device)
        low, high, self.turn = SKYLINE_COLOURS[world.terrain]
        white = 0.45 if world.weather == "snowfall" else 0.0
        snow = torch.tensor([0.8, 0.84, 0.9])
        self.low, self.high = (torch.lerp(torch.tensor(colour), snow, white).to(device) for colour in (low, high))
        self.weights = torch.tensor(CLOUD_WEIGHTS, device=device)

    def light_kept(self) -> float:
        """Share of the sun's or moon's own light that skylines and weather leave for the ground to mirror."""
        ray = self.to_light[None]
        rise, flat = level(ray)
        ridges = self.skylines(ray, rise, flat, DISC)
        kept = math.prod(float(1.0 - ridge.cover) for ridge in ridges)
        if self.world.weather == "none":
            return kept
        reach = torch.full_like(rise, HAZE * fog_height(self.world))
        return kept * float(kept_by_air(self.world, reach, ray[:, 2].clamp_min(0.004), 0.0))

    def clouds(self, origin: Tensor, rays: Tensor, pixel_rad: float, seconds: float) -> Cover:
        """One layer of clouds before rays (N, 3) that rise; towards the horizon the air takes it."""
        distance = (CLOUD_ALTITUDE - origin[2]) / rays[:, 2]
        points = origin[:2] + rays[:, :2] * distance[:, None]
        wide = footprint(distance, rays[:, 2], torch.as_tensor(pixel_rad))
        density = self.noise.clouds(points, wide, seconds) @ self.weights
        overcast = self.world.sky == "overcast"
        amount = torch.full_like(density, 0.96) if overcast else 0.95 * torch.sigmoid(6.0 * self.above(density) - 0.6)
        return Cover(amount * torch.exp(-distance / (9_000.0 if overcast else 26_000.0)), density)

    def above(self, density: Tensor) -> Tensor:
        """How far a density (N) is above that at which clouds begin."""
        return density - 1.25 * (0.5 - self.world.cover)

    def seen(self, rise: Tensor) -> Tensor:
        """Which (N) rays of this rise, a tangent, may meet a skyline."""
        top = max(base + 3.8 * relief for base, relief in self.world.skyline)
        return torch.nonzero(rise < top)[:, 0]

    def skylines(self, rays: Tensor, rise: Tensor, flat: Tensor, pixel_rad: float) -> Iterator[Ridge]:
        """Far land before rays (N, 3), the farthest first, each a little darker and warmer for having less air before.

        rise, flat  (N) tangent of the elevation; length of the level part
        """
        turn = torch.atan2(rays[:, 1], rays[:, 0])
        heights, beside = self._heights(turn), self._heights(turn + 0.006)
        reach = 900.0 * (1.0 + GRAIN_UP * rise)            # farther out the higher: else slopes had vertical stripes
        grain = self.noise.ground(rays / flat[:, None] * reach[:, None], 900.0 * pixel_rad)
        for n, (base, relief) in enumerate(self.world.skyline):
            crest = base + relief * heights[:, n]
            cover = ((crest - rise) / pixel_rad + 0.5).clamp(0.0, 1.0)
            lean = ((heights[:, n] - beside[:, n]) * relief / 0.006).clamp(-0.8, 0.8)
            albedo, lit = self._face(rise / crest.clamp_min(1e-3), turn, lean, grain)
            kept = math.exp(-extinction(self.world) * SKYLINE_METRES[n] * 0.55 - 0.35)
            yield Ridge(cover, albedo, lit, kept)

    def _heights(self, turn: Tensor) -> Tensor:
        """Heights (N, RIDGES) of the skylines at angles (N), about unit size; no single hump towers over the rest."""
        heights = self.noise.ridges(turn)
        return heights - (1.0 - HUMP) * (heights - HUMP).clamp_min(0.0)

    def _face(self, share: Tensor, turn: Tensor, lean: Tensor, grain: Tensor) -> tuple[Tensor, Tensor]:
        """Albedo (N, 3) and sunlight (N) of a skyline at a share of its height; lean is how it falls to the left."""
        rough = grain[:, 3] * 0.15 + grain[:, 4] * 0.3 + grain[:, 5] * 0.5
        high = torch.sigmoid(9.0 * (share - self.turn) + 1.1 * rough)[:, None]
        albedo = torch.lerp(self.low, self.high, high) * (1.0 + 0.12 * rough).clamp(0.5, 1.5)[:, None]
        frontal = -(torch.cos(turn) * self.to_light[0] + torch.sin(turn) * self.to_light[1])
        side = torch.cos(turn) * self.to_light[1] - torch.sin(turn) * self.to_light[0]
        sun = (
            0.45 * frontal + 0.5 * side * lean * share.clamp(0.0, 1.0) + 0.5 * self.to_light[2] + 0.22 * rough + 0.12
        ).clamp(0.0, 1.2)
        return albedo, sun


def level(rays: Tensor) -> tuple[Tensor, Tensor]:
    """Tangent of the elevation (N) of unit rays (N, 3), and the length (N) of their level part."""
    flat = length(rays).clamp_min(1e-4)
    return rays[:, 2] / flat, flat
