"""SANA-WM's blocks with as little alive at a time as they need: the same layers in the same order, a part at a time.

What acts on every token by itself runs over a few frames; softmax attention over a few heads; the recurrence over
frames in its own way (`sana_wm_recurrence`). What a step no longer needs is gone before the next. One clip, no masks.
Source: diffusers 0.42.1, `models/transformers/transformer_sana_wm.py` (SanaVideoMSCamCtrlBlock and its attentions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .sana_wm_recurrence import CameraRecurrence, Rays, Recurrence

TOKENS_AT_ONCE = 40_000  # of softmax attention, counted for each head: as many heads as that allows
FRAMES_AT_ONCE = 4  # latent frames in what acts on every token, or on every picture, by itself

Size = tuple[int, int, int]  # latent frames, rows, columns


class LeanBlock(nn.Module):
    """In the place of SanaVideoMSCamCtrlBlock. The tokens that it is given are its own: it changes them."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.block = block
        self.attention = LeanAttention(block.attn)

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        t: Tensor,
        mask: Tensor,
        size: Size,
        rotary: Tensor,
        block_mask: None,
        camera_conditions: Tensor,
        rays: Rays,
        plucker: Tensor,
        frame_valid_mask: None,
        chunk_size: int | None,
    ) -> Tensor:
        """Tokens (1, N, C) in and out; the arguments are the library's, in its order."""
        del block_mask, camera_conditions, frame_valid_mask, chunk_size
        block, frames, x = self.block, size[0], x.contiguous()
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = (
            block.scale_shift_table[None, None] + t.reshape(1, frames, 6, -1)
        ).chunk(6, dim=-2)
        x.add_(_times(self.attention(_modulated(block.norm1(x), scale, shift), size, rotary, rays), gate))
        for part in _parts(size):
            x[:, part] += block.plucker_proj(plucker[:, part])
            x[:, part] += block.cross_attn(x[:, part], y, mask=mask)
        return x.add_(_times(self._fed_forward(x, scale_mlp, shift_mlp, size), gate_mlp))

    def _fed_forward(self, x: Tensor, scale: Tensor, shift: Tensor, size: Size) -> Tensor:
        """GLUMBConvTemp, whose convolutions over the picture run over a few frames at a time."""
        mlp, (_, height, width) = self.block.mlp, size
        found = x.new_empty(1, x.shape[-1], size[0], height * width)
        for part, some in zip(_parts(size), _frames(size), strict=True):
            tokens = _modulated(self.block.norm2(x[:, part]), scale[:, some], shift[:, some])
            pictures = tokens[0].unflatten(0, (-1, height, width)).permute(0, 3, 1, 2)
            value, gate = mlp.depth_conv(mlp.inverted_conv(pictures)).chunk(2, dim=1)
            made = mlp.point_conv(value * mlp.glu_act(gate))
            found[0, :, some] = made.flatten(2).transpose(0, 1)
        return mlp.t_conv(found).add_(found).flatten(2).transpose(1, 2)


class LeanAttention(nn.Module):
    """In the place of BidirectionalGDNUCPESinglePathLiteLA and of its softmax counterpart."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.attention = attention
        self.is_recurrent = hasattr(attention, "conv_k")
        self.main: nn.Module = Recurrence(attention.attn) if self.is_recurrent else HeadGroups(attention.attn)
        camera = CameraRecurrence() if self.is_recurrent else HeadGroups(attention.cam_attn, in_float32=True)
        self.camera: nn.Module = camera

    def forward(self, x: Tensor, size: Size, rotary: Tensor, rays: Rays) -> Tensor:
        """(1, N, C) in and out; x is not changed."""
        inner = self.attention
        gates = self._gates(x, size) if self.is_recurrent else ()
        found = self.main(*self._asked(x, size, inner.qkv, "q_norm", "k_norm", "conv_k"), *gates, rotary).flatten(2)
        seen = self.camera(
            *self._asked(x, size, self._of_camera, "q_norm_cam", "k_norm_cam", "conv_k_cam"), *gates, rays
        )
        seen = seen.flatten(2)
        for part in _parts(size):
            both = found[:, part] + inner.out_proj_cam(seen[:, part])
            gated = both * nn.functional.silu(inner.output_gate(x[:, part]).float())
            found[:, part] = inner.proj(gated.to(x.dtype))
        return found

    def _gates(self, x: Tensor, size: Size) -> tuple[Tensor, Tensor]:
        """beta (1, H, T, S) and decay (1, H, T), shared by both branches."""
        inner: Any = self.attention
        frames = x.unflatten(1, (size[0], -1))
        beta = inner.beta_proj(x).sigmoid().unflatten(1, (size[0], -1)).permute(0, 3, 1, 2)
        gate = inner.gate_proj(frames.mean(dim=2)).float()
        rate = inner.A_log.float().exp() * nn.functional.softplus(gate + inner.dt_bias.float())
        return beta, (-rate).exp().transpose(1, 2)

    def _of_camera(self, x: Tensor) -> Tensor:
        inner: Any = self.attention
        return torch.cat([inner.q_proj_cam(x), inner.k_proj_cam(x), inner.v_proj_cam(x)], dim=-1)

    def _asked(
        self, x: Tensor, size: Size, project: Callable[[Tensor], Tensor], q_norm: str, k_norm: str, convolution: str
    ) -> list[Tensor]:
        """Queries, keys and values (1, N, H, D): projected, keys mixed over time, normalised, and cut off below 0."""
        inner: Any = self.attention
        query, key, value = (torch.empty_like(x) for _ in range(3))
        for part in _parts(size):
            fused = project(x[:, part]).unflatten(-1, (3, -1))
            query[:, part] = self._kernel(getattr(inner, q_norm)(fused[:, :, 0]))
            key[:, part], value[:, part] = fused[:, :, 1], fused[:, :, 2]
        if self.is_recurrent:
            _mixed_over_time(getattr(inner, convolution), key, size[0])
        for part in _parts(size):
            key[:, part] = self._kernel(getattr(inner, k_norm)(key[:, part]))
        return [tensor.unflatten(-1, (inner.heads, -1)) for tensor in (query, key, value)]

    def _kernel(self, tokens: Tensor) -> Tensor:
        return tokens.relu() if self.is_recurrent else tokens


class HeadGroups(nn.Module):
    """A softmax attention, which has no parameters, over a few heads at a time: heads never meet inside it."""

    def __init__(self, attention: nn.Module, in_float32: bool = False) -> None:
        super().__init__()
        self.attention, self._in_float32 = attention, in_float32

    def forward(self, query: Tensor, key: Tensor, value: Tensor, rest: Any) -> Tensor:
        """Queries, keys and values (1, N, H, D), and rays or a rotary embedding; returns (1, N, H, D)."""
        found, heads = torch.empty_like(query), max(1, TOKENS_AT_ONCE // query.shape[1])
        for first in range(0, query.shape[2], heads):
            part = slice(first, first + heads)
            chosen = (self._ready(tensor[:, :, part]) for tensor in (query, key, value))
            found[:, :, part] = self.attention(*chosen, rest).unflatten(-1, (-1, query.shape[-1]))
        return found

    def _ready(self, tensor: Tensor) -> Tensor:
        return tensor.float() if self._in_float32 else tensor


def _mixed_over_time(convolution: Any, key: Tensor, frames: int) -> None:
    """SanaWMTemporalShortConvolution in place: every channel by itself, so a few of them at a time."""
    width = max(1, key.shape[-1] // 10)
    whole = convolution.weight
    for first in range(0, key.shape[-1], width):
        part = slice(first, first + width)
        key[:, :, part] = _short(key[:, :, part], whole[part], frames)


def _short(tokens: Tensor, weight: Tensor, frames: int) -> Tensor:
    """(1, N, c) convolved over time with (c, 1, K), to both sides; the middle weight counts once."""
    by_place = tokens[0].unflatten(0, (frames, -1)).permute(1, 2, 0)
    reach = weight.shape[-1] - 1
    both = torch.cat([weight, weight[..., :-1].flip(-1)], dim=-1)
    mixed = nn.functional.conv1d(by_place, both.to(tokens.dtype), groups=len(weight), padding=reach)
    return mixed.permute(2, 0, 1).flatten(0, 1)[None]


def _modulated(normed: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """(1, n, C) scaled and shifted frame by frame, (1, f, 1, C); in place."""
    normed.unflatten(1, (scale.shape[1], -1)).mul_(1 + scale).add_(shift)
    return normed


def _times(tokens: Tensor, gate: Tensor) -> Tensor:
    """(1, n, C) times (1, f, 1, C); in place."""
    tokens.unflatten(1, (gate.shape[1], -1)).mul_(gate)
    return tokens


def _frames(size: Size) -> Iterator[slice]:
    for first in range(0, size[0], FRAMES_AT_ONCE):
        yield slice(first, min(first + FRAMES_AT_ONCE, size[0]))


def _parts(size: Size) -> Iterator[slice]:
    """The tokens of a few frames at a time."""
    for frames in _frames(size):
        yield slice(frames.start * size[1] * size[2], frames.stop * size[1] * size[2])
