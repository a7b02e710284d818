"""How much memory the models need at full size, the library's way beside ours, without a GPU and without weights.

    python bench/memory.py [--frames 161 481 961]

The real networks at their published size run on torch's `meta` device: every operation happens but for the numbers, and
a dispatch mode adds up the storages that are alive. Attention is counted as its output and its log-sum-exp, as fused
kernels keep it. What a device adds (workspaces, fragmentation, about 0.7 GB of context) is not in it: allow 15 %.
"""

from __future__ import annotations

import argparse
import logging
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "core"))

from platewright.camera import CameraPath
from platewright.models import ltx2_decoding, presets, sana_wm, sana_wm_exact, sana_wm_refining

GB = 1e9
WIDTH, HEIGHT = sana_wm.NATIVE
META = torch.device("meta")
TEXT = 300  # tokens of the first stage's prompt
CHANNELS = 128
LAYERS = 4  # one period of the first stage's blocks: what is alive is alike in all


class Live(TorchDispatchMode):
    """Bytes of the storages on the meta device that are alive, and the most there ever were; weights do not count."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        storages: list[Any] = [part.untyped_storage() for part in (*module.parameters(), *module.buffers())]
        self._weights = {storage._cdata for storage in storages}
        self._held: dict[int, weakref.ref[Any]] = {}
        self.bytes = self.peak_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor) and tensor.device.type == "meta":
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._held or key in self._weights:
            return

        def gone(_: Any) -> None:
            self._held.pop(key, None)
            self.bytes -= size

        self._held[key] = weakref.ref(storage, gone)
        self.bytes += size
        self.peak_bytes = max(self.peak_bytes, self.bytes)


class FusedAttention(TorchFunctionMode):
    """Attention as a fused kernel leaves it: its output, and one float32 a query. A schedule keeps its numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.to and args[0].device.type == "cpu" and args[0].ndim == 1:
            return args[0]
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, _, value = args[:3] if len(args) > 2 else [(kwargs or {})[name] for name in ("query", "key", "value")]
        torch.empty(query.shape[:-1], dtype=torch.float32, device=query.device)
        return torch.empty((*query.shape[:-1], value.shape[-1]), dtype=query.dtype, device=query.device)


@contextmanager
def counted(module: torch.nn.Module) -> Iterator[Live]:
    with torch.no_grad(), FusedAttention(), Live(module) as live:
        yield live


def on_meta(make: Callable[[], Any], dtype: torch.dtype = torch.bfloat16) -> Any:
    """A network without its numbers."""
    with torch.device(META):
        return make().to(dtype).eval().requires_grad_(False)


def weights_gb(module: torch.nn.Module) -> float:
    return sum(part.nbytes for part in (*module.parameters(), *module.buffers())) / GB


def empty(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=META)


def latent_count(frames: int) -> int:
    return (frames - 1) // 8 + 1


# The first stage --------------------------------------------------------------------------------------


def stage_1(frames: int, ours: bool) -> float:
    """Peak of one step with guidance, without weights."""
    from diffusers.models.transformers.transformer_sana_wm import SanaWMTransformer3DModel

    transformer = on_meta(lambda: SanaWMTransformer3DModel(num_layers=LAYERS))
    count, batch = latent_count(frames), 1 if ours else 2
    places = count * (HEIGHT // 32) * (WIDTH // 32)
    if ours:
        sana_wm_exact.prepare(transformer)
        known = sana_wm_exact.camera_arguments(transformer, still(frames))
    else:
        rays = {"P": empty(1, places, 4, 4), "P_inv": empty(1, places, 4, 4), "absmap": empty(0)}
        plucker = empty(batch, 48, count, HEIGHT // 32, WIDTH // 32)
        known = {"camera_conditions": empty(batch, count, 20), "chunk_plucker": plucker, "cam_pos_embeds": rays}
    with counted(transformer) as live:
        noisy = empty(batch, CHANNELS, count, HEIGHT // 32, WIDTH // 32)
        times = empty(batch, 1, count, dtype=torch.float32)
        mask = torch.empty(batch, TEXT, dtype=torch.int64, device=META)
        transformer(noisy, times, empty(batch, 1, TEXT, 2304), mask=mask, **known)
    return live.peak_bytes / GB


def still(frames: int) -> CameraPath:
    """A camera at rest; its numbers do not matter here."""
    pose = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    return CameraPath(
        camera="Camera", cameras=("Camera",) * frames, fps=16.0, width=WIDTH, height=HEIGHT,
        frames=tuple(range(frames)), camera_to_world=(pose,) * frames,
        intrinsics=((1000.0, 1000.0, WIDTH / 2, HEIGHT / 2),) * frames,
    )  # fmt: skip


# The refiner ------------------------------------------------------------------------------------------


def refiner(frames: int, ours: bool) -> tuple[float, float]:
    """Weights, and the peak beside them: keys and values of the window and what a pass leaves behind."""
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMLTX2RefinerTransformer3DModel

    transformer = on_meta(SanaWMLTX2RefinerTransformer3DModel)
    if ours:
        sana_wm_refining.drop_unused(transformer)
    latents = empty(1, CHANNELS, latent_count(frames), HEIGHT // 32, WIDTH // 32)
    told = empty(1, 1024, 3840), torch.empty(1, 1024, dtype=torch.int64, device=META)
    with counted(transformer) as live:
        if ours:
            for _ in sana_wm_refining.refined(transformer, latents, told, 16.0, 0, lambda: None):
                pass
        else:
            stock_refiner(transformer, told)(
                latents, "", fps=16.0, generator=torch.Generator().manual_seed(0), output_type="latent"
            )
    return weights_gb(transformer), live.peak_bytes / GB


@contextmanager
def short_of_room() -> Iterator[None]:
    """While it lasts, the refiner's blocks come in turns, and what they remember with them: here from nowhere."""
    names = {"comes_in_turns": lambda transformer: True, "put_by": lambda tensor: torch.empty(()).expand(tensor.shape)}
    old = {name: getattr(sana_wm_refining, name) for name in names} | {"free_bytes": presets.free_bytes}
    try:
        for name, likeness in names.items():
            setattr(sana_wm_refining, name, likeness)
        presets.free_bytes = lambda device: 0.0
        yield
    finally:
        presets.free_bytes = old.pop("free_bytes")
        for name, own in old.items():
            setattr(sana_wm_refining, name, own)


def stock_refiner(transformer: Any, told: tuple[Tensor, Tensor], device: torch.device = META) -> Any:
    from diffusers.pipelines.sana_wm.refiner import SanaWMLTX2Refiner
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    class Pipeline(SanaWMLTX2Refiner):
        """As it is, but for the prompt."""

        def _encode_prompt(self, *given: Any, **options: Any) -> Any:
            return told

        @property
        def _execution_device(self) -> torch.device:
            return device

    nothing: Any = None
    made = Pipeline(transformer, nothing, nothing, nothing, FlowMatchEulerDiscreteScheduler(shift=1.0))
    made.set_progress_bar_config(disable=True)
    return made


# The decoder ------------------------------------------------------------------------------------------


def decoder(frames: int, way: str, dtype: torch.dtype) -> float:
    """Peak of decoding a clip, without weights: `whole`, `recipe` (tiles, as the documentation asks) or `stream`."""
    vae = vae_on_meta(dtype)
    latents = empty(1, CHANNELS, latent_count(frames), HEIGHT // 32, WIDTH // 32, dtype=dtype)
    with counted(vae) as live:
        if way == "stream":
            for _ in ltx2_decoding.streamed(vae.decoder, latents.split(1, 2)):
                pass
        else:
            if way == "recipe":
                vae.enable_tiling()
                vae.use_framewise_encoding = vae.use_framewise_decoding = True
                vae.tile_sample_stride_num_frames, vae.tile_sample_min_num_frames = 64, 96
            shown = vae.decode(latents).sample  # and then as the pipeline's post-processing does
            (shown * 0.5 + 0.5).clamp(0, 1)
    return live.peak_bytes / GB


def vae_on_meta(dtype: torch.dtype) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video

    facts: dict[str, Any] = {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8, "decoder_causal": False}
    return on_meta(lambda: AutoencoderKLLTX2Video(**facts), dtype)


def say(row: str) -> None:
    print(row, flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--frames", type=int, nargs="+", default=[161, 481, 961])
    clips = options.parse_args().frames
    logging.disable(logging.WARNING)
    print("| part | frames | diffusers, GB | here, GB |\n|---|---|---|---|")
    for frames in clips:
        print(
            f"| stage 1, beside its weights | {frames} | {stage_1(frames, False):.1f} | {stage_1(frames, True):.1f} |"
        )
    for frames in clips:
        whole, tiled = (decoder(frames, way, torch.float32) for way in ("whole", "recipe"))
        streamed = decoder(frames, "stream", torch.float32)
        say(f"| decoder, float32 | {frames} | {whole:.1f} whole, {tiled:.1f} tiled | {streamed:.1f} |")
    (stock_gb, stock_peak), (our_gb, our_peak) = refiner(clips[0], False), refiner(clips[0], True)
    say(f"| refiner's weights | any | {stock_gb:.1f} | {our_gb:.1f} |")
    say(f"| refiner, beside them | any | {stock_peak:.1f} | {our_peak:.1f} |")
    with short_of_room():
        say(f"| refiner, beside two blocks, its window waiting | any | - | {refiner(clips[0], True)[1]:.1f} |")


if __name__ == "__main__":
    main()
