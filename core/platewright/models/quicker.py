"""What makes a transformer quicker where somebody asks for it: other kernels, compiled blocks, steps left out.

    cudnn      attention by cuDNN                                     the same but for rounding
    flash-3    attention by FlashAttention 3, where it is installed   the same but for rounding
    sage       attention in 8 bits, where SageAttention is installed  other pictures
    compile    repeated blocks compiled by torch, minutes at first    the same but for rounding
    cache      FirstBlockCache: where a step changes little, what the other blocks made of the last one is taken again:
               other pictures

None of them is ever chosen for anybody. A card says which a model takes. diffusers' attention dispatcher is set for as
long as a job lasts; kernels that it would fetch from the network are not among these.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..errors import BackendError

if TYPE_CHECKING:  # a request is checked without it
    import torch

ATTENTION = {"cudnn": "_native_cudnn", "flash-3": "_flash_3", "sage": "sage"}          # diffusers' names
ON_BLOCKS = {"compile": ("full",), "cache": ("full", "model-offload")}                 # with which presets they go
NAMES = (*ATTENTION, *ON_BLOCKS)
CACHE_THRESHOLD = 0.05                             # diffusers' own: relative change of the first block's residual
OTHER_PICTURES = {"sage": "attention in 8 bits", "cache": f"FirstBlockCache, threshold {CACHE_THRESHOLD}"}
COMPILED: dict[str, Any] = {"fullgraph": True}     # torch.compile's arguments
WITHOUT = "Leave +{name} out of the preset."


def fitting(names: tuple[str, ...], preset: str) -> tuple[str, ...]:
    """Those that go with a preset: what was compiled or remembered cannot come and go."""
    return tuple(name for name in names if preset in ON_BLOCKS.get(name, (preset,)))


def attending(name: str, device: torch.device) -> AbstractContextManager[None]:
    """While it lasts, attention goes by this way. Raises BackendError E_PRESET where it cannot."""
    from diffusers.models.attention_dispatch import attention_backend

    if device.type != "cuda":
        raise BackendError("E_PRESET", f"Attention by {name} needs a GPU, not {device}.", WITHOUT.format(name=name))
    entered: Any = attention_backend(ATTENTION[name])
    return _Entered(name, entered)


class _Entered(AbstractContextManager[None]):
    """diffusers' own, which finds only on entering that a package is missing."""

    def __init__(self, name: str, inner: Any) -> None:
        self._name, self._inner = name, inner

    def __enter__(self) -> None:
        try:
            self._inner.__enter__()
        except (RuntimeError, ImportError) as error:
            why = f"Attention by {self._name} is not there: {error}"
            raise BackendError("E_PRESET", why, WITHOUT.format(name=self._name)) from error

    def __exit__(self, *raised: Any) -> None:
        self._inner.__exit__(*raised)


def equip(transformer: Any, names: tuple[str, ...]) -> None:
    """The blocks of a transformer, as asked for; changed in place."""
    if "cache" in names:
        from diffusers.hooks.first_block_cache import FirstBlockCacheConfig

        transformer.enable_cache(FirstBlockCacheConfig(threshold=CACHE_THRESHOLD))
    if "compile" in names:
        transformer.compile_repeated_blocks(**COMPILED)


def refuse_no_compiler(error: BaseException) -> None:
    """BackendError E_PRESET for what torch's compiler raises; anything else is left to others."""
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        why = f"The blocks cannot be compiled here: {str(error).strip().splitlines()[0]}"
        raise BackendError("E_PRESET", why, f"{WITHOUT.format(name='compile')} It needs Triton, or a C++ compiler.")
