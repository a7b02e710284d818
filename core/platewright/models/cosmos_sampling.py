"""Cosmos-Transfer2.5 in diffusers' own pipeline, a window at a time.

    lead        the pipeline conditions each chunk of a long video on the last picture of the one before; here a window
                is a chunk, and its lead comes from outside: the window before, or a first frame
    latents     they leave as they are: the pipeline would decode every chunk whole, wanted or not
    number      everything of the pipeline's is in one format, or its own arithmetic does not go together; pictures are
    formats     decoded in float32 by a decoder of their own where that format is another
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.controlnets.controlnet_cosmos import CosmosControlNetModel
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from diffusers.pipelines.cosmos.pipeline_cosmos2_5_transfer import Cosmos2_5_TransferPipeline
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from ..pictures import Picture
from ..protocol import PlateRequest
from . import checkpoint, needs, wan_running
from .cosmos_guardrail import Guardrail
from .cosmos_transfer import GUIDANCE, NAME, STEPS


class LedTransferPipeline(Cosmos2_5_TransferPipeline):
    """The stock pipeline; `lead` (1, 3, 1, H, W) in -1..1 stands in its first chunk where a chunk before would stand.

    Without one it is the stock pipeline, draw by draw.
    """

    lead: Tensor | None = None

    def prepare_latents(self, *args: Any, **given: Any) -> Any:
        """As the stock pipeline calls it for each chunk: by names alone."""
        if self.lead is not None:
            video = given["video"].clone()
            video[:, :, :1] = self.lead.to(video.device, video.dtype)
            given |= {"video": video, "num_cond_latent_frames": 1}
        return super().prepare_latents(*args, **given)


class Sampler:
    """The pipeline on its device, with one ControlNet."""

    def __init__(
        self, folder: Path, control: Path, guardrail: Guardrail, device: torch.device, dtype: torch.dtype
    ) -> None:
        nothing: Any = None                        # prompts come as embeddings
        pipeline = LedTransferPipeline(
            text_encoder=nothing,
            tokenizer=nothing,
            transformer=checkpoint.load(CosmosTransformer3DModel, folder / "transformer", dtype),
            vae=checkpoint.load(AutoencoderKLWan, folder / "vae", dtype),
            scheduler=checkpoint.configured(UniPCMultistepScheduler, folder / "scheduler"),
            controlnet=checkpoint.load(CosmosControlNetModel, control, dtype),
            safety_checker=cast("Any", guardrail),
        )
        pipeline.set_progress_bar_config(disable=True)
        self._device = device
        self._pipeline = wan_running.placed(pipeline, device, needs.beside_bytes(NAME))
        is_exact = dtype == torch.float32
        self._decoder = pipeline.vae if is_exact else checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32)

    def sampled(
        self,
        request: PlateRequest,
        shown: Any,
        index: int,
        lead: Picture | None,
        told: tuple[Tensor, Tensor],
        stepped: Any,
    ) -> Tensor:
        """A window's latents (1, C, T, h, w).

        shown   what the ControlNet sees, (F, H, W, 3), 0..1
        lead    the picture that it starts from
        """
        frames, height, width = shown.shape[:3]
        self._pipeline.lead = None if lead is None else 2 * wan_running.as_image(lead)[:, :, None] - 1
        with _undecoded(self._pipeline.vae):
            made = self._pipeline(
                controls=[torch.from_numpy(shown).permute(0, 3, 1, 2)],
                prompt_embeds=told[0].to(self._device),
                negative_prompt_embeds=told[1].to(self._device),
                height=height,
                width=width,
                num_frames=frames,
                num_frames_per_chunk=frames,
                num_inference_steps=request.steps or STEPS,
                guidance_scale=GUIDANCE if request.guidance is None else request.guidance,
                generator=wan_running.noise_of(request.seed, index),
                output_type="latent",
                callback_on_step_end=stepped,
            )
        return made.frames.float().cpu()

    def pictures(self, found: Tensor) -> Iterator[Picture]:
        """float32 (H, W, 3) display sRGB, one by one. Raises BackendError E_NOT_FINITE."""
        return wan_running.pictures(self._decoder, found, self._device, _for_vae)


@contextmanager
def _undecoded(vae: Any) -> Iterator[None]:
    """While it lasts, decoding costs nothing and gives nothing."""
    vae.decode = lambda latents, return_dict: (latents[:, :1, :1],)
    try:
        yield
    finally:
        del vae.decode


def _for_vae(vae: Any, latents: Tensor) -> Tensor:
    """The pipeline's latents in the VAE's own scale, by the very steps of this pipeline."""
    mean, deviation = (
        torch.tensor(values).view(1, vae.config.z_dim, 1, 1, 1).to(latents.device, vae.dtype)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    return (latents * deviation + mean).to(vae.dtype)
