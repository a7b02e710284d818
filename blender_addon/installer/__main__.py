"""`python -I blender_addon/installer ...`, from a checkout and from the installed extension alike."""

from __future__ import annotations

import importlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NAME = "platewright_installer"

# The files beside this one are no modules of their own: nobody who imports `pip` is to find ours.
sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != FOLDER]
spec = spec_from_file_location(NAME, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
assert spec and spec.loader
sys.modules[NAME] = module_from_spec(spec)
spec.loader.exec_module(sys.modules[NAME])

if __name__ == "__main__":
    raise SystemExit(importlib.import_module(f"{NAME}.main").main())
