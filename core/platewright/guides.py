"""The scene's own depth, as any view of its camera sees it.

A guide folder holds planar depth: metres along the camera's forward axis, world units as in camera.json, one channel of
one EXR per frame, the last digits of its name the scene frame (depth.1001.exr). 0, infinite and beyond 1e9 is nothing.
Each file shows the whole picture of the camera that the guide comes with, at any resolution; in a folder with a
guide.json that is the wider view of its own camera.json.

All frames or only some may be there. A frame between two key frames shows the surfaces of both, moved to where its own
camera sees them, the nearer in front: right for what stands still. Coarse files are drawn finer: 1 / depth of a plane
is linear over the picture, so flat ground stays exact, and no surface is drawn across an edge.

    guide = DepthGuide.open(folder, camera)
    with as_seen(guide, plate_camera) as folder:    an EXR for every frame, which `match` takes as scene depth

Errors  RequestError E_FILE_MISSING, E_DEPTH_FRAMES, E_DEPTH_READ, E_DEPTH_CHANNELS and those of `guide_folder`
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from . import guide_folder
from .camera import CameraPath
from .errors import PlateError, RequestError
from .protocol import PlateRequest

Depth = NDArray[np.float32]

NEAREST_M, FARTHEST_M = 1e-6, 1e9                  # beyond these there is nothing
FINE_WIDTH = 512                                   # pixels across which a coarse guide is drawn
JUMP = 0.1                                         # of 1 / depth: neighbours farther apart may be two surfaces
BEND = 3.0                                         # and are, where the next step is so much smaller
SAME_FRAMING = 1e-6                                # of the picture
CLIP_PERCENTILES = 1.0, 99.0                       # of 1 / depth: what becomes black and white


@dataclass(frozen=True, slots=True)
class DepthGuide:
    """Planar depth of a camera's whole picture, in some or all of its frames."""

    folder: Path
    camera: CameraPath
    files: Mapping[int, Path]                      # by scene frame, in order
    is_plain: bool                                 # every file has one channel, and the number that is asked for

    @classmethod
    def open(cls, folder: Path, camera: CameraPath, offset: int = 0) -> DepthGuide:
        """Find the files of the camera's frames and look at their channels; pixels are read later.

        offset   what the camera's frame numbers are raised by: the files have the scene's
        """
        if not folder.is_dir():
            hint = "Name the folder with an EXR of planar depth per frame."
            raise RequestError("E_FILE_MISSING", f"There is no folder {folder}.", hint)
        if told := guide_folder.read(folder, offset):
            camera = told.view_of(camera)
        numbered = ((re.findall(r"\d+", path.stem), path) for path in sorted(folder.glob("*.exr")))
        of_frame = {int(digits[-1]) + offset: path for digits, path in numbered if digits}
        files = {frame: of_frame[frame] for frame in camera.frames if frame in of_frame}
        if not files:
            why = f"{folder.name} has no depth for any frame from {camera.frames[0]} to {camera.frames[-1]}."
            raise RequestError("E_DEPTH_FRAMES", why, "Name each EXR by its scene frame: depth.1001.exr.")
        counts = [_chosen_channel(path)[1] for path in files.values()]
        return cls(folder, camera, files, max(counts) == 1 and not offset)

    @classmethod
    def of(cls, request: PlateRequest) -> DepthGuide | None:
        """The depth that a request has, if its guide holds any and still is what it was.

        Raises what `open` and `Input.opened` raise, and RequestError E_GUIDE_KIND where the wanted kind is not there.
        """
        if request.guide is None:
            return None
        folder = request.guide.opened()
        told = guide_folder.read(folder, request.frame_offset)
        if told is not None:
            told.kind_for(request.guide_kind, list(told.files))
            told.view_of(request.camera)
        if told is not None and "depth" not in told.files:
            return None
        return cls.open(folder, request.camera, request.frame_offset)

    def to_dict(self) -> dict[str, Any]:
        """What a manifest says of it, beside its hash."""
        return {"kind": "depth", "name": self.folder.name, "frames": list(self.files)}

    def fits(self, camera: CameraPath) -> bool:
        """Whether the files are what `camera` sees, as they lie there."""
        if not self.is_plain or any(frame not in self.files for frame in camera.frames):
            return False
        apart = (np.subtract(_box(self.camera, frame), _box(camera, frame)) for frame in camera.frames)
        return all(np.abs(edges).max() < SAME_FRAMING for edges in apart)


@contextmanager
def as_seen(guide: DepthGuide | None, camera: CameraPath) -> Iterator[Path | None]:
    """A folder of depth for every frame of `camera`, which has the poses of the guide's but may frame more or less.

    The guide's own folder where it is that already; None without a guide. What is drawn is gone with the block.
    Raises RequestError E_DEPTH_READ, PlateError E_OUT_IO.
    """
    if guide is None or guide.fits(camera):
        yield guide.folder if guide else None
        return
    with TemporaryDirectory(prefix="platewright-depth-") as name:
        view = _Drawn(guide, camera)
        for frame in camera.frames:
            write_depth(Path(name) / f"depth.{frame:04d}.exr", view.depth(frame))
        yield Path(name)


# Files -------------------------------------------------------------------------------------------


def read_depth(path: Path) -> Depth:
    """The depth channel of an EXR, (height, width) in metres as written."""
    channel, _ = _chosen_channel(path)
    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise _unreadable(path, OpenImageIO.geterror())
    pixels = source.read_image(0, 0, channel, channel + 1, "float")
    complaint = source.geterror()
    source.close()
    if pixels is None:
        raise _unreadable(path, complaint)
    return np.asarray(pixels, dtype=np.float32).reshape(pixels.shape[:2])


def write_depth(path: Path, depth: Depth) -> None:
    """One float channel Z, zipped; PlateError E_OUT_IO."""
    target = OpenImageIO.ImageOutput.create(str(path))
    assert target is not None                      # OpenEXR is always built in
    spec = OpenImageIO.ImageSpec(depth.shape[1], depth.shape[0], 1, "float")
    spec.channelnames = ("Z",)
    spec.attribute("compression", "zip")
    spec.attribute("DateTime", "")                 # keeps the clock out of the header: a guide counts by its bytes
    if not (target.open(str(path), spec) and target.write_image(depth[:, :, None]) and target.close()):
        raise PlateError("E_OUT_IO", f"{path} cannot be written: {target.geterror()[:200]}", "Make room on the disk.")


def _chosen_channel(path: Path) -> tuple[int, int]:
    """Which channel holds the depth, and how many there are: the only one, or the one that says that it is."""
    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise _unreadable(path, OpenImageIO.geterror())
    names = [str(name) for name in source.spec().channelnames]
    source.close()
    told = [index for index, name in enumerate(names) if "Depth" in name.split(".") or name in ("Z", "depth")]
    if len(names) == 1 or len(told) == 1:
        return (told or [0])[0], len(names)
    why = f"{path.name} has {len(names)} channels ({', '.join(names)[:120]}), and not one of them is the depth."
    raise RequestError("E_DEPTH_CHANNELS", why, "Write planar depth in metres as the only channel, or call it Z.")


def _unreadable(path: Path, complaint: str) -> RequestError:
    return RequestError("E_DEPTH_READ", f"{path.name} cannot be read: {complaint[:200]}", "Render it again.")


# One surface, drawn finer ------------------------------------------------------------------------


def nearness(depth: Depth) -> Depth:
    """1 / depth, zero where there is nothing."""
    is_solid = np.isfinite(depth) & (depth > NEAREST_M) & (depth < FARTHEST_M)
    return np.divide(1.0, depth, out=np.zeros_like(depth), where=is_solid)


def near_range(near: Depth) -> tuple[float, float]:
    """The two values of 1 / z that become black and white, of all solid pixels (N,) of a whole clip.

    Models learned from estimated depth, which is relative and inverse, near bright: MiDaS in VACE's own annotator
    (vace/annotators/depth.py), Video-Depth-Anything for Cosmos-Transfer, with one scale for a video. A scale for each
    picture, as VACE's annotator has, would flicker with every near thing that enters. Cut at percentiles, so that a
    blade of grass before the lens does not make the rest black.
    """
    if not len(near):
        return 0.0, 1.0
    least, most = (float(value) for value in np.percentile(near, CLIP_PERCENTILES))
    return (least, most) if most > least * (1 + 1e-6) else (0.0, most)


def brightness(near: Depth, least: float, most: float) -> Depth:
    """(1 / z - least) / (most - least), 0..1; nothing is black."""
    return np.where(near > 0, np.clip((near - least) / (most - least), 0.0, 1.0), 0.0).astype(np.float32)


def finer(near: Depth, times: int) -> Depth:
    """1 / depth on a grid `times` as fine, edge to edge: linear within a surface, nearest across an edge."""
    height, width = near.shape
    if times <= 1 or min(height, width) < 2:
        return near
    row, down = _places(height, times)
    column, across = _places(width, times)
    corners = [near[np.ix_(row + y, column + x)] for y in (0, 1) for x in (0, 1)]
    top = corners[0] + (corners[1] - corners[0]) * across
    bottom = corners[2] + (corners[3] - corners[2]) * across
    linear = top + (bottom - top) * down[:, None]
    nearest = np.repeat(np.repeat(near, times, axis=0), times, axis=1)
    is_one = _one_surface(near)[np.ix_(row, column)] & (linear > 0)
    return np.where(is_one, linear, nearest).astype(np.float32)


def _places(count: int, times: int) -> tuple[NDArray[np.intp], Depth]:
    """For each fine pixel the coarse one before it, and how far it is towards the next; the rim reaches beyond."""
    place = (np.arange(count * times) + 0.5) / times - 0.5
    before = np.clip(np.floor(place), 0, count - 2).astype(np.intp)
    return before, (place - before).astype(np.float32)


def _one_surface(near: Depth) -> NDArray[np.bool_]:
    """(height - 1, width - 1): whether the four pixels about a corner lie on one surface."""
    across, down = ~_is_jump(near), ~_is_jump(near.T).T
    solid = near > 0
    full = solid[:-1, :-1] & solid[:-1, 1:] & solid[1:, :-1] & solid[1:, 1:]
    return full & across[:-1] & across[1:] & down[:, :-1] & down[:, 1:]


def _is_jump(near: Depth) -> NDArray[np.bool_]:
    """(height, width - 1): from one surface to another. On one plane all steps along a row are alike."""
    step = np.abs(np.diff(near, axis=1))
    padded = np.pad(step, ((0, 0), (1, 1)), constant_values=np.inf)
    usual = np.minimum(padded[:, :-2], padded[:, 2:])
    return (step > JUMP * np.maximum(near[:, :-1], near[:, 1:])) & (step > BEND * usual)


# Another view of it ------------------------------------------------------------------------------


class _Drawn:
    """The guide as a camera of the same poses sees it, frame by frame."""

    def __init__(self, guide: DepthGuide, camera: CameraPath) -> None:
        self._guide, self._camera = guide, camera
        self._known: dict[int, Depth] = {}         # 1 / depth of the key frames about the frame that is drawn

    def depth(self, frame: int) -> Depth:
        """Planar depth in metres, zero where nothing is known."""
        keys = self._keys(frame)
        self._known = {key: self._known[key] if key in self._known else self._read(key) for key in keys}
        near = self._looked_up(frame) if keys == [frame] else self._moved(frame, keys)
        return np.divide(1.0, near, out=np.zeros_like(near), where=near > 0)

    def _keys(self, frame: int) -> list[int]:
        files = self._guide.files
        if frame in files:
            return [frame]
        before, after = [key for key in files if key < frame], [key for key in files if key > frame]
        return [*before[-1:], *after[:1]]

    def _read(self, frame: int) -> Depth:
        near = nearness(read_depth(self._guide.files[frame]))
        return finer(near, math.ceil(FINE_WIDTH / near.shape[1]))

    def _size(self, fine: Depth, frame: int) -> tuple[int, int]:
        """Height and width of what is drawn: as fine as the guide, and no finer than the camera's own pixels."""
        left, _, right, _ = _box(self._camera, frame)
        own_left, _, own_right, _ = _box(self._guide.camera, frame)
        wide = round(fine.shape[1] * (right - left) / (own_right - own_left))
        width = max(1, min(self._camera.width, wide))
        return max(1, round(width * self._camera.height / self._camera.width)), width

    def _looked_up(self, frame: int) -> Depth:
        """A key frame: the same eye, another frame about it."""
        near = self._known[frame]
        size = self._size(near, frame)
        x, y = _slopes(self._camera, frame, size)
        column, row = _pixels(self._guide.camera, frame, near.shape, x, y)
        is_in_x, is_in_y = (column >= 0) & (column < near.shape[1]), (row >= 0) & (row < near.shape[0])
        picked = near[np.ix_(np.where(is_in_y, row, 0), np.where(is_in_x, column, 0))]
        return np.where(is_in_y[:, None] & is_in_x, picked, 0).astype(np.float32)

    def _moved(self, frame: int, keys: list[int]) -> Depth:
        """The surfaces of the key frames about it, each point where this frame's camera sees it, the nearest on top."""
        size = self._size(self._known[keys[0]], frame)
        drawn = np.zeros(size[0] * size[1], dtype=np.float32)
        world_from_camera = _pose(self._camera, frame)
        for key in keys:
            seen = (_points(self._guide.camera, key, self._known[key]) - world_from_camera[:3, 3]) @ (
                world_from_camera[:3, :3]
            )
            x, y, z = seen[seen[:, 2] > NEAREST_M].T
            column, row = _pixels(self._camera, frame, size, x / z, y / z)
            inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
            np.maximum.at(drawn, (row * size[1] + column)[inside], (1.0 / z[inside]).astype(np.float32))
        return _closed(drawn.reshape(size))


def _closed(near: Depth) -> Depth:
    """Pinholes, and far points that show through them, take what is around."""
    around = np.asarray(cv2.medianBlur(near, 3), dtype=np.float32)
    return np.where(np.abs(near - around) > JUMP * np.maximum(near, around), around, near)


def _lens(camera: CameraPath, frame: int) -> tuple[float, float, float, float]:
    return camera.intrinsics[frame - camera.frames[0]]


def _pose(camera: CameraPath, frame: int) -> NDArray[np.float64]:
    return np.array(camera.camera_to_world[frame - camera.frames[0]]).reshape(4, 4)


def _box(camera: CameraPath, frame: int) -> tuple[float, float, float, float]:
    """The picture's edges at depth 1: left, top, right, bottom."""
    fx, fy, cx, cy = _lens(camera, frame)
    return -cx / fx, -cy / fy, (camera.width - cx) / fx, (camera.height - cy) / fy


def _slopes(camera: CameraPath, frame: int, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x / z of each column and y / z of each row of the picture drawn with `size` (height, width) pixels."""
    left, top, right, bottom = _box(camera, frame)
    across, down = (np.arange(size[1]) + 0.5) / size[1], (np.arange(size[0]) + 0.5) / size[0]
    return left + (right - left) * across, top + (bottom - top) * down


def _pixels(
    camera: CameraPath, frame: int, size: tuple[int, ...], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns and rows, of the picture drawn with `size` (height, width) pixels, at slopes x / z and y / z."""
    left, top, right, bottom = _box(camera, frame)
    column = np.clip((x - left) / (right - left) * size[1], -1, size[1])
    row = np.clip((y - top) / (bottom - top) * size[0], -1, size[0])
    return np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)


def _points(camera: CameraPath, frame: int, near: Depth) -> NDArray[np.float64]:
    """(N, 3) world points of the pixels where there is something."""
    x, y = _slopes(camera, frame, (near.shape[0], near.shape[1]))
    row, column = np.nonzero(near)
    z = 1.0 / near[row, column].astype(np.float64)
    pose = _pose(camera, frame)
    return np.column_stack([x[column] * z, y[row] * z, z]) @ pose[:3, :3].T + pose[:3, 3]
