"""How much memory the guided models need at full size, traced as `memory.py` does it: without a GPU, without weights.

    python bench/memory_guided.py

One pass of each transformer (guidance runs them one after the other), with the ControlNet's or VACE's own blocks, and
Wan's VAE: encoding a window, decoding it whole as the library does, and as the stream that we decode.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from memory import GB, counted, empty, on_meta, say, weights_gb

from platewright.models import wan_decoding

VACE = {"in_channels": 16, "out_channels": 16, "vace_in_channels": 96, "attention_head_dim": 128}
VACE_SMALL = VACE | {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30, "vace_layers": [*range(0, 30, 2)]}
VACE_LARGE = VACE | {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40, "vace_layers": [*range(0, 40, 5)]}
COSMOS: dict[str, Any] = {  # as diffusers' own converter writes it
    "num_attention_heads": 16, "attention_head_dim": 128, "rope_scale": (1.0, 3.0, 3.0), "extra_pos_embed_type": None,
    "use_crossattn_projection": True, "crossattn_proj_in_channels": 100352, "img_context_dim_in": 1152,
}  # fmt: skip
TEXT, WIDE = 512, 4096                             # tokens of a prompt, numbers of UMT5's
CLIPS = {"Wan-VACE": (81, 480, 832), "Cosmos": (93, 704, 1280)}                # frames, height, width


def vace(facts: dict[str, Any]) -> tuple[float, float]:
    """Weights, and the peak of one pass beside them."""
    from diffusers.models.transformers.transformer_wan_vace import WanVACETransformer3DModel

    transformer = on_meta(lambda: WanVACETransformer3DModel(**facts))
    frames, height, width = CLIPS["Wan-VACE"]
    grid = ((frames - 1) // 4 + 1, height // 8, width // 8)
    scale = torch.ones(len(facts["vace_layers"]), device="meta")
    with counted(transformer) as live:
        transformer(
            hidden_states=empty(1, 16, *grid),
            timestep=empty(1, dtype=torch.int64),
            encoder_hidden_states=empty(1, TEXT, WIDE),
            control_hidden_states=empty(1, 96, *grid),
            control_hidden_states_scale=scale,
        )
    return weights_gb(transformer), live.peak_bytes / GB


def cosmos() -> tuple[float, float, float]:
    """Weights of the transformer and of a ControlNet, and the peak of one pass of both beside them."""
    from diffusers.models.controlnets import controlnet_cosmos
    from diffusers.models.transformers import transformer_cosmos

    for module in (controlnet_cosmos, transformer_cosmos):
        module.transforms = SimpleNamespace(  # pyright: ignore[reportAttributeAccessIssue]
            functional=SimpleNamespace(resize=lambda mask, size, interpolation: mask[:, :, :: 8, :: 8]),
            InterpolationMode=SimpleNamespace(NEAREST="nearest"),
        )
    net = on_meta(
        lambda: transformer_cosmos.CosmosTransformer3DModel(in_channels=17, controlnet_block_every_n=7, **COSMOS)
    )
    control = on_meta(lambda: controlnet_cosmos.CosmosControlNetModel(**COSMOS))
    frames, height, width = CLIPS["Cosmos"]
    grid = ((frames - 1) // 4 + 1, height // 8, width // 8)
    told = empty(1, TEXT, 100352), empty(1, 256, 1152)
    both = torch.nn.ModuleList([net, control])
    with counted(both) as live:
        given = {
            "timestep": empty(1, 1, grid[0], 1, 1), "encoder_hidden_states": told,
            "condition_mask": empty(1, 1, *grid), "padding_mask": empty(1, 1, height, width), "return_dict": False,
        }  # fmt: skip
        latents = empty(1, 16, *grid)
        blocks = control(controls_latents=empty(1, 16, *grid), latents=latents, **given)[0]
        net(hidden_states=latents, block_controlnet_hidden_states=blocks, **given)
    return weights_gb(net), weights_gb(control), live.peak_bytes / GB


def autoencoder(clip: str, use: Callable[[Any, tuple[int, int, int]], None], dtype: torch.dtype) -> float:
    """Peak of a use of Wan's VAE, beside its weights."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    vae = on_meta(AutoencoderKLWan, dtype)
    with counted(vae) as live:
        use(vae, CLIPS[clip])
    return live.peak_bytes / GB


def encoded(vae: Any, clip: tuple[int, int, int]) -> None:
    vae.encode(empty(1, 3, *clip, dtype=vae.dtype))


def whole(vae: Any, clip: tuple[int, int, int]) -> None:
    vae.decode(latents_of(vae, clip))


def streamed(vae: Any, clip: tuple[int, int, int]) -> None:
    for _ in wan_decoding.decoded(vae, latents_of(vae, clip)):
        pass


def latents_of(vae: Any, clip: tuple[int, int, int]) -> torch.Tensor:
    return empty(1, 16, (clip[0] - 1) // 4 + 1, clip[1] // 8, clip[2] // 8, dtype=vae.dtype)


def still() -> tuple[float, float, float, float]:
    """Z-Image-Turbo: weights of the transformer and of its VAE, and the peaks of a pass and of decoding a megapixel."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel

    net = on_meta(ZImageTransformer2DModel)
    facts: dict[str, Any] = {
        "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 16,
        "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
    }  # fmt: skip
    vae = on_meta(lambda: AutoencoderKL(**facts), torch.float32)
    down, across = 98, 178                         # cells of 1424 x 784, as it draws 20:11
    with counted(net) as passing:
        net([empty(16, 1, down, across)], torch.empty(1, device="meta"), [empty(TEXT, 2560)])
    with counted(vae) as decoding:
        vae.decode(empty(1, 16, down, across, dtype=torch.float32))
    return weights_gb(net), weights_gb(vae), passing.peak_bytes / GB, decoding.peak_bytes / GB


def main() -> None:
    logging.disable(logging.WARNING)
    say("| part | weights, GB | beside them, GB |\n|---|---|---|")
    for name, facts in (("Wan-VACE 1.3B", VACE_SMALL), ("Wan-VACE 14B", VACE_LARGE)):
        weights, peak = vace(facts)
        say(f"| {name}, one pass, 81 frames of 832x480 | {weights:.1f} | {peak:.1f} |")
    net, control, peak = cosmos()
    say(f"| Cosmos-Transfer2.5 and a ControlNet, one pass, 93 frames of 1280x704 | {net + control:.1f} | {peak:.1f} |")
    for clip in CLIPS:
        peaks = [autoencoder(clip, use, torch.float32) for use in (encoded, whole, streamed)]
        words = "encoding {:.1f}, decoding {:.1f} whole, {:.1f} streamed".format(*peaks)
        say(f"| Wan's VAE in float32, a window of {clip} | 0.5 | {words} |")
    net, vae, peak, decoding = still()
    say(f"| Z-Image-Turbo, one pass, 1424x784 | {net:.1f} | {peak:.1f} |")
    say(f"| its VAE in float32 | {vae:.1f} | decoding {decoding:.1f} |")


if __name__ == "__main__":
    main()
