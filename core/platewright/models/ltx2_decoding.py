"""The LTX-2 video decoder as an exact stream: latents go in as they are made, pictures come out as they are known.

Every norm and activation acts on one place at a time; only convolutions over three frames join neighbours. So each
layer keeps the two frames it still needs and hands on the rest: the work of a whole decode, the memory of one latent.
Without `causal` a picture waits for the latents after it (the released decoder: 22), which `flush` makes up for.
Source: diffusers 0.42.1, `models/autoencoders/autoencoder_kl_ltx2.py` (LTX2VideoDecoder3d).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ..errors import BackendError

if TYPE_CHECKING:
    import numpy

Layer = Any  # of diffusers' decoder; each docstring names its class
TIME = 2  # the axis of the frames in (B, C, F, H, W)
FRAMES_AT_ONCE = 2  # that pass through a layer: one latent becomes eight on its way


@torch.no_grad()
def decoded(vae: Layer, latents: Iterable[Tensor]) -> Iterator[numpy.ndarray]:
    """Yield the pictures of normalised latents (1, C, n, h, w), 8 (T - 1) + 1 in all, each as soon as it is known.

    Each is float32 (H, W, 3), 0..1. A decoder that cannot be streamed is run once over all latents.
    Raises BackendError E_NOT_FINITE.
    """
    pushed = (_denormalised(vae, latent) for piece in latents for latent in piece.split(1, TIME))
    for chunk in streamed(vae.decoder, pushed):
        frames = (chunk[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 3, 0)
        if not bool(frames.isfinite().all()):
            message = "The decoder produced values that are not numbers."
            raise BackendError("E_NOT_FINITE", message, "Try another seed or device.")
        yield from frames.cpu().numpy()


def streamed(decoder: Layer, latents: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield (1, 3, n, H, W) in -1..1 for the decoder's own latents, in order."""
    if why_not(decoder):
        yield decoder(torch.cat(list(latents), TIME))
        return
    stream = Stream(decoder)
    for latent in latents:
        yield from stream.push(latent)
    yield from stream.flush()


def why_not(decoder: Layer) -> str:
    """What keeps this decoder from being streamed exactly; empty where nothing does."""
    if decoder.timestep_scale_multiplier is not None or decoder.scale_shift_table is not None:
        return "it is told of a timestep"
    for module in decoder.modules():
        kind = type(module).__name__
        if kind == "LTX2VideoResnetBlock3d" and (module.norm3 is not None or module.conv_shortcut is not None):
            return "a block changes the number of channels"
        if kind == "LTX2VideoResnetBlock3d" and module.per_channel_scale1 is not None:
            return "it adds noise"
        if kind == "LTX2VideoCausalConv3d" and (module.conv.stride[0], module.conv.dilation[0]) != (1, 1):
            return "a layer leaves frames out"
    return "" if decoder.patch_size_t == 1 else "its patches span several frames"


class Stream:
    """One clip on its way through the decoder. Needs a decoder that `why_not` has nothing against."""

    def __init__(self, decoder: Layer, causal: bool | None = None) -> None:
        is_causal = bool(causal or decoder.is_causal)
        self._stages: list[_Stage] = [_Convolution(decoder.conv_in, is_causal)]
        self._stages += [_Residual(block, is_causal) for block in decoder.mid_block.resnets]
        for block in decoder.up_blocks:
            self._stages += [_Upsampler(upsampler, is_causal) for upsampler in block.upsamplers or []]
            self._stages += [_Residual(resnet, is_causal) for resnet in block.resnets]
        self._stages.append(_Output(decoder, is_causal))

    def push(self, latents: Tensor) -> Iterator[Tensor]:
        """Latents (1, C, n, h, w) in; yields the frames (1, 3, m, H, W) that are known now, if any."""
        yield from self._through(0, latents)

    def flush(self) -> Iterator[Tensor]:
        """Yields the frames that waited for more; no more can be pushed."""
        for number, stage in enumerate(self._stages):
            rest = stage.flush()
            for piece in rest.split(1, TIME) if rest is not None else ():
                yield from self._through(number + 1, piece)

    def _through(self, number: int, frames: Tensor) -> Iterator[Tensor]:
        """What becomes of the frames in the stages from `number` on, a few of them at a time."""
        if number == len(self._stages):
            yield frames
            return
        passed = self._stages[number].push(frames)
        del frames
        for piece in passed.split(FRAMES_AT_ONCE, TIME) if passed is not None else ():
            yield from self._through(number + 1, piece)


class _Stage(Protocol):
    """A layer that may give back fewer frames than it is given, and the rest when there are no more."""

    def push(self, frames: Tensor) -> Tensor | None: ...
    def flush(self) -> Tensor | None: ...


class _Convolution:
    """LTX2VideoCausalConv3d: the first and the last frame stand for what is beyond them."""

    def __init__(self, layer: Layer, causal: bool) -> None:
        self._layer = layer.conv
        self._reach = layer.kernel_size[0] - 1  # frames besides its own that go into one frame
        self._after = 0 if causal else self._reach // 2
        self._held: Tensor | None = None

    def push(self, frames: Tensor) -> Tensor | None:
        before = [frames[:, :, :1]] * (self._reach - self._after) if self._held is None else [self._held]
        return self._convolved(torch.cat([*before, frames], TIME))

    def flush(self) -> Tensor | None:
        if self._held is None or not self._after:
            return None
        return self._convolved(torch.cat([self._held, *[self._held[:, :, -1:]] * self._after], TIME))

    def _convolved(self, frames: Tensor) -> Tensor | None:
        self._held = frames[:, :, frames.shape[TIME] - self._reach :].clone()  # a view would hold them all
        return self._layer(frames) if frames.shape[TIME] > self._reach else None


class _Waiting:
    """Frames that wait for the other path, first in, first out."""

    def __init__(self) -> None:
        self._held: Tensor | None = None

    def put(self, frames: Tensor) -> None:
        self._held = frames if self._held is None else torch.cat([self._held, frames], TIME)

    def take(self, count: int) -> Tensor:
        held = self._held
        assert held is not None, "nothing leaves the main path before it has come in"
        self._held = held[:, :, count:].clone()
        return held[:, :, :count]


class _Residual:
    """LTX2VideoResnetBlock3d without noise, timestep or change of channels."""

    def __init__(self, block: Layer, causal: bool) -> None:
        self._block = block
        self._first, self._second = _Convolution(block.conv1, causal), _Convolution(block.conv2, causal)
        self._inputs = _Waiting()

    def push(self, frames: Tensor) -> Tensor | None:
        self._inputs.put(frames)
        return self._summed(self._on(self._first.push(self._block.nonlinearity(self._block.norm1(frames)))))

    def flush(self) -> Tensor | None:
        ends = (self._on(self._first.flush()), self._second.flush())
        there = [end for end in ends if end is not None]
        return self._summed(torch.cat(there, TIME)) if there else None

    def _on(self, frames: Tensor | None) -> Tensor | None:
        if frames is None:
            return None
        return self._second.push(self._block.nonlinearity(self._block.norm2(frames)))

    def _summed(self, frames: Tensor | None) -> Tensor | None:
        return None if frames is None else frames + self._inputs.take(frames.shape[TIME])


class _Upsampler:
    """LTX2VideoUpsampler3d: channels become frames, rows and columns; a clip's first stride - 1 frames are dropped."""

    def __init__(self, layer: Layer, causal: bool) -> None:
        self._layer, self._convolution = layer, _Convolution(layer.conv, causal)
        self._inputs = _Waiting() if layer.residual else None
        self._to_drop = layer.stride[0] - 1

    def push(self, frames: Tensor) -> Tensor | None:
        if self._inputs is not None:
            self._inputs.put(frames)
        return self._grown(self._convolution.push(frames))

    def flush(self) -> Tensor | None:
        return self._grown(self._convolution.flush())

    def _grown(self, frames: Tensor | None) -> Tensor | None:
        if frames is None:
            return None
        stride = self._layer.stride
        grown = _unfolded(frames, stride)
        if self._inputs is not None:
            repeats = stride[0] * stride[1] * stride[2] // self._layer.upscale_factor
            grown = grown + _unfolded(self._inputs.take(frames.shape[TIME]), stride).repeat(1, repeats, 1, 1, 1)
        dropped, self._to_drop = self._to_drop, 0
        return grown[:, :, dropped:]


class _Output:
    """Norm, activation, last convolution, and patches laid out as pixels."""

    def __init__(self, decoder: Layer, causal: bool) -> None:
        self._decoder, self._convolution = decoder, _Convolution(decoder.conv_out, causal)

    def push(self, frames: Tensor) -> Tensor | None:
        return self._laid_out(self._convolution.push(self._decoder.conv_act(self._decoder.norm_out(frames))))

    def flush(self) -> Tensor | None:
        return self._laid_out(self._convolution.flush())

    def _laid_out(self, frames: Tensor | None) -> Tensor | None:
        """Channels (C, x in patch, y in patch) become pixels: the decoder keeps columns before rows."""
        if frames is None:
            return None
        size = self._decoder.patch_size
        parts = frames.unflatten(1, (-1, size, size))
        return parts.permute(0, 1, 4, 5, 3, 6, 2).flatten(5, 6).flatten(3, 4)


def _unfolded(frames: Tensor, stride: tuple[int, int, int]) -> Tensor:
    """(B, C t y x, F, H, W) -> (B, C, F t, H y, W x)."""
    parts = frames.unflatten(1, (-1, *stride))
    return parts.permute(0, 1, 5, 2, 6, 3, 7, 4).flatten(6, 7).flatten(4, 5).flatten(2, 3)


def _denormalised(vae: Layer, latents: Tensor) -> Tensor:
    """The latents as the decoder knows them, on its device and in its number format."""
    weight = vae.decoder.conv_in.conv.weight
    latents = latents.to(weight.device, weight.dtype)
    mean, deviation = (part.view(1, -1, 1, 1, 1).to(latents) for part in (vae.latents_mean, vae.latents_std))
    return latents / vae.config["scaling_factor"] * deviation + mean
