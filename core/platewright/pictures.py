"""Pictures from files, whatever their format, and pictures at other sizes.

Picture   float32 (height, width, 3), display-referred sRGB, 0..1; see `colour`.
Sizes     every resize maps picture edge to picture edge, so pixel centres stay at +0.5 and a camera's K scales exactly.

By name also what others make of pictures: colours (`colour`), frames (`frame_files`) and what those say (`frame_tags`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
from PIL import Image

from .camera_file import SIZE_MAX
from .colour import REC709 as REC709
from .colour import UNSAID, Space, space_named, space_of
from .colour import Picture as Picture
from .colour import bytes_from_display as bytes_from_display
from .colour import linear_from_srgb as linear_from_srgb
from .colour import srgb_from_linear as srgb_from_linear
from .errors import PlateError
from .frame_files import UNDONE
from .frame_files import write_codes as write_codes
from .frame_files import write_exr as write_exr
from .frame_files import write_png as write_png
from .frame_tags import Tags as Tags

RESAMPLE_FILTER = "lanczos3"                       # keeps the model's detail both ways; ringing outside 0..1 is clipped


def read_picture(path: Path) -> Picture:
    """A frame as display-referred sRGB, whatever its format; PlateError E_FRAME_READ when it is no whole picture.

    Grey becomes three channels, alpha is left out, and an EXR's data window is laid on its display window. What colours
    an EXR has is told by its header; Linear Rec.709 where that tells nothing. PlateError E_FRAME_COLOUR where it names
    a space that is not known here, and for what only a studio's configuration can read.
    """
    source = _opened(path)
    if path.suffix.lower() != ".exr":
        return _read(path, source)
    space = _space(path, source.spec())
    return space.shown(_read(path, source))


def read_space(path: Path) -> Space:
    """What the values of an EXR mean, by its header; PlateError E_FRAME_READ, E_FRAME_COLOUR."""
    return _space(path, _opened(path).spec())


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


def _space(path: Path, spec: OpenImageIO.ImageSpec) -> Space:
    names = [spec.get_string_attribute(name) for name in ("platewright.colorSpace", "colorInteropID")]
    named = next((name for name in names if name not in UNSAID), "")
    undone = spec.get_string_attribute(UNDONE)
    if undone or (named and space_named(named) is None):
        what = f"a view undone ({undone})" if undone else f"the space {named}"
        hint = "Give the plate's whole folder with the configuration that it names, or convert the file to ACEScg."
        raise PlateError("E_FRAME_COLOUR", f"{path.name} is in {what}, which is not known here."[:300], hint)
    return space_of(named or spec.get_string_attribute("oiio:ColorSpace"), _primaries(spec))


def _primaries(spec: OpenImageIO.ImageSpec) -> tuple[float, ...] | None:
    told = spec.getattribute("chromaticities")
    return None if told is None else tuple(float(value) for value in told)


def read_header(path: Path) -> tuple[str, tuple[float, ...] | None]:
    """The kind of its channels (half, float, uint8, uint16 ...) and an EXR's chromaticities, if it tells them."""
    spec = _opened(path).spec()
    return str(spec.format), _primaries(spec)


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
