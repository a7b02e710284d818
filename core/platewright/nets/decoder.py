"""Pictures to latents and back: an orthonormal patch basis, and a small convolutional network that heals the seams."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SPAN = 4  # frames in a latent frame
PATCH = 16  # pixels across and down a latent cell
SIGHTS = 4  # what the healer knows of the camera, per half-size pixel
VALUES = SPAN * PATCH * PATCH * 3


class PatchBasis(nn.Module):
    """Principal components of space-time patches, each channel scaled by the root of its deviation."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(VALUES))
        self.register_buffer("basis", torch.zeros(VALUES, channels))
        self.register_buffer("scale", torch.ones(channels))

    @torch.no_grad()
    def fit(self, patches: Tensor) -> Tensor:
        """Fit to patches (N, VALUES); returns the deviation (C,) of each latent channel."""
        self.mean.copy_(patches.mean(0))
        centred = patches - self.mean
        if len(patches) < VALUES:
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
        """Latents (B, L, C, h, w) of frames (B, 4 L, H, W, 3) in -1..1."""
        return (((to_patches(frames) - self.mean) @ self.basis) / self.scale).permute(0, 1, 4, 2, 3)

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (B, 4 L, H, W, 3), about -1..1, of latents (B, L, C, h, w)."""
        return from_patches((latents.permute(0, 1, 3, 4, 2) * self.scale) @ self.basis.T + self.mean)


class SeamHealer(nn.Module):
    """Frames in, frames out: each frame is read with its neighbours in time and with where its horizon and ground are.

    Only a correction is learned.
    """

    def __init__(self, width: int = 48, depth: int = 5) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3 * 3 * 4 + SIGHTS, width, 3, padding=1, padding_mode="replicate")
        self.blocks = nn.ModuleList(Residual(width, 1 + n % 3) for n in range(depth))
        self.leave = nn.Conv2d(width, 3 * 4, 3, padding=1, padding_mode="replicate")
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, frames: Tensor, directions: Tensor, origins: Tensor) -> Tensor:
        """Healed frames (B, F, H, W, 3) of frames of the same shape.

        directions (B, F, 3, H / 4, W / 4), origins (B, F, 3): slices of `conditioning_tensors`
        """
        batch, count = frames.shape[:2]
        still = frames.permute(0, 1, 4, 2, 3)
        padded = torch.cat([still[:, :1], still, still[:, -1:]], 1)
        beside = torch.cat([padded[:, :-2], still, padded[:, 2:]], 2).flatten(0, 1)
        seen = sights(directions, origins).flatten(0, 1).to(frames.dtype)
        hidden = self.enter(torch.cat([functional.pixel_unshuffle(beside, 2), seen], 1))
        for block in self.blocks:
            hidden = block(hidden)
        change = functional.pixel_shuffle(self.leave(functional.silu(hidden)), 2)
        return frames + change.reshape(batch, count, *change.shape[1:]).permute(0, 1, 3, 4, 2)


class Residual(nn.Module):
    """Two convolutions, the first of them wide-meshed."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, padding_mode="replicate")
        self.second = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.second(functional.silu(self.first(functional.silu(hidden))))


def eased(frames: Tensor, axis: int, every: int, reach: int, limit: float) -> Tensor:
    """Frames (F, H, W, 3) without the sudden steps, along an axis, where one patch ends and the next begins.

    What a step at a multiple of `every` has beyond the mean of its neighbours, up to `limit` so that edges of things
    stay, is spread over `reach` frames or pixels on either side: deblocking, without a decision for each block.
    """
    calm, seen = frames.clone().transpose(0, axis), frames.transpose(0, axis)
    for first in range(every, len(seen) - 1, every):
        a, b, c, d = seen[first - 2 : first + 2]
        excess = ((c - b) - 0.5 * ((b - a) + (d - c))).clamp(-limit, limit)
        for far in range(min(reach, len(seen) - first)):
            share = 0.5 - (far + 0.5) / (2 * reach)
            calm[first - 1 - far] += share * excess
            calm[first + far] -= share * excess
    return calm.transpose(0, axis)


def sights(directions: Tensor, origins: Tensor) -> Tensor:
    """Elevation, how far above or below the horizon, and closeness of the ground (B, F, SIGHTS, 2 h, 2 w)."""
    z = functional.interpolate(directions[:, :, 2], scale_factor=2.0, mode="bilinear")
    drop, height = (-z).clamp_min(0.0), origins[:, :, 2, None, None].abs().clamp_min(0.05)
    return torch.stack([z, torch.tanh(8.0 * z), torch.tanh(40.0 * z), drop / (drop + 0.03 * height)], 2)


def to_patches(frames: Tensor) -> Tensor:
    """(B, L, h, w, VALUES) of frames (B, 4 L, H, W, 3)."""
    batch, count, height, width, _ = frames.shape
    cut = frames.reshape(batch, count // SPAN, SPAN, height // PATCH, PATCH, width // PATCH, PATCH, 3)
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4)


def from_patches(patches: Tensor) -> Tensor:
    """The inverse of `to_patches`."""
    batch, latents, high, wide, _ = patches.shape
    cut = patches.reshape(batch, latents, high, wide, SPAN, PATCH, PATCH, 3)
    return cut.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, latents * SPAN, high * PATCH, wide * PATCH, 3)
