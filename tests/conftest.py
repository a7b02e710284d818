"""Every lane starts here: where the code is, and a world of its own to run in.

Standard library only: the Blender lanes load it too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The core is imported as `platewright`, the extension as `blender_addon`, the helpers as `tests.…` and `tools.…`.
for folder in (ROOT, ROOT / "core"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# Nothing of this person's settings gets in, nothing of the tests gets out: Blender, caches and logs see an empty home.
for name in [name for name in os.environ if name.startswith(("PLATEWRIGHT_", "BLENDER_"))]:
    del os.environ[name]
home = tempfile.mkdtemp(prefix="platewright-tests-")
for name in ("HOME", "USERPROFILE"):
    os.environ[name] = home
for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
    os.environ.pop(name, None)

# A shell starts what runs in its background deaf to Ctrl C, and so would every process be that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Take the home away again; not at exit, which the Blender lanes leave out."""
    shutil.rmtree(home, ignore_errors=True)
