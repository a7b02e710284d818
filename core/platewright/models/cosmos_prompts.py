"""What Cosmos is told: all layers of Qwen2.5-VL side by side, each normalised, and the encoder is gone after.

As diffusers' pipeline does it: the words in a chat of two turns, 512 tokens, padding read like words. The chat is
written here: a tokenizer's own template is a program, and none of a model's own is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .. import models
from . import checkpoint, device, embeddings

if TYPE_CHECKING:
    import torch

TOKENS = 512
PARTS = ("text_encoder", "tokenizer")
SYSTEM = "You are a helpful assistant who will provide prompts to an image generator."
TINY = 1e-8  # keeps a layer of equal numbers from being divided by zero


def told(
    folder: Path, prompt: str, negative: str, chosen: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompt and negative prompt as (1, 512, layers * width) on the CPU; the encoder runs for new words only."""
    said = {"kind": "cosmos", "tokens": str(TOKENS), "prompt": prompt, "negative": negative, "dtype": str(dtype)}
    parts = [folder / part for part in PARTS]
    found = embeddings.embedded(parts, said, lambda: _encoded(folder, prompt, negative, chosen, dtype))
    return found["prompt"], found["negative"]


def chat(prompt: str) -> str:
    """The two turns as Qwen2.5-VL's own template writes them."""
    return f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n"


def _encoded(
    folder: Path, prompt: str, negative: str, chosen: torch.device, dtype: torch.dtype
) -> embeddings.Embedding:
    import torch
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLForConditionalGeneration

    tokenizer = checkpoint.tokenizer(folder / "tokenizer")
    encoder = checkpoint.load(Qwen2_5_VLForConditionalGeneration, folder / "text_encoder", dtype)
    place = device.with_room(chosen, encoder)
    encoder.to(place)
    whole = {"padding": "max_length", "max_length": TOKENS, "truncation": True, "add_special_tokens": False}
    found: embeddings.Embedding = {}
    for name, text in (("prompt", prompt), ("negative", negative)):
        tokens = tokenizer([chat(text)], return_tensors="pt", **whole).input_ids
        with torch.no_grad():
            layers = encoder(tokens.to(place), output_hidden_states=True).hidden_states[1:]
            found[name] = torch.cat([_normalised(layer) for layer in layers], dim=-1).to(dtype).cpu()
    del encoder
    models.give_memory_back()
    return found


def _normalised(layer: torch.Tensor) -> torch.Tensor:
    return (layer - layer.mean(dim=-1, keepdim=True)) / (layer.std(dim=-1, keepdim=True) + TINY)
