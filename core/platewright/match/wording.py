"""A report in few words: the verdict as a headline, and each figure with its name and unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NOT_KNOWN = "not known"
VERDICTS = {
    "locked": "Locked to the camera",
    "follows": "Follows the camera, not locked",
    "lost": "Does not follow the camera",
    "unsolved": "Could not be measured",
}


def figures(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value, with its unit, of everything worth a line."""
    error, rotation = report.get("camera_error_px") or {}, report.get("rotation_error_deg") or {}
    yield "Camera error, 95 % of frames", measure(error.get("p95"), "px")
    yield "Camera error, worst frame", measure(error.get("max"), "px")
    yield "Known to within", measure(report.get("uncertainty_px"), "px")
    yield "Jitter, frame to frame", measure(report.get("jitter_px"), "px")
    yield "Rotation error, mean", measure(rotation.get("mean"), "\N{DEGREE SIGN}")
    yield "Rotation error, worst", measure(rotation.get("max"), "\N{DEGREE SIGN}")
    yield "Explained by a rigid scene", measure(share(report.get("rigidity")), "%")
    yield "Parallax", report.get("parallax") or NOT_KNOWN
    scale = report.get("world_scale")
    yield "World scale", "not measured" if error.get("p95") is not None and scale is None else measure(scale, "")
    if slide := report.get("slide_px"):
        yield "Slide on the scene's ground", measure(slide.get("p95"), "px")
    if (beyond := report.get("usable_beyond_m")) is not None:
        yield "Usable beyond", measure(beyond, "m") if beyond else "everywhere"
    yield "Frames solved", f"{report.get('frames_solved') or 0} of {report['frames']}"


def measure(value: Any, unit: str) -> str:
    """Three digits and the unit; `not known` for None."""
    if not isinstance(value, int | float):
        return NOT_KNOWN
    digits = 2 if abs(value) >= 0.095 else 3
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.{digits}f}"
    return f"{text} {unit}".rstrip() if unit != "\N{DEGREE SIGN}" else f"{text}{unit}"


def share(value: Any) -> float | None:
    """A share as a percentage."""
    return 100 * value if isinstance(value, int | float) else None
