"""How far pictures are blurred, against pictures that were: each the mean of many instants of one exact world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from platewright.match import Match, blur
from platewright.match.footage import Footage
from platewright.match.views import Views
from platewright.pictures import Picture
from tests.core import painted_world
from tests.core.shots import level_pose

FRAMES = 9
INSTANTS = 6


def heading_deg(time: float) -> float:
    """A pan that begins at rest and ends fast: 13 pixels a frame."""
    return 0.13 * time**2


def pan(times: list[float]) -> Views:
    poses = [level_pose(0.0, 0.0, 1.7, heading_deg(time), -3.0) for time in times]
    return Views.of(painted_world.path(poses, (320, 180)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filmed(Footage):
    """The world through a shutter that is centred on each frame."""

    shutter: float

    def picture(self, index: int) -> Picture:
        open_at = (np.arange(INSTANTS) + 0.5) / INSTANTS - 0.5
        times = [index + self.shutter * float(place) for place in open_at]
        shown = pan(times)
        return np.mean([painted_world.look(shown, at)[0] for at in range(INSTANTS)], axis=0, dtype=np.float32)


def filmed(shutter: float) -> tuple[Match, Footage]:
    times = [float(index) for index in range(FRAMES)]
    camera = painted_world.path([level_pose(0.0, 0.0, 1.7, heading_deg(time), -3.0) for time in times], (320, 180))
    footage = Filmed((Path("x"),) * FRAMES, camera.frames, 320, 180, shutter=shutter)
    return painted_world.found(camera, pan(times), step_px=16), footage


@pytest.mark.parametrize("shutter", [0.0, 0.8])
def test_the_shutter_of_pictures_is_found(shutter: float) -> None:
    found = blur.compared(*filmed(shutter), scene=0.5)
    assert found.plate == pytest.approx(shutter, abs=0.12), found
    assert 2 < found.length_px < 5, "half of what a point moves from frame to frame"
    assert bool(found.differs) == (abs(shutter - 0.5) >= blur.DIFFERS), found


def test_what_is_soft_is_not_taken_for_blurred() -> None:
    """The same softness in all directions, fast or slow, is no motion blur."""
    match, footage = filmed(0.0)

    class Soft(Filmed):
        def picture(self, index: int) -> Picture:
            return np.asarray(cv2.GaussianBlur(Filmed.picture(self, index), (0, 0), 1.5), np.float32)

    soft = Soft(footage.paths, footage.frames, 320, 180, shutter=0.0)
    found = blur.compared(match, soft, scene=None)
    assert found.plate is not None and found.plate < 0.12 and not found.differs


def test_an_even_pan_tells_nothing() -> None:
    match, footage = filmed(0.5)
    steady = painted_world.pan(FRAMES)
    even = painted_world.found(steady, Views.of(steady), step_px=16)
    found = blur.compared(even, footage, scene=0.5)
    assert found.plate is None and "speed" in found.reason and not found.differs
    assert found.told()["scene_px"] > 1
    assert blur.compared(replace(match, is_explained=~match.is_explained), footage, 0.5).plate is None


def test_a_line_is_as_long_as_the_blur() -> None:
    kernel = blur.line(6.0, np.array([1.0, 0.0]))
    across = kernel.sum(axis=0)
    place = np.arange(len(across)) - len(across) // 2
    assert kernel.sum() == pytest.approx(1.0) and float(np.sum(across * place**2)) == pytest.approx(3.0, rel=0.15)
