"""`blender -b [SHOT.blend] --command platewright WORDS`, for a Blender that is a Python module and takes no arguments.

    PYTHON command_line.py [SHOT.blend] --command platewright WORDS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

import bpy  # noqa: E402

import blender_addon  # noqa: E402

if __name__ == "__main__":
    start = sys.argv.index("--command")
    for shot in sys.argv[1:start]:
        try:
            bpy.ops.wm.open_mainfile(filepath=shot)
        except RuntimeError as error:              # Blender, too, only prints and goes on
            print(error, file=sys.stderr)
    blender_addon.register()
    code = blender_addon.execute(sys.argv[start + 2 :])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)                                 # before 5.0 the module may crash on its way out
