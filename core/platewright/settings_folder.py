"""Where a person's choices are kept that are no pictures: beside other programs' settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def settings_folder() -> Path:
    """$PLATEWRIGHT_SETTINGS, else the system's own place for them."""
    if given := os.environ.get("PLATEWRIGHT_SETTINGS"):
        return Path(given).expanduser().resolve()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return (base / "platewright").resolve()
