"""One Blender with a profile of its own, the zip installed in it as an artist would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHOTS = ROOT / "out/gui"
PATIENCE = float(os.environ.get("PW_GUI_PATIENCE", "1"))     # on a machine that has other things to do
RUN_SECONDS = 240.0 * PATIENCE                     # nothing here takes a quarter of it; a hang is a failure


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--blender", required=True, help="the Blender to test in")
    parser.addoption("--zip", required=True, help="the extension to install")


@dataclass(frozen=True, slots=True)
class Blender:
    """A Blender program and the home it sees."""

    program: str
    home: Path
    zip: Path
    options: tuple[str, ...] = ()                  # of every start
    settings: tuple[tuple[str, str], ...] = ()     # in its environment

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start it in its own process group, so that a test can end all of it."""
        mine = {"HOME": str(self.home), "LIBGL_ALWAYS_SOFTWARE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        mine["PLATEWRIGHT_RUNTIME"] = sys.prefix   # these tests run in the core's own environment
        mine["PATH"] = os.pathsep.join([str(HERE / "bin"), os.environ["PATH"]])
        foreign = ("XDG_", "PLATEWRIGHT_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return subprocess.Popen(
            [self.program, *self.options, *map(str, words)],
            env={**kept, **mine, **dict(self.settings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            start_new_session=True,
        )

    def copied(self, home: Path) -> Blender:
        """The same Blender with a home of its own, as this one's is now."""
        shutil.copytree(self.home, home, symlinks=True)
        return replace(self, home=home)

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        child = self.start(*words)
        out, err = child.communicate(timeout=RUN_SECONDS)
        return child.returncode, out, err

    def window(self, blend: Path, scenario: str, folder: Path, script: str = "scenarios.py") -> dict[str, Any]:
        """Play a scenario of this script in a window; what it noted, or the failure it ended with."""
        child = self.start(*window_words(blend, scenario, folder, script))
        out, err = child.communicate(timeout=RUN_SECONDS)
        noted = folder / "noted.json"
        assert noted.is_file(), f"{scenario} ended with code {child.returncode}\n{out[-3000:]}\n{err[-3000:]}"
        answer = json.loads(noted.read_text(encoding="utf-8"))
        assert "failure" not in answer, answer["failure"]
        assert child.returncode == 0, err[-3000:]
        assert "Traceback" not in out + err, out[-3000:] + err[-3000:]
        return answer


def window_words(blend: Path, scenario: str, folder: Path, script: str = "scenarios.py") -> list[str]:
    """How Blender is started for a scenario."""
    window = ["--gpu-backend", "opengl", "--window-geometry", "0", "0", "1400", "900"]
    return [*window, str(blend), "--python", str(HERE / script), "--", scenario, str(folder)]


@pytest.fixture(scope="session")
def blender(request: pytest.FixtureRequest) -> Iterator[Blender]:
    """Installed once, from the zip, into an empty home."""
    with tempfile.TemporaryDirectory(prefix="platewright-gui-") as home:
        program, built = (request.config.getoption(name) for name in ("--blender", "--zip"))
        made = Blender(program, Path(home), Path(built).absolute())
        code, out, err = made.run("--command", "extension", "install-file", "-r", "user_default", "-e", made.zip)
        assert code == 0, out + err
        SHOTS.mkdir(parents=True, exist_ok=True)
        yield made


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for a scenario; its pictures are kept."""
    folder = tmp_path / "stage"
    folder.mkdir()
    yield folder
    for picture in set(folder.glob("*.png")) - set(folder.glob("rendered-*")):
        shutil.copy(picture, SHOTS / picture.name)


@pytest.fixture
def blend(blender: Blender, tmp_path: Path) -> Path:
    """A shot with an animated camera, saved by the Blender under test."""
    script = ("--python-exit-code", "1", "--python", HERE / "make_shot.py")
    code, out, err = blender.run("-b", *script, "--", tmp_path / "shot.blend")
    assert code == 0, out + err
    return tmp_path / "shot.blend"


if sys.platform != "linux":
    collect_ignore = ["test_window.py"]            # it looks into /proc and takes screenshots through X
