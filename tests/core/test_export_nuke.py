"""The Nuke script, read back strictly: what is joined to what, which files it names, and what its camera shows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.exports import nuke
from platewright.exports.shot import Numbered, Shot

from .export_shots import clip_lens, filmed, seen, wandering
from .nuke_reader import Node, project, read

LIMIT_PX = 0.01
HERE = "[file dirname [value root.name]]"


def numbered(folder: Path, camera: CameraPath, before: str = "sh010_BG01_v001.", after: str = ".exr") -> Numbered:
    return Numbered(folder, before, after, 4, camera.frames[0], camera.frames[-1])


def shot_of(camera: CameraPath, folder: Path) -> Shot:
    return Shot("sh010_BG01_v001", camera, numbered(folder / "plates" / "sh010_BG01_v001", camera), None)


def script(shot: Shot, folder: Path) -> dict[str, Node]:
    return read(nuke.text(shot, folder))


@pytest.mark.parametrize(("aspect", "size"), [(1.0, (1920, 1080)), (2.0, (1828, 1556)), (0.9991, (854, 480))])
def test_camera_shows_the_same_pixels(tmp_path: Path, aspect: float, size: tuple[int, int]) -> None:
    camera = wandering(12, size, aspect)
    nodes = script(shot_of(camera, tmp_path), tmp_path / "comp")
    picture = nodes["Plate"].knobs["format"]

    def worst_px(node: Node) -> float:
        return max(
            math.dist(project(node, picture, frame, point), pixel)
            for index, frame in enumerate(camera.frames)
            for point, pixel in seen(camera, index)
        )

    node = nodes["PlateCamera"]
    assert worst_px(node) < LIMIT_PX
    assert picture.split()[6] == ("2" if aspect == 2 else "1")
    for knob, wrong in (("win_translate", "0 0"), ("haperture", "36.1"), ("win_scale", "1 1.01")):
        assert worst_px(replace(node, knobs={**node.knobs, knob: wrong})) > 1


def test_plate_goes_under_the_foreground(tmp_path: Path) -> None:
    camera = wandering()
    nodes = script(shot_of(camera, tmp_path), tmp_path / "comp" / "sh010")
    merge = nodes["PlateUnderForeground"]
    assert merge.kind == "Merge2" and merge.knobs["operation"] == "over"
    assert merge.inputs == [nodes["Plate"], nodes["Foreground"]]   # B, then A
    assert nodes["Foreground"].kind == "NoOp"
    plate = nodes["Plate"].knobs
    assert plate["file"] == f"{HERE}/../../plates/sh010_BG01_v001/sh010_BG01_v001.%04d.exr"
    assert (plate["first"], plate["last"], plate["file_type"]) == ("1001", "1024", "exr")
    root = nodes["Root"].knobs
    assert (root["first_frame"], root["last_frame"]) == ("1001", "1024")
    assert float(root["fps"]) == pytest.approx(24000 / 1001, abs=1e-9)
    assert "version" not in nuke.text(shot_of(camera, tmp_path), tmp_path)


def test_plate_is_bent_by_the_map_before_it_is_merged(tmp_path: Path) -> None:
    lens = clip_lens(size=(2048, 1152), k1=-0.1)
    nodes = script(shot_of(filmed(lens=lens), tmp_path), tmp_path / "comp")
    bend = nodes["Redistort"]
    assert bend.kind == "STMap" and bend.inputs == [nodes["Plate"], nodes["RedistortMap"]]     # src, then the map
    assert nodes["PlateUnderForeground"].inputs[0] is bend
    assert bend.knobs["uv"] == "rgb"
    place = nodes["RedistortMap"].knobs
    assert place["file"] == f"{HERE}/sh010_BG01_v001_redistort.exr" and place["raw"] == "true"
    assert place["format"].split()[:2] == ["2048", "1152"]


def test_foreground_is_read_and_fitted(tmp_path: Path) -> None:
    camera = wandering()
    front = numbered(tmp_path / "keyed", camera, "fg_", ".png")
    shot = replace(shot_of(camera, tmp_path), foreground=front, foreground_size=(3840, 2160))
    nodes = script(shot, tmp_path / "comp")
    merge = nodes["PlateUnderForeground"]
    assert [node.kind for node in merge.inputs] == ["Reformat", "Read"]
    assert merge.inputs[0].knobs["format"].split()[:2] == ["3840", "2160"]
    assert merge.inputs[1].knobs["file"] == f"{HERE}/../keyed/fg_%04d.png"
    assert merge.inputs[0].inputs == [nodes["Plate"]]
    same = script(replace(shot, foreground_size=(1920, 1080)), tmp_path / "comp")
    assert same["PlateUnderForeground"].inputs[0] is same["Plate"]


@pytest.mark.parametrize("before", ['a"; exec x; "', "a[exec touch x]", "a$env(HOME)", "a%d.", "a#.", "a\n", "a}{"])
def test_hostile_names_never_reach_tcl(tmp_path: Path, before: str) -> None:
    camera = wandering(3)
    shot = replace(shot_of(camera, tmp_path), frames=numbered(tmp_path, camera, before))
    with pytest.raises(RequestError) as refused:
        nuke.text(shot, tmp_path)
    assert refused.value.code == "E_EXPORT_NAME"


def test_quotes_keep_what_they_hold(tmp_path: Path) -> None:
    """A model's name comes from plate.json, which anybody may have written."""
    evil = 'm"] [exec touch x] $y {'
    document = {"model": {"name": evil}, "picture": {"colour": {"space": "lin_rec709_scene"}}}
    shot = replace(shot_of(wandering(3), tmp_path), manifest=document)
    assert script(shot, tmp_path)["Plate"].knobs["label"] == f"model: {evil}, colour: lin_rec709_scene"


def test_reader_refuses_what_nuke_would() -> None:
    unclosed, valueless, running = "Read {\n file a\n", "Read {\n file\n}\n", 'Read {\n file "[exec x]"\n}\n'
    for broken in (unclosed, valueless, running, "Merge2 {\n inputs 2\n}\n"):
        with pytest.raises((ValueError, IndexError)):
            read(broken)
