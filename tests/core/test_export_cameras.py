"""Cameras as text: read back by what knows the format alone, each shows points where camera.json does."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from platewright.camera import CameraPath
from platewright.exports import chan, poses, turning, usd
from platewright.exports.shot import Shot

from .export_shots import seen, wandering

LIMIT_PX = 0.01
Projector = Callable[[int, np.ndarray], tuple[float, float]]


def worst_px(camera: CameraPath, project: Projector) -> float:
    """The largest distance between what a file's camera and camera.json show of the same points."""
    return max(
        math.dist(project(frame, point), pixel)
        for index, frame in enumerate(camera.frames)
        for point, pixel in seen(camera, index)
    )


# .chan --------------------------------------------------------------------------------------------


def chan_projector(text: str, camera: CameraPath, order: str = "ZXY") -> Projector:
    """Nuke's reading: angles in degrees, turned about the axes in their order, Y up, the view's height from vfov."""
    rows = {int(line.split("\t")[0]): [float(word) for word in line.split("\t")[1:]] for line in text.splitlines()}
    assert all(len(row) == 7 for row in rows.values())

    def project(frame: int, point: np.ndarray) -> tuple[float, float]:
        row = rows[frame]
        turned = np.eye(3)
        for axis in order:
            turned = axis_turn("XYZ".index(axis), row[3 + "XYZ".index(axis)]) @ turned
        x, y, z = turned.T @ (np.array([point[0], point[2], -point[1]]) - row[:3])
        focal_px = camera.height / 2 / math.tan(math.radians(row[6]) / 2)
        return camera.width / 2 + focal_px * x / -z, camera.height / 2 - focal_px * y / -z

    return project


def axis_turn(axis: int, degrees: float) -> np.ndarray:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array(
        [
            [[1, 0, 0], [0, cos, -sin], [0, sin, cos]],
            [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]],
            [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]],
        ][axis]
    )


def test_chan_shows_the_same_pixels() -> None:
    camera = wandering(shift_px=(0, 0))
    assert worst_px(camera, chan_projector(chan.text(camera), camera)) < LIMIT_PX
    assert worst_px(camera, chan_projector(chan.text(camera), camera, order="XYZ")) > 1


def test_chan_angles_never_leap() -> None:
    """A full turn goes on to 430 degrees: what lies between two frames is what the camera did, not a spin back."""
    angles = np.array([[float(word) for word in line.split("\t")[4:7]] for line in chan.text(wandering()).splitlines()])
    assert np.abs(np.diff(angles, axis=0)).max() < 45
    assert np.ptp(angles[:, 1]) > 400


@pytest.mark.parametrize("tilt_deg", [90.0, -90.0])
def test_chan_survives_looking_straight_up_and_down(tilt_deg: float) -> None:
    matrix = axis_turn(1, 30) @ axis_turn(0, tilt_deg) @ axis_turn(2, 20)
    rows = tuple((*map(float, row), 0.0) for row in matrix) + ((0.0, 0.0, 0.0, 1.0),)
    x, y, z = turning.euler_zxy_deg(rows, (0.0, 0.0, 5.0))
    assert np.abs(axis_turn(1, y) @ axis_turn(0, x) @ axis_turn(2, z) - matrix).max() < 1e-7


def test_chan_says_what_it_cannot() -> None:
    shifted, plain = (Shot("a", wandering(shift_px=shift), None, None) for shift in [(0.0, 3.0), (0.0, 0.0)])
    assert chan.warnings(shifted)[0].startswith("W_CHAN_SHIFT:") and chan.warnings(plain) == ()


# RealEstate10K, CameraCtrl ------------------------------------------------------------------------


def poses_projector(text: str, camera: CameraPath) -> Projector:
    """As CameraCtrl's `Camera` and RealEstate10K's description read a line."""
    lines = [[float(word) for word in line.split(" ")] for line in text.splitlines()[1:]]
    assert all(len(line) == 19 and line[5:7] == [0, 0] for line in lines) and len(lines) == len(camera)

    def project(frame: int, point: np.ndarray) -> tuple[float, float]:
        _, fx, fy, cx, cy, _, _, *flat = lines[frame - camera.frames[0]]
        x, y, z = np.array(flat).reshape(3, 4) @ [*point, 1.0]
        return (fx * x / z + cx) * camera.width, (fy * y / z + cy) * camera.height

    return project


@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_pose_lines_show_the_same_pixels(tmp_path: Path, aspect: float) -> None:
    camera = wandering(aspect=aspect)
    shot = Shot("sh010", camera, None, None)
    for write in (poses.write_re10k, poses.write_cameractrl):
        write(shot, tmp_path / "poses.txt", tmp_path)
        text = (tmp_path / "poses.txt").read_text()
        assert worst_px(camera, poses_projector(text, camera)) < LIMIT_PX
    turned = wandering(aspect=aspect, frames=25)
    assert worst_px(camera, poses_projector(poses.text(turned, "", int), turned)) > 1


def test_pose_times() -> None:
    """Microseconds at 23.976 fps for the one, frames for the other."""
    camera = wandering(3)
    rate = camera.rate
    times = [line.split()[0] for line in poses.text(camera, "", lambda i: round(i * 1_000_000 / rate)).splitlines()[1:]]
    assert times == ["0", "41708", "83417"]
    assert [line.split()[0] for line in poses.text(camera, "", int).splitlines()[1:]] == ["0", "1", "2"]


# USD ----------------------------------------------------------------------------------------------


def usd_projector(file: Path, camera: CameraPath) -> Projector:
    """The frustum that OpenUSD itself makes of the camera."""
    stage = Usd.Stage.Open(str(file))
    assert stage.GetDefaultPrim().GetPath() == "/Camera"
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (camera.frames[0], camera.frames[-1])
    assert stage.GetTimeCodesPerSecond() == pytest.approx(24000 / 1001)
    assert (UsdGeom.GetStageUpAxis(stage), UsdGeom.GetStageMetersPerUnit(stage)) == ("Z", 1.0)

    def project(frame: int, point: np.ndarray) -> tuple[float, float]:
        frustum = UsdGeom.Camera(stage.GetDefaultPrim()).GetCamera(Usd.TimeCode(frame)).frustum
        shown = Gf.Vec4d(*map(float, point), 1) * frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        x, y = shown[0] / shown[3], shown[1] / shown[3]
        return (1 + x) / 2 * camera.width, (1 - y) / 2 * camera.height

    return project


@pytest.mark.parametrize("aspect", [1.0, 2.0])
@pytest.mark.parametrize("zoom", [1.0, 1.5])
def test_usd_shows_the_same_pixels(tmp_path: Path, aspect: float, zoom: float) -> None:
    camera = wandering(aspect=aspect, zoom=zoom)
    usd.write(Shot("sh010", camera, None, None), tmp_path / "camera.usda", tmp_path)
    assert worst_px(camera, usd_projector(tmp_path / "camera.usda", camera)) < LIMIT_PX
    plain = (tmp_path / "camera.usda").read_text()
    (tmp_path / "guilty.usda").write_text(plain.replace("float verticalApertureOffset", "float custom"))
    assert worst_px(camera, usd_projector(tmp_path / "guilty.usda", camera)) > 1
