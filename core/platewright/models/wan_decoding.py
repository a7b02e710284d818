"""Wan's VAE as a stream: latents in, pictures out as soon as they are decoded, and not a bit different.

`AutoencoderKLWan.decode` runs one latent frame at a time through a causal decoder with a cache, but joins all pictures
again at every one of them, and gives them at the end. Here each group leaves at once: memory does not grow with the
clip. The first latent frame makes one picture, each later one four.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def decoded(vae: Any, latents: Tensor) -> Iterator[Tensor]:
    """Pictures (1, 3, n, H, W) in -1..1, n = 1 and then 4, equal to `vae.decode(latents)` cut along time.

    latents  (1, C, T, h, w) as the VAE takes them: see `for_vae`
    Plain decoding only, as published: slicing and tiling are left out. The VAE's cache is its own again at the end,
    whatever happens in between.
    """
    from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify

    vae.clear_cache()
    try:
        with torch.no_grad():
            prepared = vae.post_quant_conv(latents)
            for number in range(latents.shape[2]):
                vae._conv_idx = [0]
                first = {"first_chunk": True} if number == 0 else {}
                made = vae.decoder(
                    prepared[:, :, number : number + 1], feat_cache=vae._feat_map, feat_idx=vae._conv_idx, **first
                )
                if vae.config.patch_size is not None:
                    made = unpatchify(made, patch_size=vae.config.patch_size)
                yield torch.clamp(made, min=-1.0, max=1.0)
    finally:
        vae.clear_cache()


def for_vae(vae: Any, latents: Tensor) -> Tensor:
    """A pipeline's latents in the VAE's own scale, by the very steps of diffusers' Wan pipelines."""
    latents = latents.to(vae.dtype)
    shape = (1, vae.config.z_dim, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean).view(shape).to(latents.device, latents.dtype)
    inverse = 1.0 / torch.tensor(vae.config.latents_std).view(shape).to(latents.device, latents.dtype)
    return latents / inverse + mean
