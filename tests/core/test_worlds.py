"""Worlds, camera moves and shards: each belongs to its seed, and what is held out is never trained on."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from platewright.conditioning import poses_and_lenses
from platewright.layout.placing import CLEAR_M, clearance
from platewright.layout.worlds import ATTRIBUTES, HELD_OUT_SEED, draw_world, kind_of
from training.dataset import (
    Order,
    clear_path,
    load_shard,
    make_clip,
    make_dataset,
    shard_path,
)
from training.moves import HELD_OUT_MIXTURES, MOVES, draw_moves, draw_path
from training.rendering import Stage

SMALL = Order(clips=1, frames=3, size=(32, 18))


def test_a_world_belongs_to_its_seed() -> None:
    assert draw_world(4) == draw_world(4) and draw_world(4) != draw_world(5)
    chosen = draw_world(4, terrain="lake", time="dusk")
    assert (chosen.terrain, chosen.time) == ("lake", "dusk") and chosen.azimuth == draw_world(4).azimuth


def test_every_value_of_every_attribute_is_drawn() -> None:
    worlds = [draw_world(seed) for seed in range(400)]
    for name, values in ATTRIBUTES.items():
        assert {getattr(world, name) for world in worlds} == set(values)
    assert all(kind_of(world.kinds) == {name: getattr(world, name) for name in ATTRIBUTES} for world in worlds)


def test_what_falls_needs_clouds_and_an_overcast_sky_has_no_sun() -> None:
    for world in (draw_world(seed) for seed in range(400)):
        assert world.sky != "clear" or world.weather not in ("rain", "snowfall")
        assert math.isclose(math.hypot(*world.sun), 0.0 if world.sky == "overcast" else 1.0, abs_tol=1e-9)
        assert world.to_light[2] > 0


def test_held_out_moves_are_never_trained_on() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = {frozenset(draw_moves(generator)) for _ in range(3000)}
    kept = {frozenset(mixture) for mixture in HELD_OUT_MIXTURES}
    assert not drawn & kept and {frozenset({move}) for move in MOVES} <= drawn and len(drawn) > 60
    assert {frozenset(draw_moves(generator, held_out=True)) for _ in range(100)} == kept


def test_drawn_cameras_are_sound() -> None:
    for seed in range(60):
        camera = draw_path(torch.Generator().manual_seed(seed), 8, 256, 144, held_out=seed % 2 == 0)
        poses, lenses = poses_and_lenses(camera)
        turned = poses[:, :3, :3]
        torch.testing.assert_close(turned @ turned.mT, torch.eye(3, dtype=torch.float64).expand(8, 3, 3))
        assert bool((torch.linalg.det(turned) > 0).all()) and bool((poses[:, 2, 3] >= 0.4).all())
        millimetres = lenses[:, 0] / 256 * 36
        assert bool((millimetres > 17.9).all()) and bool((millimetres < 135.1).all())


@pytest.mark.parametrize("terrain", ["city", "forest", "canyon", "dunes"])
def test_cameras_do_not_run_into_what_stands_there(terrain: str) -> None:
    stage = Stage(draw_world(3, terrain=terrain))
    paths = (poses_and_lenses(clear_path(stage, seed, SMALL))[0] for seed in range(6))
    assert all(clearance(stage.land, poses[:, :3, 3]) > CLEAR_M for poses in paths)


def test_a_clip_belongs_to_its_seed() -> None:
    first, again, other = (make_clip(seed, SMALL) for seed in (11, 11, 12))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["frames"], other["frames"])


def test_a_shard_holds_what_its_readers_expect(tmp_path: Path) -> None:
    make_dataset(tmp_path, 1, 1, SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held_out_0000.safetensors", "train_0000.safetensors"]
    shard = load_shard(shard_path(tmp_path, "train", 0))
    found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in shard.items()}
    assert found == {
        "frames": ((1, 3, 18, 32, 3), torch.uint8), "distance": ((1, 3, 18, 32), torch.float16),
        "normals": ((1, 3, 18, 32, 3), torch.int8), "poses": ((1, 3, 4, 4), torch.float64),
        "lenses": ((1, 3, 4), torch.float64), "seconds": ((1, 3), torch.float32), "sun": ((1, 3), torch.float32),
        "seed": ((1,), torch.int64), "kinds": ((1, len(ATTRIBUTES)), torch.int64),
    }  # fmt: skip
    assert shard["seed"].tolist() == [0] and bool(shard["distance"].isfinite().all())
    assert bool((load_shard(shard_path(tmp_path, "held_out", 0))["seed"] >= HELD_OUT_SEED).all())
    assert HELD_OUT_SEED > 10**9  # beyond all seeds that can be trained on


def test_a_dataset_resumes_and_keeps_to_its_time(tmp_path: Path) -> None:
    make_dataset(tmp_path, 1, 0, SMALL)
    written = shard_path(tmp_path, "train", 0)
    os.utime(written, (1, 1))
    make_dataset(tmp_path, 2, 0, SMALL, seconds=0.0)
    assert not shard_path(tmp_path, "train", 1).exists()
    make_dataset(tmp_path, 2, 0, SMALL)
    assert written.stat().st_mtime == 1 and shard_path(tmp_path, "train", 1).exists()
