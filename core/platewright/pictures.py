"""Single pictures: colour, the frame formats, resizing, the contact sheet and the preview.

Picture   float32 (height, width, 3), display-referred sRGB, 0..1. Out of range is clipped: models make SDR.
EXR       the deliverable: 16-bit half, ZIP, flat window, scene-linear Linear Rec.709 by the exact inverse sRGB curve.
PNG       8-bit sRGB, light enough to scrub: Blender keeps such frames as bytes, 16-bit ones as floats in four times the
          memory, and who grades deep takes the EXR. By Pillow: OpenImageIO calls a PNG on a full disk a success.
Sizes     every resize maps picture edge to picture edge, so pixel centres stay at +0.5 and a camera's K scales exactly.

The same picture and tags make the same bytes: no clock is written. Encoders raise OSError, as any writer of files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
import numpy as np
import numpy.typing as npt
import OpenImageIO
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from .camera_file import SIZE_MAX
from .errors import PlateError

Picture = npt.NDArray[np.float32]

LINEAR_SPACE = "lin_rec709_scene"                  # names of the Color Interop Forum, read by Blender 5 and OpenImageIO
DISPLAY_SPACE = "srgb_rec709_scene"
RESAMPLE_FILTER = "lanczos3"                       # keeps the model's detail both ways; ringing outside 0..1 is clipped
PREVIEW_SIDE_MAX = 1920
COLOUR = {                                         # of each format, as a manifest tells it
    "exr": {
        "space": LINEAR_SPACE,
        "blender": "Linear Rec.709",
        "steps": ["model output, display-referred sRGB", "inverse sRGB curve, IEC 61966-2-1"],
        "bits": "half float",
        "compression": "zip",
    },
    "png": {
        "space": DISPLAY_SPACE,
        "blender": "sRGB",
        "steps": ["model output, display-referred sRGB"],
        "bits": "8",
        "compression": "deflate",
    },
}
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_EXR_ROWS_PER_CHUNK = 16                           # of ZIP
_BT709 = 1                                         # primaries, transfer and matrix share the number in H.264


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a frame says about itself."""

    rate: Fraction                                 # frames per second
    frame: int
    world_from_camera: tuple[float, ...]           # 16 floats, row major, OpenCV axes
    intrinsics: tuple[float, ...]                  # fx, fy, cx, cy in pixels
    texts: Mapping[str, str]                       # `platewright.*`, ASCII


# Colour ------------------------------------------------------------------------------------------


def linear_from_srgb(display: Picture) -> Picture:
    """IEC 61966-2-1 decoding, exact; 0..1 in, 0..1 out."""
    display = np.clip(display, 0.0, 1.0, dtype=np.float32)
    curve = ((display + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(display <= 0.04045, display / np.float32(12.92), curve)


def srgb_from_linear(linear: Picture) -> Picture:
    """IEC 61966-2-1 encoding, exact; 0..1 in, 0..1 out."""
    linear = np.clip(linear, 0.0, 1.0, dtype=np.float32)
    curve = np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curve)


def bytes_from_display(display: Picture) -> npt.NDArray[np.uint8]:
    """8-bit codes, rounded to nearest."""
    codes = np.clip(display, 0.0, 1.0)
    codes *= np.float32(255.0)
    return np.rint(codes, out=codes).astype(np.uint8)


# Time --------------------------------------------------------------------------------------------


def time_code(frame: int, rate: Fraction) -> tuple[int, int] | None:
    """SMPTE 12M words of a frame counted from 00:00:00:00, no drop frame; None where there is no code: above 30 fps."""
    per_second = round(rate)
    if frame < 0 or not 1 <= per_second <= 30:
        return None
    seconds, frames = divmod(frame, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    pairs = enumerate((frames, seconds, minutes, hours % 24))
    return sum((value // 10 << 4 | value % 10) << 8 * place for place, value in pairs), 0


# One frame ---------------------------------------------------------------------------------------


def write_exr(path: Path, picture: Picture, tags: Tags) -> None:
    """Write a half-float EXR and read its header and last rows back; OSError when it did not arrive whole."""
    write_linear(path, linear_from_srgb(picture), tags, "half")


def write_linear(path: Path, linear: Picture, tags: Tags, kind: Literal["half", "float"]) -> None:
    """The same for scene-linear values as they are, also beyond 0..1, in the given kind of channel."""
    height, width = linear.shape[:2]
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None, "OpenImageIO without EXR"
    is_written = output.open(str(path), _exr_spec(width, height, tags, kind))
    is_written = is_written and output.write_image(linear)
    is_written = output.close() and is_written
    complaint = output.geterror()
    if not is_written or complaint:
        raise OSError(f"OpenImageIO: {complaint[:200]}")
    _look_again(path, width, height)


def write_png(path: Path, picture: Picture, tags: Tags) -> None:
    """Write an 8-bit sRGB PNG with the tags as text and the kind of source as XMP; OSError from the system."""
    write_codes(path, bytes_from_display(picture), tags)


def write_codes(path: Path, codes: npt.NDArray[np.uint8], tags: Tags) -> None:
    """The same for 8-bit codes as they are."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sRGB", b"\0")                     # perceptual intent
    for name, text in {**tags.texts, **_camera_texts(tags)}.items():
        chunks.add_text(name, text)
    chunks.add_itxt("XML:com.adobe.xmp", _xmp(tags.texts.get("platewright.digitalSourceType", "")))
    Image.fromarray(codes).save(path, "PNG", pnginfo=chunks, compress_level=1)


def read_picture(path: Path) -> Picture:
    """A frame as display-referred sRGB, whatever its format; PlateError E_FRAME_READ when it is no whole picture.

    Grey becomes three channels, alpha is left out, and an EXR's data window is laid on its display window.
    """
    pixels = _read(path, _opened(path))
    return srgb_from_linear(pixels) if path.suffix.lower() == ".exr" else pixels


def read_stored(path: Path) -> Picture:
    """The values as they are stored: linear and without bounds in an EXR, else 0..1 by the display's curve.

    What alpha there is has touched none of them. Otherwise as `read_picture`; PlateError E_FRAME_READ.
    """
    plain = OpenImageIO.ImageSpec()
    plain.attribute("oiio:UnassociatedAlpha", 1)
    return _read(path, _opened(path, plain))


def _read(path: Path, source: OpenImageIO.ImageInput) -> Picture:
    spec = source.spec()
    pixels = source.read_image(0, 0, 0, 3 if spec.nchannels >= 3 else 1, "float")
    if pixels is None:
        raise _unreadable(path, source.geterror())
    source.close()
    pixels = _on_display_window(pixels, spec)
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def read_header(path: Path) -> tuple[str, tuple[float, ...] | None]:
    """The kind of its channels (half, float, uint8, uint16 ...) and an EXR's chromaticities, if it tells them."""
    spec = _opened(path).spec()
    told = spec.getattribute("chromaticities")
    return str(spec.format), None if told is None else tuple(float(value) for value in told)


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of a frame in pixels, from its header; PlateError E_FRAME_READ."""
    spec = _opened(path).spec()
    return spec.full_width, spec.full_height


def _opened(path: Path, config: OpenImageIO.ImageSpec | None = None) -> OpenImageIO.ImageInput:
    source = OpenImageIO.ImageInput.open(str(path), config) if config else OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise _unreadable(path, OpenImageIO.geterror())
    spec = source.spec()
    if max(spec.width, spec.height, spec.full_width, spec.full_height) > SIZE_MAX or spec.depth > 1:
        raise _unreadable(path, f"a side is longer than {SIZE_MAX} pixels")
    return source


def _unreadable(path: Path, complaint: str) -> PlateError:
    return PlateError("E_FRAME_READ", f"{path.name} cannot be read: {complaint[:200]}", "Copy it again.")


def _on_display_window(pixels: Picture, spec: OpenImageIO.ImageSpec) -> Picture:
    """What lies inside the display window, black where there is no data: compositors crop data windows freely."""
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    if (left, top, spec.width, spec.height) == (0, 0, spec.full_width, spec.full_height):
        return pixels
    whole = np.zeros((spec.full_height, spec.full_width, pixels.shape[2]), dtype=np.float32)
    inside = whole[max(0, top) : max(0, top + spec.height), max(0, left) : max(0, left + spec.width)]
    inside[:] = pixels[max(0, -top) :, max(0, -left) :][: inside.shape[0], : inside.shape[1]]
    return whole


Box = tuple[float, float, float, float]            # left, top, right, bottom in pixels of the source, edges


def resize(picture: Picture, width: int, height: int, box: Box | None = None) -> Picture:
    """The picture, or a box of it, at another size in pixels, edge to edge: K scales by (width / old width, ...).

    Lanczos-3 on display values: in linear light its negative lobes ring visibly around bright edges. By Pillow, which
    takes a tenth of the time that OpenImageIO takes for the same filter.
    """
    left, top, right, bottom = box or (0.0, 0.0, picture.shape[1], picture.shape[0])
    if (right - left, bottom - top) == (width, height) and left == int(left) and top == int(top):
        return picture[int(top) : int(bottom), int(left) : int(right)]
    box = (left, top, right, bottom)
    channels = (Image.fromarray(np.ascontiguousarray(picture[:, :, place], dtype=np.float32)) for place in range(3))
    resized = [np.asarray(channel.resize((width, height), Image.Resampling.LANCZOS, box)) for channel in channels]
    return np.clip(np.stack(resized, axis=-1), 0.0, 1.0)


def _exr_spec(width: int, height: int, tags: Tags, kind: str) -> OpenImageIO.ImageSpec:
    spec = OpenImageIO.ImageSpec(width, height, 3, kind)
    spec.attribute("compression", "zip:1")         # level 1: a third faster than the default for 1 % more bytes
    spec.attribute("DateTime", "")                 # keeps the clock out of the header
    spec.attribute("oiio:ColorSpace", LINEAR_SPACE)
    spec.attribute("chromaticities", OpenImageIO.TypeDesc("float[8]"), REC709)
    spec.attribute("PixelAspectRatio", 1.0)
    spec.attribute("framesPerSecond", OpenImageIO.TypeDesc("rational"), (tags.rate.numerator, tags.rate.denominator))
    spec.attribute("worldToCamera", OpenImageIO.TypeDesc("matrix"), world_to_camera(tags.world_from_camera))
    code = time_code(tags.frame, tags.rate)
    if code:
        spec.attribute("smpte:TimeCode", OpenImageIO.TypeDesc("timecode"), code)
    for name, text in {**tags.texts, **_camera_texts(tags)}.items():
        spec.attribute(name, text)
    return spec


def world_to_camera(world_from_camera: tuple[float, ...]) -> tuple[float, ...]:
    """EXR's worldToCamera: row vectors (v * M) and a camera that looks along -Z with +Y up, as Blender's does."""
    camera_from_world = np.linalg.inv(np.array(world_from_camera, dtype=np.float64).reshape(4, 4))
    turned = np.diag([1.0, -1.0, -1.0, 1.0]) @ camera_from_world
    return tuple(float(value) for value in turned.T.ravel())


def _camera_texts(tags: Tags) -> dict[str, str]:
    return {
        "platewright.frame": str(tags.frame),
        "platewright.rate": f"{tags.rate.numerator}/{tags.rate.denominator}",
        "platewright.intrinsics": " ".join(f"{value:.9g}" for value in tags.intrinsics),
    }


def _look_again(path: Path, width: int, height: int) -> None:
    """A writer's word is not enough: on a full disk some libraries report success."""
    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise OSError(f"what was written cannot be opened: {OpenImageIO.geterror()[:200]}")
    spec = source.spec()
    first_row = (height - 1) // _EXR_ROWS_PER_CHUNK * _EXR_ROWS_PER_CHUNK
    rows = source.read_scanlines(0, 0, first_row, height, 0, 0, 3, "half")
    source.close()
    if (spec.width, spec.height, spec.nchannels) != (width, height, 3) or rows is None:
        raise OSError(f"what was written reads back as {spec.width}x{spec.height}, unfinished")


def _xmp(source_type: str) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{source_type}"/></rdf:RDF></x:xmpmeta>'
    )


# A look at the whole -----------------------------------------------------------------------------


class Preview:
    """An H.264 file that grows picture by picture: yuv420p, BT.709 and tagged so, an exact rational rate.

    Both sides are divisible by 4 and at most 1920. Raises OSError where the file cannot be written.
    """

    def __init__(self, path: Path, rate: Fraction, width: int, height: int, marks: Mapping[str, str]) -> None:
        scale = min(1.0, PREVIEW_SIDE_MAX / max(width, height))
        self.width, self.height = (max(16, 4 * round(side * scale / 4)) for side in (width, height))
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart+use_metadata_tags"})
        self._file.metadata.update(marks)
        self._stream = self._file.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "superfast"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
        context = self._stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        self._reformatter = VideoReformatter()     # one for all: it keeps its tables
        self._time_base = 1 / rate
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def add(self, picture: Picture) -> None:
        """Append one picture of any size."""
        codes = bytes_from_display(resize(picture, self.width, self.height))
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(codes, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        assert frame is not None
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
        small = Image.fromarray(bytes_from_display(picture)).resize(self._size, Image.Resampling.LANCZOS)
        self._cells.append((f"{frame:04d}", small))

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
        sheet.save(path, "PNG", compress_level=1)
