"""Pictures of a world from an exact pinhole camera, with the distance and the normal of what each pixel sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from platewright.layout.lands import TEXELS, Land
from platewright.layout.marching import first_hits
from platewright.layout.matter import Solids, hits_of
from platewright.layout.painting import display
from platewright.layout.placing import FARTHEST_M, pixel_rays
from platewright.layout.waters import Waters
from platewright.layout.worlds import World
from platewright.world_noise import WorldNoise

from .lights import light_of, through_air
from .skies import Sky
from .surfaces import Surfaces
from .waters import Water


@dataclass(frozen=True, slots=True)
class Film:
    """What a camera saw."""

    frames: Tensor  # (F, H, W, 3) display-referred sRGB, 0..1
    distance: Tensor  # (F, H, W) metres along the ray, 0 for sky
    normals: Tensor  # (F, H, W, 3) world axes, 0 for sky


class Stage:
    """A world built once, to be looked at from anywhere."""

    def __init__(self, world: World, device: torch.device | str = "cpu", texels: int = TEXELS) -> None:
        self.world, self.device = world, torch.device(device)
        self.noise = WorldNoise(world.seed, device)
        self.light = light_of(world, device)
        self.land = Land(world, self.noise, device, texels)
        self.sky = Sky(world, self.light, self.noise)
        self.surfaces = Surfaces(self.light, Solids(self.noise, self.land))
        self.water = None
        if self.land.watery:
            self.water = Water(world, self.light, Waters(self.noise, self.land), self.sky, self.surfaces)

    def film(self, poses: Tensor, lenses: Tensor, size: tuple[int, int], seconds: Tensor) -> Film:
        """What a camera sees.

        poses    (F, 4, 4) float64, world from camera, OpenCV axes, metres
        lenses   (F, 4) float64: fx, fy, cx, cy in pixels
        size     width and height in pixels
        seconds  (F,) since the beginning: clouds, waves, rain and snow run
        """
        width, height = size
        seen = [self._frame(pose, lens, size, float(t)) for pose, lens, t in zip(poses, lenses, seconds, strict=True)]
        colour, distance, normals = (
            torch.stack(part).reshape(len(seen), height, width, -1) for part in zip(*seen, strict=True)
        )
        return Film(softened(display(colour), distance[..., 0]), distance[..., 0], normals)

    def _frame(
        self, pose: Tensor, lens: Tensor, size: tuple[int, int], seconds: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Linear colour (N, 3), distance (N) and normals (N, 3) of one frame's pixels, row by row."""
        rays = pixel_rays(pose, lens, size).to(self.device)
        origin = pose[:3, 3].to(self.device, torch.float32)
        pixel_rad = 1.0 / float(lens[0])
        reached = first_hits(self.land, origin, rays, pixel_rad).clamp_max(1e6)
        solid = torch.nonzero(reached < FARTHEST_M)[:, 0]
        open_ = torch.nonzero(reached >= FARTHEST_M)[:, 0]
        colour, normals = torch.zeros_like(rays), torch.zeros_like(rays)
        colour[open_] = self.sky.colour(origin, rays[open_], pixel_rad, seconds)
        if len(solid):
            colour[solid], normals[solid] = self._solid(origin, rays[solid], reached[solid], pixel_rad, seconds)
        return self._falling(colour, rays, seconds), torch.where(reached < FARTHEST_M, reached, 0.0), normals

    def _solid(
        self, origin: Tensor, rays: Tensor, distance: Tensor, pixel_rad: float, seconds: float
    ) -> tuple[Tensor, Tensor]:
        """Colour and normal of what rays meet, behind the air."""
        hits = hits_of(self.land, origin, rays, distance, pixel_rad)
        if self.water is None:
            colour, normals = self.surfaces.shade(hits)
        else:
            colour, normals = (
                torch.empty_like(rays),
                torch.tensor([0.0, 0.0, 1.0], device=rays.device).repeat(len(rays), 1),
            )
            is_wet = (hits.relief < 0.0) & (hits.points[:, 2] < 0.5)
            wet, dry = torch.nonzero(is_wet)[:, 0], torch.nonzero(~is_wet)[:, 0]
            colour[wet] = self.water.shade(hits.part(wet), seconds)
            colour[dry], normals[dry] = self.surfaces.shade(hits.part(dry))
        air = self.sky.air(self.sky.horizon(rays), rays)
        return through_air(self.world, colour, air, distance, rays[:, 2], origin[2]), normals

    def _falling(self, colour: Tensor, rays: Tensor, seconds: float) -> Tensor:
        """Rain or snow before everything else."""
        if self.world.weather not in ("rain", "snowfall"):
            return colour
        fallen = self.noise.falling(rays, seconds)
        bright = self.light.ambient + 0.35 * self.light.grey
        if self.world.weather == "rain":
            return torch.lerp(colour, (0.9 * bright).expand_as(colour), 0.30 * fallen[:, :1])
        return torch.lerp(colour, (1.35 * bright).expand_as(colour), 0.85 * fallen[:, 1:])


def softened(frames: Tensor, distance: Tensor) -> Tensor:
    """Frames (F, H, W, 3) with the stairs taken off outlines: where the distance jumps, pixels mix with neighbours."""
    depth = torch.log(torch.where(distance > 0, distance, 2.0 * FARTHEST_M))[:, None]
    around = functional.pad(depth, (1, 1, 1, 1), mode="replicate")
    jump = functional.max_pool2d(around, 3, 1) + functional.max_pool2d(-around, 3, 1)
    share = ((jump - 0.15) / 0.3).clamp(0.0, 1.0)
    kernel = torch.tensor([1.0, 2.0, 1.0], device=frames.device)
    kernel = (kernel[:, None] * kernel / 16.0).expand(3, 1, 3, 3)
    planes = frames.permute(0, 3, 1, 2)
    mixed = functional.conv2d(functional.pad(planes, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return torch.lerp(planes, mixed, 0.85 * share).permute(0, 2, 3, 1)
