"""`platewright shots` and `platewright storyboard`: a camera that cuts, shot by shot."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from . import shot_options, shots
from .camera import CameraPath
from .values import frame_range, sun_direction

Answer = dict[str, Any]


def declare_list(command: argparse.ArgumentParser) -> None:
    """`shots camera.json` tells; -o begins a list to write prompts into."""
    command.add_argument("camera", metavar="camera.json", help="a camera path; where its camera changes a shot begins")
    shot_options.declare_choice(command)
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="part of the camera's range")
    begun = "also write them as a list, for a prompt, a seed and a still frame for each"
    command.add_argument("-o", "--output", metavar="shots.json", help=begun)


def listed(options: argparse.Namespace) -> Answer:
    """RequestError of a camera file, a list or a name; PlateError of a file that cannot be written."""
    from . import disk

    found = shot_options.chosen(options, CameraPath.read(Path(options.camera)))
    answer: Answer = {"shots": [{**shot.to_dict(), "frames": len(shot.camera)} for shot in found]}
    if options.output:
        text = json.dumps(shots.document(found), indent=1)         # people write into it
        disk.write_bytes(Path(options.output), f"{text}\n".encode("ascii"))
        answer["file"] = str(Path(options.output).resolve())
    return answer


def say_listed(answer: Answer) -> str:
    """A line per shot: name, frames, camera, and its prompt if it has one of its own."""
    wide = max(len(shot["name"]) for shot in answer["shots"])
    rows = [
        f"{shot['name']:{wide}}  {shot['first']}-{shot['last']}  {shot['camera']}"
        + (f"  {shot['prompt']}" if shot["prompt"] else "")
        for shot in answer["shots"]
    ]
    return "\n".join([*rows, *([answer["file"]] if "file" in answer else [])])


def declare_storyboard(command: argparse.ArgumentParser) -> None:
    """One still per shot."""
    command.add_argument("--camera", required=True, metavar="camera.json")
    shot_options.declare_choice(command)
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="part of the camera's range")
    command.add_argument("--prompt", default="", help="what the place looks like, where the list does not say it")
    command.add_argument("--negative", default="", help="what the pictures should not show")
    command.add_argument("--model", default="draft", help="draft (the default) or grid")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument("--title", default="", help="what stands on the sheet (default: the scene's name)")
    command.add_argument("--ground", type=float, metavar="Z", help="height of the scene's ground in metres")
    sun = "towards the sun: azimuth from +X towards +Y and elevation, degrees"
    command.add_argument("--sun", type=sun_direction, metavar="AZ,EL", help=sun)
    command.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, cuda:N, mps")
    signed = "give the sheet Content Credentials (default: where `platewright credentials` names a key)"
    command.add_argument("--sign", action=argparse.BooleanOptionalAction, help=signed)
    told = "what they tell of prompts: their hash, or the text as well (default: as was chosen with the key)"
    command.add_argument("--prompt-told", choices=("hash", "text"), help=told)
    command.add_argument("-o", "--output", required=True, metavar="sheet.png", help="stills go to sheet_stills/")


def storyboard(options: argparse.Namespace) -> Answer:
    """Raises what `storyboard.make` and `shot_options.chosen` raise."""
    from . import narration
    from . import storyboard as board

    found = shot_options.chosen(options, CameraPath.read(Path(options.camera)))
    wish = board.Wish(
        sheet=Path(options.output),
        title=options.title,
        model=options.model,
        prompt=options.prompt,
        negative=options.negative,
        seed=options.seed,
        device=options.device,
        ground_m=options.ground,
        sun=options.sun,
        sign=options.sign,
        prompt_told=options.prompt_told,
    )
    return board.make(found, wish, narration.Narrator())


def say_storyboard(answer: Answer) -> str:
    """The sheet, how long it took, and what went wrong."""
    count, drawn = len(answer["shots"]), len(answer["shots"]) - answer["kept"]
    kept = f", {answer['kept']} kept" if answer["kept"] else ""
    rows = [answer["sheet"], f"  {count} shots: {drawn} drawn in {answer['seconds']:.1f} s{kept}"]
    failed = ((shot["shot"], shot["error"]) for shot in answer["shots"] if shot["error"])
    return "\n".join([*rows, *(f"  {name}: {error['code']}: {error['message']}" for name, error in failed)])
