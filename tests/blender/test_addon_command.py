"""The command inside Blender: same verbs, same answers, true exit codes; and what a killed Blender leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from platewright import client
from platewright.camera import CameraPath
from tests.blender.scenes import shot
from tests.conftest import ROOT

COMMAND_LINE = ROOT / "tests/blender/command_line.py"
WAIT_SECONDS = 60.0                                # for things that take one or two; a hang is a failure


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """A saved shot of five small frames."""
    scene, _ = shot(1001, 1005)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return tmp_path / "shot.blend"


def start(*words: str | Path, cwd: Path | None = None) -> subprocess.Popen[str]:
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return subprocess.Popen(
        [sys.executable, str(COMMAND_LINE), *map(str, words)],
        env={**os.environ, "PLATEWRIGHT_RUNTIME": str(python)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )


def run(*words: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """Exit code, the last line of stdout (before it Blender itself may speak while it loads a file), stderr."""
    child = start(*words, cwd=cwd)
    out, err = child.communicate(timeout=WAIT_SECONDS)
    return child.returncode, out.strip().rpartition("\n")[2], err


def test_handles_lie_around_the_frames_that_were_asked_for(blend: Path, tmp_path: Path, addon: ModuleType) -> None:
    """As on the command line: the cut is what was named, the scene is read beyond it, the offset moves all of it."""
    words = ("generate", "--model", "grid", "--no-lock", "--no-check", "--no-scene", "--format", "png", "--json")
    asked = ("--frames", "1002-1003", "--handles", "1", "--frame-offset", "-1000", "--out", tmp_path)
    code, out, err = run(blend, "--command", "platewright", *words, *asked)
    assert code == 0, err
    told = json.loads((Path(json.loads(out)["plate"]) / "plate.json").read_text())
    assert [each["frame"] for each in told["frames"]] == [1, 2, 3, 4]
    assert (told["picture"]["delivery"]["cut"], told["picture"]["delivery"]["frame_offset"]) == ([2, 3], -1000)
    camera, seen = CameraPath.read(Path(json.loads(out)["plate"]) / "camera.json"), tmp_path / "seen.json"
    assert run(blend, "--command", "platewright", "camera", "--frames", "1001-1004", "-o", seen)[0] == 0
    assert camera.camera_to_world == CameraPath.read(seen).camera_to_world


def test_camera_is_written_as_the_scene_has_it(blend: Path, tmp_path: Path, addon: ModuleType) -> None:
    written = tmp_path / "camera.json"
    code, out, err = run(blend, "--command", "platewright", "camera", "--json", "-o", written)
    assert code == 0, err
    assert json.loads(out)["frames"] == 5 and json.loads(out)["file"] == str(written)
    assert CameraPath.read(written) == addon.scene_read.camera_path(bpy.context.scene)


def test_generate_makes_the_plate_and_answers_with_one_object(blend: Path, tmp_path: Path) -> None:
    words = ("generate", "--prompt", "a moor", "--model", "grid", "--frames", "1002-1004", "--out", tmp_path, "--json")
    code, out, err = run(blend, "--command", "platewright", *words)
    assert code == 0, err
    answer = json.loads(out)
    assert Path(answer["plate"]).name == "Camera_v001" and answer["frames"] == 3
    assert sorted(path.name for path in Path(answer["plate"]).glob("*.exr"))[0] == "Camera_v001.1002.exr"


def test_other_verbs_are_the_cores_own(blend: Path, tmp_path: Path) -> None:
    code, out, err = run(blend, "--command", "platewright", "verify", tmp_path / "nothing", "--json")
    assert code == 2, err
    assert json.loads(out)["error"]["code"] == "E_FILE_MISSING"


@pytest.mark.parametrize(
    ("shot_name", "words", "code"),
    [
        ("missing.blend", ["generate", "--prompt", "x"], "E_BLEND"),
        ("missing.blend", ["models"], "E_BLEND"),
        ("damaged.blend", ["camera", "-o", "camera.json"], "E_BLEND"),
        ("", ["generate", "--prompt", "x"], "E_NO_BLEND"),
        ("shot.blend", ["generate", "--prompt", "x", "--steps", "few"], "E_USAGE"),
        ("shot.blend", ["generate", "--prompt", "x", "--frames", "soon"], "E_USAGE"),
        ("shot.blend", ["generate", "--prompt", "x", "--frames", "5-1"], "E_RANGE"),
        ("shot.blend", ["generate", "--prompt", "x", "--scene", "Nowhere"], "E_SCENE"),
        ("shot.blend", ["camera", "--camera-object", "Nobody", "-o", "camera.json"], "E_NO_CAMERA"),
        ("shot.blend", ["camera"], "E_USAGE"),
        ("shot.blend", ["models", "pull", "wan-vace-1.3b", "--accept-licence"], "E_OFFLINE"),
    ],
)
def test_bad_requests_end_with_2_and_a_code(blend: Path, shot_name: str, words: list[str], code: str) -> None:
    (blend.parent / "damaged.blend").write_bytes(b"BLENDER and then nothing")
    named = [blend.parent / shot_name] if shot_name else []
    exit_code, out, err = run(*named, "--command", "platewright", *words, "--json", cwd=blend.parent)
    assert exit_code == 2, err
    assert json.loads(out)["error"]["code"] == code
    assert code in err


def test_help_needs_no_file() -> None:
    code, out, _ = run("--command", "platewright", "--help")
    assert code == 0 and "verb" in out


# Blender is killed ----------------------------------------------------------------------------------

SUBMIT = """
import sys
sys.path[:0] = [{root!r}, {core!r}]
import bpy
import blender_addon
from pathlib import Path
bpy.ops.wm.open_mainfile(filepath={blend!r})
blender_addon.register()
from blender_addon import jobs, operators, preferences
scene = bpy.context.scene
scene.frame_end = 1400
settings = scene.platewright
settings.model, settings.prompt, settings.out = "grid", "a moor", {out!r}
settings.check = False                             # frames appear while the model is still at work
job = operators.job_of(scene)
run = jobs.submit(job, jobs.Origin.of(scene, "Camera"), preferences.own_runtime())
while len(run.handle.frames) < 3:
    jobs.pump(0.01)
print("submitted", jobs.state.worker._service.child.pid, run.handle.folder, flush=True)
while True:
    jobs.pump(0.01)
"""


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def is_gone(pid: int) -> bool:
    """No such process, or one that is dead and only waits for its parent."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def assert_frames_are_whole(folder: Path) -> None:
    """Each has the hash noted when it was finished; the last may have got its name and not its note."""
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    noted = {entry["file"]: entry["sha256"] for entry in map(json.loads, lines) if "sha256" in entry}
    frames = sorted(folder.glob("*.exr"))
    last = bpy.data.images.load(str(frames[-1]))
    assert tuple(last.size) == (160, 90) and len(last.pixels) == 160 * 90 * 4
    assert {frame.name for frame in frames} - set(noted) <= {frames[-1].name}
    for frame in frames[: len(noted)]:
        assert hashlib.sha256(frame.read_bytes()).hexdigest() == noted[frame.name]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_blender_takes_its_worker_along(blend: Path, tmp_path: Path, addon: ModuleType) -> None:
    code = SUBMIT.format(root=str(ROOT), core=str(ROOT / "core"), blend=str(blend), out=str(tmp_path / "plates"))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert child.stdout
    words = next(line for line in child.stdout if line.startswith("submitted")).split()
    worker, record = int(words[1]), Path(words[2])
    assert not is_gone(worker)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert eventually(lambda: is_gone(worker))
    plate = tmp_path / "plates/Camera_v001"
    assert_frames_are_whole(plate)
    assert not (plate / "plate.json").exists()
    told = client.read_record(record)
    assert told["state"] == "lost" and told["failure"]["code"] == "E_HOST_DIED"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_command_takes_its_child_along(blend: Path, tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_end = 1400
    bpy.ops.wm.save_mainfile()
    words = ("generate", "--prompt", "x", "--model", "grid", "--no-check", "--out", tmp_path)
    child = start(blend, "--command", "platewright", *words)
    assert eventually(lambda: len(list(tmp_path.rglob("*.exr"))) > 2)
    children = [int(pid) for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
    assert children
    child.kill()
    child.communicate()
    assert eventually(lambda: all(is_gone(pid) for pid in children))
    assert_frames_are_whole(tmp_path / "Camera_v001")
