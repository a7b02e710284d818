"""What an ingest check finds of files: headers, values, names, versions; planted in a plate that is otherwise well."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from platewright import disk
from platewright.errors import RequestError
from platewright.ingest import Wanted
from platewright.pictures import Picture
from tests.core.plate_maker import NAME, job_for, make
from tests.core.sequence_maker import (
    FRAMES,
    STEM,
    camera_of,
    codes,
    file_of,
    judged,
    rewrite,
    scene,
    sequence,
    stored,
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
