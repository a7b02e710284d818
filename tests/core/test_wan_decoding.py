"""Streaming Wan's VAE changes nothing: it differs by 0.0 from diffusers' own decode, and leaves the cache clean."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from platewright.models.wan_decoding import decoded, for_vae
from tests.core.tiny_wan import write_vae


@pytest.fixture(scope="module", params=[False, True], ids=["2.1", "2.2-5B"])
def vae(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_vae(tmp_path_factory.mktemp("vae"), is_5b=request.param).eval().requires_grad_(False)


def latents_of(vae: Any, frames: int) -> torch.Tensor:
    drawn = torch.randn(1, vae.config.z_dim, frames, 4, 6, generator=torch.Generator().manual_seed(frames))
    return for_vae(vae, drawn)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_stream_is_the_decode(vae: Any, frames: int) -> None:
    latents = latents_of(vae, frames)
    pieces = list(decoded(vae, latents))
    stock = vae.decode(latents).sample
    assert [piece.shape[2] for piece in pieces] == [1] + [4] * (frames - 1)
    assert stock.shape[2] == 4 * (frames - 1) + 1
    assert (torch.cat(pieces, 2) - stock).abs().max() == 0.0
    assert stock.std() > 0.01                      # there is a picture to differ from


def test_latents_are_scaled_as_the_pipeline_does(vae: Any) -> None:
    given = torch.full((1, vae.config.z_dim, 1, 1, 1), 2.0)
    expected = 2.0 * torch.tensor(vae.config.latents_std) + torch.tensor(vae.config.latents_mean)
    assert torch.allclose(for_vae(vae, given).flatten(), expected, rtol=1e-6)


def test_a_stream_that_is_left_halfway_leaves_no_trace(vae: Any) -> None:
    latents = latents_of(vae, 3)
    stock = vae.decode(latents).sample
    stream = decoded(vae, latents)
    next(stream)
    stream.close()
    assert all(entry is None for entry in vae._feat_map)
    assert torch.equal(torch.cat(list(decoded(vae, latents)), 2), stock)


def test_without_the_cache_the_stream_would_differ(vae: Any) -> None:
    latents = latents_of(vae, 3)
    alone = torch.cat([vae.decode(latents[:, :, n : n + 1]).sample for n in range(3)], 2)
    assert not torch.equal(alone[:, :, 1], vae.decode(latents).sample[:, :, 1])
