"""Seconds and memory on a GPU: networks of the real size with random weights, stock diffusers beside ours in one run.

    python bench/gpu.py [--only sana-121 sana-481 sana-961 wan-fun-1.3b] [--steps N] [--cap GB] [--device cuda:0]
    python bench/gpu.py --only sana-961 --cap 16        and --cap 24; --only sana-481 --cap 12
    python bench/gpu.py --tiny          every line on any machine, with small networks: the numbers mean nothing

It needs no checkpoint and no network: networks are made on the device from their published configs. It needs a GPU of
NVIDIA's and torch for it, 64 GB of the machine's memory for the refiner, and half an hour. A GPU of 80 GB should hold
every case; on a smaller one, or under `--cap`, what does not fit says so and the rest goes on. Steps are few, since all
are alike: seconds per step is the median but for the first; `one_try_s` is what a whole plate takes from that,
`first_look_s` what its first pictures do, without reading weights, text encoders and the lock. Results go to
bench/results/, named after the device.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.gpu_parts import FULL, GB, TINY, Bench, Row, wan_fun
from bench.gpu_sana import sana

ROOT = Path(__file__).resolve().parent.parent
CASES: dict[str, tuple[Callable[[Bench, str, int], None], int, int]] = {   # frames, and how many with --tiny
    "sana-121": (sana, 121, 17),
    "sana-481": (sana, 481, 25),
    "sana-961": (sana, 961, 33),
    "wan-fun-1.3b": (wan_fun, 81, 5),
}
SANA_STEPS, REFINER_PASSES = 60, 4                 # of a plate; passes for each three latents
DELAY = 23                                         # latents that the decoder wants before its first pictures


def ratios(rows: list[Row]) -> dict[str, float]:
    """Ours over stock: seconds per step where there are any, else seconds, with the preset `full` and the streams."""
    found: dict[str, float] = {}
    for row in rows:
        stock = next((one for one in rows if (one.case, one.part, one.way) == (row.case, row.part, "stock")), None)
        mine = row.way == "ours" and row.preset in ("full", "stream")
        if mine and stock and row.seconds and stock.seconds:
            is_stepped = row.seconds_per_step and stock.seconds_per_step
            a, b = (row.seconds_per_step, stock.seconds_per_step) if is_stepped else (row.seconds, stock.seconds)
            found[f"{row.case} {row.part}"] = round((a or 0) / (b or 1), 3)
    return found


def try_s(rows: list[Row], case: str, frames: int) -> dict[str, float]:
    """Seconds of SANA-WM by ours: to the first pictures, to the whole of one plate, of four; nothing where unknown."""
    ours = [row for row in rows if row.case == case and row.way == "ours" and row.preset in ("full", "stream")]
    mine = {row.part: row for row in ours}
    stage, refiner, decoder = (mine.get(part) for part in ("stage 1", "refiner", "decoder"))
    if not (stage and refiner and decoder and stage.seconds_per_step and refiner.seconds_per_step and decoder.seconds):
        return {}
    latents, sampled = (frames - 1) // 8 + 1, SANA_STEPS * stage.seconds_per_step
    early = min(latents, DELAY)
    first = sampled + passes(early) * refiner.seconds_per_step + decoder.seconds * early / latents
    whole = sampled + passes(latents) * refiner.seconds_per_step + decoder.seconds
    return {"first_look_s": round(first, 1), "one_try_s": round(whole, 1), "four_tries_s": round(4 * whole, 1)}


def passes(latents: int) -> int:
    """Through the refiner, until so many latents are refined."""
    return 1 + REFINER_PASSES * -(-(latents - 1) // 3)


def fraction(cap_gb: float, whole_bytes: float) -> float:
    """The share of a device that a cap leaves, at most all of it."""
    return min(1.0, cap_gb * GB / whole_bytes)


def above_zero(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} GB hold nothing")
    return value


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu {platform.machine()}"


def main(arguments: list[str] | None = None) -> Path:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--cap", type=above_zero, metavar="GB", help="memory of the GPU that may be used")
    options.add_argument("--device", default="cuda:0")
    options.add_argument("--tiny", action="store_true", help="small networks, on the CPU unless --device is given")
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    wish = options.parse_args(arguments)
    device = torch.device("cpu" if wish.tiny and wish.device == "cuda:0" else wish.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        options.exit(2, "There is no GPU here: --tiny runs every line on the CPU.\n")
    if wish.cap and device.type == "cuda":
        whole = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(fraction(wish.cap, whole), device)
    logging.disable(logging.WARNING)
    bench = Bench(device, TINY if wish.tiny else FULL, wish.steps)
    tries: dict[str, Any] = {}
    for name in wish.only:
        run, frames, few = CASES[name]
        run(bench, name, few if wish.tiny else frames)
        if told := try_s(bench.rows, name, few if wish.tiny else frames):
            tries[name] = told
    return write(wish, bench, tries)


def write(wish: argparse.Namespace, bench: Bench, tries: dict[str, Any]) -> Path:
    import diffusers

    name = device_name(bench.device)
    told = {
        "device": name, "is_tiny": wish.tiny, "cap_gb": wish.cap, "steps": wish.steps, "torch": torch.__version__,
        "diffusers": diffusers.__version__, "ours_over_stock": ratios(bench.rows), "tries": tries,
        "rows": [asdict(row) for row in bench.rows],
    }  # fmt: skip
    wish.out.mkdir(parents=True, exist_ok=True)
    kind = ["tiny"] * wish.tiny + ([f"{wish.cap:g}GB"] if wish.cap else [])
    file = wish.out / ("-".join([re.sub(r"[^A-Za-z0-9]+", "_", name), *kind]) + ".json")
    file.write_text(json.dumps(told, indent=1) + "\n")
    print(file)
    return file


if __name__ == "__main__":
    main()
