"""A camera path at another frame rate: the camera sampled between the scene's frames, and never a picture.

A model made for 16 frames per second runs what moves by itself at its own speed on a path of 16 frames per second, and
1.5 times as fast on one of 24.

Numbers         frame n of the new rate is the moment n / rate, as frames of the scene are at theirs: so Blender's Time
                Stretching, Maya and USD count, and there the plate lines up frame for frame. In the scene as it is it
                does not: scene frame m is frame m * (new rate) / (scene's rate), and most of these are no whole ones.
                The path says so itself (W_RETIMED), in camera.json and in everything that is made with it

Between frames  positions, rotations (as quaternions, made unit again) and lenses follow Catmull-Rom splines: through
                every frame that is there, with the slope of its two neighbours. On whole scene frames nothing changes

Source  E. Catmull, R. Rom, A class of local interpolating splines, 1974; quaternions as in K. Shoemake, 1985
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .camera import CameraPath, Lens, exact_rate
from .errors import RequestError

Rows = NDArray[np.float64]
RATE_MIN, RATE_MAX = 1.0, 240.0
LEAST = 2                                          # frames: with fewer there is nothing between
STRETCH_MAX = 900                                  # the largest number that Blender's Time Stretching takes


def retimed(camera: CameraPath, fps: float) -> CameraPath:
    """The same camera at the moments n / `fps` that lie within the path, numbered by n.

    Raises RequestError E_RETIME for a rate that is none or a path that is too short, CameraError E_CAMERA_CUT.
    """
    if not RATE_MIN <= fps <= RATE_MAX:            # false for NaN, too
        hint = f"Give {RATE_MIN:g} to {RATE_MAX:g} frames per second, or `model` for the model's own."
        raise RequestError("E_RETIME", f"{fps:g} frames per second are no rate for a plate.", hint)
    if len(camera) < LEAST:
        raise RequestError("E_RETIME", "A path of one frame has nothing between its frames.", "Leave --retime out.")
    camera.refuse_cuts()
    rate = exact_rate(fps, 1.0)
    step = camera.rate / rate                      # scene frames for each new one, exactly
    frames = tuple(range(math.ceil(camera.frames[0] / step), math.floor(camera.frames[-1] / step) + 1))
    if not frames:
        why = f"The path is shorter than one frame of {fps:g} per second."
        raise RequestError("E_RETIME", why, "Give more frames, or a higher rate.")
    times = [step * frame - camera.frames[0] for frame in frames]
    poses = np.array(camera.camera_to_world, np.float64).reshape(-1, 4, 4)
    found = np.tile(np.eye(4), (len(frames), 1, 1))
    found[:, :3, :3] = _rotations(_between(_quaternions(poses[:, :3, :3]), times))
    found[:, :3, 3] = _between(poses[:, :3, 3], times)
    lenses = _between(np.array(camera.intrinsics, np.float64), times)
    for number, time in enumerate(times):
        if time.denominator == 1:                  # a scene frame: bit for bit
            found[number], lenses[number] = poses[int(time)], camera.intrinsics[int(time)]
    return replace(
        camera,
        cameras=camera.cameras[:1] * len(frames),
        fps=float(rate),
        fps_base=1.0,
        shutter=camera.shutter and camera.shutter * float(rate) / camera.fps,      # open for as long
        frames=frames,
        camera_to_world=tuple(tuple(float(value) for value in pose.ravel()) for pose in found),
        intrinsics=tuple(_lens(row) for row in lenses),
        warnings=(*camera.warnings, f"W_RETIMED: {_words(camera, fps, frames[0], step)}"),
    )


def _words(camera: CameraPath, fps: float, first: int, step: Fraction) -> str:
    """What a frame of the new path shows, and where it lines up."""
    shows = f"Frame n shows the scene at frame n * {camera.fps:g} / {fps:g}: {first} is {float(first * step):g}."
    is_small = max(step.numerator, step.denominator) <= STRETCH_MAX
    how = f", with Time Stretching {step.numerator} to {step.denominator} in Blender" if is_small else ""
    return f"{shows} It lines up with the scene at {fps:g} frames per second{how}, and not at {camera.fps:g}."


def _lens(row: Rows) -> Lens:
    fx, fy, cx, cy = (float(value) for value in row)
    return fx, fy, cx, cy


def _between(values: Rows, times: list[Fraction]) -> Rows:
    """Catmull-Rom through the rows (F, n), at times in frames; beyond the ends the path bends on as it does there."""
    padded = np.concatenate([_before(values[:3])[None], values, _before(values[:-4:-1])[None]])
    found: list[Rows] = []
    for time in times:
        start = min(int(time), len(values) - 2)
        a, b, c, d = padded[start : start + 4]
        t = float(time - start)
        found.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.stack(found)


def _before(rows: Rows) -> Rows:
    """What comes before the first of up to three rows: a straight line on, or a parabola."""
    return 3 * rows[0] - 3 * rows[1] + rows[2] if len(rows) > 2 else 2 * rows[0] - rows[1]


def _quaternions(rotations: Rows) -> Rows:
    """(F, 4), w first, each in the half space of the one before: the short way round."""
    found: list[Rows] = []
    for rotation in rotations:
        # the largest eigenvector of Bar-Itzhack's matrix: no branch on the trace, and no loss near half a turn
        (a, b, c), (d, e, f), (g, h, i) = rotation
        matrix = np.array([
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ])  # fmt: skip
        quaternion = np.linalg.eigh(matrix)[1][:, -1]
        found.append(-quaternion if found and found[-1] @ quaternion < 0 else quaternion)
    return np.stack(found)


def _rotations(quaternions: Rows) -> Rows:
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)
