"""Plates whose makers are killed: real processes, real SIGKILL, at every step and in the middle of writing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright import disk, provenance, versions
from platewright.errors import PlateError
from platewright.pictures import read_picture
from tests.core.plate_maker import NAME, Nursery, job_for, make

BIG = (480, 270)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def frame_hashes(plate: Path) -> dict[str, str]:
    return {path.name: disk.measure(path).sha256 for path in sorted(plate.iterdir()) if path.suffix == ".exr"}


def assert_nothing_is_half(plate: Path, whole: dict[str, str]) -> None:
    """What has a final name has all its bytes; a manifest is only there when all of it is true."""
    found = frame_hashes(plate)
    assert all(whole[name] == sha256 for name, sha256 in found.items())
    for name in found:
        read_picture(plate / name)
    if (plate / "plate.json").exists():
        assert [problem.code for problem in provenance.verify(plate).problems] == []


def assert_resumed(plate: Path, whole: dict[str, str]) -> None:
    assert frame_hashes(plate) == whole
    assert provenance.verify(plate).is_sound
    assert {path.suffix for path in plate.iterdir()} == {".exr", ".json", ".png", ".mp4"}
    assert not (plate / "job.json").exists()


@pytest.mark.slow
def test_killed_before_each_thing_it_asks_of_the_disk(nursery: Nursery, tmp_path: Path) -> None:
    """O14: open, write, rename, journal, companions, manifest, tidying: kill -9 before every single one."""
    reference = nursery.ask(do="make", out=str(tmp_path / "reference"), frames=2)["told"][0]
    whole = frame_hashes(Path(reference["plate"]))
    assert len(whole) == 2 and reference["steps"] > 30
    for step in range(1, reference["steps"] + 1):
        out = tmp_path / f"{step}"
        assert nursery.ask(do="make", out=str(out), frames=2, kill_at=step)["status"] == -9
        plate = out / f"{NAME}_v001"
        if plate.exists():
            assert_nothing_is_half(plate, whole)
        told = nursery.ask(do="make", out=str(out), frames=2, resume=True)["told"][0]
        finished = Path(told["plate"])
        if finished.name == f"{NAME}_v001":
            assert_resumed(finished, whole)
        else:
            assert list(plate.iterdir()) == [] or not frame_hashes(plate)      # killed before it could say whose it is


@pytest.mark.slow
def test_killed_in_the_middle_of_writing(nursery: Nursery, tmp_path: Path) -> None:
    """O14: the moment of death is drawn from a seed, so the encoders are hit, too."""
    whole = frame_hashes(Path(nursery.ask(do="make", out=str(tmp_path / "reference"), size=BIG)["told"][0]["plate"]))
    moments = random.Random(14)
    deaths = 0
    for round_ in range(8):
        out = tmp_path / f"{round_}"
        deaths += nursery.ask(do="make", out=str(out), size=BIG, kill_after=moments.uniform(0.02, 0.4))["status"] == -9
        plate = out / f"{NAME}_v001"
        assert_nothing_is_half(plate, whole)
        assert nursery.ask(do="make", out=str(out), size=BIG, resume=True)["status"] == 0
        assert_resumed(plate, whole)
    assert deaths > 0


def test_the_judge_of_kills_sees_a_half_written_frame(tmp_path: Path) -> None:
    plate = make(job_for(tmp_path))
    whole = frame_hashes(plate)
    assert_nothing_is_half(plate, whole)
    frame = plate / f"{NAME}_v001.1002.exr"
    frame.write_bytes(frame.read_bytes()[:-20])
    with pytest.raises(AssertionError):
        assert_nothing_is_half(plate, whole)


def test_a_record_tells_of_the_dead(nursery: Nursery, tmp_path: Path) -> None:
    """After kill -9 job.json still says running; the lock that its writer held is gone, and so is the pid."""
    nursery.ask(do="make", out=str(tmp_path), kill_at=12)
    plate = tmp_path / f"{NAME}_v001"
    record = disk.read_json(plate / "job.json")
    assert record["status"] == "running"
    disk.Journal(plate / "journal.jsonl").close()
    report = provenance.verify(plate)
    assert report.problems[0].code == "E_MANIFEST" and "running" in report.problems[0].message


def test_a_hundred_claims_at_once(nursery: Nursery, tmp_path: Path) -> None:
    """O07: ten processes, ten claims each; every claim has its own folder."""
    told = nursery.ask(do="claim", out=str(tmp_path), times=10, twins=10)["told"]
    assert len({claim["version"] for claim in told}) == len(told) == 100


def test_a_second_writer_is_turned_away(nursery: Nursery, tmp_path: Path) -> None:
    """A farm that retries too early must not write into a folder whose writer lives."""
    job = job_for(tmp_path)
    folder = versions.open_folder(job, job.request, resume=False)
    assert nursery.ask(do="make", out=str(tmp_path), resume=True)["told"][0]["code"] == "E_PLATE_BUSY"
    folder.release()
    assert nursery.ask(do="make", out=str(tmp_path), resume=True)["told"][0]["plate"] == str(folder.path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_plate(nursery: Nursery, tmp_path: Path) -> None:
    """Three times the frames in the same memory; a maker that keeps its frames is seen by the same measure."""
    wish = {"do": "make", "size": (320, 180), "frame_format": "png"}
    peak_mb = {
        name: nursery.ask(out=str(tmp_path / name), frames=frames, hoard=name == "hoard", **wish)["told"][0]["peak_mb"]
        for name, frames in (("short", 16), ("long", 48), ("hoard", 48))
    }
    assert peak_mb["long"] < peak_mb["short"] + 10
    assert peak_mb["hoard"] > peak_mb["long"] + 20


def test_two_journals_of_one_folder(tmp_path: Path) -> None:
    first = disk.Journal(tmp_path / "journal.jsonl")
    with pytest.raises(PlateError, match="E_PLATE_BUSY"):
        disk.Journal(tmp_path / "journal.jsonl")
    first.close()
    disk.Journal(tmp_path / "journal.jsonl").close()
