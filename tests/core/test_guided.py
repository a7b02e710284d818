"""What models are shown of a guide's folder: every kind in its own form, where the model's camera sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from platewright import cli, engine, guide_edges, guide_folder, guides, guiding, models
from platewright.camera import CameraPath
from platewright.errors import PlatewrightError
from platewright.match.overscan import overscanned
from platewright.match.views import Views
from platewright.models import grid, guided
from platewright.protocol import Event, Input, Job, PlateRequest
from tests.core import painted_world
from tests.core.shots import shot

CAMERA = painted_world.dolly(3, (256, 144))
NATIVE = (104, 60)
KINDS = ("depth", "edges", "clay", "grid")


def depth_of(camera: CameraPath, frame: int) -> Any:
    return painted_world.depth_of(Views.of(camera), frame - camera.frames[0]).astype(np.float32)


def passes(view: CameraPath, kinds: list[str], folder: Path) -> None:
    """As a Blender renders them: depth is 1e10 where nothing is; clay grows lighter from left to right, with alpha."""
    for index, frame in enumerate(view.frames):
        depth = depth_of(view, frame)
        if "depth" in kinds:
            guides.write_depth(folder / f"depth.{frame:04d}.exr", np.where(depth > 0, depth, 1e10).astype(np.float32))
        if "clay" in kinds:
            fx, fy, cx, cy = view.intrinsics[index]
            is_ground = (np.arange(view.height) + 0.5 - cy) / fy > 0
            alpha = np.repeat(is_ground.astype(np.float32)[:, None], view.width, axis=1)
            ramp = np.broadcast_to(0.5 + 0.3 * (np.arange(view.width) + 0.5 - cx) / fx, alpha.shape)
            write_rgba(folder / f"clay.{frame:04d}.exr", np.stack([*[ramp * alpha] * 3, alpha], axis=-1))


def write_rgba(path: Path, pixels: Any) -> None:
    spec = OpenImageIO.ImageSpec(pixels.shape[1], pixels.shape[0], 4, "half")
    target = OpenImageIO.ImageOutput.create(str(path))
    assert target is not None and target.open(str(path), spec)
    assert target.write_image(np.ascontiguousarray(pixels, dtype=np.float32)) and target.close()


def heard(event: Event) -> None:
    del event


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four kinds; the folder's name is not kind."""
    out = tmp_path_factory.mktemp("guides") / "{camera} #1; $(touch x) 'ä'"
    answer = guiding.make(CAMERA, guiding.Wish(out, KINDS), passes, heard)
    assert answer["kinds"] == list(KINDS) and answer["frames"] == 3 and answer["warnings"] == []
    return out


def request(guide: Path | None, camera: CameraPath = CAMERA, **fields: Any) -> PlateRequest:
    given = Input.of(guide) if guide else None
    return PlateRequest(camera=camera, prompt="x", model="wan-vace-1.3b", guide=given, **fields).checked()


def refused(code: str, call: Callable[[], Any]) -> PlatewrightError:
    with pytest.raises(PlatewrightError) as caught:
        call()
    assert caught.value.code == code and caught.value.hint
    return caught.value


# The folder --------------------------------------------------------------------------------------


def test_guide_json_says_what_there_is_and_every_hash_is_true(folder: Path) -> None:
    told = json.loads((folder / "guide.json").read_text())
    view = CameraPath.read(folder / "camera.json")
    assert told["camera"]["sha256"] == CAMERA.sha256 and told["view"]["sha256"] == view.sha256
    assert (told["view"]["width"], told["view"]["height"]) == (view.width, view.height)
    assert list(told["kinds"]) == list(KINDS)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["camera.json", "guide.json", *(entry["file"] for kind in KINDS for entry in told["kinds"][kind]["frames"])]
    )
    for kind in KINDS:
        entries = told["kinds"][kind]["frames"]
        assert [entry["frame"] for entry in entries] == list(CAMERA.frames) and "bit" in told["kinds"][kind]["unit"]
        for entry in entries:
            path = folder / entry["file"]
            assert entry["sha256"] == Input.of(path).sha256
            picture = OpenImageIO.ImageInput.open(str(path))
            assert picture is not None and (picture.spec().width, picture.spec().height) == (view.width, view.height)
    assert str(folder.parent) not in (folder / "guide.json").read_text()


def test_the_same_shot_makes_the_same_bytes_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    guiding.make(CAMERA, guiding.Wish(tmp_path / "other", KINDS), passes, heard)
    assert Input.of(tmp_path / "other").sha256 == Input.of(folder).sha256


def test_the_view_holds_what_every_model_that_paints_over_a_guide_is_shown() -> None:
    cards = [card for card in models.cards() if card.takes_guide and not card.needs_first_frame]
    assert cards
    for size, focal in (((1920, 800), 3.0), ((1920, 1080), 0.6), ((90, 160), 1.0)):
        camera = shot(2, size=size, focal=focal)
        view = guiding.view_of(camera, None, None)
        assert view.frames == camera.frames and view.camera_to_world == camera.camera_to_world
        asked = request(None, camera)
        for card in cards:
            seen = engine.seen_camera(asked, engine.plate_camera(asked), card.drift_deg, card.sizes)
            left, top, right, bottom = guided.box_of(seen, view, view.frames[0], (view.height, view.width))
            assert left > -1 and top > -1 and right < view.width + 1 and bottom < view.height + 1
        assert max(view.width, view.height) < 2 * guiding.WIDEST


def test_what_is_half_made_never_appears(tmp_path: Path) -> None:
    def broken(view: CameraPath, kinds: list[str], folder: Path) -> None:
        passes(view.window(1001, 1002), kinds, folder)
        raise KeyboardInterrupt

    out = tmp_path / "guide"
    with pytest.raises(KeyboardInterrupt):
        guiding.make(CAMERA, guiding.Wish(out, KINDS), broken, heard)
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    refused("E_GUIDE_EXISTS", lambda: guiding.make(CAMERA, guiding.Wish(out, ("grid",)), None, heard))
    assert [path.name for path in tmp_path.rglob("*")] == ["guide", "mine.txt"]


def test_a_shot_that_shows_nothing_is_told(tmp_path: Path) -> None:
    def empty(view: CameraPath, kinds: list[str], folder: Path) -> None:
        for frame in view.frames:
            guides.write_depth(folder / f"depth.{frame}.exr", np.full((view.height, view.width), 1e10, np.float32))

    answer = guiding.make(CAMERA, guiding.Wish(tmp_path / "none", ("depth", "edges")), empty, heard)
    assert [warning.partition(":")[0] for warning in answer["warnings"]] == ["W_GUIDE_EMPTY"]
    assert guides.read_depth(tmp_path / "none" / "depth.1001.exr").max() == 0.0


# Every kind as a model sees it -------------------------------------------------------------------


def shown(folder: Path | None, native: CameraPath, **fields: Any) -> tuple[str, Any]:
    with guided.opened(request(folder, **fields), native) as opened:
        return opened.kind, np.stack([opened.picture(frame) for frame in native.frames])


def native_of(overscan: float = 0.1) -> CameraPath:
    return overscanned(CAMERA, overscan).scaled(*NATIVE)


def test_depth_is_the_default_and_lies_where_the_models_camera_sees_it(folder: Path) -> None:
    native = native_of()
    kind, pictures = shown(folder, native)
    assert kind == "depth" and pictures.shape == (3, 60, 104, 3)
    fine = native.scaled(832, 480)                 # averaged down as the model's own pixels average
    near = np.stack([guides.nearness(depth_of(fine, frame)) for frame in native.frames])
    solid = np.sort(near[near > 0])
    near = near.reshape(3, 60, 8, 104, 8).mean((2, 4))
    least, most = solid[int(0.01 * len(solid))], solid[int(0.99 * len(solid))]
    truth = np.clip((near - least) / (most - least), 0, 1)
    narrow = shown(folder, CAMERA.scaled(*NATIVE))[1]        # guilty: the picture without its overscan
    ours, wrong = (np.abs(seen[..., 0] - truth).mean() for seen in (pictures, narrow))
    assert ours < 0.01 and wrong > 1.5 * ours, (ours, wrong)


def test_edges_stay_a_pixel_wide_and_where_the_outline_is(folder: Path) -> None:
    native = native_of()
    kind, pictures = shown(folder, native, guide_kind="edges")
    assert kind == "edges" and set(np.unique(pictures).tolist()) == {0.0, 1.0}
    for index, frame in enumerate(native.frames):
        truth = guide_edges.lines(guides.nearness(depth_of(native, frame)), native.intrinsics[index])
        drawn = pictures[index, ..., 0] > 0
        assert truth.sum() > 40 and 0.6 < drawn.sum() / truth.sum() < 1.8
        assert (drawn & ~widened(truth)).sum() <= 0.05 * drawn.sum()
        assert (truth & ~widened(drawn)).sum() <= 0.05 * truth.sum()
        assert (truth & ~widened(np.roll(drawn, 4, axis=1))).sum() > 0.1 * truth.sum()       # guilty: four pixels aside


def widened(lines: Any) -> Any:
    rows = [np.roll(lines, step, axis=0) for step in (-1, 0, 1)]
    return np.any([np.roll(row, step, axis=1) for row in rows for step in (-1, 0, 1)], axis=0)


def test_clay_keeps_its_place_and_its_sky(folder: Path) -> None:
    native = native_of()
    kind, pictures = shown(folder, native, guide_kind="clay")
    assert kind == "clay"
    fx, _, cx, _ = native.intrinsics[0]
    ramp = 0.5 + 0.3 * (np.arange(104) + 0.5 - cx) / fx
    display = 1.055 * ramp ** (1 / 2.4) - 0.055
    caught = 1.055 * guiding.CAUGHT ** (1 / 2.4) - 0.055
    assert np.abs(pictures[0, -8] - display[:, None]).max() < 0.01         # ground all along the row
    behind = np.where(np.isfinite(depth_of(native, 1001)[2]), caught, guiding.SKY)        # clear in the render; nothing
    assert (np.abs(pictures[0, 2, :, 0] - behind) < 0.01).mean() > 0.9


def test_what_lies_beyond_a_guide_goes_on_as_its_rim(folder: Path) -> None:
    native = native_of(1.0)
    edges, clay = (shown(folder, native, guide_kind=kind)[1] for kind in ("edges", "clay"))
    assert edges[0, :4].max() == 0.0 and edges.max() == 1.0
    assert np.abs(clay[0, -1] - clay[0, -6]).max() < 0.02 and np.isfinite(clay).all()


def test_the_grid_is_drawn_anew_at_the_models_size_and_needs_no_folder(folder: Path) -> None:
    native = native_of()
    truth = grid.unlabelled(native, 1, 0.5)
    for given, fields in ((folder, {"guide_kind": "grid"}), (None, {}), (None, {"guide_kind": "grid"})):
        kind, pictures = shown(given, native, ground_m=0.5, **fields)
        assert kind == "grid" and np.array_equal(pictures[1], truth)


def test_a_model_has_its_own_taste(folder: Path, tmp_path: Path) -> None:
    with guided.opened(request(folder), native_of(), ("clay", "depth")) as opened:
        assert opened.kind == "clay"
    guiding.make(CAMERA, guiding.Wish(tmp_path / "lines", ("edges",)), passes, heard)
    with guided.opened(request(tmp_path / "lines"), native_of(), ("depth", "edges")) as opened:
        assert opened.kind == "edges"
    refused("E_GUIDE_KIND", lambda: shown(tmp_path / "lines", native_of(), guide_kind="depth"))
    unknown = guided.opened(request(tmp_path / "lines"), CAMERA, ("depth",))
    refused("E_GUIDE_KIND", unknown.__enter__)


def test_a_plain_folder_of_depth_has_no_other_kind(tmp_path: Path) -> None:
    for frame in CAMERA.frames:
        guides.write_depth(tmp_path / f"depth.{frame}.exr", depth_of(CAMERA, frame))
    assert shown(tmp_path, native_of())[0] == "depth"
    refused("E_GUIDE_KIND", lambda: shown(tmp_path, native_of(), guide_kind="edges"))
    refused("E_GUIDE_KIND", lambda: shown(None, native_of(), guide_kind="clay"))
    refused("E_VALUE", lambda: request(tmp_path, guide_kind="sketch"))


# Which camera it was made for --------------------------------------------------------------------


def test_a_guide_of_another_camera_or_of_fewer_frames_is_refused(folder: Path) -> None:
    aside = tuple((*pose[:3], pose[3] + 0.01, *pose[4:]) for pose in CAMERA.camera_to_world)
    later = replace(CAMERA, camera_to_world=(*CAMERA.camera_to_world[1:], CAMERA.camera_to_world[-1]))
    for camera in (replace(CAMERA, camera_to_world=aside), later):
        refused("E_GUIDE_CAMERA", lambda camera=camera: guides.DepthGuide.of(request(folder, camera)))
    refused("E_GUIDE_FRAMES", lambda: guides.DepthGuide.of(request(folder, painted_world.dolly(5, (256, 144)))))
    part = guides.DepthGuide.of(request(folder, CAMERA.window(1002, 1003)))
    assert part is not None and list(part.files) == [1002, 1003] and part.camera.width > CAMERA.width


@pytest.mark.parametrize(
    "text",
    [
        "", "no json", "[]", '{"format": "x"}', '{"format": "platewright.guide", "version": 9}',
        '{"format": "platewright.guide", "version": 1}',
        '{"format": "platewright.guide", "version": 1, "kinds": {"../../etc/passwd": {}}}',
        '{"format": "platewright.guide", "version": 1, "kinds": {"depth": {}, "clay": {}}}',
    ],
)  # fmt: skip
def test_a_wrong_guide_json_is_refused(tmp_path: Path, text: str) -> None:
    CAMERA.write(tmp_path / "camera.json")
    for frame in CAMERA.frames:
        guides.write_depth(tmp_path / f"depth.{frame}.exr", depth_of(CAMERA.scaled(16, 9), frame))
    (tmp_path / "guide.json").write_text(text)
    refused("E_GUIDE_FILE", lambda: guide_folder.read(tmp_path))


# On the command line -----------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_grid_needs_no_blend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CAMERA.write(tmp_path / "camera.json")
    camera = ("guide", "--camera", str(tmp_path / "camera.json"), "--size", "128x72", "--frames", "1002-1003")
    code, answer = run(capsys, *camera, "-o", str(tmp_path / "a b"), "--overscan", "0.25")
    assert code == 0 and answer["kinds"] == ["grid"] and (answer["first"], answer["last"]) == (1002, 1003)
    view = CameraPath.read(tmp_path / "a b" / "camera.json")
    drawn = np.asarray(Image.open(tmp_path / "a b" / "grid.1002.png"))
    assert np.abs(drawn / 255 - grid.unlabelled(view, 0)).max() < 0.01 and drawn.shape == (view.height, view.width, 3)
    for words, code in (
        (("--kinds", "depth"), "E_GUIDE_SHOT"),
        (("--kinds", "sketch"), "E_USAGE"),
        (("--overscan", "-1"), "E_VALUE"),
    ):
        exit_code, answer = run(capsys, *camera, "-o", str(tmp_path / "b"), *words)
        assert exit_code == 2 and answer["error"]["code"] == code
    assert run(capsys, "guide", "-o", str(tmp_path / "b"))[1]["error"]["code"] == "E_USAGE"
    assert not (tmp_path / "b").exists()


def test_passes_of_another_blender_are_taken_for_the_same_view_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CAMERA.write(tmp_path / "camera.json")
    rendered = tmp_path / "rendered"
    rendered.mkdir()
    words = ("guide", "--camera", str(tmp_path / "camera.json"), "--kinds", "edges,clay", "--size", "128x72")
    code, answer = run(capsys, *words, "-o", str(tmp_path / "g"), "--view", str(rendered / "camera.json"))
    assert code == 0 and answer["passes"] == ["depth", "clay"] and not (tmp_path / "g").exists()
    passes(CameraPath.read(rendered / "camera.json"), answer["passes"], rendered)
    other = run(capsys, *words, "-o", str(tmp_path / "g"), "--passes", str(rendered), "--overscan", "0.5")
    assert other[1]["error"]["code"] == "E_GUIDE_CAMERA"
    code, answer = run(capsys, *words, "-o", str(tmp_path / "g"), "--passes", str(rendered))
    assert code == 0 and answer["kinds"] == ["edges", "clay"]
    (rendered / "clay.1003.exr").unlink()
    gone = run(capsys, *words, "-o", str(tmp_path / "h"), "--passes", str(rendered))
    assert gone[1]["error"]["code"] == "E_FILE_MISSING" and not (tmp_path / "h").exists()


def test_the_request_and_the_manifest_say_which_kind(folder: Path, tmp_path: Path) -> None:
    plain, asked = request(folder), request(folder, guide_kind="edges")
    assert "guide_kind" not in plain.to_dict() and asked.to_dict()["guide_kind"] == "edges"
    assert asked.sha256 != plain.sha256 and PlateRequest.from_dict(asked.to_dict()) == asked
    made = replace(asked, model="grid", lock=False, frame_format="png")
    answer = engine.make_plate(Job(request=made, name="a", out=str(tmp_path), id="j", check=False), heard)
    manifest = json.loads((Path(answer["plate"]) / "plate.json").read_text())
    assert manifest["request"]["guide_kind"] == "edges"
    assert manifest["inputs"]["guide"]["sha256"] == Input.of(folder).sha256
