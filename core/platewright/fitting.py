"""A path of any length and shape on a model that makes m*k + o frames at a time, in sizes of its own.

Length  windows, each led by the last good picture
Shape   a view about the picture that has exactly the shape of one of the model's sizes; the rest is cut off again

Windows meet and never blend: every scene frame comes from exactly one of them, as its model made it. A window after the
first starts on frames that are there already, in the last one the camera rests on its last pose until the model's
length is full, and what was made of that rest is cut off again.

    path        0 1 2 3 4 5 6 7 8 9 10 11            multiple 4, offset 1, maximum 9, overlap 1
    window 0    0 1 2 3 4 5 6 7 8
    window 1                    8 9 10 11 11         8 is given, the last pose is held once and its picture cut
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .camera import CameraPath
from .errors import RequestError
from .protocol import FrameRule

Size = tuple[int, int]                             # width and height in pixels


@dataclass(frozen=True, slots=True)
class Window:
    """Frames `start` to `stop` of a path (counted from 0), made as `length` frames of the model."""

    index: int
    start: int
    stop: int
    given: int                                     # frames at its head that the windows before have made
    length: int                                    # m*k + o; what reaches beyond `stop` is cut off

    @property
    def new(self) -> slice:
        """Which of the model's frames are this window's own."""
        return slice(self.given, self.stop - self.start)

    @property
    def held(self) -> int:
        """How many times the last pose is held."""
        return self.length - (self.stop - self.start)


def windows(count: int, rule: FrameRule, overlap: int = 1, even: bool = False) -> list[Window]:
    """Cover `count` frames, each new in exactly one window; the last window is as short as the rule allows.

    even   as many windows of about one length: what the last frames hold, holds many others, too
    Raises RequestError E_VALUE for no frames, or for a rule that leaves no room beyond the overlap.
    """
    longest = longest_clip(rule)
    if even and count > longest:
        among = len(windows(count, rule, overlap))
        share = -(-(count + (among - 1) * overlap) // among)
        return windows(count, replace(rule, maximum=clip_length(share, rule)), overlap)
    if count < 1 or not 0 <= overlap < longest:
        why = f"{count} frames cannot be made {longest} at a time with {overlap} in common."
        raise RequestError("E_VALUE", why, "Choose at least one frame and a smaller overlap.")
    found: list[Window] = []
    stop = 0
    while stop < count:
        given = overlap if found else 0
        start, stop = stop - given, min(count, stop - given + longest)
        found.append(Window(len(found), start, stop, given, clip_length(stop - start, rule)))
    return found


def spans(camera: CameraPath, windows: Sequence[Window]) -> list[list[int]]:
    """The first and last scene frame that each window makes: where drift starts again, a manifest says."""
    return [[camera.frames[window.start + window.given], camera.frames[window.stop - 1]] for window in windows]


def longest_clip(rule: FrameRule) -> int:
    """The longest m*k + o within the rule's maximum, k at least 1. Raises RequestError E_VALUE."""
    groups = (rule.maximum - rule.offset) // rule.multiple
    if groups < 1:
        raise RequestError("E_VALUE", f"A model cannot follow the rule {rule}.", "Correct its card.")
    return rule.multiple * groups + rule.offset


def clip_length(frames: int, rule: FrameRule) -> int:
    """The shortest m*k + o that holds `frames`, k at least 1: no model was trained on less than one group."""
    return rule.multiple * max(1, -(-(frames - rule.offset) // rule.multiple)) + rule.offset


def held(camera: CameraPath, window: Window) -> CameraPath:
    """The window's part of the path, `window.length` frames long: the last pose and lens are held at its end."""
    count, rest = len(camera), window.held
    if not 0 <= window.start < window.stop <= count:
        raise RequestError("E_RANGE", f"Frames {window.start} to {window.stop} are not within {count}.", "Plan again.")
    part = slice(window.start, window.stop)
    first, last = camera.frames[window.start], window.stop - 1
    return replace(
        camera,
        camera=camera.cameras[window.start],
        cameras=camera.cameras[part] + (camera.cameras[last],) * rest,
        frames=tuple(range(first, first + window.length)),
        camera_to_world=camera.camera_to_world[part] + (camera.camera_to_world[last],) * rest,
        intrinsics=camera.intrinsics[part] + (camera.intrinsics[last],) * rest,
    )


def world_speed(scene_fps: float, model_fps: float | None) -> float:
    """How fast water and clouds run on a plate that gives each scene frame one frame of the model: 24 on 16 is 1.5.

    The camera is not touched by this: its poses are the scene's, frame by frame.
    """
    return 1.0 if model_fps is None else scene_fps / model_fps


def reach(camera: CameraPath) -> float:
    """The path's own size in world units: the farthest that it gets from its first position."""
    places = [(pose[3], pose[7], pose[11]) for pose in camera.camera_to_world]
    return max(sum((a - b) ** 2 for a, b in zip(place, places[0], strict=True)) ** 0.5 for place in places)


# Shape -------------------------------------------------------------------------------------------


def size_for(camera: CameraPath, sizes: Sequence[Size]) -> Size:
    """Of the sizes that a model makes, the one on which a view of the camera's shape loses least; `sizes` is not empty.

    Also right for a view that `shaped` has made: of its own shape nothing is lost.
    """
    return max(sizes, key=lambda size: -abs(math.log(camera.width * size[1] / (camera.height * size[0]))))


def shaped(camera: CameraPath, size: Size) -> CameraPath:
    """The smallest view about the picture that holds all of it and has exactly the shape of `size`.

    Focal lengths in pixels stay, the principal point moves with the corner: the picture is a window of whole pixels of
    it, in its middle up to half a pixel, and `scaled(*size)` shrinks both axes alike. RequestError E_SIZE beyond the
    largest size.
    """
    across, down = (side // math.gcd(*size) for side in size)
    times = max(-(-camera.width // across), -(-camera.height // down))
    width, height = times * across, times * down
    return camera.cropped((camera.width - width) // 2, (camera.height - height) // 2, width, height)
