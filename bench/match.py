"""`check` beside the plain pycolmap pipeline on the same frames, and whether its memory grows with the length.

    .venv/bin/python bench/match.py [SEQUENCES] [--names parallax nodal ...] [--sizes 640x360 1280x704]

SEQUENCES is a folder of NAME/frames/*.png and NAME/camera.json, with true_camera.json where the pictures were taken by
another camera; without it some are rendered by Blender. pycolmap: SIFT on the CPU, sequential matching, incremental
mapping, the focal length known and kept. Errors are degrees between true and solved rotations after the one turn that
fits best, over the frames that were solved. Frames of a size that the sequence does not have are enlarged. Each run is
a process of its own, one after the other; times are theirs on this machine, and only ratios can be compared elsewhere.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "core"), str(ROOT)]

from platewright.camera import CameraPath  # noqa: E402
from platewright.match.footage import Footage  # noqa: E402
from platewright.match.views import Views, vector_from_rotation  # noqa: E402

Array = NDArray[np.float64]
NAMES = ("parallax", "crane", "nodal")
LENGTHS = (60, 180)
BLENDER = ROOT / ".venv-bpy" / "bin" / "python"


def main() -> None:
    options = _options()
    if options.run:
        print(json.dumps(RUNS[options.run](options.sequences)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        source = options.sequences or _rendered(Path(scratch) / "rendered", options.names)
        sizes = [tuple(map(int, size.split("x"))) for size in options.sizes]
        ratios = list(_compare(source, options.names, sizes, Path(scratch)))
        extent = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"check takes {np.median(ratios):.2f} of the time of pycolmap (median; {extent})")
        _memory(source / options.names[0], sizes[-1], Path(scratch))


def _compare(
    source: Path, names: list[str], sizes: list[tuple[int, ...]], scratch: Path
) -> Iterator[float]:
    """Print a line for each sequence and size; yield check's share of pycolmap's time."""
    print(f"{'':24}{'check':>34}{'pycolmap':>44}")
    for name in names:
        for width, height in sizes:
            sequence = _resized(source / name, scratch / f"{name}_{width}", width, height)
            ours, theirs = _child("check", sequence), _child("pycolmap", sequence)
            ratio = ours["seconds"] / theirs["seconds"]
            size = f"{width}x{height}"
            print(f"{name:10} {size:10} {_line(ours)}   | {_line(theirs)}   | ratio {ratio:.2f}", flush=True)
            yield ratio


def _line(figures: dict[str, Any]) -> str:
    speed = f"{figures['seconds'] / figures['frames']:6.3f} s/frame {figures['verdict']:8}"
    if figures["mean_deg"] is None:
        return f"{speed} {'nothing solved':26}"
    solved = f"{figures['solved']}/{figures['frames']}"
    return f"{speed} {figures['mean_deg']:6.3f} {figures['p95_deg']:6.3f} deg {solved:>8}"


def _memory(sequence: Path, size: tuple[int, ...], scratch: Path) -> None:
    """The same frames, to and fro until there are enough."""
    peaks: list[float] = []
    for length in LENGTHS:
        figures = _child("check", _resized(sequence, scratch / f"long_{length}", *size, length=length))
        peaks.append(figures["peak_mb"])
        speed = f"{figures['seconds']:.0f} s, {figures['verdict']}"
        print(f"check of {length:3} frames at {size[0]}x{size[1]}: peak {peaks[-1]:.0f} MB, {speed}", flush=True)
    print(f"{(peaks[1] - peaks[0]) / (LENGTHS[1] - LENGTHS[0]) * 1000:.0f} kB per further frame")


# The frames --------------------------------------------------------------------------------------


def _rendered(out: Path, names: list[str]) -> Path:
    script = ROOT / "tests" / "match" / "render_sequences.py"
    subprocess.run([str(BLENDER), str(script), str(out), *names], check=True, stdout=subprocess.DEVNULL)
    return out


def _resized(sequence: Path, out: Path, width: int, height: int, length: int | None = None) -> Path:
    """The sequence at another size, enlarged and cut to its shape, and of another length, to and fro."""
    footage = Footage.open(sequence / "frames")
    count = length or len(footage)
    order = [_to_and_fro(index, len(footage)) for index in range(count)]
    (out / "frames").mkdir(parents=True)
    scale = max(width / footage.width, height / footage.height)
    whole = (round(footage.width * scale), round(footage.height * scale))
    left, top = (whole[0] - width) // 2, (whole[1] - height) // 2
    for index, source in enumerate(order):
        picture = cv2.resize(cast(Any, cv2.imread(str(footage.paths[source]))), whole, interpolation=cv2.INTER_LANCZOS4)
        cut = picture[top : top + height, left : left + width]
        cv2.imwrite(str(out / "frames" / f"seq.{footage.frames[0] + index}.png"), cut)
    for file in ("camera.json", "true_camera.json"):
        if (sequence / file).exists():
            camera = _replayed(CameraPath.read(sequence / file), order).scaled(*whole)
            camera.cropped(left, top, width, height).write(out / file)
    return out


def _to_and_fro(index: int, count: int) -> int:
    place = index % max(1, 2 * count - 2)
    return place if place < count else 2 * count - 2 - place


def _replayed(camera: CameraPath, order: list[int]) -> CameraPath:
    document = camera.to_dict()
    document["frames"] = [camera.frames[0] + index for index in range(len(order))]
    for key in ("cameras", "camera_to_world", "intrinsics"):
        document[key] = [document[key][index] for index in order]
    return CameraPath.from_dict(document)


# The runs, each in its own process ---------------------------------------------------------------


def _child(run: str, sequence: Path) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__)), str(sequence), "--run", run]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{run} of {sequence.name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _check(sequence: Path) -> dict[str, Any]:
    from platewright.match import check

    footage, camera = Footage.open(sequence / "frames"), CameraPath.read(sequence / "camera.json")
    started = perf_counter()
    match = check(footage, camera)
    seconds = perf_counter() - started
    turns = {} if match.solved is None else dict(enumerate(match.solved.world_from_camera))
    return {**_figures(sequence, seconds, turns), "verdict": match.report["verdict"]}


def _pycolmap(sequence: Path) -> dict[str, Any]:
    import pycolmap

    camera, frames = CameraPath.read(sequence / "camera.json"), sequence / "frames"
    database, maps = sequence / "database.db", sequence / "maps"
    database.unlink(missing_ok=True)
    maps.mkdir(exist_ok=True)
    is_fixed = len(set(camera.intrinsics)) == 1
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model, reader.camera_params = "PINHOLE", ",".join(map(str, camera.intrinsics[0]))
    mode = pycolmap.CameraMode.SINGLE if is_fixed else pycolmap.CameraMode.PER_IMAGE
    kept = pycolmap.IncrementalPipelineOptions()
    kept.ba_refine_focal_length = kept.ba_refine_principal_point = kept.ba_refine_extra_params = False
    started = perf_counter()
    pycolmap.extract_features(database, frames, camera_mode=mode, reader_options=reader, device=pycolmap.Device.cpu)
    if not is_fixed:
        _tell_lenses(database, camera)
    pycolmap.match_sequential(database, device=pycolmap.Device.cpu)
    found = pycolmap.incremental_mapping(database, frames, maps, kept)
    seconds = perf_counter() - started
    best = max(found.values(), key=lambda one: one.num_reg_images(), default=None)
    turns: dict[int, Array] = {}
    for image in best.images.values() if best else ():
        index = int(image.name.split(".")[-2]) - camera.frames[0]
        turns[index] = image.cam_from_world().rotation.matrix().T
    return {**_figures(sequence, seconds, turns), "verdict": "mapped" if turns else "no map"}


def _tell_lenses(database: Path, camera: CameraPath) -> None:
    """The known lens of each frame."""
    import pycolmap

    with pycolmap.Database.open(database) as opened:
        for image in opened.read_all_images():
            lens = opened.read_camera(image.camera_id)
            lens.params = camera.intrinsics[int(image.name.split(".")[-2]) - camera.frames[0]]
            opened.update_camera(lens)


def _figures(sequence: Path, seconds: float, turns: dict[int, Array]) -> dict[str, Any]:
    """Rotation errors of solved frames (3, 3 each, world from camera) against the true path, and what it took."""
    true_file = sequence / "true_camera.json"
    truth = Views.of(CameraPath.read(true_file if true_file.exists() else sequence / "camera.json"))
    errors: Array = np.zeros(0)
    if turns:
        solved, true = np.array(list(turns.values())), truth.world_from_camera[list(turns)]
        u, _, v = np.linalg.svd((true @ solved.transpose(0, 2, 1)).sum(axis=0))
        turn = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
        errors = np.degrees(np.linalg.norm(vector_from_rotation(true.transpose(0, 2, 1) @ turn @ solved), axis=1))
    return {
        "seconds": seconds,
        "frames": len(truth),
        "solved": len(turns),
        "mean_deg": float(errors.mean()) if turns else None,
        "p95_deg": float(np.percentile(errors, 95)) if turns else None,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3),
    }


RUNS: dict[str, Callable[[Path], dict[str, Any]]] = {"check": _check, "pycolmap": _pycolmap}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sequences", type=Path, nargs="?")
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--sizes", nargs="+", default=["640x360", "1280x704"], metavar="WxH")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
