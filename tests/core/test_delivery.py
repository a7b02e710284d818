"""What a delivery asks for, from the command line to the files, by the layout model, which draws what is seen."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from platewright import cli, colour, guide_folder, guides, pictures, provenance
from platewright.camera import CameraPath
from platewright.delivery import Delivery, Studio
from platewright.errors import RequestError
from platewright.exports import stmap
from platewright.exports.shot import Shot
from platewright.inputs import Input
from platewright.protocol import PlateRequest
from tests.core.export_shots import clip_lens, filmed
from tests.core.shots import shot

PLAIN = ["--model", "grid", "--no-lock", "--no-check", "--json"]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    cli.main(list(words))
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Path]:
    """Frames 1001 to 1012, 64x36."""
    path = tmp_path / "camera.json"
    shot(12).write(path)
    yield path


def test_a_delivery_with_everything(
    tmp_path: Path, camera: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--frames", "1003-1006", "--handles", "2", "--frame-offset", "-1000", "--proxy", "half"]
    asked += ["--space", "acescg", "--compression", "piz", "--keep-overscan", "0.25"]
    answer = run(capsys, "generate", "--camera", str(camera), *PLAIN, *asked, "--out", str(tmp_path / "out"))
    plate = Path(answer["plate"])
    document = provenance.read_manifest(plate)
    assert [entry["frame"] for entry in document["frames"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    told = document["picture"]["delivery"]
    assert (told["cut"], told["handles"], told["frame_offset"]) == ([3, 6], 2, -1000)
    assert told["view"] == {"left": 8, "top": 4, "width": 64, "height": 36}
    assert document["picture"]["colour"]["space"] == "lin_ap1_scene"
    assert document["picture"]["colour"]["compression"] == "piz"

    files = [plate / entry["file"] for entry in document["frames"]]
    spec = OpenImageIO.ImageInput.open(str(files[0])).spec()
    assert (spec.width, spec.height) == (80, 44) == (spec.full_width, spec.full_height)
    assert spec.get_string_attribute("oiio:ColorSpace") == "lin_ap1_scene"
    proxies = sorted((plate / "proxy").iterdir())
    assert [path.stem for path in proxies] == [path.stem for path in files]
    with Image.open(proxies[0]) as proxy:
        assert proxy.size == (40, 22) == (told["proxy"]["width"], told["proxy"]["height"])
        small = np.asarray(proxy, np.float32) / 255
    assert np.abs(pictures.resize(pictures.read_picture(files[0]), 40, 22) - small).mean() < 0.02

    written, given = CameraPath.read(plate / "camera.json"), CameraPath.read(camera)
    assert written.frames[0] == 1 and (written.width, written.height) == (80, 44)
    assert written.camera_to_world == given.camera_to_world[:8]
    assert written.intrinsics[0][2] == given.intrinsics[0][2] + 8
    assert run(capsys, "verify", str(plate), "--json")["ok"]
    proxies[3].write_bytes(proxies[3].read_bytes()[:-1] + b"x")
    assert [found["code"] for found in run(capsys, "verify", str(plate), "--json")["problems"]] == ["E_FILE_CORRUPT"]


def test_the_same_picture_in_every_space(
    tmp_path: Path, camera: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is read back is one picture, whatever it is stored in; without a space nothing is as much as told."""
    seen: dict[str, pictures.Picture] = {}
    for space in ("", *colour.SPACES):
        words = ["--frames", "1001-1001", *(["--space", space] if space else []), "--out", str(tmp_path / f"_{space}")]
        plate = Path(run(capsys, "generate", "--camera", str(camera), *PLAIN, *words)["plate"])
        document = provenance.read_manifest(plate)
        assert ("delivery" in document["request"]) == bool(space)
        assert document["picture"]["size"] in ("enlarged", "native", "reduced")
        seen[space] = pictures.read_picture(plate / document["frames"][0]["file"])
    for space, picture in seen.items():
        assert np.abs(picture - seen[""]).max() < 5e-3, space


def test_handles_that_the_camera_lacks_are_refused(
    tmp_path: Path, camera: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--frames", "1001-1006", "--handles", "8", "--out", str(tmp_path)]
    error = run(capsys, "generate", "--camera", str(camera), *PLAIN, *words)["error"]
    assert error["code"] == "E_RANGE" and "--frames 993-1014" in error["hint"]


# The request -------------------------------------------------------------------------------------


def request(**delivery: Any) -> PlateRequest:
    return PlateRequest(camera=shot(4), prompt="a meadow", delivery=Delivery(**delivery))


def test_old_requests_keep_their_hash() -> None:
    plain = PlateRequest(camera=shot(4), prompt="a meadow")
    assert "delivery" not in plain.to_dict()
    assert request(space="acescg").sha256 != plain.sha256


def test_requests_survive_the_wire() -> None:
    studio = Studio("/farm/a/config.ocio", "0" * 64, "ACEScg", view="sRGB/Film")
    asked = request(studio=studio, handles=1, proxy="quarter", overscan=0.1).checked()
    assert PlateRequest.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    moved = replace(asked, delivery=replace(asked.delivery or Delivery(), studio=replace(studio, config="/b")))
    assert moved.sha256 == asked.sha256 and "/farm" not in json.dumps(asked.identity())


@pytest.mark.parametrize(
    "delivery",
    [
        {"space": "aces"}, {"compression": "dwaa"}, {"handles": 2}, {"handles": -1}, {"handles": True},
        {"frame_offset": 1.5}, {"proxy": "third"}, {"overscan": float("nan")}, {"overscan": 1.5},
        {"space": "acescg", "studio": Studio("/c", "0" * 64, "x")}, {"studio": Studio("/c", "0" * 63, "x")},
        {"studio": Studio("/c", "0" * 64, "x", view="Film")},
    ],
)  # fmt: skip
def test_what_cannot_be_delivered(delivery: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as error:
        request(**delivery).checked()
    assert error.value.code == "E_VALUE" and error.value.hint


def test_png_frames_are_srgb() -> None:
    with pytest.raises(RequestError, match="sRGB"):
        replace(request(space="acescg"), frame_format="png").checked()
    assert replace(request(space="srgb"), frame_format="png").checked()


def test_a_plate_that_is_painted_into_keeps_its_colours(tmp_path: Path) -> None:
    given = Input(str(tmp_path), hashlib.sha256().hexdigest())
    painted = replace(request(space="acescg"), plate=given, mask=given, lock=False)
    with pytest.raises(RequestError) as error:
        painted.checked()
    assert error.value.code == "E_PLATE_COLOUR"


# Guides keep the scene's numbers -------------------------------------------------------------------


def test_a_guide_is_found_under_the_scenes_numbers(tmp_path: Path) -> None:
    scene = shot(3)
    for frame in scene.frames:
        guides.write_depth(tmp_path / f"depth.{frame}.exr", np.full((9, 16), float(frame), np.float32))
    raised = scene.renumbered(1000)
    asked = PlateRequest(camera=raised, prompt="", guide=Input.of(tmp_path), delivery=Delivery(frame_offset=1000))
    depth = guides.DepthGuide.of(asked)
    assert depth is not None and list(depth.files) == list(raised.frames)
    with guides.as_seen(depth, raised) as folder:
        assert folder is not None and folder != tmp_path
        assert sorted(path.name for path in folder.iterdir())[0] == f"depth.{raised.frames[0]}.exr"
    with pytest.raises(RequestError) as error:
        guides.DepthGuide.open(tmp_path, raised)
    assert error.value.code == "E_DEPTH_FRAMES"
    shutil.rmtree(tmp_path)
    assert guide_folder.read(tmp_path, 1000) is None


def test_overscan_beyond_the_display_window(
    tmp_path: Path, camera: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The display window is the camera's own view: readers crop to it, and who asks for the data gets all of it."""
    plates: dict[str, Path] = {}
    for name, more in (("flat", []), ("wide", ["--overscan-window", "--proxy", "half"])):
        asked = ["--keep-overscan", "0.25", "--frames", "1001-1004", *more, "--out", str(tmp_path / name)]
        plates[name] = Path(run(capsys, "generate", "--camera", str(camera), *PLAIN, *asked)["plate"])
    document = provenance.read_manifest(plates["wide"])
    frames = [{name: plate / f"{plate.name}.1003.exr" for name, plate in plates.items()}][0]
    spec = OpenImageIO.ImageInput.open(str(frames["wide"])).spec()
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 64, 36)
    assert (spec.x, spec.y, spec.width, spec.height) == (-8, -4, 80, 44)
    stored = [OpenImageIO.ImageInput.open(str(frames[name])).read_image(0, 0, 0, 3, "float") for name in plates]
    assert np.array_equal(*stored), "the same pixels, in other windows"
    flat = pictures.read_picture(frames["flat"])
    assert np.array_equal(pictures.read_picture(frames["wide"]), flat[4:40, 8:72])

    told, picture = document["picture"]["delivery"], document["picture"]
    assert told["data_window"] == {"left": -8, "top": -4, "width": 80, "height": 44}
    assert (picture["width"], picture["height"], told["overscan_kept"]) == (64, 36, 0.25)
    assert picture["seen"] == {"left": 8, "top": 4, "width": 80, "height": 44}
    shown, given = CameraPath.read(plates["wide"] / "camera.json"), CameraPath.read(camera)
    assert (shown.width, shown.height, shown.intrinsics) == (64, 36, given.intrinsics[:4])
    assert CameraPath.read(plates["flat"] / "camera.json").width == 80
    assert spec.get_string_attribute("platewright.intrinsics").split()[2:] == ["32", "18"], "of the display window"
    ndc = np.reshape(spec.getattribute("worldToNDC"), (4, 4))
    pose = np.reshape(shown.camera_to_world[2], (4, 4))
    ahead = np.append(pose[:3, 3] + 5 * pose[:3, 2], 1.0) @ ndc
    assert ahead[:2] / ahead[3] == pytest.approx([0.5, 0.5], abs=1e-5), "the window's middle lies straight ahead"
    proxy = plates["wide"] / "proxy" / f"{plates['wide'].name}.1003.jpg"
    with Image.open(proxy) as image:
        assert image.size == (32, 18) == (told["proxy"]["width"], told["proxy"]["height"])
    assert provenance.verify(plates["wide"]).is_sound


@pytest.mark.parametrize("more", [[], ["--keep-overscan", "0.25", "--format", "png"]])
def test_a_data_window_needs_overscan_and_exr(
    tmp_path: Path, camera: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    words = ["generate", "--camera", str(camera), *PLAIN, "--overscan-window", *more, "--out", str(tmp_path / "out")]
    assert run(capsys, *words)["error"]["code"] == "E_VALUE" and not (tmp_path / "out").exists()


def test_the_undistorted_working_format_covers_the_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bent by the ST map of the plate's own export, no corner of the clip is empty; without the option some are."""
    lens = clip_lens(size=(96, 54), k1=-0.2)
    filmed((96, 54), lens).write(tmp_path / "clip.json")
    plates: dict[str, Path] = {}
    for name, more in (("as_is", []), ("working", ["--working"])):
        words = ["generate", "--camera", str(tmp_path / "clip.json"), *PLAIN, *more, "--out", str(tmp_path / name)]
        plates[name] = Path(run(capsys, *words)["plate"])
    made = {name: CameraPath.read(plate / "camera.json") for name, plate in plates.items()}
    short = {name: stmap.warnings(Shot("a", camera, None, None)) for name, camera in made.items()}
    assert short["as_is"] and not short["working"]
    document = provenance.read_manifest(plates["working"])
    size = pictures.read_size(plates["working"] / document["frames"][0]["file"])
    assert size == (made["working"].width, made["working"].height) > (96, 54)
    assert document["picture"]["distortion"].startswith("none: the picture of A001.mov")
    shot(2).write(tmp_path / "plain.json")
    for file, more, code in (("plain", [], "E_LENS_NONE"), ("clip", ["--size", "64x36"], "E_USAGE")):
        words = ["generate", "--camera", str(tmp_path / f"{file}.json"), *PLAIN, "--working", *more]
        assert run(capsys, *words, "--out", str(tmp_path / "no"))["error"]["code"] == code
    assert not (tmp_path / "no").exists()
