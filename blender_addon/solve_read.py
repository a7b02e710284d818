"""What `check` found of a plate's camera, as files: solve.json and points.ply. No Blender here.

Whoever hands over a plate hands over these files too, so nothing in them is believed before it was looked at.
"""

from __future__ import annotations

import hashlib
import operator
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platewright.camera import CameraPath, Lens, Pose, cover_size
from platewright.errors import PlateError

from .plate_read import frame_offset, read_manifest

POINTS_MAX = 2_000_000
HEADER_BYTES_MAX = 4096
REACH_METRES = 1e8                                 # no point of a camera's world lies farther
TYPES = {
    "char": "b", "int8": "b", "uchar": "B", "uint8": "B", "short": "h", "int16": "h", "ushort": "H", "uint16": "H",
    "int": "i", "int32": "i", "uint": "I", "uint32": "I", "float": "f", "float32": "f", "double": "d", "float64": "d",
}  # fmt: skip
PLACE, COLOUR = ("x", "y", "z"), ("red", "green", "blue")
MEASURE_AGAIN = "Measure the plate again with `platewright check`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """P points of the world, in metres."""

    places: list[tuple[float, ...]]                # x, y, z
    colours: list[tuple[float, ...]]               # sRGB codes 0..255; empty where the file has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Solve:
    """The camera that a plate's pictures show, and the points they show."""

    folder: Path                                   # of the plate
    path: CameraPath                               # at the scene's frames, whatever the plate's are numbered
    points: Points | None                          # None: there is no points.ply


def read_solve(folder: Path) -> Solve:
    """Read solve.json and, if it is there, points.ply.

    Raises PlateError E_NO_SOLVE, E_SOLVE_CORRUPT (not what the manifest says), E_MANIFEST, E_POINTS and RequestError
    E_CAMERA_FILE.
    """
    camera, points = folder / "solve.json", folder / "points.ply"
    if not camera.is_file():
        why = f"{folder} holds no solved camera (solve.json)."
        raise PlateError("E_NO_SOLVE", why, MEASURE_AGAIN)
    manifest = manifest_of(folder)
    hashes = noted_hashes(manifest)
    for file in (camera, points):
        check_file(file, hashes.get(file.name))
    path = CameraPath.read(camera).renumbered(-frame_offset(manifest))
    return Solve(folder=folder, path=path, points=read_points(points) if points.is_file() else None)


def manifest_of(folder: Path) -> dict[str, Any]:
    """The plate's; empty where what was measured is no plate."""
    return read_manifest(folder) if (folder / "plate.json").is_file() else {}


def noted_hashes(manifest: dict[str, Any]) -> dict[str, str]:
    """SHA-256 by name of what the manifest lists beside the frames."""
    companions = manifest.get("companions")
    entries = companions if isinstance(companions, list) else []
    return {str(each.get("file")): str(each.get("sha256")) for each in entries if isinstance(each, dict)}


def check_file(file: Path, sha256: str | None) -> None:
    """PlateError E_SOLVE_CORRUPT for a link, and for a file that is not the one in the manifest, or not there."""
    if file.is_symlink() or (sha256 and (not file.is_file() or hash_of(file) != sha256)):
        why = f"{file.name} of {file.parent.name} is not the file that was written."
        raise PlateError("E_SOLVE_CORRUPT", why, f"Copy the plate again from where it was made. {MEASURE_AGAIN}")


def hash_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# points.ply --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a PLY says of its vertices."""

    count: int
    names: tuple[str, ...]                         # of a vertex' numbers, in order
    row: struct.Struct                             # one vertex
    size: int                                      # of the header itself, bytes


def read_points(file: Path) -> Points:
    """The vertices of a binary little-endian PLY; PlateError E_POINTS for anything that does not add up."""
    header = read_header(file)
    have, need = file.stat().st_size - header.size, header.count * header.row.size
    if have != need:
        raise points_error(file, f"its {header.count} points need {need} bytes, and it has {have}")
    with file.open("rb") as stream:
        stream.seek(header.size)
        rows = list(header.row.iter_unpack(stream.read(need)))
    places = columns(rows, header.names, PLACE)
    if not all(abs(value) <= REACH_METRES for place in places for value in place):         # false for NaN, too
        raise points_error(file, "a point lies nowhere")
    return Points(places=places, colours=columns(rows, header.names, COLOUR))


def read_header(file: Path) -> Header:
    """The text before the numbers; only vertices of scalars are taken, as Platewright writes them."""
    with file.open("rb") as stream:
        start = stream.read(HEADER_BYTES_MAX)
    text, end, _ = start.partition(b"end_header\n")
    lines = [line.split() for line in text.decode("ascii", "replace").splitlines()]
    lines = [line for line in lines if line and line[0] not in {"comment", "obj_info"}]
    if not end or lines[:2] != [["ply"], ["format", "binary_little_endian", "1.0"]]:
        raise points_error(file, "it is no binary little-endian PLY")
    match lines[2:]:
        case [["element", "vertex", digits], *properties] if digits.isdecimal() and len(digits) < 12:
            count = int(digits)
        case _:
            raise points_error(file, "it does not begin with vertices")
    if count > POINTS_MAX:
        raise points_error(file, f"{count} points are more than {POINTS_MAX}")
    kinds = [(line[2], TYPES[line[1]]) for line in properties if len(line) == 3 and line[1] in TYPES]
    names = tuple(name for name, _ in kinds)
    is_plain = len(kinds) == len(properties) and len(set(names)) == len(names) and set(PLACE) <= set(names)
    if not is_plain or any(line[0] != "property" for line in properties):
        raise points_error(file, "it holds more than points with a place and a colour")
    row = struct.Struct("<" + "".join(kind for _, kind in kinds))
    return Header(count=count, names=names, row=row, size=len(text) + len(end))


def columns(rows: list[tuple[float, ...]], names: tuple[str, ...], wanted: tuple[str, ...]) -> list[tuple[float, ...]]:
    """The wanted numbers of every row; none at all where one of them is missing."""
    if not set(wanted) <= set(names):
        return []
    take = operator.itemgetter(*(names.index(name) for name in wanted))
    return [take(row) for row in rows]


def points_error(file: Path, reason: str) -> PlateError:
    return PlateError("E_POINTS", f"{file.name} of {file.parent.name} cannot be used: {reason}.", MEASURE_AGAIN)


# The way back to Blender's camera ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The picture that a scene renders, and the sensor its lens is measured against."""

    width: int                                     # rendered pixels
    height: int
    pixel_aspect_x: float
    pixel_aspect_y: float
    sensor_fit: str                                # AUTO, HORIZONTAL, VERTICAL
    sensor_width_mm: float
    sensor_height_mm: float
    metres_per_unit: float

    @property
    def aspect(self) -> float:
        """Height of a pixel over its width."""
        return self.pixel_aspect_y / self.pixel_aspect_x

    @property
    def fitted_px(self) -> float:
        """The side that the sensor spans, in pixels of the width."""
        is_wide = self.pixel_aspect_x * self.width >= self.pixel_aspect_y * self.height
        fits_width = self.sensor_fit == "HORIZONTAL" or (self.sensor_fit == "AUTO" and is_wide)
        return self.width if fits_width else self.aspect * self.height

    def optics(self, lens: Lens) -> tuple[float, float, float]:
        """Focal length in mm and Blender's two shifts: the inverse of what `camera.from_blender` does to them."""
        fx, _, cx, cy = lens
        sensor_mm = self.sensor_height_mm if self.sensor_fit == "VERTICAL" else self.sensor_width_mm
        fitted = self.fitted_px
        return fx * sensor_mm / fitted, (self.width / 2 - cx) / fitted, (cy - self.height / 2) * self.aspect / fitted

    def place(self, pose: Pose) -> tuple[float, float, float]:
        """Where the camera stands, in Blender's units."""
        x, y, z = (pose[at] / self.metres_per_unit for at in (3, 7, 11))
        return x, y, z

    def seen_through(self, path: CameraPath) -> CameraPath:
        """The path at this picture's size, for one that `fitted` has scaled and cropped from it."""
        if (path.width, path.height) == (self.width, self.height):
            return path
        width, height = cover_size(self.width, self.height, path.width, path.height)
        left, top = (width - path.width) // 2, (height - path.height) // 2
        return path.cropped(-left, -top, width, height).scaled(self.width, self.height)


def blender_axes(pose: Pose) -> list[tuple[float, float, float]]:
    """Rows of the rotation with Blender's axes: right, up, backwards."""
    return [(pose[row], -pose[row + 1], -pose[row + 2]) for row in (0, 4, 8)]
