"""The picture that a model starts from, as the model's own camera sees it.

A picture tells which camera it shows where it was made for this: by `CameraPath.texts` in a PNG, as `platewright still`
and the text-to-image model leave them. Any other shows the whole of what the request's camera sees at its first frame,
at any resolution.

The model may see more (overscan, another shape) or less: the picture is cut and scaled by the two lenses, edge to edge,
so that every ray stays where it is. Where the overscan was left to us there is as much as the picture shows, and a view
that was asked to be wider is refused. Beyond the plate, a model of another shape sees a rim that is cut off again: what
the picture lacks of it, a little or half the view, is filled with its mirror image, and said so.

Errors  RequestError E_FIRST_FRAME, and what `Input.opened` and `pictures.read_picture` raise
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .. import pictures
from ..camera import PICTURE_LENS, PICTURE_POSE, PICTURE_SIZE, CameraPath, Lens, Pose
from ..errors import RequestError
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Warned

ASPECT_SLACK = 0.01  # of the shape: rounding to whole pixels, and no more
RIM_MAX = 0.03  # of the picture's side, beside what the model's shape asks for: rounding, and pictures cut by hand
WRITTEN_PX = 1e-4  # what numbers written as text may be off
TURN_PX = 0.25  # a turn of the camera that moves the picture by no more is the same camera
STEP_M = 1e-3
RENDER_IT = "Render what it sees: `platewright still SHOT.blend --model {model} -o FILE.png`, same size and overscan"


@dataclass(frozen=True, slots=True)
class View:
    """What a picture shows, in its own pixels."""

    width: int
    height: int
    lens: Lens
    pose: Pose | None = None                       # None: that of the request's first frame


def first_picture(request: PlateRequest, native: CameraPath, job: str, emit: Emit) -> Picture:
    """The request's first frame as `native` sees it: float32 (native.height, native.width, 3), display sRGB, 0..1."""
    if request.first_frame is None:
        hint = "Name a picture of what the camera sees at its first frame, such as a render."
        raise RequestError("E_FIRST_FRAME", f"{request.model} starts from a picture.", hint)
    path = request.first_frame.opened()
    picture = pictures.read_picture(path)
    view = shown(path, request.camera)
    _refuse_other_pose(view, native, path)
    box = seen_box(view, native)
    rim = _rim(box, view)
    if rim > RIM_MAX + _rim_of_shape(request, native, view):
        why = f"{path.name} lacks {rim:.0%} of its side at the rim of what the model must see."
        hint = f"{RENDER_IT.format(model=request.model)}; or leave --overscan out."
        raise RequestError("E_FIRST_FRAME", why, hint)
    if rim > WRITTEN_PX / max(view.width, view.height):
        why = f"{path.name} shows less than the model must see: its rim is {rim:.1%} of mirror image."
        emit(Warned(job, "W_FIRST_FRAME", f"{why} {RENDER_IT.format(model=request.model)}."))
    return recut(picture, box, native.width, native.height)


def room(request: PlateRequest, camera: CameraPath) -> float | None:
    """The overscan about the plate's `camera` that the first frame shows, 0 or more; None without a first frame."""
    if request.first_frame is None:
        return None
    view = shown(request.first_frame.opened(), request.camera)
    left, top, right, bottom = seen_box(view, camera)
    across, down = right - left, bottom - top
    share = min(left / across, (view.width - right) / across, top / down, (view.height - bottom) / down)
    return max(0.0, 2 * share + 2 * WRITTEN_PX / max(camera.width, camera.height))


def granted(request: PlateRequest, camera: CameraPath, wanted: float) -> float:
    """The overscan about the plate's `camera` where it was left to us: what is wanted, or less where less is shown.

    Half a pixel that rounding has taken on either side is not less.
    """
    has = room(request, camera)
    return wanted if has is None or has >= wanted - 1 / min(camera.width, camera.height) else has


def narrowed(request: PlateRequest, camera: CameraPath, wanted: float) -> str:
    """The warning, "W_CODE: sentence", where a first frame leaves less overscan than is wanted; else nothing."""
    has = granted(request, camera, wanted)
    if request.overscan is not None or has == wanted:
        return ""
    why = f"The first frame shows {has:.1%} more than the plate, and a lock would want {wanted:.1%} to pull in"
    return f"W_FIRST_FRAME: {why}. {RENDER_IT.format(model=request.model)}."


def shown(path: Path, camera: CameraPath) -> View:
    """The camera that a picture shows: the one it tells of, else `camera`'s first frame.

    Raises RequestError E_FIRST_FRAME for a picture of another shape, or one whose own camera cannot be read.
    """
    width, height = pictures.read_size(path)
    told = _texts(path)
    if PICTURE_LENS not in told:
        _refuse_shape(path, (width, height), (camera.width, camera.height))
        return View(width, height, camera.scaled(width, height).intrinsics[0])
    try:
        fx, fy, cx, cy = _numbers(told[PICTURE_LENS], 4)
        wide, high = _numbers(told.get(PICTURE_SIZE, f"{width} {height}"), 2)
        pose = _numbers(told[PICTURE_POSE], 16) if PICTURE_POSE in told else None
        if min(fx, fy, wide, high) <= 0:
            raise ValueError("not above zero")
    except ValueError:
        why = f"What {path.name} says of its camera cannot be read."
        raise RequestError("E_FIRST_FRAME", why, "Render it again, or save it without its texts.") from None
    _refuse_shape(path, (width, height), (wide, high))
    x, y = width / wide, height / high
    return View(width, height, (fx * x, fy * y, cx * x, cy * y), pose)


def seen_box(view: View, camera: CameraPath) -> pictures.Box:
    """Left, top, right, bottom in the picture's pixels of what `camera`'s first frame sees; it may reach beyond."""
    fx, fy, cx, cy = view.lens
    nx, ny, ux, uy = camera.intrinsics[0]
    edges = [cx - ux * fx / nx, cy - uy * fy / ny, cx + (camera.width - ux) * fx / nx]
    edges.append(cy + (camera.height - uy) * fy / ny)
    left, top, right, bottom = (round(edge) if abs(edge - round(edge)) < WRITTEN_PX else edge for edge in edges)
    return left, top, right, bottom


def recut(picture: Picture, box: pictures.Box, width: int, height: int) -> Picture:
    """A box of the picture at another size; beyond its edges there is its mirror image."""
    left, top, right, bottom = box
    beyond = [max(0, int(np.ceil(edge))) for edge in (-top, bottom - picture.shape[0], -left, right - picture.shape[1])]
    if any(beyond):
        picture = np.pad(picture, ((beyond[0], beyond[1]), (beyond[2], beyond[3]), (0, 0)), mode="symmetric")
    moved = (left + beyond[2], top + beyond[0], right + beyond[2], bottom + beyond[0])
    return pictures.resize(picture, width, height, moved)


def _rim(box: pictures.Box, view: View) -> float:
    """The widest part of the box beyond the picture, as a share of the picture's side."""
    left, top, right, bottom = box
    return max(-left / view.width, -top / view.height, right / view.width - 1, bottom / view.height - 1, 0.0)


def _rim_of_shape(request: PlateRequest, native: CameraPath, view: View) -> float:
    """How much wider the rim is than the plate's own, because the model makes another shape than the plate's."""
    plate = request.camera if request.size is None else request.camera.fitted(*request.size)
    plate = plate.window(native.frames[0], native.frames[0])
    left, top, right, bottom = own = seen_box(view, plate)
    wider = native.width * plate.height / (native.height * plate.width)
    across, down = (right - left) * max(0.0, wider - 1) / 2, (bottom - top) * max(0.0, 1 / wider - 1) / 2
    return _rim((left - across, top - down, right + across, bottom + down), view) - _rim(own, view)


def _refuse_shape(path: Path, size: tuple[int, int], wanted: tuple[float, float]) -> None:
    if abs(size[0] * wanted[1] / (size[1] * wanted[0]) - 1) > ASPECT_SLACK:
        why = f"{path.name} is {size[0]}x{size[1]}, not the shape of its camera's {wanted[0]:g}x{wanted[1]:g}."
        raise RequestError("E_FIRST_FRAME", why, "Render it with the very camera that the plate is for.")


def _refuse_other_pose(view: View, native: CameraPath, path: Path) -> None:
    """A picture that tells of its camera must have been taken where the model's first frame is."""
    if view.pose is None:
        return
    given, wanted = (np.array(pose).reshape(4, 4) for pose in (view.pose, native.camera_to_world[0]))
    turn = math.degrees(2 * math.asin(min(1.0, float(np.linalg.norm(given[:3, :3] - wanted[:3, :3])) / math.sqrt(8))))
    step_m = float(np.linalg.norm(given[:3, 3] - wanted[:3, 3]))
    reach_m = float(np.abs(wanted[:3, 3]).max())
    if math.radians(turn) * native.intrinsics[0][0] <= TURN_PX and step_m <= STEP_M + 1e-6 * reach_m:
        return
    why = f"{path.name} was taken elsewhere: {step_m:.3g} m and {turn:.3g} degrees from frame {native.frames[0]}."
    raise RequestError("E_FIRST_FRAME", why, f"Render frame {native.frames[0]} again: the camera has changed.")


def _texts(path: Path) -> Mapping[str, str]:
    """What a PNG says of itself; nothing for other formats."""
    if path.suffix.lower() != ".png":
        return {}
    try:
        with Image.open(path) as image:
            return {str(name): text for name, text in image.info.items() if isinstance(text, str)}
    except (OSError, ValueError, SyntaxError):
        return {}                                  # whoever reads its pixels says what is wrong with it


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(float(word) for word in text.split())
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"not {count} numbers")
    return numbers
