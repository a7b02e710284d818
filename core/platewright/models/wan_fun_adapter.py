"""Wan-Fun's Control-Camera weights in diffusers' transformer: the camera adapter, and the names of their tensors.

    rays (B, 24, T, H, W) -> per latent frame: pixels folded 8 x 8 (16 x 16 for the 5B) -> 2 x 2 convolution, stride 2
                          -> one residual block -> (B, width, T, H / 16, W / 16), added to the patch embedding

The published state dict is VideoX-Fun's: Wan's own names, and `control_adapter.*` beside them. diffusers' converter
renames the first; the second are the adapter's. Whatever is missing or left over is an error: weights of the plain
*Control* model would take poses and ignore them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import BackendError
from . import checkpoint

PREFIX = "control_adapter."
CHANNELS = 24
CLIP = "img_emb.proj.0.weight"  # only the models that also see the first frame through CLIP have it


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Pictures (N, width, h, w) in, the same out; nothing is cut after the sum."""
        return features + self.conv2(torch.relu(self.conv1(features)))


class CameraAdapter(nn.Module):
    """VideoX-Fun's SimpleAdapter, under the names of its weights."""

    def __init__(self, width: int, fold: int = 8, channels: int = CHANNELS) -> None:
        super().__init__()
        self.fold = fold
        self.conv = nn.Conv2d(channels * fold * fold, width, 2, stride=2)
        self.residual_blocks = nn.Sequential(ResidualBlock(width))

    def forward(self, rays: Tensor) -> Tensor:
        """One latent frame or several (N, 24, H, W) to (N, width, H / 2 fold, W / 2 fold)."""
        return self.residual_blocks(self.conv(nn.functional.pixel_unshuffle(rays, self.fold)))


def feature(adapter: CameraAdapter, groups: Iterable[NDArray[Any]]) -> Tensor:
    """What is added to the patch embedding (1, width, T, h, w), from packed latent frames (24, H, W), one by one."""
    weight = adapter.conv.weight
    with torch.no_grad():
        made = [adapter(torch.from_numpy(group).to(weight.device, weight.dtype)[None]) for group in groups]
    return torch.stack(made, 2)


def inject(transformer: nn.Module, added: Tensor) -> Callable[[], None]:
    """Add a feature to every patch embedding from now on; the answer takes it away again.

    Before flattening, at every step and in both branches of guidance, as the models were trained.
    """
    embedding: Any = transformer.get_submodule("patch_embedding")

    def hook(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
        del module, given
        return made + added.to(made.device, made.dtype)

    return embedding.register_forward_hook(hook).remove


# From the published files ------------------------------------------------------------------------


def load(part: Path, dtype: torch.dtype) -> tuple[Any, CameraAdapter]:
    """diffusers' WanTransformer3DModel and the adapter from a folder in VideoX-Fun's layout.

    Raises what `checkpoint` raises; E_MODEL_MISMATCH for weights that are of no Control-Camera model.
    """
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    config = checkpoint.read_json(part / "config.json")
    tensors = checkpoint.read_tensors(part)
    ours = {name: tensors.pop(name) for name in list(tensors) if name.startswith(PREFIX)}
    _refuse_blind(config, ours, part)
    shape = transformer_shape(config, tensors, part)
    fold = int(config.get("downscale_factor_control_adapter", 8))
    width = shape["num_attention_heads"] * shape["attention_head_dim"]
    adapter = checkpoint.build(
        lambda: CameraAdapter(width, fold, int(config.get("in_dim_control_adapter", CHANNELS))),
        {name.removeprefix(PREFIX): tensor for name, tensor in ours.items()},
        dtype,
        part,
    )
    transformer = checkpoint.build(lambda: WanTransformer3DModel(**shape), renamed(tensors), dtype, part)
    return transformer, adapter


def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Wan's own names as diffusers' (`convert_wan_transformer_to_diffusers`); the dict given is left as it is."""
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    return convert_wan_transformer_to_diffusers(dict(tensors))


def transformer_shape(config: dict[str, Any], tensors: dict[str, Tensor], part: Path) -> dict[str, Any]:
    """The arguments of WanTransformer3DModel that a published config.json tells of. Raises E_MODEL_MISMATCH."""
    wanted = ("in_dim", "out_dim", "dim", "num_heads", "ffn_dim", "num_layers")
    if missing := [name for name in wanted if not isinstance(config.get(name), int)]:
        why = f"{part / 'config.json'} does not tell {', '.join(missing)}."
        raise BackendError("E_MODEL_MISMATCH", why, "Name the folder of a Wan-Fun Control-Camera model.")
    clip = tensors.get(CLIP)
    return {
        "patch_size": tuple(config.get("patch_size", (1, 2, 2))),
        "num_attention_heads": config["num_heads"],
        "attention_head_dim": config["dim"] // config["num_heads"],
        "in_channels": config["in_dim"],
        "out_channels": config["out_dim"],
        "text_dim": config.get("text_dim", 4096),
        "freq_dim": config.get("freq_dim", 256),
        "ffn_dim": config["ffn_dim"],
        "num_layers": config["num_layers"],
        "cross_attn_norm": config.get("cross_attn_norm", True),
        "qk_norm": "rms_norm_across_heads" if config.get("qk_norm", True) else None,
        "eps": config.get("eps", 1e-6),
        "image_dim": None if clip is None else clip.shape[0],
        "added_kv_proj_dim": None if clip is None else config["dim"],
    }


def _refuse_blind(config: dict[str, Any], ours: dict[str, Tensor], part: Path) -> None:
    """Weights without an adapter see no camera, whatever their name says; reference images are not supported."""
    hint = "Fetch a model whose name ends in Control-Camera."
    if not ours:
        raise BackendError("E_MODEL_MISMATCH", f"{part} has no '{PREFIX}*': this model cannot see the camera.", hint)
    if not config.get("add_control_adapter", True) or config.get("add_ref_conv"):
        raise BackendError("E_MODEL_MISMATCH", f"{part / 'config.json'} is of no Control-Camera model.", hint)
