"""SANA-WM for bench/gpu.py: both stages and the decoder, one after the other as a plate takes them, stock and ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))

from bench.gpu_parts import FULL, Bench, Row, asked, decoded, path, tidy
from platewright.camera import CameraPath
from platewright.models import ltx2_decoding, presets, sana_wm_refining, sana_wm_sampling, sana_wm_take


def sana(bench: Bench, case: str, frames: int) -> None:
    """Both stages and the decoder, one after the other as a plate takes them."""
    latents = sana_stage_1(bench, case, frames)
    refined = sana_refiner(bench, case, latents)
    ltx_decoder(bench, case, refined)
    sana_second_half(bench, case, latents)


def sana_stage_1(bench: Bench, case: str, frames: int) -> torch.Tensor:
    """Stock: prompt and negative prompt in one batch, through SanaWMPipeline. Returns latents (1, C, T, h, w)."""
    from diffusers.models.transformers.transformer_sana_wm import SanaWMTransformer3DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scale, (width, height) = bench.scale, bench.scale.sana_size
    camera, count = path(frames, scale.sana_size), (frames - 1) // 8 + 1
    told = (bench.drawn(1, 1, scale.words, scale.gemma), torch.ones(1, scale.words).long().to(bench.device))
    first = bench.drawn(1, scale.channels, 1, height // 32, width // 32, dtype=torch.float32)

    def ours(stepped: Callable[[], None]) -> torch.Tensor:
        transformer = sana_wm_take.settled(bench.made(SanaWMTransformer3DModel, scale.sana), bench.device)
        shot = sana_wm_sampling.Shot(camera, first, told, told, bench.steps, 5.0, 1)
        passes = iter(range(2 * bench.steps))      # a step is two of them
        scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
        return sana_wm_sampling.sampled(
            transformer, scheduler, shot, lambda: stepped() if next(passes) % 2 else None
        ).cpu()

    bench.run(Row(case, "stage 1", "stock"), lambda stepped: sana_stock(bench, camera, told, stepped))
    for preset in ("full", "fp8", "int8"):
        with asked(preset):
            bench.run(Row(case, "stage 1", "ours", preset), ours)
    return bench.drawn(1, scale.channels, count, height // 32, width // 32, dtype=torch.float32)


def sana_stock(
    bench: Bench, camera: CameraPath, told: tuple[torch.Tensor, torch.Tensor], stepped: Callable[[], None]
) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video
    from diffusers.models.transformers.transformer_sana_wm import SanaWMTransformer3DModel
    from diffusers.pipelines.sana_wm.pipeline_sana_wm import SanaWMPipeline
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scale, nothing = bench.scale, None
    made: Any = SanaWMPipeline(
        nothing, nothing, bench.made(AutoencoderKLLTX2Video, scale.ltx_vae),  # pyright: ignore[reportArgumentType]
        bench.made(SanaWMTransformer3DModel, scale.sana), FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)

    def ticked(pipeline: Any, step: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        del pipeline, step, time
        stepped()
        return given

    return made(
        Image.new("RGB", scale.sana_size, (120, 130, 140)), "", c2w=np.array(camera.camera_to_world).reshape(-1, 4, 4),
        intrinsics=np.array(camera.intrinsics), width=camera.width, height=camera.height, num_frames=len(camera),
        num_inference_steps=bench.steps, guidance_scale=5.0, generator=torch.Generator().manual_seed(1),
        prompt_embeds=told[0][:, 0], prompt_attention_mask=told[1], negative_prompt_embeds=told[0][:, 0],
        negative_prompt_attention_mask=told[1], output_type="latent", callback_on_step_end=ticked,
    ).latent  # fmt: skip


def sana_refiner(bench: Bench, case: str, latents: torch.Tensor) -> torch.Tensor:
    """Stock: with its audio half, through SanaWMLTX2Refiner. A step is one pass. Returns refined latents."""
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMLTX2RefinerTransformer3DModel

    scale, told = bench.scale, refiner_words(bench)
    short = latents[:, :, :7]                      # the sink and two blocks: passes are alike

    def stock(stepped: Callable[[], None]) -> Any:
        from bench.memory import stock_refiner

        transformer = bench.made(SanaWMLTX2RefinerTransformer3DModel, scale.refiner)
        transformer.register_forward_hook(lambda *_: stepped())
        pipeline = stock_refiner(transformer, told, bench.device)
        return pipeline(
            short, "", fps=16.0, generator=torch.Generator(bench.device).manual_seed(1), output_type="latent"
        )

    def ours(preset: str, stepped: Callable[[], None]) -> torch.Tensor:
        transformer = settled_refiner(bench, preset)
        return torch.cat(list(sana_wm_refining.refined(transformer, short, told, 16.0, 1, stepped)), 2)

    bench.run(Row(case, "refiner", "stock"), stock)
    for preset in ("full", "group-offload", "fp8", "fp8-group-offload", "int8", "int8-group-offload"):
        with asked(preset):
            bench.run(Row(case, "refiner", "ours", preset), lambda stepped, name=preset: ours(name, stepped))
    return latents


def refiner_words(bench: Bench) -> tuple[torch.Tensor, torch.Tensor]:
    words = bench.drawn(1, 1024 if bench.scale is FULL else 8, bench.scale.gemma_3)
    return words, torch.ones(words.shape[:2]).long().to(bench.device)


def settled_refiner(bench: Bench, preset: str) -> Any:
    """Without its audio half, placed; what comes block by block is never on the device as a whole."""
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMLTX2RefinerTransformer3DModel

    kind: Any = SanaWMLTX2RefinerTransformer3DModel
    home = "cpu" if "offload" in preset else ""
    transformer = bench.made(kind, bench.scale.refiner, place=home, prepare=sana_wm_refining.drop_unused)
    tidy(bench.device)
    return presets.settle(transformer, bench.device, preset)


def sana_second_half(bench: Bench, case: str, latents: torch.Tensor) -> None:
    """As a plate has it: every refined block goes straight to the decoder, and both are there. A step is one pass."""
    from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video

    def work(preset: str, stepped: Callable[[], None]) -> None:
        vae = bench.made(AutoencoderKLLTX2Video, bench.scale.ltx_vae, torch.float32, place="cpu")
        transformer = settled_refiner(bench, preset)
        vae.decoder.to(bench.device)
        blocks = sana_wm_refining.refined(transformer, latents, refiner_words(bench), 16.0, 1, stepped)
        for _ in ltx2_decoding.decoded(vae, blocks):
            pass

    for preset in ("full", "group-offload"):
        with asked(preset):
            bench.run(Row(case, "2nd half", "ours", preset), lambda stepped, name=preset: work(name, stepped))


def ltx_decoder(bench: Bench, case: str, latents: torch.Tensor) -> None:
    """Stock: tiles, as the pipeline's documentation asks. A step is one latent."""
    from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video

    def stock(vae: Any, stepped: Callable[[], None]) -> None:
        vae.enable_tiling()
        vae.use_framewise_encoding = vae.use_framewise_decoding = True
        vae.tile_sample_stride_num_frames, vae.tile_sample_min_num_frames = 64, 96
        with torch.no_grad():
            (vae.decode(latents).sample * 0.5 + 0.5).clamp(0, 1).float().cpu()
        stepped()

    def ours(vae: Any, stepped: Callable[[], None]) -> None:
        def pushed() -> Iterator[torch.Tensor]:
            for latent in latents.split(1, 2):
                yield latent
                stepped()

        for _ in ltx2_decoding.decoded(vae, pushed()):
            pass

    decoded(bench, case, lambda: bench.made(AutoencoderKLLTX2Video, bench.scale.ltx_vae, torch.float32), "tiled", stock,
            ours)
