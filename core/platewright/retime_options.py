"""`generate --retime`: the plate at another rate than its scene's."""

from __future__ import annotations

import argparse

from .camera import CameraPath
from .errors import RequestError

MODEL = "model"
AT_THE_SCENES_RATE = ("guide", "plate", "mask")    # what is numbered by scene frames


def declare(command: argparse.ArgumentParser) -> None:
    rate = "frames per second of the plate, or `model` for the model's own: the camera is sampled between the scene's"
    command.add_argument("--retime", type=rate_or_model, metavar="FPS", help=f"{rate} frames, no picture ever is")


def rate_or_model(text: str) -> float | str:
    """As typed; RequestError E_USAGE."""
    try:
        return MODEL if text == MODEL else float(text)
    except ValueError:
        raise RequestError("E_USAGE", f"--retime {text!r} is no rate.", "Write it like 16, or `model`.") from None


def timed(camera: CameraPath, options: argparse.Namespace) -> CameraPath:
    """The path at the rate that is asked for.

    RequestError E_RETIME for a model that has no rate of its own; E_USAGE beside what shows the scene frame by frame;
    and what `retiming.retimed` raises.
    """
    if options.retime is None:
        return camera
    from . import models, retiming

    if others := [name for name in AT_THE_SCENES_RATE if getattr(options, name)]:
        why = f"--retime does not go with --{others[0]}: its frames are the scene's."
        raise RequestError("E_USAGE", why, "Leave one of the two out.")
    fps = models.card(options.model).fps if options.retime == MODEL else float(options.retime)
    if fps is None:
        why = f"{options.model} was made for no rate: --retime {MODEL} means nothing to it."
        raise RequestError("E_RETIME", why, "Give frames per second.")
    return retiming.retimed(camera, fps)
