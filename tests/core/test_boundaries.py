"""The architecture as tests: who may import whom, how long things may be, what no file may contain.

Each guard is also shown a case that it must catch: one that nobody has seen fail guards nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import checks, scan

ROOT = Path(__file__).resolve().parent.parent.parent
DOORS = ("errors", "camera", "protocol", "wire", "client")
HEAVY = ("bpy", "cv2", "diffusers", "numpy", "OpenImageIO", "safetensors", "torch")


def heavy_after(statements: str) -> list[str]:
    """What a fresh Python has loaded of the heavy libraries after these statements."""
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'core')!r}); {statements}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return sorted(set(HEAVY) & set(done.stdout.split()))


@pytest.mark.parametrize("door", DOORS)
def test_a_door_loads_nothing_heavy(door: str) -> None:
    assert heavy_after(f"import platewright.{door}") == []


def test_a_heavy_door_would_be_seen() -> None:
    assert "numpy" in heavy_after("import platewright.client, torch")
    assert "torch" in heavy_after("import platewright.client, torch")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The sources in a folder of their own, to plant something in."""
    for folder in ("core", "blender_addon"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")


def test_the_contracts_are_kept(copied: Path) -> None:
    is_well, words = checks.imports(copied)
    assert is_well, words


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("core/platewright/plates.py", "from . import engine", "the core is a stack"),
        ("core/platewright/worker.py", "from . import cli", "the core is a stack"),
        ("core/platewright/unplaced.py", "", "the core is a stack"),
        ("core/platewright/engine.py", "import bpy", "the core has never heard of Blender"),
        ("core/platewright/client.py", "def late() -> None:\n    import numpy", "the doors are weightless"),
        ("core/platewright/provenance.py", "import torch", "torch begins above plates"),
        ("core/platewright/engine.py", "import diffusers", "diffusers is imported by the models alone"),
        ("blender_addon/panels.py", "from platewright import plates", "the add-on sees only the doors"),
    ],
)
def test_a_broken_contract_is_seen(copied: Path, file: str, line: str, contract: str) -> None:
    plant(copied / file, line)
    is_well, words = checks.imports(copied)
    broken = [text for text in words.splitlines() if text.endswith("BROKEN")]
    assert not is_well
    assert any(text.startswith(contract) for text in broken), words


def test_lint_sees_what_it_should(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    plant(tmp_path / "innocent.py", '"""Fine."""')
    assert checks.lint(tmp_path) == (True, "")
    plant(tmp_path / "guilty.py", "def f(x):\n    try:\n        return x\n    except Exception:\n        pass")
    is_well, words = checks.lint(tmp_path)
    assert not is_well
    assert "ANN001" in words
    assert "BLE001" in words


@pytest.mark.slow
def test_types_are_judged(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    door = tmp_path / "core/platewright/errors.py"
    for folder in ("core/platewright", "core/training", "blender_addon", "examples", "bench", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "build.py").touch()
    shutil.copy(ROOT / "core/platewright/errors.py", door)
    assert checks.types(tmp_path)[0]
    plant(door, "def wrong() -> int:\n    return 'text'")
    is_well, words = checks.types(tmp_path)
    assert not is_well
    assert "reportReturnType" in words


def test_the_project_keeps_its_own_rules() -> None:
    assert scan.scan(ROOT) == []


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("core/a.py", "import pickle\n", "1: `pickle` is banned"),
        ("core/a.py", "from socket import create_connection\n", "1: `socket.create_connection` is banned"),
        ("core/a.py", "def late() -> None:\n    import shelve\n", "2: `shelve` is banned"),
        ("core/a.py", "weights = torch.load('w.pt')\n", "1: `torch.load` is banned"),
        ("core/a.py", "from torch import load\n", "1: `torch.load` is banned"),
        ("core/a.py", "eval('1')\n", "1: `eval` is banned"),
        ("blender_addon/a.py", "exec(text)\n", "1: `exec` is banned"),
        ("tools/a.py", "os.system('ls')\n", "1: `os.system` is banned"),
        ("tools/a.py", "subprocess.run('ls', shell=True)\n", "1: `shell=True` is banned"),
        ("core/a.py", "get(url, verify=False)\n", "1: `verify=False` is banned"),
        ("core/a.py", "load(name, trust_remote_code=True)\n", "1: `trust_remote_code=True` is banned"),
        ("core/a.py", "numpy.load(file, allow_pickle=True)\n", "1: `allow_pickle=True` is banned"),
        ("core/a.py", "import http.client\n", "1: `http.client` reaches a network"),
        ("core/a.py", "from urllib import request\n", "1: `urllib.request` reaches a network"),
        ("blender_addon/a.py", "import requests\n", "1: `requests` reaches a network"),
        ("core/a.py", "import bpy\n", "1: `bpy` is Blender's"),
        ("tools/a.py", "from mathutils import Vector\n", "1: `mathutils.Vector` is Blender's"),
        ("core/a.py", "\n" * 400, "400: the file has 400 lines, the limit is below 400"),
        ("tests/a.py", "def f():\n" + "    1\n" * 60, "1: `f` has 61 lines, the limit is 60"),
        ("README.md", "see /" + "home/jane/plates\n", "1: `/" + "home/jane/` belongs to a machine, not to the project"),
        (".ci/run", "pip --" + "index-url x\n", "1: `--" + "index-url` belongs to a machine, not to the project"),
    ],
)
def test_a_broken_rule_is_seen(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert scan.scan(tmp_path) == [f"{file}:{complaint}"]


@pytest.mark.parametrize(
    "text",
    [
        "model.eval()\nsocket = node.outputs[0]\nrun(command, shell=False, verify=True)\n",
        "import subprocess\nsubprocess.run(['ls'])\nload_file(path)\n",
        "PATH = '/usr/bin/blender'\nHOME = '/home/artist/shots'\n",
    ],
)
def test_an_innocent_file_passes(tmp_path: Path, text: str) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/a.py").write_text(text, encoding="utf-8")
    assert scan.scan(tmp_path) == []


@pytest.mark.parametrize("folder", ["blender_addon", "examples", "bench", "tests"])
def test_those_who_work_in_blender_may_say_so(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.py").write_text("import bpy\n", encoding="utf-8")
    assert scan.scan(tmp_path) == []
