"""Plates for the tests, written byte by byte: neither Blender nor the core has a say in what the frames hold.

A picture is rows of (red, green, blue) display codes 0..255, top row first.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

Picture = list[list[tuple[int, int, int]]]


def noise(width: int, height: int, seed: int) -> Picture:
    """Every code of every channel may occur."""
    draw = random.Random(seed)
    return [[tuple(draw.randrange(256) for _ in range(3)) for _ in range(width)] for _ in range(height)]


def flat(width: int, height: int, code: tuple[int, int, int]) -> Picture:
    return [[code] * width for _ in range(height)]


def linear(code: int) -> float:
    """The sRGB curve, display to light (IEC 61966-2-1)."""
    value = code / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


Light = Callable[[tuple[int, int, int]], Sequence[float]]


def rec709(pixel: tuple[int, int, int]) -> list[float]:
    return [linear(code) for code in pixel]


def exr(picture: Picture, light: Light = rec709) -> bytes:
    """An uncompressed half-float scanline OpenEXR file with channels B, G, R: scene-linear Rec.709, or other light."""
    height, width = len(picture), len(picture[0])
    channels = b"".join(name + b"\0" + struct.pack("<iiii", 1, 0, 1, 1) for name in (b"B", b"G", b"R")) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<i", len(value)) + value
        for name, kind, value in (
            (b"channels", b"chlist", channels),
            (b"compression", b"compression", b"\0"),
            (b"dataWindow", b"box2i", window),
            (b"displayWindow", b"box2i", window),
            (b"lineOrder", b"lineOrder", b"\0"),
            (b"pixelAspectRatio", b"float", struct.pack("<f", 1.0)),
            (b"screenWindowCenter", b"v2f", struct.pack("<2f", 0.0, 0.0)),
            (b"screenWindowWidth", b"float", struct.pack("<f", 1.0)),
        )
    )
    head = struct.pack("<II", 20000630, 2) + header + b"\0"
    line_size = 8 + 6 * width
    offsets = struct.pack(f"<{height}Q", *(len(head) + 8 * height + row * line_size for row in range(height)))
    lines = b"".join(
        struct.pack("<ii", row, 6 * width)
        + b"".join(struct.pack(f"<{width}e", *(light(pixel)[channel] for pixel in pixels)) for channel in (2, 1, 0))
        for row, pixels in enumerate(picture)
    )
    return head + offsets + lines


def png(picture: Picture) -> bytes:
    """An 8-bit RGB PNG file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes(code for pixel in row for code in pixel) for row in picture)
    size = struct.pack(">IIBBBBB", len(picture[0]), len(picture), 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def write_plate(
    parent: Path,
    pictures: list[Picture],
    *,
    name: str = "shot",
    version: int = 1,
    first: int = 1001,
    suffix: str = "exr",
    camera: str = "",
) -> Path:
    """A plate folder with its frames and a manifest that tells the truth about them."""
    folder = parent / f"{name}_v{version:03d}"
    folder.mkdir(parents=True)
    entries = []
    for frame, picture in enumerate(pictures, start=first):
        file = f"{folder.name}.{frame:04d}.{suffix}"
        data = exr(picture) if suffix == "exr" else png(picture)
        (folder / file).write_bytes(data)
        entries.append(
            {"frame": frame, "file": file, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        )
    manifest = {
        "format": "platewright.plate",
        "version": 1,
        "name": name,
        "camera": {"camera": camera},
        "frames": entries,
    }
    write_manifest(folder, manifest)
    return folder


def read_manifest(folder: Path) -> dict:
    return json.loads((folder / "plate.json").read_text(encoding="utf-8"))


def write_manifest(folder: Path, manifest: dict) -> None:
    (folder / "plate.json").write_text(json.dumps(manifest), encoding="utf-8")
