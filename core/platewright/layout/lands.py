"""The solid part of a world: one map of the land that is fine near the centre and coarse far away, and its shadows.

The map's axes are turned so that the light comes along the first one: a running maximum along it is the shadow map.
Distances along an axis are stored as logarithms: a texel is a constant share of the distance from the centre.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..world_noise import WorldNoise
from .growths import growth_of, wildness
from .reliefs import WATERY, length, relief, smooth, to_local
from .worlds import World

REACH = 7000.0  # metres that the map reaches from the centre
_FINE = 18.0  # metres around the centre where texels are about even
TEXELS = 608  # of the map, along each side
_SPREAD = math.log1p(REACH / _FINE)


class Land:
    """Heights, slopes and shadows of a world."""

    def __init__(
        self, world: World, noise: WorldNoise, device: torch.device | str = "cpu", texels: int = TEXELS
    ) -> None:
        self.world = world
        self.watery = world.terrain in WATERY
        self.growth = growth_of(world, torch.device(device))
        c, s = math.cos(world.azimuth), math.sin(world.azimuth)
        self.map_from_world = torch.tensor([[c, s], [-s, c]], device=device)
        self.centre = torch.tensor(world.centre, device=device)
        ticks = _unwarped(torch.linspace(-1.0, 1.0, texels, device=device))
        rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
        self.xy = torch.stack([columns, rows], -1) @ self.map_from_world + self.centre
        spacing = torch.maximum(rows.abs(), columns.abs()).add(_FINE) * (2.0 * _SPREAD / texels)
        height = relief(world, noise, self.xy, spacing)
        slopes = torch.stack([torch.gradient(height, spacing=(ticks,), dim=d)[0] for d in (1, 0)])
        self.local = to_local(world, self.xy)
        wild = wildness(world, self.local, height, slopes.norm(dim=0))
        self.heights = torch.stack([height, wild])[None]
        shade = self._shade(height, wild, ticks)
        self.lights = torch.cat([slopes, shade[None]])[None]

    def height(self, xy: Tensor) -> Tensor:
        """Metres (...) of what is highest at world points (..., 2): land, water, tree or roof."""
        found, wild = self._look(self.heights, xy)
        found = found.clamp_min(0.0) if self.watery else found
        return found if self.growth is None else found + self.growth.height(to_local(self.world, xy), wild)

    def bare(self, xy: Tensor) -> Tensor:
        """Metres (...) of land or water at world points (..., 2)."""
        (found,) = self._look(self.heights[:, :1], xy)
        return found.clamp_min(0.0) if self.watery else found

    def grown(self, xy: Tensor) -> Tensor:
        """Metres (...) of what stands on the land at world points (..., 2)."""
        if self.growth is None:
            return torch.zeros_like(xy[..., 0])
        (wild,) = self._look(self.heights[:, 1:], xy)
        return self.growth.height(to_local(self.world, xy), wild)

    def relief(self, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Height of the bare land, below water too, and how much grows on it (...)."""
        found, wild = self._look(self.heights, xy)
        return found, wild

    def slopes(self, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Slope of the bare land (..., 2) along the world's axes, and the height up to which shadow lies (...)."""
        first, second, shade = self._look(self.lights, xy)
        return torch.stack([first, second], -1) @ self.map_from_world, shade

    def lit(self, xy: Tensor, z: Tensor, shade: Tensor) -> Tensor:
        """How much of the light reaches points at height z (...), 0..1; edges soften with the map's texels."""
        texel = 0.12 + 0.012 * length(xy - self.centre)
        return 1.0 - smooth(0.0, 1.0, (shade - z) / (texel * (0.25 + math.tan(self.world.elevation))) - 0.15)

    def _shade(self, height: Tensor, wild: Tensor, ticks: Tensor) -> Tensor:
        """Height below which a point of the map is in shadow: what stands towards the light, less its distance."""
        top = height.clamp_min(0.0) if self.watery else height
        if self.growth is not None:
            top = top + self.growth.height(self.local, wild)
        drop = ticks * math.tan(self.world.elevation)
        towards = torch.cummax((top - drop).flip(1), 1)[0].flip(1) + drop
        next_one = torch.cat([towards[:, 1:], torch.full_like(towards[:, :1], -1e4)], 1)
        return next_one - torch.diff(drop, append=drop[-1:] + 1.0)

    def _look(self, maps: Tensor, xy: Tensor) -> Tensor:
        """Channels (C, ...) of a map (1, C, N, N) at world points (..., 2)."""
        offset = (xy - self.centre) @ self.map_from_world.T
        grid = _warped(offset).clamp(-1.0, 1.0)
        found = functional.grid_sample(maps, grid.reshape(1, 1, -1, 2), align_corners=True)
        return found.reshape(maps.shape[1], *xy.shape[:-1])


def _warped(metres: Tensor) -> Tensor:
    return torch.copysign(torch.log(metres.abs() * (1.0 / _FINE) + 1.0) * (1.0 / _SPREAD), metres)


def _unwarped(place: Tensor) -> Tensor:
    return torch.copysign(torch.expm1(place.abs() * _SPREAD) * _FINE, place)
