"""Camera and prompt as the embedded network sees them: a ray for each cell of each frame, and the words it knows.

The path's own frame: +Z up and z = 0 as in the world; the origin under the first camera; +X where it heads.
So heights and horizons are those of the scene, while place and heading mean nothing but motion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .camera import CameraPath
from .errors import CameraError

GROUND_WAVELENGTHS = (3.0, 12.0, 48.0)  # metres: coordinates on the ground, faded where cells are wider
LINKING = frozenset(
    "a an the of in at on by with under over and or to from into near above below through along across behind between "
    "beside before after during toward towards for is are as it its this that there where very some few all up "
    "down out".split()
)
FEATURES = 13 + 4 * len(GROUND_WAVELENGTHS)


def conditioning_tensors(camera: CameraPath, size: tuple[int, int]) -> dict[str, Tensor]:
    """The tensors the embedded model is given, float32, in the path's own frame.

    size         cells across and down; the view is the camera's whatever the size
    directions   (F, 3, H, W) unit rays through the centres of the cells
    moments      (F, 3, H, W) origin x direction: with `directions` the Pluecker coordinates of the rays
    origins      (F, 3) metres; z is the true height above the ground
    headings     (F,) radians around +Z, 0 at the first frame
    Computed in float64 after moving the origin, so a path far from the world's origin loses nothing.
    Raises CameraError E_CAMERA_EMPTY for a path without frames.
    """
    if not len(camera):
        raise CameraError("E_CAMERA_EMPTY", "The camera path has no frames.", "Choose a range of at least one frame.")
    poses, lenses = poses_and_lenses(camera)
    headings = heading_of(poses[:, :3, :3])
    turn = _around_up(-headings[0])
    origins = poses[:, :3, 3] - poses[0, :3, 3] * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    origins = origins @ turn.T
    directions = torch.einsum(
        "ij,fjk,fkhw->fihw", turn, poses[:, :3, :3], camera_rays(lenses, (camera.width, camera.height), size)
    )
    moments = torch.linalg.cross(origins[:, :, None, None].expand_as(directions), directions, dim=1)
    turned = torch.atan2(torch.sin(headings - headings[0]), torch.cos(headings - headings[0]))
    found = {"directions": directions, "moments": moments, "origins": origins, "headings": turned}
    return {name: tensor.to(torch.float32).contiguous() for name, tensor in found.items()}


def poses_and_lenses(camera: CameraPath) -> tuple[Tensor, Tensor]:
    """World from camera (F, 4, 4), OpenCV axes, metres; fx, fy, cx, cy (F, 4) in pixels; both float64."""
    poses = torch.tensor(camera.camera_to_world, dtype=torch.float64).reshape(-1, 4, 4)
    return poses, torch.tensor(camera.intrinsics, dtype=torch.float64)


def heading_of(rotations: Tensor) -> Tensor:
    """Where cameras head, radians around +Z from +X (F,); one that looks straight up or down: where its top points."""
    forward, top = rotations[:, :, 2], -rotations[:, :, 1]
    flat = torch.where((forward[:, 2].abs() < 0.9999)[:, None], forward, top * -torch.sign(forward[:, 2:3]))
    return torch.atan2(flat[:, 1], flat[:, 0])


def ray_features(directions: Tensor, origins: Tensor, headings: Tensor) -> Tensor:
    """What the network's first layer reads (B, F, FEATURES, H, W), bounded: rays relative to the first frame given.

    directions (B, F, 3, H, W), origins (B, F, 3), headings (B, F): slices of `conditioning_tensors`.
    Each window of a long path is seen from its own first frame, so windows far along a path look like any other.
    Per ray: direction, moment of the compressed origin, camera height, elevation at two sharpnesses, closeness of the
    ground, azimuth, and waves over the ground point, faded with the cell's size on the ground. No division by motion.
    """
    turn = _around_up(-headings[:, 0])
    rays = torch.einsum("bij,bfjhw->bfihw", turn, directions)
    start = origins[:, :1] * torch.tensor([1.0, 1.0, 0.0], dtype=origins.dtype, device=origins.device)
    place = torch.einsum("bij,bfj->bfi", turn, origins - start)
    compressed = torch.asinh(place / 2.0)[..., None, None].expand_as(rays)
    moments = torch.linalg.cross(compressed, rays, dim=2) / 2.0
    x, y, z = rays.unbind(2)
    height = place[:, :, 2].abs().clamp_min(0.05)[:, :, None, None].expand_as(z)
    flat = torch.sqrt(x * x + y * y).clamp_min(1e-4)
    drop = (-z).clamp_min(0.0)
    near = drop / (drop + 0.03 * height)
    scalars = [
        torch.log(height / 4.0) / 3.0,
        torch.tanh(6.0 * z),
        torch.tanh(30.0 * z),
        near,
        drop / (drop + 0.5 * height),
        x / flat,
        y / flat,
    ]
    return torch.cat([rays, moments, torch.stack(scalars, 2), _ground_waves(x, y, drop, height, place)], 2)


def _ground_waves(x: Tensor, y: Tensor, drop: Tensor, height: Tensor, place: Tensor) -> Tensor:
    """Sines and cosines of the ground point's coordinates (B, F, 4 * wavelengths, H, W), zero from the horizon up."""
    steps = height / drop.clamp_min(1e-3)
    ground_x = place[:, :, 0, None, None] + x * steps
    ground_y = place[:, :, 1, None, None] + y * steps
    waves = []
    for wavelength in GROUND_WAVELENGTHS:
        fade = torch.exp(-0.5 * (steps / (6.0 * wavelength)) ** 2) * (drop > 1e-3)
        phases = [2 * math.pi * g / wavelength for g in (ground_x, ground_y)]
        waves += [f(phase) * fade for phase in phases for f in (torch.sin, torch.cos)]
    return torch.stack(waves, 2)


def word_indices(text: str, vocabulary: Mapping[str, int]) -> tuple[list[int], list[str]]:
    """Indices of the words known, in order, and the words not known; case and plain endings do not matter."""
    known, unknown = [], []
    for word in re.findall(r"[^\W_]+", text.casefold()):
        found = next((vocabulary[form] for form in _forms(word) if form in vocabulary), None)
        if found is not None:
            known.append(found)
        elif word not in LINKING:
            unknown.append(word)
    return known, unknown


def _forms(word: str) -> list[str]:
    """The word, then what it may be a form of: mountain, mountains; snowing, snow; forested, forest; stormy, storm."""
    stems = [
        word[: -len(ending)]
        for ending in ("s", "es", "ed", "ing", "y", "ly")
        if word.endswith(ending) and len(word) > len(ending) + 2
    ]
    return [word, word + "s", word + "y", *stems, *(stem + "e" for stem in stems), *(stem + "s" for stem in stems)]


def camera_rays(lenses: Tensor, picture: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Unit rays (F, 3, H, W) in camera axes through the cells' centres, for lenses (F, 4) in pixels of the picture."""
    width, height = size
    u = (torch.arange(width, dtype=torch.float64) + 0.5) * (picture[0] / width)
    v = (torch.arange(height, dtype=torch.float64) + 0.5) * (picture[1] / height)
    x = (u[None, :] - lenses[:, 2:3]) / lenses[:, 0:1]
    y = (v[None, :] - lenses[:, 3:4]) / lenses[:, 1:2]
    x = x[:, None, :].expand(-1, height, -1)
    y = y[:, :, None].expand(-1, -1, width)
    rays = torch.stack([x, y, torch.ones_like(x)], 1)
    return rays / rays.norm(dim=1, keepdim=True)


def _around_up(angle: Tensor) -> Tensor:
    """Rotation (..., 3, 3) around +Z by an angle in radians."""
    c, s, o = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    return torch.stack([c, -s, o, s, c, o, o, o, o + 1], -1).reshape(*angle.shape, 3, 3)
