"""What build.py is made of: environments, lanes, the extension's zip, the demo's report."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version as Pep440

import build
from tools import demo, environments, extension, lanes, windowed
from tools.environments import Environment, SetupFailed, Unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = extension.Version("0.1.0.post7", "0.1.7")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def program(file: Path, text: str) -> Path:
    """An executable script."""
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


# Environments


def test_a_python_is_known_by_running_it(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    assert environments.real_python(Path(sys.executable), HERE) is not None
    assert environments.real_python(Path(sys.executable), "3.0") is None
    assert environments.real_python(broken, HERE) is None
    assert environments.real_python(tmp_path / "absent", HERE) is None


def test_the_python_found_is_outside_any_environment() -> None:
    found = environments.find_python(HERE)
    prefixes = "import sys; print(sys.prefix == sys.base_prefix)"
    assert subprocess.run([found, "-c", prefixes], capture_output=True, text=True, check=True).stdout.strip() == "True"


def test_a_missing_python_is_said_so() -> None:
    with pytest.raises(Unavailable, match=r"no Python 3\.2 on this machine"):
        environments.find_python("3.2")


def small_environment(folder: Path) -> Environment:
    """One with nothing in it."""
    requirements = folder / "none.txt"
    requirements.write_text("# nothing\n", encoding="utf-8")
    return Environment(name="small", folder=folder / "env", python_version=HERE, requirements=(requirements,))


@pytest.mark.slow
def test_an_environment_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = small_environment(tmp_path)
    assert environments.ensure(env) is True
    assert "small: ready after" in capsys.readouterr().out
    assert environments.ensure(env) is False
    assert capsys.readouterr().out == ""
    env.requirements[0].write_text("# still nothing, in other words\n", encoding="utf-8")
    kept = env.folder / "kept"
    kept.touch()
    assert environments.ensure(env) is True                # another recipe: brought up to date where it stands
    assert "bringing it up to date" in capsys.readouterr().out
    assert kept.exists()


@pytest.mark.slow
def test_a_half_made_environment_is_made_again(tmp_path: Path) -> None:
    env = small_environment(tmp_path)
    leftover = env.folder / "leftover"
    leftover.parent.mkdir()
    leftover.touch()
    assert environments.ensure(env) is True
    assert not leftover.exists()


@pytest.mark.slow
def test_what_cannot_be_installed_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = small_environment(tmp_path)
    env.requirements[0].write_text("platewright-does-not-exist==1.0\n", encoding="utf-8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(SetupFailed, match=r"(?s)No matching distribution.*Is the package index within reach"):
        environments.ensure(env)
    assert not environments.is_whole(env)


def test_either_torch_will_do_unless_the_cpu_was_asked_for(tmp_path: Path) -> None:
    requirements = tmp_path / "core.txt"
    requirements.write_text("torch==1.0\n", encoding="utf-8")
    env = Environment(name="x", folder=tmp_path, python_version=HERE, requirements=(requirements,), has_core=True)
    env.python.parent.mkdir()
    env.python.touch()
    (tmp_path / environments.STAMP).write_text(environments.stamp_of(env, "cuda"), encoding="utf-8")
    assert environments.is_whole(env)
    assert not environments.is_whole(env, cpu=True)


@pytest.mark.parametrize("series", ["4.2", "4.5", "5.0", "5.1", "5.2"])
def test_a_lane_of_blender_is_pinned_whole(series: str) -> None:
    env = environments.blender(series)
    lines = env.requirements[0].read_text(encoding="utf-8").splitlines()
    assert environments.pin("bpy", env.requirements[0]).startswith(series)
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    assert not any(name in line.lower() for line in lines for name in ("torch", "platewright", "diffusers"))


# Lanes


def lane_of(folder: Path, text: str, seconds: float = 120) -> lanes.Outcome:
    """What comes of a lane with this one test file."""
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    lane = lanes.Lane("probe", str(folder), environments.core())
    log, report = folder / "probe.log", folder / "probe.xml"
    code = lanes.run_logged(lane.command(report, None), log, seconds)
    return lanes.judge(lane.name, code, report, log, 1.0)


def test_a_lane_is_counted(tmp_path: Path) -> None:
    text = "import pytest\ndef test_a(): pass\ndef test_b(): pass\n@pytest.mark.skip(reason='x')\ndef test_c(): pass\n"
    outcome = lane_of(tmp_path, text)
    assert (outcome.state, outcome.passed, outcome.failed, outcome.skipped) == ("passed", 2, 0, 1)


def test_a_failure_is_counted_and_shown(tmp_path: Path) -> None:
    outcome = lane_of(tmp_path, "def test_a(): pass\ndef test_b(): assert 1 == 2\n")
    assert (outcome.state, outcome.passed, outcome.failed) == ("failed", 1, 1)
    assert "assert 1 == 2" in lanes.table([outcome])


@pytest.mark.parametrize("end", ["import os; os.abort()", "import os; os._exit(0)", "raise SystemExit(0)"])
def test_a_lane_that_dies_has_failed(tmp_path: Path, end: str) -> None:
    outcome = lane_of(tmp_path, f"def test_a(): pass\ndef test_b():\n    {end}\n")
    assert outcome.state == "failed"
    assert outcome.failed == 1


def test_a_lane_that_hangs_is_ended(tmp_path: Path) -> None:
    outcome = lane_of(tmp_path, "import time\ndef test_a(): time.sleep(600)\n", seconds=3)
    assert outcome.state == "failed"
    assert "still running after 3 s" in outcome.reason


def test_a_lane_without_its_python_says_so() -> None:
    env = Environment(name="x", folder=Path("nowhere"), python_version="3.2", requirements=())
    outcome = lanes.run_lane(lanes.Lane("old", "tests/core", env), None)
    assert lanes.row(outcome) == "  old          cannot run: no Python 3.2 on this machine"
    assert lanes.table([outcome]).splitlines()[-1] == "0 passed, 0 failed"


def test_a_lane_without_the_blender_that_its_tests_start_says_so() -> None:
    """The match is measured by the core on what a Blender renders."""
    absent = Environment(name="y", folder=Path("nowhere"), python_version="3.2", requirements=())
    (match,) = [lane for lane in lanes.lanes() if lane.name == "match"]
    assert match.also == (environments.blender("5.0"),)
    outcome = lanes.run_lane(replace(match, also=(absent,)), None)
    assert lanes.row(outcome) == "  match        cannot run: no Python 3.2 on this machine"


def test_the_last_line_is_the_sum() -> None:
    outcomes = [lanes.Outcome("a", "passed", passed=20, skipped=1), lanes.Outcome("b", "failed", passed=3, failed=2)]
    assert lanes.table(outcomes).splitlines()[-1] == "23 passed, 2 failed"


# The extension


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extension.build(environments.core(), VERSION, tmp_path_factory.mktemp("dist"))


def entries(file: Path | io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_what_blender_and_the_worker_need(built: Path) -> None:
    inside = entries(built)
    manifest = tomllib.loads(inside["blender_manifest.toml"].decode())
    assert built.name == "platewright-0.1.7.zip"
    assert manifest["version"] == "0.1.7"
    assert manifest["wheels"] == ["./wheels/platewright-0.1.0.post7-py3-none-any.whl"]
    assert {"__init__.py", "LICENSE", "wheels/platewright-0.1.0.post7-py3-none-any.whl"} <= inside.keys()
    assert {f"assets/{file.name}" for file in (ROOT / "core/platewright/assets").glob("*")} <= inside.keys()


def paths_of_this_machine(data: bytes) -> list[str]:
    """Where the checkout and its environment lie, as far as the bytes name them."""
    return sorted(str(place) for place in {ROOT, Path(sys.prefix)} if str(place).encode() in data)


def test_the_zip_names_no_path_of_the_machine_that_built_it(built: Path) -> None:
    inside = entries(built)
    wheel = entries(io.BytesIO(next(data for name, data in inside.items() if name.startswith("wheels/"))))
    assert not {name: found for name, data in (inside | wheel).items() if (found := paths_of_this_machine(data))}
    assert paths_of_this_machine(f'{{"python": "{environments.core().python}"}}'.encode()), "it would be seen"


def test_the_zip_holds_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        modes = {info.external_attr >> 16 for info in archive.infolist()}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc") or name.startswith(("/", "."))]
    assert modes == {0o644}                                # plain files: no symbolic links, nothing executable
    assert names == sorted(names)


def test_the_wheel_is_code_only_and_knows_its_version(built: Path) -> None:
    wheel = entries(built)["wheels/platewright-0.1.0.post7-py3-none-any.whl"]
    inside = entries(io.BytesIO(wheel))
    modules = {path.relative_to(ROOT / "core").as_posix() for path in (ROOT / "core/platewright").rglob("*.py")}
    assert len(wheel) < extension.WHEEL_BYTES
    assert modules <= inside.keys()
    others = {name for name in inside if not name.endswith(".py") and ".dist-info/" not in name}
    locks = {path.relative_to(ROOT / "core").as_posix() for path in (ROOT / "core").rglob("models/locked/*.json")}
    assert len(locks) > 8
    assert others == {"platewright/py.typed", *locks}
    assert b'__version__ = "0.1.0.post7"' in inside["platewright/__init__.py"]
    assert any(name.endswith("/LICENSE") for name in inside)


def test_the_wheel_runs_as_it_is(built: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "platewright.whl"
    wheel.write_bytes(entries(built)["wheels/platewright-0.1.0.post7-py3-none-any.whl"])
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import platewright.client; "
    code += "from platewright.models import locks; print(platewright.__version__, locks.lock('sana-wm').also[0])"
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "0.1.0.post7 sana-wm-refiner"


def test_two_builds_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = extension.build(environments.core(), VERSION, tmp_path)
    assert again.read_bytes() == built.read_bytes()


def precedence(version: str) -> tuple[list[int], bool, list[tuple[bool, int, str]]]:
    """The order of versions as semver.org has it, section 11: none after the hyphen is last; numbers before words."""
    core, _, more = version.partition("-")
    parts = [(not one.isdecimal(), int(one) if one.isdecimal() else 0, one) for one in more.split(".") if more]
    return [int(one) for one in core.split(".")], not more, parts


def test_a_changed_tree_is_numbered_between_two_commits() -> None:
    before, after = extension.numbered("0.3.0", 99, None), extension.numbered("0.3.0", 100, None)
    later = extension.numbered("0.3.0", 99, 1_700_000_000)
    assert before == extension.Version("0.3.0a99", "0.3.0-alpha.99")
    assert later == extension.Version("0.3.0a100.dev1700000000", "0.3.0-alpha.99.changed.1700000000")
    order = (before, later, after, extension.Version("0.3.0", "0.3.0"))
    assert [Pep440(one.wheel) for one in order] == sorted(Pep440(one.wheel) for one in order)
    assert [precedence(one.extension) for one in order] == sorted(precedence(one.extension) for one in order)


def test_the_tree_is_asked_whether_it_changed(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.3.0"\n', encoding="utf-8")
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "first")):
        extension.git(tmp_path, *command)
    assert extension.version_now(tmp_path) == extension.Version("2.3.0a1", "2.3.0-alpha.1")
    (tmp_path / "core/new.py").touch()
    assert extension.version_now(tmp_path).wheel.startswith("2.3.0a2.dev")
    (tmp_path / "core/new.py").unlink()
    extension.git(tmp_path, "tag", "v2.3.0")
    assert extension.version_now(tmp_path) == extension.Version("2.3.0", "2.3.0"), "that commit is the release"
    (tmp_path / "core/new.py").touch()
    with pytest.raises(SetupFailed, match="has been released"):
        extension.version_now(tmp_path)


def test_outside_a_checkout_there_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.3.0"\n', encoding="utf-8")
    with pytest.raises(SetupFailed, match="git cannot number this build"):
        extension.version_now(tmp_path)


# The rest


def test_a_blender_that_is_not_there_is_said_so() -> None:
    with pytest.raises(Unavailable, match="no Blender called /nowhere/blender"):
        windowed.find_blender("/nowhere/blender")


def test_a_failed_step_of_the_demo_names_itself(tmp_path: Path) -> None:
    journal = demo.Journal(tmp_path, total=1)
    with pytest.raises(SetupFailed, match="the shot: exit code 3"):
        journal.step("the shot", sys.executable, "-c", "raise SystemExit(3)")
    assert journal.rows == []


def test_build_py_lists_its_commands() -> None:
    command = [sys.executable, ROOT / "build.py", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(f"    {word} " in said for word in build.COMMANDS) and len(build.COMMANDS) == 8

