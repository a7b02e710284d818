"""A path with cuts in shots: where they begin, how they are called, what a list says of each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright import shots
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.protocol import PlateRequest
from tests.core.shots import shot


def cut(*cameras: str, markers: tuple[tuple[int, str], ...] = (), **more: Any) -> CameraPath:
    """A path from frame 1001 whose frames these cameras film, one after another."""
    return replace(shot(len(cameras), **more), camera=cameras[0], cameras=cameras, markers=markers)


def listing(tmp_path: Path, *entries: Any) -> Path:
    file = tmp_path / "shots.json"
    file.write_text(json.dumps({"format": shots.FORMAT, "version": 1, "shots": list(entries)}), encoding="utf-8")
    return file


# Where shots begin ---------------------------------------------------------------------------------


def test_a_new_shot_begins_wherever_another_camera_takes_over() -> None:
    path = cut("A", "A", "B", "A", "A", "A")
    found = shots.split(path)
    assert [(each.name, each.first, each.last) for each in found] == [
        ("A", 1001, 1002), ("B", 1003, 1003), ("A_2", 1004, 1006),
    ]  # fmt: skip
    for each in found:
        assert each.camera.cuts() == () and each.camera.camera == each.camera.cameras[0]
        assert each.camera == replace(path.window(each.first, each.last), warnings=each.camera.warnings)
    assert sum(len(each.camera) for each in found) == len(path)


def test_a_path_without_a_cut_is_one_shot_and_its_camera_the_very_same() -> None:
    path = shot(5)
    (only,) = shots.split(path)
    assert (only.name, only.camera.sha256) == ("Camera", path.sha256)


def test_each_shot_is_warned_of_its_own_motion_alone() -> None:
    path = cut(*"AAAAAABBBBBB")
    still = tuple(path.camera_to_world[0] for _ in range(6))
    leap = "W_CAMERA_JUMP: the camera leaps at frame 1003; if that is a cut, make one plate per shot."
    path = replace(path, camera_to_world=still + path.camera_to_world[6:], warnings=("W_OTHER: stays.", leap))
    standing, moving = (each.camera.warnings for each in shots.split(path))
    assert [warning.partition(":")[0] for warning in standing] == ["W_OTHER", "W_NO_MOTION"]
    assert [warning.partition(":")[0] for warning in moving] == ["W_OTHER"]


def test_markers_travel_with_their_frames_and_never_into_a_request() -> None:
    path = cut(*"AAABBB", markers=((1001, "sh010"), (1004, "sh020")))
    again = CameraPath.from_json(path.to_json())
    assert again == path and '"markers"' in path.to_json()
    part = path.window(1002, 1005)
    assert [each.name for each in shots.split(part)] == ["sh010", "sh020"]
    alone, nameless = (each.window(1002, 1003) for each in (path, replace(path, markers=())))
    assert alone.markers == ((1002, "sh010"),) and '"markers"' not in nameless.to_json()
    asked = [PlateRequest(camera=each, prompt="").checked() for each in (alone, nameless)]
    assert asked[0].sha256 == asked[1].sha256 and '"markers"' not in json.dumps(asked[0].to_dict())
    assert [each.first for each in shots.split(path.renumbered(100))] == [1101, 1104]
    assert [each.name for each in shots.split(path.renumbered(100))] == ["sh010", "sh020"]


@pytest.mark.parametrize("wrong", [3, [[1001]], [[1001, 7]], [["1001", "sh010"]], [[True, "sh010"]]])
def test_markers_of_another_kind_are_refused_by_their_key(wrong: Any) -> None:
    document = cut(*"AB").to_dict() | {"markers": wrong}
    with pytest.raises(RequestError, match="'markers'"):
        CameraPath.from_dict(document)


# How they are called -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markers", "cameras", "names"),
    [
        (("sh010", "sh020"), ("A", "B"), ["sh010", "sh020"]),
        (("F_25", "F_50.001"), ("Wide", "Close"), ["Wide", "Close"]),
        (("", "Marker"), ("Wide", "Close"), ["Wide", "Close"]),
        (("Marker.003", "F_ilm"), ("Wide", "Close"), ["Wide", "F_ilm"]),
        (("", "", ""), ("A", "B", "A"), ["A", "B", "A_2"]),
        (("a", "A", "A_2"), ("x", "y", "z"), ["a", "A_2", "A_2_2"]),          # no file system tells a from A
        (("all", ""), ("x", "ALL"), ["all_2", "ALL_3"]),                      # `--shots all` means every one
        (("雪", "../../etc/passwd"), ("雪", "B"), ["sh010", "etc_passwd"]),
        (("con", "x" * 200), ("A", "B"), ["plate_con", "x" * 64]),
    ],
)
def test_names_are_those_of_markers_that_say_something_safe_and_unique(
    markers: tuple[str, ...], cameras: tuple[str, ...], names: list[str]
) -> None:
    assert shots.unique_names(zip(markers, cameras, strict=True)) == names


def test_many_shots_of_one_long_name_stay_apart_and_short_enough() -> None:
    names = shots.unique_names([("x" * 90, "")] * 1200)
    assert len({name.lower() for name in names}) == 1200 and max(map(len, names)) <= 64


# Some of them --------------------------------------------------------------------------------------


def test_shots_are_chosen_by_name_in_their_own_order() -> None:
    found = shots.split(cut("A", "B", "C"))
    assert [each.name for each in shots.chosen(found, ["c", "A"])] == ["A", "C"]
    assert shots.chosen(found, ["all"]) == found
    with pytest.raises(RequestError, match=r"no shot 'd'") as refused:
        shots.chosen(found, ["A", "D"])
    assert refused.value.code == "E_SHOT_UNKNOWN" and "A, B, C" in refused.value.hint


def test_a_range_cuts_shots_short_and_leaves_their_names() -> None:
    found = shots.split(cut("A", "A", "B", "A", "A"))
    parts = shots.within(found, 1002, 1004)
    assert [(each.name, each.first, each.last) for each in parts] == [
        ("A", 1002, 1002), ("B", 1003, 1003), ("A_2", 1004, 1004),
    ]  # fmt: skip
    assert [each.name for each in shots.within(found, 1005, 1009)] == ["A_2"]
    with pytest.raises(RequestError, match="E_RANGE"):
        shots.within(found, 1, 9)


# What a list says ----------------------------------------------------------------------------------


def test_what_is_written_reads_back_and_says_nothing(tmp_path: Path) -> None:
    found = shots.split(cut(*"AABB"))
    file = tmp_path / "shots.json"
    file.write_text(json.dumps(shots.document(found)), encoding="utf-8")
    assert shots.applied(found, shots.read_list(file)) == found


def test_a_list_gives_each_shot_what_is_asked_of_it(tmp_path: Path) -> None:
    found = shots.split(cut(*"AABBB"))
    file = listing(tmp_path, {"name": "b", "prompt": "  a fjord ", "negative": "", "seed": 7, "still": 1005})
    a, b = shots.applied(found, shots.read_list(file))
    assert a == found[0] and (b.prompt, b.negative, b.seed, b.still_index()) == ("a fjord", None, 7, 2)
    assert b.wishes() == {"prompt": "a fjord", "seed": 7} and a.still_index() == 1


@pytest.mark.parametrize(
    ("entries", "code", "named"),
    [
        ([{"prompt": "x"}], "E_SHOT_LIST", "no name"),
        ([{"name": "A", "promt": "x"}], "E_SHOT_LIST", "promt"),
        ([{"name": "A", "prompt": 3}], "E_SHOT_LIST", "prompt"),
        ([{"name": "A", "seed": "3"}], "E_SHOT_LIST", "seed"),
        ([{"name": "A", "seed": True}], "E_SHOT_LIST", "seed"),
        ([{"name": "A"}, {"name": "a"}], "E_SHOT_LIST", "twice"),
        ([{"name": "Z"}], "E_SHOT_UNKNOWN", "'Z'"),
        ([{"name": "A", "still": 1003}], "E_RANGE", "1003"),
        ([{"name": "A", "seed": -7}], "E_VALUE", "seed"),
        ([{"name": "A", "prompt": "a\0b"}], "E_PROMPT_CHAR", "NUL"),
        ([7], "E_SHOT_LIST", "no name"),
    ],
)
def test_a_list_that_is_wrong_is_refused_by_what_is_wrong_in_it(
    tmp_path: Path, entries: list[Any], code: str, named: str
) -> None:
    found = shots.split(cut(*"AABB"))
    with pytest.raises(RequestError) as refused:
        shots.applied(found, shots.read_list(listing(tmp_path, *entries)))
    assert refused.value.code == code and named in refused.value.message


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "platewright.shots", "version": 2, "shots": []}', "[" * 9999]
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "shots.json").write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match="E_SHOT_LIST"):
        shots.read_list(tmp_path / "shots.json")
