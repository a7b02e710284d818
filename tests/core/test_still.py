"""A first frame made of the prompt: the bare pipeline's very picture, in its place before the plate, and kept with it.

The text-to-image model is small and untrained, of the real classes, saved and read as the published one is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from platewright import engine, fitting, models, pictures, provenance, stills
from platewright.camera import CameraPath
from platewright.errors import BackendError, Cancelled, RequestError
from platewright.models import first_frame, grid, still, still_words
from platewright.protocol import Event, FrameReady, Input, Job, PlateRequest, Progress, Still, Warned
from tests.core import tiny_still
from tests.core.shots import level_pose, shot

SIZES = ((320, 176), (176, 320))                   # of the video model
WORDS = "a wide green valley. Photographed with a wide-angle lens"
SEED = 7


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("models") / still.NAME
    return folder, tiny_still.save(folder)


@pytest.fixture(autouse=True)
def installed(saved: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Found by its name, small pictures, and nothing kept from another test."""
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(saved[0].parent))
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(still, "PIXELS", 320 * 176)
    return saved[0]


@dataclass
class Led(grid.GridBackend):
    """A model of two sizes that shows its first picture on every frame, and remembers what it had."""

    opened: list[str] = field(default_factory=list[str])
    started: list[Any] = field(default_factory=list[Any])
    requests: list[PlateRequest] = field(default_factory=list[PlateRequest])

    def native_camera(self, camera: CameraPath) -> CameraPath:
        return camera.scaled(*fitting.size_for(camera, SIZES))

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Any) -> Iterator[Any]:
        native = self.native_camera(camera)
        picture = first_frame.first_picture(request, native, job, emit)
        self.requests.append(request)
        self.started.append((picture, native))
        for _ in range(len(camera)):
            yield picture


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Led:
    backend = Led()
    card = replace(grid.card(), sizes=SIZES, needs_first_frame=True, drift_deg=2.0)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: backend.opened.append(device) or backend)
    return backend


def job(out: Path, camera: CameraPath | None = None, **changes: Any) -> Job:
    told: dict[str, Any] = {"still": Still(SEED), "lock": False, "frame_format": "png", "device": "cpu", **changes}
    tries = told.pop("tries", 1)
    path = camera or shot(2, size=(160, 90))
    request = PlateRequest(camera=path, prompt="a wide green valley.", model="grid", **told)
    return Job(request=request, name="sh010", out=str(out), id="j1", check=tries > 1, tries=tries)


def ignore(event: Event) -> None:
    del event


# The picture -------------------------------------------------------------------------------------


def test_it_is_the_bare_pipelines_very_picture(installed: Path) -> None:
    from diffusers import ZImagePipeline

    heard: list[Event] = []
    made = still.open("cpu", installed).draw(WORDS, (96, 64), SEED, "j", heard.append)
    bare = ZImagePipeline.from_pretrained(installed)
    bare.set_progress_bar_config(disable=True)
    drawn = torch.Generator("cpu").manual_seed(SEED)
    wanted = bare(WORDS, 64, 96, still.STEPS, guidance_scale=0.0, generator=drawn, output_type="np").images[0]
    assert made.dtype == np.float32 and np.array_equal(made, wanted) and made.std() > 0.05
    assert [event.done for event in heard if isinstance(event, Progress)] == list(range(1, still.STEPS + 1))
    other = still.open("cpu", installed).draw("grey clouds", (96, 64), SEED, "j", ignore)
    assert np.abs(other - made).max() > 0.01        # the words count


def test_it_stops_at_the_next_step(installed: Path) -> None:
    def emit(event: Event) -> None:
        if isinstance(event, Progress) and event.done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        still.open("cpu", installed).draw(WORDS, (32, 32), SEED, "j", emit)


def test_pictures_of_no_numbers_and_prompts_too_long_are_told(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []
    still.open("cpu", installed).draw("valley " * 600, (32, 32), SEED, "j", heard.append)
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_PROMPT_LONG"]
    told = still._told
    monkeypatch.setattr(still, "_told", lambda *given: told(*given) * float("nan"))
    with pytest.raises(BackendError, match="E_NOT_FINITE"):
        still.open("cpu", installed).draw(WORDS, (32, 32), SEED, "j", ignore)


@pytest.mark.parametrize(
    ("view", "size"),
    [((1280, 704), (1280, 704)), ((832, 480), (1248, 720)), ((2200, 1210), (1280, 704)), ((480, 832), (720, 1248)),
     ((1920, 1080), (1280, 720)), ((1921, 1081), (1360, 768))],
)  # fmt: skip
def test_it_has_the_shape_of_what_the_model_sees(
    view: tuple[int, int], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still, "PIXELS", 1024 * 1024)
    assert still.drawn_size(*view) == size
    assert size[0] % 16 == size[1] % 16 == 0 and 0.6e6 < size[0] * size[1] < 1.5e6


def test_a_folder_that_is_not_whole_is_refused(installed: Path, tmp_path: Path) -> None:
    assert models.still_card(still.NAME).available and models.still_card(str(installed)).kind == "still"
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="E_MODEL_MISSING"):
        still.open("cpu", tmp_path / "empty")
    with pytest.raises(RequestError, match="E_MODEL_UNKNOWN"):
        models.open_still("dall-e", "cpu")


# The camera in words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tilt_deg", "focal", "words"),
    [
        (0.0, 1.0, "a moderately wide lens (36 mm), the horizon in the middle of the picture, level"),
        (8.0, 0.667, "a wide-angle lens (24 mm), the horizon in the lower third of the picture, level"),
        (-8.0, 0.667, "a wide-angle lens (24 mm), the horizon in the upper third of the picture, level"),
        (-35.0, 1.4, "a normal lens (50 mm), looking down, with no horizon and no sky in the picture, level"),
        (-80.0, 1.4, "a normal lens (50 mm), looking steeply down, seen from above"),
        (0.0, 4.0, "a long telephoto lens (144 mm), the horizon in the middle of the picture, level"),
    ],
)
def test_lens_and_horizon_are_the_cameras(tilt_deg: float, focal: float, words: str) -> None:
    camera = shot(1, size=(160, 90), focal=focal, tilts_deg=(tilt_deg,))
    assert still_words.view_words(camera, None) == words
    assert still_words.view_words(camera, 0.0).endswith(", from eye level")
    assert still_words.view_words(camera, -99.0).endswith(", aerial view")
    if abs(tilt_deg) < 60:                          # against the camera's own projection of a point on the horizon
        far = camera.project((0.0, 1e7, 1.7), 0)
        assert far and still_words.horizon_share(camera) * 90 == pytest.approx(far[1], abs=1e-3)


def test_a_rolled_camera_is_not_called_level() -> None:
    pose = np.array(level_pose(0, 0, 1.7)).reshape(4, 4)
    turn = math.radians(12.0)
    pose[:3, :2] = pose[:3, :2] @ np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    camera = replace(shot(1), camera_to_world=(tuple(pose.ravel()),))
    assert "tilted horizon, camera rolled by 12 degrees" in still_words.view_words(camera, None)


# Before the plate --------------------------------------------------------------------------------


def test_it_is_drawn_before_the_model_is_read_and_kept_with_the_plate(
    model: Led, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    draw, give = still.ZImage.draw, models.give_memory_back
    monkeypatch.setattr(still.ZImage, "draw", lambda *given: order.append("draw") or draw(*given))
    monkeypatch.setattr(models, "give_memory_back", lambda: order.append("memory back") or give())
    monkeypatch.setattr(grid, "open", lambda device: order.append("model") or model)
    plate = Path(engine.make_plate(job(tmp_path / "out"), ignore)["plate"])
    kept = order[: order.index("model")]
    assert kept[0] == "draw" and kept[-1] == "memory back" and order.count("draw") == 1

    manifest = json.loads((plate / "plate.json").read_text())
    told = manifest["inputs"]["first_frame"]
    assert told["sha256"] == provenance_sha(manifest, stills.PICTURE) == Input.of(plate / stills.PICTURE).sha256
    made = told["still"]
    assert (made["model"], made["seed"], made["size"]) == ("z-image-turbo", SEED, [320, 176])
    assert (made["scheduler"], made["shift"], made["steps"]) == ("FlowMatchEulerDiscreteScheduler", 3.0, still.STEPS)
    assert made["prompt"].startswith("a wide green valley. Photographed with a wide-angle lens (29 mm), ")
    assert {Path(entry["file"]).parts[0] for entry in made["files"]} == {"text_encoder", "transformer", "vae"}
    assert all(len(entry["sha256"]) == 64 for entry in made["files"])
    assert manifest["request"]["still"] == {"seed": SEED, "model": "z-image-turbo"}
    assert provenance.verify(plate).is_sound
    with Image.open(plate / stills.PICTURE) as image:
        assert str(image.info["platewright.digitalSourceType"]).endswith("trainedAlgorithmicMedia")
        stored = np.asarray(image)

    picture, native = model.started[0]              # seen by the model's own camera, edge to edge, not resampled
    assert (native.width, native.height) == (320, 176)
    assert np.array_equal(pictures.bytes_from_display(picture), stored)
    (plate / stills.PICTURE).write_bytes(b"another")
    assert not provenance.verify(plate).is_sound


def provenance_sha(manifest: dict[str, Any], name: str) -> str:
    return next(entry["sha256"] for entry in manifest["companions"] if entry["file"] == name)


def test_whoever_continues_and_another_try_start_from_the_very_same_file(
    model: Led, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    draw = still.ZImage.draw
    monkeypatch.setattr(still.ZImage, "draw", lambda *given: drawn.append(given) or draw(*given))

    def stop(event: Event) -> None:
        if isinstance(event, FrameReady):
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.make_plate(job(tmp_path / "out"), stop)
    begun = (tmp_path / "out" / "sh010_v001" / stills.PICTURE).read_bytes()
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "empty"))         # the plate's own file will do
    plate = Path(engine.make_plate(job(tmp_path / "out"), ignore, resume=True)["plate"])
    assert (plate / stills.PICTURE).read_bytes() == begun and len(drawn) == 1

    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    answer = engine.make_plate(job(tmp_path / "tries", shot(8, size=(160, 90)), tries=2), ignore)
    files = [Path(each["plate"]) / stills.PICTURE for each in answer["tries"]]
    assert [each["seed"] for each in answer["tries"]] == [0, 1] and len(drawn) == 1
    assert files[0].read_bytes() == files[1].read_bytes()
    shas = {json.loads((file.parent / stills.FACTS).read_text())["sha256"] for file in files}
    assert shas == {Input.of(files[0]).sha256}


def test_a_picture_that_was_touched_since_is_drawn_again(model: Led, tmp_path: Path) -> None:
    camera = shot(1, size=(320, 176))
    request = job(tmp_path, camera).request
    first = stills.led(request, tmp_path, camera, "j", ignore).first_frame
    (tmp_path / stills.PICTURE).write_bytes(b"torn")
    assert stills.facts(tmp_path) is None and stills.companions(tmp_path) == ()
    assert stills.led(request, tmp_path, camera, "j", ignore).first_frame == first
    other = replace(request, prompt="under grey clouds")
    (tmp_path / stills.FACTS).unlink()
    assert stills.led(other, tmp_path, camera, "j", ignore).first_frame != first


def test_what_cannot_be_is_refused_before_a_version_is_taken(
    model: Led, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(tmp_path))
    with pytest.raises(RequestError, match="E_MODEL_UNAVAILABLE"):
        engine.make_plate(job(tmp_path / "out"), ignore)
    (tmp_path / "first.png").write_bytes(b"")
    both = job(tmp_path / "out", first_frame=Input.of(tmp_path / "first.png"))
    with pytest.raises(RequestError, match="is to be made of the prompt as well"):
        engine.make_plate(both, ignore)
    blind = replace(grid.card(), needs_first_frame=False)
    monkeypatch.setattr(grid, "card", lambda: blind)
    with pytest.raises(RequestError, match="starts from no picture"):
        engine.make_plate(job(tmp_path / "out"), ignore)
    assert not (tmp_path / "out").exists()


def test_the_still_travels_with_the_job_and_counts_in_its_hash(tmp_path: Path) -> None:
    given = job(tmp_path).checked()
    assert Job.from_dict(given.to_dict()) == given
    assert given.request.sha256 != replace(given.request, still=Still(8)).sha256
    assert "still" not in replace(given.request, still=None).to_dict()
    assert 0 <= (replace(given.request, still=Still(-1)).checked().still or Still(-1)).seed < 2**31
    for wrong in ({"seed": 1.5}, {"seed": 1, "model": ""}, {"seed": 1, "lens": 24}, {"seed": -2}, [], "prompt"):
        with pytest.raises(RequestError):
            PlateRequest.from_dict(given.request.to_dict() | {"still": wrong})


def test_the_command_line_cannot_take_it_for_a_file(tmp_path: Path) -> None:
    from platewright import cli, commands

    line = ["generate", "--camera", "camera.json", "--seed", "5", "--first-frame-from", "prompt"]
    assert commands._still(cli._parser().parse_args(line)) == Still(5)
    assert commands._still(cli._parser().parse_args([*line, "--still-seed", "9"])) == Still(9)
    with pytest.raises(RequestError, match="E_USAGE"):
        cli._parser().parse_args([*line, "--first-frame", "prompt"])
