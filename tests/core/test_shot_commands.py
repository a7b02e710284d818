"""Shots on the command line: listed, drawn, made one by one, and handed to a farm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright import cli, engine, provenance
from platewright.camera import CameraPath
from platewright.errors import BackendError, Cancelled
from platewright.protocol import Job
from tests.core.shots import shot

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command in a folder with a path of three shots: exit code and answer."""
    names = ("Wide",) * 3 + ("Close",) * 2 + ("Wide",) * 2
    path = replace(shot(7), camera="Wide", cameras=names, scene="Sc", markers=((1001, "sh010"), (1004, "F_4")))
    path.write(tmp_path / "camera.json")
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> tuple[int, dict[str, Any]]:
        code = cli.main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


GRID = ("generate", "--camera", "camera.json", "--model", "grid", "--no-check", "--format", "png", "--out", "plates")


def plates(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / "plates").iterdir()) if (folder / "plates").is_dir() else []


def listing(folder: Path, *entries: dict[str, Any]) -> None:
    (folder / "list.json").write_text(json.dumps({"format": "platewright.shots", "version": 1, "shots": entries}))


# Listed --------------------------------------------------------------------------------------------


def test_shots_are_listed_and_a_list_is_begun(ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = ask("shots", "camera.json", "-o", "list.json")
    assert code == 0
    assert [(each["name"], each["first"], each["last"], each["frames"]) for each in answer["shots"]] == [
        ("sh010", 1001, 1003, 3), ("Close", 1004, 1005, 2), ("Wide", 1006, 1007, 2),
    ]  # fmt: skip
    code, again = ask("shots", "camera.json", "--shot-list", "list.json")
    assert again["shots"] == answer["shots"]
    assert cli.main(["shots", "camera.json"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "Close  1004-1005  Close"
    assert len((tmp_path / "list.json").read_text().splitlines()) > 20             # people write into it


# Made ----------------------------------------------------------------------------------------------


def test_a_cut_is_refused_and_the_way_on_is_named(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask(*GRID)
    assert code == 2 and answer["error"]["code"] == "E_CAMERA_CUT" and "--shots all" in answer["error"]["hint"]
    assert plates(tmp_path) == []


def test_each_shot_becomes_an_ordinary_plate(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask(*GRID, "--shots", "all")
    assert code == 0 and [each["shot"] for each in answer["shots"]] == ["sh010", "Close", "Wide"]
    assert plates(tmp_path) == ["Close_v001", "Wide_v001", "sh010_v001"]
    whole = CameraPath.read(tmp_path / "camera.json")
    for each, (first, last) in zip(answer["shots"], [(1001, 1003), (1004, 1005), (1006, 1007)], strict=True):
        folder = Path(each["plate"])
        assert not provenance.verify(folder).problems
        camera = CameraPath.read(folder / "camera.json")
        assert camera.camera_to_world == whole.window(first, last).camera_to_world and camera.markers == ()
        assert (folder / f"{folder.name}.{first}.png").is_file()


def test_one_shot_answers_as_a_plate_always_did(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask(*GRID, "--shots", "close")
    assert code == 0 and {"plate", "frames", "seed", "model", "seconds", "match"} <= set(answer)
    assert answer["shot"] == "Close" and answer["frames"] == 2
    _, alone = ask(*GRID, "--frames", "1004-1005", "--name", "by_hand")
    hashes = {provenance.read_manifest(Path(each["plate"]))["request_sha256"] for each in (answer, alone)}
    assert len(hashes) == 1                                                  # a shot is nothing but its frames


def test_names_hold_the_shot_so_that_no_two_are_versions_of_one_plate(ask: Ask, tmp_path: Path) -> None:
    ask(*GRID, "--shots", "all", "--name", "{scene}_{shot}_BG")
    ask(*GRID, "--shots", "sh010", "--name", "{camera}")
    assert plates(tmp_path) == ["Sc_Close_BG_v001", "Sc_Wide_BG_v001", "Sc_sh010_BG_v001", "Wide_sh010_v001"]


def test_a_list_gives_prompts_and_seeds_and_chooses(ask: Ask, tmp_path: Path) -> None:
    listing(tmp_path, {"name": "Wide", "prompt": "a fjord", "seed": 11}, {"name": "sh010"})
    code, answer = ask(*GRID, "--prompt", "a moor", "--seed", "2", "--shot-list", "list.json")
    assert code == 0 and [(each["shot"], each["seed"]) for each in answer["shots"]] == [("sh010", 2), ("Wide", 11)]
    asked = [json.loads((Path(each["plate"]) / "plate.json").read_text())["request"] for each in answer["shots"]]
    assert [each["prompt"] for each in asked] == ["a moor", "a fjord"]


def test_a_range_makes_parts_of_shots(ask: Ask) -> None:
    code, answer = ask(*GRID, "--shots", "all", "--frames", "1003-1004")
    assert code == 0 and [(each["shot"], each["frames"]) for each in answer["shots"]] == [("sh010", 1), ("Close", 1)]


def test_one_shot_that_fails_loses_no_other(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = engine.make_plate

    def breaking(job: Job, *more: Any, **named: Any) -> dict[str, Any]:
        if job.name == "Close":
            raise BackendError("E_NOT_FINITE", "No numbers.", "Try another seed.")
        return make(job, *more, **named)

    monkeypatch.setattr(engine, "make_plate", breaking)
    code, answer = ask(*GRID, "--shots", "all")
    assert code == 1 and plates(tmp_path) == ["Wide_v001", "sh010_v001"]
    assert [each.get("error", {}).get("code") for each in answer["shots"]] == [None, "E_NOT_FINITE", None]


def test_who_cancels_cancels_all_that_is_to_come(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = engine.make_plate

    def stopping(job: Job, *more: Any, **named: Any) -> dict[str, Any]:
        if job.name == "Close":
            raise Cancelled()
        return make(job, *more, **named)

    monkeypatch.setattr(engine, "make_plate", stopping)
    code, answer = ask(*GRID, "--shots", "all")
    assert code == 130 and answer["error"]["code"] == "E_CANCELLED" and plates(tmp_path) == ["sh010_v001"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--shots", "nobody"), "E_SHOT_UNKNOWN"),
        (("--shots", "all", "--handles", "1"), "E_USAGE"),
        (("--shots", "all", "--first-frame", "camera.json"), "E_USAGE"),
        (("--shots", "all", "--frames", "1-9"), "E_RANGE"),
        (("--shots", "all", "--name", "{version_of}"), "E_TEMPLATE"),
        (("--shot-list", "nowhere.json"), "E_FILE_MISSING"),
        (("--shots", "all", "--overscan", "9"), "E_VALUE"),
    ],
)
def test_what_cannot_be_asked_of_shots_is_refused_before_one_is_made(
    ask: Ask, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    exit_code, answer = ask(*GRID, *words)
    assert exit_code == 2 and answer["error"]["code"] == code and plates(tmp_path) == []


def test_shots_do_not_go_with_a_part_made_anew(ask: Ask) -> None:
    ask(*GRID, "--shots", "sh010")
    words = ("generate", "--from", "plates/sh010_v001", "--frames", "1002", "--shots", "all")
    code, answer = ask(*words)
    assert code == 2 and answer["error"]["code"] == "E_USAGE"


# Handed to a farm ----------------------------------------------------------------------------------


def test_a_farm_is_given_a_job_per_shot(ask: Ask, tmp_path: Path) -> None:
    code, answer = ask(*GRID, "--shots", "all", "--seed", "-1", "--jobs", "jobs")
    assert code == 0 and plates(tmp_path) == []
    assert [(each["shot"], each["first"], each["last"]) for each in answer["jobs"]] == [
        ("sh010", 1001, 1003), ("Close", 1004, 1005), ("Wide", 1006, 1007),
    ]  # fmt: skip
    code, made = ask("run", answer["jobs"][1]["file"])
    assert code == 0 and made["frames"] == 2 and plates(tmp_path) == ["Close_v001"]
    code, again = ask("run", answer["jobs"][1]["file"], "--resume")
    assert code == 0 and again["plate"] == made["plate"]                     # safe to retry, the seed is the job's own


# Drawn ---------------------------------------------------------------------------------------------


def test_a_storyboard_of_chosen_shots(ask: Ask, tmp_path: Path) -> None:
    listing(tmp_path, {"name": "sh010", "still": 1002})
    words = ("storyboard", "--camera", "camera.json", "--model", "grid", "--prompt", "a moor", "-o", "board.png")
    code, answer = ask(*words, "--shots", "sh010", "Wide", "--shot-list", "list.json")
    assert code == 0
    assert [(each["shot"], each["still"]) for each in answer["shots"]] == [("sh010", 1002), ("Wide", 1007)]
    assert Path(answer["sheet"]) == tmp_path / "board.png" and (tmp_path / "board.json").is_file()
    code, answer = ask(*words[:-1], "board.jpg")
    assert code == 2 and answer["error"]["code"] == "E_USAGE"
