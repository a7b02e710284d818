"""What SANA-WM's two stages are told: Gemma-2 for the first, Gemma-3 and LTX-2's connectors for the refiner.

Each encoder is loaded, asked by diffusers' own function, and gone; see `embeddings`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import models
from . import checkpoint, embeddings
from . import device as devices

if TYPE_CHECKING:
    import torch

    from .sana_wm_sampling import Told

STAGE_1 = {"kind": "sana-wm", "tokens": "300"}
STAGE_2 = {"kind": "sana-wm-refiner"}


def for_stage_1(
    folder: Path, prompt: str, negative: str, device: torch.device, dtype: torch.dtype
) -> tuple[Told, Told]:
    """Prompt, with the instructions that the model was trained with before it, and negative prompt."""
    said = {**STAGE_1, "prompt": prompt, "negative": negative, "dtype": str(dtype)}
    parts = [folder / "text_encoder", folder / "tokenizer"]
    found = embeddings.embedded(parts, said, lambda: _stage_1(folder, prompt, negative, device, dtype))
    return (found["prompt"], found["prompt_mask"]), (found["negative"], found["negative_mask"])


def for_refiner(folder: Path, prompt: str, device: torch.device, dtype: torch.dtype) -> Told:
    """The prompt as the refiner's transformer takes it (1, L, D), and its mask (1, L)."""
    said = {**STAGE_2, "prompt": prompt, "dtype": str(dtype)}
    parts = [folder / "text_encoder", folder / "tokenizer", folder / "connectors"]
    found = embeddings.embedded(parts, said, lambda: _refiner(folder, prompt, device, dtype))
    return found["prompt"], found["mask"]


def _stage_1(
    folder: Path, prompt: str, negative: str, device: torch.device, dtype: torch.dtype
) -> embeddings.Embedding:
    import torch
    from diffusers.pipelines.sana_wm.pipeline_sana_wm import DEFAULT_CHI_PROMPT, SanaWMPipeline

    encoder = _encoder(folder, ("Gemma2ForCausalLM", "Gemma2Model"), device, dtype)
    nothing: Any = None  # only its words are wanted
    tokenizer = checkpoint.tokenizer(folder / "tokenizer")
    pipeline: Any = SanaWMPipeline(tokenizer, encoder, nothing, nothing, nothing)
    with torch.no_grad():
        names = ("prompt", "prompt_mask", "negative", "negative_mask")
        made = pipeline.encode_prompt(prompt, negative, device=encoder.device, chi_prompt=DEFAULT_CHI_PROMPT)
        found = {name: tensor.cpu() for name, tensor in zip(names, made, strict=True)}
    del pipeline, encoder
    models.give_memory_back()
    return found


def _refiner(folder: Path, prompt: str, device: torch.device, dtype: torch.dtype) -> embeddings.Embedding:
    import torch
    from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
    from diffusers.pipelines.sana_wm.refiner import SanaWMLTX2Refiner

    encoder = _encoder(folder, ("Gemma3ForConditionalGeneration",), device, dtype)
    connectors = checkpoint.load(LTX2TextConnectors, folder / "connectors", dtype).to(encoder.device)
    nothing: Any = None
    tokenizer = checkpoint.tokenizer(folder / "tokenizer")
    length = checkpoint.read_json(folder / "model_index.json").get("text_max_sequence_length", 1024)
    pipeline: Any = SanaWMLTX2Refiner(nothing, connectors, tokenizer, encoder, nothing, text_max_sequence_length=length)
    with torch.no_grad():
        made = pipeline._encode_prompt(prompt, device=encoder.device, dtype=dtype)
        embedding, mask = (tensor.cpu() for tensor in made)
    del pipeline, encoder, connectors
    models.give_memory_back()
    return {"prompt": embedding, "mask": mask}


def _encoder(folder: Path, kinds: tuple[str, ...], device: torch.device, dtype: torch.dtype) -> Any:
    """The text encoder on the device, or on the CPU where it has no room; its config says which of `kinds` it is."""
    import transformers

    config = checkpoint.read_json(folder / "text_encoder" / "config.json")
    named = [name for name in config.get("architectures") or [] if name in kinds]
    kind = getattr(transformers, (named or list(kinds))[0])
    encoder = checkpoint.load(kind, folder / "text_encoder", dtype)
    return encoder.to(devices.with_room(device, encoder))
