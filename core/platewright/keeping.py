"""A plate that is there already, and what of it stays: its kept pixels come back bit for bit.

The mask is white where a model paints and black where the given plate stays. Grey is a soft edge: it lies on the
painted side, where one is laid over the other in scene-linear light; only what is wholly black is kept.

    what is given       written as EXR                              written as PNG
    EXR, half           half, the same bits                         refused: 8 bits cannot hold it
    EXR, float          float, the same bits                        refused
    PNG or JPEG, 8 bit  half, by the inverse sRGB curve: the same   8 bit, the same codes
                        codes come back
    PNG, 16 bit         float, likewise                             refused

Both are folders of pictures numbered like the frames (`sequences`); the mask may be one picture for all of them. Every
picture has the size of the plate that is asked for: nothing that stays is ever resampled.

Errors  RequestError E_PLATE_FRAMES, E_PLATE_SIZE, E_PLATE_FORMAT, E_PLATE_COLOUR, E_MASK_FRAMES, E_MASK_SIZE,
        E_MASK_FORMAT, E_MASK_EMPTY, E_NOT_FINITE, and those of `Input.opened` and `sequences`; PlateError E_FRAME_READ
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import pictures, sequences
from .camera import CameraPath
from .colour import LINEAR
from .errors import RequestError
from .frame_files import Channels, ExrForm, write_values
from .pictures import Picture, Tags
from .protocol import Input, PlateRequest

EXR_CHANNELS: dict[str, Channels] = {"half": "half", "float": "float", "uint8": "half", "uint16": "float"}
LOSSY = (".jpg", ".jpeg")
PRIMARIES_SLACK = 1e-3
RULE = "White is painted, black is kept."


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame of the given plate and where it is painted over."""

    stored: Picture                                # as the file holds it
    paint: NDArray[np.float32]                     # (height, width), 0 is kept, 1 painted, between them the soft edge
    is_linear: bool                                # an EXR's values; else by the display's curve, 0..1
    channels: Channels                             # of an EXR that holds them all

    @property
    def linear(self) -> Picture:
        """Scene-linear, as bright as it is."""
        return self.stored if self.is_linear else pictures.linear_from_srgb(self.stored)

    @property
    def display(self) -> Picture:
        """Display-referred sRGB, 0..1."""
        return pictures.srgb_from_linear(self.stored) if self.is_linear else self.stored

    def under(self, painted: Picture) -> Picture:
        """Scene-linear: what stays as it is, and where it does not the painted picture (display-referred) over it."""
        paint, kept, over = self.paint[:, :, None], self.linear, pictures.linear_from_srgb(painted)
        soft = np.where(paint < 1, kept + (over - kept) * paint, over)
        return np.where(paint > 0, soft, kept)

    def write_exr(self, path: Path, painted: Picture, tags: Tags) -> None:
        """`pictures.write_exr` of both."""
        write_values(path, self.under(painted), tags, ExrForm(channels=self.channels))

    def write_png(self, path: Path, painted: Picture, tags: Tags) -> None:
        """`pictures.write_png` of both; the plate is of 8 bits."""
        codes = pictures.bytes_from_display(pictures.srgb_from_linear(self.under(painted)))
        same = pictures.bytes_from_display(self.stored)
        pictures.write_codes(path, np.where(self.paint[:, :, None] > 0, codes, same), tags)


@dataclass(frozen=True, slots=True)
class KeptPlate:
    """The given plate and its mask, by scene frame; pixels are read when they are asked for."""

    camera: CameraPath                             # at the plate's size
    plate: Mapping[int, Path]
    masks: Mapping[int, Path]
    kind: str                                      # of the plate's channels: half, float, uint8, uint16

    def frame(self, frame: int) -> Kept:
        """What stays of a scene frame; RequestError E_NOT_FINITE, PlateError E_FRAME_READ."""
        path = self.plate[frame]
        stored, paint = pictures.read_stored(path), _paint(self.masks[frame])
        is_number = np.asarray(np.isfinite(stored).all(axis=2))
        if not is_number[paint < 1].all():
            why = f"{path.name} holds values that are not numbers where it is to be kept."
            raise RequestError("E_NOT_FINITE", why, f"Mend the plate, or paint over them. {RULE}")
        stored = np.where(is_number[:, :, None], stored, np.float32(0))
        return Kept(stored, paint, path.suffix.lower() == ".exr", EXR_CHANNELS[self.kind])

    def to_dict(self, frame_format: str) -> dict[str, Any]:
        """The manifest's words on how both became one frame."""
        channels = EXR_CHANNELS[self.kind] if frame_format == "exr" else "8 bit"
        return {"stored": self.kind, "written": channels, "mask": RULE, "blend": "scene-linear, where the mask is grey"}


def opened(request: PlateRequest) -> KeptPlate | None:
    """The request's plate and mask, every pixel looked at; None where it has none. Raises what this page lists."""
    kept = found(request)
    if kept is not None and max([float(kept.frame(frame).paint.max()) for frame in kept.plate]) == 0:
        raise RequestError("E_MASK_EMPTY", "The mask is black everywhere: nothing would be painted.", RULE)
    return kept


def found(request: PlateRequest) -> KeptPlate | None:
    """The same by names and headers alone, for whoever comes after `opened`."""
    if request.plate is None or request.mask is None:
        return None
    camera = request.camera if request.size is None else request.camera.fitted(*request.size)
    plate = _frames(request.plate, camera, "E_PLATE_FRAMES", "plate")
    _refuse_size(plate, camera, "E_PLATE_SIZE", "plate")
    kind = _kind(plate, request.frame_format)
    return KeptPlate(camera, plate, _masks(request.mask, camera), kind)


# Which files -------------------------------------------------------------------------------------


def _frames(given: Input, camera: CameraPath, code: str, what: str) -> dict[int, Path]:
    """A picture for each of the camera's frames."""
    folder = given.opened()
    of_frame = sequences.frames_of(folder)
    if lacking := [frame for frame in camera.frames if frame not in of_frame]:
        why = f"The {what} {folder.name} has no picture for frame {lacking[0]} ({len(lacking)} are missing)."
        raise RequestError(code, why, "Number its pictures like the scene's frames, or ask for fewer with --frames.")
    return {frame: of_frame[frame] for frame in camera.frames}


def _masks(given: Input, camera: CameraPath) -> dict[int, Path]:
    path = given.opened()
    one = dict.fromkeys(camera.frames, path) if path.is_file() else None
    masks = one or _frames(given, camera, "E_MASK_FRAMES", "mask")
    if lossy := [mask for mask in masks.values() if mask.suffix.lower() in LOSSY]:
        why = f"The mask {lossy[0].name} is a JPEG, in which black is not quite black."
        raise RequestError("E_MASK_FORMAT", why, f"Give PNG or EXR. {RULE}")
    _refuse_size(masks, camera, "E_MASK_SIZE", "mask")
    return masks


def _refuse_size(files: Mapping[int, Path], camera: CameraPath, code: str, what: str) -> None:
    """RequestError `code` unless all are as large as the plate that is asked for."""
    for path in dict.fromkeys(files.values()):
        width, height = pictures.read_size(path)
        if (width, height) != (camera.width, camera.height):
            why = f"The {what} {path.name} is {width}x{height}, but {camera.width}x{camera.height} is asked for."
            hint = f"Ask for --size {width}x{height}: kept pixels are never resampled."
            raise RequestError(code, why, hint if what == "plate" else "Draw the mask at the plate's size.")


def _kind(plate: Mapping[int, Path], frame_format: str) -> str:
    """The one kind of channels that all have, and that frames of this format can give back."""
    headers = {path: pictures.read_header(path) for path in plate.values()}
    kinds = {kind for kind, _ in headers.values()}
    kind = next(iter(kinds))
    if len(kinds) > 1 or kind not in EXR_CHANNELS:
        why = f"The plate's pictures hold {', '.join(sorted(kinds))}."
        raise RequestError("E_PLATE_FORMAT", why, f"Give one kind of {', '.join(EXR_CHANNELS)}.")
    if frame_format == "png" and kind != "uint8":
        why = f"The plate holds {kind} values, which 8-bit PNG frames cannot give back."
        raise RequestError("E_PLATE_FORMAT", why, "Ask for --format exr.")
    for path in (path for path in headers if path.suffix.lower() == ".exr"):
        if (space := pictures.read_space(path)) is not LINEAR:
            why = f"{path.name} is in {space.blender}: one frame would hold two colour spaces."
            raise RequestError("E_PLATE_COLOUR", why, "Convert the plate to Linear Rec.709.")
    for path, (_, primaries) in headers.items():
        if primaries and max(abs(a - b) for a, b in zip(primaries, pictures.REC709, strict=True)) > PRIMARIES_SLACK:
            why = f"{path.name} says that its colours are not Rec.709's: one frame would hold two colour spaces."
            raise RequestError("E_PLATE_COLOUR", why, "Convert the plate to Linear Rec.709.")
    return kind


def _paint(path: Path) -> NDArray[np.float32]:
    """The mask's brightest channel, 0..1; RequestError E_NOT_FINITE."""
    values = pictures.read_stored(path).max(axis=2)
    if not np.isfinite(values).all():
        raise RequestError("E_NOT_FINITE", f"The mask {path.name} holds values that are not numbers.", RULE)
    return np.clip(values, 0.0, 1.0)
