"""The table of back-ends: a name and the module that holds it, loaded only when asked for.

Each module has four functions:
    card() -> ModelCard                                     cheap: no torch, no weights opened
    gpu(device) -> UUID                                     of the GPU that `open` would use; empty where it uses none
    open(device) -> Backend                                 loads the weights; see `base.Backend`
    conditioning(camera, size) -> {name: float32 array}     the very tensors the model is given
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..camera import CameraPath
from ..errors import RequestError
from ..protocol import ModelCard

if TYPE_CHECKING:
    from .base import Backend

BACKENDS = {"grid": "grid", "draft": "draft"}


def card(name: str) -> ModelCard:
    """What the model declares. Raises RequestError E_MODEL_UNKNOWN."""
    return _module(name).card()


def cards() -> list[ModelCard]:
    """Every model's card, in the order of the table."""
    return [card(name) for name in BACKENDS]


def gpu(name: str, device: str) -> str:
    """The UUID of the GPU that the model would run on; empty for none. Raises RequestError E_DEVICE."""
    return _module(name).gpu(device)


def open_backend(name: str, device: str) -> Backend:
    """Load a model onto `device` (auto, cpu, cuda, cuda:N, mps). Raises RequestError, BackendError."""
    return _module(name).open(device)


def give_memory_back() -> None:
    """What a model or a failed job has freed, torch keeps for itself: whoever has the GPU next needs it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def conditioning(name: str, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
    """The tensors `name` is given for this camera, float32, before any cast; `size` is used as given."""
    return _module(name).conditioning(camera, size)


def _module(name: str) -> ModuleType:
    if name not in BACKENDS:
        raise RequestError("E_MODEL_UNKNOWN", f"There is no model called {name!r}.", f"Known: {', '.join(BACKENDS)}.")
    return import_module(f".{BACKENDS[name]}", __package__)
