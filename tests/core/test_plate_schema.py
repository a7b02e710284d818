"""docs/plate.schema.json says what plate.json is: real manifests fit it, and what is planted in them does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from platewright import cli, credentials, provenance
from platewright.cards import ModelCard
from platewright.credentials import keys
from tests.core.plate_maker import NAME, job_for, make
from tests.core.shots import shot

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "plate.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def faults(document: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def manifest_of(plate: Path) -> dict[str, Any]:
    return json.loads((plate / "plate.json").read_text())


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEWRIGHT_SETTINGS", str(tmp_path_factory.mktemp("settings")))


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made and measured by the engine itself."""
    folder = tmp_path_factory.mktemp("schema")
    shot(frames=4).write(folder / "camera.json")
    words = ["--model", "grid", "--out", str(folder), "--size", "96x54", "--no-sign"]
    assert cli.main(["generate", "--camera", str(folder / "camera.json"), *words]) == 0
    return folder / "Camera_v001"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_plate_of_the_engine_fits(plate: Path) -> None:
    document = manifest_of(plate)
    assert faults(document) == []
    assert document["settings"]["steps"] == document["model"]["default_steps"]
    assert document["model"]["terms"] == provenance.read_manifest(plate)["model"]["terms"]


def test_a_signed_plate_fits(tmp_path: Path) -> None:
    folder = make(job_for(tmp_path, frame_format="png"))
    credentials.sign(folder, keys.new_key("Mara Example", "hash"))
    document = manifest_of(folder)
    assert document["disclosure"]["c2pa"] and faults(document) == []
    assert [edit["what"] for edit in document["edits"]] == ["resampled"]


def test_a_lock_of_bare_frames_fits(plate: Path, tmp_path: Path) -> None:
    """Nobody knows what made them: request, model and settings are null."""
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in plate.glob("Camera_v001.*.exr"):
        shutil.copyfile(path, bare / path.name)
    words = ["--camera", str(plate / "camera.json"), "--out", str(tmp_path), "--name", NAME]
    assert cli.main(["lock", str(bare), *words]) == 0
    document = manifest_of(tmp_path / f"{NAME}_v001")
    assert faults(document) == [] and document["settings"] is None
    assert document["edits"][0]["what"] == "locked"


def test_an_input_and_its_rights_fit(tmp_path: Path) -> None:
    """A guide with an answer, as the command line records it."""
    shot(frames=3).write(tmp_path / "camera.json")
    picture = tmp_path / "street.png"
    Image.fromarray(np.zeros((36, 64, 3), np.uint8)).save(picture)
    document = manifest_of(make(job_for(tmp_path)))
    document["inputs"] = {"first_frame": {"name": "street.png", "sha256": "0" * 64, "rights": "licensed: Agency 7"}}
    assert faults(document) == []
    document["inputs"]["first_frame"]["rights"] = "whatever"
    assert faults(document) != []


def undescribed(value: object, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Keys that are written and that the schema does not name, where it names any."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "oneOf" in schema:
        schema = next(each for each in schema["oneOf"] if each.get("type") != "null")
        yield from undescribed(value, schema, path)
    elif isinstance(value, list):
        for each in value:
            yield from undescribed(each, schema.get("items", {}), path)
    elif isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key in schema["properties"]:
                yield from undescribed(inner, schema["properties"][key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"


OF_THE_CARD = {f"/model/{each.name}" for each in fields(ModelCard)}


def test_all_that_is_written_is_described(plate: Path, tmp_path: Path) -> None:
    """Of the model there is its card, which the schema names in one sentence."""
    signed = make(job_for(tmp_path, frame_format="png"))
    credentials.sign(signed, keys.new_key("Mara Example", "text"))
    for folder in (plate, signed):
        assert set(undescribed(manifest_of(folder), SCHEMA)) <= OF_THE_CARD
    assert set(manifest_of(plate)) == set(SCHEMA["required"]) == set(SCHEMA["properties"])


def test_what_is_not_described_is_seen(plate: Path) -> None:
    document = manifest_of(plate)
    document["picture"]["mood"], document["request"]["camera"]["mood"] = "grey", "grey"
    assert set(undescribed(document, SCHEMA)) - OF_THE_CARD == {"/picture/mood", "/request/camera/mood"}


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda document: document.update(version=2),
    lambda document: document.pop("settings"),
    lambda document: document.update(surprise=1),
    lambda document: document["frames"].clear(),
    lambda document: document["frames"][0].update(sha256="0"),
    lambda document: document["frames"][0].pop("frame"),
    lambda document: document["model"].pop("licence"),
    lambda document: document["model"].update(commercial="perhaps"),
    lambda document: document["disclosure"].update(digitalSourceType="photograph"),
    lambda document: document["disclosure"].update(c2pa=True),
    lambda document: document["request"]["camera"]["camera_to_world"][0].pop(),
    lambda document: document.update(warnings=["something"]),
    lambda document: document.update(edits=[{"what": "improved"}]),
    lambda document: document["camera"].update(rate="24"),
    lambda document: document.update(plate="../elsewhere"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_does_not_fit(plate: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = manifest_of(plate)
    change(document)
    assert faults(document) != []
