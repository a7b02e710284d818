"""What is done to SANA-WM's transformer before it runs: the same answer in less memory, and rays that keep their bits.

- Attention runs over a few heads at a time. Heads never meet inside it, so the result is the same to the bit, while
  its float32 copies of queries, keys and values exist for those heads only.
- The feed-forward convolutions run over a few frames at a time where they join no frames; the library's own splitting
  starts too late to save memory.
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

GROUPS = 4  # of heads
FRAMES_AT_ONCE = 16  # latent frames in the feed-forward's expensive middle

Transformer = Any  # SanaWMTransformer3DModel


def prepare(transformer: Transformer, groups: int = GROUPS) -> None:
    """Change the transformer in place; see above. Raises BackendError E_MODEL_MISMATCH for another kind of it."""
    config = transformer.config
    is_released = config["use_chunk_plucker_post_attn"] and tuple(config["patch_size"]) == (1, 1, 1)
    if not (is_released and config["ffn_type"] == "GLUMBConvTemp"):
        message = "This SANA-WM transformer takes its camera in another way than the published one."
        raise BackendError("E_MODEL_MISMATCH", message, "Use the published model.")
    for block in transformer.blocks:
        block.attn.attn = HeadGroups(block.attn.attn, groups)
        block.attn.cam_attn = HeadGroups(block.attn.cam_attn, groups, in_float32=True)
        block.mlp = FrameGroups(block.mlp, FRAMES_AT_ONCE)
    transformer.plucker_embedder = KeptRays(transformer.plucker_embedder)


def camera_arguments(transformer: Transformer, camera: CameraPath) -> dict[str, Any]:
    """What the prepared transformer's forward is given of `camera`, which has the model's size and 8k + 1 frames."""
    device = transformer.device
    ray_from_world, world_from_ray = (torch.from_numpy(part)[None].to(device) for part in ray_transforms(camera))
    tensors = {name: torch.from_numpy(part)[None].to(device) for name, part in camera_tensors(camera).items()}
    transformer.plucker_embedder.keep(tensors["chunk_plucker"])
    unread = torch.empty(0, device=device)  # asked for, and not looked at where Plücker rays are given
    return {
        "camera_conditions": tensors["raymap"],
        "chunk_plucker": unread,
        "cam_pos_embeds": {"absmap": unread, "P": ray_from_world, "P_inv": world_from_ray},
    }


class HeadGroups(nn.Module):
    """One of the four attentions, none of which has parameters, over a few heads at a time."""

    def __init__(self, attention: nn.Module, groups: int, in_float32: bool = False) -> None:
        super().__init__()
        self.attention, self._groups, self._in_float32 = attention, groups, in_float32

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> Tensor:
        """Queries, keys and values (B, N, H, D); gates (B, H, ...) among the rest; returns (B, N, H * D)."""
        batch, tokens, heads, width = query.shape
        found = query.new_empty(batch, tokens, heads, width)
        for first in range(0, heads, -(-heads // self._groups)):
            part = slice(first, first - (-heads // self._groups))
            chosen = (self._ready(tensor[:, :, part]) for tensor in (query, key, value))
            others = (other[:, part] if _is_gate(other) else other for other in rest)
            found[:, :, part] = self.attention(*chosen, *others, **options).unflatten(-1, (-1, width))
        return found.flatten(2)

    def _ready(self, tensor: Tensor) -> Tensor:
        return tensor.float() if self._in_float32 else tensor


class FrameGroups(nn.Module):
    """GLUMBConvTemp, whose convolutions over the picture run over a few frames at a time."""

    def __init__(self, feed_forward: nn.Module, frames: int) -> None:
        super().__init__()
        self.feed_forward, self._frames = feed_forward, frames

    def forward(self, hidden_states: Tensor, HW: tuple[int, int, int]) -> Tensor:  # noqa: N803 (the block says so)
        """(B, T * h * w, C) in and out."""
        inner: Any = self.feed_forward
        batch, _, channels = hidden_states.shape
        frames, height, width = HW
        pictures = hidden_states.reshape(batch * frames, height, width, channels).permute(0, 3, 1, 2)
        found = torch.empty_like(pictures)
        for part, place in zip(pictures.split(self._frames), found.split(self._frames), strict=True):
            value, gate = inner.depth_conv(inner.inverted_conv(part)).chunk(2, dim=1)
            place.copy_(inner.point_conv(value * inner.glu_act(gate)))
        found = found.view(batch, frames, channels, height * width).permute(0, 2, 1, 3)
        return (found + inner.t_conv(found)).permute(0, 2, 3, 1).reshape(hidden_states.shape)


class KeptRays(nn.Module):
    """The embedder of Plücker rays, which it reads in float32 before anybody casts them; once per clip."""

    def __init__(self, embedder: nn.Module) -> None:
        super().__init__()
        self.embedder = embedder.float()
        self._embedded: Tensor | None = None

    def keep(self, rays: Tensor) -> None:
        """Read the rays (1, 48, T, h, w) of the clip to come."""
        with torch.no_grad():
            self._embedded = self.embedder(rays)

    def forward(self, cast_rays: Tensor) -> Tensor:
        """The embedding (1, T * h * w, C) of the kept rays, in the number format of the cast ones."""
        assert self._embedded is not None, "a clip's rays are kept before it is sampled"
        return self._embedded.to(cast_rays.dtype)


def _is_gate(other: object) -> bool:
    return isinstance(other, Tensor) and other.ndim >= 3
