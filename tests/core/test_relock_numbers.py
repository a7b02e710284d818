"""Plates whose files are numbered otherwise than their scene: checked and locked with what the scene has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from platewright import cli, engine, guides, provenance, relock
from platewright.camera import CameraPath
from platewright.delivery import Delivery
from platewright.errors import RequestError
from platewright.protocol import Event, Job, PlateRequest
from tests.core import painted_world

SCENE = painted_world.pan(8, (192, 108))           # frames from 1001
OFFSET = -1000


def ignore(event: Event) -> None:
    del event


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Files 1 to 8, of frames 1001 to 1008 of the scene, with handles and overscan."""
    delivery = Delivery(frame_offset=OFFSET, handles=2, overscan=0.25, proxy="half")
    camera = SCENE.renumbered(OFFSET)
    request = PlateRequest(camera=camera, prompt="", model="grid", lock=False, frame_format="png", delivery=delivery)
    answer = engine.make_plate(Job(request=request, name="far", out=str(tmp_path), id="j", check=False), ignore)
    return Path(answer["plate"])


def test_a_camera_of_the_scene_meets_the_plates_frames(plate: Path) -> None:
    own, given = relock.Subject(frames=plate), relock.Subject(frames=plate, camera=SCENE)
    footage = own.footage()
    assert footage.frames == tuple(range(1, 9)) == own.camera_for(footage).frames
    assert given.camera_for(footage).frames == footage.frames
    assert given.camera_for(footage).camera_to_world == SCENE.camera_to_world
    numbered = SCENE.renumbered(OFFSET)
    assert relock.Subject(frames=plate, camera=numbered).camera_for(footage) == numbered, "the plate's own goes, too"


def test_the_scenes_depth_keeps_the_scenes_numbers(plate: Path, tmp_path: Path) -> None:
    depth = tmp_path / "depth"
    depth.mkdir()
    for frame in SCENE.frames:
        guides.write_depth(depth / f"depth.{frame}.exr", np.full((9, 16), float(frame), np.float32))
    subject = relock.Subject(frames=plate, camera=SCENE, scene_depth=depth)
    camera = subject.camera_for(subject.footage())
    guide = subject.depth(camera)
    assert guide is not None and list(guide.files) == list(range(1, 9))
    with guides.as_seen(guide, camera) as seen:
        assert seen is not None
        assert guides.read_depth(seen / "depth.0003.exr").mean() == pytest.approx(1003.0, rel=1e-3)
    with pytest.raises(RequestError) as error:
        relock.Subject(frames=plate, scene_depth=depth).depth(SCENE)
    assert error.value.code == "E_DEPTH_FRAMES", "numbers that are raised meet no frame of a camera that is not"


def test_a_lock_says_what_the_plate_said_of_its_frames(plate: Path, tmp_path: Path) -> None:
    SCENE.write(tmp_path / "camera.json")
    before = provenance.read_manifest(plate)["picture"]["delivery"]
    words = ["lock", str(plate), "--out", str(tmp_path / "locked"), "--size", "120x68", "--json"]
    code = cli.main(words)
    (made,) = (tmp_path / "locked").iterdir() if code == 0 else (None,)
    assert made is not None, code
    told = provenance.read_manifest(made)["picture"]["delivery"]
    assert {name: told[name] for name in ("cut", "handles", "frame_offset", "overscan_kept")} == {
        "cut": [3, 6], "handles": 2, "frame_offset": OFFSET, "overscan_kept": 0.25,
    }  # fmt: skip
    assert before["view"] == {"left": 24, "top": 14, "width": 192, "height": 108} and "proxy" in before
    assert told["view"] == {"left": 12, "top": 7, "width": 96, "height": 54} and "proxy" not in told
    assert CameraPath.read(made / "camera.json").frames == tuple(range(1, 9))
    assert json.loads((made / "plate.json").read_text())["locked_from"]["plate"] == plate.name
