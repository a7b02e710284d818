"""Wan-Fun's camera a second time, from the published description and pixel by pixel: nothing of ours is used.

The way of VideoX-Fun's own tools: text rows `0 fx/W fy/H cx/W cy/H 0 0` and world to camera, then rays, then packing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from platewright.camera import CameraPath

Matrix = list[list[float]]


def text_rows(camera: CameraPath) -> list[list[float]]:
    """The rows of a pose file: four shares of the lens, then world to camera, 3 x 4."""
    rows: list[list[float]] = []
    for pose, (fx, fy, cx, cy) in zip(camera.camera_to_world, camera.intrinsics, strict=True):
        w2c = inverse([list(pose[4 * row : 4 * row + 4]) for row in range(4)])
        lens = [fx / camera.width, fy / camera.height, cx / camera.width, cy / camera.height]
        rows.append([0.0, *lens, 0.0, 0.0, *(value for row in w2c[:3] for value in row)])
    return rows


def inverse(pose: Matrix) -> Matrix:
    """Of a rigid pose: the transposed rotation, and the translation turned back."""
    turned = [[pose[j][i] for j in range(3)] for i in range(3)]
    moved = [-sum(turned[i][j] * pose[j][3] for j in range(3)) for i in range(3)]
    return [[*turned[i], moved[i]] for i in range(3)] + [[0.0, 0.0, 0.0, 1.0]]


def product(a: Matrix, b: Matrix) -> Matrix:
    return [[sum(a[i][k] * b[k][j] for k in range(4)) for j in range(4)] for i in range(4)]


def plucker(rows: list[list[float]], pose_size: tuple[int, int], width: int, height: int, scale: float = 1.0) -> Any:
    """(F, H, W, 6) from text rows, with the true size of the pictures that the poses are of."""
    w2c = [[row[7:11], row[11:15], row[15:19], [0.0, 0.0, 0.0, 1.0]] for row in rows]
    made = np.zeros((len(rows), height, width, 6))
    for frame, row in enumerate(rows):
        rel = product(w2c[0], inverse(w2c[frame]))
        fx, fy, cx, cy = row[1:5]
        aspect, sample_aspect = pose_size[0] / pose_size[1], width / height
        if aspect > sample_aspect:
            fx = fx * (height * aspect) / width
        else:
            fy = fy * (width / aspect) / height
        origin = [rel[i][3] * scale for i in range(3)]
        for v in range(height):
            for u in range(width):
                ray = [(u + 0.5 - cx * width) / (fx * width), (v + 0.5 - cy * height) / (fy * height), 1.0]
                length = math.sqrt(sum(value * value for value in ray))
                d = [sum(rel[i][j] * ray[j] / length for j in range(3)) for i in range(3)]
                moment = [origin[1] * d[2] - origin[2] * d[1], origin[2] * d[0] - origin[0] * d[2],
                          origin[0] * d[1] - origin[1] * d[0]]  # fmt: skip
                made[frame, v, u] = [*moment, *d]
    return made


def packed(rays: Any) -> Any:
    """(1, 24, T, H, W): frame 0 four times, then fours; channel = component * 4 + place."""
    frames = [rays[0]] * 4 + [rays[n] for n in range(1, len(rays))]
    made = np.zeros((1, 24, len(frames) // 4, *rays.shape[1:3]))
    for latent in range(len(frames) // 4):
        for place in range(4):
            for component in range(6):
                made[0, component * 4 + place, latent] = frames[4 * latent + place][:, :, component]
    return made


def adapter(weights: dict[str, Any], picture: Any, fold: int) -> Any:
    """(24, H, W) of one latent frame to (width, H / 2 fold, W / 2 fold), by the sums that convolutions are."""
    channels, height, width = picture.shape
    folded = np.zeros((channels * fold * fold, height // fold, width // fold))
    for channel in range(channels):
        for y in range(fold):
            for x in range(fold):
                folded[(channel * fold + y) * fold + x] = picture[channel, y::fold, x::fold]
    features = _convolved(folded, weights["conv.weight"], weights["conv.bias"], stride=2, margin=0)
    block = "residual_blocks.0."
    inner = _convolved(features, weights[block + "conv1.weight"], weights[block + "conv1.bias"], stride=1, margin=1)
    inner = np.maximum(inner, 0)
    return features + _convolved(inner, weights[block + "conv2.weight"], weights[block + "conv2.bias"], 1, 1)


def _convolved(picture: Any, weight: Any, bias: Any, stride: int, margin: int) -> Any:
    padded = np.pad(picture, ((0, 0), (margin, margin), (margin, margin)))
    size = weight.shape[2]
    down, across = ((side - size) // stride + 1 for side in padded.shape[1:])
    made = np.zeros((weight.shape[0], down, across))
    for row in range(down):
        for column in range(across):
            patch = padded[:, row * stride : row * stride + size, column * stride : column * stride + size]
            made[:, row, column] = (weight * patch[None]).sum((1, 2, 3)) + bias
    return made
