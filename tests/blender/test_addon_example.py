"""The render script: a plate, a composite, frames on disk, and an exit code that can be trusted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from tests.blender.scenes import shot, tetrahedron
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples/render_with_plate.py"
LEAVE = """
import os, runpy, sys
sys.argv = sys.argv[1:]
code = 1
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    code = end.code
finally:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""


def run(*words: str | Path) -> tuple[int, str]:
    """The script's own exit code: before 5.0 the module may crash on its way out."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVE, str(EXAMPLE), *map(str, words)], capture_output=True, text=True, check=False,
        env=dict(os.environ),
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """A shot of three small frames with something to render."""
    scene, _ = shot(1001, 1003)
    tetrahedron("Body")
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return tmp_path / "shot.blend"


def test_renders_the_shot_over_its_plate(blend: Path, tmp_path: Path) -> None:
    words = ("--prompt", "a moor", "--model", "grid", "--render", "1001,1003")
    code, told = run("--shot", blend, *words, "--out", tmp_path / "out")
    assert code == 0, told
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["plates", "shot.1001.png", "shot.1003.png"]
    assert (tmp_path / "out/plates/Camera_v001/plate.json").is_file()
    image = bpy.data.images.load(str(tmp_path / "out/shot.1003.png"))
    corner = image.pixels[:3]
    assert max(corner) > 0.02, "the ground of the layout, not an empty film"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--model", "none such"], 1, "E_MODEL_UNKNOWN"),
        (["--seed", "none"], 2, "invalid int"),
    ],
)
def test_what_fails_is_no_success(blend: Path, tmp_path: Path, words: list[str], code: int, told: str) -> None:
    got, said = run("--shot", blend, "--prompt", "x", "--out", tmp_path / "out", *words)
    assert (got, told in said) == (code, True), said


def test_no_shot_is_no_success(tmp_path: Path) -> None:
    code, said = run("--prompt", "x", "--out", tmp_path)
    assert code == 2, said
