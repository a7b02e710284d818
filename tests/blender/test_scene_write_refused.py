"""Plates that are not whole never reach Blender."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest

from blender_addon import scene_write
from blender_addon.plate_read import read_plate
from platewright.errors import PlateError
from tests.blender.plate_files import flat, noise, png, read_manifest, write_manifest, write_plate

Damage = Callable[[Path], None]                    # what happens to frame 1003's file
Edit = Callable[[dict[str, Any]], None]            # what happens to the manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_plate(tmp_path, [noise(8, 4, seed) for seed in range(5)])


def refusal(folder: Path) -> PlateError:
    """The error of an import that must leave no trace in the scene."""
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    with pytest.raises(PlateError) as refused:
        scene_write.import_plate(scene, folder, compositor=True)
    assert not bpy.data.images
    assert not scene.camera.data.background_images
    assert not scene.render.film_transparent
    assert refused.value.message
    assert str(refused.value).startswith(refused.value.code)
    return refused.value


def test_a_whole_plate_is_read(folder: Path) -> None:
    plate = read_plate(folder)
    assert plate.frames == (1001, 1002, 1003, 1004, 1005)
    assert (plate.name, plate.space, plate.first_path) == ("shot", "lin_rec709_scene", folder / "shot_v001.1001.exr")


# Frames


def cut(size: float) -> Damage:
    def damage(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(size * len(data)) if size < 1 else int(size)])

    return damage


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(bytes(data))


def write_random(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 3)


def write_png(path: Path) -> None:
    path.write_bytes(png(flat(8, 4, (1, 2, 3))))


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_suffix(".kept"))
    path.symlink_to(path.with_suffix(".kept"))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CUTS = [cut(0), cut(8), cut(300), cut(0.5), cut(0.9)]
DAMAGES = [*CUTS, flip_a_bit, write_random, write_png, link_elsewhere, become_a_folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_frame_is_named(folder: Path, damage: Damage) -> None:
    damage(folder / "shot_v001.1003.exr")
    error = refusal(folder)
    assert error.code == "E_FRAME_CORRUPT"
    assert "1003" in error.message


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "shot_v001.1003.exr").unlink()
    error = refusal(folder)
    assert error.code == "E_FRAME_MISSING"
    assert "1003" in error.message
    assert error.hint


def test_a_hole_in_the_list_is_named(folder: Path) -> None:
    """Blender would show a shorter sequence and say nothing."""
    manifest = read_manifest(folder)
    del manifest["frames"][2]
    write_manifest(folder, manifest)
    error = refusal(folder)
    assert error.code == "E_FRAME_MISSING"
    assert "1003" in error.message


# Manifests


def rename_frame(index: int, file: str) -> Edit:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["frames"][index]["file"] = file

    return edit


def rename_all(pattern: str) -> Edit:
    def edit(manifest: dict[str, Any]) -> None:
        for entry in manifest["frames"]:
            entry["file"] = pattern.format(entry["frame"])

    return edit


def put(key: str, value: object) -> Edit:
    return lambda manifest: manifest.update({key: value})


def put_in_frame(key: str, value: object) -> Edit:
    return lambda manifest: manifest["frames"][1].update({key: value})


def turn_round(manifest: dict[str, Any]) -> None:
    manifest["frames"].reverse()


LIES = {
    "another format": put("format", "somebody.else"),
    "a newer version": put("version", 2),
    "no frames": put("frames", []),
    "frames are no list": put("frames", {"1001": "x"}),
    "a frame is no record": put("frames", [7]),
    "a number that is text": put_in_frame("frame", "1002"),
    "a number that is a truth value": put_in_frame("frame", True),
    "no hash": put_in_frame("sha256", None),
    "a size that is text": put_in_frame("size", "big"),
    "backwards": turn_round,
    "a number twice": put_in_frame("frame", 1001),
    "above the folder": rename_all("../shot_v001/shot_v001.{}.exr"),
    "a folder below": rename_all("sub/shot_v001.{}.exr"),
    "an absolute path": rename_all("/etc/shot_v001.{}.exr"),
    "another system's path": rename_all("..\\shot_v001.{}.exr"),
    "a drive": rename_all("C:shot_v001.{}.exr"),
    "an end of string": rename_all("shot\0.{}.exr"),
    "no number": rename_all("shot.exr"),
    "another number": rename_frame(1, "shot_v001.1004.exr"),
    "number before version": rename_all("shot.{}_v001.exr"),
    "another kind in the middle": rename_frame(1, "shot_v001.1002.png"),
    "a kind that is no picture": rename_all("shot_v001.{}.blend"),
    "an empty name": rename_all(""),
}


@pytest.mark.parametrize("edit", LIES.values(), ids=LIES.keys())
def test_a_manifest_that_cannot_be_true(folder: Path, edit: Edit) -> None:
    manifest = read_manifest(folder)
    edit(manifest)
    write_manifest(folder, manifest)
    assert refusal(folder).code == "E_MANIFEST"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\ufeffnonsense"])
def test_a_manifest_that_is_no_json_record(folder: Path, text: str) -> None:
    (folder / "plate.json").write_text(text, encoding="utf-8")
    assert refusal(folder).code == "E_MANIFEST"


def test_a_manifest_of_bytes(folder: Path) -> None:
    (folder / "plate.json").write_bytes(b"\xff\xfe\x00{")
    assert refusal(folder).code == "E_MANIFEST"


def test_an_unfinished_plate_has_no_manifest(folder: Path) -> None:
    (folder / "plate.json").unlink()
    assert refusal(folder).code == "E_MANIFEST"


def test_a_folder_that_is_not_there(folder: Path) -> None:
    shutil.rmtree(folder)
    assert refusal(folder).code == "E_MANIFEST"
