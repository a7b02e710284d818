"""Planar depth as an EXR of one float channel, written with the standard library alone.

Layout: OpenEXR file layout, https://openexr.com/en/latest/OpenEXRFileLayout.html; one part, scan lines, no compression.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator

MAGIC, VERSION = 20000630, 2
FLOAT, UNCOMPRESSED, INCREASING_Y = 2, 0, 0


def exr_bytes(width: int, height: int, depth: array[float]) -> bytes:
    """The file: channel Z, rows from the top; `depth` is array('f') of width * height, row by row."""
    header = struct.pack("<II", MAGIC, VERSION) + b"".join(_attributes(width, height)) + b"\0"
    row_bytes = 4 * width
    first = len(header) + 8 * height
    offsets = struct.pack(f"<{height}Q", *(first + row * (8 + row_bytes) for row in range(height)))
    values = array("f", depth)
    if sys.byteorder == "big":
        values.byteswap()
    pixels = memoryview(values.tobytes())
    rows = (
        struct.pack("<iI", row, row_bytes) + pixels[row * row_bytes : (row + 1) * row_bytes] for row in range(height)
    )
    return b"".join([header, offsets, *rows])


def _attributes(width: int, height: int) -> Iterator[bytes]:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    yield _attribute("channels", "chlist", b"Z\0" + struct.pack("<iB3xii", FLOAT, 0, 1, 1) + b"\0")
    yield _attribute("compression", "compression", bytes([UNCOMPRESSED]))
    yield _attribute("dataWindow", "box2i", window)
    yield _attribute("displayWindow", "box2i", window)
    yield _attribute("lineOrder", "lineOrder", bytes([INCREASING_Y]))
    yield _attribute("pixelAspectRatio", "float", struct.pack("<f", 1.0))
    yield _attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0))
    yield _attribute("screenWindowWidth", "float", struct.pack("<f", 1.0))


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return b"\0".join([name.encode(), kind.encode(), struct.pack("<i", len(value)) + value])
