"""The bench for GPUs, every line of it, with small networks: what is waited for a device should not fail on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import gpu


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")              # of libraries, on networks that nobody trained
def test_every_case_runs_and_is_told(tmp_path: Path) -> None:
    cases = [name for name in gpu.CASES if name != "sana-481"]               # the lines of the other two
    words = ["--tiny", "--steps", "2", "--out", str(tmp_path), "--only", *cases]
    told = json.loads(gpu.main(words).read_text())
    assert told["is_tiny"] and told["device"].startswith("cpu")
    rows = {(row["case"], row["part"], row["way"], row["preset"]): row for row in told["rows"]}
    assert not [row for row in rows.values() if row["error"]]
    for case, parts in (("sana-121", ("stage 1", "refiner", "decoder")), ("wan-fun-1.3b", ("sampling", "decoder"))):
        for part in parts:
            ways = {way for of_case, of_part, way, _ in rows if (of_case, of_part) == (case, part)}
            assert ways == {"stock", "ours"} and told["ours_over_stock"][f"{case} {part}"] > 0
    assert {row[3] for row in rows if row[:2] == ("sana-961", "2nd half")} == {"full", "group-offload"}
    tries = told["tries"]["sana-961"]
    assert 0 < tries["first_look_s"] <= tries["one_try_s"] < tries["four_tries_s"]


def test_a_cap_is_a_share_of_the_device() -> None:
    assert gpu.fraction(16, 80e9) == pytest.approx(0.2)
    assert gpu.fraction(100, 80e9) == 1.0
    for wrong in ("0", "-3", "nan", "much"):
        with pytest.raises(SystemExit):
            gpu.main(["--tiny", "--cap", wrong])


def test_what_does_not_fit_is_said_and_the_rest_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def too_much(stepped: Callable[[], None]) -> None:
        stepped()
        raise torch.OutOfMemoryError("CUDA out of memory")

    bench = gpu.Bench(torch.device("cpu"), gpu.TINY, 2)
    assert bench.run(gpu.Row("case", "stage 1", "stock"), too_much) is None
    assert bench.run(gpu.Row("case", "stage 1", "ours"), lambda stepped: 7) == 7
    assert [(row.error, row.seconds is None) for row in bench.rows] == [("out of memory", True), ("", False)]
    assert "out of memory" in capsys.readouterr().out
    assert gpu.ratios(bench.rows) == {} and gpu.try_s(bench.rows, "case", 121) == {}


def test_a_network_is_born_as_it_will_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16 from the first byte, and what is not used is never made."""
    from diffusers.models.transformers.transformer_sana_wm_refiner import SanaWMLTX2RefinerTransformer3DModel

    from platewright.models import sana_wm_refining

    born: list[Any] = []
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *size, **told: born.append(told.get("dtype")) or empty(*size, **told))
    bench = gpu.Bench(torch.device("cpu"), replace(gpu.TINY, dtype=torch.bfloat16), 2)
    kind: Any = SanaWMLTX2RefinerTransformer3DModel
    made = bench.made(kind, gpu.TINY.refiner, prepare=sana_wm_refining.drop_unused)
    assert {dtype for dtype in born if dtype} == {torch.bfloat16}
    assert not any(word in name for name in made.state_dict() for word in sana_wm_refining.UNUSED)
    assert {tensor.dtype for tensor in made.parameters()} == {torch.bfloat16}
    assert all(bool(tensor.isfinite().all()) for tensor in made.parameters())


def test_time_to_a_look_counts_what_the_decoder_waits_for() -> None:
    parts = (("stage 1", "full", 2.0, 9.0), ("refiner", "full", 1.0, 9.0), ("decoder", "stream", None, 121.0))
    rows = [gpu.Row("c", part, "ours", preset, step, seconds) for part, preset, step, seconds in parts]
    assert gpu.try_s(rows, "c", 961) == {
        "first_look_s": 120 + 33 + 23, "one_try_s": 120 + 161 + 121, "four_tries_s": 4 * 402,
    }  # fmt: skip
