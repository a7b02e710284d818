"""Does a clip move as its camera does, and does it hold still otherwise?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy
from numpy.typing import NDArray
from torch import Tensor

from platewright.camera import CameraPath
from platewright.match.footage import Footage
from platewright.match.matching import check

FPS = 24.0
ENLARGED = 2  # times, before tracks are sought: small pictures hold more of them between their pixels
STEP = 3  # frames between which flow is measured
TEXTURE = 2.0  # codes of 255: deviation around a pixel from which its flow is believed
MOVING_PX = 0.4  # of mean flow over STEP: a calmer shot does not tell
Bytes = NDArray[numpy.uint8]
Floats = NDArray[numpy.float32]


@dataclass(frozen=True, slots=True)
class Followed:
    """How far the camera that a clip shows is from the one it should show; None where nobody can tell."""

    rotation_deg: float | None  # mean over the frames, after the one turn that fits best
    error_px: float | None  # 95th percentile over the frames, pixels of the clip

    @property
    def is_solved(self) -> bool:
        """Whether the clip has enough texture, and is rigid enough, for its camera to be known."""
        return self.rotation_deg is not None


def camera_path(poses: Tensor, lenses: Tensor, size: tuple[int, int]) -> CameraPath:
    """The camera of a rendered clip: poses (F, 4, 4), lenses (F, 4) in pixels of `size`, frames from 1001 on."""
    count = len(poses)
    return CameraPath(
        camera="Camera",
        cameras=("Camera",) * count,
        fps=FPS,
        width=size[0],
        height=size[1],
        frames=tuple(range(1001, 1001 + count)),
        camera_to_world=tuple(tuple(row) for row in poses.reshape(count, 16).tolist()),
        intrinsics=tuple((fx, fy, cx, cy) for fx, fy, cx, cy in lenses.tolist()),
    )


def followed(frames: Bytes, camera: CameraPath) -> Followed:
    """Solve the camera of frames (F, H, W, 3), display sRGB, from their tracks alone, beside the camera given."""
    with tempfile.TemporaryDirectory() as folder:
        for number, frame in zip(camera.frames, frames, strict=True):
            large = cv2.resize(frame, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
            if not cv2.imwrite(str(Path(folder) / f"clip.{number}.png"), large[:, :, ::-1]):
                raise OSError(f"could not write frame {number} into {folder}")
        report: dict[str, Any] = check(Footage.open(Path(folder)), camera, ground_m=0.0).report
    if report["verdict"] == "unsolved":
        return Followed(None, None)
    return Followed(report["rotation_error_deg"]["mean"], report["camera_error_px"]["p95"] / ENLARGED)


def flow_error(frames: Bytes, wanted: list[Floats]) -> float | None:
    """How much of the motion that should be is not there: 0 none of it, 1 as for a still picture; None for calm shots.

    frames   (F, H, W, 3)
    wanted   flow (H, W, 2) in pixels from every STEP-th frame to the next such frame, as `true_flows` gives it
    Sum of |flow - wanted| over that of |wanted|, where the frames have texture; the flow is measured (see `flicker`).
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames[::STEP]]
    off, all_of = 0.0, 0.0
    for (now, then), goal in zip(pairwise(grey), wanted, strict=True):
        told = _deviation(now) > TEXTURE
        off += float(numpy.linalg.norm(_flow(now, then) - goal, axis=2)[told].sum())
        all_of += float(numpy.linalg.norm(goal, axis=2)[told].sum())
    calm = float(numpy.mean([numpy.linalg.norm(goal, axis=2).mean() for goal in wanted])) < MOVING_PX
    return None if calm or not all_of else off / all_of


def true_flows(distance: Floats, poses: NDArray[numpy.float64], lenses: NDArray[numpy.float64]) -> list[Floats]:
    """Flow (H, W, 2) of a rendered clip between every STEP-th frame, from its own geometry.

    distance (F, H, W) metres along the ray, 0 for the sky, which is infinitely far; poses (F, 4, 4) OpenCV
    camera-to-world; lenses (F, 4) fx, fy, cx, cy.
    """
    height, width = distance.shape[1:]
    u, v = numpy.meshgrid(numpy.arange(width) + 0.5, numpy.arange(height) + 0.5)
    flows: list[Floats] = []
    for now, then in pairwise(range(0, len(poses), STEP)):
        fx, fy, cx, cy = lenses[now]
        ray = numpy.stack([(u - cx) / fx, (v - cy) / fy, numpy.ones_like(u)], 2)
        ray /= numpy.linalg.norm(ray, axis=2, keepdims=True)
        nearness = numpy.divide(1.0, distance[now], out=numpy.zeros((height, width)), where=distance[now] > 0)
        shift = poses[now, :3, 3] - poses[then, :3, 3]
        seen = (ray @ poses[now, :3, :3].T + nearness[:, :, None] * shift) @ poses[then, :3, :3]
        fx, fy, cx, cy = lenses[then]
        depth = seen[:, :, 2].clip(1e-6)
        there = numpy.stack([fx * seen[:, :, 0] / depth + cx - u, fy * seen[:, :, 1] / depth + cy - v], 2)
        flows.append(there.clip(-width, width).astype(numpy.float32))
    return flows


def _deviation(grey: Bytes) -> Floats:
    """Of the codes around each pixel."""
    values = grey.astype(numpy.float32)
    mean, square = (cv2.boxFilter(part, -1, (9, 9)) for part in (values, values * values))
    return numpy.sqrt((square - mean * mean).clip(0))


def _flow(now: Bytes, then: Bytes) -> Floats:
    """(H, W, 2) pixels from one picture to another: dense inverse search (Kroeger and others 2016)."""
    seeker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return numpy.asarray(seeker.calc(now, then, numpy.zeros((*now.shape, 2), numpy.float32)), numpy.float32)


def flicker(frames: Bytes) -> float:
    """What changes between frames (F, H, W, 3) beyond motion: mean of |next frame, brought back by its flow - frame|.

    In 0..1 of luma. The flow is measured on the frames themselves, so no clip is held to have another one's motion.
    Compare clips with clips, never with zero: noise, rain and waves change too.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    height, width = grey[0].shape
    columns, rows = numpy.meshgrid(numpy.arange(width, dtype=numpy.float32), numpy.arange(height, dtype=numpy.float32))
    left: list[float] = []
    for now, then in pairwise(grey):
        flow = _flow(now, then)
        across, down = columns + flow[:, :, 0], rows + flow[:, :, 1]
        back = cv2.remap(then, across, down, cv2.INTER_LINEAR)
        inside = (across > 0) & (across < width - 1) & (down > 0) & (down < height - 1)
        left.append(float(numpy.abs(back[inside].astype(numpy.float32) - now[inside]).mean()) / 255)
    return float(numpy.mean(left))
