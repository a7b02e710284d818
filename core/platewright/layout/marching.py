"""Where rays meet the land: a profile of the land along each azimuth of the view, searched, then refined by bisection.

Along one azimuth, what a ray of slope t meets first is the first point whose slope from the camera reaches t. So the
running maximum of those slopes is sorted, and one search finds the step in which the ray comes down. Within the step
the ray itself is followed, at the ray's own azimuth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .lands import REACH, Land
from .reliefs import length

STEP = 0.018  # of the distance, between samples of a profile
BISECTIONS = 6  # where something stands on the land; bare land is so smooth that a secant does
_STEEP = 60.0  # slopes beyond this are all the same, almost straight up or down
_APART = 4.0 * _STEEP  # between the slopes of neighbouring columns in one sorted list


def first_hits(land: Land, origin: Tensor, rays: Tensor, pixel_rad: float) -> Tensor:
    """Metres along each ray (N) to what it meets first, inf for those that meet nothing.

    origin (3,) metres; rays (N, 3) unit vectors, world axes; pixel_rad angle between neighbouring rays, radians.
    Rays that leave the map downwards meet the plane z = 0.
    """
    flat = length(rays).clamp_min(1e-5)
    rise = rays[:, 2] / flat
    heading = rays[:, :2] / flat[:, None]
    distances = _distances(land, origin)
    step = _first_step(land, origin, heading, rise, distances, pixel_rad)
    met = torch.nonzero(step < len(distances))[:, 0]
    if not len(met):
        return _beyond(origin, rays)
    # one step to spare on each side: a ray lies up to half a column beside its profile
    near = distances[(step[met] - 2).clamp_min(0)] * (step[met] > 1)
    far = distances[(step[met] + 1).clamp_max(len(distances) - 1)]
    hit = _refined(land, origin, heading[met], rise[met], near, far)
    return _beyond(origin, rays).index_copy(0, met, hit / flat[met])


def _beyond(origin: Tensor, rays: Tensor) -> Tensor:
    down = torch.where(rays[:, 2] < -1e-6, -origin[2] / rays[:, 2].clamp_max(-1e-6), torch.inf)
    return torch.where(down > 0, down, torch.inf)


def _distances(land: Land, origin: Tensor) -> Tensor:
    clear = float(origin[2] - land.height(origin[None, :2])[0])
    first = min(3.0, max(0.05, 0.2 * clear))
    count = math.ceil(math.log(REACH / first) / STEP)
    return first * torch.exp(STEP * torch.arange(count, device=origin.device, dtype=torch.float32))


def _first_step(
    land: Land, origin: Tensor, heading: Tensor, rise: Tensor, distances: Tensor, pixel_rad: float
) -> Tensor:
    """Index of the first distance at which a ray is not above the land any more (N), len(distances) if it always is."""
    middle = heading.mean(0)
    across = torch.atan2(heading[:, 1] * middle[0] - heading[:, 0] * middle[1], heading @ middle)
    low, high = float(across.min()), float(across.max())
    columns = min(900, max(8, round((high - low) / pixel_rad * 1.05)))
    turned = torch.linspace(low, high, columns, device=rise.device) + torch.atan2(middle[1], middle[0])
    outward = torch.stack([torch.cos(turned), torch.sin(turned)], -1)
    points = origin[:2] + outward[:, None] * distances[:, None]
    slopes = ((land.height(points) - origin[2]) / distances).clamp(-_STEEP, _STEEP)
    sorted_slopes = torch.cummax(slopes, 1)[0].double()
    sorted_slopes += _APART * torch.arange(columns, device=rise.device, dtype=torch.float64)[:, None]
    column = ((across - low) * ((columns - 1) / max(high - low, 1e-6))).round()
    wanted = rise.double().clamp(-_STEEP, _STEEP) + _APART * column
    return torch.searchsorted(sorted_slopes.flatten(), wanted) - (column * len(distances)).long()


def _refined(land: Land, origin: Tensor, heading: Tensor, rise: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Horizontal metres (N) at which rays come down, between a near and a far bound.

    The bounds are three steps apart; where nothing stands in the last two, the land is so smooth that secants do.
    """

    def above(distance: Tensor, which: Tensor) -> Tensor:
        return origin[2] + rise[which] * distance - land.height(origin[:2] + heading[which] * distance[:, None])

    def above_bare(distance: Tensor, which: Tensor) -> Tensor:
        return origin[2] + rise[which] * distance - land.bare(origin[:2] + heading[which] * distance[:, None])

    ends = torch.stack([far / (1.0 + STEP), far])
    stands = (land.grown(origin[:2] + heading * ends[..., None]) > 0.02).any(0)
    hit = torch.empty_like(near)
    for which, steps, measure in ((~stands, 1, above_bare), (stands, BISECTIONS, above)):
        rays = torch.nonzero(which)[:, 0]
        hit[rays] = _closed_in(partial(measure, which=rays), near[rays], far[rays], rise[rays], steps)
    return hit


def _closed_in(above: Callable[[Tensor], Tensor], near: Tensor, far: Tensor, rise: Tensor, steps: int) -> Tensor:
    """Where (N) a ray is no longer above: one step is a secant, more are bisections, the last piece is a line."""
    over, under = above(near), above(far)
    for _ in range(steps):
        share = 0.5 if steps > 1 else (over / (over - under).clamp_min(1e-6)).clamp(0.05, 0.95)
        middle = near + share * (far - near)
        height = above(middle)
        is_above = height > 0
        near, far = torch.where(is_above, middle, near), torch.where(is_above, far, middle)
        over, under = torch.where(is_above, height, over), torch.where(is_above, under, height)
    drop = over - under
    share = over / torch.where(drop.abs() < 1e-9, 1.0, drop)
    wall = drop > (far - near) * (3.0 * rise.abs() + 8.0)  # a step of the land: the hit is on it, not before it
    return torch.where(wall, far, near + (far - near) * share.clamp(-0.5, 1.5))
