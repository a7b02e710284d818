"""The zip in Blender without a window: valid, installed without a complaint, and its command with true exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gui.conftest import Blender
from tests.gui.upgrade import next_release


def last_line(out: str) -> str:
    return out.strip().rpartition("\n")[2]


def test_validates_without_a_warning(blender: Blender) -> None:
    code, out, err = blender.run("--command", "extension", "validate", blender.zip)
    assert code == 0 and "warning" not in (out + err).lower().replace("warning could not get", "")


def test_breaks_no_policy(blender: Blender) -> None:
    code, out, err = blender.run("--command", "extension", "list")
    assert code == 0 and "platewright [installed]" in out
    assert "policy violation" not in (out + err).lower()


def test_generates_headless(blender: Blender, blend: Path, tmp_path: Path) -> None:
    words = ("generate", "--prompt", "a moor", "--model", "grid", "--frames", "1001-1003", "--out", tmp_path, "--json")
    code, out, err = blender.run("-b", blend, "--command", "platewright", *words)
    assert code == 0, out + err
    answer = json.loads(last_line(out))
    assert answer["frames"] == 3 and len(list(Path(answer["plate"]).glob("*.exr"))) == 3


@pytest.mark.parametrize(
    ("shot", "words", "exit_code", "error"),
    [
        ("missing.blend", ["generate", "--prompt", "x"], 2, "E_BLEND"),
        ("shot.blend", ["generate", "--prompt", "x", "--model", "none"], 2, "E_MODEL_UNKNOWN"),
        ("shot.blend", ["camera"], 2, "E_USAGE"),
    ],
)
def test_refuses_with_a_code(
    blender: Blender, blend: Path, shot: str, words: list[str], exit_code: int, error: str
) -> None:
    code, out, err = blender.run("-b", blend.parent / shot, "--command", "platewright", *words, "--json")
    assert code == exit_code, out + err
    assert json.loads(last_line(out))["error"]["code"] == error


def test_an_exception_is_never_success(blender: Blender, blend: Path) -> None:
    breaks = "import bl_ext.user_default.platewright.command as command; command.run = lambda words: 1 / 0"
    code, _, err = blender.run("-b", blend, "--python-expr", breaks, "--command", "platewright", "camera")
    assert code == 1 and "ZeroDivisionError" in err


def make_plate(blender: Blender, blend: Path, folder: Path, first: str = "") -> None:
    """Have a script press Generate, which waits for the plate and shows it; `first` stands before that."""
    script = folder / "script.py"
    script.write_text(
        f"import addon_utils, bpy\n{first}\n"
        "settings = bpy.context.scene.platewright\n"
        f"settings.prompt, settings.model, settings.out = 'x', 'grid', {str(folder / 'plates')!r}\n"
        "bpy.context.scene.frame_end = 1003\n"
        "bpy.ops.platewright.generate()\n"
        "assert bpy.context.scene.camera.data.background_images[0].image\n",
        encoding="utf-8",
    )
    code, out, err = blender.run("-b", blend, "--python-exit-code", "1", "--python", script)
    assert code == 0, out + err
    assert (folder / "plates/Camera_v001/plate.json").is_file()


def test_the_operator_waits_in_a_script(blender: Blender, blend: Path, tmp_path: Path) -> None:
    make_plate(blender, blend, tmp_path)


@pytest.mark.parametrize("option", ["--factory-startup", "--offline-mode"])
def test_works_however_blender_is_started(blender: Blender, blend: Path, tmp_path: Path, option: str) -> None:
    """A factory startup knows no extension as enabled: a farm's script enables it."""
    enable = "assert addon_utils.enable('bl_ext.user_default.platewright', default_set=False)"
    make_plate(replace(blender, options=(option,)), blend, tmp_path, enable)


def test_a_portable_blender_keeps_it_beside_itself(blender: Blender, blend: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    own = (("BLENDER_USER_RESOURCES", str(tmp_path / "portable")),)
    portable = replace(blender, home=tmp_path / "home", settings=own)
    code, out, err = portable.run("--command", "extension", "install-file", "-r", "user_default", "-e", blender.zip)
    assert code == 0, out + err
    words = ("generate", "--prompt", "a moor", "--model", "grid", "--frames", "1001-1002", "--out", tmp_path, "--json")
    code, out, err = portable.run("-b", blend, "--command", "platewright", *words)
    assert code == 0 and json.loads(last_line(out))["frames"] == 2, out + err
    assert list((tmp_path / "portable").glob("**/user_default/platewright/__init__.py"))
    assert not list((tmp_path / "home").glob("**/user_default/platewright"))


def test_a_newer_one_takes_over_without_a_restart(blender: Blender, blend: Path, tmp_path: Path) -> None:
    """In one process the old one is enabled, the new one installed over it and used; and so in the next process."""
    newer = next_release(blender.zip, tmp_path)
    ours = "from bl_ext.user_default.platewright import operators, panels"
    lives = f"{ours}; assert operators.NEW_IN_NEXT and panels.NEW_IN_NEXT"
    script = tmp_path / "upgrade.py"
    script.write_text(
        "import bpy\n"
        "assert hasattr(bpy.types.Scene, 'platewright')\n"
        f"newer = {str(newer)!r}\n"
        "bpy.ops.extensions.package_install_files(repo='user_default', filepath=newer, enable_on_install=True)\n"
        f"assert hasattr(bpy.types.Scene, 'platewright')\n{lives}\n",
        encoding="utf-8",
    )
    other = blender.copied(tmp_path / "home")
    for words in (("--python", script), ("--python-expr", lives)):
        code, out, err = other.run("-b", "--python-exit-code", "1", *words)
        assert code == 0, out + err
