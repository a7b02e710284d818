"""How the embedded model is made: worlds, cameras, clips and captions from seeds; a run that resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from platewright.conditioning import word_indices
from platewright.models import draft
from platewright.nets.decoder import PatchBasis, from_patches, to_patches
from tests.core.tiny_model import horizon_row, level_path
from training import train
from training.captions import caption, held_out_caption, vocabulary
from training.dataset import make_clip, render_path
from training.moves import draw_path
from training.worlds import HELD_OUT, Kind, draw_kind


@pytest.mark.parametrize("pitch", [-6.0, 0.0, 8.0])
def test_worlds_have_their_horizon_where_the_camera_does(pitch: float) -> None:
    camera = level_path(1, 112, 64, pitch=pitch)
    picture = render_path(3, Kind("desert", "noon", "clear"), camera, (112, 64))[0]
    sandy = (picture[:, :, 0] > picture[:, :, 2]).float().mean(1) > 0.9
    assert -8 < int(sandy.float().argmax()) - horizon_row(camera, 64) < 2  # dunes stand a few degrees above it
    assert bool(picture.isfinite().all())


def test_night_is_darker_than_noon_and_not_black() -> None:
    camera = level_path(1, 112, 64)
    for terrain in ("mountains", "desert", "forest"):
        noon, night = (
            render_path(5, Kind(terrain, time, "clear"), camera, (56, 32)).mean() for time in ("noon", "night")
        )
        assert 0.03 < night < noon - 0.15


def test_a_clip_belongs_to_its_seed() -> None:
    first, again, other = (make_clip(seed, (5, 5), 4, False) for seed in (11, 11, 12))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["frames"], other["frames"])


def test_drawn_cameras_are_sound() -> None:
    for seed in range(40):
        camera = draw_path(torch.Generator().manual_seed(seed), 8, 112, 64)
        poses = torch.tensor(camera.camera_to_world, dtype=torch.float64).reshape(-1, 4, 4)
        turned = poses[:, :3, :3]
        torch.testing.assert_close(turned @ turned.mT, torch.eye(3, dtype=torch.float64).expand(8, 3, 3))
        assert bool((torch.linalg.det(turned) > 0).all()) and bool((poses[:, 2, 3] > 0).all())


def test_held_out_kinds_are_never_drawn_for_training() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = {(kind.terrain, kind.time, kind.weather) for kind in (draw_kind(generator) for _ in range(600))}
    assert not drawn & HELD_OUT and len(drawn) > 100
    held = draw_kind(generator, held_out=True)
    assert (held.terrain, held.time, held.weather) in HELD_OUT


def test_every_caption_is_made_of_known_words() -> None:
    generator, known = torch.Generator().manual_seed(0), {word: n + 1 for n, word in enumerate(vocabulary())}
    for make in (caption, held_out_caption):
        for _ in range(200):
            indices, unknown = word_indices(make(draw_kind(generator), generator), known)
            assert indices and not unknown


def test_the_patch_basis_gives_back_what_it_was_fitted_to() -> None:
    frames = torch.rand(2, 8, 32, 32, 3) * 2 - 1
    assert torch.equal(from_patches(to_patches(frames)), frames)
    basis = PatchBasis(15)
    basis.fit(to_patches(frames).flatten(0, 3))
    torch.testing.assert_close(basis.decode(basis.encode(frames)), frames, atol=1e-3, rtol=1e-3)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, train.Config]:
    """A run of four steps from nothing to weights."""
    folder, config = tmp_path_factory.mktemp("run"), train.CONFIGS["cpu-smoke"]
    train.run(config, folder, processes=1)
    return folder, config


def test_a_run_ends_in_a_model_that_can_be_used(
    smoke: tuple[Path, train.Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config = smoke
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(folder / "model"))
    assert draft.open("cpu").native_camera(level_path(1)).width == 112
    facts = json.loads((folder / "model" / "draft.json").read_text())
    assert facts["training"]["steps"] == config.steps and facts["licence"] == "Apache-2.0"
    assert (folder / "curves.png").stat().st_size > 1000 and (folder / "samples_000004.png").exists()


def test_a_resumed_run_is_the_run_that_was_never_stopped(smoke: tuple[Path, train.Config], tmp_path: Path) -> None:
    folder, config = smoke
    whole = json.loads((folder / "progress.json").read_text())["losses"]
    (tmp_path / "clips").symlink_to(folder / "clips")
    (tmp_path / "basis.safetensors").symlink_to(folder / "basis.safetensors")
    basis, deviation = train.basis_of(tmp_path, folder / "clips", config)
    groups = train.load_clips(folder / "clips", "train", 1, basis, mirror=True)
    first = train.make_learner(config, deviation)
    stopped = train.make_learner(config, deviation)
    assert not first.resume(tmp_path)
    half = [train.step(first, config, groups) for _ in range(2)]
    first.save(tmp_path)
    assert stopped.resume(tmp_path) and stopped.progress.step == 2
    train.train(stopped, replace(config, look_every=100), groups, groups[0], basis, tmp_path)
    assert half + stopped.progress.losses[2:] == whole
