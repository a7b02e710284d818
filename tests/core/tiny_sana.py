"""Small SANA-WM checkpoints of the real classes, with random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from platewright.camera import CameraPath

if TYPE_CHECKING:
    from diffusers import AutoencoderKLLTX2Video, SanaWMTransformer3DModel

SIZE = (96, 64)  # pixels: 3 x 2 latent cells
CHANNELS = 4
WORD, VOCABULARY = 16, 32  # width of an embedded word, words known


def transformer(dtype: torch.dtype = torch.float32) -> SanaWMTransformer3DModel:
    """Four blocks, the last with softmax attention; five heads, so that groups of heads are uneven."""
    from diffusers import SanaWMTransformer3DModel

    torch.manual_seed(1)
    made = SanaWMTransformer3DModel(
        in_channels=CHANNELS, num_layers=4, hidden_size=80, num_attention_heads=5, linear_head_dim=16,
        chunk_plucker_post_attn_blocks=4, caption_channels=WORD, mlp_ratio=2.0,
    )  # fmt: skip
    return _stirred(made).to(dtype).eval().requires_grad_(False)


def vae(dtype: torch.dtype = torch.float32, **other: Any) -> AutoencoderKLLTX2Video:
    """The released layout, thin: 8 frames and 32 pixels to a latent, decoder not causal."""
    from diffusers import AutoencoderKLLTX2Video

    torch.manual_seed(2)
    thin: dict[str, Any] = {
        "latent_channels": CHANNELS, "block_out_channels": (8, 8, 8, 8), "layers_per_block": (1, 1, 1, 1, 1),
        "decoder_block_out_channels": (8, 16, 32), "decoder_layers_per_block": (2, 1, 2, 1), "decoder_causal": False,
        "spatial_compression_ratio": 32, "temporal_compression_ratio": 8,
    }  # fmt: skip
    made = AutoencoderKLLTX2Video(**(thin | other))
    made.latents_mean.copy_(torch.randn(CHANNELS))
    made.latents_std.copy_(torch.rand(CHANNELS) + 0.5)
    return made.to(dtype).eval().requires_grad_(False)


def path(frames: int, start: float = 0.0, step: float = 0.1, size: tuple[int, int] = SIZE) -> CameraPath:
    """A camera that turns, zooms and moves, `start` metres along its way; its lens is a little off the middle."""
    poses, lenses = [], []
    for n in range(frames):
        yaw, pitch = 0.02 * n + 0.4, 0.01 * n - 0.1
        cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        x, y, z = start + step * n, 0.5 * step * n, 1.7 + 0.1 * step * n
        poses.append((cy, sy * sp, sy * cp, x, 0.0, cp, -sp, y, -sy, cy * sp, cy * cp, z, 0.0, 0.0, 0.0, 1.0))
        lenses.append((0.8 * size[0] + n, 0.8 * size[0] + n, size[0] / 2 + 1.5, size[1] / 2 - 0.5))
    return CameraPath(
        camera="Camera", cameras=("Camera",) * frames, fps=24.0, width=size[0], height=size[1],
        frames=tuple(range(1001, 1001 + frames)), camera_to_world=tuple(poses), intrinsics=tuple(lenses),
    )  # fmt: skip


def _stirred(made: Any) -> Any:
    """Weights that are zero at birth get values, or half the network would be silent."""
    with torch.no_grad():
        for parameter in made.parameters():
            if not bool(parameter.any()):
                parameter.copy_(0.1 * torch.randn_like(parameter))
    return made


def prompts() -> tuple[Any, Any]:
    """Prompt and negative prompt: embedding (1, 1, 7, WORD) and mask (1, 7) each."""
    drawn = torch.Generator().manual_seed(3)
    told = [torch.randn(1, 1, 7, WORD, generator=drawn) for _ in range(2)]
    masks = torch.tensor([[1, 1, 1, 1, 1, 0, 0]]), torch.tensor([[1, 1, 0, 0, 0, 0, 0]])
    return (told[0], masks[0]), (told[1], masks[1])


def refiner() -> Any:
    """Two blocks with their audio half."""
    from diffusers import SanaWMLTX2RefinerTransformer3DModel

    torch.manual_seed(3)
    shape: dict[str, Any] = {"num_attention_heads": 2, "attention_head_dim": 16, "cross_attention_dim": 32}
    audio: dict[str, Any] = {
        "audio_in_channels": CHANNELS, "audio_out_channels": CHANNELS, "audio_num_attention_heads": 2,
        "audio_attention_head_dim": 8, "audio_cross_attention_dim": 16,
    }  # fmt: skip
    made = SanaWMLTX2RefinerTransformer3DModel(
        in_channels=CHANNELS, out_channels=CHANNELS, num_layers=2, caption_channels=WORD, **shape, **audio
    )
    return _stirred(made).eval().requires_grad_(False)


def save(folder: Path, **vae_facts: Any) -> Path:
    """Both stages as their pipelines save themselves: `sana-wm` and `sana-wm-refiner` in `folder`."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SanaWMLTX2Refiner, SanaWMPipeline

    words = _tokenizer()
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    first = SanaWMPipeline(words, _gemma_2(), vae(**vae_facts), transformer(), scheduler)
    first.save_pretrained(folder / "sana-wm")
    plain = FlowMatchEulerDiscreteScheduler(shift=1.0)
    second = SanaWMLTX2Refiner(refiner(), _connectors(), words, _gemma_3(), plain, text_max_sequence_length=32)
    second.save_pretrained(folder / "sana-wm-refiner")
    return folder / "sana-wm"


def _tokenizer() -> Any:
    """Words by their place in a list."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    listed = ["<pad>", "<eos>", "<bos>", "<unk>", *"a wide green valley under grey clouds at dawn blurry".split()]
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(listed)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def _gemma(kind: Any) -> Any:
    return kind(
        vocab_size=VOCABULARY, hidden_size=WORD, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=2048, sliding_window=64,
    )  # fmt: skip


def _gemma_2() -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(4)
    return Gemma2ForCausalLM(_gemma(Gemma2Config)).eval()


def _gemma_3() -> Any:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3TextConfig, SiglipVisionConfig

    torch.manual_seed(5)
    seen = SiglipVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=28, patch_size=14
    )
    config = Gemma3Config(
        text_config=_gemma(Gemma3TextConfig), vision_config=seen, mm_tokens_per_image=4, image_token_index=30
    )
    return Gemma3ForConditionalGeneration(config).eval()


def _connectors() -> Any:
    from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors

    torch.manual_seed(6)
    heads: dict[str, Any] = {
        f"{kind}_connector_{fact}": value
        for kind in ("video", "audio")
        for fact, value in (("num_attention_heads", 2), ("attention_head_dim", 8), ("num_learnable_registers", 8))
    }
    return LTX2TextConnectors(caption_channels=WORD, text_proj_in_factor=3, connector_rope_base_seq_len=32, **heads)
