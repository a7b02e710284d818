"""What lies in rendered passes, for a Blender that cannot read them: `PYTHON guide_truth.py FOLDER`, the core's Python.

Writes FOLDER/<pass>.<frame>.f32 beside each EXR: depth as 32-bit floats, clay as display grey, row by row.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "core")]

import numpy as np  # noqa: E402

from platewright import guides, guiding  # noqa: E402

if __name__ == "__main__":
    for file in sorted(Path(sys.argv[1]).glob("*.exr")):
        is_depth = file.name.startswith("depth")
        depth = file.with_name(file.name.replace("clay", "depth"))
        near = guides.nearness(guides.read_depth(depth)) if depth.exists() else np.zeros((1, 1), np.float32)
        pixels = guides.read_depth(file) if is_depth else guiding.clay(file, near > 0)[:, :, 0].copy()
        pixels.astype("<f4").tofile(file.with_suffix(".f32"))
