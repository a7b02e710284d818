"""Weights are proven before they are used; each thing that can be wrong with them is told apart."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from platewright import weights
from platewright.errors import PlatewrightError
from platewright.models import draft
from tests.core.tiny_draft import write_tiny_model

FILE = "draft-00001-of-00001.safetensors"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a sound tiny model and comes before the embedded one."""
    write_tiny_model(tmp_path)
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(tmp_path))
    return tmp_path


def resign(folder: Path) -> None:
    """Make the card name the file as it is now."""
    recard(folder, files={FILE: weights.file_sha256(folder / FILE)})


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors and sign the file again."""
    tensors = load_file(folder / FILE)
    change(tensors)
    save_file(tensors, folder / FILE)
    resign(folder)


def recard(folder: Path, **facts: object) -> None:
    card = json.loads((folder / "draft.json").read_text())
    (folder / "draft.json").write_text(json.dumps({**card, **facts}))


def overwrite(folder: Path, content: bytes) -> None:
    (folder / FILE).write_bytes(content)


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / FILE).read_bytes())
    content[-100] ^= 4
    overwrite(folder, bytes(content))


def test_the_sound_model_loads(folder: Path) -> None:
    assert draft.open("cpu").provenance()["files"][0]["sha256"] == weights.file_sha256(folder / FILE)
    assert draft.card().available


CASES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no file": (lambda f: (f / FILE).unlink(), "E_MODEL_MISSING", FILE),
    "truncated": (
        lambda f: overwrite(f, (f / FILE).read_bytes()[:5000]),
        "E_MODEL_CORRUPT",
        FILE,
    ),
    "empty": (lambda f: overwrite(f, b""), "E_MODEL_CORRUPT", "cut short"),
    "a bit flipped": (flip_a_bit, "E_MODEL_CORRUPT", "sha256 differs"),
    "bytes at the end": (
        lambda f: overwrite(f, (f / FILE).read_bytes() + b"x"),
        "E_MODEL_CORRUPT",
        "differs",
    ),
    "huge header": (lambda f: overwrite(f, (1 << 60).to_bytes(8, "little") + b"{}"), "E_MODEL_CORRUPT", "cut short"),
    "unsound but signed": (
        lambda f: (overwrite(f, b"\x10" + bytes(40)), resign(f)),
        "E_MODEL_CORRUPT",
        "not a sound safetensors",
    ),
    "a web page": (lambda f: overwrite(f, b"<!DOCTYPE html><title>Log in</title>"), "E_MODEL_CORRUPT", "web page"),
    "a Git LFS pointer": (
        lambda f: overwrite(f, b"version https://git-lfs.github.com/spec/v1\n"),
        "E_MODEL_CORRUPT",
        "LFS",
    ),
    "a pickle in disguise": (lambda f: overwrite(f, pickle.dumps({"a": 1})), "E_MODEL_UNSAFE", "run code"),
    "a torch zip in disguise": (lambda f: overwrite(f, b"PK\x03\x04" + bytes(60)), "E_MODEL_UNSAFE", "run code"),
    "a card that names a pickle": (lambda f: recard(f, files={"draft.bin": "0" * 64}), "E_MODEL_UNSAFE", "draft.bin"),
    "a card that leaves its folder": (
        lambda f: recard(f, files={f"../{FILE}": "0" * 64}),
        "E_MODEL_UNSAFE",
        FILE,
    ),
    "a card without sha256": (lambda f: recard(f, files={FILE: None}), "E_MODEL_CORRUPT", "sha256"),
    "a card without files": (lambda f: recard(f, files={}), "E_MODEL_CORRUPT", "its files"),
    "a shard that is missing": (
        lambda f: recard(f, files={"draft-2-of-2.safetensors": "0" * 64}),
        "E_MODEL_MISSING",
        "draft-2-of-2.safetensors",
    ),
    "a card that is not JSON": (lambda f: (f / "draft.json").write_text("{"), "E_MODEL_CORRUPT", "draft.json"),
    "another format": (lambda f: recard(f, version=99), "E_MODEL_MISMATCH", "draft.json"),
    "another network": (
        lambda f: recard(f, network={"latent": 12, "text": 4, "outer": 32, "inner": 16, "within": 1, "after": 1}),
        "E_MODEL_MISMATCH",
        "card describes",
    ),
    "a tensor missing": (lambda f: rewrite(f, lambda t: t.pop("network.read.weight")), "E_MODEL_KEYS", "read.weight"),
    "a tensor too many": (
        lambda f: rewrite(f, lambda t: t.update({"network.extra": torch.zeros(1)})),
        "E_MODEL_KEYS",
        "extra",
    ),
    "not a number": (
        lambda f: rewrite(f, lambda t: t["network.read.bias"].fill_(float("nan"))),
        "E_NOT_FINITE",
        "read.bias",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_flaw_is_named(folder: Path, case: str) -> None:
    harm, code, words = CASES[case]
    harm(folder)
    with pytest.raises(PlatewrightError) as told:
        draft.open("cpu")
    assert told.value.code == code and words in told.value.message and told.value.hint


def test_shards_are_one_model_and_each_is_proven(folder: Path) -> None:
    """The card's hash of the second shard is checked as that of the first is."""
    tensors = load_file(folder / FILE)
    halves = [dict(list(tensors.items())[part::2]) for part in (0, 1)]
    names = [f"draft-{n}-of-2.safetensors" for n in (1, 2)]
    for name, half in zip(names, halves, strict=True):
        save_file(half, folder / name)
    recard(folder, files={name: weights.file_sha256(folder / name) for name in names})
    found = weights.load_tensors(weights.find_card("draft"))
    assert found.keys() == tensors.keys() and all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert [entry["file"] for entry in draft.open("cpu").provenance()["files"]] == names
    save_file({name: tensor + 1 for name, tensor in halves[1].items()}, folder / names[1])
    with pytest.raises(PlatewrightError, match="E_MODEL_CORRUPT") as told:
        weights.load_tensors(weights.find_card("draft"))
    assert names[1] in told.value.message


def test_nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "ASSETS", tmp_path / "none")
    assert not draft.card().available and "Download" in draft.card().reason
    with pytest.raises(PlatewrightError, match="E_MODEL_MISSING"):
        draft.open("cpu")


def test_only_pickled_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    (tmp_path / "draft.pt").write_bytes(b"\x80\x02")
    with pytest.raises(PlatewrightError, match="E_MODEL_UNSAFE"):
        draft.open("cpu")
