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
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import camera_file
from .camera_file import FORMAT, FRAME_MAX, REACH_METRES, SIZE_MAX, VERSION
from .errors import CameraError, PlateError, RequestError

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "FORMAT", "FRAME_MAX", "SIZE_MAX", "VERSION", "CameraPath", "Lens", "Pose",
    "cover_size", "exact_rate", "from_blender", "motion_warnings",
]  # fmt: skip

Pose = tuple[float, ...]                           # 16 floats, row major: world from camera, OpenCV axes
Lens = tuple[float, float, float, float]           # fx, fy, cx, cy in pixels
Vector = tuple[float, float, float]

PICTURE_LENS, PICTURE_SIZE = "platewright.intrinsics", "platewright.size"
PICTURE_POSE = "platewright.world_from_camera"
VIEW_DEG = (1.0, 170.0)                            # narrowest and widest angle of view that is worth a plate
SHEAR_MAX = 1e-5                                   # dot product of two axes of unit length
JUMP = 10.0                                        # a step this many times the median is a teleport
JUMP_METRES, JUMP_DEG = 0.01, 1.0                  # smaller steps are never called one
APPLY_SCALE = "Select the camera and its parents and apply their scale (Object > Apply > Scale)."


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
    markers: tuple[tuple[int, str], ...] = ()      # frame and name of each that binds a camera
    shutter: float | None = None                   # share of a frame's time that it is open, where motion is blurred

    def __len__(self) -> int:
        return len(self.frames)

    # The file -----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain lists and numbers."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        for key in ("cameras", "frames", "warnings"):
            plain[key] = list(plain[key])
        for key in ("camera_to_world", "intrinsics", "markers"):
            plain[key] = [list(row) for row in plain[key]]
        for key in ("markers", "shutter"):
            if not plain[key]:
                del plain[key]
        return {"format": FORMAT, "version": VERSION, **plain}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CameraPath:
        """Take `to_dict`'s form, from us or another program; RequestError E_CAMERA_FILE names the key that is wrong.

        Keys that are not ours are ignored.
        """
        return cls(**camera_file.fields(document))

    def to_json(self) -> str:
        """camera.json's text; numbers keep every bit."""
        return camera_file.layout(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> CameraPath:
        """Read camera.json's text; RequestError E_CAMERA_FILE, also for NaN, a key given twice, a newer version."""
        return cls.from_dict(camera_file.parse(text))

    @classmethod
    def read(cls, path: Path) -> CameraPath:
        """Read camera.json; RequestError E_FILE_MISSING or E_CAMERA_FILE."""
        return cls.from_json(camera_file.read_text(path))

    def write(self, path: Path) -> None:
        """Write camera.json whole or not at all; PlateError E_OUT_IO where the folder does not take it."""
        part = path.with_name(f"{path.name}.part-{os.getpid()}")
        try:
            part.write_text(self.to_json(), encoding="utf-8")
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise PlateError("E_OUT_IO", f"{path} cannot be written: {error}.", "Choose another place.") from error

    def answer(self, file: Path) -> dict[str, Any]:
        """What `platewright camera --json` says of a path that was written to `file`."""
        return {
            "camera": self.camera,
            "file": str(file.resolve()),
            "frames": len(self),
            "first": self.frames[0],
            "last": self.frames[-1],
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "warnings": list(self.warnings),
        }

    @property
    def sha256(self) -> str:
        """The hash of the canonical JSON form: sorted keys, no spaces, ASCII."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def rate(self) -> Fraction:
        """Frames per second as an exact fraction: 24000/1001 for 23.976."""
        return exact_rate(self.fps, self.fps_base)

    # The range ----------------------------------------------------------------------------------

    def window(self, first: int, last: int) -> CameraPath:
        """The frames from `first` to `last`, both included; RequestError E_RANGE where the path has not all of them."""
        if not self.frames[0] <= first <= last <= self.frames[-1]:
            why = f"Frames {first} to {last} are not a range within {self.frames[0]} to {self.frames[-1]}."
            raise RequestError("E_RANGE", why, "Ask for frames that the camera file has, first one first.")
        start = first - self.frames[0]
        part = slice(start, last - self.frames[0] + 1)
        return replace(
            self,
            markers=tuple((max(at, first), name) for at, name in self.markers if at <= last),
            camera=self.cameras[start],
            cameras=self.cameras[part],
            frames=self.frames[part],
            camera_to_world=self.camera_to_world[part],
            intrinsics=self.intrinsics[part],
        )

    def renumbered(self, offset: int) -> CameraPath:
        """The same path with every frame number raised by `offset`."""
        markers = tuple((frame + offset, name) for frame, name in self.markers)
        return replace(self, frames=tuple(frame + offset for frame in self.frames), markers=markers)

    def cuts(self) -> tuple[int, ...]:
        """The frames at which another camera takes over."""
        turns = zip(self.frames[1:], self.cameras[1:], self.cameras, strict=False)
        return tuple(frame for frame, camera, before in turns if camera != before)

    def refuse_cuts(self) -> None:
        """RequestError E_CAMERA_CUT where another camera takes over within the range."""
        if cuts := self.cuts():
            hint = "Make one plate per shot: `platewright shots` lists them, --shots all makes them."
            raise RequestError("E_CAMERA_CUT", f"The camera changes at frame {_listed(cuts)}.", hint)

    # The picture --------------------------------------------------------------------------------

    def scaled(self, width: int, height: int) -> CameraPath:
        """The same view in `width` x `height` pixels: focal lengths and centre follow per axis, the angles stay."""
        x, y = _valid_size(width) / self.width, _valid_size(height) / self.height
        lenses = tuple((fx * x, fy * y, cx * x, cy * y) for fx, fy, cx, cy in self.intrinsics)
        return replace(self, width=width, height=height, intrinsics=lenses)

    def cropped(self, left: int, top: int, width: int, height: int) -> CameraPath:
        """The view through a window of whole pixels with its corner at (left, top); it may reach beyond the picture."""
        lenses = tuple((fx, fy, cx - left, cy - top) for fx, fy, cx, cy in self.intrinsics)
        return replace(self, width=_valid_size(width), height=_valid_size(height), intrinsics=lenses)

    def fitted(self, width: int, height: int) -> CameraPath:
        """Scaled until it covers `width` x `height`, then cropped about the middle by whole pixels."""
        whole_width, whole_height = cover_size(self.width, self.height, width, height)
        left, top = (whole_width - width) // 2, (whole_height - height) // 2
        return self.scaled(whole_width, whole_height).cropped(left, top, width, height)

    def project(self, point: Sequence[float], index: int) -> tuple[float, float] | None:
        """The pixel (x right, y down) at which frame `index` shows a point in world metres; None behind the camera."""
        pose, (fx, fy, cx, cy) = self.camera_to_world[index], self.intrinsics[index]
        offset = [point[row] - pose[4 * row + 3] for row in range(3)]
        x, y, z = (math.fsum(pose[4 * row + axis] * offset[row] for row in range(3)) for axis in range(3))
        return (fx * x / z + cx, fy * y / z + cy) if z > 0 else None

    def texts(self, index: int) -> dict[str, str]:
        """What a picture of frame `index` says of its camera, by name: lens and size in pixels, pose as row-major."""
        return {
            PICTURE_LENS: " ".join(f"{value:.9g}" for value in self.intrinsics[index]),
            PICTURE_SIZE: f"{self.width} {self.height}",
            PICTURE_POSE: " ".join(f"{value:.17g}" for value in self.camera_to_world[index]),
        }

    def field_of_view_deg(self, index: int) -> tuple[float, float]:
        """Angles of view of frame `index` across the width and the height, lens shift left out."""
        fx, fy, _, _ = self.intrinsics[index]
        return _angle_deg(self.width, fx), _angle_deg(self.height, fy)


def cover_size(width: int, height: int, to_width: int, to_height: int) -> tuple[int, int]:
    """The smallest whole-pixel size of about the first aspect that covers the second size."""
    scale = max(to_width / width, to_height / height)
    return max(to_width, round(width * scale)), max(to_height, round(height * scale))


def exact_rate(fps: float, fps_base: float = 1.0) -> Fraction:
    """`fps` as a fraction: a whole rate over `fps_base`, else n * 1000/1001 where that is meant, else within 1/1000."""
    from fractions import Fraction  # with decimal: not at every start of Blender

    whole = round(fps * fps_base)
    if whole and abs(fps * fps_base - whole) < 1e-3:
        return Fraction(whole) / Fraction(fps_base).limit_denominator(100_000)
    ntsc = Fraction(round(fps) * 1000, 1001)
    return ntsc if abs(ntsc - Fraction(fps)) < Fraction(5, 1000) else Fraction(fps).limit_denominator(1000)


# From Blender ---------------------------------------------------------------------------------------


def from_blender(
    matrix_world: Sequence[Sequence[float]],       # 4 rows of 4, the evaluated camera object's, in Blender units
    *,
    lens_mm: float,
    sensor_width_mm: float,
    sensor_height_mm: float,
    sensor_fit: str,                               # AUTO, HORIZONTAL, VERTICAL
    shift_x: float,
    shift_y: float,
    width: int,                                    # rendered pixels, percentage applied
    height: int,
    pixel_aspect_x: float = 1.0,
    pixel_aspect_y: float = 1.0,
    scale_length: float = 1.0,                     # metres per Blender unit; 1 where the unit system is NONE
) -> tuple[Pose, Lens]:
    """Blender's perspective camera as OpenCV pose and lens.

    The lens is Blender's `BKE_camera_params_compute_viewplane`: AUTO fits the larger side and always takes the sensor's
    width, and the shift is a share of the fitted side. Uniform scale drops out; the rotation is orthonormal in doubles.
    Raises CameraError E_CAMERA_NOT_FINITE, E_CAMERA_SINGULAR, E_CAMERA_MIRRORED, E_CAMERA_SHEARED, E_CAMERA_FOV and
    RequestError E_SIZE.
    """
    optics = {
        "lens": lens_mm, "sensor width": sensor_width_mm, "sensor height": sensor_height_mm,
        "shift x": shift_x, "shift y": shift_y, "pixel aspect x": pixel_aspect_x, "pixel aspect y": pixel_aspect_y,
        "unit scale": scale_length,
    }  # fmt: skip
    for name, value in optics.items():
        _check_finite(name, value, above_zero="pixel" in name or "scale" in name)
    right, up, back = _rotation(matrix_world)
    place = _place(matrix_world, scale_length)
    rows = [(right[row], -up[row], -back[row], place[row]) for row in range(3)]
    pose = (*(number + 0.0 for row in rows for number in row), 0.0, 0.0, 0.0, 1.0)     # + 0.0 leaves no -0.0

    for side in (width, height):
        _valid_size(side)
    aspect = pixel_aspect_y / pixel_aspect_x
    is_wide = pixel_aspect_x * width >= pixel_aspect_y * height
    fits_width = sensor_fit == "HORIZONTAL" or (sensor_fit == "AUTO" and is_wide)
    sensor_mm = sensor_height_mm if sensor_fit == "VERTICAL" else sensor_width_mm
    fitted_px = width if fits_width else aspect * height
    fx = lens_mm * fitted_px / sensor_mm if sensor_mm > 0 else 0.0
    fy = fx / aspect
    _check_view(width, height, fx, fy)
    return pose, (fx, fy, width / 2 - shift_x * fitted_px, height / 2 + shift_y * fitted_px / aspect)


def _place(matrix: Sequence[Sequence[float]], scale_length: float) -> list[float]:
    metres = [matrix[row][3] * scale_length for row in range(3)]
    return [_check_finite(f"location {axis}", x, REACH_METRES) for axis, x in zip("xyz", metres, strict=True)]


def _rotation(matrix: Sequence[Sequence[float]]) -> list[Vector]:
    """The camera's three axes, exactly orthonormal; what a rotation cannot say is refused."""
    columns = [(matrix[0][column], matrix[1][column], matrix[2][column]) for column in range(3)]
    for axis, column in zip("xyz", columns, strict=True):
        for value in column:
            _check_finite(f"rotation or scale of its {axis} axis", value)
    if min(math.hypot(*column) for column in columns) < 1e-12:
        raise CameraError("E_CAMERA_SINGULAR", "The camera has a scale of zero.", "Give it and its parents a scale.")
    axes = [_unit(column) for column in columns]
    if _dot(axes[0], _cross(axes[1], axes[2])) < 0:
        raise CameraError("E_CAMERA_MIRRORED", "The camera is mirrored by a negative scale.", APPLY_SCALE)
    if max(abs(_dot(axes[a], axes[a - 1])) for a in range(3)) > SHEAR_MAX:
        raise CameraError("E_CAMERA_SHEARED", "The camera is sheared by a parent's uneven scale.", APPLY_SCALE)
    return _orthonormal(axes)


def _orthonormal(axes: list[Vector]) -> list[Vector]:
    """The nearest rotation: Newton's iteration for the polar factor, X <- (X + X^-T) / 2 (Higham 1986).

    It squares the error: what the shear limit lets through is gone after two steps.
    """
    for _ in range(2):
        a, b, c = axes
        others = (_cross(b, c), _cross(c, a), _cross(a, b))
        volume = _dot(a, others[0])
        axes = [_middle(axis, other, volume) for axis, other in zip(axes, others, strict=True)]
    return axes


def _middle(a: Vector, b: Vector, volume: float) -> Vector:
    return (a[0] + b[0] / volume) / 2, (a[1] + b[1] / volume) / 2, (a[2] + b[2] / volume) / 2


def _check_finite(channel: str, value: float, limit: float = math.inf, above_zero: bool = False) -> float:
    if not math.isfinite(value) or abs(value) > limit or (above_zero and value <= 0):
        hint = "Look at the camera's animation and constraints at this frame."
        raise CameraError("E_CAMERA_NOT_FINITE", f"The camera's {channel} is {value:g}.", hint)
    return value


def _check_view(width: int, height: int, fx: float, fy: float) -> None:
    view = max(_angle_deg(width, fx), _angle_deg(height, fy))
    if not VIEW_DEG[0] <= view <= VIEW_DEG[1]:
        why = f"The camera's angle of view is {view:.3g} degrees; it must lie within 1 and 170."
        raise CameraError("E_CAMERA_FOV", why, "Change the focal length or the sensor size.")


def _valid_size(pixels: int) -> int:
    if not 1 <= pixels <= SIZE_MAX:
        why = f"A picture side of {pixels} pixels cannot be made."
        raise RequestError("E_SIZE", why, f"Choose a resolution from 1 to {SIZE_MAX} on both sides.")
    return pixels


# What the path does ---------------------------------------------------------------------------------


def motion_warnings(path: CameraPath) -> tuple[str, ...]:
    """W_NO_MOTION for a camera that stands still, W_CAMERA_JUMP for a teleport within a shot."""
    is_still = len(set(path.camera_to_world)) == 1 and len(set(path.intrinsics)) == 1
    if is_still and len(path) > 1:
        return (f"W_NO_MOTION: the camera {path.camera!r} stands still over the whole range.",)
    if jumps := _jumps(path):
        when = _listed(jumps)
        return (f"W_CAMERA_JUMP: the camera leaps at frame {when}; if that is a cut, make one plate per shot.",)
    return ()


def _jumps(path: CameraPath) -> list[int]:
    """Frames that lie far from the one before: over `JUMP` medians, and no part of a fast move."""
    poses = path.camera_to_world
    cuts = set(path.cuts())
    metres = [math.dist(a[3:12:4], b[3:12:4]) for a, b in pairwise(poses)]
    degrees = [_turn_deg(a, b) for a, b in pairwise(poses)]
    leaps = _outliers(metres, JUMP_METRES) | _outliers(degrees, JUMP_DEG)
    return [path.frames[index + 1] for index in sorted(leaps) if path.frames[index + 1] not in cuts]


def _listed(frames: Sequence[int]) -> str:
    return ", ".join(map(str, frames[:8])) + (" and more" if len(frames) > 8 else "")


def _outliers(steps: list[float], least: float) -> set[int]:
    from statistics import median  # with decimal and fractions, too

    limit = max(least, JUMP * median(steps)) if steps else least
    around = [0.0, *steps, 0.0]
    return {i for i, step in enumerate(steps) if step > limit and step > 3 * max(around[i], around[i + 2])}


def _turn_deg(a: Pose, b: Pose) -> float:
    trace = math.fsum(a[4 * row + column] * b[4 * row + column] for row in range(3) for column in range(3))
    return math.degrees(math.acos(max(-1.0, min(1.0, (trace - 1) / 2))))


# Three numbers --------------------------------------------------------------------------------------


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: Vector) -> Vector:
    length = math.hypot(*a)
    return a[0] / length, a[1] / length, a[2] / length


def _angle_deg(side_px: float, focal_px: float) -> float:
    return math.degrees(2 * math.atan2(side_px / 2, focal_px))
