"""`platewright export` as a compositor types it: what is written where, what is refused, nothing is left half done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import OpenImageIO
import pytest

from platewright import cli
from platewright.exports import KINDS, kinds

from .export_shots import clip_lens, filmed, wandering
from .nuke_reader import read
from .plate_maker import job_for, make

PLATE = "shot_BG01_v001"


def export(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.main(["export", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    code, answer = export(capsys, *words)
    assert code == 2
    return answer["error"]["code"]


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    return make(job_for(tmp_path, size=(64, 36)))


def test_every_kind_that_is_told_of_is_made() -> None:
    assert list(kinds.MAKERS) == list(KINDS)


def test_a_plate_is_exported_beside_itself(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = export(capsys, str(plate))
    out = plate.with_name(f"{PLATE}_export")
    assert code == 0 and answer["out"] == str(out)
    names = [f"{PLATE}.nk", f"{PLATE}_ZXY.chan", f"{PLATE}.usda", f"{PLATE}.otio", f"{PLATE}.re10k.txt",
             f"{PLATE}.cameractrl.txt"]  # fmt: skip
    assert [entry["file"] for entry in answer["files"]] == names
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert cli.main(["verify", str(plate)]) == 0
    nodes = read((out / f"{PLATE}.nk").read_text())
    assert nodes["Plate"].knobs["file"].endswith(f"/../{PLATE}/{PLATE}.%04d.exr")
    assert nodes["Plate"].knobs["label"] == "model: draft, colour: lin_rec709_scene"


def test_it_may_be_repeated_and_never_writes_over_work(plate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = plate.with_name(f"{PLATE}_export")
    assert export(capsys, str(plate), "--to", "nuke", "chan")[0] == 0
    assert export(capsys, str(plate), "--to", "chan", "--to", "nuke")[0] == 0
    script = out / f"{PLATE}.nk"
    script.write_text("# a day's work\n")
    before = sorted(out.iterdir())
    assert refused(capsys, str(plate), "--to", "nuke", "usd") == "E_EXPORT_EXISTS"
    assert script.read_text() == "# a day's work\n" and sorted(out.iterdir()) == before
    assert export(capsys, str(plate), "--to", "nuke", "--replace")[0] == 0
    assert script.read_text() != "# a day's work\n"


def test_a_part_of_the_range(plate: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = json.loads((plate / "camera.json").read_text())["frames"][0]
    span = f"{first + 1}-{first + 2}"
    code, answer = export(capsys, str(plate), "--frames", span, "--out", str(tmp_path / "part"))
    assert code == 0 and (answer["first"], answer["last"]) == (first + 1, first + 2)
    document = json.loads((tmp_path / "part" / f"{PLATE}.otio").read_text())
    media = document["tracks"]["children"][0]["children"][0]["media_reference"]
    assert media["start_frame"] == first + 1 and media["available_range"]["duration"]["value"] == 2
    assert len((tmp_path / "part" / f"{PLATE}_ZXY.chan").read_text().splitlines()) == 2
    assert refused(capsys, str(plate), "--frames", "1-2") == "E_RANGE"


def test_a_camera_file_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wandering(3).write(tmp_path / "camera.json")
    code, answer = export(capsys, str(tmp_path / "camera.json"))
    assert code == 0 and [entry["kind"] for entry in answer["files"]] == ["chan", "usd", "re10k", "cameractrl"]
    assert answer["warnings"][0].startswith("W_CHAN_SHIFT:")
    assert refused(capsys, str(tmp_path / "camera.json"), "--to", "nuke") == "E_EXPORT_FRAMES"
    assert refused(capsys, str(tmp_path / "camera.json"), "--to", "stmap") == "E_LENS_NONE"


def test_frames_that_are_no_plate(capsys: pytest.CaptureFixture[str], plate: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for path in plate.glob("*.exr"):
        (frames / path.name).write_bytes(path.read_bytes())
    assert refused(capsys, str(frames)) == "E_EXPORT_CAMERA"
    out = str(tmp_path / "out")
    assert export(capsys, str(frames), "--camera", str(plate / "camera.json"), "--out", out)[0] == 0
    gone = sorted(frames.iterdir())[1]
    gone.unlink()
    assert refused(capsys, str(frames), "--camera", str(plate / "camera.json")) == "E_EXPORT_FRAMES"
    wandering(3, (32, 18)).write(tmp_path / "other.json")
    gone.write_bytes(sorted(plate.glob("*.exr"))[1].read_bytes())
    assert refused(capsys, str(frames), "--camera", str(tmp_path / "other.json")) in ("E_FRAMES_SIZE", "E_RANGE")


def test_a_lens_from_another_file_bends_the_plate(
    capsys: pytest.CaptureFixture[str], plate: Path, tmp_path: Path
) -> None:
    filmed((64, 36), clip_lens(size=(64, 36), k1=-0.1)).write(tmp_path / "clip.json")
    out = tmp_path / "comp"
    code, answer = export(
        capsys, str(plate), "--lens", str(tmp_path / "clip.json"), "--to", "nuke", "--out", str(out)
    )
    assert code == 0 and [entry["kind"] for entry in answer["files"]] == ["nuke", "stmap", "stmap"]
    nodes = read((out / f"{PLATE}.nk").read_text())
    assert (out / nodes["RedistortMap"].knobs["file"].rpartition("/")[2]).is_file()
    assert nodes["PlateUnderForeground"].inputs[0] is nodes["Redistort"]
    wandering(3).write(tmp_path / "none.json")
    assert refused(capsys, str(plate), "--lens", str(tmp_path / "none.json")) == "E_LENS_NONE"


def test_a_lens_that_cannot_be_used_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wandering(3, (64, 36), lens=clip_lens(size=(64, 36), k1=-0.1)).write(tmp_path / "camera.json")
    code, answer = export(capsys, str(tmp_path / "camera.json"))
    assert code == 0 and any(warning.startswith("W_LENS_UNUSED:") for warning in answer["warnings"])
    assert {entry["kind"] for entry in answer["files"]} == {"chan", "usd", "re10k", "cameractrl"}
    assert refused(capsys, str(tmp_path / "camera.json"), "--to", "working") == "E_LENS_ZOOM"


def test_nothing_is_written_into_a_plate(capsys: pytest.CaptureFixture[str], plate: Path) -> None:
    before = sorted(plate.iterdir())
    assert refused(capsys, str(plate), "--out", str(plate)) == "E_EXPORT_PLATE"
    assert sorted(plate.iterdir()) == before


def test_a_failure_leaves_nothing(
    capsys: pytest.CaptureFixture[str], plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of the files cannot be written: the first are not there either."""
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    broken = kinds.Kind(((lambda _: "x.txt", full),))
    monkeypatch.setitem(kinds.MAKERS, "cameractrl", broken)
    out = tmp_path / "out"
    code, answer = export(capsys, str(plate), "--out", str(out))
    assert code == 1 and answer["error"]["code"] == "E_DISK_FULL"
    assert list(out.iterdir()) == []


def test_anamorphic_plates_state_their_pixel_grid(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Pixels twice as wide as tall, in every file that says what a pixel is."""
    job = job_for(tmp_path)
    square = job.request.camera
    lenses = tuple((fx, 2 * fx, cx, cy) for fx, _, cx, cy in square.intrinsics)
    wide = replace(job, request=replace(job.request, camera=replace(square, intrinsics=lenses)))
    plate = make(wide)
    assert json.loads((plate / "plate.json").read_text())["picture"]["pixel_aspect"] == 2
    header = OpenImageIO.ImageBuf(str(next(plate.glob("*.exr")))).spec()
    assert header.get_float_attribute("PixelAspectRatio") == 2
    code, answer = export(capsys, str(plate), "--out", str(tmp_path / "out"))
    assert code == 0 and answer["pixel_aspect"] == 2
    nodes = read((tmp_path / "out" / f"{PLATE}.nk").read_text())
    assert nodes["Plate"].knobs["format"].split()[6] == nodes["Root"].knobs["format"].split()[6] == "2"
    assert json.loads((tmp_path / "out" / f"{PLATE}.otio").read_text())["metadata"]["platewright"]["pixel_aspect"] == 2


def test_misspelt_kinds_are_named(capsys: pytest.CaptureFixture[str], plate: Path) -> None:
    assert refused(capsys, str(plate), "--to", "maya") == "E_USAGE"
