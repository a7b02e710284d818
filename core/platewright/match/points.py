"""The solved points as a file that Blender, MeshLab and CloudCompare open: points.ply.

Layout of the format: Greg Turk, The PLY Polygon File Format, 1994; here binary, little-endian, one element `vertex`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..camera_file import REACH_METRES
from ..disk import FileRecord, publish
from ..pictures import Picture, bytes_from_display
from .tracking import Tracks
from .views import Array

FAR = 100.0                                        # times the median distance from the middle of all
UNKNOWN = 128                                      # grey of a point that no looked-at picture shows
PICTURES_FOR_COLOUR = 24
_PLACE = [(axis, "<f4") for axis in "xyz"]
_COLOUR = [(channel, "u1") for channel in ("red", "green", "blue")]


def write_points(path: Path, points_world: Array, colours: NDArray[np.uint8] | None = None) -> FileRecord:
    """Publish the solved points as a PLY.

    points_world   (K, 4) homogeneous, metres; a point at infinity, far beyond the others, or not solved is left out
    colours        (K, 3) sRGB codes, or None for points without colour
    raises         PlateError E_DISK_FULL, E_OUT_READONLY, E_PATH_LENGTH, E_PATH, E_OUT_IO, E_OUT_LOCKED
    """
    places, is_near = near_points(points_world)
    rows = np.zeros(len(places), dtype=_PLACE if colours is None else _PLACE + _COLOUR)
    for axis, name in enumerate("xyz"):
        rows[name] = places[:, axis]
    if colours is not None:
        for channel, (name, _) in enumerate(_COLOUR):
            rows[name] = colours[is_near, channel]

    def write(part: Path) -> None:
        part.write_bytes(_header(rows) + rows.tobytes())

    return publish(path, write)


def near_points(points_world: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The points (P, 3) in metres that lie somewhere, and which of the K (K,) they are.

    The few that lie `FAR` times as far out as most are left out, too: nobody finds the rest beside them.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        places = points_world[:, :3] / points_world[:, 3:]
    is_near = np.max(np.abs(places), axis=1, initial=0.0) <= REACH_METRES      # false for NaN and infinity, too
    out = np.linalg.norm(places[is_near] - np.median(places[is_near], axis=0), axis=1) if is_near.any() else np.zeros(0)
    is_near[is_near] = out <= FAR * np.median(out) if len(out) else False
    return places[is_near], is_near


def track_colours(tracks: Tracks, count: int, picture: Callable[[int], Picture]) -> NDArray[np.uint8]:
    """What colour the pictures show at each track: (count, 3) sRGB codes, from a few pictures spread over the whole.

    picture   gives the picture of a frame's index, float32 (height, width, 3), display-referred
    """
    colours = np.full((count, 3), UNKNOWN, dtype=np.uint8)
    for index in _spread(tracks.frame):
        seen = tracks.frame == index
        column, row = (np.floor(tracks.pixel[seen, axis]).astype(np.intp) for axis in (0, 1))
        codes = bytes_from_display(picture(index))
        inside = np.clip(row, 0, tracks.height - 1), np.clip(column, 0, tracks.width - 1)
        colours[tracks.track[seen]] = codes[inside]
    return colours


def _spread(frames: NDArray[np.int32]) -> list[int]:
    """Some of the frames that have tracks, evenly chosen, first and last among them."""
    there = np.unique(frames)
    places = np.linspace(0, len(there) - 1, min(len(there), PICTURES_FOR_COLOUR))
    return [int(there[round(place)]) for place in places]


def _header(rows: NDArray[np.void]) -> bytes:
    kinds = {"f": "float", "u": "uchar"}
    names = rows.dtype.names or ()
    properties = [f"property {kinds[rows.dtype[name].kind]} {name}" for name in names]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}", *properties, "end_header", ""]
    return "\n".join(lines).encode("ascii")
