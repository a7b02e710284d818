"""Part of a plate anew: the rest stays byte for byte, the model goes on from what is kept, and a join is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import cli, engine, pictures, provenance, remaking
from platewright.camera import CameraPath
from platewright.errors import Cancelled, PlateError, RequestError
from platewright.models import grid
from platewright.models.first_frame import first_picture
from platewright.protocol import Event, FrameReady, Input, Job, PlateRequest, Remake, Warned
from tests.core.shots import level_pose, shot

CAMERA = shot(12, size=(48, 32))


def plate(out: Path, camera: CameraPath = CAMERA, **fields: Any) -> Path:
    request = PlateRequest(camera=camera, prompt="", model="grid", frame_format="png", lock=False, **fields)
    return made(Job(request=request.checked(), name="sh010", out=str(out), id="j1", check=False))


def made(job: Job, hear: Any = lambda event: None, resume: bool = False) -> Path:
    return Path(engine.make_plate(job, hear, resume)["plate"])


def remake(parent: Path, first: int, last: int, camera: CameraPath | None = None, **fields: Any) -> Job:
    request = remaking.request_from(parent, (first, last), 2, camera, fields)
    return Job(request=request, name="sh010", out=str(parent.parent), id="j2", check=False)


def entries(folder: Path) -> dict[int, str]:
    return {entry["frame"]: entry["sha256"] for entry in provenance.read_manifest(folder)["frames"]}


def same_pictures(one: Path, other: Path) -> bool:
    pairs = zip(sorted(one.glob("*_v*.png")), sorted(other.glob("*_v*.png")), strict=True)
    return all(np.array_equal(*map(pictures.read_picture, pair)) for pair in pairs)


def told(folder: Path) -> dict[str, Any]:
    return provenance.read_manifest(folder)["inputs"]["remake"]


@dataclass
class Led(grid.GridBackend):
    """Goes on from the picture that it is given: as bright, and a little brighter from frame to frame."""

    drift: float = 0.0
    asked: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    level: float = 0.0

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Any) -> Iterator[Any]:
        self.asked.append(camera.frames)
        first = first_picture(request, camera, job, emit)
        self.level = float(first.mean())
        for number, frame in enumerate(camera.frames):
            grain = np.random.default_rng(frame).normal(0, 0.002, first.shape)
            yield np.clip(self.level + self.drift * number + grain, 0, 1).astype(np.float32)


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> Led:
    """The layout's place is taken by a model that starts from a picture and was made for 16 frames per second."""
    backend, card = Led(), replace(grid.card(), needs_first_frame=True, fps=16.0, anchors="start")
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: backend)
    return backend


@pytest.fixture
def grey(tmp_path: Path) -> Input:
    from PIL import Image

    Image.new("RGB", (48, 32), (90, 90, 90)).save(tmp_path / "grey.png")
    return Input.of(tmp_path / "grey.png")


def test_only_the_range_is_new(tmp_path: Path) -> None:
    parent = plate(tmp_path)
    before = {path.name: path.read_bytes() for path in parent.iterdir()}
    turned = replace(CAMERA, camera_to_world=tuple(level_pose(0, 0.1 * n, 1.7, 2.0 * n + 9) for n in range(12)))
    heard: list[Event] = []
    folder = made(remake(parent, 1005, 1007, camera=turned), heard.append)
    assert folder.name == "sh010_v002" and provenance.verify(folder).is_sound
    was, now = entries(parent), entries(folder)
    assert {frame for frame in was if was[frame] != now[frame]} == {1005, 1006, 1007}
    fresh = plate(tmp_path / "fresh", turned)
    seen = [pictures.read_picture(one / f"{one.name}.1006.png") for one in (folder, fresh)]
    assert np.array_equal(*seen)
    facts = told(folder)
    assert (facts["plate"], facts["made"], facts["lead"]) == ("sh010_v001", [1003, 1009], None)
    assert facts["manifest_sha256"] == Input.of(parent / "plate.json").sha256
    assert [join["frames"] for join in facts["joins"]] == [[1004, 1005], [1007, 1008]]
    assert [entry["frame"] for entry in facts["overlap"]] == [1003, 1004, 1008, 1009]
    assert facts["stale"] == [1001, 1002, 1003, 1004, 1008, 1009, 1010, 1011, 1012]
    warned = [event for event in heard if isinstance(event, Warned) and event.code == "W_FRAMES_STALE"]
    assert len(warned) == 1 and "1001-1004, 1008-1012" in warned[0].message
    assert {path.name: path.read_bytes() for path in parent.iterdir()} == before, "the plate itself stays as it is"
    assert not (folder / "native").exists()


def test_the_same_camera_leaves_nothing_stale_and_no_join(tmp_path: Path) -> None:
    parent, heard = plate(tmp_path), list[Event]()
    folder = made(remake(parent, 1005, 1007), heard.append)
    assert same_pictures(folder, parent), "a layout is the same each time"
    assert told(folder)["stale"] == [] and all(entry["difference"] < 0.003 for entry in told(folder)["overlap"])
    assert not [event for event in heard if isinstance(event, Warned)]


def test_a_model_that_starts_from_a_picture_goes_on_from_the_last_kept_frame(
    led: Led, grey: Input, tmp_path: Path
) -> None:
    parent = plate(tmp_path, first_frame=grey)
    assert led.asked == [CAMERA.frames]
    led.drift = 0.1
    heard: list[Event] = []
    folder = made(remake(parent, 1005, 1007, seed=3), heard.append)
    assert led.asked[-1] == (1004, 1005, 1006, 1007, 1008, 1009), "from the kept frame on, handles behind"
    assert led.level == pytest.approx(90 / 255, abs=0.002)
    facts = told(folder)
    assert (facts["lead"], facts["made"]) == (1004, [1004, 1009])
    assert facts["joins"][1]["times"] > remaking.SEEN_TIMES
    codes = [event.code for event in heard if isinstance(event, Warned)]
    assert codes.index("W_ONE_END") < codes.index("W_JOIN"), "said before it is made"
    shown = [event.message for event in heard if isinstance(event, Warned) and event.code == "W_JOIN"]
    assert shown and "1007 to 1008" in shown[-1] and "--frames 1005-1008" in shown[-1]
    given = made(remake(parent, 1005, 1007, first_frame=grey))
    assert led.asked[-1][0] == 1005 and told(given)["lead"] is None, "a picture given by hand leads instead"
    document = provenance.read_manifest(folder)
    assert document["seed"] == 3 and document["model"]["world_speed"] == 1.5
    assert provenance.answer(folder)["world_speed"] == 1.5


def test_a_model_does_not_start_from_a_frame_of_another_camera(led: Led, grey: Input, tmp_path: Path) -> None:
    parent = plate(tmp_path, first_frame=grey)
    turned = [level_pose(0, 0.1 * n, 1.7, 2.0 * n + (9 if n in (2, 3) else 0)) for n in range(12)]
    moved = replace(CAMERA, camera_to_world=tuple(turned))
    with pytest.raises(RequestError, match="E_REMAKE") as refused:
        made(remake(parent, 1005, 1007, camera=moved))
    assert "--frames 1003-1007" in refused.value.for_people() and not (tmp_path / "sh010_v002").exists()
    facts = told(made(remake(parent, 1003, 1007, camera=moved)))
    assert facts["anchors"] == {"before": [1002], "after": []} and facts["stale"] == []
    assert facts["measured"] == remaking.MEASURED
    assert told(made(remake(parent, 1005, 1007, camera=moved, first_frame=grey)))["stale"] == [1003, 1004]


def test_a_plate_grows_at_its_end(led: Led, grey: Input, tmp_path: Path) -> None:
    parent = plate(tmp_path, CAMERA.window(1001, 1008), first_frame=grey)
    folder = made(remake(parent, 1009, 1012, camera=CAMERA))
    assert led.asked[-1] == (1008, *range(1009, 1013)) and list(entries(folder)) == list(CAMERA.frames)
    assert [join["frames"] for join in told(folder)["joins"]] == [[1008, 1009]]
    assert "W_ONE_END" not in str(provenance.read_manifest(folder)["warnings"]), "nothing comes after it"
    with pytest.raises(RequestError, match="E_REMAKE"):
        made(remake(parent, 1010, 1012, camera=CAMERA))
    with pytest.raises(RequestError, match="E_RANGE"):
        remake(parent, 1009, 1020, camera=CAMERA)


def test_interrupted_it_goes_on(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, FrameReady) and event.frame == 1006:
            raise Cancelled()

    parent = plate(tmp_path)
    job = remake(parent, 1005, 1007)
    with pytest.raises(Cancelled):
        made(job, stop)
    folder = made(job, resume=True)
    assert folder.name == "sh010_v002" and provenance.verify(folder).is_sound and same_pictures(folder, parent)


def test_a_kept_frame_that_has_changed_is_not_copied(tmp_path: Path) -> None:
    parent = plate(tmp_path)
    frame = parent / "sh010_v001.1002.png"
    frame.write_bytes(frame.read_bytes() + b"\0")
    with pytest.raises(PlateError, match="E_FRAME_CORRUPT"):
        made(remake(parent, 1005, 1007))
    assert not list((tmp_path / "sh010_v002").glob("*1002*"))


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    parent = plate(tmp_path)
    with pytest.raises(RequestError, match="E_VALUE"):
        remake(parent, 1007, 1005)
    with pytest.raises(RequestError, match="E_REMAKE"):
        made(remake(parent, 1005, 1007, size=(32, 32)))
    with pytest.raises(RequestError, match="E_JOB"):
        Remake.from_dict({"plate": {"path": "x", "sha256": "0" * 64}})
    job = remake(parent, 1005, 1007)
    assert PlateRequest.from_dict(json.loads(json.dumps(job.request.to_dict()))) == job.request
    (parent / "plate.json").write_text((parent / "plate.json").read_text() + " ")
    with pytest.raises(RequestError, match="E_INPUT_CHANGED"):
        made(job)
    assert not (tmp_path / "sh010_v002").exists(), "refused before a version is taken"


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parent = plate(tmp_path)
    words = ["generate", "--from", str(parent), "--out", str(tmp_path), "--no-check", "--json"]
    assert cli.main([*words, "--frames", "1005-1007", "--handles", "1", "--seed", "5"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert Path(answer["plate"]).name == "sh010_v002" and answer["seed"] == 5
    assert told(Path(answer["plate"]))["made"] == [1004, 1008]
    assert cli.main(words) == 2 and "--frames" in capsys.readouterr().out
    assert cli.main([*words, "--frames", "1005-1007", "--size", "32x32"]) == 2
    assert cli.main(["generate", "--model", "grid", "--json"]) == 2 and "--camera" in capsys.readouterr().out
