"""The bench for GPUs, every line of it, with small networks: what is waited for a device should not fail on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import gpu


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")              # of libraries, on networks that nobody trained
def test_every_case_runs_and_is_told(tmp_path: Path) -> None:
    told = json.loads(gpu.main(["--tiny", "--steps", "3", "--out", str(tmp_path)]).read_text())
    assert told["is_tiny"] and told["device"].startswith("cpu")
    rows = {(row["case"], row["part"], row["way"], row["preset"]): row for row in told["rows"]}
    assert not [row for row in rows.values() if row["error"]]
    for case, parts in (("sana-121", ("stage 1", "refiner", "decoder")), ("wan-fun-1.3b", ("sampling", "decoder"))):
        for part in parts:
            ways = {way for of_case, of_part, way, _ in rows if (of_case, of_part) == (case, part)}
            assert ways == {"stock", "ours"} and told["ours_over_stock"][f"{case} {part}"] > 0
    assert told["tries"]["sana-961"]["four_tries_s"] == 4 * told["tries"]["sana-961"]["one_try_s"]
