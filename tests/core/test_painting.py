"""Paints against the renderer: in the true colours of its lights their sum is the picture that it makes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from platewright.conditioning import poses_and_lenses
from platewright.layout.painting import PAINTS, Painter, display
from platewright.layout.worlds import World, draw_world
from tests.core.tiny_draft import level_path
from training.lights import Light
from training.rendering import Stage
from training.waters import SHALLOW

SIZE = (96, 54)


def seen(world: World, **move: float) -> tuple[Tensor, Tensor, Light]:
    """The renderer's picture (H, W, 3) of a world, its paints (P, H, W), and its lights."""
    stage = Stage(replace(world, centre=(0.0, 0.0)), texels=256)
    poses, lenses = poses_and_lenses(level_path(1, *SIZE, **move))
    film = stage.film(poses, lenses, SIZE, torch.zeros(1))
    painter = Painter(stage.land, stage.noise)
    return film.frames[0], painter.paints(poses[0], lenses[0], film.distance[0], 0.0), stage.light


def in_light(paints: Tensor, light: Light, overcast: bool) -> Tensor:
    """The picture (H, W, 3) that paints make in true colours, but for glass and glitter."""
    told = dict(zip(PAINTS, paints, strict=True))
    colours = {"air": light.opposite, "air_ahead": light.horizon, "zenith": light.zenith, "horizon": light.opposite}
    colours |= {"horizon_ahead": light.horizon, "heap": light.cloud, "under": light.grey if overcast else light.under}
    body = 1.3 * (light.ambient + 0.55 * light.to_light[2] * light.sun)
    colours |= {"water": body * torch.tensor([0.011, 0.047, 0.065]), "shallow": body * torch.tensor(SHALLOW)}
    linear = torch.einsum("phw,pc->hwc", torch.stack([told[n] for n in colours]), torch.stack(list(colours.values())))
    shade, sun = (torch.stack([told[f"{kind}_{c}"] for c in ("red", "green", "blue")], -1) for kind in ("shade", "sun"))
    return display(linear + shade * light.ambient + sun * light.sun)


@pytest.mark.parametrize(
    ("terrain", "time", "sky", "weather"),
    [("road", "noon", "clear", "none"), ("dunes", "dusk", "clear", "haze"), ("mountains", "dawn", "clouded", "none"),
     ("forest", "noon", "clear", "none"), ("plains", "night", "clouded", "none"),
     ("snowfield", "noon", "clear", "haze"), ("lake", "noon", "clouded", "none"), ("sea", "dusk", "clear", "none"),
     ("forest", "noon", "overcast", "snowfall"), ("dunes", "night", "overcast", "rain")],
)  # fmt: skip
def test_in_true_light_paints_are_the_picture(terrain: str, time: str, sky: str, weather: str) -> None:
    world = draw_world(5, terrain=terrain, time=time, sky=sky, weather=weather)
    picture, paints, light = seen(world, heading=40.0, pitch=2.0)
    made = in_light(paints, light, sky == "overcast")
    assert float((made - picture).abs().median()) < 0.02
    error, guilty = ((some - picture).square().mean() for some in (made, made.flip(0)))
    assert float(error) < 10 ** (-22 / 10) and guilty > 4 * error  # 22 dB: the sun's disc is no paint


def test_paints_are_shares() -> None:
    for terrain in ("city", "coast", "lake"):
        _, paints, _ = seen(draw_world(2, terrain=terrain, weather="none"), pitch=-4.0)
        assert float(paints.min()) >= 0.0 and float(paints.max()) < 8.0 and bool((paints[0] == 1.0).all())


def test_water_is_water_and_rooms_are_lit_at_night() -> None:
    _, sea, _ = seen(draw_world(8, terrain="sea", weather="none"), pitch=-20.0)
    wet = sea[PAINTS.index("water")] + sea[PAINTS.index("shallow")]
    assert float(wet[30:].median()) > 0.7
    glow = PAINTS.index("glow")
    night, noon = (
        seen(draw_world(4, terrain="city", time=time, weather="none"))[1][glow] for time in ("night", "noon")
    )
    assert float(night.max()) > 0.3 and not bool(noon.any())


def test_no_light_glitters_that_weather_or_far_land_takes() -> None:
    """The sun over a clear sea is mirrored; in haze, or behind far land, only the glow of the air is."""
    clear = draw_world(4, terrain="sea", time="dusk", sky="clear", weather="none")
    clear = replace(clear, skyline=tuple((0.0, 0.0) for _ in clear.skyline))
    hazy = replace(clear, weather="haze", visible=6_000.0)
    hidden = replace(clear, skyline=tuple((1.5, 0.0) for _ in clear.skyline))
    heading = math.degrees(math.atan2(clear.to_light[1], clear.to_light[0]))
    part = slice(PAINTS.index("sun_red"), PAINTS.index("sun_blue") + 1)
    whole, dim, none = (
        float(seen(world, heading=heading, pitch=-12.0)[1][part, 27:].amax()) for world in (clear, hazy, hidden)
    )
    assert whole > 0.3
    assert none < 0.2 * whole and dim < 0.2 * whole


def test_the_scenes_own_surfaces_become_ground_of_the_place() -> None:
    """A wall of the artist's in the dunes is sand, dark on the side away from the sun, and hides what is behind."""
    stage = Stage(replace(draw_world(5, terrain="dunes", time="noon", sky="clear", weather="none"), centre=(0.0, 0.0)))
    poses, lenses = poses_and_lenses(level_path(1, *SIZE))
    painter, far = Painter(stage.land, stage.noise), torch.zeros(SIZE[1], SIZE[0])
    wall = torch.full_like(far, 6.0)
    x, y, _ = stage.world.to_light
    lit, dark = (
        painter.paints(
            poses[0], lenses[0], wall, 0.0, torch.tensor([s * x, s * y, 0.0])[:, None, None].expand(3, *wall.shape)
        )
        for s in (1.0, -1.0)
    )
    assert float(lit[1:4].mean(0).min()) > 0.1 and not bool(dark[4:7].any()) and float(lit[4:7].mean()) > 0.05
    assert not bool(lit[PAINTS.index("zenith")].any())
    sky = painter.paints(poses[0], lenses[0], far, 0.0, torch.zeros(3, *far.shape))
    assert not bool(sky[1:4, : SIZE[1] // 3].any()) and bool(sky[PAINTS.index("zenith")].any())


@pytest.mark.parametrize(("time", "elevation"), [("noon", 40.0), ("dusk", 4.0), ("night", 25.0)])
def test_sun_moon_and_stars_stand_where_the_renderer_has_them(time: str, elevation: float) -> None:
    """Straight ahead: disc, glow and, at night, stars; without them the same picture is far off."""
    world = replace(draw_world(5, terrain="sea", time=time, sky="clear", weather="none"), azimuth=0.0)
    world = replace(world, elevation=math.radians(elevation))
    picture, paints, light = seen(world, pitch=elevation)
    sun = slice(PAINTS.index("sun_red"), PAINTS.index("sun_blue") + 1)
    bright = paints[sun].mean(0) > 0.5                     # the far glow of a low sun is no paint
    assert 0.0005 < float(bright.float().mean()) < 0.5
    made, without = in_light(paints, light, False), in_light(_without(paints, sun), light, False)
    errors = [float((some - picture)[bright].square().mean()) for some in (made, without)]
    assert errors[0] < 0.1 * errors[1]
    assert float(made[SIZE[1] // 2, SIZE[0] // 2].mean()) > 0.9, "it is in the middle"


def test_behind_a_cover_of_clouds_there_is_no_sun() -> None:
    world = replace(draw_world(5, terrain="sea", time="night", sky="overcast", weather="none"), azimuth=0.0)
    _, paints, _ = seen(world, pitch=40.0)
    assert not bool(paints[PAINTS.index("sun_red") : PAINTS.index("sun_blue") + 1].any())


def _without(paints: Tensor, part: slice) -> Tensor:
    left = paints.clone()
    left[part] = 0.0
    return left
