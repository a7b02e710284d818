"""How well a plate follows its camera, and what to do about it, in the few words a panel has room for. No Blender here.

A report comes with a job's answer, with a plate's manifest or inside a .blend: only figures of known names are kept.
"""

from __future__ import annotations

import math
import re
from typing import Any

from .translations import say

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
    "unsolved": ("Could not be measured", "QUESTION"),
}
NOT_MEASURED = ("Not measured", "INFO")
MEASURED = ("locked", "follows", "lost")           # verdicts that stand on figures
REASON_SENTENCES = 2                               # the figures say the rest

BY_EYE = "Play it behind the scene and judge by eye."
ADVICE = {                                         # by the report's word: what an artist does next
    "follows": "Good for layout and far backgrounds; what stands near may slide. More tries may do better.",
    "lost": "Not to build on: make it again with another seed, with several tries or with another model.",
    "unsolved": "It may follow all the same. Play it behind the scene and judge by eye. A place with more to see, such "
    "as rocks, trees or houses, can be measured.",
}
NOT_CHECKED = "the check was left out"             # how a manifest puts it
SWITCH_ON = "Switch on Check under Match before the next plate."
TOLD = {"W_CAMERA_LOST", "W_CAMERA_UNSOLVED"}      # warnings that say what the verdict and its reason say
OF_THE_RUN = {"W_FRAME_PATH", "W_NO_GPU_LOCK", "W_RECORD", "W_SECOND_TRY"}     # of which no plate tells


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


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def verdict(report: Report | None) -> tuple[str, str]:
    """The verdict in words and its icon; what nobody measured is never called good."""
    return VERDICTS.get(report.get("verdict", ""), NOT_MEASURED) if report else NOT_MEASURED


def in_short(report: Report | None) -> str:
    """One figure, or how a plate is judged that has none."""
    word = report.get("verdict", "") if report else ""
    often = measure(report.get("camera_error_px", {}).get("p95"), "px") if report else ""
    return often or word if word in MEASURED else say("by eye")


def reason(report: Report | None, unmeasured: str = "") -> str:
    """Why it is not locked, or why nobody knows; empty where there is nothing to add."""
    if not report or report.get("verdict") not in VERDICTS:
        why = say(unmeasured)
        return f"{why[:1].upper()}{why[1:]}." if why else ""
    sentences = re.split(r"(?<=\.) (?=[A-Z])", str(report.get("reason", "")))
    return "" if report["verdict"] == "locked" else " ".join(sentences[:REASON_SENTENCES])


def advice(report: Report | None, unmeasured: str = "") -> str:
    """What to do with such a plate; empty where it is as it should be."""
    word = report.get("verdict", "") if report else ""
    if word not in VERDICTS:
        return f"{say(BY_EYE)} {say(SWITCH_ON)}" if unmeasured == NOT_CHECKED else BY_EYE
    return ADVICE.get(word, "")


def figures(report: Report | None) -> list[tuple[str, str]]:
    """Name and value with its unit, of what is known, short enough for a sidebar; nothing where nothing was measured.

    The world's scale is told even where it is not known: without it CG may slide on the ground of a locked plate.
    """
    if not report or report.get("verdict") not in MEASURED:
        return []
    error, turn, slide, before = (report.get(name, {}) for name in (*GROUPS, "before"))
    beyond = report.get("usable_beyond_m")
    doubt = measure(report.get("uncertainty_px"), "px")
    rows = [
        ("Off by", worst(error, "px")),
        ("Before lock", "" if before == error else worst(before, "px")),
        ("Accuracy", doubt and f"\N{PLUS-MINUS SIGN}{doubt}"),
        ("Jitter", measure(report.get("jitter_px"), "px")),
        ("Rotation", put("{value} off", measure(turn.get("mean"), "\N{DEGREE SIGN}"))),
        ("Rigid", put("{value} of points", percent(report.get("rigidity")))),
        ("CG slides", worst(slide, "px")),
        ("Good from", say("any distance") if beyond == 0 else put("{value} on", measure(beyond, "m"))),
    ]
    known = [(name, value) for name, value in rows if value]
    return [*known, ("World scale", measure(report.get("world_scale"), "") or say("not measured"))] if known else []


def worst(group: dict[str, float], unit: str) -> str:
    """Nearly always, and at most."""
    often, most = measure(group.get("p95"), unit), measure(group.get("max"), unit)
    return say("{often}, worst {most}", often=often, most=most) if often and most else often


def put(words: str, value: str) -> str:
    """A figure in words; empty where there is none."""
    return say(words, value=value) if value else ""


def measure(value: float | None, unit: str) -> str:
    """About three digits and the unit; empty for None."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.095 else 3
    return f"{value:.{digits}f}{'' if unit in ('', chr(176)) else ' '}{unit}"


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "" if share is None else f"{100 * share:.0f} %"
