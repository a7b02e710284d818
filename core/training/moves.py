"""Camera moves as artists make them, drawn from a seed, written as the `CameraPath` that Blender's become.

A move's size is chosen by what it does to the picture: most sweep a few to forty percent of it in a clip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from platewright.camera import CameraPath
from platewright.layout.worlds import World

MOVES = ("locked", "pan", "tilt", "dolly", "truck", "pedestal", "orbit", "crane", "zoom", "handheld")
HELD_OUT_MIXTURES = (("dolly", "zoom"), ("orbit", "pedestal"), ("truck", "tilt", "zoom"), ("crane", "pan", "handheld"))
MIXED = 0.35  # share of clips that mix moves
FPS = 24.0
GATE_MM = 36.0
NEAREST, HIGHEST = 0.4, 60.0  # metres above the ground


@dataclass(slots=True)
class Shot:
    """A move under way: all (F,) but where said."""

    places: Tensor  # (F, 3) metres
    headings: Tensor  # radians
    pitches: Tensor
    rolls: Tensor
    focal_px: Tensor


def draw_path(
    generator: torch.Generator,
    frames: int,
    width: int,
    height: int,
    world: World | None = None,
    held_out: bool = False,
) -> CameraPath:
    """A path at width x height pixels (square pixels) near the world's centre.

    Held out are mixtures of moves that no other path is made of.
    """
    moves = draw_moves(generator, held_out)
    shot = _start(generator, frames, width, height, world)
    clock = _eased(generator, frames)
    for move in moves:
        _move(shot, move, clock, generator, (width, height), 1.0 / math.sqrt(len(moves)))
    shot.places[:, 2] = shot.places[:, 2].clamp(NEAREST, 1.3 * HIGHEST)
    return path_from(shot.places, shot.headings, shot.pitches, shot.rolls, shot.focal_px, width, height)


def draw_moves(generator: torch.Generator, held_out: bool = False) -> tuple[str, ...]:
    """One move, or a mixture of two or three."""
    if held_out:
        return HELD_OUT_MIXTURES[int(_between(0, len(HELD_OUT_MIXTURES), generator))]
    if _between(0, 1, generator) >= MIXED:
        return (MOVES[int(_between(0, len(MOVES), generator))],)
    kept = {frozenset(mixture) for mixture in HELD_OUT_MIXTURES}
    while True:
        order = torch.randperm(len(MOVES) - 1, generator=generator) + 1
        mixture = tuple(MOVES[int(i)] for i in order[: 2 if _between(0, 1, generator) < 0.7 else 3])
        if frozenset(mixture) not in kept:
            return mixture


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


def _start(generator: torch.Generator, frames: int, width: int, height: int, world: World | None) -> Shot:
    """A camera that stands still."""
    millimetres = 18.0 * (135.0 / 18.0) ** (_between(0, 1, generator) ** 1.6)
    focal = millimetres / GATE_MM * max(width, height)
    half_view = math.atan(0.5 * height / focal)
    pitch = half_view * _between(-0.9, 0.55, generator)
    kind = _between(0, 1, generator)
    if kind < 0.09:
        pitch = -half_view - _between(0.0, 0.7, generator)  # down at the ground
    elif kind < 0.15:
        pitch = half_view * _between(0.6, 1.2, generator)  # up at the sky
    roll = 0.03 * _normal(generator) if _between(0, 1, generator) < 0.25 else 0.0
    x, y = world.centre if world else (0.0, 0.0)
    spread = 1.5 if world and world.terrain in ("city", "road") else 4.0
    place = [x + spread * _normal(generator), y + spread * _normal(generator), _height(generator)]
    still = torch.ones(frames, dtype=torch.float64)
    heading = _heading(generator, world)
    places = torch.tensor(place, dtype=torch.float64).expand(frames, 3).clone()
    return Shot(places, heading * still, pitch * still, roll * still, focal * still)


def _height(generator: torch.Generator) -> float:
    """Metres above the ground: mostly between a child's eyes and a small crane."""
    kind = _between(0, 1, generator)
    low, high = (NEAREST, 1.0) if kind < 0.12 else (1.0, 10.0) if kind < 0.84 else (10.0, HIGHEST)
    return low * (high / low) ** _between(0, 1, generator)


def _heading(generator: torch.Generator, world: World | None) -> float:
    """Anywhere; often towards what a world has to show: along its road or valley, over its water, into its sun."""
    anywhere, kind = _between(0, 2 * math.pi, generator), _between(0, 1, generator)
    off = _normal(generator)
    if world is None or kind > 0.9:
        return anywhere
    directed = world.terrain in ("city", "road", "canyon", "coast", "lake")
    if kind < (0.3 if world.time != "noon" else 0.12) * (0.4 if directed else 1.0):
        return world.azimuth + 0.5 * off
    if world.terrain in ("city", "road", "canyon"):
        return world.heading + 0.33 * off + (math.pi if anywhere > math.pi else 0.0)
    if world.terrain == "coast":
        return world.heading + 0.9 * off + (0.25 if anywhere > math.pi else 0.75) * math.pi
    if world.terrain == "lake":
        return world.heading + 0.6 * off
    return anywhere


def _eased(generator: torch.Generator, frames: int) -> Tensor:
    """Time of each frame (F,), 0..1: even, or slow at one or both ends."""
    even = torch.linspace(0.0, 1.0, frames, dtype=torch.float64)
    kind = _between(0, 1, generator)
    if kind < 0.55:
        return even
    return even * even * (3 - 2 * even) if kind < 0.7 else even**1.6 if kind < 0.85 else 1.0 - (1.0 - even) ** 1.6


def _move(
    shot: Shot, move: str, clock: Tensor, generator: torch.Generator, size: tuple[int, int], scale: float
) -> None:
    """Add one move to a shot, in place."""
    width, height = size
    focal, above, heading = (float(t[0]) for t in (shot.focal_px, shot.places[:, 2], shot.headings))
    share = scale * _signed(0.03, 0.40, generator)  # of the picture's width
    nearest = min(60.0, max(1.0, 2.0 * above * focal / height))  # metres to the ground at the lower edge, about
    across, wide = 2 * math.atan(0.5 * width / focal), width / (0.5 * height)
    forward = torch.tensor([math.cos(heading), math.sin(heading), 0.0], dtype=torch.float64)
    left = torch.tensor([-math.sin(heading), math.cos(heading), 0.0], dtype=torch.float64)
    run = clock[:, None]
    if move == "pan":
        shot.headings += across * share * clock
    elif move == "tilt":
        shot.pitches += 0.6 * across * share * clock
    elif move == "dolly":
        shot.places += run * forward * max(-25.0, min(25.0, wide * share * nearest))
    elif move == "truck":
        shot.places += run * left * wide * share * above
    elif move == "pedestal":
        shot.places[:, 2] += clock * max(-0.75 * above, share * wide * above * 0.6)
    elif move == "zoom":
        shot.focal_px *= torch.exp(1.1 * share * clock).clamp(
            18.0 / GATE_MM * width / focal, 135.0 / GATE_MM * width / focal
        )
    elif move == "orbit":
        _orbit(shot, share * min(1.0, across) * 1.3 * clock, nearest * _between(1.2, 4.0, generator))
    elif move == "crane":
        rise = clock * max(-0.7 * above, 0.8 * wide * share * above)
        shot.places[:, 2] += rise
        shot.places += run * forward * (0.3 * wide * abs(share) * nearest)
        shot.pitches -= torch.atan(rise / (nearest * _between(1.5, 4.0, generator)))
    elif move == "handheld":
        shot.places += run * forward * (0.4 * wide * share * nearest)
        _shake(shot, generator, len(clock), across)


def _orbit(shot: Shot, turn: Tensor, radius: float) -> None:
    """Swing around a point `radius` metres ahead, facing it."""
    first = float(shot.headings[0])
    ahead = torch.tensor([math.cos(first), math.sin(first)], dtype=torch.float64)
    facing = torch.stack([torch.cos(first + turn), torch.sin(first + turn)], -1)
    shot.places[:, :2] += radius * (ahead - facing)
    shot.headings += turn


def _shake(shot: Shot, generator: torch.Generator, frames: int, across: float) -> None:
    """A hand's tremble: a few slow waves in every angle and a little in place."""
    seconds = torch.arange(frames, dtype=torch.float64) / FPS
    for angle, strength in ((shot.headings, 0.010), (shot.pitches, 0.010), (shot.rolls, 0.006)):
        for amount, pace, phase in torch.rand(3, 3, generator=generator, dtype=torch.float64):
            angle += (
                strength * min(1.0, across) * amount * torch.sin(2 * math.pi * ((0.6 + 3.4 * pace) * seconds + phase))
            )
    bob = 0.02 * torch.sin(2 * math.pi * (1.8 * seconds + _between(0, 1, generator)))
    shot.places[:, 2] += bob


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


def _normal(generator: torch.Generator) -> float:
    return torch.randn((), generator=generator).item()


def _signed(low: float, high: float, generator: torch.Generator) -> float:
    """A size between low and high, more often small, either way."""
    size = low * (high / low) ** _between(0, 1, generator)
    return size if _between(0, 1, generator) < 0.5 else -size
