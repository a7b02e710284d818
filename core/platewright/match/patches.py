"""What small pieces of a picture look like, and where they are found again: to a few hundredths of a pixel.

A patch is aligned by Gauss-Newton on an affine warp, inverse compositional (Baker and Matthews, "Lucas-Kanade 20 Years
On", IJCV 2004), with its mean and contrast taken out, so that exposure may change. It is always compared with the
picture that it was cut from: errors do not add up, as they do when each picture is compared with the one before.

Pixels here count from the first pixel's centre, as OpenCV's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
STEPS = 6                                          # of Gauss-Newton at most
SETTLED_PX = 0.01
STIFFNESS = 0.05                                   # against shearing and scaling, as a share of what holds the place
FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class Patches:
    """N patches of S = (2 radius + 1)^2 samples as they looked when they were cut."""

    samples: Floats                                # (N, S) weighted mean 0, weighted square sum 1
    solve: Floats                                  # (N, 6, S) from a difference to dx, dy and the warp's four, in radii
    radius: int

    @classmethod
    def cut(cls, picture: Floats, centre: Floats, radius: int) -> Self:
        """The patches of a picture (H, W) around `centre` (N, 2)."""
        straight = np.broadcast_to(np.eye(2, dtype=np.float32), (len(centre), 2, 2))
        wide = _sample(picture, centre, straight, radius + 1).reshape(len(centre), 2 * radius + 3, 2 * radius + 3)
        inner = wide[:, 1:-1, 1:-1].reshape(len(centre), (2 * radius + 1) ** 2)
        weight, (u, v) = _window(radius), _grid(radius) / radius
        samples, contrast = _normalised(inner, weight)
        slope_x = (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]).reshape(inner.shape) / (2 * contrast)
        slope_y = (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]).reshape(inner.shape) / (2 * contrast)
        slopes = np.stack([slope_x, slope_y, slope_x * u, slope_x * v, slope_y * u, slope_y * v], axis=1)
        slopes -= (slopes * weight).sum(-1, keepdims=True)
        slopes -= (slopes * weight * samples[:, None]).sum(-1, keepdims=True) * samples[:, None]
        weighted = slopes * weight
        normal = weighted @ slopes.transpose(0, 2, 1)
        held = normal[:, 0, 0] + normal[:, 1, 1]
        normal += np.diag([FLAT, FLAT, *4 * [STIFFNESS]]).astype(np.float32) * np.maximum(held, FLAT)[:, None, None]
        return cls(samples, np.linalg.inv(normal) @ weighted, radius)

    def __len__(self) -> int:
        return len(self.samples)

    def taken(self, which: NDArray[np.bool_]) -> Patches:
        """Those that `which` (N,) selects."""
        return Patches(self.samples[which], self.solve[which], self.radius)

    def joined(self, others: Patches) -> Patches:
        """These, then `others`."""
        samples = np.concatenate([self.samples, others.samples])
        return Patches(samples, np.concatenate([self.solve, others.solve]), self.radius)

    def replaced(self, which: NDArray[np.bool_], others: Patches) -> Patches:
        """These, with `others` in place of those that `which` (N,) selects."""
        samples, solve = self.samples.copy(), self.solve.copy()
        samples[which], solve[which] = others.samples, others.solve
        return Patches(samples, solve, self.radius)

    def find(self, picture: Floats, centre: Floats, warp: Floats) -> tuple[Floats, Floats, Floats]:
        """Where each patch lies in a picture (H, W), from a good guess of its centre (N, 2) and its warp (N, 2, 2).

        Returns centre (N, 2), warp (N, 2, 2) and the likeness (N,): the correlation of what is there with the patch,
        1 at best. Whether the answer is near the guess is for the caller to see.
        """
        centre, warp, likeness = centre.copy(), warp.copy(), np.zeros(len(centre), dtype=np.float32)
        weight = _window(self.radius)
        active = np.arange(len(centre))
        for _ in range(STEPS):
            seen, _ = _normalised(_sample(picture, centre[active], warp[active], self.radius), weight)
            likeness[active] = (seen * self.samples[active]) @ weight
            step = np.einsum("nks,ns->nk", self.solve[active], seen - self.samples[active])
            moved = np.einsum("nij,nj->ni", warp[active], step[:, :2])
            bent = np.eye(2, dtype=np.float32) + step[:, 2:].reshape(len(step), 2, 2) / self.radius
            centre[active] -= moved
            warp[active] = warp[active] @ np.linalg.inv(bent)
            active = active[np.hypot(moved[:, 0], moved[:, 1]) > SETTLED_PX]
        return centre, warp, likeness


def _grid(radius: int) -> Floats:
    """Offsets x and y of a patch's samples in pixels, (2, S)."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.stack([x.ravel(), y.ravel()]).astype(np.float32)


def _window(radius: int) -> Floats:
    """How much each sample counts, (S,), 1 in all: the middle counts most, and a warp barely moves it."""
    x, y = _grid(radius)
    weight = np.exp(-(x**2 + y**2) / (2 * (0.6 * radius) ** 2))
    return (weight / weight.sum()).astype(np.float32)


def _sample(picture: Floats, centre: Floats, warp: Floats, radius: int) -> Floats:
    """The picture's values under each warped patch, (N, S); the border goes on outside."""
    if not len(centre):                            # OpenCV refuses an empty question
        return np.zeros((0, (2 * radius + 1) ** 2), dtype=np.float32)
    place = centre[:, :, None] + warp @ _grid(radius)
    x, y = place[:, 0], place[:, 1]
    values = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, dtype=np.float32)


def _normalised(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Values (N, S) without their weighted mean and contrast, and that contrast (N, 1)."""
    values = (values - (values @ weight)[:, None]).astype(np.float32)
    contrast = np.maximum(np.sqrt(np.square(values) @ weight), np.float32(FLAT))[:, None]
    return (values / contrast).astype(np.float32), contrast.astype(np.float32)
