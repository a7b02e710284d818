"""SANA-WM's second stage: LTX-2 goes over the latents, three latent frames at a time, and hands each block on.

The published model carries an audio half that this pass never looks at: it is not read at all, 11.7 GB of 37.8.
The steps are those of diffusers 0.42.1, `SanaWMLTX2Refiner.__call__`, as a generator: each block leaves as soon as it
is refined, and whoever steps in between can stop it. The first latent, the sink, is the given picture's and stays.
Latents that are held (`far_side`) are put in their places after every step.
Where its weights come to the device block by block and room is short, what a block remembers of the window comes and
goes with it: 7.6 GB less at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BackendError
from . import checkpoint, far_side, needs, presets
from .sana_wm_sampling import Told

Refiner = Any  # SanaWMLTX2RefinerTransformer3DModel
BLOCK = 3  # latent frames refined at once
WINDOW = 11  # latent frames that are seen: the sink and the latest ten
SIGMAS = (0.909375, 0.725, 0.421875, 0.0)  # as published; the last one is where it ends
UNUSED = ("audio", "av_cross", "a2v", "v2a")  # in names of parameters

Step = Callable[[], None]


def passes(latents: int) -> int:
    """How often `refined` goes through the transformer."""
    return 1 + len(SIGMAS) * -(-(latents - 1) // BLOCK)


def told() -> dict[str, Any]:
    """How it samples, for the manifest."""
    return {"scheduler": "Euler", "sigmas": list(SIGMAS), "block": BLOCK, "window": WINDOW}


def load(part: Path, dtype: torch.dtype) -> Refiner:
    """The transformer without its audio half. The file must hold that half, as published, and nothing unknown.

    Raises what `checkpoint.build` does.
    """
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMLTX2RefinerTransformer3DModel

    kind: Any = SanaWMLTX2RefinerTransformer3DModel
    config = checkpoint.read_json(part / "config.json")
    dropped: set[str] = set()

    def make() -> nn.Module:
        module = kind.from_config(config)
        dropped.update(drop_unused(module))
        return module

    tensors, left_out = _used_tensors(part)
    found = checkpoint.build(make, tensors, dtype, part)
    checkpoint.refuse_other_keys(dropped - left_out, left_out - dropped, part)
    if (found.config["patch_size"], found.config["patch_size_t"]) != (1, 1):
        raise BackendError("E_MODEL_MISMATCH", f"{part} joins latents into patches.", "Use the published model.")
    return found


def placed(transformer: Refiner, device: torch.device) -> Refiner:
    """The transformer where it runs: all of it where there is room, else each block while it works.

    A block computes for about as long as the next one takes over the bus, so little is lost by it.
    """
    whole_or_in_turns = ("full", "group-offload")
    beside = needs.beside_bytes("sana-wm")
    name = presets.chosen(device, [transformer], offered=whole_or_in_turns, beside_bytes=beside, room=1.0)
    return presets.settle(transformer, device, name)


@torch.no_grad()
def refined(
    transformer: Refiner, latents: Tensor, told: Told, fps: float, seed: int, stepped: Step, held: Sequence[int] = ()
) -> Iterator[Tensor]:
    """Yield the sink, then each refined block: (1, C, n, h, w) float32, normalised, T in all.

    latents  of the first stage (1, C, T, h, w)
    stepped  hears of every pass through the transformer; it may raise to stop
    held     which of the latents are known, and stay
    """
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMRefinerKVCache

    seen = _Window(transformer, told, fps, SanaWMRefinerKVCache(len(transformer.transformer_blocks)), stepped)
    try:
        yield from _refined(seen, latents.to(transformer.device, torch.float32), seed, held)
    finally:
        seen.close()


def _refined(seen: _Window, latents: Tensor, seed: int, held: Sequence[int]) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    seen.take_sink(latents[:, :, :1])
    yield latents[:, :, :1]
    for start in range(1, latents.shape[2], BLOCK):
        given = block = latents[:, :, start : start + BLOCK]
        here = [place - start for place in held if start <= place < start + BLOCK]
        noise = torch.randn(block.shape, generator=generator).to(block.device)
        block = (1.0 - SIGMAS[0]) * block + SIGMAS[0] * noise
        seen.look_at(start, block)
        for sigma, lower in itertools.pairwise(SIGMAS):
            block = block + (lower - sigma) * seen.velocity(block, sigma)
            block = far_side.put(block, given[:, :, here], noise, here, lower) if here else block
        seen.remember(block)
        yield block


class _Window:
    """What the block at work sees: the sink, moved up to the frames that are remembered, those, and itself."""

    def __init__(self, transformer: Refiner, told: Told, fps: float, cache: Any, stepped: Step) -> None:
        self._transformer, self._fps, self._cache, self._stepped = transformer, fps, cache, stepped
        self._told = [part.to(transformer.device) for part in told]
        self._remembered = 0  # latent frames
        self._places: Any = None  # rotary embedding of the block at work
        self._layers = list(zip(transformer.transformer_blocks, cache.layer_caches, strict=True))
        is_short = presets.free_bytes(transformer.device) < needs.beside_bytes("sana-wm")
        turns = is_short and comes_in_turns(transformer)
        self._waiting = [_Waiting(*pair, transformer.device) for pair in self._layers] if turns else []

    def close(self) -> None:
        """Leave the transformer as it was."""
        for each in self._waiting:
            each.close()

    def take_sink(self, sink: Tensor) -> None:
        """Keys and values of the first latent frame, before their places are written into them."""
        self._places = self._placed(0, sink)
        self._passed(sink, 0.0, "capture_pre_rope")
        for layer in self._cache.layer_caches:
            layer.store_sink(*layer.get_captured_pre_rope())
        for each in self._waiting:
            each.put_away()

    def look_at(self, start: int, block: Tensor) -> None:
        """Turn to the block whose first latent frame is `start`."""
        self._cache.sink_pe = self._placed(start - self._remembered - 1, block[:, :, :1])
        self._places = self._placed(start, block)

    def velocity(self, block: Tensor, sigma: float) -> Tensor:
        return self._passed(block, sigma, "inject")

    def remember(self, block: Tensor) -> None:
        """Keys and values of the refined block; the oldest are forgotten, layer by layer as the pass goes on."""
        frames, tokens = block.shape[2], block[0, 0, 0].numel()
        kept = min(self._remembered, WINDOW - 1 - frames)
        hooks = [
            inner.register_forward_hook(lambda *_, layer=layer: _append(layer, kept * tokens), prepend=True)
            for inner, layer in self._layers
        ]
        try:
            self._passed(block, 0.0, "inject_and_capture_post_rope")
        finally:
            for hook in hooks:
                hook.remove()
        self._remembered = kept + frames

    def _placed(self, start: int, block: Tensor) -> tuple[Tensor, Tensor]:
        frames, height, width = block.shape[2:]
        return self._transformer.build_rotary_emb_for_absolute_positions(
            1, list(range(start, start + frames)), height, width, block.device, self._fps
        )

    def _passed(self, block: Tensor, sigma: float, mode: str) -> Tensor:
        """The velocity (1, C, n, h, w), float32, that the transformer sees in a block."""
        transformer = self._transformer
        tokens = block.flatten(2).transpose(1, 2).to(transformer.dtype)
        times = torch.full(tokens.shape[:2], sigma * transformer.config["timestep_scale_multiplier"])
        found = transformer(
            hidden_states=tokens,
            encoder_hidden_states=self._told[0].to(tokens.dtype),
            timestep=times.to(block.device),
            video_rotary_emb=self._places,
            encoder_attention_mask=self._told[1],
            kv_cache=self._cache,
            kv_cache_mode=mode,
            return_dict=False,
        )[0]
        self._stepped()
        return found.float().transpose(1, 2).reshape(block.shape)


class _Waiting:
    """What a layer remembers waits in the machine's memory, and is on the device while its block works."""

    NAMES = ("sink_k_pre", "sink_v", "history_k", "history_v")

    def __init__(self, block: nn.Module, layer: Any, device: torch.device) -> None:
        self._layer, self._device = layer, device
        self._home: dict[str, tuple[Tensor, Tensor]] = {}  # what waits, and its likeness on the device
        self._hooks = [
            block.register_forward_pre_hook(lambda *_: self.bring()),
            block.register_forward_hook(lambda *_: self.put_away()),
        ]

    def bring(self) -> None:
        for name, waits in self._remembered():
            self._home[name] = waits, waits.to(self._device, non_blocking=True)
            setattr(self._layer, name, self._home[name][1])

    def put_away(self) -> None:
        """What is new is copied; what came is only let go."""
        for name, here in self._remembered():
            waits, brought = self._home.get(name, (None, None))
            setattr(self._layer, name, waits if here is brought else put_by(here))
        self._home = {}

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _remembered(self) -> list[tuple[str, Tensor]]:
        found = [(name, getattr(self._layer, name)) for name in self.NAMES]
        return [(name, tensor) for name, tensor in found if tensor is not None]


def put_by(tensor: Tensor) -> Tensor:
    """A copy in the machine's memory, from where a GPU can fetch it while it works."""
    found = tensor.cpu()
    return found.pin_memory() if tensor.device.type == "cuda" else found


def comes_in_turns(transformer: Refiner) -> bool:
    """Whether its blocks are on the device only while they work."""
    return next(transformer.transformer_blocks[0].parameters()).device != transformer.device


def _append(layer: Any, kept: int) -> None:
    """What the layer has just seen joins the last `kept` tokens of what it remembers."""
    new, old = layer.get_captured_post_rope(), layer.get_history()
    if old is not None:
        rest = [part[:, part.shape[1] - kept :] for part in old]
        new = [torch.cat(both, dim=1) for both in zip(rest, new, strict=True)]
    layer.store_history(*new)


def drop_unused(module: nn.Module) -> set[str]:
    """Take the audio half out of a module; returns the names of the parameters that went."""
    dropped = {name for name in module.state_dict() if _is_unused(name)}
    for name, inner in list(module.named_modules()):
        if not _is_unused(name):
            children = [*inner.named_children(), *inner.named_parameters(recurse=False)]
            for child in [child for child, _ in children if _is_unused(child)]:
                delattr(inner, child)
    return dropped


def _used_tensors(part: Path) -> tuple[dict[str, Tensor], set[str]]:
    """The tensors of a part that are used, read one by one, and the names of the others."""
    from safetensors import safe_open

    tensors: dict[str, Tensor] = {}
    left_out: set[str] = set()
    for path in checkpoint.weight_files(part):
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            left_out |= {name for name in names if _is_unused(name)}
            tensors |= {name: file.get_tensor(name) for name in sorted(names - left_out)}
    return tensors, left_out


def _is_unused(name: str) -> bool:
    return any(word in name for word in UNUSED)
