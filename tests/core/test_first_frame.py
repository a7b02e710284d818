"""The picture that a model starts from: on its way through the request, and seen by the model's own camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from platewright import engine, fitting, models
from platewright.camera import CameraPath
from platewright.cards import ModelCard
from platewright.errors import RequestError
from platewright.match import locking
from platewright.models.first_frame import first_picture, narrowed, room
from platewright.models.grid import world_rays
from platewright.protocol import Event, Input, Job, PlateRequest, Warned, check_against
from tests.core.shots import level_pose, shot

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


@pytest.mark.parametrize("overscan", [0.0, 0.02, 0.04])
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


@pytest.mark.parametrize("size", [(1528, 640), (432, 768), (640, 640)])
def test_a_painting_of_any_shape_is_enough(tmp_path: Path, size: tuple[int, int]) -> None:
    """Cinemascope, upright, square on a model that makes 20:11: the plate's part is the picture, the rim its mirror."""
    plate = shot(3, size=size)
    Image.fromarray((draw(plate) * 255).round().astype(np.uint8)).save(tmp_path / "first.png")
    given, heard = replace(request(Input.of(tmp_path / "first.png")), camera=plate), list[Event]()
    view = fitting.shaped(plate, (640, 352))
    made = first_picture(given, view, "job", heard.append)
    left, top = -((size[0] - view.width) // 2), -((size[1] - view.height) // 2)
    stored = np.asarray(Image.open(tmp_path / "first.png")) / np.float32(255)
    assert np.abs(made[top : top + size[1], left : left + size[0]] - stored).max() < 1e-6
    lacking = max((view.width - size[0]) / size[0], (view.height - size[1]) / size[1]) / 2
    warned = [event.message for event in heard if isinstance(event, Warned)]
    told = float(warned[0].partition("its rim is ")[2].partition("%")[0]) / 100
    assert len(warned) == 1 and lacking > 0.15 and abs(told - lacking) < 0.01
    wider = fitting.shaped(locking.overscanned(plate, 0.2), (640, 352))
    with pytest.raises(RequestError, match="E_FIRST_FRAME"):
        first_picture(replace(given, overscan=0.2), wider, "job", heard.append)


# A picture that tells of its camera ----------------------------------------------------------------


def rendered(folder: Path, view: CameraPath, name: str = "wide.png") -> Input:
    """What a camera's first frame sees, as `platewright still` leaves it."""
    texts = PngInfo()
    for key, text in view.texts(0).items():
        texts.add_text(key, text)
    Image.fromarray((draw(view) * 255).round().astype(np.uint8)).save(folder / name, pnginfo=texts)
    return Input.of(folder / name)


POINTS = [(x, 12.0, 1.7 + z) for x in (-5.0, -1.0, 4.0) for z in (-2.0, 0.5, 2.0)]


def dotted(folder: Path, view: CameraPath) -> Input:
    """Dots at points of the world, on black."""
    picture = np.zeros((view.height, view.width), np.float32)
    x, y = np.arange(view.width) + 0.5, np.arange(view.height)[:, None] + 0.5
    for point in POINTS:
        across, down = view.project(point, 0) or (-99.0, -99.0)
        picture += np.exp(-((x - across) ** 2 + (y - down) ** 2) / 18.0)
    texts = PngInfo()
    for key, text in view.texts(0).items():
        texts.add_text(key, text)
    whole = np.repeat((np.clip(picture, 0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(whole).save(folder / "dots.png", pnginfo=texts)
    return Input.of(folder / "dots.png")


@pytest.mark.parametrize("shift", [(0.0, 0.0), (40.0, -16.0)])
@pytest.mark.parametrize("wide", [0.0, 0.25, 0.6])
def test_a_point_of_the_world_lies_where_the_models_first_camera_sees_it(
    tmp_path: Path, wide: float, shift: tuple[float, float]
) -> None:
    """Plate 16:9, model 20:11, a lens that is shifted, a picture that is as wide as what is seen, or wider."""
    fx, fy, cx, cy = CAMERA.scaled(960, 540).intrinsics[0]
    plate = replace(CAMERA.scaled(960, 540), intrinsics=((fx, fy, cx + shift[0], cy + shift[1]),) * 3)
    picture = fitting.shaped(locking.overscanned(plate, wide), (640, 352))
    given = replace(request(dotted(tmp_path, picture)), camera=plate)
    share = min(0.2, room(given, plate) or 0.0)
    native = fitting.shaped(locking.overscanned(plate, share), (640, 352)).scaled(640, 352)
    heard: list[Event] = []
    made = first_picture(given, native, "job", heard.append)[..., 0]
    assert not heard and (share == 0.2) == (wide >= 0.2)
    found = 0
    for point in POINTS:
        x, y = native.project(point, 0) or (-99.0, -99.0)
        if 12 < x < native.width - 12 and 12 < y < native.height - 12:
            left, top = int(x) - 9, int(y) - 9
            window = np.clip(made[top : top + 19, left : left + 19] - 0.02, 0, None).astype(float)
            across = (window.sum(0) * (np.arange(19) + left + 0.5)).sum() / window.sum()
            down = (window.sum(1) * (np.arange(19) + top + 0.5)).sum() / window.sum()
            assert np.hypot(across - x, down - y) < 0.1
            found += 1
    assert found >= 6


def test_a_picture_as_wide_as_what_is_seen_is_not_touched(tmp_path: Path) -> None:
    wide = locking.overscanned(CAMERA, 0.25)
    given, heard = request(rendered(tmp_path, wide)), list[Event]()
    assert room(given, CAMERA) == pytest.approx(0.25, abs=1e-3)
    made = seen(given, wide, heard)
    stored = np.asarray(Image.open(tmp_path / "wide.png"))
    assert np.array_equal((made * 255).round().astype(np.uint8), stored) and not heard


def test_the_overscan_left_to_us_is_what_the_picture_shows(tmp_path: Path) -> None:
    plain, wide = request(drawn(tmp_path)), request(rendered(tmp_path, locking.overscanned(CAMERA, 0.1)))
    widths = {
        name: engine.seen_camera(given, CAMERA, 4.5).width / CAMERA.width
        for name, given in (("none", request()), ("plain", plain), ("wide", wide))
    }
    assert widths["none"] > 1.2 and widths["plain"] == 1.0 and widths["wide"] == pytest.approx(1.1, abs=0.01)
    assert narrowed(plain, CAMERA, 0.3).startswith("W_FIRST_FRAME: The first frame shows 0.0% more")
    assert not narrowed(wide, CAMERA, 0.1) and not narrowed(replace(plain, overscan=0.0), CAMERA, 0.3)
    assert engine.seen_camera(replace(plain, overscan=0.25), CAMERA, 4.5).width == 240     # as asked: and then refused


def turned(camera: CameraPath, degrees: float) -> CameraPath:
    pose = level_pose(*(camera.camera_to_world[0][place] for place in (3, 7, 11)), heading_deg=degrees)
    return replace(camera, camera_to_world=(pose, *camera.camera_to_world[1:]))


WRONG: dict[str, tuple[Callable[[Path], Input], Any, str]] = {
    "another shape": (lambda f: drawn(f, 192, 120), CAMERA, "E_FIRST_FRAME"),
    "too narrow": (drawn, locking.overscanned(CAMERA, 0.1), "lacks 5% of its side"),
    "narrow itself": (lambda f: rendered(f, CAMERA.cropped(24, 12, 144, 84)), CAMERA, "lacks 17% of its side"),
    "another frame": (lambda f: rendered(f, CAMERA.window(1002, 1003)), CAMERA, "taken elsewhere: 0.1 m and 2 deg"),
    "a turn of a pixel": (lambda f: rendered(f, turned(CAMERA, 0.5)), CAMERA, "0 m and 0.5 degrees from frame 1001"),
    "its lens is no lens": (lambda f: _told(f, "1 2 three 4"), CAMERA, "What dots.png says of its camera"),
    "its lens is nothing": (lambda f: _told(f, "0 2 3 4"), CAMERA, "What dots.png says of its camera"),
    "no picture": (lambda f: Input.of(_text(f)), CAMERA, "E_FRAME_READ"),
    "changed since": (lambda f: replace(drawn(f), sha256="0" * 64), CAMERA, "E_INPUT_CHANGED"),
}


def _told(folder: Path, lens: str) -> Input:
    texts = PngInfo()
    texts.add_text("platewright.intrinsics", lens)
    Image.fromarray(np.zeros((108, 192, 3), np.uint8)).save(folder / "dots.png", pnginfo=texts)
    return Input.of(folder / "dots.png")


def _text(folder: Path) -> Path:
    (folder / "first.png").write_text("no picture")
    return folder / "first.png"


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_started_from_is_refused(tmp_path: Path, case: str) -> None:
    make, native, code = WRONG[case]
    with pytest.raises(Exception, match=code):
        seen(request(make(tmp_path)), native)
