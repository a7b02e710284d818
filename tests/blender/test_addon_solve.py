"""The solved camera in the scene shows what the plate shows, and nothing of the artist's is touched."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest
from mathutils import Vector

from blender_addon import scene_read, solve_read, solve_write
from platewright.camera import CameraPath
from platewright.errors import PlateError, PlatewrightError
from tests.blender import golden, scenes
from tests.blender.plate_files import flat, read_manifest, write_manifest, write_plate

COLOURS = [(255, 0, 0), (0, 128, 255), (12, 34, 56)]
PLACES = [(1.0, 2.0, 3.0), (-4.0, 5.5, 0.25), (100.0, -20.0, 7.0)]


def ply(places: list[tuple[float, ...]], colours: list[tuple[int, ...]] | None = None) -> bytes:
    """A PLY as `check` writes it."""
    named = [f"property float {name}" for name in "xyz"]
    named += [f"property uchar {name}" for name in ("red", "green", "blue")] if colours else []
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(places)}", *named, "end_header", ""]
    rows = [struct.pack("<3f", *place) for place in places]
    rows = [row + bytes(colour) for row, colour in zip(rows, colours, strict=True)] if colours else rows
    return "\n".join(lines).encode("ascii") + b"".join(rows)


def solved(folder: Path, path: CameraPath, points: bytes | None = None) -> Path:
    """What `check` leaves behind."""
    folder.mkdir(exist_ok=True)
    path.write(folder / "solve.json")
    if points is not None:
        (folder / "points.ply").write_bytes(points)
    return folder


def drifted(path: CameraPath) -> CameraPath:
    """The path turned by up to 3 degrees about its own vertical, with a lens that breathes."""
    poses, lenses = [], []
    for index, (pose, lens) in enumerate(zip(path.camera_to_world, path.intrinsics, strict=True)):
        angle = math.radians(3.0) * index / max(1, len(path) - 1)
        turned = list(pose)
        for row in (0, 4, 8):
            turned[row] = pose[row] * math.cos(angle) - pose[row + 2] * math.sin(angle)
            turned[row + 2] = pose[row] * math.sin(angle) + pose[row + 2] * math.cos(angle)
        poses.append(tuple(turned))
        fx, fy, cx, cy = lens
        grown = 1.0 + 0.02 * index / max(1, len(path) - 1)
        lenses.append((fx * grown, fy * grown, cx + 0.3 * index, cy - 0.2 * index))
    return replace(path, camera_to_world=tuple(poses), intrinsics=tuple(lenses))


def solved_camera() -> bpy.types.Object:
    return bpy.data.objects["Platewright solve"]


def test_blender_draws_through_it_what_the_solve_says(addon: ModuleType, tmp_path: Path) -> None:
    scene, _ = scenes.shot(1001, 1024)
    path = drifted(scene_read.camera_path(scene))
    bpy.ops.platewright.import_solve(plate=str(solved(tmp_path / "solve", path)))
    assert scenes.worst_px(path, scene, solved_camera()) < scenes.LIMIT_PX
    assert scenes.worst_px(scene_read.camera_path(scene), scene, solved_camera()) > 30.0, "the scene's own differs"


@pytest.mark.parametrize("index", range(24))
def test_every_fit_aspect_and_unit(tmp_path: Path, index: int) -> None:
    """Golden cameras: all sensor fits, shifts, pixel aspects, percentages, units."""
    scene, _ = golden.build(index)
    path = scene_read.camera_path(scene)
    notes = solve_write.import_solve(scene, solve_read.read_solve(solved(tmp_path / "solve", path)))
    assert not any(note.startswith("W_PIXEL") for note in notes)
    units = scene_read.metres_per_unit(scene)
    assert scenes.worst_px(path, scene, solved_camera(), units) < scenes.LIMIT_PX


def test_a_cropped_plates_solve_comes_back_to_the_scenes_frame(tmp_path: Path) -> None:
    """A plate of 1280x704 was cut from 16:9: the camera is the one that shows the scene's whole frame."""
    scene, _ = scenes.shot(1, 5)
    path = scene_read.camera_path(scene)
    solve = solve_read.read_solve(solved(tmp_path / "solve", path.fitted(1280, 704)))
    solve_write.import_solve(scene, solve)
    assert scenes.worst_px(path, scene, solved_camera()) < scenes.LIMIT_PX


def test_it_reads_back_as_the_same_path(tmp_path: Path) -> None:
    scene, _ = scenes.shot(1001, 1024)
    path = drifted(scene_read.camera_path(scene))
    solve_write.import_solve(scene, solve_read.read_solve(solved(tmp_path / "solve", path)))
    read = scene_read.camera_path(scene, camera=solved_camera())
    for mine, theirs in zip(path.camera_to_world, read.camera_to_world, strict=True):
        assert theirs == pytest.approx(mine, abs=2e-6)
    assert scene.camera.name == "Camera"


def test_the_rotation_never_takes_the_long_way(tmp_path: Path) -> None:
    """Two whole turns about the vertical: between neighbours the quaternion stays on its side."""
    scene, camera = scenes.shot(1, 60)
    camera.animation_data_clear()
    scenes.keys(camera, "rotation_euler", {1: (1.4, 0.0, 0.0), 60: (1.4, 0.0, 4 * math.pi)})
    path = scene_read.camera_path(scene)
    solve_write.import_solve(scene, solve_read.read_solve(solved(tmp_path / "solve", path)))
    for frame in range(1, 60):
        assert turn_deg(frame, frame + 0.5) < 13


def turn_deg(a: float, b: float) -> float:
    """How far the solved camera turns between two frames."""
    turns = []
    for frame in (a, b):
        bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
        turns.append(solved_camera().matrix_world.to_quaternion())
    return math.degrees(2 * math.acos(min(1.0, abs(turns[0].dot(turns[1])))))


def test_points_and_colours_arrive(tmp_path: Path) -> None:
    scene, _ = scenes.shot(1, 3)
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 0.01
    path = scene_read.camera_path(scene)
    solve = solve_read.read_solve(solved(tmp_path / "solve", path, ply(PLACES, COLOURS)))
    solve_write.import_solve(scene, solve)
    cloud = bpy.data.objects["Platewright points"]
    for vertex, place in zip(cloud.data.vertices, PLACES, strict=True):
        assert tuple(vertex.co) == pytest.approx([100 * value for value in place], rel=1e-6)
    seen = [tuple(round(255 * code) for code in each.color_srgb[:3]) for each in cloud.data.color_attributes[0].data]
    assert seen == COLOURS
    assert cloud.users_collection[0].name == "Platewright solve"


def test_what_blender_itself_reads_from_the_file(tmp_path: Path) -> None:
    """The same file through Blender's own importer: the reader and its test agree with a third."""
    (tmp_path / "points.ply").write_bytes(ply(PLACES, COLOURS))
    bpy.ops.wm.ply_import(filepath=str(tmp_path / "points.ply"), forward_axis="Y", up_axis="Z")
    theirs = [tuple(vertex.co) for vertex in bpy.context.object.data.vertices]
    assert theirs == [pytest.approx(place) for place in PLACES]


def test_a_second_import_replaces_the_first(addon: ModuleType, tmp_path: Path) -> None:
    scene, _ = scenes.shot(1001, 1010)
    path = scene_read.camera_path(scene)
    folder = solved(tmp_path / "solve", path, ply(PLACES))
    kinds = ("objects", "cameras", "meshes", "actions", "collections")
    counts = []
    for places in (PLACES, PLACES[:2], PLACES[:1]):
        (folder / "points.ply").write_bytes(ply(places))
        bpy.ops.platewright.import_solve(plate=str(folder))
        counts.append([len(getattr(bpy.data, kind)) for kind in kinds])
        assert len(bpy.data.objects["Platewright points"].data.vertices) == len(places)
    assert counts[0] == counts[1] == counts[2]
    assert scene.camera.name == "Camera"
    (folder / "points.ply").unlink()
    bpy.ops.platewright.import_solve(plate=str(folder))
    assert "Platewright points" not in bpy.data.objects


def test_what_the_artist_made_of_it_stays(tmp_path: Path) -> None:
    """A copy keeps its motion; a scene that looks through the solve goes on doing so."""
    scene, _ = scenes.shot(1001, 1010)
    path = scene_read.camera_path(scene)
    solve = solve_read.read_solve(solved(tmp_path / "solve", path))
    solve_write.import_solve(scene, solve)
    copy = solved_camera().copy()
    scene.collection.objects.link(copy)
    scene.camera = solved_camera()
    solve_write.import_solve(scene, replace(solve, path=drifted(path)))
    assert scene.camera == solved_camera()
    assert copy.animation_data.action and scenes.worst_px(path, scene, copy) < scenes.LIMIT_PX
    assert scenes.worst_px(drifted(path), scene, solved_camera()) < scenes.LIMIT_PX


def test_the_plate_stands_behind_the_solved_camera_too(addon: ModuleType, tmp_path: Path) -> None:
    scene, camera = scenes.shot(1001, 1003)
    folder = solved(write_plate(tmp_path, [flat(4, 4, (9, 9, 9))] * 3), scene_read.camera_path(scene))
    bpy.ops.platewright.import_solve(plate=str(folder))
    assert not solved_camera().data.background_images, "it stands behind no camera yet"
    bpy.ops.platewright.show_plate(plate=str(folder))
    for _ in range(2):
        bpy.ops.platewright.import_solve(plate=str(folder))
    (mine,) = solved_camera().data.background_images
    assert mine.image == camera.data.background_images[0].image and mine.image_user.frame_duration == 3
    assert mine.alpha == 1.0 and solved_camera().data.show_background_images


def test_one_undo_takes_it_away(addon: ModuleType, tmp_path: Path) -> None:
    scene, _ = scenes.shot(1001, 1003)
    folder = solved(tmp_path / "solve", scene_read.camera_path(scene))
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.platewright.import_solve(plate=str(folder))
    assert {"REGISTER", "UNDO"} <= addon.operators.PLATEWRIGHT_OT_import_solve.bl_options
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert "Platewright solve" not in bpy.data.objects
    bpy.ops.ed.redo()
    assert "Platewright solve" in bpy.data.objects


# Files from anywhere -----------------------------------------------------------------------------

Spoil = Callable[[bytes], bytes]
HOSTILE: dict[str, Spoil] = {
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "no points": lambda data: data.partition(b"end_header\n")[0],
    "too many": lambda data: data.replace(b"vertex 3", b"vertex 99999999999"),
    "absurd": lambda data: data.replace(b"vertex 3", b"vertex " + b"9" * 3000),
    "negative": lambda data: data.replace(b"vertex 3", b"vertex -3"),
    "more than it has": lambda data: data.replace(b"vertex 3", b"vertex 4"),
    "text": lambda data: data.replace(b"binary_little_endian", b"ascii"),
    "a list": lambda data: data.replace(b"float x", b"list uchar int x"),
    "unknown kind": lambda data: data.replace(b"float x", b"quad x"),
    "x twice": lambda data: data.replace(b"float y", b"float x"),
    "no z": lambda data: data.replace(b"float z", b"float w"),
    "faces": lambda data: data.replace(b"end_header", b"element face 1\nend_header"),
    "not a number": lambda data: data[:-4] + struct.pack("<f", math.nan),
    "infinite": lambda data: data[:-4] + struct.pack("<f", math.inf),
    "empty": lambda _: b"",
    "noise": lambda _: bytes(range(256)) * 64,
    "endless header": lambda data: data.replace(b"end_header", b"comment " + b"x" * 10_000),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_cloud_is_refused_before_anything_changes(tmp_path: Path, addon: ModuleType, spoil: Spoil) -> None:
    scene, _ = scenes.shot(1, 3)
    folder = solved(tmp_path / "solve", scene_read.camera_path(scene), spoil(ply(PLACES)))
    with pytest.raises(RuntimeError, match="E_POINTS"):
        bpy.ops.platewright.import_solve(plate=str(folder))
    assert "Platewright solve" not in bpy.data.objects


def test_the_innocent_cloud_is_taken(tmp_path: Path) -> None:
    (tmp_path / "points.ply").write_bytes(ply(PLACES))
    assert solve_read.read_points(tmp_path / "points.ply").places == PLACES


NO_CAMERAS = [("{}", "E_CAMERA_FILE"), ("[" * 9999, "E_CAMERA_FILE"), (None, "E_NO_SOLVE")]


@pytest.mark.parametrize(("text", "code"), NO_CAMERAS)
def test_a_camera_that_is_none_is_refused(tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / "solve.json").write_text(text, encoding="utf-8")
    with pytest.raises(PlatewrightError) as error:
        solve_read.read_solve(tmp_path)
    assert error.value.code == code


def test_files_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    scene, _ = scenes.shot(1, 3)
    folder = solved(write_plate(tmp_path, [flat(4, 4, (9, 9, 9))]), scene_read.camera_path(scene), ply(PLACES))
    manifest: dict[str, Any] = read_manifest(folder)
    manifest["companions"] = [
        {"file": name, "size": 1, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in ("solve.json", "points.ply")
    ]
    write_manifest(folder, manifest)
    assert solve_read.read_solve(folder).points
    (folder / "points.ply").write_bytes(ply(PLACES[::-1]))
    with pytest.raises(PlateError, match="E_SOLVE_CORRUPT"):
        solve_read.read_solve(folder)
    (folder / "points.ply").unlink()
    with pytest.raises(PlateError, match="E_SOLVE_CORRUPT"):
        solve_read.read_solve(folder)


def test_a_big_solve_is_one_key_per_frame(tmp_path: Path) -> None:
    scene, _ = scenes.shot(1, 240)
    path = scene_read.camera_path(scene)
    document = json.loads(path.to_json())
    assert len(document["frames"]) == 240
    solve_write.import_solve(scene, solve_read.read_solve(solved(tmp_path / "solve", path)))
    action = solved_camera().animation_data.action
    curves = action.fcurves if hasattr(action, "fcurves") else action.layers[0].strips[0].channelbags[0].fcurves
    lengths = {len(curve.keyframe_points) for curve in curves}
    assert lengths == {240} and len(list(itertools.chain(curves))) == 7
    assert {point.interpolation for curve in curves for point in curve.keyframe_points} == {"LINEAR"}
    assert isinstance(solved_camera().matrix_world.translation, Vector)


def test_a_plate_with_an_offset_is_solved_at_the_scenes_frames(addon: ModuleType, tmp_path: Path) -> None:
    """Its files and its camera are numbered from 1001; the scene's picture of it begins at frame 1."""
    scene, _ = scenes.shot(1, 24)
    path = drifted(scene_read.camera_path(scene))
    plate = write_plate(tmp_path, [flat(4, 4, (9, 9, 9))] * 24, name="far", first=1001)
    solved(plate, path.renumbered(1000))
    write_manifest(plate, {**read_manifest(plate), "picture": {"delivery": {"frame_offset": 1000}}})
    assert solve_read.read_solve(plate).path.frames == path.frames
    bpy.ops.platewright.import_solve(plate=str(plate))
    assert scenes.worst_px(path, scene, solved_camera()) < scenes.LIMIT_PX
    write_manifest(plate, {**read_manifest(plate), "picture": {}})
    assert solve_read.read_solve(plate).path.frames[0] == 1001, "without an offset the numbers are the scene's"
