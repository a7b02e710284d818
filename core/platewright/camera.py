"""Cameras as plain numbers: no Blender, no torch, standard library only.

World   right-handed, +Z up, metres.
Camera  OpenCV: +X right, +Y down, +Z forward. Only `from_blender` knows that Blender looks along -Z.
Image   the origin is the top-left corner, so the first pixel's centre is (0.5, 0.5).
Names   `a_from_b` takes coordinates in b to coordinates in a; chains read c_from_b @ b_from_a.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .errors import CameraError, RequestError

FORMAT = "platewright.camera"
VERSION = 1

Pose = tuple[float, ...]                           # 16 floats, row major: world from camera, OpenCV axes
Lens = tuple[float, float, float, float]           # fx, fy, cx, cy in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPath:
    """One camera pose and lens per whole scene frame: the contract of camera.json."""

    camera: str                                    # name of the camera at the first frame
    cameras: tuple[str, ...]                       # name per frame
    fps: float                                     # fps / fps_base
    width: int                                     # rendered pixels, percentage applied
    height: int
    frames: tuple[int, ...]                        # scene frame numbers, step 1
    camera_to_world: tuple[Pose, ...]
    intrinsics: tuple[Lens, ...]
    fps_base: float = 1.0                          # keeps 24000/1001 exact: round(fps * fps_base) / fps_base
    scene: str = ""
    warnings: tuple[str, ...] = ()                 # "W_CODE: sentence", things the plate cannot honour
    lens_distortion: dict[str, Any] | None = field(default=None, hash=False)   # of the tracked movie clip, if any

    def __len__(self) -> int:
        return len(self.frames)
