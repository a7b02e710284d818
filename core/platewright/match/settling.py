"""Where the solved world is laid over the scene before it is locked.

Nothing in the pictures says where their world lies, so any one turn, move and scale of it is as true as another. The
check lays it so that the cameras differ least in pixels, and so shares a drift between turns and places: a camera that
only turned away is then said to stand beside its path as well. A lock undoes turns at every depth, but wrong places
only by a warp. So it lays the solved path over the wanted one, place on place, and lets the turns differ as they must;
but only where that takes most of the wrong away, for it turns the whole plate and uncovers its rim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .views import Array, Views, rotation_from_vector

if TYPE_CHECKING:
    from . import Match

WORTH = 0.5                                        # of the wrong places may be left, else the world stays where it is
STAY = 0.02                                        # what holds the world as the check laid it, beside the places' pull
_STEPS = 8


@dataclass(frozen=True, slots=True)
class Move:
    """A turn and a scale about `pivot`, then a move: of all of the solved world."""

    turn: Array                                    # (3,) rotation vector, radians
    log_scale: float
    pivot: Array                                   # (3,) metres
    offset: Array                                  # (3,) metres

    def of_views(self, views: Views) -> Views:
        """The cameras, moved with the world."""
        rotation = rotation_from_vector(self.turn)
        centre = (views.centre - self.pivot) @ rotation.T * np.exp(self.log_scale) + self.pivot + self.offset
        return replace(views, world_from_camera=rotation @ views.world_from_camera, centre=centre)

    def of_points(self, points: Array) -> Array:
        """Homogeneous points (N, 4)."""
        weight = points[:, 3:]
        turned = (points[:, :3] - weight * self.pivot) @ rotation_from_vector(self.turn).T * np.exp(self.log_scale)
        return np.column_stack([turned + weight * (self.pivot + self.offset), weight])


def laid(match: Match, wanted: Views, nearness: float) -> Match:
    """The match with its solved world laid over the wanted cameras; its report still speaks of where it was."""
    assert match.solved is not None
    move = settled(match.solved.centre, wanted.centre, nearness)
    moved = move.of_views(match.solved)
    if _apart(moved, wanted) > WORTH * _apart(match.solved, wanted):
        return match
    return replace(match, solved=moved, points_world=move.of_points(match.points_world))


def _apart(solved: Views, wanted: Views) -> float:
    """RMS metres between the places."""
    return float(np.sqrt(np.nanmean((solved.centre - wanted.centre) ** 2)))


def settled(solved: Array, wanted: Array, nearness: float) -> Move:
    """The move that brings the solved centres (F, 3) as near to the wanted ones as one can, by Gauss-Newton steps.

    nearness   a usual inverse depth, per metre: what a shift counts in the picture. A path that is short beside the
               distance of things does not tell how its world is turned or scaled, and leaves it as it was.
    """
    is_known = np.isfinite(solved).all(axis=1)
    pivot = solved[is_known].mean(axis=0) if is_known.any() else np.zeros(3)
    move = Move(np.zeros(3), 0.0, pivot, np.zeros(3))
    if nearness <= 0 or not is_known.any():
        return move
    for _ in range(_STEPS):
        arm = (solved[is_known] - pivot) @ rotation_from_vector(move.turn).T * np.exp(move.log_scale)
        apart = wanted[is_known] - (arm + pivot + move.offset)
        step = _step(arm * nearness, apart * nearness, np.array([*move.turn, move.log_scale]), nearness)
        move = Move(move.turn + step[:3], move.log_scale + step[3], pivot, move.offset + step[4:])
    return move


def _step(arm: Array, apart: Array, away: Array, nearness: float) -> Array:
    """(7,) turn, scale and move: apart = turn x arm + scale * arm + move, in radians as seen, held by `away` (4,).

    Turns are small, so a further one adds to the vector of those before.
    """
    x, y, z = arm.T
    zero = np.zeros(len(arm))
    by_turn = np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], 1)
    by_move = np.broadcast_to(nearness * np.eye(3), (len(arm), 3, 3))
    rows = np.concatenate([by_turn, arm[:, :, None], by_move], axis=2).reshape(-1, 7)
    held = STAY * np.sqrt(len(arm)) * np.eye(4, 7)
    right = np.concatenate([apart.ravel(), -STAY * np.sqrt(len(arm)) * away])
    step, *_ = np.linalg.lstsq(np.concatenate([rows, held]), right)
    return np.asarray(step, dtype=np.float64)
