"""A real child Blender reads real files: what comes back, what is refused, and that nothing of the child is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright import host
from platewright.camera import CameraPath
from platewright.errors import CameraError, PlatewrightError, RequestError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow                      # a Blender starts in most of these tests
PYTHON = ROOT / ".venv-bpy" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

SHOT = """
import os, sys
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "core")]
import bpy
from tests.blender import scenes
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene, camera = scenes.shot(1001, 1024)
scenes.add_camera("Second; $(touch x) 'q'")
scenes.drive(scenes.add_camera("Driven"), "location", "(lambda: frame * 0.1)()", 0)
other = bpy.data.scenes.new("Other")
other.camera, other.frame_start, other.frame_end = camera, 5, 8
text = bpy.data.texts.new("trap.py")
text.from_string("open(" + repr(sys.argv[1] + ".ran") + ", 'w')")
text.use_module = True
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
os._exit(0)
"""


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shot with three cameras, two scenes and a script that must not run; its name is not kind."""
    file = tmp_path_factory.mktemp("shots") / "-a b; $(touch x) 'ä'.blend"
    program = file.parent / "make.py"
    program.write_text(SHOT, encoding="utf-8")
    command = [str(PYTHON), "-I", "-B", str(program), str(file), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return file


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder that must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def refusal(blend: Path, **options: object) -> PlatewrightError:
    with pytest.raises(PlatewrightError) as caught:
        host.read_camera(blend, **options)
    assert caught.value.hint
    return caught.value


def test_the_shots_camera_comes_back(blend: Path) -> None:
    path = host.read_camera(blend)
    assert (path.camera, path.scene, path.frames) == ("Camera", "Scene", tuple(range(1001, 1025)))
    assert len(set(path.camera_to_world)) == 24
    assert path.camera_to_world[0][3:12:4] == pytest.approx((-2, -8, 1.6))
    assert path.sha256 == host.read_camera(blend).sha256
    assert CameraPath.from_json(path.to_json()) == path


def test_scene_range_and_camera_are_chosen(blend: Path) -> None:
    assert host.read_camera(blend, scene="Other").frames == (5, 6, 7, 8)
    assert host.read_camera(blend, frames=(1003, 1004)).frames == (1003, 1004)
    assert host.read_camera(blend, camera="Second; $(touch x) 'q'").camera == "Second; $(touch x) 'q'"


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ({"scene": "Nowhere"}, RequestError, "E_SCENE"),
        ({"camera": "Nobody"}, CameraError, "E_NO_CAMERA"),
        ({"frames": (9, 3)}, RequestError, "E_RANGE"),
        ({"camera": "Driven"}, CameraError, "E_SCRIPTS_BLOCKED"),
    ],
)
def test_refusals_keep_their_class_and_code(
    blend: Path, options: dict[str, object], kind: type[PlatewrightError], code: str
) -> None:
    error = refusal(blend, **options)
    assert (type(error), error.code, error.exit_code) == (kind, code, 2)


def test_scripts_run_only_where_they_are_allowed(blend: Path) -> None:
    mark = Path(f"{blend}.ran")
    host.read_camera(blend)
    assert not mark.exists()
    path = host.read_camera(blend, camera="Driven", allow_scripts=True)
    assert mark.exists()
    mark.unlink()
    assert path.camera_to_world[0][3] == pytest.approx(100.1)


@pytest.mark.parametrize("content", [b"", b"BLENDER", b"not a blend", bytes(5000)])
def test_a_file_that_is_no_blend(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "shot.blend"
    file.write_bytes(content)
    error = refusal(file)
    assert (error.code, error.exit_code) == ("E_BLEND", 2)


def test_a_truncated_file(tmp_path: Path, blend: Path) -> None:
    whole = blend.read_bytes()
    for share in (0.5, 0.95):
        file = tmp_path / "cut.blend"
        file.write_bytes(whole[: int(len(whole) * share)])
        assert refusal(file).code == "E_BLEND"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.blend", tmp_path):
        error = refusal(missing)
        assert (error.code, error.exit_code) == ("E_FILE_MISSING", 2)


# Which Blender ------------------------------------------------------------------------------------------


def test_the_order_of_blenders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_name, by_variable, on_path = (fake(tmp_path / name / "blender") for name in ("named", "variable", "path"))
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv(host.BLENDER_VARIABLE, str(by_variable))
    assert host.find_blender(str(by_name)) == by_name
    assert host.find_blender(None) == by_variable
    monkeypatch.delenv(host.BLENDER_VARIABLE)
    assert host.find_blender(None) == PYTHON
    monkeypatch.setattr(host, "CHECKOUT", tmp_path)
    assert host.find_blender(None) == on_path
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatewrightError) as caught:
        host.find_blender(None)
    assert caught.value.code == "E_NO_BLENDER"
    assert host.BLENDER_VARIABLE in caught.value.hint


def fake(file: Path, lines: str = "exit 0") -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_a_named_blender_is_never_replaced(blend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(blend, blender="/nowhere/blender").code == "E_NO_BLENDER"
    monkeypatch.setenv(host.BLENDER_VARIABLE, "/nowhere/blender")
    assert refusal(blend).code == "E_NO_BLENDER"


def test_without_the_extensions_source(blend: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CHECKOUT", tmp_path)
    error = refusal(blend, blender=str(PYTHON))
    assert error.code == "E_NO_EXTENSION"
    assert "--command platewright camera" in error.hint


# The child ----------------------------------------------------------------------------------------------


def test_a_blender_gets_words_and_no_code(blend: Path, tmp_path: Path) -> None:
    """A stand-in that writes down how it was called and answers as the real one does."""
    words = tmp_path / "words.txt"
    lines = f'for word in "$@"; do echo "$word"; last="$word"; done > "{words}"\nexec "{PYTHON}" -I "{child()}" "$last"'
    path = host.read_camera(blend, blender=str(fake(tmp_path / "bin" / "blender", lines)))
    called = words.read_text(encoding="utf-8").splitlines()
    assert len(path) == 24
    assert called[:3] == ["--background", "--factory-startup", "--disable-autoexec"]
    assert called[-4:-1] == ["--python", str(child()), "--"]
    assert not any(str(blend) in word for word in called)


def child() -> Path:
    return ROOT / "blender_addon" / "scene_child.py"


def test_last_words_of_a_blender_that_dies(blend: Path, tmp_path: Path) -> None:
    error = refusal(blend, blender=str(fake(tmp_path / "bin" / "blender", "echo 'no libGL here' >&2; exit 11")))
    assert (error.code, error.exit_code) == ("E_BLENDER_DIED", 1)
    assert "no libGL here" in error.message
    assert "code 11" in error.message


def test_an_answer_counts_even_if_the_exit_is_a_crash(blend: Path, tmp_path: Path) -> None:
    lines = f'for last; do :; done\n"{PYTHON}" -I "{child()}" "$last"\nkill -SEGV $$'
    assert len(host.read_camera(blend, blender=str(fake(tmp_path / "bin" / "blender", lines)))) == 24


def test_a_poisoned_environment_stays_outside(blend: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "environment.txt"
    (tmp_path / "bpy.py").write_text("raise SystemExit('the wrong bpy')", encoding="utf-8")
    poison = "PYTHONPATH PYTHONHOME LD_PRELOAD LD_LIBRARY_PATH VIRTUAL_ENV BLENDER_USER_SCRIPTS OCIO"
    for name in poison.split():
        monkeypatch.setenv(name, str(tmp_path))
    lines = f'for last; do :; done\nenv > "{listed}"\nexec "{PYTHON}" -I "{child()}" "$last"'
    assert len(host.read_camera(blend, blender=str(fake(tmp_path / "bin" / "blender", lines)))) == 24
    assert not any(line.startswith(host.SCRUBBED) for line in listed.read_text(encoding="utf-8").splitlines())


PARENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from platewright import host
host.read_camera(Path(sys.argv[2]), blender=sys.argv[3])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="process groups and /proc are how this test looks at it")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_us(blend: Path, tmp_path: Path, end: signal.Signals) -> None:
    """The child here is the real script held up in the middle, so that it is alive when its parent ends."""
    held = tmp_path / "held.py"
    held.write_text(HELD.format(pid=str(tmp_path / "pid")), encoding="utf-8")
    stand_in = fake(tmp_path / "bin" / "blender", f'exec "{PYTHON}" -I "{held}" "{child()}"')
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    words = [sys.executable, "-I", str(tmp_path / "parent.py"), str(ROOT / "core"), str(blend), str(stand_in)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = wait_for(lambda: int((tmp_path / "pid").read_text() or 0) if (tmp_path / "pid").exists() else 0)
    parent.send_signal(end)
    parent.wait()
    assert wait_for(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))


HELD = """
import os, runpy, sys, time
runpy.run_path(sys.argv[1])["die_with_parent"]()
open({pid!r}, "w").write(str(os.getpid()))
time.sleep(600)
"""


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


def wait_for(happened: object) -> int:
    """What `happened` says once it is not nothing; a minute is the end of all patience, not a measure."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if said := happened():                 # type: ignore[operator]
                return int(said)
        except FileNotFoundError:
            pass
        time.sleep(0.02)
    raise AssertionError("it never happened")


def test_the_command_answers_as_json(blend: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "platewright", "camera"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "core")}
    file = tmp_path / "camera.json"
    words = [*program, str(blend.absolute()), "--frames", "1003-1008", "-o", str(file), "--json"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 6
    assert CameraPath.read(file).frames == tuple(range(1003, 1009))
    broken = shutil.copy(child(), tmp_path / "broken.blend")
    words = [*program, str(broken), "-o", str(file), "--json"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E_BLEND"
