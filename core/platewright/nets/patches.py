"""Pictures to latents and back: principal components of patches, orthonormal and linear, so that noise stays white.

A clip of 1 + 4 n frames is 1 + n latent frames: the first frame alone, then spans of four. A latent cell is a patch of
16 x 16 pixels through its span; any grid of whole cells will do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SPAN = 4  # frames in a latent frame, the first latent frame aside
PATCH = 16  # pixels across and down a latent cell


class PatchBasis(nn.Module):
    """Principal components of patches `frames` long, each channel divided by the root of its deviation."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        self.frames = frames
        values = frames * PATCH * PATCH * 3
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("basis", torch.zeros(values, channels))
        self.register_buffer("scale", torch.ones(channels))

    @torch.no_grad()
    def fit(self, patches: Tensor) -> Tensor:
        """Fit to patches (N, values); returns the deviation (C,) of each latent channel."""
        self.mean.copy_(patches.mean(0))
        centred = patches - self.mean
        if len(patches) < len(self.mean):
            _, roots, rows = torch.linalg.svd(centred, full_matrices=False)
            deviations, vectors = roots / len(patches) ** 0.5, rows.T
        else:
            values, columns = torch.linalg.eigh(centred.T @ centred / len(patches))
            deviations, vectors = values.flip(0).clamp_min(0.0).sqrt(), columns.flip(1)
        count = len(self.scale)
        deviation = deviations[:count].clamp_min(1e-5)
        self.basis.copy_(vectors[:, :count])
        self.scale.copy_((deviation * deviation.mean()).sqrt())
        return deviation / self.scale

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (B, L, C, h, w) of frames (B, L * self.frames, H, W, 3) in -1..1."""
        return (((to_patches(frames, self.frames) - self.mean) @ self.basis) / self.scale).permute(0, 1, 4, 2, 3)

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (B, L * self.frames, H, W, 3), about -1..1, of latents (B, L, C, h, w)."""
        patches = (latents.permute(0, 1, 3, 4, 2) * self.scale) @ self.basis.T + self.mean
        return from_patches(patches, self.frames)


class Patches(nn.Module):
    """The two bases of a clip: one for its first frame, one for its spans."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = PatchBasis(1, channels)
        self.span = PatchBasis(SPAN, channels)

    def fit(self, first: Tensor, span: Tensor) -> Tensor:
        """Fit to patches of both kinds (N, values); returns the deviations (2, C) of their channels."""
        return torch.stack([self.first.fit(first), self.span.fit(span)])

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (B, 1 + n, C, h, w) of frames (B, 1 + 4 n, H, W, 3) in -1..1."""
        first = self.first.encode(frames[:, :1])
        return torch.cat([first, self.span.encode(frames[:, 1:])], 1) if frames.shape[1] > 1 else first

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (B, 1 + 4 n, H, W, 3), about -1..1, of latents (B, 1 + n, C, h, w)."""
        first = self.first.decode(latents[:, :1])
        return torch.cat([first, self.span.decode(latents[:, 1:])], 1) if latents.shape[1] > 1 else first

    def carried(self, latents: Tensor, count: int) -> Tensor:
        """What leads the next window: the last `count` latent frames, the first of them as its last frame alone."""
        last = self.span.decode(latents[:, -count : latents.shape[1] - count + 1])[:, -1:]
        return torch.cat([self.first.encode(last), latents[:, latents.shape[1] - count + 1 :]], 1)


def to_patches(frames: Tensor, span: int) -> Tensor:
    """(B, L, h, w, values) of frames (B, L * span, H, W, 3)."""
    batch, count, height, width, _ = frames.shape
    cut = frames.reshape(batch, count // span, span, height // PATCH, PATCH, width // PATCH, PATCH, 3)
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4)


def from_patches(patches: Tensor, span: int) -> Tensor:
    """The inverse of `to_patches`."""
    batch, latents, high, wide, _ = patches.shape
    cut = patches.reshape(batch, latents, high, wide, span, PATCH, PATCH, 3)
    return cut.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, latents * span, high * PATCH, wide * PATCH, 3)
