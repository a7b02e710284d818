"""What a model that takes a guide is shown, at the size and in the view of its own camera.

depth   the planar Z of the guide: 1 / z, near bright, one scale for the clip (`guides.near_range`), nothing is black
edges   outlines and creases as cv2.Canny would draw them at this very size: white, a pixel wide, on black. So
        Cosmos-Transfer (AddControlInputEdge of its augmentors) and ControlNets learned them; VACE's own annotator draws
        white contours, too, softer ones
clay    the scene in grey under its sun: grey pictures are among what VACE colours
grid    horizon, ground and sky grid of `grid`, without its label; the ground where the scene has it

What a guide's pictures do not reach is black in lines and depth, and goes on as its rim in clay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from .. import guide_folder, guides
from ..camera import CameraPath
from ..errors import RequestError
from ..inputs import GUIDE_KINDS
from ..pictures import Picture, read_picture, resize
from ..protocol import PlateRequest
from . import grid

THINNED = 7  # every so many pixels tell the percentiles
LINE = 0.5  # what is brighter in a picture of edges is one
SLACK_PX = 0.01


class Guide:
    """The pictures of a guide, by scene frame, at the size of the camera that sees them: here the layout."""

    kind = "grid"

    def __init__(self, camera: CameraPath, ground_m: float | None = None) -> None:
        self.camera = camera
        self._ground_m = ground_m or 0.0

    def picture(self, frame: int) -> Picture:
        """float32 (height, width, 3), 0..1; beyond the path's end the last frame's."""
        return grid.unlabelled(self.camera, self._held(frame) - self.camera.frames[0], self._ground_m)

    def _held(self, frame: int) -> int:
        return min(frame, self.camera.frames[-1])


class DepthPictures(Guide):
    """Inverse depth, one scale for the whole clip."""

    kind = "depth"

    def __init__(self, camera: CameraPath, files: Mapping[int, Path]) -> None:
        super().__init__(camera)
        self._files = files
        seen = [near[near > 0].ravel()[::THINNED] for near in map(self._near, camera.frames)]
        self.least, self.most = guides.near_range(np.concatenate(seen))

    def picture(self, frame: int) -> Picture:
        return _grey(guides.brightness(self._near(self._held(frame)), self.least, self.most))

    def _near(self, frame: int) -> guides.Depth:
        near = guides.nearness(guides.read_depth(self._files[frame]))
        size = (self.camera.width, self.camera.height)
        is_smaller = near.shape[1] > size[0]
        resized = cv2.resize(near, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_NEAREST_EXACT)
        return np.asarray(resized, dtype=np.float32)


class DrawnPictures(Guide):
    """Clay, or a grid: pictures of a wider view, cut to this one's and resized."""

    def __init__(self, camera: CameraPath, kind: str, view: CameraPath, files: Mapping[int, Path]) -> None:
        super().__init__(camera)
        self.kind = kind
        self._view, self._files = view, files

    def picture(self, frame: int) -> Picture:
        return self._cut(read_picture(self._files[self._held(frame)]), self._held(frame))

    def _cut(self, picture: Picture, frame: int) -> Picture:
        left, top, right, bottom = box_of(self.camera, self._view, frame, picture.shape)
        height, width = picture.shape[:2]
        rim = [max(0, int(np.ceil(edge - SLACK_PX))) for edge in (-top, bottom - height, -left, right - width)]
        if any(rim):
            picture = np.pad(picture, ((rim[0], rim[1]), (rim[2], rim[3]), (0, 0)), mode="edge")
            left, top, right, bottom = left + rim[2], top + rim[0], right + rim[2], bottom + rim[0]
        height, width = picture.shape[:2]
        box = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
        return resize(picture, self.camera.width, self.camera.height, box)


class EdgePictures(DrawnPictures):
    """Lines stay a pixel wide and white: each white pixel whitens the one that it falls on."""

    def _cut(self, picture: Picture, frame: int) -> Picture:
        left, top, right, bottom = box_of(self.camera, self._view, frame, picture.shape)
        lines = picture[:, :, 0] > LINE
        x, y = self.camera.width / (right - left), self.camera.height / (bottom - top)
        drawn = np.zeros((self.camera.height, self.camera.width), dtype=np.float32)
        if max(x, y) > 1:                          # the guide is the coarser one
            row = ((np.arange(self.camera.height) + 0.5) / y + top).astype(np.intp)
            column = ((np.arange(self.camera.width) + 0.5) / x + left).astype(np.intp)
            in_y, in_x = (row >= 0) & (row < lines.shape[0]), (column >= 0) & (column < lines.shape[1])
            drawn[np.ix_(in_y, in_x)] = lines[np.ix_(row[in_y], column[in_x])]
            return _grey(drawn)
        row, column = np.nonzero(lines)
        row = np.floor((row + 0.5 - top) * y).astype(np.intp)
        column = np.floor((column + 0.5 - left) * x).astype(np.intp)
        inside = (row >= 0) & (row < drawn.shape[0]) & (column >= 0) & (column < drawn.shape[1])
        drawn[row[inside], column[inside]] = 1.0
        return _grey(drawn)


@contextmanager
def opened(request: PlateRequest, native: CameraPath, preferred: Sequence[str] = GUIDE_KINDS) -> Iterator[Guide]:
    """The request's guide as `native` sees it: the kind that it asks for, else the first of `preferred` that is there.

    Without a guide it is the grid. Raises RequestError E_GUIDE_KIND and what `guide_folder` and `guides` raise.
    """
    if request.guide is None:
        if request.guide_kind not in (None, "grid"):
            hint = "Name the folder with --guide; `platewright guide` makes one."
            raise RequestError("E_GUIDE_KIND", f"There is no guide to take {request.guide_kind} from.", hint)
        yield Guide(native, request.ground_m)
        return
    folder = request.guide.opened()
    told = guide_folder.read(folder, request.frame_offset)
    kind = told.kind_for(request.guide_kind, preferred) if told else request.guide_kind or "depth"
    if kind == "grid":
        yield Guide(native, request.ground_m)      # drawn anew, at this very size
    elif told and kind != "depth":
        pictures = EdgePictures if kind == "edges" else DrawnPictures
        yield pictures(native, kind, told.view_of(request.camera), told.files[kind])
    elif kind == "depth":
        depth = guides.DepthGuide.open(folder, request.camera, request.frame_offset)
        with guides.as_seen(depth, native) as seen:
            assert seen is not None
            yield DepthPictures(native, guides.DepthGuide.open(seen, native).files)
    else:
        why = f"{folder.name} has no guide.json: it is a folder of depth, and has no {kind}."
        raise RequestError("E_GUIDE_KIND", why, "Make one with `platewright guide`.")


def box_of(
    camera: CameraPath, view: CameraPath, frame: int, shape: Sequence[int]
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of the camera's picture in pixels of a picture of the view, (height, width, ..).

    Both stand in one place and look one way, so slopes x / z and y / z map by a scale and an offset for each axis.
    """
    fx, fy, cx, cy = camera.intrinsics[frame - camera.frames[0]]
    wide_fx, wide_fy, wide_cx, wide_cy = view.intrinsics[frame - view.frames[0]]
    x, y = shape[1] / view.width, shape[0] / view.height
    across = [(wide_fx * (edge - cx) / fx + wide_cx) * x for edge in (0, camera.width)]
    down = [(wide_fy * (edge - cy) / fy + wide_cy) * y for edge in (0, camera.height)]
    return across[0], down[0], across[1], down[1]


def _grey(picture: Picture) -> Picture:
    return np.repeat(picture[:, :, None], 3, axis=2)
