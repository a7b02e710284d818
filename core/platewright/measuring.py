"""How well pictures follow a camera, and the files that say so: what `check` leaves behind.

    match.json    the report, and every figure per frame, before and after the lock
    match.png     the same for the eye
    solve.json    the camera that the pictures show, as a camera.json
    points.ply    what they show of the place
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import disk
from .camera import CameraPath
from .disk import FileRecord
from .match import Match, blur, check, leftover, windowing
from .match.drawing import write_match_picture
from .match.footage import Footage
from .match.placing import DEPTH_SHARE, Sight, likeness
from .match.points import track_colours, write_points
from .match.relief import SceneDepth
from .match.views import Array, Views
from .protocol import Emit, Progress, Stage

FORMAT, VERSION = "platewright.match", 1
RANKS = ("locked", "follows", "lost", "unsolved")  # best first
SOLVED_NAME = "Platewright solve"
SHAPE_FACTOR, SHAPE_SHARE = 1.1, 0.6               # so near, so often, is a depth that is the scene's up to one scale
BY_DEPTH = "the scene's depth"                     # what the report says that it was compared with
_CLAIM = re.compile(rf"Against {BY_DEPTH} .*?\.(?= |$)")
UNSHOWN = "W_DEPTH_UNSHOWN: The pictures do not show the scene's own geometry: the lock goes by what they show."


def measured(
    footage: Footage,
    camera: CameraPath,
    job: str,
    emit: Emit,
    detail: str,
    *,
    ground_m: float | None = None,
    scene_depth: Path | None = None,
    mask: Path | None = None,
    plate_size: tuple[int, int] | None = None,
) -> Match:
    """`match.check`, told as a stage with its counts; an `emit` that raises Cancelled ends it.

    A comparison with the scene's depth is taken back where most of the pictures show something else there: a scene
    has things that stand in front of the plate, and a model may not have painted those behind.
    """
    emit(Stage(job, "checking", detail))
    match = check(
        footage,
        camera,
        ground_m=ground_m,
        scene_depth=scene_depth,
        mask=mask,
        plate_size=plate_size,
        tell=lambda stage, done, total: emit(Progress(job, stage, done, total)),
    )
    match.report["blur"] = blur.compared(match, footage, camera.shutter).told()
    if scene_depth is None or match.report.get("world_against") != BY_DEPTH:
        return match
    return match if likeness_in_shape(match, scene_depth) >= SHAPE_SHARE else _without_scale(match)


def likeness_in_shape(match: Match, scene_depth: Path) -> float:
    """The share of explained observations whose depth is the scene's, times one factor for all of them.

    scene_depth   as the camera of `match` sees it. Errors of reading depth
    """
    scene, sight = SceneDepth.open(scene_depth, match.frames, match.given), Sight.of(match)
    place = np.clip(sight.pixel.astype(int), 0, [match.given.width - 1, match.given.height - 1])
    depth_m, nearness = leftover.depths(match.given, sight.points, sight.frame), np.zeros(len(sight.frame))
    for index in range(len(match.frames)):
        here = sight.frame == index
        nearness[here] = scene.inverse_depth(index)[place[here, 1], place[here, 0]]
    is_known = np.isfinite(depth_m) & (depth_m > 0) & (nearness > 0)
    if not is_known.any():
        return 0.0
    logs = np.log(nearness[is_known] * depth_m[is_known])
    return float(np.mean(np.abs(logs - np.median(logs)) <= np.log(SHAPE_FACTOR)))


def _without_scale(match: Match) -> Match:
    reason = _CLAIM.sub("Up to world scale: the pictures do not show the scene's own geometry.", match.report["reason"])
    unknown = {"world_scale": None, "slide_px": None, "world_against": None, "reason": reason}
    return replace(match, report={**match.report, **unknown})


def shown_depth(before: Match, wanted: CameraPath, scene_depth: Path | None) -> Path | None:
    """The scene's depth as `wanted` sees it, if most of what the pictures show lies there.

    A model may paint another place than the scene's, and a lock that went by geometry that is not there would ruin a
    plate. Errors of reading depth.
    """
    if scene_depth is None or before.solved is None:
        return scene_depth
    share, _ = likeness(before, Views.of(wanted, before.frames), scene_depth)
    return scene_depth if share >= DEPTH_SHARE else None


def split(matches: Iterable[Match | None], windows: Sequence[Sequence[int]] | None) -> None:
    """Each report also tells what becomes of the camera in each window of the model's; see `match.windowing`."""
    for match in matches:
        if match is not None and windows:
            match.report["windows"] = windowing.by_window(match, windows)


def told(after: Match, before: Match | None, lock: dict[str, Any] | None) -> dict[str, Any]:
    """The report as plate.json holds it: the finished frames', the model's pictures' before, and what the lock did."""
    beyond = lock.get("usable_beyond_m") if lock else None
    return {
        **after.report,
        "usable_beyond_m": beyond,
        "before": before.report if before else None,
        "lock": lock,
    }


def publish(
    folder: Path,
    title: str,
    camera: CameraPath,
    footage: Footage,
    after: Match,
    before: Match | None = None,
    lock: dict[str, Any] | None = None,
) -> list[FileRecord]:
    """Write the files into `folder`; solve.json and points.ply only where the camera was solved.

    Raises PlateError of `disk.publish` and of reading frames.
    """
    beyond = lock.get("usable_beyond_m") if lock else None
    document = {
        "format": FORMAT,
        "version": VERSION,
        **told(after, before, lock),
        "frame_numbers": list(after.frames),
        "per_frame": _lists(after.per_frame),
        "per_frame_before": _lists(before.per_frame) if before else None,
    }
    files = [
        disk.write_json(folder / "match.json", document),
        write_match_picture(folder / "match.png", after, before, footage, title=title, usable_beyond_m=beyond),
    ]
    if after.solved is not None:
        points = np.where(after.is_explained[:, None], after.points_world, np.nan)
        colours = track_colours(after.tracks, len(points), footage.picture)
        files.append(write_points(folder / "points.ply", points, colours))
    if after.solved is not None and len(after.frames) == after.frames[-1] - after.frames[0] + 1:
        solved = after.solved.path(camera, after.frames, SOLVED_NAME)
        files.append(disk.write_bytes(folder / "solve.json", solved.to_json().encode("utf-8")))
    return files


def warnings(report: dict[str, Any], before: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """What an artist must know of a plate that does not follow, or no better than `before` its lock: code, sentence."""
    found: list[tuple[str, str]] = []
    if report["verdict"] == "lost":
        found.append(("W_CAMERA_LOST", f"The plate does not follow the camera. {report['reason']}"))
    if report["verdict"] == "unsolved":
        why = f"Whether the plate follows the camera is not known. {report['reason']}"
        found.append(("W_CAMERA_UNSOLVED", why))
    if differs := (report.get("blur") or {}).get("differs"):
        found.append(("W_SHUTTER", differs))
    found += [("W_SEAM", sentence) for sentence in windowing.seen(report.get("windows") or [])]
    if before is not None and quality(report) > quality(before):
        was = f"it was {before['verdict']}, and is {report['verdict']}"
        found.append(("W_LOCK_NO_GAIN", f"The lock did not help: {was}. Try --no-lock, or another --to."))
    return found


def is_met(requirement: str, match: dict[str, Any] | None) -> bool:
    """Whether a verdict is as good as was required; nothing measured is not."""
    if not requirement:
        return True
    return match is not None and RANKS.index(match["verdict"]) <= RANKS.index(requirement)


def quality(match: dict[str, Any] | None) -> tuple[float, ...]:
    """A key that sorts the best plate first: verdict, then camera error, then rigidity."""
    if match is None:
        return (float(len(RANKS)),)
    error = (match.get("camera_error_px") or {}).get("p95")
    far = float("inf") if error is None else float(error)
    return float(RANKS.index(match["verdict"])), far, -float(match.get("rigidity") or 0.0)


def _lists(per_frame: dict[str, Array]) -> dict[str, list[float | None]]:
    """Figures as JSON has them: null where a figure is not known."""
    return {
        name: [round(float(value), 6) if np.isfinite(value) else None for value in values]
        for name, values in per_frame.items()
    }
