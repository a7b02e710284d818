"""Worlds drawn from a seed: what they are made of. `rendering` looks at them.

A world is a ground at z = 0, rings of ridges around the origin, water, a sky with sun or moon, clouds, stars and haze.
All colours are linear light; the world is in metres with +Z up, so a camera sees it exactly where it stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .noise import fractal_profile, fractal_texture

TERRAINS = ("mountains", "desert", "meadow", "forest", "snow", "coast", "canyon", "lake")
TIMES = ("dawn", "noon", "dusk", "night")
WEATHERS = ("clear", "cloudy", "overcast", "fog")
OFTEN = ("clear", "clear", "cloudy", "cloudy", "overcast", "fog", "clear", "cloudy")  # weathers as often as drawn
HELD_OUT = {                                       # never trained on: the network must combine what it knows
    ("desert", "night", "cloudy"), ("snow", "dusk", "clear"), ("forest", "dawn", "fog"),
    ("coast", "noon", "overcast"), ("canyon", "dawn", "cloudy"), ("mountains", "dusk", "cloudy"),
    ("meadow", "night", "clear"), ("lake", "noon", "fog"),
}

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a world shows, in one word each."""

    terrain: str
    time: str
    weather: str


@dataclass(frozen=True, slots=True)
class Light:
    """Sky and sun of one time of day."""

    zenith: Colour
    horizon: Colour
    glow: Colour                                   # towards the sun
    sun: Colour
    ambient: Colour
    elevation: tuple[float, float]                 # degrees


@dataclass(frozen=True, slots=True)
class Ridge:
    """One ring of land: radius and height in metres, colours, and how snow or rock bands lie on it."""

    radius: float
    base: float
    relief: float
    profile: Tensor
    low: Tensor                                    # (3,) colour at the foot
    high: Tensor                                   # (3,) colour at the top
    turn_line: float                               # height in metres where `high` takes over
    bands: float                                   # 0 .. 1, strength of horizontal strata


@dataclass(frozen=True, slots=True)
class World:
    """Everything `rendering` needs, drawn from one seed."""

    kind: Kind
    light: Light
    to_sun: Tensor                                 # (3,) unit
    ground: tuple[Tensor, Tensor]                  # two colours (3,) that noise mixes
    ground_tile: float                             # metres per tile of the texture
    ridges: tuple[Ridge, ...]                      # far to near
    water: float                                   # share of the ground under water, 0 or about a half, 1 all
    cloud_cover: float
    cloud_height: float
    haze: float                                    # 1 / metres
    haze_colour: Tensor
    texture: Tensor                                # channels: rough, smooth, wind-drawn


LIGHTS = {
    "dawn": Light((0.16, 0.26, 0.50), (0.95, 0.62, 0.52), (1.0, 0.55, 0.35),
                  (1.0, 0.62, 0.42), (0.34, 0.33, 0.42), (1, 9)),
    "noon": Light((0.09, 0.25, 0.66), (0.55, 0.74, 0.95), (0.5, 0.48, 0.42),
                  (1.25, 1.15, 1.0), (0.40, 0.47, 0.60), (35, 65)),
    "dusk": Light((0.10, 0.09, 0.28), (0.90, 0.33, 0.12), (1.0, 0.38, 0.10),
                  (0.95, 0.42, 0.18), (0.22, 0.17, 0.24), (0.5, 6)),
    "night": Light((0.008, 0.014, 0.045), (0.030, 0.045, 0.095), (0.05, 0.06, 0.09),
                   (0.09, 0.11, 0.17), (0.028, 0.038, 0.07), (15, 45)),
}
GROUNDS: dict[str, tuple[Colour, Colour, float]] = {
    "mountains": ((0.16, 0.20, 0.08), (0.30, 0.27, 0.20), 60.0),
    "desert": ((0.72, 0.47, 0.22), (0.52, 0.30, 0.13), 45.0),
    "meadow": ((0.13, 0.30, 0.05), (0.34, 0.38, 0.09), 40.0),
    "forest": ((0.07, 0.13, 0.04), (0.16, 0.14, 0.06), 30.0),
    "snow": ((0.86, 0.90, 0.97), (0.62, 0.70, 0.84), 60.0),
    "coast": ((0.68, 0.56, 0.38), (0.50, 0.40, 0.27), 50.0),
    "canyon": ((0.56, 0.24, 0.11), (0.40, 0.16, 0.08), 40.0),
    "lake": ((0.16, 0.22, 0.07), (0.28, 0.26, 0.15), 50.0),
}
# radius, base, relief, slope of the profile, slowest wave, colours at foot and top, where they meet, bands
RidgeRow = tuple[float, float, float, float, int, Colour, Colour, float, float]
RIDGES: dict[str, tuple[RidgeRow, ...]] = {
    "mountains": ((9000, 1700, 600, 1.65, 4, (0.12, 0.14, 0.17), (0.85, 0.88, 0.95), 0.75, 0.1),
                  (3500, 430, 190, 1.6, 5, (0.08, 0.13, 0.06), (0.22, 0.20, 0.18), 0.8, 0.1),
                  (900, 34, 22, 1.3, 9, (0.05, 0.09, 0.03), (0.10, 0.14, 0.05), 0.8, 0.0)),
    "desert": ((6000, 160, 130, 1.5, 5, (0.45, 0.27, 0.15), (0.55, 0.33, 0.18), 0.8, 0.5),
               (1200, 45, 30, 1.8, 8, (0.62, 0.38, 0.17), (0.78, 0.52, 0.26), 0.7, 0.0),
               (350, 9, 8, 1.9, 7, (0.60, 0.37, 0.17), (0.80, 0.54, 0.27), 0.7, 0.0)),
    "meadow": ((7000, 260, 150, 1.5, 4, (0.10, 0.18, 0.08), (0.14, 0.22, 0.10), 0.8, 0.0),
               (1500, 48, 30, 1.7, 6, (0.11, 0.24, 0.05), (0.20, 0.33, 0.08), 0.7, 0.0),
               (450, 6, 6, 0.9, 9, (0.03, 0.08, 0.02), (0.07, 0.15, 0.03), 0.7, 0.0)),
    "forest": ((5000, 380, 160, 1.6, 5, (0.05, 0.11, 0.06), (0.08, 0.14, 0.07), 0.8, 0.0),
               (700, 55, 18, 1.2, 7, (0.03, 0.07, 0.025), (0.06, 0.12, 0.04), 0.8, 0.0),
               (170, 19, 5, 0.75, 12, (0.012, 0.028, 0.010), (0.05, 0.10, 0.03), 0.85, 0.0)),
    "snow": ((8000, 1300, 520, 1.65, 4, (0.45, 0.52, 0.64), (0.92, 0.95, 1.0), 0.5, 0.1),
             (1600, 110, 60, 1.4, 7, (0.66, 0.73, 0.84), (0.88, 0.92, 0.98), 0.6, 0.0),
             (500, 11, 6, 0.8, 10, (0.05, 0.08, 0.07), (0.16, 0.20, 0.20), 0.9, 0.0)),
    "coast": ((9000, 110, 150, 1.7, 4, (0.14, 0.18, 0.17), (0.20, 0.24, 0.18), 0.8, 0.2),),
    "canyon": ((5000, 420, 120, 1.6, 6, (0.42, 0.18, 0.10), (0.60, 0.32, 0.18), 0.7, 0.9),
               (1300, 190, 70, 1.5, 7, (0.48, 0.19, 0.09), (0.66, 0.33, 0.17), 0.7, 1.0),
               (380, 38, 30, 1.6, 6, (0.42, 0.16, 0.08), (0.62, 0.28, 0.13), 0.7, 1.0)),
    "lake": ((7000, 1150, 430, 1.6, 4, (0.10, 0.14, 0.14), (0.78, 0.82, 0.90), 0.8, 0.1),
             (2400, 230, 110, 1.6, 6, (0.05, 0.10, 0.05), (0.12, 0.17, 0.09), 0.8, 0.0),
             (1100, 16, 9, 0.8, 9, (0.03, 0.06, 0.025), (0.07, 0.11, 0.04), 0.8, 0.0)),
}
WATER = {"coast": 0.8, "lake": 1.0}
COVER = {"clear": 0.0, "cloudy": 0.5, "overcast": 1.0, "fog": 1.0}
VISIBLE_METRES = {"clear": 22000.0, "cloudy": 16000.0, "overcast": 7000.0, "fog": 240.0}


def draw_kind(generator: torch.Generator, held_out: bool = False) -> Kind:
    """One of the kinds trained on, or one of those held out."""
    while True:
        kind = Kind(_pick(TERRAINS, generator), _pick(TIMES, generator), _pick(OFTEN, generator))
        if ((kind.terrain, kind.time, kind.weather) in HELD_OUT) == held_out:
            return kind


def make_world(seed: int, kind: Kind) -> World:
    """The world of this kind that belongs to this seed."""
    generator = torch.Generator().manual_seed(seed)
    light = _under_weather(LIGHTS[kind.time], kind.weather)
    elevation = math.radians(_between(*light.elevation, generator))
    azimuth = _between(0.0, 2 * math.pi, generator)
    flat = math.cos(elevation)
    to_sun = torch.tensor([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)])
    first, second, tile = GROUNDS[kind.terrain]
    return World(
        kind=kind, light=light, to_sun=to_sun,
        ground=(_tinted(first, generator), _tinted(second, generator)),
        ground_tile=tile * _between(0.8, 1.3, generator),
        ridges=tuple(_ridge(row, generator) for row in RIDGES[kind.terrain]),
        water=WATER.get(kind.terrain, 0.0),
        cloud_cover=COVER[kind.weather] * _between(0.85, 1.0, generator), cloud_height=_between(900, 1800, generator),
        haze=1.0 / (VISIBLE_METRES[kind.weather] * _between(0.7, 1.4, generator)),
        haze_colour=torch.tensor(light.horizon) * 0.92,
        texture=fractal_texture(generator, (0.9, 1.5), 1.0).contiguous(),
    )


def _ridge(row: RidgeRow, generator: torch.Generator) -> Ridge:
    radius, base, relief, slope, lowest, low, high, turn, bands = row
    base, relief = base * _between(0.7, 1.25, generator), relief * _between(0.75, 1.25, generator)
    return Ridge(radius * _between(0.85, 1.2, generator), base, relief, fractal_profile(generator, slope, lowest),
                 _tinted(low, generator), _tinted(high, generator), (base + 0.3 * relief) * turn, bands)


def _under_weather(light: Light, weather: str) -> Light:
    """Clouds and fog take the colour out of the sky and the sun off the ground."""
    grey = {"clear": 0.0, "cloudy": 0.12, "overcast": 0.78, "fog": 0.88}[weather]
    sun = {"clear": 1.0, "cloudy": 0.85, "overcast": 0.12, "fog": 0.06}[weather]
    mean = tuple((z + 2 * h) / 3 for z, h in zip(light.zenith, light.horizon, strict=True))
    level = sum(mean) / 3
    cover = tuple(level * 0.75 + 0.25 * channel for channel in mean)
    return Light(_mixed(light.zenith, cover, grey), _mixed(light.horizon, cover, grey), _scaled(light.glow, sun),
                 _scaled(light.sun, sun), _mixed(light.ambient, _scaled(cover, 1.1), grey * 0.7), light.elevation)


def _mixed(first: Colour, second: tuple[float, ...], share: float) -> Colour:
    r, g, b = (a + (c - a) * share for a, c in zip(first, second, strict=True))
    return r, g, b


def _scaled(colour: tuple[float, ...], factor: float) -> Colour:
    r, g, b = (channel * factor for channel in colour)
    return r, g, b


def _tinted(colour: Colour, generator: torch.Generator) -> Tensor:
    """The colour, a little brighter or darker and a little off in hue."""
    brightness = _between(0.85, 1.18, generator)
    return torch.tensor(colour) * brightness * (1 + 0.07 * torch.randn(3, generator=generator)).clamp(0.8, 1.2)


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _pick(choices: tuple[str, ...], generator: torch.Generator) -> str:
    return choices[int(torch.randint(len(choices), (), generator=generator).item())]
