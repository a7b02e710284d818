"""From figures to a word that a pipeline can act on, and a sentence that a person can.

locked     camera error p95 <= 1 px and max <= 2 (0.5 and 1 from 3840 wide), jitter <= 0.25, rigidity >= 0.6, and the
           uncertainty no larger than the limit itself: what cannot be seen cannot be vouched for
follows    rotation within 3 degrees on average, camera error p95 <= 5 % of the width
lost       less than that
unsolved   too little to solve, or an uncertainty above 5 % of the width
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .scoring import PARALLAX_NONE_PX, PARALLAX_STRONG_SHARE, Figures
from .solving import Solution
from .views import Array, Views, vector_from_rotation
from .world import Place

WIDE = 3840                                        # pixels: from here a pixel is half as large to the eye
LOCKED_PX = {False: (1.0, 2.0), True: (0.5, 1.0)}  # p95 and maximum, below and from WIDE
JITTER_PX = 0.25
RIGIDITY = 0.6
RIGID_LEAST = 0.1                                  # below it there is no scene to speak of
FOLLOWS_DEG = 3.0
FOLLOWS_SHARE = 0.05                               # of the width
KNOWN_SHARE = 0.75                                 # of the frames
_WAYS = (("down", "up"), ("left", "right"), ("anticlockwise", "clockwise"))    # negative, positive turns about x, y, z


def report(
    frames: Sequence[int],
    given: Views,
    solution: Solution,
    figures: Figures,
    doubt_px: Array,
    misfit_px: Array,
    place: Place,
    scale: float,
) -> dict[str, Any]:
    """What `check --json` answers of a solved clip.

    frames      scene frames
    doubt_px    (F,) uncertainty, plate pixels
    misfit_px   (K,) of tracks under the given path, plate pixels
    """
    is_known = np.isfinite(figures.error_px)
    width = round(given.width * scale)
    parallax = _parallax(solution, figures, width)
    known = {
        "frames": len(given),
        "frames_solved": int(is_known.sum()),
        "camera_error_px": _summary(figures.error_px, "p95", "max"),
        "uncertainty_px": _number(_at(doubt_px[is_known], "p95")),
        "jitter_px": _number(_rms(figures.step_px)),
        "reprojection_px": _summary(misfit_px, "median", "p95"),
        "rotation_error_deg": _summary(figures.rotation_error_deg, "mean", "p95", "max"),
        "translation_error": _summary(figures.translation_error_m, "mean", "p95", "max"),
        "camera_mc": _number(figures.camera_mc),
        "rigidity": _number(figures.rigidity),
        "long_tracks": figures.long_tracks,
        "parallax": parallax,
        "focal_ratio": _focal_ratio(given, solution),
        **place.to_dict(),
    }
    word, reason = _judged(known, width)
    if word == "unsolved":
        kept = {name: known[name] for name in ("frames_solved", "long_tracks", "rigidity")}
        return {**unsolved(len(given), reason), **kept}
    words = [reason, *_drift_words(frames, given, figures, word), *place.words(parallax)]
    return {"verdict": word, "reason": " ".join(words), **known}


def unsolved(frames: int, reason: str, rigidity: float | None = None) -> dict[str, Any]:
    """The answer where the camera cannot be known: every figure of it null, and why."""
    nothing = {
        "camera_error_px": None, "uncertainty_px": None, "jitter_px": None, "reprojection_px": None,
        "rotation_error_deg": None, "translation_error": None, "camera_mc": None, "rigidity": rigidity,
        "long_tracks": 0, "parallax": None, "focal_ratio": None, "witness": None, **Place().to_dict(),
    }  # fmt: skip
    return {"verdict": "unsolved", "reason": reason, "frames": frames, "frames_solved": 0, **nothing}


def little_texture(tracks: int) -> str:
    """Why a smooth sky cannot be judged."""
    return f"Too little texture: only {tracks} points can be followed through the pictures."


def no_rigid_scene(share: float) -> str:
    """Why a boiling picture cannot be judged."""
    return f"No rigid scene: one scene explains only {share:.0%} of the followed points."


def _judged(known: dict[str, Any], width: int) -> tuple[str, str]:
    """The verdict, and the first reason that decides it."""
    doubt, error = known["uncertainty_px"], known["camera_error_px"]
    if error is None or doubt is None or known["frames_solved"] < KNOWN_SHARE * known["frames"]:
        count = f"{known['frames_solved']} of {known['frames']} frames"
        return "unsolved", f"Only {count} show enough points that hold together."
    if doubt > FOLLOWS_SHARE * width:
        return "unsolved", f"The pictures do not fix the camera, not even to {FOLLOWS_SHARE:.0%} of their width."
    if known["rigidity"] is None or known["rigidity"] < RIGID_LEAST:
        return "unsolved", no_rigid_scene(known["rigidity"] or 0.0)
    why_not = list(_short_of_locked(known, width))
    if not why_not:
        return "locked", f"Follows the camera within {error['p95']:.2f} px."
    if known["rotation_error_deg"]["mean"] <= FOLLOWS_DEG and error["p95"] <= FOLLOWS_SHARE * width:
        return "follows", why_not[0]
    return "lost", why_not[0]


def _short_of_locked(known: dict[str, Any], width: int) -> list[str]:
    p95, highest = LOCKED_PX[width >= WIDE]
    error, jitter, doubt = known["camera_error_px"], known["jitter_px"], known["uncertainty_px"]
    found: list[str] = []
    if doubt > max(p95, error["p95"]):
        found.append(f"The pictures fix the camera to {doubt:.1f} px only; {p95:g} would be needed.")
    if error["p95"] > p95 or error["max"] > highest:
        off = f"Off by {error['p95']:.1f} px, {error['max']:.1f} px at worst"
        found.append(f"{off}; {p95:g} and {highest:g} are allowed.")
    if known["rigidity"] < RIGIDITY:
        share = f"One rigid scene explains {known['rigidity']:.0%} of the long tracks, {RIGIDITY:.0%} are needed"
        found.append(f"{share}: the rest melts or moves by itself; declare what may with a mask.")
    if jitter is None or jitter > JITTER_PX:
        found.append(f"It trembles by {jitter or 0.0:.2f} px from frame to frame; {JITTER_PX:g} are allowed.")
    if p95 < doubt <= error["p95"]:
        found.append(f"The pictures fix the camera to {doubt:.1f} px only; {p95:g} would be needed.")
    if known["frames_solved"] < known["frames"]:
        found.append(f"{known['frames'] - known['frames_solved']} frames could not be judged.")
    return found


def _parallax(solution: Solution, figures: Figures, width: int) -> str:
    if not solution.model.moves or figures.parallax_px < PARALLAX_NONE_PX:
        return "none"
    return "strong" if figures.parallax_px > PARALLAX_STRONG_SHARE * width else "low"


def _focal_ratio(given: Views, solution: Solution) -> dict[str, float] | None:
    """Solved over given focal length; null where the given one explains the pictures."""
    if not solution.model.zooms:
        return None
    ratio = solution.views.lens[:, 0] / given.lens[:, 0]
    return {"min": round(float(ratio.min()), 5), "max": round(float(ratio.max()), 5)}


# Words --------------------------------------------------------------------------------------------


def _drift_words(frames: Sequence[int], given: Views, figures: Figures, word: str) -> list[str]:
    """Where the plate turns to, if that is what is wrong with it."""
    turn = figures.turn_error_deg
    known = np.flatnonzero(np.isfinite(turn[:, 0]))
    if word == "locked" or len(known) < 2:
        return []
    since = turn - turn[known[0]]
    worst = known[np.argmax(np.linalg.norm(since[known], axis=1))]
    degrees = float(np.linalg.norm(since[worst]))
    if degrees < 0.1:
        return []
    return [f"It {_turns(given, since[worst], int(known[0]), int(worst))} by frame {frames[worst]}."]


def _turns(given: Views, off_deg: Array, first: int, worst: int) -> str:
    """`turns 4.1 degrees too far`, or the direction of a drift that is not along the path's own turn."""
    size = float(np.linalg.norm(off_deg))
    path = np.degrees(vector_from_rotation(given.world_from_camera[first].T @ given.world_from_camera[worst]))
    along = float(off_deg @ path / max(np.linalg.norm(path), 1e-9))
    if np.linalg.norm(path) > 1 and abs(along) > 0.7 * size:
        return f"turns {size:.1f} degrees {'too far' if along > 0 else 'too little'}"
    axis = int(np.argmax(np.abs(off_deg)))
    return f"drifts {size:.1f} degrees {_WAYS[axis][int(off_deg[axis] > 0)]}"


# Numbers ------------------------------------------------------------------------------------------


def _summary(values: Array, *names: str) -> dict[str, float | None] | None:
    finite = values[np.isfinite(values)]
    return {name: _number(_at(finite, name)) for name in names} if len(finite) else None


def _at(values: Array, name: str) -> float:
    if not len(values):
        return math.nan
    if name == "p95":
        return float(np.percentile(values, 95))
    return float({"mean": np.mean, "median": np.median, "max": np.max}[name](values))


def _rms(values: Sequence[float] | Array) -> float:
    finite = np.asarray(values)[np.isfinite(values)]
    return float(np.sqrt(np.mean(finite**2))) if len(finite) else math.nan


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None
