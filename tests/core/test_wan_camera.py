"""Wan-Fun's camera, held against a second implementation; each typical error of such integrations is seen by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.models import wan_fun_camera
from platewright.models.wan_fun_adapter import CameraAdapter, feature
from tests.core import wan_fun_slowly
from tests.core.shots import shot

SIZE = (12, 8)
Rays = Any


def flight(frames: int = 5, size: tuple[int, int] = (1920, 1280)) -> CameraPath:
    """A dolly with turns, tilts, a zoom and a shifted lens, far from the world's origin: nothing cancels out."""
    camera = shot(frames, size=size, tilts_deg=(-4.0, -2.0, 0.0, 3.0, 6.0))
    poses = tuple(
        tuple(value + (37.0 if place in (3, 7) else 0.0) for place, value in enumerate(pose))
        for pose in camera.camera_to_world
    )
    lenses = tuple(
        (fx * (1 + 0.02 * n), fy * (1 + 0.02 * n), cx + 40.0, cy - 25.0)
        for n, (fx, fy, cx, cy) in enumerate(camera.intrinsics)
    )
    return replace(camera, camera_to_world=poses, intrinsics=lenses)


def expected(camera: CameraPath, scale: float = 1.0, size: tuple[int, int] = SIZE) -> Rays:
    return wan_fun_slowly.plucker(wan_fun_slowly.text_rows(camera), (camera.width, camera.height), *size, scale)


def off(made: Rays, wanted: Rays) -> float:
    return float(np.abs(made - wanted).max())


@pytest.mark.parametrize("size", [SIZE, (16, 9), (9, 16)], ids=["same shape", "wider", "upright"])
def test_rays_are_those_of_the_published_formulas(size: tuple[int, int]) -> None:
    camera = flight()
    made = wan_fun_camera.plucker(camera, *size)
    assert made.shape == (5, size[1], size[0], 6)
    assert made.dtype == np.float32
    assert off(made, expected(camera, size=size)) < 1e-6
    assert off(wan_fun_camera.plucker(camera, *size, scale=0.25), expected(camera, 0.25, size)) < 1e-6


def test_packing_is_that_of_the_published_formulas() -> None:
    camera = flight(9)
    rays = wan_fun_camera.plucker(camera, *SIZE)
    packed = wan_fun_camera.packed(rays)
    assert packed.shape == (1, 24, 3, SIZE[1], SIZE[0])
    assert off(packed, wan_fun_slowly.packed(rays)) == 0.0
    groups = np.stack(list(wan_fun_camera.packed_groups(camera, *SIZE)), 1)[None]
    assert np.array_equal(groups, packed)


def test_three_frames_are_crossed_along_the_right_axis() -> None:
    camera = flight(3)
    assert off(wan_fun_camera.plucker(camera, *SIZE), expected(camera)) < 1e-6


def test_other_counts_are_refused() -> None:
    for frames in (2, 3, 4, 6):
        with pytest.raises(RequestError, match="4k"):
            wan_fun_camera.packed(wan_fun_camera.plucker(flight(frames), *SIZE))
    assert wan_fun_camera.packed(wan_fun_camera.plucker(flight(1), *SIZE)).shape[2] == 1


def test_where_the_world_is_does_not_matter() -> None:
    camera = flight()
    turn = np.array([[0, -1, 0, 5], [1, 0, 0, -9], [0, 0, 1, 300], [0, 0, 0, 1]], dtype=np.float64)
    moved = tuple(
        tuple(map(float, (turn @ np.array(pose).reshape(4, 4)).ravel())) for pose in camera.camera_to_world
    )
    elsewhere = wan_fun_camera.plucker(replace(camera, camera_to_world=moved), *SIZE)
    assert off(elsewhere, wan_fun_camera.plucker(camera, *SIZE)) < 1e-6


@pytest.mark.parametrize("fold", [8, 16])
def test_the_adapter_is_the_sum_it_is_described_as(fold: int) -> None:
    torch.manual_seed(3)
    adapter = CameraAdapter(6, fold).eval()
    rays = np.random.default_rng(1).standard_normal((2, 24, 4 * fold, 6 * fold)).astype(np.float32)
    made = feature(adapter, list(rays))
    assert made.shape == (1, 6, 2, 2, 3)
    weights = {name: tensor.numpy().astype(np.float64) for name, tensor in adapter.state_dict().items()}
    slow = np.stack([wan_fun_slowly.adapter(weights, picture, fold) for picture in rays], 1)[None]
    assert off(made.numpy(), slow) < 1e-5


def test_the_adapter_has_the_published_names() -> None:
    assert set(CameraAdapter(4).state_dict()) == {
        f"{layer}.{kind}"
        for layer in ("conv", "residual_blocks.0.conv1", "residual_blocks.0.conv2")
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(("width", "fold", "millions"), [(1536, 8, 51.9), (5120, 8, 503), (3072, 16, 245)])
def test_the_adapter_has_the_published_size(width: int, fold: int, millions: float) -> None:
    with torch.device("meta"):
        adapter = CameraAdapter(width, fold)
    assert sum(p.numel() for p in adapter.parameters()) / 1e6 == pytest.approx(millions, rel=2e-3)


# Planted errors ----------------------------------------------------------------------------------

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def posed(change: Callable[[Any], Any]) -> Callable[[CameraPath], Rays]:
    """The rays of a camera whose poses somebody got wrong."""

    def wrong(camera: CameraPath) -> Rays:
        poses = tuple(
            tuple(map(float, change(np.array(pose).reshape(4, 4)).ravel())) for pose in camera.camera_to_world
        )
        return wan_fun_camera.plucker(replace(camera, camera_to_world=poses), *SIZE)

    return wrong


def lensed(**change: Any) -> Callable[[CameraPath], Rays]:
    return lambda camera: wan_fun_camera.plucker(replace(camera, **change), *SIZE)


def unscaled_lens(camera: CameraPath) -> Rays:
    """K of the render, used on the model's pixels."""
    poses = wan_fun_camera.relative_poses(camera)
    lenses = np.array(camera.intrinsics)
    return np.stack([wan_fun_camera.frame_rays(p, k, *SIZE) for p, k in zip(poses, lenses, strict=True)])


def corners(camera: CameraPath) -> Rays:
    """Rays through the pixels' corners: half a pixel off."""
    shifted = tuple(
        (fx, fy, cx + 0.5 * camera.width / SIZE[0], cy + 0.5 * camera.height / SIZE[1])
        for fx, fy, cx, cy in camera.intrinsics
    )
    return wan_fun_camera.plucker(replace(camera, intrinsics=shifted), *SIZE)


def not_relative(camera: CameraPath) -> Rays:
    """Poses of the world, not of the first camera."""
    poses = np.array(camera.camera_to_world).reshape(-1, 4, 4)
    lenses = wan_fun_camera.lenses_at(camera, *SIZE)
    return np.stack([wan_fun_camera.frame_rays(p, k, *SIZE) for p, k in zip(poses, lenses, strict=True)])


def normalised(camera: CameraPath) -> Rays:
    poses = wan_fun_camera.relative_poses(camera)
    return wan_fun_camera.plucker(camera, *SIZE, scale=1 / np.linalg.norm(poses[:, :3, 3], axis=1).max())


def one_late(camera: CameraPath) -> Rays:
    """The first frame is not the path's first pose."""
    poses = camera.camera_to_world
    return wan_fun_camera.plucker(replace(camera, camera_to_world=(*poses[1:], poses[-1])), *SIZE)


def reordered(camera: CameraPath) -> Rays:
    """Direction first, as SANA-WM has it."""
    return np.roll(wan_fun_camera.plucker(camera, *SIZE), 3, axis=-1)


def origins(camera: CameraPath) -> Rays:
    """Origin in the moment's place, as LingBot has it."""
    rays = wan_fun_camera.plucker(camera, *SIZE)
    rays[..., :3] = wan_fun_camera.relative_poses(camera)[:, None, None, :3, 3]
    return rays


def at_two_thirds(camera: CameraPath) -> Rays:
    """Poses of a 24 fps scene resampled to 16 fps and then given one frame to one frame."""
    poses = np.array(camera.camera_to_world)
    places = np.arange(len(poses)) * 2 / 3
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(poses) - 1)
    between = poses[before] + (poses[after] - poses[before]) * (places - before)[:, None]
    return wan_fun_camera.plucker(replace(camera, camera_to_world=tuple(map(tuple, between.tolist()))), *SIZE)


ERRORS: dict[str, Callable[[CameraPath], Rays]] = {
    "Blender's axes flipped on the left": posed(lambda pose: FLIP @ (pose @ FLIP)),
    "Blender's axes sent": posed(lambda pose: pose @ FLIP),
    "world to camera sent": posed(np.linalg.inv),
    "scale left in the rotation": posed(lambda pose: pose @ np.diag([1.1, 1.1, 1.1, 1.0])),
    "centimetres": posed(lambda pose: pose * np.array([[1, 1, 1, 100]])),
    "lens of the render": unscaled_lens,
    "1280x720 taken for the poses' size": lensed(width=1280, height=720),
    "pixels' corners": corners,
    "shift's sign": lambda camera: wan_fun_camera.plucker(
        replace(camera, intrinsics=tuple((a, b, 1920 - c, 1280 - d) for a, b, c, d in camera.intrinsics)), *SIZE
    ),
    "first lens for all": lambda camera: wan_fun_camera.plucker(
        replace(camera, intrinsics=camera.intrinsics[:1] * len(camera)), *SIZE
    ),
    "poses of the world": not_relative,
    "translations normalised": normalised,
    "one frame late": one_late,
    "other frame rate": at_two_thirds,
    "direction first": reordered,
    "origin for moment": origins,
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_seen(error: str) -> None:
    camera = flight()
    assert off(ERRORS[error](camera), expected(camera)) > 1e-3


PACKINGS: dict[str, Callable[[Rays], Rays]] = {
    "places before components": lambda p: p.reshape(1, 6, 4, *p.shape[2:]).swapaxes(1, 2).reshape(p.shape),
    "last frame four times": lambda p: p[:, :, ::-1],
    "groups not in order": lambda p: p.reshape(1, 6, 4, *p.shape[2:])[:, :, ::-1].reshape(p.shape),
}


@pytest.mark.parametrize("error", PACKINGS)
def test_a_planted_packing_is_seen(error: str) -> None:
    rays = wan_fun_camera.plucker(flight(9), *SIZE)
    assert off(PACKINGS[error](wan_fun_camera.packed(rays)), wan_fun_slowly.packed(rays)) > 1e-3
