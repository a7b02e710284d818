"""Shapes of the land: height above z = 0 of any point, for each terrain. The fields are those the network is shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..world_noise import WorldNoise
from .worlds import World

LARGE = (550.0, 1600.0, 4700.0)  # metres: waves of the land beyond those of the ground's noise
_CELLS = 64  # of the large waves until they repeat


@dataclass(frozen=True, slots=True)
class Place:
    """Points at which the land's height is asked for, all (...)."""

    along: Tensor  # metres along the world's heading
    across: Tensor  # metres to the left of it
    away: Tensor  # metres from the centre
    wave: dict[int, Tensor]  # fields of about 2, 7, 20, 60, 180 and 550, 1600, 4700 metres
    world: World


def relief(world: World, noise: WorldNoise, xy: Tensor, spacing_m: Tensor) -> Tensor:
    """Height (...) of the land at world points (..., 2); waves shorter than the spacing of the points are left out."""
    local = to_local(world, xy)
    fields = noise.ground(functional.pad(xy, (0, 1)), spacing_m)
    wave = {size: fields[..., n] for n, size in ((2, 2), (3, 7), (4, 20), (5, 60), (6, 180))}
    large = _large_tables(world.seed, xy.device)
    for n, (size, metres) in enumerate(zip((550, 1600, 4700), LARGE, strict=True)):
        wave[size] = _large(large[n], xy / metres)
    place = Place(local[..., 0], local[..., 1], length(local), wave, world)
    return RELIEFS[world.terrain](place)


def to_local(world: World, xy: Tensor) -> Tensor:
    """World points (..., 2) as metres along and across the world's heading, from its centre."""
    c, s = math.cos(world.heading), math.sin(world.heading)
    x, y = xy[..., 0] - world.centre[0], xy[..., 1] - world.centre[1]
    return torch.stack([c * x + s * y, c * y - s * x], -1)


def length(vectors: Tensor) -> Tensor:
    """Length (...) of plane vectors (..., 2); several times as fast as a norm over so short an axis."""
    x, y = vectors[..., 0], vectors[..., 1]
    return torch.sqrt(x * x + y * y)


def smooth(low: float, high: float, value: Tensor) -> Tensor:
    """0 below low, 1 above high, smooth between."""
    t = ((value - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bend(world: World, along: Tensor) -> Tensor:
    """How far the axis of road, canyon and shore has wandered to the left (...), 0 with no slope at the centre."""
    phase, reach = 2 * math.pi * world.variety[0], 14.0 + 30.0 * world.variety[1]
    wander = torch.sin(along / 170.0 + phase) - math.sin(phase) - along / 170.0 * math.cos(phase)
    return reach * wander.clamp(-3.0, 3.0)


def _large_tables(seed: int, device: torch.device) -> Tensor:
    draw = torch.Generator().manual_seed(seed + 1)
    tables = torch.randn(len(LARGE), 1, 1, _CELLS, _CELLS, generator=draw).to(device)
    return functional.pad(tables.flatten(0, 1), (0, 1, 0, 1), mode="circular")


def _large(table: Tensor, cells: Tensor) -> Tensor:
    grid = torch.remainder(cells / _CELLS, 1.0) * 2.0 - 1.0
    found = functional.grid_sample(table[None], grid.reshape(1, 1, -1, 2), mode="bicubic", align_corners=True)
    return found.reshape(cells.shape[:-1]) * 1.3


def _crest(wave: Tensor) -> Tensor:
    """Sharp crests where the wave crosses zero, 0..1."""
    return (1.0 - wave.abs()).clamp_min(0.0) ** 1.6


def _near(p: Place) -> Tensor:
    """What keeps the ground at the centre from being a table."""
    return (0.05 * p.wave[7] + 0.12 * p.wave[20]) * smooth(1.0, 30.0, p.away)


def _hills(p: Place, first: float, last: float) -> Tensor:
    """Waves of about 1 m that grow with the distance from the centre."""
    return smooth(first, last, p.away) * (p.wave[180] + 0.35 * p.wave[60] + 0.1 * p.wave[20])


def _peaks(p: Place, first: float, last: float, distance: Tensor) -> Tensor:
    """Ridged mountains of height 1 that begin at a distance."""
    ridged = 0.62 * _crest(p.wave[1600]) + 0.28 * _crest(p.wave[550]) * (0.4 + _crest(p.wave[1600]))
    rough = 0.045 * p.wave[180] + 0.018 * p.wave[60] + 0.006 * p.wave[20]
    return smooth(first, last, distance) * (ridged + rough + 0.15 * p.wave[4700]).clamp_min(0.0)


def _mountains(p: Place) -> Tensor:
    valley = p.across.abs() + 0.25 * p.away
    return _near(p) + 3.5 * _hills(p, 25.0, 220.0) + 620.0 * p.world.rise * _peaks(p, 260.0, 2600.0, valley)


def _dunes(p: Place) -> Tensor:
    crest = 15.0 * _crest(0.8 * p.wave[180] + 0.12 * p.wave[60]) + 3.6 * _crest(0.9 * p.wave[60] + 0.06 * p.wave[20])
    far = 30.0 * smooth(500.0, 2500.0, p.away) * _crest(p.wave[550])
    return 0.06 * p.wave[7] + smooth(5.0, 85.0, p.away) * crest * p.world.rise + far


def _plains(p: Place) -> Tensor:
    far = smooth(500.0, 3500.0, p.away) * (12.0 * p.wave[550] + 45.0 * p.wave[1600].clamp_min(-0.3))
    return _near(p) + p.world.rise * (2.6 * _hills(p, 40.0, 500.0) + far)


def shore(world: World, along: Tensor, across: Tensor, wave: dict[int, Tensor]) -> Tensor:
    """Metres from the water line (...), positive on the land's side."""
    if world.terrain == "coast":
        headlands = 160.0 * smooth(150.0, 900.0, along.abs()) * wave[550]
        return 9.0 + 14.0 * world.variety[2] - across - bend(world, along) + headlands + 2.0 * wave[60]
    radius = 140.0 + 420.0 * world.variety[2]
    centre = torch.sqrt((along - radius - 14.0) ** 2 + (0.75 * across) ** 2)
    return centre - radius + (0.07 * radius) * wave[550] + 4.0 * wave[180] + 1.5 * wave[60]


def _coast(p: Place) -> Tensor:
    inland = shore(p.world, p.along, p.across, p.wave)
    beach = (0.045 * inland).clamp(-4.0, 1.1) + (0.05 * p.wave[7] + 0.08 * p.wave[20]) * smooth(0.0, 12.0, inland)
    dunes = smooth(18.0, 60.0, inland) * (1.8 + 1.2 * p.wave[60] + 0.5 * p.wave[20])
    bluff = 60.0 * p.world.rise * smooth(60.0, 420.0, inland - 30.0 * p.wave[180])
    cliff = bluff * (0.55 + 0.5 * p.wave[550].clamp(-0.6, 1.5) + 0.08 * p.wave[60])
    return beach + dunes + cliff * (0.4 + smooth(100.0, 900.0, p.along.abs()))


def _sea(p: Place) -> Tensor:
    return -3.0 + 90.0 * smooth(900.0, 2500.0, p.away) * (p.wave[1600] - 0.9 - p.world.variety[2]).clamp_min(0.0)


def _snowfield(p: Place) -> Tensor:
    drifts = 0.10 * p.wave[7] + 0.2 * p.wave[20] * smooth(1.0, 30.0, p.away)
    far = 190.0 * _peaks(p, 700.0, 3600.0, p.away)
    return drifts + p.world.rise * (3.0 * _hills(p, 30.0, 420.0) + far)


def _forest(p: Place) -> Tensor:
    far = smooth(300.0, 2500.0, p.away) * (35.0 * p.wave[550] + 90.0 * p.wave[1600].clamp_min(-0.2))
    return _near(p) + p.world.rise * (4.0 * _hills(p, 30.0, 420.0) + far)


def _canyon(p: Place) -> Tensor:
    half = 16.0 + 16.0 * p.world.variety[2] + 5.0 * p.wave[180]
    beyond = (p.across + bend(p.world, p.along)).abs() - half + 4.0 * p.wave[60] + 2.2 * p.wave[20] + 0.5 * p.wave[7]
    climb = smooth(0.0, 60.0 + 40.0 * p.world.variety[3], beyond)
    steps = 5.0
    flat = torch.floor(climb * steps)
    terraces = (flat + smooth(0.25, 0.75, climb * steps - flat)) / steps
    top = 95.0 * p.world.rise * (1.0 + 0.16 * p.wave[550])
    mesa = smooth(250.0, 900.0, p.away) * smooth(120.0, 300.0, beyond) * 45.0 * smooth(0.2, 0.5, p.wave[550])
    return _near(p) + top * (0.35 * climb + 0.65 * terraces) + mesa + 0.02 * beyond.clamp(0.0, 8.0)


def _city(p: Place) -> Tensor:
    return 60.0 * smooth(2500.0, 5500.0, p.away) * p.wave[1600].clamp_min(0.0)


def _road(p: Place) -> Tensor:
    beside = smooth(5.0, 45.0, (p.across + bend(p.world, p.along)).abs())
    peaks = 330.0 * p.world.rise * _peaks(p, 700.0, 3800.0, p.across.abs() + 0.4 * p.away)
    return (0.12 * p.wave[7] + 0.3 * p.wave[20] + 2.6 * _hills(p, 15.0, 260.0)) * beside + peaks * p.world.variety[3]


def _lake(p: Place) -> Tensor:
    inland = shore(p.world, p.along, p.across, p.wave)
    bank = (0.05 * inland).clamp(-4.0, 0.9) + 0.07 * p.wave[7] * smooth(0.0, 10.0, inland)
    hills = smooth(20.0, 300.0, inland) * (3.0 + 2.5 * p.wave[180] + 0.8 * p.wave[60])
    return bank + hills + 520.0 * p.world.rise * _peaks(p, 60.0, 2200.0, inland)


RELIEFS: dict[str, Callable[[Place], Tensor]] = {
    "mountains": _mountains, "dunes": _dunes, "plains": _plains, "coast": _coast, "sea": _sea,
    "snowfield": _snowfield, "forest": _forest, "canyon": _canyon, "city": _city, "road": _road, "lake": _lake,
}  # fmt: skip
WATERY = frozenset({"coast", "sea", "lake"})
