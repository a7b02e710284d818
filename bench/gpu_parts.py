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

import torch
from accelerate import init_empty_weights

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))

from platewright.camera import CameraPath
from platewright.errors import BackendError
from platewright.models import presets, quicker, wan_decoding
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

    def made(
        self,
        kind: Any,
        config: Config,
        dtype: torch.dtype | None = None,
        place: str = "",
        prepare: Callable[[Any], Any] = lambda module: None,
    ) -> Any:
        """A network of random weights, born in its own number format, tensor by tensor: no more is there at any time.

        place     where it lies; empty: on the device
        prepare   what is done to it before it has weights
        """
        with init_empty_weights(include_buffers=False):
            module = kind(**config)
        prepare(module)
        torch.manual_seed(1)
        dtype, place = dtype or self.scale.dtype, place or str(self.device)
        for name, empty in list(module.named_parameters()):
            owner, _, word = name.rpartition(".")
            tensor = torch.empty(empty.shape, dtype=dtype, device=self.device)
            filled = tensor.normal_(0, 0.02) if empty.ndim > 1 else tensor.fill_(float(word == "weight"))
            setattr(module.get_submodule(owner), word, torch.nn.Parameter(filled.to(place), requires_grad=False))
        return module.to(place, dtype).eval()


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
