"""What `check` says of pictures whose camera is known: the innocent are locked, each planted error is found.

The guilty are right pictures with a wrong camera file, and a plate that really drifts, rendered so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from platewright.camera import CameraPath
from platewright.match import Match, check, choosing, windowing
from platewright.match.footage import Footage
from platewright.match.views import Views
from tests.match import planted
from tests.match.filmed import filmed, matched, true_match

SIZE = 0.2                                         # a planted error is found with its size within that share
STILL = ("nodal", "zoom", "static", "drift")       # no parallax
Guilt = Callable[[CameraPath], CameraPath]


def expected_px(name: str, given: CameraPath, match: Match) -> np.ndarray:
    """The oracle's error per frame of a sequence that was given that camera."""
    true = filmed(name).true
    if name in STILL:
        return planted.expected_error_px(true, given, planted.all_over(true), rotation_only=True)
    looks = planted.at_tracks(true, match.tracks, match.is_explained, filmed(name).folder / "depth")
    return planted.expected_error_px(true, given, looks)


def assert_size(found: float | None, expected: float) -> None:
    assert found is not None
    assert found == pytest.approx(expected, rel=SIZE), f"{found:.3f} found, {expected:.3f} planted"


# Innocent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["parallax", "crane", "nodal", "zoom", "static"])
def test_the_right_camera_is_locked(name: str) -> None:
    report = true_match(name).report
    assert report["verdict"] == "locked", report["reason"]
    assert report["frames_solved"] == report["frames"] == len(filmed(name).true)
    assert report["camera_error_px"]["p95"] < 0.5
    assert report["rotation_error_deg"]["max"] < 0.05
    assert report["uncertainty_px"] < 0.5
    assert report["rigidity"] > 0.8
    assert report["parallax"] == ("none" if name in STILL else "strong")


def test_tracks_are_all_over_the_picture() -> None:
    """An error seen on the far hills alone would be no measure of the picture."""
    match = true_match("parallax")
    seen = match.is_explained[match.tracks.track]
    column, row = (match.tracks.pixel[seen] // 80).astype(int).T
    assert len(set(zip(column.tolist(), row.tolist(), strict=True))) > 0.8 * 8 * 5


@pytest.mark.parametrize("name", ["parallax", "nodal", "zoom"])
def test_every_second_frame_of_a_right_plate_is_not_lost(tmp_path: Path, name: str) -> None:
    for file in sorted(filmed(name).frames.iterdir())[::2]:
        (tmp_path / file.name).symlink_to(file)
    report = matched(tmp_path, filmed(name).camera).report
    assert report["frames"] == -(-len(filmed(name).true) // 2)
    assert report["verdict"] == "locked", report["reason"]
    assert report["camera_error_px"]["p95"] < 1.0


@pytest.mark.parametrize("name", ["crowd", "clouds"])
def test_what_moves_does_not_fool_it(name: str) -> None:
    """The camera is right: whatever is said of rigidity, no error of the camera is made up."""
    report = true_match(name).report
    assert report["verdict"] in ("locked", "follows"), report["reason"]
    assert report["camera_error_px"]["p95"] < 1.0
    assert report["rotation_error_deg"]["max"] < 0.1


def test_a_declared_sky_may_drift(tmp_path: Path) -> None:
    mask = np.zeros((360, 640), np.uint8)
    mask[:190] = 255
    cv2.imwrite(str(tmp_path / "sky.png"), mask)
    report = check(Footage.open(filmed("clouds").frames), filmed("clouds").camera, mask=tmp_path / "sky.png").report
    assert report["verdict"] == "locked", report["reason"]
    assert report["rigidity"] > true_match("clouds").report["rigidity"] + 0.1


# Guilty cameras -------------------------------------------------------------------------------------

ASIDE = planted.rotation(np.radians([0.0, 2.0, 0.0]))
GUILTY: dict[str, tuple[str, Guilt]] = {
    "drift of 0.3 degrees": ("parallax", lambda path: planted.rotation_drift(path, 0.3)),
    "drift of 3 degrees": ("parallax", lambda path: planted.rotation_drift(path, 3.0)),
    "drift of a tripod pan": ("nodal", lambda path: planted.rotation_drift(path, 1.0, smooth=True)),
    "drift of a zoom": ("zoom", lambda path: planted.rotation_drift(path, 2.0)),
    "drift of a camera that stands": ("static", lambda path: planted.rotation_drift(path, 2.0)),
    "focal length 5 % off": ("parallax", lambda path: planted.focal_error(path, 1.05)),
    "focal length that runs off": ("parallax", lambda path: planted.focal_error(path, 1.06, growing=True)),
    "focal length of a pan 5 % off": ("nodal", lambda path: planted.focal_error(path, 0.95)),
    "zoom too far": ("zoom", lambda path: planted.focal_error(path, 1.04, growing=True)),
    "place 0.3 m off": ("parallax", lambda path: planted.translation_error(path, 0.3)),
    "turned aside all along": ("parallax", lambda path: planted.with_poses(path, planted.poses(path) @ ASIDE)),
    "three frames late": ("parallax", lambda path: planted.late(path, 3)),
    "a pan three frames late": ("nodal", lambda path: planted.late(path, 3)),
}


@cache
def caught(guilt: str) -> tuple[str, CameraPath, Match]:
    """The sequence, the camera it was given, and what the check says."""
    name, plant = GUILTY[guilt]
    given = plant(filmed(name).true)
    return name, given, matched(filmed(name).frames, given)


@pytest.mark.parametrize("guilt", GUILTY)
def test_a_planted_error_is_found_in_its_size(guilt: str) -> None:
    name, given, match = caught(guilt)
    report, expected = match.report, expected_px(name, given, match)
    p95, worst = float(np.percentile(expected, 95)), float(expected.max())
    assert report["frames_solved"] == len(given)
    assert_size(report["camera_error_px"]["p95"], p95)
    assert_size(report["camera_error_px"]["max"], worst)
    assert (report["verdict"] == "locked") == (p95 <= 1 and worst <= 2), report["reason"]


@pytest.mark.parametrize("guilt", [name for name in GUILTY if "drift" in name])
def test_a_drift_is_found_in_degrees(guilt: str) -> None:
    name, given, match = caught(guilt)
    found, expected = match.report["rotation_error_deg"], planted.expected_rotation_deg(filmed(name).true, given)
    assert_size(found["mean"], float(expected.mean()))
    assert_size(found["max"], float(expected.max()))


def test_a_drift_that_starts_anew_is_found_in_its_window() -> None:
    """Windows of twelve frames; the second turns away by a degree, and the third jumps back in one frame."""
    true = filmed("parallax").true
    first, count = true.frames[0], len(true)
    windows = [[first, first + 11], [first + 12, first + 23], [first + 24, first + count - 1]]
    turn_deg = np.zeros(count)
    turn_deg[12:24] = np.linspace(0.0, 1.0, 12)
    turns = [planted.rotation(np.radians([0.0, degrees, 0.0])) for degrees in turn_deg]
    given = planted.with_poses(true, planted.poses(true) @ np.array(turns))
    guilty = windowing.by_window(matched(filmed("parallax").frames, given), windows)
    drift = [window["drift_deg"] for window in guilty]
    assert drift[1] == pytest.approx(1.0, rel=SIZE) and max(drift[0], drift[2]) < 0.1
    assert guilty[0]["seam"] is None and guilty[1]["seam"]["step_px"] < 1.0 < guilty[2]["seam"]["step_px"]
    jumps = windowing.seen(guilty)
    assert len(jumps) == 1 and f"From frame {first + 23} to {first + 24}" in jumps[0]
    innocent = windowing.by_window(true_match("parallax"), windows)
    assert max(window["drift_deg"] for window in innocent) < 0.1 and not windowing.seen(innocent)


def test_a_plate_that_drifts_is_found() -> None:
    """Rendered with another camera than the one in the file."""
    report, given = true_match("drift").report, filmed("drift").camera
    degrees = planted.expected_rotation_deg(filmed("drift").true, given)
    pixels = expected_px("drift", given, true_match("drift"))
    assert report["verdict"] == "follows"
    assert_size(report["rotation_error_deg"]["mean"], float(degrees.mean()))
    assert_size(report["camera_error_px"]["p95"], float(np.percentile(pixels, 95)))
    assert "degrees" in report["reason"]


@pytest.mark.parametrize("name", ["parallax", "nodal"])
def test_jitter_is_told_from_drift(name: str) -> None:
    given = planted.jittered(filmed(name).true, px=0.8, seed=3)
    report = matched(filmed(name).frames, given).report
    assert report["verdict"] != "locked"
    assert_size(report["jitter_px"], planted.expected_jitter_px(filmed(name).true, given))


@pytest.mark.parametrize("guilt", ["drift of 3 degrees", "drift of a tripod pan"])
def test_drift_is_told_from_jitter(guilt: str) -> None:
    assert caught(guilt)[2].report["jitter_px"] < 0.1


# Lost -----------------------------------------------------------------------------------------------

LOST: dict[str, tuple[str, Guilt]] = {
    "mirrored": ("parallax", planted.mirrored),
    "a pan mirrored": ("nodal", planted.mirrored),
    "ten frames late": ("nodal", lambda path: planted.late(path, 10)),
    "backwards": ("parallax", lambda path: planted.with_poses(path, planted.poses(path)[::-1])),
}


@cache
def lost(case: str) -> tuple[str, CameraPath, Match]:
    name, plant = LOST[case]
    given = plant(filmed(name).true)
    return name, given, matched(filmed(name).frames, given)


@pytest.mark.parametrize("case", LOST)
def test_of_a_lost_plate_the_camera_that_took_it_is_found(case: str) -> None:
    """Not where a search got stuck; whatever explains so much is no accident, wherever it started."""
    name, given, match = lost(case)
    assert match.report["verdict"] == "lost", match.report["reason"]
    assert match.report["witness"] == ("path" if "late" in case else "free")
    assert match.report["rigidity"] > 0.9
    assert match.solved is not None
    solved = planted.with_poses(given, homogeneous(match.solved))
    assert planted.expected_rotation_deg(filmed(name).true, solved).max() < 0.1
    expected = expected_px(name, given, match)
    assert_size(match.report["camera_error_px"]["p95"], float(np.percentile(expected, 95)))


def homogeneous(views: Views) -> np.ndarray:
    matrices = np.tile(np.eye(4), (len(views), 1, 1))
    matrices[:, :3, :3], matrices[:, :3, 3] = views.world_from_camera, views.centre
    return matrices


def test_close_to_a_mirrored_path_a_search_gets_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the free start is for: without it nothing holds together."""
    monkeypatch.setattr(choosing, "_opened", lambda tracks, given, close: close)
    name, given, _ = lost("mirrored")
    stuck = matched(filmed(name).frames, given)
    assert stuck.report["rigidity"] < 0.5
    assert stuck.report["verdict"] != "locked"


@pytest.mark.parametrize("name", ["crane", "parallax", "zoom"])
def test_a_right_plate_with_a_hard_path_is_not_lost(tmp_path: Path, name: str) -> None:
    """Every third frame: long steps, turns and zooms at once; its own start explains it."""
    for file in sorted(filmed(name).frames.iterdir())[::3]:
        (tmp_path / file.name).symlink_to(file)
    report = matched(tmp_path, filmed(name).camera).report
    assert report["verdict"] == "locked", report["reason"]
    assert report["witness"] == "path"


# A drift that is the same in every frame ---------------------------------------------------------------


def constant(path: CameraPath, pan_deg: float, pitch_deg: float) -> CameraPath:
    """All cameras turned alike: panned about the vertical, pitched as if the whole world were tilted."""
    turn = planted.rotation(np.radians([pitch_deg, 0.0, pan_deg]))
    pivot = np.eye(4)
    pivot[:3, 3] = planted.poses(path)[:, :3, 3].mean(axis=0)
    return planted.with_poses(path, pivot @ turn @ np.linalg.inv(pivot) @ planted.poses(path))


def test_a_turn_of_the_whole_world_is_no_error() -> None:
    """Nothing in the pictures says where north is, nor, on a tripod, where the horizon should be."""
    report = matched(filmed("nodal").frames, constant(filmed("nodal").true, 2.0, 1.5)).report
    assert report["verdict"] == "locked"
    assert report["camera_error_px"]["p95"] < 0.1
    assert "one turn of all is free" in report["reason"]


def test_a_tilt_of_the_whole_world_shows_in_the_ground() -> None:
    report = matched(filmed("parallax").frames, constant(filmed("parallax").true, 2.0, 1.5), ground_m=0.0).report
    assert report["verdict"] == "locked"
    assert report["camera_error_px"]["p95"] < 0.1
    assert report["ground_tilt_deg"] == pytest.approx(1.5, abs=0.3)
    assert "slopes by 1." in report["reason"]
    assert report["slide_px"]["p95"] > 2.0
    level = matched(filmed("parallax").frames, constant(filmed("parallax").true, 2.0, 0.0), ground_m=0.0).report
    assert level["ground_tilt_deg"] < 0.3
    assert "slopes" not in level["reason"]


# World scale ----------------------------------------------------------------------------------------


def test_without_the_scene_a_scale_cannot_be_seen() -> None:
    """Innocent by definition: such a plate is locked up to the scale of the world, and the report says so."""
    slow = CameraPath.read(filmed("parallax").folder / "slow_camera.json")
    report = matched(filmed("parallax").frames, slow).report
    assert report["verdict"] == "locked", report["reason"]
    assert report["world_scale"] is None
    assert report["slide_px"] is None
    assert "scale" in report["reason"]


def scene(kind: str, prefix: str) -> dict[str, Any]:
    """The scene's own geometry as an option of the check."""
    return {"scene_depth": filmed("parallax").folder / f"{prefix}depth"} if kind == "depth" else {"ground_m": 0.0}


@pytest.mark.parametrize("kind", ["depth", "ground"])
def test_the_right_scale(kind: str) -> None:
    report = matched(filmed("parallax").frames, filmed("parallax").camera, **scene(kind, "")).report
    assert report["verdict"] == "locked"
    assert report["world_scale"] == pytest.approx(1.0, abs=0.02)
    # What is taken for ground may rise a few centimetres above it, and rightly slides against it by a pixel or two.
    assert report["slide_px"]["p95"] < (2.0 if kind == "ground" else 1.0)


@pytest.mark.parametrize("kind", ["depth", "ground"])
def test_a_plate_that_moves_too_far_for_its_scene(kind: str) -> None:
    slow = CameraPath.read(filmed("parallax").folder / "slow_camera.json")
    report = matched(filmed("parallax").frames, slow, **scene(kind, "slow_")).report
    assert report["world_scale"] == pytest.approx(1.2, abs=SIZE * 0.2)
    assert report["slide_px"]["p95"] > 5.0


def test_the_ground_of_a_crane_shot() -> None:
    report = matched(filmed("crane").frames, filmed("crane").camera, ground_m=0.0).report
    assert report["world_scale"] == pytest.approx(1.0, abs=0.02)
    assert report["ground_m"] == pytest.approx(0.0, abs=0.06)
    assert report["ground_tilt_deg"] < 1.0
    wrong = matched(filmed("crane").frames, filmed("crane").camera, ground_m=0.5).report
    assert wrong["slide_px"]["p95"] > 5.0


# Pictures that cannot be vouched for ----------------------------------------------------------------


def test_a_smooth_sky_is_unsolved() -> None:
    report = true_match("sky").report
    assert report["verdict"] == "unsolved"
    assert len(report["reason"]) > 20
    for figure in ("camera_error_px", "uncertainty_px", "jitter_px", "reprojection_px", "rotation_error_deg",
                   "translation_error", "camera_mc", "rigidity", "world_scale", "slide_px"):  # fmt: skip
        assert report[figure] is None, figure
    assert true_match("sky").solved is None


def test_a_smooth_sky_is_not_believed_with_a_wrong_camera_either() -> None:
    given = planted.rotation_drift(filmed("sky").true, 5.0)
    assert matched(filmed("sky").frames, given).report["verdict"] == "unsolved"


@pytest.mark.parametrize("name", ["breathing", "swimming"])
def test_a_picture_that_melts_is_never_locked(name: str) -> None:
    report = true_match(name).report
    assert report["verdict"] != "locked"
    assert report["rigidity"] is None or report["rigidity"] < 0.6


def test_fog_is_no_reason_for_a_wrong_number() -> None:
    report = true_match("fog").report
    assert report["verdict"] in ("locked", "unsolved"), report["reason"]


@pytest.mark.parametrize("name", ["parallax", "nodal", "static", "sky", "breathing"])
def test_a_report_is_plain_json(name: str) -> None:
    """Null where nothing is known; never NaN."""
    json.dumps(true_match(name).report, allow_nan=False)
