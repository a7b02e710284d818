"""One frame into one file.

EXR       the deliverable: 16-bit half, ZIP or PIZ, lossless; flat, or a data window around its display window.
PNG       8-bit sRGB, light enough to scrub: Blender keeps such frames as bytes, 16-bit ones as floats in four times the
          memory, and who grades deep takes the EXR. By Pillow: OpenImageIO calls a PNG on a full disk a success.
JPEG      8-bit sRGB, for proxies.

The same values and tags make the same bytes: no clock is written. Encoders raise OSError, as any writer of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import OpenImageIO
from PIL import Image, PngImagePlugin

from .colour import LINEAR, Encoding, Picture, bytes_from_display
from .frame_tags import Tags, film_back, pixel_aspect, time_code, world_to_camera, world_to_ndc

Channels = Literal["half", "float"]
Window = tuple[int, int, int, int]                 # left, top, width, height: the display window inside what is stored

COMPRESSION = {"zip": "zip:1", "piz": "piz"}       # ZIP's level 1: a third faster than the default for 1 % more bytes
ROWS_PER_CHUNK = {"zip": 16, "piz": 32}
JPEG_QUALITY = 90
_NOTHING = np.zeros(4)                             # taken from each channel: -0 less 0 is -0
UNDONE = "platewright.inverseView"                 # EXR attribute: only this view shows the values as they were made


@dataclass(frozen=True, slots=True, kw_only=True)
class ExrForm:
    """How an EXR holds its values."""

    encoding: Encoding = LINEAR
    compression: str = "zip"                       # of COMPRESSION
    channels: Channels = "half"
    window: Window | None = None                   # None: flat, all that is stored is shown


def write_exr(path: Path, picture: Picture, tags: Tags, form: ExrForm | None = None) -> None:
    """Write a display picture as an EXR and read its header and last rows back; OSError when it came not whole."""
    form = form or ExrForm()
    write_values(path, form.encoding.stored(picture), tags, form)


def write_values(path: Path, values: Picture, tags: Tags, form: ExrForm) -> None:
    """The same for a file's values as they are, also beyond 0..1."""
    height, width = values.shape[:2]
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None, "OpenImageIO without EXR"
    is_written = output.open(str(path), _exr_spec(width, height, tags, form))
    is_written = is_written and output.write_image(halves(values) if form.channels == "half" else values)
    is_written = output.close() and is_written
    complaint = output.geterror()
    if not is_written or complaint:
        raise OSError(f"OpenImageIO: {complaint[:200]}")
    _look_again(path, width, height, ROWS_PER_CHUNK[form.compression])


def halves(values: Picture) -> npt.NDArray[np.float16]:
    """Rounded to nearest, ties to even, -0 and infinity as they are: NumPy and OpenImageIO take eight times as long."""
    return np.asarray(cv2.subtract(values, _NOTHING, dtype=cv2.CV_16F), np.float16)


def _exr_spec(width: int, height: int, tags: Tags, form: ExrForm) -> OpenImageIO.ImageSpec:
    spec = OpenImageIO.ImageSpec(width, height, 3, form.channels)
    if form.window:
        left, top, spec.full_width, spec.full_height = form.window
        spec.x, spec.y = -left, -top
    spec.attribute("compression", COMPRESSION[form.compression])
    spec.attribute("DateTime", "")                 # keeps the clock out of the header
    spec.attribute("oiio:ColorSpace", form.encoding.interop_id)
    spec.attribute("platewright.colorSpace", form.encoding.interop_id)         # also where the forum has no id for it
    if form.encoding.undone:
        spec.attribute(UNDONE, form.encoding.undone)
    if form.encoding.primaries:
        spec.attribute("chromaticities", OpenImageIO.TypeDesc("float[8]"), form.encoding.primaries)
    spec.attribute("PixelAspectRatio", pixel_aspect(tags.intrinsics))
    spec.attribute("framesPerSecond", OpenImageIO.TypeDesc("rational"), (tags.rate.numerator, tags.rate.denominator))
    spec.attribute("imageCounter", tags.frame)
    code = time_code(tags.frame, tags.rate)
    if code:
        spec.attribute("smpte:TimeCode", OpenImageIO.TypeDesc("timecode"), code)
    _tell_camera(spec, tags)
    for name, text in tags.all_texts().items():
        spec.attribute(name, text)
    return spec


def _tell_camera(spec: OpenImageIO.ImageSpec, tags: Tags) -> None:
    """OpenEXR's standard attributes, of the display window."""
    shown, matrix = (spec.full_width, spec.full_height), OpenImageIO.TypeDesc("matrix")
    spec.attribute("worldToCamera", matrix, world_to_camera(tags.world_from_camera))
    spec.attribute("worldToNDC", matrix, world_to_ndc(tags.world_from_camera, tags.intrinsics, *shown))
    focal_mm, sensor_mm = film_back(tags.intrinsics, *shown)
    spec.attribute("nominalFocalLength", focal_mm)
    spec.attribute("effectiveFocalLength", focal_mm)
    spec.attribute("sensorOverallDimensions", OpenImageIO.TypeDesc("float2"), sensor_mm)


def _look_again(path: Path, width: int, height: int, rows_per_chunk: int) -> None:
    """A writer's word is not enough: on a full disk some libraries report success."""
    source = OpenImageIO.ImageInput.open(str(path))
    if source is None:
        raise OSError(f"what was written cannot be opened: {OpenImageIO.geterror()[:200]}")
    spec = source.spec()
    first_row = spec.y + (height - 1) // rows_per_chunk * rows_per_chunk
    rows = source.read_scanlines(0, 0, first_row, spec.y + height, 0, 0, 3, "half")
    source.close()
    if (spec.width, spec.height, spec.nchannels) != (width, height, 3) or rows is None:
        raise OSError(f"what was written reads back as {spec.width}x{spec.height}, unfinished")


# 8 bits ------------------------------------------------------------------------------------------


def write_png(path: Path, picture: Picture, tags: Tags) -> None:
    """Write an 8-bit sRGB PNG with the tags as text and the kind of source as XMP; OSError from the system."""
    write_codes(path, bytes_from_display(picture), tags)


def write_codes(path: Path, codes: npt.NDArray[np.uint8], tags: Tags) -> None:
    """The same for 8-bit codes as they are."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sRGB", b"\0")                     # perceptual intent
    for name, text in tags.all_texts().items():
        chunks.add_text(name, text)
    chunks.add_itxt("XML:com.adobe.xmp", _xmp(tags))
    Image.fromarray(codes).save(path, "PNG", pnginfo=chunks, compress_level=1)


def write_jpeg(path: Path, picture: Picture, tags: Tags) -> None:
    """Write an 8-bit sRGB JPEG, all colours at full size, with the kind of source as XMP; OSError from the system."""
    image = Image.fromarray(bytes_from_display(picture))
    image.save(path, "JPEG", quality=JPEG_QUALITY, subsampling=0, xmp=_xmp(tags).encode("ascii"))


def _xmp(tags: Tags) -> str:
    source_type = tags.texts.get("platewright.digitalSourceType", "")
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{source_type}"/></rdf:RDF></x:xmpmeta>'
    )
