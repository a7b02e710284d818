"""A first picture laid over the scene: every later frame sees it where it is, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from torch import Tensor

from platewright.camera import CameraPath
from platewright.models import draft_drape
from platewright.models.draft_drape import Drape
from platewright.models.draft_scene import Told
from tests.core.tiny_draft import level_path

WIDTH, HEIGHT = 192, 108
EYE_M = 1.7
PALE = 0.5  # what was painted


def gradient() -> Tensor:
    """A picture (3, H, W) whose colours tell their place: red across, green down."""
    across = ((torch.arange(WIDTH) + 0.5) / WIDTH).expand(HEIGHT, WIDTH)
    down = ((torch.arange(HEIGHT) + 0.5) / HEIGHT)[:, None].expand(HEIGHT, WIDTH)
    return torch.stack([across, down, torch.full_like(across, 0.25)])


def path(frames: int, **angles: float) -> CameraPath:
    return level_path(frames, WIDTH, HEIGHT, **angles)


def told(camera: CameraPath, planes: Tensor | None = None) -> Told:
    return Told(0, 0.0, None, planes)


def pale(count: int) -> Tensor:
    return torch.full((count, 3, HEIGHT, WIDTH), PALE)


def seen(camera: CameraPath, planes: Tensor | None = None, picture: Tensor | None = None) -> numpy.ndarray:
    """All frames (F, 3, H, W) with the gradient draped over the scene."""
    drape = Drape(gradient() if picture is None else picture, camera, told(camera, planes))
    return drape.over(pale(len(camera)), torch.arange(len(camera))).numpy()


def on_ground(camera: CameraPath, frame: int, x: float, y: float) -> tuple[float, float, float]:
    """Where the ray of a pixel meets z = 0, by the pinhole's formula alone."""
    pose = numpy.array(camera.camera_to_world[frame]).reshape(4, 4)
    fx, fy, cx, cy = camera.intrinsics[frame]
    ray = pose[:3, :3] @ [(x - cx) / fx, (y - cy) / fy, 1.0]
    point = pose[:3, 3] + ray * (-pose[2, 3] / ray[2])
    return tuple(point)


def projected(camera: CameraPath, frame: int, point: tuple[float, float, float]) -> tuple[float, float]:
    pose = numpy.array(camera.camera_to_world[frame]).reshape(4, 4)
    fx, fy, cx, cy = camera.intrinsics[frame]
    x, y, z = pose[:3, :3].T @ (numpy.array(point) - pose[:3, 3])
    return fx * x / z + cx, fy * y / z + cy


@pytest.mark.parametrize("ground", [0.0, 3.0])
def test_the_first_frame_is_the_picture(ground: float) -> None:
    camera = path(3, forward=0.4, turn=2.0, pitch=-4.0)
    drape = Drape(gradient(), camera, replace(told(camera), ground_m=-ground))
    assert numpy.abs(drape.over(pale(1), torch.tensor([0])).numpy()[0] - gradient().numpy()).max() < 1e-4


def test_points_on_the_ground_stay_where_they_are() -> None:
    camera = path(4, forward=0.3, turn=1.5, rise=0.5, pitch=-6.0)
    frames = seen(camera)
    told_px = []
    for x, y in ((60, 90), (96, 80), (130, 97), (100, 70)):
        u, v = projected(camera, 0, on_ground(camera, 3, x + 0.5, y + 0.5))
        assert draft_drape.FEATHER_PX < u < WIDTH - draft_drape.FEATHER_PX and v < HEIGHT, "else it is not in sight"
        red, green, _ = frames[3][:, y, x]
        told_px += [abs(red * WIDTH - u), abs(green * HEIGHT - v)]
    assert max(told_px) < 0.15
    u, v = projected(camera, 0, on_ground(camera, 2, 96.5, 80.5))              # guilty: the camera of another frame
    red, green, _ = frames[3][:, 80, 96]
    assert abs(red * WIDTH - u) + abs(green * HEIGHT - v) > 1


def test_the_sky_turns_and_does_not_come_nearer() -> None:
    still, ahead = path(2), path(2, forward=5.0)
    rows = slice(0, 40)
    assert numpy.abs(seen(ahead)[1][:, rows] - seen(still)[1][:, rows]).max() < 1e-4
    turned = path(2, turn=5.0)
    moved = turned.intrinsics[0][0] * numpy.tan(numpy.radians(5.0))            # of the middle of the picture
    middle = seen(turned)[1][0, 20, WIDTH // 2] * WIDTH
    assert abs(abs(middle - (WIDTH / 2 + 0.5)) - moved) < 1.0


def test_what_it_never_showed_is_painted() -> None:
    camera = path(2, turn=25.0)                            # to the left: new land on the left side
    last = seen(camera, picture=torch.full((3, HEIGHT, WIDTH), 0.9))[1]
    left, right = last[0, :, :10], last[0, :, -10:]
    assert numpy.abs(right - 0.9).max() < 1e-3
    assert numpy.abs(left - 0.9).max() < 1e-3, "painted in its tones"
    striped = gradient()
    assert numpy.abs(seen(camera, picture=striped)[1][0, :, :10] - striped[0].mean().item()).max() < 0.3


def test_behind_a_post_the_picture_is_not_smeared() -> None:
    """The camera trucks past a post; what the post hid at first is painted, and the post keeps its own pixels."""
    camera = trucked()
    planes = torch.zeros(2, HEIGHT, WIDTH)
    for frame in range(2):
        middle, _ = projected(camera, frame, (4.0, 0.0, EYE_M))
        planes[frame, :, round(middle) - 12 : round(middle) + 12] = 4.0
    picture = torch.full((3, HEIGHT, WIDTH), 0.1)
    picture[0, :, WIDTH // 2 - 12 : WIDTH // 2 + 12] = 0.9                      # the post is red, all else is black
    with_depth, without = seen(camera, planes, picture)[1], seen(camera, None, picture)[1]
    now = round(projected(camera, 1, (4.0, 0.0, EYE_M))[0])
    assert with_depth[0, 20, now - 6 : now + 6].min() > 0.8, "the post is where it stands"
    hidden = with_depth[0, 20, WIDTH // 2 - 6 : WIDTH // 2 + 6]
    assert hidden.max() < 0.8, "in the sky behind it there is no second post"
    assert without[0, 20, WIDTH // 2 - 6 : WIDTH // 2 + 6].min() > 0.8, "guilty: nobody told of a post"


def trucked() -> CameraPath:
    """Two frames, the second 1.5 m to the right of the first."""
    camera = path(2)
    first, second = (list(pose) for pose in camera.camera_to_world)
    right = numpy.array(first).reshape(4, 4)[:3, 0]
    for row, step in zip((3, 7, 11), 1.5 * right, strict=True):
        second[row] += step
    return replace(camera, camera_to_world=(tuple(first), tuple(second)))


def test_an_enlarged_picture_gives_way() -> None:
    """Half a metre before the ground that it once saw from far, its pixels would be as large as hands."""
    camera = path(2, forward=9.0, pitch=-8.0)
    last = seen(camera)[1]
    near, far = last[1, HEIGHT - 2, WIDTH // 2], last[1, HEIGHT // 2, WIDTH // 2]
    u, v = projected(camera, 0, on_ground(camera, 1, WIDTH / 2 + 0.5, HEIGHT - 1.5))
    assert 0 < u < WIDTH and 0 < v < HEIGHT, "it was in the picture"
    assert abs(near - v / HEIGHT) > 0.02 and abs(far - (HEIGHT / 2 + 0.5) / HEIGHT) < 0.3
