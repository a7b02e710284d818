"""Wan-Fun in diffusers' own pipeline: what it does not know of these models is added from outside.

    all       a hook on `patch_embedding` adds the camera's feature
    2.2 A14B  36 channels (noise, mask, first picture and grey) are what the stock pipeline makes
    2.2 5B    the stock pipeline gives 48 channels and each token its time; 4 + 48 more are joined to them
    2.1       32 channels: noise, and the first picture in latent 0 with zeros after it; no mask
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.wan.pipeline_wan_i2v import WanImageToVideoPipeline
from torch import Tensor

from ..camera import CameraPath
from ..errors import BackendError
from ..pictures import Picture
from ..protocol import PlateRequest
from . import checkpoint, needs, wan_fun_adapter, wan_fun_camera, wan_running
from .far_side import FarSide
from .wan_fun import GUIDANCE, STEPS, Kind


class Wan21FunPipeline(WanImageToVideoPipeline):
    """The stock pipeline with the image condition of the 2.1 Control-Camera models: 16 channels, no mask."""

    def prepare_latents(
        self,
        image: Any,
        batch_size: int,
        num_channels_latents: int = 16,
        height: int = 480,
        width: int = 832,
        num_frames: int = 81,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
        generator: Any = None,
        latents: Tensor | None = None,
        last_image: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Noise (1, 16, T, h, w), and the first picture's latent with zeros after it."""
        del last_image
        across, down = width // self.vae_scale_factor_spatial, height // self.vae_scale_factor_spatial
        shape = (batch_size, num_channels_latents, wan_fun_camera.latent_frames(num_frames), down, across)
        if latents is None:
            latents = torch.randn(shape, generator=generator, dtype=dtype).to(device)
        condition = torch.zeros(shape, dtype=dtype, device=device)
        condition[:, :, :1] = encoded(self.vae, image[:, :, None]).to(device, dtype)
        return latents, condition

    def encode_image(self, image: Any, device: Any = None) -> Tensor:
        """CLIP's view of the picture: its processor takes 8-bit pictures."""
        from PIL import Image

        codes = (image[0].permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return super().encode_image(Image.fromarray(codes), device)


def encoded(vae: Any, video: Tensor) -> Tensor:
    """A video (1, 3, F, H, W) in -1..1 as normalised latents: the mode, as the pipelines take it."""
    mean, deviation = (
        torch.tensor(values).view(1, -1, 1, 1, 1).to(video.device)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    made = vae.encode(video.to(vae.device, vae.dtype)).latent_dist.mode().to(video.device, torch.float32)
    return (made - mean) * (1.0 / deviation)


def first_frame_channels(vae: Any, image: Tensor, frames: int) -> Tensor:
    """Mask and video (1, 4 + C, T, h, w) of a clip of which only the first picture (1, 3, H, W) is known, -1..1."""
    video = torch.cat([image[:, :, None], image.new_zeros(*image.shape[:2], frames - 1, *image.shape[2:])], 2)
    known = encoded(vae, video)
    mask = known.new_zeros(1, wan_fun_camera.GROUP, *known.shape[2:])
    mask[:, :, 0] = 1.0
    return torch.cat([mask, known], 1)


class Sampler:
    """One model on its device: the pipeline and an adapter for each of its transformers."""

    def __init__(self, kind: Kind, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

        self._kind, self._device = kind, device
        loaded = [wan_fun_adapter.load(folder / part, dtype) for part in kind.experts]
        for (transformer, _), part in zip(loaded, kind.experts, strict=True):
            _refuse_other_model(kind, transformer, folder / part)
        transformers = [transformer for transformer, _ in loaded]
        self._adapters = [adapter.to(device) for _, adapter in loaded]
        nothing: Any = None                        # prompts come as embeddings
        made = (Wan21FunPipeline if kind.has_clip else WanImageToVideoPipeline)(
            tokenizer=nothing,
            text_encoder=nothing,
            vae=checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32),
            scheduler=wan_running.scheduler(folder / "scheduler", kind.shift),
            transformer=transformers[0],
            transformer_2=transformers[1] if len(transformers) > 1 else nothing,
            boundary_ratio=kind.boundary,
            expand_timesteps=kind.per_token,
            **(_clip_parts(folder, dtype) if kind.has_clip else {}),
        )
        made.set_progress_bar_config(disable=True)
        self.pipeline = wan_running.placed(made, device, needs.beside_bytes(kind.name))

    def sampled(
        self,
        request: PlateRequest,
        clip: CameraPath,
        scale: float,
        index: int,
        first: Picture,
        told: tuple[Tensor, Tensor],
        teller: wan_running.Teller,
        far_side: FarSide,
    ) -> Tensor:
        """A window's latents (1, C, T, h, w), normalised, on the CPU; `clip` is at the model's size, 4k + 1 frames."""
        image = wan_running.as_image(first)
        begun = self._begun(request, clip, index, far_side, teller)
        removers = self._inject(clip, scale, image)
        try:
            made = self.pipeline(
                image=image.to(self._device),
                prompt_embeds=told[0].to(self._device),
                negative_prompt_embeds=told[1].to(self._device),
                height=clip.height,
                width=clip.width,
                num_frames=len(clip),
                num_inference_steps=request.steps or STEPS,
                guidance_scale=GUIDANCE if request.guidance is None else request.guidance,
                generator=wan_running.noise_of(request.seed, index),
                output_type="latent",
                **begun,
            )
        finally:
            for remove in removers:
                remove()
        return made.frames.float().cpu()

    def _begun(
        self, request: PlateRequest, clip: CameraPath, index: int, far_side: FarSide, teller: wan_running.Teller
    ) -> dict[str, Any]:
        """Who hears of the steps; where latents are held, the noise that they begin with, too."""
        held = far_side.held(clip, self._encoded)
        if held is None:
            return {"callback_on_step_end": teller.stepped}
        drawn = wan_running.noise_of(request.seed, index)
        noise = held.noise(wan_fun_camera.latent_frames(len(clip)), drawn).to(self._device)
        return {"latents": noise, "callback_on_step_end": held.after(teller.stepped, noise)}

    def _encoded(self, video: Tensor) -> Tensor:
        return encoded(self.pipeline.vae.to(self._device), video.to(self._device))

    def _inject(self, clip: CameraPath, scale: float, image: Tensor) -> list[Any]:
        """The camera into every transformer, and for the 5B the channels that the stock pipeline does not make."""
        removers: list[Any] = []
        for transformer, adapter in zip(self._transformers(), self._adapters, strict=True):
            groups = wan_fun_camera.packed_groups(clip, clip.width, clip.height, scale)
            removers.append(wan_fun_adapter.inject(transformer, wan_fun_adapter.feature(adapter, groups)))
        if self._kind.per_token:
            vae = self.pipeline.vae.to(self._device)
            with torch.no_grad():
                channels = first_frame_channels(vae, (2.0 * image - 1.0).to(self._device), len(clip))
            removers += [join(transformer, channels) for transformer in self._transformers()]
        return removers

    def _transformers(self) -> list[Any]:
        both = (self.pipeline.transformer, self.pipeline.transformer_2)
        return [transformer for transformer in both if transformer is not None]


def join(transformer: Any, channels: Tensor) -> Any:
    """Give a transformer these channels behind those of its input from now on; the answer takes them away again."""

    def hook(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        del module
        noisy = named["hidden_states"]
        joined = torch.cat([noisy, channels.to(noisy.device, noisy.dtype)], 1)
        return given, {**named, "hidden_states": joined}

    return transformer.register_forward_pre_hook(hook, with_kwargs=True).remove


def _clip_parts(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    from transformers import CLIPImageProcessorPil, CLIPVisionModel

    return {
        "image_encoder": checkpoint.load(CLIPVisionModel, folder / "image_encoder", dtype),
        "image_processor": checkpoint.configured(CLIPImageProcessorPil, folder / "image_processor"),
    }


def _refuse_other_model(kind: Kind, transformer: Any, part: Path) -> None:
    """A sound model of another kind would run, and make rubbish."""
    channels, has_clip = transformer.config.in_channels, transformer.config.image_dim is not None
    if (channels, has_clip) != (kind.channels, kind.has_clip):
        why = f"{part} takes {channels} channels{' and CLIP' if has_clip else ''}: it is not {kind.title}."
        raise BackendError("E_MODEL_MISMATCH", why, "Name the folder of the right model.")
