"""A lens out of a real .blend: a child Blender reads the clip, and the plate's maps and script come of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import OpenImageIO
import pytest

from platewright import cli

from .nuke_reader import read
from .plate_maker import job_for, make

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-bpy" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
pytestmark = pytest.mark.slow                      # a Blender starts twice

SHOT = """
import os, sys
import bpy
folder = sys.argv[1]
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
image = bpy.data.images.new("clip", 96, 54)
image.filepath_raw, image.file_format = os.path.join(folder, "clip.png"), "PNG"
image.save()
scene.active_clip = bpy.data.movieclips.load(image.filepath_raw)
lens = scene.active_clip.tracking.camera
lens.distortion_model, lens.brown_k1, lens.brown_p1 = "BROWN", -0.1, 0.01
scene.camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
scene.collection.objects.link(scene.camera)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "shot.blend"))
os._exit(0)
"""


def test_a_shots_clip_bends_the_plate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "make.py"
    program.write_text(SHOT, encoding="utf-8")
    command = [str(PYTHON), "-I", "-B", str(program), str(tmp_path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    plate = make(job_for(tmp_path, size=(64, 36)))
    out = tmp_path / "comp"
    words = ["export", str(plate), "--to", "nuke", "--lens", str(tmp_path / "shot.blend")]
    code = cli.main([*words, "--blender", str(PYTHON), "--out", str(out), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == 0 and [entry["kind"] for entry in answer["files"]] == ["nuke", "stmap", "stmap"]
    sizes = {}
    for entry in answer["files"][1:]:
        spec = OpenImageIO.ImageBuf(str(out / entry["file"])).spec()
        sizes[entry["file"].rpartition("_")[2]] = (spec.width, spec.height)
    assert sizes == {"redistort.exr": (96, 54), "undistort.exr": (64, 36)}
    nodes = read((out / answer["files"][0]["file"]).read_text())
    assert nodes["RedistortMap"].knobs["format"].split()[:2] == ["96", "54"]
