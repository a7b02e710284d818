"""A world of points, cameras that look at it, and the tracks a good tracker would see: exact but for stated noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from platewright.match.tracking import Tracks
from platewright.match.views import Array, Views, rotation_from_vector

WIDTH, HEIGHT, FOCAL_PX = 640, 360, 600.0
EYE_METRES = 1.7
_LOOKS_NORTH = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])   # OpenCV axes of a level camera


def cameras(kind: str, frames: int = 36) -> Views:
    """`parallax` walks and pans, `nodal` pans on a tripod, `zoom` pans and zooms there, `static` stands."""
    time = np.linspace(0.0, 1.0, frames)
    moves = kind != "static"
    pan, tilt = np.radians(20 * time * moves), np.radians(3 * time * moves)
    turn = rotation_from_vector(np.outer(-pan, [0, 0, 1])) @ _LOOKS_NORTH
    turn = turn @ rotation_from_vector(np.outer(tilt, [1, 0, 0]))
    centre = np.tile([0.0, 0.0, EYE_METRES], (frames, 1))
    if kind == "parallax":
        centre[:, :2] = np.outer(time, [2.0, 3.0])
    lens = np.tile([FOCAL_PX, FOCAL_PX, WIDTH / 2, HEIGHT / 2], (frames, 1))
    if kind == "zoom":
        lens[:, :2] *= (1 + 0.8 * time)[:, None]
    return Views(turn, centre, lens, WIDTH, HEIGHT)


def points(count: int, seed: int = 0) -> Array:
    """Ground, and things that stand on it, 4 to 200 metres away."""
    random = np.random.default_rng(seed)
    bearing = np.radians(random.uniform(-60, 80, count))
    away = np.exp(random.uniform(np.log(4), np.log(200), count))
    height = EYE_METRES + away * np.tan(np.radians(random.uniform(-20, 15, count)))
    return np.column_stack([away * np.sin(bearing), away * np.cos(bearing), np.maximum(height, 0.0)])


def tracks(
    views: Views,
    count: int = 1200,
    noise_px: float = 0.1,                         # of each sight
    slip_px: float = 0.02,                         # per frame, adding up
    movers: float = 0.1,                           # share of points that walk away
    strays: float = 0.1,                           # share of tracks that slide over the picture
    seed: int = 1,
) -> Tracks:
    """What is seen of `points`, in stretches of 6 to 60 frames."""
    random = np.random.default_rng(seed)
    frames, world = len(views), points(count)
    walk = np.where(random.random(count) < movers, 1.0, 0.0)[:, None] * random.normal(0, 0.01, (count, 3))
    walk *= np.linalg.norm(world, axis=1, keepdims=True)
    columns: list[tuple[Array, Array]] = []
    every = np.arange(frames)
    for point, step in zip(world, walk, strict=True):
        seen = views.camera_points(point + every[:, None] * step, every)
        is_front = seen[:, 2] > 0.1
        pixel = np.full((frames, 2), -1.0)
        pixel[is_front] = views.pixels(seen[is_front], every[is_front])
        inside = np.flatnonzero(((pixel > 2) & (pixel < (WIDTH - 2, HEIGHT - 2))).all(axis=1))
        if len(inside) < 6 or np.any(np.diff(inside) != 1):
            continue
        begin = max(0, random.integers(-len(inside) // 2, len(inside) - 5))   # many are there from the start
        span = inside[begin : begin + random.integers(6, 60)]
        error = random.normal(0, noise_px, (len(span), 2)) + np.cumsum(random.normal(0, slip_px, (len(span), 2)), 0)
        if random.random() < strays:
            error += np.cumsum(random.normal(0, 1, (len(span), 2)), 0)
        columns.append((span, pixel[span] + error))
    return Tracks(
        track=np.repeat(np.arange(len(columns)), [len(span) for span, _ in columns]).astype(np.int32),
        frame=np.concatenate([span for span, _ in columns]).astype(np.int32),
        pixel=np.concatenate([pixel for _, pixel in columns]),
        was_lost=np.zeros(len(columns), dtype=np.bool_),
        width=WIDTH,
        height=HEIGHT,
    )


# Wrong paths ------------------------------------------------------------------------------------------


def drifting(views: Views, degrees: float) -> Views:
    """A turn that grows evenly, mostly to the side."""
    axis = np.array([0.3, 1.0, 0.2]) / np.linalg.norm([0.3, 1.0, 0.2])
    grown = np.radians(degrees) * np.linspace(0, 1, len(views))
    return replace(views, world_from_camera=views.world_from_camera @ rotation_from_vector(np.outer(grown, axis)))


def lensed(views: Views, factor: float) -> Views:
    """A focal length that is wrong by a factor throughout."""
    return replace(views, lens=views.lens * [factor, factor, 1, 1])


def straying(views: Views, metres: float) -> Views:
    """A step to the east that grows evenly."""
    return replace(views, centre=views.centre + np.outer(np.linspace(0, 1, len(views)), [metres, 0, 0]))


def enlarged(views: Views, factor: float) -> Views:
    """A move that is too long by a factor."""
    return replace(views, centre=views.centre[0] + factor * (views.centre - views.centre[0]))


def late(views: Views, frames: int) -> Views:
    """The same path some frames later."""
    index = np.clip(np.arange(len(views)) + frames, 0, len(views) - 1)
    return replace(
        views, world_from_camera=views.world_from_camera[index], centre=views.centre[index], lens=views.lens[index]
    )


def mirrored(views: Views) -> Views:
    """Left for right: pan, roll and sideways move, as the first camera sees them."""
    first = views.world_from_camera[0]
    turn, move = first.T @ views.world_from_camera, (views.centre - views.centre[0]) @ first
    flip = np.diag([-1.0, 1.0, 1.0])
    return replace(
        views,
        world_from_camera=first @ (flip @ turn @ flip),
        centre=views.centre[0] + (move * [-1, 1, 1]) @ first.T,
    )


def trembling(views: Views, pixels: float, seed: int = 3) -> Views:
    """A turn drawn anew for each frame."""
    angle = np.random.default_rng(seed).normal(0, pixels / FOCAL_PX, (len(views), 3))
    return replace(views, world_from_camera=views.world_from_camera @ rotation_from_vector(angle))
