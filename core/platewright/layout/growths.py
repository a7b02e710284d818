"""What stands on the land: trees on a jittered grid, and the blocks of a city. Both are heights with exact edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .reliefs import bend, length, smooth
from .worlds import Trees, World

_DICE = 128  # squares until the dice repeat; a power of two
CANOPY = (320.0, 680.0)  # metres from the centre where single trees become a closed canopy
STOREY = 3.3  # metres


class Growth(Protocol):
    """Something that stands on the land."""

    def height(self, local: Tensor, wild: Tensor) -> Tensor:
        """Metres (...) above the land at local points (..., 2); `wild` (...) is how much may grow there, 0..1."""
        ...


def growth_of(world: World, device: torch.device) -> Growth | None:
    """What stands in this world, if anything."""
    if world.terrain == "city":
        return Blocks(world, device)
    return Wood(world.trees, world.seed, device) if world.trees else None


def wildness(world: World, local: Tensor, relief: Tensor, slope: Tensor) -> Tensor:
    """How much may grow (...), 0..1: not in the clearing, on the road, in water, on cliffs or above the tree line."""
    trees = world.trees
    if trees is None:
        return torch.zeros_like(relief)
    free = smooth(trees.clearing, trees.clearing + 6.0, length(local)) * (1.0 - smooth(0.7, 1.0, slope))
    axis = (local[..., 1] + bend(world, local[..., 0])).abs()
    if world.terrain in ("road", "canyon") or (world.terrain == "forest" and world.variety[4] < 0.6):
        free = free * smooth(3.0, 9.0, axis)
    if world.terrain == "lake":
        free = free * smooth(0.8, 1.6, relief)
    return free * (1.0 - smooth(90.0, 150.0, relief)) if world.terrain in ("lake", "mountains") else free


class Wood:
    """Trees, bushes: cones or domes about points of a jittered grid."""

    def __init__(self, trees: Trees, seed: int, device: torch.device) -> None:
        self.trees = trees
        self.dice = _dice(seed, device)
        wide = 0.22 if trees.conifers else 0.55
        self.wavy = 0.14 if trees.conifers else 0.24
        self.radius = min(0.32 * trees.spacing, wide * trees.height)

    def height(self, local: Tensor, wild: Tensor) -> Tensor:
        tall, radius, offset = self.tree(local)
        far = smooth(*CANOPY, length(local))
        single = tall * self._outline(length(offset) / (radius * _rim(offset * (1.8 / self.radius), self.wavy)))
        return wild * torch.lerp(single, torch.full_like(single, 0.5 * self.trees.height * self.trees.share), far)

    def tree(self, local: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the square's tree: height (...), 0 for none, radius (...), and the way (..., 2) from its stem to here."""
        square = torch.floor(local / self.trees.spacing)
        dice = _throw(self.dice, square)
        stem = (square + 0.5 + 0.36 * (dice[..., :2] - 0.5)) * self.trees.spacing
        size = 0.55 + 0.45 * dice[..., 2]
        height = torch.where(dice[..., 3] < self.trees.share, self.trees.height * size, 0.0)
        return height, self.radius * size, local - stem

    def outward(self, local: Tensor) -> Tensor:
        """Local normal (..., 3) of the tree's outside."""
        tall, radius, offset = self.tree(local)
        away = length(offset)[..., None].clamp_min(1e-3)
        if self.trees.conifers:
            lean = torch.cat([offset / away, (radius / tall.clamp_min(1.0))[..., None]], -1)
            return lean / lean.norm(dim=-1, keepdim=True)
        round_ = torch.cat(
            [offset / radius[..., None], (1.05 - (away / radius[..., None]) ** 2).clamp_min(0.05).sqrt()], -1
        )
        return round_ / round_.norm(dim=-1, keepdim=True)

    def _outline(self, near: Tensor) -> Tensor:
        if self.trees.conifers:
            tiers = near * 7.0
            return (1.0 - (0.5 * near + (torch.floor(tiers) + smooth(0.55, 1.0, tiers % 1.0)) / 14.0)).clamp_min(0.0)
        return (1.0 - near * near).clamp_min(0.0).sqrt()


@dataclass(frozen=True, slots=True)
class Lot:
    """Where points lie in a city, all (...)."""

    along: Tensor  # metres from the middle of the nearest street that crosses
    across: Tensor  # metres from the middle of the nearest street that runs along
    built: Tensor  # is there a house
    roof: Tensor  # metres
    dice: Tensor  # (..., 4) of the house


class Blocks:
    """A grid of streets and houses of many heights."""

    def __init__(self, world: World, device: torch.device) -> None:
        self.dice = _dice(world.seed, device)
        self.block = 58.0 + 34.0 * world.variety[0]
        self.walk = 4.6 + 2.4 * world.variety[1]  # half the road
        self.face = self.walk + 3.2  # half the street, from house to house
        self.shift = (0.3 + 0.4 * world.variety[2]) * self.block
        self.tall = 14.0 + 40.0 * world.variety[3] ** 2

    def height(self, local: Tensor, wild: Tensor) -> Tensor:
        lot = self.lot(local)
        return torch.where(lot.built, lot.roof, 0.0)

    def lot(self, local: Tensor) -> Lot:
        """Where points (..., 2) lie."""
        along, across = local[..., 0] + self.shift, local[..., 1]
        dice = _throw(
            self.dice, torch.stack([torch.floor(2 * along / self.block), torch.floor(2 * across / self.block)], -1)
        )
        street = [place - self.block * torch.round(place / self.block) for place in (along, across)]
        built = (street[0].abs() > self.face) & (street[1].abs() > self.face) & (dice[..., 3] < 0.94)
        roof = (
            STOREY
            * torch.floor(
                (7.0 + self.tall * (0.3 + dice[..., 0] + 1.3 * dice[..., 1].square() * dice[..., 1].square())) / STOREY
            )
            + 1.0
        )
        return Lot(street[0], street[1], built, roof, dice)

    def outward(self, lot: Lot) -> Tensor:
        """Local normal (..., 2) of the nearest wall."""
        a, b = lot.along.abs(), lot.across.abs()
        faces = torch.stack([a - self.face, self.block / 2 - a, b - self.face, self.block / 2 - b], -1).argmin(-1)
        to_street = torch.where(faces % 2 == 0, -1.0, 1.0)
        first = torch.where(faces < 2, to_street * torch.sign(lot.along), 0.0)
        second = torch.where(faces < 2, 0.0, to_street * torch.sign(lot.across))
        return torch.stack([first, second], -1)


def _rim(offset: Tensor, wavy: float) -> Tensor:
    """A wavy rim (...) of 1 and less around the stem, for offsets (..., 2)."""
    x, y = offset[..., 0], offset[..., 1]
    return 1.0 - wavy + wavy * torch.sin(2.9 * x + 1.3 * y) * torch.cos(3.1 * y - 1.1 * x)


def _dice(seed: int, device: torch.device) -> Tensor:
    draw = torch.Generator().manual_seed(seed + 2)
    return torch.rand(_DICE * _DICE, 4, generator=draw).to(device)


def _throw(dice: Tensor, square: Tensor) -> Tensor:
    """The four numbers 0..1 (..., 4) of each square (..., 2)."""
    wrapped = square.long() & (_DICE - 1)
    return dice[wrapped[..., 0] * _DICE + wrapped[..., 1]]
