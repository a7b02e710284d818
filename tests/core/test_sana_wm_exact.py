"""SANA-WM's transformer in less memory against the library's own, and rays that bfloat16 does not round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from platewright.errors import BackendError
from platewright.models import sana_wm_exact, sana_wm_lean, sana_wm_recurrence
from tests.core import tiny_sana

FRAMES = 33


def _arguments(frames: int = 17, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """One noisy look of the transformer, without its camera."""
    count = (frames - 1) // 8 + 1
    noisy = torch.randn(1, tiny_sana.CHANNELS, count, 2, 3, generator=torch.Generator().manual_seed(1)).to(dtype)
    (told, mask), _ = tiny_sana.prompts()
    times = torch.full((1, 1, count), 500.0)
    return {"hidden_states": noisy, "timestep": times, "encoder_hidden_states": told.to(dtype), "mask": mask}


def _stock_camera(camera: Any, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    from diffusers.pipelines.sana_wm.cam_utils import prepare_camera

    poses = np.array(camera.camera_to_world, dtype=np.float32).reshape(-1, 4, 4)
    made = prepare_camera(poses, np.array(camera.intrinsics, np.float32), target_size=(64, 96), vae_stride=(8, 32, 32))
    raymap, plucker = (made[name][None].to(dtype) for name in ("raymap", "chunk_plucker"))
    return {"camera_conditions": raymap, "chunk_plucker": plucker}


@pytest.mark.parametrize("frames_at_once", [1, 2, 8])
def test_lean_blocks_are_the_librarys(frames_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part at a time, whatever the parts; five heads, two at a time where attention is softmax."""
    monkeypatch.setattr(sana_wm_lean, "FRAMES_AT_ONCE", frames_at_once)
    monkeypatch.setattr(sana_wm_lean, "TOKENS_AT_ONCE", 2 * 30)
    monkeypatch.setattr(sana_wm_recurrence, "FRAMES_AT_ONCE", frames_at_once)
    camera, plain, ours = tiny_sana.path(FRAMES), tiny_sana.transformer(), tiny_sana.transformer()
    sana_wm_exact.prepare(ours)
    with torch.no_grad():
        wanted = plain(**_arguments(FRAMES), **_stock_camera(camera)).sample
        got = ours(**_arguments(FRAMES), **sana_wm_exact.camera_arguments(ours, camera)).sample
    assert wanted.std() > 0.1
    assert (got - wanted).abs().max() < 5e-6


def _asked(frames: int, size: int, heads: int, width: int) -> tuple[Any, ...]:
    """Queries, keys, values, beta and decay, in doubles."""
    drawn = torch.Generator().manual_seed(5)
    queries = [torch.rand(1, frames * size, heads, width, generator=drawn, dtype=torch.float64) for _ in range(3)]
    gates = [
        torch.rand(shape, generator=drawn, dtype=torch.float64)
        for shape in ((1, heads, frames, size), (1, heads, frames))
    ]
    return (*queries, *gates)


@pytest.mark.parametrize("frames", [1, 2, 45])
def test_one_run_through_time_is_the_librarys_two(frames: int) -> None:
    """More frames than the library scans in one piece; rays that turn, shift and lengthen the keys."""
    from diffusers.models.transformers import transformer_sana_wm as library

    size, heads, width = 6, 3, 16
    query, key, value, beta, decay = (part.float() for part in _asked(frames, size, heads, width))
    angles = torch.rand(1, 1, frames * size, width // 2, generator=torch.Generator().manual_seed(6))
    rotary = torch.polar(torch.ones_like(angles), angles)
    main = library.SanaWMBidirectionalGDNAttention(eps=1e-8)
    wanted = main(query, key, value, beta, decay, torch.zeros(1), frames, rotary_emb=rotary)
    got = sana_wm_recurrence.Recurrence(main)(query, key, value, beta, decay, rotary).flatten(2)
    assert (got - wanted).abs().max() < 2e-5 * wanted.abs().max()
    matrices = torch.eye(4).repeat(1, frames * size, 1, 1)
    matrices[..., :3, 3] = 3 * torch.rand(1, frames * size, 3, generator=torch.Generator().manual_seed(7))
    rays = (matrices.inverse(), matrices.inverse().transpose(-1, -2), matrices, rotary[..., : width // 4])
    wanted = library.SanaWMBidirectionalGDNCamAttention()(query, key, value, rays, beta, decay, frames)
    got = sana_wm_recurrence.CameraRecurrence()(query, key, value, beta, decay, rays).flatten(2)
    assert (got - wanted).abs().max() < 2e-5 * wanted.abs().max()
    if frames > 1:  # the guilty: time has a direction
        turned = sana_wm_recurrence.CameraRecurrence()(query, key, value, beta, decay.flip(2), rays).flatten(2)
        assert (turned - wanted).abs().max() > 1e-3 * wanted.abs().max()


# The camera keeps its bits ---------------------------------------------------------------------------


def _seen_rays(transformer: Any, arguments: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """World from ray as the first block gets it, and the Plücker embedding that it gets."""
    caught: list[Any] = []
    hook = transformer.blocks[0].register_forward_pre_hook(lambda module, given: caught.extend((given[8][2], given[9])))
    with torch.no_grad():
        transformer(**arguments)
    hook.remove()
    return caught[0].float(), caught[1].float()


def test_bfloat16_does_not_round_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """30.05 m become 30.0 m in the stock pipeline's bfloat16; here they stay what they are."""
    from diffusers.models.transformers import transformer_sana_wm as library

    grid = library.create_grid  # a CPU is refused there; a GPU would be given this very grid
    monkeypatch.setattr(
        library, "create_grid", lambda height, width, batch=None, dtype=torch.float32, device=None: grid(
            height, width, batch, torch.float32, torch.device("cpu")).to(dtype)
    )  # fmt: skip
    camera = tiny_sana.path(17, step=30.05 / 8)  # 30.05 m along X at the second latent frame
    rounded = torch.bfloat16
    exact, wanted = _seen_rays(tiny_sana.transformer(rounded).float(), {**_arguments(), **_stock_camera(camera)})
    theirs, embedded = _seen_rays(
        tiny_sana.transformer(rounded), {**_arguments(dtype=rounded), **_stock_camera(camera, rounded)}
    )
    prepared = tiny_sana.transformer(rounded)
    sana_wm_exact.prepare(prepared)
    known = sana_wm_exact.camera_arguments(prepared, camera)
    ours, ours_embedded = _seen_rays(prepared, {**_arguments(dtype=rounded), **known})

    def metres(rays: torch.Tensor) -> float:
        return float((rays[..., :3, 3] - exact[..., :3, 3]).abs().max())

    def degrees(rays: torch.Tensor) -> float:
        ours, right = rays[..., :3, 2].double(), exact[..., :3, 2].double()
        across = torch.linalg.cross(ours, right).norm(dim=-1)
        return float(torch.rad2deg(torch.atan2(across, (ours * right).sum(-1))).max())

    assert metres(theirs) > 0.03 and degrees(theirs) > 0.1
    assert metres(ours) < 2e-5 and degrees(ours) < 1e-4  # float32 of the reference itself
    error, stock_error = ((part - wanted).abs().mean() for part in (ours_embedded, embedded))
    assert error < 0.75 * stock_error, (error, stock_error)


def test_a_transformer_that_takes_its_camera_otherwise_is_refused() -> None:
    from diffusers import SanaWMTransformer3DModel

    shape: dict[str, Any] = {"hidden_size": 16, "num_attention_heads": 1, "linear_head_dim": 16, "num_layers": 1}
    with pytest.raises(BackendError, match="E_MODEL_MISMATCH"):
        sana_wm_exact.prepare(SanaWMTransformer3DModel(use_chunk_plucker_post_attn=False, **shape))
