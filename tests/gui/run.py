"""Test the built zip in a real Blender: `PYTHON tests/gui/run.py --blender BLENDER --zip ZIP [pytest's arguments]`.

Needs a screen (`xvfb-run` will do) for the tests that open a window. Screenshots end up in out/gui/.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    raise SystemExit(pytest.main([str(Path(__file__).parent), "-p", "no:cacheprovider", "-v", *sys.argv[1:]]))
