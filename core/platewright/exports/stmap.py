"""ST maps of a clip's lens, both ways: where each pixel of the one picture lies in the other.

    <name>_redistort.exr    as large as the clip; says where in the plate: bends the plate like the filmed picture
    <name>_undistort.exr    as large as the plate; says where in the clip: straightens what was filmed

Red and green are shares of the other picture's width and height, from its bottom-left corner, pixel centres at +0.5,
32-bit floats: what Nuke's STMap, OpenImageIO's st_warp and others take. Plate and clip need not have one size: a
plate may be wider than the clip (overscan) or made smaller. -1 is no picture at all: a ray that the lens cannot bring
to the film.

Plate and clip meet in the ray: the plate's by its camera, the clip's by its lens. So the scene's camera must have the
clip's focal length, as Blender's Setup Tracking Scene gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenImageIO

from ..camera import CameraPath
from ..errors import RequestError
from .lens import ClipLens, Points
from .shot import Shot

Map = npt.NDArray[np.float32]                      # (height, width, 3)
LATTICE = 240                                      # points along the longer side: 1e-6 px and less off between them
ROWS = 16                                          # at a time
NOWHERE = -1.0
EDGE_PX = 0.01                                     # less than this beyond the plate is rounding


def lens_of(camera: CameraPath) -> ClipLens:
    """The lens that bends this camera's pictures.

    RequestError E_LENS_NONE where there is none, E_LENS_ZOOM where the camera's own lens changes, E_LENS.
    """
    if camera.lens_distortion is None:
        hint = "Give --lens SHOT.blend, or a camera.json, with a clip whose lens distorts."
        raise RequestError("E_LENS_NONE", "The camera file holds no lens distortion of a movie clip.", hint)
    if len(set(camera.intrinsics)) > 1:
        hint = "Export a range over which the focal length stands still, with --frames A-B."
        raise RequestError("E_LENS_ZOOM", "The focal length changes; a clip's lens is solved for one.", hint)
    return ClipLens.of(camera.lens_distortion)


def redistort(camera: CameraPath, lens: ClipLens) -> Map:
    """Where the plate shows what each of the clip's pixels does; RequestError E_LENS_FOLDS."""
    needed(camera, lens)                           # where the outline does not fold, nothing inside does
    return _filled(lens.size, lambda pixels: _on_plate(camera, lens.rays(pixels)), (camera.width, camera.height))


def undistort(camera: CameraPath, lens: ClipLens) -> Map:
    """Where the clip shows what each of the plate's pixels does."""
    return _filled((camera.width, camera.height), lambda pixels: lens.pixels(_rays(camera, pixels)), lens.size)


def needed(camera: CameraPath, lens: ClipLens) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in the plate's pixels, of what the clip's whole picture shows; E_LENS_FOLDS.

    Its outline is enough: the lens keeps neighbours neighbours.
    """
    width, height = lens.size
    across, down = np.linspace(0, width, width + 1), np.linspace(0, height, height + 1)
    sides = [(across, 0 * across), (across, 0 * across + height), (0 * down, down), (0 * down + width, down)]
    outline = np.concatenate([np.stack(side, axis=-1) for side in sides])
    seen = _on_plate(camera, lens.rays(outline))
    if not np.isfinite(seen).all():
        why = "The clip's lens folds back onto itself inside the clip's own picture."
        raise RequestError("E_LENS_FOLDS", why, "Solve the lens again, with fewer or smaller coefficients.")
    left, top, right, bottom = (float(value) for value in (*seen.min(axis=0), *seen.max(axis=0)))
    return left, top, right, bottom


def warnings(shot: Shot) -> tuple[str, ...]:
    """What of the clip's picture the plate does not cover."""
    camera = shot.camera
    left, top, right, bottom = needed(camera, lens_of(camera))
    short = {
        "left": -left, "top": -top, "right": right - camera.width, "bottom": bottom - camera.height,
    }  # fmt: skip
    bare = ", ".join(f"{px:.1f} px at the {side}" for side, px in short.items() if px > EDGE_PX)
    hint = "make it with the camera that `--to working` writes"
    return (f"W_LENS_UNCOVERED: redistorted, the plate leaves {bare} of the clip empty; {hint}.",) if bare else ()


def redistort_name(shot: Shot) -> str:
    """What the map that bends is called."""
    return f"{shot.name}_redistort.exr"


def undistort_name(shot: Shot) -> str:
    """What the map that straightens is called."""
    return f"{shot.name}_undistort.exr"


def write_redistort(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; RequestError as above, OSError."""
    del folder
    _write(part, redistort(shot.camera, lens_of(shot.camera)))


def write_undistort(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; RequestError as above, OSError."""
    del folder
    _write(part, undistort(shot.camera, lens_of(shot.camera)))


def _rays(camera: CameraPath, pixels: Points) -> Points:
    fx, fy, cx, cy = camera.intrinsics[0]
    return (pixels - (cx, cy)) / (fx, fy)


def _on_plate(camera: CameraPath, rays: Points) -> Points:
    fx, fy, cx, cy = camera.intrinsics[0]
    return rays * (fx, fy) + (cx, cy)


def _filled(size: tuple[int, int], place: Callable[[Points], Points], other: tuple[int, int]) -> Map:
    """The map of a picture: worked out on a lattice, cubic between its points; pixel by pixel where a model folds."""
    step = max(1, max(size) // LATTICE)
    (nodes_x, across), (nodes_y, down) = (_lattice(side, step) for side in size)
    coarse = place(np.stack(np.meshgrid(nodes_x, nodes_y), axis=-1))
    if np.isfinite(coarse).all():
        return _shares(np.stack([down @ coarse[..., axis] @ across.T for axis in range(2)], axis=-1), other)
    pixels_x, pixels_y = (np.arange(side, dtype=np.float64) + 0.5 for side in size)
    blocks = [pixels_y[top : top + ROWS] for top in range(0, size[1], ROWS)]
    return np.concatenate([_shares(place(np.stack(np.meshgrid(pixels_x, rows), axis=-1)), other) for rows in blocks])


def _lattice(side: int, step: int) -> tuple[Points, Points]:
    """Places a step apart, one before and some behind a side, and what each weighs at each pixel: cubic Lagrange."""
    centres = (np.arange(side) + 0.5) / step
    below = np.floor(centres).astype(int)
    u = centres - below
    weights = np.zeros((side, int(below[-1]) + 4))
    cubic = (-u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2, -(u + 1) * u * (u - 2) / 2, (u**3 - u) / 6)
    for number, weight in enumerate(cubic):
        weights[np.arange(side), below + number] = weight
    return (np.arange(weights.shape[1], dtype=np.float64) - 1) * step, weights


def _shares(place: Points, other: tuple[int, int]) -> Map:
    """Pixels of the other picture as shares of its sides, from the bottom-left corner; NOWHERE for NaN."""
    found = np.zeros((*place.shape[:2], 3), np.float32)
    found[..., 0] = place[..., 0] / other[0]
    found[..., 1] = 1 - place[..., 1] / other[1]
    found[~np.isfinite(place).all(axis=-1), :2] = NOWHERE
    return found


def _write(path: Path, place: Map) -> None:
    """Data, not light: 32-bit floats with the colour space named so. OSError."""
    height, width = place.shape[:2]
    spec = OpenImageIO.ImageSpec(width, height, 3, "float")
    spec.attribute("compression", "zip")
    spec.attribute("oiio:ColorSpace", "data")
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None, "OpenImageIO without EXR"
    is_written = output.open(str(path), spec)
    is_written = is_written and output.write_image(place)
    is_written = output.close() and is_written
    if not is_written:
        raise OSError(f"OpenImageIO: {output.geterror()[:200]}")
