"""What is refused before the work begins, and what the disk refuses in the middle of it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright import disk, frame_forms, provenance, versions
from platewright.errors import PlateError, RequestError
from platewright.protocol import FrameFormat
from tests.core.plate_maker import NAME, Nursery, child_environment, job_for, make, picture_of
from tests.core.shots import shot

NOBODY = 65534
MARKS = {"platewright.model": "draft"}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def open_house() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="platewright-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


# Before ------------------------------------------------------------------------------------------


def test_preflight_lets_a_good_job_through_and_makes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    versions.preflight(out, NAME, shot(4), "exr")
    assert not out.parent.exists()


def test_a_folder_nobody_may_write(nursery: Nursery, open_house: Path) -> None:
    """O01: seen by a user without root's rights; the same user with a folder of his own gets his plate."""
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    closed, open_ = open_house / "closed", open_house / "open"
    closed.mkdir(mode=0o555)
    open_.mkdir()
    open_.chmod(0o777)
    closed.chmod(0o555)
    told = nursery.ask(do="make", out=str(closed / "plates"), uid=uid)["told"][0]
    assert told["code"] == "E_OUT_READONLY" and "closed" in told["message"]
    assert "plate" in nursery.ask(do="make", out=str(open_ / "plates"), uid=uid)["told"][0]


def test_too_little_space_says_need_and_have(tmp_path: Path) -> None:
    """O03: a thousand hours of 16k do not fit anywhere."""
    camera = shot(20_000, size=(16384, 16384))
    with pytest.raises(PlateError) as error:
        versions.preflight(tmp_path, NAME, camera, "exr")
    assert error.value.code == "E_DISK_SPACE"
    words = error.value.message.replace(",", "").split()
    need_mb, have_mb = (int(word) for word in words if word.isdecimal())
    assert need_mb > 20_000 * 16384 * 16384 * 6 / 1e6
    assert have_mb == pytest.approx(shutil.disk_usage(tmp_path).free / 1e6, rel=0.2)


def test_paths_that_are_too_long(tmp_path: Path) -> None:
    """O11: one component over 255 bytes, or the whole over the system's limit."""
    deep = tmp_path.joinpath(*["d" * 200] * 25)
    for out in (tmp_path / ("x" * 256), tmp_path / ("ß" * 130), deep):
        with pytest.raises(RequestError) as error:
            versions.preflight(out, NAME, shot(4), "exr")
        assert error.value.code == "E_PATH_LENGTH"
    versions.preflight(tmp_path / ("x" * 255), NAME, shot(4), "exr")


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    """O12: loops, dead links, files in the place of folders; a link to a real folder is fine."""
    loop, dead, file, good = (tmp_path / name for name in ("loop", "dead", "file", "good"))
    loop.symlink_to(loop)
    dead.symlink_to(tmp_path / "gone")
    file.write_text("x")
    (tmp_path / "real").mkdir()
    good.symlink_to(tmp_path / "real")
    for out in (loop, loop / "in", dead, dead / "in", file, file / "in"):
        with pytest.raises(RequestError) as error:
            versions.preflight(out, NAME, shot(4), "exr")
        assert error.value.code == "E_PATH"
    versions.preflight(good, NAME, shot(4), "exr")


def test_frames_before_zero(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as error:
        versions.preflight(tmp_path, NAME, shot(4, first=-2), "exr")
    assert error.value.code == "E_FRAME_NUMBER"


@pytest.mark.parametrize(
    "name", ["spaces and 'quotes\"", "100% #1 & more", "E\u0301te\u0301", "Été", "-rf", "\U0001f600 カメラ"]
)
def test_output_folders_of_any_name(tmp_path: Path, name: str) -> None:
    """O08: the artist's folders are taken as they are, byte for byte."""
    plate = make(job_for(tmp_path / name, frames=2))
    assert plate.parent.name == name and provenance.verify(plate).is_sound


# In the middle -----------------------------------------------------------------------------------


@pytest.mark.parametrize("frame_format", ["exr", "png"])
def test_a_file_may_not_grow(nursery: Nursery, tmp_path: Path, frame_format: FrameFormat) -> None:
    """O04, O05: RLIMIT_FSIZE stops the third part of a frame; told as a full disk, no part left, the worker alive."""
    wish = {"do": "make", "out": str(tmp_path), "size": (320, 180), "frame_format": frame_format}
    answer = nursery.ask(file_bytes_max=30_000, **wish)
    assert answer["status"] == 0 and answer["told"][0]["code"] == "E_DISK_FULL"
    plate = tmp_path / f"{NAME}_v001"
    assert sorted(path.name for path in plate.iterdir()) == ["job.json", "journal.jsonl"]
    record = disk.read_json(plate / "job.json")
    assert (record["status"], record["error"]["code"]) == ("failed", "E_DISK_FULL")
    done = nursery.ask(resume=True, **wish)["told"][0]
    assert done["plate"] == str(plate) and provenance.verify(plate).is_sound


FULL_DISK = """
import sys
from pathlib import Path
from platewright import disk
from platewright.errors import PlateError
from tests.core.plate_maker import job_for, make

out, frame_format = Path(sys.argv[1]), sys.argv[2]
disk.SPACE_MARGIN = 0                              # the check beforehand looks away, for once
try:
    make(job_for(out, size=(320, 180), frames=40, frame_format=frame_format))
except PlateError as error:
    print(error.code)
    print(*sorted(path.name for path in out.rglob("*.part-*")), sep=",")
    print(len(list(out.rglob(f"*.{frame_format}"))))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk in a namespace of its own")
@pytest.mark.parametrize("frame_format", ["exr", "png"])
def test_a_full_disk(tmp_path: Path, frame_format: FrameFormat) -> None:
    """O04: a disk of 2 MB, full in the middle of a frame."""
    shell = 'mount -t tmpfs -o size=2m small "$1" && exec "$2" -c "$3" "$1" "$4"'
    words = [shell, "sh", str(tmp_path), sys.executable, FULL_DISK, frame_format]
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", *words]
    run = subprocess.run(command, capture_output=True, text=True, env=child_environment())
    told = run.stdout.split("\n")
    assert told[:2] == ["E_DISK_FULL", ""], run.stderr
    assert int(told[2]) > 3


def test_a_full_disk_while_signing(nursery: Nursery, tmp_path: Path) -> None:
    """O04: frames are there, the preview does not fit: nothing half, no manifest, and the job goes on later."""
    wish = {"do": "make", "out": str(tmp_path), "size": (320, 180)}
    steps = nursery.ask(**{**wish, "out": str(tmp_path / "whole")})["told"][0]["steps"]
    plate = tmp_path / f"{NAME}_v001"
    nursery.ask(kill_at=steps - 15, **wish)
    assert len(list(plate.glob("*.exr"))) == 3 and not (plate / "preview.mp4").exists()
    assert nursery.ask(file_bytes_max=8_000, resume=True, **wish)["told"][0]["code"] == "E_DISK_FULL"
    assert not (plate / "preview.mp4").exists() and list(plate.glob("*.part-*")) == []
    assert "plate" in nursery.ask(resume=True, **wish)["told"][0] and provenance.verify(plate).is_sound


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (errno.ENOSPC, "E_DISK_FULL"),
        (errno.EDQUOT, "E_DISK_FULL"),
        (errno.EFBIG, "E_DISK_FULL"),
        (errno.EROFS, "E_OUT_READONLY"),
        (errno.EACCES, "E_OUT_READONLY"),
        (errno.ENAMETOOLONG, "E_PATH_LENGTH"),
        (errno.ELOOP, "E_PATH"),
        (errno.EIO, "E_OUT_IO"),
        (errno.ESTALE, "E_OUT_IO"),
    ],
)
def test_what_the_system_says_gets_a_code(tmp_path: Path, cause: int, code: str) -> None:
    """O05: quotas, too, which cannot be set up here."""
    with pytest.raises(PlateError) as error, disk.refusing(tmp_path / "frame.exr"):
        raise OSError(cause, os.strerror(cause))
    assert error.value.code == code and error.value.hint and "frame.exr" in error.value.message


def test_the_folder_vanishes(tmp_path: Path) -> None:
    """O02: nothing is written anywhere else, and nobody makes the folder again."""
    job = job_for(tmp_path / "out")
    folder, camera = versions.open_folder(job, job.request, resume=False), job.request.camera
    folder.write(camera, 0, picture_of(camera, 0), MARKS)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(PlateError) as error, folder.recording():
        folder.write(camera, 1, picture_of(camera, 1), MARKS)
    assert error.value.code == "E_OUT_IO" and error.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_frame_held_by_a_player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O16: Windows refuses to replace an open file; here by a stand-in for os.replace, as Linux never does."""

    class SharingViolation(PermissionError):
        winerror = 32

    refusals = [SharingViolation(13, "in use")] * 3
    real_replace = os.replace

    def replace(source: Path, target: Path) -> None:
        if refusals:
            raise refusals.pop()
        real_replace(source, target)

    monkeypatch.setattr(disk.os, "replace", replace)
    assert disk.write_bytes(tmp_path / "a", b"x").size == 1, "patience was enough"
    monkeypatch.setattr(disk, "LOCK_PATIENCE_SECONDS", 0.05)
    refusals += [SharingViolation(13, "in use")] * 1000
    with pytest.raises(PlateError) as error:
        disk.write_bytes(tmp_path / "a", b"new")
    part = tmp_path / f"a.part-{os.getpid()}"
    assert error.value.code == "E_OUT_LOCKED" and part.name in error.value.message
    assert part.read_bytes() == b"new" and (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.parametrize("frame_format", ["exr", "png"])
def test_an_interrupted_encoder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame_format: FrameFormat
) -> None:
    job = job_for(tmp_path, frame_format=frame_format)
    folder, camera = versions.open_folder(job, job.request, resume=False), job.request.camera

    def interrupted(part: Path, *_: object) -> None:
        part.write_bytes(b"half a frame")
        raise KeyboardInterrupt

    monkeypatch.setattr(frame_forms, f"write_{frame_format}", interrupted)
    with pytest.raises(KeyboardInterrupt), folder.recording():
        folder.write(camera, 0, picture_of(camera, 0), MARKS)
    assert sorted(path.name for path in folder.path.iterdir()) == ["job.json", "journal.jsonl"]
    assert disk.read_json(folder.path / "job.json")["status"] == "cancelled"
