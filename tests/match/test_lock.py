"""What `lock` writes, held against what the wanted camera really shows.

The truth is a render by the wanted camera, or the footage turned to it by the planted error itself. OpenCV's optical
flow says how far the locked pictures are from it; no code of the lock or of the check takes part in that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from platewright.camera import CameraPath
from platewright.match import Match, locking
from platewright.match.footage import Footage
from tests.match import planted
from tests.match.filmed import filmed, matched, true_match

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]
LIMIT_PX, LIMIT_DEG = 1.0, 0.1


# Locking and measuring ------------------------------------------------------------------------------


def written(lock: locking.Lock, footage: Footage, folder: Path) -> list[Grey]:
    """Write the locked pictures as PNG; returns them in grey."""
    for index, frame in enumerate(footage.frames):
        picture = lock.picture(index, footage.picture(index))
        codes = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        cv2.imwrite(str(folder / f"locked.{frame}.png"), codes[..., ::-1])
    return greys(folder)


def greys(folder: Path) -> list[Grey]:
    return [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(folder.iterdir())]


def flow(truth: Grey, shown: Grey, inside: Grey) -> tuple[Array, Array]:
    """Corners of the truth (N, 2), where `inside` is set, and where `shown` has them; there and back within 0.3 px."""
    # Every measure in the middle of pixels: OpenCV counts from the first pixel's centre.
    corners = cv2.goodFeaturesToTrack(truth, 500, 0.01, 7, mask=inside)
    window = {"winSize": (21, 21), "maxLevel": 4}
    there, found, _ = cv2.calcOpticalFlowPyrLK(truth, shown, corners, None, **window)
    back, again, _ = cv2.calcOpticalFlowPyrLK(shown, truth, there, None, **window)
    good = (found & again).ravel().astype(bool) & (np.linalg.norm(back - corners, axis=2).ravel() < 0.3)
    return corners[good, 0] + 0.5, there[good, 0] + 0.5


def turned(picture: Grey, taken: CameraPath, wanted: CameraPath, index: int) -> Grey:
    """The picture as the wanted camera shows it from the same place."""
    size = (wanted.width, wanted.height)
    return cv2.warpPerspective(picture, turn_between(taken, wanted, index), size, flags=cv2.INTER_LANCZOS4)


def covered(taken: CameraPath, wanted: CameraPath) -> list[Grey]:
    """Per frame 1 where the taken picture reaches, a little less than that: what is free by definition may shift it."""
    whole = np.ones((taken.height, taken.width), np.uint8)
    parts = (turned(whole, taken, wanted, index) for index in range(len(wanted)))
    return [cv2.erode(part, np.ones((51, 51)), borderValue=0) for part in parts]


def turn_between(taken: CameraPath, wanted: CameraPath, index: int) -> Array:
    """(3, 3) homography from the taken picture's pixels to the wanted one's, for OpenCV's corner."""
    turn = planted.poses(wanted)[index, :3, :3].T @ planted.poses(taken)[index, :3, :3]
    return intrinsic(wanted, index) @ turn @ np.linalg.inv(intrinsic(taken, index))


def intrinsic(path: CameraPath, index: int) -> Array:
    fx, fy, cx, cy = path.intrinsics[index]
    return np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])


def left_px(
    truth: list[Grey], shown: list[Grey], wanted: CameraPath, taken: CameraPath, depth: Path | None = None
) -> tuple[Array, Array]:
    """Pixels (N,) between pictures and truth, after one rotation (one similarity) of the whole; metres (N,) away.

    wanted   the camera of the truth
    taken    the one that took the footage: beyond its pictures nothing is looked at
    """
    frames, points, places, metres = [], [], [], []
    for index, (right, other, inside) in enumerate(zip(truth, shown, covered(taken, wanted), strict=True)):
        pixel, place = flow(right, other, inside)
        column, row = pixel.astype(int).T
        far = np.full(right.shape, planted.FAR_M)
        away = (planted.read_depth(depth / f"depth.{wanted.frames[index]}.exr") if depth else far)[row, column]
        frame = np.full(len(pixel), index)
        points.append(planted.world_points(wanted, planted.Looks(frame, pixel, away.astype(np.float64))))
        frames.append(frame), places.append(place), metres.append(away)
    rest = planted.misfit(wanted, np.concatenate(points), np.concatenate(frames), np.concatenate(places), depth is None)
    return np.linalg.norm(rest, axis=1), np.concatenate(metres)


# Camera that stand still ----------------------------------------------------------------------------

Guilt = Callable[[CameraPath], CameraPath]
TURNS: dict[str, tuple[str, Guilt]] = {
    "pan, 5 degrees": ("nodal", lambda path: planted.rotation_drift(path, 5.0)),
    "zoom, 5 degrees": ("zoom", lambda path: planted.rotation_drift(path, 5.0, smooth=True)),
    "pan, 2 degrees and 4 % of zoom": (
        "nodal", lambda path: planted.focal_error(planted.rotation_drift(path, 2.0), 1.04, growing=True)
    ),
}  # fmt: skip


@cache
def turned_case(case: str) -> tuple[CameraPath, Footage, Match]:
    name, plant = TURNS[case]
    wanted = plant(filmed(name).true)
    return wanted, Footage.open(filmed(name).frames), matched(filmed(name).frames, wanted)


@pytest.fixture(scope="module", params=TURNS)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def locked_in(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the case's locked pictures."""
    wanted, footage, match = turned_case(case)
    folder = tmp_path_factory.mktemp("locked")
    written(locking.plan(match, wanted, to="far"), footage, folder)
    return folder


def test_a_turn_is_taken_out(case: str, locked_in: Path) -> None:
    wanted, true, locked = turned_case(case)[0], filmed(TURNS[case][0]).true, greys(locked_in)
    footage_grey = greys(filmed(TURNS[case][0]).frames)
    truth = [turned(picture, true, wanted, index) for index, picture in enumerate(footage_grey)]
    left, _ = left_px(truth, locked, wanted, true)
    assert len(left) > 4000
    assert np.percentile(left, 95) <= LIMIT_PX, f"{np.percentile(left, 95):.2f} px"
    before, _ = left_px(truth, footage_grey, wanted, true)
    assert np.percentile(before, 95) > 5 * LIMIT_PX                    # guilty: the measure sees what was there


def test_the_check_agrees(case: str, locked_in: Path) -> None:
    report = matched(locked_in, turned_case(case)[0]).report
    assert report["verdict"] == "locked", report["reason"]
    assert report["rotation_error_deg"]["max"] <= LIMIT_DEG


def test_turns_between_locked_pictures_are_the_cameras(case: str, locked_in: Path) -> None:
    """Another witness: SIFT and homographies from the middle picture to others, against the wanted rotations."""
    wanted, locked = turned_case(case)[0], greys(locked_in)
    middle = len(locked) // 2
    poses = planted.poses(wanted)[:, :3, :3]
    for index in (0, len(locked) // 4, 3 * len(locked) // 4, len(locked) - 1):
        here, there = common(locked[middle], locked[index])
        error = turn_of(rays(wanted, middle, here), rays(wanted, index, there)).T @ poses[index].T @ poses[middle]
        degrees = np.degrees(np.arccos(np.clip((np.trace(error) - 1) / 2, -1, 1)))
        assert degrees <= LIMIT_DEG, f"picture {index}: {degrees:.3f} degrees"


def common(one: Grey, other: Grey) -> tuple[Array, Array]:
    """Places (N, 2) of both pictures that one homography explains."""
    sift = cv2.SIFT_create(3000)
    (points, features), (places, others) = (sift.detectAndCompute(picture, None) for picture in (one, other))
    pairs = cv2.BFMatcher().knnMatch(features, others, k=2)
    good = [first for first, second in pairs if first.distance < 0.7 * second.distance]
    here = np.array([points[match.queryIdx].pt for match in good])
    there = np.array([places[match.trainIdx].pt for match in good])
    _, fits = cv2.findHomography(here, there, cv2.USAC_MAGSAC, 1.0, maxIters=10000, confidence=0.9999)
    kept = fits.ravel().astype(bool)
    return here[kept], there[kept]


def rays(path: CameraPath, index: int, pixels: Array) -> Array:
    """(N, 3) unit directions through OpenCV's pixels."""
    ahead = np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(intrinsic(path, index)).T
    return ahead / np.linalg.norm(ahead, axis=1, keepdims=True)


def turn_of(before: Array, after: Array) -> Array:
    """(3, 3) the rotation that takes directions to directions best (Kabsch)."""
    left, _, right = np.linalg.svd(after.T @ before)
    return left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right


def test_a_rendered_drift_becomes_the_wanted_render(tmp_path: Path) -> None:
    """`drift` locked against `nodal`: the very camera, rendered."""
    wanted, footage = filmed("drift").camera, Footage.open(filmed("drift").frames)
    locked = written(locking.plan(true_match("drift"), wanted, to="far"), footage, tmp_path)
    truth = greys(filmed("nodal").frames)[: len(locked)]
    left, _ = left_px(truth, locked, wanted, filmed("drift").true)
    assert len(left) > 4000
    assert np.percentile(left, 95) <= LIMIT_PX, f"{np.percentile(left, 95):.2f} px"
    before, _ = left_px(truth, greys(filmed("drift").frames), wanted, filmed("drift").true)
    assert np.percentile(before, 95) > 5 * LIMIT_PX


# Cameras that move ----------------------------------------------------------------------------------


@cache
def wide_case(name: str) -> tuple[CameraPath, Footage, Match]:
    """A dolly generated wider than the plate: `overscan` turns away by 2 degrees, `astray` is up to 0.35 m beside its
    path and turns by 0.7 degrees."""
    wanted, wide = filmed(name).camera, filmed(name).true
    given = wanted.cropped(-64, -36, wide.width, wide.height)
    return wanted, Footage.open(filmed(name).frames), matched(filmed(name).frames, given)


@cache
def wide_locked(name: str, to: str, has_depth: bool) -> tuple[dict[str, Any], list[Grey]]:
    """The lock's report, and what it writes."""
    wanted, footage, match = wide_case(name)
    known: dict[str, Any] = {"ground_m": 0.0} if to == "ground" else {}
    if has_depth:
        known["scene_depth"] = filmed("parallax").folder / "depth"
    with tempfile.TemporaryDirectory() as folder:
        lock = locking.plan(match, wanted, to=to, **known)                   # type: ignore[arg-type]
        return lock.report, written(lock, footage, Path(folder))


def left_of(name: str, shown: list[Grey]) -> tuple[Array, Array]:
    """Pixels and metres: against `parallax`, the wanted camera itself, rendered with its depth."""
    truth, depth = greys(filmed("parallax").frames)[: len(shown)], filmed("parallax").folder / "depth"
    return left_px(truth, shown, filmed(name).camera, filmed(name).true, depth)


def cut_out(name: str) -> list[Grey]:
    """The footage without its overscan: not locked."""
    return [picture[36:-36, 64:-64] for picture in greys(filmed(name).frames)]


@pytest.mark.parametrize("has_depth", [False, True])
def test_a_drift_on_a_moving_camera_is_taken_out_at_every_depth(has_depth: bool) -> None:
    report, locked = wide_locked("overscan", "far", has_depth)
    assert report["usable_beyond_m"] == 0.0
    assert report["uncovered"]["max"] == 0.0
    left, metres = left_of("overscan", locked)
    for near, far in pairwise((3, 8, 15, 30, np.inf)):
        assert np.percentile(left[(metres >= near) & (metres < far)], 95) <= LIMIT_PX
    before, _ = left_of("overscan", cut_out("overscan"))
    assert np.percentile(before, 95) > 5 * LIMIT_PX


def test_a_wrong_place_is_mended_by_the_scenes_depth() -> None:
    """Up to 35 px of parallax, everywhere: and not only up to a similarity, the very picture."""
    report, locked = wide_locked("astray", "far", True)
    assert report["translation"] == "corrected by scene depth"
    assert report["parallax_px"] > 20
    assert report["usable_beyond_m"] <= 5.0
    left, metres = left_of("astray", locked)
    for near, far in pairwise((3, 8, 15, 50)):
        assert np.percentile(left[(metres >= near) & (metres < far)], 95) <= LIMIT_PX
    assert np.percentile(left, 95) <= LIMIT_PX
    before, _ = left_of("astray", cut_out("astray"))
    assert np.percentile(before, 95) > 5 * LIMIT_PX
    for index in (0, 10, 19):
        truth = cv2.imread(str(sorted(filmed("parallax").frames.iterdir())[index]), cv2.IMREAD_GRAYSCALE)
        pixel, place = flow(truth, locked[index], np.ones_like(truth))
        assert np.median(np.linalg.norm(place - pixel, axis=1)) < 0.5


def test_the_check_agrees_that_a_wrong_place_is_mended(tmp_path: Path) -> None:
    wanted, footage, match = wide_case("astray")
    assert match.report["verdict"] != "locked"
    lock = locking.plan(match, wanted, scene_depth=filmed("parallax").folder / "depth")
    written(lock, footage, tmp_path)
    report = matched(tmp_path, wanted).report
    assert report["verdict"] == "locked", report["reason"]


@pytest.mark.parametrize("to", ["far", "ground"])
def test_a_wrong_place_without_the_scenes_depth_promises_no_more_than_it_keeps(to: str) -> None:
    """Solved points do not know where one thing ends and the next begins; a plane knows nothing that stands on it."""
    report, locked = wide_locked("astray", to, False)
    left, metres = left_of("astray", locked)
    beyond = report["usable_beyond_m"]
    assert beyond is None or np.percentile(left[metres >= beyond], 95) <= LIMIT_PX
    before, _ = left_of("astray", cut_out("astray"))
    assert np.median(left) < 0.3 * np.median(before)
    if to == "ground":
        assert report["bent"]["share"] > 0.3
        assert "W_BENT" in report["warnings"][-1]


def test_the_ground_is_pinned() -> None:
    """What lies on it is where the wanted camera sees it; what stands on it need not be."""
    _, locked = wide_locked("astray", "ground", False)
    wanted, taken = filmed("astray").camera, filmed("astray").true
    places, frames, points = [], [], []
    for index, inside in enumerate(covered(taken, wanted)):
        truth = cv2.imread(str(sorted(filmed("parallax").frames.iterdir())[index]), cv2.IMREAD_GRAYSCALE)
        world = shown_world(wanted, index)
        bare = cv2.erode((np.abs(world[..., 2]) < 0.02).astype(np.uint8), np.ones((21, 21)))
        pixel, place = flow(truth, locked[index], inside & bare)
        column, row = pixel.astype(int).T
        places.append(place), points.append(world[row, column])
        frames.append(np.full(len(pixel), index))
    assert sum(map(len, frames)) > 500
    rest = planted.misfit(wanted, np.concatenate(points), np.concatenate(frames), np.concatenate(places))
    assert np.percentile(np.linalg.norm(rest, axis=1), 95) <= LIMIT_PX


def shown_world(wanted: CameraPath, index: int) -> Array:
    """(H, W, 3) metres: what each pixel of `parallax` shows."""
    depth = planted.read_depth(filmed("parallax").folder / "depth" / f"depth.{wanted.frames[index]}.exr")
    row, column = np.indices(depth.shape).reshape(2, -1) + 0.5
    looks = planted.Looks(np.full(depth.size, index), np.column_stack([column, row]), depth.ravel().astype(np.float64))
    return planted.world_points(wanted, looks).reshape(*depth.shape, 3)


def test_a_turn_aside_all_along_is_taken_out_where_the_path_shows_it() -> None:
    """The same two degrees in every frame: not half a turn and half a wrong place."""
    right = filmed("parallax").true
    aside = planted.rotation(np.radians([0.0, 2.0, 0.0]))
    wanted = planted.with_poses(right, planted.poses(right) @ aside)
    lock = locking.plan(matched(filmed("parallax").frames, wanted), wanted)
    assert lock.report["world"] == "laid place on place"
    assert lock.report["correction_deg"]["mean"] == pytest.approx(2.0, abs=0.1)
    assert lock.report["usable_beyond_m"] == 0.0
    turns = planted.poses(wanted)[:, :3, :3].transpose(0, 2, 1) @ lock.pictured.world_from_camera
    error = turns @ aside[:3, :3]
    degrees = np.degrees(np.arccos(np.clip((np.trace(error, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert degrees.max() < 0.3                     # of all of it: a straight path does not tell how its world rolls
    assert np.ptp(degrees) <= LIMIT_DEG


def test_a_ground_that_slopes_all_along_is_stood_up(tmp_path: Path) -> None:
    """A tilt that is the same in every frame: a lock to what is far does not see it, one to the ground does."""
    frames, right = filmed("parallax").frames, filmed("parallax").true
    pivot = np.eye(4)
    pivot[:3, 3] = planted.poses(right)[:, :3, 3].mean(axis=0)
    tilt = pivot @ planted.rotation(np.radians([1.5, 0.0, 0.0])) @ np.linalg.inv(pivot)
    wanted = planted.with_poses(right, tilt @ planted.poses(right))
    match = matched(frames, wanted, ground_m=0.0)
    assert match.report["ground_tilt_deg"] == pytest.approx(1.5, abs=0.3)
    assert locking.plan(match, wanted, ground_m=0.0).report["correction_deg"]["max"] == 0.0
    lock = locking.plan(match, wanted, to="ground", ground_m=0.0)
    before, after = [], []
    locked = written(lock, Footage.open(frames), tmp_path)
    for index, picture in enumerate(greys(frames)):
        world = shown_world(right, index)
        bare = cv2.erode((np.abs(world[..., 2]) < 0.02).astype(np.uint8), np.ones((21, 21)))
        pixel, place = flow(picture, locked[index], bare)
        column, row = pixel.astype(int).T
        there = planted.project(wanted, world[row, column], np.full(len(pixel), index))
        before.append(pixel - there), after.append(place - there)
    off, left = np.concatenate(before), np.concatenate(after)
    assert np.median(np.linalg.norm(off, axis=1)) > 15
    assert np.median(np.linalg.norm(left, axis=1)) < 1.5                      # a tenth of a degree, of all of it
    assert np.percentile(np.linalg.norm(left - np.median(left, axis=0), axis=1), 95) <= LIMIT_PX
