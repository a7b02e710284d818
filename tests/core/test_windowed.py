"""Which Blender the windowed tests take, and how Debian's is made; made for real it is by `build.py gui --suite`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import debian, windowed
from tools.environments import SetupFailed, Unavailable

CORE = Path(sys.executable)


class Recorder:
    """Runs nothing: notes the commands, leaves the folder that debootstrap would, fails where it is told to."""

    def __init__(self, fails_at: str = "nothing") -> None:
        self.commands: list[list[str]] = []
        self.fails_at = fails_at

    def __call__(self, command: list[str | Path], hint: str, env: dict[str, str] | None = None) -> None:
        words = [os.fspath(word) for word in command]
        self.commands.append(words)
        if self.fails_at in words:
            raise SetupFailed(hint)
        if words[0] == "debootstrap":
            Path(words[-1]).mkdir(parents=True)


@pytest.fixture
def possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "check_possible", lambda: None)


def test_what_is_lacking_is_said() -> None:
    assert debian.lacking(True, lambda program: f"/usr/sbin/{program}") == []
    assert debian.lacking(False, lambda program: None if program == "debootstrap" else program) == [
        "debootstrap", "the rights of root",
    ]  # fmt: skip


def test_without_root_and_without_blender_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="needs debootstrap and unshare and mount"):
        windowed.find_stage(None, None, CORE)


def test_a_blender_on_path_comes_first_and_a_suite_that_is_asked_for_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blender, asked = tmp_path / "blender", list[str]()
    blender.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")

    def ensure(suite: str) -> Path:
        asked.append(suite)
        return tmp_path / suite

    monkeypatch.setattr(debian, "ensure", ensure)
    assert windowed.find_stage(None, None, CORE) == ([], str(blender), None)
    front, program, env = windowed.find_stage(None, "sid", CORE)
    assert asked == ["sid"] and program == "/usr/bin/blender" and front[0] == "unshare" and env is not None
    assert "DISPLAY" not in env and str(tmp_path) not in env["PATH"]
    blender.unlink()
    front, _, _ = windowed.find_stage(None, None, CORE)
    assert asked == ["sid", "trixie"] and front[-3:] == windowed.SCREEN


@pytest.mark.usefixtures("possible")
def test_a_system_is_made_once_and_anew_when_it_is_to_hold_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorder()
    folder = debian.ensure("sid", tmp_path, run)
    assert [words[0] for words in run.commands] == ["debootstrap", "unshare", "unshare", "unshare"]
    assert {"blender", "xdotool", "python3-cattr"} <= set(run.commands[2]) and folder.is_dir()
    debian.ensure("sid", tmp_path, run)
    assert len(run.commands) == 4, "it was there"
    monkeypatch.setattr(debian, "PACKAGES", (*debian.PACKAGES, "more"))
    debian.ensure("sid", tmp_path, run)
    assert len(run.commands) == 8 and "more" in run.commands[6]


@pytest.mark.usefixtures("possible")
def test_one_that_was_interrupted_is_not_taken_for_whole(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="mirror"):
        debian.ensure("trixie", tmp_path, Recorder("install"))
    assert not (tmp_path / ".lanes/debian-trixie").exists()
    run = Recorder()
    debian.ensure("trixie", tmp_path, run)
    assert run.commands[0][0] == "debootstrap" and not (tmp_path / ".lanes/debian-trixie.part").exists()


def test_a_python_is_brought_along_by_its_own_folder_or_by_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert debian.homes(CORE)[0] == Path(sys.base_prefix) or sys.base_prefix == "/usr"

    def answer(*_words: Any, **_values: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, "/usr\n/usr/bin/python3.11\n/usr/lib/python3.11\n")

    monkeypatch.setattr(subprocess, "run", answer)
    assert debian.homes(CORE) == [Path("/usr/bin/python3.11"), Path("/usr/lib/python3.11")]
