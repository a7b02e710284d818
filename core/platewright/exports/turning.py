"""Camera poses in the axes of programs whose world is Y-up.

Such a camera looks along its own -Z with +Y up (OpenGL); ours is OpenCV in a Z-up world:

    y_up_from_gl = Rx(-90 degrees) @ world_from_camera @ diag(1, -1, -1, 1)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..camera import Pose

Rows = tuple[tuple[float, float, float, float], ...]


def gl_camera(pose: Pose) -> Rows:
    """World from camera in a world that stays Z-up: four rows of four, column vectors, the place in the last column."""
    rows = [(pose[4 * row], -pose[4 * row + 1], -pose[4 * row + 2], pose[4 * row + 3]) for row in range(3)]
    return *(_plain(row) for row in rows), (0.0, 0.0, 0.0, 1.0)


def y_up_camera(pose: Pose) -> Rows:
    """The same in a Y-up world: (x, y, z) becomes (x, z, -y), metres."""
    x, y, z, last = gl_camera(pose)
    return x, z, _plain([-value for value in y]), last


def euler_zxy_deg(matrix: Rows, near_deg: Sequence[float] = (0.0, 0.0, 0.0)) -> tuple[float, float, float]:
    """Angles about x, y, z in degrees of R = Ry @ Rx @ Rz, Nuke's rotation order ZXY, as near as can be to `near_deg`.

    With R = Ry Rx Rz: sin x = -R12, tan y = R02 / R22, tan z = R10 / R11. At x = +-90 degrees only y -+ z is known:
    z stays what it was. Each rotation has two triples, (x, y, z) and (180 - x, y + 180, z + 180), and full turns.
    """
    tilt = math.asin(max(-1.0, min(1.0, -matrix[1][2])))
    if math.hypot(matrix[1][0], matrix[1][1]) < 1e-7:
        roll = math.radians(near_deg[2])
        pan = math.atan2(-matrix[2][0], matrix[0][0]) + math.copysign(roll, tilt)
        found = [(tilt, pan, roll)]
    else:
        pan, roll = math.atan2(matrix[0][2], matrix[2][2]), math.atan2(matrix[1][0], matrix[1][1])
        found = [(tilt, pan, roll), (math.pi - tilt, pan + math.pi, roll + math.pi)]
    turned = [tuple(map(_nearest_turn, map(math.degrees, triple), near_deg)) for triple in found]
    x, y, z = min(turned, key=lambda triple: math.dist(triple, near_deg))
    return x, y, z


def constant(values: Sequence[float]) -> bool:
    """Whether a channel needs no key frames."""
    return len(set(values)) <= 1


def _nearest_turn(angle_deg: float, near_deg: float) -> float:
    return angle_deg - 360.0 * round((angle_deg - near_deg) / 360.0)


def _plain(row: Sequence[float]) -> tuple[float, float, float, float]:
    a, b, c, d = (value + 0.0 for value in row)    # + 0.0 leaves no -0.0
    return a, b, c, d
