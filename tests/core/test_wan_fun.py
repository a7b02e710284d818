"""Wan-Fun's Control-Camera models through our back-end and through bare diffusers: the same pictures, bit for bit.

The models are small and untrained, of the real classes, saved in the published layout and read as real ones would be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanImageToVideoPipeline
from diffusers.pipelines.wan import pipeline_wan_i2v
from PIL import Image
from safetensors.torch import load_file, save_file

from platewright import engine, fitting, guides, models, pictures
from platewright.camera import CameraPath
from platewright.errors import BackendError, Cancelled, RequestError
from platewright.models import wan_fun, wan_fun_adapter, wan_fun_camera
from platewright.protocol import Event, Input, Job, PlateRequest, Progress, Warned
from tests.core import tiny_wan, wan_fun_slowly
from tests.core.shots import shot

STEPS, GUIDANCE, SEED = 4, 3.0, 7
PROMPT, NEGATIVE = "a wide green valley", "blurry"
NAMES = ("wan-fun-camera", "wan-fun-camera-5b", "wan-fun-camera-1.3b")
NATIVE = (64, 32)
CAMERA = shot(9, size=(128, 64), tilts_deg=(0.0, 1.0, 2.0, 1.0, 0.0))


@dataclass(frozen=True)
class Tiny:
    """A small model on disk, what it was saved from, and its first picture."""

    kind: wan_fun.Kind
    folder: Path
    experts: list[tuple[Any, Any]]
    vae: Any
    picture: Path

    def request(self, camera: CameraPath = CAMERA, **fields: Any) -> PlateRequest:
        told = {"prompt": PROMPT, "negative": NEGATIVE, "model": self.kind.name, "seed": SEED, "device": "cpu"}
        told |= {"steps": STEPS, "guidance": GUIDANCE, "first_frame": Input.of(self.picture)}
        return PlateRequest(camera=camera, **{**told, **fields})

    def frames(self, request: PlateRequest | None = None, emit: Callable[[Event], Any] = lambda event: None) -> Any:
        backend = self.kind.open("cpu", self.folder)
        request = request or self.request()
        return np.stack(list(backend.generate(request, request.camera, "job", emit)))


@pytest.fixture(scope="module", params=NAMES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make(request.param, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def a14b(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make("wan-fun-camera", tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing kept from another test is taken for a result."""
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))


def make(name: str, folder: Path) -> Tiny:
    kind = replace(wan_fun.VARIANTS[name], native=NATIVE, longest=9, layers=tiny_wan.LAYERS)
    out, fold = (48, 16) if kind.per_token else (16, 8)
    experts = [
        tiny_wan.write_expert(folder / part, seed, kind.channels, out, fold, kind.has_clip)
        for seed, part in enumerate(kind.experts, 10)
    ]
    vae = tiny_wan.write_common(folder, kind.per_token)
    if kind.has_clip:
        tiny_wan.write_clip(folder)
    picture = folder / ".first.png"
    codes = np.random.default_rng(3).integers(0, 256, (NATIVE[1] // 8, NATIVE[0] // 8, 3), dtype=np.uint8)
    Image.fromarray(codes).resize(NATIVE, Image.Resampling.BICUBIC).save(picture)
    return Tiny(kind, folder, experts, vae, picture)


# The bare pipeline -------------------------------------------------------------------------------


def bare(
    tiny: Tiny, packed: Any, picture: Any = None, window: int = 0, swapped: bool = False, **given: Any
) -> Any:
    """diffusers' own pipeline with nothing but hooks; for 2.1 and 5B, what their authors' code adds, written anew."""
    from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPVisionModel, UMT5EncoderModel

    picture = pictures.read_picture(tiny.picture) if picture is None else picture
    image = torch.tensor(picture).permute(2, 0, 1)[None]
    clip: dict[str, Any] = {}
    if tiny.kind.has_clip:
        clip["image_encoder"] = CLIPVisionModel.from_pretrained(tiny.folder / "image_encoder")
        clip["image_processor"] = CLIPImageProcessorPil.from_pretrained(tiny.folder / "image_processor")
    transformers = [transformer for transformer, _ in tiny.experts]
    pipeline = WanImageToVideoPipeline(
        tokenizer=AutoTokenizer.from_pretrained(tiny.folder / "tokenizer"),
        text_encoder=UMT5EncoderModel.from_pretrained(tiny.folder / "text_encoder").eval(),
        vae=tiny.vae,
        scheduler=tiny_wan.scheduler_of(5.0 if tiny.kind.per_token else 3.0),
        transformer=transformers[-1 if swapped else 0],
        transformer_2=transformers[0 if swapped else -1] if len(transformers) > 1 else None,
        boundary_ratio=0.9 if len(transformers) > 1 else None,
        expand_timesteps=tiny.kind.per_token,
        **clip,
    )
    pipeline.set_progress_bar_config(disable=True)
    handles = [hooked(transformer, adapter, packed) for transformer, adapter in tiny.experts]
    if tiny.kind.has_clip:
        stock, codes = pipeline.encode_image, Image.fromarray((picture * 255).round().astype(np.uint8))
        pipeline.encode_image = lambda image, device: stock(codes, device)
        handles.append(without_mask(transformers[0], pipeline, image))
    if tiny.kind.per_token:
        handles.append(with_mask(transformers[0], pipeline, image, packed.shape[2]))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline_wan_i2v, "ftfy", SimpleNamespace(fix_text=str), raising=False)
            return pipeline(
                image=image, prompt=PROMPT, negative_prompt=NEGATIVE, height=NATIVE[1], width=NATIVE[0],
                num_frames=4 * packed.shape[2] - 3, num_inference_steps=STEPS, guidance_scale=GUIDANCE,
                generator=torch.Generator().manual_seed(SEED + 1_000_003 * window), **given,
            ).frames[0]  # fmt: skip
    finally:
        for handle in handles:
            handle.remove()


def hooked(transformer: Any, adapter: Any, packed: Any) -> Any:
    """Each latent frame through the adapter, added to the patch embedding."""
    rays = torch.as_tensor(packed, dtype=torch.float32)
    with torch.no_grad():
        feature = torch.stack([adapter(rays[:, :, n].contiguous()) for n in range(rays.shape[2])], 2)
    return transformer.patch_embedding.register_forward_hook(lambda module, given, made: made + feature)


def latents_of(pipeline: Any, video: torch.Tensor) -> torch.Tensor:
    mean, deviation = (
        torch.tensor(values).view(1, -1, 1, 1, 1)
        for values in (pipeline.vae.config.latents_mean, pipeline.vae.config.latents_std)
    )
    with torch.no_grad():
        return (pipeline.vae.encode(video).latent_dist.mode() - mean) * (1.0 / deviation)


def preprocessed(pipeline: Any, image: torch.Tensor) -> torch.Tensor:
    return pipeline.video_processor.preprocess(image, height=NATIVE[1], width=NATIVE[0]).float()[:, :, None]


def without_mask(transformer: Any, pipeline: Any, image: torch.Tensor) -> Any:
    """The stock pipeline's 16 + 4 + 16 channels become 16 + 16: the picture in latent 0, zeros after it."""
    known = latents_of(pipeline, preprocessed(pipeline, image))

    def hook(module: Any, given: Any, named: dict[str, Any]) -> Any:
        noisy = named["hidden_states"][:, :16]
        condition = torch.zeros_like(noisy)
        condition[:, :, :1] = known
        return given, {**named, "hidden_states": torch.cat([noisy, condition], 1)}

    return transformer.register_forward_pre_hook(hook, with_kwargs=True)


def with_mask(transformer: Any, pipeline: Any, image: torch.Tensor, count: int) -> Any:
    """48 channels become 48 + 4 + 48: mask, and the picture with grey after it."""
    first = preprocessed(pipeline, image)
    video = torch.cat([first, torch.zeros(1, 3, 4 * (count - 1), NATIVE[1], NATIVE[0])], 2)
    known = latents_of(pipeline, video)
    mask = torch.zeros(1, 4, *known.shape[2:])
    mask[:, :, 0] = 1

    def hook(module: Any, given: Any, named: dict[str, Any]) -> Any:
        return given, {**named, "hidden_states": torch.cat([named["hidden_states"], mask, known], 1)}

    return transformer.register_forward_pre_hook(hook, with_kwargs=True)


def packed_of(camera: CameraPath, scale: float = 1.0) -> Any:
    return wan_fun_camera.packed(wan_fun_camera.plucker(camera.scaled(*NATIVE), *NATIVE, scale))


def test_our_pictures_are_those_of_bare_diffusers(tiny: Tiny) -> None:
    ours, stock = tiny.frames(), bare(tiny, packed_of(CAMERA))
    assert ours.shape == (9, 32, 64, 3)
    assert ours.dtype == np.float32
    assert np.abs(ours - stock).max() == 0.0
    assert ours.std() > 0.02
    slow = wan_fun_slowly.plucker(wan_fun_slowly.text_rows(CAMERA), (CAMERA.width, CAMERA.height), *NATIVE)
    assert np.abs(ours - bare(tiny, wan_fun_slowly.packed(slow))).max() < 1e-3


def test_what_the_camera_does_is_seen(tiny: Tiny) -> None:
    ours = tiny.frames()
    backwards = bare(tiny, packed_of(replace(CAMERA, camera_to_world=CAMERA.camera_to_world[::-1])))
    blind = bare(tiny, np.zeros_like(packed_of(CAMERA)))
    assert np.abs(ours - backwards).max() > 1e-3
    assert np.abs(ours - blind).max() > 1e-3


def test_each_expert_has_its_own_part_of_the_noise(a14b: Tiny) -> None:
    assert np.abs(a14b.frames() - bare(a14b, packed_of(CAMERA), swapped=True)).max() > 1e-3


def test_a_long_path_goes_on_from_its_last_good_picture(a14b: Tiny) -> None:
    camera = shot(12, size=(128, 64))
    heard: list[Event] = []
    frames = a14b.frames(a14b.request(camera), heard.append)
    assert len(frames) == 12
    assert [event.total for event in heard if isinstance(event, Progress)] == [2 * STEPS] * 2 * STEPS
    assert np.array_equal(frames[:9], a14b.frames(a14b.request(camera.window(1001, 1009))))
    second = fitting.held(camera, fitting.windows(12, a14b.kind.clip)[1])
    assert (len(second), second.frames[0]) == (5, 1009)
    stock = bare(a14b, packed_of(second), picture=frames[8], window=1)
    assert np.array_equal(frames[9:], stock[1:4])


# Weights -----------------------------------------------------------------------------------------


def test_the_published_names_round_trip(tiny: Tiny) -> None:
    for part, (transformer, adapter) in zip(tiny.kind.experts, tiny.experts, strict=True):
        loaded, beside = wan_fun_adapter.load(tiny.folder / part, torch.float32)
        for made, saved in ((loaded, transformer), (beside, adapter)):
            ours, theirs = made.state_dict(), saved.state_dict()
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        renamed = load_file(tiny.folder / part / "diffusion_pytorch_model.safetensors")
        assert "blocks.0.self_attn.q.weight" in renamed             # the file does hold other names
        assert sum(name.startswith("control_adapter.") for name in renamed) == 6


def rewritten(tiny: Tiny, folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    part = tiny.folder / tiny.kind.experts[0]
    tensors = load_file(part / "diffusion_pytorch_model.safetensors")
    change(tensors)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text((part / "config.json").read_text())
    return folder


def no_adapter(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("control_adapter.")]:
        del tensors[name]


GUILTY: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str, str]] = {
    "blind": (no_adapter, "E_MODEL_MISMATCH", "cannot see the camera"),
    "half an adapter": (lambda t: t.pop("control_adapter.conv.bias"), "E_MODEL_KEYS", "'conv.bias'"),
    "a block short": (lambda t: t.pop("blocks.1.ffn.0.weight"), "E_MODEL_KEYS", "blocks.1.ffn"),
    "one too many": (lambda t: t.update(ref_conv=torch.ones(1)), "E_MODEL_KEYS", "ref_conv"),
    "another width": (lambda t: t.update({"head.head.bias": torch.ones(3)}), "E_MODEL_MISMATCH", "proj_out.bias"),
    "no number": (lambda t: t["head.head.bias"].fill_(torch.nan), "E_NOT_FINITE", "proj_out.bias"),
}


@pytest.mark.parametrize("case", GUILTY)
def test_other_weights_are_refused(a14b: Tiny, tmp_path: Path, case: str) -> None:
    change, code, words = GUILTY[case]
    with pytest.raises(BackendError, match=code) as caught:
        wan_fun_adapter.load(rewritten(a14b, tmp_path, change), torch.float32)
    assert words in caught.value.message


def test_a_model_of_another_kind_is_refused(tiny: Tiny) -> None:
    assert tiny.kind.recognises(tiny.folder)
    others = [replace(wan_fun.VARIANTS[name], layers=tiny_wan.LAYERS) for name in NAMES if name != tiny.kind.name]
    assert not any(other.recognises(tiny.folder) for other in others)
    wrong = replace(others[0], experts=tiny.kind.experts, native=NATIVE, longest=9)
    with pytest.raises(BackendError, match="E_MODEL_M"):
        list(wan_fun.WanFun(wrong, tiny.folder, torch.device("cpu")).generate(
            tiny.request(), CAMERA, "job", lambda event: None
        ))  # fmt: skip


# Scale, speed, stopping --------------------------------------------------------------------------


def depth_guide(folder: Path, metres: float) -> Input:
    folder.mkdir()
    depth = np.full((8, 16), metres, dtype=np.float32)
    depth[:3] = np.inf                              # the sky counts for nothing
    for frame in CAMERA.frames:
        guides.write_depth(folder / f"depth.{frame}.exr", depth)
    return Input.of(folder)


def test_the_scene_s_depth_sets_the_scale(a14b: Tiny, tmp_path: Path) -> None:
    request = a14b.request(guide=depth_guide(tmp_path / "depth", 8.0))
    assert wan_fun.scene_scale(request) == pytest.approx(1 / 8)
    backend = a14b.kind.open("cpu", a14b.folder)
    facts = backend.provenance()
    heard: list[Event] = []
    frames = np.stack(list(backend.generate(request, CAMERA, "job", heard.append)))
    assert facts["scale"] == pytest.approx(1 / 8)
    assert facts["world_speed"] == 1.5
    assert facts["sampler"] == {
        "scheduler": "UniPCMultistepScheduler", "shift": 3.0, "steps": STEPS, "guidance": GUIDANCE, "boundary": 0.9,
    }, "the shift that is used, not the 7 of the folder"  # fmt: skip
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_WORLD_SPEED"]
    assert np.abs(frames - bare(a14b, packed_of(CAMERA, 1 / 8))).max() == 0.0
    assert np.abs(frames - a14b.frames()).max() > 1e-4


def test_metres_as_they_are_are_said(a14b: Tiny) -> None:
    heard: list[Event] = []
    a14b.frames(emit=heard.append)
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_WORLD_SPEED", "W_SCALE"]


def test_it_stops_at_the_next_step(a14b: Tiny) -> None:
    heard: list[Event] = []

    def emit(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Progress) and event.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        a14b.frames(emit=emit)
    assert [event.done for event in heard if isinstance(event, Progress)] == [1, 2]


def test_latents_of_an_earlier_job_are_decoded_and_not_made_again(a14b: Tiny) -> None:
    heard: list[Event] = []
    first, again = a14b.frames(), a14b.frames(emit=heard.append)
    assert np.array_equal(first, again)
    assert not [event for event in heard if isinstance(event, Progress)]


# The table ---------------------------------------------------------------------------------------


def test_the_table_knows_them_by_name_and_by_folder(a14b: Tiny) -> None:
    for name in wan_fun.VARIANTS:
        card = models.card(name)
        assert (card.name, card.available, card.needs_first_frame) == (name, False, True)
        assert f"models pull {name}" in card.reason
    rays = models.conditioning("wan-fun-camera", CAMERA, (24, 16))
    assert {name: tensor.shape for name, tensor in rays.items()} == {
        "plucker": (9, 16, 24, 6),
        "control_camera_video": (1, 24, 3, 16, 24),
    }
    assert all(tensor.dtype == np.float32 for tensor in rays.values())
    with pytest.raises(BackendError, match="E_MODEL_MISSING"):
        models.open_backend("wan-fun-camera", "cpu")


def test_a_folder_is_a_name_too(a14b: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(wan_fun.VARIANTS, a14b.kind.name, a14b.kind)
    assert models.card(str(a14b.folder)).available
    backend = models.open_backend(str(a14b.folder), "cpu")
    assert {Path(entry["file"]).parts[0] for entry in backend.provenance()["files"]} >= set(a14b.kind.experts)
    with pytest.raises(RequestError, match="E_MODEL_UNKNOWN"):
        models.card(str(tmp_path))


def test_a_plate_of_a_folder_tells_what_it_was_made_with(
    a14b: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(wan_fun.VARIANTS, a14b.kind.name, a14b.kind)
    given = a14b.request(model=str(a14b.folder), lock=False)
    answer = engine.make_plate(Job(request=given, name="lake", out=str(tmp_path), check=False), lambda event: None)
    manifest = json.loads((tmp_path / answer["plate"] / "plate.json").read_text())
    assert manifest["inputs"]["first_frame"]["name"] == a14b.picture.name
    told = json.dumps(manifest)
    assert all(f'"{fact}": ' in told for fact in ("scale", "scale_rule", "world_speed"))
    assert [word for word in manifest["warnings"] if word.startswith("W_WORLD_SPEED")]
    assert manifest["model"]["windows"] == [[1001, 1009]]
    with pytest.raises(RequestError, match="E_FIRST_FRAME"):
        blind = replace(given, first_frame=None)
        engine.make_plate(Job(request=blind, name="lake", out=str(tmp_path), check=False), lambda event: None)
