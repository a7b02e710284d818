"""What Wan's models are told: UMT5's numbers for prompt and negative prompt, and the encoder is gone after.

As diffusers' Wan pipelines do it: words between single spaces, at most 512 tokens, what follows the last token zero.
Their repair of mangled characters (ftfy) is left out: prompts come from people, and are kept as they are.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .. import models
from . import checkpoint, embeddings

if TYPE_CHECKING:
    import torch

TOKENS = 512
PARTS = ("text_encoder", "tokenizer")


def told(
    folder: Path, prompt: str, negative: str, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompt and negative prompt as embeddings (1, 512, D) on the CPU; the encoder runs for new words only."""
    said = {"kind": "wan", "tokens": str(TOKENS), "prompt": prompt, "negative": negative, "dtype": str(dtype)}
    parts = [folder / part for part in PARTS]
    found = embeddings.embedded(parts, said, lambda: _encoded(folder, prompt, negative, device, dtype))
    return found["prompt"], found["negative"]


def cleaned(text: str) -> str:
    """Entities as characters, all white space as single blanks."""
    return re.sub(r"\s+", " ", html.unescape(html.unescape(text))).strip()


def _encoded(
    folder: Path, prompt: str, negative: str, device: torch.device, dtype: torch.dtype
) -> embeddings.Embedding:
    import torch
    from transformers.models.umt5.modeling_umt5 import UMT5EncoderModel

    tokenizer = checkpoint.tokenizer(folder / "tokenizer")
    encoder = checkpoint.load(UMT5EncoderModel, folder / "text_encoder", dtype).to(device)
    whole = {"padding": "max_length", "max_length": TOKENS, "truncation": True, "return_tensors": "pt"}
    found: embeddings.Embedding = {}
    for name, text in (("prompt", prompt), ("negative", negative)):
        tokens = tokenizer([cleaned(text)], **whole)
        mask = tokens.attention_mask.to(device)
        with torch.no_grad():
            made = encoder(tokens.input_ids.to(device), mask).last_hidden_state.to(dtype)
        found[name] = torch.where(mask[:, :, None] > 0, made, torch.zeros_like(made)).cpu()
    del encoder
    models.give_memory_back()
    return found
