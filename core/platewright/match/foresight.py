"""What a camera path asks of a model, and what a lock could mend, told before any time is spent.

    static   the camera stands still: whatever moves is drift
    nodal    it turns or zooms on the spot: one turn and one zoom per frame explain everything
    low      it moves, and what the ground shows shifts a little against what is far
    strong   the ground shifts so much that a wrong place of the camera shows

Nothing is known yet of what the model will paint. Judged is the ground at `ground_m` as the given camera sees it; where
it sees none, a thing five times as far away as the camera is high.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..camera import CameraPath
from .scoring import PARALLAX_NONE_PX, PARALLAX_STRONG_SHARE
from .views import Array, Views, vector_from_rotation

LOOKS = 9                                          # frames, evenly chosen
GRID = (8, 8)                                      # places in each, across and down
PARALLAX_PERCENTILE = 90                           # of those places, as the check judges solved points
STILL_PX = 0.1
DIP = 0.02                                         # downward slope of a ray that may meet the ground
HEIGHT_MIN_M, FAR_HEIGHTS = 1.0, 5.0

Kind = Literal["static", "nodal", "low", "strong"]
_WORDS: dict[Kind, str] = {
    "static": "The camera stands still: any drift can be seen and be undone.",
    "nodal": "The camera turns on the spot: a turn and a zoom undo any drift, at every distance.",
    "low": "The camera moves a little: a turn pins what is far away; near things may be off by a pixel or so.",
    "strong": "The camera moves far against the ground: a turn pins what is far away; near things stay where the model "
    "put them, so look at usable_beyond_m, or lock to the ground.",
}


@dataclass(frozen=True, slots=True)
class Foresight:
    """What the path is."""

    kind: Kind
    parallax_px: float                             # of nine in ten places on the ground, pixels of the camera given
    nearest_m: float                               # distance to the ground, or what stands for it
    turn_deg: float                                # the largest turn away from the first frame
    words: str

    def to_dict(self) -> dict[str, Any]:
        """As plate.json and the answer hold it."""
        return asdict(self)


def foresee(camera: CameraPath, ground_m: float = 0.0) -> Foresight:
    """Judge a path by itself. Pixels are those of `camera`; metres along its axis."""
    frames = np.unique(np.linspace(0, len(camera) - 1, LOOKS).round().astype(np.intp))
    views = Views.of(camera, [camera.frames[index] for index in frames])
    turns = vector_from_rotation(views.world_from_camera[0].T @ views.world_from_camera)
    turn = np.degrees(np.linalg.norm(turns, axis=1))
    found = [_shifts(views, index, ground_m) for index in range(len(views))]
    parallax = float(np.percentile(np.concatenate([shift for shift, _ in found]), PARALLAX_PERCENTILE))
    nearest = min(depth for _, depth in found)
    kind = _kind(views, parallax)
    return Foresight(kind, round(parallax, 2), round(nearest, 3), round(float(turn.max()), 3), _WORDS[kind])


def _kind(views: Views, parallax_px: float) -> Kind:
    if parallax_px >= PARALLAX_STRONG_SHARE * views.width:
        return "strong"
    if parallax_px >= PARALLAX_NONE_PX:
        return "low"
    corner = np.array([[0.0, 0.0], [views.width, 0.0], [0.0, views.height], [views.width, views.height]])
    first = views.world_rays(corner, np.zeros(4, np.intp))
    moved = [
        np.abs(views.pixels(first @ views.world_from_camera[index], np.full(4, index)) - corner).max()
        for index in range(len(views))
    ]
    return "static" if max(moved) < STILL_PX else "nodal"


def _shifts(views: Views, index: int, ground_m: float) -> tuple[Array, float]:
    """How far the camera's move shifts what frame `index` sees, at most in any other frame (P,); the nearest depth."""
    points, depth = _ground(views, index, ground_m)
    shift = np.zeros(len(points))
    for other in range(len(views)):
        moved, unmoved = (_seen(views, other, points - views.centre[place]) for place in (other, index))
        is_inside = ((moved >= 0) & (moved <= [views.width, views.height])).all(axis=1)
        apart = np.linalg.norm(moved - unmoved, axis=1)
        shift = np.where(is_inside & np.isfinite(apart), np.maximum(shift, apart), shift)
    return shift, float(depth.min())


def _seen(views: Views, index: int, offset: Array) -> Array:
    """Pixels (P, 2) of places `offset` (P, 3) away from the camera; NaN behind it."""
    seen = offset @ views.world_from_camera[index]
    seen[seen[:, 2] <= 1e-9] = np.nan
    return views.pixels(seen, np.full(len(seen), index))


def _ground(views: Views, index: int, ground_m: float) -> tuple[Array, Array]:
    """Places (P, 3) on the ground that a frame sees, and their depths (P,); else places at a likely distance."""
    across, down = ((np.arange(count) + 0.5) / count for count in GRID)
    x, y = np.meshgrid(across * views.width, down * views.height)
    rays = views.world_rays(np.column_stack([x.ravel(), y.ravel()]), np.full(x.size, index))
    height = float(views.centre[index, 2]) - ground_m
    falls: NDArray[np.bool_] = -rays[:, 2] > DIP * np.linalg.norm(rays, axis=1)
    if height > 0 and falls.any():
        rays = rays[falls]
        depth = height / -rays[:, 2]
    else:
        depth = np.full(len(rays), FAR_HEIGHTS * max(abs(height), HEIGHT_MIN_M))
    return views.centre[index] + rays * depth[:, None], depth
