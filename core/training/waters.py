"""Sea and lakes: a plane z = 0 with waves that mirrors the sky and the far shore, and glitters towards the light."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from platewright.layout.lands import REACH, Land
from platewright.layout.matter import Hits, unit
from platewright.layout.reliefs import smooth, to_local
from platewright.layout.worlds import World
from platewright.world_noise import WorldNoise, footprint

from .lights import Light, through_air
from .skies import Sky
from .surfaces import Surfaces

SLOPES = {"sea": (0.055, 0.040), "coast": (0.045, 0.030), "lake": (0.010, 0.006)}  # of waves of about 1.5 and 7 m
DEEP = {"sea": (0.010, 0.055, 0.085), "coast": (0.012, 0.090, 0.110), "lake": (0.012, 0.040, 0.045)}
SHALLOW = (0.10, 0.22, 0.19)
MIRROR_STEPS = 26


class Water:
    """The water of one world."""

    def __init__(self, world: World, light: Light, noise: WorldNoise, land: Land, sky: Sky, surfaces: Surfaces) -> None:
        self.world, self.light, self.noise, self.land, self.sky, self.surfaces = (
            world,
            light,
            noise,
            land,
            sky,
            surfaces,
        )
        device = light.sun.device
        stir = 0.5 + 1.2 * world.variety[4]
        self.slopes = torch.tensor(SLOPES[world.terrain], device=device) * stir
        angle = world.heading + 0.6
        ways = [[math.cos(angle), math.sin(angle)], [math.cos(angle + 0.9), math.sin(angle + 0.9)]]
        self.ways = torch.tensor(ways, device=device)  # each field tilts the water along its own way
        self.ripple = 0.6 * self.slopes[0] * torch.tensor([0.7, 1.0], device=device)
        self.deep = torch.tensor(DEEP[world.terrain], device=device)
        self.shallow = torch.tensor(SHALLOW, device=device)

    def shade(self, hits: Hits, seconds: float) -> Tensor:
        """Linear colour (N, 3) at hits on the water."""
        wide = footprint(hits.distance, -hits.rays[:, 2], torch.as_tensor(hits.pixel_rad))
        waves = self.noise.waves(hits.points[:, :2], wide, seconds)
        ripples = self.noise.ground(hits.points, wide)[:, :2]  # they stand still: what is fine shows where water lies
        tilt = (waves * self.slopes) @ self.ways + ripples * self.ripple
        hidden = self._hidden(wide)
        normal = unit(torch.cat([-tilt, torch.ones_like(tilt[:, :1])], 1))
        facing = -(hits.rays * normal).sum(1)
        mirrored = hits.rays + 2.0 * facing.clamp_min(0.0)[:, None] * normal
        lifted = mirrored[:, 2].abs() + 0.6 * hidden.sqrt()
        mirrored = torch.cat([mirrored[:, :2], lifted.clamp_min(2e-3)[:, None]], 1)
        mirrored = unit(mirrored)
        colour = self._mirror(hits, mirrored, seconds)
        share = 0.02 + 0.98 * (1.0 - (facing.clamp(0.0, 1.0) + 0.5 * hidden.sqrt()).clamp_max(1.0)) ** 5
        colour = torch.lerp(self._body(hits, waves), colour, share[:, None])
        return self._foam(colour + self._glitter(hits, tilt, hidden), hits, waves)

    def _hidden(self, wide: Tensor) -> Tensor:
        """Mean square slope (N) of the waves that are too fine for a pixel."""
        seen = torch.stack([(2.0 - 4.0 * wide / size).clamp(0.0, 1.0) for size in (1.5, 7.0)], -1)
        return (1.0 - seen * seen) @ (self.slopes**2) + 0.6 * self.slopes[0] ** 2

    def _body(self, hits: Hits, waves: Tensor) -> Tensor:
        """Light that comes back out of the water."""
        depth = torch.exp(0.9 * hits.relief.clamp_max(0.0))[:, None]
        shallow = depth if self.world.terrain == "coast" else 0.35 * depth
        body = torch.lerp(self.deep, self.shallow, shallow) * (1.0 + 0.12 * waves[:, 1:] + 0.08 * waves[:, :1])
        return body * (self.light.ambient + 0.55 * self.light.to_light[2] * self.light.sun) * 1.3

    def _glitter(self, hits: Hits, tilt: Tensor, hidden: Tensor) -> Tensor:
        """The light's mirror image, spread by waves as in Cox and Munk (1954)."""
        halfway = self.light.to_light - hits.rays
        slope = halfway[:, :2] / halfway[:, 2:].clamp_min(1e-3)
        spread = hidden + 2e-5
        off = ((slope + tilt) ** 2).sum(1)
        strength = torch.exp(-0.5 * off / spread) * 0.020 / spread.sqrt()
        return strength.clamp_max(6.0)[:, None] * self.light.sun

    def _foam(self, colour: Tensor, hits: Hits, waves: Tensor) -> Tensor:
        if self.world.terrain == "lake":
            return colour
        crests = smooth(2.6, 3.6, waves[:, 1] + 0.8 * waves[:, 0]) * 0.25
        if self.world.terrain == "coast":
            wash = torch.sin(5.0 * hits.relief + 1.3 * waves[:, 1])
            crests = crests + smooth(-0.7, -0.05, hits.relief) * smooth(0.1, 0.9, wash + 0.5 * waves[:, 0])
        white = 0.8 * (self.light.ambient + (0.2 + 0.6 * self.light.to_light[2]) * self.light.sun)
        return torch.lerp(colour, white.expand_as(colour), crests.clamp(0.0, 0.9)[:, None])

    def _mirror(self, hits: Hits, rays: Tensor, seconds: float) -> Tensor:
        """Linear colour (N, 3) that mirrored rays see: the sky, or the land on the far shore."""
        start = self.land.centre.new_tensor([*self.world.centre, 0.0])
        colour = self.sky.colour(start, rays, 3.0 * hits.pixel_rad, seconds, mirrored=True)
        if self.world.terrain == "sea":
            return colour
        reached = self._far_shore(hits.points, rays)
        met = torch.nonzero(reached.isfinite())[:, 0]
        if not len(met):
            return colour
        distance = reached[met]
        points = hits.points[met] + rays[met] * distance[:, None]
        slopes, _ = self.land.slopes(points[:, :2])
        normal = unit(torch.cat([-slopes, torch.ones_like(slopes[:, :1])], 1))
        relief, wild = self.land.relief(points[:, :2])
        found = Hits(points, to_local(self.world, points[:, :2]), rays[met], distance, relief, wild, hits.pixel_rad)
        painted = self.surfaces.plain(found, normal)
        air = self.sky.air(self.sky.horizon(rays[met]), rays[met])
        painted = through_air(self.world, painted, air, distance + hits.distance[met], rays[met, 2], 0.0)
        return colour.index_copy(0, met, painted)

    def _far_shore(self, points: Tensor, rays: Tensor) -> Tensor:
        """Metres (N) along mirrored rays to the first land above them, inf for none; in coarse steps."""
        reached = torch.full_like(rays[:, 2], torch.inf)
        growth = 1.0 + (math.log(REACH / 4.0) / MIRROR_STEPS)
        canopy = 0.8 * self.world.trees.height if self.world.trees else 0.0
        distance = 4.0
        for _ in range(MIRROR_STEPS):
            there = points + rays * distance
            relief, wild = self.land.relief(there[:, :2])
            met = (relief + canopy * wild > there[:, 2]) & (relief > 0.0)
            reached = torch.where(met & reached.isinf(), distance, reached)
            distance *= growth
        return reached
