"""Sequences of frames for an ingest check, as Platewright writes them, to plant faults in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO

from platewright import pictures
from platewright.camera import CameraPath
from platewright.ingest import Report, Wanted, ingest
from platewright.pictures import Picture, Tags
from tests.core.plate_maker import NAME
from tests.core.shots import level_pose, shot

WIDTH, HEIGHT, FRAMES = 96, 54, 6
STEM = f"{NAME}_v001"


def camera_of(kind: str, frames: int = FRAMES) -> CameraPath:
    """A camera that dollies and turns, only dollies, only turns, or stands."""
    path = shot(frames, size=(WIDTH, HEIGHT))
    metres, degrees = {"both": (0.1, 2.0), "dolly": (0.1, 0.0), "turn": (0.0, 2.0), "stands": (0.0, 0.0)}[kind]
    poses = tuple(level_pose(0.0, metres * index, 1.7, degrees * index) for index in range(frames))
    return replace(path, camera_to_world=poses)


def scene(camera: CameraPath, index: int) -> Picture:
    """Soft blobs on a sphere at infinity and their grain, seen as the camera turns."""
    fx, fy, cx, cy = camera.intrinsics[index]
    pose = np.array(camera.camera_to_world[index]).reshape(4, 4)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1) @ pose[:3, :3].T
    heading, tilt = np.arctan2(rays[..., 0], rays[..., 1]), rays[..., 2] / np.linalg.norm(rays, axis=-1)
    wave = 0.4 + 0.2 * np.sin(40 * heading + 5 * pose[1, 3]) + 0.15 * np.cos(31 * tilt + 9 * heading)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def night(_camera: CameraPath, _index: int) -> Picture:
    """A black sky and two dozen stars, the same in every frame."""
    sky = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    places = np.random.default_rng(7).integers(4, (HEIGHT - 4, WIDTH - 4), (24, 2))
    for row, column in places:
        sky[row, column] = 0.8
    return sky


def sequence(
    folder: Path,
    camera: CameraPath,
    draw: Callable[[CameraPath, int], Picture] = scene,
    change: Callable[[int, Picture], Picture] = lambda frame, picture: picture,
    suffix: str = "exr",
) -> Path:
    """A bare sequence as Platewright writes frames, its camera beside it."""
    folder = folder / STEM
    folder.mkdir(parents=True)
    for index, frame in enumerate(camera.frames):
        tags = Tags(
            rate=camera.rate, frame=frame, world_from_camera=camera.camera_to_world[index],
            intrinsics=camera.intrinsics[index], texts={},
        )  # fmt: skip
        write = pictures.write_exr if suffix == "exr" else pictures.write_png
        write(folder / f"{STEM}.{frame}.{suffix}", change(frame, draw(camera, index)), tags)
    return folder


def judged(folder: Path, wanted: Wanted | None = None) -> Report:
    return ingest(folder, wanted or Wanted(), lambda event: None)


def told(report: Report) -> list[tuple[str, int | None, int | None]]:
    return [(finding.code, finding.frame, finding.last) for finding in report.findings]


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def file_of(folder: Path, frame: int) -> Path:
    return folder / f"{STEM}.{frame}.exr"


def stored(path: Path) -> Picture:
    return pictures.read_stored(path)


def rewrite(path: Path, pixels: Picture, kind: str = "half", **attributes: Any) -> None:
    """The frame again, with other pixels or another header."""
    height, width, channels = pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, kind)
    attributes = {"compression": "zip", "oiio:ColorSpace": "lin_rec709_scene", **attributes}
    rate = attributes.pop("rate", (24, 1))
    if rate:
        spec.attribute("framesPerSecond", OpenImageIO.TypeDesc("rational"), rate)
    for name, value in attributes.items():
        if name == "chromaticities":
            spec.attribute(name, OpenImageIO.TypeDesc("float[8]"), value)
        else:
            spec.attribute(name, value)
    output = OpenImageIO.ImageOutput.create("exr")
    assert output is not None and output.open(str(path), spec) and output.write_image(pixels) and output.close()
