"""Installing the runtime from Blender: only after a press, followed without waiting, cancelled, mended, removed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

from platewright.errors import PlatewrightError
from tests.blender import paper
from tests.faults.runtime_rig import Index, Rig, stall, until, versions


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Its runtimes are where this machine's studio wants them."""
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path))
    monkeypatch.delenv("PLATEWRIGHT_RUNTIME", raising=False)
    return Rig(tmp_path)


@pytest.fixture
def enabled(rig: Rig) -> Iterator[ModuleType]:
    """The extension on a machine where nobody has named a Python."""
    import blender_addon

    blender_addon.register()
    yield blender_addon
    blender_addon.unregister()


@pytest.fixture
def index(rig: Rig) -> Iterator[Index]:
    with Index(dict(rig.wheels)) as served:
        yield served


def words(rig: Rig, *more: str | Path) -> list[str]:
    """As the buttons say them, but with a tiny lock and a core that fits it."""
    return ["install", "--lock", str(rig.lock), "--core", str(rig.core), *map(str, more)]


def test_without_a_press_nothing_happens(enabled: ModuleType, rig: Rig) -> None:
    state = enabled.runtime_install.state
    assert (state.managed, state.installing) == (None, None) and not enabled.preferences.has_runtime()
    assert not rig.runtimes.exists()
    with pytest.raises(PlatewrightError, match="E_NO_RUNTIME") as caught:
        enabled.preferences.own_runtime()
    assert "Install the runtime" in caught.value.hint


def test_offline_a_press_says_why_and_starts_nothing(enabled: ModuleType, rig: Rig) -> None:
    assert not bpy.app.online_access
    with pytest.raises(RuntimeError, match=r"E_OFFLINE.*Allow Online Access"):
        bpy.ops.platewright.install_runtime(variant="linux-cuda")
    assert enabled.runtime_install.state.installing is None and not rig.runtimes.exists()


def test_what_is_to_come_is_said_in_figures(enabled: ModuleType, rig: Rig) -> None:
    download, folder, _ = enabled.runtime_operators.announced("linux-cuda")
    assert "Downloads 2.9 GB and needs up to 11 GB" in download and "GB are free" in download
    assert str(rig.runtimes) in folder
    titles = {name: title for name, title, _ in enabled.runtime_operators.choices(None, None)}
    assert set(titles) == {"linux-cuda", "linux-cpu", "macos", "windows"} and "NVIDIA" in titles["linux-cuda"]


def test_it_is_followed_to_its_end_and_used_from_then_on(enabled: ModuleType, rig: Rig, index: Index) -> None:
    install, preferences = enabled.runtime_install, enabled.preferences
    started = time.monotonic()
    installing = install.start(words(rig), {"PLATEWRIGHT_MIRROR": index.address})
    assert time.monotonic() - started < 5.0, "Blender does not wait for it"
    with pytest.raises(PlatewrightError, match="E_BUSY"):
        install.start(words(rig), {})
    stages: list[str] = []
    while not installing.is_over:
        installing.poll()
        stages += [installing.stage] if installing.stage not in stages else []
        time.sleep(0.02)
    assert installing.error is None, installing.error
    assert {"download", "install", "examine"} <= set(stages)
    install.look(preferences.cache_folder())
    assert install.state.managed.packages == 3 and not install.state.is_current, "it is none of the shipped ones"
    assert preferences.has_runtime() and preferences.is_managed()
    assert versions(preferences.own_runtime().python) == "1.0 2.1 3.0"


def test_a_broken_one_is_mended(enabled: ModuleType, rig: Rig, index: Index) -> None:
    install = enabled.runtime_install
    mirror = {"PLATEWRIGHT_MIRROR": index.address}
    install.start(words(rig), mirror)
    install.wait()
    python = Path(enabled.preferences.own_runtime().python)
    python.unlink()
    install.look()
    assert not install.state.managed.stands and not enabled.preferences.has_runtime()
    before = len(index.fetched())
    install.start(words(rig, "--anew"), mirror)
    install.wait()
    assert install.state.managed.stands and versions(python) == "1.0 2.1 3.0" and len(index.fetched()) == before
    bpy.ops.platewright.remove_runtime()
    assert install.state.managed is None and rig.left() == []


def test_cancelled_it_lets_go(enabled: ModuleType, rig: Rig, index: Index) -> None:
    index.faults["three-3.0-py3-none-any.whl"] = [stall]
    install = enabled.runtime_install
    installing = install.start(words(rig), {"PLATEWRIGHT_MIRROR": index.address})
    until(lambda: "three-3.0-py3-none-any.whl" in index.fetched())
    bpy.ops.platewright.cancel_install()
    assert installing.headline() == "cancelling"
    install.wait()
    assert installing.error and installing.error.code == "E_CANCELLED"
    assert not list(rig.runtimes.glob("rt-*"))


def test_disabling_the_extension_ends_it(rig: Rig, index: Index) -> None:
    import blender_addon

    blender_addon.register()
    index.faults["three-3.0-py3-none-any.whl"] = [stall]
    installing = blender_addon.runtime_install.start(words(rig), {"PLATEWRIGHT_MIRROR": index.address})
    until(lambda: "three-3.0-py3-none-any.whl" in index.fetched())
    blender_addon.unregister()
    assert installing.child.poll() is not None
    assert not list(rig.runtimes.glob("rt-*"))


def test_what_went_wrong_can_be_copied(enabled: ModuleType, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = rig.folder / "bundle"
    (bundle / "wheels").mkdir(parents=True)
    shutil.copyfile(rig.lock, bundle / "lock.txt")
    monkeypatch.setattr(enabled.preferences, "bundle_folder", lambda: str(bundle))
    with pytest.raises(RuntimeError, match="E_BUNDLE"):
        bpy.ops.platewright.install_runtime()              # no connection is needed, so none is asked for
    assert enabled.runtime_operators.details().startswith("E_BUNDLE: ")
    assert offered(enabled).button("platewright.copy_install_details").is_enabled


def test_words_that_are_no_events_are_kept_for_the_details(enabled: ModuleType) -> None:
    installing = enabled.runtime_install.Installing([])
    for line in ("Traceback (most recent call last):", "[]", '{"event": 3}', "MemoryError"):
        installing.apply(line)
    assert installing.log.endswith("MemoryError") and installing.log.startswith("Traceback")


def offered(enabled: ModuleType) -> paper.Sheet:
    """What the preferences offer now."""
    sheet = paper.Sheet()
    enabled.runtime_operators.draw_runtime(paper.Paper(sheet))
    return sheet


def test_the_preferences_offer_what_can_be_done(
    enabled: ModuleType, rig: Rig, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = offered(enabled)
    assert not sheet.button("platewright.install_runtime").is_enabled and "Blender is offline" in sheet.text
    monkeypatch.setattr(enabled.preferences, "is_online", lambda: True)
    assert offered(enabled).button("platewright.install_runtime").is_enabled
    install = enabled.runtime_install
    index.faults["three-3.0-py3-none-any.whl"] = [stall]
    installing = install.start(words(rig), {"PLATEWRIGHT_MIRROR": index.address})
    until(lambda: installing.poll() and installing.stage == "download")
    sheet = offered(enabled)
    assert "downloading" in sheet.text and sheet.button("platewright.cancel_install").is_enabled
    installing.cancel()
    assert not offered(enabled).button("platewright.cancel_install").is_enabled
    install.wait()
    sheet = offered(enabled)
    assert "was cancelled" in sheet.text and not sheet.has("platewright.copy_install_details")
    assert sheet.button("platewright.install_runtime").is_enabled, "it can be gone on with"
    install.start(words(rig), {"PLATEWRIGHT_MIRROR": index.address})
    install.wait()
    sheet = offered(enabled)
    assert "Installed: tiny" in sheet.text and sheet.has("platewright.mend_runtime")
    assert sheet.has("platewright.remove_runtime") and not sheet.has("platewright.install_runtime")


# Preferences and the variables that override them


def chosen(enabled: ModuleType, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """As if the artist had set these."""
    empty = dict.fromkeys(("python", "models", "cache", "out", "mirror", "bundle"), "")
    monkeypatch.setattr(enabled.preferences, "own", lambda: SimpleNamespace(**{**empty, "offline": False, **settings}))


def test_the_studio_has_the_last_word(enabled: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    preferences = enabled.preferences
    monkeypatch.delenv("PLATEWRIGHT_CACHE")
    chosen(enabled, monkeypatch, python="/artist/python", models="/artist/models", cache="/artist/cache", out="//mine")
    told = dict(preferences.own_runtime().environment)
    assert preferences.own_runtime().python == "/artist/python" and preferences.out_folder() == "//mine"
    assert told["PLATEWRIGHT_CACHE"] == "/artist/cache" and told["PLATEWRIGHT_MODELS"].startswith("/artist/models")
    for name in ("RUNTIME", "MODELS", "CACHE", "OUT"):
        monkeypatch.setenv(f"PLATEWRIGHT_{name}", f"/studio/{name.lower()}")
    told = dict(preferences.own_runtime().environment)
    assert preferences.own_runtime().python == "/studio/runtime" and preferences.out_folder() == "/studio/out"
    assert told["PLATEWRIGHT_CACHE"] == "/studio/cache"
    models, assets = told["PLATEWRIGHT_MODELS"].split(os.pathsep)
    assert (models, Path(assets).name) == ("/studio/models", "assets")
    assert preferences.runtimes_folder() == Path("/studio/cache/runtimes")


@pytest.mark.parametrize("who", ["the artist", "the studio"])
def test_anybody_can_say_no_to_the_network(enabled: ModuleType, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    chosen(enabled, monkeypatch)
    with monkeypatch.context() as online:
        online.setattr(bpy, "app", SimpleNamespace(online_access=True))
        assert enabled.preferences.is_online() and "HF_HUB_OFFLINE" not in enabled.runtime.environment()
        if who == "the studio":
            monkeypatch.setenv("PLATEWRIGHT_OFFLINE", "1")
        else:
            chosen(enabled, monkeypatch, offline=True)
        assert not enabled.preferences.is_online()
        assert enabled.runtime.environment(enabled.preferences.variables())["HF_HUB_OFFLINE"] == "1"


def test_a_password_of_a_mirror_is_no_word_of_a_command(enabled: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(enabled, monkeypatch, mirror="https://me:secret@mirror.invalid/simple")
    assert "secret" in enabled.preferences.installers_environment()["PLATEWRIGHT_MIRROR"]
    said: list[str] = []
    monkeypatch.setattr(enabled.runtime_install, "start", lambda words, added: said.extend(words))
    monkeypatch.setattr(enabled.preferences, "is_online", lambda: True)
    with pytest.raises((RuntimeError, AttributeError)):    # nothing was started that could be waited for
        bpy.ops.platewright.install_runtime(variant="windows")
    assert said == ["install", "--variant", "windows"]
