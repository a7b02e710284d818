"""The LTX-2 decoder as a stream, against the library's own whole decode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from platewright.errors import BackendError
from platewright.models.ltx2_decoding import Stream, decoded, streamed, why_not
from tests.core import tiny_sana

CHUNKS = (1, 3, 7)


def noise(count: int) -> torch.Tensor:
    shape = (1, tiny_sana.CHANNELS, count, 2, 2)
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(count))


def in_chunks(stream: Stream, latents: torch.Tensor, size: int) -> list[torch.Tensor]:
    return [frames for piece in latents.split(size, 2) for frames in stream.push(piece)]


@pytest.mark.parametrize("causal", [False, True])
def test_a_stream_is_the_whole_decode(causal: bool) -> None:
    vae = tiny_sana.vae(torch.float64, decoder_causal=causal)
    for count in (1, 2, 3, 9, 40):
        latents = noise(count)
        with torch.no_grad():
            whole = vae.decode(latents).sample
            for size in CHUNKS if count > 3 else CHUNKS[:1]:
                stream = Stream(vae.decoder)
                got = torch.cat([*in_chunks(stream, latents, size), *stream.flush()], 2)
                assert got.shape == whole.shape == (1, 3, 8 * (count - 1) + 1, 64, 64)
                assert (got - whole).abs().max() < 1e-12


@pytest.mark.parametrize("causal", [False, True])
def test_what_waits_does_not_grow_with_the_clip(causal: bool) -> None:
    stream = Stream(tiny_sana.vae(torch.float64, decoder_causal=causal).decoder)

    def held_bytes() -> int:
        parts = [part for stage in stream._stages for part in vars(stage).values() if hasattr(part, "_held")]
        parts += [stage for stage in stream._stages if hasattr(stage, "_held")]
        return sum(part._held.untyped_storage().nbytes() for part in parts if part._held is not None)

    with torch.no_grad():
        sizes = [held_bytes() for _ in in_chunks(stream, noise(24), 1)]
    assert len(sizes) > 9 and len(set(sizes[2:])) == 1


def test_pictures_come_early_and_each_is_what_the_pipeline_would_show() -> None:
    vae = tiny_sana.vae()
    given: list[int] = []

    def latents() -> Any:
        for number, latent in enumerate(noise(16).float().split(1, 2)):
            given.append(number)
            yield latent

    pictures = decoded(vae, latents())
    first = next(pictures)
    assert len(given) < 16  # the rest of the clip was not needed
    assert first.shape == (64, 64, 3) and first.dtype == "float32"
    mean, deviation = vae.latents_mean.view(1, -1, 1, 1, 1), vae.latents_std.view(1, -1, 1, 1, 1)
    with torch.no_grad():
        whole = vae.decode(noise(16).float() * deviation + mean).sample
    shown = (whole * 0.5 + 0.5).clamp(0, 1)[0].permute(1, 2, 3, 0)
    got = torch.stack([torch.from_numpy(picture) for picture in (first, *pictures)])
    assert (got - shown).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"decoder_inject_noise": True}, "noise"),
        ({"timestep_conditioning": True}, "timestep"),
        ({"upsample_factor": (1, 1, 1)}, "channels"),
    ],
)
def test_a_decoder_that_cannot_be_streamed_is_known(other: dict[str, Any], why: str) -> None:
    decoder = tiny_sana.vae(**other).decoder
    assert why in why_not(decoder)
    assert why_not(tiny_sana.vae().decoder) == ""
    if why == "channels":  # and decoded whole
        latents = noise(3).float()
        with torch.no_grad():
            (got,) = streamed(decoder, latents.split(1, 2))
            assert torch.equal(got, decoder(latents))


def test_a_forgotten_end_is_found() -> None:
    """The judge's guilty case: without the flush pictures are missing, with a lost frame they are wrong."""
    vae, latents = tiny_sana.vae(torch.float64), noise(9)
    with torch.no_grad():
        whole = vae.decode(latents).sample
        assert not in_chunks(Stream(vae.decoder), latents[:, :, :3], 1)
        stream = Stream(vae.decoder)
        wrong = torch.cat([*in_chunks(stream, latents[:, :, [0, 1, 2, 3, 4, 4, 6, 7, 8]], 3), *stream.flush()], 2)
    assert (wrong - whole).abs().max() > 1e-3


def test_values_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(BackendError, match="not numbers"):
        list(decoded(tiny_sana.vae(), [noise(2).float() * float("nan")]))
