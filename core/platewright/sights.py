"""What each pixel's ray meets, as the embedded network sees it: the world's noise, the light, the artist's geometry.

The ground is the plane z = 0 unless a guide says where surfaces are; clouds lie on a plane of their own; skylines and
stars are too far to move. All of it is told without a heading of the world's: only angles to the camera's own heading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .conditioning import camera_rays, heading_of
from .world_noise import CLOUD_ALTITUDE, CLOUD_WAVELENGTHS, GROUND_WAVELENGTHS, RIDGES, WorldNoise, footprint

LOWEST_CAMERA = 0.05  # metres above the ground
FARTHEST = 20000.0  # metres: beyond it the ground has no texture left
LOW, TALL = 0.7, 12.0  # metres: scales of heights above the ground
STEEPEST = 0.01  # sine of the elevation from which the cloud plane is looked at

SIGHT_NAMES = (
    *("up", "up_sharp", "up_sharper", "near", "nearer", "height", "footprint"),
    *(f"ground_{n}" for n in range(len(GROUND_WAVELENGTHS))),
    *("ripples", "swell"),
    *(f"cloud_{n}" for n in range(len(CLOUD_WAVELENGTHS))),
    *(f"ridge_{n}" for n in range(RIDGES)),
    *("stars", "rain", "snow"),
    *("sun_near", "sun_halo", "sun_height", "sun_known"),
    *("guide", "guide_near", "guide_up", "guide_side", "guide_ahead", "guide_low", "guide_tall"),
)


@dataclass(frozen=True, slots=True)
class View:
    """Rays of a path through the centres of a grid's cells, in world axes."""

    directions: Tensor  # (F, 3, H, W) unit, float32
    origins: Tensor  # (F, 3) metres, float64, z above the ground
    pixel_rad: Tensor  # (F,) angle of a cell in the picture's middle
    headings: Tensor  # (F,) radians around +Z from +X

    def part(self, frames: slice) -> View:
        """Some of the frames."""
        return View(self.directions[frames], self.origins[frames], self.pixel_rad[frames], self.headings[frames])

    def window(self, rows: slice, columns: slice) -> View:
        """A piece of the picture."""
        return View(self.directions[:, :, rows, columns], self.origins, self.pixel_rad, self.headings)


@dataclass(frozen=True, slots=True)
class Guide:
    """Where the artist's surfaces are, seen along the same rays."""

    distance: Tensor  # (F, H, W) metres along the ray, 0 where there is nothing
    normals: Tensor  # (F, 3, H, W) unit, world axes

    def part(self, frames: slice) -> Guide:
        """Some of the frames."""
        return Guide(self.distance[frames], self.normals[frames])

    def window(self, rows: slice, columns: slice) -> Guide:
        """A piece of the picture."""
        return Guide(self.distance[:, rows, columns], self.normals[:, :, rows, columns])


def view_of(poses: Tensor, lenses: Tensor, picture: tuple[int, int], size: tuple[int, int], ground_m: float) -> View:
    """The rays of a camera path through a grid over its picture.

    poses    (F, 4, 4) camera to world, OpenCV axes, metres, float64
    lenses   (F, 4) fx, fy, cx, cy in pixels of `picture` (width, height)
    size     cells across and down
    ground_m height of the ground in the world; a camera below it is lifted to LOWEST_CAMERA above
    """
    poses, lenses = poses.to(torch.float64), lenses.to(torch.float64)
    rotations, origins = poses[:, :3, :3], poses[:, :3, 3].clone()
    origins[:, 2] = (origins[:, 2] - ground_m).clamp_min(LOWEST_CAMERA)
    rays = torch.einsum("fij,fjhw->fihw", rotations, camera_rays(lenses, picture, size))
    pixel_rad = picture[0] / size[0] / lenses[:, 0]
    return View(rays.to(torch.float32), origins, pixel_rad.to(torch.float32), heading_of(rotations).to(torch.float32))


def sights(view: View, noise: WorldNoise, seconds: Tensor, sun: Tensor | None, guide: Guide | None) -> Tensor:
    """The channels SIGHT_NAMES (F, C, H, W), float32, each about unit size.

    seconds  (F,) since the path's first frame: clouds drift, waves run, rain falls
    sun      (3,) unit vector towards the light, world axes; None: not known, its channels are 0
    guide    of the same rays; None: its channels are 0 and the ground is the plane z = 0
    """
    rays = view.directions.permute(0, 2, 3, 1)
    height = view.origins[:, 2].to(torch.float32)[:, None, None].expand(rays.shape[:-1])
    time = seconds.to(torch.float32)[:, None, None]
    points, width, is_there = _surface(view, rays, guide)
    ground = noise.ground(points, width) * is_there[..., None]
    waves = noise.waves(points, width, time) * is_there[..., None]
    near, nearer = _closeness(rays[..., 2], height)
    up = rays[..., 2]
    shape = [up, torch.tanh(6.0 * up), torch.tanh(30.0 * up), near, nearer]
    shape += [torch.log(height / 4.0) / 3.0, torch.where(is_there, torch.log(width.clamp(1e-3, 1e3)) / 3.0, 2.5)]
    far = [*_clouds(view, rays, noise, time, guide).unbind(-1), *_skyline(rays, noise).unbind(-1)]
    small = [noise.stars(rays, view.pixel_rad[:, None, None]), *noise.falling(rays, time).unbind(-1)]
    channels = [*shape, *ground.unbind(-1), *waves.unbind(-1), *far, *small]
    return torch.stack([*channels, *_light(rays, sun), *_geometry(view, guide, points, up)], 1).to(torch.float32)


def _surface(view: View, rays: Tensor, guide: Guide | None) -> tuple[Tensor, Tensor, Tensor]:
    """Points (F, H, W, 3, float64) where rays meet guide or ground, a pixel's width there in metres, and whether."""
    drop = -rays[..., 2]
    lifted = view.origins[:, 2].to(torch.float32)[:, None, None]
    distance, grazing = lifted / drop.clamp_min(1e-5), drop.clamp_min(1e-5)
    is_there = (drop > 1e-5) & (distance < FARTHEST)
    if guide is not None:
        is_guided = guide.distance > 0
        facing = (guide.normals.permute(0, 2, 3, 1) * rays).sum(-1).abs()
        distance, grazing = torch.where(is_guided, guide.distance, distance), torch.where(is_guided, facing, grazing)
        is_there = is_there | is_guided
    distance = torch.where(is_there, distance, 1.0)
    points = view.origins[:, None, None] + rays.to(torch.float64) * distance[..., None]
    return points, footprint(distance, grazing, view.pixel_rad[:, None, None]), is_there


def _closeness(up: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """How near the plane of the ground is, 0..1, at two sharpnesses; 0 from the horizon up."""
    drop = (-up).clamp_min(0.0)
    return drop / (drop + 0.03 * height), drop / (drop + 0.5 * height)


def _clouds(view: View, rays: Tensor, noise: WorldNoise, time: Tensor, guide: Guide | None) -> Tensor:
    """The cloud plane's fields (F, H, W, 4), 0 where rays do not reach it."""
    up = rays[..., 2]
    lift = CLOUD_ALTITUDE - view.origins[:, 2].to(torch.float32)[:, None, None]
    distance = lift / up.clamp_min(STEEPEST)
    points = view.origins[:, None, None] + rays.to(torch.float64) * distance[..., None]
    is_seen = up > STEEPEST
    if guide is not None:
        is_seen = is_seen & (guide.distance <= 0)
    width = footprint(distance, up.clamp_min(STEEPEST), view.pixel_rad[:, None, None])
    return noise.clouds(points, width, time) * is_seen[..., None]


def _skyline(rays: Tensor, noise: WorldNoise) -> Tensor:
    """The far skylines' fields (F, H, W, RIDGES)."""
    return noise.ridges(torch.atan2(rays[..., 1], rays[..., 0]))


def _light(rays: Tensor, sun: Tensor | None) -> list[Tensor]:
    """Closeness to the light, its halo, its height, and whether it is known."""
    if sun is None or not bool(sun.any()):
        nothing = torch.zeros_like(rays[..., 0])
        return [nothing] * 4
    toward = sun.to(rays)
    facing = (rays * toward).sum(-1)
    whole = torch.ones_like(facing)
    return [facing, torch.exp((facing - 1.0) * 200.0), whole * toward[2], whole]


def _geometry(view: View, guide: Guide | None, points: Tensor, up: Tensor) -> list[Tensor]:
    """Presence, closeness, normals beside the camera's heading, and height above the ground of the guide.

    Height at two scales: a shore is where it leaves 0, a tree is what is metres tall.
    """
    if guide is None:
        nothing = torch.zeros_like(up)
        return [nothing] * 7
    is_guided = (guide.distance > 0).to(torch.float32)
    x, y, z = guide.normals.unbind(1)
    c, s = torch.cos(view.headings)[:, None, None], torch.sin(view.headings)[:, None, None]
    near = is_guided / (1.0 + guide.distance / 5.0)
    height = points[..., 2].to(torch.float32)
    tall = [torch.tanh(height / scale) * is_guided for scale in (LOW, TALL)]
    return [is_guided, near, z * is_guided, (c * y - s * x) * is_guided, (c * x + s * y) * is_guided, *tall]


def sun_direction(azimuth_deg: float, elevation_deg: float) -> Tensor:
    """Unit vector (3,) towards the sun; azimuth from +X towards +Y in the world."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    level = math.cos(elevation)
    return torch.tensor([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])
