"""Requests: what people type is either honoured exactly or refused with a code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from platewright.errors import PlatewrightError, RequestError
from platewright.protocol import (
    FrameRule,
    Job,
    ModelCard,
    PlateRequest,
    check_against,
    clean_prompt,
    plate_name,
)
from platewright.values import PROMPT_BYTES_MAX

from .shots import shot

HARD_TEXTS = [
    "dusk over icy peaks 🌄",
    "山の夜明け",
    "combining e\u0301 and \u202eright to left\u202c",
    "two\nlines\u2028and\u0085more",
    "quotes \" ' back\\slash $(rm -rf x) ; & %s {0.__class__}",
    '{"job": "x", "event": "done"}',
]


def request(**changes: Any) -> PlateRequest:
    return replace(PlateRequest(camera=shot(), prompt="a lake at dawn"), **changes)


def card(**changes: Any) -> ModelCard:
    base = ModelCard(
        name="m", title="M", kind="draft", summary="", licence="Apache-2.0", commercial="yes",
        native_size=(96, 54), clip=FrameRule(multiple=4, offset=1, maximum=17), max_steps=50,
    )  # fmt: skip
    return replace(base, **changes)


def refused(code: str, **changes: Any) -> None:
    with pytest.raises(RequestError) as caught:
        request(**changes).checked()
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_any_text_survives_the_wire_byte_for_byte(text: str) -> None:
    line = json.dumps(Job(request=request(prompt=text), name="a", out=".").to_dict(), ensure_ascii=True)
    assert "\n" not in line
    assert Job.from_dict(json.loads(line)).request.prompt == text


@pytest.mark.parametrize("empty", ["", "   ", "\t\r\n", "\u0001\u0002", "\u200b \u2028"])
def test_a_prompt_without_anything_to_read_is_empty(empty: str) -> None:
    assert clean_prompt(empty) == ""
    with pytest.raises(RequestError, match="E_PROMPT_EMPTY"):
        check_against(request(prompt=empty).checked(), card())
    check_against(request(prompt=empty).checked(), card(takes_prompt=False))


def test_a_prompt_is_refused_when_it_is_broken_or_endless() -> None:
    refused("E_PROMPT_CHAR", prompt="a\0b")
    refused("E_PROMPT_CHAR", prompt="half \ud83c")
    refused("E_PROMPT_TOO_LONG", prompt="ä" * (PROMPT_BYTES_MAX // 2 + 1))
    assert request(prompt="x" * PROMPT_BYTES_MAX).checked()


@pytest.mark.parametrize("seed", [-2, 2**63, 10**400, 1.5, "abc", True, float("inf")])
def test_a_seed_out_of_range_is_refused(seed: Any) -> None:
    refused("E_VALUE", seed=seed)


def test_seed_minus_one_draws_a_seed_that_is_kept() -> None:
    drawn = request(seed=-1).checked()
    assert drawn.seed >= 0
    assert drawn.checked().seed == drawn.seed


@pytest.mark.parametrize(
    "changes",
    [{"steps": 0}, {"steps": -1}, {"steps": 10_000}, {"guidance": float("nan")}, {"guidance": float("inf")}],
)
def test_numbers_out_of_range_are_refused_before_anything_starts(changes: dict[str, Any]) -> None:
    refused("E_VALUE", **changes)


def test_a_model_may_allow_fewer_steps_than_the_schema() -> None:
    with pytest.raises(RequestError, match="E_VALUE"):
        check_against(request(steps=51), card())


@pytest.mark.parametrize("size", [(1, 100), (16, 16385), (4, 4), (100,), (64.0, 64)])
def test_sizes_out_of_bounds_are_refused(size: Any) -> None:
    refused("E_SIZE", size=size)


def test_a_name_may_hold_the_camera_and_the_scene_and_nothing_else() -> None:
    camera = replace(shot(), scene="sh 010")
    assert plate_name("{scene}_{camera}_BG01", camera) == "sh_010_Camera_BG01"
    assert plate_name("plain", camera) == "plain"
    assert plate_name("{scene}_BG01_v{version}", camera) == "sh_010_BG01" == plate_name("sh 010_BG01{version}", camera)
    assert plate_name("{model}-{seed}", camera, {"model": "wan/../x", "seed": 7}) == "wan_.._x-7"
    assert plate_name("{shot}", camera) == "Camera" and plate_name("{shot}", camera, {"shot": "sh020"}) == "sh020"
    for token in ("{version}_x", "{0.__class__}", "{camera.__init__}", "{}"):
        with pytest.raises(RequestError, match="E_TEMPLATE"):
            plate_name(f"a_{token}", camera)


def test_the_hash_covers_what_changes_the_pixels_and_only_that() -> None:
    base = request().checked()
    assert base.sha256 == PlateRequest.from_dict(json.loads(json.dumps(base.to_dict()))).sha256
    changes = ({"seed": 1}, {"prompt": "b"}, {"frame_format": "png"}, {"size": (32, 18)}, {"camera": shot(5)})
    assert len({base.sha256, *(request(**change).checked().sha256 for change in changes)}) == 6


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job.update(format="something"),
        lambda job: job.update(version=2),
        lambda job: job.update(colour="red"),
        lambda job: job.pop("name"),
        lambda job: job.update(plate_version=0),
        lambda job: job["request"].update(sede=1),
        lambda job: job["request"].pop("prompt"),
        lambda job: job["request"].update(steps="12"),
        lambda job: job["request"].update(size=[1920]),
        lambda job: job["request"].update(camera=7),
        lambda job: job["request"]["camera"].pop("frames"),
    ],
)
def test_a_spoilt_job_file_is_refused(spoil: Any) -> None:
    data = Job(request=request(), name="a", out=".").to_dict()
    Job.from_dict(json.loads(json.dumps(data)))
    spoil(data)
    with pytest.raises(PlatewrightError) as caught:
        Job.from_dict(data)
    assert caught.value.exit_code == 2


# The chain ---------------------------------------------------------------------------------------


def test_jobs_written_before_there_was_a_chain_still_read() -> None:
    data = Job(request=request(), name="a", out=".").to_dict()
    for key in ("check", "require", "tries"):
        del data[key]
    for key in ("overscan", "lock"):
        del data["request"][key]
    job = Job.from_dict(data)
    assert (job.check, job.require, job.tries) == (True, "", 1)
    assert (job.request.overscan, job.request.lock) == (None, True)


def test_what_influences_pixels_is_in_the_request_and_the_rest_is_not() -> None:
    plain = request()
    assert len({plain.sha256, request(lock=False).sha256, request(overscan=0.2).sha256}) == 3
    job = Job(request=plain, name="a", out=".", require="locked", tries=3)
    assert Job.from_dict(json.loads(json.dumps(job.to_dict()))) == job and job.request.sha256 == plain.sha256


@pytest.mark.parametrize("wrong", [{"check": 1}, {"tries": "3"}, {"tries": 2.0}, {"tries": True}, {"require": 5}])
def test_a_job_with_a_wrong_word_is_refused(wrong: dict[str, Any]) -> None:
    data = Job(request=request(), name="a", out=".").to_dict()
    with pytest.raises(RequestError) as caught:
        Job.from_dict({**data, **wrong})
    assert caught.value.code in ("E_JOB", "E_VALUE") and caught.value.hint


@pytest.mark.parametrize("overscan", [-0.1, 1.5, float("nan"), "wide", True])
def test_an_overscan_out_of_range_is_refused(overscan: Any) -> None:
    refused("E_VALUE", overscan=overscan)


def test_a_lock_that_is_neither_on_nor_off_is_refused() -> None:
    refused("E_VALUE", lock="yes")
    refused("E_VALUE", lock=1)
