"""How a model shares a device's memory: presets, from the fastest to the leanest, chosen by what the device has free.

    full                every part is on the device
    model-offload       each part is there while it works; the others wait in the machine's memory
    group-offload       each block of a transformer is there while it works; over a stream the next one comes meanwhile
    fp8, int8           a transformer's weights rest in 8 bits (`eight_bits`): half of them, other pictures
    ...-group-offload   both

The first three make the same pictures. 8 bits are never chosen for anybody: they are asked for, and the manifest says
so. What makes it quicker is asked for behind a `+` (`quicker`): full+cudnn+compile, or +cudnn where memory decides.
Where memory runs out the next leaner one gets one more try (`run`'s `steps_down`).

    with presets.run(request.preset, steps_down) as here:      whoever places a model in here is told by it
        ...
    here.told()                                                for the manifest: what was taken, and what it changes
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..cards import ModelCard
from ..errors import RequestError
from . import quicker

if TYPE_CHECKING:  # a request is checked without it
    import torch
    from torch import nn

EXACT = ("full", "model-offload", "group-offload")
EIGHT_BITS = ("fp8", "fp8-group-offload", "int8", "int8-group-offload")
NAMES = (*EXACT, *EIGHT_BITS)
LEANER = {"full": "model-offload", "model-offload": "group-offload"} | {
    name: f"{name}-group-offload" for name in ("fp8", "int8")
}
TRANSFORMERS = ("transformer", "transformer_2", "controlnet")                  # parts of a pipeline that have blocks
ROOM = 1.25  # of the weights' bytes: what a pass needs beside them, where nobody knows better
HOW = f"Use one of {', '.join(NAMES)}; behind it, each with a +: {', '.join(quicker.NAMES)}."


@dataclass(slots=True)
class Run:
    """What a job asks for, and what it got."""

    asked: str | None = None                       # None: by memory
    extras: tuple[str, ...] = ()                   # of `quicker`
    steps_down: int = 0                            # leaner than that: what was tried before was too much
    used: str = ""
    attention: ExitStack = field(default_factory=ExitStack)

    def told(self) -> dict[str, str]:
        """`preset` and `preset_pictures`: what they are beside those of `full`; nothing where nothing was chosen."""
        return {"preset": self.used, "preset_pictures": pictures_of(self.used)} if self.used else {}


_RUN: ContextVar[Run | None] = ContextVar("platewright.presets", default=None)


@contextmanager
def run(asked: str | None, steps_down: int = 0) -> Iterator[Run]:
    """While it lasts, models are placed so. Raises RequestError E_VALUE."""
    name, extras = parsed(asked)
    here = Run(name, extras, steps_down)
    token = _RUN.set(here)
    try:
        with here.attention:
            yield here
    finally:
        _RUN.reset(token)


def parsed(asked: Any) -> tuple[str | None, tuple[str, ...]]:
    """The preset, or None where memory decides, and what is asked for behind it. Raises RequestError E_VALUE."""
    if asked is None:
        return None, ()
    name, *extras = asked.split("+") if isinstance(asked, str) else [str(asked)]
    if name not in (*NAMES, "") or not all(extra in quicker.NAMES for extra in extras) or asked == "":
        raise RequestError("E_VALUE", f"The preset {asked!r} is not known.", HOW)
    if sum(extra in quicker.ATTENTION for extra in extras) > 1 or len({*extras}) < len(extras):
        raise RequestError("E_VALUE", f"The preset {asked!r} asks for two ways of one thing.", HOW)
    if name and (left_out := {*extras} - {*quicker.fitting(tuple(extras), name)}):
        why = f"+{min(left_out)} does not go with {name}: only with {', '.join(quicker.ON_BLOCKS[min(left_out)])}."
        raise RequestError("E_VALUE", why, HOW)
    return name or None, tuple(extra for extra in quicker.NAMES if extra in extras)


def refuse(asked: Any, card: ModelCard) -> None:
    """RequestError E_VALUE for what is no preset, or none that this model takes; None is none that is asked for."""
    _, extras = parsed(asked)
    if strangers := [extra for extra in extras if extra not in card.presets]:
        takes = ", ".join(extra for extra in quicker.NAMES if extra in card.presets)
        hint = f"It takes {takes}." if takes else "It takes none of them."
        raise RequestError("E_VALUE", f"{card.title} does not take +{strangers[0]}.", hint)


def pictures_of(used: str) -> str:
    """What a preset makes beside `full`: "the same", "the same but for rounding", "others: ..." with the reason."""
    name, *extras = used.split("+")
    reasons = [f"weights in {name.partition('-')[0]}"] if name in EIGHT_BITS else []
    reasons += [quicker.OTHER_PICTURES[extra] for extra in extras if extra in quicker.OTHER_PICTURES]
    if reasons:
        return f"others: {'; '.join(reasons)}"
    return "the same but for rounding" if extras else "the same"


def is_other(used: str) -> bool:
    """Whether a preset makes other pictures than `full`, beyond rounding."""
    return pictures_of(used).startswith("others")


def card_words(extras: Sequence[str]) -> dict[str, Any]:
    """What a card says of presets: all that a model takes, and which of them make other pictures."""
    taken = (*NAMES, *extras)
    return {"presets": taken, "other_pictures": tuple(one for one in taken if is_other(_alone(one)))}


def _alone(name: str) -> str:
    return name if name in NAMES else f"full+{name}"


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
    extras = quicker.fitting(here.extras, name)
    for extra in extras if not here.used else ():
        if extra in quicker.ATTENTION:
            here.attention.enter_context(quicker.attending(extra, device))
    here.used = "+".join((name, *extras))
    return name


def _by_memory(device: torch.device, parts: Sequence[nn.Module], beside_bytes: float, room: float) -> str:
    """The first exact preset whose weights fit, with what works beside them."""
    free, sizes = free_bytes(device), [weights_bytes(part) for part in parts]
    if sum(sizes) * room + beside_bytes <= free:
        return "full"
    return "model-offload" if max(sizes) * room + beside_bytes <= free else "group-offload"


def free_bytes(device: torch.device) -> float:
    """What the device has free for this process; a CPU and a Mac share the machine's memory with everything else."""
    import torch

    if device.type != "cuda":
        return math.inf
    free, whole = torch.cuda.mem_get_info(device)
    allowed = torch.cuda.get_per_process_memory_fraction(device) * whole - torch.cuda.memory_reserved(device)
    return min(float(free), allowed)


def weights_bytes(module: nn.Module) -> int:
    """Parameters and buffers, as they lie in memory."""
    return sum(tensor.nbytes for tensor in module.state_dict().values())


# Placing -----------------------------------------------------------------------------------------


def place(pipeline: Any, device: torch.device, beside_bytes: float = 0.0) -> Any:
    """One of diffusers' pipelines, ready to run on the device.

    beside_bytes   what its work needs beside its weights (`needs`); 0: nobody knows, and it grows with them
    """
    import torch

    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    name = chosen(device, list(parts.values()), beside_bytes=beside_bytes, room=1.0 if beside_bytes else ROOM)
    extras = quicker.fitting((_RUN.get() or Run()).extras, name)
    if name == "model-offload":
        pipeline.enable_model_cpu_offload(device=device)
    for place_of, part in parts.items():
        if place_of in TRANSFORMERS:
            quicker.equip(part if name == "model-offload" else settle(part, device, name), extras)
        elif name != "model-offload":
            part.to(device)
    return pipeline


def settle(transformer: Any, device: torch.device, name: str) -> Any:
    """A transformer where and as a preset has it; changed in place."""
    rested(transformer, name)
    return in_turns(transformer, device) if name.endswith("group-offload") else transformer.to(device)


def in_turns(transformer: Any, device: torch.device, use_stream: bool | None = None) -> Any:
    """Each block on the device while it works; with a stream, on a GPU, the next one comes meanwhile."""
    import torch

    transformer.enable_group_offload(
        onload_device=device, offload_device=torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1,
        use_stream=device.type == "cuda" if use_stream is None else use_stream,
    )  # fmt: skip
    return transformer


def rested(transformer: Any, name: str, left_out: Sequence[str] = ()) -> Any:
    """The transformer, its weights in 8 bits where the preset has them so.

    left_out   patterns of names whose weights are looked at from outside, beside the library's own (norms, embeddings)
    """
    if name not in EIGHT_BITS:
        return transformer
    from . import eight_bits

    return (eight_bits.to_fp8 if name.startswith("fp8") else eight_bits.to_int8)(transformer, left_out)
