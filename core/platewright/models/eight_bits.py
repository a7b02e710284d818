"""A transformer whose weights rest in 8 bits and work in the type that they had: half of bfloat16, and other pictures.

    fp8     float8 e4m3, by diffusers' layerwise casting: 3 bits behind the point, whatever the number
    int8    whole numbers with a scale for each output of a layer, the largest weight being 127: half the error of fp8
            on weights that are alike in size; what torchao calls Int8WeightOnlyConfig, and for convolutions, too, of
            which SANA-WM's weights are nearly half

Linear layers and convolutions alone; norms, embeddings and what a model itself names as delicate stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 127


def to_fp8(transformer: Any, left_out: Sequence[str] = ()) -> Any:
    """The transformer itself. left_out: patterns of names whose weights are looked at from outside."""
    transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=transformer.dtype,
        skip_modules_pattern=(*DEFAULT_SKIP_MODULES_PATTERN, *left_out),
    )  # fmt: skip
    return transformer


def to_int8(transformer: Any, left_out: Sequence[str] = ()) -> Any:
    """The same; each weight w (outputs, ...) becomes round(w / s) with s = max |w| / 127 of its output."""
    own: Sequence[str] = getattr(transformer, "_skip_layerwise_casting_patterns", None) or ()
    delicate = [re.compile(pattern) for pattern in (*DEFAULT_SKIP_MODULES_PATTERN, *own, *left_out)]
    for name, layer in transformer.named_modules():
        if type(layer) in RESTING and not any(pattern.search(name) for pattern in delicate):
            _rest(layer)
    return transformer


@torch.no_grad()
def _rest(layer: Any) -> None:
    weight = layer.weight.float()
    scale = (weight.abs().flatten(1).amax(1) / LARGEST).clamp_min(torch.finfo(torch.float32).tiny)
    scale = scale.view(-1, *(1,) * (weight.ndim - 1))
    whole = (weight / scale).round().clamp(-LARGEST, LARGEST).to(torch.int8)
    layer.weight = nn.Parameter(whole, requires_grad=False)
    layer.register_buffer("weight_scale", scale)
    layer.__class__ = RESTING[type(layer)]


def awake(layer: Any, dtype: torch.dtype) -> Tensor:
    """The weight of a resting layer, rounded to the type once."""
    return (layer.weight.float() * layer.weight_scale.float()).to(dtype)


class RestingLinear(nn.Linear):
    """A linear layer on whole numbers."""

    def forward(self, input: Tensor) -> Tensor:    # torch's word for it
        return functional.linear(input, awake(self, input.dtype), self.bias)


class RestingConv1d(nn.Conv1d):
    """A convolution on whole numbers."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, awake(self, input.dtype), self.bias)


class RestingConv2d(nn.Conv2d):
    """A convolution on whole numbers."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, awake(self, input.dtype), self.bias)


class RestingConv3d(nn.Conv3d):
    """A convolution on whole numbers."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, awake(self, input.dtype), self.bias)


RESTING: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: RestingLinear, nn.Conv1d: RestingConv1d, nn.Conv2d: RestingConv2d, nn.Conv3d: RestingConv3d,
}  # fmt: skip
