"""What an ingest check finds of time: frozen and empty frames, ranges; every fault beside an innocent twin."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from platewright import cli
from platewright.ingest import Wanted
from platewright.pictures import Picture
from tests.core.plate_maker import job_for, make
from tests.core.sequence_maker import (
    FRAMES,
    HEIGHT,
    STEM,
    WIDTH,
    camera_of,
    codes,
    file_of,
    judged,
    night,
    scene,
    sequence,
    told,
)  # fmt: skip


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(job_for(tmp_path_factory.mktemp("plates"), frames=FRAMES))


@pytest.fixture
def plate(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sequence(tmp_path_factory.mktemp("moving"), camera_of("both"))


@pytest.fixture
def frames(moving: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(moving, tmp_path / moving.name))


# Innocents ---------------------------------------------------------------------------------------


def test_a_sound_plate_and_a_sound_sequence_are_taken(pristine: Path, moving: Path) -> None:
    assert judged(pristine).to_dict()["findings"] == [] and judged(pristine).to_dict()["exit_code"] == 0
    report = judged(moving, Wanted(camera=camera_of("both")))
    assert report.to_dict()["findings"] == []
    assert report.words() == [f"{STEM}: {FRAMES} frames; would be taken."]


def test_a_locked_off_night_is_neither_frozen_nor_black(tmp_path: Path) -> None:
    """Every frame the same and nearly all of it black is right where the camera stands still: told, not refused."""
    report = judged(sequence(tmp_path, camera_of("stands"), night), Wanted(camera=camera_of("stands")))
    assert not report.is_refused and told(report) == [("W_INGEST_STILL", 1002, 1006)]
    assert report.findings[0].severity == "told"


def test_the_same_night_under_a_camera_that_turns_is_frozen(tmp_path: Path) -> None:
    report = judged(sequence(tmp_path, camera_of("turn"), night), Wanted(camera=camera_of("turn")))
    assert told(report) == [("E_INGEST_FROZEN", 1002, 1006)] and report.is_refused


def test_a_night_under_a_camera_that_dollies_may_be_right(tmp_path: Path) -> None:
    """Stars do not move for a dolly: somebody should look, nobody can know."""
    report = judged(sequence(tmp_path, camera_of("dolly"), night), Wanted(camera=camera_of("dolly")))
    assert told(report) == [("W_INGEST_FROZEN", 1002, 1006)] and not report.is_refused


def test_without_a_camera_likeness_is_only_doubtful(tmp_path: Path) -> None:
    report = judged(sequence(tmp_path, camera_of("turn"), night))
    assert told(report) == [("W_INGEST_FROZEN", 1002, 1006)] and "--camera" in report.findings[0].mend


def test_a_clear_sky_may_stand_still_though_the_camera_turns(tmp_path: Path) -> None:
    """Nothing in it would be seen to move: no frame of it is called frozen."""
    sky = np.broadcast_to(np.linspace(0.5, 0.505, HEIGHT, dtype=np.float32)[:, None, None], (HEIGHT, WIDTH, 3)).copy()
    camera = camera_of("turn")
    report = judged(sequence(tmp_path, camera, lambda *_: sky), Wanted(camera=camera))
    assert not report.is_refused and codes(report) <= {"W_INGEST_FROZEN"}


# Frozen and empty --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["both", "turn"])
def test_a_repeated_frame_is_found_where_the_camera_turns(tmp_path: Path, kind: str) -> None:
    folder, camera = sequence(tmp_path, camera_of(kind)), camera_of(kind)
    shutil.copyfile(file_of(folder, 1003), file_of(folder, 1004))
    assert told(judged(folder, Wanted(camera=camera))) == [("E_INGEST_FROZEN", 1004, 1004)]


def test_a_repeated_frame_is_found_amid_a_dolly(tmp_path: Path) -> None:
    """Things go by in every other frame, so they had to in this one."""
    folder, camera = sequence(tmp_path, camera_of("dolly")), camera_of("dolly")
    shutil.copyfile(file_of(folder, 1003), file_of(folder, 1004))
    assert told(judged(folder, Wanted(camera=camera))) == [("E_INGEST_FROZEN", 1004, 1004)]


def test_a_held_camera_amid_a_dolly_is_innocent(tmp_path: Path) -> None:
    camera = camera_of("dolly")
    poses = list(camera.camera_to_world)
    poses[3] = poses[2]
    held = replace(camera, camera_to_world=tuple(poses))
    report = judged(sequence(tmp_path, held), Wanted(camera=held))
    assert told(report) == [("W_INGEST_STILL", 1004, 1004)] and not report.is_refused


def test_a_repeat_that_was_encoded_anew_is_frozen_too(tmp_path: Path) -> None:
    """Not one bit is the same, yet nothing has moved."""

    def repeated(frame: int, picture: Picture) -> Picture:
        return frozen + np.float32(0.001) if frame == 1004 else picture

    camera = camera_of("turn")
    frozen = scene(camera, 2)
    folder = sequence(tmp_path, camera, change=repeated)
    assert told(judged(folder, Wanted(camera=camera))) == [("E_INGEST_FROZEN", 1004, 1004)]


def test_a_black_frame_and_a_black_plate(tmp_path: Path) -> None:
    camera = camera_of("both")

    def dropped(frame: int, picture: Picture) -> Picture:
        return picture * np.float32(frame != 1003)

    assert told(judged(sequence(tmp_path / "a", camera, change=dropped))) == [("E_INGEST_BLACK", 1003, 1003)]
    report = judged(sequence(tmp_path / "b", camera, change=lambda _, picture: picture * np.float32(0)))
    assert ("E_INGEST_BLACK", 1001, 1006) in told(report) and report.is_refused


def test_a_fade_from_black_is_doubtful_alone(tmp_path: Path) -> None:
    """Innocent twin: the frame beside the black one is nearly so."""

    def fading(frame: int, picture: Picture) -> Picture:
        return picture * np.float32({1001: 0.0, 1002: 0.015}.get(frame, 1.0))

    report = judged(sequence(tmp_path, camera_of("both"), change=fading))
    assert told(report) == [("W_INGEST_BLACK", 1001, 1001)] and not report.is_refused


def test_a_frame_of_one_colour(tmp_path: Path) -> None:
    def grey(frame: int, picture: Picture) -> Picture:
        return np.full_like(picture, 0.5) if frame == 1002 else picture

    report = judged(sequence(tmp_path, camera_of("both"), change=grey), Wanted(camera=camera_of("both")))
    assert told(report) == [("W_INGEST_FLAT", 1002, 1002)]


# Range -------------------------------------------------------------------------------------------


def test_gaps_and_ranges(frames: Path) -> None:
    file_of(frames, 1003).unlink()
    file_of(frames, 1004).unlink()
    assert told(judged(frames)) == [("E_INGEST_GAP", 1003, 1004)]
    report = judged(frames, Wanted(frames=(1000, 1005)))
    ends = [("E_INGEST_RANGE", 1000, 1000), ("E_INGEST_RANGE", 1006, 1006)]
    assert told(report) == [ends[0], ("E_INGEST_GAP", 1003, 1004), ends[1]]
    assert judged(frames, Wanted(camera=camera_of("both", 8))).findings[-1].last == 1008


def test_a_plate_lacks_a_frame_that_its_manifest_lists(plate: Path) -> None:
    file_of(plate, 1002).unlink()
    assert told(judged(plate)) == [("E_INGEST_GAP", 1002, 1002)]


def test_a_plate_with_higher_numbers_is_the_shots_still(tmp_path: Path) -> None:
    """A frame offset is in the manifest: the shot's own camera is counted up with it."""
    camera = tmp_path / "camera.json"
    camera_of("both", 3).write(camera)
    words = ["--model", "grid", "--out", str(tmp_path), "--name", "sh_BG01", "--no-check", "--frame-offset", "100"]
    assert cli.main(["generate", "--camera", str(camera), *words]) == 0
    assert judged(tmp_path / "sh_BG01_v001", Wanted(camera=camera_of("both", 3))).findings == ()
    report = judged(tmp_path / "sh_BG01_v001", Wanted(camera=camera_of("both", 4)))
    assert told(report) == [("E_INGEST_RANGE", 1104, 1104)]


# The verb ----------------------------------------------------------------------------------------


def test_the_verb(frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camera = tmp_path / "shot.json"
    camera_of("both").write(camera)
    words = ["ingest", str(frames), "--camera", str(camera), "--fps", "24", "--space", "Linear Rec.709"]
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert cli.main([*words, "--size", "1920x1080", "--frames", "1001-1007"]) == 1
    out = capsys.readouterr().out
    assert "would be refused" in out and "E_INGEST_SIZE" in out and "Frame 1007 is missing" in out
    assert cli.main(["ingest", str(frames), "--fps", "23.976"]) == 1
    assert "24 fps, not 24000/1001 fps" in capsys.readouterr().out
