"""SANA-WM's two stages against diffusers' own pipelines on a small checkpoint, and what may go wrong on the way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from platewright import models
from platewright.cards import FrameRule
from platewright.errors import BackendError, Cancelled, OutOfMemory
from platewright.models import (
    latents,
    presets,
    sana_wm,
    sana_wm_exact,
    sana_wm_refining,
    sana_wm_sampling,
    sana_wm_take,
)
from platewright.protocol import Emit, Event, Input, PlateRequest, Progress, Stage, Warned
from tests.core import tiny_sana

PROMPT, NEGATIVE, SEED, STEPS, GUIDANCE = "a wide green valley", "blurry", 7, 3, 4.0
FRAMES = 33


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both stages, saved as published, and a first picture beside them."""
    place = tmp_path_factory.mktemp("models")
    pixels = np.random.default_rng(0).integers(0, 256, (tiny_sana.SIZE[1], tiny_sana.SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(place / "first.png")
    return tiny_sana.save(place)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The model's own size is that of the small checkpoint; caches are new for every test."""
    monkeypatch.setattr(sana_wm, "NATIVE", tiny_sana.SIZE)
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def stock(folder: Path) -> SimpleNamespace:
    """What the pipelines make of the same request: first-stage latents, refined ones, frames, and picture 0 decoded."""
    from diffusers import SanaWMLTX2Refiner, SanaWMPipeline

    camera = tiny_sana.path(FRAMES)
    pipeline = SanaWMPipeline.from_pretrained(folder)
    refiner = SanaWMLTX2Refiner.from_pretrained(f"{folder}-refiner", vae=pipeline.vae)
    made = pipeline(
        Image.open(folder.parent / "first.png"), PROMPT, negative_prompt=NEGATIVE, output_type="latent",
        c2w=np.array(camera.camera_to_world).reshape(-1, 4, 4), intrinsics=np.array(camera.intrinsics),
        width=tiny_sana.SIZE[0], height=tiny_sana.SIZE[1], num_frames=FRAMES, num_inference_steps=STEPS,
        guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(SEED),
    ).latent  # fmt: skip

    def refined(kind: str) -> Any:
        return refiner(made, PROMPT, fps=16, generator=torch.Generator().manual_seed(SEED), output_type=kind)

    whole = refiner._decode_latents(refined("latent"))
    first = (whole[0, :, 0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).detach().numpy()
    return SimpleNamespace(latents=made, refined=refined("latent"), frames=refined("np"), first=first)


def request(folder: Path, frames: int = FRAMES, **fields: Any) -> PlateRequest:
    given: dict[str, Any] = {"prompt": PROMPT, "negative": NEGATIVE, "seed": SEED, "steps": STEPS} | fields
    first = Input.of(folder.parent / "first.png")
    camera = tiny_sana.path(frames)
    return PlateRequest(camera=camera, model="sana-wm", guidance=GUIDANCE, first_frame=first, **given).checked()


def generated(folder: Path, asked: PlateRequest, emit: Emit) -> Iterator[Any]:
    return sana_wm.KIND.open("cpu", folder).generate(asked, asked.camera, "job", emit)


# Equal to the published pipelines -------------------------------------------------------------------


def test_both_stages_make_the_pipelines_very_pictures(folder: Path, stock: SimpleNamespace) -> None:
    heard: list[Event] = []
    asked, backend = request(folder), sana_wm.KIND.open("cpu", folder)
    pictures = np.stack(list(backend.generate(asked, asked.camera, "job", heard.append)))
    sampler = backend.provenance()["sampler"]
    assert sampler.pop("refiner") == {"scheduler": "Euler", "sigmas": [0.909375, 0.725, 0.421875, 0.0], "block": 3,
                                      "window": 11}  # fmt: skip
    assert sampler == {"scheduler": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "steps": STEPS,
                       "guidance": GUIDANCE}  # fmt: skip
    assert pictures.shape == (FRAMES, 64, 96, 3) and pictures.dtype == np.float32
    assert np.abs(pictures[1:] - stock.frames).max() < 2e-5  # picture n of the plate is what camera n sees
    assert np.abs(pictures[0] - stock.first).max() < 2e-5  # the pipeline cuts it off; here it is picture 0
    assert np.abs(pictures[:-1] - stock.frames).max() > 0.05  # one off would be seen
    steps = [event for event in heard if isinstance(event, Progress)]
    assert [step.done for step in steps] == list(range(1, steps[-1].total + 1))
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_WORLD_SPEED"]
    kept = [latents.kept(file) for file in (sana_wm_take.latents.cache_folder() / "latents").iterdir()]
    for wanted in (stock.latents, stock.refined):
        assert min(float((found - wanted).abs().max()) for found in kept if found is not None) < 1e-4


def test_other_wishes_make_other_pictures(folder: Path, stock: SimpleNamespace) -> None:
    """The guilty: the comparison above would find another seed, prompt or camera."""
    turned = tiny_sana.path(FRAMES, step=0.3)
    for other in ({"seed": 8}, {"prompt": "grey clouds at dawn", "negative": ""}, {"camera": turned}):
        asked = replace(request(folder), **other)
        second = next(itertools.islice(generated(folder, asked, lambda event: None), 20, None))
        assert np.abs(second - stock.frames[19]).max() > 1e-3, other


def test_guidance_goes_through_the_transformer_twice_a_step(stock: SimpleNamespace) -> None:
    camera, prompts, heard = tiny_sana.path(FRAMES), tiny_sana.prompts(), []
    transformer = tiny_sana.transformer()
    sana_wm_exact.prepare(transformer)
    shot = sana_wm_sampling.Shot(camera, stock.latents[:, :, :1], *prompts, STEPS, GUIDANCE, SEED)

    def made(guidance: float) -> torch.Tensor:
        from diffusers import FlowMatchEulerDiscreteScheduler

        scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
        return sana_wm_sampling.sampled(
            transformer, scheduler, replace(shot, guidance=guidance), lambda: heard.append(guidance)
        )

    guided, plain = made(GUIDANCE), made(1.0)
    assert heard == [GUIDANCE] * sana_wm_sampling.passes(STEPS, GUIDANCE) + [1.0] * sana_wm_sampling.passes(STEPS, 1.0)
    assert (guided - plain).abs().max() > 0.01
    assert torch.equal(guided[:, :, :1], stock.latents[:, :, :1])


# The refiner ------------------------------------------------------------------------------------------


def test_the_refiner_is_the_pipelines_without_its_audio_half(folder: Path, stock: SimpleNamespace) -> None:
    from platewright.models import sana_wm_prompts

    place = Path(f"{folder}-refiner")
    told = sana_wm_prompts.for_refiner(place, PROMPT, torch.device("cpu"), torch.float32)
    half = sana_wm_refining.load(place / "transformer", torch.float32)
    names, all_names = set(half.state_dict()), set(tiny_sana.refiner().state_dict())
    assert names < all_names and all(
        any(word in name for word in sana_wm_refining.UNUSED) for name in all_names - names
    )
    assert not any(word in name for name in names for word in sana_wm_refining.UNUSED)
    passes: list[int] = []
    blocks = list(sana_wm_refining.refined(half, stock.latents, told, 16.0, SEED, lambda: passes.append(1)))
    assert [block.shape[2] for block in blocks] == [1, 3, 1]
    assert (torch.cat(blocks, 2) - stock.refined).abs().max() < 1e-4
    assert len(passes) == sana_wm_refining.passes(5)


def test_the_window_of_the_refiner_slides(folder: Path) -> None:
    """A clip longer than the eleven latent frames that it sees, against the pipeline."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SanaWMLTX2Refiner

    long = torch.randn(1, tiny_sana.CHANNELS, 21, 2, 2, generator=torch.Generator().manual_seed(2))
    told = (torch.randn(1, 8, tiny_sana.WORD, generator=torch.Generator().manual_seed(4)), torch.ones(1, 8).long())
    nothing: Any = None
    plain = FlowMatchEulerDiscreteScheduler(shift=1.0)
    pipeline = SanaWMLTX2Refiner(tiny_sana.refiner(), nothing, nothing, nothing, plain)
    pipeline._encode_prompt = lambda prompt, device, dtype: told
    wanted = pipeline(long, "", fps=16, generator=torch.Generator().manual_seed(SEED), output_type="latent")
    half = sana_wm_refining.load(Path(f"{folder}-refiner") / "transformer", torch.float32)
    got = torch.cat(list(sana_wm_refining.refined(half, long, told, 16.0, SEED, lambda: None)), 2)
    assert (got - wanted).abs().max() < 1e-4
    narrow = pipeline(
        long, "", fps=16, generator=torch.Generator().manual_seed(SEED), output_type="latent", kv_max_frames=8
    )
    assert (narrow - wanted).abs().max() > 1e-3


def test_blocks_that_come_and_go_refine_the_same(folder: Path) -> None:
    """As on a GPU with too little room, here with the CPU for both places."""
    part, cpu = Path(f"{folder}-refiner") / "transformer", torch.device("cpu")
    long = torch.randn(1, tiny_sana.CHANNELS, 5, 2, 2, generator=torch.Generator().manual_seed(2))
    told = (torch.randn(1, 8, tiny_sana.WORD, generator=torch.Generator().manual_seed(4)), torch.ones(1, 8).long())
    ways = [
        sana_wm_refining.placed(sana_wm_refining.load(part, torch.float32), cpu),
        presets.in_turns(sana_wm_refining.load(part, torch.float32), cpu, use_stream=False),
    ]
    made = [torch.cat(list(sana_wm_refining.refined(way, long, told, 16.0, SEED, lambda: None)), 2) for way in ways]
    assert torch.equal(*made)


def test_what_waits_with_its_block_refines_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and values that come and go with the block at work: the same bits, and never two layers' at once."""
    half = sana_wm_refining.load(Path(f"{folder}-refiner") / "transformer", torch.float32)
    long = torch.randn(1, tiny_sana.CHANNELS, 16, 2, 2, generator=torch.Generator().manual_seed(2))
    told = (torch.randn(1, 8, tiny_sana.WORD, generator=torch.Generator().manual_seed(4)), torch.ones(1, 8).long())
    waiting: Any = sana_wm_refining._Waiting
    bring, put_away = waiting.bring, waiting.put_away
    here, most = set[int](), list[int]()

    def made() -> Any:
        return torch.cat(list(sana_wm_refining.refined(half, long, told, 16.0, SEED, lambda: None)), 2)

    plain = made()
    monkeypatch.setattr(presets, "free_bytes", lambda device: 12e9)
    monkeypatch.setattr(sana_wm_refining, "put_by", lambda tensor: tensor.clone())
    monkeypatch.setattr(waiting, "bring", lambda self: (here.add(id(self)), most.append(len(here)), bring(self))[-1])
    monkeypatch.setattr(waiting, "put_away", lambda self: (put_away(self), here.discard(id(self)))[0])
    assert torch.equal(made(), plain) and not most, "where all of it is on the device nothing waits"
    monkeypatch.setattr(sana_wm_refining, "comes_in_turns", lambda transformer: True)
    assert torch.equal(made(), plain) and max(most) == 1 and not here
    block = half.transformer_blocks[0]
    assert not block._forward_hooks and not block._forward_pre_hooks, "the transformer is left as it was"
    monkeypatch.setattr(waiting, "bring", lambda self: setattr(self._layer, "history_k", None))
    assert (made() - plain).abs().max() > 1e-4, "the guilty: what is forgotten on the way is seen"


def test_a_refiner_with_other_tensors_is_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    source = Path(f"{folder}-refiner") / "transformer"
    tensors = load_file(source / "diffusion_pytorch_model.safetensors")
    (tmp_path / "config.json").write_text((source / "config.json").read_text())
    used, unused = "proj_in.weight", "transformer_blocks.0.audio_attn1.to_q.weight"
    cases = [
        ({name: part for name, part in tensors.items() if name != used}, used),
        ({name: part for name, part in tensors.items() if name != unused}, unused),
        (tensors | {"strange.weight": torch.zeros(1)}, "strange.weight"),
        (tensors | {"audio_strange.weight": torch.zeros(1)}, "audio_strange.weight"),
    ]
    for wrong, name in cases:
        save_file(wrong, tmp_path / "diffusion_pytorch_model.safetensors")
        with pytest.raises(BackendError, match=name) as caught:
            sana_wm_refining.load(tmp_path, torch.float32)
        assert caught.value.code == "E_MODEL_KEYS"


# One request ------------------------------------------------------------------------------------------


def test_a_path_longer_than_the_model_goes_on_from_its_last_good_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sana_wm_take, "CLIP", FrameRule(multiple=8, offset=1, maximum=17))
    led: list[Any] = []
    encoded = sana_wm_take._encoded
    monkeypatch.setattr(sana_wm_take, "_encoded", lambda vae, first, device: led.append(first) or encoded(
        vae, first, device))  # fmt: skip
    pictures = list(generated(folder, request(folder, frames=20, steps=1), lambda event: None))
    assert len(pictures) == 20
    assert len(led) == 2 and np.array_equal(led[1], pictures[16])
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(pictures))


def test_a_crash_costs_a_decode_and_no_more(folder: Path, stock: SimpleNamespace) -> None:
    class Crash(Exception):
        pass

    def crashing(event: Event) -> None:
        if isinstance(event, Stage) and event.detail.startswith("refining"):
            raise Crash

    with pytest.raises(Crash):
        list(generated(folder, request(folder), crashing))
    heard: list[Event] = []
    again = np.stack(list(generated(folder, request(folder), heard.append)))
    assert np.abs(again[1:] - stock.frames).max() < 2e-5
    done = [event.done for event in heard if isinstance(event, Progress)]
    first_stage = sana_wm_sampling.passes(STEPS, GUIDANCE)
    assert done == list(range(first_stage + 1, first_stage + 1 + sana_wm_refining.passes(5)))
    other = [event for event in heard if isinstance(event, Stage) and "earlier job" in event.detail]
    assert len(other) == 1


@pytest.mark.parametrize("after", [1, 4, 8])
def test_it_stops_at_the_next_pass(folder: Path, after: int) -> None:
    heard: list[Event] = []

    def emit(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Progress) and event.done == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(generated(folder, request(folder), emit))
    assert [event.done for event in heard if isinstance(event, Progress)] == list(range(1, after + 1))


def test_no_memory_is_said_in_words_a_farm_understands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(sana_wm_sampling, "sampled", full)
    with pytest.raises(OutOfMemory) as caught:
        list(generated(folder, request(folder), lambda event: None))
    assert (caught.value.code, caught.value.exit_code) == ("E_OOM", 4)


def test_latents_that_are_no_numbers_are_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled = sana_wm_sampling.sampled
    monkeypatch.setattr(sana_wm_sampling, "sampled", lambda *given: sampled(*given) * float("nan"))
    with pytest.raises(BackendError, match="E_NOT_FINITE"):
        list(generated(folder, request(folder), lambda event: None))
    assert not list((latents.cache_folder() / "latents").glob("*"))


# Its folders ------------------------------------------------------------------------------------------


def test_the_card_says_what_it_needs_and_whether_it_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = models.card("sana-wm")
    assert not away.available and "platewright models pull" in away.reason
    assert (away.needs_first_frame, away.fps, away.clip.maximum, away.commercial) == (True, 16.0, 961, "conditions")
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(folder.parent))
    assert models.card("sana-wm").available
    assert models.card(str(folder)).available


def test_a_folder_without_a_part_or_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="E_MODEL_MISSING"):
        sana_wm.KIND.open("cpu", tmp_path)
    (tmp_path / "sana-wm").mkdir()
    (tmp_path / "sana-wm-refiner").mkdir()
    with pytest.raises(BackendError, match="text_encoder"):
        sana_wm.KIND.open("cpu", tmp_path / "sana-wm")
    assert sana_wm.KIND.recognises(folder) and not sana_wm.KIND.recognises(tmp_path)


def test_the_manifest_learns_of_every_weight(folder: Path) -> None:
    told = sana_wm.KIND.open("cpu", folder).provenance()
    assert [Path(entry["file"]).parts[:2] for entry in told["files"]] == [
        ("sana-wm", "text_encoder"), ("sana-wm", "transformer"), ("sana-wm", "vae"),
        ("sana-wm-refiner", "text_encoder"), ("sana-wm-refiner", "connectors"), ("sana-wm-refiner", "transformer"),
    ]  # fmt: skip
    assert all(len(entry["sha256"]) == 64 for entry in told["files"])
    assert json.dumps(told) and told["first_frame"] == "sink latent, decoded"
