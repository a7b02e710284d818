"""Sea and lakes, lit: what comes out of the water, what it mirrors, the light's glitter, foam."""

from __future__ import annotations

import torch
from torch import Tensor

from platewright.layout.matter import Hits
from platewright.layout.waters import Surface, Waters
from platewright.layout.worlds import World

from .lights import Light, through_air
from .skies import Sky
from .surfaces import Surfaces

DEEP = {"sea": (0.010, 0.055, 0.085), "coast": (0.012, 0.090, 0.110), "lake": (0.012, 0.040, 0.045)}
SHALLOW = (0.10, 0.22, 0.19)


class Water:
    """The water of one world under its light."""

    def __init__(self, world: World, light: Light, waters: Waters, sky: Sky, surfaces: Surfaces) -> None:
        self.world, self.light, self.waters, self.sky, self.surfaces = world, light, waters, sky, surfaces
        self.light_kept = sky.heavens.light_kept()
        self.deep = torch.tensor(DEEP[world.terrain], device=light.sun.device)
        self.shallow = torch.tensor(SHALLOW, device=light.sun.device)

    def shade(self, hits: Hits, seconds: float) -> Tensor:
        """Linear colour (N, 3) at hits on the water."""
        water = self.waters.surface(hits, seconds)
        colour = torch.lerp(self._body(water), self._mirror(hits, water.mirrored, seconds), water.share[:, None])
        colour = colour + (self.light_kept * water.glitter)[:, None] * self.light.sun
        white = 0.8 * (self.light.ambient + (0.2 + 0.6 * self.light.to_light[2]) * self.light.sun)
        return torch.lerp(colour, white.expand_as(colour), water.foam[:, None])

    def _body(self, water: Surface) -> Tensor:
        """Light that comes back out of the water."""
        waves = water.waves
        body = torch.lerp(self.deep, self.shallow, water.shallow[:, None])
        body = body * (1.0 + 0.12 * waves[:, 1:] + 0.08 * waves[:, :1])
        return body * (self.light.ambient + 0.55 * self.light.to_light[2] * self.light.sun) * 1.3

    def _mirror(self, hits: Hits, rays: Tensor, seconds: float) -> Tensor:
        """Linear colour (N, 3) that mirrored rays see: the sky, or the land on the far shore."""
        start = hits.points.new_tensor([*self.world.centre, 0.0])
        colour = self.sky.colour(start, rays, 3.0 * hits.pixel_rad, seconds, mirrored=True)
        if self.world.terrain == "sea":
            return colour
        reached = self.waters.far_shore(hits.points, rays)
        met = torch.nonzero(reached.isfinite())[:, 0]
        if not len(met):
            return colour
        found, normal = self.waters.shore(hits.part(met), rays[met], reached[met])
        painted = self.surfaces.plain(found, normal)
        air = self.sky.air(self.sky.horizon(rays[met]), rays[met])
        distance = reached[met] + hits.distance[met]
        painted = through_air(self.world, painted, air, distance, rays[met, 2], 0.0)
        return colour.index_copy(0, met, painted)
