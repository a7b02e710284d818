"""A world painted with waves, seen exactly by any pinhole camera: the truth to hold a warped picture against.

Ground z = 0, a wall across the way at y = 12, a dome at infinity. No pixel of it was ever resampled.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from platewright.camera import CameraPath
from platewright.match import Match
from platewright.match.tracking import Tracks
from platewright.match.views import Array, Views, rotation_from_vector
from tests.core.shots import level_pose

WALL_Y, WALL_HALF, WALL_TOP = 12.0, 3.0, 4.0       # metres
WAVES = 24


def path(poses: list[tuple[float, ...]], size: tuple[int, int] = (320, 180), focal: float = 1.1) -> CameraPath:
    """A camera path of these poses; `focal` in widths."""
    width, height = size
    return CameraPath(
        camera="Camera",
        cameras=("Camera",) * len(poses),
        fps=24.0,
        width=width,
        height=height,
        frames=tuple(range(1001, 1001 + len(poses))),
        camera_to_world=tuple(poses),
        intrinsics=((focal * width, focal * width, width / 2, height / 2),) * len(poses),
    )


def pan(frames: int = 12, size: tuple[int, int] = (320, 180)) -> CameraPath:
    """Turns on the spot at eye height."""
    return path([level_pose(0.0, 0.0, 1.7, -8.0 + 16.0 * i / frames, -3.0) for i in range(frames)], size)


def dolly(frames: int = 12, size: tuple[int, int] = (320, 180)) -> CameraPath:
    """Moves forward and to the right, looking a little down."""
    return path([level_pose(-0.4 + 0.08 * i, 0.15 * i, 1.7, 0.0, -6.0) for i in range(frames)], size)


def drifted(views: Views, turn_deg: Array, zoom: Array | float = 0.0, shift_m: Array | float = 0.0) -> Views:
    """The same cameras turned about their own axes, zoomed by the exponential, moved in the world."""
    lens = views.lens.copy()
    lens[:, :2] *= np.exp(np.broadcast_to(zoom, len(views)))[:, None]
    turned = views.world_from_camera @ rotation_from_vector(np.radians(turn_deg))
    return replace(views, world_from_camera=turned, centre=views.centre + shift_m, lens=lens)


def growing(frames: int, axis: tuple[float, float, float], end: float) -> Array:
    """(F, 3): from nothing to `end` along `axis`, slowly first."""
    return np.outer(np.linspace(0.0, 1.0, frames) ** 1.5, np.array(axis) / np.linalg.norm(axis)) * end


# Seeing ------------------------------------------------------------------------------------------


def look(views: Views, index: int, finest_px: float = 5.0) -> tuple[NDArray[np.float32], Array]:
    """The picture (H, W, 3) and its planar depth (H, W), infinite at the dome; no wave shorter than `finest_px`."""
    depth, place = cast(views, index, _every_pixel(views))
    finest = finest_px / views.lens[index, 0]      # radians
    is_near = np.isfinite(depth)
    grain = np.where(is_near, finest * np.where(is_near, depth, 1.0) * 3, finest)
    grey = painted(place, grain)
    colours = np.stack([grey, painted(place + 7.3, grain), 1 - grey], -1)
    shape = (views.height, views.width)
    return colours.reshape(*shape, 3).astype(np.float32), depth.reshape(shape)


def depth_of(views: Views, index: int) -> Array:
    """Planar depth (H, W) in metres, infinite at the dome."""
    return cast(views, index, _every_pixel(views))[0].reshape(views.height, views.width)


def _every_pixel(views: Views) -> Array:
    grid = np.meshgrid(np.arange(views.width) + 0.5, np.arange(views.height) + 0.5)
    return np.stack(grid, -1).reshape(-1, 2)


def cast(views: Views, index: int, pixel: Array) -> tuple[Array, Array]:
    """Planar depth (N,) and place (N, 3) of what pixels (N, 2) see: metres, or the direction at the dome."""
    frame = np.full(len(pixel), index)
    ray, eye = views.world_rays(pixel, frame), views.centre[index]
    with np.errstate(divide="ignore", invalid="ignore"):
        ground = np.where(ray[:, 2] < 0, -eye[2] / ray[:, 2], np.inf)
        wall = np.where(ray[:, 1] > 0, (WALL_Y - eye[1]) / ray[:, 1], np.inf)
        at = eye + wall[:, None] * ray
    on_wall = (np.abs(at[:, 0]) < WALL_HALF) & (at[:, 2] > 0) & (at[:, 2] < WALL_TOP)
    depth = np.minimum(np.where(ground > 60.0, np.inf, ground), np.where(on_wall, wall, np.inf))
    is_near = np.isfinite(depth)
    far = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    return depth, np.where(is_near[:, None], eye + np.where(is_near, depth, 0.0)[:, None] * ray, far)


def painted(place: Array, grain: Array) -> Array:
    """Waves in space; those shorter than `grain` (N,), in the units of `place`, are left out smoothly."""
    draw = np.random.default_rng(5)
    total = np.full(len(place), 0.5)
    for _ in range(WAVES):
        direction = draw.normal(size=3)
        length = 0.03 * 30 ** draw.uniform()
        strength = np.clip(length / grain - 1.0, 0.0, 1.0)
        wave = np.sin(2 * np.pi / length * (place @ (direction / np.linalg.norm(direction))) + draw.uniform(0, 7))
        total += 0.45 / np.sqrt(WAVES) * strength * wave
    return np.clip(total, 0.0, 1.0)


# Solving -----------------------------------------------------------------------------------------


def found(
    camera: CameraPath, shown: Views, given: Views | None = None, *, noise_px: float = 0.0, step_px: int = 12
) -> Match:
    """What a good solver makes of pictures that `shown` took: points of a grid on every fourth frame."""
    given = Views.of(camera) if given is None else given
    frames = len(shown)
    points = np.concatenate([_grid_points(shown, index, step_px) for index in range(0, frames, 4)])
    seen = [_seen(shown, index, points) for index in range(frames)]
    track = np.concatenate([which for which, _ in seen])
    frame = np.repeat(np.arange(frames), [len(which) for which, _ in seen])
    pixel = np.concatenate([where for _, where in seen])
    order = np.lexsort((frame, track))
    draw = np.random.default_rng(3)
    tracks = Tracks(
        track[order].astype(np.int32),
        frame[order].astype(np.int32),
        pixel[order] + noise_px * draw.normal(size=pixel.shape),
        np.zeros(len(points), dtype=np.bool_),
        shown.width,
        shown.height,
    )
    everything = np.ones(len(points), dtype=np.bool_)
    per_frame = {"uncertainty_px": np.full(frames, max(0.02, noise_px / 5))}
    return Match({}, camera.frames, given, shown, tracks, points, np.zeros(len(track)), everything, per_frame)


def _grid_points(views: Views, index: int, step_px: int) -> Array:
    half = step_px / 2
    grid = np.meshgrid(np.arange(half, views.width, step_px), np.arange(half, views.height, step_px))
    depth, place = cast(views, index, np.stack(grid, -1).reshape(-1, 2))
    return np.column_stack([place, np.isfinite(depth)])


def _seen(views: Views, index: int, points: Array) -> tuple[NDArray[np.intp], Array]:
    """Which points the camera sees and where: inside the picture, and with nothing in front."""
    offset = (points[:, :3] - points[:, 3:] * views.centre[index]) @ views.world_from_camera[index]
    front = np.flatnonzero(offset[:, 2] > 0)
    pixel = views.pixels(offset[front], np.full(len(front), index))
    inside = (pixel > 0).all(axis=1) & (pixel < [views.width, views.height]).all(axis=1)
    front, pixel = front[inside], pixel[inside]
    depth, _ = cast(views, index, pixel)
    with np.errstate(divide="ignore"):
        own = np.where(points[front, 3] > 0, offset[front, 2] / np.maximum(points[front, 3], 1e-12), np.inf)
    free = np.isclose(depth, own, rtol=1e-3) | (np.isinf(own) & np.isinf(depth))
    return front[free], pixel[free]


def psnr(picture: NDArray[np.float32], truth: NDArray[np.float32], rim_px: int = 8) -> float:
    """Decibels inside the rim."""
    inner = np.s_[rim_px:-rim_px, rim_px:-rim_px]
    return float(-10 * np.log10(np.mean((picture[inner] - truth[inner]) ** 2) + 1e-12))
