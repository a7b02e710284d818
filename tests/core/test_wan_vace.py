"""Wan-VACE through our back-end and through bare diffusers: the same pictures; guides as these models know depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline, WanVACETransformer3DModel
from diffusers.pipelines.wan import pipeline_wan_vace
from PIL import Image

from platewright import fitting, guides, models, pictures
from platewright.camera import CameraPath
from platewright.errors import BackendError
from platewright.models import grid, guided, wan_vace
from platewright.protocol import Event, Input, PlateRequest, Warned
from tests.core import tiny_wan
from tests.core.shots import shot

STEPS, GUIDANCE, SEED = 3, 3.0, 5
PROMPT, NEGATIVE = "mountain lake at dawn", "blurry"
NATIVE = (64, 32)
CAMERA = shot(9, size=(128, 64), tilts_deg=(-16.0, -12.0, -8.0, -4.0, 0.0, 2.0, 4.0, 6.0, 8.0))
KIND = replace(wan_vace.VARIANTS["wan-vace-1.3b"], native=NATIVE, longest=9, layers=tiny_wan.LAYERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in the layout of Wan-AI's `-diffusers` folder."""
    made = tmp_path_factory.mktemp("vace")
    tiny_wan.write_common(made)
    torch.manual_seed(6)
    shape = tiny_wan.shape_of(16, 16, False) | {"vace_layers": [0, 1], "vace_in_channels": 96}
    WanVACETransformer3DModel(**shape).save_pretrained(made / "transformer")
    return made


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing kept from another test is taken for a result."""
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))


def request(camera: CameraPath = CAMERA, **fields: Any) -> PlateRequest:
    told: dict[str, Any] = {"prompt": PROMPT, "negative": NEGATIVE, "model": KIND.name, "device": "cpu"}
    return PlateRequest(camera=camera, **{**told, "seed": SEED, "steps": STEPS, "guidance": GUIDANCE, **fields})


def frames(folder: Path, given: PlateRequest, emit: Callable[[Event], Any] = lambda event: None) -> Any:
    return np.stack(list(KIND.open("cpu", folder).generate(given, given.camera, "job", emit)))


def bare(folder: Path, shown: Any, mask: Any, window: int = 0) -> Any:
    """diffusers' own pipeline, prompt and all."""
    from diffusers import AutoencoderKLWan
    from transformers import AutoTokenizer, UMT5EncoderModel

    pipeline = WanVACEPipeline(
        tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder=UMT5EncoderModel.from_pretrained(folder / "text_encoder").eval(),
        vae=AutoencoderKLWan.from_pretrained(folder / "vae"),
        scheduler=tiny_wan.scheduler_of(3.0),
        transformer=WanVACETransformer3DModel.from_pretrained(folder / "transformer"),
    )
    pipeline.set_progress_bar_config(disable=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_wan_vace, "ftfy", SimpleNamespace(fix_text=str), raising=False)
        return pipeline(
            prompt=PROMPT, negative_prompt=NEGATIVE,
            video=[torch.tensor(shown).permute(0, 3, 1, 2)], mask=[torch.tensor(mask).permute(0, 3, 1, 2)],
            height=NATIVE[1], width=NATIVE[0], num_frames=len(shown), num_inference_steps=STEPS,
            guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(SEED + 1_000_003 * window),
        ).frames[0]  # fmt: skip


# A world whose depth is known: a plane on the ground, a wall 12 m away, sky above it --------------


def depth_of(camera: CameraPath, index: int) -> Any:
    """Planar Z in metres by rays, infinite in the sky."""
    origin, rays = grid.world_rays(camera, index)
    forward = np.array(camera.camera_to_world[index]).reshape(4, 4)[:3, 2]
    with np.errstate(divide="ignore"):
        ground = np.where(rays[..., 2] < 0, origin[2] / -rays[..., 2], np.inf)
        wall = np.where(rays[..., 1] > 0, (12.0 - origin[1]) / rays[..., 1], np.inf)
    wall = np.where(origin[2] + rays[..., 2] * np.where(np.isfinite(wall), wall, 0) < 3.0, wall, np.inf)
    return (np.minimum(ground, wall) * (rays @ forward)).astype(np.float32)


def guide(folder: Path, camera: CameraPath = CAMERA) -> Input:
    folder.mkdir()
    for index, frame in enumerate(camera.frames):
        guides.write_depth(folder / f"depth.{frame}.exr", depth_of(camera, index))
    return Input.of(folder)


def shown_of(given: PlateRequest, camera: CameraPath = CAMERA, first: Any = None) -> tuple[Any, Any]:
    with guided.opened(given, CAMERA.scaled(*NATIVE)) as opened:
        return wan_vace.conditions(opened, camera.scaled(*NATIVE), first)


def known() -> Any:
    """1 / z of every frame (9, 32, 64), averaged down from the guide's own pixels."""
    near = np.stack([1 / depth_of(CAMERA, index) for index in range(9)])
    return near.reshape(9, 32, 2, 64, 2).mean((2, 4))


def cut(near: Any) -> Any:
    """Between the first and the last of a hundred parts of all that is solid, by a second way."""
    solid = np.sort(near[near > 0])
    least, most = solid[int(0.01 * len(solid))], solid[int(0.99 * len(solid))]
    return np.clip((near - least) / (most - least), 0, 1) * (near > 0)


def foreshortening() -> Any:
    """Planar Z over ray length (9, 32, 64)."""
    native = CAMERA.scaled(*NATIVE)
    poses = np.array(native.camera_to_world).reshape(-1, 4, 4)
    return np.stack([grid.world_rays(native, index)[1] @ poses[index, :3, 2] for index in range(9)])


def test_depth_is_shown_as_these_models_know_it(tmp_path: Path) -> None:
    shown, mask = shown_of(request(guide=guide(tmp_path / "depth")))
    assert shown.shape == mask.shape == (9, 32, 64, 3)
    assert np.abs(shown - cut(known())[..., None]).max() < 0.03
    assert mask.min() == 1.0
    assert shown[0, -1].mean() > shown[0, 16].mean() > 0       # near is bright
    assert shown[8, 0].max() == 0.0                            # the sky is black


WRONG: dict[str, Callable[[], Any]] = {
    "linear depth": lambda: cut(np.divide(1, known(), out=np.zeros_like(known()), where=known() > 0)),
    "far is bright": lambda: 1 - cut(known()),
    "ray length": lambda: cut(known() * foreshortening()),
    "each picture by itself": lambda: np.stack([cut(picture) for picture in known()]),
    "one frame late": lambda: cut(np.concatenate([known()[1:], known()[-1:]])),
}


@pytest.mark.parametrize("error", WRONG)
def test_a_planted_error_is_seen(tmp_path: Path, error: str) -> None:
    shown, _ = shown_of(request(guide=guide(tmp_path / "depth")))
    assert np.abs(shown[..., 0] - WRONG[error]()).max() > 0.06


def test_a_scene_without_relief_has_a_range_too() -> None:
    flat = np.full(16, 0.5, dtype=np.float32)
    assert guides.near_range(flat) == (0.0, 0.5)
    assert guides.near_range(flat[:0]) == (0.0, 1.0)
    assert guides.brightness(flat, 0.0, 0.5).min() == 1.0
    assert guides.brightness(0 * flat, 0.0, 1.0).max() == 0.0


def test_an_empty_scene_shows_the_layout_on_its_own_ground() -> None:
    shown, _ = shown_of(request(ground_m=1.0))
    lower = replace(
        CAMERA, camera_to_world=tuple((*p[:11], p[11] - 1.0, *p[12:]) for p in CAMERA.camera_to_world)
    ).scaled(*NATIVE)
    assert np.array_equal(shown[3], grid.unlabelled(lower, 3))
    assert not np.array_equal(shown[3], grid.draw(lower, 3))   # no label
    assert not np.array_equal(shown[3], shown_of(request())[0][3])


# Through the model -------------------------------------------------------------------------------


def test_our_pictures_are_those_of_bare_diffusers(folder: Path, tmp_path: Path) -> None:
    given = request(guide=guide(tmp_path / "depth"))
    heard: list[Event] = []
    ours, stock = frames(folder, given, heard.append), bare(folder, *shown_of(given))
    assert ours.shape == (9, 32, 64, 3)
    assert np.abs(ours - stock).max() == 0.0
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_WORLD_SPEED"]
    shown, mask = shown_of(given)
    assert np.abs(ours - bare(folder, shown[::-1].copy(), mask)).max() > 1e-3
    assert np.abs(ours - bare(folder, shown, 1 - mask)).max() > 1e-3


def test_a_first_frame_is_kept_and_later_windows_start_from_the_last_one(folder: Path, tmp_path: Path) -> None:
    camera = shot(12, size=(128, 64))
    codes = np.random.default_rng(1).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    Image.fromarray(codes).save(tmp_path / "first.png")
    given = request(camera, first_frame=Input.of(tmp_path / "first.png"))
    made = frames(folder, given)
    native = camera.scaled(*NATIVE)
    first, second = (fitting.held(native, window) for window in fitting.windows(12, KIND.clip))
    layout, picture = guided.Guide(native), pictures.read_picture(tmp_path / "first.png")
    shown, mask = wan_vace.conditions(layout, first, picture)
    assert mask[0].max() == 0.0 and mask[1:].min() == 1.0
    assert np.array_equal(made[:9], bare(folder, shown, mask))
    assert np.array_equal(made[9:], bare(folder, *wan_vace.conditions(layout, second, made[8]), window=1)[1:4])


def test_the_table_knows_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = models.card("wan-vace-14b")
    assert (card.available, card.takes_guide, card.needs_first_frame) == (False, True, False)
    monkeypatch.setitem(wan_vace.VARIANTS, KIND.name, KIND)
    backend = models.open_backend(str(folder), "cpu")
    assert {entry["file"].split("/")[0] for entry in backend.provenance()["files"]} >= {"transformer", "vae"}
    shapes = {name: found.shape for name, found in models.conditioning(KIND.name, CAMERA, NATIVE).items()}
    assert shapes == {"video": (1, 3, 9, 32, 64), "mask": (1, 3, 9, 32, 64)}
    with pytest.raises(BackendError, match="E_MODEL_MISSING"):
        models.open_backend("wan-vace-14b", "cpu")
