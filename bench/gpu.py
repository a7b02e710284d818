"""Seconds and memory on a GPU: networks of the real size with random weights, stock diffusers beside ours in one run.

    python bench/gpu.py [--only sana-121 sana-961 wan-fun-1.3b] [--steps N] [--cap GB] [--device cuda:0]
    python bench/gpu.py --tiny          every line on any machine, with small networks: the numbers mean nothing

It needs no checkpoint: networks are made on the device from their published configs. A GPU of 80 GB should hold every
case; on a smaller one, or under `--cap`, what does not fit says so and the rest goes on. Steps are few, since all are
alike: seconds per step is the median but for the first; `one_try_s` is what a whole plate takes from that, without
reading weights, text encoders and the lock. Results go to bench/results/, named after the device.
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

from bench.gpu_parts import FULL, GB, TINY, Bench, Row, sana, wan_fun

ROOT = Path(__file__).resolve().parent.parent
CASES: dict[str, tuple[Callable[[Bench, str, int], None], int, int]] = {   # frames, and how many with --tiny
    "sana-121": (sana, 121, 17),
    "sana-961": (sana, 961, 25),
    "wan-fun-1.3b": (wan_fun, 81, 5),
}
SANA_STEPS, REFINER_PASSES = 60, 4                 # of a plate; passes for each three latents


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


def one_try_s(rows: list[Row], case: str, frames: int) -> float | None:
    """Seconds of one SANA-WM plate by ours: all steps of both stages, and the decode."""
    ours = [row for row in rows if row.case == case and row.way == "ours" and row.preset in ("full", "stream")]
    mine = {row.part: row for row in ours}
    stage, refiner, decoder = (mine.get(part) for part in ("stage 1", "refiner", "decoder"))
    if not (stage and refiner and decoder and stage.seconds_per_step and refiner.seconds_per_step and decoder.seconds):
        return None
    passes = 1 + REFINER_PASSES * -(-((frames - 1) // 8) // 3)
    return round(SANA_STEPS * stage.seconds_per_step + passes * refiner.seconds_per_step + decoder.seconds, 1)


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu {platform.machine()}"


def main(arguments: list[str] | None = None) -> Path:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--cap", type=float, metavar="GB", help="memory that may be used")
    options.add_argument("--device", default="cuda:0")
    options.add_argument("--tiny", action="store_true", help="small networks, on the CPU unless --device is given")
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    wish = options.parse_args(arguments)
    device = torch.device("cpu" if wish.tiny and wish.device == "cuda:0" else wish.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        options.exit(2, "There is no GPU here: --tiny runs every line on the CPU.\n")
    if wish.cap and device.type == "cuda":
        whole = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, wish.cap * GB / whole), device)
    logging.disable(logging.WARNING)
    bench = Bench(device, TINY if wish.tiny else FULL, wish.steps)
    tries: dict[str, Any] = {}
    for name in wish.only:
        run, frames, few = CASES[name]
        run(bench, name, few if wish.tiny else frames)
        if (once := one_try_s(bench.rows, name, few if wish.tiny else frames)) is not None:
            tries[name] = {"one_try_s": once, "four_tries_s": 4 * once}
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
