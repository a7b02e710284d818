"""The sky along rays: colour, sun or moon, stars, clouds on their plane, far skylines, and the air before them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from platewright.layout.reliefs import length
from platewright.layout.worlds import World
from platewright.world_noise import CLOUD_ALTITUDE, WorldNoise, footprint

from .lights import Light, horizon_colour, through_air

SUN_RADIUS, MOON_RADIUS = 0.009, 0.014  # radians, about twice what they are
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


class Sky:
    """The sky of one world."""

    def __init__(self, world: World, light: Light, noise: WorldNoise) -> None:
        self.world, self.light, self.noise = world, light, noise
        low, high, self.turn = SKYLINE_COLOURS[world.terrain]
        white = 0.45 if world.weather == "snowfall" else 0.0
        snow = torch.tensor([0.8, 0.84, 0.9])
        self.low, self.high = (
            torch.lerp(torch.tensor(colour), snow, white).to(light.sun.device) for colour in (low, high)
        )

    def colour(self, origin: Tensor, rays: Tensor, pixel_rad: float, seconds: float, mirrored: bool = False) -> Tensor:
        """Linear colour (N, 3) along unit rays (N, 3) that meet no land; origin (3,) metres.

        A mirror image has neither stars nor the disc of sun or moon: waves break both up.
        """
        air = horizon_colour(self.light, rays)
        up = functional.pad(rays[:, :2], (0, 1)) + functional.pad(rays[:, 2:].clamp_min(0.0), (2, 0))
        colour = self._gradient(up, air)
        colour = colour + self._lamp(up, pixel_rad, mirrored)
        colour = self._clouds(colour, air, origin, up, pixel_rad, seconds)
        colour = self._skylines(colour, air, rays, pixel_rad)
        if self.world.weather == "none":
            return colour
        reach = torch.full_like(up[:, 2], 20.0 * self.light.fog_height)
        return through_air(self.light, colour, self.air(air, rays), reach, up[:, 2].clamp_min(0.004), origin[2])

    def horizon(self, rays: Tensor) -> Tensor:
        """Colour (N, 3) of the horizon below or above unit rays."""
        return horizon_colour(self.light, rays)

    def air(self, horizon: Tensor, rays: Tensor) -> Tensor:
        """Colour (N, 3) of the air towards unit rays: it glows around the light."""
        near = rays @ self.light.to_light
        return 0.94 * horizon + (0.28 * torch.exp(10.0 * (near - 1.0)))[:, None] * self.light.glow

    def _gradient(self, up: Tensor, air: Tensor) -> Tensor:
        return torch.lerp(self.light.zenith, air, torch.exp(-4.2 * up[:, 2])[:, None])

    def _lamp(self, up: Tensor, pixel_rad: float, mirrored: bool) -> Tensor:
        """Glow around sun or moon, their disc, and the stars."""
        facing = (up @ self.light.to_light).clamp(-1.0, 1.0)
        wide = torch.exp(8.0 * (facing - 1.0) - 2.0 * up[:, 2])
        glow = 0.30 * wide + 0.38 * torch.exp(60.0 * (facing - 1.0)) + 0.6 * torch.exp(700.0 * (facing - 1.0))
        added = glow[:, None] * self.light.glow
        if mirrored or self.world.sky == "overcast":
            return added
        away = (up - self.light.to_light).norm(dim=1)
        radius = MOON_RADIUS if self.light.night else SUN_RADIUS
        disc = ((radius - away) / pixel_rad + 0.5).clamp(0.0, 1.0)
        added = added + (disc * (6.0 if self.light.night else 8.0))[:, None] * self.light.sun
        if self.light.night:
            stars = self.noise.stars(up, pixel_rad).pow(1.6) * (1.0 - 0.75 * torch.exp(30.0 * (facing - 1.0)))
            added = added + (0.6 * stars)[:, None] * torch.tensor([0.85, 0.92, 1.0], device=up.device)
        return added

    def _clouds(
        self, colour: Tensor, air: Tensor, origin: Tensor, up: Tensor, pixel_rad: float, seconds: float
    ) -> Tensor:
        """One layer of clouds; towards the horizon the air takes it. Under an overcast sky, folds of grey."""
        if self.world.sky == "clear":
            return colour
        which = torch.nonzero(up[:, 2] > 0.012)[:, 0]
        if not len(which):
            return colour
        rays = up[which]
        distance = (CLOUD_ALTITUDE - origin[2]) / rays[:, 2]
        points = origin[:2] + rays[:, :2] * distance[:, None]
        wide = footprint(distance, rays[:, 2], torch.as_tensor(pixel_rad))
        fields = self.noise.clouds(points, wide, seconds)
        density = fields @ torch.tensor(CLOUD_WEIGHTS, device=fields.device)
        painted, amount = self._overcast(density) if self.world.sky == "overcast" else self._heaps(density, rays)
        kept = torch.exp(-distance / (26_000.0 if self.world.sky == "clouded" else 9_000.0))
        amount = amount * kept
        return colour.index_copy(0, which, torch.lerp(colour[which], painted, amount[:, None]))

    def _overcast(self, density: Tensor) -> tuple[Tensor, Tensor]:
        folds = (1.0 + 0.30 * density).clamp(0.45, 1.6)[:, None]
        return self.light.grey * folds, torch.full_like(density, 0.96)

    def _heaps(self, density: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
        above = density - 1.25 * (0.5 - self.world.cover)
        amount = torch.sigmoid(6.0 * above - 0.6)
        thick = torch.sigmoid(2.6 * above - 1.1)[:, None]
        towards = rays @ self.light.to_light
        lining = self.light.glow * (0.9 * torch.exp(12.0 * (towards - 1.0)))[:, None] * (1.0 - thick)
        return torch.lerp(self.light.cloud, self.light.under, thick) + lining, 0.95 * amount

    def _skylines(self, colour: Tensor, air: Tensor, rays: Tensor, pixel_rad: float) -> Tensor:
        """Far land, the farthest first, each a little darker and warmer for having less air before it."""
        flat = length(rays).clamp_min(1e-4)
        rise = rays[:, 2] / flat
        top = max(base + 3.8 * relief for base, relief in self.world.skyline)
        which = torch.nonzero(rise < top)[:, 0]
        if not len(which):
            return colour
        rise, air, seen = rise[which], air[which], rays[which]
        turn = torch.atan2(seen[:, 1], seen[:, 0])
        heights, beside = self.noise.ridges(turn), self.noise.ridges(turn + 0.006)
        points = seen / flat[which, None] * 900.0
        grain = self.noise.ground(points, 900.0 * pixel_rad)
        painted = colour[which]
        for n, (base, relief) in enumerate(self.world.skyline):
            crest = base + relief * heights[:, n]
            cover = ((crest - rise) / pixel_rad + 0.5).clamp(0.0, 1.0)
            lean = ((heights[:, n] - beside[:, n]) * relief / 0.006).clamp(-0.8, 0.8)
            land = self._face(rise / crest.clamp_min(1e-3), turn, lean, grain)
            kept = math.exp(-self.light.extinction * SKYLINE_METRES[n] * 0.55 - 0.35)
            painted = torch.lerp(painted, torch.lerp(self.air(air, seen), land, kept), cover[:, None])
        return colour.index_copy(0, which, painted)

    def _face(self, share: Tensor, turn: Tensor, lean: Tensor, grain: Tensor) -> Tensor:
        """Lit colour (N, 3) of a skyline at a share of its height; lean is how it falls to the left."""
        rough = grain[:, 3] * 0.35 + grain[:, 4] * 0.5 + grain[:, 5] * 0.5
        high = torch.sigmoid(9.0 * (share - self.turn) + 1.1 * rough)[:, None]
        albedo = torch.lerp(self.low, self.high, high) * (1.0 + 0.12 * rough).clamp(0.5, 1.5)[:, None]
        to_light = self.light.to_light
        frontal = -(torch.cos(turn) * to_light[0] + torch.sin(turn) * to_light[1])
        side = torch.cos(turn) * to_light[1] - torch.sin(turn) * to_light[0]
        sun = (
            0.45 * frontal + 0.5 * side * lean * share.clamp(0.0, 1.0) + 0.5 * to_light[2] + 0.22 * rough + 0.12
        ).clamp(0.0, 1.2)
        return albedo * (self.light.ambient + sun[:, None] * self.light.sun)
