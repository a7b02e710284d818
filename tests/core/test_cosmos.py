"""Cosmos-Transfer2.5 through our back-end and through bare diffusers: the same pictures, and no way past its guard."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, Cosmos2_5_TransferPipeline, CosmosControlNetModel, CosmosTransformer3DModel
from diffusers.models.controlnets import controlnet_cosmos
from diffusers.models.transformers import transformer_cosmos
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from platewright import fitting, models
from platewright.errors import BackendError, RequestError
from platewright.models import cosmos_guardrail, cosmos_prompts, cosmos_transfer, guided
from platewright.protocol import Event, PlateRequest, Progress, Warned
from tests.core import test_wan_vace as vace
from tests.core import tiny_cosmos
from tests.core.shots import shot

STEPS, GUIDANCE, SEED, NATIVE, COUNT = 2, 3.0, 5, (64, 32), 12
PROMPT, NEGATIVE = "mountain lake at dawn", "blurry"
KIND = cosmos_transfer.Kind(native=NATIVE, window=9)
CAMERA = shot(COUNT, size=(128, 64))
own_cache = vace.own_cache


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cosmos.write(tmp_path_factory.mktemp("cosmos") / "transfer")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The two packages that the model needs, as far as it needs them."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "cosmos_guardrail.py").write_text(tiny_cosmos.GUARDRAIL)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setattr(cosmos_guardrail, "PACKAGES", ("cosmos_guardrail",))
    for module in (transformer_cosmos, controlnet_cosmos):
        monkeypatch.setattr(module, "transforms", tiny_cosmos.nearest(), raising=False)
    yield
    sys.modules.pop("cosmos_guardrail", None)


def request(**fields: Any) -> PlateRequest:
    told: dict[str, Any] = {"prompt": PROMPT, "negative": NEGATIVE, "model": KIND.name, "device": "cpu", "seed": SEED}
    return PlateRequest(camera=CAMERA, **{**told, "steps": STEPS, "guidance": GUIDANCE, **fields})


def frames(folder: Path, given: PlateRequest, heard: list[Event]) -> Any:
    backend = KIND.open("cpu", folder)
    made = np.stack(list(backend.generate(given, given.camera, "job", heard.append)))
    assert backend.provenance()["sampler"] == {
        "scheduler": "UniPCMultistepScheduler", "shift": tiny_cosmos.scheduler().config.flow_shift,
        "steps": given.steps, "guidance": given.guidance,
    }  # fmt: skip
    return made


def bare(folder: Path, shown: Any, kind: str) -> Any:
    """diffusers' own pipeline, prompt, chunks, guardrail and all; each chunk draws from a stream of its own, too."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    tokenizer.chat_template = tiny_cosmos.QWEN_TEMPLATE
    pipeline = Cosmos2_5_TransferPipeline(
        text_encoder=Qwen2_5_VLForConditionalGeneration.from_pretrained(folder / "text_encoder").eval(),
        tokenizer=tokenizer,
        transformer=CosmosTransformer3DModel.from_pretrained(folder / "transformer"),
        vae=AutoencoderKLWan.from_pretrained(folder / "vae"),
        scheduler=tiny_cosmos.scheduler(),
        controlnet=CosmosControlNetModel.from_pretrained(folder.with_name(f"{folder.name}-{kind}")),
        safety_checker=importlib.import_module("cosmos_guardrail").CosmosSafetyChecker(),
    )
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(SEED)
    ended: list[int] = []

    def next_stream(pipe: Any, step: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        if step == STEPS - 1:
            ended.append(step)
            noise.manual_seed(SEED + 1_000_003 * len(ended))
        return given

    return pipeline(
        controls=[torch.tensor(shown).permute(0, 3, 1, 2)], prompt=PROMPT, negative_prompt=NEGATIVE,
        height=NATIVE[1], width=NATIVE[0], num_frames_per_chunk=9, num_inference_steps=STEPS,
        guidance_scale=GUIDANCE, generator=noise, output_type="np", callback_on_step_end=next_stream,
    ).frames[0]  # fmt: skip


def codes(pictures: Any) -> Any:
    """As the stock pipeline cuts them to 8 bits."""
    return (pictures * np.float32(255)).astype(np.uint8).astype(int)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")       # of diffusers' scheduler
def test_our_pictures_are_those_of_bare_diffusers(folder: Path, tmp_path: Path) -> None:
    given, heard = request(guide=vace.guide(tmp_path / "depth", CAMERA)), list[Event]()
    ours = frames(folder, given, heard)
    with guided.opened(given, CAMERA.scaled(*NATIVE), cosmos_transfer.GUIDES) as guide:
        shown = cosmos_transfer.shown(guide, CAMERA.scaled(*NATIVE))
    stock = np.rint(bare(folder, shown, "depth") * 255).astype(int)
    assert ours.shape == (COUNT, 32, 64, 3) and ours.dtype == np.float32
    assert np.array_equal(codes(ours[:9]), stock[:9])          # the first window, bit for bit
    later = np.abs(codes(ours) - stock)[9:, 8:, 8:]            # but for the guardrail's square, which goes by number
    assert later.max() <= 1 and (later > 0).mean() < 0.01      # led by a picture in 0..1, not in -1..1: one rounding
    assert (codes(ours[1:3, :8, :8]) == 16).all()              # what the guardrail has covered stays so
    assert len(np.unique(ours[3] * 255 % 1)) > 100             # and nothing else has 8 bits
    assert [event.code for event in heard if isinstance(event, Warned)] == ["W_WORLD_SPEED"]
    assert np.abs(codes(ours) - np.rint(bare(folder, shown[::-1].copy(), "depth") * 255)).max() > 3
    assert np.abs(codes(ours) - np.rint(bare(folder, shown, "edge") * 255)).max() > 3

    again = list[Event]()
    assert np.array_equal(frames(folder, given, again), ours)  # from latents that are there
    assert not [event for event in again if isinstance(event, Progress)]


def test_every_window_is_as_long_as_the_model_was_made_for() -> None:
    windows = fitting.windows(100, cosmos_transfer.Kind().clip)
    assert [(window.length, window.start, window.stop) for window in windows] == [(93, 0, 93), (93, 92, 100)]
    assert [window.length for window in fitting.windows(24, cosmos_transfer.Kind().clip)] == [93]


def test_a_scene_without_a_guide_shows_the_edges_of_its_grid() -> None:
    native = CAMERA.scaled(*NATIVE)
    found = cosmos_transfer.shown(guided.Guide(native), native)
    grey = cv2.cvtColor((guided.Guide(native).picture(1003) * 255).round().astype(np.uint8), cv2.COLOR_RGB2GRAY)
    assert np.array_equal(found[2, :, :, 0] * 255, cv2.Canny(grey, 100, 200))
    assert set(np.unique(found)) == {0.0, 1.0}
    tensors = models.conditioning("cosmos-transfer2.5", CAMERA, NATIVE)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {"control_video": (1, 3, 93, 32, 64)}
    assert np.array_equal(tensors["control_video"][0, :, 2], 2 * found[2].transpose(2, 0, 1) - 1)


def test_the_chat_is_qwens_own(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    tokenizer.chat_template = tiny_cosmos.QWEN_TEMPLATE
    turns = [("system", cosmos_prompts.SYSTEM), ("user", PROMPT)]
    said = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    written = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=False)
    assert written == cosmos_prompts.chat(PROMPT)


def test_there_is_no_way_around_the_guardrail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="E_GUARDRAIL"):
        frames(folder, request(prompt="a forbidden lake"), [])
    guardrail = cosmos_guardrail.Guardrail()
    with pytest.raises(BackendError, match="E_GUARDRAIL"):
        guardrail.passed([np.ones((32, 64, 3), np.float32)] * 9)
    monkeypatch.setattr(cosmos_guardrail, "PACKAGES", ("cosmos_guardrail", "no_such_package"))
    card = KIND.card(folder)
    assert not card.available and "licence" in card.reason and "no_such_package" in card.reason
    with pytest.raises(BackendError, match="E_GUARDRAIL_MISSING"):
        frames(folder, request(), [])


def test_the_folders_are_told_apart(folder: Path, tmp_path: Path) -> None:
    assert KIND.recognises(folder) and not KIND.recognises(tmp_path)
    assert KIND.card(folder).available and KIND.card(folder).commercial == "conditions"
    assert cosmos_transfer.control_folder(folder, "edges").name == "transfer-edge"
    with pytest.raises(BackendError, match="E_MODEL_MISSING"):
        cosmos_transfer.control_folder(folder.with_name("other"), "depth")
    told = KIND.open("cpu", folder).provenance()
    assert {entry["file"].split("/")[0] for entry in told["files"]} == {"transformer", "vae", "text_encoder"}
    assert models.card("cosmos-transfer2.5").name == replace(KIND).name
