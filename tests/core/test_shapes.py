"""Models that make one size, plates of any: a point of the world lies where the plate's own camera puts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import engine, fitting, models, pictures, provenance
from platewright.camera import CameraPath
from platewright.errors import Cancelled, RequestError
from platewright.match.views import Views
from platewright.models import grid
from platewright.protocol import Event, FrameReady, Job, PlateRequest
from tests.core import painted_world
from tests.core.shots import shot

PLATES = {
    "16:9": (320, 180), "portrait": (180, 320), "2.39:1": (382, 160), "4:3": (240, 180), "square": (200, 200),
    "odd": (321, 181),
}  # fmt: skip
SIZES = {"480p": ((416, 240), (240, 416)), "704p": ((640, 352),)}   # half of what they are: the same shapes
SPOT_PX = 3.0                                      # radius of a dot, pixels of the model
POINTS = [(x, 6.0 + y, 1.7 + z) for x in (-1.2, 0.0, 1.1) for y, z in ((0.0, 0.9), (4.0, -0.8), (9.0, 0.2))]


@dataclass
class Fixed(grid.GridBackend):
    """Draws dots at points of the world, in one of its own sizes."""

    sizes: tuple[fitting.Size, ...]
    seen: list[CameraPath] = field(default_factory=list[CameraPath])

    def native_camera(self, camera: CameraPath) -> CameraPath:
        return camera.scaled(*fitting.size_for(camera, self.sizes))

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Any) -> Iterator[Any]:
        self.seen.append(camera)
        native = self.native_camera(camera)
        for index in range(len(native)):
            yield dots(native, index)


def dots(camera: CameraPath, index: int) -> pictures.Picture:
    picture = np.zeros((camera.height, camera.width, 3), np.float32)
    x, y = np.arange(camera.width) + 0.5, np.arange(camera.height)[:, None] + 0.5
    for point in POINTS:
        at = camera.project(point, index)
        if at:
            picture += np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / SPOT_PX**2)[..., None].astype(np.float32)
    return np.clip(picture, 0, 1)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Fixed:
    """The layout's place is taken by a model with sizes of its own, which its card declares."""
    backend = Fixed(SIZES[request.param])
    card = replace(grid.card(), sizes=backend.sizes)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: backend)
    return backend


def job(out: Path, camera: CameraPath, lock: bool = False, **changes: Any) -> Job:
    request = PlateRequest(camera=camera, prompt="", model="grid", frame_format="png", lock=lock, **changes)
    return Job(request=request, name="sh010", out=str(out), id="j1", check=lock)


def ignore(event: Event) -> None:
    del event


def off_px(plate: Path) -> list[float]:
    """How far each dot that is whole in a frame lies from where the plate's camera puts its point, pixels."""
    camera = CameraPath.read(plate / "camera.json")
    found: list[float] = []
    for index, frame in enumerate(camera.frames):
        picture = pictures.read_picture(plate / f"{plate.name}.{frame}.png")[..., 0]
        assert picture.shape == (camera.height, camera.width)
        places = [at for at in (camera.project(point, index) for point in POINTS) if at]
        for x, y in places:
            is_lonely = sum(abs(x - a) + abs(y - b) < 24 for a, b in places) == 1
            if is_lonely and 8 < x < camera.width - 8 and 8 < y < camera.height - 8:
                left, top = int(x) - 7, int(y) - 7
                window = np.clip(picture[top : top + 15, left : left + 15] - 0.02, 0, None).astype(float)
                assert window.sum() > 0.5, (plate.name, frame, x, y)
                cx = (window.sum(0) * (np.arange(15) + left + 0.5)).sum() / window.sum()
                cy = (window.sum(1) * (np.arange(15) + top + 0.5)).sum() / window.sum()
                found.append(float(np.hypot(cx - x, cy - y)))
    return found


@pytest.mark.parametrize("model", SIZES, indirect=True)
@pytest.mark.parametrize("plate", PLATES)
@pytest.mark.parametrize("overscan", [0.0, 0.3])
def test_a_point_lies_where_the_plates_camera_puts_it(
    model: Fixed, plate: str, overscan: float, tmp_path: Path
) -> None:
    camera = shot(2, size=PLATES[plate], focal=0.9 * 180 / min(PLATES[plate]))
    folder = Path(engine.make_plate(job(tmp_path, camera, overscan=overscan), ignore)["plate"])
    off = off_px(folder)
    assert len(off) >= 4 and max(off) < 0.15, (len(off), max(off))

    seen = model.seen[0]
    native = model.native_camera(seen)
    fx, fy, _, _ = native.intrinsics[0]
    assert fx == fy, "both axes shrink alike"
    assert native == seen.scaled(*fitting.size_for(camera, model.sizes))
    told = json.loads((folder / "plate.json").read_text())["picture"]
    assert told["seen"]["width"] == seen.width and told["seen"]["height"] == seen.height
    left, top = told["seen"]["left"], told["seen"]["top"]
    assert seen.cropped(left, top, camera.width, camera.height).intrinsics[0] == pytest.approx(camera.intrinsics[0])
    assert provenance.verify(folder).is_sound


@pytest.mark.parametrize("model", ["480p"], indirect=True)
def test_a_size_of_another_aspect_on_top(model: Fixed, tmp_path: Path) -> None:
    camera = shot(3, size=(320, 180), focal=0.8)
    folder = Path(engine.make_plate(job(tmp_path, camera, size=(160, 240)), ignore)["plate"])
    assert CameraPath.read(folder / "camera.json").width == 160
    assert max(off_px(folder)) < 0.15
    assert model.native_camera(model.seen[0]).width == 240, "an upright plate takes the upright size"


def test_a_plate_that_is_stretched_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guilty case: a model that cuts its picture to its size and is believed to have scaled it."""

    class Cutting(Fixed):
        def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Any) -> Iterator[Any]:
            native = camera.fitted(*self.sizes[0])
            yield from (dots(native, index) for index in range(len(native)))

    monkeypatch.setattr(grid, "open", lambda device: Cutting(SIZES["480p"]))
    folder = Path(engine.make_plate(job(tmp_path, shot(3, size=(320, 180))), ignore)["plate"])
    assert max(off_px(folder)) > 1.0


@pytest.mark.parametrize("model", ["480p"], indirect=True)
def test_a_plate_that_was_interrupted_goes_on_in_the_same_shape(model: Fixed, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, FrameReady) and event.frame == 1002:
            raise Cancelled()

    wanted = job(tmp_path, shot(4, size=PLATES["2.39:1"], focal=0.6))
    with pytest.raises(Cancelled):
        engine.make_plate(wanted, stop)
    folder = Path(engine.make_plate(wanted, ignore, resume=True)["plate"])
    assert folder.name == "sh010_v001" and max(off_px(folder)) < 0.15


@dataclass
class Painting(Fixed):
    """Shows the painted world in its own size, turned away from the camera by a degree at the end."""

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Any) -> Iterator[Any]:
        native = Views.of(self.native_camera(camera))
        turned = painted_world.drifted(native, painted_world.growing(len(camera), (0.3, 1.0, 0.2), 1.0))
        yield from (painted_world.look(turned, index)[0] for index in range(len(camera)))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(144, 200)])
def test_a_lock_goes_by_the_widened_view(size: tuple[int, int], tmp_path: Path, monkeypatch: Any) -> None:
    sizes = ((320, 192),)
    card = replace(grid.card(), sizes=sizes, drift_deg=1.0)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: Painting(sizes))
    camera = painted_world.pan(10, size)
    answer = engine.make_plate(job(tmp_path, camera, lock=True), ignore)
    match = answer["match"]
    assert match["lock"]["applied"] and match["lock"]["uncovered"]["max"] == 0.0
    assert match["verdict"] == "locked" and match["camera_error_px"]["p95"] < match["before"]["camera_error_px"]["p95"]


def test_the_shape_is_exact_and_the_picture_lies_within() -> None:
    for size in PLATES.values():
        camera = shot(1, size=size)
        for wanted in (*SIZES["480p"], *SIZES["704p"]):
            seen = fitting.shaped(camera, wanted)
            assert seen.width * wanted[1] == seen.height * wanted[0]
            assert seen.width >= camera.width and seen.height >= camera.height
            assert min(seen.width - camera.width, seen.height - camera.height) < 26, "no wider than it must be"
            assert fitting.size_for(seen, (*SIZES["704p"], wanted)) == wanted
    with pytest.raises(RequestError, match="E_SIZE"):
        fitting.shaped(shot(1, size=(16_000, 16_000)), (1280, 704))


def test_models_of_fixed_size_say_so() -> None:
    sizes = {card.name: card.sizes for card in models.cards()}
    assert sizes["sana-wm"] == ((1280, 704),) and sizes["wan-vace-1.3b"] == ((832, 480), (480, 832))
    assert sizes["wan-fun-camera-5b"] == ((1280, 704), (704, 1280)) and sizes["grid"] == sizes["draft"] == ()
