"""Plates in a studio's own colours, a view undone, spaces that nobody knows here: read back right or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from platewright import cli, colour, engine, keeping, own_colours, pictures, provenance, relock
from platewright.camera import CameraPath
from platewright.delivery import Delivery, Studio
from platewright.errors import PlateError, RequestError
from platewright.match.views import Views
from platewright.protocol import Event, Input, Job, PlateRequest
from tests.core import painted_world
from tests.core.shots import shot
from tests.core.test_studio_colour import CONFIG, VIEW, built_in, of_file

PAN = painted_world.pan(8, (192, 108))
WRONG = 0.05                                       # mean distance of a picture read in the wrong space, at least


def ignore(event: Event) -> None:
    del event


def made(out: Path, camera: CameraPath, studio: Studio, **changes: Any) -> Path:
    delivery = Delivery(studio=studio)
    request = PlateRequest(camera=camera, prompt="", model="grid", lock=False, delivery=delivery, **changes)
    answer = engine.make_plate(Job(request=request, name="house", out=str(out), id="j", check=False), ignore)
    return Path(answer["plate"])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """The same plate in Linear Rec.709: what the others must read back to."""
    request = PlateRequest(camera=shot(2), prompt="", model="grid", lock=False)
    answer = engine.make_plate(Job(request=request, name="own", out=str(tmp_path), id="j", check=False), ignore)
    return Path(answer["plate"])


def refused(plate: Path, ocio: Path | None = None) -> RequestError:
    with pytest.raises(RequestError) as error:
        relock.Subject(frames=plate, ocio=ocio).footage().picture(0)
    assert error.value.hint
    return error.value


def test_a_studios_plate_needs_its_configuration_and_then_is_read_exactly(
    tmp_path: Path, config: Path, drawn: Path
) -> None:
    plate = made(tmp_path, shot(2), of_file(config))
    error = refused(plate)
    assert error.code == "E_PLATE_COLOUR" and "house" in error.message and "--ocio" in error.hint
    other = tmp_path / "other.ocio"
    other.write_text(CONFIG.replace("2, 0, 0", "3, 0, 0"))
    assert refused(plate, other).code == "E_INPUT_CHANGED"
    assert refused(drawn, config).code == "E_PLATE_COLOUR", "a configuration that nothing asks for"

    wanted = relock.Subject(frames=drawn).footage().picture(1)
    found = relock.Subject(frames=plate, ocio=config).footage()
    assert np.abs(found.picture(1) - wanted).max() < 2e-3
    misread = colour.LINEAR.shown(pictures.read_stored(found.paths[1]))
    assert np.abs(misread - wanted).mean() > WRONG, "as any linear file it would have been another picture"


def test_a_built_in_configuration_is_found_by_its_name(tmp_path: Path, drawn: Path) -> None:
    plate = made(tmp_path, shot(2), built_in("ACEScg", VIEW))
    found, wanted = relock.Subject(frames=plate).footage(), relock.Subject(frames=drawn).footage()
    assert np.abs(found.picture(0) - wanted.picture(0)).max() < 2e-2
    assert "INVERSE VIEW" in own_colours.way_back(found)[0] and own_colours.way_back(wanted) == []


def test_frames_without_their_plate_say_that_a_view_was_undone(tmp_path: Path) -> None:
    plate = made(tmp_path, shot(2), built_in("ACEScg", VIEW))
    frame = plate / f"{plate.name}.1001.exr"
    spec = OpenImageIO.ImageInput.open(str(frame)).spec()
    assert spec.get_string_attribute("platewright.inverseView") == VIEW
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(frame, bare / "a.1001.exr")
    with pytest.raises(PlateError) as error:
        relock.Subject(frames=bare).footage().picture(0)
    assert error.value.code == "E_FRAME_COLOUR" and VIEW in error.value.message


@pytest.mark.parametrize("name", ["platewright.colorSpace", "colorInteropID"])
def test_a_space_that_is_not_known_is_never_guessed(tmp_path: Path, name: str) -> None:
    with pytest.raises(PlateError) as error:
        pictures.read_picture(exr(tmp_path / "log.1001.exr", np.full((4, 4, 3), 0.5, np.float32), {name: "house_log"}))
    assert error.value.code == "E_FRAME_COLOUR" and "house_log" in error.value.message and error.value.hint


@pytest.mark.parametrize("said", [{}, {"colorInteropID": "unknown"}])
def test_a_file_that_says_nothing_is_linear(tmp_path: Path, said: dict[str, str]) -> None:
    path = exr(tmp_path / "a.1001.exr", np.full((4, 4, 3), 0.2158605, np.float32), said)
    assert pictures.read_picture(path) == pytest.approx(0.5019, abs=2e-3)


@pytest.mark.parametrize("space", ["lin_rec2020_scene", "lin_p3d65_scene"])
def test_other_linear_spaces_are_read_as_opencolorio_reads_them(tmp_path: Path, space: str) -> None:
    linear = np.random.default_rng(3).uniform(0.2, 0.6, (6, 8, 3)).astype(np.float32)
    given = OpenImageIO.ImageBuf(linear)
    known = OpenImageIO.ImageBufAlgo.colorconvert(given, "lin_rec709_scene", space).get_pixels(OpenImageIO.FLOAT)
    path = exr(tmp_path / "a.1001.exr", np.asarray(known), {"oiio:ColorSpace": space})
    assert np.abs(pictures.read_picture(path) - pictures.srgb_from_linear(linear)).max() < 3e-3
    assert pictures.read_space(path).interop_id == space


def exr(path: Path, values: pictures.Picture, said: dict[str, str]) -> Path:
    spec = OpenImageIO.ImageSpec(values.shape[1], values.shape[0], 3, "half")
    for name, text in said.items():
        spec.attribute(name, text)
    output = OpenImageIO.ImageOutput.create("exr")
    assert output.open(str(path), spec) and output.write_image(values) and output.close()
    return path


def test_a_plate_to_paint_into_is_linear_or_refused(tmp_path: Path) -> None:
    plate = tmp_path / "fg"
    plate.mkdir()
    for frame in (1001, 1002):
        exr(plate / f"fg.{frame}.exr", np.full((36, 64, 3), 0.5, np.float32), {"oiio:ColorSpace": "srgb_rec709_scene"})
    pictures.write_codes(tmp_path / "mask.png", np.full((36, 64, 3), 255, np.uint8), painted_tags())
    request = PlateRequest(camera=shot(2), prompt="", model="wan-vace-1.3b", plate=Input.of(plate),
                           mask=Input.of(tmp_path / "mask.png"))  # fmt: skip
    with pytest.raises(RequestError) as error:
        keeping.opened(request)
    assert error.value.code == "E_PLATE_COLOUR" and "sRGB" in error.value.message


def painted_tags() -> pictures.Tags:
    camera = shot(1)
    return pictures.Tags(rate=camera.rate, frame=1, world_from_camera=camera.camera_to_world[0],
                         intrinsics=camera.intrinsics[0], texts={})  # fmt: skip


def test_a_studios_plate_is_locked_from_what_it_shows(tmp_path: Path, config: Path, monkeypatch: Any) -> None:
    """The very pictures come back, the new version is in a space that all can read, and its steps say so."""
    turn = painted_world.growing(len(PAN), (0.3, 1.0, 0.2), 0.5)
    shown = painted_world.drifted(Views.of(PAN), turn)
    painted = [painted_world.look(shown, index)[0] for index in range(len(PAN))]
    monkeypatch.setattr("platewright.models.grid.GridBackend.generate", lambda *_: iter(painted))
    plate = made(tmp_path / "out", PAN, of_file(config))
    words = ["lock", str(plate), "--out", str(tmp_path / "locked"), "--json"]
    assert cli.main(words) == 2
    assert not (tmp_path / "locked").exists(), "nothing was begun"
    assert cli.main([*words, "--ocio", str(config)]) == 0
    (locked,) = (tmp_path / "locked").iterdir()
    told = provenance.read_manifest(locked)["picture"]["colour"]
    assert told["space"] == "lin_rec709_scene" and "house" in told["steps"][0] and "OpenColorIO" in told["steps"][0]
    assert str(config) not in json.dumps(told)
    truth = painted_world.look(Views.of(PAN), 4)[0]
    frame = pictures.read_picture(locked / f"{locked.name}.{PAN.frames[4]}.exr")
    middle = (slice(20, -20), slice(30, -30))
    assert np.abs(frame - truth)[middle].mean() < WRONG / 2
