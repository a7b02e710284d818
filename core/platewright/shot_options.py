"""The options that say which shots a plate is made of: `--shots`, `--shot-list`, and `--jobs` for a farm."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import disk, shots
from .camera import CameraPath
from .errors import Cancelled, PlatewrightError, RequestError
from .protocol import Job
from .shots import ALL, Shot

Answer = dict[str, Any]

SHOT_TOKEN = "{shot}"
ALONE = {"handles": "its camera ends at the cut", "first_frame": "every shot begins with a picture of its own"}
SHOTS_OPTIONS = ("shots", "shot_list", "jobs")


def declare_choice(command: argparse.ArgumentParser) -> None:
    """Declare which shots, and what is said of them."""
    which = f"the shots of a camera that cuts: their names, or {ALL}; `platewright shots` lists them"
    command.add_argument("--shots", nargs="+", action="extend", metavar="NAME", help=which)
    listed = "a list of shots with a prompt, seed and still frame for each, as `platewright shots -o` begins one"
    command.add_argument("--shot-list", metavar="shots.json", help=listed)


def declare(command: argparse.ArgumentParser) -> None:
    """Those of `generate`."""
    declare_choice(command)
    farm = "write a job file per shot for `platewright run`, and make no plate here"
    command.add_argument("--jobs", metavar="DIR", help=farm)


def are_asked(options: argparse.Namespace) -> bool:
    """Whether plates of shots are wanted, and not one of the whole path."""
    return any(getattr(options, name) for name in SHOTS_OPTIONS)


def refuse_any(options: argparse.Namespace) -> None:
    """RequestError E_USAGE where a part of a plate is made anew."""
    if are_asked(options):
        raise RequestError("E_USAGE", "Shots do not go with --from.", "A plate is one shot already.")


def chosen(options: argparse.Namespace, camera: CameraPath) -> tuple[Shot, ...]:
    """The shots that are asked for, each with what the list says of it.

    Without --shots those of the list, and without a list all. Raises what `shots` raises.
    """
    found = shots.split(camera)
    listed = [ALL]
    if options.shot_list:
        entries = shots.read_list(Path(options.shot_list))
        found, listed = shots.applied(found, entries), [entry["name"] for entry in entries] or [ALL]
    found = shots.chosen(found, options.shots or listed)
    return shots.within(found, *options.frames) if options.frames else found


def refuse_shared(options: argparse.Namespace, found: tuple[Shot, ...]) -> None:
    """RequestError E_USAGE for what several shots cannot have in common."""
    for name, why in ALONE.items():
        if getattr(options, name) and (len(found) > 1 or name == "handles"):
            hint = f"One shot at a time: {why}." if name != "handles" else f"Leave it out: {why}."
            raise RequestError("E_USAGE", f"--{name.replace('_', '-')} does not go with --shots.", hint)


def template(name: str | None) -> str:
    """How the plates of shots are called: each by its shot, whatever else stands in the name."""
    given = name or SHOT_TOKEN
    return given if SHOT_TOKEN in given else f"{given}_{SHOT_TOKEN}"


def each(jobs: dict[str, Job], make: Callable[[Job], Answer]) -> Answer:
    """Make the plate of each shot; what goes wrong with one does not keep the others from being made.

    jobs   by the shot's name
    One shot answers as ever, with `shot`; several answer with a list of such answers, or errors, in `shots`.
    """
    if len(jobs) == 1:
        name, job = next(iter(jobs.items()))
        return {"shot": name, **make(job)}
    answers: list[Answer] = [{"shot": name, **_made(job, make)} for name, job in jobs.items()]
    codes = {answer.get("exit_code", 0) for answer in answers} - {0}
    seconds = round(sum(answer.get("seconds", 0.0) for answer in answers), 3)
    return {"shots": answers, "seconds": seconds, "exit_code": codes.pop() if len(codes) == 1 else int(bool(codes))}


def _made(job: Job, make: Callable[[Job], Answer]) -> Answer:
    try:
        return make(job)
    except Cancelled:
        raise
    except PlatewrightError as error:
        return {"error": error.to_dict(), "exit_code": error.exit_code}


def write_jobs(jobs: dict[str, Job], folder: Path) -> Answer:
    """A file per shot, `NAME.json`, for `platewright run`; PlateError where the folder does not take them."""
    with disk.refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder.resolve() / f"{name}.json" for name in jobs}
    for name, job in jobs.items():
        disk.write_json(files[name], job.to_dict())
    return {"jobs": [_told(name, job, files[name]) for name, job in jobs.items()]}


def _told(name: str, job: Job, file: Path) -> Answer:
    frames = job.request.camera.frames
    return {"shot": name, "file": str(file), "name": job.name, "first": frames[0], "last": frames[-1]}


def say(answer: Answer, say_plate: Callable[[Answer], str]) -> str:
    """What was made, or what went wrong, shot by shot; or the job files."""
    if "jobs" in answer:
        return "\n".join(job["file"] for job in answer["jobs"])
    if "shots" not in answer:
        return say_plate(answer)
    return "\n".join(_said(each, say_plate) for each in answer["shots"])


def _said(answer: Answer, say_plate: Callable[[Answer], str]) -> str:
    if "error" not in answer:
        return say_plate(answer)
    error = answer["error"]
    return f"{answer['shot']}: {error['code']}: {error['message']} {error['hint']}".rstrip()
