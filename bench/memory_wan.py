"""How much memory Wan-Fun's models need at full size, traced as `memory.py` does it: without a GPU, without weights.

    python bench/memory_wan.py [--only wan-fun-camera-5b ...]

One pass of a transformer (guidance runs them one after the other), one of the camera adapter, which is kept beside it,
and the VAE: encoding what the model is shown of the first picture, decoding the window as the stream that we decode.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from memory import GB, counted, empty, on_meta, say, weights_gb

from platewright.models import wan_decoding, wan_fun
from platewright.models.wan_fun_adapter import CameraAdapter

TEXT, WIDE, CLIP_TOKENS = 512, 4096, 257           # tokens of a prompt, numbers of UMT5's, tokens of CLIP's picture
WAN: dict[str, Any] = {"attention_head_dim": 128, "text_dim": 4096, "freq_dim": 256}
SMALL = WAN | {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
MIDDLE = WAN | {"num_attention_heads": 24, "ffn_dim": 14336, "num_layers": 30}
LARGE = WAN | {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40}
VAE_16: dict[str, Any] = {                         # of Wan 2.2's 5B: published with Wan-AI/Wan2.2-TI2V-5B-Diffusers
    "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "in_channels": 12, "out_channels": 12,
    "patch_size": 2, "scale_factor_spatial": 16, "latents_mean": [0.0] * 48, "latents_std": [1.0] * 48,
}  # fmt: skip


@dataclass(frozen=True)
class Net:
    """A published model's shape."""

    config: dict[str, Any]
    vae: dict[str, Any] = field(default_factory=dict[str, Any])
    fold: int = 8                                  # of the adapter


NETS = {
    "wan-fun-camera": Net(LARGE),
    "wan-fun-camera-5b": Net(MIDDLE, VAE_16, 16),
    "wan-fun-camera-1.3b": Net(SMALL),
    "wan-fun-camera-14b": Net(LARGE),
}


def passed(name: str) -> tuple[float, float, float]:
    """Weights of one transformer and of its adapter, and the peak of one pass beside both."""
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    kind, net = wan_fun.VARIANTS[name], NETS[name]
    width, frames = net.config["num_attention_heads"] * 128, kind.longest
    seen: dict[str, Any] = {"image_dim": 1280, "added_kv_proj_dim": width} if kind.has_clip else {}
    out = net.vae.get("z_dim", 16)
    transformer = on_meta(
        lambda: WanTransformer3DModel(in_channels=kind.channels, out_channels=out, **net.config, **seen)
    )
    adapter = on_meta(lambda: CameraAdapter(width, net.fold))
    (across, down), count, cell = kind.native, (frames - 1) // 4 + 1, net.fold
    with counted(torch.nn.ModuleList([transformer, adapter])) as live:
        added = torch.stack([adapter(empty(1, 24, down, across)) for _ in range(count)], 2)
        transformer.patch_embedding.register_forward_hook(lambda _, given, made: made + added)
        tokens = count * (down // cell // 2) * (across // cell // 2)
        times = empty(1, tokens if kind.per_token else 1, dtype=torch.int64)
        transformer(
            hidden_states=empty(1, kind.channels, count, down // cell, across // cell),
            timestep=times if kind.per_token else times[:, 0],
            encoder_hidden_states=empty(1, TEXT, WIDE),
            encoder_hidden_states_image=empty(1, CLIP_TOKENS, 1280) if kind.has_clip else None,
        )
    return weights_gb(transformer), weights_gb(adapter), live.peak_bytes / GB


def autoencoder(name: str) -> tuple[float, float, float]:
    """Weights of the VAE in float32, and the peaks of encoding and of decoding beside them."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    kind, net = wan_fun.VARIANTS[name], NETS[name]
    vae = on_meta(lambda: AutoencoderKLWan(**net.vae), torch.float32)
    (across, down), channels = kind.native, net.vae.get("z_dim", 16)
    with counted(vae) as encoding:
        vae.encode(empty(1, 3, 1 if kind.has_clip else kind.longest, down, across, dtype=torch.float32))
    count = (kind.longest - 1) // 4 + 1
    latents = empty(1, channels, count, down // net.fold, across // net.fold, dtype=torch.float32)
    with counted(vae) as decoding:
        for _ in wan_decoding.decoded(vae, latents):
            pass
    return weights_gb(vae), encoding.peak_bytes / GB, decoding.peak_bytes / GB


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--only", nargs="+", choices=list(NETS), default=list(NETS))
    logging.disable(logging.WARNING)
    say("| model | transformer, GB | adapter | a pass beside them | VAE | encoding | decoding |")
    say("|---|---|---|---|---|---|---|")
    for name in options.parse_args().only:
        found = (*passed(name), *autoencoder(name))
        say(f"| {name} | {' | '.join(f'{value:.2f}' for value in found)} |")


if __name__ == "__main__":
    main()
