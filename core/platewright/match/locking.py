"""A plate whose camera is the scene's: what the solver found wrong with the pictures is undone in one resample.

    lock = plan(match, camera, to="far")           what must be undone, and what that will leave; refuses early
    picture = lock.picture(index, footage.picture(index))
    lock.report                                    figures and words; sharpness grows with the pictures made

`far`     pins what is far away: turn and focal length. Where the depth of things is known, from the scene or from the
          solved points, the camera's wrong place is corrected too, as long as a warp can do it.
`ground`  pins the plane z = ground_m, by the solved place as well, and stands the plate's own ground up and brings it
          to its height, also where that is wrong alike in every frame. The plane's homography becomes the far one at
          the horizon and stays it above: nothing tears. But what stands on the ground is bent: its foot is where it
          should be, its top is moved as the ground behind it; the report says how much stands there and by how much.
`region`  pins what a mask shows white, by turn and focal length alone: right at the region's own distance, while
          what is nearer or farther slides against it.

Where the plate's world lies in the scene is decided first (`laying`), for no picture tells.

The report holds, all in plate pixels and null where nothing is known:
    to, warnings, world (in words)                                       what lays the plate's world over the scene
    translation (in words), parallax_px, disoccluded                     what the lock does about a wrong place
    correction_deg {mean, max}, focal_ratio {min, max}                   how much it turns and zooms
    residual_before_px, residual_px {points, p95_px, max_px}             of what one rigid scene explains
    bands [{from_m, to_m, points, p95_px, max_px}], usable_beyond_m      the same by depth; the last band is infinity
    bent {share, share_off, p95_px, max_px}                              of a ground lock: what stands on it, and by how
                                                                         much it is off; the share off by over a pixel
    uncovered {mean, max, worst_frame, frames, per_frame, mirrored}      shares of the picture; mirrored: once made,
                                                                         what no other frame could lend
    overscan_needed                                                      that would have covered all of it
    sharpness {before, after, pulse}, sharpness_pulse                    per frame, once its picture is made
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..camera import CameraPath
from ..errors import PlateError, RequestError
from ..pictures import Picture
from . import warping
from .borrowing import borrowed
from .correction import Difference, pinned, sensitivity, steadied
from .footage import Footage, Mask
from .laying import Target, lay
from .overscan import expected_overscan, overscanned
from .placing import Placing, Sight, by_depth, on_ground
from .relief import FarAway, GroundPlane, Relief, hidden
from .settling import Laid
from .surveying import Uncovered, before, bent_warnings, correction_figures, listed, survey, uncovered_warnings
from .views import Array, Views

if TYPE_CHECKING:
    from . import Match

__all__ = ["Lock", "Target", "Uncovered", "expected_overscan", "overscanned", "plan"]


@dataclass(slots=True)
class Lock:
    """A planned lock of F frames; `plan` makes it."""

    frames: tuple[int, ...]                        # scene frames of the pictures
    pictured: Views                                # the camera that the pictures are taken to show, at their size
    wanted: Views                                  # the camera of the plate, at its size
    relief: Relief
    nearness: float                                # usual inverse depth, per metre; 0: everything is far away
    report: dict[str, Any]                         # JSON-safe
    _before: Array = field(repr=False)             # (F,) sharpness; NaN until the picture is made
    _after: Array = field(repr=False)

    def picture(self, index: int, source: Picture, picture_of: Callable[[int], Picture] | None = None) -> Picture:
        """Frame index `index` of the plate, one resample away from `source`, the footage's float picture.

        picture_of   gives the footage's other pictures by index: what `source` does not cover is taken from the nearest
                     that does, and only the rest is mirrored; it is asked for nothing where nothing is uncovered
        Returns float32 (height, width, 3) of the plate, display-referred sRGB, 0..1. RequestError E_FRAMES_SIZE when
        `source` has not the size that was measured; E_DEPTH_READ.
        """
        if source.shape[:2] != (self.pictured.height, self.pictured.width):
            why = f"Frame {self.frames[index]} is {source.shape[1]}x{source.shape[0]} pixels, not as it was measured."
            raise RequestError("E_FRAMES_SIZE", why, "Lock the very frames that were checked.")
        inverse_depth = self.relief.inverse_depth(index)
        positions = warping.source_positions(self.pictured, self.wanted, index, inverse_depth)
        scale = self.pictured.lens[index, :2] / self.wanted.lens[index, :2]
        drawn = warping.resample(source, positions, (float(scale[0]), float(scale[1])))
        if isinstance(inverse_depth, np.ndarray) and not isinstance(self.relief, GroundPlane):
            drawn = warping.filled(drawn, hidden(self.pictured, self.wanted, index, inverse_depth))
        is_missing = ~warping.covered(positions, self.pictured.width, self.pictured.height)
        if picture_of and is_missing.any():
            views = (self.pictured, self.wanted)
            drawn, is_missing = borrowed(drawn, is_missing, views, index, inverse_depth, self.nearness, picture_of)
        self.report["uncovered"]["mirrored"][index] = round(float(is_missing.mean()), 6)
        self._note_sharpness(index, warping.window(source, positions), drawn, float(scale.mean()))
        return drawn

    def enlarged(self, scale: int) -> Lock:
        """The same for pictures that were made so many times as large after they were measured."""
        shown = self.pictured
        width, height = shown.width * scale, shown.height * scale
        return replace(self, pictured=replace(shown, lens=shown.lens * scale, width=width, height=height))

    def _note_sharpness(self, index: int, before: Picture, after: Picture, scale: float) -> None:
        self._before[index], self._after[index] = warping.sharpness(before) * scale, warping.sharpness(after)
        pulse = warping.pulse(self._before, self._after)
        self.report["sharpness"] = {"before": listed(self._before), "after": listed(self._after), "pulse": pulse}
        self.report["sharpness_pulse"] = pulse


def plan(
    match: Match,
    camera: CameraPath,
    *,
    to: Target = "far",
    ground_m: float | None = None,
    scene_depth: Path | None = None,
    region: Path | None = None,
    uncovered: Uncovered = "fill",
) -> Lock:
    """What must be done to every frame, decided for the whole plate before the first is made.

    camera        the camera that is wanted, at the plate's size; its frames hold all of the footage's
    ground_m      height of the scene's ground, metres; None: not known, `to="ground"` then pins it where it is seen
    scene_depth   folder of EXR with planar depth in metres as `camera` sees it, numbered by scene frame
    region        for `to="region"`: a picture, or a folder of them numbered by frame, of the footage's shape; white is
                  what is pinned
    uncovered     where the pictures end before the plate does: `fill`, with a warning, or `refuse`

    PlateError E_UNSOLVED, E_UNCOVERED; RequestError E_RANGE, E_REGION_NONE, E_REGION_EMPTY, E_FILE_MISSING,
    E_DEPTH_FRAMES, E_DEPTH_READ and those of `Mask.open`.
    """
    _require_solved(match, camera)
    wanted = Views.of(camera, match.frames)
    place = lay(match, wanted, _difference(match, wanted), to, ground_m, scene_depth)
    laid, sight = place.match, Sight.of(place.match)
    difference = _difference(laid, wanted)
    if to == "region":
        difference = _region_difference(laid, wanted, sight, region, difference)
    pictured = difference.pictured(laid.given, wanted)
    placing = _placing(place, to, sight, pictured, wanted, scene_depth)
    unseen = np.full(len(wanted), np.nan)
    lock = Lock(match.frames, pictured, wanted, placing.relief, sight.nearness(wanted), {}, unseen, unseen.copy())
    pinned_m = place.ground_m if isinstance(placing.relief, GroundPlane) else None
    report: dict[str, Any] = {"to": to, "world": place.words, **correction_figures(difference), **placing.to_dict()}
    report |= {"residual_before_px": before(match, wanted)}
    report |= survey(laid, sight, pictured, wanted, placing.relief, pinned_m)
    report["warnings"] = [*uncovered_warnings(report, uncovered), *bent_warnings(report["bent"])]
    report |= {"sharpness": {"before": listed(unseen), "after": listed(unseen), "pulse": None}}
    lock.report |= {**report, "sharpness_pulse": None}
    return lock


def _placing(
    place: Laid, to: Target, sight: Sight, pictured: Views, wanted: Views, scene_depth: Path | None
) -> Placing:
    if to == "far":
        return by_depth(place.match, sight, pictured, wanted, scene_depth)
    if to == "ground":
        return on_ground(pictured, wanted, place.ground_m)
    return Placing(
        FarAway(), "left: turn and zoom pin the region at its own distance; what is nearer or farther slides"
    )


def _require_solved(match: Match, camera: CameraPath) -> None:
    if match.solved is None:
        why = f"The camera of these pictures is not known: {match.report.get('reason') or 'it could not be solved'}"
        raise PlateError("E_UNSOLVED", why, "Mask what moves, or make the plate again with more texture.")
    if not camera.frames[0] <= match.frames[0] <= match.frames[-1] <= camera.frames[-1]:
        why = f"The camera's frames {camera.frames[0]} to {camera.frames[-1]} do not hold all that was measured."
        raise RequestError("E_RANGE", why, "Lock with the camera file that the frames were checked with.")


# What is wrong -----------------------------------------------------------------------------------


def _difference(match: Match, wanted: Views) -> Difference:
    assert match.solved is not None
    sight, raw = Sight.of(match), Difference.between(match.solved, match.given, wanted)
    return steadied(raw, sensitivity(sight.points, sight.frame, wanted), match.per_frame["uncertainty_px"])


def _region_difference(match: Match, wanted: Views, sight: Sight, region: Path | None, far: Difference) -> Difference:
    """Turn and zoom that pin the explained points inside the region, as steady as their own noise allows."""
    if region is None:
        raise RequestError("E_REGION_NONE", "There is no region to pin.", "Give a mask with --region; white is pinned.")
    inside = _inside(match, sight, region)
    points, frame = sight.points[inside], sight.frame[inside]
    directions = np.einsum(
        "nji,nj->ni", wanted.world_from_camera[frame], points[:, :3] - points[:, 3:] * wanted.centre[frame]
    )
    is_front = directions[:, 2] > 0
    points, frame, directions = points[is_front], frame[is_front], directions[is_front]
    raw, sigma = pinned(far, match.given, wanted, directions, sight.pixel[inside][is_front], frame)
    if not np.isfinite(sigma).any():
        why = f"No solved point lies where {region.name} is white."
        raise RequestError("E_REGION_EMPTY", why, "Paint the mask over something with texture that does not move.")
    metric = sensitivity(points, frame, wanted)
    metric[:, 4:], metric[:, :, 4:] = 0.0, 0.0
    return steadied(raw, metric, sigma)


def _inside(match: Match, sight: Sight, region: Path) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(N,) observations on the white of their frame's mask."""
    footage = Footage((), match.frames, match.given.width, match.given.height)
    mask = Mask.open(region, footage)
    column = np.clip(sight.pixel[:, 0].astype(int), 0, match.given.width - 1)
    row = np.clip(sight.pixel[:, 1].astype(int), 0, match.given.height - 1)
    inside = np.zeros(len(sight.frame), dtype=np.bool_)
    for index in np.unique(sight.frame):
        here = sight.frame == index
        inside[here] = ~mask.is_free(int(index))[row[here], column[here]]
    return inside
