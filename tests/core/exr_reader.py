"""A second opinion on EXR files: the format from its specification, sharing no code with what writes them.

Single part, scanlines, ZIP, half channels: https://openexr.com/en/latest/OpenEXRFileLayout.html
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

Attribute = tuple[str, bytes]                      # type name, raw value


def read_header(data: bytes) -> tuple[dict[str, Attribute], int]:
    """Attributes by name, and where the offset table begins."""
    magic, version = struct.unpack_from("<II", data)
    assert (magic, version & 0xFF) == (20000630, 2)
    attributes: dict[str, Attribute] = {}
    place = 8
    while data[place]:
        name, kind = (word.decode("ascii") for word in data[place:].split(b"\0", 2)[:2])
        place += len(name) + len(kind) + 2
        size = struct.unpack_from("<i", data, place)[0]
        attributes[name] = kind, data[place + 4 : place + 4 + size]
        place += 4 + size
    return attributes, place + 1


def read_exr(path: Path) -> tuple[dict[str, Attribute], npt.NDArray[np.float16]]:
    """Attributes and half pixels (height, width, 3), RGB."""
    data = path.read_bytes()
    attributes, place = read_header(data)
    x_min, y_min, x_max, y_max = struct.unpack("<4i", attributes["dataWindow"][1])
    width, height = x_max - x_min + 1, y_max - y_min + 1
    assert attributes["compression"][1] == b"\x03", "ZIP, sixteen rows a chunk"
    chunks = -(-height // 16)
    offsets = struct.unpack_from(f"<{chunks}Q", data, place)
    picture = np.empty((height, 3, width), np.float16)
    for offset in offsets:
        y, size = struct.unpack_from("<ii", data, offset)
        rows = min(16, height - (y - y_min))
        raw = _unpacked(data[offset + 8 : offset + 8 + size], rows * 3 * width * 2)
        picture[y - y_min : y - y_min + rows] = np.frombuffer(raw, "<f2").reshape(rows, 3, width)
    return attributes, picture.transpose(0, 2, 1)[:, :, ::-1]      # channels are stored by name: B, G, R


def _unpacked(packed: bytes, size: int) -> bytes:
    if len(packed) == size:
        return packed                              # did not shrink: stored as it is
    steps = np.frombuffer(zlib.decompress(packed), np.uint8).astype(np.int64)
    steps[1:] -= 128
    split = np.cumsum(steps).astype(np.uint8)
    woven = np.empty(size, np.uint8)
    half = (size + 1) // 2
    woven[0::2], woven[1::2] = split[:half], split[half:]
    return woven.tobytes()
