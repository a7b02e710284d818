"""SANA-WM's camera against the functions of its own pipeline, and the errors that integrations make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from platewright import models
from platewright.camera import CameraPath
from platewright.models import sana_wm_camera
from tests.core import tiny_sana

FRAMES = 33
FULL = (1920, 1080)


def published(camera: CameraPath, size: tuple[int, int], picture: tuple[int, int] | None = None) -> dict[str, Any]:
    """What diffusers makes of the same poses and lenses; `picture` is the first image's size, where it is cropped."""
    from diffusers.pipelines.sana_wm.cam_utils import prepare_camera
    from diffusers.pipelines.sana_wm.image_processor import SanaWMImageProcessor
    from PIL import Image

    poses = np.array(camera.camera_to_world, dtype=np.float32).reshape(-1, 4, 4)
    lenses = np.array(camera.intrinsics, dtype=np.float32)
    if picture:
        _, lenses = SanaWMImageProcessor().preprocess_with_intrinsics(
            Image.new("RGB", picture), lenses, height=size[1], width=size[0]
        )
    made = prepare_camera(poses, lenses, target_size=(size[1], size[0]), vae_stride=(8, 32, 32))
    return {name: tensor.numpy() for name, tensor in made.items()}


def apart(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """The largest difference, as a share of each tensor's largest value."""
    assert {name: part.shape for name, part in ours.items()} == {name: part.shape for name, part in theirs.items()}
    return max(float(np.abs(ours[name] - theirs[name]).max() / np.abs(theirs[name]).max()) for name in theirs)


@pytest.mark.parametrize("frames", [1, 9, FRAMES])
def test_the_tensors_are_the_pipelines_own(frames: int) -> None:
    camera = tiny_sana.path(frames)
    ours = sana_wm_camera.camera_tensors(camera)
    assert apart(ours, published(camera, tiny_sana.SIZE)) < 1e-6
    assert all(part.dtype == np.float32 for part in ours.values())


def test_the_lens_follows_the_pipelines_resize_and_crop() -> None:
    camera = tiny_sana.path(17, size=FULL)
    tensors = models.conditioning("sana-wm", camera, None)
    assert {name: part.shape for name, part in tensors.items()} == {"raymap": (3, 20), "chunk_plucker": (48, 3, 22, 40)}
    assert apart(tensors, published(camera, (1280, 704), FULL)) < 1e-6
    known = replace(camera, intrinsics=((1500.0, 1500.0, 960.0, 540.0),) * 17)
    lens = models.conditioning("sana-wm", known, None)["raymap"][0, 16:] * 32
    np.testing.assert_allclose(lens, [1000.0, 1000.0, 640.0, 352.0], rtol=1e-6)


def test_a_path_that_does_not_fit_rests_at_its_end_and_goes_on_in_windows() -> None:
    camera = tiny_sana.path(12)
    rested = replace(
        camera,
        cameras=("Camera",) * 17,
        frames=tuple(range(1001, 1018)),
        camera_to_world=camera.camera_to_world + camera.camera_to_world[-1:] * 5,
        intrinsics=camera.intrinsics + camera.intrinsics[-1:] * 5,
    )
    assert apart(models.conditioning("sana-wm", camera, tiny_sana.SIZE), published(rested, tiny_sana.SIZE)) < 1e-6
    long = models.conditioning("sana-wm", tiny_sana.path(965, step=0.01), (64, 64))
    assert [(name, part.shape[-1 if "." in name else 0]) for name, part in long.items() if "raymap" in name] == [
        ("raymap", 121), ("raymap.1", 20)
    ]  # fmt: skip


def test_the_matrices_are_those_the_attention_would_compute() -> None:
    from diffusers.models.transformers.transformer_sana_wm import _invert_SE3, _process_camera_conditions_ucpe

    camera = tiny_sana.path(FRAMES)
    raymap = torch.from_numpy(sana_wm_camera.camera_tensors(camera)["raymap"])[None]
    theirs = _process_camera_conditions_ucpe(raymap, 1, (5, 2, 3), (1, 1, 1))[0].reshape(-1, 4, 4)
    ray_from_world, world_from_ray = sana_wm_camera.ray_transforms(camera)
    np.testing.assert_allclose(ray_from_world, theirs.numpy(), atol=2e-6)
    np.testing.assert_allclose(world_from_ray, _invert_SE3(theirs).numpy(), atol=2e-6)


def test_a_path_far_from_the_origin_loses_nothing() -> None:
    near = tiny_sana.path(FRAMES)
    far = replace(
        near, camera_to_world=tuple((*p[:3], p[3] + 1e5, *p[4:7], p[7] - 2e5, *p[8:]) for p in near.camera_to_world)
    )
    ours, wanted = sana_wm_camera.camera_tensors(far), sana_wm_camera.camera_tensors(near)
    assert np.abs(ours["raymap"] - wanted["raymap"]).max() < 1e-6
    assert np.abs(published(far, tiny_sana.SIZE)["raymap"] - wanted["raymap"]).max() > 1e-3


# Typical errors, each planted -----------------------------------------------------------------------


def _poses(camera: CameraPath, change: Callable[[Any], Any]) -> CameraPath:
    poses = np.array(camera.camera_to_world).reshape(-1, 4, 4)
    return replace(camera, camera_to_world=tuple(tuple(row) for row in change(poses).reshape(-1, 16).tolist()))


def _moved(camera: CameraPath, change: Callable[[Any], Any]) -> CameraPath:
    def places(poses: Any) -> Any:
        poses[:, :3, 3] = change(poses[:, :3, 3])
        return poses

    return _poses(camera, places)


FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
WRONG_CAMERAS: dict[str, Callable[[CameraPath], CameraPath]] = {
    "axes flipped on the left": lambda c: _poses(c, lambda p: FLIP @ p @ FLIP),  # in place of the right
    "axes of OpenGL": lambda c: _poses(c, lambda p: p @ FLIP),
    "camera from world": lambda c: _poses(c, np.linalg.inv),
    "centimetres": lambda c: _moved(c, lambda t: 100 * t),
    "translations normalised": lambda c: _moved(c, lambda t: t / np.abs(t).max()),
    "one frame late": lambda c: _poses(c, lambda p: np.roll(p, -1, axis=0)),
    "scale left in the rotation": lambda c: _poses(c, lambda p: p @ np.diag([1.1, 1.1, 1.1, 1.0])),
    "other frame rate": lambda c: _poses(c, lambda p: p[(np.arange(len(p)) * 2) // 3]),  # 24 per second to 16
    "lens cropped twice": lambda c: replace(c, intrinsics=c.fitted(1280, 704).intrinsics),  # not the picture's own
    "lens not cropped": lambda c: c.cropped(0, 8, *FULL),
    "lens of another width": lambda c: c.scaled(1280, 720).cropped(0, 0, *FULL),
    "lens shift turned round": lambda c: replace(
        c, intrinsics=tuple((fx, fy, FULL[0] - cx, cy) for fx, fy, cx, cy in c.intrinsics)
    ),
}
WRONG_TENSORS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "moment first": lambda t: _packed(t, lambda p: p[:, [3, 4, 5, 0, 1, 2]]),
    "component-major": lambda t: t | {"chunk_plucker": t["chunk_plucker"].reshape(8, 6, *t["chunk_plucker"].shape[1:])
                                      .swapaxes(0, 1).reshape(t["chunk_plucker"].shape)},
    "first frame eight times": lambda t: _packed(t, lambda p: np.concatenate([p[:1].repeat(8, 0), p[8:]])),
    "lens in pixels": lambda t: t | {"raymap": t["raymap"] * np.array([1.0] * 16 + [32.0] * 4, np.float32)},
}  # fmt: skip


def _packed(tensors: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Change the rays, seen as (T * 8, 6, h, w)."""
    chunks = tensors["chunk_plucker"]
    count, (high, wide) = chunks.shape[1], chunks.shape[2:]
    rays = change(chunks.transpose(1, 0, 2, 3).reshape(count * 8, 6, high, wide))
    return tensors | {"chunk_plucker": rays.reshape(count, 48, high, wide).transpose(1, 0, 2, 3)}


@pytest.mark.parametrize("error", WRONG_CAMERAS)
def test_a_wrong_camera_is_found(error: str) -> None:
    camera = tiny_sana.path(17, start=2.0, size=FULL)
    right = published(camera, (1280, 704), FULL)
    assert apart(models.conditioning("sana-wm", camera, None), right) < 1e-6
    assert apart(models.conditioning("sana-wm", WRONG_CAMERAS[error](camera), None), right) > 1e-3


@pytest.mark.parametrize("error", WRONG_TENSORS)
def test_wrong_packing_is_found(error: str) -> None:
    camera = tiny_sana.path(17)
    right = published(camera, tiny_sana.SIZE)
    assert apart(WRONG_TENSORS[error](sana_wm_camera.camera_tensors(camera)), right) > 1e-3
