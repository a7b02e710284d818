"""Pictures of a run: its curves, and sheets of samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy
from torch import Tensor

from .progress import Progress

Colour = tuple[int, int, int]  # blue, green, red
TRAINED: Colour = (170, 170, 170)


def save_picture(path: Path, picture: Tensor) -> None:
    """(H, W, 3) display sRGB 0..1 as a PNG."""
    shown = (picture.clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()
    if not cv2.imwrite(str(path), shown[:, :, ::-1]):
        raise OSError(f"could not write {path}")


def sheet(frames: Tensor) -> Tensor:
    """Clips (B, N, H, W, 3) in -1..1 as rows of their frames."""
    return (frames.permute(0, 2, 1, 3, 4).flatten(2, 3).flatten(0, 1) + 1) / 2


def save_curves(path: Path, progress: Progress, shown: Mapping[str, Colour]) -> None:
    """Training loss in grey, and the held-out figures of these names, over steps."""
    steps = max(progress.step, 2)
    curves = [(TRAINED, [(float(n), loss) for n, loss in enumerate(_smooth(progress.losses))])]
    for name, colour in shown.items():
        curves.append((colour, [(row["step"], row[name]) for row in progress.held_out]))
    top = max((value for _, points in curves for _, value in points), default=1.0)
    canvas = numpy.full((420, 760, 3), 255, numpy.uint8)
    for colour, points in curves:
        line = numpy.array([(50 + 690 * x / steps, 390 - 360 * y / top) for x, y in points], numpy.int32)
        cv2.polylines(canvas, [line.reshape(-1, 1, 2)], False, colour, 1, cv2.LINE_AA)
    for n in range(5):
        _write(canvas, f"{top * n / 4:.2f}", (4, 394 - 90 * n), (0, 0, 0))
    _write(canvas, f"{steps} steps", (60, 412), (0, 0, 0))
    for n, (name, colour) in enumerate({"train": TRAINED, **shown}.items()):
        _write(canvas, name, (180 + 140 * n, 412), colour)
    if not cv2.imwrite(str(path), canvas):
        raise OSError(f"could not write {path}")


def _write(canvas: numpy.ndarray, text: str, place: tuple[int, int], colour: Colour) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def _smooth(values: list[float]) -> list[float]:
    mean, smoothed = values[0] if values else 0.0, []
    for value in values:
        mean += 0.03 * (value - mean)
        smoothed.append(mean)
    return smoothed
