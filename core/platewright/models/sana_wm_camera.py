"""SANA-WM's camera: poses relative to the first one in metres, lenses in latent cells, a ray for every cell.

The axes are OpenCV's, as ours. All is computed in float64 and cast last: neither a path far from the world's origin
nor a camera far from where it started loses anything.
Sources: diffusers 0.42.1, `pipelines/sana_wm/cam_utils.py` (prepare_camera, compute_raymap) and
`models/transformers/transformer_sana_wm.py` (world_to_ray_mats); arXiv 2605.15178.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..camera import CameraPath

CELL_FRAMES = 8  # frames in a latent frame; the first holds one picture
CELL_PX = 32  # pixels across a latent cell

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


def latent_frames(frames: int) -> int:
    """Latent frames of a clip of 8k + 1 frames."""
    return (frames - 1) // CELL_FRAMES + 1


def camera_tensors(camera: CameraPath) -> dict[str, Floats]:
    """What the model's own pipeline computes for `camera`, at the model's size and with 8k + 1 frames; float32.

    raymap          (T, 20) world from camera, flattened, then the lens in cells; at frames 0, 8, 16, ...
    chunk_plucker   (48, T, h, w) direction then moment (o x d) of 8 frames each: channel = subframe * 6 + component
    """
    poses, lenses = relative_poses(camera), cell_lenses(camera)
    raymap = np.concatenate([poses[::CELL_FRAMES].reshape(-1, 16), lenses[::CELL_FRAMES]], axis=1)
    frames = subframes(len(camera))
    directions = world_rays(poses, lenses, cells(camera))
    origins = np.broadcast_to(poses[:, None, None, :3, 3], directions.shape)
    plucker = np.concatenate([directions, np.cross(origins, directions)], axis=-1).transpose(0, 3, 1, 2)
    chunks = plucker[frames].reshape(len(frames), -1, *plucker.shape[2:]).transpose(1, 0, 2, 3)
    return {"raymap": _cast(raymap), "chunk_plucker": _cast(chunks)}


def ray_transforms(camera: CameraPath) -> tuple[Floats, Floats]:
    """The matrices that carry world coordinates into each cell's own frame, and back: 2 x (T * h * w, 4, 4) float32.

    A cell's frame looks along its ray; its x axis is square to the camera's y axis.
    """
    poses, lenses = relative_poses(camera)[::CELL_FRAMES], cell_lenses(camera)[::CELL_FRAMES]
    z = world_rays(poses, lenses, cells(camera))
    x = _unit(np.cross(np.broadcast_to(poses[:, None, None, :3, 1], z.shape), z))
    world_from_ray = np.zeros((*z.shape[:3], 4, 4))
    world_from_ray[..., :3, :3] = np.stack([x, np.cross(z, x), z], axis=-1)
    world_from_ray[..., :3, 3] = poses[:, None, None, :3, 3]
    world_from_ray[..., 3, 3] = 1.0
    world_from_ray = world_from_ray.reshape(-1, 4, 4)
    return _cast(inverted(world_from_ray)), _cast(world_from_ray)


def relative_poses(camera: CameraPath) -> Doubles:
    """First camera from camera (F, 4, 4), metres: inv(T0) @ Ti, the first exactly the identity."""
    poses = np.asarray(camera.camera_to_world, dtype=np.float64).reshape(-1, 4, 4)
    relative = inverted(poses[:1]) @ poses
    relative[0] = np.eye(4)
    return relative


def cell_lenses(camera: CameraPath) -> Doubles:
    """fx, fy, cx, cy (F, 4) in latent cells.

    Cells are counted 0, 1, 2 ... without the half that our pixel centres have: so the model was trained, with cx in the
    middle of the picture, and so it wants to be asked.
    """
    across, down = cells(camera)
    scale = [across / camera.width, down / camera.height] * 2
    return np.asarray(camera.intrinsics, dtype=np.float64) * scale


def cells(camera: CameraPath) -> tuple[int, int]:
    """Latent cells across and down."""
    return camera.width // CELL_PX, camera.height // CELL_PX


def subframes(frames: int) -> NDArray[np.int64]:
    """The 8 frames (T, 8) that each latent frame is told of: 8t-7 .. 8t; the first is told of 0 .. 7."""
    last = CELL_FRAMES * np.arange(latent_frames(frames), dtype=np.int64)
    first = np.maximum(last - (CELL_FRAMES - 1), 0)
    return np.minimum(first[:, None] + np.arange(CELL_FRAMES), frames - 1)


def world_rays(poses: Doubles, lenses: Doubles, size: tuple[int, int]) -> Doubles:
    """Unit rays (F, h, w, 3) through the cells' origins, in the frame of the poses."""
    across, down = np.arange(size[0], dtype=np.float64), np.arange(size[1], dtype=np.float64)
    fx, fy, cx, cy = (lenses[:, n, None, None] for n in range(4))
    x, y = np.broadcast_arrays((across[None, None, :] - cx) / fx, (down[None, :, None] - cy) / fy)
    return _unit(np.einsum("fij,fhwj->fhwi", poses[:, :3, :3], np.stack([x, y, np.ones_like(x)], axis=-1)))


def inverted(poses: Doubles) -> Doubles:
    """The inverse of rigid 4x4 matrices (..., 4, 4)."""
    found = np.zeros_like(poses)
    turned = np.swapaxes(poses[..., :3, :3], -1, -2)
    found[..., :3, :3] = turned
    found[..., :3, 3] = -np.einsum("...ij,...j->...i", turned, poses[..., :3, 3])
    found[..., 3, 3] = 1.0
    return found


def _unit(vectors: Doubles) -> Doubles:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _cast(numbers: Doubles) -> Floats:
    return np.ascontiguousarray(numbers, dtype=np.float32)
