"""Locks of pictures whose true camera is known: what comes back, what is refused, what the report says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from numpy.typing import NDArray

from platewright.camera import CameraPath
from platewright.errors import PlateError, RequestError
from platewright.match import locking, warping
from platewright.match.relief import SceneDepth
from platewright.match.views import Array, Views
from tests.core import painted_world as world
from tests.core.locked_world import FRAMES, LAST, left_deg, lock_of, moving, nodal


def depth_folder(folder: Path, camera: CameraPath, scale: float = 1.0, channel: str = "Z") -> Path:
    folder.mkdir()
    for index, frame in enumerate(camera.frames):
        depth = world.depth_of(Views.of(camera), index)
        metres = np.where(np.isfinite(depth), depth * scale, 1e10).astype(np.float32)
        output = OpenImageIO.ImageOutput.create("exr")
        spec = OpenImageIO.ImageSpec(camera.width, camera.height, 1, "float")
        spec.channelnames = (channel,)
        assert output.open(str(folder / f"depth.{frame}.exr"), spec)
        assert output.write_image(np.ascontiguousarray(metres[..., None]))
        output.close()
    return folder


def band(report: dict[str, Any], from_m: float | None) -> dict[str, Any]:
    return next(entry for entry in report["bands"] if entry["from_m"] == from_m)


# Turn and zoom -----------------------------------------------------------------------------------


@pytest.mark.parametrize("noise_px", [0.0, 0.3])
def test_a_drift_of_five_degrees_comes_back(noise_px: float) -> None:
    camera, shown, found = nodal(5.0, noise_px=noise_px)
    lock = lock_of(found, camera)
    assert left_deg(lock, shown).max() <= 0.1
    report = lock.report
    assert report["residual_before_px"]["p95_px"] > 20
    assert report["residual_px"]["p95_px"] <= 1.0
    assert report["correction_deg"]["max"] == pytest.approx(5.0, rel=0.02)
    assert report["focal_ratio"]["max"] == pytest.approx(np.exp(0.03), rel=0.01)
    assert report["usable_beyond_m"] == 0.0
    assert report["uncovered"]["max"] == 0.0


def test_the_locked_picture_is_the_picture_that_was_wanted() -> None:
    camera, shown, found = nodal(5.0)
    lock = lock_of(found, camera)
    source, _ = world.look(shown, LAST)
    truth, _ = world.look(Views.of(camera), LAST)
    locked = lock.picture(LAST, source)
    assert locked.shape == truth.shape
    assert locked.dtype == np.float32
    assert world.psnr(locked, truth) > 34
    assert world.psnr(source[45:-45, 80:-80], truth) < 22                    # guilty: only cropped


def test_a_correction_of_the_wrong_sign_is_found() -> None:
    camera, shown, found = nodal(5.0)
    lock = lock_of(found, camera)
    found = replace(found, solved=world.drifted(found.given, -world.growing(FRAMES, (0.5, 1, 0.4), 5.0)))
    wrong = lock_of(found, camera)
    source, _ = world.look(shown, LAST)
    truth, _ = world.look(Views.of(camera), LAST)
    assert left_deg(wrong, shown).max() > 9
    assert world.psnr(wrong.picture(LAST, source), truth) < world.psnr(lock.picture(LAST, source), truth) - 15


def test_a_right_plate_comes_back_bit_by_bit() -> None:
    camera = world.pan(FRAMES)
    views = Views.of(camera)
    found = world.found(camera, views)
    noise = np.random.default_rng(1).normal(size=(FRAMES, 3))
    found = replace(found, solved=world.drifted(views, np.degrees(0.005 / views.lens[0, 0]) * noise))
    lock = lock_of(found, camera)
    picture = np.random.default_rng(0).random((180, 320, 3), dtype=np.float32)
    assert np.array_equal(lock.picture(3, picture), picture)
    assert lock.report["correction_deg"]["max"] == 0.0
    assert lock.report["warnings"] == []
    assert lock.report["overscan_needed"] == 0.0


def test_an_enlargement_and_a_crop_are_the_same_resample() -> None:
    """A small model's frames with overscan become a plate of twice the pixels."""
    camera = world.pan(FRAMES, (320, 180))
    native = locking.overscanned(camera, 0.25).scaled(200, 112)
    shown = Views.of(native)
    lock = lock_of(world.found(camera, shown, shown), camera)
    source, _ = world.look(shown, 0, finest_px=8.0)
    truth, _ = world.look(Views.of(camera), 0, finest_px=16.0)
    assert world.psnr(lock.picture(0, source), truth) > 30
    assert lock.report["uncovered"]["max"] == 0.0


def test_sharpness_is_told_frame_by_frame() -> None:
    camera, shown, found = nodal(3.0)
    lock = lock_of(found, camera)
    assert lock.report["sharpness"]["after"] == [None] * FRAMES
    for index in (0, 5, LAST):
        lock.picture(index, world.look(shown, index)[0])
    told = lock.report["sharpness"]
    assert told["after"][1] is None
    assert told["after"][LAST] == pytest.approx(told["before"][LAST], rel=0.1)
    assert 0 < lock.report["sharpness_pulse"] < 0.05
    json.dumps(lock.report, allow_nan=False)


def test_frames_of_another_size_are_refused() -> None:
    camera, _, found = nodal(1.0)
    with pytest.raises(RequestError) as refusal:
        lock_of(found, camera).picture(0, np.zeros((180, 320, 3), dtype=np.float32))
    assert refusal.value.code == "E_FRAMES_SIZE"


def test_what_was_not_solved_cannot_be_locked() -> None:
    camera, _, found = nodal(1.0)
    found = replace(found, solved=None, report={"reason": "nothing but fog"})
    with pytest.raises(PlateError, match="fog") as refusal:
        lock_of(found, camera)
    assert refusal.value.code == "E_UNSOLVED"


def test_a_camera_of_other_frames_is_refused() -> None:
    camera, _, found = nodal(1.0)
    with pytest.raises(RequestError) as refusal:
        lock_of(found, camera.window(1003, 1012))
    assert refusal.value.code == "E_RANGE"


# What is not covered -----------------------------------------------------------------------------


def test_an_uncovered_rim_is_told_filled_and_refused() -> None:
    camera, shown, found = nodal(5.0, overscan=0.1)
    lock = lock_of(found, camera)
    report = lock.report
    assert report["uncovered"]["max"] > 0.02
    assert report["uncovered"]["worst_frame"] == camera.frames[-1]
    assert report["uncovered"]["per_frame"][0] == 0.0
    assert "W_UNCOVERED" in report["warnings"][0]
    assert "1012" in report["warnings"][0]
    dark = lock.picture(LAST, np.clip(world.look(shown, LAST)[0], 0.3, 1.0)).min()
    assert dark > 0.2                              # no black corner
    with pytest.raises(PlateError, match="1012") as refusal:
        lock_of(found, camera, uncovered="refuse")
    assert refusal.value.code == "E_UNCOVERED"
    assert f"--overscan {report['overscan_needed']:.3g}" in refusal.value.hint


def test_other_frames_lend_what_one_does_not_show() -> None:
    camera, shown, found = nodal(-5.0, overscan=0.1)
    lock = lock_of(found, camera)
    source, truth = world.look(shown, LAST)[0], world.look(Views.of(camera), LAST)[0]
    asked: list[int] = []

    def picture_of(index: int) -> NDArray[np.float32]:
        asked.append(index)
        return world.look(shown, index)[0]

    mirrored = lock.picture(LAST, source)
    lent = lock.picture(LAST, source, picture_of)
    share = lock.report["uncovered"]
    assert 0 < len(asked) <= 4
    assert share["mirrored"][LAST] < 0.5 * share["per_frame"][LAST]
    positions = warping.source_positions(lock.pictured, lock.wanted, LAST)
    was_missing = ~warping.covered(positions, shown.width, shown.height)
    assert np.array_equal(lent[~was_missing], mirrored[~was_missing])
    wrong = [float(np.mean((picture - truth)[was_missing] ** 2)) for picture in (mirrored, lent)]
    assert wrong[1] < 0.6 * wrong[0]
    asked.clear()
    lock.picture(0, world.look(shown, 0)[0], picture_of)
    assert asked == []                             # its own frame shows everything


def test_the_overscan_that_is_named_is_enough_and_a_little_less_is_not() -> None:
    camera, _, found = nodal(5.0, overscan=0.1)
    needed = lock_of(found, camera).report["overscan_needed"]
    assert lock_of(nodal(5.0, overscan=needed + 0.02)[2], camera, uncovered="refuse").report["uncovered"]["max"] == 0.0
    with pytest.raises(PlateError):
        lock_of(nodal(5.0, overscan=needed - 0.04)[2], camera, uncovered="refuse")


# The wrong place ---------------------------------------------------------------------------------


def test_a_turn_alone_leaves_what_is_near_and_says_so(tmp_path: Path) -> None:
    camera, _, found = moving(0.25)
    depth = depth_folder(tmp_path / "depth", world.path([world.level_pose(0, -6, 9, 0, -60)] * FRAMES))
    report = lock_of(found, camera, scene_depth=depth).report                # guilty depth: nothing to warp by
    assert report["translation"].startswith("refused: the scene's depth is not what the pictures show")
    assert band(report, None)["p95_px"] < 0.2
    assert band(report, 2.0)["p95_px"] > 5
    assert report["usable_beyond_m"] is None or report["usable_beyond_m"] > 20


@pytest.mark.parametrize("channel", ["Z", "ViewLayer.Depth.Z", "Depth.V"])
def test_a_depth_picture_is_read_whatever_its_channel_is_called(tmp_path: Path, channel: str) -> None:
    camera = world.dolly(1)
    folder = depth_folder(tmp_path / "depth", camera, channel=channel)
    inverse = SceneDepth.open(folder, camera.frames, Views.of(camera)).inverse_depth(0)
    assert np.allclose(inverse, 1.0 / world.depth_of(Views.of(camera), 0), rtol=1e-6)
    assert inverse.min() == 0.0                    # the sky


def test_the_scenes_depth_corrects_the_place(tmp_path: Path) -> None:
    camera, shown, found = moving(0.1)
    lock = lock_of(found, camera, scene_depth=depth_folder(tmp_path / "depth", camera))
    assert lock.report["translation"] == "corrected by scene depth"
    assert lock.report["residual_px"]["p95_px"] < 0.2
    assert lock.report["usable_beyond_m"] == 0.0
    assert 0 < lock.report["disoccluded"] < 0.02
    source, _ = world.look(shown, LAST)
    truth, _ = world.look(Views.of(camera), LAST)
    assert world.psnr(lock.picture(LAST, source), truth) > 34


def test_the_solved_depth_corrects_the_place_where_it_is_dense() -> None:
    camera, shown, found = moving(0.1)
    lock = lock_of(found, camera)
    assert lock.report["translation"] == "corrected by solved depth"
    assert lock.report["residual_px"]["p95_px"] < 0.5
    thin = world.found(camera, shown, found.given)
    thin.is_explained[np.arange(len(thin.is_explained)) % 32 > 0] = False
    report = lock_of(thin, camera).report
    assert "too few points" in report["translation"]
    assert report["residual_px"]["p95_px"] > 2


def test_a_place_too_wrong_is_refused_in_words(tmp_path: Path) -> None:
    camera, _, found = moving(1.5)
    report = lock_of(found, camera, scene_depth=depth_folder(tmp_path / "depth", camera)).report
    assert report["translation"].startswith("refused: it would move things by")
    assert report["parallax_px"] > 20
    assert band(report, None)["p95_px"] < 0.2      # the turn is undone all the same


def test_too_much_to_invent_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, _, found = moving(0.1)
    depth = depth_folder(tmp_path / "depth", camera)
    monkeypatch.setattr("platewright.match.placing.HIDDEN_SHARE", 0.001)
    assert "would have to be invented" in lock_of(found, camera, scene_depth=depth).report["translation"]


def test_depth_that_lacks_a_frame_is_refused(tmp_path: Path) -> None:
    camera, _, found = moving(0.1)
    depth = depth_folder(tmp_path / "depth", camera)
    (depth / "depth.1005.exr").unlink()
    with pytest.raises(RequestError, match="1005") as refusal:
        lock_of(found, camera, scene_depth=depth)
    assert refusal.value.code == "E_DEPTH_FRAMES"
    with pytest.raises(RequestError) as refusal:
        lock_of(found, camera, scene_depth=tmp_path / "nowhere")
    assert refusal.value.code == "E_FILE_MISSING"


# A region ----------------------------------------------------------------------------------------


def region_picture(path: Path, views: Views, is_white: Array) -> Path:
    from PIL import Image

    Image.fromarray((is_white * 255).astype(np.uint8)).convert("RGB").resize((views.width, views.height)).save(path)
    return path


def test_a_region_is_pinned_at_its_own_depth(tmp_path: Path) -> None:
    camera, _, found = moving(0.1)
    wide = found.given
    white = np.zeros((wide.height, wide.width))
    white[: wide.height // 2, wide.width // 3 : -wide.width // 3] = 1.0       # on the wall
    region = region_picture(tmp_path / "region.png", wide, white)
    on_wall = (found.points_world[:, 3] > 0) & (np.abs(found.points_world[:, 1] - world.WALL_Y) < 1e-6)
    found = replace(found, is_explained=found.is_explained & on_wall)
    pinned = lock_of(found, camera, to="region", region=region)
    assert pinned.report["translation"].startswith("left")
    assert pinned.report["residual_px"]["p95_px"] < 1.0
    found.is_explained[np.arange(len(found.is_explained)) % 4 > 0] = False  # too few for depth: a turn alone
    far = lock_of(found, camera)
    assert far.report["residual_px"]["p95_px"] > 2 * pinned.report["residual_px"]["p95_px"]


def test_a_region_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    camera, _, found = nodal(1.0)
    black = region_picture(tmp_path / "black.png", found.given, np.zeros((found.given.height, found.given.width)))
    for options, code in (({"region": black}, "E_REGION_EMPTY"), ({}, "E_REGION_NONE")):
        with pytest.raises(RequestError) as refusal:
            lock_of(found, camera, to="region", **options)
        assert refusal.value.code == code
