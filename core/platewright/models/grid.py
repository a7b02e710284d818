"""The layout: horizon, ground grid and sky grid under the camera, drawn exactly, without torch.

It is never called a result. It shows an artist where the horizon and the metres are, carries tests of
everything around a model, and is the pose guide for models that take one.

Ground  the plane z = 0, a line every metre, a stronger one every ten
Sky     a line every ten degrees of azimuth and elevation, the horizon bright
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy
from numpy.typing import NDArray

from ..camera import CameraPath
from ..protocol import Emit, FrameRule, ModelCard, PlateRequest, Progress, Stage

Picture = NDArray[numpy.float32]
Field = NDArray[numpy.float64]

GROUND = numpy.array([0.20, 0.21, 0.20])
GROUND_LINE = numpy.array([0.62, 0.66, 0.60])
SKY_LOW = numpy.array([0.36, 0.45, 0.55])
SKY_HIGH = numpy.array([0.10, 0.15, 0.24])
SKY_LINE = numpy.array([0.55, 0.66, 0.78])
HORIZON_LINE = numpy.array([1.00, 0.72, 0.25])
LABEL = "LAYOUT - not a result"


def card() -> ModelCard:
    """What the layout declares."""
    return ModelCard(
        name="grid",
        title="Layout grid",
        kind="layout",
        summary="Horizon and metre grid under the camera. A layout, not a picture of a place.",
        licence="Apache-2.0",
        commercial="yes",
        native_size=(1280, 720),
        clip=FrameRule(multiple=1, offset=0, maximum=1_000_000),
        default_steps=1,
        max_steps=1,
        takes_prompt=False,
        takes_negative=False,
        memory_gb=0.2,
        revision="1",
    )


def gpu(device: str) -> str:
    """The layout is drawn by the processor."""
    del device
    return ""


def open(device: str) -> GridBackend:  # the table's word for it
    """The layout needs no device and no weights."""
    del device
    return GridBackend()


def conditioning(camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
    """Pose (F, 4, 4) and lens (F, 4) of the camera at `size`, float32."""
    seen = camera if size is None else camera.scaled(*size)
    poses = numpy.array(seen.camera_to_world, dtype=numpy.float32).reshape(-1, 4, 4)
    return {"camera_to_world": poses, "intrinsics": numpy.array(seen.intrinsics, dtype=numpy.float32)}


class GridBackend:
    """Draws every frame at the size of the camera it is given."""

    card = card()
    device = "cpu"

    def provenance(self) -> dict[str, Any]:
        """There are no weights: a drawing."""
        return {"files": [], "dtype": "float64"}

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The layout is drawn at the plate's own size."""
        return camera

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[Picture]:
        """Yield one float32 (H, W, 3) layout per frame, display sRGB."""
        del request
        emit(Stage(job, "sampling", "drawing the layout"))
        for index in range(len(camera)):
            yield draw(camera, index)
            emit(Progress(job, "sampling", index + 1, len(camera)))


def draw(camera: CameraPath, index: int) -> Picture:
    """The layout of one frame as float32 (height, width, 3), display sRGB 0..1, labelled as what it is."""
    return _labelled(unlabelled(camera, index))


def unlabelled(camera: CameraPath, index: int, ground_m: float = 0.0) -> Picture:
    """The same without a word on it: what a model that takes a guide is shown. The ground is at `ground_m`, metres."""
    origin, rays = world_rays(camera, index)
    origin = origin - numpy.array([0.0, 0.0, ground_m])
    elevation = numpy.arctan2(rays[..., 2], numpy.hypot(rays[..., 0], rays[..., 1]))
    picture = numpy.where((rays[..., 2] < 0)[..., None], _ground(origin, rays), _sky(rays, elevation))
    horizon = _line(elevation, spacing=None, width_px=2.5)[..., None]
    return (picture * (1 - horizon) + HORIZON_LINE * horizon).astype(numpy.float32)


def world_rays(camera: CameraPath, index: int) -> tuple[Field, Field]:
    """Camera centre (3,) and the unit ray (H, W, 3) through every pixel's centre, in world axes."""
    fx, fy, cx, cy = camera.intrinsics[index]
    pose = numpy.array(camera.camera_to_world[index]).reshape(4, 4)
    across = (numpy.arange(camera.width) + 0.5 - cx) / fx
    down = (numpy.arange(camera.height) + 0.5 - cy) / fy
    directions = numpy.stack(numpy.broadcast_arrays(across[None, :], down[:, None], 1.0), axis=-1)
    rays = directions @ pose[:3, :3].T
    return pose[:3, 3], rays / numpy.linalg.norm(rays, axis=-1, keepdims=True)


def _sky(rays: Field, elevation: Field) -> Field:
    height = numpy.clip(elevation / (numpy.pi / 2), 0, 1)[..., None] ** 0.6
    azimuth = numpy.arctan2(rays[..., 1], rays[..., 0])
    ten_degrees = numpy.pi / 18
    # Towards the zenith the meridians crowd together: they are left out above 80 degrees.
    meridian = _line(azimuth, ten_degrees, 1.2) * (elevation < 8 * ten_degrees)
    lines = (0.55 * numpy.maximum(_line(elevation, ten_degrees, 1.2), meridian))[..., None]
    return (SKY_LOW * (1 - height) + SKY_HIGH * height) * (1 - lines) + SKY_LINE * lines


def _ground(origin: Field, rays: Field) -> Field:
    falling = numpy.minimum(rays[..., 2], -1e-6)
    distance = abs(origin[2]) / -falling                    # a camera below the ground sees its mirror image
    east, north = origin[0] + rays[..., 0] * distance, origin[1] + rays[..., 1] * distance
    metres = numpy.maximum(_line(east, 1.0, 1.0), _line(north, 1.0, 1.0)) * 0.35
    tens = numpy.maximum(_line(east, 10.0, 1.6), _line(north, 10.0, 1.6)) * 0.9
    lines = numpy.maximum(metres, tens)[..., None]
    return GROUND * (1 - lines) + GROUND_LINE * lines


def _line(value: Field, spacing: float | None, width_px: float) -> Field:
    """How much of each pixel a line covers where `value` is a multiple of `spacing` (None: only at zero), 0..1.

    The slope of `value` across a pixel turns distances into pixels; where lines come closer than
    about three pixels they fade out, so that the far ground does not shimmer.
    """
    slope = numpy.hypot(_slope(value, 1), _slope(value, 0)) + 1e-12
    off = numpy.abs(value) if spacing is None else numpy.abs(value - spacing * numpy.round(value / spacing))
    cover = numpy.clip(width_px / 2 + 0.5 - off / slope, 0, 1)
    return cover if spacing is None else cover * numpy.clip(spacing / slope / 3 - 1, 0, 1)


def _slope(value: Field, axis: int) -> Field:
    """Change per pixel; the smaller one-sided difference, so that the seam of an angle at 180 degrees draws no line."""
    if value.shape[axis] < 2:
        return numpy.zeros_like(value)
    step = numpy.diff(value, axis=axis)
    ahead = numpy.concatenate([step, numpy.take(step, [-1], axis)], axis)
    behind = numpy.concatenate([numpy.take(step, [0], axis), step], axis)
    return numpy.where(numpy.abs(ahead) < numpy.abs(behind), ahead, behind)


def _labelled(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = height / 720
    corner, thickness = (int(height * 0.03), int(height * 0.965)), max(1, round(2 * scale))
    cover = numpy.zeros((height, width), numpy.uint8)       # OpenCV writes text on 8-bit pictures only
    cv2.putText(cover, LABEL, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, 255, thickness, cv2.LINE_AA)
    ink = (cover / 255.0).astype(numpy.float32)[..., None]
    return picture * (1 - ink) + ink
