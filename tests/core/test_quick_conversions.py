"""Conversions that are quick, against those of others that take longer: NumPy's halves, FFmpeg's YUV."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from platewright import colour, frame_files, previews


def test_every_half_comes_back_and_everything_between_is_rounded_as_numpy_does() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].reshape(-1, 1, 1).repeat(3, axis=2)
    assert np.array_equal(bits(frame_files.halves(finite.astype(np.float32))), bits(finite))
    draw = np.random.default_rng(1)
    wide = (draw.normal(0, 1, (90, 64, 3)) * 10.0 ** draw.integers(-9, 7, (90, 64, 3))).astype(np.float32)
    wide[0, 0] = -0.0, np.inf, -np.inf
    with np.errstate(over="ignore"):
        theirs = wide.astype(np.float16)
    assert np.array_equal(bits(frame_files.halves(wide)), bits(theirs))
    cut = (wide.view(np.uint32) & 0xFFFFE000).view(np.float32)
    assert not np.array_equal(bits(frame_files.halves(cut)), bits(theirs))     # cut off instead of rounded: guilty


def bits(halves: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(halves).view(np.uint16)


def test_the_curve_is_the_same_in_bands_as_pixel_by_pixel() -> None:
    shown = np.random.default_rng(2).random((101, 7, 3)).astype(np.float32)
    curve = ((shown.astype(np.float64) + 0.055) / 1.055) ** 2.4
    assert np.abs(colour.linear_from_srgb(shown) - np.where(shown <= 0.04045, shown / 12.92, curve)).max() < 1e-6


def test_a_previews_yuv_is_that_of_ffmpeg() -> None:
    """In patches, away from whose edges no filter of the colours plays a part."""
    patches = np.random.default_rng(3).integers(0, 256, (5, 6, 3))
    codes = np.kron(patches, np.ones((32, 32, 1))).astype(np.uint8)
    found = previews.yuv420p(codes).astype(int)
    theirs = ffmpeg(codes, Colorspace.ITU709)
    assert found.shape == theirs.shape == (240, 192)
    assert np.abs(found - theirs)[:160].max() <= 1
    middle = np.s_[:, 8::16, 8::16]
    one, other, old = (
        each[160:].reshape(2, 80, 96)[middle] for each in (found, theirs, ffmpeg(codes, Colorspace.ITU601))
    )
    assert np.abs(one - other).max() <= 1 < np.abs(one - old).max()            # another standard's: guilty


def ffmpeg(codes: np.ndarray, space: Colorspace) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(codes, format="rgb24")
    return frame.reformat(
        format="yuv420p", dst_colorspace=space, dst_color_range=ColorRange.MPEG
    ).to_ndarray().astype(int)  # fmt: skip
