"""What lights a world: colours of sky, sun or moon and air, in linear light, by time of day, sky and weather."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from platewright.layout.heavens import kept_by_air
from platewright.layout.reliefs import length
from platewright.layout.worlds import World

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Hour:
    """Colours of a clear sky at one time of day."""

    zenith: Colour
    horizon: Colour  # towards the light
    opposite: Colour  # the horizon away from it
    glow: Colour
    sun: Colour
    ambient: Colour
    cloud: Colour  # lit side of clouds
    under: Colour  # their shaded side
    grey: Colour  # of an overcast sky


HOURS = {
    "dawn": Hour((0.20, 0.33, 0.60), (1.05, 0.66, 0.60), (0.62, 0.50, 0.66), (1.0, 0.60, 0.42), (1.10, 0.70, 0.52),
                 (0.30, 0.31, 0.42), (1.10, 0.72, 0.66), (0.42, 0.38, 0.52), (0.52, 0.46, 0.52)),
    "noon": Hour((0.07, 0.20, 0.60), (0.55, 0.76, 1.00), (0.50, 0.70, 0.98), (0.60, 0.58, 0.52), (1.55, 1.42, 1.22),
                 (0.30, 0.40, 0.58), (1.15, 1.15, 1.15), (0.52, 0.57, 0.66), (0.72, 0.76, 0.80)),
    "dusk": Hour((0.09, 0.11, 0.32), (1.15, 0.38, 0.08), (0.24, 0.15, 0.32), (1.2, 0.42, 0.08), (1.20, 0.46, 0.14),
                 (0.21, 0.175, 0.255), (1.05, 0.42, 0.20), (0.17, 0.125, 0.19), (0.24, 0.18, 0.21)),
    "night": Hour((0.010, 0.018, 0.060), (0.040, 0.062, 0.130), (0.028, 0.042, 0.100), (0.10, 0.12, 0.16),
                  (0.25, 0.30, 0.41), (0.040, 0.056, 0.098), (0.14, 0.17, 0.25), (0.028, 0.038, 0.072),
                  (0.034, 0.044, 0.074)),
}  # fmt: skip
SUN_THROUGH = {"clear": 1.0, "clouded": 0.9, "overcast": 0.0}
SUN_THROUGH_AIR = {"none": 1.0, "haze": 0.8, "fog": 0.35, "rain": 0.45, "snowfall": 0.5}
FOG_SHADE = 0.88  # fog is a little darker than the sky above it
GREY_AIR = {"none": 0.0, "haze": 0.12, "fog": 0.45, "rain": 0.45, "snowfall": 0.4}  # how much of the sky's colour goes


@dataclass(frozen=True, slots=True)
class Light:
    """The light of one world on one device; colours (3,)."""

    to_light: Tensor  # (3,) unit
    zenith: Tensor
    horizon: Tensor
    opposite: Tensor
    glow: Tensor
    sun: Tensor
    ambient: Tensor
    cloud: Tensor
    under: Tensor
    grey: Tensor
    night: bool


def light_of(world: World, device: torch.device | str = "cpu") -> Light:
    """The light of this world."""
    hour = HOURS[world.time]
    grey = torch.tensor(hour.grey)
    overcast = world.sky == "overcast"
    dull = GREY_AIR[world.weather]
    through = SUN_THROUGH[world.sky] * SUN_THROUGH_AIR[world.weather]

    def of_sky(colour: Colour) -> Tensor:
        plain = torch.lerp(torch.tensor(colour), grey, 0.92 if overcast else dull)
        return (plain * (FOG_SHADE if world.weather == "fog" else 1.0)).to(device)

    lost = 1.0 - through
    ambient = torch.tensor(hour.ambient) * (1.0 + 0.25 * lost) + 0.42 * lost * grey
    if world.time == "night":
        ambient = ambient * (1.0 + 0.9 * lost)  # eyes and cameras open up
    return Light(
        to_light=torch.tensor(world.to_light, device=device),
        zenith=of_sky(hour.zenith), horizon=of_sky(hour.horizon), opposite=of_sky(hour.opposite),
        glow=(torch.tensor(hour.glow) * through).to(device),
        sun=(torch.tensor(hour.sun) * through).to(device),
        ambient=ambient.to(device),
        cloud=of_sky(hour.cloud), under=of_sky(hour.under), grey=grey.to(device),
        night=world.time == "night",
    )  # fmt: skip


def horizon_colour(light: Light, rays: Tensor) -> Tensor:
    """Colour (N, 3) of the air at the horizon below or above unit rays (N, 3): warm towards the light."""
    facing = (rays[:, :2] @ light.to_light[:2]) / (length(rays) * light.to_light[:2].norm()).clamp_min(1e-4)
    towards = (0.5 + 0.5 * facing).clamp(0.0, 1.0)
    return torch.lerp(light.opposite, light.horizon, (towards * towards.sqrt())[:, None])


def through_air(
    world: World, colour: Tensor, air: Tensor, distance: Tensor, climb: Tensor, start: Tensor | float
) -> Tensor:
    """Colour (N, 3) behind a distance of air (N) whose colour is `air`; see `kept_by_air`."""
    return torch.lerp(air, colour, kept_by_air(world, distance, climb, start)[:, None])
