"""What a scene hands over beside its camera: counted by content, refused when it is not what it was."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright.errors import RequestError
from platewright.inputs import Input, fingerprint
from platewright.protocol import PlateRequest

from .shots import shot

BEFORE_THERE_WERE_INPUTS = "11c385f81a52fa29cf9a1abaa3471642db36c9202edff9b7205caae5ff4a42b7"


def request(**changes: Any) -> PlateRequest:
    return replace(PlateRequest(camera=shot(), prompt="a lake at dawn"), **changes).checked()


def guide(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in (files or {"a": "one", "b": "two"}).items():
        (folder / f"depth.{name}.exr").write_text(text)
    return folder


def refused(code: str, call: Any, *words: Any) -> None:
    with pytest.raises(RequestError) as caught:
        call(*words)
    assert caught.value.code == code and caught.value.hint


# The hash ----------------------------------------------------------------------------------------


def test_a_request_without_inputs_has_the_hash_it_always_had() -> None:
    assert request().sha256 == BEFORE_THERE_WERE_INPUTS
    assert not {"ground_m", "sun", "guide"} & set(request().to_dict())


def test_where_a_guide_lies_is_not_what_a_plate_depends_on(tmp_path: Path) -> None:
    here, there = (Input.of(guide(tmp_path / farm / "depth")) for farm in ("farm1", "farm2"))
    assert here.path != there.path and request(guide=here).sha256 == request(guide=there).sha256
    other = Input.of(guide(tmp_path / "other", a="one", b="three"))
    assert len({request().sha256, request(guide=here).sha256, request(guide=other).sha256}) == 3
    assert "path" not in request(guide=here).identity()["guide"]


def test_ground_and_sun_are_part_of_the_hash_however_they_are_written() -> None:
    changes: list[dict[str, Any]] = [{"ground_m": 0.0}, {"ground_m": 1.0}, {"sun": (10.0, 20.0)}, {"sun": (20.0, 10.0)}]
    assert len({request().sha256, *(request(**change).sha256 for change in changes)}) == 5
    assert request(ground_m=0).sha256 == request(ground_m=-0.0).sha256 == request(ground_m=0.0).sha256
    assert request(sun=(-90, 5)).sha256 == request(sun=(270.0, 5.0)).sha256
    assert request(sun=(360, 5)).sun == (0.0, 5.0) == request(sun=(-1e-20, 5)).sun


def test_inputs_survive_the_wire(tmp_path: Path) -> None:
    full = request(ground_m=1.25, sun=(120.5, 35.0), guide=Input.of(guide(tmp_path / "depth")))
    assert PlateRequest.from_dict(json.loads(json.dumps(full.to_dict()))) == full


@pytest.mark.parametrize(
    "wrong",
    [
        {"ground_m": "0"}, {"ground_m": float("nan")}, {"ground_m": float("inf")}, {"ground_m": True},
        {"ground_m": 1e7}, {"sun": (1.0,)}, {"sun": "1,2"}, {"sun": (0.0, 91.0)}, {"sun": (361.0, 0.0)},
        {"sun": (float("nan"), 0.0)}, {"sun": 5}, {"guide": "depth"}, {"guide": Input("depth", "abc")},
        {"guide": Input("", "0" * 64)},
        {"guide": Input("a\0b", "0" * 64)},
    ],
)  # fmt: skip
def test_inputs_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    refused("E_VALUE", lambda: request(**wrong))


@pytest.mark.parametrize("wrong", ["depth", {"path": "depth"}, {"path": "d", "sha256": "0" * 64, "more": 1}, []])
def test_a_job_with_a_spoilt_guide_is_refused(wrong: Any) -> None:
    refused("E_JOB", PlateRequest.from_dict, {**request().to_dict(), "guide": wrong})


# What lies there ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "depth.a.exr").write_text("ONE"),
        lambda folder: (folder / "depth.c.exr").write_text("new"),
        lambda folder: (folder / "depth.b.exr").unlink(),
        lambda folder: (folder / "depth.b.exr").rename(folder / "depth.c.exr"),
    ],
)
def test_a_guide_that_changed_since_is_refused(tmp_path: Path, change: Any) -> None:
    folder = guide(tmp_path / "depth")
    made = Input.of(folder)
    assert made.opened() == folder.resolve()
    change(folder)
    refused("E_INPUT_CHANGED", made.opened)


def test_what_a_file_manager_leaves_behind_changes_nothing(tmp_path: Path) -> None:
    folder = guide(tmp_path / "depth")
    made = Input.of(folder)
    (folder / ".DS_Store").write_text("x")
    (folder / "more").mkdir()
    assert made.opened() == folder.resolve()


def test_a_guide_that_is_gone_or_closed_is_refused(tmp_path: Path) -> None:
    refused("E_INPUT_MISSING", Input.of, tmp_path / "nothing")
    refused("E_INPUT_MISSING", Input(str(tmp_path / "nothing"), "0" * 64).opened)
    os.symlink(tmp_path / "nowhere", guide(tmp_path / "depth") / "depth.c.exr")
    refused("E_INPUT_MISSING", Input.of, tmp_path / "depth")


def test_a_single_file_is_an_input_too(tmp_path: Path) -> None:
    file = tmp_path / "first.png"
    file.write_bytes(b"picture")
    made = Input.of(file)
    file.write_bytes(b"another")
    refused("E_INPUT_CHANGED", made.opened)
    assert fingerprint(file) != made.sha256
