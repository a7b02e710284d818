"""What a model that takes a guide is shown: the scene's depth as the models know it, or the layout of an empty scene.

Depth   the planar Z of the guide as the model's camera sees it: 1 / z, near bright, cut at percentiles of the clip and
        never of one picture, or it would flicker; nothing (the sky) is black. So monocular depth looks.
Layout  horizon, ground and sky grid of `grid`, without its label; the ground where the scene has it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .. import guides
from ..camera import CameraPath
from ..pictures import Picture
from ..protocol import PlateRequest
from . import grid

PERCENTILES = (1.0, 99.0)
THINNED = 7  # every so many pixels tell the percentiles


class Guide:
    """The pictures of a guide, by scene frame, at the size of the camera that sees them."""

    kind = "layout"

    def __init__(self, camera: CameraPath, ground_m: float | None = None) -> None:
        self.camera = _above(camera, ground_m or 0.0)

    def picture(self, frame: int) -> Picture:
        """float32 (height, width, 3), 0..1; beyond the path's end the last frame's."""
        return grid.unlabelled(self.camera, min(frame, self.camera.frames[-1]) - self.camera.frames[0])


class DepthPictures(Guide):
    """Inverse depth, one scale for the whole clip."""

    kind = "depth"

    def __init__(self, camera: CameraPath, files: Mapping[int, Path]) -> None:
        super().__init__(camera)
        self._files = files
        seen = [near[near > 0].ravel()[::THINNED] for near in map(self._near, camera.frames)]
        self.least, self.most = near_range(np.concatenate(seen))

    def picture(self, frame: int) -> Picture:
        near = self._near(min(frame, self.camera.frames[-1]))
        return np.repeat(brightness(near, self.least, self.most)[:, :, None], 3, axis=2)

    def _near(self, frame: int) -> guides.Depth:
        near = guides.nearness(guides.read_depth(self._files[frame]))
        size = (self.camera.width, self.camera.height)
        is_smaller = near.shape[1] > size[0]
        resized = cv2.resize(near, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_NEAREST_EXACT)
        return np.asarray(resized, dtype=np.float32)


@contextmanager
def opened(request: PlateRequest, native: CameraPath) -> Iterator[Guide]:
    """The request's guide as `native` sees it: its depth, else the layout. Raises what `guides` raises."""
    if request.guide is None:
        yield Guide(native, request.ground_m)
        return
    depth = guides.DepthGuide.open(request.guide.opened(), request.camera)
    with guides.as_seen(depth, native) as folder:
        assert folder is not None
        yield DepthPictures(native, guides.DepthGuide.open(folder, native).files)


def near_range(near: guides.Depth) -> tuple[float, float]:
    """The two values of 1 / z that become black and white, from all solid pixels of a clip."""
    if not len(near):
        return 0.0, 1.0
    least, most = (float(value) for value in np.percentile(near, PERCENTILES))
    return (least, most) if most > least * (1 + 1e-6) else (0.0, most)


def brightness(near: guides.Depth, least: float, most: float) -> guides.Depth:
    """(1 / z - least) / (most - least), 0..1; nothing is black."""
    return np.where(near > 0, np.clip((near - least) / (most - least), 0.0, 1.0), 0.0).astype(np.float32)


def _above(camera: CameraPath, ground_m: float) -> CameraPath:
    """The camera where the ground is at height 0."""
    poses = tuple((*pose[:11], pose[11] - ground_m, *pose[12:]) for pose in camera.camera_to_world)
    return replace(camera, camera_to_world=poses)
