"""Where a model runs: the device that is meant, what it is called, and what its troubles are called."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import DeviceLost, OutOfMemory, RequestError
from . import quicker

if TYPE_CHECKING:  # a card is read without it
    import torch
    from torch import nn

ROOM = 1.15  # of the weights' bytes: what a pass needs beside them


def chosen(device: str) -> torch.device:
    """A device that is there, from auto, cpu, cuda, cuda:N or mps. Raises RequestError E_DEVICE."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = [f"cuda:{n}" for n in range(count)] + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    wanted = {"auto": there[0], "cuda": "cuda:0"}.get(device, device)
    if wanted not in there:
        raise RequestError(
            "E_DEVICE", f"There is no device {device!r} here.", f"Choose auto or one of: {', '.join(there)}."
        )
    return torch.device(wanted)


def uuid(device: torch.device) -> str:
    """A GPU's UUID as CUDA itself tells it; empty elsewhere."""
    import torch

    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else ""


def words(device: torch.device) -> str:
    """For the manifest: `cpu`, `cuda:0 NVIDIA H200`."""
    import torch

    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def with_room(device: torch.device, module: nn.Module) -> torch.device:
    """The device, or the CPU where the module is too large for what the device has free."""
    import torch

    if device.type != "cuda":
        return device
    weights = sum(tensor.nbytes for tensor in module.state_dict().values())
    return device if weights * ROOM < torch.cuda.mem_get_info(device)[0] else torch.device("cpu")


@contextlib.contextmanager
def told_plainly(device: torch.device, model: str) -> Iterator[None]:
    """What torch says of memory, lost devices and its compiler, in the words of `errors`.

    OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_PRESET.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_little(device, model) from error
    except RuntimeError as error:
        quicker.refuse_no_compiler(error)
        if "allocate memory" in str(error) or "out of memory" in str(error):
            raise _too_little(device, model) from error
        if isinstance(error, torch.AcceleratorError):
            raise DeviceLost(
                "E_DEVICE_LOST", f"{device} stopped answering: {error}.", "Restart Blender or the worker."
            ) from error
        raise


def _too_little(device: torch.device, model: str) -> OutOfMemory:
    hint = "Close other programs, or choose fewer frames or a device with more memory."
    return OutOfMemory("E_OOM", f"{device} has too little memory for {model}.", hint)
