"""What the panel gives a model to start from: made of the prompt, a file, or another Blender's render of the scene."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from blender_addon import scene_read
from platewright.errors import Cancelled, PlatewrightError, RequestError
from platewright.protocol import Still
from tests.blender.placed import full_scene
from tests.blender.test_scene_handed import everything
from tests.conftest import ROOT


@pytest.fixture
def scene(addon: ModuleType, tmp_path: Path) -> bpy.types.Scene:
    """A scene, a model that needs a picture, one that takes one, and one that does neither."""
    made = full_scene()
    settings = made.platewright
    settings.prompt, settings.out, settings.seed, settings.use_scene = "a moor", str(tmp_path / "out"), 5, False
    settings.model = "grid"
    addon.jobs.state.check.models = {
        "sana-wm": {"needs_first_frame": True}, "grid": {"takes_first_frame": True}, "draft": {},
    }  # fmt: skip
    made.render.engine, made.cycles.samples, made.cycles.device = "CYCLES", 1, "CPU"
    made.render.resolution_x, made.render.resolution_y = 96, 54
    return made


def test_left_to_us_it_is_made_of_the_prompt_where_one_is_needed(addon: ModuleType, scene: bpy.types.Scene) -> None:
    settings = scene.platewright
    assert addon.operators.job_of(scene).request.still is None
    settings.model = "sana-wm"
    assert addon.operators.job_of(scene).request.still == Still(5)
    settings.model, settings.first_frame = "draft", "PROMPT"
    assert addon.operators.job_of(scene).request.still is None
    settings.model = "grid"
    assert addon.operators.job_of(scene).request.still == Still(5)


def test_a_file_goes_along_by_what_it_holds(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    settings = scene.platewright
    settings.first_frame = "FILE"
    with pytest.raises(RequestError, match="No picture is chosen"):
        addon.operators.job_of(scene)
    settings.first_frame_file = str(tmp_path / "first.png")
    with pytest.raises(RequestError, match="E_INPUT_MISSING"):
        addon.operators.job_of(scene)
    (tmp_path / "first.png").write_bytes(b"a picture")
    given = addon.operators.job_of(scene).request.first_frame
    assert given.opened() == tmp_path / "first.png"


def test_a_render_is_another_blenders_and_the_scene_stays(
    addon: ModuleType, scene: bpy.types.Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_picture = import_module("blender_addon.first_picture")
    copies: list[Path] = []

    def on(copy: Path) -> list[str]:
        copies.append(copy)
        assert copy.is_file()
        return [sys.executable, str(ROOT / "tests" / "blender" / "command_line.py"), str(copy), "--command",
                "platewright", "still"]  # fmt: skip

    monkeypatch.setattr(first_picture, "blender_on", on)
    scene.platewright.first_frame = "RENDER"
    before, path = everything(scene), bpy.data.filepath
    first = addon.operators.first_of(scene)
    assert everything(scene) == before and bpy.data.filepath == path
    request = addon.operators.job_maker(scene, first)(scene_read.camera_path(scene)).request
    file = request.first_frame.opened()
    assert file.read_bytes()[:4] == b"\x89PNG" and b"platewright.world_from_camera" in file.read_bytes()
    assert file.is_relative_to(addon.runtime.own_folder())      # beside the job, for whoever resumes it
    assert not copies[0].exists()
    addon.jobs.state.check.models["nobody"] = {"takes_first_frame": True}
    scene.platewright.model = "nobody"
    with pytest.raises(PlatewrightError, match="E_MODEL_UNKNOWN"):
        addon.operators.job_of(scene)


def test_cancelled_it_ends_at_once_and_leaves_nothing(
    addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_picture = import_module("blender_addon.first_picture")
    asleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(first_picture, "blender_on", lambda copy: asleep)
    scene.platewright.first_frame = "RENDER"
    first = addon.operators.first_of(scene)
    assert first.headline == "rendering the first frame" and first.copy.is_file()
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            first.fields(tmp_path)
        except BaseException as error:  # noqa: BLE001
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while first._child is None:
        thread.join(0.01)
    first.stop()
    thread.join()
    assert isinstance(caught[0], Cancelled) and first._child.poll() is not None
    assert not first.copy.exists() and list(tmp_path.iterdir()) == []


def test_giving_up_a_preparation_ends_what_it_waits_for(addon: ModuleType, scene: bpy.types.Scene) -> None:
    preparing, scene_read = (import_module(f"blender_addon.{name}") for name in ("preparing", "scene_read"))
    stopped: list[str] = []
    addon.jobs.state.preparation = preparing.Preparation(
        scene_read.Reading(scene), lambda path: None, lambda job, text: None, stop=lambda: stopped.append("now")
    )
    addon.jobs.cancel()
    assert stopped == ["now"] and addon.jobs.state.preparation is None
