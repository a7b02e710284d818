"""The sky along rays: colour, sun or moon, stars, clouds, far skylines, and the air before them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from platewright.layout.heavens import HAZE, Cover, Heavens, fog_height, level
from platewright.layout.painting import MOON, SUN
from platewright.layout.worlds import World
from platewright.world_noise import WorldNoise

from .lights import Light, horizon_colour, through_air


class Sky:
    """The sky of one world, lit."""

    def __init__(self, world: World, light: Light, noise: WorldNoise) -> None:
        self.world, self.light, self.noise = world, light, noise
        self.heavens = Heavens(world, noise, light.sun.device)

    def colour(self, origin: Tensor, rays: Tensor, pixel_rad: float, seconds: float, mirrored: bool = False) -> Tensor:
        """Linear colour (N, 3) along unit rays (N, 3) that meet no land; origin (3,) metres.

        A mirror image has neither stars nor the disc of sun or moon: waves break both up.
        """
        air = horizon_colour(self.light, rays)
        up = functional.pad(rays[:, :2], (0, 1)) + functional.pad(rays[:, 2:].clamp_min(0.0), (2, 0))
        colour = self._gradient(up, air)
        colour = colour + self._lamp(up, pixel_rad, mirrored)
        colour = self._clouds(colour, origin, up, pixel_rad, seconds)
        colour = self._skylines(colour, air, rays, pixel_rad)
        if self.world.weather == "none":
            return colour
        reach = torch.full_like(up[:, 2], HAZE * fog_height(self.world))
        return through_air(self.world, colour, self.air(air, rays), reach, up[:, 2].clamp_min(0.004), origin[2])

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
        radius, bright = MOON if self.light.night else SUN
        disc = ((radius - away) / pixel_rad + 0.5).clamp(0.0, 1.0)
        added = added + (disc * bright)[:, None] * self.light.sun
        if self.light.night:
            stars = self.noise.stars(up, pixel_rad).pow(1.6) * (1.0 - 0.75 * torch.exp(30.0 * (facing - 1.0)))
            added = added + (0.6 * stars)[:, None] * torch.tensor([0.85, 0.92, 1.0], device=up.device)
        return added

    def _clouds(self, colour: Tensor, origin: Tensor, up: Tensor, pixel_rad: float, seconds: float) -> Tensor:
        """Heaps of cloud; under an overcast sky, folds of grey."""
        if self.world.sky == "clear":
            return colour
        which = torch.nonzero(up[:, 2] > 0.012)[:, 0]
        if not len(which):
            return colour
        rays = up[which]
        cover = self.heavens.clouds(origin, rays, pixel_rad, seconds)
        painted = self._overcast(cover) if self.world.sky == "overcast" else self._heaps(cover, rays)
        return colour.index_copy(0, which, torch.lerp(colour[which], painted, cover.amount[:, None]))

    def _overcast(self, cover: Cover) -> Tensor:
        return self.light.grey * (1.0 + 0.30 * cover.density).clamp(0.45, 1.6)[:, None]

    def _heaps(self, cover: Cover, rays: Tensor) -> Tensor:
        thick = torch.sigmoid(2.6 * self.heavens.above(cover.density) - 1.1)[:, None]
        towards = rays @ self.light.to_light
        lining = self.light.glow * (0.9 * torch.exp(12.0 * (towards - 1.0)))[:, None] * (1.0 - thick)
        return torch.lerp(self.light.cloud, self.light.under, thick) + lining

    def _skylines(self, colour: Tensor, air: Tensor, rays: Tensor, pixel_rad: float) -> Tensor:
        """Far land under the same light, behind the air."""
        rise, flat = level(rays)
        which = self.heavens.seen(rise)
        if not len(which):
            return colour
        seen, painted = rays[which], colour[which]
        thin = self.air(air[which], seen)
        for ridge in self.heavens.skylines(seen, rise[which], flat[which], pixel_rad):
            land = ridge.albedo * (self.light.ambient + ridge.lit[:, None] * self.light.sun)
            painted = torch.lerp(painted, torch.lerp(thin, land, ridge.kept), ridge.cover[:, None])
        return colour.index_copy(0, which, painted)
