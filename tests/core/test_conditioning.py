"""Rays against projection, the path's own frame, what the network reads, and words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from platewright.camera import CameraPath
from platewright.conditioning import FEATURES, conditioning_tensors, ray_features, word_indices
from platewright.errors import CameraError
from tests.core.tiny_draft import level_path
from training.moves import draw_path

SIZE = (28, 16)


def drawn(seed: int, frames: int = 8) -> CameraPath:
    """A camera move as in training, with its heading and place anywhere."""
    return draw_path(torch.Generator().manual_seed(seed), frames, 1920, 1080)


def worst_projection_px(camera: CameraPath, directions: torch.Tensor) -> float:
    """How far points along world rays land from the cells' centres, in pixels, by `CameraPath.project`."""
    worst = 0.0
    for frame in range(len(camera)):
        origin = camera.camera_to_world[frame][3::4][:3]
        for row, column in ((0, 0), (3, 20), (15, 27)):
            ray = directions[frame, :, row, column].tolist()
            seen = camera.project([origin[axis] + 7.0 * ray[axis] for axis in range(3)], frame)
            assert seen is not None
            wanted = ((column + 0.5) * camera.width / SIZE[0], (row + 0.5) * camera.height / SIZE[1])
            worst = max(worst, math.dist(seen, wanted))
    return worst


def in_world(camera: CameraPath, directions: torch.Tensor) -> torch.Tensor:
    """Turn rays of the path's own frame back by the first camera's heading."""
    pose = camera.camera_to_world[0]
    heading = math.atan2(pose[6], pose[2])
    c, s = math.cos(heading), math.sin(heading)
    turn = torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return torch.einsum("ij,fjhw->fihw", turn, directions)


@pytest.mark.parametrize("seed", range(6))
def test_rays_pass_through_the_cells_they_belong_to(seed: int) -> None:
    camera = drawn(seed)
    assert worst_projection_px(camera, in_world(camera, conditioning_tensors(camera, SIZE)["directions"])) < 0.01


def test_half_a_cell_off_is_found() -> None:
    camera = drawn(1)
    shifted = replace(camera, intrinsics=tuple((fx, fy, cx + 30.0, cy) for fx, fy, cx, cy in camera.intrinsics))
    assert worst_projection_px(camera, in_world(camera, conditioning_tensors(shifted, SIZE)["directions"])) > 20


def test_moments_are_origin_cross_direction() -> None:
    tensors = conditioning_tensors(drawn(2), SIZE)
    d, o, m = tensors["directions"], tensors["origins"], tensors["moments"]
    x = o[:, 1, None, None] * d[:, 2] - o[:, 2, None, None] * d[:, 1]
    torch.testing.assert_close(m[:, 0], x, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(d.norm(dim=1), torch.ones_like(d[:, 0]))


def test_height_is_kept_and_place_and_heading_are_not() -> None:
    camera = level_path(5, heading=130.0, turn=1.0, forward=0.3)
    tensors = conditioning_tensors(camera, SIZE)
    torch.testing.assert_close(tensors["origins"][:, 2], torch.full((5,), 1.7))
    torch.testing.assert_close(tensors["origins"][0, :2], torch.zeros(2))
    torch.testing.assert_close(tensors["headings"], torch.deg2rad(torch.arange(5.0)))
    assert tensors["directions"][0, 1].mean().abs() < 1e-6  # the first camera heads along +X


def test_a_path_far_from_the_origin_loses_nothing() -> None:
    near = drawn(3)
    far = replace(
        near, camera_to_world=tuple((*p[:3], p[3] + 1e6, *p[4:7], p[7] - 1e6, *p[8:]) for p in near.camera_to_world)
    )
    for name, tensor in conditioning_tensors(near, SIZE).items():
        torch.testing.assert_close(conditioning_tensors(far, SIZE)[name], tensor, atol=2e-6, rtol=1e-5)


def test_the_view_does_not_depend_on_the_size_it_is_asked_at() -> None:
    camera = drawn(4)
    coarse, fine = (conditioning_tensors(camera, size)["directions"] for size in ((3, 3), (9, 9)))
    torch.testing.assert_close(coarse, fine[:, :, 1::3, 1::3])


@pytest.mark.parametrize("pitch", [-90.0, -89.999, 0.0, 90.0])
def test_every_feature_is_finite_and_bounded(pitch: float) -> None:
    tensors = conditioning_tensors(level_path(8, pitch=pitch), SIZE)
    features = ray_features(*(tensors[name][None] for name in ("directions", "origins", "headings")))
    assert features.shape == (1, 8, FEATURES, SIZE[1], SIZE[0])
    assert bool(features.isfinite().all()) and float(features.abs().max()) < 10


def test_a_window_looks_the_same_wherever_it_lies_on_the_path() -> None:
    tensors = conditioning_tensors(level_path(40, turn=2.0), SIZE)
    early, late = (
        ray_features(*(tensors[name][None, part] for name in ("directions", "origins", "headings")))
        for part in (slice(0, 8), slice(32, 40))
    )
    torch.testing.assert_close(early, late, atol=2e-4, rtol=1e-3)


def test_no_frames_is_refused() -> None:
    empty = replace(level_path(1), frames=(), cameras=(), camera_to_world=(), intrinsics=())
    with pytest.raises(CameraError, match="no frames"):
        conditioning_tensors(empty, SIZE)


def test_words_are_known_in_any_case_and_form() -> None:
    vocabulary = {"mountains": 1, "fog": 2, "night": 3, "snowy": 4}
    assert word_indices("A MOUNTAIN in the foggy night, snow", vocabulary) == ([1, 3, 4], ["foggy"])
    assert word_indices("fogs over Mountains", vocabulary) == ([2, 1], [])
    assert word_indices("", vocabulary) == ([], [])
