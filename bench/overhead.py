"""What the engine costs beside its model: the whole of `make_plate` against the bare generator, in one run.

    .venv/bin/python bench/overhead.py [--model draft] [--frames 48] [--repeats 7]

bare     opens the model, draws every picture from it and throws it away
plain    the same, and each picture is enlarged and written as an EXR, one after the other: the least any program
         must do that leaves frames; no hash, no sync, no sheet, no preview, no manifest, nothing beside the sampling
engine   `make_plate`, without the check of the camera (that is bench/match.py): frames whole or not at all,
         hashed, signed off, with sheet and preview, written while the next ones are sampled

`native` is a plate of the model's own size: engine / bare is what the engine itself costs. `full` is 1280x720: there
frames are real work, next to which a small model may be the smaller part, and engine / plain says more. Runs alternate,
so that a busy machine slows all alike; wall is what a person waits, CPU what the machine worked, in all threads.
Prints ratios only; times on different machines are not comparable.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "core"), str(ROOT)]

from platewright import engine, models, pictures  # noqa: E402
from platewright.protocol import Event, Job, PlateRequest  # noqa: E402
from tests.core.shots import shot  # noqa: E402

Spent = tuple[float, float]                            # seconds of wall, seconds of CPU


def main() -> None:
    options = _options()
    wide = shot(frames=options.frames, size=(1280, 720))
    native = models.open_backend(options.model, "auto").native_camera(wide)
    for label, camera in (("native", native), ("full", wide)):
        request = PlateRequest(camera=camera, prompt="mountains at noon", model=options.model, lock=False)
        _bare(request)                                 # the first one pays for imports and caches
        rounds = [tuple(_spent(run, request) for run in (_bare, _plain, _engine)) for _ in range(options.repeats)]
        print(f"{label}  {camera.width}x{camera.height}, {len(camera)} frames, {len(rounds)} rounds")
        _tell("engine / bare ", [(bare, engine) for bare, _, engine in rounds])
        _tell("engine / plain", [(plain, engine) for _, plain, engine in rounds])


def _tell(label: str, pairs: list[tuple[Spent, Spent]]) -> None:
    """The median of the ratios, and between which values they lie."""
    for place, what in enumerate(("wall", "CPU")):
        ratios = sorted(more[place] / less[place] for less, more in pairs)
        print(f"  {label}  {what:4}  {median(ratios):.3f}   ({ratios[0]:.3f} to {ratios[-1]:.3f})", flush=True)


def _spent(run: Callable[[PlateRequest], None], request: PlateRequest) -> Spent:
    started, busy = perf_counter(), sum(os.times()[:4])
    run(request)
    return perf_counter() - started, sum(os.times()[:4]) - busy


def _bare(request: PlateRequest) -> None:
    """Open the model and draw every picture from it."""
    for _ in _drawn(request):
        pass


def _plain(request: PlateRequest) -> None:
    """The same, and leave the frames, the plainest way."""
    camera = request.camera
    with tempfile.TemporaryDirectory() as folder:
        for index, picture in enumerate(_drawn(request)):
            tags = pictures.Tags(
                rate=camera.rate,
                frame=camera.frames[index],
                world_from_camera=camera.camera_to_world[index],
                intrinsics=camera.intrinsics[index],
                texts={},
            )
            whole = pictures.resize(picture, camera.width, camera.height)
            pictures.write_exr(Path(folder) / f"bench.{camera.frames[index]}.exr", whole, tags)


def _engine(request: PlateRequest) -> None:
    """Through the engine: fitted, enlarged, written, hashed, shown, signed off."""
    with tempfile.TemporaryDirectory() as folder:
        engine.make_plate(Job(request=request, name="bench", out=folder, id="bench", check=False), _ignore)


def _drawn(request: PlateRequest) -> Iterator[pictures.Picture]:
    backend = models.open_backend(request.model, request.device)
    return backend.generate(request, request.camera, "bench", _ignore)


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
