"""A first picture made of the prompt, before the video model is read: Z-Image-Turbo by diffusers' ZImagePipeline.

    prompt, and the camera in words (`still_words`) -> embedding (encoder gone) -> transformer -> VAE -> picture

No text-to-image model takes a lens, a tilt or a place: they are told in words, the shape of the picture is the
camera's, and no more can be promised. What the plate shows in the end is measured as on any other.

Chosen by    licence: Apache-2.0 for weights and text encoder, and not gated (published; the cards were not read by us);
             size: 6 billion parameters, 8 passes, no second pass for guidance; what diffusers 0.42.1 has
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import models
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..errors import BackendError
from ..pictures import Picture
from ..protocol import Emit, Progress, Stage, Warned
from . import checkpoint, device, embeddings, needs, wan_running

if TYPE_CHECKING:  # a card is read without them
    import torch

NAME = "z-image-turbo"
CLASS = "ZImagePipeline"
PARTS = ("text_encoder", "tokenizer", "transformer", "vae", "scheduler")
STEPS = 8
GUIDANCE = 0.0                                     # distilled: it has none
TOKENS = 512
CELL = 16                                          # pixels: each side is a multiple of it
PIXELS = 1024 * 1024                               # of the pictures that it was made for, about
ENCODERS = ("Qwen3ForCausalLM", "Qwen3Model")


def card(folder: Path | None = None) -> ModelCard:
    """What the model declares; looks whether its folder is there, opens nothing."""
    reason = ""
    try:
        checkpoint.find(NAME, folder)
    except BackendError as error:
        reason = error.for_people()
    return ModelCard(
        name=NAME,
        title="Z-Image-Turbo",
        kind="still",
        summary="Draws the first picture of the prompt, for models that start from one.",
        licence="Apache-2.0",
        commercial="yes",
        native_size=(1024, 1024),
        clip=FrameRule(multiple=1, offset=0, maximum=1),
        default_steps=STEPS,
        default_guidance=GUIDANCE,
        takes_negative=False,
        memory_gb=needs.least_gb(NAME),
        full_gb=needs.full_gb(NAME),
        available=not reason,
        reason=reason,
    )


def open(device_name: str, folder: Path | None = None) -> ZImage:  # the table's word for it
    """Look through the model's folder; weights are read when a picture is drawn.

    Raises RequestError E_DEVICE and what `checkpoint.find`, `examine` and `weight_files` raise.
    """
    chosen, found = device.chosen(device_name), checkpoint.find(NAME, folder)
    checkpoint.examine(found, PARTS)
    for part in ("text_encoder", "transformer", "vae"):
        checkpoint.weight_files(found / part)
    return ZImage(found, chosen)


def recognises(folder: Path) -> bool:
    """Whether a folder is such a model's, by what its pipeline's index says."""
    try:
        return checkpoint.read_json(folder / "model_index.json").get("_class_name") == CLASS
    except BackendError:
        return False


def drawn_size(width: int, height: int) -> tuple[int, int]:
    """Pixels of the picture for a view of this shape: exactly of the shape wherever whole cells allow it.

    As many pixels as the model was made for, about: the smallest picture of the shape taken so many times.
    """
    common = math.gcd(width, height)
    across, down = CELL * width // common, CELL * height // common
    if across * down <= 2 * PIXELS:
        times = max(1, round(math.sqrt(PIXELS / (across * down))))
        return across * times, down * times
    across = math.sqrt(PIXELS * width / height)
    return CELL * max(1, round(across / CELL)), CELL * max(1, round(across * height / width / CELL))


class ZImage:
    """The model as whoever wants a still sees it."""

    def __init__(self, folder: Path, chosen: torch.device) -> None:
        self.card = card(folder)
        self._folder, self._device = folder, chosen

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        return device.words(self._device)

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number formats, scheduler, steps, versions."""
        import diffusers
        import torch

        config = checkpoint.read_json(self._folder / "scheduler" / "scheduler_config.json")
        return {
            "model": NAME,
            "title": self.card.title,
            "licence": self.card.licence,
            "revision": self.card.revision,
            "files": checkpoint.files(self._folder, PARTS),
            "dtype": {"transformer": str(self._dtype), "vae": "float32"},
            "scheduler": config.get("_class_name"),
            "shift": config.get("shift", 1.0),
            "steps": STEPS,
            "guidance": GUIDANCE,
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }

    def drawn_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in the pixels that it draws."""
        return camera.scaled(*drawn_size(camera.width, camera.height))

    def draw(self, words: str, size: tuple[int, int], seed: int, job: str, emit: Emit) -> Picture:
        """float32 (height, width, 3), display-referred sRGB, 0..1; `size` is width and height, whole cells.

        Nothing of the model is left in memory afterwards. An `emit` that raises Cancelled ends it at the next step.
        Raises OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE and what `checkpoint` raises.
        """
        with device.told_plainly(self._device, self.card.title):
            try:
                return self._drawn(words, size, seed, job, emit)
            finally:
                models.give_memory_back()

    def _drawn(self, words: str, size: tuple[int, int], seed: int, job: str, emit: Emit) -> Picture:
        emit(Stage(job, "loading", f"reading the prompt for {self.card.title}"))
        told = _told(self._folder, words, self._device, self._dtype)
        if len(told) >= TOKENS:
            why = f"{self.card.title} reads {TOKENS} tokens; what the prompt says after them is not in the first frame."
            emit(Warned(job, "W_PROMPT_LONG", why))
        emit(Stage(job, "sampling", f"the first frame, by {self.card.title} on {self.device}"))
        pipeline = wan_running.placed(_pipeline(self._folder, self._dtype), self._device, needs.beside_bytes(NAME))

        def stepped(_pipeline: Any, step: int, _time: Any, given: dict[str, Any]) -> dict[str, Any]:
            emit(Progress(job, "sampling", step + 1, STEPS))
            return given

        made = pipeline(
            prompt_embeds=[told.to(self._device)],
            width=size[0],
            height=size[1],
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=wan_running.noise_of(seed, 0),
            output_type="pt",
            callback_on_step_end=stepped,
        )
        wan_running.refuse_no_numbers(made.images)
        return made.images[0].permute(1, 2, 0).float().cpu().contiguous().numpy()

    @property
    def _dtype(self) -> torch.dtype:
        return wan_running.dtype_on(self._device)


def _told(folder: Path, words: str, chosen: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The words as embedding (L, D) on the CPU; the encoder runs for new words only, and is gone after."""
    said = {"kind": NAME, "tokens": str(TOKENS), "prompt": words, "dtype": str(dtype)}
    parts = [folder / "text_encoder", folder / "tokenizer"]
    return embeddings.embedded(parts, said, lambda: _encoded(folder, words, chosen, dtype))["prompt"]


def _encoded(folder: Path, words: str, chosen: torch.device, dtype: torch.dtype) -> embeddings.Embedding:
    """By the pipeline's own function, which lays the words out as a turn of a conversation."""
    import torch
    import transformers
    from diffusers.pipelines.z_image.pipeline_z_image import ZImagePipeline

    config = checkpoint.read_json(folder / "text_encoder" / "config.json")
    named = [name for name in config.get("architectures") or [] if name in ENCODERS]
    kind = getattr(transformers, (named or list(ENCODERS))[0])
    encoder = checkpoint.load(kind, folder / "text_encoder", dtype)
    encoder = encoder.to(device.with_room(chosen, encoder))
    nothing: Any = None                            # only its words are wanted
    tokenizer = checkpoint.tokenizer(folder / "tokenizer")
    pipeline: Any = ZImagePipeline(nothing, nothing, encoder, tokenizer, nothing)
    with torch.no_grad():
        made, _ = pipeline.encode_prompt(
            words, device=encoder.device, do_classifier_free_guidance=False, max_sequence_length=TOKENS
        )
        found = made[0].to(dtype).cpu()
    del pipeline, encoder
    models.give_memory_back()
    return {"prompt": found}


def _pipeline(folder: Path, dtype: torch.dtype) -> Any:
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel
    from diffusers.pipelines.z_image.pipeline_z_image import ZImagePipeline
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    nothing: Any = None                            # the prompt comes as an embedding
    made = ZImagePipeline(
        checkpoint.configured(FlowMatchEulerDiscreteScheduler, folder / "scheduler"),
        checkpoint.load(AutoencoderKL, folder / "vae", torch.float32),
        nothing,
        nothing,
        checkpoint.load(ZImageTransformer2DModel, folder / "transformer", dtype),
    )
    made.set_progress_bar_config(disable=True)
    return made
