"""The story from request to plate without check and lock, told with the layout and with models that misbehave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from platewright import engine, models, pictures, provenance
from platewright.errors import Cancelled, OutOfMemory, PlateError, RequestError
from platewright.models import grid
from platewright.protocol import Event, FrameReady, Job, PlateRequest, Progress, Stage, Warned

from .shots import shot


def job(out: Path, **changes: Any) -> Job:
    camera = changes.pop("camera", shot())
    request = PlateRequest(camera=camera, prompt="", model="grid", lock=False, **changes)
    return Job(request=request, name="sh010_BG01", out=str(out), id="j1", check=False)


def ignore(event: Event) -> None:
    del event


def test_a_request_becomes_a_whole_plate(tmp_path: Path) -> None:
    heard: list[Event] = []
    answer = engine.make_plate(job(tmp_path, frame_format="png"), heard.append)
    folder = Path(answer["plate"])
    assert folder == tmp_path / "sh010_BG01_v001"
    assert answer["frames"] == 4 and answer["model"] == "grid" and answer["match"] is None
    assert provenance.verify(folder).is_sound
    stages = [event.stage for event in heard if isinstance(event, Stage)]
    assert stages == ["foresight", "loading", "sampling", "signing"]
    ready = [event for event in heard if isinstance(event, FrameReady)]
    assert [event.frame for event in ready] == [1001, 1002, 1003, 1004]
    assert all(Path(event.path).is_file() for event in ready)
    assert any(isinstance(event, Progress) for event in heard)
    manifest = json.loads((folder / "plate.json").read_text())
    assert manifest["seed"] == 0 and manifest["device"] == "cpu" and manifest["model"]["name"] == "grid"
    assert (manifest["match"], manifest["match_reason"]) == (None, "the check was left out")
    assert str(tmp_path) not in (folder / "plate.json").read_text()


def test_the_same_request_gives_the_same_bytes_and_the_next_version(tmp_path: Path) -> None:
    first, second = (engine.make_plate(job(tmp_path), ignore) for _ in range(2))
    names = [Path(answer["plate"]).name for answer in (first, second)]
    assert names == ["sh010_BG01_v001", "sh010_BG01_v002"]
    frames = [(tmp_path / name / f"{name}.1003.exr").read_bytes() for name in names]
    assert frames[0] == frames[1]


def test_a_size_of_another_aspect_crops_and_the_camera_follows(tmp_path: Path) -> None:
    answer = engine.make_plate(job(tmp_path, size=(48, 48), frame_format="png"), ignore)
    plate = Path(answer["plate"])
    camera = json.loads((plate / "camera.json").read_text())
    assert (camera["width"], camera["height"]) == (48, 48)
    fx, fy, cx, _ = camera["intrinsics"][0]
    assert fx == pytest.approx(fy, rel=0.02) and fx == pytest.approx(0.9 * 64 * 48 / 36, rel=0.02)
    assert cx == pytest.approx(24, abs=1)
    assert pictures.read_picture(plate / f"{plate.name}.1001.png").shape == (48, 48, 3)


def test_a_cut_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cut = replace(shot(), cameras=("Camera", "Camera", "B", "B"))
    with pytest.raises(RequestError, match="E_CAMERA_CUT"):
        engine.make_plate(job(tmp_path, camera=cut), ignore)
    assert not list(tmp_path.iterdir())


def test_cancelling_keeps_the_frames_and_the_record_says_so(tmp_path: Path) -> None:
    def stop_after_two(event: Event) -> None:
        if isinstance(event, FrameReady) and event.frame == 1002:
            raise Cancelled()

    with pytest.raises(Cancelled):
        engine.make_plate(job(tmp_path), stop_after_two)
    folder = tmp_path / "sh010_BG01_v001"
    assert len(list(folder.glob("*.exr"))) >= 2 and not list(folder.glob("*.part-*"))
    assert json.loads((folder / "job.json").read_text())["status"] == "cancelled"

    before = (folder / "sh010_BG01_v001.1001.exr").stat().st_mtime_ns
    answer = engine.make_plate(job(tmp_path), ignore, resume=True)
    assert Path(answer["plate"]) == folder and answer["frames"] == 4
    assert (folder / "sh010_BG01_v001.1001.exr").stat().st_mtime_ns == before
    assert provenance.verify(folder).is_sound
    assert engine.make_plate(job(tmp_path), ignore, resume=True)["plate"] == str(folder)


class Misbehaving(grid.GridBackend):
    """A back-end that does what the test tells it after its first picture."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def generate(self, request: Any, camera: Any, job: str, emit: Any) -> Iterator[Any]:
        for index in range(len(camera)):
            yield self.act(grid.draw(camera, index), index, emit)


def run_with(monkeypatch: pytest.MonkeyPatch, out: Path, act: Any) -> list[Event]:
    heard: list[Event] = []
    monkeypatch.setitem(models.BACKENDS, "grid", "grid")
    monkeypatch.setattr(grid, "open", lambda device: Misbehaving(act))
    engine.make_plate(job(out), heard.append)
    return heard


def test_a_picture_that_is_not_finite_never_becomes_a_frame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def spoil(picture: Any, index: int, emit: Any) -> Any:
        picture[0, 0, 0] = numpy.nan if index == 1 else 0
        return picture

    with pytest.raises(PlateError, match="E_NOT_FINITE"):
        run_with(monkeypatch, tmp_path, spoil)
    folder = tmp_path / "sh010_BG01_v001"
    assert (folder / "sh010_BG01_v001.1001.exr").is_file() and not list(folder.glob("*1002*"))
    assert json.loads((folder / "job.json").read_text())["error"]["code"] == "E_NOT_FINITE"


def test_running_out_of_memory_asks_for_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def exhaust(picture: Any, index: int, emit: Any) -> Any:
        raise MemoryError

    with pytest.raises(OutOfMemory) as caught:
        run_with(monkeypatch, tmp_path, exhaust)
    assert caught.value.exit_code == 4


def test_a_black_frame_and_a_models_warning_reach_the_artist_and_the_manifest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def darken(picture: Any, index: int, emit: Any) -> Any:
        emit(Warned("j1", "W_SOMETHING", f"Said at {index}."))
        return picture * (index != 2)

    heard = run_with(monkeypatch, tmp_path, darken)
    codes = [event.code for event in heard if isinstance(event, Warned)]
    assert codes.count("W_FRAME_SUSPECT") == 1 and codes.count("W_SOMETHING") == 4
    manifest = json.loads((tmp_path / "sh010_BG01_v001" / "plate.json").read_text())
    assert any(text.startswith("W_FRAME_SUSPECT") for text in manifest["warnings"])


def test_a_model_that_stops_early_is_not_called_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Short(grid.GridBackend):
        def generate(self, request: Any, camera: Any, job: str, emit: Any) -> Iterator[Any]:
            yield grid.draw(camera, 0)

    monkeypatch.setattr(grid, "open", lambda device: Short())
    with pytest.raises(PlateError, match="E_FRAMES_MISSING"):
        engine.make_plate(job(tmp_path), ignore)
    assert not list(tmp_path.glob("*/plate.json"))


def test_every_card_declares_what_the_panel_needs() -> None:
    for card in models.cards():
        assert card.title and card.summary and card.licence
        assert card.kind in ("layout", "draft", "final")
    with pytest.raises(RequestError, match="E_MODEL_UNKNOWN"):
        models.card("../draft")
