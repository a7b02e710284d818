"""Presets: by memory, by word, one step down after memory ran out; the exact ones make the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from platewright import cli, provenance
from platewright.errors import OutOfMemory, RequestError
from platewright.models import eight_bits, grid, presets
from tests.core import tiny_sana, tiny_wan
from tests.core.shots import shot

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
PARTS = [torch.nn.Linear(1000, 1000, bias=False), torch.nn.Linear(1000, 500, bias=False)]      # 4 MB and 2 MB


@pytest.mark.parametrize(
    ("free", "name"),
    [(7.6e6, "full"), (7.4e6, "model-offload"), (5.1e6, "model-offload"), (4.9e6, "group-offload")],
)  # fmt: skip
def test_what_the_device_has_free_decides(free: float, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "free_bytes", lambda device: free)
    with presets.run(None) as here:
        assert presets.chosen(GPU, PARTS) == here.used == name
    with presets.run(None, steps_down=1) as here:
        assert presets.chosen(GPU, PARTS) == presets.LEANER.get(name, name)
    assert presets.chosen(GPU, PARTS) == name, "outside of a job, too"


def test_what_is_asked_for_is_taken_and_8_bits_never_come_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "free_bytes", lambda device: 0.0)
    assert presets.chosen(GPU, PARTS) in presets.EXACT
    for asked in presets.NAMES:
        presets.refuse(asked, grid.card())
        with presets.run(asked):
            assert presets.chosen(GPU, PARTS) == asked
    with presets.run("fp8", steps_down=1):
        assert presets.chosen(GPU, PARTS) == "fp8-group-offload"
    with presets.run("model-offload"):
        assert presets.chosen(GPU, PARTS, offered=("full", "group-offload")) == "group-offload"
        assert presets.chosen(CPU, PARTS) == "full"
    with presets.run("full", steps_down=3):
        assert presets.chosen(CPU, PARTS) == "full", "a CPU has nothing leaner"
    with pytest.raises(RequestError, match="E_VALUE"):
        presets.refuse("fast", grid.card())


def wan() -> Any:
    from diffusers import WanTransformer3DModel

    torch.manual_seed(5)
    return WanTransformer3DModel(**tiny_wan.shape_of(16, 16, False)).eval().requires_grad_(False)


def passed(transformer: Any, **more: torch.Tensor) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(1)
    noisy, words = torch.randn(1, 16, 2, 4, 4, generator=drawn), torch.randn(1, 5, tiny_wan.TEXT, generator=drawn)
    with torch.no_grad():
        return transformer(noisy, torch.tensor([500]), words, return_dict=False, **more)[0]


def test_block_by_block_is_the_same() -> None:
    assert torch.equal(passed(presets.settle(wan(), CPU, "group-offload")), passed(wan()))


def off(transformer: Any) -> float:
    plain = passed(wan())
    return float((passed(transformer) - plain).norm() / plain.norm())


def bytes_of(transformer: Any) -> int:
    """Of what lies in memory, counted by number formats."""
    return sum(tensor.numel() * tensor.element_size() for tensor in transformer.state_dict().values())


@pytest.mark.parametrize(("name", "stored"), [("fp8", torch.float8_e4m3fn), ("int8", torch.int8)])
def test_8_bits_are_nearly_the_same_and_not_quite(name: str, stored: torch.dtype) -> None:
    for preset in (name, f"{name}-group-offload"):
        lean = presets.settle(wan(), CPU, preset)
        assert stored in {tensor.dtype for tensor in lean.state_dict().values()}
        assert presets.weights_bytes(lean) == bytes_of(lean) < 0.65 * bytes_of(wan())
        assert 1e-4 < off(lean) < 0.1


def test_whole_numbers_are_nearer_than_floats_of_8_bits() -> None:
    assert off(presets.settle(wan(), CPU, "int8")) < 0.6 * off(presets.settle(wan(), CPU, "fp8"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["linear", "conv1", "conv2", "conv3"])
def test_a_layer_on_whole_numbers_is_what_its_formula_says(kind: str, dtype: torch.dtype) -> None:
    """Against numpy: for each output s = max |w| / 127, and w is taken for s * round(w / s)."""
    drawn = torch.Generator().manual_seed(4)
    dimensions = 0 if kind == "linear" else int(kind[-1])
    convolution: Any = getattr(torch.nn, f"Conv{dimensions}d", None)
    layer: Any = convolution(6, 5, 3, padding=1) if dimensions else torch.nn.Linear(6, 5)
    layer.weight.data.normal_(generator=drawn)
    layer.weight.data[2] = 0                       # an output that nothing reaches
    given = torch.randn(2, 4, 6, generator=drawn) if not dimensions else torch.randn(2, 6, *(4,) * dimensions)
    layer, given = layer.to(dtype), given.to(dtype)
    weight = layer.weight.detach().float().numpy()
    scale = np.abs(weight).reshape(5, -1).max(1).reshape(-1, *(1,) * (weight.ndim - 1)) / np.float32(127)
    whole = np.round(np.divide(weight, scale, out=np.zeros_like(weight), where=scale > 0))
    expected = type(layer)                         # what it still is
    plain = torch.tensor(whole * scale).to(dtype)
    holder = torch.nn.Sequential(layer, torch.nn.LayerNorm(3))
    with torch.no_grad():
        stock = type(layer)._conv_forward(layer, given, plain, layer.bias) if dimensions else (
            torch.nn.functional.linear(given, plain, layer.bias)
        )
        found = eight_bits.to_int8(holder)[0](given)
    assert torch.equal(found, stock) and isinstance(layer, expected)
    assert np.array_equal(layer.weight.numpy(), whole.astype(np.int8)) and not found.isnan().any()
    assert holder[1].weight.dtype == torch.float32
    assert type(eight_bits.to_int8(torch.nn.Sequential(torch.nn.Linear(2, 2)), ("0",))[0]) is torch.nn.Linear


def test_the_first_stage_of_sana_rests_in_8_bits_too() -> None:
    from platewright.models import sana_wm_exact, sana_wm_take

    outcomes = []
    for asked in (None, "fp8", "int8"):
        transformer = tiny_sana.transformer()
        with presets.run(asked):
            sana_wm_take.settled(transformer, CPU)
        known = sana_wm_exact.camera_arguments(transformer, tiny_sana.path(9))
        noisy = torch.randn(1, tiny_sana.CHANNELS, 2, 2, 3, generator=torch.Generator().manual_seed(2))
        (words, mask), _ = tiny_sana.prompts()
        with torch.no_grad():
            made = transformer(noisy, torch.full((1, 1, 2), 500.0), words, mask=mask, return_dict=False, **known)[0]
        outcomes.append(made)
    off_by = [float((outcome - outcomes[0]).norm() / outcomes[0].norm()) for outcome in outcomes[1:]]
    assert 1e-4 < off_by[1] < off_by[0] < 0.2


# Out of memory -----------------------------------------------------------------------------------


class Hungry(grid.GridBackend):
    """Fits from a preset on."""

    def __init__(self, fits: str) -> None:
        self.fits, self.tried = fits, list[str]()

    def generate(self, request: Any, camera: Any, job: str, emit: Any) -> Iterator[np.ndarray]:
        self.tried.append(presets.chosen(GPU, PARTS))
        if presets.EXACT.index(self.tried[-1]) < presets.EXACT.index(self.fits):
            raise OutOfMemory("E_OOM", "cuda:0 has too little memory for this.", "Close other programs.")
        yield from super().generate(request, camera, job, emit)


def generate(out: Path, *more: str) -> int:
    shot(3).write(out / "camera.json")
    words = ["generate", "--camera", str(out / "camera.json"), "--model", "grid", "--out", str(out), "--no-check"]
    return cli.main([*words, "--json", *more])


@pytest.mark.parametrize(
    ("fits", "code", "tried"),
    [("full", 0, ["full"]), ("model-offload", 0, ["full", "model-offload"]),
     ("group-offload", 4, ["full", "model-offload"])],
)  # fmt: skip
def test_memory_that_runs_out_gets_one_more_try_one_preset_down(
    fits: str, code: int, tried: list[str], tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Hungry(fits)
    monkeypatch.setattr(presets, "free_bytes", lambda device: 1e12)
    monkeypatch.setattr(grid, "open", lambda device: backend)
    assert generate(tmp_path) == code
    out, err = capsys.readouterr()
    assert backend.tried == tried and ("W_SECOND_TRY" in err) is (len(tried) == 2)
    if code:
        assert json.loads(out)["error"]["code"] == "E_OOM"
    else:
        plate = Path(json.loads(out)["plate"])
        manifest = provenance.read_manifest(plate)
        assert plate.name.endswith("_v001") and manifest["model"]["preset"] == tried[-1]
        assert any(word.startswith("W_PRESET") for word in manifest["warnings"]) is (len(tried) == 2)


def test_a_preset_is_part_of_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tmp_path, "--preset", "group-offload") == 0
    plate = Path(json.loads(capsys.readouterr().out)["plate"])
    assert provenance.read_manifest(plate)["request"]["preset"] == "group-offload"
    assert generate(tmp_path) == 0
    assert "preset" not in provenance.read_manifest(tmp_path / "Camera_v002")["request"]
    capsys.readouterr()
    assert generate(tmp_path, "--preset", "fast") == 2
