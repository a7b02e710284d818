"""What solid land is made of where rays meet it, before any light: ground, trees and houses, with their windows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..world_noise import WorldNoise, footprint
from .grounds import Ground
from .growths import CANOPY, STOREY, Blocks, Wood
from .lands import Land
from .reliefs import length, smooth, to_local

FIR, LEAF, BUSH = (0.040, 0.080, 0.034), (0.080, 0.14, 0.028), (0.15, 0.15, 0.06)
PLASTER = ((0.42, 0.38, 0.33), (0.30, 0.16, 0.11), (0.52, 0.49, 0.43), (0.24, 0.25, 0.27))
WINDOWS_LIT = {"dawn": 0.25, "noon": 0.0, "dusk": 0.45, "night": 0.4}


@dataclass(frozen=True, slots=True)
class Hits:
    """Where N rays meet the land."""

    points: Tensor  # (N, 3) metres
    local: Tensor  # (N, 2) along and across the world's heading
    rays: Tensor  # (N, 3) unit
    distance: Tensor  # (N) metres
    relief: Tensor  # (N) of the bare land there
    wild: Tensor  # (N) how much grows there
    pixel_rad: float

    def part(self, which: Tensor) -> Hits:
        """Some of the hits, by index."""
        return Hits(
            self.points[which], self.local[which], self.rays[which], self.distance[which], self.relief[which],
            self.wild[which], self.pixel_rad,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Panes:
    """The windows among N hits."""

    share: Tensor  # (N) of the pixel that is glass
    shining: Tensor  # (N) how far the room behind is lit
    sky: Tensor  # (N) how much of the sky the glass mirrors


@dataclass(frozen=True, slots=True)
class Matter:
    """What N hits are made of, and how the world's light falls on them."""

    albedo: Tensor  # (N, 3)
    normal: Tensor  # (N, 3) unit, world axes
    open: Tensor  # (N) share of the sky that lights it
    lit: Tensor  # (N) share of the sun that lights it, 0 in shadow
    panes: Panes | None = None


def hits_of(land: Land, origin: Tensor, rays: Tensor, distance: Tensor, pixel_rad: float) -> Hits:
    """The hits of rays (N, 3) at distances (N)."""
    points = origin + rays * distance[:, None]
    relief, wild = land.relief(points[:, :2])
    return Hits(points, to_local(land.world, points[:, :2]), rays, distance, relief, wild, pixel_rad)


class Solids:
    """Everything solid in one world."""

    def __init__(self, noise: WorldNoise, land: Land) -> None:
        world = land.world
        self.world, self.noise, self.land = world, noise, land
        device = land.centre.device
        self.to_light = torch.tensor(world.to_light, device=device)
        self.ground = Ground(world, device)
        c, s = world.heading_axes
        self.world_from_local = torch.tensor([[c, -s], [s, c]], device=device)
        trees = world.trees
        leaf = FIR if trees is not None and trees.conifers else (BUSH if world.terrain == "canyon" else LEAF)
        self.leaf = torch.tensor(leaf, device=device) * torch.tensor(world.tint, device=device)
        self.leaf = self.leaf * (1.9 if world.time == "night" else 1.0)
        self.canopy = trees.share * min(1.0, trees.height / 8.0) if trees is not None else 0.0
        self.plaster = torch.tensor(PLASTER, device=device)

    def matter(self, hits: Hits) -> Matter:
        """What is at each hit."""
        slopes, _ = self.land.slopes(hits.points[:, :2])
        normal = unit(torch.cat([-slopes, torch.ones_like(slopes[:, :1])], 1))
        growth = self.land.growth
        if isinstance(growth, Blocks):
            return self._city(growth, hits, normal)
        if isinstance(growth, Wood):
            return self._wood(growth, hits, normal)
        return self.foreign(hits, normal)

    def foreign(self, hits: Hits, normal: Tensor) -> Matter:
        """What surfaces (N) are made of that are not of this world but stand in it: its ground, flat or steep."""
        albedo, fields = self._bare(hits, normal, normal)
        return Matter(albedo, normal, *self._light(hits.points, normal, torch.ones_like(hits.distance), fields))

    def plain(self, hits: Hits, normal: Tensor) -> Tensor:
        """Albedo (N, 3) without texture or single trees: what a mirror image needs."""
        fields = torch.zeros(len(hits.distance), 7, device=normal.device)
        wide = hits.distance * hits.pixel_rad
        albedo = self.ground.albedo(hits.local, hits.points[:, 2], normal[:, 2], fields, wide)
        if isinstance(self.land.growth, Wood):
            albedo = torch.lerp(albedo, self.leaf, (hits.wild * self.land.growth.trees.share)[:, None])
        return albedo

    def _bare(self, hits: Hits, ground: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Albedo (N, 3) of bare ground whose normal is `ground`, and the noise (N, 7) on a surface with `normal`."""
        wide = footprint(hits.distance, -(hits.rays * normal).sum(1), torch.as_tensor(hits.pixel_rad))
        fields = self.noise.ground(hits.points, wide)
        return self.ground.albedo(hits.local, hits.points[:, 2], ground[:, 2], fields, wide), fields

    def _light(self, points: Tensor, normal: Tensor, shelter: Tensor, fields: Tensor) -> tuple[Tensor, Tensor]:
        """Shares (N) of the sky and of the sun that reach points (N, 3)."""
        texel = 0.3 + 0.02 * length(points[:, :2] - self.land.centre)[:, None]
        beside = points[:, :2] + normal[:, :2] * texel  # a wall's own shadow lies behind it
        lit = self.land.lit(beside, points[:, 2], self.land.slopes(beside)[1])
        rough = 0.10 * fields[:, 2] + 0.10 * fields[:, 3] + 0.08 * fields[:, 4]
        facing = ((normal @ self.to_light) * (1.0 + rough) + 0.25 * rough).clamp_min(0.0)
        return (0.62 + 0.38 * normal[:, 2]) * shelter, facing * lit

    def _wood(self, wood: Wood, hits: Hits, ground: Tensor) -> Matter:
        """Ground, and trees where the hit is above the ground; far away a closed canopy."""
        tall = wood.trees.height
        floats = (hits.points[:, 2] - hits.relief.clamp_min(0.0 if self.land.watery else -1e4)) * (ground[:, 2] > 0.85)
        above = torch.maximum(wood.height(hits.local, hits.wild), floats)  # a hit may lie a hair beside its tree
        far = smooth(*CANOPY, length(hits.local))
        is_tree = torch.maximum(smooth(0.10, 0.35, above / (0.02 * tall + 0.2)), far * hits.wild * self.canopy)
        local = wood.outward(hits.local)
        outside = torch.cat([local[:, :2] @ self.world_from_local.T, local[:, 2:]], 1)
        normal = unit(torch.lerp(ground, outside, (is_tree * (1.0 - far))[:, None]))
        albedo, fields = self._bare(hits, ground, normal)
        leaf, clump = self._leaves(wood, hits, fields)
        shelter = torch.lerp(
            torch.ones_like(above), 0.40 + 0.65 * (above / tall).clamp(0.0, 1.0), is_tree * (1.0 - far)
        )
        if wood.trees.share > 0.5:
            shelter = shelter * (1.0 - 0.4 * hits.wild * (1.0 - is_tree))
        bent = unit(normal + (0.55 * is_tree)[:, None] * clump)  # clumps of leaves, for the light alone
        light = self._light(hits.points, bent, shelter, fields)
        return Matter(torch.lerp(albedo, leaf, is_tree[:, None]), normal, *light)

    def _leaves(self, wood: Wood, hits: Hits, fields: Tensor) -> tuple[Tensor, Tensor]:
        """Colour (N, 3) of leaves, and how clumps of them bend the normal (N, 3)."""
        square = torch.floor(hits.local / wood.trees.spacing)
        shade = 0.75 + 0.25 * torch.sin(17.0 * square[:, 0] + 31.0 * square[:, 1])
        weights = torch.tensor([0.25, 0.38, 0.36, 0.25, 0.15, 0.0, 0.0], device=fields.device)
        leaf = self.leaf * ((1.0 + fields @ weights).clamp(0.2, 2.4) * shade * 1.3)[:, None]
        if self.world.weather == "snowfall" or self.world.terrain == "snowfield":
            snow = torch.sigmoid(2.0 * (fields[:, 1] + fields[:, 2]) - 0.6)[:, None]
            leaf = torch.lerp(leaf, torch.full_like(leaf, 0.75), 0.8 * snow)
        return leaf, torch.stack([fields[:, 2], fields[:, 3], fields[:, 1]], 1)

    def _city(self, blocks: Blocks, hits: Hits, normal: Tensor) -> Matter:
        """Streets, roofs, and walls with their windows."""
        lot = blocks.lot(hits.local)
        z = hits.points[:, 2]
        house = lot.built & (z > hits.relief + 0.25)
        wall = house & (z < lot.roof - 0.08)
        outward = blocks.outward(lot)
        upright = torch.cat([outward @ self.world_from_local.T, torch.zeros_like(outward[:, :1])], 1)
        normal = torch.where(wall[:, None], upright, normal)
        wide = footprint(hits.distance, -(hits.rays * normal).sum(1), torch.as_tensor(hits.pixel_rad))
        fields = self.noise.ground(hits.points, wide)
        albedo = self.ground.street(blocks, lot.along, lot.across, fields, wide)
        if self.land.world.terrain == "city":
            hill = smooth(2.0, 6.0, hits.relief)[:, None]
            albedo = torch.lerp(albedo, self.ground.albedo(hits.local, z, normal[:, 2], fields, wide), hill)
        rough = (1.0 + 0.10 * fields[:, 0] + 0.10 * fields[:, 1] + 0.10 * fields[:, 2] + 0.07 * fields[:, 3]).clamp(
            0.5, 1.5
        )
        plaster = self.plaster[(lot.dice[:, 2] * 3.999).long()] * (0.7 + 0.6 * lot.dice[:, 0:1]) * rough[:, None]
        roof = torch.full_like(plaster, 0.17) * (rough * (0.7 + 0.6 * lot.dice[:, 1]))[:, None]
        albedo = torch.where(house[:, None], torch.where(wall[:, None], plaster, roof), albedo)
        shelter = torch.where(house, 0.7 + 0.3 * (z / 30.0).clamp(0.0, 1.0), 0.8)
        light = self._light(hits.points, normal, shelter, fields)
        return Matter(albedo, normal, *light, self._panes(hits, lot.dice, outward, wall, wide))

    def _panes(self, hits: Hits, dice: Tensor, outward: Tensor, wall: Tensor, wide: Tensor) -> Panes:
        """A grid of panes on the walls: they mirror the sky, and some are lit when it is dark."""
        width = 2.2 + 2.4 * dice[:, 3]
        run = torch.where(outward[:, 0].abs() > 0.5, hits.local[:, 1], hits.local[:, 0]) / width
        rise = hits.points[:, 2] / STOREY
        across, up = run - torch.floor(run), rise - torch.floor(rise)
        soft = (wide / STOREY).clamp(0.03, 1.0)
        inside = torch.minimum(0.33 - (across - 0.5).abs(), 0.30 - (up - 0.52).abs())
        pane = (inside / soft + 0.5).clamp(0.0, 1.0)
        pane = torch.lerp(pane, torch.full_like(pane, 0.38), smooth(0.35, 0.8, soft)) * wall * (hits.points[:, 2] > 0.4)
        chance = torch.sin(12.9898 * torch.floor(run) + 78.233 * torch.floor(rise) + 40.0 * dice[:, 0]) * 43758.547
        shining = ((chance - torch.floor(chance)) < WINDOWS_LIT[self.world.time]).float()
        even = smooth(0.35, 0.8, soft)
        shining = torch.lerp(shining, torch.full_like(shining, WINDOWS_LIT[self.world.time]), even)
        return Panes(pane, shining, dice[:, 1])


def unit(vectors: Tensor) -> Tensor:
    """Vectors (N, 3) at length 1."""
    x, y, z = vectors.unbind(1)
    return vectors / torch.sqrt(x * x + y * y + z * z).clamp_min(1e-6)[:, None]
