"""Cosmos-Transfer2.5's parts, small and untrained, in folders as published; and a guardrail of a few lines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from tests.core import tiny_wan

HEADS, HEAD, WORDS = 2, 16, 64
LAYERS, TEXT = 2, 16                               # of the tiny text encoder: 2 x 16 numbers a token
QWEN_TEMPLATE = (  # as Qwen2.5-VL's tokenizer has it, without its pictures
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}{% if 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GUARDRAIL = '''
import torch


class CosmosSafetyChecker(torch.nn.Module):
    """Refuses one word, and a white picture; puts a grey square over the second and third one."""

    device = torch.device("cpu")

    def check_text_safety(self, prompt):
        return "forbidden" not in prompt

    def check_video_safety(self, frames):
        if frames.min() > 250:
            return None
        frames[1:3, :8, :8] = 16
        return frames

    def to(self, device=None, dtype=None):
        pass
'''


def write(folder: Path) -> Path:
    """The model's folder, and the ControlNets of depth and edges beside it."""
    from diffusers import CosmosControlNetModel, CosmosTransformer3DModel

    tiny_wan.write_vae(folder / "vae")
    write_text_encoder(folder / "text_encoder")
    write_tokenizer(folder / "tokenizer")
    scheduler().save_pretrained(folder / "scheduler")
    shape: dict[str, Any] = {"num_attention_heads": HEADS, "attention_head_dim": HEAD, "mlp_ratio": 2.0}
    shape |= {"text_embed_dim": 32, "adaln_lora_dim": 4, "max_size": (4, 32, 32), "extra_pos_embed_type": "learnable"}
    shape |= {"use_crossattn_projection": True, "crossattn_proj_in_channels": LAYERS * TEXT}
    shape |= {"encoder_hidden_states_channels": 32, "img_context_dim_in": 8, "img_context_dim_out": 32}
    torch.manual_seed(11)
    more = {"in_channels": 17, "out_channels": 16, "num_layers": 2, "controlnet_block_every_n": 1}
    made = CosmosTransformer3DModel(**shape, **more, img_context_num_tokens=4)
    made.save_pretrained(folder / "transformer")
    for seed, kind in enumerate(("depth", "edge")):
        torch.manual_seed(20 + seed)
        less = {"n_controlnet_blocks": 2, "in_channels": 18, "latent_channels": 18, "model_channels": HEADS * HEAD}
        control = CosmosControlNetModel(**shape, **less)
        control.save_pretrained(folder.with_name(f"{folder.name}-{kind}"))
    return folder


def scheduler() -> Any:
    from diffusers import UniPCMultistepScheduler

    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, use_karras_sigmas=True, sigma_max=200.0, sigma_min=0.01
    )


def write_text_encoder(folder: Path) -> None:
    """Qwen2.5-VL with two layers."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(12)
    text = {"hidden_size": TEXT, "intermediate_size": 16, "num_hidden_layers": LAYERS, "vocab_size": WORDS}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 1024}
    text |= {"rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1000000.0}}
    text |= {"bos_token_id": 1, "eos_token_id": 2}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": TEXT}
    Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)).eval().save_pretrained(
        folder
    )


def write_tokenizer(folder: Path) -> None:
    """Words by their place in a list, with Qwen's marks."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<unk>"]
    listed = [*marks, *"system user you are a helpful assistant who will provide prompts to an image".split()]
    listed += "generator . mountain lake at dawn blurry forbidden".split()
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(listed)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=marks[0], unk_token="<unk>", additional_special_tokens=marks[1:3]
    ).save_pretrained(folder)


def nearest() -> Any:
    """The one thing that diffusers' Cosmos asks of torchvision: a padding mask, of zeros, at another size."""

    def resize(mask: Any, size: list[int], interpolation: str) -> Any:
        return torch.nn.functional.interpolate(mask, size=size, mode=interpolation)

    modes = SimpleNamespace(NEAREST="nearest")
    return SimpleNamespace(functional=SimpleNamespace(resize=resize), InterpolationMode=modes)
