"""Wan's parts, small and untrained, saved in the folders that the published models have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

TEXT, WORDS, CLIP = 16, 40, 12                      # widths of the tiny encoders, words of the tiny tokenizer
HEADS, HEAD, LAYERS, FEED = 2, 12, 2, 32
WIDTH = HEADS * HEAD


def write_vae(folder: Path, is_5b: bool = False) -> Any:
    """A VAE of the real class: 16 latent channels at 8x (2.1), or 48 at 16x with patches of 2 (2.2, 5B)."""
    from diffusers import AutoencoderKLWan

    torch.manual_seed(1)
    common = {"base_dim": 4, "num_res_blocks": 1, "dim_mult": [1, 2, 2, 2]}
    if is_5b:
        channels = {"z_dim": 48, "in_channels": 12, "out_channels": 12, "patch_size": 2, "scale_factor_spatial": 16}
        kind = {"is_residual": True, "decoder_base_dim": 6, **channels}
    else:
        kind = {"z_dim": 16}
    count = kind["z_dim"]
    moments = {"latents_mean": [0.02 * n for n in range(count)], "latents_std": [1 + 0.02 * n for n in range(count)]}
    vae = AutoencoderKLWan(**common, **kind, **moments)
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


def write_scheduler(folder: Path) -> None:
    """Wan's own, with a shift that no model here uses."""
    from diffusers import UniPCMultistepScheduler

    scheduler_of(7.0).save_pretrained(folder)
    assert UniPCMultistepScheduler.__name__ in (folder / "scheduler_config.json").read_text()


def scheduler_of(shift: float) -> Any:
    from diffusers import UniPCMultistepScheduler

    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


def write_clip(folder: Path) -> None:
    """The image encoder and its processor, as the 2.1 models have them."""
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

    torch.manual_seed(4)
    shape = {"hidden_size": CLIP, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2}
    CLIPVisionModel(CLIPVisionConfig(**shape, image_size=32, patch_size=16)).save_pretrained(folder / "image_encoder")
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPImageProcessorPil(**size).save_pretrained(folder / "image_processor")


def shape_of(channels: int, out: int, has_clip: bool) -> dict[str, Any]:
    """Arguments of diffusers' WanTransformer3DModel."""
    shape: dict[str, Any] = {"num_attention_heads": HEADS, "attention_head_dim": HEAD, "in_channels": channels}
    shape |= {"out_channels": out, "text_dim": TEXT, "freq_dim": 16, "ffn_dim": FEED, "num_layers": LAYERS}
    return shape | ({"image_dim": CLIP, "added_kv_proj_dim": WIDTH} if has_clip else {})


RENAMED = (  # from diffusers' names to the published ones
    (r"^condition_embedder\.time_embedder\.linear_1", "time_embedding.0"),
    (r"^condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
    (r"^condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
    (r"^condition_embedder\.text_embedder\.linear_2", "text_embedding.2"),
    (r"^condition_embedder\.time_proj", "time_projection.1"),
    (r"^condition_embedder\.image_embedder\.norm1", "img_emb.proj.0"),
    (r"^condition_embedder\.image_embedder\.ff\.net\.0\.proj", "img_emb.proj.1"),
    (r"^condition_embedder\.image_embedder\.ff\.net\.2", "img_emb.proj.3"),
    (r"^condition_embedder\.image_embedder\.norm2", "img_emb.proj.4"),
    (r"^proj_out", "head.head"),
    (r"^scale_shift_table", "head.modulation"),
    (r"\.scale_shift_table", ".modulation"),
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_(q|k|v)\.", r".\1."),
    (r"\.to_out\.0\.", ".o."),
    (r"\.add_(k|v)_proj\.", r".\1_img."),
    (r"\.norm_added_k\.", ".norm_k_img."),
    (r"\.norm2\.", ".norm3."),
    (r"\.ffn\.net\.0\.proj\.", ".ffn.0."),
    (r"\.ffn\.net\.2\.", ".ffn.2."),
)


def published(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """diffusers' names as VideoX-Fun publishes them."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        for pattern, new in RENAMED:
            name = re.sub(pattern, new, name)
        found[name] = tensor.contiguous()
    return found


def write_expert(folder: Path, seed: int, channels: int, out: int, fold: int, has_clip: bool) -> tuple[Any, Any]:
    """A transformer and its adapter, saved in one file under the published names; both are given back."""
    from diffusers import WanTransformer3DModel

    from platewright.models.wan_fun_adapter import CameraAdapter

    torch.manual_seed(seed)
    transformer = WanTransformer3DModel(**shape_of(channels, out, has_clip)).eval().requires_grad_(False)
    adapter = CameraAdapter(WIDTH, fold).eval().requires_grad_(False)
    adapter.conv.bias += 0.5
    tensors = published(transformer.state_dict())
    tensors |= {f"control_adapter.{name}": tensor for name, tensor in adapter.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    config: dict[str, Any] = {"_class_name": "Wan2_2Transformer3DModel", "add_control_adapter": True}
    config |= {"in_dim_control_adapter": 24, "downscale_factor_control_adapter": fold, "add_ref_conv": False}
    config |= {"in_dim": channels, "out_dim": out, "dim": WIDTH, "ffn_dim": FEED, "num_heads": HEADS, "eps": 1e-6}
    config |= {"num_layers": LAYERS, "freq_dim": 16, "text_dim": TEXT, "text_len": 512, "model_type": "i2v"}
    (folder / "config.json").write_text(json.dumps(config))
    return transformer, adapter


def write_common(folder: Path, is_5b: bool = False) -> Any:
    """What all of Wan's models have beside their transformer; the VAE is given back."""
    write_text_encoder(folder / "text_encoder")
    write_tokenizer(folder / "tokenizer")
    write_scheduler(folder / "scheduler")
    return write_vae(folder / "vae", is_5b).eval().requires_grad_(False)
