"""What is done to SANA-WM's transformer before it runs: the same answer in less memory, and rays that keep their bits.

- Its blocks keep as little alive as they need: see `sana_wm_lean`.
- The cameras' matrices stay float32. The library casts them with the latents: in bfloat16 30.05 m become 30.0 m.
Source: diffusers 0.42.1, `models/transformers/transformer_sana_wm.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..camera import CameraPath
from ..errors import BackendError
from .sana_wm_camera import camera_tensors, ray_transforms
from .sana_wm_lean import LeanBlock

Transformer = Any  # SanaWMTransformer3DModel


def prepare(transformer: Transformer) -> None:
    """Change the transformer in place; see above. Raises BackendError E_MODEL_MISMATCH for another kind of it."""
    config = transformer.config
    takes_rays = config["use_chunk_plucker_post_attn"] and tuple(config["patch_size"]) == (1, 1, 1)
    has_these_layers = (
        config["ffn_type"] == "GLUMBConvTemp" and config["k_conv_only"] and config["conv_kernel_size"] > 0
    )
    blocks = config["chunk_plucker_post_attn_blocks"]
    if not (takes_rays and has_these_layers and (blocks < 0 or blocks >= len(transformer.blocks))):
        message = "This SANA-WM transformer is built in another way than the published one."
        raise BackendError("E_MODEL_MISMATCH", message, "Use the published model.")
    transformer.blocks = nn.ModuleList(LeanBlock(block) for block in transformer.blocks)
    transformer.plucker_embedder = KeptRays(transformer.plucker_embedder)


def camera_arguments(transformer: Transformer, camera: CameraPath) -> dict[str, Any]:
    """What the prepared transformer's forward is given of `camera`, which has the model's size and 8k + 1 frames."""
    device = transformer.device
    ray_from_world, world_from_ray = (torch.from_numpy(part)[None].to(device) for part in ray_transforms(camera))
    tensors = {name: torch.from_numpy(part)[None].to(device) for name, part in camera_tensors(camera).items()}
    transformer.plucker_embedder.keep(tensors["chunk_plucker"], transformer.dtype)
    unread = torch.empty(0, device=device)  # asked for, and not looked at where Plücker rays are given
    return {
        "camera_conditions": tensors["raymap"],
        "chunk_plucker": unread,
        "cam_pos_embeds": {"absmap": unread, "P": ray_from_world, "P_inv": world_from_ray},
    }


class KeptRays(nn.Module):
    """The embedder of Plücker rays, which it reads in float32 before anybody casts them; once per clip."""

    def __init__(self, embedder: nn.Module) -> None:
        super().__init__()
        self.embedder = embedder.float()
        self._embedded: Tensor | None = None

    def keep(self, rays: Tensor, dtype: torch.dtype) -> None:
        """Read the rays (1, 48, T, h, w) of the clip to come; only what comes of them is cast."""
        with torch.no_grad():
            self._embedded = self.embedder(rays).to(dtype)

    def forward(self, cast_rays: Tensor) -> Tensor:
        """The embedding (1, T * h * w, C) of the kept rays, whatever is given."""
        del cast_rays
        assert self._embedded is not None, "a clip's rays are kept before it is sampled"
        return self._embedded
