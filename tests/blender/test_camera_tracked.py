"""Cameras that a movie clip moves, by the active clip, and the lens that the clip was shot with."""

from __future__ import annotations

import math
import random
from pathlib import Path

import bpy
import pytest
from mathutils import Vector

from blender_addon import camera_views, scene_read
from tests.blender.scenes import LIMIT_PX, add, add_camera, evaluated, keys, shot, view_pixel, worst_px

SIZE = (640, 360)


def clip_of(folder: Path, frames: int = 24) -> bpy.types.MovieClip:
    """A movie clip of black pictures."""
    for frame in range(1, frames + 1):
        image = bpy.data.images.new(f"clip{frame}", *SIZE)
        image.filepath_raw, image.file_format = str(folder / f"clip.{frame:04}.png"), "PNG"
        image.save()
        bpy.data.images.remove(image)
    return bpy.data.movieclips.load(str(folder / "clip.0001.png"))


def track_points(scene: bpy.types.Scene, camera: bpy.types.Object, clip: bpy.types.MovieClip) -> None:
    """Forty tracks of points that the camera really sees."""
    draw = random.Random(1)
    points = [Vector((draw.uniform(-3, 4), draw.uniform(-1, 5), draw.uniform(0, 3))) for _ in range(40)]
    tracks = [clip.tracking.tracks.new(name=f"t{index}", frame=1) for index in range(len(points))]
    for frame in range(1, 25):
        seen = evaluated(scene, camera, frame)
        for track, point in zip(tracks, points, strict=True):
            x, y = view_pixel(scene, seen, point)
            track.markers.insert_frame(frame, co=(x / SIZE[0], 1 - y / SIZE[1]))


def solve(clip: bpy.types.MovieClip) -> None:
    """Blender's own solver, which wants a clip editor to look at."""
    clip.tracking.camera.sensor_width, clip.tracking.camera.focal_length = 36, 35
    clip.tracking.objects[0].keyframe_a, clip.tracking.objects[0].keyframe_b = 1, 24
    window = bpy.context.window
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        bpy.ops.clip.solve_camera()


def solved_shot(folder: Path) -> tuple[bpy.types.Scene, bpy.types.Object, bpy.types.MovieClip]:
    """A camera that stands still but for the solve of a clip."""
    scene, camera = shot()
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    camera.data.animation_data_clear()
    camera.data.lens = 35
    keys(camera, "location", {1: (-2, -8, 1.6), 24: (3, -7, 2.2)})
    clip = clip_of(folder)
    track_points(scene, camera, clip)
    solve(clip)
    camera.animation_data_clear()
    camera.constraints.new("CAMERA_SOLVER").use_active_clip = True
    return scene, camera, clip


def test_a_solve_moves_the_camera_by_the_active_clip(tmp_path: Path) -> None:
    scene, _, clip = solved_shot(tmp_path)
    scene.active_clip = clip
    path = scene_read.camera_path(scene)
    assert worst_px(path, scene) < LIMIT_PX
    assert path.warnings == ()
    assert len(set(path.camera_to_world)) == 24
    scene.active_clip = None
    assert len(set(scene_read.camera_path(scene).camera_to_world)) == 1


def test_a_probe_without_the_clip_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, _, clip = solved_shot(tmp_path)
    scene.active_clip = clip
    scene.frame_set(1)
    whole = camera_views.own_scene

    def without_clip(scene: bpy.types.Scene, camera: bpy.types.Object, leader: bpy.types.Object) -> object:
        scene.active_clip = None
        return whole(scene, camera, leader)

    monkeypatch.setattr(camera_views, "own_scene", without_clip)
    assert len(set(scene_read.camera_path(scene).camera_to_world)) == 1


def test_an_aim_at_a_track_of_the_active_clip(tmp_path: Path) -> None:
    """Tracks hang on the scene's camera, so the aiming one is another: Blender calls anything else a cycle."""
    scene, camera = shot()
    camera.animation_data_clear()
    clip = clip_of(tmp_path)
    track = clip.tracking.tracks.new(name="Track", frame=1)
    for frame in range(1, 25):
        track.markers.insert_frame(frame, co=(0.2 + frame * 0.02, 0.6))
    scene.active_clip = clip
    target = add("Tracked")
    follow = target.constraints.new("FOLLOW_TRACK")
    follow.use_active_clip, follow.track = True, "Track"
    scene.camera = add_camera("Witness", (1, -9, 2))
    aim = camera.constraints.new("TRACK_TO")
    aim.target, aim.track_axis, aim.up_axis = target, "TRACK_NEGATIVE_Z", "UP_Y"
    path = scene_read.camera_path(scene, camera=camera)
    assert worst_px(path, scene, camera=camera) < LIMIT_PX
    assert path.warnings == ()
    assert len(set(path.camera_to_world)) == 24


# The lens ---------------------------------------------------------------------------------------------


def name_clip(scene: bpy.types.Scene, camera: bpy.types.Object, clip: bpy.types.MovieClip, source: str) -> None:
    if source == "active clip":
        scene.active_clip = clip
    elif source == "camera background":
        background = camera.data.background_images.new()
        background.source, background.clip = "MOVIE_CLIP", clip
    else:
        solver = camera.constraints.new("CAMERA_SOLVER")
        solver.use_active_clip, solver.clip = False, clip


@pytest.mark.parametrize(
    ("model", "name"),
    [("POLYNOMIAL", "k1"), ("DIVISION", "division_k1"), ("NUKE", "nuke_k2"), ("BROWN", "brown_p1")],
)
@pytest.mark.parametrize("source", ["active clip", "camera background", "constraint Camera Solver"])
def test_lens_distortion_is_recorded(tmp_path: Path, model: str, name: str, source: str) -> None:
    scene, camera = shot()
    clip = clip_of(tmp_path, 2)
    name_clip(scene, camera, clip, source)
    assert scene_read.camera_path(scene).lens_distortion is None
    lens = clip.tracking.camera
    lens.distortion_model = model
    setattr(lens, name, 0.125)
    path = scene_read.camera_path(scene)
    assert [warning.split(":")[0] for warning in path.warnings] == ["W_LENS_DISTORTION"]
    assert path.lens_distortion is not None
    assert path.lens_distortion["source"] == source
    assert path.lens_distortion["model"] == model
    assert path.lens_distortion["coefficients"][name] == 0.125
    assert math.isfinite(path.lens_distortion["focal_length_px"])
    assert scene_read.CameraPath.from_json(path.to_json()) == path
