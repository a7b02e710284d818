"""Whose an input is: asked once, recorded with the plate, no part of the request's hash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platewright import cli, rights
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.inputs import Input, Remake, real_rights
from platewright.protocol import Job, PlateRequest
from tests.core.shots import shot


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("settings")
    monkeypatch.setenv("PLATEWRIGHT_SETTINGS", str(folder))
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "street.png"
    Image.fromarray(np.zeros((36, 64, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def request_with(picture: Path) -> PlateRequest:
    return PlateRequest(camera=shot(), prompt="a street", first_frame=Input.of(picture)).checked()


@pytest.mark.parametrize(
    ("answer", "kept"),
    [("mine", "mine"), (" Mine ", "mine"), ("UNKNOWN", "unknown"), ("licensed:  Agency\n7", "licensed: Agency 7")],
)
def test_answers(answer: str, kept: str) -> None:
    assert real_rights(answer) == kept


NONE = ["", "yours", "licensed", "licensed: ", "mine: all", "licensed: " + "x" * 500, 7, None]


@pytest.mark.parametrize("answer", NONE)
def test_no_answers(answer: object) -> None:
    with pytest.raises(RequestError) as error:
        real_rights(answer)
    assert error.value.code == "E_VALUE" and error.value.hint


def test_an_input_keeps_its_rights_and_the_hash_does_not_know_them(request_with: PlateRequest) -> None:
    assert request_with.first_frame is not None
    told = replace(request_with, first_frame=replace(request_with.first_frame, rights="mine"))
    assert told.sha256 == request_with.sha256, "a farm finds the same plate whatever was said"
    assert PlateRequest.from_dict(json.loads(json.dumps(told.to_dict()))) == told
    assert "rights" not in request_with.to_dict()["first_frame"], "old requests stay as they are"
    assert told.first_frame is not None and told.first_frame.told()["rights"] == "mine"
    with pytest.raises(RequestError, match="E_VALUE"):
        Input(told.first_frame.path, told.first_frame.sha256, "yours").checked()


def test_asked_once(request_with: PlateRequest, picture: Path) -> None:
    asked: list[str] = []

    def ask(what: str) -> str:
        asked.append(what)
        return "licensed: Agency 7"

    for _ in range(2):
        found = rights.settled(request_with, None, ask)
        assert found.first_frame is not None and found.first_frame.rights == "licensed: Agency 7"
    assert asked == ["the first frame street.png"]
    renamed = picture.rename(picture.with_name("other.png"))
    again = rights.settled(replace(request_with, first_frame=Input.of(renamed)), None, ask)
    assert again.first_frame is not None and again.first_frame.rights == "licensed: Agency 7" and len(asked) == 1
    Image.fromarray(np.ones((36, 64, 3), np.uint8)).save(renamed)
    rights.settled(replace(request_with, first_frame=Input.of(renamed)), None, ask)
    assert len(asked) == 2, "another picture is another question"


def test_what_is_said_now_counts(request_with: PlateRequest) -> None:
    rights.settled(request_with, "unknown", None)
    found = rights.settled(request_with, "mine", None)
    assert found.first_frame is not None and found.first_frame.rights == "mine"
    later = rights.settled(request_with, None, None)
    assert later.first_frame is not None and later.first_frame.rights == "mine"
    with pytest.raises(RequestError, match="E_VALUE"):
        rights.settled(request_with, "yours", None)


def test_where_nobody_can_be_asked_nothing_is_recorded(request_with: PlateRequest) -> None:
    assert rights.settled(request_with, None, None) == request_with
    bare = replace(request_with, first_frame=None)
    assert rights.settled(bare, "mine", None) == bare


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "platewright.rights", "version": 1, "answers": 7}'])
def test_a_torn_memory_is_no_memory(settings: Path, text: str, request_with: PlateRequest) -> None:
    (settings / "rights.json").write_text(text)
    assert rights.remembered() == {}
    rights.settled(request_with, "mine", None)
    assert list(rights.remembered().values()) == ["mine"]


def test_a_remake_reads_back(picture: Path) -> None:
    remake = Remake(Input.of(picture), 1001, 1004)
    assert Remake.from_dict(json.loads(json.dumps(remake.to_dict()))) == remake


# Lone jobs ---------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A farm's job with a guide, as somebody types it: no hash, and the answer beside the path."""
    camera = shot(frames=3)
    camera.write(tmp_path / "camera.json")
    assert cli.main(["guide", "--camera", str(tmp_path / "camera.json"), "-o", str(tmp_path / "guide")]) == 0
    guide = {"path": "guide", "rights": "licensed: Agency 7"}
    request = {"format": "platewright.request", "version": 1, "camera": "camera.json", "prompt": "", "model": "grid"}
    request |= {"guide": guide, "size": [96, 54], "lock": False}
    plain = {"format": "platewright.job", "version": 1, "name": "lone", "out": ".", "check": False, "sign": False}
    (tmp_path / "job.json").write_text(json.dumps({**plain, "request": request}))
    return tmp_path / "job.json"


def recorded(job: Path, version: int) -> dict[str, str]:
    return json.loads((job.parent / f"lone_v{version:03d}" / "plate.json").read_text())["inputs"]["guide"]


def test_a_lone_job_says_it_with_the_input(job: Path) -> None:
    assert cli.main(["run", str(job)]) == 0
    assert recorded(job, 1)["rights"] == "licensed: Agency 7"


def test_or_with_the_command_or_has_said_it_before(job: Path) -> None:
    assert cli.main(["run", str(job), "--rights", "mine"]) == 0
    plain = json.loads(job.read_text())
    plain["request"]["guide"] = {"path": "guide"}
    job.write_text(json.dumps(plain))
    assert cli.main(["run", str(job), "--version", "2"]) == 0
    assert [recorded(job, version)["rights"] for version in (1, 2)] == ["mine", "mine"]
    assert cli.main(["run", str(job), "--version", "3", "--rights", "yours"]) == 2


def test_the_worker_remembers_what_a_job_says(job: Path) -> None:
    """The engine itself settles them: whoever hands it a job need not."""
    from platewright import engine

    guide = Input.of(job.parent / "guide", "licensed: Agency 7")
    camera = CameraPath.read(job.parent / "camera.json")
    told = PlateRequest(camera=camera, prompt="", model="grid", guide=guide, size=(96, 54), lock=False)
    bare = replace(told, guide=Input.of(job.parent / "guide"))
    for request in (told, bare):
        wanted = Job(request=request, name="lone", out=str(job.parent), check=False, sign=False)
        engine.make_plate(wanted, lambda _event: None)
    assert recorded(job, 2)["rights"] == "licensed: Agency 7"
