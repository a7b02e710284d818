"""A model is downloaded from the panel: asked first, followed, cancelled, refused in words; the runtime is played."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from platewright.errors import PlatewrightError
from tests.blender import paper
from tests.blender.scenes import shot

CARDS: dict[str, dict[str, Any]] = {
    "grid": {"title": "Layout grid", "kind": "layout", "commercial": "yes", "takes_prompt": False},
    "afar": {"title": "Afar", "kind": "final", "commercial": "conditions", "licence": "OpenRAIL", "disk_gb": 12.5,
             "terms": "Free below 10 million dollars.", "territory": "the European Union", "available": False,
             "reason": "The weights of 'afar' are not installed. Fetch it with `platewright models pull afar`."},
}  # fmt: skip
PLAYED = """#!{python}
import json, pathlib, signal, sys, time
pathlib.Path({words!r}).write_text(json.dumps(sys.argv), encoding="utf-8")
def say(line):
    print(line, file=sys.stderr, flush=True)
if "pull" not in sys.argv:
    print(json.dumps({{"findings": [], "models": [{{"name": "afar", "title": "Afar", "available": True}}]}}))
    sys.exit(0)
def stopped(*_):
    print(json.dumps({{"error": {{"code": "E_CANCELLED", "message": "Cancelled.", "hint": ""}}}}), flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, stopped)
say("listing: afar at there")
say("downloading: weights: 3 files, 12.50 GB")
say("  downloading 5000/12500")
{then}
"""
WHOLE = 'print(json.dumps({"name": "afar", "files": ["x" * 9] * 20_000}))'     # more than a pipe holds
WAITS = "time.sleep(60)"
FULL = 'print(json.dumps({"error": {"code": "E_DISK_SPACE", "message": "There is no room.", "hint": "Go."}}))'
DIES = 'say("Traceback: no such luck"); sys.exit(1)'

Play = Callable[[str], Path]


@pytest.fixture
def scene(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> bpy.types.Scene:
    """A shot whose model is not here, in a Blender that may go online."""
    scene, _ = shot(1001, 1005)
    addon.jobs.state.check.models = dict(CARDS)
    scene.platewright.prompt, scene.platewright.model = "a moor", "afar"
    monkeypatch.setattr(addon.preferences, "is_online", lambda: True)
    return scene


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """A runtime that tells a download and ends it so; the file of what it was told."""

    def play(then: str) -> Path:
        program, words = tmp_path / "python", tmp_path / "words.json"
        program.write_text(PLAYED.format(python=sys.executable, words=str(words), then=then), encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PLATEWRIGHT_RUNTIME", str(program))
        return words

    return play


def until(is_so: Callable[[], object]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")


def test_it_is_offered_and_says_size_room_and_terms_first(addon: ModuleType, scene: bpy.types.Scene) -> None:
    assert paper.tab(addon).has("platewright.fetch_model")
    said = " ".join(text for text, _ in addon.model_operators.announced(CARDS["afar"], "afar"))
    for words in ("about 12.5 GB", "GB are free", "under conditions. OpenRAIL", "10 million", "European Union"):
        assert words in said
    unknown = addon.model_operators.announced({**CARDS["afar"], "disk_gb": None}, "afar")
    assert "Its size is known once it is asked for" in unknown[1][0]
    tight = addon.model_operators.announced({**CARDS["afar"], "disk_gb": 1e9}, "afar")
    assert tight[1][0].startswith("Downloads about 1e+09 GB") and tight[1][1] == "ERROR"


@pytest.mark.parametrize(
    ("change", "values", "code"),
    [
        (None, {}, "E_LICENCE"),
        ("offline", {"accept": True}, "E_OFFLINE"),
        (None, {"accept": True, "model": "grid"}, "E_MODEL_UNKNOWN"),
    ],
)
def test_what_is_refused_starts_nothing(
    addon: ModuleType, scene: bpy.types.Scene, play: Play, monkeypatch: pytest.MonkeyPatch, change: str | None,
    values: dict[str, Any], code: str,
) -> None:  # fmt: skip
    words = play(WHOLE)
    if change:
        monkeypatch.setattr(addon.preferences, "is_online", lambda: False)
    with pytest.raises(RuntimeError, match=code):
        bpy.ops.platewright.fetch_model(**values)
    assert not words.exists() and addon.model_fetch.state.fetch is None


def test_it_is_fetched_and_the_runtime_is_asked_again(addon: ModuleType, scene: bpy.types.Scene, play: Play) -> None:
    words = play(f"pathlib.Path({str(Path(bpy.app.tempdir) / 'pulled')!r}).write_text(json.dumps(sys.argv)); {WHOLE}")
    assert bpy.ops.platewright.fetch_model(accept=True) == {"FINISHED"}
    told = json.loads((Path(bpy.app.tempdir) / "pulled").read_text(encoding="utf-8"))
    assert told[-5:] == ["models", "pull", "afar", "--accept-licence", "--json"]
    addon.jobs.state.check.wait()
    assert addon.model_fetch.state.fetch is None and addon.jobs.state.check.models["afar"]["available"]
    assert words.exists() and not paper.tab(addon).has("platewright.fetch_model")


def under_way(addon: ModuleType, play: Play) -> Any:
    """A download that has begun and does not end by itself."""
    play(WAITS)
    fetch = addon.model_fetch.Fetch("afar", "Afar")
    fetch.start(addon.preferences.own_runtime())
    addon.model_fetch.state.fetch = fetch
    until(lambda: fetch.done)
    return fetch


def test_it_is_followed_and_cancelled(addon: ModuleType, scene: bpy.types.Scene, play: Play) -> None:
    fetch = under_way(addon, play)
    assert fetch.fraction == 0.4 and fetch.headline() == "downloading: 5.0 of 12.5 GB"
    assert paper.tab(addon).has("platewright.cancel_fetch")
    with pytest.raises(RuntimeError, match="E_BUSY"):
        bpy.ops.platewright.fetch_model(accept=True)
    bpy.ops.platewright.cancel_fetch()
    assert fetch.headline() == "cancelling"
    until(lambda: not fetch.is_running)
    assert fetch.error and fetch.error.code == "E_CANCELLED" and fetch.child and fetch.child.returncode is not None
    sheet = paper.tab(addon)
    assert "was cancelled" in sheet.text and sheet.has("platewright.fetch_model")


@pytest.mark.parametrize(
    ("then", "code", "words"), [(FULL, "E_DISK_SPACE", "no room"), (DIES, "E_FETCH", "no such luck")]
)
def test_what_goes_wrong_is_said(
    addon: ModuleType, scene: bpy.types.Scene, play: Play, then: str, code: str, words: str
) -> None:
    play(then)
    with pytest.raises(RuntimeError, match=code):
        bpy.ops.platewright.fetch_model(accept=True)
    assert words in paper.tab(addon).text and paper.tab(addon).has("platewright.fetch_model")


def test_the_real_command_line_is_understood(addon: ModuleType, scene: bpy.types.Scene) -> None:
    addon.jobs.state.check.models["no-such"] = {**CARDS["afar"], "reason": "Fetch: `platewright models pull no-such`."}
    with pytest.raises(RuntimeError, match="E_MODEL_UNKNOWN"):
        bpy.ops.platewright.fetch_model(accept=True, model="no-such")
    error = addon.model_fetch.state.fetch.error
    assert isinstance(error, PlatewrightError) and "no-such" in error.message


def test_nothing_is_left_when_the_extension_goes(addon: ModuleType, scene: bpy.types.Scene, play: Play) -> None:
    fetch = under_way(addon, play)
    addon.model_fetch.unregister()
    assert not fetch.is_running and addon.model_fetch.state.fetch is None
