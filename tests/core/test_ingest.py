"""What an ingest check finds: every fault is planted in a plate that is otherwise well, beside an innocent twin."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from platewright import cli, disk, pictures
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.ingest import Report, Wanted, ingest
from platewright.pictures import Picture, Tags
from tests.core.plate_maker import NAME, job_for, make
from tests.core.shots import level_pose, shot

WIDTH, HEIGHT, FRAMES = 96, 54, 6
STEM = f"{NAME}_v001"


# Making sequences --------------------------------------------------------------------------------


def camera_of(kind: str, frames: int = FRAMES) -> CameraPath:
    """A camera that dollies and turns, only dollies, only turns, or stands."""
    path = shot(frames, size=(WIDTH, HEIGHT))
    metres, degrees = {"both": (0.1, 2.0), "dolly": (0.1, 0.0), "turn": (0.0, 2.0), "stands": (0.0, 0.0)}[kind]
    poses = tuple(level_pose(0.0, metres * index, 1.7, degrees * index) for index in range(frames))
    return replace(path, camera_to_world=poses)


def scene(camera: CameraPath, index: int) -> Picture:
    """Soft blobs on a sphere at infinity and their grain, seen as the camera turns."""
    fx, fy, cx, cy = camera.intrinsics[index]
    pose = np.array(camera.camera_to_world[index]).reshape(4, 4)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1) @ pose[:3, :3].T
    heading, tilt = np.arctan2(rays[..., 0], rays[..., 1]), rays[..., 2] / np.linalg.norm(rays, axis=-1)
    wave = 0.4 + 0.2 * np.sin(40 * heading + 5 * pose[1, 3]) + 0.15 * np.cos(31 * tilt + 9 * heading)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def night(_camera: CameraPath, _index: int) -> Picture:
    """A black sky and two dozen stars, the same in every frame."""
    sky = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    places = np.random.default_rng(7).integers(4, (HEIGHT - 4, WIDTH - 4), (24, 2))
    for row, column in places:
        sky[row, column] = 0.8
    return sky


def sequence(
    folder: Path,
    camera: CameraPath,
    draw: Callable[[CameraPath, int], Picture] = scene,
    change: Callable[[int, Picture], Picture] = lambda frame, picture: picture,
    suffix: str = "exr",
) -> Path:
    """A bare sequence as Platewright writes frames, its camera beside it."""
    folder = folder / STEM
    folder.mkdir(parents=True)
    for index, frame in enumerate(camera.frames):
        tags = Tags(
            rate=camera.rate, frame=frame, world_from_camera=camera.camera_to_world[index],
            intrinsics=camera.intrinsics[index], texts={},
        )  # fmt: skip
        write = pictures.write_exr if suffix == "exr" else pictures.write_png
        write(folder / f"{STEM}.{frame}.{suffix}", change(frame, draw(camera, index)), tags)
    return folder


def judged(folder: Path, wanted: Wanted | None = None) -> Report:
    return ingest(folder, wanted or Wanted(), lambda event: None)


def told(report: Report) -> list[tuple[str, int | None, int | None]]:
    return [(finding.code, finding.frame, finding.last) for finding in report.findings]


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


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


def file_of(folder: Path, frame: int) -> Path:
    return folder / f"{STEM}.{frame}.exr"


def stored(path: Path) -> Picture:
    return pictures.read_stored(path)


def rewrite(path: Path, pixels: Picture, kind: str = "half", **attributes: Any) -> None:
    """The frame again, with other pixels or another header."""
    height, width, channels = pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, kind)
    attributes = {"compression": "zip", "oiio:ColorSpace": "lin_rec709_scene", **attributes}
    rate = attributes.pop("rate", (24, 1))
    if rate:
        spec.attribute("framesPerSecond", OpenImageIO.TypeDesc("rational"), rate)
    for name, value in attributes.items():
        if name == "chromaticities":
            spec.attribute(name, OpenImageIO.TypeDesc("float[8]"), value)
        else:
            spec.attribute(name, value)
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None and output.open(str(path), spec) and output.write_image(pixels) and output.close()


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


# Headers -----------------------------------------------------------------------------------------


def test_another_size(frames: Path) -> None:
    rewrite(file_of(frames, 1002), stored(file_of(frames, 1002))[:50])
    assert told(judged(frames)) == [("E_INGEST_SIZE", 1002, 1002)]
    assert "96x50" in judged(frames).findings[0].message
    report = judged(frames, Wanted(size=(1920, 1080)))
    assert {finding.code for finding in report.findings} == {"E_INGEST_SIZE"} and report.findings[0].frame == 1001


def test_another_rate(frames: Path) -> None:
    assert told(judged(frames, Wanted(rate=Fraction(25)))) == [("E_INGEST_RATE", 1001, 1006)]
    assert judged(frames, Wanted(rate=Fraction(24))).findings == ()
    rewrite(file_of(frames, 1002), stored(file_of(frames, 1002)), rate=(24000, 1001))
    report = judged(frames)
    assert told(report) == [("E_INGEST_RATE", 1002, 1002)] and "24000/1001" in report.findings[0].message
    rewrite(file_of(frames, 1002), stored(file_of(frames, 1002)), rate=None)
    assert told(judged(frames)) == [("W_INGEST_RATE", 1002, 1002)]


def test_another_colour_space(frames: Path) -> None:
    assert judged(frames, Wanted(space="lin_rec709_scene")).findings == ()
    assert told(judged(frames, Wanted(space="lin_ap1_scene"))) == [("E_INGEST_SPACE", 1001, 1006)]
    rewrite(file_of(frames, 1002), stored(file_of(frames, 1002)), **{"oiio:ColorSpace": "ACEScg"})
    report = judged(frames)
    assert told(report) == [("E_INGEST_SPACE", 1002, 1002)] and "lin_ap1_scene" in report.findings[0].message


def test_a_header_that_contradicts_itself(frames: Path) -> None:
    ap1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
    rewrite(file_of(frames, 1002), stored(file_of(frames, 1002)), chromaticities=ap1)
    report = judged(frames)
    assert told(report) == [("E_INGEST_SPACE", 1002, 1002)] and "primaries" in report.findings[0].message


def test_a_silent_header_is_doubtful(tmp_path: Path) -> None:
    """OpenEXR alone writes no colour space; OpenImageIO would guess one, which nobody has said."""
    folder = tmp_path / STEM
    folder.mkdir()
    for index in range(2):
        rewrite(file_of(folder, 1001 + index), scene(camera_of("both"), index), **{"oiio:ColorSpace": ""})
    assert ("W_INGEST_SPACE", 1001, 1002) in told(judged(folder))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path, px: rewrite(path, px, compression="dwaa"), "E_INGEST_COMPRESSION"),
        (lambda path, px: rewrite(path, px, "float"), "E_INGEST_CHANNELS"),
        (lambda path, px: rewrite(path, np.concatenate([px, px[..., :1]], 2)), "E_INGEST_CHANNELS"),
        (lambda path, px: rewrite(path, px - 0.3), "W_INGEST_NEGATIVE"),
        (lambda path, px: rewrite(path, px * 0 + 70000.0), "E_INGEST_NAN"),
        (lambda path, px: rewrite(path, np.minimum(px * 1e6, 65504.0)), "E_INGEST_CLIPPED"),
        (lambda path, px: rewrite(path, np.minimum(px * 6, 1.0)), "W_INGEST_CLIPPED"),
    ],
    ids=["lossy", "float", "alpha", "negative", "overflow", "half max", "white"],
)
def test_planted_in_one_frame(frames: Path, change: Callable[[Path, Picture], None], code: str) -> None:
    change(file_of(frames, 1003), stored(file_of(frames, 1003)))
    assert (code, 1003, 1003) in told(judged(frames))
    assert {found[1] for found in told(judged(frames))} == {1003}


def test_a_small_bright_sun_is_not_clipped(frames: Path) -> None:
    """Innocent twin: a few pixels at the ceiling are what a sun looks like."""
    pixels = stored(file_of(frames, 1003))
    pixels[3:8, 3:8] = 1.0
    rewrite(file_of(frames, 1003), pixels)
    assert judged(frames).findings == ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_pixel_that_is_no_number(frames: Path, value: float) -> None:
    pixels = stored(file_of(frames, 1005))
    pixels[10, 20, 1] = value
    rewrite(file_of(frames, 1005), pixels)
    report = judged(frames)
    assert told(report) == [("E_INGEST_NAN", 1005, 1005)] and "1 pixel " in report.findings[0].message


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
@pytest.mark.parametrize("suffix", ["exr", "png"])
def test_truncated_files(tmp_path: Path, share: float, suffix: str) -> None:
    folder = sequence(tmp_path, camera_of("both"), suffix=suffix)
    path = folder / f"{STEM}.1002.{suffix}"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert told(judged(folder)) == [("E_INGEST_TRUNCATED", 1002, 1002)]


def test_a_flipped_bit_and_a_swapped_frame_are_known_by_the_manifest(plate: Path) -> None:
    data = bytearray(file_of(plate, 1004).read_bytes())
    data[-40] ^= 1
    file_of(plate, 1004).write_bytes(data)
    shutil.copyfile(file_of(plate, 1001), file_of(plate, 1002))
    found = told(judged(plate))
    assert ("E_FRAME_CORRUPT", 1002, 1002) in found and {frame for _, frame, _ in found} == {1002, 1004}
    (plate / "notes.txt").write_text("mine")
    assert [f.severity for f in judged(plate).findings if f.code == "E_FILE_EXTRA"] == ["doubtful"]


def test_an_unfinished_plate_is_refused(plate: Path) -> None:
    (plate / "plate.json").unlink()
    disk.write_json(plate / "job.json", {"status": "failed", "error": {"message": "The disk is full."}})
    report = judged(plate)
    assert "E_MANIFEST" in codes(report) and report.is_refused


def test_names_outside_the_set(frames: Path, tmp_path: Path) -> None:
    bad = tmp_path / "my plate_v001"
    shutil.copytree(frames, bad)
    assert "E_INGEST_NAME" in codes(judged(bad))
    (frames / "übersicht.png").write_bytes(b"")
    report = judged(frames)
    assert codes(report) == {"E_INGEST_NAME"} and "übersicht" in report.findings[0].message


def test_other_names(tmp_path: Path) -> None:
    folder = sequence(tmp_path, camera_of("both", 2))
    other = tmp_path / "sh010_v002"
    shutil.copytree(folder, other)
    assert "E_INGEST_NAME" in codes(judged(other)), "the folder says another version than its frames"
    bare = tmp_path / "frames"
    bare.mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        shutil.copyfile(path, bare / f"sky.{number + 1}.exr")
    report = judged(bare)
    assert codes(report) == {"W_INGEST_NAME"} and not report.is_refused, "short numbers and no version: usable"
    shutil.copyfile(bare / "sky.1.exr", bare / "cloud.7.exr")
    assert "E_INGEST_STRANGER" in codes(judged(bare))


def test_a_version_that_is_taken(plate: Path, tmp_path: Path) -> None:
    into = tmp_path / "studio"
    into.mkdir()
    assert judged(plate, Wanted(into=into)).findings == (), "free"
    (into / STEM.upper()).mkdir()
    (into / f"{NAME}_v007").mkdir()
    report = judged(plate, Wanted(into=into))
    assert told(report) == [("E_INGEST_VERSION", None, None)] and f"{NAME}_v008" in report.findings[0].mend
    assert judged(plate, Wanted(into=plate.parent)).findings == (), "it does not stand in its own way"


def test_folders_that_are_none(tmp_path: Path, moving: Path) -> None:
    for folder, code in ((tmp_path / "nowhere", "E_FILE_MISSING"), (tmp_path, "E_FRAMES_NONE")):
        with pytest.raises(RequestError) as error:
            judged(folder)
        assert error.value.code == code and error.value.hint
    with pytest.raises(RequestError, match="E_FILE_MISSING"):
        judged(moving, Wanted(into=tmp_path / "nowhere"))


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
