"""`platewright ingest`: what a studio's check would find in a plate."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import narration
from .camera import CameraPath
from .errors import RequestError
from .protocol import frame_range, plate_size

Answer = dict[str, Any]


def declare(command: argparse.ArgumentParser) -> None:
    plate = "a plate, or a folder of exr, png or jpg with a frame number in each name"
    command.add_argument("plate", metavar="FRAMES_OR_PLATE", help=plate)
    command.add_argument("--camera", metavar="camera.json", help="the shot's camera (default: the plate's own)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="the range (default: the camera's)")
    command.add_argument("--size", type=_size, metavar="WxH", help="in pixels (default: the plate's camera's)")
    command.add_argument("--fps", type=_rate, metavar="N", help="24, 23.976 or 24000/1001 (default: the camera's)")
    space = "ACEScg, 'Linear Rec.709', sRGB or a colorInteropID (default: what plate.json says)"
    command.add_argument("--space", metavar="NAME", help=space)
    into = "where it is to be delivered: is this version free there?"
    command.add_argument("--into", metavar="DIR", help=into)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1920x1080")
    return plate_size((int(width), int(height)))


def _rate(text: str) -> Fraction:
    """Frames per second; 23.976 and its like are the exact NTSC rates."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate like 24 or 24000/1001") from None
    exact = Fraction(1000 * round(rate * Fraction(1001, 1000)), 1001)
    return exact if rate != round(rate) and abs(rate - exact) < Fraction(1, 200) else rate


def run(options: argparse.Namespace) -> Answer:
    from . import ingest

    wanted = ingest.Wanted(
        frames=options.frames,
        size=options.size,
        rate=options.fps,
        space=ingest.space_name(options.space) if options.space else None,
        camera=CameraPath.read(Path(options.camera)) if options.camera else None,
        into=Path(options.into) if options.into else None,
    )
    if options.fps is not None and options.fps <= 0:
        raise RequestError("E_VALUE", f"A plate does not play at {options.fps} fps.", "Give a rate above zero.")
    return ingest.ingest(Path(options.plate), wanted, narration.Narrator()).to_dict()


def say(answer: Answer) -> str:
    return "\n".join(answer["words"])
