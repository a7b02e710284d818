"""A storyboard's sheet and its Content Credentials, read back by C2PA's own reader."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import c2pa
import pytest

from platewright import shots, storyboard
from platewright.camera import CameraPath
from platewright.credentials import keys
from platewright.errors import RequestError
from platewright.protocol import Event, Warned
from tests.core.test_storyboard import scene, unheard, wish

TWO = (3, 2)


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without a key."""
    monkeypatch.setenv("PLATEWRIGHT_SETTINGS", str(tmp_path_factory.mktemp("settings") / "platewright"))


def drawn(folder: Path, camera: CameraPath | None = None, **more: Any) -> dict[str, Any]:
    storyboard.make(shots.split(camera or scene(*TWO)), wish(folder, prompt="a fjord", **more), unheard)
    return json.loads((folder / "sheet.json").read_text())


def read_back(data: bytes) -> tuple[str, dict[str, Any]]:
    """The state, and the active manifest, by C2PA's reader alone."""
    quiet = c2pa.Settings.from_dict({"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}})
    with c2pa.Reader("image/png", io.BytesIO(data), context=c2pa.Context(quiet)) as reader:
        store = json.loads(reader.json())
        return str(reader.get_validation_state()).lower(), store["manifests"][store["active_manifest"]]


def assertion(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    return next(each["data"] for each in manifest["assertions"] if each["label"] == label)


def test_the_sheet_says_who_drew_it_and_names_every_still(tmp_path: Path) -> None:
    keys.new_key("Mara Example", "hash")
    told = drawn(tmp_path)
    data = (tmp_path / "sheet.png").read_bytes()
    state, manifest = read_back(data)
    assert state == "valid" and manifest["signature_info"]["common_name"] == "Mara Example"
    assert told["sheet"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert told["disclosure"]["c2pa"] and told["disclosure"]["credentials"]["signer"] == "Mara Example"
    created, laid = assertion(manifest, "c2pa.actions.v2")["actions"]
    assert created["digitalSourceType"] == told["disclosure"]["digitalSourceType"]
    assert created["softwareAgent"]["name"] == told["model"]["title"] and laid["action"] == "c2pa.edited"
    metadata = assertion(manifest, "cawg.metadata")
    assert metadata["Iptc4xmpExt:AISystemUsed"] == told["model"]["title"]
    assert metadata["Iptc4xmpExt:DigitalSourceType"].endswith("algorithmicMedia")
    stills = assertion(manifest, "org.platewright.storyboard")["stills"]
    assert [each["sha256"] for each in stills] == [shot["sha256"] for shot in told["shots"]]
    files = [tmp_path / "sheet_stills" / each["file"] for each in stills]
    assert [each["sha256"] for each in stills] == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert b"a fjord" not in data
    flipped = bytearray(data)
    flipped[data.index(b"IDAT") + 400] ^= 1
    assert read_back(bytes(flipped))[0] == "invalid"


def test_the_words_go_along_where_they_may(tmp_path: Path) -> None:
    keys.new_key("Mara Example", "hash")
    drawn(tmp_path, prompt_told="text")
    _, manifest = read_back((tmp_path / "sheet.png").read_bytes())
    assert assertion(manifest, "cawg.metadata")["Iptc4xmpExt:AIPromptInformation"] == "a fjord"
    assert {each["prompt"] for each in assertion(manifest, "org.platewright.storyboard")["stills"]} == {"a fjord"}


@pytest.mark.parametrize(("has_key", "sign"), [(False, None), (True, False)])
def test_nobody_signs_who_was_not_asked(tmp_path: Path, has_key: bool, sign: bool | None) -> None:
    if has_key:
        keys.new_key("Mara Example", "hash")
    assert drawn(tmp_path, sign=sign)["disclosure"]["c2pa"] is False
    with pytest.raises(c2pa.C2paError, match="ManifestNotFound"):
        read_back((tmp_path / "sheet.png").read_bytes())


def test_without_a_key_it_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as refused:
        drawn(tmp_path, sign=True)
    assert refused.value.code == "E_KEY_NONE" and not list(tmp_path.iterdir())


def test_a_key_that_fails_later_loses_no_sheet(tmp_path: Path) -> None:
    keys.new_key("Mara Example", "hash")
    (keys.folder() / keys.KEY).write_bytes(b"no key")
    heard: list[Event] = []
    storyboard.make(shots.split(scene(*TWO)), wish(tmp_path), heard.append)
    (warned,) = [event for event in heard if isinstance(event, Warned)]
    assert warned.code == "W_UNSIGNED" and (tmp_path / "sheet.png").is_file()
    assert json.loads((tmp_path / "sheet.json").read_text())["disclosure"]["c2pa"] is False
