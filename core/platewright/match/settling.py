"""Where the solved world is laid over the scene before it is locked.

Nothing in the pictures says where their world lies, so any one turn, move and scale of it is as true as another. The
check lays it so that the cameras differ least in pixels, and so shares a drift between turns and places: a camera that
only turned away is then said to stand beside its path as well, and half of a drift that grows from nothing is said to
be there from the first picture on. A lock undoes turns at every depth, but wrong places only by a warp. So it lays the
world by whatever tells most, in this order:

the ground        where that is to be pinned, or is known and the places do not tell: level, at its height
place on place    where that takes most of the wrong places away; the turns differ as they must
first picture     what the places leave open, as all of a camera that does not move: drift begins at nothing, and the
                  picture that was looked at first stays as it was
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .grounds import Level
from .views import Array, Views, rotation_from_vector, vector_from_rotation

if TYPE_CHECKING:
    from . import Match

SIZES = 1.5                                        # of the logarithm: a path is not shorter or longer than that
SEEN = 1e-5                                        # radians: places that are off by less tell nothing
WORTH = 0.5                                        # of the wrong places may be left, else they do not tell
HARMLESS = 1.05                                    # times as wrong: a turn for its own sake may move the places so far
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
        return replace(views, world_from_camera=rotation @ views.world_from_camera, centre=self.of_places(views.centre))

    def of_places(self, places: Array) -> Array:
        """Metres (N, 3)."""
        turned = (places - self.pivot) @ rotation_from_vector(self.turn).T
        return turned * np.exp(self.log_scale) + self.pivot + self.offset

    def of_points(self, points: Array) -> Array:
        """Homogeneous points (N, 4)."""
        weight = points[:, 3:]
        turned = (points[:, :3] - weight * self.pivot) @ rotation_from_vector(self.turn).T * np.exp(self.log_scale)
        return np.column_stack([turned + weight * (self.pivot + self.offset), weight])


@dataclass(frozen=True, slots=True)
class Laid:
    """A match whose solved world lies elsewhere; its report still speaks of where it was."""

    match: Match
    words: str
    by_places: bool = False                        # the path told
    ground_m: float = 0.0                          # where a ground that is pinned lies now


def laid(match: Match, wanted: Views, nearness: float, turn: Array) -> Laid:
    """The match with its solved world laid over the wanted cameras.

    turn   (3,) of the world, what it is turned by where the places leave that open
    """
    assert match.solved is not None
    places = settled(match.solved.centre, wanted.centre, nearness, turn)
    apart = _apart(match.solved, wanted)
    if nearness * apart > SEEN and _apart(places.of_views(match.solved), wanted) <= WORTH * apart:
        return Laid(moved_by(match, places), "laid place on place", by_places=True)
    turned = replace(places, turn=turn, log_scale=0.0, offset=np.zeros(3))
    if _apart(turned.of_views(match.solved), wanted) <= HARMLESS * apart + 1e-9:
        return Laid(moved_by(match, turned), "laid by the first picture, which stays as it is")
    return Laid(match, "laid where the cameras differ least in pixels")


def moved_by(match: Match, move: Move) -> Match:
    """The same cameras and points, moved with their world."""
    assert match.solved is not None
    return replace(match, solved=move.of_views(match.solved), points_world=move.of_points(match.points_world))


def at_first(match: Match, wanted: Views, turn: Array) -> Match:
    """The world turned, and moved so that the first known camera stands where it is wanted."""
    assert match.solved is not None
    first = _first_known(match.solved)
    pivot = match.solved.centre[first]
    return moved_by(match, Move(turn, 0.0, pivot, wanted.centre[first] - pivot))


def resized(match: Match, times: float) -> Match:
    """The world so many times as large, about its first known camera."""
    assert match.solved is not None
    pivot = match.solved.centre[_first_known(match.solved)]
    return moved_by(match, Move(np.zeros(3), float(np.log(times)), pivot, np.zeros(3)))


def _first_known(views: Views) -> int:
    return int(np.argmax(np.isfinite(views.centre).all(axis=1)))


def _apart(solved: Views, wanted: Views) -> float:
    """RMS metres between the places."""
    return float(np.sqrt(np.nanmean((solved.centre - wanted.centre) ** 2)))


def grounded(solved: Array, wanted: Array, level: Level, ground_m: float | None) -> Move | None:
    """The move that lays the plate's ground level at `ground_m`, under cameras that are as high above it as wanted.

    solved, wanted   (F, 3) centres; what is left open, the turn about the vertical and the two places on the ground,
                     brings them together
    ground_m         None: level only, its distance below the cameras stays
    Returns None where either camera is not above its ground.
    """
    is_known = np.isfinite(solved).all(axis=1)
    pivot, goal = solved[is_known].mean(axis=0), wanted[is_known].mean(axis=0)
    height = float(level.up @ (pivot - level.below))
    aim = height if ground_m is None else float(goal[2]) - ground_m
    if height <= 0 or aim <= 0:
        return None
    stand = _shortest_turn(level.up, np.array([0.0, 0.0, 1.0]))
    arm, there = (solved[is_known] - pivot) @ stand.T, wanted[is_known] - goal
    cross = float(np.sum(arm[:, 0] * there[:, 1] - arm[:, 1] * there[:, 0]))
    along = float(np.sum(arm[:, :2] * there[:, :2])) + STAY**2 * len(arm) * aim**2
    yaw = rotation_from_vector(np.array([0.0, 0.0, np.arctan2(cross, along)]))
    return Move(vector_from_rotation(yaw @ stand), float(np.log(aim / height)), pivot, goal - pivot)


def _shortest_turn(one: Array, other: Array) -> Array:
    """(3, 3) between unit vectors less than a right angle apart."""
    axis = np.cross(one, other)
    sine = float(np.linalg.norm(axis))
    return rotation_from_vector(axis * (np.arcsin(min(sine, 1.0)) / sine if sine > 0 else 1.0))


def settled(solved: Array, wanted: Array, nearness: float, turn: Array | None = None) -> Move:
    """The move that brings the solved centres (F, 3) as near to the wanted ones as one can, by Gauss-Newton steps.

    nearness   a usual inverse depth, per metre: what a shift counts in the picture. A path that is short beside the
               distance of things does not tell how its world is turned or scaled: then it is turned by `turn`, or
               left as it was.
    """
    preferred = np.zeros(3) if turn is None else turn
    is_known = np.isfinite(solved).all(axis=1)
    pivot = solved[is_known].mean(axis=0) if is_known.any() else np.zeros(3)
    move = Move(preferred, 0.0, pivot, np.zeros(3))
    if nearness <= 0 or not is_known.any():
        return move
    for _ in range(_STEPS):
        arm = (solved[is_known] - pivot) @ rotation_from_vector(move.turn).T * np.exp(move.log_scale)
        apart = wanted[is_known] - (arm + pivot + move.offset)
        step = _step(arm * nearness, apart * nearness, np.array([*(move.turn - preferred), move.log_scale]), nearness)
        log_scale = float(np.clip(move.log_scale + step[3], -SIZES, SIZES))
        move = Move(move.turn + step[:3], log_scale, pivot, move.offset + step[4:])
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
