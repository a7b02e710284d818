"""How far a plate's pictures are blurred by motion, told as a shutter: a share of the time from frame to frame.

A point of the world that the camera passes slowly in one frame and fast in another is seen with two lengths of blur.
The slow patch is blurred along the fast one's motion until its detail along that motion, as a share of that across it,
is the fast one's. The variances of blurs add up, so the length L that was missing gives the shutter
L / (fast^2 - slow^2)^(1/2), speeds in pixels a frame. Nothing is assumed of what the world looks like; where the
camera's speed hardly changes nothing can be known, and nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .footage import Footage

if TYPE_CHECKING:
    from . import Match

Array = NDArray[np.floating[Any]]

LOOKED_AT = 3                                      # of the slowest and of the fastest frames
EXTRA_PX = 3.0                                     # of speed, and as much again as the slow one: less tells nothing
HALF = 9                                           # of a patch, pixels
PAIRS_MIN, PAIRS_MAX = 24, 120
LENGTHS_PX = np.arange(0.0, 17.0, 1.0)
DIFFERS = 0.2                                      # of a frame's time


@dataclass(frozen=True, slots=True)
class Blur:
    """What was found; None where it cannot be known."""

    plate: float | None                            # shutter that the pictures look like
    scene: float | None                            # shutter of the camera's scene
    length_px: float                               # of the scene's blur at a point of usual speed; 0 without a shutter
    reason: str                                    # of a plate's shutter that is not known

    def told(self) -> dict[str, Any]:
        """For a report."""
        return {
            "plate_shutter": self.plate,
            "scene_shutter": self.scene,
            "scene_px": round(self.length_px, 3),
            "reason": self.reason,
            "differs": self.differs,
        }

    @property
    def differs(self) -> str:
        """A sentence, where both are known and are not alike; empty else."""
        if self.plate is None or self.scene is None or abs(self.plate - self.scene) < DIFFERS:
            return ""
        more = "more" if self.plate > self.scene else "less"
        return f"The pictures are blurred like a shutter of {self.plate:.2f}: {more} than the scene's {self.scene:.2f}."


def compared(match: Match, footage: Footage, scene: float | None) -> Blur:
    """The pictures' blur beside that of the scene's shutter; PlateError E_FRAME_READ.

    footage   what was measured: six of its pictures are looked at
    """
    frame, velocity, is_known = _velocities(match)
    speed = np.hypot(*velocity.T)
    length_px = float(np.median(speed[is_known])) * (scene or 0.0) if is_known.any() else 0.0
    lengths = _missing(match, footage, frame, velocity, is_known) if is_known.any() else np.empty(0)
    if len(lengths) < PAIRS_MIN:
        return Blur(None, scene, length_px, "The camera's speed changes too little to tell blur from soft pictures.")
    return Blur(round(float(np.median(lengths)), 3), scene, length_px, "")


def _velocities(match: Match) -> tuple[NDArray[np.int32], Array, NDArray[np.bool_]]:
    """Of every observation: its picture, its pixels a frame by those before and after, and whether both are there."""
    tracks, count = match.tracks, len(match.tracks.track)
    velocity, is_known = np.zeros((count, 2)), np.zeros(count, dtype=np.bool_)
    inner = np.arange(1, max(1, count - 1))
    is_same = (tracks.track[inner - 1] == tracks.track[inner]) & (tracks.track[inner + 1] == tracks.track[inner])
    inner = inner[is_same & match.is_explained[tracks.track[inner]]]
    velocity[inner] = (tracks.pixel[inner + 1] - tracks.pixel[inner - 1]) / 2
    is_known[inner] = True
    return tracks.frame, velocity, is_known


def _missing(
    match: Match, footage: Footage, frame: NDArray[np.int32], velocity: Array, is_known: NDArray[np.bool_]
) -> Array:
    """Shutters, one for each point that is seen in a slow and in a fast picture."""
    usual = {int(index): float(np.median(np.hypot(*velocity[is_known & (frame == index)].T)))
             for index in np.unique(frame[is_known])}  # fmt: skip
    ranked = sorted(usual, key=lambda index: usual[index])
    slow, fast = ranked[:LOOKED_AT], ranked[-LOOKED_AT:]
    luma = {index: np.asarray(footage.luma(index), np.float32) for index in sorted({*slow, *fast})}
    rows = {(int(match.tracks.track[row]), int(frame[row])): int(row) for row in np.flatnonzero(is_known)}
    seen = [(rows[track, a], rows[track, b]) for track, b in rows if b in fast for a in slow if (track, a) in rows]
    found: list[float] = []
    for one, other in seen:
        calm, quick = (float(np.sum(velocity[row] ** 2)) for row in (one, other))
        extra = quick - calm
        if extra < max(EXTRA_PX**2, calm) or len(found) >= PAIRS_MAX:
            continue
        patches = [_patch(luma[int(frame[row])], match.tracks.pixel[row]) for row in (one, other)]
        if patches[0] is not None and patches[1] is not None:
            found.append(_length(patches[0], patches[1], velocity[other]) / extra**0.5)
    return np.array(found)


def _patch(luma: Array, pixel: Array) -> Array | None:
    """About a point, with a margin for the longest blur; None too near the edge."""
    reach = HALF + int(LENGTHS_PX[-1] / 2) + 1
    column, row = int(pixel[0]), int(pixel[1])
    is_inside = reach <= column < luma.shape[1] - reach and reach <= row < luma.shape[0] - reach
    return luma[row - reach : row + reach + 1, column - reach : column + reach + 1] if is_inside else None


def _length(slow: Array, fast: Array, velocity: Array) -> float:
    """The blur along `velocity` that makes the slow patch as soft along it as the fast one, pixels."""
    along = velocity / np.linalg.norm(velocity)
    wanted = _softness(fast, along)
    blurred = (np.asarray(cv2.filter2D(slow, -1, line(length, along)), np.float32) for length in LENGTHS_PX)
    shares = [_softness(each, along) for each in blurred]
    below = np.flatnonzero(np.array(shares) <= wanted)
    if not len(below):
        return float(LENGTHS_PX[-1])
    at = int(below[0])
    if at == 0:
        return 0.0
    high, low = shares[at - 1], shares[at]
    return float(LENGTHS_PX[at] - (LENGTHS_PX[at] - LENGTHS_PX[at - 1]) * (wanted - low) / max(high - low, 1e-12))


def _softness(patch: Array, along: Array) -> float:
    """Detail along a direction as a share of that across it, both as mean squares of differences."""
    middle = (patch.shape[0] - 1) // 2
    part = slice(middle - HALF, middle + HALF + 1)
    down, right = np.gradient(patch)
    ahead = (right * along[0] + down * along[1])[part, part]
    aside = (right * along[1] - down * along[0])[part, part]
    return float(np.mean(ahead**2) / (np.mean(aside**2) + 1e-9))


def line(length: float, along: Array) -> Array:
    """The kernel of a blur of `length` pixels along a direction: a line of that length, drawn between pixels."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    places = np.linspace(-0.5, 0.5, 65)[:, None] * length * along + half
    corner = np.floor(places).astype(int)
    for step in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = np.prod(1 - np.abs(places - corner - step), axis=1)
        np.add.at(kernel, (corner[:, 1] + step[1], corner[:, 0] + step[0]), share)
    return kernel / kernel.sum()
