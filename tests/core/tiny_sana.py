"""Small SANA-WM checkpoints of the real classes, with random weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from platewright.camera import CameraPath

if TYPE_CHECKING:
    from diffusers import AutoencoderKLLTX2Video, SanaWMTransformer3DModel

SIZE = (96, 64)  # pixels: 3 x 2 latent cells
CHANNELS = 4


def transformer(dtype: torch.dtype = torch.float32) -> SanaWMTransformer3DModel:
    """Four blocks, the last with softmax attention; five heads, so that groups of heads are uneven."""
    from diffusers import SanaWMTransformer3DModel

    torch.manual_seed(1)
    made = SanaWMTransformer3DModel(
        in_channels=CHANNELS, num_layers=4, hidden_size=80, num_attention_heads=5, linear_head_dim=16,
        chunk_plucker_post_attn_blocks=4, caption_channels=10, mlp_ratio=2.0,
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
