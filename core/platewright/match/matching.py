"""Does the plate follow the camera? Tracks, cameras solved from the path we know, figures, verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import CameraPath
from ..errors import RequestError
from . import verdict, world
from .aligning import aligned
from .choosing import Tell
from .footage import Footage, Mask
from .intersecting import placed
from .lengths import Cameras, cameras
from .scoring import Figures, measured, under_the_path
from .solving import Solution
from .tracking import Tracks, follow
from .views import Array, Views

FRAMES_MIN = 3
TRACKS_MIN = 24                                    # in the whole clip: fewer are no picture of a place
SETTLE_PX = 1.0                                    # scale of the robust kernel once the cameras are settled


@dataclass(frozen=True, slots=True)
class Match:
    """What was measured of F frames with K tracks; `report` is what `check --json` answers."""

    report: dict[str, Any]
    frames: tuple[int, ...]                        # scene frames
    given: Views                                   # the camera that should have been, at the footage's size
    solved: Views | None                           # the camera the pictures show, aligned to `given`; None: unsolved
    tracks: Tracks
    points_world: Array                            # (K, 4) homogeneous; w = 0: at infinity; NaN: not solved
    residual_px: Array                             # (N,) footage pixels under the solved cameras; NaN: not solved
    is_explained: NDArray[np.bool_]                # (K,) one rigid scene explains it at a pixel of the plate
    per_frame: dict[str, Array]                    # each (F,), plate pixels, degrees, metres; NaN where unknown


def check(
    footage: Footage,
    camera: CameraPath,
    *,
    ground_m: float | None = None,
    scene_depth: Path | None = None,
    mask: Path | None = None,
    plate_size: tuple[int, int] | None = None,
    tell: Tell = lambda stage, done, total: None,
) -> Match:
    """Measure how well `footage` follows `camera`.

    camera       of any size; its lens is fitted to the footage
    ground_m     world height of the ground that CG will stand on
    scene_depth  folder of planar depth in metres, one EXR per frame, as the given camera sees the scene
    mask         areas declared as moving: a picture or a folder of them, white is ignored
    plate_size   the figures' pixels; the footage's own when left out
    tell         hears (stage, done, total) and may raise to stop
    raises       RequestError E_FRAMES_FEW, E_RANGE, and those of reading frames, masks and depths
    """
    path = _at_footage(camera, footage)
    areas = Mask.open(mask, footage) if mask else None
    tracks = follow(footage, areas, lambda done, total: tell("tracking", done, total))
    scale = (plate_size[0] if plate_size else footage.width) / footage.width
    return judged(footage, tracks, path, scale, ground_m=ground_m, scene_depth=scene_depth, tell=tell)


def judged(
    footage: Footage,
    tracks: Tracks,
    path: CameraPath,
    scale: float = 1.0,
    *,
    ground_m: float | None = None,
    scene_depth: Path | None = None,
    tell: Tell = lambda stage, done, total: None,
) -> Match:
    """What the tracks of `footage` say of a camera path at its size.

    scale   plate pixels per footage pixel; the rest as in `check`
    """
    given = Views.of(path, footage.frames)
    if len(tracks.was_lost) < TRACKS_MIN:
        return _unsolved(footage, given, tracks, verdict.little_texture(len(tracks.was_lost)))
    found = cameras(tracks, given, tell)
    if found.share < verdict.RIGID_LEAST:
        return _unsolved(footage, given, tracks, verdict.no_rigid_scene(found.share), round(found.share, 5))
    doubt = found.doubt_px * scale
    everything = aligned_to_all(tracks, given, found)
    figures = measured(tracks, given, everything, scale)
    place = world.measured(footage, tracks, given, everything, figures.is_explained, scale, ground_m, scene_depth)
    misfit = under_the_path(tracks, given, scale)
    report = verdict.report(footage.frames, given, everything, figures, doubt, misfit, place, scale)
    report["witness"] = found.witness if report["verdict"] != "unsolved" else None
    return _match(footage, given, tracks, everything, figures, doubt, report)


def aligned_to_all(tracks: Tracks, given: Views, found: Cameras) -> Solution:
    """A point for every track, and the whole scene laid over the given cameras by what it explains."""
    everything = placed(tracks, found.views, found.model, SETTLE_PX)
    return aligned(tracks, given, everything, everything.weight)


def _at_footage(camera: CameraPath, footage: Footage) -> CameraPath:
    """The camera at the footage's size, over its frames."""
    if len(footage) < FRAMES_MIN:
        why = f"{len(footage)} frames are too few to tell how the camera moves."
        raise RequestError("E_FRAMES_FEW", why, f"Give at least {FRAMES_MIN} frames.")
    outside = [frame for frame in footage.frames if not camera.frames[0] <= frame <= camera.frames[-1]]
    if outside:
        why = f"Frame {outside[0]} is not in the camera's range {camera.frames[0]} to {camera.frames[-1]}."
        raise RequestError("E_RANGE", why, "Give the camera of these very frames, numbered alike.")
    camera.window(footage.frames[0], footage.frames[-1]).refuse_cuts()
    size = (footage.width, footage.height)
    return camera if (camera.width, camera.height) == size else camera.fitted(*size)


def _match(
    footage: Footage,
    given: Views,
    tracks: Tracks,
    solution: Solution,
    figures: Figures,
    doubt: Array,
    report: dict[str, Any],
) -> Match:
    is_known = np.isfinite(figures.error_px)
    is_unsolved = report["verdict"] == "unsolved"
    return Match(
        report=report,
        frames=footage.frames,
        given=given,
        solved=None if is_unsolved else solution.views,
        tracks=tracks,
        points_world=solution.points.homogeneous(),
        residual_px=np.linalg.norm(solution.residual, axis=1),
        is_explained=figures.is_explained,
        per_frame={
            "error_px": figures.error_px,
            "uncertainty_px": np.where(is_known, doubt, np.nan),
            "step_px": figures.step_px,
            "rotation_error_deg": figures.rotation_error_deg,
            "translation_error_m": figures.translation_error_m,
        },
    )


def _unsolved(footage: Footage, given: Views, tracks: Tracks, reason: str, rigidity: float | None = None) -> Match:
    nothing = np.full(len(given), np.nan)
    names = ("error_px", "uncertainty_px", "step_px", "rotation_error_deg", "translation_error_m")
    return Match(
        report=verdict.unsolved(len(given), reason, rigidity),
        frames=footage.frames,
        given=given,
        solved=None,
        tracks=tracks,
        points_world=np.full((len(tracks.was_lost), 4), np.nan),
        residual_px=np.full(len(tracks.track), np.nan),
        is_explained=np.zeros(len(tracks.was_lost), dtype=np.bool_),
        per_frame={name: nothing.copy() for name in names},
    )
