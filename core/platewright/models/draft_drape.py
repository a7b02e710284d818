"""A picture of what the camera sees at its first frame, seen again by every later one.

The picture is laid over what it shows: the scene's own surfaces where a depth guide tells of them, the ground under the
camera, and the sky, which no step brings nearer. Frames look at it there, so that the first one is the picture and all
others follow the camera exactly (camera mapping, as matte painters do it). What it never showed, beyond its edges and
behind the scene's surfaces, stays as it was painted, brought to the picture's tones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..camera import CameraPath
from ..conditioning import poses_and_lenses
from ..sights import FARTHEST, view_of
from .draft_scene import Told, guide_from, raised

FEATHER_PX = 24  # beyond the picture's edges its last pixels fade into what is painted
SOFT_PX = 7  # edges of what it shows are softened by
SLACK, SLACK_M = 0.02, 0.05  # how much farther than what the picture shows a point may be: a share, and metres
COARSE = (5.0, 12.0)  # enlarged so many times, the picture begins and ends to give way to what is painted
GAIN = (0.5, 2.0)  # that painted contrast may be changed by


class Drape:
    """One picture, laid over a scene."""

    def __init__(self, picture: Tensor, native: CameraPath, told: Told) -> None:
        """A picture (3, H, W), display sRGB, 0..1, of the first frame of a camera in its own pixels."""
        self._picture, self._told = picture[None], told
        self._size = native.width, native.height
        above = raised(native, told.ground_m)
        self._poses, self._lenses = poses_and_lenses(above)
        self._reached, _ = self._points(torch.tensor([0]))
        self._tones: list[tuple[Tensor, Tensor]] | None = None

    def over(self, painted: Tensor, frames: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) of some frames (N,) of the camera, 0..1, with the picture where it was seen.

        The first frame has to be among the first ones that are given: the tones are taken there.
        """
        reached, points = self._points(frames)
        is_land = (reached > 0)[:, None]
        if self._tones is None:
            self._tones = [_tones(painted[:1], self._picture, of) for of in (is_land[:1], ~is_land[:1])]
        (gain, shift), (sky_gain, sky_shift) = self._tones
        toned = torch.where(is_land, painted * gain + shift, painted * sky_gain + sky_shift).clamp(0, 1)
        places, share = self._seen(points, is_land)
        found = functional.grid_sample(
            self._picture.expand(len(frames), -1, -1, -1), places, "bicubic", "border", align_corners=False
        )
        return torch.lerp(toned, found.clamp(0, 1), share)

    def _points(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Distances (N, H, W) along the rays, 0 for the sky, and where they end (N, 3, H, W): from the first camera.

        Of the sky it is the ray itself.
        """
        poses, lenses = self._poses[frames], self._lenses[frames]
        view = view_of(poses, lenses, self._size, self._size, 0.0)
        down = -view.directions[:, 2]
        ground = view.origins[:, 2].float()[:, None, None] / down.clamp_min(1e-6)
        reached = torch.where((down > 0) & (ground < FARTHEST), ground, 0.0)
        if self._told.planes is not None:
            own = guide_from(self._told.planes[frames], poses, view).distance
            reached = torch.where(own > 0, own, reached)
        steps = (view.origins - self._poses[0, :3, 3]).float()[:, :, None, None]
        away = torch.where((reached > 0)[:, None], steps + view.directions * reached[:, None], view.directions)
        return reached, away

    def _seen(self, points: Tensor, is_land: Tensor) -> tuple[Tensor, Tensor]:
        """Where points (N, 3, H, W) are in the picture, -1..1 (N, H, W, 2); how much it tells of them (N, 1, H, W)."""
        width, height = self._size
        fx, fy, cx, cy = self._lenses[0].tolist()
        rotation = self._poses[0, :3, :3].float()
        x, y, z = torch.einsum("ji,njhw->inhw", rotation, points).unbind(0)
        ahead = z.clamp_min(1e-6)
        across, along = fx * x / ahead + cx, fy * y / ahead + cy
        beyond = torch.stack([-across, across - width, -along, along - height]).amax(0).clamp_min(0)
        share = (1 - beyond / FEATHER_PX).clamp(0, 1) * (z > 1e-6)
        places = torch.stack([2 * across / width - 1, 2 * along / height - 1], 3)
        if self._told.planes is not None:
            share = share * self._in_sight(points, is_land, places)
        return places, (_softened(share) * _fine(across, along))[:, None]

    def _in_sight(self, points: Tensor, is_land: Tensor, places: Tensor) -> Tensor:
        """1 where nothing stood before the points when the picture was taken (N, H, W)."""
        reached = self._reached[None].expand(len(points), -1, -1, -1)
        there = functional.grid_sample(reached, places, "nearest", "border", align_corners=False)[:, 0]
        is_near = points.norm(dim=1) <= there * (1 + SLACK) + SLACK_M
        return torch.where(is_land[:, 0], (there > 0) & is_near, there <= 0).float()


def _fine(across: Tensor, along: Tensor) -> Tensor:
    """1 where the picture is fine enough (N, H, W), by the share of its pixels that a pixel covers; 0 where smeared."""
    (right, below), (aside, down) = ([_step(values, axis) for axis in (2, 1)] for values in (across, along))
    times = (right * down - below * aside).abs().clamp_min(1e-6).rsqrt()
    first, last = COARSE
    return ((last - times) / (last - first)).clamp(0, 1)


def _step(values: Tensor, axis: int) -> Tensor:
    """Steps to the next row or column (N, H, W), the last one twice."""
    steps = values.diff(dim=axis)
    return torch.cat([steps, steps.narrow(axis, -1, 1)], axis)


def _softened(share: Tensor) -> Tensor:
    """A mask (N, H, W) with soft edges that lie within it."""
    blurred = functional.avg_pool2d(share, SOFT_PX, 1, SOFT_PX // 2, count_include_pad=False)
    return share * ((blurred - 0.5) * 2).clamp(0, 1)


def _tones(painted: Tensor, wanted: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and shift (1, 3, 1, 1) that bring what is painted of a part of the picture to the wanted tones there."""
    count = of.sum().clamp_min(1)
    means = [(picture * of).sum((2, 3), keepdim=True) / count for picture in (painted, wanted)]
    pairs = zip((painted, wanted), means, strict=True)
    spreads = [(((picture - mean) * of) ** 2).sum((2, 3), keepdim=True) / count for picture, mean in pairs]
    gain = (spreads[1] / spreads[0].clamp_min(1e-6)).sqrt().clamp(*GAIN)
    return gain, means[1] - gain * means[0]
