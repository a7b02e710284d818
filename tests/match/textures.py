"""Pictures for surfaces: detail at every scale, as in photographs. All tile, all come from their seed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@cache                                             # one run renders many sequences
def fractal(size: int, seed: int, steepness: float = 1.0) -> Array:
    """Noise (size, size) in 0..1 whose amplitude falls like 1 / frequency**steepness: photographs have about 1."""
    draw = np.random.default_rng(seed)
    across, up = np.fft.rfftfreq(size, 1 / size), np.fft.fftfreq(size, 1 / size)
    frequency = np.maximum(np.hypot(up[:, None], across[None, :]), 1.0)
    spectrum = np.fft.rfft2(draw.standard_normal((size, size))) / frequency**steepness
    spectrum[0, 0] = 0
    return spread(np.fft.irfft2(spectrum, (size, size)))


def spread(values: NDArray[np.floating]) -> Array:
    """Values around 0.5, with 2.5 standard deviations to either end."""
    return np.clip(0.5 + (values - values.mean()) / (5 * values.std()), 0, 1).astype(np.float32)


def cells(size: int, across: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Stones in a jittered grid: how far each pixel is inside its own (in stones), and whose it is."""
    draw = np.random.default_rng(seed)
    seat = draw.uniform(0.05, 0.95, (across, across, 2)).astype(np.float32)
    axis = (np.arange(size, dtype=np.float32) + 0.5) * across / size
    row, column = np.meshgrid(axis.astype(int), axis.astype(int), indexing="ij")
    nearest = np.full((size, size), 9.0, np.float32)
    second, owner = nearest.copy(), np.zeros((size, size), np.int64)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            i, j = (row + down) % across, (column + right) % across
            away = np.hypot(row + down + seat[i, j, 0] - axis[:, None], column + right + seat[i, j, 1] - axis[None, :])
            second = np.minimum(second, np.maximum(nearest, away))
            owner = np.where(away < nearest, i * across + j, owner)
            nearest = np.minimum(nearest, away)
    return second - nearest, owner


@cache
def pebbles(size: int, across: int, seed: int) -> Array:
    """Grey stones, light and dark, dark between them, each with its own grain."""
    inside, owner = cells(size, across, seed)
    tone = np.random.default_rng(seed + 1).uniform(0.25, 0.95, across * across).astype(np.float32)[owner]
    return np.clip(tone * np.clip(0.35 + 3 * inside, 0, 1) * (0.6 + 0.8 * fractal(size, seed + 2, 0.8)), 0, 1)


def coloured(grey: Array, dark: tuple[float, float, float], light: tuple[float, float, float]) -> Array:
    """Grey (H, W) as colours (H, W, 3) between two."""
    return grey[..., None] * np.array(light, np.float32) + (1 - grey[..., None]) * np.array(dark, np.float32)


@cache
def meadow(size: int) -> Array:
    """Soil with stones, and grass where the noise says so; meant for some 24 m."""
    soil = coloured(0.5 * fractal(size, 11, 0.9) + 0.5 * pebbles(size, 40, 12), (0.16, 0.12, 0.09), (0.78, 0.70, 0.58))
    grass = coloured(fractal(size, 15, 0.55), (0.10, 0.15, 0.05), (0.52, 0.58, 0.26))
    where = np.clip((fractal(size, 16, 1.3) - 0.5) * 6 + 0.5, 0, 1)[..., None]
    return where * grass + (1 - where) * soil


@cache
def facade(size: int, seed: int) -> Array:
    """A wall for some 24 m: stained plaster, windows in rows, no two alike."""
    draw = np.random.default_rng(seed)
    tint = draw.uniform(0.75, 1.0, 3)
    wall = coloured(0.75 * fractal(size, seed + 1, 0.95) + 0.25 * fractal(size, seed + 2, 0.4),
                    tuple(0.22 * tint), tuple(0.95 * tint))  # fmt: skip
    metre = size // 24
    for floor in range(8):
        for bay in range(9):
            window(wall, draw, round((floor * 3.0 + 0.8) * metre), round((bay * 2.65 + 0.7) * metre), metre)
    return wall


def window(wall: Array, draw: np.random.Generator, bottom: int, left: int, metre: int) -> None:
    """Draw a window into the wall: frame, dark panes with their own reflections, a sill and the stain under it."""
    high, wide = round(draw.uniform(1.1, 1.7) * metre), round(draw.uniform(0.7, 1.3) * metre)
    bar = max(round(0.07 * metre), 1)
    wall[max(bottom - metre // 2, 0):bottom, left:left + wide] *= draw.uniform(0.65, 0.95)
    wall[bottom:bottom + high, left:left + wide] = draw.uniform(0.25, 0.95, 3)
    panes = int(draw.integers(1, 4))
    for pane in range(panes):
        start, end = (left + bar + (wide - bar) * part // panes for part in (pane, pane + 1))
        inside = wall[bottom + bar:bottom + high - bar, start:end - bar]
        slope = np.linspace(0, 1, max(inside.shape[0], 1), dtype=np.float32)[:, None, None]
        inside[:] = (draw.uniform(0.03, 0.35, 3) + slope * draw.uniform(-0.1, 0.3)).clip(0, 1)
    wall[bottom - bar:bottom + bar, left - bar:left + wide + bar] = draw.uniform(0.5, 0.9)


@cache
def bricks(size: int) -> Array:
    """Grey courses with mortar, meant for some 3 m."""
    draw = np.random.default_rng(31)
    rows, columns = 32, 12
    y, x = np.meshgrid(np.arange(size) / size * rows, np.arange(size) / size * columns, indexing="ij")
    x = (x + 0.5 * (y.astype(int) % 2)) % columns
    tone = draw.uniform(0.35, 0.8, (rows, columns))[y.astype(int) % rows, x.astype(int)]
    is_mortar = (y % 1 < 0.14) | (x % 1 < 0.06)
    return np.clip(np.where(is_mortar, 0.9, tone) * (0.6 + 0.8 * fractal(size, 32, 0.7)), 0, 1).astype(np.float32)


@cache
def cloth(size: int) -> Array:
    """Clothes of many colours, meant for some 8 m: a patch per garment, with folds."""
    _, owner = cells(size, 14, 41)
    colour = np.random.default_rng(42).uniform(0.05, 0.95, (14 * 14, 3)).astype(np.float32)[owner]
    return np.clip(colour * (0.35 + 1.3 * fractal(size, 43, 0.8))[..., None], 0, 1)


@cache
def sky(width: int, contrast: float) -> Array:
    """All around (width / 2, width, 3), row 0 at the nadir: a gradient, with a few faint clouds of that contrast."""
    up = np.linspace(-1, 1, width // 2, dtype=np.float32)[:, None, None].clip(0, 1) ** 0.6
    blue = (1 - up) * np.array([0.80, 0.85, 0.90], np.float32) + up * np.array([0.22, 0.38, 0.66], np.float32)
    puffs = np.clip((fractal(width, 51, 1.25)[: width // 2] - 0.42) * 2.6, 0, 1)
    shade = 0.55 + 0.45 * fractal(width, 52, 1.1)[: width // 2]
    cover = contrast * puffs[..., None]
    return (1 - cover) * blue + cover * shade[..., None]


@cache
def overcast(width: int) -> Array:
    """The same with clouds everywhere, of all sizes from twenty degrees down, dark bellies and bright rims."""
    tiles = [fractal(width // 8, seed, 1.0) for seed in (53, 54)]
    puffs, bellies = (np.tile(tile, (4, 8)) for tile in tiles)
    cover = np.clip((puffs - 0.38) * 4, 0, 1)[..., None]
    shade = 0.35 + 0.65 * bellies[..., None] * (1.3 - 0.6 * cover)
    return (1 - 0.9 * cover) * sky(width, 0.0) + 0.9 * cover * shade
