"""What becomes of the camera window by window, where a model made a long path in several.

A window goes on from the last picture of the one before. So it hands on what it has drifted, starts to drift anew, and
where two meet the camera may jump.

    frames           first and last scene frame of the window
    drift_deg        by how much the camera that the pictures show has turned away from the given one, first to last
    camera_error_px  where the window starts and where it ends
    seam             how far the error jumps from the frame before, beyond its trend, what is usual elsewhere, and how
                     many `times` as much that is; null for the first window
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .matching import Match
from .views import Array, vector_from_rotation

SEEN_PX, SEEN_TIMES = 1.0, 4.0                     # a jump that an eye notices, and that no other frame has


def by_window(match: Match, windows: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """The figures of each window, in plate pixels and degrees; null where the camera is not known.

    windows   first and last scene frame of each, in order
    """
    frames = np.array(match.frames)
    error, steps = match.per_frame["error_px"], match.per_frame["step_px"]
    seams = np.isin(frames, [first for first, _ in windows[1:]])
    others = steps[~seams & np.isfinite(steps)]
    usual = float(np.median(others)) if len(others) else math.nan
    found: list[dict[str, Any]] = []
    for first, last in windows:
        known = np.flatnonzero((frames >= first) & (frames <= last) & np.isfinite(error))
        seam = steps[seams & (frames == first)]
        found.append({
            "frames": [first, last],
            "drift_deg": _drift_deg(match, known),
            "camera_error_px": [_number(float(error[known[end]])) for end in (0, -1)] if len(known) else None,
            "seam": _seam(float(seam[0]), usual) if len(seam) and np.isfinite(seam[0]) else None,
        })  # fmt: skip
    return found


def seen(windows: Sequence[dict[str, Any]]) -> list[str]:
    """In words, where one window's camera jumps from the one before."""
    found: list[str] = []
    for before, after in pairwise(windows):
        seam = after["seam"]
        if seam and seam["step_px"] > SEEN_PX and (seam["times"] or math.inf) > SEEN_TIMES:
            last, first, step = before["frames"][1], after["frames"][0], f"{seam['step_px']:.1f}"
            found.append(f"From frame {last} to {first}, between two windows, the camera jumps by {step} px.")
    return found


def _drift_deg(match: Match, known: NDArray[np.intp]) -> float | None:
    if match.solved is None or len(known) < 2:
        return None
    given, solved = match.given.world_from_camera, match.solved.world_from_camera
    off = [given[index].T @ solved[index] for index in (known[0], known[-1])]
    turn: Array = vector_from_rotation(off[0].T @ off[1])
    return _number(float(np.degrees(np.linalg.norm(turn))))


def _seam(step_px: float, usual_px: float) -> dict[str, float | None]:
    times = step_px / usual_px if usual_px > 0 else math.nan
    return {"step_px": _number(step_px), "usual_px": _number(usual_px), "times": _number(times)}


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None
