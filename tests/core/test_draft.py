"""The embedded model as the engine calls it: tiny weights for what always holds, the committed ones for what shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch

from platewright.camera import CameraPath
from platewright.errors import BackendError, Cancelled, RequestError
from platewright.models import draft
from platewright.models.base import Backend
from platewright.nets.decoder import eased
from platewright.protocol import Event, PlateRequest, Progress, Stage, Warned
from tests.core.tiny_model import horizon_row, level_path, write_tiny_model

Pictures = numpy.ndarray


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> draft.DraftBackend:
    """The draft back-end with small untrained weights."""
    write_tiny_model(tmp_path)
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(tmp_path))
    return draft.open("cpu")


@pytest.fixture(scope="module")
def embedded() -> Iterator[Backend]:
    """The draft back-end with the weights that are committed."""
    yield draft.open("cpu")


def make(
    backend: Backend, camera: CameraPath, prompt: str = "desert at noon", **request: object
) -> tuple[Pictures, list[Event]]:
    """All pictures (F, H, W, 3) of a path and the events on the way."""
    events: list[Event] = []
    wanted = PlateRequest(camera=camera, prompt=prompt, **{"steps": 3, **request})
    return numpy.stack(list(backend.generate(wanted, camera, "job", events.append))), events


def test_the_card_needs_no_torch() -> None:
    code = "import sys; from platewright.models import draft; draft.card(); sys.exit('torch' in sys.modules)"
    core = str(Path(__file__).parents[2] / "core")
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": core}, check=False).returncode == 0


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "cpu:7"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(RequestError, match="E_DEVICE"):
        draft.open(device)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (2048, 858), (1080, 1920), (1000, 1000), (1620, 1080)])
def test_any_aspect_keeps_its_angles_of_view(tiny: Backend, width: int, height: int) -> None:
    camera = level_path(2, width, height)
    native = tiny.native_camera(camera)
    assert native.field_of_view_deg(0) == pytest.approx(camera.field_of_view_deg(0))
    pictures, _ = make(tiny, camera)
    assert pictures.shape == (2, native.height, native.width, 3)


@pytest.mark.parametrize("frames", [1, 4, 5, 16, 17, 40])
def test_one_picture_per_frame(tiny: Backend, frames: int) -> None:
    pictures, events = make(tiny, level_path(frames))
    assert pictures.shape == (frames, 64, 112, 3) and pictures.dtype == numpy.float32
    assert numpy.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1
    steps = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in steps] == list(range(1, steps[0].total + 1)) and isinstance(events[0], Stage)


def test_the_first_pictures_come_before_the_last_window(tiny: Backend) -> None:
    events: list[Event] = []
    camera = level_path(40)
    pictures = tiny.generate(PlateRequest(camera=camera, prompt="snow", steps=3), camera, "job", events.append)
    next(pictures)
    seen = [event for event in events if isinstance(event, Progress)]
    assert 0 < len(seen) < seen[0].total


def test_the_same_seed_gives_the_same_bytes_and_another_another(tiny: Backend) -> None:
    camera = level_path(20, turn=1.0)
    first, again, other = (make(tiny, camera, seed=seed)[0] for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() and first.tobytes() != other.tobytes()


def test_camera_prompt_negative_and_guidance_reach_the_pictures(tiny: Backend) -> None:
    camera = level_path(4)
    plain = make(tiny, camera)[0]
    others = (
        make(tiny, level_path(4, pitch=9.0))[0],
        make(tiny, camera, "snow at night")[0],
        make(tiny, camera, negative="fog")[0],
        make(tiny, camera, guidance=5.0)[0],
        make(tiny, camera, steps=4)[0],
    )
    assert all(not numpy.array_equal(plain, other) for other in others)


def test_unknown_words_are_told_once(tiny: Backend) -> None:
    _, events = make(tiny, level_path(1), "A spaceship over the desert, spaceship at noon")
    (warning,) = (event for event in events if isinstance(event, Warned))
    assert (warning.code, warning.message.count("spaceship"), "desert" in warning.message) == (
        "W_PROMPT_WORDS",
        1,
        False,
    )


def test_unknown_words_of_the_negative_are_told_too(tiny: Backend) -> None:
    _, events = make(tiny, level_path(1), negative="zeppelins")
    assert [event.code for event in events if isinstance(event, Warned)] == ["W_PROMPT_WORDS"]


def test_a_listener_that_cancels_ends_it(tiny: Backend) -> None:
    def heard(event: Event) -> None:
        if isinstance(event, Progress) and event.done == 2:
            raise Cancelled

    camera = level_path(8)
    with pytest.raises(Cancelled):
        list(tiny.generate(PlateRequest(camera=camera, prompt="snow"), camera, "job", heard))


def test_latents_that_are_not_numbers_are_told(tiny: draft.DraftBackend) -> None:
    tiny.loaded.network.read.bias.fill_(float("nan"))  # as a failing device would
    with pytest.raises(BackendError, match="E_NOT_FINITE"):
        make(tiny, level_path(1))


# What the committed weights show -----------------------------------------------------------------


def sky_line(picture: Pictures) -> int:
    """The row under which a picture turns from blue to brown fastest."""
    blueness = (picture[:, :, 2] - picture[:, :, 0]).mean(1)
    smooth = numpy.convolve(numpy.pad(blueness, 2, mode="edge"), numpy.ones(5) / 5, mode="valid")
    return int(numpy.argmax(smooth[:-4] - smooth[4:])) + 2


@pytest.mark.parametrize("pitch", [-7.0, 7.0])
def test_the_horizon_is_where_the_camera_puts_it(embedded: Backend, pitch: float) -> None:
    camera = level_path(4, pitch=pitch)
    lines = [
        sky_line(make(embedded, camera, "a sandy desert at noon, clear sky", seed=seed, steps=8)[0][0])
        for seed in (1, 2, 3)
    ]
    assert abs(numpy.median(lines) - horizon_row(camera, 64)) < 8


def test_a_tilt_moves_the_horizon_through_the_shot(embedded: Backend) -> None:
    camera = level_path(16, pitch=-5.0, rise=0.7)
    pictures, _ = make(embedded, camera, "a sandy desert at noon, clear sky", seed=2, steps=8)
    moved = sky_line(pictures[-1]) - sky_line(pictures[0])
    wanted = horizon_row(level_path(1, pitch=5.5), 64) - horizon_row(camera, 64)
    assert 0.5 * wanted < moved < 1.5 * wanted


@pytest.mark.parametrize("place", ["mountains", "desert", "a lake"])
def test_noon_is_brighter_than_night(embedded: Backend, place: str) -> None:
    camera = level_path(4)
    noon, night = (
        make(embedded, camera, f"{place} at {time}, clear sky", seed=4, steps=8)[0].mean() for time in ("noon", "night")
    )
    assert noon > night + 0.12


def test_windows_go_on_from_each_other(embedded: Backend) -> None:
    pictures, _ = make(embedded, level_path(40, turn=0.3), "mountains at noon, clear sky", seed=3, steps=8)
    change = numpy.abs(numpy.diff(pictures, axis=0)).mean((1, 2, 3))
    joints = [15, 27]
    assert change[joints].max() < 2.0 * numpy.median(numpy.delete(change, joints)) + 0.004


def test_a_cut_would_be_found() -> None:
    pictures = numpy.stack([numpy.full((8, 8, 3), value) for value in (0.1, 0.11, 0.12, 0.7, 0.71)])
    change = numpy.abs(numpy.diff(pictures, axis=0)).mean((1, 2, 3))
    assert change[2] > 2.0 * numpy.median(numpy.delete(change, 2)) + 0.004


def seam_ratio(pictures: Pictures) -> float:
    """How much steeper pictures (F, H, W, 3) are across patch borders than elsewhere; 1 means no seams show."""
    steps = numpy.abs(numpy.diff(pictures, axis=2)).mean((0, 1, 3))
    borders = numpy.arange(15, len(steps), 16)
    return float(steps[borders].mean() / numpy.delete(steps, borders).mean())


def test_no_seams_show_and_without_easing_they_would(embedded: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = level_path(4)
    eased = make(embedded, camera, "mountains at noon, clear sky", seed=10, steps=8)[0]
    monkeypatch.setattr(draft, "SEAM", 0.0)
    plain = make(embedded, camera, "mountains at noon, clear sky", seed=10, steps=8)[0]
    shown, hidden = (seam_ratio(pictures[:, :, draft.MARGIN :]) for pictures in (plain, eased))
    assert hidden < 1.2 < 1.8 < shown


def test_easing_takes_small_steps_and_leaves_edges() -> None:
    level = torch.zeros(12, 4, 4, 3)
    level[8:] += 0.04
    calm = eased(level, 0, 4, 2, 0.1)
    steps = torch.tensor([0.005, 0.01, 0.01, 0.01, 0.005])
    torch.testing.assert_close(calm[:, 0, 0, 0].diff()[5:10], steps)
    edge = torch.zeros(1, 4, 32, 3)
    edge[:, :, 16:] = 1.0
    assert float(eased(edge, 2, 16, 5, 0.1)[0, 0, :, 0].diff().max()) > 0.85
    assert torch.equal(level[:8], torch.zeros(8, 4, 4, 3))
