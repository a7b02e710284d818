"""Worlds drawn from a seed: what they are made of. `rendering` looks at them.

A world is metres with +Z up and the ground about z = 0 near its centre, so a camera sees it exactly where it stands.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..world_noise import RIDGES

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "terrain": (
        "mountains", "dunes", "plains", "coast", "sea", "snowfield", "forest", "canyon", "city", "road", "lake",
    ),
    "time": ("dawn", "noon", "dusk", "night"),
    "sky": ("clear", "clouded", "overcast"),
    "weather": ("none", "haze", "fog", "rain", "snowfall"),
}  # fmt: skip
HELD_OUT_SEED = 1 << 40  # seeds from here on are never trained on

TIME_ODDS = (0.22, 0.34, 0.22, 0.22)
SKY_ODDS = (0.40, 0.38, 0.22)
WEATHER_ODDS = (0.54, 0.14, 0.11, 0.10, 0.11)
WET_SKY_ODDS = (0.0, 0.3, 0.7)  # what falls needs clouds to fall from
ELEVATION_DEG = {"dawn": (3.0, 9.0), "noon": (32.0, 66.0), "dusk": (1.5, 6.0), "night": (16.0, 46.0)}
LOWEST_SUN_DEG = 1.5
VISIBLE_METRES = {"none": 30_000.0, "haze": 3_200.0, "fog": 240.0, "rain": 2_000.0, "snowfall": 900.0}
# height of the far skylines as tangents, the farthest first, and how much they rise and fall
Skyline = tuple[tuple[float, float], ...]
SKYLINES: dict[str, Skyline] = {
    "mountains": ((0.13, 0.045), (0.085, 0.03), (0.045, 0.016)),
    "dunes": ((0.020, 0.010), (0.014, 0.007), (0.009, 0.004)),
    "plains": ((0.026, 0.012), (0.016, 0.008), (0.010, 0.005)),
    "coast": ((0.022, 0.030), (0.008, 0.020), (-0.01, 0.012)),
    "sea": ((-0.010, 0.016), (-0.02, 0.010), (-0.02, 0.005)),
    "snowfield": ((0.075, 0.035), (0.045, 0.020), (0.016, 0.009)),
    "forest": ((0.055, 0.024), (0.036, 0.014), (0.022, 0.007)),
    "canyon": ((0.040, 0.020), (0.028, 0.012), (0.015, 0.008)),
    "city": ((0.030, 0.014), (0.018, 0.008), (0.012, 0.004)),
    "road": ((0.060, 0.030), (0.034, 0.016), (0.014, 0.008)),
    "lake": ((0.120, 0.045), (0.075, 0.028), (0.036, 0.014)),
}


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees or bushes, at most one in each square of a grid."""

    spacing: float  # metres
    height: float  # metres, of a tall one
    share: float  # of the squares that hold one
    clearing: float  # metres around the centre without any
    conifers: bool


@dataclass(frozen=True, slots=True)
class World:
    """Everything `rendering` needs, drawn from one seed. Angles in radians from +X towards +Y, lengths in metres."""

    seed: int
    terrain: str
    time: str
    sky: str
    weather: str
    azimuth: float  # of the sun, of the moon at night
    elevation: float
    heading: float  # of the road, the street, the valley, the shore
    centre: tuple[float, float]
    rise: float  # how high the land is for its kind, about 1
    tint: tuple[float, float, float]  # on the ground's colours
    cover: float  # share of the sky under clouds, about
    visible: float  # metres until almost nothing is seen
    skyline: Skyline
    trees: Trees | None
    variety: tuple[float, ...]  # numbers 0..1 that terrains use as they like

    @property
    def kinds(self) -> tuple[int, ...]:
        """Index of each attribute's value, in the order of ATTRIBUTES."""
        return tuple(values.index(getattr(self, name)) for name, values in ATTRIBUTES.items())

    @property
    def to_light(self) -> tuple[float, float, float]:
        """Unit vector towards the sun, or the moon at night, whether it is seen or not."""
        flat = math.cos(self.elevation)
        return flat * math.cos(self.azimuth), flat * math.sin(self.azimuth), math.sin(self.elevation)

    @property
    def heading_axes(self) -> tuple[float, float]:
        """Cosine and sine of the heading."""
        return math.cos(self.heading), math.sin(self.heading)

    @property
    def sun(self) -> tuple[float, float, float]:
        """Unit vector towards what casts the shadows; zeros under an overcast sky, which casts none."""
        return (0.0, 0.0, 0.0) if self.sky == "overcast" else self.to_light


def draw_world(seed: int, **chosen: str) -> World:
    """The world of a seed; an attribute given by name is taken as given, all else stays as drawn."""
    dice = random.Random(f"world {seed}")
    drawn = {"terrain": dice.choice(ATTRIBUTES["terrain"]), "time": _odds(dice, "time", TIME_ODDS)}
    drawn["weather"] = _odds(dice, "weather", WEATHER_ODDS)
    falls = chosen.get("weather", drawn["weather"]) in ("rain", "snowfall")
    drawn["sky"] = _odds(dice, "sky", WET_SKY_ODDS if falls else SKY_ODDS)
    kind = {**drawn, **chosen}
    terrain, time, sky, weather = (kind[name] for name in ATTRIBUTES)
    low, high = ELEVATION_DEG[time]
    return World(
        seed=seed, terrain=terrain, time=time, sky=sky, weather=weather,
        azimuth=dice.uniform(0.0, 2 * math.pi),
        elevation=math.radians(dice.uniform(low, high)),
        heading=dice.uniform(0.0, 2 * math.pi),
        centre=(dice.uniform(-400.0, 400.0), dice.uniform(-400.0, 400.0)),
        rise=dice.uniform(0.7, 1.3),
        tint=tuple(max(0.75, min(1.25, dice.gauss(1.0, 0.07))) for _ in range(3)),  # type: ignore[arg-type]
        cover=dice.uniform(0.25, 0.65) if sky == "clouded" else float(sky == "overcast"),
        visible=VISIBLE_METRES[weather] * dice.uniform(0.7, 1.4),
        skyline=_skyline(dice, terrain),
        trees=_trees(dice, terrain),
        variety=tuple(dice.random() for _ in range(6)),
    )  # fmt: skip


def lit_from(world: World, direction: Sequence[float]) -> World:
    """The same world with its sun, or moon, in a direction (x, y, z); never lower than LOWEST_SUN_DEG."""
    x, y, z = direction
    elevation = math.atan2(z, math.hypot(x, y))
    return replace(world, azimuth=math.atan2(y, x), elevation=max(elevation, math.radians(LOWEST_SUN_DEG)))


def kind_of(kinds: Tensor | Sequence[int]) -> dict[str, str]:
    """Names of a clip's attributes from their indices, as `World.kinds` and the shards keep them."""
    return {name: values[int(index)] for (name, values), index in zip(ATTRIBUTES.items(), kinds, strict=True)}


def _odds(dice: random.Random, name: str, odds: tuple[float, ...]) -> str:
    return dice.choices(ATTRIBUTES[name], odds)[0]


def _skyline(dice: random.Random, terrain: str) -> Skyline:
    scale = [dice.uniform(0.75, 1.25) for _ in range(RIDGES)]
    return tuple((base * s, relief * s) for (base, relief), s in zip(SKYLINES[terrain], scale, strict=True))


def _trees(dice: random.Random, terrain: str) -> Trees | None:
    tall, share, clearing, firs = dice.uniform(0.75, 1.3), dice.random(), dice.uniform(0.8, 1.5), dice.random()
    return {
        "forest": Trees(5.6 * tall, 15.0 * tall, 0.80 + 0.18 * share, 13.0 * clearing, firs < 0.7),
        "plains": Trees(24.0, 8.0 * tall, 0.04 + 0.22 * share, 20.0 * clearing, False),
        "road": Trees(19.0, 8.0 * tall, 0.03 + 0.20 * share, 14.0 * clearing, firs < 0.3),
        "lake": Trees(8.0, 11.0 * tall, 0.25 + 0.6 * share, 22.0 * clearing, firs < 0.8),
        "mountains": Trees(9.0, 12.0 * tall, 0.1 + 0.7 * share, 40.0 * clearing, True),
        "snowfield": Trees(21.0, 10.0 * tall, 0.02 + 0.15 * share, 30.0 * clearing, True),
        "canyon": Trees(9.0, 1.6 * tall, 0.1 + 0.25 * share, 8.0 * clearing, False),
    }.get(terrain)
