"""Pictures of a run: its curves, and sheets of samples."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy
from torch import Tensor

from .learning import Progress


def save_picture(path: Path, picture: Tensor) -> None:
    """(H, W, 3) display sRGB 0..1 as a PNG."""
    shown = (picture.clamp(0, 1) * 255 + 0.5).byte().numpy()
    if not cv2.imwrite(str(path), shown[:, :, ::-1]):
        raise OSError(f"could not write {path}")


def sheet(frames: Tensor, shown: tuple[int, ...]) -> Tensor:
    """Clips (B, F, H, W, 3) in -1..1 as rows, the frames `shown` side by side."""
    return (frames[:, list(shown)].permute(0, 2, 1, 3, 4).flatten(2, 3).flatten(0, 1) + 1) / 2


def save_curves(path: Path, progress: Progress) -> None:
    """Training loss (grey), held-out loss (blue) and held-out loss with the cameras exchanged (red) over steps."""
    steps = max(len(progress.losses), 2)
    curves = [((170, 170, 170), [(float(n), loss) for n, loss in enumerate(_smooth(progress.losses))])]
    for colour, name in (((200, 90, 20), "loss"), ((40, 40, 210), "loss_shuffled")):
        curves.append((colour, [(row["step"], row[name]) for row in progress.held_out]))
    top = max((value for _, points in curves for _, value in points), default=1.0)
    canvas = numpy.full((420, 760, 3), 255, numpy.uint8)
    for colour, points in curves:
        line = numpy.array([(50 + 690 * x / steps, 390 - 360 * y / top) for x, y in points], numpy.int32)
        cv2.polylines(canvas, [line.reshape(-1, 1, 2)], False, colour, 1, cv2.LINE_AA)
    for n in range(5):
        cv2.putText(
            canvas, f"{top * n / 4:.2f}", (4, 394 - 90 * n), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA
        )
    cv2.putText(
        canvas,
        f"{steps} steps   train grey, held out blue, cameras exchanged red",
        (60, 412),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.42,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )
    if not cv2.imwrite(str(path), canvas):
        raise OSError(f"could not write {path}")


def _smooth(values: list[float]) -> list[float]:
    mean, smoothed = values[0] if values else 0.0, []
    for value in values:
        mean += 0.05 * (value - mean)
        smoothed.append(mean)
    return smoothed
