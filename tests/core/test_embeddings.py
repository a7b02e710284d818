"""What is kept between jobs: embeddings, hashes of weights, latents. A cache may be lost, and is never trusted half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from platewright.errors import BackendError
from platewright.models import checkpoint, embeddings, hashes, latents
from platewright.models.embeddings import Embedding


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    part = tmp_path / "text_encoder"
    part.mkdir()
    (part / "config.json").write_text("{}")
    (part / "model.safetensors").write_bytes(b"weights")
    return part


class Encoder:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Embedding:
        self.asked += 1
        return {"prompt": torch.full((2, 3), float(self.asked), dtype=torch.bfloat16), "mask": torch.ones(2).long()}


def said(prompt: str = "a valley") -> dict[str, str]:
    return {"prompt": prompt, "dtype": "bfloat16"}


def test_the_same_words_are_embedded_once(encoder: Path) -> None:
    make = Encoder()
    first = embeddings.embedded([encoder], said(), make)
    again = embeddings.embedded([encoder], said(), make)
    assert make.asked == 1
    assert all(torch.equal(first[name], again[name]) and first[name].dtype == again[name].dtype for name in first)


def test_other_words_or_another_encoder_are_embedded_anew(encoder: Path) -> None:
    make = Encoder()
    for prompt in ("a valley", "a valley ", "tal"):
        embeddings.embedded([encoder], said(prompt), make)
    assert make.asked == 3
    for name, content in (("model.safetensors", b"weightz"), ("config.json", b'{"a": 1}')):
        (encoder / name).write_bytes(content)
        os.utime(encoder / name, ns=(1, make.asked))
        embeddings.embedded([encoder], said(), make)
    assert make.asked == 5


def test_half_a_file_is_made_again(encoder: Path, cache: Path) -> None:
    make = Encoder()
    embeddings.embedded([encoder], said(), make)
    (file,) = (cache / "embeddings").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    assert embeddings.embedded([encoder], said(), make)["prompt"][0, 0] == 2.0
    assert embeddings.embedded([encoder], said(), make)["prompt"][0, 0] == 2.0


def test_what_is_no_number_is_not_kept(encoder: Path, cache: Path) -> None:
    with pytest.raises(BackendError, match="E_NOT_FINITE"):
        embeddings.embedded([encoder], said(), lambda: {"prompt": torch.tensor([1.0, float("nan")])})
    assert not (cache / "embeddings").exists()


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(encoder: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    make = Encoder()
    for _ in range(2):
        embeddings.embedded([encoder], said(), make)
    assert make.asked == 2
    assert "cache" in latents.keep(latents.file_for({}), torch.zeros(1), {})


def test_a_hash_is_read_once_and_again_when_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = tmp_path / "weights", list[Path]()
    file.write_bytes(b"one")
    digest = hashes.weights.file_sha256
    monkeypatch.setattr(hashes.weights, "file_sha256", lambda path: read.append(path) or digest(path))
    one = hashes.sha256_of(file)
    assert hashes.sha256_of(file) == one == digest(file) and len(read) == 1
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert hashes.sha256_of(file) == digest(file) != one and len(read) == 2


def test_latents_are_found_by_what_they_were_made_from() -> None:
    origin = {"seed": 1, "camera": "abc"}
    file, made = latents.file_for(origin), torch.randn(1, 4, 3, 2, 2)
    assert latents.kept(file) is None
    assert latents.keep(file, made, {"model": "sana-wm"}) == ""
    kept = latents.kept(latents.file_for({"camera": "abc", "seed": 1}))
    assert kept is not None and torch.equal(kept, made)
    assert latents.kept(latents.file_for(origin | {"seed": 2})) is None
    file.write_bytes(file.read_bytes()[:-1])
    assert latents.kept(file) is None


def test_the_oldest_latents_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "KEPT_MAX", 3)
    files = [latents.file_for({"seed": seed}) for seed in range(5)]
    for age, file in enumerate(files):
        latents.keep(file, torch.zeros(1), {})
        os.utime(file, ns=(age, age))
    latents.keep(files[0], torch.ones(1), {})
    assert [file.is_file() for file in files] == [True, False, False, True, True]
    assert checkpoint.cache_folder() in files[0].parents
