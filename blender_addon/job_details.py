"""What went wrong, as somebody else needs it: code, words, versions. No secret, no home folder, no prompt unasked."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

import platewright
from platewright.errors import PlatewrightError

from . import jobs
from .words import in_panel_words

if TYPE_CHECKING:                                  # not at every start of Blender
    from .job_run import Run

NO_PROMPT = "[prompt]"
SECRETS = (                                        # what looks like one, and what is left of it
    (r"(?i)\b(hf|ghp|gho|github_pat|sk|glpat|xox[abp])[_-][A-Za-z0-9_-]{8,}", r"\1_..."),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", r"\1 ..."),
    (r"(?i)\b(\w*(?:token|secret|password|api_?key)\w*)(\s*[=:]\s*)[^\s,;&\"']+", r"\1\2..."),
    (r"(\w+://)[^/\s:@]+:[^/\s@]+@", r"\1...@"),
)


def details(error: PlatewrightError, run: Run | None, is_prompt_told: bool) -> str:
    """Lines of `name: value`."""
    rows = [("code", error.code), ("message", error.message), ("hint", in_panel_words(error.hint))]
    if run:
        rows += of_run(run, is_prompt_told)
    rows += versions()
    prompt = run.handle.job.request.prompt if run else ""
    return "\n".join(f"{name}: {clean(value, '' if is_prompt_told else prompt)}" for name, value in rows if value)


def of_run(run: Run, is_prompt_told: bool) -> list[tuple[str, str]]:
    """What was asked for and how far it came."""
    request = run.handle.job.request
    frames = request.camera.frames
    rows = [
        ("model", request.model),
        ("device", request.device),
        ("frames", f"{frames[0]}-{frames[-1]} at {request.camera.width}x{request.camera.height}"),
        ("seed", str(request.seed)),
        ("tries", str(run.handle.job.tries)),
        ("stage", f"{run.handle.stage} {run.handle.done}/{run.handle.total}, {len(run.handle.frames)} frames written"),
        ("warnings", ", ".join(each.code for each in run.handle.warnings)),
        ("job", run.handle.id),
    ]
    return [*rows, ("prompt", request.prompt)] if is_prompt_told else rows


def versions() -> list[tuple[str, str]]:
    """What runs here."""
    blender = f"{bpy.app.version_string} ({bpy.app.build_hash.decode('ascii', 'replace')})"
    missing = [each["name"] for each in jobs.state.check.findings if not each["is_well"]]
    return [
        ("Platewright", platewright.__version__),
        ("Blender", blender),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("runtime", jobs.state.runtime.python if jobs.state.runtime else "not started"),
        ("doctor", f"not well: {', '.join(missing)}" if missing else ""),
    ]


def clean(text: str, prompt: str) -> str:
    """Without the prompt, the name of the home folder, and what looks like a secret."""
    if prompt.strip():
        text = text.replace(prompt, NO_PROMPT)
    for home in {str(Path.home()), str(Path.home()).replace("\\", "/")} - {"/", ""}:
        text = text.replace(home, "~")
    for secret, rest in SECRETS:
        text = re.sub(secret, rest, text)
    return text
