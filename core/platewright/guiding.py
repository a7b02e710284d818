"""The guides of a shot, from its camera and what a Blender renders of it to a folder that `generate --guide` takes.

    camera -> the view that any model may see -> depth and clay, by Blender -> edges, from the depth
           -> the grid, drawn here            -> guide.json with every file's hash -> the folder gets its name

The folder is whole or not there. Nothing in it depends on the clock or on where it lies.

Errors  PlateError E_GUIDE_EXISTS, E_OUT_IO and its kin; RequestError E_GUIDE_SHOT
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
from numpy.typing import NDArray
from PIL import Image

from . import __version__, disk, engine, guide_edges, guide_folder, guides, models
from .camera import CameraPath
from .errors import PlateError, RequestError
from .inputs import fingerprint
from .match import locking
from .models import grid
from .pictures import Picture, bytes_from_display, linear_from_srgb, srgb_from_linear
from .protocol import Emit, PlateRequest, Progress, Stage

WIDEST = 1280                                      # pixels of the longer side, where no size is asked for: models' own
MARGIN = 0.02                                      # of width and height: sizes of a model's shape are of whole pixels
SKY = 0.85                                         # of clay, display
CAUGHT = 0.42                                      # linear, of what is there and clear: it catches shadows alone
RENDERED = {"depth": ("depth",), "edges": ("depth",), "clay": ("depth", "clay")}      # what each kind is made from
UNITS = {
    "depth": "metres along the camera's axis, 32-bit float; 0 is nothing",
    "edges": "white lines on black, 8 bit",
    "clay": "display sRGB, 8 bit",
    "grid": "display sRGB, 8 bit; a line every metre and every ten degrees",
}

Passes = Callable[[CameraPath, list[str], Path], None]        # view, depth and clay, a folder to render into


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    out: Path
    kinds: tuple[str, ...]
    size: tuple[int, int] | None = None            # of the camera's own picture, pixels
    overscan: float | None = None                  # None: what each model's drift calls for
    ground_m: float | None = None                  # of the grid


def view_of(camera: CameraPath, size: tuple[int, int] | None, overscan: float | None) -> CameraPath:
    """What guides show: all that any model which paints over one may be shown of this camera.

    Raises RequestError E_CAMERA_CUT, E_SIZE.
    """
    if size is None:
        share = min(1.0, WIDEST / max(camera.width, camera.height))
        size = max(1, round(camera.width * share)), max(1, round(camera.height * share))
    request = PlateRequest(camera=camera, prompt="", size=size, overscan=overscan).checked()
    plate = engine.plate_camera(request)
    # Models that go on from a picture take a guide's distances alone: what lies beyond the picture they do not need.
    cards = [card for card in models.cards() if card.takes_guide and not card.needs_first_frame]
    seen = [engine.seen_camera(request, plate, card.drift_deg, card.sizes) for card in cards]
    left, top = (max(view.intrinsics[0][i] - plate.intrinsics[0][i] for view in seen) for i in (2, 3))
    right = max(view.width - view.intrinsics[0][2] + plate.intrinsics[0][2] for view in seen)
    bottom = max(view.height - view.intrinsics[0][3] + plate.intrinsics[0][3] for view in seen)
    left, top, right, bottom = (round(edge) for edge in (left, top, right, bottom))
    return locking.overscanned(plate.cropped(-left, -top, left + right, top + bottom), MARGIN)


def passes_of(kinds: Sequence[str]) -> list[str]:
    """What a Blender renders for these kinds: depth, clay."""
    return list(dict.fromkeys(name for kind in kinds for name in RENDERED.get(kind, ())))


def taken_from(folder: Path) -> Passes:
    """Passes that were rendered into a folder beside the view's camera.json; see `make`."""

    def take(view: CameraPath, kinds: list[str], target: Path) -> None:
        if CameraPath.read(folder / guide_folder.CAMERA).sha256 != view.sha256:
            hint = "Give both the same camera, size and overscan."
            raise RequestError("E_GUIDE_CAMERA", f"{folder} was rendered for another view.", hint)
        for name in (f"{kind}.{frame:04d}.exr" for kind in kinds for frame in view.frames):
            if not (folder / name).is_file():
                raise RequestError("E_FILE_MISSING", f"{folder} has no {name}.", "Render all frames of the view.")
            with disk.refusing(target):
                shutil.copyfile(folder / name, target / name)

    return take


def teller(emit: Emit, total: int) -> Callable[[int], None]:
    """Tells how many pictures a Blender has rendered."""

    def tell(done: int) -> None:
        emit(Progress("guide", "rendering", min(done, total), total))

    return tell


def make(camera: CameraPath, wish: Wish, passes: Passes | None, emit: Emit) -> dict[str, Any]:
    """Make the folder and answer with what `guide --json` prints.

    passes      renders what is needed of the scene; None where there is no scene: then only the grid can be made
    Raises what the module says, what `passes` raises and what `view_of` raises.
    """
    view = view_of(camera, wish.size, wish.overscan)
    needed = passes_of(wish.kinds)
    if needed and passes is None:
        hint = "Name the .blend, or ask for --kinds grid."
        lacking = ", ".join(kind for kind in wish.kinds if kind in RENDERED)
        raise RequestError("E_GUIDE_SHOT", f"There is no scene to take {lacking} from.", hint)
    with _staged(wish.out) as folder:
        raw = folder / ".passes"
        raw.mkdir()
        if needed and passes is not None:
            what = " and ".join(needed)
            emit(Stage("guide", "rendering", f"{what} of {len(view)} frames, {view.width}x{view.height}"))
            passes(view, needed, raw)
        emit(Stage("guide", "writing", ", ".join(wish.kinds)))
        is_seen = _drawn(folder, raw, view, wish, emit)
        disk.remove_folder(raw)
        records = {kind: [_record(folder, kind, frame) for frame in view.frames] for kind in wish.kinds}
        view.write(folder / guide_folder.CAMERA)
        disk.write_json(folder / guide_folder.FILE, _document(camera, view, wish, records))
    return _answer(view, wish, [] if is_seen else [NOTHING])


NOTHING = "W_GUIDE_EMPTY: the camera sees nothing of the scene in any frame; the grid is the guide for an empty scene."


def _answer(view: CameraPath, wish: Wish, warnings: list[str]) -> dict[str, Any]:
    return {
        "guide": str(wish.out.resolve()),
        "kinds": list(wish.kinds),
        "frames": len(view),
        "first": view.frames[0],
        "last": view.frames[-1],
        "width": view.width,
        "height": view.height,
        "sha256": fingerprint(wish.out),
        "warnings": warnings,
    }


def _document(camera: CameraPath, view: CameraPath, wish: Wish, records: dict[str, list[Any]]) -> dict[str, Any]:
    """guide.json: which camera, which size, which kinds, and what each file holds."""
    told = {kind: {"unit": UNITS[kind], "frames": frames} for kind, frames in records.items()}
    return {
        "format": guide_folder.FORMAT,
        "version": guide_folder.VERSION,
        "platewright": __version__,
        "camera": {"name": camera.camera, "scene": camera.scene, "sha256": camera.sha256},
        "view": {"file": guide_folder.CAMERA, "width": view.width, "height": view.height, "sha256": view.sha256},
        "overscan": wish.overscan,
        "ground_m": wish.ground_m,
        "kinds": told,
    }


def _record(folder: Path, kind: str, frame: int) -> dict[str, Any]:
    return {"frame": frame, **disk.measure(folder / guide_folder.file_name(kind, frame)).to_dict()}


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """A folder beside `out` that gets its name when the block has ended well, and is gone otherwise."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PlateError("E_GUIDE_EXISTS", f"{out} is there already.", "Name another folder; none is overwritten.")
    part = out.with_name(f"{out.name}{disk.PART}{os.getpid()}")
    with disk.refusing(out):
        part.mkdir(parents=True)
        try:
            yield part
            os.replace(part, out)
        finally:
            shutil.rmtree(part, ignore_errors=True)


# Pictures ----------------------------------------------------------------------------------------


def _drawn(folder: Path, raw: Path, view: CameraPath, wish: Wish, emit: Emit) -> bool:
    """Write every kind's files; False where a depth was rendered and holds nothing in any frame."""
    has_depth = bool(passes_of(wish.kinds))
    is_seen = not has_depth
    for index, frame in enumerate(view.frames):
        if has_depth:
            depth = guides.read_depth(raw / f"depth.{frame:04d}.exr")
            is_seen = _write_depth(folder, depth, view, index, wish.kinds) or is_seen
            if "clay" in wish.kinds:
                _write(folder, "clay", frame, clay(raw / f"clay.{frame:04d}.exr", guides.nearness(depth) > 0))
        if "grid" in wish.kinds:
            _write(folder, "grid", frame, grid.unlabelled(view, index, wish.ground_m or 0.0))
        emit(Progress("guide", "writing", index + 1, len(view)))
    return is_seen


def _write_depth(folder: Path, depth: guides.Depth, view: CameraPath, index: int, kinds: Sequence[str]) -> bool:
    """Depth and edges of a frame; False where there is nothing in it."""
    frame, near = view.frames[index], guides.nearness(depth)
    if "depth" in kinds:
        path = folder / guide_folder.file_name("depth", frame)
        guides.write_depth(path, np.where(near > 0, depth, 0.0).astype(np.float32))
    if "edges" in kinds:
        lines = guide_edges.lines(near, view.intrinsics[index])
        Image.fromarray(lines.astype(np.uint8) * 255).save(folder / guide_folder.file_name("edges", frame))
    return bool(near.any())


def _write(folder: Path, kind: str, frame: int, picture: Picture) -> None:
    Image.fromarray(bytes_from_display(picture)).save(folder / guide_folder.file_name(kind, frame))


def clay(path: Path, is_solid: NDArray[np.bool_]) -> Picture:
    """The rendered clay before a plain sky, display sRGB (height, width, 3); PlateError E_FRAME_READ.

    What the render leaves clear though something is there (height, width) catches shadows alone: plain grey under them.
    """
    source = OpenImageIO.ImageInput.open(str(path))
    pixels = source.read_image(0, 0, 0, 4, "float") if source is not None else None
    if pixels is None or pixels.shape[2] < 4:
        raise PlateError("E_FRAME_READ", f"{path.name} was not rendered whole.", "Make the guide again.")
    sky = float(linear_from_srgb(np.full(1, SKY, dtype=np.float32))[0])
    behind = np.where(is_solid, CAUGHT, sky)[:, :, None] * (1.0 - np.clip(pixels[:, :, 3:4], 0.0, 1.0))
    return srgb_from_linear((pixels[:, :, :3] + behind).astype(np.float32))
