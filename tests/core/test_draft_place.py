"""What a prompt leaves open is an ordinary day; a place keeps to what the scene tells, and stands behind it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from platewright.conditioning import heading_of, poses_and_lenses
from platewright.layout.worlds import ATTRIBUTES, draw_world
from platewright.models.draft_place import LOW_SUN, completed, drawn_place, ordinary, prospect
from platewright.models.draft_scene import Told
from platewright.sights import sun_direction
from tests.core.tiny_draft import level_path

SIZE = (48, 27)
TOLD = Told(3, 0.0, None)


def test_what_is_not_said_is_an_ordinary_day_and_what_is_said_stays() -> None:
    drawn = [ordinary(seed, {}) for seed in range(200)]
    times = Counter(day["time"] for day in drawn)
    assert set(times) == {"noon", "dawn", "dusk"} and times["noon"] > 80
    assert {day["weather"] for day in drawn} == {"none", "haze"}
    night = ordinary(1, {"time": "night", "weather": "snowfall"})
    assert night == {"time": "night", "weather": "snowfall"}
    assert draw_world(1, **night).sky in ("clouded", "overcast")
    assert ordinary(7, {}) == ordinary(7, {})


@pytest.mark.parametrize("heading", [0.0, 100.0, -140.0])
def test_a_low_sun_is_in_the_picture_or_beside_it(heading: float) -> None:
    camera = level_path(2, *SIZE, heading=heading)
    looks = float(heading_of(poses_and_lenses(camera)[0][:1, :3, :3]))
    for seed in range(4):
        world = drawn_place(seed, {"terrain": "sea", "time": "dusk", "sky": "clear"}, camera, TOLD).world
        assert abs(math.remainder(world.azimuth - looks, 2 * math.pi)) <= LOW_SUN + 1e-6


def test_a_sun_that_the_scene_tells_wins() -> None:
    told = replace(TOLD, sun=sun_direction(77.0, 30.0))
    world = drawn_place(2, {"terrain": "sea", "time": "dusk"}, level_path(2, *SIZE), told).world
    assert math.degrees(world.azimuth) == pytest.approx(77.0, abs=1e-3)


def test_the_scenes_surfaces_stand_before_the_places() -> None:
    camera = level_path(2, *SIZE)
    planes = torch.zeros(2, SIZE[1], SIZE[0])
    planes[:, :, :20] = 1.0
    place = drawn_place(3, {"terrain": "plains"}, camera, TOLD)
    frames = torch.tensor([0, 1])
    alone, both = (prospect(camera, frames, told, place) for told in (TOLD, replace(TOLD, planes=planes)))
    assert alone.guide is not None and both.guide is not None and alone.paints is not None and both.paints is not None
    assert float(both.guide.distance[:, :, :20].max()) < 1.5
    assert torch.equal(both.guide.distance[:, :, 20:], alone.guide.distance[:, :, 20:])
    torch.testing.assert_close(both.paints[..., 20:], alone.paints[..., 20:])
    assert not torch.equal(both.paints[..., :20], alone.paints[..., :20])


def test_where_nothing_can_be_laid_only_the_scene_is_seen() -> None:
    camera = level_path(2, *SIZE)
    place = drawn_place(3, {"terrain": "forest"}, camera, replace(TOLD, ground_m=31.7))
    assert place.land is None
    assert prospect(camera, torch.tensor([0]), TOLD, place).guide is None
    planes = torch.full((2, SIZE[1], SIZE[0]), 5.0)
    seen = prospect(camera, torch.tensor([0]), replace(TOLD, planes=planes), place)
    assert seen.paints is None and seen.guide is not None and bool((seen.guide.distance >= 5.0).all())


def test_a_prompt_is_completed_by_what_was_drawn() -> None:
    world = draw_world(1, terrain="lake", time="night")
    groups = {name: list(values) for name, values in ATTRIBUTES.items()}
    said = torch.zeros(sum(map(len, groups.values())))
    said[groups["terrain"].index("city")] = 0.9
    whole = completed(said, groups, world)
    assert float(whole[groups["terrain"].index("city")]) == pytest.approx(0.9)
    time = whole[len(groups["terrain"]) :][: len(groups["time"])]
    assert time.tolist() == [float(value == "night") for value in groups["time"]]
