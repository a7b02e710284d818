"""What people read on the command line: a job's events as they come, and each command's answer."""

from __future__ import annotations

import sys
from typing import Any

from .protocol import Event, ModelCard, Progress, Stage, Warned

Answer = dict[str, Any]


class Narrator:
    """Tells a job's events on stderr: one line per stage, a running count where there is a terminal."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        self._counted = ""                         # what is counted at present
        self._told = -1                            # tenths of it already told when there is no terminal

    def __call__(self, event: Event) -> None:
        match event:
            case Stage(_, stage, detail):
                self._told = -1
                self._line(f"{stage}: {detail}" if detail else stage)
            case Progress(_, stage, done, total) if total:
                self._count(stage, done, total)
            case Warned(_, code, message):
                self._line(f"{code}: {message}")
            case _:
                pass

    def _count(self, stage: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if stage != self._counted:
            self._counted, self._told = stage, -1
        if self._is_live:
            sys.stderr.write(f"\r  {stage} {done}/{total}   " + ("\n" if done == total else ""))
            sys.stderr.flush()
        elif tenth > self._told:
            self._told = tenth
            self._line(f"  {stage} {done}/{total}")

    @staticmethod
    def _line(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def say_camera(answer: Answer) -> str:
    size, frames = f"{answer['width']}x{answer['height']}", f"{answer['first']}-{answer['last']}"
    head = f"{answer['camera']}: frames {frames}, {size}, {answer['fps']:g} fps -> {answer['file']}"
    return "\n".join([head, *(f"  {warning}" for warning in answer["warnings"])])


def say_guide(answer: Answer) -> str:
    if "view" in answer:
        return answer["view"]
    size, frames = f"{answer['width']}x{answer['height']}", f"{answer['first']}-{answer['last']}"
    head = f"{', '.join(answer['kinds'])}: frames {frames}, {size} -> {answer['guide']}"
    return "\n".join([head, *(f"  {warning}" for warning in answer["warnings"])])


def say_plate(answer: Answer) -> str:
    """The plate, how it was made, how well it follows; of several tries each."""
    made = f"{answer['frames']} frames"
    if answer["model"]:
        made += f" by {answer['model']} (seed {answer['seed']}) in {answer['seconds']:.1f} s on {answer['device']}"
    speed = answer.get("world_speed") or 1.0
    made += f"; what moves by itself runs at {speed:.3g} times its speed" if abs(speed - 1) > 1e-3 else ""
    rows = [answer["plate"], f"  {made}", f"  camera match: {_verdict(answer['match'])}"]
    for attempt in answer.get("tries", ()):
        rows.append(f"  try {attempt['plate']} (seed {attempt['seed']}): {_verdict(attempt['match'])}")
    return "\n".join(rows)


def say_check(answer: Answer) -> str:
    """Verdict and reason, the figures, the files."""
    rows = [_verdict(answer)]
    for name in ("camera_error_px", "uncertainty_px", "jitter_px", "rotation_error_deg", "rigidity", "world_scale"):
        if answer.get(name) is not None:
            rows.append(f"  {name:20} {_figure(answer[name])}")
    return "\n".join([*rows, *(f"  {file}" for file in answer.get("files", ()))])


def _verdict(match: Answer | None) -> str:
    return f"{match['verdict']}. {match['reason']}" if match else "not measured"


def _figure(value: Any) -> str:
    parts = value.items() if isinstance(value, dict) else [("", value)]
    return ", ".join(f"{part} {number:g}".strip() for part, number in parts)


def licence(card: ModelCard) -> str:
    """What a model's licence means for a plate of its, in one line: told before the work, kept in plate.json."""
    use = {"yes": "commercial use is free", "no": "no commercial use", "conditions": "commercial use on conditions"}
    where = f"; not in {card.territory}" if card.territory else ""
    terms = f" {card.terms}" if card.terms else ""
    return f"{card.title}: {card.licence}, {use[card.commercial]}{where}.{terms}"


def say_still(answer: Answer) -> str:
    return "frame {frame} as {model} sees it first, {width}x{height} -> {file}".format(**answer)


def say_conditioning(answer: Answer) -> str:
    return "\n".join([answer["file"], *(f"  {name} {tuple(shape)}" for name, shape in answer["tensors"].items())])


def say_doctor(answer: Answer) -> str:
    rows = []
    for finding in answer["findings"]:
        mark = "ok " if finding["is_well"] else ("!! " if finding["is_needed"] else "-- ")
        mend = f"  -> {finding['mend']}" if not finding["is_well"] else ""
        rows.append(f"{mark}{finding['name']:20} {finding['detail']}{mend}")
    return "\n".join([*rows, "All is well." if answer["ok"] else "Something is wrong: mend the lines marked !!."])
