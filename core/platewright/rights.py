"""Whose the first frames, guides and plates are that a plate is made from: asked once for each file, then remembered.

The answer is recorded in plate.json; nobody checks whether it is true. What it is kept under is the file's own hash, in
rights.json of the settings folder, so a file that was renamed is still known and one that was changed is not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from . import disk
from .errors import PlateError, RequestError
from .inputs import Input, real_rights
from .protocol import INPUTS, PlateRequest
from .settings_folder import settings_folder

FORMAT, VERSION, FILE = "platewright.rights", 1, "rights.json"
KEPT_MAX = 2000                                    # answers; the oldest are forgotten
_WHAT = {"first_frame": "first frame", "guide": "guide", "plate": "plate", "mask": "mask"}

Ask = Callable[[str], str]                         # "the first frame street.png" -> an answer as it was typed


def settled(request: PlateRequest, told: str | None, ask: Ask | None) -> PlateRequest:
    """The same request, each input with what was said of its rights: now, in it, or before.

    told   the answer for all of them; None: what is remembered, else `ask`, else nothing is recorded
    Raises RequestError E_VALUE for an answer that is none.
    """
    given: dict[str, Input] = {name: found for name in INPUTS if (found := getattr(request, name)) is not None}
    if not given:
        return request
    known = remembered()
    answers: dict[str, str] = {}
    for name, entry in given.items():
        answer = told or entry.rights or known.get(entry.sha256)
        answer = answer or (ask(f"the {_WHAT[name]} {entry.told()['name']}") if ask else None)
        if answer:
            answers[name] = real_rights(answer)
    _remember({given[name].sha256: answer for name, answer in answers.items()}, known)
    return replace(request, **{name: replace(given[name], rights=answer) for name, answer in answers.items()})


def asker() -> Ask | None:
    """Asks a person at a terminal; None where nobody sits there."""
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(what: str) -> str:
    """Until there is an answer; an empty one is unknown."""
    while True:
        sys.stderr.write(f"Whose is {what}? mine, licensed: by whom, or unknown: ")
        sys.stderr.flush()
        try:
            return real_rights(sys.stdin.readline().strip() or "unknown")
        except RequestError as error:
            sys.stderr.write(f"{error.for_people()}\n")


def remembered() -> dict[str, str]:
    """What was said before, by SHA-256; a file that cannot be used has nothing to say."""
    try:
        told = disk.read_json(settings_folder() / FILE)
    except (OSError, ValueError):
        return {}
    answers = told.get("answers") if (told.get("format"), told.get("version")) == (FORMAT, VERSION) else None
    return {str(key): str(answer) for key, answer in answers.items()} if isinstance(answers, dict) else {}


def _remember(new: dict[str, str], known: dict[str, str]) -> None:
    """Answers that cannot be kept are asked for again, and that is all."""
    if not new.items() - known.items():
        return
    rest = {key: answer for key, answer in known.items() if key not in new}
    answers = dict([*rest.items(), *new.items()][-KEPT_MAX:])
    try:
        settings_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write_json(settings_folder() / FILE, {"format": FORMAT, "version": VERSION, "answers": answers})
    except (OSError, PlateError):
        return
