"""What bench/gpu.py runs: networks of the real size, or small ones, and each part of a plate the stock way and ours."""

from __future__ import annotations

import gc
import itertools
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))

from platewright.camera import CameraPath
from platewright.errors import BackendError
from platewright.models import (
    ltx2_decoding,
    presets,
    quicker,
    sana_wm_refining,
    sana_wm_sampling,
    sana_wm_take,
    wan_decoding,
)
from platewright.models.wan_fun_sampling import Wan21FunPipeline

GB = 1e9
Config = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """How large everything is: as published, or small."""

    sana: Config
    ltx_vae: Config
    refiner: Config
    wan: Config
    wan_vae: Config
    sana_size: tuple[int, int]
    wan_size: tuple[int, int]
    words: int                                     # tokens of a prompt
    dtype: torch.dtype
    gemma: int = 2304                              # widths of embedded words: the first stage's, the refiner's, Wan's
    gemma_3: int = 3840
    umt5: int = 4096
    clip: int = 1280

    @property
    def channels(self) -> int:
        return self.sana.get("in_channels", 128)


_LTX = {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8, "decoder_causal": False}
_WAN = {"num_attention_heads": 12, "attention_head_dim": 128, "in_channels": 32, "out_channels": 16, "text_dim": 4096,
        "freq_dim": 256, "ffn_dim": 8960, "num_layers": 30, "image_dim": 1280, "added_kv_proj_dim": 1536}  # fmt: skip
FULL = Scale({}, _LTX, {}, _WAN, {}, (1280, 704), (832, 480), 300, torch.bfloat16)
TINY = Scale(
    sana={"in_channels": 4, "num_layers": 4, "hidden_size": 80, "num_attention_heads": 5, "linear_head_dim": 16,
          "chunk_plucker_post_attn_blocks": 4, "caption_channels": 16, "mlp_ratio": 2.0},
    ltx_vae=_LTX | {"latent_channels": 4, "block_out_channels": (8, 8, 8, 8), "layers_per_block": (1, 1, 1, 1, 1),
                    "decoder_block_out_channels": (8, 16, 32), "decoder_layers_per_block": (1, 1, 1, 1)},
    refiner={"in_channels": 4, "out_channels": 4, "num_layers": 2, "caption_channels": 16, "num_attention_heads": 2,
             "attention_head_dim": 16, "cross_attention_dim": 32, "audio_in_channels": 4, "audio_out_channels": 4,
             "audio_num_attention_heads": 2, "audio_attention_head_dim": 8, "audio_cross_attention_dim": 16},
    wan=_WAN | {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 16, "freq_dim": 16, "ffn_dim": 32,
                "num_layers": 2, "image_dim": 12, "added_kv_proj_dim": 24},
    wan_vae={"base_dim": 4, "num_res_blocks": 1, "dim_mult": [1, 2, 2, 2]},
    sana_size=(96, 64), wan_size=(64, 32), words=6, dtype=torch.float32, gemma=16, gemma_3=16, umt5=16, clip=12,
)  # fmt: skip


@dataclass
class Row:
    """One way of doing one part."""

    case: str
    part: str
    way: str                                       # stock or ours
    preset: str = "full"
    seconds_per_step: float | None = None
    seconds: float | None = None                   # of all that was run
    peak_gb: float | None = None
    error: str = ""


@dataclass
class Bench:
    """The device, what is asked for, and what was found."""

    device: torch.device
    scale: Scale
    steps: int
    rows: list[Row] = field(default_factory=list[Row])

    def run(self, row: Row, work: Callable[[Callable[[], None]], Any]) -> Any:
        """Do it once: `work` is given what it calls after every step. What does not fit is said, and nothing comes."""
        ticks: list[float] = []
        tidy(self.device)
        result = None
        try:
            started = now(self.device)
            result = work(lambda: ticks.append(now(self.device)))
            row.seconds = round(now(self.device) - started, 4)
            row.peak_gb = peak_gb(self.device)
            steps = [after - before for before, after in itertools.pairwise(ticks)]
            row.seconds_per_step = round(statistics.median(steps), 5) if steps else None
        except torch.OutOfMemoryError:
            row.error = "out of memory"
        except BackendError as error:              # a kernel that is not installed
            row.error = error.message
        self.rows.append(row)
        print(f"{row.case:14} {row.part:9} {row.way:6} {row.preset:18} "
              f"{row.seconds_per_step or '-':>9} s/step {row.seconds or '-':>9} s {row.peak_gb or '-':>7} GB "
              f"{row.error}", flush=True)  # fmt: skip
        return result

    def drawn(self, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        made = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))
        return made.to(self.device, dtype or self.scale.dtype)

    def made(self, kind: Any, config: Config, dtype: torch.dtype | None = None) -> Any:
        """A network of random weights, on the device from its birth."""
        torch.manual_seed(1)
        with torch.device(self.device):
            return kind(**config).to(dtype or self.scale.dtype).eval().requires_grad_(False)


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()


def tidy(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_gb(device: torch.device) -> float | None:
    return round(torch.cuda.max_memory_allocated(device) / GB, 3) if device.type == "cuda" else None


@contextmanager
def asked(preset: str) -> Iterator[None]:
    with presets.run(preset), torch.no_grad():
        yield


def path(frames: int, size: tuple[int, int]) -> CameraPath:
    """A dolly forwards."""
    width, height = size
    poses = tuple((1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.05 * n, 0.0, -1.0, 0.0, 1.7, 0.0, 0.0, 0.0, 1.0)
                  for n in range(frames))  # fmt: skip
    return CameraPath(
        camera="Camera", cameras=("Camera",) * frames, fps=16.0, width=width, height=height,
        frames=tuple(range(1, frames + 1)), camera_to_world=poses,
        intrinsics=((0.9 * width, 0.9 * width, width / 2, height / 2),) * frames,
    )  # fmt: skip


# SANA-WM -----------------------------------------------------------------------------------------


def sana(bench: Bench, case: str, frames: int) -> None:
    """Both stages and the decoder, one after the other as a plate takes them."""
    latents = sana_stage_1(bench, case, frames)
    refined = sana_refiner(bench, case, latents)
    ltx_decoder(bench, case, refined)


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

    scale = bench.scale
    words = bench.drawn(1, 1024 if scale is FULL else 8, scale.gemma_3)
    told = words, torch.ones(words.shape[:2]).long().to(bench.device)
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
        kind: Any = SanaWMLTX2RefinerTransformer3DModel
        transformer = bench.made(kind, scale.refiner)
        sana_wm_refining.drop_unused(transformer)
        tidy(bench.device)
        settled = presets.settle(transformer.to("cpu") if "offload" in preset else transformer, bench.device, preset)
        return torch.cat(list(sana_wm_refining.refined(settled, short, told, 16.0, 1, stepped)), 2)

    bench.run(Row(case, "refiner", "stock"), stock)
    for preset in ("full", "group-offload", "fp8", "fp8-group-offload", "int8", "int8-group-offload"):
        with asked(preset):
            bench.run(Row(case, "refiner", "ours", preset), lambda stepped, name=preset: ours(name, stepped))
    return latents


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


def decoded(
    bench: Bench,
    case: str,
    make: Callable[[], Any],
    name: str,
    stock: Callable[[Any, Callable[[], None]], None],
    ours: Callable[[Any, Callable[[], None]], None],
) -> None:
    """Both ways, each with a VAE of its own that is there before the clock starts."""
    for way, preset, work in (("stock", name, stock), ("ours", "stream", ours)):
        vae = make()
        bench.run(Row(case, "decoder", way, preset), lambda stepped, work=work, vae=vae: work(vae, stepped))


# Wan-Fun -----------------------------------------------------------------------------------------


def wan_fun(bench: Bench, case: str, frames: int) -> None:
    """Stock: the bare pipeline, its own decode. Ours: the same by preset, and the stream; the adapter adds one sum."""
    quickly = [f"full+{name}" for name in (*quicker.NAMES, "cudnn+compile") if bench.device.type == "cuda"]
    for way, preset in (("stock", "full"), *(("ours", name) for name in (*presets.NAMES, *quickly))):
        with asked(preset):
            bench.run(Row(case, "sampling", way, preset), lambda stepped, name=preset: wan_sampled(bench, frames, name,
                                                                                                  stepped))
    wan_decoder(bench, case, frames)


def wan_sampled(bench: Bench, frames: int, preset: str, stepped: Callable[[], None]) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    scale, nothing = bench.scale, None
    scheduler: Any = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    made: Any = Wan21FunPipeline(
        tokenizer=nothing, text_encoder=nothing,  # pyright: ignore[reportArgumentType]
        vae=bench.made(AutoencoderKLWan, scale.wan_vae, torch.float32), scheduler=scheduler,
        transformer=bench.made(WanTransformer3DModel, scale.wan),
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    if "offload" in preset:
        made.to("cpu")
        tidy(bench.device)
    presets.place(made, bench.device)
    words, seen = bench.drawn(1, 512 if scale is FULL else scale.words, scale.umt5), bench.drawn(1, 257, scale.clip)
    made.encode_image = lambda image, device=None: seen                        # CLIP's view of the first picture

    def ticked(pipeline: Any, step: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        del pipeline, step, time
        stepped()
        return given

    return made(
        image=torch.zeros(1, 3, scale.wan_size[1], scale.wan_size[0], device=bench.device), prompt_embeds=words,
        negative_prompt_embeds=words, width=scale.wan_size[0],
        height=scale.wan_size[1], num_frames=frames, num_inference_steps=bench.steps, guidance_scale=6.0,
        generator=torch.Generator().manual_seed(1), output_type="latent", callback_on_step_end=ticked,
    ).frames  # fmt: skip


def wan_decoder(bench: Bench, case: str, frames: int) -> None:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    width, height = bench.scale.wan_size
    latents = bench.drawn(1, 16, (frames - 1) // 4 + 1, height // 8, width // 8, dtype=torch.float32)

    def stock(vae: Any, stepped: Callable[[], None]) -> None:
        with torch.no_grad():
            vae.decode(latents).sample.cpu()
        stepped()

    def ours(vae: Any, stepped: Callable[[], None]) -> None:
        for piece in wan_decoding.decoded(vae, latents):
            piece.cpu()
            stepped()

    decoded(bench, case, lambda: bench.made(AutoencoderKLWan, bench.scale.wan_vae, torch.float32), "whole", stock, ours)
