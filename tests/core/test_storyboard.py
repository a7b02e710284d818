"""A still per shot on a sheet: the camera exact, the place that of the plate, and where it came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from platewright import models, shots, storyboard, storyboard_sheet, storyboard_words
from platewright.camera import CameraPath
from platewright.errors import BackendError, Cancelled, RequestError
from platewright.models import grid
from platewright.pictures import bytes_from_display
from platewright.protocol import Event, Warned
from platewright.storyboard import Wish, glimpse
from platewright.storyboard_letters import Letters
from tests.core.shots import level_pose, shot

SIZE = (160, 68)


def scene(*lengths: int) -> CameraPath:
    """One shot of each length, each camera in another place; cut hard."""
    path = shot(sum(lengths), size=SIZE)
    cameras = tuple(f"Cam {number}" for number, length in enumerate(lengths, start=1) for _ in range(length))
    return replace(path, camera="Cam 1", cameras=cameras, scene="The Crossing")


def unheard(event: Event) -> None:
    del event


def wish(folder: Path, **more: Any) -> Wish:
    return Wish(sheet=folder / "sheet.png", **{"model": "grid", **more})


# Stills --------------------------------------------------------------------------------------------


def test_a_still_shows_its_frame_as_the_camera_sees_it(tmp_path: Path) -> None:
    found = shots.split(scene(6, 5))
    answer = storyboard.make([found[0], replace(found[1], still=1011)], wish(tmp_path), unheard)
    for told, each, frame in zip(answer["shots"], found, (1004, 1011), strict=True):
        file = tmp_path / "sheet_stills" / told["file"]
        assert told["still"] == frame and told["file"] == f"{each.name}.{frame}.png"
        exact = grid.draw(each.camera.window(frame, frame), 0)
        with Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture), bytes_from_display(exact))
        wrong = grid.draw(each.camera.window(frame - 1, frame - 1), 0)
        assert not np.array_equal(bytes_from_display(wrong), bytes_from_display(exact))


def test_a_still_and_the_manifest_say_where_they_came_from(tmp_path: Path) -> None:
    answer = storyboard.make(shots.split(scene(3, 2)), wish(tmp_path, prompt="a fjord", seed=7), unheard)
    told = json.loads((tmp_path / "sheet.json").read_text())
    assert told["format"] == storyboard.FORMAT and told["disclosure"]["digitalSourceType"].endswith("algorithmicMedia")
    assert told["model"]["name"] == "grid" and told["shots"] == answer["shots"]
    first = told["shots"][0]
    assert (first["prompt"], first["seed"], first["first"], first["last"]) == ("a fjord", 7, 1001, 1003)
    with Image.open(tmp_path / "sheet_stills" / first["file"]) as picture:
        text = picture.text  # type: ignore[attr-defined]
    assert text["platewright.model"] == "grid" and text["platewright.request_sha256"] == first["request_sha256"]
    assert text["platewright.seed"] == "7" and "a fjord" not in str(text)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.text["platewright.storyboard"] == "sheet.json"  # type: ignore[attr-defined]


def test_only_what_has_changed_is_drawn_again(tmp_path: Path) -> None:
    found = shots.split(scene(3, 3, 3))
    storyboard.make(found, wish(tmp_path), unheard)
    changed = [found[0], replace(found[1], prompt="a moor"), found[2]]
    assert storyboard.make(changed, wish(tmp_path), unheard)["kept"] == 2
    stills = sorted((tmp_path / "sheet_stills").iterdir())
    stills[0].write_bytes(stills[0].read_bytes()[:-4] + b"!!!!")           # somebody has painted into it
    assert storyboard.make(changed, wish(tmp_path), unheard)["kept"] == 2
    assert storyboard.make(changed, wish(tmp_path), unheard)["kept"] == 3
    assert storyboard.make(changed, wish(tmp_path, seed=1), unheard)["kept"] == 0


def test_a_still_that_fails_loses_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def generate(self: Any, request: Any, camera: CameraPath, job: str, emit: Any) -> Any:
        del self, job, emit
        if request.prompt == "broken":
            raise BackendError("E_NOT_FINITE", "No numbers.", "Try another seed.")
        yield from (grid.draw(camera, index) for index in range(len(camera)))

    monkeypatch.setattr(grid.GridBackend, "generate", generate)
    heard: list[Event] = []
    a, b = shots.split(scene(3, 3))
    answer = storyboard.make([a, replace(b, prompt="broken")], wish(tmp_path), heard.append)
    assert answer["exit_code"] == 1 and [each["error"] is None for each in answer["shots"]] == [True, False]
    assert any(isinstance(event, Warned) and "Cam_2" in event.message for event in heard)
    assert (tmp_path / "sheet.png").is_file() and len(list((tmp_path / "sheet_stills").iterdir())) == 1
    with pytest.raises(BackendError, match="E_NOT_FINITE"):
        storyboard.make([replace(b, prompt="broken")], wish(tmp_path / "alone"), unheard)
    assert not (tmp_path / "alone" / "sheet.png").exists()


def test_who_cancels_gets_no_sheet_and_no_half_still(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if getattr(event, "done", 0) == 1:
            raise Cancelled()

    with pytest.raises(Cancelled):
        storyboard.make(shots.split(scene(2, 2)), wish(tmp_path), stop)
    assert [path.name for path in (tmp_path / "sheet_stills").iterdir()] == ["Cam_1.1002.png"]
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"model": "wan-vace-14b"}, "E_STORYBOARD_MODEL"),
        ({"model": "draft"}, "E_PROMPT_EMPTY"),
        ({"seed": -9}, "E_VALUE"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is(tmp_path: Path, more: dict[str, Any], code: str) -> None:
    with pytest.raises(RequestError, match=code):
        storyboard.make(shots.split(scene(2)), wish(tmp_path, **more), unheard)
    assert not list(tmp_path.iterdir())
    with pytest.raises(RequestError, match="E_USAGE"):
        storyboard.make(shots.split(scene(2)), Wish(sheet=tmp_path / "sheet.jpg", model="grid"), unheard)


# A few poses for a whole way -----------------------------------------------------------------------


def winding(frames: int = 40) -> CameraPath:
    """A way around a corner that rises and sinks, far from the origin."""
    places = [(500 + 0.3 * i, -200 + 6.0 * np.sin(i / 9), 1.7 + np.cos(i / 5)) for i in range(frames)]
    poses = tuple(level_pose(*map(float, place), heading_deg=-60 + i) for i, place in enumerate(places))
    return replace(shot(frames, size=(512, 288)), camera_to_world=poses)


@pytest.mark.parametrize("index", [0, 7, 20, 39])
def test_a_few_poses_keep_what_a_place_is_laid_by(index: int) -> None:
    path = winding()
    few, still = glimpse(path, index)
    assert len(few) <= 4 and few.camera_to_world[still] == path.camera_to_world[index]
    whole, short = (np.array(each.camera_to_world).reshape(-1, 4, 4) for each in (path, few))
    assert np.allclose(whole[:, :2, 3].mean(0), short[:, :2, 3].mean(0), atol=1e-9)
    assert np.allclose(whole[-1, :2, 3] - whole[0, :2, 3], short[-1, :2, 3] - short[0, :2, 3], atol=1e-9)
    assert whole[:, 2, 3].min() == short[:, 2, 3].min()
    assert np.array_equal(whole[len(whole) // 2, :3, :3], short[len(short) // 2, :3, :3])
    assert [len(glimpse(shot(count), count // 2)[0]) for count in (1, 2, 3)] == [1, 3, 3]


def test_a_still_is_of_the_place_that_the_plate_shows() -> None:
    from platewright.models.draft_place import drawn_place
    from platewright.models.draft_scene import Told

    path = winding()

    def laid(camera: CameraPath) -> Any:
        world = drawn_place(3, {"terrain": "city"}, camera, Told.nothing(camera)).world
        return np.array([*world.centre, world.heading])

    plate, still, alone = (laid(camera) for camera in (path, glimpse(path, 20)[0], path.window(1021, 1021)))
    assert np.allclose(plate, still, atol=1e-6)
    assert not np.allclose(plate, alone, atol=0.1)                           # what the few poses are for


@pytest.mark.slow
def test_the_draft_draws_a_still(tmp_path: Path) -> None:
    found = shots.split(scene(30))
    answer = storyboard.make(found, wish(tmp_path, model="draft", prompt="a lake at dawn", seed=3), unheard)
    (told,) = answer["shots"]
    with Image.open(tmp_path / "sheet_stills" / told["file"]) as picture:
        pixels = np.asarray(picture, np.float32)
        assert abs(picture.width / picture.height - SIZE[0] / SIZE[1]) < 0.01
    assert answer["model"] == "draft" and pixels.std() > 8
    assert models.card("draft").revision[:12] in json.dumps(json.loads((tmp_path / "sheet.json").read_text())["model"])


# The sheet -----------------------------------------------------------------------------------------


def panel(**more: Any) -> storyboard_sheet.Panel:
    picture = Image.new("RGB", (64, 36), (10, 120, 40))
    return storyboard_sheet.Panel(
        **{"name": "sh010", "timing": "1-24", "camera": "35 mm", "prompt": "a moor", "picture": picture, **more}
    )


def sheet(*panels: storyboard_sheet.Panel) -> Image.Image:
    return storyboard_sheet.Sheet(title="T", facts="f", notes="n", panels=panels, shape=16 / 9).drawn()


def test_panels_fill_a_sheet_of_a_good_shape() -> None:
    columns = [storyboard_sheet.columns_for(count, (720, 405)) for count in (1, 2, 3, 4, 9, 12, 13, 40, 100)]
    assert columns == [1, 2, 3, 3, 3, 4, 3, 6, 6]
    greens = (np.asarray(sheet(*[panel()] * 5)) == (10, 120, 40)).all(-1).sum()
    assert greens == 5 * 720 * 405                                           # each picture whole, over no other


def test_long_words_stay_on_their_panel() -> None:
    wide = sheet(panel(name="x" * 300, prompt="word " * 900), panel(prompt="y" * 5000, camera="z" * 500, timing="1-2"))
    narrow = sheet(panel(), panel())
    assert wide.width == narrow.width and wide.height < narrow.height + 200
    gap = np.asarray(wide)[200:700, 90 + 720 + 4 : 90 + 720 + 54 - 4]
    assert (gap == storyboard_sheet.PAPER).all()


def test_a_shot_without_a_picture_says_why() -> None:
    crossed = np.asarray(sheet(panel(picture=None, trouble="There is not enough memory.")))
    assert not (crossed == (10, 120, 40)).all(-1).any() and (crossed == storyboard_sheet.INK).all(-1).any()


def test_words_of_any_script_are_drawn_or_said_in_plain_letters() -> None:
    plain = Letters()
    assert plain.shown("Über Äcker, 5\u00b0 - café") == "Uber Acker, 5\u00b0 - cafe"
    assert plain.shown("雪") == "?"
    chosen = Letters.for_words(["Über"])
    assert chosen.unknown("Ü") == set() or chosen == plain
    assert Letters.for_words(["plain words"]) == plain


# What stands below ---------------------------------------------------------------------------------


def moving(*poses: tuple[float, ...]) -> CameraPath:
    path = shot(len(poses))
    return replace(path, camera_to_world=tuple(level_pose(*pose) for pose in poses))


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ((0, 2.31, 1.7, 0, 0), "push in 2.3 m"),
        ((0, -2, 1.7, 0, 0), "pull back 2.0 m"),
        ((12, 0, 1.7, 0, 0), "truck right 12 m"),
        ((0, 0, 4.7, 0, -5), "boom up 3.0 m, tilt down 5.0\u00b0"),
        ((0, 0, 1.7, 30, 0), "pan left 30\u00b0"),
        ((0, 0, 1.7, 200, 0), "pan right 160\u00b0"),
        ((0, 0.01, 1.7, 0.1, 0), "almost static"),
    ],
)
def test_a_move_is_told_in_the_words_of_a_set(last: tuple[float, ...], words: str) -> None:
    assert storyboard_words.move_words(moving((0, 0, 1.7, 0, 0), last)) == words


def test_what_ends_where_it_began_is_not_called_static() -> None:
    start = (0, 0, 1.7, 0, 0)
    assert storyboard_words.move_words(moving(start, start)) == "static"
    assert storyboard_words.move_words(moving(start, (0, 3, 1.7, 0, 0), start)) == "moves and comes back"
    looking_down = replace(shot(1), camera_to_world=(level_pose(0, 0, 9, 0, -90),))
    assert storyboard_words.move_words(looking_down) == "static"


def test_a_lens_is_told_in_millimetres_as_blender_says_it() -> None:
    from platewright.camera import from_blender

    def lens(mm: float, width: int, height: int) -> CameraPath:
        level = [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
        size = {"width": width, "height": height}
        optics = {"sensor_width_mm": 36, "sensor_height_mm": 24, "sensor_fit": "AUTO", "shift_x": 0.1, "shift_y": 0}
        pose, found = from_blender(level, lens_mm=mm, **optics, **size)
        return replace(shot(1), camera_to_world=(pose,), intrinsics=(found,), **size)

    for size in ((1920, 1080), (1080, 1920), (1000, 1000)):
        assert storyboard_words.lens_mm(lens(35, *size), 0) == pytest.approx(35)
    path = shot(2)
    assert storyboard_words.lens_words(path) == "32.4 mm"
    zoom = replace(path, intrinsics=(path.intrinsics[0], (64.0, 64.0, 32.0, 18.0)))
    assert storyboard_words.lens_words(zoom) == "32.4\u201336 mm"
