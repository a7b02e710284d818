"""The demo: a shot, its camera, its plate, the shot over the plate. Each step is a command a person could type."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import environments
from .environments import ROOT, SetupFailed

PROMPT = "alpine mountains at dusk, scattered clouds, cinematic"
MODEL = "draft"
NAME = "demo_BG01"
COMPOSED = (1001, 1016, 1032, 1048)        # the shot runs from 1001 to 1048

REPORT = """# {name}

{width} x {height}, {frames} frames, by the model `{model}` (seed {seed}) on {device}.
Prompt: *{prompt}*. Camera match: {match}.

![composed frames]({sheet})

| what | where |
|---|---|
{places}

| step | command | seconds |
|---|---|---|
{steps}
| all | | {seconds:.1f} |
"""


@dataclass(slots=True)
class Journal:
    """Runs the steps and remembers them for the report."""

    folder: Path
    total: int
    rows: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])

    def step(self, title: str, *command: str | Path, answers: bool = False) -> str:
        """Run one step with its words on the screen; what it wrote to stdout is returned if it `answers`."""
        words = [str(word) for word in command]
        print(f"[{len(self.rows) + 1}/{self.total}] {title}", flush=True)
        started = time.monotonic()
        pipe = subprocess.PIPE if answers else None
        done = subprocess.run(words, cwd=ROOT, stdout=pipe, text=True, check=False)
        if done.returncode:
            said = (done.stdout or "").rstrip()
            raise SetupFailed(f"{title}: exit code {done.returncode} from {shlex.join(words)}\n{said}".rstrip())
        seconds = time.monotonic() - started
        print(f"      {seconds:.1f} s", flush=True)
        self.rows.append((title, shlex.join(short(word) for word in words), seconds))
        return done.stdout or ""


def run(folder: Path) -> int:
    """Make everything in `folder`; again makes the next version of the plate."""
    folder.mkdir(parents=True, exist_ok=True)
    core, blender = environments.core(), environments.blender("5.0").python
    platewright = environments.executable(core.folder, "platewright")
    shot, camera = folder / "demo.blend", folder / "camera.json"
    journal = Journal(folder, total=5)

    journal.step("the shot", blender, "examples/demo_scene.py", "--out", shot)
    journal.step("its camera", platewright, "camera", shot, "-o", camera)
    generate = ("generate", "--camera", camera, "--prompt", PROMPT, "--model", MODEL, "--name", NAME, "--out", folder)
    answer = json.loads(journal.step("its plate", platewright, *generate, "--json", answers=True))
    plate = Path(answer["plate"])
    composed = folder / plate.name.replace(NAME, "composed")
    frames = ",".join(map(str, COMPOSED))
    compose = (shot, plate, "--frames", frames, "--out", composed)
    journal.step("the shot over its plate", blender, "examples/demo_compose.py", *compose)
    sheet = folder / f"{plate.name.replace(NAME, 'contact_sheet')}.png"
    journal.step("a contact sheet", core.python, "tools/contact_sheet.py", composed, "-o", sheet)

    report = folder / "report.md"
    places = {"the shot, with its plate": shot, "the plate": plate, "composed frames": composed, "the camera": camera}
    report.write_text(written(answer, places, sheet, journal), encoding="utf-8")
    for what, where in {**places, "contact sheet": sheet, "report": report}.items():
        print(f"  {what:26} {short(where)}")
    return 0


def written(answer: dict[str, Any], places: dict[str, Path], sheet: Path, journal: Journal) -> str:
    """The report: what was made, where it is, what ran and for how long."""
    camera = json.loads(places["the camera"].read_text(encoding="utf-8"))
    match = answer["match"]
    return REPORT.format(
        name=Path(answer["plate"]).name,
        width=camera["width"],
        height=camera["height"],
        frames=answer["frames"],
        model=answer["model"],
        seed=answer["seed"],
        device=answer.get("device", "an unnamed device"),
        prompt=PROMPT,
        match="not measured" if match is None else match["verdict"],
        sheet=sheet.name,
        places="\n".join(f"| {what} | [{where.name}]({where.name}) |" for what, where in places.items()),
        steps="\n".join(f"| {title} | `{command}` | {seconds:.1f} |" for title, command, seconds in journal.rows),
        seconds=sum(seconds for _, _, seconds in journal.rows),
    )


def short(word: str | Path) -> str:
    """A path as seen from the checkout."""
    text = str(word)
    return text.removeprefix(str(ROOT) + os.sep)
