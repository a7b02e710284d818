"""Places laid around a camera: nothing in its way, the same each time, and as far away as they are."""

from __future__ import annotations

import pytest
import torch

from platewright.conditioning import poses_and_lenses
from platewright.layout.lands import Land
from platewright.layout.placing import CLEAR_M, clearance, distances, pixel_rays, place_around
from platewright.layout.worlds import ATTRIBUTES, draw_world, lit_from
from platewright.sights import sun_direction
from platewright.world_noise import WorldNoise
from tests.core.tiny_draft import level_path

SIZE = (48, 27)


def path(frames: int = 5, **move: float) -> tuple[torch.Tensor, torch.Tensor]:
    return poses_and_lenses(level_path(frames, *SIZE, **move))


def laid(seed: int, terrain: str, poses: torch.Tensor) -> Land | None:
    return place_around(draw_world(seed, terrain=terrain), WorldNoise(seed), poses)


@pytest.mark.parametrize("terrain", ATTRIBUTES["terrain"])
def test_a_camera_runs_into_nothing(terrain: str) -> None:
    poses, _ = path(forward=1.0, heading=50.0)
    land = laid(11, terrain, poses)
    assert land is not None and land.world.terrain == terrain
    assert clearance(land, poses[:, :3, 3]) > CLEAR_M


def test_where_a_camera_cannot_stand_nothing_is_laid() -> None:
    poses, _ = path()
    poses[:, 2, 3] -= 30.0
    assert laid(11, "forest", poses) is None


def test_the_sea_is_as_far_away_as_a_plane() -> None:
    poses, lenses = path(forward=1.0, pitch=-30.0)
    land = laid(4, "sea", poses)
    assert land is not None
    found = distances(land, poses, lenses, SIZE)
    assert found.shape == (5, SIZE[1], SIZE[0])
    down = pixel_rays(poses[0], lenses[0], SIZE)[:, 2].reshape(SIZE[1], SIZE[0])
    torch.testing.assert_close(found[0, 8:], (1.7 / -down)[8:], rtol=1e-3, atol=0)


def test_rays_end_where_the_place_begins() -> None:
    """A hair before its end a ray is in the open, a hair behind it is inside: in its own frame, and in no other."""
    poses, lenses = path(2, forward=2.0)
    land = laid(5, "forest", poses)
    assert land is not None
    reached = distances(land, poses, lenses, SIZE).flatten(1)
    for frame, told in ((0, 0), (1, 1), (1, 0)):
        near = (reached[told] > 0) & (reached[told] < 40)
        rays = pixel_rays(poses[frame], lenses[frame], SIZE)[near]
        before, behind = (
            poses[frame, :3, 3].float() + rays * (reached[told][near] * share)[:, None] for share in (0.995, 1.005)
        )
        is_open = (before[:, 2] > land.height(before[:, :2])) & (behind[:, 2] <= land.height(behind[:, :2]))
        assert len(rays) > 400
        assert (float(is_open.float().mean()) > 0.9) == (frame == told)


def test_a_seed_is_a_place() -> None:
    poses, lenses = path(2)
    made = [laid(seed, "mountains", poses) for seed in (1, 1, 2)]
    seen = [distances(land, poses, lenses, SIZE) for land in made if land is not None]
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])


@pytest.mark.parametrize(("terrain", "least"), [("lake", 0.05), ("coast", 0.05)])
@pytest.mark.parametrize("heading", [0.0, 130.0])
def test_what_a_place_has_to_show_is_before_the_camera(terrain: str, least: float, heading: float) -> None:
    """Water lies in the picture, wherever the camera looks, and on an average less of it lies behind."""
    shares = {0.0: list[float](), 180.0: list[float]()}
    for seed in range(5):
        land = laid(seed, terrain, path(2, heading=heading)[0])
        for turned, seen in shares.items():
            assert land is not None
            poses, lenses = path(1, heading=heading + turned)
            reached = distances(land, poses, lenses, SIZE).flatten()
            points = poses[0, :3, 3].float() + pixel_rays(poses[0], lenses[0], SIZE) * reached[:, None]
            seen.append(float(((land.relief(points[:, :2])[0] < 0) & (reached > 0)).float().mean()))
    ahead, behind = (sum(seen) / 5 for seen in shares.values())
    assert ahead > least and ahead > 1.3 * behind


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(30.0, 40.0), (-170.0, 5.0)])
def test_a_world_is_lit_from_where_the_scene_says(azimuth_deg: float, elevation_deg: float) -> None:
    wanted = sun_direction(azimuth_deg, elevation_deg)
    world = lit_from(draw_world(3, sky="clear"), wanted.tolist())
    torch.testing.assert_close(torch.tensor(world.sun), wanted)


def test_a_sun_that_has_set_lights_along_the_ground() -> None:
    world = lit_from(draw_world(3, sky="clear"), sun_direction(90.0, -20.0).tolist())
    assert 0.0 < world.sun[2] < 0.05 and world.sun[1] > 0.99
