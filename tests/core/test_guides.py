"""The scene's depth as other views see it, against the analytic depth of a painted world."""

from __future__ import annotations

import importlib.util
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from platewright import cli, engine, guides, provenance
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.guides import DepthGuide, as_seen, finer, nearness, read_depth, write_depth
from platewright.match.overscan import overscanned
from platewright.match.views import Views
from platewright.models import grid
from platewright.protocol import Event, Input, Job, PlateRequest
from tests.conftest import ROOT
from tests.core import painted_world

CAMERA = painted_world.dolly(13)
COARSE = (128, 72)
KEYS = (1001, 1005, 1009, 1013)


def depth_of(camera: CameraPath, frame: int) -> guides.Depth:
    return painted_world.depth_of(Views.of(camera), frame - camera.frames[0]).astype(np.float32)


def guide_of(folder: Path, camera: CameraPath = CAMERA, frames: Sequence[int] = KEYS) -> DepthGuide:
    """Depth at the centres of 128 x 72 pixels."""
    folder.mkdir()
    coarse = camera.scaled(*COARSE)
    for frame in frames:
        write_depth(folder / f"depth.{frame:04d}.exr", depth_of(coarse, frame))
    return DepthGuide.open(folder, camera)


def off(drawn: guides.Depth, truth: guides.Depth) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Relative errors where both know something."""
    near, true = nearness(drawn).astype(np.float64), nearness(truth).astype(np.float64)
    if near.shape != true.shape:
        rows, columns = (np.arange(size) * small // size for size, small in zip(true.shape, near.shape, strict=True))
        near = near[np.ix_(rows, columns)]
    both = (near > 0) & (true > 0)
    assert both.mean() > 0.9 * (true > 0).mean()
    return np.abs(near[both] / true[both] - 1)


def refused(code: str, call: Any, *words: Any) -> None:
    with pytest.raises(RequestError) as caught:
        call(*words)
    assert caught.value.code == code and caught.value.hint


# Drawing -----------------------------------------------------------------------------------------


def test_a_plane_stays_a_plane_however_coarse_it_was(tmp_path: Path) -> None:
    folder = guide_of(tmp_path / "depth").folder
    fine = finer(nearness(read_depth(folder / "depth.1001.exr")), 4)
    truth = nearness(depth_of(CAMERA.scaled(512, 288), 1001))
    ground = np.s_[216:288]                        # the lower quarter: nothing but ground
    assert np.abs(fine[ground] / truth[ground] - 1).max() < 1e-4
    blocks = np.repeat(np.repeat(nearness(read_depth(folder / "depth.1001.exr")), 4, 0), 4, 1)
    assert np.abs(blocks[ground] / truth[ground] - 1).max() > 1e-2         # guilty: not drawn finer


def test_no_surface_is_drawn_across_an_edge() -> None:
    near = np.full((6, 8), 0.125, dtype=np.float32)
    near[:, 4:] = 1.0
    assert set(np.unique(finer(near, 4)).tolist()) == {0.125, 1.0}
    assert len(np.unique(finer(np.linspace(0.1, 1.0, 8, dtype=np.float32) * np.ones((6, 1), np.float32), 4))) > 8


def test_every_view_of_the_camera_sees_the_scene_where_it_is(tmp_path: Path) -> None:
    guide = guide_of(tmp_path / "depth")
    views = [CAMERA, CAMERA.scaled(640, 360), CAMERA.fitted(200, 180), CAMERA.cropped(40, 10, 200, 100)]
    for camera in views:
        with as_seen(guide, camera) as folder:
            assert folder is not None
            errors = {frame: off(read_depth(folder / f"depth.{frame}.exr"), depth_of(camera, frame)) for frame in KEYS}
        assert max(float(np.percentile(error, 90)) for error in errors.values()) < 0.01


def test_between_key_frames_surfaces_are_where_the_camera_of_the_frame_sees_them(tmp_path: Path) -> None:
    guide = guide_of(tmp_path / "depth")
    with as_seen(guide, CAMERA) as folder:
        assert folder is not None
        drawn = {frame: read_depth(folder / f"depth.{frame}.exr") for frame in CAMERA.frames}
    for frame in (1003, 1007, 1011):
        moved, left = off(drawn[frame], depth_of(CAMERA, frame)), off(drawn[frame - 2], depth_of(CAMERA, frame))
        assert np.percentile(moved, 90) < 0.02 < np.percentile(left, 90)   # guilty: taken from a frame before


def test_beyond_the_guides_picture_nothing_is_known_at_its_own_frames(tmp_path: Path) -> None:
    wide = overscanned(CAMERA, 0.25)
    with as_seen(guide_of(tmp_path / "depth"), wide) as folder:
        assert folder is not None
        drawn = read_depth(folder / "depth.1005.exr")
    truth = depth_of(wide, 1005)
    rows, columns = (np.arange(size) * small // size for size, small in zip(truth.shape, drawn.shape, strict=True))
    at_size = drawn[np.ix_(rows, columns)]
    inner = np.s_[25:-25, 42:-42]
    assert float(np.percentile(off(at_size[inner], truth[inner]), 90)) < 0.01
    assert not at_size[-20:].any() and not at_size[:, :36].any()


def test_a_guide_that_is_whole_is_used_as_it_lies_there(tmp_path: Path) -> None:
    whole = guide_of(tmp_path / "depth", frames=CAMERA.frames)
    for camera in (CAMERA, CAMERA.scaled(640, 360), CAMERA.window(1003, 1007)):
        with as_seen(whole, camera) as folder:
            assert folder == whole.folder
    with as_seen(whole, overscanned(CAMERA, 0.1)) as folder:
        assert folder is not None and folder != whole.folder
    assert not folder.exists()
    with as_seen(None, CAMERA) as folder:
        assert folder is None


# Files -------------------------------------------------------------------------------------------


def picture(path: Path, names: tuple[str, ...], values: tuple[float, ...]) -> Path:
    path.parent.mkdir(exist_ok=True)
    spec = OpenImageIO.ImageSpec(4, 2, len(names), "float")
    spec.channelnames = names
    target = OpenImageIO.ImageOutput.create(str(path))
    assert target is not None and target.open(str(path), spec)
    target.write_image(np.full((2, 4, len(names)), values, dtype=np.float32))
    target.close()
    return path


def test_the_channel_that_says_so_is_the_depth(tmp_path: Path) -> None:
    names, values = ("R", "G", "B", "A", "ViewLayer.Depth.Z", "ViewLayer.Normal.Z"), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert read_depth(picture(tmp_path / "a" / "d.1001.exr", names, values)).tolist() == [[5.0] * 4] * 2
    assert read_depth(picture(tmp_path / "b" / "d.1001.exr", ("V",), (7.0,))).tolist() == [[7.0] * 4] * 2


@pytest.mark.parametrize("names", [("R", "G", "B"), ("R", "G"), ("a.Normal.X", "a.Normal.Y", "a.Normal.Z")])
def test_a_picture_that_is_no_depth_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    file = picture(tmp_path / "depth" / "depth.1001.exr", names, tuple(1.0 for _ in names))
    refused("E_DEPTH_CHANNELS", DepthGuide.open, file.parent, CAMERA)


def test_depth_that_is_not_there_or_not_to_be_read_is_refused(tmp_path: Path) -> None:
    refused("E_FILE_MISSING", DepthGuide.open, tmp_path / "nowhere", CAMERA)
    other = guide_of(tmp_path / "depth").folder
    refused("E_DEPTH_FRAMES", DepthGuide.open, other, replace(CAMERA, frames=tuple(range(1, 14))))
    (other / "depth.1005.exr").write_bytes(b"no picture")
    refused("E_DEPTH_READ", DepthGuide.open, other, CAMERA)


def test_what_blender_writes_is_what_is_read(tmp_path: Path) -> None:
    """The writer inside Blender has the standard library alone; here it is held against OpenImageIO."""
    found = importlib.util.spec_from_file_location("depth_exr", ROOT / "blender_addon" / "depth_exr.py")
    assert found is not None and found.loader is not None
    writer = importlib.util.module_from_spec(found)
    found.loader.exec_module(writer)
    values = array("f", [1.5, 0.0, float("inf"), 1e10, 1e-7, 123456.789] * 35)
    (tmp_path / "depth.1001.exr").write_bytes(writer.exr_bytes(7, 30, values))
    assert np.array_equal(read_depth(tmp_path / "depth.1001.exr"), np.array(values, np.float32).reshape(30, 7))
    near = nearness(read_depth(tmp_path / "depth.1001.exr"))
    assert sorted(set(near.ravel().tolist())) == pytest.approx([0.0, 1 / 123456.789, 1 / 1.5])


# In the chain ------------------------------------------------------------------------------------

SHOT = painted_world.dolly(10, (256, 144))


@dataclass
class Striding(grid.GridBackend):
    """A model whose camera moves `stride` times too far."""

    stride: float = 1.0

    def generate(self, request: Any, camera: Any, job: str, emit: Any) -> Iterator[Any]:
        del request, job, emit
        views = Views.of(camera)
        centre = views.centre[0] + self.stride * (views.centre - views.centre[0])
        for index in range(len(camera)):
            yield painted_world.look(replace(views, centre=centre), index)[0]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Striding:
    backend = Striding()
    card = replace(grid.card(), drift_deg=1.0)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: backend)
    return backend


def ignore(event: Event) -> None:
    del event


def made(out: Path, **scene: Any) -> dict[str, Any]:
    request = PlateRequest(camera=SHOT, prompt="", model="grid", frame_format="png", **scene)
    return engine.make_plate(Job(request=request, name="dolly", out=str(out), id="j"), ignore)


@pytest.mark.slow
@pytest.mark.parametrize("stride", [1.0, 1.2])
def test_generate_says_how_far_the_plates_camera_goes_in_the_scenes_metres(
    model: Striding, tmp_path: Path, stride: float
) -> None:
    model.stride = stride
    guide = guide_of(tmp_path / "depth", SHOT, (1001, 1004, 1007, 1010))
    known = {"guide": Input.of(guide.folder), "ground_m": 0.0, "sun": (30.0, 40.0)}
    answer = made(tmp_path / "plates", **known)
    match = answer["match"]
    assert match["before"]["world_scale"] == pytest.approx(stride, rel=0.03)
    assert match["before"]["world_against"] == "the scene's depth" and match["before"]["slide_px"]["p95"] > 0
    plate = Path(answer["plate"])
    inputs = json.loads((plate / "plate.json").read_text())["inputs"]
    assert inputs["guide"] == {**guide.to_dict(), "sha256": Input.of(guide.folder).sha256}
    assert (inputs["ground_m"], inputs["sun"]) == (0.0, [30.0, 40.0])
    assert str(tmp_path) not in (plate / "plate.json").read_text()
    assert provenance.verify(plate).is_sound


@pytest.mark.slow
def test_a_prop_before_the_plate_says_nothing_of_its_scale(model: Striding, tmp_path: Path) -> None:
    """The scene is a car in front of a place that the model has made up: the plate shows the place behind it."""
    (tmp_path / "depth").mkdir()
    car = np.zeros((72, 128), dtype=np.float32)
    car[30:66, 30:90] = 3.0
    for frame in SHOT.frames:
        write_depth(tmp_path / "depth" / f"depth.{frame}.exr", car)
    match = made(tmp_path / "plates", guide=Input.of(tmp_path / "depth"))["match"]
    assert match["world_scale"] is None and match["slide_px"] is None and match["world_against"] is None
    assert "the pictures do not show the scene's own geometry" in match["reason"] and "Against" not in match["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("is_shown", [True, False])
def test_a_lock_does_not_go_by_geometry_that_the_pictures_do_not_show(
    tmp_path: Path, is_shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plate whose camera strays to the side and back; once with the scene's depth, once with that of a near wall."""
    (tmp_path / "frames").mkdir()
    views = Views.of(SHOT)
    aside = np.outer(np.sin(np.linspace(0.0, np.pi, len(SHOT))), (0.15, 0.0, 0.0))
    strayed = replace(views, centre=views.centre + aside)
    for index, frame in enumerate(SHOT.frames):
        picture = Image.fromarray((painted_world.look(strayed, index)[0] * 255).round().astype(np.uint8))
        picture.save(tmp_path / "frames" / f"shot.{frame}.png")
    SHOT.write(tmp_path / "camera.json")
    guide = guide_of(tmp_path / "depth", SHOT, (1001, 1004, 1007, 1010)).folder
    if not is_shown:
        for file in guide.iterdir():
            write_depth(file, np.repeat(np.linspace(0.6, 1.6, 72, dtype=np.float32)[:, None], 128, axis=1))
    words = ["lock", str(tmp_path / "frames"), "--camera", str(tmp_path / "camera.json"), "--out", str(tmp_path)]
    assert cli.main([*words, "--scene-depth", str(guide), "--format", "png", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert ("W_DEPTH_UNSHOWN" in " ".join(answer["warnings"])) is not is_shown
    assert ("scene depth" in answer["match"]["lock"]["translation"]) is is_shown
    assert provenance.verify(Path(answer["plate"])).is_sound


@pytest.mark.slow
def test_without_the_scene_the_scale_is_not_known_and_with_its_ground_it_is(model: Striding, tmp_path: Path) -> None:
    model.stride = 1.2
    nothing, ground = made(tmp_path)["match"], made(tmp_path, ground_m=0.0)["match"]
    assert nothing["world_scale"] is None and "p to world scale" in nothing["reason"]
    assert ground["before"]["world_scale"] == pytest.approx(1.2, rel=0.03)


def test_a_guide_that_changed_stops_a_plate_before_a_version_is_taken(tmp_path: Path) -> None:
    guide = guide_of(tmp_path / "depth", SHOT, (1001, 1005)).folder
    request = PlateRequest(camera=SHOT, prompt="", model="grid", guide=Input.of(guide))
    (guide / "depth.1005.exr").unlink()
    job = Job(request=request, name="dolly", out=str(tmp_path / "plates"), id="j")
    refused("E_INPUT_CHANGED", engine.make_plate, job, ignore)
    assert not (tmp_path / "plates").exists() or not list((tmp_path / "plates").iterdir())


def test_the_command_line_takes_what_the_scene_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = guide_of(tmp_path / "depth", SHOT, (1001,)).folder
    SHOT.write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--no-check", "--json"]
    told = ["--guide", str(guide), "--ground", "-0.5", "--sun=-90,12.5", "--out", str(tmp_path / "plates")]
    assert cli.main([*words, *told]) == 0
    plate = Path(json.loads(capsys.readouterr().out)["plate"])
    manifest = json.loads((plate / "plate.json").read_text())
    assert manifest["request"]["ground_m"] == -0.5 and manifest["request"]["sun"] == [270.0, 12.5]
    assert manifest["request"]["guide"] == {"sha256": Input.of(guide).sha256}
    assert cli.main([*words, "--sun", "noon"]) == 2 and cli.main([*words, "--guide", str(tmp_path / "no")]) == 2
    codes = [json.loads(line)["error"]["code"] for line in capsys.readouterr().out.splitlines()]
    assert codes == ["E_USAGE", "E_INPUT_MISSING"]


def test_a_job_file_may_name_its_guide_from_where_it_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = guide_of(tmp_path / "depth", SHOT, (1001,)).folder
    request = PlateRequest(camera=SHOT, prompt="", model="grid", lock=False, guide=Input.of(guide)).to_dict()
    for form in ("depth", {**request["guide"], "path": "depth"}):
        job = {**Job(request=PlateRequest(camera=SHOT, prompt=""), name="a", out="plates", check=False).to_dict()}
        (tmp_path / "job.json").write_text(json.dumps({**job, "request": {**request, "guide": form}}))
        assert cli.main(["run", str(tmp_path / "job.json"), "--resume", "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answers[0]["plate"] == answers[1]["plate"]        # one request, however it was written
