"""Frames per second written: a plate's whole way to the disk beside plain OpenImageIO, in one run.

    .venv/bin/python bench/write.py [--size 1280x704] [--frames 48] [--repeats 3] [--space NAME] [--compression zip|piz]

plain     OpenImageIO alone: the same pictures by the sRGB curve of `colour`, then `ImageOutput` with the same
          compression and kind of channel; no header but size, no hash, nothing read back, one file after the other
side      the same as plain in as many threads as the engine has writers
stock     the same as plain with OpenImageIO's own conversion of colours and its default ZIP level
platewright   `write_frames` as the engine calls it: converted, header and camera, read back, hashed, renamed when
          whole, journal, contact sheet and preview

Rounds alternate, so that a busy machine slows all alike; what is printed are ratios of frames per second, the median
and the range, and of frames per second of processor time, which other work on the machine hardly touches. Above 1 is
better than OpenImageIO alone. The pictures are a model's: smooth, with grain.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "core"), str(ROOT)]

import numpy as np  # noqa: E402
import OpenImageIO  # noqa: E402

from platewright import versions  # noqa: E402
from platewright.camera import CameraPath  # noqa: E402
from platewright.colour import SPACES, Picture  # noqa: E402
from platewright.delivery import COMPRESSIONS, Delivery  # noqa: E402
from platewright.frame_files import COMPRESSION  # noqa: E402
from platewright.frame_forms import FrameForm  # noqa: E402
from platewright.pictures import resize  # noqa: E402
from platewright.protocol import Event  # noqa: E402
from platewright.take import WRITERS, write_frames  # noqa: E402
from tests.core.shots import shot  # noqa: E402

Way = Callable[[Path], None]


def main() -> None:
    options = _options()
    width, height = (int(side) for side in options.size.split("x"))
    camera, pictures = shot(frames=options.frames, size=(width, height)), _pictures(width, height)
    form = FrameForm.of("exr", Delivery(space=options.space, compression=options.compression))
    ways: dict[str, Way] = {
        "plain": lambda out: _plain(out, camera, pictures, form),
        "side": lambda out: _side_by_side(out, camera, pictures, form),
        "stock": lambda out: _stock(out, camera, pictures, options.compression),
        "platewright": lambda out: _ours(out, camera, pictures, form),
    }
    rounds = [{name: _rate(way, len(camera)) for name, way in ways.items()} for _ in range(options.repeats + 1)][1:]
    print(f"{width}x{height}, {len(camera)} frames, {options.space}, {options.compression}, {len(rounds)} rounds")
    for other in ("plain", "side", "stock"):
        wall, work = (sorted(each["platewright"][clock] / each[other][clock] for each in rounds) for clock in (0, 1))
        told = f"{median(wall):.2f}   ({wall[0]:.2f} to {wall[-1]:.2f})"
        print(f"  platewright / {other:<6}{told}   by processor time {median(work):.2f}")


def _pictures(width: int, height: int) -> list[Picture]:
    """Four of them, shown in turn."""
    random = np.random.default_rng(7)
    smooth = [resize(random.random((24, 40, 3), np.float32), width, height) for _ in range(4)]
    grain = [random.normal(0, 0.01, (height, width, 3)).astype(np.float32) for _ in range(4)]
    return [np.clip(low + high, 0, 1) for low, high in zip(smooth, grain, strict=True)]


def _rate(way: Way, count: int) -> tuple[float, float]:
    """Frames per second, and per second of processor time, into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        started, worked = perf_counter(), process_time()
        way(Path(folder))
        return count / (perf_counter() - started), count / (process_time() - worked)


def _plain(out: Path, camera: CameraPath, pictures: list[Picture], form: FrameForm) -> None:
    for index in range(len(camera)):
        _plainly(out, camera, index, pictures, form)


def _side_by_side(out: Path, camera: CameraPath, pictures: list[Picture], form: FrameForm) -> None:
    with ThreadPoolExecutor(WRITERS) as writers:
        for _ in writers.map(lambda index: _plainly(out, camera, index, pictures, form), range(len(camera))):
            pass


def _plainly(out: Path, camera: CameraPath, index: int, pictures: list[Picture], form: FrameForm) -> None:
    values = form.encoding.stored(pictures[index % len(pictures)])
    _put(out / f"plain.{camera.frames[index]}.exr", values, COMPRESSION[form.exr.compression])


def _stock(out: Path, camera: CameraPath, pictures: list[Picture], compression: str) -> None:
    for index, frame in enumerate(camera.frames):
        shown = OpenImageIO.ImageBuf(np.ascontiguousarray(pictures[index % len(pictures)]))
        linear = OpenImageIO.ImageBufAlgo.colorconvert(shown, "srgb_rec709_scene", "lin_rec709_scene")
        values = linear.get_pixels(OpenImageIO.FLOAT)
        assert values is not None
        _put(out / f"stock.{frame}.exr", values, compression)


def _put(path: Path, values: Picture, compression: str) -> None:
    spec = OpenImageIO.ImageSpec(values.shape[1], values.shape[0], 3, "half")
    spec.attribute("compression", compression)
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None
    assert output.open(str(path), spec) and output.write_image(values) and output.close()


def _ours(out: Path, camera: CameraPath, pictures: list[Picture], form: FrameForm) -> None:
    folder = versions.claim(out, "bench", None, {"request_sha256": "0" * 64, "frame_format": "exr"})
    with folder.recording():
        made = (pictures[index % len(pictures)] for index in range(len(camera)))
        write_frames(folder, camera, {}, made, lambda _, picture: picture, "bench", _ignore, _ignore, form=form)


def _ignore(event: Event | str) -> None:
    del event


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x704")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--space", choices=tuple(SPACES), default="linear-rec709")
    parser.add_argument("--compression", choices=COMPRESSIONS, default="zip")
    return parser.parse_args()


if __name__ == "__main__":
    main()
