"""The table of back-ends: a name and the module that holds it, loaded only when asked for.

Each module, or each entry of its VARIANTS where it holds a family, has four functions:
    card() -> ModelCard                                     cheap: no torch, no weights opened
    gpu(device) -> UUID                                     of the GPU that `open` would use; empty where it uses none
    open(device) -> Backend                                 loads the weights; see `base.Backend`
    conditioning(camera, size) -> {name: float32 array}     the very tensors the model is given
Those whose weights are published folders have a fifth, `recognises(folder)`; a model may then be named by its folder,
which `card` and `open` are given too.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..camera import CameraPath
from ..errors import RequestError
from ..protocol import ModelCard
from . import locks

if TYPE_CHECKING:
    from .base import Backend

BACKENDS = {
    "grid": "grid",
    "draft": "draft",
    "sana-wm": "sana_wm",
    "wan-fun-camera": "wan_fun",
    "wan-fun-camera-5b": "wan_fun",
    "wan-fun-camera-1.3b": "wan_fun",
    "wan-fun-camera-14b": "wan_fun",
    "wan-vace-1.3b": "wan_vace",
    "wan-vace-14b": "wan_vace",
    "cosmos-transfer2.5": "cosmos_transfer",
}
STILLS = {"z-image-turbo": "still"}                # what draws one picture of a prompt: `still.ZImage`


def card(name: str) -> ModelCard:
    """What the model declares. Raises RequestError E_MODEL_UNKNOWN."""
    opener, folder = _opener(name)
    return locks.told(opener.card(*folder), *folder)


def cards() -> list[ModelCard]:
    """Every model's card, in the order of the table."""
    return [card(name) for name in BACKENDS]


def gpu(name: str, device: str) -> str:
    """The UUID of the GPU that the model would run on; empty for none. Raises RequestError E_DEVICE."""
    return _opener(name)[0].gpu(device)


def open_backend(name: str, device: str) -> Backend:
    """Load a model onto `device` (auto, cpu, cuda, cuda:N, mps). Raises RequestError, BackendError."""
    opener, folder = _opener(name)
    return opener.open(device, *folder)


def place_of(name: str) -> tuple[str, Path]:
    """The module that knows a model, and the folder of its weights. Raises RequestError, BackendError E_MODEL_MISSING.

    For models whose weights are published folders.
    """
    from . import checkpoint

    opener, folder = _opener(name)
    module = str(getattr(opener, "__name__", "") or type(opener).__module__).rpartition(".")[2]
    return module, checkpoint.find(getattr(opener, "name", name), *folder)


def still_card(name: str) -> ModelCard:
    """What a model that draws one picture declares. Raises RequestError E_MODEL_UNKNOWN."""
    opener, folder = _still_opener(name)
    return locks.told(opener.card(*folder), *folder)


def still_cards() -> list[ModelCard]:
    """All of these, in the order of their table."""
    return [still_card(name) for name in STILLS]


def open_still(name: str, device: str) -> Any:
    """A model that draws one picture, on `device`: `still.ZImage`. Raises RequestError, BackendError."""
    opener, folder = _still_opener(name)
    return opener.open(device, *folder)


def give_memory_back() -> None:
    """What a model or a failed job has freed, torch keeps for itself: whoever has the GPU next needs it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def conditioning(name: str, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
    """The tensors `name` is given for this camera, float32, before any cast; `size` is used as given."""
    return _opener(name)[0].conditioning(camera, size)


def _opener(model: str) -> tuple[Any, list[Path]]:
    """What opens a model of this name, or the one in a folder of this path, and that folder if there is one."""
    if model in BACKENDS:
        return _named(model), []
    folder = Path(model).expanduser()
    if folder.is_absolute() or len(folder.parts) > 1:
        found = (opener for opener in map(_named, BACKENDS) if hasattr(opener, "recognises"))
        if opener := next((opener for opener in found if opener.recognises(folder)), None):
            return opener, [folder]
    raise RequestError("E_MODEL_UNKNOWN", f"There is no model called {model!r}.", f"Known: {', '.join(BACKENDS)}.")


def _still_opener(model: str) -> tuple[Any, list[Path]]:
    """The same for a model that draws one picture."""
    if model in STILLS:
        return import_module(f".{STILLS[model]}", __package__), []
    folder = Path(model).expanduser()
    if folder.is_absolute() or len(folder.parts) > 1:
        for module in STILLS.values():
            opener = import_module(f".{module}", __package__)
            if opener.recognises(folder):
                return opener, [folder]
    raise RequestError("E_MODEL_UNKNOWN", f"Nothing called {model!r} draws a picture.", f"Known: {', '.join(STILLS)}.")


def _named(name: str) -> Any:
    module = import_module(f".{BACKENDS[name]}", __package__)
    return getattr(module, "VARIANTS", {}).get(name, module)
