"""How the frames of one plate are written, and read back: what a delivery asks for, ready to be used.

    <name>_v001/<name>_v001.1001.exr               a frame
    <name>_v001/proxy/<name>_v001.1001.jpg         its proxy, half or a quarter as large, sRGB as JPEG
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import disk, pictures, studio_colour
from .camera import CameraPath
from .colour import OF_FORMAT, SPACES, Encoding, Picture
from .delivery import PROXY_SIZES, Delivery
from .disk import FileRecord
from .frame_files import ExrForm, Window, write_exr, write_jpeg, write_png
from .frame_tags import Tags
from .protocol import PlateRequest

PROXY = "proxy"                                    # folder of a plate


@dataclass(frozen=True, slots=True)
class Proxy:
    """Smaller pictures beside the frames."""

    divisor: int
    suffix: str                                    # jpg or exr

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Of the proxy of a frame, pixels."""
        return max(1, round(width / self.divisor)), max(1, round(height / self.divisor))


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How frames of one plate are written."""

    suffix: str                                    # exr or png
    encoding: Encoding
    exr: ExrForm
    proxy: Proxy | None = None
    view: tuple[int, int] | None = None            # the display window amid larger frames, pixels; None: all is shown

    @classmethod
    def of(cls, frame_format: str, delivery: Delivery | None = None, encoding: Encoding | None = None) -> FrameForm:
        """What a delivery asks for; None: as ever.

        encoding   of a studio's space, which the delivery only names
        """
        asked = delivery or Delivery()
        encoding = encoding or (SPACES[asked.space] if asked.space else OF_FORMAT[frame_format])
        proxy = Proxy(PROXY_SIZES[asked.proxy], asked.proxy_format) if asked.proxy else None
        return cls(frame_format, encoding, ExrForm(encoding=encoding, compression=asked.compression), proxy)

    @classmethod
    def asked(cls, request: PlateRequest) -> FrameForm:
        """What a request asks for; RequestError E_OCIO."""
        asked, size = request.delivery or Delivery(), request.size or (request.camera.width, request.camera.height)
        form = cls.of(request.frame_format, asked, studio_colour.opened(asked.studio) if asked.studio else None)
        return replace(form, view=size) if asked.is_windowed else form

    def window(self, width: int, height: int) -> Window:
        """The display window in a frame of this size."""
        across, down = self.view or (width, height)
        return (width - across) // 2, (height - down) // 2, across, down

    def camera_of(self, whole: CameraPath) -> CameraPath:
        """What the display window shows of frames that hold all of this camera's picture."""
        return whole.cropped(*self.window(whole.width, whole.height)) if self.view else whole

    def shown(self, picture: Picture) -> Picture:
        """What the display window shows of a frame."""
        left, top, width, height = self.window(picture.shape[1], picture.shape[0])
        return picture[top : top + height, left : left + width]

    def write(self, path: Path, picture: Picture, tags: Tags) -> None:
        """A frame from a display picture; OSError."""
        if self.view:
            window = self.window(picture.shape[1], picture.shape[0])
            write_exr(path, picture, _tags_of(window, tags), replace(self.exr, window=window))
        elif self.suffix == "exr":
            write_exr(path, picture, tags, self.exr)
        else:
            write_png(path, picture, tags)

    def read(self, path: Path) -> Picture:
        """A frame of this form as a display picture; PlateError E_FRAME_READ."""
        if self.encoding.is_known_everywhere:
            return pictures.read_picture(path)
        return self.encoding.shown(pictures.read_stored(path))

    def publish_proxy(self, frame: Path, picture: Picture, tags: Tags) -> FileRecord:
        """The proxy of what is shown of a frame, in the folder that is there for them; PlateError of `disk.publish`.

        tags   of what is shown
        """
        assert self.proxy is not None
        height, width = picture.shape[:2]
        size = self.proxy.size(width, height)
        x, y = size[0] / width, size[1] / height
        fx, fy, cx, cy = tags.intrinsics
        tags = replace(tags, intrinsics=(fx * x, fy * y, cx * x, cy * y))
        small = pictures.resize(picture, *size)
        target = frame.parent / PROXY / f"{frame.stem}.{self.proxy.suffix}"
        return disk.publish(target, self._proxy_writer(small, tags))

    def _proxy_writer(self, small: Picture, tags: Tags) -> Callable[[Path], None]:
        assert self.proxy is not None
        if self.proxy.suffix == "exr":
            return lambda part: write_exr(part, small, tags, self.exr)
        return lambda part: write_jpeg(part, small, tags)

    def told(self) -> dict[str, Any]:
        """The manifest's words on colour."""
        return self.encoding.told(self.suffix, self.exr.compression)


def _tags_of(window: Window, tags: Tags) -> Tags:
    """The same for the display window alone, which a header's camera is of."""
    fx, fy, cx, cy = tags.intrinsics
    return replace(tags, intrinsics=(fx, fy, cx - window[0], cy - window[1]))
