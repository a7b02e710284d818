"""The chain from the model's pictures to a plate that follows: measured, locked, measured again, told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import cli, disk, engine, measuring, pictures, provenance, relock
from platewright.camera import CameraPath
from platewright.errors import Cancelled, PlateError, RequestError
from platewright.match.foresight import foresee
from platewright.match.views import Views
from platewright.models import grid
from platewright.protocol import Event, Job, PlateRequest, Progress, Stage, Warned
from tests.core import painted_world
from tests.core.plate_maker import child_environment
from tests.core.shots import level_pose, shot

FRAMES = 10
PAN = painted_world.pan(FRAMES, (256, 144))
DRIFT_DEG = 1.5


def job(out: Path, camera: CameraPath = PAN, **changes: Any) -> Job:
    of_job = {name: changes.pop(name) for name in ("check", "require", "tries", "version") if name in changes}
    request = PlateRequest(camera=camera, prompt="", model="grid", frame_format="png", **changes)
    return Job(request=request, name="pan", out=str(out), id="j1", **of_job)


def ignore(event: Event) -> None:
    del event


@dataclass
class Drifting(grid.GridBackend):
    """A model that turns away from the camera, by a seed's own degrees at the end of the path."""

    end_deg: Callable[[int], float] = lambda seed: DRIFT_DEG
    runs: int = 0

    def provenance(self) -> dict[str, Any]:
        """Made in two windows of the path."""
        return {**super().provenance(), "windows": [[PAN.frames[0], PAN.frames[4]], [PAN.frames[5], PAN.frames[-1]]]}

    def generate(self, request: Any, camera: Any, job: str, emit: Any) -> Iterator[Any]:
        self.runs += 1
        emit(Stage(job, "sampling"))
        turn = painted_world.growing(len(camera), (0.3, 1.0, 0.2), self.end_deg(request.seed))
        shown = painted_world.drifted(Views.of(camera), turn)
        for index in range(len(camera)):
            yield painted_world.look(shown, index)[0]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Drifting:
    """The layout's place is taken by a model that drifts, and says so on its card."""
    backend = Drifting()
    card = replace(grid.card(), drift_deg=DRIFT_DEG)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid, "open", lambda device: backend)
    return backend


def nearness_to_truth(plate: Path, index: int) -> float:
    """Decibels between a frame and what the camera should have seen."""
    frame = pictures.read_picture(plate / f"{plate.name}.{PAN.frames[index]}.png")
    return painted_world.psnr(frame, painted_world.look(Views.of(PAN), index)[0])


def past_a_figure(frames: int = 24) -> CameraPath:
    """Four metres sideways and a turn back, as one films a standing figure."""
    run = np.linspace(0.0, 1.0, frames)
    run = run * run * (3 - 2 * run)
    poses = tuple(level_pose(-2 + 4 * s, -7 + s, 1.7 + 0.5 * s, np.degrees(0.5 * s - 0.25), -6.9) for s in run)
    lenses = ((889.0, 889.0, 320.0, 180.0),) * frames
    blank = shot(frames, first=1, size=(640, 360))
    return replace(blank, camera_to_world=poses, intrinsics=lenses)


@pytest.mark.slow
def test_a_right_plate_of_a_bare_plane_is_not_said_to_have_another_lens(tmp_path: Path) -> None:
    """A longer lens from farther away explains a few points of a plane nearly as well; nearly is not better."""
    match = engine.make_plate(job(tmp_path, past_a_figure()), ignore)["match"]
    assert match["focal_ratio"] is None
    assert match["camera_error_px"]["p95"] < match["uncertainty_px"] < 2
    assert match["rotation_error_deg"]["max"] < 0.5


# Locked ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_plate_that_drifts_is_locked_and_says_what_was_wrong(model: Drifting, tmp_path: Path) -> None:
    heard: list[Event] = []
    answer = engine.make_plate(job(tmp_path), heard.append)
    plate, match = Path(answer["plate"]), answer["match"]
    assert match["verdict"] == "locked" and match["before"]["verdict"] != "locked"
    assert match["before"]["rotation_error_deg"]["max"] == pytest.approx(DRIFT_DEG, rel=0.5)
    assert match["lock"]["applied"] and match["lock"]["uncovered"]["max"] == 0.0
    assert match["camera_error_px"]["p95"] < 1.0 < match["before"]["camera_error_px"]["p95"]

    drift = [[window["drift_deg"] for window in told["windows"]] for told in (match["before"], match)]
    assert min(drift[0]) > 0.3 > 0.1 > max(drift[1]) and sum(drift[0]) == pytest.approx(DRIFT_DEG * 8 / 9, rel=0.3)
    assert [window["frames"] for window in match["windows"]] == [[PAN.frames[0], PAN.frames[4]],
                                                                 [PAN.frames[5], PAN.frames[-1]]]  # fmt: skip

    loose = Path(engine.make_plate(job(tmp_path, lock=False, check=False), ignore)["plate"])
    # Which way is north, no picture says: a turn of the whole plate is nobody's error, and costs decibels.
    assert nearness_to_truth(plate, FRAMES - 1) > nearness_to_truth(loose, FRAMES - 1) + 3

    stages = [event.stage for event in heard if isinstance(event, Stage)]
    assert stages == ["foresight", "loading", "sampling", "checking", "locking", "checking", "signing"]
    assert {event.stage for event in heard if isinstance(event, Progress)} >= {"tracking"}
    manifest = json.loads((plate / "plate.json").read_text())
    assert manifest["picture"]["overscan"] > 0 and "lock" in manifest["picture"]["resample"]["filter"]
    assert manifest["foresight"]["kind"] == answer["foresight"]["kind"] == "nodal"
    companions = {entry["file"] for entry in manifest["companions"]}
    assert {"match.json", "match.png", "solve.json", "points.ply"} <= companions
    assert provenance.verify(plate).is_sound and not (plate / "native").exists()
    told = json.loads((plate / "match.json").read_text())
    assert len(told["per_frame"]["error_px"]) == len(told["per_frame_before"]["error_px"]) == FRAMES
    assert CameraPath.read(plate / "solve.json").frames == PAN.frames


def test_overscan_follows_the_models_drift_unless_it_is_given() -> None:
    request = job(Path("out")).request
    assert engine.seen_camera(request, PAN, 0.0) == PAN
    wide, wider = (engine.seen_camera(request, PAN, drift) for drift in (1.0, 4.0))
    assert PAN.width < wide.width < wider.width and wide.intrinsics[0][0] == PAN.intrinsics[0][0]
    assert engine.seen_camera(replace(request, overscan=0.25), PAN, 4.0).width == 320
    assert engine.seen_camera(replace(request, lock=False), PAN, 4.0) == PAN


def test_without_a_lock_the_overscan_is_cut_off(tmp_path: Path) -> None:
    """The frames of a layout with overscan are the frames of one without: the same pixels from the middle."""
    camera = shot(4)
    plain, wide = (
        Path(engine.make_plate(job(tmp_path, camera, lock=False, check=False, overscan=share), ignore)["plate"])
        for share in (0.0, 0.5)
    )
    one, other = (pictures.read_picture(plate / f"{plate.name}.1002.png") for plate in (plain, wide))
    assert one.shape == other.shape and float(np.abs(one - other)[:30].max()) < 0.02   # the label lies below


# Not locked --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_plate_that_is_lost_is_delivered_with_a_warning_and_fails_a_requirement(
    model: Drifting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.end_deg = lambda seed: 12.0
    PAN.write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--out", str(tmp_path)]
    more = ["--no-lock", "--require", "locked", "--format", "png", "--json"]
    assert cli.main([*words, *more]) == 3
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["match"]["verdict"] == "lost" and answer["exit_code"] == 3
    assert "W_CAMERA_LOST" in err and "degrees" in err
    assert any(warning.startswith("W_CAMERA_LOST") for warning in answer["warnings"])
    assert provenance.verify(Path(answer["plate"])).is_sound


def test_what_cannot_be_measured_is_not_called_good(
    model: Drifting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fog(self: Drifting, request: Any, camera: Any, job: str, emit: Any) -> Iterator[Any]:
        for _ in range(len(camera)):
            yield np.full((camera.height, camera.width, 3), 0.5, np.float32)

    monkeypatch.setattr(Drifting, "generate", fog)
    heard: list[Event] = []
    answer = engine.make_plate(job(tmp_path, require="follows"), heard.append)
    assert answer["match"]["verdict"] == "unsolved" and answer["exit_code"] == 3
    assert not answer["match"]["lock"]["applied"] and answer["match"]["lock"]["reason"]
    assert "W_CAMERA_UNSOLVED" in [event.code for event in heard if isinstance(event, Warned)]
    assert not (Path(answer["plate"]) / "solve.json").exists()


def test_two_frames_are_a_plate_without_a_verdict(tmp_path: Path) -> None:
    answer = engine.make_plate(job(tmp_path, shot(2)), ignore)
    manifest = json.loads((Path(answer["plate"]) / "plate.json").read_text())
    assert (answer["match"], manifest["match_reason"]) == (None, "too few frames")


@pytest.mark.parametrize(
    "changes",
    [{"check": False}, {"check": False, "lock": False, "require": "locked"},
     {"check": False, "lock": False, "tries": 2}, {"tries": 0}, {"tries": 2, "version": 3},
     {"require": "perfect"}, {"overscan": 1.5}, {"overscan": -0.1}],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="E_VALUE"):
        engine.make_plate(job(tmp_path, shot(4), **changes), ignore)
    assert list(tmp_path.iterdir()) == []


# Interrupted -------------------------------------------------------------------------------------


def stop_at(stage: str) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        if isinstance(event, Stage | Progress) and event.stage == stage:
            raise Cancelled()

    return hear


@pytest.mark.parametrize("stage", ["checking", "tracking"])
def test_cancelled_before_the_lock_the_model_does_not_run_again(model: Drifting, tmp_path: Path, stage: str) -> None:
    with pytest.raises(Cancelled):
        engine.make_plate(job(tmp_path), stop_at(stage))
    folder = tmp_path / "pan_v001"
    assert json.loads((folder / "job.json").read_text())["status"] == "cancelled"
    assert not list(folder.glob("*.part-*")) and not list(folder.glob("*.png")) and model.runs == 1
    assert len(list((folder / "native").glob("*.npy"))) == FRAMES
    answer = engine.make_plate(job(tmp_path), ignore, resume=True)
    assert Path(answer["plate"]) == folder and model.runs == 1
    assert provenance.verify(folder).is_sound and not (folder / "native").exists()


def test_a_spooled_picture_that_is_not_whole_is_made_again(model: Drifting, tmp_path: Path) -> None:
    for stage in ("checking", "checking"):
        with pytest.raises(Cancelled):
            engine.make_plate(job(tmp_path), stop_at(stage), resume=True)
        damaged = tmp_path / "pan_v001" / "native" / "0003.npy"
        damaged.write_bytes(bytes(damaged.stat().st_size))
    assert model.runs == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from platewright import engine
from platewright.protocol import Stage
from tests.core.shots import shot
from tests.core.test_chain import job

def hear(event):
    if isinstance(event, Stage) and event.stage == "checking":
        os.kill(os.getpid(), signal.SIGKILL)

engine.make_plate(job(Path(sys.argv[1]), shot(6)), hear)
"""


def test_killed_between_the_pictures_and_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=child_environment(), capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    folder = tmp_path / "pan_v001"
    assert provenance.verify(folder).problems[0].code == "E_MANIFEST"

    def never(device: str) -> None:
        raise AssertionError("the model runs again")

    monkeypatch.setattr(grid, "open", never)
    answer = engine.make_plate(job(tmp_path, shot(6)), ignore, resume=True)
    assert Path(answer["plate"]) == folder and answer["device"] == "cpu"
    assert provenance.verify(folder).is_sound


# Tries -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_several_tries_the_best_is_proposed(model: Drifting, tmp_path: Path) -> None:
    model.end_deg = lambda seed: {7: 6.0, 8: 0.0, 9: 2.0}[seed]
    wanted = job(tmp_path, seed=7, tries=3, lock=False, overscan=0.0)
    answer = engine.make_plate(wanted, ignore)
    assert [attempt["seed"] for attempt in answer["tries"]] == [7, 8, 9]
    assert answer["seed"] == 8 and Path(answer["plate"]).name == "pan_v002" and answer["match"]["verdict"] == "locked"
    folder = Path(answer["wedge"])
    assert sorted(path.name for path in folder.iterdir()) == ["contact.png", "preview.mp4", "wedge.json"]
    document = disk.read_json(folder / "wedge.json")
    assert (document["format"], document["version"], document["proposed"]) == ("platewright.wedge", 1, "pan_v002")
    assert [entry["plate"] for entry in document["tries"]] == ["pan_v001", "pan_v002", "pan_v003"]
    again = engine.make_plate(wanted, ignore, resume=True)
    assert again["wedge"] == str(folder) and again["plate"] == answer["plate"] and model.runs == 3


def test_better_is_first_the_verdict_then_the_error_then_the_rigidity() -> None:
    def report(verdict: str, p95: float | None, rigidity: float | None) -> dict[str, Any]:
        return {"verdict": verdict, "camera_error_px": {"p95": p95} if p95 else None, "rigidity": rigidity}

    best_first = [
        report("locked", 0.9, 0.7), report("follows", 2.0, 0.9), report("follows", 2.0, 0.8),
        report("follows", 3.0, 1.0), report("lost", 1.0, 1.0), report("unsolved", None, None), None,
    ]  # fmt: skip
    shuffled = [best_first[place] for place in (3, 6, 0, 5, 1, 4, 2)]
    assert sorted(shuffled, key=measuring.quality) == best_first
    assert [measuring.is_met("follows", match) for match in best_first] == [True] * 4 + [False] * 3
    assert measuring.is_met("", None)


# What is there already ---------------------------------------------------------------------------


@pytest.fixture
def loose(model: Drifting, tmp_path: Path) -> Path:
    """A plate that drifts: neither measured nor locked."""
    return Path(engine.make_plate(job(tmp_path, lock=False, check=False), ignore)["plate"])


@pytest.mark.slow
def test_a_finished_plate_is_locked_as_a_new_version(loose: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in loose.iterdir()}
    report = relock.check(relock.Subject(frames=loose), None, ignore)
    assert report["verdict"] != "locked" and "files" not in report
    answer = relock.lock(relock.Subject(frames=loose), relock.Wish(out=tmp_path, frame_format="png"), ignore)
    plate = Path(answer["plate"])
    assert plate.name == "pan_v002" and answer["match"]["verdict"] == "locked" and answer["model"] == "grid"
    assert answer["match"]["before"]["verdict"] == report["verdict"]
    manifest = json.loads((plate / "plate.json").read_text())
    assert manifest["locked_from"]["plate"] == "pan_v001" and manifest["request"] is not None
    assert provenance.verify(plate).is_sound
    assert {path.name: path.read_bytes() for path in loose.iterdir()} == before, "the plate itself stays as it is"
    again = engine.make_plate(job(tmp_path, lock=False, check=False), ignore, resume=True)
    assert again["plate"] == str(loose), "a lock made by hand is not what the request asked for"


@pytest.mark.slow
def test_frames_from_anywhere_are_locked(loose: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for index, frame in enumerate(PAN.frames):
        (loose / f"{loose.name}.{frame}.png").rename(bare / f"take 3 {PAN.frames[index]}.png")
    with pytest.raises(RequestError, match="E_NO_CAMERA"):
        relock.check(relock.Subject(frames=bare), None, ignore)
    subject = relock.Subject(frames=bare, camera=PAN)
    report = relock.check(subject, tmp_path / "report", ignore)
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "match.json", "match.png", "points.ply", "solve.json",
    ]  # fmt: skip
    assert len(report["files"]) == 4
    answer = relock.lock(subject, relock.Wish(out=tmp_path / "out", size=(128, 72)), ignore)
    plate = Path(answer["plate"])
    manifest = json.loads((plate / "plate.json").read_text())
    assert (manifest["request"], manifest["model"], manifest["seed"], answer["model"]) == (None, None, None, None)
    assert manifest["locked_from"] == {"frames": "bare"} and str(tmp_path) not in (plate / "plate.json").read_text()
    assert (manifest["picture"]["width"], manifest["picture"]["height"]) == (128, 72)
    assert provenance.verify(plate).is_sound


def test_a_hole_in_the_frames_is_no_plate(loose: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for frame in (*PAN.frames[:4], *PAN.frames[5:]):
        (loose / f"{loose.name}.{frame}.png").rename(bare / f"a.{frame}.png")
    with pytest.raises(RequestError, match="E_FRAMES_GAP"):
        relock.lock(relock.Subject(frames=bare, camera=PAN), relock.Wish(out=tmp_path), ignore)


def test_a_lock_of_what_cannot_be_solved_is_refused_and_claims_nothing(tmp_path: Path) -> None:
    camera = shot(4)
    for frame in camera.frames:
        tags = pictures.Tags(
            rate=camera.rate, frame=frame, world_from_camera=camera.camera_to_world[0],
            intrinsics=camera.intrinsics[0], texts={},
        )  # fmt: skip
        pictures.write_png(tmp_path / f"fog.{frame}.png", np.full((36, 64, 3), 0.5, np.float32), tags)
    with pytest.raises(PlateError, match="E_UNSOLVED"):
        relock.lock(relock.Subject(frames=tmp_path, camera=camera), relock.Wish(out=tmp_path / "out"), ignore)
    assert not (tmp_path / "out").exists()


# Before ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("poses", "kind"),
    [
        ([level_pose(0, 0, 1.7, 10)] * 6, "static"),
        ([level_pose(0, 0, 1.7, 3.0 * i, -5) for i in range(6)], "nodal"),
        ([level_pose(0, 0.01 * i, 1.7, 0, -5) for i in range(6)], "low"),
        ([level_pose(0, 0.5 * i, 1.7, 0, -5) for i in range(6)], "strong"),
    ],
)
def test_the_path_is_judged_before_any_time_is_spent(poses: list[tuple[float, ...]], kind: str) -> None:
    found = foresee(painted_world.path(poses, (640, 360)))
    assert found.kind == kind and found.words


def test_the_same_move_is_small_high_above_the_ground() -> None:
    low, high = ([level_pose(0, 0.05 * i, height, 0, -30) for i in range(6)] for height in (1.7, 400.0))
    assert [foresee(painted_world.path(poses, (640, 360))).kind for poses in (low, high)] == ["strong", "static"]
