"""What the engine costs beside its model: the whole of `make_plate` against the bare generator, in one run.

    .venv/bin/python bench/overhead.py [--model draft] [--frames 48] [--repeats 7]

Prints ratios only; times on different machines are not comparable. `native` is a plate of the model's own
size: there the engine should cost next to nothing. `full` is 1280x720, where writing frames is real work.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "core"), str(ROOT)]

from platewright import engine, models  # noqa: E402
from platewright.protocol import Event, Job, PlateRequest  # noqa: E402
from tests.core.shots import shot  # noqa: E402


def main() -> None:
    options = _options()
    wide = shot(frames=options.frames, size=(1280, 720))
    native = models.open_backend(options.model, "auto").native_camera(wide)
    for label, camera in (("native", native), ("full", wide)):
        request = PlateRequest(camera=camera, prompt="mountains at noon", model=options.model)
        _bare(request)                                 # the first one pays for imports and caches
        ratios = []
        for _ in range(options.repeats):               # in pairs, so that a busy machine slows both alike
            bare = _bare(request)
            ratios.append(_engine(request) / bare)
        size = f"{camera.width}x{camera.height}"
        print(f"{label:7} {size:10} {len(camera)} frames   engine / bare loop = {median(ratios):.3f}", end="")
        print(f"   ({min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} pairs)")


def _bare(request: PlateRequest) -> float:
    """Seconds to open the model and draw every picture from it, throwing them away."""
    started = perf_counter()
    backend = models.open_backend(request.model, request.device)
    for _ in backend.generate(request, request.camera, "bench", _ignore):
        pass
    return perf_counter() - started


def _engine(request: PlateRequest) -> float:
    """Seconds for the same through the engine: fitted, resized, written, hashed, signed off."""
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        engine.make_plate(Job(request=request, name="bench", out=str(Path(folder)), id="bench"), _ignore)
        return perf_counter() - started


def _ignore(event: Event) -> None:
    del event


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="draft")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
