"""The picture that a model starts from: on its way through the request, and seen by the model's own camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from platewright import models
from platewright.camera import CameraPath
from platewright.cards import ModelCard
from platewright.errors import RequestError
from platewright.match import locking
from platewright.models.first_frame import first_picture
from platewright.models.grid import world_rays
from platewright.protocol import Event, Input, Job, PlateRequest, Warned, check_against
from tests.core.shots import shot

CAMERA = shot(3, size=(192, 108))


def draw(camera: CameraPath) -> Any:
    """A smooth world that has no size of its own: colours by the direction of the ray."""
    _, rays = world_rays(camera, 0)
    return (0.5 + 0.5 * np.sin(25.0 * rays + np.array([0.0, 1.0, 2.0]))).astype(np.float32)


def drawn(folder: Path, width: int = 192, height: int = 108) -> Input:
    """What the camera sees at its first frame, at another resolution."""
    picture = draw(CAMERA.scaled(width, height))
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(folder / "first.png")
    return Input.of(folder / "first.png")


def request(first_frame: Input | None = None, **fields: Any) -> PlateRequest:
    return PlateRequest(camera=CAMERA, prompt="a valley", first_frame=first_frame, **fields)


def seen(given: PlateRequest, native: Any, heard: list[Event] | None = None) -> Any:
    return first_picture(given, native, "job", (heard if heard is not None else []).append)


def test_it_counts_by_what_it_holds_and_travels_with_the_job(tmp_path: Path) -> None:
    given = request(drawn(tmp_path))
    job = Job(request=given, name="plate", out=str(tmp_path)).checked()
    assert Job.from_dict(job.to_dict()) == job
    assert given.identity()["first_frame"] == {"sha256": given.first_frame.sha256 if given.first_frame else ""}
    assert given.sha256 != request().sha256
    assert "first_frame" not in request().to_dict()
    with pytest.raises(RequestError, match="E_VALUE"):
        request(first_frame="first.png").checked()  # type: ignore[arg-type]


def test_a_model_that_needs_one_and_gets_none_says_what_to_do(tmp_path: Path) -> None:
    card: ModelCard = replace(models.card("grid"), needs_first_frame=True)
    with pytest.raises(RequestError) as caught:
        check_against(request(), card)
    assert (caught.value.code, "picture" in caught.value.hint) == ("E_FIRST_FRAME", True)
    check_against(request(drawn(tmp_path)), card)
    with pytest.raises(RequestError, match="E_FIRST_FRAME"):
        seen(request(), CAMERA)


def test_the_very_picture_is_not_touched(tmp_path: Path) -> None:
    heard: list[Event] = []
    made = seen(request(drawn(tmp_path)), CAMERA, heard)
    stored = np.asarray(Image.open(tmp_path / "first.png"))
    assert np.array_equal((made * 255).round().astype(np.uint8), stored)
    assert not heard


@pytest.mark.parametrize("overscan", [0.0, 0.1, 0.2])
def test_what_the_model_starts_from_is_what_its_own_camera_sees(tmp_path: Path, overscan: float) -> None:
    heard: list[Event] = []
    native = locking.overscanned(CAMERA, overscan).scaled(160, 96)
    made = seen(request(drawn(tmp_path, 768, 432)), native, heard)
    wanted = draw(native)
    assert made.shape == (96, 160, 3)
    middle = np.s_[22:74, 30:130]
    assert np.abs(made[middle] - wanted[middle]).max() < 0.01
    late = draw(native.cropped(0, 1, native.width, native.height))    # a pixel off would be seen
    assert np.abs(made[middle] - late[middle]).max() > 0.05
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_FIRST_FRAME"] * (overscan > 0)


WRONG: dict[str, tuple[Callable[[Path], Input], Any, str]] = {
    "another shape": (lambda f: drawn(f, 192, 120), CAMERA, "E_FIRST_FRAME"),
    "too narrow": (drawn, locking.overscanned(CAMERA, 0.5), "E_FIRST_FRAME"),
    "no picture": (lambda f: Input.of(_text(f)), CAMERA, "E_FRAME_READ"),
    "changed since": (lambda f: replace(drawn(f), sha256="0" * 64), CAMERA, "E_INPUT_CHANGED"),
}


def _text(folder: Path) -> Path:
    (folder / "first.png").write_text("no picture")
    return folder / "first.png"


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_started_from_is_refused(tmp_path: Path, case: str) -> None:
    make, native, code = WRONG[case]
    with pytest.raises(Exception, match=code):
        seen(request(make(tmp_path)), native)
