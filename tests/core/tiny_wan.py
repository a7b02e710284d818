"""Wan's parts, small and untrained, saved in the folders that the published models have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

TEXT, WORDS, CLIP = 16, 40, 12                      # widths of the tiny encoders, words of the tiny tokenizer
HEADS, HEAD, LAYERS, FEED = 2, 12, 2, 32
WIDTH = HEADS * HEAD


def write_vae(folder: Path, is_5b: bool = False) -> Any:
    """A VAE of the real class: 4 latent channels at 8x (2.1), or 6 at 16x with patches of 2 (2.2, 5B)."""
    from diffusers import AutoencoderKLWan

    torch.manual_seed(1)
    common = {"base_dim": 4, "num_res_blocks": 1, "dim_mult": [1, 2, 2, 2]}
    if is_5b:
        channels = {"z_dim": 6, "in_channels": 12, "out_channels": 12, "patch_size": 2, "scale_factor_spatial": 16}
        kind = {"is_residual": True, "decoder_base_dim": 6, **channels}
    else:
        kind = {"z_dim": 4}
    count = kind["z_dim"]
    vae = AutoencoderKLWan(
        **common, **kind, latents_mean=[0.1 * n for n in range(count)], latents_std=[1 + 0.1 * n for n in range(count)]
    )
    vae.save_pretrained(folder)
    return vae


def write_text_encoder(folder: Path) -> None:
    """UMT5 with two layers."""
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(2)
    shape = {"d_model": TEXT, "d_kv": 8, "num_heads": 2, "d_ff": 24, "num_layers": 2, "vocab_size": WORDS}
    UMT5EncoderModel(UMT5Config(**shape)).eval().save_pretrained(folder)


def write_tokenizer(folder: Path) -> None:
    """Words by their place in a list; `</s>` at the end, as T5 does."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    listed = ["<pad>", "</s>", "<unk>", *"a wide green valley under grey clouds blurry mountain lake at dawn".split()]
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(listed)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
