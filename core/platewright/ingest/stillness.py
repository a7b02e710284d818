"""Frames that stand still while their camera moves, and frames on which nothing is.

Two frames alike are no fault in themselves: a locked-off night sky is one picture from end to end. So a frame is called
frozen only where the camera says that it must have changed: the camera turns or zooms, the picture has something in it
that would be seen to move by that, and it did not; or it is the very same picture amid others that changed, while the
camera went on. Where the camera stands, or nobody knows it, likeness is told and left to whoever looks.

A turn and a zoom move everything by K' R'^T R K^-1, however far away it is; what a step to the side moves depends on
depths that a picture does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import cv2
import numpy as np

from ..camera import CameraPath
from .findings import Finding, of_frames
from .frames import Look, Small

SEEN = 4 / 255                                     # a change of a pixel that cannot be overlooked, display-referred
SEEN_PIXELS = 12                                   # so many of them, at least, before anything is said
FROZEN_SHARE = 0.1                                 # of the change that had to be, and was not
STEP_METRES = 1e-4                                 # a camera that moves less than this between frames stands
STEP_PX = 0.02                                     # likewise, of what it turns or zooms, in pixels of the small picture
STEP_OF_USUAL = 0.5                                # a camera that goes on moves at least so much as it usually does
DARK = 1 / 255                                     # nothing brighter: black in 8 bits
NEARLY_DARK = 2 / 255                              # mean of a frame that fades, or of a night


@dataclass(frozen=True, slots=True)
class Step:
    """From one frame to the next."""

    frame: int                                     # the later one
    is_same: bool                                  # every stored value
    changed: float                                 # mean change of the small picture
    metres: float | None                           # what the camera went; None: not known
    turned_px: float                               # at a corner of the small picture, by its turn and its zoom
    is_held: bool                                  # it had to change by that, and did not

    @property
    def camera_stands(self) -> bool:
        return self.metres is not None and self.metres < STEP_METRES and self.turned_px < STEP_PX


def step(a: Look, b: Look, camera: CameraPath | None) -> Step | None:
    """What became of one frame in the next; None where they cannot be compared."""
    if a.small is None or b.small is None or a.small.shape != b.small.shape or b.frame != a.frame + 1:
        return None
    is_same, changed = a.digest == b.digest, float(np.abs(b.small - a.small).mean())
    if camera is None or not {a.frame, b.frame} <= set(camera.frames):
        return Step(b.frame, is_same, changed, None, 0.0, False)
    turn, metres, turned_px = _camera_step(camera, a.frame, a.small.shape[1], a.small.shape[0])
    is_told = is_same or metres < STEP_METRES      # on an orbit a turn and a step undo each other, at some depth
    return Step(b.frame, is_same, changed, metres, turned_px, is_told and _is_held(a.small, b.small, turn))


def _camera_step(camera: CameraPath, frame: int, width: int, height: int) -> tuple[np.ndarray, float, float]:
    """What a step of the camera does to what is far away, (3, 3); metres; the most that a corner moves, pixels."""
    index = camera.frames.index(frame)
    poses = [np.array(camera.camera_to_world[place]).reshape(4, 4) for place in (index, index + 1)]
    scale = np.diag([width / camera.width, height / camera.height, 1.0])
    lenses = [scale @ _lens(camera.intrinsics[place]) for place in (index, index + 1)]
    turn = lenses[1] @ poses[1][:3, :3].T @ poses[0][:3, :3] @ np.linalg.inv(lenses[0])
    corners = np.array([(x, y, 1.0) for x in (0, width) for y in (0, height)]).T
    moved = turn @ corners
    moved_px = float(np.linalg.norm(moved[:2] / moved[2] - corners[:2], axis=0).max())
    return turn, float(np.linalg.norm(poses[1][:3, 3] - poses[0][:3, 3])), moved_px


def _lens(intrinsics: Sequence[float]) -> np.ndarray:
    fx, fy, cx, cy = intrinsics
    return np.array([(fx, 0.0, cx), (0.0, fy, cy), (0.0, 0.0, 1.0)])


def _is_held(a: Small, b: Small, turn: np.ndarray) -> bool:
    """Whether b is a, where a turned as the camera did would be seen to be another picture."""
    if float(np.abs(b - a).max()) > SEEN:
        return False
    height, width = a.shape
    half = np.array([(1.0, 0.0, 0.5), (0.0, 1.0, 0.5), (0.0, 0.0, 1.0)])           # our centres are at +0.5, its at 0
    moved = np.linalg.inv(half) @ turn @ half
    due, whole = (cv2.warpPerspective(each, moved, (width, height)) for each in (a, np.ones_like(a)))
    is_due = (whole > 0.999) & (np.abs(due - a) > SEEN)                            # beyond its edges it is not known
    if np.count_nonzero(is_due) < SEEN_PIXELS:
        return False
    return float(np.abs(b - a)[is_due].mean()) < FROZEN_SHARE * float(np.abs(due - a)[is_due].mean())


# Frozen ------------------------------------------------------------------------------------------


def frozen(steps: Sequence[Step]) -> Iterator[Finding]:
    """What is to be said of frames that are like the one before."""
    usual = _usual(steps)
    told: dict[str, list[tuple[int, str]]] = {"refused": [], "doubtful": [], "told": [], "unknown": []}
    for each in steps:
        if each.is_held or (each.is_same and _goes_on(each, usual)):
            told["refused"].append((each.frame, "shows what the frame before shows, though its camera moves."))
        elif each.is_same and each.metres is None:
            told["unknown"].append((each.frame, "is the very picture of the frame before; its camera is not known."))
        elif each.is_same and (not each.camera_stands or usual.changed_standing > 0):
            told["doubtful"].append((each.frame, "is the very picture of the frame before."))
        elif each.is_same:
            what = "is the very picture of the frame before. Its camera stands still, so that may be right."
            told["told"].append((each.frame, what))
    yield from of_frames("refused", "FROZEN", told["refused"], "Make these frames anew: generate --from.")
    yield from of_frames("doubtful", "FROZEN", told["doubtful"], "Look whether something should move there.")
    yield from of_frames("doubtful", "FROZEN", told["unknown"], "Say with --camera how the camera moves.")
    yield from of_frames("told", "STILL", told["told"], "Nothing, if the shot is locked off and nothing moves in it.")


@dataclass(frozen=True, slots=True)
class _Usual:
    """What most steps are like."""

    metres: float                                  # of those in which the camera goes
    changed: float                                 # of the picture, in those
    changed_standing: float                        # of the picture, where the camera stands: grain, or things that move


def _usual(steps: Sequence[Step]) -> _Usual:
    going = [each for each in steps if each.metres is not None and each.metres >= STEP_METRES]
    standing = [each.changed for each in steps if each.camera_stands]
    return _Usual(
        median([each.metres for each in going if each.metres is not None]) if going else 0.0,
        median([each.changed for each in going]) if going else 0.0,
        median(standing) if standing else 0.0,
    )


def _goes_on(each: Step, usual: _Usual) -> bool:
    """The camera goes as it usually does, which usually changes the picture."""
    return each.metres is not None and usual.changed > 0 and each.metres >= max(
        STEP_METRES, STEP_OF_USUAL * usual.metres
    )


# Nothing on it -----------------------------------------------------------------------------------


def empty(looks: Sequence[Look]) -> Iterator[Finding]:
    """Frames that are black, or of one colour. A night is dark, but something in it shines."""
    known = [look for look in looks if not look.fault]
    dark = {look.frame for look in known if look.brightest < DARK}
    mend = "Make these frames anew: generate --from."
    if known and len(dark) == len(known):
        told = [(frame, "is black.") for frame in dark]
        yield from of_frames("refused", "BLACK", told, "There is nothing on this plate: make it anew.")
        return
    fading = {frame for frame in dark if _fades(frame, known, dark)}
    yield from of_frames("refused", "BLACK", [(frame, "is black.") for frame in dark - fading], mend)
    told = [(frame, "is black; the frames about it are nearly so.") for frame in fading]
    yield from of_frames("doubtful", "BLACK", told, "Nothing, if the plate is to fade there.")
    even = (look.frame for look in known if look.frame not in dark and look.brightest - look.darkest < DARK)
    flat = [(frame, "is of one colour.") for frame in even]
    yield from of_frames("doubtful", "FLAT", flat, "Look at these frames: nothing can be seen on them.")


def _fades(frame: int, known: Sequence[Look], dark: set[int]) -> bool:
    """Whether the nearest frame on either side that is not black is nearly so."""
    before = [look for look in known if look.frame < frame and look.frame not in dark][-1:]
    after = [look for look in known if look.frame > frame and look.frame not in dark][:1]
    return all(look.mean < NEARLY_DARK for look in (*before, *after))


def steps_of(looks: Sequence[Look], camera: CameraPath | None) -> Iterator[Step]:
    """From each frame to the next."""
    for a, b in pairwise(looks):
        if (made := step(a, b, camera)) is not None:
            yield made
