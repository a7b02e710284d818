"""A path at another rate is the camera between the scene's frames: against the motion itself, known in closed form."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import cli, fitting, provenance
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.retiming import retimed
from tests.core.shots import level_pose, shot


def moving(count: int, step: float = 1.0, fps: float = 24.0, start: float = 1001) -> CameraPath:
    """A camera that speeds up, swings and zooms, by frames of a 24th of a second from `start` on, `step` apart."""
    times = [(start - 1001 + step * n) / 24 for n in range(count)]
    poses = [level_pose(math.sin(t), 2 * t + t * t, 1.7, 40 * math.sin(2 * t), 10 * math.cos(t)) for t in times]
    lenses = [(900 + 50 * math.sin(t), 900 + 50 * math.sin(t), 960.0, 540.0) for t in times]
    plain = shot(count, size=(1920, 1080))
    return replace(plain, fps=fps, camera_to_world=tuple(poses), intrinsics=tuple(lenses))


def off_px(one: CameraPath, other: CameraPath) -> float:
    """The farthest that points 5 to 20 m before the camera move in the picture, pixels."""
    worst = 0.0
    for index in range(len(one)):
        pose = np.array(one.camera_to_world[index]).reshape(4, 4)
        for x, y, z in ((0, 0, 5), (2, 1, 8), (-6, 3, 20)):
            point = tuple(float(value) for value in (pose @ (x, y, z, 1))[:3])
            here, there = one.project(point, index), other.project(point, index)
            assert here and there
            worst = max(worst, math.dist(here, there))
    return worst


@pytest.mark.parametrize("fps", [16.0, 30.0, 60.0])
def test_it_is_the_motion_itself(fps: float) -> None:
    made = retimed(moving(49), fps)
    first, last = math.ceil(1001 * fps / 24), math.floor(1049 * fps / 24)
    start, count = first * 24 / fps, last - first + 1
    assert made.frames == tuple(range(first, last + 1)) and made.fps == fps
    assert start >= 1001 and start + (count - 1) * 24 / fps <= 1049, "no moment beyond the path is made up"
    assert off_px(moving(count, 24 / fps, start=start), made) < 0.05
    assert off_px(moving(count, 24 / fps * 1.002, start=start), made) > 0.5, "a five-hundredth too late is seen"
    poses = np.array(made.camera_to_world).reshape(-1, 4, 4)[:, :3, :3]
    assert np.abs(poses @ poses.transpose(0, 2, 1) - np.eye(3)).max() < 1e-12


def test_whole_scene_frames_stay_as_they_are() -> None:
    plain, made = moving(49), retimed(moving(49), 16.0)
    assert made.frames[0] == 668, "1002 * 16 / 24"
    assert made.camera_to_world[::2] == plain.camera_to_world[1::3] and made.intrinsics[::2] == plain.intrinsics[1::3]
    same = retimed(plain, 24.0)
    assert (same.frames, same.camera_to_world) == (plain.frames, plain.camera_to_world)
    film, step = retimed(replace(plain, fps=24000 / 1001, fps_base=1.001), 16.0), Fraction(24000, 1001) / 16
    assert film.rate == 16 and film.frames == tuple(range(math.ceil(1001 / step), math.floor(1049 / step) + 1))


def test_it_turns_the_short_way_round() -> None:
    """Past half a turn about the vertical, where a quaternion's sign flips."""
    poses = tuple(level_pose(0, 0, 1.7, 165 + 5.0 * n) for n in range(12))
    made = retimed(replace(shot(12), camera_to_world=poses), 48.0)
    forward = np.array(made.camera_to_world).reshape(-1, 4, 4)[:, :3, 2]
    turns = np.degrees(np.arccos(np.clip((forward[1:] * forward[:-1]).sum(1), -1, 1)))
    assert np.abs(turns - 2.5).max() < 0.01


def test_it_says_so_and_what_moves_by_itself_runs_at_its_own_speed() -> None:
    made = retimed(moving(49), 16.0)
    assert made.warnings[-1] == (
        "W_RETIMED: Frame n shows the scene at frame n * 24 / 16: 668 is 1002. It lines up with the scene at 16 frames "
        "per second, with Time Stretching 3 to 2 in Blender, and not at 24."
    )
    film = retimed(replace(moving(49), fps=24000 / 1001, fps_base=1.001), 16.0)
    assert "Stretching" not in film.warnings[-1], "1500 to 1001 is more than it takes"
    assert fitting.world_speed(made.fps, 16.0) == 1.0 and fitting.world_speed(24.0, 16.0) == 1.5
    assert CameraPath.from_json(made.to_json()) == made


@pytest.mark.parametrize("fps", [0.0, -24.0, math.nan, math.inf, 1000.0])
def test_what_is_no_rate_is_refused(fps: float) -> None:
    with pytest.raises(RequestError, match="E_RETIME"):
        retimed(shot(4), fps)


def test_what_cannot_be_retimed_is_refused() -> None:
    with pytest.raises(RequestError, match="E_RETIME"):
        retimed(shot(1), 16.0)
    with pytest.raises(RequestError, match="shorter than one frame"):
        retimed(shot(2), 1.0)
    with pytest.raises(RequestError, match="E_CAMERA_CUT"):
        retimed(replace(shot(4), cameras=("A", "A", "B", "B")), 16.0)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot(10).write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--no-check", "--json"]
    assert cli.main([*words, "--out", str(tmp_path), "--frames", "1001-1007", "--retime", "16"]) == 0
    answer = json.loads(capsys.readouterr().out)
    plate = Path(answer["plate"])
    assert answer["frames"] == 4 and CameraPath.read(plate / "camera.json").rate == 16
    assert sorted(path.name for path in plate.glob("*.exr"))[0].endswith(".0668.exr")
    document: dict[str, Any] = provenance.read_manifest(plate)
    assert any("W_RETIMED" in warning for warning in CameraPath.read(plate / "camera.json").warnings)
    assert "W_RETIMED" in json.dumps(document)
    for wrong in (["--retime", "model"], ["--retime", "fast"], ["--retime", "16", "--guide", str(tmp_path)]):
        assert cli.main([*words, "--out", str(tmp_path), *wrong]) == 2     # the layout has no rate of its own
        assert "--retime" in capsys.readouterr().out
