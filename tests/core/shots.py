"""Camera paths made by hand, for tests that need one and do not care where it came from."""

from __future__ import annotations

import math

from platewright.camera import CameraPath


def level_pose(x: float, y: float, z: float, heading_deg: float = 0.0, tilt_deg: float = 0.0) -> tuple[float, ...]:
    """World from camera (16 floats), OpenCV axes: heading 0 looks along +Y, tilt up is positive."""
    heading, tilt = math.radians(heading_deg), math.radians(tilt_deg)
    forward = (-math.sin(heading) * math.cos(tilt), math.cos(heading) * math.cos(tilt), math.sin(tilt))
    right = (math.cos(heading), math.sin(heading), 0.0)
    turns = [(1, 2), (2, 0), (0, 1)]
    down = tuple(forward[i] * right[j] - forward[j] * right[i] for i, j in turns)
    rows = [(right[i], down[i], forward[i], (x, y, z)[i]) for i in range(3)]
    return tuple(value for row in [*rows, (0.0, 0.0, 0.0, 1.0)] for value in row)


def shot(
    frames: int = 4,
    first: int = 1001,
    size: tuple[int, int] = (64, 36),
    focal: float = 0.9,
    tilts_deg: tuple[float, ...] = (0.0,),
) -> CameraPath:
    """A dolly forward at eye height; `focal` in widths, one tilt per frame (the last one holds)."""
    width, height = size
    tilts = [tilts_deg[min(i, len(tilts_deg) - 1)] for i in range(frames)]
    return CameraPath(
        camera="Camera",
        cameras=("Camera",) * frames,
        fps=24.0,
        width=width,
        height=height,
        frames=tuple(range(first, first + frames)),
        camera_to_world=tuple(level_pose(0.0, 0.1 * i, 1.7, 2.0 * i, tilts[i]) for i in range(frames)),
        intrinsics=((focal * width, focal * width, width / 2, height / 2),) * frames,
    )
