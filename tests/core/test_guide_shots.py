"""Guides of a real .blend, made on the command line by a real child Blender."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from platewright import cli, guides
from platewright.camera import CameraPath
from platewright.models import grid
from tests.conftest import ROOT

pytestmark = pytest.mark.slow                      # a Blender starts
PYTHON = ROOT / ".venv-bpy" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

SHOT = """
import os, sys
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "core")]
import bpy
from tests.blender import placed, scenes
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene, camera = scenes.shot(1001, 1002)
scene.render.resolution_x, scene.render.resolution_y = 160, 90
camera.data.shift_x = 0.1
placed.plane(0.0)
placed.body("Cube; $(touch x) 'ä'", (0.3, 1.0, 1.0), 1.0)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
os._exit(0)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of edge 1 on the ground, its guide beside it; no name is kind."""
    folder = tmp_path_factory.mktemp("{shots}")
    program, file = folder / "make.py", folder / "-a b; $(touch x) 'ä'.blend"
    program.write_text(SHOT, encoding="utf-8")
    command = [str(PYTHON), "-I", "-B", str(program), str(file), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    words = ["guide", str(file), "--kinds", "depth,edges", "-o", str(folder / "guide #1"), "--blender", str(PYTHON)]
    assert cli.main([*words, "--json"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([file.name, "guide #1", "make.py"])
    return folder / "guide #1"


def test_depth_is_that_of_the_ground_and_of_the_cube(made: Path) -> None:
    view = CameraPath.read(made / "camera.json")
    assert view.width > 160 and view.height > 90 and view.frames == (1001, 1002)
    for index, frame in enumerate(view.frames):
        depth = guides.read_depth(made / f"depth.{frame}.exr")
        origin, rays = grid.world_rays(view, index)
        forward = np.array(view.camera_to_world[index]).reshape(4, 4)[:3, 2]
        truth = np.minimum(ground(origin, rays), box(origin, rays, (0.3, 1.0, 1.0), 0.5)) * (rays @ forward)
        near = np.isfinite(truth) & (truth < 40) & (depth > 0)
        off = np.abs(depth / np.where(near, truth, 1.0) - 1)[near]
        rim = 0.02                                 # pixels whose middle is on the cube's own outline
        assert near.mean() > 0.3 and np.percentile(off, 100 * (1 - rim)) < 1e-4 and np.median(off) < 2e-5
        assert (depth[np.isinf(truth)] == 0).mean() > 0.99


def ground(origin: Any, rays: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.where(rays[..., 2] < 0, origin[2] / -rays[..., 2], np.inf)


def box(origin: Any, rays: Any, centre: tuple[float, float, float], half: float) -> Any:
    """Where rays meet a cube, in their own lengths."""
    ends = [(np.array(centre) + side * half - origin) / rays for side in (-1, 1)]
    near, far = np.minimum(*ends).max(-1), np.maximum(*ends).min(-1)
    return np.where((near < far) & (near > 0), near, np.inf)


def test_edges_run_where_those_of_the_cube_project(made: Path) -> None:
    view = CameraPath.read(made / "camera.json")
    for index, frame in enumerate(view.frames):
        lines = np.asarray(Image.open(made / f"edges.{frame}.png"))
        assert lines.dtype == np.uint8 and lines.ndim == 2 and set(np.unique(lines).tolist()) == {0, 255}
        top = [(0.3 + x, 1.0 + y, 1.5) for x, y in ((-0.5, -0.5), (0.5, -0.5))]        # the front face's upper edge
        down = [(0.3 - 0.5, 0.5, z) for z in (0.55, 1.5)]                             # and its left one
        for start, end in (top, down):
            found = 0
            for share in np.linspace(0.1, 0.9, 17):
                seen = view.project([a + (b - a) * share for a, b in zip(start, end, strict=True)], index)
                assert seen is not None
                column, row = int(seen[0]), int(seen[1])
                found += int((lines[row - 1 : row + 2, column - 1 : column + 2] > 0).any())
            assert found >= 16, (frame, start, end, found)
        assert 0.002 < (lines > 0).mean() < 0.03


def test_generate_takes_it_for_the_same_camera(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads((made / "guide.json").read_text())
    assert told["camera"]["name"] == "Camera" and list(told["kinds"]) == ["depth", "edges"]
    view = CameraPath.read(made / "camera.json")
    view.window(1001, 1002).write(tmp_path / "camera.json")        # its poses are the shot's own
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--no-check", "--json"]
    assert cli.main([*words, "--guide", str(made), "--guide-kind", "edges", "--out", str(tmp_path)]) == 0
    plate = Path(json.loads(capsys.readouterr().out)["plate"])
    assert json.loads((plate / "plate.json").read_text())["request"]["guide_kind"] == "edges"
    assert cli.main([*words, "--guide", str(made), "--guide-kind", "clay", "--out", str(tmp_path / "b")]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "E_GUIDE_KIND"
