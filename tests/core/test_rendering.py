"""Rendered worlds against what geometry says must be seen, and where."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from platewright.camera import CameraPath
from platewright.conditioning import poses_and_lenses
from platewright.layout.growths import Blocks, Wood
from platewright.layout.worlds import ATTRIBUTES, Trees, World, draw_world
from training.moves import path_from
from training.rendering import Film, Stage, pixel_rays

SIZE = (96, 54)


def camera_at(
    place: tuple[float, float, float], heading: float, pitch: float, roll: float = 0.02, focal: float = 80.0
) -> CameraPath:
    """One frame from a place in metres; angles in radians."""
    one = torch.ones(1, dtype=torch.float64)
    places = torch.tensor([place], dtype=torch.float64)
    return path_from(places, heading * one, pitch * one, roll * one, focal * one, *SIZE)


def eye_level(world: World, heading: float, pitch: float = 0.0) -> CameraPath:
    return camera_at((*world.centre, 2.0), heading, pitch)


def filmed(world: World, camera: CameraPath) -> Film:
    return Stage(world, texels=256).film(*poses_and_lenses(camera), SIZE, torch.zeros(1))


def plain(seed: int, **chosen: str) -> World:
    return draw_world(seed, **{"time": "noon", "sky": "clear", "weather": "none", **chosen})


@pytest.mark.parametrize("pitch", [-0.5, -0.1, 0.08])
def test_distances_on_water_are_those_of_the_plane(pitch: float) -> None:
    world = replace(plain(8, terrain="sea"), variety=(0.5,) * 6)
    camera = camera_at((*world.centre, 7.0), 1.0, pitch)
    film = filmed(world, camera)
    (pose,), (lens,) = poses_and_lenses(camera)
    down = pixel_rays(pose, lens, SIZE)[:, 2].double().reshape(SIZE[1], SIZE[0])
    near = (down < 0) & (7.0 / -down < 600.0)  # islands lie farther out
    torch.testing.assert_close(film.distance[0][near].double(), 7.0 / -down[near], rtol=2e-4, atol=1e-3)
    assert bool((film.distance[0][down > 0.05] == 0).all()) and bool(near.any())


def test_the_plane_goes_on_beyond_the_map() -> None:
    world = plain(8, terrain="dunes")
    camera = camera_at((*world.centre, 55.0), 1.0, -0.0045, roll=0.0, focal=9000.0)
    stage = Stage(world, texels=128)
    stage.land.heights.zero_()  # no hill in the way
    film = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1))
    (pose,), (lens,) = poses_and_lenses(camera)
    down = pixel_rays(pose, lens, SIZE)[:, 2].double().reshape(SIZE[1], SIZE[0])
    far = (down < 0) & (55.0 / -down > 8000.0) & (down < -2e-3)
    assert far.any()
    torch.testing.assert_close(film.distance[0][far].double(), 55.0 / -down[far], rtol=2e-3, atol=0)


def test_points_of_the_land_appear_where_the_camera_projects_them() -> None:
    for terrain in ("plains", "dunes", "canyon", "forest", "city"):
        world = plain(2, terrain=terrain)
        stage = Stage(world)
        camera = camera_at((*world.centre, 2.5), world.heading, -0.05)
        film = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1))
        (pose,), (lens,) = poses_and_lenses(camera)
        rays = pixel_rays(pose, lens, SIZE)
        pixel = torch.nonzero((film.distance[0].flatten() > 0) & (film.distance[0].flatten() < 150))[::37, 0]
        points = pose[:3, 3] + rays[pixel].double() * film.distance[0].flatten()[pixel, None].double()
        for index, point in zip(pixel.tolist(), points.tolist(), strict=True):
            x, y = camera.project(point, 0) or (math.nan, math.nan)
            assert abs(x - (index % SIZE[0] + 0.5)) < 0.02 and abs(y - (index // SIZE[0] + 0.5)) < 0.02
        off = (stage.land.height(points[:, :2].float()) - points[:, 2]).abs()
        assert off.median() < 0.03, terrain  # a wall is met at any height


def test_a_wall_stands_where_its_house_is() -> None:
    world = plain(6, terrain="city")
    stage = Stage(world)
    blocks = stage.land.growth
    assert isinstance(blocks, Blocks)
    c, s = world.heading_axes
    along = next(a for a in range(0, 400, 4) if bool(blocks.lot(torch.tensor([[float(a), blocks.face + 1.0]])).built))
    start = (world.centre[0] + c * along, world.centre[1] + s * along, 2.0)
    camera = camera_at(start, world.heading + math.pi / 2, 0.0)
    film = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1))
    middle = film.distance[0, SIZE[1] // 2, SIZE[0] // 2]
    assert abs(float(middle) - blocks.face) < 0.05
    torch.testing.assert_close(
        film.normals[0, SIZE[1] // 2, SIZE[0] // 2], torch.tensor([s, -c, 0.0]), atol=1e-4, rtol=0
    )


def test_shadows_fall_away_from_the_sun() -> None:
    world = replace(plain(5, terrain="plains"), trees=Trees(60.0, 9.0, 1.0, 0.0, True), elevation=0.7)
    stage = Stage(world)
    wood = stage.land.growth
    assert isinstance(wood, Wood)
    tall, radius, offset = wood.tree(torch.tensor([[30.0, 30.0]]))
    c, s = world.heading_axes
    stem = torch.tensor([30.0, 30.0]) - offset[0]
    foot = torch.tensor([c * stem[0] - s * stem[1], s * stem[0] + c * stem[1]]) + torch.tensor(world.centre)
    reach = 0.5 * float(radius) + 0.4 * float(tall) / math.tan(world.elevation)
    away = torch.tensor([math.cos(world.azimuth), math.sin(world.azimuth)]) * reach
    camera = camera_at((float(foot[0]), float(foot[1]), 45.0), 0.3, -math.pi / 2 + 1e-3, focal=110.0)
    shown = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1)).frames[0].mean(-1)
    dark, bright = (patch_at(shown, camera, foot + sign * away) for sign in (-1.0, 1.0))
    assert dark < bright - 0.1


def patch_at(shown: Tensor, camera: CameraPath, ground: Tensor) -> float:
    """Mean of a picture (H, W) around where a point of the ground (x, y) is seen."""
    x, y = camera.project((float(ground[0]), float(ground[1]), 0.0), 0) or (math.nan, math.nan)
    return float(shown[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean())


@pytest.mark.parametrize("pitch", [-0.1, 0.0, 0.12])
def test_the_horizon_is_where_the_camera_has_it(pitch: float) -> None:
    world = replace(plain(8, terrain="sea"), skyline=((-1.0, 0.0),) * 3, variety=(1.0,) * 6)
    camera = camera_at((*world.centre, 2.0), 0.7, pitch, roll=0.0)
    seen = (filmed(world, camera).distance[0] > 0).float().mean(1)
    expected = SIZE[1] / 2 + 80.0 * math.tan(pitch)
    assert abs(float((seen < 0.5).sum()) - expected) <= 1.0


@pytest.mark.parametrize("time", ["dawn", "noon", "dusk", "night"])
def test_sun_and_moon_are_where_the_world_says(time: str) -> None:
    world = plain(9, terrain="plains", time=time)
    camera = eye_level(world, world.azimuth + 0.1, world.elevation - 0.05)
    frame = filmed(world, camera).frames[0].mean(-1)
    far = [place + 1e6 * way for place, way in zip((*world.centre, 2.0), world.to_light, strict=True)]
    x, y = camera.project(far, 0) or (math.nan, math.nan)
    row, column = divmod(int(frame.flatten().argmax()), SIZE[0])
    assert abs(column + 0.5 - x) < 2 and abs(row + 0.5 - y) < 2


def test_night_is_darker_than_noon_and_not_black() -> None:
    for terrain in ("mountains", "sea", "forest", "city"):
        for sky in ("clear", "overcast"):
            world = draw_world(5, terrain=terrain, time="noon", sky=sky, weather="none")
            camera = eye_level(world, world.heading, -0.02)
            noon, night = (float(filmed(replace(world, time=time), camera).frames.mean()) for time in ("noon", "night"))
            assert 0.06 < night < noon - 0.12, (terrain, sky)


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_every_attribute_is_seen(name: str) -> None:
    base = draw_world(14, terrain="plains", time="noon", sky="clear", weather="none")
    pictures = []
    for value in ATTRIBUTES[name]:
        world = draw_world(14, **{"terrain": "plains", "time": "noon", "sky": "clear", "weather": "none", name: value})
        pictures.append(filmed(world, eye_level(base, base.heading + 0.2)).frames)
    for first in range(len(pictures)):
        for second in range(first):
            assert (pictures[first] - pictures[second]).abs().mean() > 0.015, (name, first, second)


def test_water_mirrors_the_sky_above_it() -> None:
    world = replace(plain(21, terrain="sea", time="dusk"), variety=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0))
    warmth = []
    for heading in (world.azimuth + 0.5, world.azimuth + math.pi):
        frame = filmed(world, eye_level(world, heading)).frames[0]
        water = frame[SIZE[1] // 2 + 2 : SIZE[1] // 2 + 10]
        warmth.append(float((water[..., 0] - water[..., 2]).mean()))
    assert warmth[0] > warmth[1] + 0.1


def test_a_far_shore_is_mirrored_in_a_lake() -> None:
    world = replace(plain(30, terrain="lake"), variety=(0.5, 0.5, 0.2, 0.5, 0.0, 0.5))
    stage = Stage(world)
    camera = camera_at((*world.centre, 3.0), world.heading, 0.0)
    lake = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1)).frames[0]
    stage.land.heights[:, 0].clamp_(max=0.9)  # the same lake without its mountains
    flat = stage.film(*poses_and_lenses(camera), SIZE, torch.zeros(1)).frames[0]
    below = slice(SIZE[1] // 2 + 3, SIZE[1] // 2 + 12)
    assert (lake[below] - flat[below]).abs().mean() > 0.02


def test_two_renders_are_the_same_and_fog_hides_what_is_far() -> None:
    world = plain(17, terrain="forest")
    camera = eye_level(world, 0.4)
    first, again = (filmed(world, camera) for _ in range(2))
    assert torch.equal(first.frames, again.frames) and torch.equal(first.distance, again.distance)
    fog = filmed(replace(world, weather="fog", visible=40.0), camera).frames
    far = first.distance > 80
    assert fog[far].std(0).mean() < 0.35 * first.frames[far].std(0).mean()


def test_texture_is_strong_enough_to_be_tracked() -> None:
    for terrain in ("mountains", "dunes", "plains", "snowfield", "forest", "canyon", "road"):
        world = plain(40, terrain=terrain)
        frame = filmed(world, camera_at((*world.centre, 2.0), world.heading + 0.9, -0.4)).frames[0].mean(-1)
        assert 0.02 < float(frame[-24:].std()) < 0.25, terrain
