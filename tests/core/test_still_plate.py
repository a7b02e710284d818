"""From words and a camera alone to a plate, by the command line: one small model draws, another goes on from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import cli, engine, pictures, provenance, stills
from platewright.camera import CameraPath
from platewright.models import first_frame, still, wan_fun
from platewright.protocol import PlateRequest
from tests.core import test_wan_fun, tiny_still
from tests.core.shots import shot

CAMERA = shot(5, size=(320, 180))
PROMPT = "a wide green valley"


def frames(plate: Path) -> Any:
    return np.stack([pictures.read_picture(file) for file in sorted(plate.glob(f"{plate.name}.*.exr"))])


def test_a_plate_of_words_and_a_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = test_wan_fun.make("wan-fun-camera", tmp_path / "wan")
    tiny_still.save(tmp_path / "drawer")
    monkeypatch.setitem(wan_fun.VARIANTS, tiny.kind.name, tiny.kind)
    monkeypatch.setattr(still, "PIXELS", 256 * 128)
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    CAMERA.write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", str(tiny.folder), "--prompt", PROMPT]
    words += ["--steps", "2", "--seed", "3", "--device", "cpu", "--no-check", "--json"]

    def made(*more: str) -> tuple[Path, list[str]]:
        assert cli.main([*words, *more, "--out", str(tmp_path / "out")]) == 0
        answer = json.loads(capsys.readouterr().out)
        return Path(answer["plate"]), answer["warnings"]

    plate, _ = made("--first-frame-from", "prompt", "--still-model", str(tmp_path / "drawer"), "--still-seed", "11")
    assert provenance.verify(plate).is_sound
    told = provenance.read_manifest(plate)["inputs"]["first_frame"]
    assert told["name"] == stills.PICTURE and told["still"]["licence"] == "Apache-2.0"
    assert (told["still"]["seed"], told["still"]["scheduler"]) == (11, "FlowMatchEulerDiscreteScheduler")
    assert told["still"]["prompt"].startswith(PROMPT) and len(told["still"]["files"]) == 3

    view = first_frame.shown(plate / stills.PICTURE, CAMERA)                 # at the right field of view
    request = PlateRequest(camera=CAMERA, prompt=PROMPT, model=str(tiny.folder), lock=False)
    wanted: CameraPath = engine.first_view(request).scaled(view.width, view.height)
    np.testing.assert_allclose(view.lens, wanted.intrinsics[0], rtol=1e-6)
    assert view.pose == pytest.approx(CAMERA.camera_to_world[0])
    assert view.lens[0] / view.width != pytest.approx(CAMERA.intrinsics[0][0] / CAMERA.width, rel=1e-3), "wider"

    shutil.copy(plate / stills.PICTURE, tmp_path / "first.png")
    again, warnings = made("--first-frame", str(tmp_path / "first.png"))     # the plate goes on from that very picture
    assert np.array_equal(frames(plate), frames(again)) and frames(plate).shape == (5, 180, 320, 3)
    assert not [warning for warning in warnings if "FIRST_FRAME" in warning], "nothing of it is lacking"
    other, _ = made("--first-frame-from", "prompt", "--still-model", str(tmp_path / "drawer"), "--still-seed", "12")
    assert np.abs(frames(plate) - frames(other)).max() > 1e-3, "the guilty: another picture is another plate"
