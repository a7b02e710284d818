"""What a ray sees in a world: sky, clouds, ridges, ground and water, painted from far to near.

Each edge is blended over one pixel's angle and each texture is blurred to its footprint: one ray per pixel is enough.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .noise import look_up, profile_at
from .worlds import Ridge, World


def render(world: World, origins: Tensor, directions: Tensor, pixel_angle: Tensor) -> Tensor:
    """Pictures (F, H, W, 3), display-referred sRGB 0..1.

    origins     (F, 3) metres
    directions  (F, H, W, 3) unit vectors, world axes
    pixel_angle (F,) radians from one pixel to the next
    """
    frames, height, width, _ = directions.shape
    rays = directions.reshape(-1, 3)
    starts = origins[:, None].expand(frames, height * width, 3).reshape(-1, 3)
    angle = pixel_angle[:, None].expand(frames, height * width).reshape(-1)
    return display(_radiance(world, starts, rays, angle)).reshape(frames, height, width, 3)


def display(linear: Tensor) -> Tensor:
    """Linear light to display sRGB with a soft shoulder: the look of every picture here."""
    shown = 1.0 - torch.exp(-1.55 * linear.clamp_min(0.0))
    return torch.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def _radiance(world: World, starts: Tensor, rays: Tensor, angle: Tensor) -> Tensor:
    """Linear colour (N, 3) seen along each ray."""
    up = rays * torch.tensor([1.0, 1.0, 0.0]) + torch.stack([torch.zeros_like(angle)] * 2 + [rays[:, 2].abs()], -1)
    colour = _sky(world, up, angle)
    colour = _clouds(world, colour, starts, up, angle)
    below = torch.nonzero(rays[:, 2] < angle * 0.5)[:, 0]
    if len(below):
        land = _ground(world, starts[below], rays[below], angle[below], colour[below])
        cover = (0.5 - rays[below, 2] / angle[below]).clamp(0, 1)[:, None]
        colour = colour.index_copy(0, below, torch.lerp(colour[below], land, cover))
    for ridge in world.ridges:
        colour = _ridge(world, ridge, colour, starts, rays, angle)
    return colour


def _sky(world: World, rays: Tensor, angle: Tensor) -> Tensor:
    """Gradient from horizon to zenith, glow around the sun, its disc, stars at night."""
    light = world.light
    high = (1.0 - torch.exp(-3.6 * rays[:, 2].clamp_min(0.0)))[:, None]
    colour = torch.lerp(torch.tensor(light.horizon), torch.tensor(light.zenith), high)
    facing = (rays @ world.to_sun).clamp(-1, 1)
    near = facing.clamp_min(0.0)
    glow = 0.55 * near**8 * torch.exp(-2.5 * rays[:, 2].clamp_min(0)) + 0.5 * near**90
    colour = colour + glow[:, None] * torch.tensor(light.glow)
    away = torch.acos(facing * 0.9999999)
    radius = 0.022 if world.kind.time == "night" else 0.026
    disc = ((radius - away) / angle.clamp_min(1e-4) + 0.5).clamp(0, 1) * (1.0 - world.cloud_cover) ** 0.5
    brightness = 7.0 if world.kind.time == "night" else 3.0
    colour = torch.lerp(colour, brightness * torch.tensor(light.sun), disc[:, None])
    return colour + _stars(world, rays, angle) if world.kind.time == "night" else colour


def _stars(world: World, rays: Tensor, angle: Tensor) -> Tensor:
    """Sparse points fixed to the sky, fainter where a pixel is wider than they are."""
    turn = torch.atan2(rays[:, 1], rays[:, 0]) / (2 * math.pi)
    speckle = look_up(world.texture, turn * 6.0, torch.asin(rays[:, 2].clamp(-1, 1)) * 1.1, angle * 0.0)[0]
    fade = (1 - world.cloud_cover) * (rays[:, 2] * 4).clamp(0, 1)
    return ((speckle - 2.0).clamp(0, 1.2) * 0.25 * fade)[:, None] * torch.tensor([0.8, 0.9, 1.0])


def _clouds(world: World, colour: Tensor, starts: Tensor, rays: Tensor, angle: Tensor) -> Tensor:
    """One layer of cloud at its height, thin towards the horizon where haze takes it."""
    if world.cloud_cover <= 0.0:
        return colour
    up = torch.nonzero(rays[:, 2] > 0.012)[:, 0]
    distance = (world.cloud_height - starts[up, 2]) / rays[up, 2]
    place = (starts[up, :2] + rays[up, :2] * distance[:, None]) / 9000.0
    footprint = distance * angle[up] / rays[up, 2].clamp_min(0.02) ** 0.5 / 9000.0
    soft, toward = look_up(world.texture, place[:, 0], place[:, 1], footprint)[1], world.to_sun[:2] * 0.012
    lit = look_up(world.texture, place[:, 0] + toward[0], place[:, 1] + toward[1], footprint)[1]
    density = torch.sigmoid((soft - 1.2 + 2.4 * world.cloud_cover**1.5) * 3.2)
    light = world.light
    bright = torch.tensor(light.horizon) * 0.75 + torch.tensor(light.sun) * 0.45 + torch.tensor(light.glow) * 0.12
    shade = (torch.tensor(light.zenith) + torch.tensor(light.horizon)) * 0.42
    tone = torch.sigmoid((soft - lit) * 4.0 - soft * 0.55 + 0.5)[:, None]
    amount = (density * 0.92 * torch.exp(-distance / 26000.0))[:, None]
    return colour.index_copy(0, up, torch.lerp(colour[up], torch.lerp(shade, bright, tone), amount))


def _hazed(world: World, colour: Tensor, distance: Tensor) -> Tensor:
    return torch.lerp(colour, world.haze_colour, (1.0 - torch.exp(-distance * world.haze))[:, None])


def _ground(world: World, starts: Tensor, rays: Tensor, angle: Tensor, mirrored_sky: Tensor) -> Tensor:
    """Land and water at z = 0 (N, 3); `mirrored_sky` is what the mirrored rays see of the sky."""
    drop = torch.minimum(rays[:, 2], -angle * 0.25)
    distance = (-starts[:, 2] / drop).clamp_max(60000.0)
    place = starts[:, :2] + rays[:, :2] * distance[:, None]
    footprint = distance * angle / (-drop).clamp_min(0.02) ** 0.5
    colour = _land(world, place, footprint)
    if world.water:
        shore = look_up(world.texture, place[:, 0] / 700.0, place[:, 1] / 700.0, footprint / 700.0)[1]
        wet = torch.sigmoid((shore + 3.2 * world.water - 2.1 + 0.0 * distance) * 9.0)
        colour = torch.lerp(colour, _water(world, starts, rays, angle, place, footprint, mirrored_sky), wet[:, None])
    return _hazed(world, colour, distance)


def _land(world: World, place: Tensor, footprint: Tensor) -> Tensor:
    """Two colours mixed by noise at three sizes, lit by sun and sky."""
    tile = world.ground_tile
    fine = look_up(world.texture, place[:, 0] / tile, place[:, 1] / tile, footprint / tile)
    wide = look_up(world.texture, place[:, 1] / (tile * 13), place[:, 0] / (tile * 13), footprint / (tile * 13))
    mix = torch.sigmoid(1.1 * fine[1] + 0.9 * wide[0] + 0.4 * fine[0])[:, None]
    albedo = (
        torch.lerp(world.ground[0], world.ground[1], mix)
        * (1.0 + 0.16 * fine[0] + 0.10 * wide[1]).clamp(0.4, 1.7)[:, None]
    )
    light = world.light
    slope = (1.0 + 0.25 * (fine[1] - wide[1])).clamp(0.3, 1.8)[:, None]
    sun = torch.tensor(light.sun) * (0.25 + 0.75 * float(world.to_sun[2])) * slope
    return albedo * (torch.tensor(light.ambient) + sun)


def _water(
    world: World, starts: Tensor, rays: Tensor, angle: Tensor, place: Tensor, footprint: Tensor, sky: Tensor
) -> Tensor:
    """A mirror with ripples: the sky and the ridges upside down, darker where one looks straight down."""
    ripple = look_up(world.texture, place[:, 0] / 25.0, place[:, 1] / 25.0, footprint / 25.0)[0]
    mirrored = rays * torch.tensor([1.0, 1.0, -1.0])
    tilt = ripple * 0.012 * (1.0 + 8.0 * mirrored[:, 2].clamp(0, 0.2))
    mirrored = torch.stack([mirrored[:, 0], mirrored[:, 1], (mirrored[:, 2] + tilt).clamp_min(0.001)], -1)
    below = torch.stack([place[:, 0], place[:, 1], torch.zeros_like(tilt)], -1)
    colour = sky
    for ridge in world.ridges:
        colour = _ridge(world, ridge, colour, below, mirrored, angle)
    mirror = 0.12 + 0.83 * (1.0 - (-rays[:, 2]).clamp(0, 1)) ** 4
    deep = (
        torch.tensor([0.02, 0.10, 0.13])
        * (torch.tensor(world.light.ambient) + 0.6 * torch.tensor(world.light.sun))
        * 1.6
    )
    glint = (ripple - 1.1).clamp_min(0) * (mirrored @ world.to_sun).clamp(0, 1) ** 24
    return torch.lerp(deep, colour, mirror[:, None]) * (1 + 0.07 * ripple)[:, None] + glint[:, None] * torch.tensor(
        world.light.sun
    )


def _ridge(world: World, ridge: Ridge, colour: Tensor, starts: Tensor, rays: Tensor, angle: Tensor) -> Tensor:
    """Paint one ring of land over `colour` where a ray meets it above the ground and below its crest."""
    flat = (rays[:, :2] ** 2).sum(-1).clamp_min(1e-6)
    along = (starts[:, :2] * rays[:, :2]).sum(-1)
    reach = (along**2 + flat * (ridge.radius**2 - (starts[:, :2] ** 2).sum(-1))).clamp_min(0).sqrt()
    distance = (reach - along) / flat
    height = starts[:, 2] + distance * rays[:, 2]
    top = ridge.base + 3.2 * ridge.relief
    met = torch.nonzero((height > -distance * angle) & (height < top + distance * angle))[:, 0]
    if not len(met):
        return colour
    distance, height, span = distance[met], height[met], (distance * angle)[met].clamp_min(1e-3)
    place = starts[met, :2] + rays[met, :2] * distance[:, None]
    turn = torch.atan2(place[:, 1], place[:, 0]) / (2 * math.pi)
    crest = (ridge.base + ridge.relief * profile_at(ridge.profile, turn)).clamp_min(0.0)
    cover = ((crest - height) / span + 0.5).clamp(0, 1) * (height / span + 0.5).clamp(0, 1)
    painted = _hazed(world, _slope(world, ridge, turn, height, crest, span), distance)
    return colour.index_copy(0, met, torch.lerp(colour[met], painted, cover[:, None]))


def _slope(world: World, ridge: Ridge, turn: Tensor, height: Tensor, crest: Tensor, span: Tensor) -> Tensor:
    """The lit face of a ridge: foot and top colours, strata, gullies, and a sun side."""
    tile = 6.0 * ridge.base + 20.0
    around = turn * round(2 * math.pi * ridge.radius / tile)
    rough = look_up(world.texture, around, height / tile * 1.6, span / tile)
    line = ridge.turn_line * (1.0 + 0.16 * rough[0] + 0.12 * rough[1])
    high = torch.sigmoid((height - line) / (0.05 * ridge.base + 0.5))[:, None]
    albedo = torch.lerp(ridge.low, ridge.high, high) * (1 + 0.18 * rough[0])[:, None].clamp(0.4, 1.6)
    if ridge.bands:
        band = torch.sin(height / (0.05 * ridge.base + 1.5) + 0.8 * rough[1]) * (
            1.0 - (span / (0.12 * ridge.base)).clamp(0, 1)
        )
        albedo = albedo * (1.0 + 0.22 * ridge.bands * band)[:, None]
    step = 0.004
    rise = profile_at(ridge.profile, turn + step) - profile_at(ridge.profile, turn - step)
    facing = -(world.to_sun[0] * torch.cos(turn * 2 * math.pi) + world.to_sun[1] * torch.sin(turn * 2 * math.pi))
    side = world.to_sun[1] * torch.cos(turn * 2 * math.pi) - world.to_sun[0] * torch.sin(turn * 2 * math.pi)
    lean = rise * ridge.relief / (4 * math.pi * ridge.radius * step)
    lit = (
        0.30
        + 0.45 * facing.clamp(-0.5, 1)
        + 0.35 * float(world.to_sun[2])
        - (lean * side).clamp(-0.3, 0.3)
        + 0.18 * rough[1]
    ).clamp(0.05, 1.5)
    depth = 0.8 + 0.2 * (height / crest.clamp_min(1.0)).clamp(0, 1)
    light = torch.tensor(world.light.ambient) + lit[:, None] * torch.tensor(world.light.sun)
    return albedo * light * depth[:, None]
