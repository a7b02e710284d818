"""Colours of the ground: materials mixed by the fields that the network is shown, and which material lies where."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .growths import Blocks
from .reliefs import bend, smooth
from .worlds import World

Colour = tuple[float, float, float]
Weights = tuple[float, ...]  # of the fields of about 0.25, 0.75, 2.25, 7, 20, 60, 180 metres


@dataclass(frozen=True, slots=True)
class Material:
    """Two colours that noise mixes, and how noise brightens them."""

    low: Colour
    high: Colour
    mix: Weights
    bright: Weights


MATERIALS = {
    "grass": Material((0.06, 0.14, 0.025), (0.25, 0.31, 0.07), (0.25, 0.35, 0.45, 0.55, 0.6, 0.6, 0.6),
                      (0.16, 0.16, 0.14, 0.10, 0.07, 0.05, 0.0)),
    "straw": Material((0.24, 0.19, 0.075), (0.46, 0.37, 0.16), (0.25, 0.35, 0.45, 0.5, 0.5, 0.6, 0.6),
                      (0.16, 0.15, 0.13, 0.09, 0.07, 0.05, 0.0)),
    "alpine": Material((0.12, 0.16, 0.055), (0.33, 0.30, 0.20), (0.3, 0.5, 0.6, 0.6, 0.6, 0.5, 0.4),
                       (0.17, 0.17, 0.15, 0.10, 0.07, 0.05, 0.0)),
    "sand": Material((0.46, 0.30, 0.14), (0.66, 0.46, 0.25), (0.15, 0.25, 0.25, 0.2, 0.15, 0.2, 0.3),
                     (0.09, 0.14, 0.11, 0.05, 0.03, 0.02, 0.0)),
    "beach": Material((0.47, 0.38, 0.26), (0.70, 0.60, 0.45), (0.15, 0.25, 0.35, 0.4, 0.4, 0.4, 0.4),
                      (0.10, 0.13, 0.12, 0.08, 0.05, 0.03, 0.0)),
    "rock": Material((0.13, 0.125, 0.12), (0.37, 0.34, 0.30), (0.35, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3),
                     (0.18, 0.20, 0.20, 0.17, 0.14, 0.10, 0.05)),
    "snow": Material((0.58, 0.67, 0.84), (0.90, 0.93, 0.98), (0.2, 0.4, 0.6, 0.6, 0.6, 0.5, 0.4),
                     (0.06, 0.09, 0.09, 0.07, 0.05, 0.03, 0.0)),
    "litter": Material((0.050, 0.042, 0.020), (0.15, 0.155, 0.045), (0.4, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3),
                       (0.22, 0.20, 0.16, 0.10, 0.06, 0.04, 0.0)),
    "redrock": Material((0.36, 0.125, 0.055), (0.62, 0.29, 0.15), (0.3, 0.4, 0.5, 0.5, 0.4, 0.3, 0.3),
                        (0.14, 0.17, 0.18, 0.16, 0.12, 0.08, 0.0)),
    "redsand": Material((0.42, 0.19, 0.10), (0.64, 0.37, 0.22), (0.3, 0.4, 0.5, 0.5, 0.5, 0.4, 0.3),
                        (0.15, 0.16, 0.13, 0.09, 0.05, 0.03, 0.0)),
    "asphalt": Material((0.055, 0.055, 0.060), (0.13, 0.127, 0.122), (0.5, 0.4, 0.4, 0.5, 0.5, 0.4, 0.2),
                        (0.20, 0.14, 0.10, 0.07, 0.05, 0.03, 0.0)),
    "paving": Material((0.22, 0.21, 0.20), (0.38, 0.37, 0.35), (0.4, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1),
                       (0.14, 0.13, 0.10, 0.06, 0.04, 0.02, 0.0)),
}  # fmt: skip
# what lies on flat ground, on steep ground, and above a height (metres; inf for nowhere) on any but the steepest
COVERS: dict[str, tuple[str, str, str, float]] = {
    "mountains": ("alpine", "rock", "snow", 190.0), "dunes": ("sand", "sand", "sand", torch.inf),
    "plains": ("grass", "alpine", "grass", torch.inf), "coast": ("beach", "rock", "grass", 2.6),
    "sea": ("grass", "rock", "grass", torch.inf), "snowfield": ("snow", "rock", "snow", torch.inf),
    "forest": ("litter", "rock", "litter", torch.inf), "canyon": ("redsand", "redrock", "redrock", 9.0),
    "city": ("paving", "paving", "grass", 2.0), "road": ("straw", "rock", "rock", 120.0),
    "lake": ("grass", "rock", "snow", 250.0),
}  # fmt: skip
PAINT = (0.62, 0.60, 0.55)
ROAD_HALF = 3.7  # metres


class Ground:
    """The ground's colours in one world."""

    def __init__(self, world: World, device: torch.device | str) -> None:
        self.world = world
        flat, steep, high, self.line = COVERS[world.terrain]
        if world.terrain == "plains" and world.variety[5] < 0.35:
            flat = "straw"
        if world.terrain == "road":
            flat = ("straw", "grass", "redsand", "sand")[int(world.variety[5] * 3.999)]
        self.kinds = tuple(_Painted(MATERIALS[name], world.tint, device) for name in (flat, steep, high))
        self.asphalt, self.paving = (_Painted(MATERIALS[n], (1.0, 1.0, 1.0), device) for n in ("asphalt", "paving"))
        self.snow = _Painted(MATERIALS["snow"], (1.0, 1.0, 1.0), device)
        self.paint = torch.tensor(PAINT, device=device)

    def albedo(self, local: Tensor, z: Tensor, upright: Tensor, fields: Tensor, wide: Tensor) -> Tensor:
        """Colour (N, 3) of bare ground at local points (N, 2) and height z (N).

        upright (N) is the z of the ground's normal; fields (N, 7) the ground's noise; wide (N) a pixel, metres.
        """
        flat, steep, high = self.kinds
        colour = flat.at(fields)
        if high is not flat and self.line < torch.inf:
            line = self.line * (1.0 + 0.12 * fields[:, 5] + 0.05 * fields[:, 4])
            colour = torch.lerp(colour, high.at(fields), smooth(-0.15, 0.15, z / line - 1.0)[:, None])
        if steep is not flat:
            bare = smooth(0.04, 0.22, (0.86 + 0.03 * fields[:, 4] + 0.03 * fields[:, 3]) - upright)
            colour = torch.lerp(colour, self._strata(steep.at(fields), z, fields), bare[:, None])
        if self.world.terrain == "road":
            colour = self._road(colour, local[:, 0], local[:, 1] + bend(self.world, local[:, 0]), fields, wide)
        if self.world.terrain == "coast":
            colour = colour * (1.0 - 0.45 * (1.0 - smooth(0.12, 0.5, z)))[:, None]  # wet sand
        return self._weathered(colour, upright, fields)

    def street(self, blocks: Blocks, along: Tensor, across: Tensor, fields: Tensor, wide: Tensor) -> Tensor:
        """Colour (N, 3) of a city's streets; metres from the middle of the crossing street and of one's own."""
        nearest = torch.minimum(along.abs(), across.abs())
        on_road = ((blocks.walk - nearest) / wide + 0.5).clamp(0.0, 1.0)[:, None]
        colour = torch.lerp(self.paving.at(fields), self.asphalt.at(fields), on_road)
        crossing = torch.maximum(along.abs(), across.abs()) < blocks.face
        for position, side in ((along, across), (across, along)):
            dashes = ((position / 8.0) % 1.0 < 0.45) & ~crossing
            colour = torch.lerp(colour, self.paint, (_line(side, 0.0, 0.10, wide) * dashes)[:, None])
        kerb = _line(nearest, blocks.walk, 0.12, wide)[:, None]
        return self._weathered(colour * (1.0 - 0.45 * kerb), torch.ones_like(along), fields)

    def _road(self, colour: Tensor, along: Tensor, across: Tensor, fields: Tensor, wide: Tensor) -> Tensor:
        verge = smooth(0.0, 1.6, across.abs() - ROAD_HALF - 0.2 * fields[:, 2])[:, None]
        colour = torch.lerp(0.6 * colour + 0.3 * self.paving.at(fields), colour, verge)
        strip = ((ROAD_HALF - across.abs()) / wide + 0.5).clamp(0.0, 1.0)[:, None]
        colour = torch.lerp(colour, self.asphalt.at(fields), strip)
        dashed = ((along / 9.0) % 1.0 < 0.4).float()
        lines = _line(across, 0.0, 0.09, wide) * dashed + _line(across.abs(), ROAD_HALF - 0.35, 0.08, wide)
        return torch.lerp(colour, self.paint, lines.clamp(0.0, 1.0)[:, None])

    def _strata(self, colour: Tensor, z: Tensor, fields: Tensor) -> Tensor:
        """Bands of rock that run level, in a canyon."""
        if self.world.terrain != "canyon":
            return colour
        height = z + 0.8 * fields[:, 4] + 0.5 * fields[:, 3]
        bands = 0.6 * torch.sin(height * 0.55) + 0.4 * torch.sin(height * 1.43 + 1.0) + 0.3 * torch.sin(height * 0.17)
        pale = torch.tensor([1.25, 1.12, 1.0], device=colour.device)
        return colour * torch.lerp(0.72 / pale, pale, torch.sigmoid(2.5 * bands)[:, None])

    def _weathered(self, colour: Tensor, upright: Tensor, fields: Tensor) -> Tensor:
        if self.world.weather == "rain":
            return colour * 0.62
        if self.world.weather != "snowfall":
            return colour
        patches = torch.sigmoid(1.2 * fields[:, 3] + 1.2 * fields[:, 4] + 0.8 * fields[:, 2] - 0.2)
        return torch.lerp(colour, self.snow.at(fields), (0.75 * patches * smooth(0.6, 0.9, upright))[:, None])


class _Painted:
    """A material as tensors."""

    def __init__(self, material: Material, tint: Colour, device: torch.device | str) -> None:
        tinted = torch.tensor(tint, device=device)
        self.low = torch.tensor(material.low, device=device) * tinted
        self.high = torch.tensor(material.high, device=device) * tinted
        self.weights = torch.tensor([material.mix, material.bright], device=device).T.contiguous()

    def at(self, fields: Tensor) -> Tensor:
        mix, bright = (fields @ self.weights).unbind(-1)
        return (
            torch.lerp(self.low, self.high, torch.sigmoid(1.5 * mix)[:, None]) * (1.0 + bright).clamp(0.3, 1.9)[:, None]
        )


def _line(place: Tensor, middle: float, half: float, wide: Tensor) -> Tensor:
    """Share (N) of a pixel of this width that a painted line covers."""
    return ((half - (place - middle).abs()) / wide + 0.5).clamp(0.0, 1.0) * (2.0 * half / wide).clamp(0.0, 1.0)
