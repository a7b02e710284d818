"""A look at the whole: a film of all frames, and a sheet of a dozen."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageDraw, ImageFont

from .pictures import Picture, bytes_from_display, resize

PREVIEW_SIDE_MAX = 1920
QUICKLY = {"crf": "18", "preset": "ultrafast"}     # a third of superfast's work, for as many bytes where there is grain
_KR, _KB = 0.2126, 0.0722                          # BT.709's share of red and of blue in luma
_YUV_FROM_RGB = np.array([                         # codes from codes: luma 16 to 235, chroma 128 +- 112
    [219 / 255 * _KR, 219 / 255 * (1 - _KR - _KB), 219 / 255 * _KB, 16.0],
    [112 / 255 * -_KR / (1 - _KB), 112 / 255 * -(1 - _KR - _KB) / (1 - _KB), 112 / 255, 128.0],
    [112 / 255, 112 / 255 * -(1 - _KR - _KB) / (1 - _KR), 112 / 255 * -_KB / (1 - _KR), 128.0],
])  # fmt: skip
_BT709 = 1                                         # primaries, transfer and matrix share the number in H.264


class Preview:
    """An H.264 file that grows picture by picture: yuv420p, BT.709 and tagged so, an exact rational rate.

    Both sides are divisible by 4 and at most 1920. Raises OSError where the file cannot be written.
    """

    def __init__(self, path: Path, rate: Fraction, width: int, height: int, marks: Mapping[str, str]) -> None:
        scale = min(1.0, PREVIEW_SIDE_MAX / max(width, height))
        self.width, self.height = (max(16, 4 * round(side * scale / 4)) for side in (width, height))
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart+use_metadata_tags"})
        self._file.metadata.update(marks)
        self._stream = self._file.add_stream("libx264", rate=rate, options=QUICKLY)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        context = self._stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        self._time_base = 1 / rate
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def add(self, picture: Picture) -> None:
        """Append one picture of any size."""
        planes = yuv420p(bytes_from_display(resize(picture, self.width, self.height)))
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
        frame.pts, frame.time_base = self._count, self._time_base
        self._count += 1
        self._file.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is still held back: now the file is whole."""
        self._file.mux(self._stream.encode(None))
        self._file.close()

    def close(self) -> None:
        """Let go of a file that is not to be finished; harmless for one that is."""
        with contextlib.suppress(OSError):         # on a full disk it cannot even be closed in order
            self._file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        self.close()


def yuv420p(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """ITU-R BT.709, 8 bits, studio range; chroma is the mean of 2 by 2. (1.5 height, width): Y, then U, then V.

    A third of the time that FFmpeg's converter takes for it.
    """
    luma, *chroma = cv2.split(cv2.transform(codes, _YUV_FROM_RGB))
    height, width = luma.shape
    small = [cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for plane in chroma]
    return np.concatenate([luma, *(plane.reshape(-1, width) for plane in small)]).astype(np.uint8, copy=False)


class ContactSheet:
    """A dozen small pictures with their frame numbers on dark grey."""

    COLUMNS = 4
    CELLS = 12
    CELL = (400, 300)                              # largest thumbnail in pixels
    MARGIN, LABEL = 20, 26                         # pixels
    GREY, TEXT, FAINT = (28, 28, 28), (225, 225, 225), (140, 140, 140)

    def __init__(self, title: str, width: int, height: int) -> None:
        scale = min(1.0, self.CELL[0] / width, self.CELL[1] / height)
        self._size = max(1, round(width * scale)), max(1, round(height * scale))
        self._title = title
        self._cells: list[tuple[str, Image.Image]] = []

    @classmethod
    def chosen(cls, frames: Iterable[int]) -> frozenset[int]:
        """First, last and evenly between: the frames that make the sheet."""
        numbers = sorted(frames)
        count = min(cls.CELLS, len(numbers))
        return frozenset(numbers[round(place * (len(numbers) - 1) / max(1, count - 1))] for place in range(count))

    def add(self, frame: int, picture: Picture) -> None:
        """Put one picture of any size on the sheet."""
        small = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._cells.append((f"{frame:04d}", Image.fromarray(bytes_from_display(np.asarray(small, np.float32)))))

    def save(self, path: Path) -> None:
        """Write the sheet as a PNG; OSError from the system."""
        columns = min(self.COLUMNS, len(self._cells))
        rows = -(-len(self._cells) // columns)
        pitch_x, pitch_y = self._size[0] + self.MARGIN, self._size[1] + self.LABEL + self.MARGIN
        head = self.MARGIN + self.LABEL + 8
        title_font, label_font = ImageFont.load_default(20), ImageFont.load_default(16)
        width = max(self.MARGIN + columns * pitch_x, 2 * self.MARGIN + round(title_font.getlength(self._title)))
        sheet = Image.new("RGB", (width, head + rows * pitch_y), self.GREY)
        draw = ImageDraw.Draw(sheet)
        draw.text((self.MARGIN, self.MARGIN - 4), self._title, fill=self.TEXT, font=title_font)
        for place, (label, cell) in enumerate(self._cells):
            row, column = divmod(place, columns)
            left, top = self.MARGIN + column * pitch_x, head + row * pitch_y
            sheet.paste(cell, (left, top))
            draw.text((left, top + self._size[1] + 4), label, fill=self.FAINT, font=label_font)
        sheet.save(path, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
