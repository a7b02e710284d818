"""Names, versions, records and what is refused before the work: the folder's side of plates."""

from __future__ import annotations

import json
import os
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platewright import disk, plates, provenance, versions
from platewright.errors import Cancelled, PlateError, RequestError
from platewright.protocol import Job, slug
from tests.core.plate_maker import NAME, fill, job_for, make, picture_of
from tests.core.shots import shot

MARKS = {"platewright.model": "draft"}


def opened(job: Job, resume: bool = False) -> plates.PlateFolder:
    return versions.open_folder(job, job.request, resume)


def code_of(error: pytest.ExceptionInfo[PlateError] | pytest.ExceptionInfo[RequestError]) -> str:
    assert error.value.hint, "a refusal says what to do next"
    return error.value.code


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Camera", "Camera"),
        ("Été 2", "Ete_2"),                        # NFC
        ("E\u0301te\u0301 2", "Ete_2"),              # NFD
        ("../../etc/passwd", "etc_passwd"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("CON", "plate_CON"),
        ("nul.exr", "plate_nul.exr"),
        ("COM1 .x", "COM1_.x"),
        ("ends. ", "ends"),
        ('a "b" %c #d &e \U0001f600', "a_b_c_d_e"),
        ("x" * 300, "x" * 64),
        (f"con.{'x' * 53}-{'y' * 20}", f"plate_con.{'x' * 53}"),
    ],
)
def test_names_become_plain(name: str, expected: str) -> None:
    """O08, O13: whatever somebody called a camera, the file name works everywhere."""
    assert slug(name) == expected


@pytest.mark.parametrize("name", ["", "   ", "...", "カメラ", "\U0001f600", "\ud800"])
def test_names_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(RequestError) as error:
        slug(name)
    assert code_of(error) == "E_NAME"


@settings(max_examples=60)
@given(st.text(max_size=120))
def test_any_name_is_plain_or_refused(name: str) -> None:
    try:
        plain = slug(name)
    except RequestError:
        return
    assert set(plain) <= set(string.ascii_letters + string.digits + "._-")
    assert 0 < len(plain) <= 64 and plain[0] not in "._-" and plain[-1] not in "._-"
    assert slug(plain) == plain


def test_only_plain_names_claim(tmp_path: Path) -> None:
    for name in ("a/b", "../up", "CON", "a."):
        with pytest.raises(RequestError) as error:
            versions.claim(tmp_path, name, None, {})
        assert code_of(error) == "E_NAME"
    assert list(tmp_path.iterdir()) == []


# Versions ----------------------------------------------------------------------------------------


def test_versions_follow_the_last_one(tmp_path: Path) -> None:
    """O06: the next one, also past a hole, a file or another case of the same name (O13)."""
    (tmp_path / f"{NAME}_v003").mkdir()
    (tmp_path / f"{NAME.upper()}_v007").mkdir()
    assert opened(job_for(tmp_path)).path.name == f"{NAME}_v008"
    (tmp_path / f"{NAME}_v009").write_text("a file")
    assert opened(job_for(tmp_path)).path.name == f"{NAME}_v010"


def test_a_version_is_never_taken_twice(tmp_path: Path) -> None:
    """O06: not a whole one, not a partial one, not on request."""
    whole = make(job_for(tmp_path, version=5))
    assert whole.name == f"{NAME}_v005"
    opened(job_for(tmp_path, version=6)).release()
    for version in (5, 6):
        with pytest.raises(RequestError) as error:
            opened(job_for(tmp_path, version=version))
        assert code_of(error) == "E_VERSION_TAKEN"
    assert provenance.verify(whole).is_sound


def test_a_link_is_no_version(tmp_path: Path) -> None:
    """O12: what a link leads to is never written, and nothing is continued through it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / f"{NAME}_v001").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(RequestError) as error:
        opened(job_for(out, version=1), resume=True)
    assert code_of(error) == "E_PATH"
    with pytest.raises(RequestError) as error:
        opened(job_for(out, version=1))
    assert code_of(error) == "E_VERSION_TAKEN"
    assert opened(job_for(out)).path.name == f"{NAME}_v002"
    assert list(elsewhere.iterdir()) == []


def test_links_inside_are_replaced_not_followed(tmp_path: Path) -> None:
    """O12: a link planted under a frame's name, its part's name or the journal's."""
    treasure = tmp_path / "treasure"
    treasure.write_text("untouched")
    job = job_for(tmp_path / "out")
    folder = opened(job)
    frame = folder.path / f"{NAME}_v001.1001.exr"
    frame.symlink_to(treasure)
    (folder.path / f"{frame.name}.part-{os.getpid()}").symlink_to(treasure)
    folder.write(job.request.camera, 0, picture_of(job.request.camera, 0), MARKS)
    assert frame.is_file() and not frame.is_symlink()
    folder.release()
    (folder.path / "journal.jsonl").unlink()
    (folder.path / "journal.jsonl").symlink_to(treasure)
    with pytest.raises(PlateError) as error:
        opened(job, resume=True)
    assert code_of(error) == "E_PATH"
    assert treasure.read_text() == "untouched"


# Continuing --------------------------------------------------------------------------------------


def test_a_finished_plate_is_found_again(tmp_path: Path) -> None:
    job = job_for(tmp_path)
    first = make(job)
    stamp = (first / "plate.json").stat().st_mtime_ns
    assert make(job, resume=True) == first and make(replace(job, version=1), resume=True) == first
    assert (first / "plate.json").stat().st_mtime_ns == stamp
    assert make(job) != first, "without resume there is a new version"


def test_another_request_does_not_continue(tmp_path: Path) -> None:
    make(job_for(tmp_path))
    other = job_for(tmp_path, prompt="a desert")
    with pytest.raises(RequestError) as error:
        make(replace(other, version=1), resume=True)
    assert code_of(error) == "E_JOB_DIFFERS"
    assert make(other, resume=True).name == f"{NAME}_v002"


def test_continuing_makes_only_what_is_missing(tmp_path: Path) -> None:
    """Frames of the journal stay as they are; one whose bytes changed is made again, an unlisted one too."""
    job = job_for(tmp_path, frames=4)
    camera = job.request.camera
    folder = opened(job)
    records = [folder.write(camera, index, picture_of(camera, index), MARKS) for index in range(3)]
    folder.release()
    stamps = [(folder.path / record.file).stat().st_mtime_ns for record in records]
    damaged = folder.path / records[1].file
    damaged.write_bytes(damaged.read_bytes()[:100])
    with (folder.path / "journal.jsonl").open("a") as journal:
        journal.write('{"frame": 1004, "fi')            # torn by a kill

    again = opened(job, resume=True)
    assert sorted(again.frames) == [1001, 1003]
    repeated = [again.write(camera, index, picture_of(camera, index), MARKS) for index in range(4)]
    assert repeated[:3] == records
    assert (again.path / records[0].file).stat().st_mtime_ns == stamps[0]
    fill(again, job)
    assert provenance.verify(again.path).is_sound


def test_a_claim_without_a_word_is_taken_over(tmp_path: Path) -> None:
    """Killed between mkdir and its first record: a farm's retry of the same version must not be stuck for ever."""
    (tmp_path / f"{NAME}_v003").mkdir()
    assert make(job_for(tmp_path, version=3), resume=True).name == f"{NAME}_v003"


def test_stale_parts_go_and_whoever_holds_the_lock_asks_no_number(tmp_path: Path) -> None:
    """O22: a dead writer's number may belong to another process by now."""
    job = job_for(tmp_path)
    folder = opened(job)
    folder.release()
    dead, alive = folder.path / "x.exr.part-999999999", folder.path / f"x.exr.part-{os.getppid()}"
    for part in (dead, alive):
        part.write_bytes(b"half")
    assert disk.stale_parts(folder.path) == [dead]
    opened(job, resume=True).release()
    assert not dead.exists() and not alive.exists()


def test_clocks_do_not_matter(tmp_path: Path) -> None:
    """O23: files from the future and from 1980 verify and continue alike."""
    job = job_for(tmp_path)
    plate = make(job)
    for place, path in enumerate(sorted(plate.iterdir())):
        os.utime(path, (4e9, 4e9) if place % 2 else (3.2e8, 3.2e8))
    assert provenance.verify(plate).is_sound and make(job, resume=True) == plate


# How a job stands --------------------------------------------------------------------------------


def test_the_record_says_how_the_job_ended(tmp_path: Path) -> None:
    job = job_for(tmp_path)
    folder = opened(job)
    record = json.loads((folder.path / "job.json").read_text())
    assert (record["status"], record["pid"], record["request_sha256"]) == ("running", os.getpid(), job.request.sha256)
    with pytest.raises(Cancelled), folder.recording():
        raise Cancelled()
    record = json.loads((folder.path / "job.json").read_text())
    assert (record["status"], record["error"]["code"]) == ("cancelled", "E_CANCELLED")
    again = opened(job, resume=True)
    with pytest.raises(ZeroDivisionError), again.recording():
        _ = 1 / 0
    record = json.loads((folder.path / "job.json").read_text())
    assert (record["status"], record["error"]["code"]) == ("failed", "E_INTERNAL")
    assert make(job, resume=True) == folder.path


# Frames ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_frames_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    """O20."""
    job = job_for(tmp_path)
    folder, camera = opened(job), job.request.camera
    picture = picture_of(camera, 0)
    picture[3, 5, 1] = value
    with pytest.raises(PlateError) as error:
        folder.write(camera, 0, picture, MARKS)
    assert code_of(error) == "E_NOT_FINITE"
    assert [path.name for path in folder.path.iterdir() if ".exr" in path.name] == []


@pytest.mark.parametrize(("level", "word"), [(0.0, "black"), (0.5, "one colour"), (1.0, "one colour")])
def test_empty_frames_are_written_and_suspected(tmp_path: Path, level: float, word: str) -> None:
    """O20: suspicion survives a restart."""
    job = job_for(tmp_path)
    folder, camera = opened(job), job.request.camera
    record = folder.write(camera, 0, np.full_like(picture_of(camera, 0), level), MARKS)
    assert [warning.code for warning in record.warnings] == ["W_FRAME_SUSPECT"] and word in record.warnings[0].message
    assert folder.write(camera, 1, picture_of(camera, 1), MARKS).warnings == ()
    folder.release()
    assert opened(job, resume=True).frames[1001] == record


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    job = job_for(tmp_path)
    folder = opened(job)
    with pytest.raises(PlateError) as error:
        folder.write(job.request.camera, 0, np.zeros((4, 4, 3), np.float32), MARKS)
    assert code_of(error) == "E_FRAME_SIZE"


def test_a_whole_plate_is_what_the_contract_says(tmp_path: Path) -> None:
    job = job_for(tmp_path)
    plate = make(job)
    frames = [f"{NAME}_v001.{frame}.exr" for frame in (1001, 1002, 1003)]
    companions = ["camera.json", "contact.png", "plate.json", "preview.mp4"]
    assert sorted(path.name for path in plate.iterdir()) == sorted([*frames, *companions])
    assert type(job.request.camera).read(plate / "camera.json") == job.request.camera
    with pytest.raises(PlateError) as error:
        opened(job, resume=True).write(shot(9), 8, picture_of(shot(9), 8), MARKS)
    assert code_of(error) == "E_VERSION_TAKEN"
