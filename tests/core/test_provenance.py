"""The manifest: what it says, what it never says, and what `verify` finds when a plate is not what it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platewright import disk, pictures, provenance
from platewright.errors import PlateError, RequestError
from platewright.plate_file import sealed
from tests.core.plate_maker import CARD, NAME, job_for, make, picture_of

FIRST, SECOND = f"{NAME}_v001.1001.exr", f"{NAME}_v001.1002.exr"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(job_for(tmp_path_factory.mktemp("plates")))


@pytest.fixture
def plate(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


def manifest_of(plate: Path) -> dict[str, Any]:
    return json.loads((plate / "plate.json").read_text())


def rewrite(plate: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = manifest_of(plate)
    change(document)
    (plate / "plate.json").write_text(json.dumps(sealed(document)))


def codes(plate: Path) -> list[str]:
    return [problem.code for problem in provenance.verify(plate).problems]


# What it says ------------------------------------------------------------------------------------


def test_the_manifest_tells_the_whole_story(pristine: Path) -> None:
    document = manifest_of(pristine)
    job = job_for(pristine.parent)
    assert (document["format"], document["version"], document["status"]) == ("platewright.plate", 1, "done")
    assert (document["name"], document["plate"], document["seed"]) == (NAME, f"{NAME}_v001", 0)
    assert document["request"] == job.request.to_dict() and document["request_sha256"] == job.request.sha256
    assert document["camera"]["sha256"] == disk.measure(pristine / "camera.json").sha256
    assert (document["camera"]["camera"], document["camera"]["rate"]) == ("Camera", "24/1")
    assert (document["model"]["name"], document["model"]["licence"]) == ("draft", "Apache-2.0")
    assert document["model"]["files"][0]["sha256"] == "0" * 64
    assert {"platewright", "python", "numpy", "OpenImageIO"} <= set(document["versions"])
    picture = document["picture"]
    assert (picture["native_width"], picture["resample"]) == (32, {"filter": "lanczos3", "scale": [2.0, 2.0]})
    assert picture["colour"]["space"] == "lin_rec709_scene"
    assert [entry["frame"] for entry in document["frames"]] == [1001, 1002, 1003]
    assert disk.FileRecord(**{key: document["frames"][0][key] for key in ("file", "size", "sha256")}) == disk.measure(
        pristine / FIRST
    )
    assert (document["match"], document["match_reason"]) == (None, "not measured")
    assert document["disclosure"]["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert document["timings"] == {"load": 0.5, "frames": 1.25}


def test_the_manifest_names_no_place_and_no_person(pristine: Path) -> None:
    """Nothing of the machine that made it; the check itself sees a path that is planted."""

    def tells(text: str) -> bool:
        places = (str(pristine.parent), str(Path.home()), str(Path(provenance.__file__).parent), "/tmp", "/home")
        return any(place in text for place in places)

    text = (pristine / "plate.json").read_text()
    assert not tells(text)
    assert tells(text.replace(FIRST, str(pristine / FIRST)))


def test_layouts_are_not_called_generated() -> None:
    from dataclasses import replace

    assert provenance.source_type(CARD).endswith("/trainedAlgorithmicMedia")
    assert provenance.source_type(replace(CARD, kind="layout")).endswith("/algorithmicMedia")


def test_marks_are_plain_and_keep_the_prompt_to_themselves() -> None:
    from dataclasses import replace

    job = replace(job_for(Path("out"), prompt="Wüste im Abendrot"), id="auftrag-ü")
    marks = provenance.marks(provenance.Origin.generated(job, job.request, CARD, {}, "cpu"))
    assert all(text.isascii() for text in marks.values())
    assert not any("Abendrot" in text for text in marks.values())
    assert marks["platewright.seed"] == "0" and marks["platewright.request_sha256"] == job.request.sha256


def test_any_prompt_survives(tmp_path: Path) -> None:
    prompt = 'ein Tal 🏔 "quoted" \\ \u2028 \u0085 \u202e $(rm) %s {0.__class__} 谷\n{"format": 1}'
    document = manifest_of(make(job_for(tmp_path, prompt=prompt)))
    assert document["request"]["prompt"] == prompt


def test_the_answer_of_a_finished_plate(pristine: Path) -> None:
    answer = provenance.answer(pristine)
    assert answer["plate"] == str(pristine.resolve()) and answer["frames"] == 3
    assert (answer["seed"], answer["model"], answer["seconds"], answer["match"]) == (0, "draft", 1.75, None)


# Verify ------------------------------------------------------------------------------------------


def test_a_sound_plate(pristine: Path) -> None:
    report = provenance.verify(pristine)
    assert report.is_sound and report.to_dict()["exit_code"] == 0
    assert report.words() == [f"{NAME}_v001: 3 frames, all present, every byte as it was written."]


@pytest.mark.parametrize("place", [0, 7, 300, -1])
def test_one_flipped_bit_is_found(plate: Path, place: int) -> None:
    """O18."""
    data = bytearray((plate / SECOND).read_bytes())
    data[place] ^= 1
    (plate / SECOND).write_bytes(data)
    report = provenance.verify(plate)
    assert [(problem.code, problem.frame) for problem in report.problems] == [("E_FRAME_CORRUPT", 1002)]
    assert report.to_dict()["exit_code"] == 1 and "1002" in report.words()[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:8]),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path: path.write_bytes(bytes(range(256)) * 40),
        lambda path: shutil.copyfile(path.parent / "contact.png", path),
        lambda path: shutil.copyfile(path.parent / FIRST, path),
    ],
    ids=["empty", "8", "300", "half", "longer", "noise", "png", "another frame"],
)
def test_any_damage_is_found(plate: Path, damage: Callable[[Path], object]) -> None:
    """O18."""
    damage(plate / SECOND)
    assert codes(plate) == ["E_FRAME_CORRUPT"]


def test_missing_extra_and_linked_files_are_found(plate: Path) -> None:
    (plate / FIRST).unlink()
    (plate / f"{NAME}_v001.1009.exr").write_bytes(b"stranger")
    (plate / f"{SECOND}.part-1").write_bytes(b"half")
    shutil.move(plate / SECOND, plate.parent / "outside.exr")
    (plate / SECOND).symlink_to(plate.parent / "outside.exr")
    assert codes(plate) == ["E_FRAME_MISSING", "E_FRAME_CORRUPT", "E_FILE_EXTRA", "E_FILE_EXTRA"]


@pytest.mark.parametrize("name", ["camera.json", "contact.png", "preview.mp4"])
def test_companions_count_too(plate: Path, name: str) -> None:
    (plate / name).write_bytes((plate / name).read_bytes() + b" ")
    assert codes(plate) == ["E_FILE_CORRUPT"]
    (plate / name).unlink()
    assert codes(plate) == ["E_FILE_MISSING"]


# Manifests that lie ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": NaN}', "[" * 100_000, "\ufeff{}", '"plate"', "{}"],
    ids=["empty", "torn", "list", "null", "NaN", "deep", "bom", "text", "bare"],
)
def test_torn_manifests_are_refused(plate: Path, text: str) -> None:
    """O19."""
    (plate / "plate.json").write_text(text)
    assert codes(plate) == ["E_MANIFEST"]


@pytest.mark.parametrize("was", ["Apache-2.0", "a meadow", '"seed": 0', "lanczos3"])
def test_a_byte_that_changed_in_the_manifest_is_found(plate: Path, was: str) -> None:
    text = (plate / "plate.json").read_text()
    assert was in text and codes(plate) == []
    place = text.index(was) + len(was) - 1
    (plate / "plate.json").write_text(f"{text[:place]}{chr(ord(text[place]) ^ 1)}{text[place + 1:]}")
    assert codes(plate) in (["E_MANIFEST_CHANGED"], ["E_MANIFEST"])


def test_an_older_manifest_has_no_hash_of_its_own(plate: Path) -> None:
    document = manifest_of(plate)
    assert document.pop("record_sha256")
    (plate / "plate.json").write_text(json.dumps(document))
    assert codes(plate) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_manifests_are_refused(plate: Path, share: float) -> None:
    """O19."""
    text = (plate / "plate.json").read_text()
    (plate / "plate.json").write_text(text[: int(len(text) * share) - 1])
    assert codes(plate) == ["E_MANIFEST"]


def test_no_manifest(plate: Path, tmp_path: Path) -> None:
    """O19: an unfinished plate says how its job stands, a foreign folder that it is no plate."""
    (plate / "plate.json").unlink()
    assert "no plate.json" in provenance.verify(plate).problems[0].message
    record = {"status": "failed", "error": {"message": "The disk is full."}}
    disk.write_json(plate / "job.json", record)
    assert "failed: The disk is full" in provenance.verify(plate).problems[0].message
    assert codes(tmp_path) == ["E_MANIFEST"]
    with pytest.raises(RequestError, match="E_FILE_MISSING"):
        provenance.verify(tmp_path / "nowhere")


OUTSIDE = ["../x.1001.exr", "/etc/x.1001.exr", "a/b.1001.exr", "a\\b.1001.exr", "C:x.1001.exr", "..", "", ".x.1001.exr"]


@pytest.mark.parametrize("file", [*OUTSIDE, 7, None])
def test_paths_that_leave_the_folder_are_refused(plate: Path, file: object) -> None:
    """O19: whatever lies there is not even opened."""
    rewrite(plate, lambda document: document["frames"][0].update(file=file))
    with pytest.raises(PlateError) as error:
        provenance.read_manifest(plate)
    assert error.value.code == "E_MANIFEST" and error.value.hint
    rewrite(plate, lambda document: document["companions"][0].update(file=file))
    assert codes(plate) == ["E_MANIFEST"]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(format="platewright.job"),
        lambda document: document.update(version=2),
        lambda document: document.update(version="1"),
        lambda document: document.update(status="running"),
        lambda document: document.update(frames=[]),
        lambda document: document.update(frames={}),
        lambda document: document.update(frames=[7]),
        lambda document: document["frames"].pop(1),
        lambda document: document["frames"].reverse(),
        lambda document: document["frames"][0].pop("sha256"),
        lambda document: document["frames"][0].update(sha256="0"),
        lambda document: document["frames"][0].update(size=-1),
        lambda document: document["frames"][0].update(frame="1001"),
        lambda document: document["frames"][0].update(frame=True),
        lambda document: document["frames"][0].update(file=SECOND),
        lambda document: document.pop("companions"),
        lambda document: document.pop("request"),
        lambda document: document.pop("seed"),
        lambda document: document["request"].update(prompt="another"),
        lambda document: document.update(request_sha256="0" * 64),
        lambda document: document["camera"].update(sha256="0" * 64),
        lambda document: document["camera"].update(first=1000),
    ],
)
def test_manifests_that_contradict_themselves(plate: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """O19: a wrong schema, a hole, a changed prompt: each is noticed without a second source."""
    rewrite(plate, lambda document: None)
    assert codes(plate) == [], "rewriting alone is harmless"
    rewrite(plate, change)
    assert set(codes(plate)) == {"E_MANIFEST"}


def test_a_lock_of_bare_frames_has_no_request(plate: Path) -> None:
    """The contract: request and model are null where only frames were given."""
    rewrite(plate, lambda document: document.update(request=None, request_sha256=None, model=None, seed=None))
    assert codes(plate) == [] and provenance.answer(plate)["model"] is None


def test_frames_read_back_as_they_were(pristine: Path) -> None:
    camera = job_for(pristine.parent).request.camera
    for index, frame in enumerate(camera.frames):
        picture = pictures.read_picture(pristine / f"{NAME}_v001.{frame}.exr")
        assert picture == pytest.approx(picture_of(camera, index), abs=6e-4)
