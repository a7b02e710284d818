"""Generate in the window: a long camera is read tick by tick, in helpings that are not felt, before its job starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import preparing, scene_read
from platewright.camera import CameraPath
from platewright.client import read_record
from platewright.errors import PlatewrightError
from platewright.protocol import Job, PlateRequest
from tests.blender.scenes import keys, shot
from tests.blender.test_camera_reading import PATIENCE, new_file, state

Scene = bpy.types.Scene


@pytest.fixture
def jobs(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The runner as in a window, its timer ticked by the test."""
    monkeypatch.setattr(addon.jobs, "follow", lambda: None)
    addon.jobs.state.refusal = None
    yield addon.jobs


def press(addon: ModuleType, scene: Scene) -> None:
    """Generate, as the button does it where there is a window."""
    addon.jobs.prepare(scene, addon.operators.job_maker(scene), addon.preferences.own_runtime())


def slowly(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame in a tick."""
    monkeypatch.setattr(preparing, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(preparing, "LOOK_SECONDS_MAX", 0.0)
    monkeypatch.setattr(preparing, "STILL_SECONDS_MAX", 0.0)


def tick_until(jobs: Any, is_so: Callable[[], object]) -> list[float | None]:
    """Tick as the timer would; what it answered each time."""
    pauses: list[float | None] = []
    while not is_so():
        assert len(pauses) < PATIENCE
        pauses.append(jobs.tick())
    return pauses


def ready(tmp_path: Path, last: int) -> Scene:
    scene, _ = shot(1, last)
    settings = scene.platewright
    settings.prompt, settings.model, settings.out = "a moor in the rain", "grid", str(tmp_path / "plates")
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.frame_set(1)
    return scene


class Clock:
    """A millisecond passes whenever somebody looks at it, as if a frame took one."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def helpings(busy: float, draws_aside: bool = False) -> list[int]:
    """Frames in each helping of a camera of 600 frames, in a window that is busy for so long after each."""
    def make_job(camera: CameraPath) -> Job:
        return Job(request=PlateRequest(camera=camera, prompt="x"), name="n", out="/", id="1")

    scene, _ = shot(1, 600)
    sent: list[Job] = []
    reading = scene_read.Reading(scene)
    clock = Clock()
    worked = (lambda: 0.0) if draws_aside else lambda: clock.now
    start = lambda job, text: sent.append(job)  # noqa: E731
    preparation = preparing.Preparation(reading, make_job, start, clock=clock, worked=worked)
    frames, before = [], 0
    while not preparation.is_over:
        preparation.advance()
        frames.append(preparation.done - before)
        before = preparation.done
        clock.now += busy
    preparation.finish()
    assert len(sent[0].request.camera) == 600
    return frames


def test_a_helping_ends_with_its_time() -> None:
    frames = helpings(busy=0.0)
    assert max(frames) == 10 and len(frames) > 60, "frames of one millisecond each in 10 milliseconds"


@pytest.mark.parametrize(("busy", "frames"), [(0.02, 20), (0.2, 30), (0.4, 400)])
def test_a_helping_takes_no_longer_than_the_window_did(busy: float, frames: int) -> None:
    """And is not felt, unless the window stands still by itself."""
    first, *others = helpings(busy)
    assert first == 10 and others[0] == pytest.approx(frames, abs=2)


def test_a_window_that_draws_in_other_threads_is_read_in_helpings_that_nobody_feels() -> None:
    first, *others = helpings(0.4, draws_aside=True)
    assert first == 10 and others[0] == pytest.approx(30, abs=2)


def test_a_long_camera_is_read_in_many_ticks_and_the_job_starts(
    addon: ModuleType, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(addon, monkeypatch)
    scene = ready(tmp_path, 40)
    before = state(scene)
    press(addon, scene)
    headlines: list[str] = []

    def has_run() -> bool:
        if jobs.state.preparation:
            headlines.append(jobs.state.preparation.headline())
            assert state(scene) == before
        return jobs.running() is not None

    pauses = tick_until(jobs, has_run)
    assert headlines[:3] == [f"reading the camera {done}/40" for done in (1, 2, 3)] and len(pauses) > 40
    assert set(pauses[:-1]) == {preparing.LOOK_PAUSE_SECONDS} and jobs.state.preparation is None
    run = jobs.running()
    assert run.handle.job.request.camera == scene_read.camera_path(scene)
    assert (run.origin.scene_uid, run.origin.camera_name) == (scene.session_uid, "Camera")
    jobs.wait(run)
    assert run.error is None and read_record(run.handle.folder)["state"] == "done"


def test_a_short_camera_starts_at_once(addon: ModuleType, jobs: Any, tmp_path: Path) -> None:
    press(addon, ready(tmp_path, 3))
    tick_until(jobs, jobs.running)
    jobs.cancel()
    jobs.wait(jobs.running())


def test_cancel_while_it_is_read(
    addon: ModuleType, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(addon, monkeypatch)
    scene = ready(tmp_path, 40)
    press(addon, scene)
    jobs.tick()
    with pytest.raises(PlatewrightError, match="E_BUSY"):
        press(addon, scene)
    before = state(scene)
    assert bpy.ops.platewright.cancel() == {"FINISHED"}
    assert jobs.state.preparation is None and jobs.state.refusal.code == "E_CANCELLED"
    assert jobs.tick() is None and state(scene) == before and not (tmp_path / "plates").exists()


def test_a_file_opened_while_it_is_read_ends_it_with_a_reason(
    addon: ModuleType, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(addon, monkeypatch)
    press(addon, ready(tmp_path, 40))
    jobs.tick()
    new_file()
    assert jobs.tick() is None
    assert jobs.state.refusal.code == "E_CAMERA_GONE" and jobs.state.refusal.hint and jobs.running() is None


def test_what_only_the_last_frame_shows_is_refused_all_the_same(
    addon: ModuleType, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(addon, monkeypatch)
    scene = ready(tmp_path, 12)
    keys(scene.camera, "scale", {11: (1, 1, 1), 12: (-1, 1, 1)})
    press(addon, scene)
    tick_until(jobs, lambda: jobs.state.refusal)
    assert jobs.state.refusal.code == "E_CAMERA_MIRRORED" and "frame 12" in jobs.state.refusal.message
    assert jobs.running() is None and jobs.state.preparation is None
