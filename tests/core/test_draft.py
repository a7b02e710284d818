"""The embedded model as the engine calls it, with tiny weights: what always holds, whatever it has learned."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy
import pytest
import torch

from platewright.camera import CameraPath
from platewright.conditioning import poses_and_lenses
from platewright.errors import BackendError, Cancelled, RequestError
from platewright.guides import write_depth
from platewright.models import draft
from platewright.models.base import Backend
from platewright.models.draft_scene import ground_under, guide_from
from platewright.protocol import Event, Input, PlateRequest, Progress, Stage, Warned
from platewright.sights import view_of
from tests.core.tiny_draft import level_path, write_tiny_model

Pictures = numpy.ndarray


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> draft.DraftBackend:
    """The draft back-end with small untrained weights, windows of 13 frames, and a sixth of the pixels."""
    monkeypatch.setattr(draft, "CELLS", draft.CELLS // 6)
    write_tiny_model(tmp_path / "model")
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(tmp_path / "model"))
    return draft.open("cpu")


def make(
    backend: Backend, camera: CameraPath, prompt: str = "desert at noon", **request: object
) -> tuple[Pictures, list[Event]]:
    """All pictures (F, H, W, 3) of a path and the events on the way."""
    events: list[Event] = []
    wanted = PlateRequest(camera=camera, prompt=prompt, **{"steps": 3, **request})
    return numpy.stack(list(backend.generate(wanted, camera, "job", events.append))), events


def warnings(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Warned)]


def test_the_card_needs_no_torch() -> None:
    code = "import sys; from platewright.models import draft; draft.card(); sys.exit('torch' in sys.modules)"
    core = str(Path(__file__).parents[2] / "core")
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": core}, check=False).returncode == 0


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "cpu:7"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(RequestError, match="E_DEVICE"):
        draft.open(device)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (2048, 858), (1080, 1920), (1000, 1000), (1620, 1215)])
def test_any_aspect_keeps_its_angles_of_view(
    tiny: Backend, width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "CELLS", 144)
    camera = level_path(2, width, height)
    native = tiny.native_camera(camera)
    assert native.field_of_view_deg(0) == pytest.approx(camera.field_of_view_deg(0))
    assert native.width / native.height == pytest.approx(width / height, rel=0.06)
    assert 0.85 < native.width * native.height / (512 * 288) < 1.15
    pictures, _ = make(tiny, camera)
    assert pictures.shape == (2, native.height, native.width, 3)


@pytest.mark.parametrize("frames", [1, 4, 5, 13, 14, 30])
def test_one_picture_per_frame(tiny: Backend, frames: int) -> None:
    camera = level_path(frames)
    pictures, events = make(tiny, camera)
    native = tiny.native_camera(camera)
    assert pictures.shape == (frames, native.height, native.width, 3) and pictures.dtype == numpy.float32
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
    camera = level_path(15, turn=1.0)
    first, again, other = (make(tiny, camera, seed=seed)[0] for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() and first.tobytes() != other.tobytes()


def test_what_is_asked_reaches_the_pictures(tiny: Backend) -> None:
    camera = level_path(4)
    plain = make(tiny, camera)[0]
    others = (
        make(tiny, level_path(4, pitch=9.0))[0],
        make(tiny, camera, "snow at night")[0],
        make(tiny, camera, negative="fog")[0],
        make(tiny, camera, guidance=5.0)[0],
        make(tiny, camera, steps=4)[0],
        make(tiny, camera, sun=(30.0, 20.0))[0],
        make(tiny, camera, ground_m=-2.0)[0],
    )
    assert all(not numpy.array_equal(plain, other) for other in others)


def test_a_guide_reaches_the_pictures(tiny: Backend, tmp_path: Path) -> None:
    camera = level_path(2)
    folder = tmp_path / "depth"
    folder.mkdir()
    for frame in camera.frames:
        write_depth(folder / f"depth.{frame:04d}.exr", numpy.full((54, 96), 6.0, numpy.float32))
    guided, _ = make(tiny, camera, guide=Input.of(folder))
    assert not numpy.array_equal(guided, make(tiny, camera)[0])
    write_depth(folder / "depth.0001.exr", numpy.full((54, 96), 7.0, numpy.float32))
    with pytest.raises(RequestError, match="E_INPUT_CHANGED"):
        make(tiny, camera, guide=replace(Input.of(folder), sha256="0" * 64))


def test_a_first_picture_reaches_the_pictures(tiny: Backend, tmp_path: Path) -> None:
    camera = level_path(2)
    cv2.imwrite(str(tmp_path / "first.png"), numpy.full((108, 192, 3), 90, numpy.uint8))
    begun, _ = make(tiny, camera, first_frame=Input.of(tmp_path / "first.png"))
    assert numpy.abs(begun[0] - 90 / 255).max() < 1e-3, "the first frame is the picture"
    assert "first_frame" in tiny.provenance()
    assert not numpy.array_equal(begun, make(tiny, camera)[0])
    assert "first_frame" not in tiny.provenance()
    assert tiny.provenance()["sampler"] == {"scheduler": "Euler", "shift": 2.0, "steps": 3, "guidance": 1.5}


def test_planar_depth_becomes_distance_and_normals() -> None:
    """A floor 1.7 m below a level camera, and nothing from the horizon up."""
    native = level_path(1, 64, 36)
    _, fy, _, cy = native.intrinsics[0]
    drop = (torch.arange(36) + 0.5 - cy) / fy
    planes = torch.where(drop > 0.05, 1.7 / drop.clamp_min(0.05), 0.0)[None, :, None].expand(1, 36, 64)
    poses, lenses = poses_and_lenses(native)
    guide = guide_from(planes, poses, view_of(poses, lenses, (64, 36), (64, 36), 0.0))
    rows = drop > 0.05
    height = guide.distance[0, :, 32] * drop / torch.sqrt(1 + drop**2 + (0.5 / fy) ** 2)
    torch.testing.assert_close(height[rows], torch.full((int(rows.sum()),), 1.7), rtol=0.01, atol=0)
    assert float(guide.normals[0, 2][rows].min()) > 0.99 and not bool(guide.distance[0][~rows].any())


def test_a_camera_under_the_ground_is_told_and_lifted(tiny: Backend) -> None:
    camera = level_path(2)
    pictures, events = make(tiny, camera, ground_m=5.0)
    assert warnings(events) == ["W_BELOW_GROUND"] and numpy.isfinite(pictures).all()
    assert ground_under(camera, None) == (0.0, "") and ground_under(camera, 5.0)[0] == pytest.approx(0.1)
    assert warnings(make(tiny, camera)[1]) == []


@pytest.mark.parametrize("place", [{"prompt": "a zyzzyva over the desert, zyzzyva"}, {"negative": "a zyzzyva"}])
def test_unknown_words_are_told_once(tiny: Backend, place: dict[str, str]) -> None:
    _, events = make(tiny, level_path(1), **{"prompt": "desert at noon", **place})
    told = [event.message for event in events if isinstance(event, Warned) and event.code == "W_PROMPT_WORDS"]
    assert len(told) == 1 and told[0].count("zyzzyva") == 1


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


def test_the_conditioning_is_what_tokens_are_given() -> None:
    camera = level_path(3, forward=1.0)
    given = draft.conditioning(camera, None)
    assert given["directions"].shape == (3, 3, 9, 16) and given["sights"].shape[2:] == (36, 64)
    asked = draft.conditioning(camera, (20, 10))
    assert asked["directions"].shape == (3, 3, 10, 20) and asked["sights"].shape[2:] == (10, 20)
    assert all(array.dtype == numpy.float32 for array in given.values())
