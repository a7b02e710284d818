"""NVIDIA's guardrail, which its licence makes a condition of using a Cosmos model at all.

NVIDIA Open Model License, 24 October 2025, 2.1: who bypasses, disables or weakens the guardrail of a model, without a
substantially similar one in its place, has no rights under it any more. So there is no switch: without the package
`cosmos_guardrail` the model is not available, and the job ends where it refuses something.

    prompt      read before anything of the model's is (blocklist, Qwen3Guard); not the negative one, as in diffusers
    pictures    a window at a time, all of them before the first one leaves: faces are pixelated (RetinaFace). Where it
                has changed a pixel its 8-bit value counts; everywhere else the model's own, which has more than 8 bits

The package is NVIDIA's own and is run as it is: it fetches its weights from the network when it is first made, and
reads some of them by `torch.load(weights_only=True)`; nothing else here does either. That is version 0.3.2 as it reads.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from ..errors import BackendError, RequestError
from ..pictures import Picture

PACKAGES = ("cosmos_guardrail", "torchvision")  # the second is what diffusers' Cosmos networks themselves ask for
LICENCE_SAYS = "NVIDIA's licence gives nobody the right to run this model without its guardrail"


def lacking() -> str:
    """Why the model cannot run here, in words; empty where all that it needs is installed. Imports nothing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    return f"{LICENCE_SAYS}; install {' and '.join(missing)} beside Platewright (`pip install {' '.join(missing)}`)."


class Guardrail:
    """What stands before and behind the model. diffusers' pipeline asks for it as well, and only to move it."""

    def __init__(self) -> None:
        """Raises BackendError E_GUARDRAIL_MISSING."""
        if why := lacking():
            raise BackendError("E_GUARDRAIL_MISSING", why, "Install them, or choose another model.")
        try:
            self._checker: Any = importlib.import_module("cosmos_guardrail").CosmosSafetyChecker()
        except (ImportError, OSError, ValueError, RuntimeError, LookupError) as error:
            hint = "It fetches weights of its own: check the network, and that their terms are accepted."
            why = f"NVIDIA's guardrail cannot be opened: {str(error)[:300]}."
            raise BackendError("E_GUARDRAIL_MISSING", why, hint) from error

    def to(self, device: Any) -> None:
        """Onto the device where it is to work."""
        self._checker.to(device)

    def refuse_prompt(self, prompt: str) -> None:
        """RequestError E_GUARDRAIL for words that it does not let pass."""
        if not self._checker.check_text_safety(prompt):
            why = "NVIDIA's guardrail, without which this model may not be run, refuses the prompt."
            raise RequestError("E_GUARDRAIL", why, "Say it in other words, or choose another model.")

    def passed(self, pictures: list[Picture]) -> list[Picture]:
        """The pictures of a window as it lets them pass; BackendError E_GUARDRAIL where it does not."""
        codes = (np.stack(pictures) * 255).astype(np.uint8)    # cut, not rounded, as diffusers hands them over
        found = self._checker.check_video_safety(codes.copy())
        if found is None:
            why = "NVIDIA's guardrail, without which this model may not be run, refuses the pictures."
            raise BackendError("E_GUARDRAIL", why, "Try another seed or prompt.")
        touched = (np.asarray(found) != codes).any(axis=3, keepdims=True)
        shown = np.asarray(found, dtype=np.float32) / np.float32(255)
        return [np.where(touched[place], shown[place], picture) for place, picture in enumerate(pictures)]
