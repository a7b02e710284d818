"""Patches: linear, orthonormal, exact for what they were fitted to, and carried from window to window."""

from __future__ import annotations

import pytest
import torch

from platewright.nets.patches import PATCH, SPAN, Patches, from_patches, to_patches
from training.latents import as_signed


@pytest.fixture(scope="module")
def fitted() -> tuple[Patches, torch.Tensor]:
    """Bases with room for all they are fitted to, and frames of that kind."""
    frames = torch.rand(2, 1 + SPAN, 3 * PATCH, 2 * PATCH, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    patches = Patches(12)
    patches.fit(to_patches(frames[:, :1], 1).flatten(0, 3), to_patches(frames[:, 1:], SPAN).flatten(0, 3))
    return patches, frames


def test_cutting_and_joining_are_exact() -> None:
    frames = torch.rand(2, 8, 32, 48, 3)
    assert torch.equal(from_patches(to_patches(frames, 4), 4), frames)


def test_what_was_fitted_comes_back(fitted: tuple[Patches, torch.Tensor]) -> None:
    patches, frames = fitted
    latents = patches.encode(frames)
    assert latents.shape == (2, 2, 12, 3, 2)
    torch.testing.assert_close(patches.decode(latents), frames, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(patches.decode(latents[:, :1]), frames[:, :1], atol=2e-3, rtol=1e-3)


def test_cells_are_on_their_own_and_noise_stays_white(fitted: tuple[Patches, torch.Tensor]) -> None:
    patches, frames = fitted
    torch.testing.assert_close(
        patches.encode(frames[:, :, PATCH:]), patches.encode(frames)[:, :, :, 1:], atol=1e-4, rtol=1e-4
    )
    for basis in (patches.first.basis[:, :10], patches.span.basis[:, :10]):
        torch.testing.assert_close(basis.T @ basis, torch.eye(10), atol=1e-4, rtol=0)


def test_what_a_window_hands_on_shows_its_last_frames(fitted: tuple[Patches, torch.Tensor]) -> None:
    patches, frames = fitted
    latents = patches.encode(torch.cat([frames, frames[:, 1:]], 1))
    again, shown = patches.decode(patches.carried(latents, 2)), frames[:, -1 - SPAN :]
    torch.testing.assert_close(again[:, 1:], shown[:, 1:], atol=2e-3, rtol=1e-3)
    last = patches.first.decode(patches.first.encode(frames[:, -1:]))
    torch.testing.assert_close(again[:, :1], last, atol=2e-3, rtol=1e-3)


def test_bytes_are_signed() -> None:
    torch.testing.assert_close(as_signed(torch.tensor([0, 255], dtype=torch.uint8)), torch.tensor([-1.0, 1.0]))
