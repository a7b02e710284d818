"""Run the Blender lane and leave at once: `PYTHON tests/blender/run.py [pytest's arguments]`.

Before 5.0 Blender as a module may crash or hang while the interpreter closes: its exit code would lie.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    code = pytest.main(sys.argv[1:] or [str(Path(__file__).parent)])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))
