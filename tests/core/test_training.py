"""How the embedded model is made: clips become lessons that stay true however they are disturbed; a run resumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from platewright import weights
from platewright.nets.draft_decoder import DecoderConfig, DraftDecoder
from platewright.nets.draft_denoiser import DraftConfig, DraftVideo, seen_frames
from platewright.nets.draft_text import TextConfig, TextEncoder
from platewright.nets.patches import Patches
from platewright.sights import SIGHT_NAMES
from training import export, train, wording
from training.dataset import Order, make_dataset
from training.decoding import blurred, sitting
from training.latents import SIDE, SUN, Clips, Cut, Group, as_signed, fit_patches, guide_of, partly

CONFIG = train.CONFIGS["cpu-smoke"]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rendered clips and an untrained reader of prompts."""
    folder = tmp_path_factory.mktemp("run")
    make_dataset(folder / "clips", CONFIG.shards, CONFIG.held_out, CONFIG.order)
    state = {name: tensor.contiguous() for name, tensor in wording.blank().state_dict().items()}
    (folder / "text.safetensors").write_bytes(save(state))
    return folder


@pytest.fixture(scope="module")
def clips(rendered: Path) -> Clips:
    return Clips(rendered, "train", wording.learned(rendered / "text.safetensors"))


@pytest.fixture(scope="module")
def patches(rendered: Path) -> Patches:
    return fit_patches(rendered, CONFIG.channels)[0]


@pytest.fixture(scope="module")
def smoke(rendered: Path) -> Path:
    """A run of four steps of each network, from clips to weights."""
    train.run(CONFIG, rendered)
    return rendered


def one(**cut: int | bool) -> Group:
    """The first clip, cut in some way."""
    return Group(0, [0], Cut(**cut))  # type: ignore[arg-type]


WHOLE = (3, 3, 4)


def test_a_piece_is_what_the_whole_shows_there(clips: Clips, patches: Patches) -> None:
    whole, piece = clips.whole(1, patches), clips.lesson([one(top=1, left=2)], (3, 2, 2), patches)
    torch.testing.assert_close(piece.latents, whole.latents[:, :, :, 1:3, 2:4], atol=1e-4, rtol=1e-4)
    cells = whole.seen.unflatten(2, (3, 4))[:, :, 1:3, 2:4].flatten(2, 3)
    torch.testing.assert_close(piece.seen, cells)


def test_many_clips_at_once_are_each_one_alone(clips: Clips, patches: Patches) -> None:
    both = clips.lesson([Group(0, [1, 0], Cut(mirrored=True, start=4))], (2, 2, 3), patches)
    for row, n in enumerate((1, 0)):
        alone = clips.lesson([Group(0, [n], Cut(mirrored=True, start=4))], (2, 2, 3), patches)
        torch.testing.assert_close(both.latents[row : row + 1], alone.latents)
        assert torch.equal(both.seen[row : row + 1], alone.seen) and torch.equal(both.text[row], alone.text[0])


def test_a_mirrored_clip_is_a_true_clip(clips: Clips) -> None:
    """Mirrored twice it is itself; what lies beside the camera changes sides, and nothing else of a cell does."""
    plain, turned = one(), one(mirrored=True)
    assert torch.equal(clips.frames(turned, WHOLE).flip(3), clips.frames(plain, WHOLE))
    seen, other = clips.shown(plain, WHOLE), clips.shown(turned, WHOLE)
    kept = [n for n in range(len(SIGHT_NAMES)) if n != SIDE]
    assert torch.equal(other[0].flip(4)[:, :, kept], seen[0][:, :, kept])
    torch.testing.assert_close(other[1].flip(4)[:, :, 1], -seen[1][:, :, 1])
    torch.testing.assert_close(other[4] * torch.tensor([1.0, -1.0, 1.0, 1.0]), seen[4])


def test_a_clip_that_runs_backwards_shows_the_same_frames(clips: Clips) -> None:
    plain, turned = one(), one(backwards=True)
    assert torch.equal(clips.frames(turned, WHOLE).flip(1), clips.frames(plain, WHOLE))
    at = seen_frames(3).index(4)
    forwards, backwards = clips.shown(plain, WHOLE)[3][0], clips.shown(turned, WHOLE)[3][0]
    assert backwards[at] == forwards[at] and backwards[0] == forwards[-1]


def test_what_is_left_out_leaves_no_trace(clips: Clips, patches: Patches) -> None:
    seen, *_, light = clips.shown(one(sunless=True), WHOLE)
    assert not bool(seen[:, :, SUN].any()) and not bool(light.any())
    assert not bool(clips.lesson([one(silent=True)], WHOLE, patches).text.any())


def test_a_guide_may_end_and_then_the_ground_is_seen_again(clips: Clips) -> None:
    plain, guided = (clips.shown(one(guided=g), WHOLE)[0] for g in (False, True))
    at = SIGHT_NAMES.index("guide")
    assert not bool(plain[:, :, at:].any()) and bool(guided[:, :, at].any())
    whole = guide_of(clips.shards[0], 0, torch.arange(9))
    ends = [partly(whole, seed).distance for seed in range(40)]
    assert 4 <= sum(bool((end != whole.distance).any()) for end in ends) <= 24


def test_blurred_latents_lose_fine_channels_first(clips: Clips, patches: Patches, rendered: Path) -> None:
    latents = patches.encode(as_signed(clips.shards[0]["frames"]))
    deviation, draw = fit_patches(rendered, CONFIG.channels)[1], torch.Generator().manual_seed(0)
    lost = (blurred(latents, 0.5, deviation, draw) - latents)[:, 1:].square().mean((0, 1, 3, 4)) / deviation[1] ** 2
    assert lost[0] < 0.3 and lost[-1] > 0.6
    torch.testing.assert_close(blurred(latents, 0.0, deviation, draw), latents, atol=1e-4, rtol=0)


def test_squares_belong_to_their_sights(clips: Clips, patches: Patches) -> None:
    """The sights of a square are those of the whole picture there."""
    deviation = torch.ones(2, CONFIG.channels)
    draw = torch.Generator().manual_seed(4)
    lesson = sitting(clips, 2, 32, patches, deviation, draw)
    assert lesson.sights.shape == (8, len(SIGHT_NAMES), 32, 32) and lesson.frames.shape == (8, 3, 3, 32, 32)
    up = lesson.sights[:, 0]
    assert bool((up[:, :-1] > up[:, 1:]).float().mean() > 0.9)  # rows further down look further down


def test_a_run_ends_in_weights_that_fit_their_card(smoke: Path) -> None:
    card = weights.read_card(smoke / "model" / "draft.json")
    facts, tensors = card.facts, weights.load_tensors(card)
    decoder = DecoderConfig(**{**facts["decoder"], "widths": tuple(facts["decoder"]["widths"])})
    network, reader = DraftVideo(DraftConfig(**facts["network"])), TextEncoder(TextConfig(**facts["text"]))
    parts = {"network.": network, "decoder.": DraftDecoder(decoder), "text.": reader}
    for prefix, module in {**parts, "patches.": Patches(facts["network"]["latent"])}.items():
        weights.fill(module, tensors, prefix, card.name)
    assert facts["training"]["denoiser"]["steps"] == 4 and facts["licence"] == "Apache-2.0"
    assert (smoke / "denoiser" / "curves.png").stat().st_size > 1000
    assert (smoke / "denoiser" / "samples_000004.png").exists() and (smoke / "decoder" / "curves.png").exists()


@pytest.mark.parametrize("name", ["decoder", "denoiser"])
def test_a_resumed_run_is_the_run_that_was_never_stopped(smoke: Path, tmp_path: Path, name: str) -> None:
    whole = json.loads((smoke / name / "progress.json").read_text())["losses"]
    for made in ("clips", "seen", "text.safetensors", "patches.safetensors"):
        (tmp_path / made).symlink_to(smoke / made)
    stopped = getattr(train.Studio(CONFIG, tmp_path), f"{name}_lessons")()
    for _ in range(2):
        stopped.step()
    stopped.learner.save(tmp_path / name)
    second = getattr(train.Studio(CONFIG, tmp_path), f"{name}_lessons")()
    assert second.learner.progress.step == 2
    second.run()
    assert second.learner.progress.losses == whole


def test_weights_are_cut_into_shards_that_hold_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "SHARD_BYTES", 100)
    tensors = {f"t{n}": torch.zeros(12) for n in range(5)} | {"large": torch.zeros(80)}
    packs = export.packed(tensors)
    assert [list(pack) for pack in packs] == [["t0", "t1"], ["t2", "t3"], ["t4"], ["large"]]


def test_orders_for_every_budget_fit_their_nets() -> None:
    for config in train.CONFIGS.values():
        cells = config.order.size[1] // 16, config.order.size[0] // 16
        latents = 1 + (config.order.frames - 1) // 4
        assert all(s[0] <= latents and s[1] <= cells[0] and s[2] <= cells[1] for s in config.shapes)
        assert config.squares[1] % 16 == 0 and isinstance(config.order, Order)
