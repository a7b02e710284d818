"""The extension comes and goes without a trace, brings nothing heavy along, and believes nothing a file says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import bpy
import pytest

import blender_addon
from blender_addon import words
from platewright.errors import RequestError
from tests.blender.scenes import shot
from tests.conftest import ROOT

CHILD = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))     # importing one of these raises ImportError
import bpy
before = set(sys.modules)                          # what Blender itself brings is Blender's business
import blender_addon
from blender_addon import words
blender_addon.register()
new = {{f"{{name}}." for name in set(sys.modules) - before}}
print(sorted(name for name in {asked!r} if any(each.startswith(f"{{name}}.") for each in new)))
import os
sys.stdout.flush()
os._exit(0)
"""


def in_child(blocked: set[str], asked: set[str]) -> str:
    here = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'core')]!r}\n"
    code = here + CHILD.format(blocked=blocked, asked=asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def traces() -> tuple[object, ...]:
    """Everything of ours that Blender would keep."""
    classes = [name for name in dir(bpy.types) if "PLATEWRIGHT" in name]
    lists = [each for each in map(bpy.app.handlers.__getattribute__, dir(bpy.app.handlers)) if isinstance(each, list)]
    handlers = [len(each) for each in lists]
    properties = [hasattr(kind, "platewright") for kind in (bpy.types.Scene, bpy.types.WindowManager)]
    return classes, handlers, properties


def test_twice_in_and_out_leaves_nothing() -> None:
    before = traces()
    for _ in range(2):
        blender_addon.register()
        assert hasattr(bpy.types.Scene, "platewright")
        assert traces() != before
        blender_addon.unregister()
        assert traces() == before


def test_enabling_needs_the_standard_library_alone() -> None:
    assert in_child({"numpy", "requests", "torch"}, {"torch", "diffusers", "safetensors", "tempfile"}) == "[]"


def test_enabling_loads_nothing_that_only_a_job_needs() -> None:
    readers = {f"blender_addon.{name}" for name in ("preparing", "scene_read", "scene_geometry", "scene_rays")}
    writers = {f"blender_addon.{name}" for name in ("plate_read", "scene_write", "solve_read", "solve_write")}
    assert in_child(set(), readers | writers | {"platewright.protocol", "platewright.client"}) == "[]"


def test_that_check_sees_a_heavy_import() -> None:
    assert in_child(set(), {"blender_addon"}) == "['blender_addon']"
    assert in_child(set(), {"blender_addon.panels", "platewright"}) == "['blender_addon.panels', 'platewright']"


def test_manifest_says_what_the_platform_takes() -> None:
    manifest = tomllib.loads((ROOT / "blender_addon/blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["id"] == "platewright"
    assert manifest["blender_version_min"] == "4.2.0"
    for text in (manifest["tagline"], *manifest["permissions"].values()):
        assert len(text) <= 64 and text[-1].isalnum()
    assert set(manifest["permissions"]) == {"files", "network", "clipboard"}


def test_a_file_cannot_bring_values_out_of_bounds(addon: ModuleType) -> None:
    scene, _ = shot(1, 3)
    settings = scene.platewright
    settings.prompt, settings.out = "a moor", "//plates"
    store = scene.get("platewright")               # up to 4.5 a file's values lie open here, unchecked
    if store is not None:
        store.update({"seed": -7, "steps": 10**6, "guidance": float("nan"), "format": 99, "device": 99})
        store.update({"tries": 10**6, "overscan": float("inf")})
        settings.use_guidance = settings.use_overscan = True
    asked = addon.operators.settings_of(scene)
    assert asked["seed"] == 0 and asked["frame_format"] == "exr" and asked["device"] == "auto"
    assert asked["steps"] is None or asked["steps"] == 1000
    assert asked["guidance"] in (None, 0.0) and asked["overscan"] in (None, 1.0)
    assert addon.operators.measuring_of(scene)["tries"] in (1, 8)


def test_the_match_is_measured_and_locked_unless_told(addon: ModuleType) -> None:
    scene, _ = shot(1, 3)
    settings = scene.platewright
    settings.prompt, settings.out = "a moor", str(ROOT / "out")
    job = addon.operators.job_of(scene)
    assert (job.check, job.tries, job.request.lock, job.request.overscan) == (True, 1, True, None)
    settings.tries, settings.use_overscan, settings.overscan, settings.lock = 4, True, 0.25, False
    job = addon.operators.job_of(scene)
    assert (job.check, job.tries, job.request.lock, job.request.overscan) == (True, 4, False, 0.25)
    settings.lock, settings.check = True, False
    job = addon.operators.job_of(scene)
    assert (job.check, job.tries, job.request.lock) == (False, 1, False), "nothing to choose by"


@pytest.mark.parametrize("name", ["../../etc/passwd", "CON", "a\nb", "\u202egnp", "x" * 300, "Plate : 1?"])
def test_a_hostile_name_becomes_a_file_name(addon: ModuleType, name: str) -> None:
    scene, _ = shot(1, 3)
    scene.platewright.plate_name = name
    scene.platewright.out = str(ROOT / "out")
    scene.platewright.prompt = "a moor"
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", addon.operators.job_of(scene).name)


def test_a_folder_must_be_somewhere(addon: ModuleType) -> None:
    with pytest.raises(RequestError, match="E_UNSAVED"):
        addon.operators.folder_of("//plates")
    with pytest.raises(RequestError, match="E_PATH"):
        addon.operators.folder_of("plates")


def test_a_scene_cannot_name_a_program(addon: ModuleType) -> None:
    named = set(bpy.types.Scene.bl_rna.properties["platewright"].fixed_type.properties.keys())
    assert not named & {"python", "runtime", "executable", "environment", "command"}


def test_what_panels_show_of_foreign_names_is_one_honest_line() -> None:
    assert words.shown("a\u202eb\nc") == "a\\u202eb\\u000ac"
    assert len(words.shown("x" * 10**6)) < 200


def test_words_are_wrapped_and_times_are_said() -> None:
    assert words.wrapped("one two three four", 9) == ["one two", "three", "four"]
    assert [words.duration(seconds) for seconds in (8.2, 180.0, 4800.0)] == ["8 s", "3 min", "80 min"]
    assert words.duration(6000) == "1 h 40 min"


def test_the_worker_stays_offline_while_blender_is(addon: ModuleType) -> None:
    assert not bpy.app.online_access
    assert addon.runtime.environment()["HF_HUB_OFFLINE"] == "1"


def test_the_workers_python_is_named_by_the_studio_or_by_nobody(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", "")
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "empty"))
    assert addon.runtime.default_python() == ""
    monkeypatch.setenv("PLATEWRIGHT_RUNTIME", str(tmp_path))
    assert Path(addon.runtime.default_python()).is_relative_to(tmp_path), "the folder of an environment will do"


def test_a_studios_models_come_before_those_in_the_zip(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEWRIGHT_MODELS", "studio")
    studio, own = addon.runtime.environment()["PLATEWRIGHT_MODELS"].split(os.pathsep)
    assert (studio, Path(own).name) == ("studio", "assets")
