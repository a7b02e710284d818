"""`--command platewright guide` with the open scene: this Blender renders, the core makes the folder."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

from tests.blender.placed import body, lamp, plane
from tests.blender.scenes import shot
from tests.blender.test_addon_command import run, start

PATIENCE_SECONDS = 300.0                           # for what takes ten; a hang is a failure


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """A small frame of a cube on the ground."""
    scene, _ = shot(1001, 1001)
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    plane(0.0)
    body("Cube", (0.3, 1.0, 1.0), 1.0)
    lamp("Sun", 2.0, 200.0, 35.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return tmp_path / "shot.blend"


def test_a_guide_is_made_of_the_open_scene(blend: Path, tmp_path: Path) -> None:
    child = start(blend, "--command", "platewright", "guide", "-o", tmp_path / "guide", "--overscan", "0.1", "--json")
    out, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 0, err
    answer = json.loads(out.strip().rpartition("\n")[2])
    assert answer["kinds"] == ["depth", "edges", "clay", "grid"] and answer["warnings"] == []
    assert (answer["first"], answer["last"], answer["guide"]) == (1001, 1001, str(tmp_path / "guide"))
    names = ["camera.json", "clay.1001.png", "depth.1001.exr", "edges.1001.png", "grid.1001.png", "guide.json"]
    assert sorted(path.name for path in (tmp_path / "guide").iterdir()) == names


@pytest.mark.parametrize(("words", "code"), [(["--kinds", "sketch"], "E_USAGE"), (["--overscan", "9"], "E_VALUE")])
def test_what_the_core_refuses_is_refused_here(blend: Path, tmp_path: Path, words: list[str], code: str) -> None:
    exit_code, out, err = run(blend, "--command", "platewright", "guide", "-o", tmp_path / "guide", *words, "--json")
    assert exit_code == 2 and json.loads(out)["error"]["code"] == code, err
    assert not (tmp_path / "guide").exists()
