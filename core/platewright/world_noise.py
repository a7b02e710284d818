"""Noise that is fixed to the world: the same seed is the same place, whichever camera looks at it.

The embedded network is shown these fields where its rays meet the ground, the clouds and the far skylines, and the
worlds it learns from are built of them. So what it paints hangs on the world, not on the picture. Every field has
mean 0 and deviation 1 unless it says otherwise, and fades to 0 where a pixel is too wide to show it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

GROUND_WAVELENGTHS = (0.25, 0.75, 2.25, 6.75, 20.25, 60.75, 182.25)  # metres
WAVE_WAVELENGTHS = (1.5, 7.0)  # metres
CLOUD_WAVELENGTHS = (300.0, 900.0, 2700.0, 8100.0)  # metres
CLOUD_ALTITUDE = 1500.0  # metres above the ground
RIDGES = 3  # far skylines, the farthest first
WALL_SLANT = (0.37, 0.61)  # how far height moves a point across the field, so that walls have texture too

_TEXELS = 256  # of a tile, across and down
_WAVES = 20  # in a tile, across and down
_PROFILE = 8192  # samples once around the horizon
_RIDGE_SHAPES = ((4, 1.35), (7, 1.25), (12, 1.15))  # slowest wave around the horizon; fall of the amplitude
_STAR_BAND = math.radians(2.0)  # stars live in cells of about this size, at most one in each
_STARS_LIT = 0.35  # share of the cells that hold one
_RANDOM = 8191  # table of random numbers for cells; prime, so that steps never share a factor with it


class WorldNoise:
    """The fields of one seed, on one device."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        draw = torch.Generator().manual_seed(seed)
        grounds, clouds, waves = len(GROUND_WAVELENGTHS), len(CLOUD_WAVELENGTHS), 2 * len(WAVE_WAVELENGTHS)
        self._tiles = _band_tiles(grounds + clouds + waves + 4, draw).to(device)
        self._turns = torch.rand(len(self._tiles), generator=draw).mul(2 * math.pi).tolist()
        self._ground = range(grounds)
        self._cloud = range(grounds, grounds + clouds)
        self._wave = range(grounds + clouds, grounds + clouds + waves)
        self._fall = range(grounds + clouds + waves, len(self._tiles))
        self._ridges = _profiles(draw).to(device)
        self._random = torch.rand(_RANDOM, 4, generator=draw).to(device)
        heading, strength = torch.rand(2, generator=draw).tolist()
        east, north = math.cos(2 * math.pi * heading), math.sin(2 * math.pi * heading)
        self.wind = (6.0 + 10.0 * strength) * torch.tensor([east, north], device=device)  # m/s; clouds drift with it

    def ground(self, points: Tensor, footprint_m: Tensor | float) -> Tensor:
        """Texture of the ground (..., 7), one field for each of GROUND_WAVELENGTHS.

        points       (..., 3) metres, z above the ground; pass float64 where they are far from the origin
        footprint_m  (...) width of a pixel on the surface, metres; 0 for no fading
        """
        x, y = (points[..., axis] + slant * points[..., 2] for axis, slant in enumerate(WALL_SLANT))
        fields = zip(self._ground, GROUND_WAVELENGTHS, strict=True)
        return torch.stack([self._field(n, x, y, wave) * faded(footprint_m, wave) for n, wave in fields], -1)

    def waves(self, points: Tensor, footprint_m: Tensor | float, seconds: Tensor | float) -> Tensor:
        """Running waves of water (..., 2), one field for each of WAVE_WAVELENGTHS; points (..., 2 or more) metres."""
        found = []
        for n, wave in enumerate(WAVE_WAVELENGTHS):
            travelled = math.sqrt(9.81 * wave / (2 * math.pi)) * torch.as_tensor(seconds)  # deep water
            crossing = 0.0
            for which, heading in ((2 * n, 0.4), (2 * n + 1, 1.7)):
                x = points[..., 0] - travelled * math.cos(heading)
                y = points[..., 1] - travelled * math.sin(heading)
                crossing = crossing + self._field(self._wave[which], x, y, wave)
            found.append(crossing * math.sqrt(0.5) * faded(footprint_m, wave))
        return torch.stack(found, -1)

    def clouds(self, points: Tensor, footprint_m: Tensor | float, seconds: Tensor | float) -> Tensor:
        """Cover of the cloud plane (..., 4), drifting with the wind; points (..., 2 or more) metres on that plane."""
        time = torch.as_tensor(seconds)
        x, y = (points[..., axis] - time * self.wind[axis] for axis in range(2))
        fields = zip(self._cloud, CLOUD_WAVELENGTHS, strict=True)
        return torch.stack([self._field(n, x, y, wave) * faded(footprint_m, wave) for n, wave in fields], -1)

    def ridges(self, azimuth_rad: Tensor) -> Tensor:
        """Heights of the far skylines (..., 3) at angles from +X towards +Y."""
        place = torch.remainder(azimuth_rad / (2 * math.pi), 1.0).to(torch.float32) * _PROFILE
        index = place.long().clamp_max(_PROFILE - 1)
        between = (place - index)[..., None]
        return torch.lerp(self._ridges[index], self._ridges[index + 1], between)

    def stars(self, directions: Tensor, pixel_rad: Tensor | float = 0.0) -> Tensor:
        """Brightness of the stars (...), 0..1, towards unit directions (..., 3); none below the horizon."""
        elevation = torch.asin(directions[..., 2].clamp(-1.0, 1.0)).to(torch.float32)
        azimuth = torch.remainder(torch.atan2(directions[..., 1], directions[..., 0]), 2 * math.pi).to(torch.float32)
        band = torch.floor(elevation / _STAR_BAND)
        squeezed = torch.cos((band + 0.5) * _STAR_BAND).clamp_min(0.02)
        cells = torch.floor(2 * math.pi * squeezed / _STAR_BAND).clamp_min(1.0)
        across = azimuth / (2 * math.pi) * cells
        cell = torch.floor(across)
        dice = self._random[(band * 911.0 + cell * 3571.0).long() % _RANDOM]
        sideways = (across - cell - 0.25 - 0.5 * dice[..., 0]) * _STAR_BAND
        upwards = elevation - (band + 0.25 + 0.5 * dice[..., 1]) * _STAR_BAND
        radius = torch.clamp_min(torch.as_tensor(pixel_rad, dtype=torch.float32, device=cell.device) * 0.7, 0.0025)
        glow = torch.exp(-0.5 * (sideways**2 + upwards**2) / radius**2)
        lit = (dice[..., 2] < _STARS_LIT) & (elevation > 0)
        return glow * torch.where(lit, 0.15 + 0.85 * dice[..., 3] ** 3, 0.0)

    def falling(self, directions: Tensor, seconds: Tensor | float) -> Tensor:
        """What falls around the camera (..., 2), 0..1 towards unit directions (..., 3): rain streaks, snow flakes."""
        azimuth = torch.atan2(directions[..., 1], directions[..., 0])
        rise = directions[..., 2] / torch.sqrt(1.0 - directions[..., 2] ** 2).clamp_min(0.2)
        found = []
        for stretch, speed, sharp, threshold in ((9.0, 4.0, 5.0, 1.5), (1.0, 0.35, 6.0, 1.7)):
            layers = []
            for n, scale in enumerate((0.035, 0.018)):
                side = azimuth / scale * (2.0 if stretch > 1 else 1.0)
                height = (rise + torch.as_tensor(seconds) * speed * (1.0 if n == 0 else 0.6)) / (scale * stretch)
                which = self._fall[n + (2 if stretch > 1 else 0)]
                layers.append(torch.sigmoid(sharp * (self._field(which, side, height, 1.0, turned=False) - threshold)))
            found.append(torch.maximum(*layers))
        return torch.stack(found, -1)

    def _field(self, which: int, x: Tensor, y: Tensor, wavelength: float, turned: bool = True) -> Tensor:
        """One field at coordinates in the unit of its wavelength; each lies at an angle of its own, so tiles hide."""
        angle = self._turns[which] if turned else 0.0
        c, s = math.cos(angle) / (wavelength * _WAVES), math.sin(angle) / (wavelength * _WAVES)
        u, v = torch.remainder(c * x + s * y, 1.0), torch.remainder(c * y - s * x, 1.0)
        grid = torch.stack([u, v], -1).to(torch.float32) * 2.0 - 1.0
        tile = self._tiles[which][None, None]
        return functional.grid_sample(tile, grid.reshape(1, 1, -1, 2), align_corners=True).reshape(u.shape)


def faded(footprint_m: Tensor | float, wavelength: float) -> Tensor | float:
    """How much of a field a pixel shows: all below a quarter of the wavelength, nothing from half of it on."""
    if isinstance(footprint_m, float | int):
        return min(1.0, max(0.0, 2.0 - 4.0 * footprint_m / wavelength))
    return (2.0 - 4.0 * footprint_m / wavelength).clamp(0.0, 1.0)


def footprint(distance_m: Tensor, grazing: Tensor, pixel_rad: Tensor) -> Tensor:
    """Width of a pixel on a surface, metres, along the slant.

    distance_m  along the ray
    grazing     cosine between the ray and the surface's normal, 0..1
    pixel_rad   angle of a pixel
    """
    return 0.7 * distance_m * pixel_rad / grazing.clamp_min(1e-4)


def _band_tiles(count: int, draw: torch.Generator) -> Tensor:
    """Tiles (N, T + 1, T + 1) of noise about one wavelength, that continue at their rims; mean 0, deviation 1."""
    fy = torch.fft.fftfreq(_TEXELS)[:, None] * _TEXELS
    fx = torch.fft.rfftfreq(_TEXELS)[None, :] * _TEXELS
    octave = torch.log2(torch.sqrt(fx * fx + fy * fy).clamp_min(1e-3) / _WAVES)
    band = torch.exp(-0.5 * (octave / 0.55) ** 2)
    tiles = torch.fft.irfft2(torch.fft.rfft2(torch.randn(count, _TEXELS, _TEXELS, generator=draw)) * band)
    tiles = (tiles - tiles.mean((1, 2), keepdim=True)) / tiles.std((1, 2), keepdim=True)
    return functional.pad(tiles[None], (0, 1, 0, 1), mode="circular")[0].contiguous()


def _profiles(draw: torch.Generator) -> Tensor:
    """Closed curves around the horizon (P + 1, RIDGES), mean 0, deviation 1."""
    frequency = torch.fft.rfftfreq(_PROFILE) * _PROFILE
    curves = []
    for slowest, fall in _RIDGE_SHAPES:
        weight = torch.where((frequency >= slowest) & (frequency < 900), frequency.clamp_min(1.0) ** -fall, 0.0)
        curve = torch.fft.irfft(torch.fft.rfft(torch.randn(_PROFILE, generator=draw)) * weight, n=_PROFILE)
        curves.append((curve - curve.mean()) / curve.std())
    around = torch.stack(curves, -1)
    return torch.cat([around, around[:1]])
