"""Camera moves as artists make them, drawn from a seed, written as the `CameraPath` that Blender's become."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from platewright.camera import CameraPath

MOVES = ("static", "pan", "tilt", "dolly", "truck", "pedestal", "orbit", "zoom", "handheld", "mixture")
FPS = 24.0


def draw_path(generator: torch.Generator, frames: int, width: int, height: int) -> CameraPath:
    """A path of one of MOVES at width x height pixels (square pixels), near the world's origin."""
    move = MOVES[int(_between(0, len(MOVES), generator))]
    clock = torch.linspace(0.0, frames / FPS, frames, dtype=torch.float64)
    heading, pitch, roll, place, focal = _start(generator, width, height)
    speeds = _speeds(move, generator, place[2].item())
    turned = heading + speeds["heading"] * clock
    pitched = pitch + speeds["pitch"] * clock
    rolled = roll + 0.0 * clock
    lens = focal * torch.exp(speeds["zoom"] * clock)
    if move == "handheld":
        turned, pitched, rolled = (a + _shake(generator, clock) for a in (turned, pitched, rolled))
    places = _travel(move, place, turned, heading, speeds, clock)
    places[:, 2] = places[:, 2].clamp_min(0.4)
    return path_from(places, turned, pitched, rolled, lens, width, height)


def path_from(
    places: Tensor, headings: Tensor, pitches: Tensor, rolls: Tensor, focal_px: Tensor, width: int, height: int
) -> CameraPath:
    """A CameraPath from metres (F, 3), radians (F) and focal lengths in pixels (F); heading 0 looks along world +X."""
    count = len(places)
    poses = [
        tuple(_pose(places[f], *(float(a[f]) for a in (headings, pitches, rolls))).flatten().tolist())
        for f in range(count)
    ]
    lenses = [(float(focal), float(focal), width / 2, height / 2) for focal in focal_px]
    return CameraPath(
        camera="drawn",
        cameras=("drawn",) * count,
        fps=FPS,
        width=width,
        height=height,
        frames=tuple(range(1, count + 1)),
        camera_to_world=tuple(poses),
        intrinsics=tuple(lenses),
    )


def _start(generator: torch.Generator, width: int, height: int) -> tuple[float, float, float, Tensor, float]:
    """Heading, pitch and roll (radians), place (metres) and focal length (pixels) of the first frame."""
    millimetres = 18.0 * (135.0 / 18.0) ** (_between(0, 1, generator) ** 1.4)
    focal = millimetres / 36.0 * max(width, height)
    above = 0.5 * 60.0 ** _between(0, 1, generator)
    half_view = math.atan(0.5 * height / focal)
    pitch = half_view * _between(-0.95, 0.75, generator)
    if _between(0, 1, generator) < 0.12:
        pitch = _between(-0.9, 0.8, generator)
    roll = 0.03 * torch.randn((), generator=generator).item() if _between(0, 1, generator) < 0.3 else 0.0
    place = torch.tensor([_between(-40, 40, generator), _between(-40, 40, generator), above], dtype=torch.float64)
    return _between(0, 2 * math.pi, generator), pitch, roll, place, focal


def _speeds(move: str, generator: torch.Generator, above: float) -> dict[str, float]:
    """Per second: radians, metres, and the logarithm of the focal length; all zero but those the move uses."""
    walk = _signed(0.4, 4.0, generator) * (0.6 + above / 8.0)
    all_speeds = {
        "heading": _signed(0.05, 0.7, generator),
        "pitch": _signed(0.04, 0.4, generator),
        "forward": walk,
        "side": _signed(0.4, 3.0, generator) * (0.6 + above / 10.0),
        "up": _signed(0.2, 1.2, generator) * (0.5 + above / 8.0),
        "zoom": _signed(0.1, 0.7, generator),
        "orbit": _signed(0.1, 0.6, generator),
    }
    used = {
        "static": (),
        "pan": ("heading",),
        "tilt": ("pitch",),
        "dolly": ("forward",),
        "truck": ("side",),
        "pedestal": ("up",),
        "orbit": ("orbit",),
        "zoom": ("zoom",),
        "handheld": ("forward",),
        "mixture": ("heading", "pitch", "forward", "up"),
    }[move]
    share = 0.6 if move == "mixture" else 1.0
    return {name: speed * share if name in used else 0.0 for name, speed in all_speeds.items()}


def _travel(
    move: str, place: Tensor, turned: Tensor, heading: float, speeds: dict[str, float], clock: Tensor
) -> Tensor:
    """Places (F, 3); an orbit turns the headings (in place) so that the camera keeps facing its pivot."""
    forward = torch.tensor([math.cos(heading), math.sin(heading), 0.0], dtype=torch.float64)
    side = torch.tensor([math.sin(heading), -math.cos(heading), 0.0], dtype=torch.float64)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    places = place + clock[:, None] * (forward * speeds["forward"] + side * speeds["side"] + up * speeds["up"])
    if move == "orbit":
        turned += speeds["orbit"] * clock
        radius = 4.0 + 2.0 * place[2]
        facing = torch.stack([torch.cos(turned), torch.sin(turned), torch.zeros_like(turned)], -1)
        places = place + radius * (forward - facing)
    return places


def _shake(generator: torch.Generator, clock: Tensor) -> Tensor:
    """A hand's tremble in radians: a few slow waves."""
    waves = torch.rand(3, 3, generator=generator, dtype=torch.float64)
    return sum(
        (0.006 * a * torch.sin(2 * math.pi * ((0.5 + 3.0 * f) * clock + p)) for a, f, p in waves),
        torch.zeros_like(clock),
    )


def _pose(place: Tensor, heading: float, pitch: float, roll: float) -> Tensor:
    """World from camera (4, 4), OpenCV axes."""
    forward = torch.tensor(
        [math.cos(heading) * math.cos(pitch), math.sin(heading) * math.cos(pitch), math.sin(pitch)], dtype=torch.float64
    )
    level = torch.tensor([math.sin(heading), -math.cos(heading), 0.0], dtype=torch.float64)
    down = torch.linalg.cross(forward, level)
    right = math.cos(roll) * level + math.sin(roll) * down
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.stack([right, torch.linalg.cross(forward, right), forward, place], 1)
    return pose


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _signed(low: float, high: float, generator: torch.Generator) -> float:
    """A size between low and high, more often small, either way."""
    size = low * (high / low) ** _between(0, 1, generator)
    return size if _between(0, 1, generator) < 0.5 else -size
