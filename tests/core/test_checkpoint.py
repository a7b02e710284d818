"""A model's folder is proven before it is used: each thing that can be wrong with it is told apart."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from platewright.errors import BackendError
from platewright.models import checkpoint
from tests.core.tiny_wan import write_text_encoder, write_tokenizer, write_vae

Change = Callable[[Path], object]
PARTS = ("vae", "text_encoder", "tokenizer")
VAE = Path("vae/diffusion_pytorch_model.safetensors")
ENCODER = Path("text_encoder/model.safetensors")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a VAE, a text encoder and a tokenizer, as their libraries save them."""
    folder = tmp_path_factory.mktemp("model")
    write_vae(folder / "vae")
    write_text_encoder(folder / "text_encoder")
    write_tokenizer(folder / "tokenizer")
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it to spoil."""
    shutil.copytree(sound, tmp_path / "model")
    yield tmp_path / "model"


def opened(folder: Path) -> None:
    """All that a back-end does to a folder."""
    from diffusers import AutoencoderKLWan
    from transformers import UMT5EncoderModel

    checkpoint.examine(folder, PARTS)
    checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32)
    checkpoint.load(UMT5EncoderModel, folder / "text_encoder", torch.float32)
    checkpoint.tokenizer(folder / "tokenizer")


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def reconfigure(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def poison(tensors: dict[str, torch.Tensor]) -> None:
    name = next(iter(tensors))
    tensors[name] = tensors[name].clone()
    tensors[name].view(-1)[0] = float("nan")


def rename_one(tensors: dict[str, torch.Tensor]) -> None:
    tensors["decoder.konv_in.weight"] = tensors.pop("decoder.conv_in.weight")


def shard(folder: Path, lies: Callable[[dict[str, str]], object] = lambda listed: None) -> None:
    """The VAE in two shards, with an index that may lie."""
    tensors = load_file(folder / VAE)
    (folder / VAE).unlink()
    names = sorted(tensors)
    listed: dict[str, str] = {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / "vae" / file, metadata={"format": "pt"})
        listed.update(dict.fromkeys(part, file))
    lies(listed)
    index = folder / "vae" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": listed}))


def lie(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let the header of the VAE's file tell of its last tensor otherwise."""
    whole = (folder / VAE).read_bytes()
    size = int.from_bytes(whole[:8], "little")
    head = json.loads(whole[8 : 8 + size])
    change(head[max((name for name in head if name[0] != "_"), key=lambda name: head[name]["data_offsets"])])
    told = json.dumps(head).encode()
    (folder / VAE).write_bytes(len(told).to_bytes(8, "little") + told + whole[8 + size :])


class Canary:
    """Unpickled it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


CASES: dict[str, tuple[Change, str, str]] = {
    "a part missing": (lambda f: shutil.rmtree(f / "vae"), "E_MODEL_MISSING", "no vae/"),
    "no weights": (lambda f: (f / VAE).unlink(), "E_MODEL_MISSING", "holds no safetensors"),
    "no config": (lambda f: (f / "vae/config.json").unlink(), "E_MODEL_MISSING", "config.json"),
    "no fast tokenizer": (lambda f: (f / "tokenizer/tokenizer.json").unlink(), "E_MODEL_MISSING", "tokenizer.json"),
    "truncated": (lambda f: (f / VAE).write_bytes((f / VAE).read_bytes()[:-400]), "E_MODEL_CORRUPT", VAE.name),
    "cut in the header": (lambda f: (f / VAE).write_bytes((f / VAE).read_bytes()[:300]), "E_MODEL_CORRUPT", "cut"),
    "bytes at the end": (lambda f: (f / VAE).write_bytes((f / VAE).read_bytes() + b"x"), "E_MODEL_CORRUPT", VAE.name),
    "a header too large": (
        lambda f: (f / VAE).write_bytes((10**9).to_bytes(8, "little") + 400 * b"x"), "E_MODEL_CORRUPT", "cut short"
    ),
    "tensors that overlap": (
        lambda f: lie(f, lambda last: last.update(data_offsets=[0, last["data_offsets"][1]])),
        "E_MODEL_CORRUPT",
        VAE.name,
    ),
    "a shape that lies": (lambda f: lie(f, lambda last: last.update(shape=[10**6])), "E_MODEL_CORRUPT", VAE.name),
    "an empty folder": (lambda f: (shutil.rmtree(f), f.mkdir()), "E_MODEL_MISSING", "no vae/"),
    "a hostile pickle": (
        lambda f: (f / "vae/pytorch_model.bin").write_bytes(pickle.dumps(Canary(f.parent / "canary"))),
        "E_MODEL_UNSAFE",
        "pytorch_model.bin",
    ),
    "code under a lawyer's name": (lambda f: (f / "LICENSE.py").write_text("1"), "E_MODEL_CODE", "LICENSE.py"),
    "code by kernel": (
        lambda f: reconfigure(f / "text_encoder/config.json", _attn_implementation_internal="a/b"),
        "E_MODEL_CODE",
        "_attn_implementation_internal",
    ),
    "pickled": (lambda f: (f / VAE).write_bytes(pickle.dumps({"a": [1]})), "E_MODEL_UNSAFE", VAE.name),
    "a pickle beside it": (lambda f: (f / "vae/model.bin").write_bytes(b"x"), "E_MODEL_UNSAFE", "model.bin"),
    "a .pth at the top": (lambda f: (f / "Wan2.1_VAE.pth").write_bytes(b"x"), "E_MODEL_UNSAFE", "Wan2.1_VAE.pth"),
    "code": (lambda f: (f / "pipeline.py").write_text("1"), "E_MODEL_CODE", "pipeline.py"),
    "code by setting": (
        lambda f: reconfigure(f / "text_encoder/config.json", auto_map={"AutoModel": "a.B"}), "E_MODEL_CODE", "auto_map"
    ),
    "code by index": (
        lambda f: (f / "model_index.json").write_text('{"vae": ["os", "system"]}'), "E_MODEL_CODE", "'os', 'system'"
    ),
    "web page": (lambda f: (f / VAE).write_text("<!doctype html><p>" + 600 * "x"), "E_MODEL_CORRUPT", "web page"),
    "pointer": (lambda f: (f / VAE).write_text("version https://git-lfs.x/spec/v1"), "E_MODEL_CORRUPT", "pointer"),
    "no JSON": (lambda f: (f / "vae/config.json").write_text("{"), "E_MODEL_CORRUPT", "config.json"),
    "another class": (
        lambda f: reconfigure(f / "vae/config.json", _class_name="AutoencoderKL"), "E_MODEL_MISMATCH", "AutoencoderKL,"
    ),
    "another encoder": (
        lambda f: reconfigure(f / "text_encoder/config.json", architectures=["BertModel"], model_type="bert"),
        "E_MODEL_MISMATCH",
        "BertModel",
    ),
    "another width": (lambda f: reconfigure(f / "vae/config.json", base_dim=8), "E_MODEL_MISMATCH", "config.json"),
    "another encoder width": (
        lambda f: reconfigure(f / "text_encoder/config.json", d_ff=32), "E_MODEL_MISMATCH", "text_encoder"
    ),
    "over-full": (
        lambda f: rewrite(f / VAE, lambda t: t.update(extra=torch.ones(1))), "E_MODEL_KEYS", "too many, such as 'extra'"
    ),
    "over-full encoder": (
        lambda f: rewrite(f / ENCODER, lambda t: t.update(extra=torch.ones(1))), "E_MODEL_KEYS", "'extra'"
    ),
    "a tensor short": (
        lambda f: rewrite(f / VAE, lambda t: t.pop("decoder.conv_in.weight")), "E_MODEL_KEYS", "1 missing"
    ),
    "encoder a tensor short": (
        lambda f: rewrite(f / ENCODER, lambda t: t.pop("encoder.final_layer_norm.weight")), "E_MODEL_KEYS", "1 missing"
    ),
    "misnamed": (lambda f: rewrite(f / VAE, rename_one), "E_MODEL_KEYS", "konv_in"),
    "NaN": (lambda f: rewrite(f / VAE, poison), "E_NOT_FINITE", "not numbers"),
    "NaN encoder": (lambda f: rewrite(f / ENCODER, poison), "E_NOT_FINITE", "not numbers"),
    "two sets": (lambda f: shutil.copy(f / VAE, f / "vae/other.safetensors"), "E_MODEL_KEYS", "more than one set"),
    "a shard missing": (
        lambda f: (shard(f), next((f / "vae").glob("*-00002-of*")).unlink()), "E_MODEL_MISSING", "00002-of-00002"
    ),
    "index points out": (
        lambda f: shard(f, lambda listed: listed.update({"x": "../../x.safetensors"})), "E_MODEL_UNSAFE", "../../x"
    ),
    "index lies": (
        lambda f: shard(f, lambda listed: listed.pop("decoder.conv_in.weight")), "E_MODEL_KEYS", "decoder.conv_in"
    ),
    "too deep": (lambda f: (f / "a/b/c/d/e").mkdir(parents=True), "E_MODEL_UNSAFE", "deeper"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_told(folder: Path, case: str) -> None:
    change, code, words = CASES[case]
    change(folder)
    with pytest.raises(BackendError) as caught:
        opened(folder)
    assert caught.value.code == code, caught.value
    assert words in caught.value.message, caught.value
    assert caught.value.hint
    assert not (folder.parent / "canary").exists()


def test_the_canary_would_sing(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Canary(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("change", [
    lambda path: path.write_bytes(path.read_bytes()[:-400]),
    lambda path: shutil.copy(path, path.with_name("w.tmp")) and path.with_name("w.tmp").replace(path),
])  # fmt: skip
def test_a_file_that_is_replaced_or_cut_while_it_is_read_is_told(folder: Path, change: Change) -> None:
    from diffusers import AutoencoderKLWan as Real

    class AutoencoderKLWan(Real):
        @classmethod
        def from_pretrained(cls, part: Path, **options: Any) -> Any:
            change(folder / VAE)
            return Real.from_pretrained(part, **options)

    with pytest.raises(BackendError) as caught:
        checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32)
    assert caught.value.code == "E_MODEL_CHANGED" and "start again" in caught.value.hint


def test_a_sound_folder_opens_whole_or_in_shards(folder: Path) -> None:
    for extra in ("README.md", "LICENSE", "NOTICE.txt"):
        (folder / extra).write_text("words")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock.bin").write_bytes(b"somebody else's")
    opened(folder)
    whole = checkpoint.read_tensors(folder / "vae")
    shard(folder)
    opened(folder)
    parts = checkpoint.read_tensors(folder / "vae")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_what_was_saved_is_what_is_loaded(folder: Path) -> None:
    from diffusers import AutoencoderKLWan

    loaded = checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32).state_dict()
    saved = load_file(folder / VAE)
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_a_module_is_built_from_exactly_its_tensors(tmp_path: Path) -> None:
    given = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    built = checkpoint.build(lambda: torch.nn.Linear(3, 2), given, torch.bfloat16, tmp_path)
    assert built.weight.dtype == torch.bfloat16
    assert not built.weight.requires_grad
    guilty = {
        "E_MODEL_KEYS": {"weight": given["weight"]},
        "E_MODEL_MISMATCH": {**given, "bias": torch.zeros(3)},
        "E_NOT_FINITE": {**given, "bias": torch.full((2,), torch.inf)},
    }
    for code, tensors in guilty.items():
        with pytest.raises(BackendError) as caught:
            checkpoint.build(lambda: torch.nn.Linear(3, 2), tensors, torch.float32, tmp_path)
        assert caught.value.code == code


def test_a_folder_is_found_where_it_was_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BackendError, match="not installed") as caught:
        checkpoint.find("some-model")
    assert "platewright models pull some-model" in caught.value.hint
    (tmp_path / "cache" / "models" / "some-model").mkdir(parents=True)
    assert checkpoint.find("some-model") == tmp_path / "cache" / "models" / "some-model"
    (tmp_path / "own" / "some-model").mkdir(parents=True)
    monkeypatch.setenv("PLATEWRIGHT_MODELS", str(tmp_path / "own"))
    assert checkpoint.find("some-model") == tmp_path / "own" / "some-model"
    assert checkpoint.find("some-model", tmp_path) == tmp_path
    with pytest.raises(BackendError, match="no folder"):
        checkpoint.find("some-model", tmp_path / "none")


def test_the_manifest_is_told_every_file(folder: Path) -> None:
    listed = checkpoint.files(folder, PARTS)
    assert [entry["file"] for entry in listed] == [VAE.as_posix(), ENCODER.as_posix()]
    assert all(len(entry["sha256"]) == 64 and entry["size"] > 0 for entry in listed)
