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
from platewright.models import grid, presets
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
    assert not presets.chosen(GPU, PARTS).startswith("fp8")
    for asked in presets.NAMES:
        presets.refuse_unknown(asked)
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
        presets.refuse_unknown("fast")


def wan() -> Any:
    from diffusers import WanTransformer3DModel

    torch.manual_seed(5)
    return WanTransformer3DModel(**tiny_wan.shape_of(16, 16, False)).eval().requires_grad_(False)


def passed(transformer: Any) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(1)
    noisy, words = torch.randn(1, 16, 2, 4, 4, generator=drawn), torch.randn(1, 5, tiny_wan.TEXT, generator=drawn)
    with torch.no_grad():
        return transformer(noisy, torch.tensor([500]), words, return_dict=False)[0]


def test_block_by_block_is_the_same() -> None:
    assert torch.equal(passed(presets.settle(wan(), CPU, "group-offload")), passed(wan()))


def test_8_bits_are_nearly_the_same_and_not_quite() -> None:
    plain = passed(wan())
    for name in ("fp8", "fp8-group-offload"):
        lean = presets.settle(wan(), CPU, name)
        stored = {tensor.dtype for tensor in lean.state_dict().values()}
        assert torch.float8_e4m3fn in stored and presets.weights_bytes(lean) < 0.6 * presets.weights_bytes(wan())
        off = float((passed(lean) - plain).norm() / plain.norm())
        assert 1e-4 < off < 0.1


def test_the_first_stage_of_sana_rests_in_8_bits_too() -> None:
    from platewright.models import sana_wm_exact, sana_wm_take

    outcomes = []
    for asked in (None, "fp8"):
        transformer = tiny_sana.transformer()
        with presets.run(asked):
            sana_wm_take.settled(transformer, CPU)
        known = sana_wm_exact.camera_arguments(transformer, tiny_sana.path(9))
        noisy = torch.randn(1, tiny_sana.CHANNELS, 2, 2, 3, generator=torch.Generator().manual_seed(2))
        (words, mask), _ = tiny_sana.prompts()
        with torch.no_grad():
            made = transformer(noisy, torch.full((1, 1, 2), 500.0), words, mask=mask, return_dict=False, **known)[0]
        outcomes.append(made)
    off = float((outcomes[1] - outcomes[0]).norm() / outcomes[0].norm())
    assert 1e-4 < off < 0.2


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
