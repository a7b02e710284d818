"""What Wan-Fun's Control-Camera models are told of a camera: Pluecker rays of every pixel, four frames to a latent one.

    pose      rel_i = inverse(c2w_0) @ c2w_i, so the first camera is the origin; lengths are metres times `scale`
    ray       d = R normalise((u - cx) / fx, (v - cy) / fy, 1) at the pixels' centres; o = t
    six       (o x d, d): the moment comes first
    packing   4k + 1 frames, the first one four times, then groups of four: channel = component * 4 + place in group

Formulas as in VideoX-Fun (data/utils.py, pipeline_wan2_2_fun_control.py); DiffSynth-Studio has the same. Their text
files hold world to camera; what the model itself is given is camera to world. Computed in float64, cast last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..camera import CameraPath
from ..errors import RequestError

Rays = NDArray[np.float32]
Poses = NDArray[np.float64]

GROUP = 4  # frames to a latent frame
COMPONENTS = 6


def relative_poses(camera: CameraPath, scale: float = 1.0) -> Poses:
    """Camera to first camera (F, 4, 4), float64; translations times `scale`, and not normalised."""
    world_from_camera = np.array(camera.camera_to_world, dtype=np.float64).reshape(-1, 4, 4)
    relative = np.linalg.inv(world_from_camera[0]) @ world_from_camera
    relative[:, :3, 3] *= scale
    relative[0] = np.eye(4)
    return relative


def lenses_at(camera: CameraPath, width: int, height: int) -> Poses:
    """fx, fy, cx, cy (F, 4) in pixels of a picture of another size, by the models' own rule.

    Where the shapes differ their rule is a crop about the middle: the view that is cut in one direction keeps its scale
    in the other, and the centre stays at its share of the picture.
    """
    focal_x, focal_y, centre_x, centre_y = np.array(camera.intrinsics, dtype=np.float64).T
    share_x, share_y = focal_x / camera.width, focal_y / camera.height
    of_pose, of_sample = camera.width / camera.height, width / height
    if of_pose > of_sample:
        share_x = share_x * height * of_pose / width
    else:
        share_y = share_y * (width / of_pose) / height
    shares = [share_x * width, share_y * height, centre_x / camera.width * width, centre_y / camera.height * height]
    return np.stack(shares, axis=1)


def frame_rays(pose: Poses, lens: Poses, width: int, height: int) -> Rays:
    """Pluecker rays (H, W, 6) of one frame, float32, from its relative pose (4, 4) and lens (4,)."""
    focal_x, focal_y, centre_x, centre_y = lens
    across = (np.arange(width) + 0.5 - centre_x) / focal_x
    down = (np.arange(height) + 0.5 - centre_y) / focal_y
    directions = np.stack(np.broadcast_arrays(across[None, :], down[:, None], 1.0), axis=-1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    directions = directions @ pose[:3, :3].T
    moments = np.cross(np.broadcast_to(pose[:3, 3], directions.shape), directions, axis=-1)
    return np.concatenate([moments, directions], axis=-1).astype(np.float32)


def plucker(camera: CameraPath, width: int, height: int, scale: float = 1.0) -> Rays:
    """Rays of the whole path (F, H, W, 6), float32."""
    lenses = lenses_at(camera, width, height)
    poses = relative_poses(camera, scale)
    return np.stack([frame_rays(pose, lens, width, height) for pose, lens in zip(poses, lenses, strict=True)])


def packed(rays: Rays) -> Rays:
    """(F, H, W, 6) as (1, 24, T, H, W) with F = 4(T - 1) + 1; RequestError E_FRAMES for another count."""
    return np.stack([_packed_group(rays, latent) for latent in range(latent_frames(len(rays)))], axis=1)[None]


def packed_groups(camera: CameraPath, width: int, height: int, scale: float = 1.0) -> Iterator[Rays]:
    """`packed` of the path one latent frame (24, H, W) at a time: nothing grows with its length."""
    lenses, poses = lenses_at(camera, width, height), relative_poses(camera, scale)
    for latent in range(latent_frames(len(camera))):
        members = sorted(set(group_frames(latent)))
        made = np.stack([frame_rays(poses[frame], lenses[frame], width, height) for frame in members])
        whole = made if latent else np.repeat(made, GROUP, axis=0)
        yield whole.transpose(3, 0, 1, 2).reshape(COMPONENTS * GROUP, height, width)


def latent_frames(frames: int) -> int:
    """T of 4(T - 1) + 1 frames; RequestError E_FRAMES."""
    if frames < 1 or (frames - 1) % GROUP:
        raise RequestError("E_FRAMES", f"{frames} frames are not 4k + 1.", "Hold the last pose until they are.")
    return (frames - 1) // GROUP + 1


def group_frames(latent: int) -> list[int]:
    """The frames behind a latent frame: the first has frame 0 four times."""
    return [max(0, GROUP * latent - GROUP + 1 + place) for place in range(GROUP)]


def _packed_group(rays: Rays, latent: int) -> Rays:
    members = rays[group_frames(latent)]
    return members.transpose(3, 0, 1, 2).reshape(COMPONENTS * GROUP, *rays.shape[1:3])
