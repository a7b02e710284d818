"""SANA-WM's gated delta rule over frames, both ways in time, without its copies of the whole clip.

Frame t turns a state S (D x D per head) by a matrix W and adds U to it, both sums over the frame's tokens:

    S[t] = S[t-1] W[t] + U[t]      W = decay (1 - sum beta k k^T)      U = sum beta v k^T      output = S[t] q

The library lays out queries, keys and values of all frames in float32, a second time flipped for the way back, and
multiplies both states with the queries. But W and U of the way back are those of the way out, in reverse order, and the
output is linear in S: so a few frames at a time give up their sums, small states run through time, the two ways are
added, and a few frames at a time are multiplied with their queries. Half the work, a small part of the memory, and the
same numbers up to rounding. All in float32, as there.
Source: diffusers 0.42.1, `models/transformers/transformer_sana_wm.py`, SanaWMBidirectionalGDNAttention and its camera
branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

FRAMES_AT_ONCE = 4  # latent frames whose tokens exist in float32
TINY = 1e-6

Rays = tuple[Tensor, Tensor, Tensor, Tensor]  # ray from world, its transpose, world from ray (1, N, 4, 4); rotary


class Recurrence(nn.Module):
    """In the place of SanaWMBidirectionalGDNAttention: keys are rotated for the numerator, plain in the denominator."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self._eps = float(attention.eps)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, beta: Tensor, decay: Tensor, rotary: Tensor) -> Tensor:
        """Queries, keys and values (1, N, H, D), beta (1, H, T, S), decay (1, H, T); returns (1, N, H, D)."""
        width = query.shape[-1]
        sums, plain = _Sums(beta, decay, width, width), _Sums(beta, decay, width, 1)
        for part in sums.parts():
            keys = sums.by_frame(key[:, part.tokens]) * sums.key_scale(key)
            turned = sums.by_frame(_rotated(key[:, part.tokens], rotary[:, :, part.tokens])) * sums.key_scale(key)
            sums.add(part, turned, sums.by_frame(value[:, part.tokens]), part.beta)
            plain.add(part, keys, torch.ones_like(keys[..., :1]), part.beta)
        states, norms = sums.scanned(), plain.scanned()
        found = torch.empty_like(value)
        for part in sums.parts():
            plain_query = sums.by_frame(query[:, part.tokens])
            turned = sums.by_frame(_rotated(query[:, part.tokens], rotary[:, :, part.tokens]))
            above = turned @ states[part.frames].transpose(-1, -2)
            below = plain_query @ norms[part.frames].transpose(-1, -2)
            found[:, part.tokens] = _by_token(above / (below + self._eps))
        return found


class CameraRecurrence(nn.Module):
    """In the place of SanaWMBidirectionalGDNCamAttention: tokens are carried into their rays' own frames and back."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, beta: Tensor, decay: Tensor, rays: Rays) -> Tensor:
        """As above; `rays` are float32, so what is carried is float32, whatever comes in and goes out."""
        ray_from_world, transposed, world_from_ray, rotary = rays
        sums = _Sums(beta, decay, query.shape[-1], query.shape[-1])
        for part in sums.parts():
            turn = rotary[:, :, part.tokens]
            keys = sums.by_head(key[:, part.tokens]) * sums.key_scale(key)
            values = sums.by_head(value[:, part.tokens])
            carried = _carried(keys, world_from_ray[:, part.tokens], turn)
            weights = part.beta / _inflation(keys, carried, part.beta).clamp_min(1.0)
            moved = _carried(values, world_from_ray[:, part.tokens], turn)
            sums.add(part, sums.framed(carried), sums.framed(moved), weights)
        states = sums.scanned()
        found = torch.empty_like(value)
        for part in sums.parts():
            turn = rotary[:, :, part.tokens]
            asked = sums.framed(_carried(sums.by_head(query[:, part.tokens]), transposed[:, part.tokens], turn))
            made = (asked @ states[part.frames].transpose(-1, -2)).transpose(0, 1).flatten(1, 2)[None]
            home = _library()._apply_ucpe_transform(made, ray_from_world[:, part.tokens], turn, inverse_rope=True)
            found[:, part.tokens] = home.transpose(1, 2)
        return found


class _Part:
    """A few frames: their slice of the frames and of the tokens, and their gates (f, H, S, 1)."""

    def __init__(self, first: int, last: int, size: int, beta: Tensor) -> None:
        self.frames, self.tokens = slice(first, last), slice(first * size, last * size)
        self.beta = beta[0, :, first:last].float().transpose(0, 1).unsqueeze(-1)


class _Sums:
    """W (D x D) and U (rows x D) of every frame, and the states that they lead to."""

    def __init__(self, beta: Tensor, decay: Tensor, width: int, rows: int) -> None:
        _, self._heads, self._count, self._size = beta.shape
        self._beta, self._decay = beta, decay[0].float().transpose(0, 1)[..., None, None]
        self._kept = beta.new_empty(self._count, self._heads, width, width, dtype=torch.float32)
        self._added = beta.new_empty(self._count, self._heads, rows, width, dtype=torch.float32)

    def parts(self) -> Iterator[_Part]:
        for first in range(0, self._count, FRAMES_AT_ONCE):
            yield _Part(first, min(first + FRAMES_AT_ONCE, self._count), self._size, self._beta)

    def key_scale(self, key: Tensor) -> float:
        return (key.shape[-1] ** -0.5) * (self._size**-0.5)

    def by_frame(self, tokens: Tensor) -> Tensor:
        """(1, n, H, D) as float32 (f, H, S, D)."""
        return tokens[0].float().unflatten(0, (-1, self._size)).transpose(1, 2)

    def by_head(self, tokens: Tensor) -> Tensor:
        """(1, n, H, D) as float32 (1, H, n, D)."""
        return tokens.float().transpose(1, 2)

    def framed(self, tokens: Tensor) -> Tensor:
        """(1, H, n, D) as (f, H, S, D)."""
        return tokens[0].unflatten(1, (-1, self._size)).transpose(0, 1)

    def add(self, part: _Part, keys: Tensor, values: Tensor, weights: Tensor) -> None:
        """The sums over the tokens of some frames: keys (f, H, S, D), values (f, H, S, rows), weights (f, H, S, 1)."""
        kept = -((keys * weights).transpose(-1, -2) @ keys)
        kept.diagonal(dim1=-2, dim2=-1).add_(1.0)
        self._kept[part.frames] = kept * self._decay[part.frames]
        self._added[part.frames] = (values * weights).transpose(-1, -2) @ keys

    def scanned(self) -> Tensor:
        """For every frame (T, H, rows, D): what the frames up to it lead to, plus those after it on their way back."""
        kept, added, found = self._kept, self._added, self._added.clone()
        state = found[0]
        for frame in range(1, self._count):
            state = torch.baddbmm(added[frame], state, kept[frame])
            found[frame] = state
        state = torch.zeros_like(state)
        for frame in range(self._count - 1, 0, -1):
            state = torch.baddbmm(added[frame], state, kept[frame])
            found[frame - 1] += state
        return found


def _rotated(tokens: Tensor, rotary: Tensor) -> Tensor:
    """(1, n, H, D) turned by complex (1, 1, n, D / 2), float32."""
    pairs = torch.view_as_complex(tokens.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rotary.transpose(1, 2)).flatten(-2)


def _carried(tokens: Tensor, matrices: Tensor, rotary: Tensor) -> Tensor:
    """(1, H, n, D) in other frames, no longer than they were (RMS over D)."""
    found = _library()._apply_ucpe_transform(tokens, matrices, rotary)
    before, after = ((part.square().mean(-1, keepdim=True) + TINY).sqrt() for part in (tokens, found))
    return found * (before / after.clamp_min(TINY)).clamp(max=1.0)


def _inflation(before: Tensor, after: Tensor, like: Tensor) -> Tensor:
    """How much longer keys (1, H, n, D) became, squared, the mean of each frame (f, H, 1, 1)."""
    grown, plain = (part.norm(dim=-1).clamp_min(TINY) for part in (after, before))
    share = (grown / plain).square()[0].unflatten(1, (-1, like.shape[2]))
    return share.mean(-1).transpose(0, 1)[..., None, None]


def _by_token(frames: Tensor) -> Tensor:
    """(f, H, S, D) as (1, n, H, D)."""
    return frames.transpose(1, 2).flatten(0, 1)[None]


def _library() -> Any:
    from diffusers.models.transformers import transformer_sana_wm

    return transformer_sana_wm
