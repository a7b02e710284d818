"""Places laid around a camera: nothing in its way, the same each time, and as far away as they are."""

from __future__ import annotations

import pytest
import torch

from platewright.conditioning import poses_and_lenses
from platewright.layout.placing import CLEAR_M, clearance, distances, pixel_rays, place_around
from platewright.layout.worlds import ATTRIBUTES
from tests.core.tiny_model import level_path

SIZE = (48, 27)


def path(frames: int = 5, **move: float) -> tuple[torch.Tensor, torch.Tensor]:
    return poses_and_lenses(level_path(frames, *SIZE, **move))


@pytest.mark.parametrize("terrain", ATTRIBUTES["terrain"])
def test_a_camera_runs_into_nothing(terrain: str) -> None:
    poses, _ = path(forward=1.0, heading=50.0)
    land = place_around(11, {"terrain": terrain}, poses[:, :3, 3])
    assert land is not None and land.world.terrain == terrain
    assert clearance(land, poses[:, :3, 3]) > CLEAR_M


def test_where_a_camera_cannot_stand_nothing_is_laid() -> None:
    poses, _ = path()
    assert place_around(11, {"terrain": "forest"}, poses[:, :3, 3] - torch.tensor([0.0, 0.0, 30.0])) is None


def test_the_sea_is_as_far_away_as_a_plane() -> None:
    poses, lenses = path(forward=1.0, pitch=-30.0)
    land = place_around(4, {"terrain": "sea"}, poses[:, :3, 3])
    assert land is not None
    found = distances(land, poses, lenses, SIZE)
    assert found.shape == (5, SIZE[1], SIZE[0])
    down = pixel_rays(poses[0], lenses[0], SIZE)[:, 2].reshape(SIZE[1], SIZE[0])
    torch.testing.assert_close(found[0, 8:], (1.7 / -down)[8:], rtol=1e-3, atol=0)


def test_rays_end_where_the_place_begins() -> None:
    """A hair before its end a ray is in the open, a hair behind it is inside: in its own frame, and in no other."""
    poses, lenses = path(2, forward=2.0)
    land = place_around(5, {"terrain": "forest"}, poses[:, :3, 3])
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
    made = [place_around(seed, {"terrain": "mountains"}, poses[:, :3, 3]) for seed in (1, 1, 2)]
    seen = [distances(land, poses, lenses, SIZE) for land in made if land is not None]
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])
