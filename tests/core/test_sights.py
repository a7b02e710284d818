"""What pixels see: the ground where the camera says it is, the same from anywhere, and only as much as is known."""

from __future__ import annotations

import math

import pytest
import torch

from platewright.sights import LOW, SIGHT_NAMES, TALL, Guide, View, sights, sun_direction, view_of
from platewright.world_noise import WorldNoise
from tests.core.tiny_draft import level_path

SIZE = (32, 18)
GROUND = [n for n, name in enumerate(SIGHT_NAMES) if name.startswith("ground")]


def view(frames: int = 3, ground_m: float = 0.0, size: tuple[int, int] = SIZE, **path: float) -> View:
    camera = level_path(frames, **path)
    poses = torch.tensor(camera.camera_to_world, dtype=torch.float64).reshape(-1, 4, 4)
    return view_of(poses, torch.tensor(camera.intrinsics), (camera.width, camera.height), size, ground_m)


def seen(view: View, sun: torch.Tensor | None = None, guide: Guide | None = None, seed: int = 3) -> torch.Tensor:
    return sights(view, WorldNoise(seed), torch.arange(len(view.origins)) / 24.0, sun, guide)


def channel(found: torch.Tensor, name: str) -> torch.Tensor:
    return found[:, SIGHT_NAMES.index(name)]


def flat_guide(view: View, height_m: float) -> Guide:
    """A floor at a height, as a guide would show it."""
    drop = -view.directions[:, 2]
    lifted = view.origins[:, 2].float()[:, None, None] - height_m
    distance = torch.where(drop > 0.02, lifted / drop.clamp_min(0.02), 0.0)
    return Guide(distance, torch.tensor([0.0, 0.0, 1.0])[None, :, None, None].expand_as(view.directions))


@pytest.mark.parametrize("pitch", [-90.0, -30.0, 0.0, 40.0, 90.0])
def test_every_channel_is_finite_and_about_unit_size(pitch: float) -> None:
    found = seen(view(pitch=pitch, forward=1.0), sun_direction(30.0, 20.0))
    assert found.shape == (3, len(SIGHT_NAMES), SIZE[1], SIZE[0])
    assert bool(found.isfinite().all()) and float(found.abs().max()) < 8


def test_a_spot_on_the_ground_keeps_its_texture_as_the_camera_moves_and_turns() -> None:
    """The fields at a pixel are those of the point of the plane that its ray meets."""
    looking = view(4, pitch=-35.0, turn=3.0, forward=0.4)
    found = seen(looking)
    rays = looking.directions.double()
    points = looking.origins[:, :, None, None] + rays * (looking.origins[:, 2, None, None] / -rays[:, 2])[:, None]
    truth = WorldNoise(3).ground(points.permute(0, 2, 3, 1), 0.0).permute(0, 3, 1, 2)
    coarse = slice(3, 7)  # wavelengths that no pixel here is too wide for
    torch.testing.assert_close(found[:, GROUND][:, coarse], truth[:, coarse], atol=1e-4, rtol=0)
    turned = seen(view(4, pitch=-35.0, turn=3.3, forward=0.4))
    assert (turned[:, GROUND][-1, coarse] - truth[-1, coarse]).abs().max() > 0.1


def test_the_ground_may_lie_anywhere() -> None:
    plain, raised = view(2), view(2, ground_m=1.0)
    torch.testing.assert_close(plain.origins[:, 2] - 1.0, raised.origins[:, 2])
    buried = view(2, ground_m=9.0)
    assert float(buried.origins[:, 2].min()) > 0


def test_above_the_horizon_there_is_no_ground_and_below_no_cloud() -> None:
    looking = view()
    found = seen(looking)
    up = looking.directions[:, 2]
    assert not found[:, GROUND].permute(0, 2, 3, 1)[up > 0].any()
    assert not channel(found, "cloud_2")[up < 0].any()
    assert channel(found, "cloud_2")[up > 0.05].abs().max() > 0.1


def test_the_sun_is_where_it_is_said_to_be_and_absent_when_unknown() -> None:
    looking = view(1, pitch=0.0, size=(320, 180))
    middle = looking.directions[0, :, 90, 160]
    azimuth = math.degrees(math.atan2(middle[1], middle[0]))
    elevation = math.degrees(math.asin(middle[2]))
    found = seen(looking, sun_direction(azimuth, elevation))
    brightest = int(channel(found, "sun_near")[0].argmax())
    assert divmod(brightest, 320) == (90, 160)
    unknown = seen(looking)
    for name in ("sun_near", "sun_halo", "sun_height", "sun_known"):
        assert not channel(unknown, name).any()


def test_a_guide_of_the_plane_itself_changes_no_texture() -> None:
    looking = view(2, pitch=-20.0)
    plain, guided = seen(looking), seen(looking, None, flat_guide(looking, 0.0))
    torch.testing.assert_close(guided[:, GROUND], plain[:, GROUND], atol=2e-3, rtol=0)
    assert channel(guided, "guide").all() and not channel(plain, "guide").any()


def test_a_guide_of_a_higher_floor_moves_the_texture() -> None:
    looking = view(2, pitch=-20.0)
    plain, guided = seen(looking), seen(looking, None, flat_guide(looking, 0.8))
    assert (guided[:, GROUND] - plain[:, GROUND]).abs().max() > 0.5


def test_normals_are_told_beside_the_heading() -> None:
    """A wall that faces the camera looks the same from any heading."""
    found = []
    for heading in (0.0, 77.0):
        looking = view(1, heading=heading)
        facing = -looking.directions[0, :, 9, 16]
        wall = Guide(torch.full((1, *SIZE[::-1]), 5.0), facing[None, :, None, None].expand_as(looking.directions))
        found.append(seen(looking, None, wall)[:, SIGHT_NAMES.index("guide") :])
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=0)
    ahead = SIGHT_NAMES.index("guide_ahead") - SIGHT_NAMES.index("guide")
    assert float(found[0][0, ahead].mean()) < -0.9  # ahead of the camera, looking back at it


def test_parts_of_a_view_see_the_same() -> None:
    looking = view(4, turn=2.0)
    whole = seen(looking, sun_direction(10.0, 30.0))
    piece = sights(
        looking.part(slice(1, 3)).window(slice(4, 9), slice(3, 20)),
        WorldNoise(3),
        torch.tensor([1.0, 2.0]) / 24.0,
        sun_direction(10.0, 30.0),
        None,
    )
    torch.testing.assert_close(piece, whole[1:3, :, 4:9, 3:20], atol=1e-5, rtol=1e-4)


def test_a_guide_tells_how_high_its_surfaces_are() -> None:
    looking = view(pitch=-20.0)
    guided = seen(looking, None, flat_guide(looking, 0.8))
    there = channel(guided, "guide") > 0
    for name, scale in (("guide_low", LOW), ("guide_tall", TALL)):
        heights, told = channel(guided, name), math.tanh(0.8 / scale)
        torch.testing.assert_close(heights[there], torch.full_like(heights[there], told), atol=1e-3, rtol=0)
        assert not heights[~there].any() and not channel(seen(looking), name).any()
