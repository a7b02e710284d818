"""Frames from anywhere, enlarged by a model of the user's own on their way through a lock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from platewright import cli, pictures, provenance
from platewright.match.views import Views
from tests.core import painted_world
from tests.core.test_enlarging import PAN, compact

SMALL, LARGE = (144, 81), (288, 162)


@pytest.fixture
def drifting(tmp_path: Path) -> Path:
    """Small frames that turn away from their camera by a degree, with their camera.json."""
    folder, camera = tmp_path / "shown", PAN.scaled(*SMALL)
    folder.mkdir()
    turn = painted_world.growing(len(PAN), (0.3, 1.0, 0.2), 1.0)
    shown = painted_world.drifted(Views.of(camera), turn)
    for index, frame in enumerate(PAN.frames):
        codes = pictures.bytes_from_display(painted_world.look(shown, index)[0])
        Image.fromarray(codes).save(folder / f"shown.{frame}.png")
    camera.write(folder / "camera.json")
    return folder


def locked(folder: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    command = ["lock", str(folder), "--size", f"{LARGE[0]}x{LARGE[1]}", "--format", "png", "--json", *words]
    return cli.main(command), json.loads(capsys.readouterr().out)


def test_a_lock_may_enlarge_first(tmp_path: Path, drifting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = compact(tmp_path / "soft.safetensors", loud=0.01)
    code, answer = locked(drifting, "--upscale", str(model), "--out", str(tmp_path / "out"), capsys=capsys)
    assert code == 0, answer
    plate = Path(answer["plate"])
    document = provenance.read_manifest(plate)
    told = document["picture"]
    assert (told["upscaler"]["name"], told["upscaler"]["scale"]) == (model.name, 2)
    assert (told["native_width"], told["size"], told["resample"]["scale"]) == (SMALL[0], "enlarged", [1.0, 1.0])
    assert told["upscaler"]["flicker"]["enlarged"] > 0
    assert document["match"]["verdict"] == "locked", document["match"]["reason"]
    assert str(tmp_path) not in (plate / "plate.json").read_text()
    views = Views.of(PAN.scaled(*LARGE))
    for index in (1, len(PAN) // 2):
        frame = pictures.read_picture(plate / f"{plate.name}.{PAN.frames[index]}.png")
        truth, other = (painted_world.look(views, at)[0] for at in (index, 0))
        assert painted_world.psnr(frame, truth) > 22
        assert np.abs(frame - other).mean() > np.abs(frame - truth).mean()
    assert provenance.verify(plate).is_sound


def test_what_is_no_model_is_refused_before_anything_is_measured(
    tmp_path: Path, drifting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.safetensors").write_text("hello")
    given = str(tmp_path / "words.safetensors")
    code, answer = locked(drifting, "--upscale", given, "--out", str(tmp_path / "out"), capsys=capsys)
    assert code and answer["error"]["code"] == "E_UPSCALER" and answer["error"]["hint"]
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
