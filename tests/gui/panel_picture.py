"""Make docs/panel.png: the panel in a window, with a draft plate behind the demo's camera.

    python build.py demo
    xvfb-run -s "-screen 0 1400x900x24" .venv/bin/python tests/gui/panel_picture.py --blender BLENDER --zip ZIP

Three tries are made in the window, so it takes a minute. Inside Blender this very file plays the scenario.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROMPT = "alpine mountains at dusk"
FRAMES = 24
LANDSCAPE_METRES = 60.0                            # a ground of the scene's own would hide the plate


def picture() -> Iterator[float]:
    """Generate in the demo's scene, then look from its camera."""
    import bpy
    from hands import generate, look, open_tab, until, view

    scene, settings = bpy.context.scene, bpy.context.scene.platewright
    scene.frame_end = scene.frame_start + FRAMES - 1
    scene.camera.data.background_images.clear()
    settings.prompt, settings.model, settings.tries = PROMPT, "draft", 3
    settings.out = str(Path(sys.argv[-1]) / "plates")
    for thing in scene.objects:
        thing.select_set(False)
        if thing.type == "MESH" and max(thing.dimensions) > LANDSCAPE_METRES:
            thing.hide_set(True)
    space = view()["area"].spaces.active
    space.shading.type, space.shading.color_type = "SOLID", "MATERIAL"
    space.overlay.show_overlays = True
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.overlay.show_cursor = space.overlay.show_extras = space.overlay.show_relationship_lines = False
    yield from open_tab()
    run = yield from generate()
    yield from until(lambda: run.is_over, 1800.0)
    assert run.error is None, run.error
    scene.frame_set(scene.frame_start + FRAMES // 2)
    yield 5.0
    look("panel")


def main() -> int:
    """Play `picture` in a Blender with a home of its own, and keep what it saw in few colours."""
    import argparse
    import subprocess

    sys.path.insert(0, str(ROOT))
    from tests.gui import conftest

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--blender", required=True)
    asked.add_argument("--zip", required=True, type=Path)
    asked.add_argument("--shot", default=ROOT / "out/demo/demo.blend", type=Path)
    asked.add_argument("--out", default=ROOT / "docs/panel.png", type=Path)
    options = asked.parse_args()
    conftest.RUN_SECONDS = 2400.0 * conftest.PATIENCE
    with tempfile.TemporaryDirectory(prefix="platewright-picture-") as home:
        blender = conftest.Blender(options.blender, Path(home), options.zip.absolute())
        code, out, err = blender.run("--command", "extension", "install-file", "-r", "user_default", "-e", blender.zip)
        if code:
            raise SystemExit(out + err)
        shot, script = Path(home) / "shot.blend", str(HERE / "scenarios.py")
        shutil.copy(options.shot, shot)
        words = [__file__ if word == script else word for word in conftest.window_words(shot, "picture", Path(home))]
        code, out, err = blender.run(*words)
        if not (Path(home) / "panel.png").is_file():
            noted = Path(home) / "noted.json"
            raise SystemExit((noted.read_text(encoding="utf-8") if noted.is_file() else "") + out[-2000:] + err[-2000:])
        few = ("convert", Path(home) / "panel.png", "-dither", "None", "-colors", "256", f"png8:{options.out}")
        return subprocess.run([os.fspath(word) for word in few], check=False).returncode


if __name__ == "__main__":
    if "bpy" not in sys.modules:
        raise SystemExit(main())
    sys.path.insert(0, str(HERE))
    import hands

    hands.perform({"picture": picture})
