"""A small Z-Image checkpoint of the real classes, with random weights, in the folders of the published one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORD, WORDS, CHANNELS = 16, 48, 4                  # width of an embedded word, words known, latent channels
TEMPLATE = (
    "{% for message in messages %}<start> {{ message.role }} {{ message.content }} <end> {% endfor %}"
    "{% if add_generation_prompt %}<start> assistant {% endif %}"
)


def save(folder: Path) -> Any:
    """Save the pipeline there, as `save_pretrained` of the published one would lie; the pipeline is given back."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=False)
    made = ZImagePipeline(scheduler, vae(), encoder(), tokenizer(), transformer())
    made.save_pretrained(folder)
    words, template = folder / "tokenizer" / "tokenizer_config.json", folder / "tokenizer" / "chat_template.jinja"
    words.write_text(json.dumps(json.loads(words.read_text()) | {"chat_template": TEMPLATE}))
    template.unlink(missing_ok=True)               # where the published tokenizer has it, too: in its settings
    return made


def transformer() -> Any:
    from diffusers import ZImageTransformer2DModel

    torch.manual_seed(1)
    made = ZImageTransformer2DModel(
        in_channels=CHANNELS, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=WORD,
        axes_dims=[4, 6, 6], axes_lens=[640, 64, 64],
    )  # fmt: skip
    with torch.no_grad():
        for parameter in made.parameters():
            if not bool(parameter.any()):
                parameter.copy_(0.1 * torch.randn_like(parameter))
    return made.eval()


def vae() -> Any:
    from diffusers import AutoencoderKL

    torch.manual_seed(2)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 4, 4), layers_per_block=1, latent_channels=CHANNELS, norm_num_groups=2,
        scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False,
    ).eval()  # fmt: skip


def encoder() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(3)
    config = Qwen3Config(
        vocab_size=WORDS, hidden_size=WORD, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=1024, tie_word_embeddings=True,
    )  # fmt: skip
    return Qwen3ForCausalLM(config).eval()


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    said = "a wide green valley under grey clouds Photographed with angle lens horizon level in the middle of picture"
    listed = ["<pad>", "<start>", "<end>", "<unk>", "user", "assistant", *said.split()]
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(listed)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
    made.chat_template = TEMPLATE
    return made
