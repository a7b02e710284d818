"""What the draft model is told of a scene beside words: its camera, its ground, its sun, the artist's depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..camera import CameraPath
from ..conditioning import conditioning_tensors, poses_and_lenses
from ..guides import FARTHEST_M, NEAREST_M, DepthGuide, as_seen, read_depth
from ..nets.draft_denoiser import light_beside
from ..protocol import PlateRequest
from ..sights import LOWEST_CAMERA, Guide, View, sights, sun_direction, view_of
from ..world_noise import WorldNoise

EYES_M = 1.6  # above the ground: where a camera is put that the scene has under it


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the scene."""

    seed: int  # of the world's noise
    ground_m: float
    sun: Tensor | None  # (3,) towards it
    planes: Tensor | None = None  # (F, H, W) planar depth of the scene's own surfaces, in the native camera's pixels

    @classmethod
    def nothing(cls, camera: CameraPath) -> Told:
        """All that is known when only a camera is given."""
        return cls(0, ground_under(camera, None)[0], None)

    @classmethod
    def by(cls, request: PlateRequest, camera: CameraPath, native: CameraPath) -> tuple[Told, str]:
        """What a request tells of the scene that a camera sees, and a warning, if there is one.

        Raises RequestError of a guide that is gone, changed or cannot be read.
        """
        ground_m, warning = ground_under(native, request.ground_m)
        sun = None if request.sun is None else sun_direction(*request.sun)
        return cls(request.seed, ground_m, sun, planes_of(request, camera, native)), warning


def ground_under(camera: CameraPath, ground_m: float | None) -> tuple[float, str]:
    """The height of the ground, world metres, 0 if nobody told; and a warning where it had to be lowered."""
    wanted = 0.0 if ground_m is None else ground_m
    lowest = min(pose[11] for pose in camera.camera_to_world)
    if lowest - wanted >= LOWEST_CAMERA:
        return wanted, ""
    lowered = lowest - EYES_M
    told = "the scene's ground" if ground_m is not None else "z = 0, where the ground is taken to be"
    return lowered, f"The camera goes below {told}; the model is given a ground at {lowered:.2f} m."


def planes_of(request: PlateRequest, camera: CameraPath, native: CameraPath) -> Tensor | None:
    """The artist's depth (F, H, W) as the native camera's pixels see it."""
    if request.guide is None:
        return None
    depth = DepthGuide.open(request.guide.opened(), request.camera)
    with as_seen(depth, camera) as folder:
        assert folder is not None
        files = DepthGuide.open(folder, camera).files
        planes = [planar_depth(files[frame], (native.width, native.height)) for frame in native.frames]
    return torch.from_numpy(np.stack(planes))


def planar_depth(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Depth (H, W) along the forward axis at a size, 0 where there is nothing."""
    depth = cv2.resize(read_depth(path), size, interpolation=cv2.INTER_NEAREST)
    return np.where(np.isfinite(depth) & (depth > NEAREST_M) & (depth < FARTHEST_M), depth, 0.0).astype(np.float32)


def guide_from(planes: Tensor, poses: Tensor, view: View) -> Guide:
    """Distances along a view's rays, and the surfaces' normals, of planar depth (F, H, W) seen by cameras (F, 4, 4)."""
    forward = poses[:, :3, 2].float()[:, :, None, None]
    return guide_along(planes / (view.directions * forward).sum(1).clamp_min(1e-3), view)


def guide_along(distance: Tensor, view: View) -> Guide:
    """Surfaces at distances (F, H, W) along the rays of a view; their normals from neighbours."""
    directions = view.directions
    points = directions * distance[:, None]
    across, down = (_steps(points, distance > 0, axis) for axis in (3, 2))
    normals = functional.normalize(torch.linalg.cross(down, across, dim=1), dim=1)
    facing = (normals * directions).sum(1, keepdim=True)
    normals = torch.where(facing > 0, -normals, normals) * (distance > 0)[:, None]
    return Guide(distance, normals)


def _steps(points: Tensor, is_solid: Tensor, axis: int) -> Tensor:
    """From each point (F, 3, H, W) to its neighbour along an axis, before or behind, whichever is nearer."""
    there = torch.where(is_solid[:, None], points, 1e6)
    size = points.shape[axis]
    first, last = there.narrow(axis, 0, 1), there.narrow(axis, size - 1, 1)
    ahead = torch.cat([there.narrow(axis, 1, size - 1), last + 1e6], axis) - there
    behind = there - torch.cat([first - 1e6, there.narrow(axis, 0, size - 1)], axis)
    return torch.where(ahead.norm(dim=1, keepdim=True) < behind.norm(dim=1, keepdim=True), ahead, behind)


def shown(
    camera: CameraPath, told: Told, guide: Guide | None, cells: tuple[int, int], fine: tuple[int, int]
) -> dict[str, Tensor]:
    """What tokens are given: rays of a grid of cells as `conditioning_tensors`, above the ground; sights; light.

    guide   of the rays of the grid `fine`
    sights  (F, SIGHTS, h, w) on the grid `fine`
    light   (F, LIGHT) as `light_beside`
    """
    above = raised(camera, told.ground_m)
    view = view_of(*poses_and_lenses(above), (camera.width, camera.height), fine, 0.0)
    seen = sights(view, WorldNoise(told.seed), seconds_of(camera), told.sun, guide)
    return {**conditioning_tensors(above, cells), "sights": seen, "light": light_beside(told.sun, view.headings)}


def looked(
    camera: CameraPath, told: Told, guide: Guide | None, frames: Tensor, noise: WorldNoise, device: torch.device
) -> tuple[Tensor, Tensor]:
    """What the decoder is given of some frames (N,), and their surfaces: sights of every pixel, and the light."""
    size = camera.width, camera.height
    poses, lenses = (tensor[frames].to(device) for tensor in poses_and_lenses(raised(camera, told.ground_m)))
    view = view_of(poses, lenses, size, size, 0.0)
    if guide is not None:
        guide = Guide(guide.distance.to(device), guide.normals.to(device))
    seen = sights(view, noise, seconds_of(camera)[frames].to(device), told.sun, guide)
    return seen, light_beside(told.sun, view.headings)


def raised(camera: CameraPath, ground_m: float) -> CameraPath:
    """The same path with heights above the ground."""
    poses = tuple((*pose[:11], pose[11] - ground_m, *pose[12:]) for pose in camera.camera_to_world)
    return replace(camera, camera_to_world=poses)


def seconds_of(camera: CameraPath) -> Tensor:
    """Time of each frame (F,) since the first."""
    return torch.arange(len(camera)) / camera.fps
