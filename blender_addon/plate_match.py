"""How well a plate follows its camera, in the few words that a panel has room for. No Blender here.

A report comes with a job's answer, with a plate's manifest or inside a .blend: only figures of known names are kept.
"""

from __future__ import annotations

import json
import math
from typing import Any

Report = dict[str, Any]

WORDS = ("verdict", "reason", "parallax")
NUMBERS = ("uncertainty_px", "jitter_px", "rigidity", "world_scale", "usable_beyond_m", "frames", "frames_solved")
GROUPS = ("camera_error_px", "rotation_error_deg", "slide_px")
PARTS = ("mean", "p95", "max")
REASON_CHARS = 400

VERDICTS = {                                       # by the report's word: in words, and Blender's icon
    "locked": ("Locked to the camera", "CHECKMARK"),
    "follows": ("Follows the camera, not locked", "TRACKING"),
    "lost": ("Does not follow the camera", "ERROR"),
    "unsolved": ("Not measurable", "QUESTION"),
}
NOT_MEASURED = ("Not measured", "INFO")
TOLD = {"W_CAMERA_LOST", "W_CAMERA_UNSOLVED"}      # warnings that say what the verdict and its reason say


def kept(report: Any) -> Report | None:
    """What of a report may be shown: known words as text, known figures as finite numbers; None for no report."""
    if not isinstance(report, dict):
        return None
    groups = {name: report[name] for name in GROUPS if isinstance(report.get(name), dict)}
    before = report.get("before")
    if isinstance(before, dict):                   # the model's own pictures, of which one figure is worth a line
        groups["before"] = before["camera_error_px"] if isinstance(before.get("camera_error_px"), dict) else before
    return {
        **{name: report[name][:REASON_CHARS] for name in WORDS if isinstance(report.get(name), str)},
        **{name: report[name] for name in NUMBERS if is_number(report.get(name))},
        **{name: {part: group[part] for part in PARTS if is_number(group.get(part))} for name, group in groups.items()},
    }


def read(text: str) -> Report | None:
    """The same from JSON; None for what is none."""
    try:
        return kept(json.loads(text))
    except (ValueError, RecursionError):
        return None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def verdict(report: Report | None) -> tuple[str, str]:
    """The verdict in words and its icon; what nobody measured is never called good."""
    return VERDICTS.get(report.get("verdict", ""), NOT_MEASURED) if report else NOT_MEASURED


def in_short(report: Report | None) -> str:
    """One word and one figure."""
    if not report or report.get("verdict") not in VERDICTS:
        return "not measured"
    often = measure(report.get("camera_error_px", {}).get("p95"), "px")
    return f"{report['verdict']}, {often}" if often else str(report["verdict"])


def reason(report: Report | None) -> str:
    """Why it is not locked; empty where there is nothing to add."""
    return str(report.get("reason", "")) if report and report.get("verdict") != "locked" else ""


def figures(report: Report | None) -> list[tuple[str, str]]:
    """Name and value with its unit, of what is known, short enough for a sidebar.

    The world's scale is told even where it is not known: without it CG may slide on the ground of a locked plate.
    """
    report = report or {}
    error, turn, slide, before = (report.get(name, {}) for name in (*GROUPS, "before"))
    beyond = report.get("usable_beyond_m")
    rows = [
        ("Error", worst(error, "px")),
        ("Before", "" if before == error else worst(before, "px")),
        ("Doubt", measure(report.get("uncertainty_px"), "px")),
        ("Jitter", measure(report.get("jitter_px"), "px")),
        ("Rotation", measure(turn.get("mean"), "\N{DEGREE SIGN}", " on average")),
        ("Rigid", percent(report.get("rigidity"))),
        ("Slide", worst(slide, "px")),
        ("Usable", "at any depth" if beyond == 0 else measure(beyond, "m and beyond")),
    ]
    known = [(name, value) for name, value in rows if value]
    return [*known, ("Scale", measure(report.get("world_scale"), "") or "not measured")] if known else []


def worst(group: dict[str, float], unit: str) -> str:
    """Nearly always, and at most."""
    often, most = measure(group.get("p95"), unit), measure(group.get("max"), unit)
    return f"{often}, max {most}" if often and most else often


def measure(value: float | None, unit: str, more: str = "") -> str:
    """About three digits and the unit; empty for None."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.095 else 3
    return f"{value:.{digits}f}{'' if unit in ('', chr(176)) else ' '}{unit}{more}"


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "" if share is None else f"{100 * share:.0f} %"
