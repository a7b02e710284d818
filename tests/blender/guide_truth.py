"""What lies in rendered passes, for a Blender that cannot read them: `PYTHON guide_truth.py FOLDER`, the core's Python.

Writes FOLDER/<pass>.<frame>.f32 beside each EXR: depth as 32-bit floats, clay as display grey, row by row.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "core")]

from platewright import guides, guiding  # noqa: E402

if __name__ == "__main__":
    for file in sorted(Path(sys.argv[1]).glob("*.exr")):
        is_depth = file.name.startswith("depth")
        pixels = guides.read_depth(file) if is_depth else guiding.clay(file)[:, :, 0].copy()
        pixels.astype("<f4").tofile(file.with_suffix(".f32"))
