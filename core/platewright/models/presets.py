"""How a model shares a device's memory: presets, from the fastest to the leanest, chosen by what the device has free.

    full                every part is on the device
    model-offload       each part is there while it works; the others wait in the machine's memory
    group-offload       each block of a transformer is there while it works; over a stream the next one comes meanwhile
    fp8                 a transformer's weights rest in 8 bits and work in their own type: half of them, other pictures
    fp8-group-offload   both

The first three make the same pictures. 8 bits are never chosen for anybody: they are asked for, and the manifest says
so. Where memory runs out the next leaner one gets one more try (`run`'s `steps_down`).

    with presets.run(request.preset, steps_down) as here:      whoever places a model in here is told by it
        ...
    here.used                                                  what was taken; empty where nothing was to be chosen
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import RequestError

if TYPE_CHECKING:  # a request is checked without it
    import torch
    from torch import nn

EXACT = ("full", "model-offload", "group-offload")
NAMES = (*EXACT, "fp8", "fp8-group-offload")
LEANER = {"full": "model-offload", "model-offload": "group-offload", "fp8": "fp8-group-offload"}
TRANSFORMERS = ("transformer", "transformer_2", "controlnet")                  # parts of a pipeline that have blocks
ROOM = 1.25  # of the weights' bytes: what a pass needs beside them, where nobody knows better


@dataclass(slots=True)
class Run:
    """What a job asks for, and what it got."""

    asked: str | None = None                       # None: by memory
    steps_down: int = 0                            # leaner than that: what was tried before was too much
    used: str = ""


_RUN: ContextVar[Run | None] = ContextVar("platewright.presets", default=None)


@contextmanager
def run(asked: str | None, steps_down: int = 0) -> Iterator[Run]:
    """While it lasts, models are placed so."""
    here = Run(asked, steps_down)
    token = _RUN.set(here)
    try:
        yield here
    finally:
        _RUN.reset(token)


def refuse_unknown(asked: Any) -> None:
    """RequestError E_VALUE for what is no preset; None is none that is asked for."""
    if asked is not None and asked not in NAMES:
        raise RequestError("E_VALUE", f"The preset {asked!r} is not known.", f"Use one of {', '.join(NAMES)}.")


def chosen(
    device: torch.device,
    parts: Sequence[nn.Module],
    *,
    offered: Sequence[str] = EXACT,
    beside_bytes: float = 0.0,
    room: float = ROOM,
) -> str:
    """The preset for these parts.

    offered        those of EXACT that make a difference to the model; what is asked for and is not there becomes leaner
    beside_bytes   what is alive at the peak beside weights
    room           times the weights' bytes, for the same where it grows with them
    """
    here = _RUN.get() or Run()
    name = here.asked or _by_memory(device, parts, beside_bytes, room)
    for _ in range(here.steps_down if device.type != "cpu" else 0):
        name = LEANER.get(name, name)
    while name in EXACT and name not in offered:
        name = LEANER[name]
    if device.type == "cpu" and name == "model-offload":
        name = "full"                              # there is nowhere else
    here.used = name
    return name


def _by_memory(device: torch.device, parts: Sequence[nn.Module], beside_bytes: float, room: float) -> str:
    """The first exact preset whose weights fit, with what works beside them."""
    free, sizes = free_bytes(device), [weights_bytes(part) for part in parts]
    if sum(sizes) * room + beside_bytes <= free:
        return "full"
    return "model-offload" if max(sizes) * room + beside_bytes <= free else "group-offload"


def free_bytes(device: torch.device) -> float:
    """What the device has free; a CPU and a Mac share the machine's memory with everything else."""
    import torch

    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else math.inf


def weights_bytes(module: nn.Module) -> int:
    """Parameters and buffers, as they lie in memory."""
    return sum(tensor.nbytes for tensor in module.state_dict().values())


# Placing -----------------------------------------------------------------------------------------


def place(pipeline: Any, device: torch.device) -> Any:
    """One of diffusers' pipelines, ready to run on the device."""
    import torch

    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    name = chosen(device, list(parts.values()))
    if name == "model-offload":
        pipeline.enable_model_cpu_offload(device=device)
        return pipeline
    for place_of, part in parts.items():
        if place_of in TRANSFORMERS:
            settle(part, device, name)
        else:
            part.to(device)
    return pipeline


def settle(transformer: Any, device: torch.device, name: str) -> Any:
    """A transformer where and as a preset has it; changed in place."""
    if name.startswith("fp8"):
        rest_in_8_bits(transformer)
    return in_turns(transformer, device) if name.endswith("group-offload") else transformer.to(device)


def in_turns(transformer: Any, device: torch.device, use_stream: bool | None = None) -> Any:
    """Each block on the device while it works; with a stream, on a GPU, the next one comes meanwhile."""
    import torch

    transformer.enable_group_offload(
        onload_device=device, offload_device=torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1,
        use_stream=device.type == "cuda" if use_stream is None else use_stream,
    )  # fmt: skip
    return transformer


def rest_in_8_bits(transformer: Any, left_out: Sequence[str] = ()) -> Any:
    """Linear layers and convolutions keep their weights as float8 e4m3 and work in the type that they had.

    left_out   patterns of names whose weights are looked at from outside, beside the library's own (norms, embeddings)
    """
    import torch
    from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN

    transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=transformer.dtype,
        skip_modules_pattern=(*DEFAULT_SKIP_MODULES_PATTERN, *left_out),
    )  # fmt: skip
    return transformer
