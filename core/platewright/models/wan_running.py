"""What all of Wan's models share when they run: parts from their folders, memory, steps, pictures.

Parts    vae, scheduler, text_encoder and tokenizer as in Wan-AI's `...-Diffusers` folders
Steps    every step is told, and whoever listens may stop it there
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting
from ..camera import CameraPath
from ..errors import BackendError
from ..pictures import Picture
from ..protocol import Emit, Progress, Warned
from . import checkpoint, latents, presets

if TYPE_CHECKING:
    import torch

SCHEDULERS = ("UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler")
WINDOW_STRIDE = 1_000_003


def dtype_on(device: torch.device) -> torch.dtype:
    """bfloat16 as published; a CPU is faster in float32, and exact."""
    import torch

    return torch.float32 if device.type == "cpu" else torch.bfloat16


def scheduler(folder: Path, shift: float) -> Any:
    """The folder's scheduler with another shift of its noise levels. Raises BackendError E_MODEL_MISMATCH."""
    import diffusers

    name = checkpoint.read_json(folder / "scheduler_config.json").get("_class_name")
    if name not in SCHEDULERS:
        why = f"{folder} is a {name}, not one of {', '.join(SCHEDULERS)}."
        raise BackendError("E_MODEL_MISMATCH", why, "Take the scheduler of Wan-AI's own folder.")
    kind = getattr(diffusers, name)
    found = checkpoint.configured(kind, folder)
    word = "flow_shift" if name == "UniPCMultistepScheduler" else "shift"
    return kind.from_config(found.config, **{word: shift})


def placed(pipeline: Any, device: torch.device, beside_bytes: float = 0.0) -> Any:
    """The pipeline on its device, by the preset that was asked for or has room; see `presets.place`."""
    return presets.place(pipeline, device, beside_bytes)


class Teller:
    """Tells one job's steps and warnings."""

    def __init__(self, job: str, emit: Emit, steps: int) -> None:
        self._job, self._emit, self._steps, self._done = job, emit, steps, 0

    def stepped(self, pipeline: Any, step: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        """diffusers' `callback_on_step_end`."""
        del pipeline, step, time
        self._done += 1
        self._emit(Progress(self._job, "sampling", self._done, self._steps))
        return given

    def warn(self, code: str, sentence: str) -> None:
        """Something the artist should know."""
        self._emit(Warned(self._job, code, sentence))

    def speed(self, scene_fps: float, model_fps: float) -> float:
        """How fast what moves by itself will run; a warning where it is not its own speed."""
        speed = fitting.world_speed(scene_fps, model_fps)
        if not math.isclose(speed, 1.0, rel_tol=1e-3):
            why = f"What moves by itself runs at {speed:.3g} times its speed: the model makes {model_fps:g} fps."
            self.warn("W_WORLD_SPEED", why)
        return speed


def noise_of(seed: int, window: int) -> torch.Generator:
    """Noise drawn on the CPU, so that every device starts from the same bytes; one stream per window of a path."""
    import torch

    return torch.Generator("cpu").manual_seed((seed + window * WINDOW_STRIDE) % 2**63)


def pictures(
    vae: Any,
    found: torch.Tensor,
    device: torch.device,
    for_vae: Callable[[Any, torch.Tensor], torch.Tensor] | None = None,
) -> Generator[Picture]:
    """float32 (H, W, 3) display sRGB, 0..1, one by one as latents are decoded. Raises BackendError E_NOT_FINITE.

    for_vae   brings a pipeline's latents to the VAE's own scale; None: as diffusers' Wan pipelines do it
    """
    from . import wan_decoding

    vae.to(device)
    for group in wan_decoding.decoded(vae, (for_vae or wan_decoding.for_vae)(vae, found.to(device))):
        refuse_no_numbers(group)
        for picture in (group[0] * 0.5 + 0.5).clamp(0, 1).permute(1, 2, 3, 0).float().cpu():
            yield picture.contiguous().numpy()


def windowed(
    native: CameraPath,
    windows: list[fitting.Window],
    first: Picture | None,
    sampled: Callable[[CameraPath, int, Picture | None], torch.Tensor],
    decode: Callable[[torch.Tensor], Generator[Picture]],
) -> Iterator[Picture]:
    """One picture per frame of `native`, window by window, each led by the last picture of the one before.

    sampled   from a window's path, its number and the picture that it starts from to latents
    """
    for window in windows:
        latents = sampled(fitting.held(native, window), window.index, first)
        with closing(decode(latents)) as made:
            for number, picture in enumerate(itertools.islice(made, window.stop - window.start)):
                first = picture
                if number >= window.given:
                    yield picture


def remembered(origin: dict[str, Any], make: Callable[[], torch.Tensor], teller: Teller) -> torch.Tensor:
    """A window's latents: those that an earlier job has left for the same `origin`, else made, and kept.

    Raises what `make` raises, and BackendError E_NOT_FINITE.
    """
    file = latents.file_for(origin)
    found = latents.kept(file)
    if found is None:
        found = make()
        refuse_no_numbers(found)
        if why := latents.keep(file, found, {"model": str(origin["model"]), "window": str(origin["window"])}):
            teller.warn("W_LATENTS", f"The latents could not be kept: {why}")
    return found


def as_image(picture: Picture) -> torch.Tensor:
    """A picture (H, W, 3) as diffusers' image processors take it: (1, 3, H, W), 0..1."""
    import torch

    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()


def refuse_no_numbers(values: torch.Tensor) -> None:
    """BackendError E_NOT_FINITE, unless all are finite."""
    if not bool(values.isfinite().all()):
        message = "The model produced values that are not numbers."
        raise BackendError("E_NOT_FINITE", message, "Try another seed or device, or fetch the model again.")
