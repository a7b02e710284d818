"""points.ply: the solved points, and nothing but them, as another reader finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from platewright.errors import PlateError
from platewright.match.points import UNKNOWN, track_colours, write_points
from platewright.match.tracking import Tracks
from platewright.pictures import Picture

HOMOGENEOUS = np.array([
    [1.0, 2.0, 3.0, 1.0],
    [0.0, 1.0, 0.0, 0.0],                          # at infinity
    [-4.0, 8.0, 2.0, 2.0],
    [np.nan, np.nan, np.nan, np.nan],              # not solved
    [3e9, 0.0, 0.0, 1.0],                          # as good as infinity
])  # fmt: skip
COLOURS = np.arange(15, dtype=np.uint8).reshape(5, 3)


def read_ply(path: Path) -> np.ndarray:
    """A reader of its own: types by the header's words, one record per vertex."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    count = int(lines[2].removeprefix("element vertex "))
    words = [line.split() for line in lines[3:]]
    rows = np.frombuffer(body, [(name, {"float": "<f4", "uchar": "u1"}[kind]) for _, kind, name in words])
    assert len(rows) == count
    return rows


def test_points_that_lie_somewhere_are_written_with_their_colours(tmp_path: Path) -> None:
    write_points(tmp_path / "points.ply", HOMOGENEOUS, COLOURS)
    rows = read_ply(tmp_path / "points.ply")
    assert [tuple(row) for row in rows] == [(1, 2, 3, 0, 1, 2), (-2, 4, 1, 6, 7, 8)]


def test_what_lies_far_beyond_the_rest_is_left_out(tmp_path: Path) -> None:
    points = np.column_stack([np.random.default_rng(3).normal(0, 10, (50, 3)), np.ones(50)])
    points[7] = 0.0, 700.0, 0.0, 1.0               # a hill
    points[8] = 0.0, 70_000.0, 0.0, 1.0
    write_points(tmp_path / "points.ply", points)
    heights = read_ply(tmp_path / "points.ply")["y"]
    assert len(heights) == 49 and heights.max() == 700


def test_points_without_colours(tmp_path: Path) -> None:
    record = write_points(tmp_path / "points.ply", HOMOGENEOUS)
    rows = read_ply(tmp_path / "points.ply")
    assert rows.dtype.names == ("x", "y", "z") and len(rows) == 2
    assert record.size == (tmp_path / "points.ply").stat().st_size


def test_no_points_are_a_file_too(tmp_path: Path) -> None:
    write_points(tmp_path / "points.ply", np.full((3, 4), np.nan), COLOURS[:3])
    assert len(read_ply(tmp_path / "points.ply")) == 0


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "points.ply").mkdir()
    with pytest.raises(PlateError):
        write_points(tmp_path / "points.ply", HOMOGENEOUS)
    assert [path.name for path in tmp_path.iterdir()] == ["points.ply"]


def test_colours_come_from_the_pictures() -> None:
    tracks = Tracks(
        track=np.array([0, 0, 1, 1], dtype=np.int32),
        frame=np.array([0, 1, 0, 1], dtype=np.int32),
        pixel=np.array([[0.5, 0.5], [0.5, 0.5], [3.9, 1.2], [4.0, 2.0]]),          # the last lies on the far corner
        was_lost=np.zeros(2, dtype=np.bool_),
        width=4,
        height=2,
    )

    def picture(index: int) -> Picture:
        made = np.zeros((2, 4, 3), dtype=np.float32)
        made[0, 0], made[1, 3] = (1.0, 0.0, 0.0), (0.0, 0.0, index)
        return made

    colours = track_colours(tracks, 3, picture)
    assert colours.tolist() == [[255, 0, 0], [0, 0, 255], [UNKNOWN] * 3]
