"""Cameras that would show a mistake of an export: they turn past a full circle, roll, zoom and are shifted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from platewright.camera import CameraPath

SIZE = 1920, 1080


def wandering(
    frames: int = 24,
    size: tuple[int, int] = SIZE,
    aspect: float = 1.0,
    zoom: float = 1.5,
    lens: dict[str, Any] | None = None,
    shift_px: tuple[float, float] = (37.0, -21.0),
) -> CameraPath:
    """`aspect` is a pixel's width over its height; the focal length grows by `zoom` over the range."""
    width, height = size
    share = np.linspace(0.0, 1.0, frames)
    focal = width * 0.9 * zoom**share
    middle = width / 2 + shift_px[0], height / 2 + shift_px[1]
    return CameraPath(
        camera="Cam; [exec x] \"q\"",
        cameras=("Cam; [exec x] \"q\"",) * frames,
        fps=24000 / 1001,
        fps_base=1.001,
        width=width,
        height=height,
        frames=tuple(range(1001, 1001 + frames)),
        camera_to_world=tuple(_pose(float(t)) for t in share),
        intrinsics=tuple((float(fx), float(fx) * aspect, *middle) for fx in focal),
        lens_distortion=lens,
    )


def _pose(share: float) -> tuple[float, ...]:
    pan, tilt, roll = 7.5 * share, 0.4 + 0.8 * math.sin(5 * share), 0.6 * share
    turned = _about(2, pan) @ _about(0, -math.pi / 2 + tilt) @ _about(2, roll)
    pose = np.eye(4)
    pose[:3, :3] = turned
    pose[:3, 3] = 3 - 20 * share, 4 + 900 * share, 1.7
    return tuple(map(float, pose.ravel()))


def _about(axis: int, angle: float) -> np.ndarray:
    turned = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    turned[a, a] = turned[b, b] = math.cos(angle)
    turned[a, b], turned[b, a] = -math.sin(angle), math.sin(angle)
    return turned


def seen(camera: CameraPath, index: int, count: int = 6) -> list[tuple[np.ndarray, np.ndarray]]:
    """World points that a frame shows, near and far, and where it shows them."""
    draw = np.random.default_rng(index)
    fx, fy, cx, cy = camera.intrinsics[index]
    pose = np.array(camera.camera_to_world[index]).reshape(4, 4)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(count):
        u, v, depth = draw.uniform(0, camera.width), draw.uniform(0, camera.height), draw.uniform(2, 80)
        point = pose @ [(u - cx) / fx * depth, (v - cy) / fy * depth, depth, 1.0]
        found.append((point[:3], np.array([u, v])))
        shown = camera.project([float(x) for x in point[:3]], index)
        assert shown is not None and math.dist(shown, (u, v)) < 1e-6
    return found


def clip_lens(model: str = "POLYNOMIAL", size: tuple[int, int] = SIZE, **coefficients: float) -> dict[str, Any]:
    """What camera.json tells of a clip's lens, its centre off the middle."""
    return {
        "clip": "A001.mov",
        "source": "active clip",
        "model": model,
        "coefficients": coefficients,
        "focal_length_px": 0.9 * size[0],
        "principal_point_px": [size[0] / 2 + 6.0, size[1] / 2 - 4.0],
        "pixel_aspect": 1.0,
        "size": list(size),
    }


def filmed(size: tuple[int, int] = SIZE, lens: dict[str, Any] | None = None) -> CameraPath:
    """The camera of such a clip: one focal length, the clip's centre."""
    lens = lens or clip_lens(size=size, k1=-0.1, k2=0.01)
    return wandering(3, size, zoom=1.0, lens=lens, shift_px=(6.0, 4.0))
