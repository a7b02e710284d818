"""Plates of the painted world that a lock is planned for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from platewright.camera import CameraPath
from platewright.match import Match, locking
from platewright.match.settling import Laid
from platewright.match.views import Array, Views, vector_from_rotation
from tests.core import painted_world as world

FRAMES = 12
LAST = FRAMES - 1


def lock_of(found: Match, camera: CameraPath, **options: Any) -> locking.Lock:
    lock = locking.plan(found, camera, **options)  # type: ignore[arg-type]
    json.dumps(lock.report, allow_nan=False)
    return lock


def nodal(turn_deg: float = 5.0, overscan: float = 0.5, noise_px: float = 0.0) -> tuple[CameraPath, Views, Match]:
    """A pan whose pictures turn away by `turn_deg` and zoom by 3 per cent."""
    camera = world.pan(FRAMES)
    wide = Views.of(locking.overscanned(camera, overscan))
    turn = world.growing(FRAMES, (0.5, 1, 0.4), turn_deg)
    shown = world.drifted(wide, turn, 0.03 * np.linspace(0, 1, FRAMES))
    return camera, shown, world.found(camera, shown, wide, noise_px=noise_px)


def moving(shift_m: float, turn_deg: float = 1.0) -> tuple[CameraPath, Views, Match]:
    """A dolly whose pictures were taken from beside the path."""
    camera = world.dolly(FRAMES)
    wide = Views.of(locking.overscanned(camera, 0.4))
    shift = shift_m * np.outer(np.cos(np.linspace(0, 2 * np.pi, FRAMES)), [1.0, 0.2, 0.1])
    shown = world.drifted(wide, world.growing(FRAMES, (0.5, 1, 0.4), turn_deg), 0.0, shift)
    return camera, shown, world.found(camera, shown, wide)


def left_deg(lock: locking.Lock, shown: Views) -> Array:
    """(F,) degrees between the camera taken for pictured and the one that took the pictures."""
    away = np.swapaxes(lock.pictured.world_from_camera, 1, 2) @ shown.world_from_camera
    return np.degrees(np.linalg.norm(vector_from_rotation(away), axis=1))


def as_it_is(match: Match, *_: object) -> Laid:
    return Laid(match, "left where it was", ground_m=0.0)


def only_ground(found: Match) -> Match:
    is_ground = (np.abs(found.points_world[:, 2]) < 1e-6) & (found.points_world[:, 3] > 0)
    return replace(found, is_explained=found.is_explained & is_ground)
