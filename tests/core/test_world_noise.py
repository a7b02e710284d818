"""The world's noise: the same place for the same seed, the statistics it promises, and nothing finer than a pixel."""

from __future__ import annotations

import math

import pytest
import torch

from platewright.world_noise import CLOUD_WAVELENGTHS, GROUND_WAVELENGTHS, RIDGES, WorldNoise, faded, footprint


def scattered(count: int, metres: float) -> torch.Tensor:
    return (torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) - 0.5) * torch.tensor(
        [metres, metres, 0.0]
    )


def everywhere(count: int = 20000) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(2)), dim=-1)


def test_a_seed_is_a_place_and_another_seed_is_another() -> None:
    points = scattered(2000, 300.0)
    here, again, elsewhere = (WorldNoise(seed).ground(points, 0.0) for seed in (4, 4, 5))
    torch.testing.assert_close(here, again, rtol=0, atol=0)
    for field in range(len(GROUND_WAVELENGTHS)):
        pair = torch.stack([here[:, field], elsewhere[:, field]])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.1


def test_every_field_has_mean_0_and_deviation_1() -> None:
    noise = WorldNoise(7)
    fields = [noise.ground(scattered(40000, 4000.0), 0.0), noise.clouds(scattered(40000, 1e5), 0.0, 2.0)]
    fields += [noise.waves(scattered(40000, 500.0), 0.0, 2.0), noise.ridges(torch.linspace(-math.pi, math.pi, 40000))]
    for field in torch.cat(fields, -1).unbind(-1):
        assert abs(float(field.mean())) < 0.08
        assert 0.9 < float(field.std()) < 1.1


@pytest.mark.parametrize("field", range(len(GROUND_WAVELENGTHS)))
def test_a_field_repeats_itself_about_every_wavelength(field: int) -> None:
    """The mean power spectrum along a line peaks between half and twice the wavelength."""
    wavelength = GROUND_WAVELENGTHS[field]
    steps = torch.arange(512) * wavelength / 8
    lines = torch.stack([steps.expand(32, -1), (torch.arange(32.0) * wavelength * 3)[:, None].expand(-1, 512)], -1)
    points = torch.cat([lines, torch.zeros(32, 512, 1)], -1)
    heights = WorldNoise(3).ground(points, 0.0)[..., field]
    power = torch.fft.rfft(heights - heights.mean()).abs().square().mean(0)
    strongest = int(power[8:].argmax()) + 8
    assert 0.4 < (512 / strongest / 8) ** -1 < 2.5


def test_what_a_pixel_cannot_show_is_gone() -> None:
    wide = WorldNoise(3).ground(scattered(500, 100.0), torch.full((500,), 1.2))
    assert not wide[:, :3].any()  # 0.25 to 2.25 m under pixels of 1.2 m
    assert wide[:, 3].std() > 0.5
    assert faded(0.5, 1.0) == 0.0 and faded(0.25, 1.0) == 1.0


def test_a_pixel_is_longer_on_a_slant() -> None:
    straight, slanted = footprint(torch.tensor([10.0, 10.0]), torch.tensor([1.0, 0.1]), torch.tensor(0.004))
    torch.testing.assert_close(slanted, 10 * straight)


def test_far_from_the_origin_nothing_is_lost() -> None:
    """A tile's period in x and y along its own axes is not a round number, so compare neighbours a metre apart."""
    noise, near = WorldNoise(3), scattered(400, 50.0).double()
    far = near + torch.tensor([3e6, -2e6, 0.0], dtype=torch.float64)
    step = torch.tensor([1e-3, 0.0, 0.0], dtype=torch.float64)
    for points in (near, far):
        change = noise.ground(points + step, 0.0) - noise.ground(points, 0.0)
        assert 0 < float(change[:, 2].abs().max()) < 0.01


def test_clouds_drift_with_the_wind() -> None:
    noise, points = WorldNoise(9), scattered(1000, 5e4)
    drift = torch.cat([noise.wind * 60.0, torch.zeros(1)])
    torch.testing.assert_close(
        noise.clouds(points + drift, 0.0, 60.0), noise.clouds(points, 0.0, 0.0), atol=0.05, rtol=0
    )
    assert (noise.clouds(points, 0.0, 60.0) - noise.clouds(points, 0.0, 0.0)).abs().max() > 0.5
    assert noise.clouds(points, 0.0, 0.0).shape == (1000, len(CLOUD_WAVELENGTHS))


def test_waves_run_and_ground_does_not() -> None:
    noise, points = WorldNoise(9), scattered(1000, 50.0)
    assert (noise.waves(points, 0.0, 0.5) - noise.waves(points, 0.0, 0.0)).std() > 0.3


def test_the_horizon_closes() -> None:
    noise = WorldNoise(2)
    before, after = noise.ridges(torch.tensor([2 * math.pi - 1e-6, 0.0]))
    torch.testing.assert_close(before, after, atol=1e-3, rtol=0)
    assert before.shape == (RIDGES,)


def test_stars_are_points_above_the_horizon() -> None:
    noise, directions = WorldNoise(6), everywhere(200000)
    light = noise.stars(directions)
    assert not light[directions[:, 2] <= 0].any()
    share = float((light > 0.3).float().mean())
    assert 0.0002 < share < 0.02


def test_rain_and_snow_fall_down() -> None:
    """What is seen at one moment is seen a little lower the next."""
    noise = WorldNoise(6)
    elevation = torch.linspace(-0.3, 0.3, 600)
    column = torch.stack([torch.cos(elevation), torch.zeros(600), torch.sin(elevation)], -1)
    columns = torch.stack([column @ around(angle).T for angle in torch.linspace(-1.5, 1.5, 40)])
    for kind in range(2):
        now, later = noise.falling(columns, 0.0)[..., kind], noise.falling(columns, 0.01)[..., kind]
        moves = range(-60, 61)
        alike = [float((torch.roll(now, move, 1) * later)[:, 60:-60].mean()) for move in moves]
        assert moves[max(range(len(alike)), key=alike.__getitem__)] < 0


def around(angle: torch.Tensor) -> torch.Tensor:
    c, s = float(torch.cos(angle)), float(torch.sin(angle))
    return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
