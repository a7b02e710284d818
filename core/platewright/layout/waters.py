"""Sea and lakes, before any light: a plane z = 0 with waves that mirrors the sky and the far shore."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..world_noise import WorldNoise, footprint
from .lands import REACH, Land
from .matter import Hits, unit
from .reliefs import smooth, to_local

SLOPES = {"sea": (0.055, 0.040), "coast": (0.045, 0.030), "lake": (0.010, 0.006)}  # of waves of about 1.5 and 7 m
MIRROR_STEPS = 26


@dataclass(frozen=True, slots=True)
class Surface:
    """The water at N hits."""

    waves: Tensor  # (N, 2) of two lengths, about unit size
    mirrored: Tensor  # (N, 3) unit: where the mirror image comes from
    share: Tensor  # (N) of the light that is mirrored
    shallow: Tensor  # (N) how much of the ground shows
    glitter: Tensor  # (N) of the sun or moon, as a share of its light
    foam: Tensor  # (N) share that is white


class Waters:
    """The water of one world."""

    def __init__(self, noise: WorldNoise, land: Land) -> None:
        self.world, self.noise, self.land = land.world, noise, land
        device, world = land.centre.device, land.world
        self.to_light = torch.tensor(world.to_light, device=device)
        stir = 0.5 + 1.2 * world.variety[4]
        self.slopes = torch.tensor(SLOPES[world.terrain], device=device) * stir
        angle = world.heading + 0.6
        ways = [[math.cos(angle), math.sin(angle)], [math.cos(angle + 0.9), math.sin(angle + 0.9)]]
        self.ways = torch.tensor(ways, device=device)  # each field tilts the water along its own way
        self.ripple = 0.6 * self.slopes[0] * torch.tensor([0.7, 1.0], device=device)

    def surface(self, hits: Hits, seconds: float) -> Surface:
        """The water at hits."""
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
        share = 0.02 + 0.98 * (1.0 - (facing.clamp(0.0, 1.0) + 0.5 * hidden.sqrt()).clamp_max(1.0)) ** 5
        depth = torch.exp(0.9 * hits.relief.clamp_max(0.0))
        shallow = depth if self.world.terrain == "coast" else 0.35 * depth
        glitter, foam = self._glitter(hits, tilt, hidden), self._foam(hits, waves)
        return Surface(waves, unit(mirrored), share, shallow, glitter, foam)

    def far_shore(self, points: Tensor, rays: Tensor) -> Tensor:
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

    def shore(self, hits: Hits, rays: Tensor, reached: Tensor) -> tuple[Hits, Tensor]:
        """Hits of the shore at distances (N) along rays mirrored at hits of the water, and their normals (N, 3)."""
        points = hits.points + rays * reached[:, None]
        slopes, _ = self.land.slopes(points[:, :2])
        normal = unit(torch.cat([-slopes, torch.ones_like(slopes[:, :1])], 1))
        relief, wild = self.land.relief(points[:, :2])
        return Hits(points, to_local(self.world, points[:, :2]), rays, reached, relief, wild, hits.pixel_rad), normal

    def _hidden(self, wide: Tensor) -> Tensor:
        """Mean square slope (N) of the waves that are too fine for a pixel."""
        seen = torch.stack([(2.0 - 4.0 * wide / size).clamp(0.0, 1.0) for size in (1.5, 7.0)], -1)
        return (1.0 - seen * seen) @ (self.slopes**2) + 0.6 * self.slopes[0] ** 2

    def _glitter(self, hits: Hits, tilt: Tensor, hidden: Tensor) -> Tensor:
        """The light's mirror image, spread by waves as in Cox and Munk (1954)."""
        halfway = self.to_light - hits.rays
        slope = halfway[:, :2] / halfway[:, 2:].clamp_min(1e-3)
        spread = hidden + 2e-5
        off = ((slope + tilt) ** 2).sum(1)
        return (torch.exp(-0.5 * off / spread) * 0.020 / spread.sqrt()).clamp_max(6.0)

    def _foam(self, hits: Hits, waves: Tensor) -> Tensor:
        if self.world.terrain == "lake":
            return torch.zeros_like(hits.relief)
        crests = smooth(2.6, 3.6, waves[:, 1] + 0.8 * waves[:, 0]) * 0.25
        if self.world.terrain == "coast":
            wash = torch.sin(5.0 * hits.relief + 1.3 * waves[:, 1])
            crests = crests + smooth(-0.7, -0.05, hits.relief) * smooth(0.1, 0.9, wash + 0.5 * waves[:, 0])
        return crests.clamp(0.0, 0.9)
