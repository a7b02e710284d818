"""The verbs of `platewright models`: models of several folders and repositories, and what people read of them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platewright import model_commands, models
from platewright.models import locks

from . import tiny_wan
from .fake_hub import COMMIT, WEIGHTS, FakeHub, inside, tensors, tiny_vace


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "cache" / "models"


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"given": None, "to": None, "accept_licence": True, "forget": False, **given})


def test_a_model_of_two_folders_comes_and_goes_with_both(hub: FakeHub, home: Path, tmp_path: Path) -> None:
    parts = {name: locks.lock(name).sources[0].repository for name in ("sana-wm", "sana-wm-refiner")}
    for repository in parts.values():
        hub.files[repository] = tiny_vace(800)
    hub.files[parts["sana-wm-refiner"]] |= {"connectors/config.json": b"{}", f"connectors/{WEIGHTS}": tensors(9)}
    answer = model_commands.pull(options(model="sana-wm", given=hub.address))
    assert [Path(model["folder"]).name for model in answer["models"]] == list(parts) and answer["is_found"]
    assert "every file's sha256 checked" in model_commands.say_pull(answer)
    assert models.card("sana-wm").available and models.card("sana-wm").revision == COMMIT
    assert len(model_commands.verify(options(model="sana-wm"))["models"]) == 2
    assert parts["sana-wm"] in model_commands.say_show(model_commands.show(options(model="sana-wm")))
    shutil.copytree(home, tmp_path / "stick")
    gone = model_commands.remove(options(model="sana-wm"))
    assert [len(model["removed"]) for model in gone["models"]] == [1, 1] and not (home / "sana-wm-refiner").exists()
    elsewhere = options(model="sana-wm", given=str(tmp_path / "stick" / "sana-wm"), to=str(tmp_path / "own"))
    answer = model_commands.pull(elsewhere)
    assert inside(tmp_path / "own" / "sana-wm-refiner") == inside(tmp_path / "stick" / "sana-wm-refiner")
    assert not answer["is_found"] and "PLATEWRIGHT_MODELS" in model_commands.say_pull(answer)


def test_a_model_of_two_repositories_opens_as_what_it_is(hub: FakeHub, home: Path, tmp_path: Path) -> None:
    name = "wan-fun-camera-1.3b"
    tiny_wan.write_expert(tmp_path / "net", 0, 32, 16, 8, True)
    tiny_wan.write_common(tmp_path / "parts")
    tiny_wan.write_clip(tmp_path / "parts")
    for source, folder in zip(locks.lock(name).sources, ("net", "parts"), strict=True):
        files = {path: (tmp_path / folder / path).read_bytes() for path in inside(tmp_path / folder)}
        hub.files[source.repository] = files | {"LICENSE": folder.encode(), "Wan2.1_VAE.pth": b"\x80\x04"}
    answer = model_commands.pull(options(model=name, given=hub.address))
    assert len(answer["models"][0]["sources"]) == 2 and not hub.asked_for(".pth")
    assert [path for path in inside(home / name) if path.endswith("LICENSE")] == [
        "licences/Wan-AI--Wan2.1-I2V-14B-480P-Diffusers/LICENSE",
        "licences/alibaba-pai--Wan2.1-Fun-V1.1-1.3B-Control-Camera/LICENSE",
    ]
    backend = models.open_backend(name, "cpu")
    assert len(backend.provenance()["files"]) == 4 and backend.card.available
    assert models.card(name).revision == f"{COMMIT} {COMMIT}"


def test_the_list_says_what_people_ask() -> None:
    answer = model_commands.listed(argparse.Namespace())
    told = model_commands.say_listed(answer)
    for card in (*answer["models"], *answer["stills"]):
        assert card["terms"] in told and f"commercial use: {card['commercial']}" in told
        assert all(source in told for source in card["sources"])
        assert len(set(card["sources"])) == len(card["sources"])
    assert "recorded at first use" in told and "10 million dollars" in told and "GB on disk" in told
