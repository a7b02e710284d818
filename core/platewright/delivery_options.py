"""The options of `generate` that say how a plate is delivered."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .camera import CameraPath
from .delivery import BUILT_IN, COMPRESSIONS, PROXY_FORMATS, PROXY_SIZES, SPACES, Delivery, Studio
from .errors import RequestError
from .exports import working
from .inputs import Input, fingerprint

OPTIONS = (
    "space", "compression", "frame_offset", "proxy", "proxy_format", "keep_overscan", "overscan_window", "upscale",
    "working", "ocio",
)  # fmt: skip


def declare(command: argparse.ArgumentParser) -> None:
    """Declare them; that of the handles is declared with the rest of `generate`."""
    spaces = f"what the values of EXR frames mean: {', '.join(SPACES)} (default: linear-rec709), or a name of --ocio"
    command.add_argument("--space", metavar="NAME", help=spaces)
    config = "a studio's OpenColorIO configuration: a config.ocio, ocio://NAME of one built in, or env for $OCIO"
    command.add_argument("--ocio", metavar="CONFIG", help=config)
    source = "for --ocio, what it calls sRGB pictures (default: found by its usual names)"
    command.add_argument("--ocio-source", metavar="NAME", help=source)
    undone = "for --ocio, undo this view of a display: DISPLAY/VIEW; white becomes very bright, and 8-bit lights band"
    command.add_argument("--inverse-view", metavar="VIEW", help=undone)
    command.add_argument("--compression", choices=COMPRESSIONS, help="of EXR frames, lossless both (default: zip)")
    raised = "raise the scene's frame numbers by this: frame 1 of the scene is file 1001 with 1000"
    command.add_argument("--frame-offset", type=int, metavar="N", help=raised)
    command.add_argument("--proxy", choices=tuple(PROXY_SIZES), help="also write smaller pictures, in proxy/")
    command.add_argument("--proxy-format", choices=PROXY_FORMATS, help="default: jpg")
    around = "deliver this share of width and height around the view, too: frames are so much larger"
    command.add_argument("--keep-overscan", type=float, metavar="X", help=around)
    larger = "enlarge the model's pictures by this super-resolution model first (needs spandrel)"
    command.add_argument("--upscale", metavar="MODEL.safetensors", help=larger)
    straight = "make the undistorted working format, as large as a clip's picture needs it once it is bent again"
    command.add_argument("--working", action="store_true", default=None, help=straight)
    beyond = "that overscan lies outside the display window of EXR frames, as an EXR data window"
    command.add_argument("--overscan-window", action="store_true", default=None, help=beyond)


def refuse_any(options: argparse.Namespace) -> None:
    """RequestError E_USAGE for a plate whose delivery is settled."""
    given = [name for name in OPTIONS if getattr(options, name) is not None]
    if given:
        why = f"--{given[0].replace('_', '-')} does not go with --from."
        raise RequestError("E_USAGE", why, "The other frames of the plate stay as they are.")


def refuse_remake(document: Mapping[str, Any]) -> int:
    """What the frame numbers of a plate with this manifest were raised by.

    RequestError E_REMAKE where the way its frames were written is not known from the manifest alone.
    """
    asked = (document.get("request") or {}).get("delivery") or {}
    if {"studio", "overscan", "upscaler"} & set(asked):
        why = "The plate is in a studio's own colours, with overscan, or enlarged by a model."
        raise RequestError("E_REMAKE", why, "Make all of it again, with the options it was made with.")
    return int(asked.get("frame_offset", 0))


def delivery_of(options: argparse.Namespace) -> Delivery | None:
    """What was asked for; None where nothing was. RequestError E_USAGE, E_OCIO, E_INPUT_MISSING."""
    studio = _studio(options)
    asked = Delivery(
        space=None if studio else options.space,
        studio=studio,
        compression=options.compression or "zip",
        handles=options.handles or 0,
        frame_offset=options.frame_offset or 0,
        proxy=options.proxy,
        proxy_format=options.proxy_format or "jpg",
        overscan=options.keep_overscan or 0.0,
        is_windowed=bool(options.overscan_window),
        upscaler=Input.of(Path(options.upscale)) if options.upscale else None,
    )
    return None if asked == Delivery() else asked


def _studio(options: argparse.Namespace) -> Studio | None:
    given: str | None = options.ocio
    if given is None:
        if options.inverse_view or options.ocio_source:
            raise RequestError("E_USAGE", "A view or a source needs a configuration.", "Name it with --ocio.")
        return None
    if not options.space:
        raise RequestError("E_USAGE", "--ocio alone says no colour space.", "Name one of the configuration by --space.")
    if given == "env":
        given = os.environ.get("OCIO", "")
        if not given:
            raise RequestError("E_OCIO", "$OCIO is not set.", "Name the configuration: --ocio config.ocio.")
    source, view = options.ocio_source or "", options.inverse_view or ""
    if given.startswith(BUILT_IN):
        return Studio(given, hashlib.sha256(given.encode()).hexdigest(), options.space, source, view)
    path = Path(given)
    return Studio(str(path.resolve()), fingerprint(path), options.space, source, view)


def seen_through(camera: CameraPath, options: argparse.Namespace) -> CameraPath:
    """The camera that was read, or its working format; RequestError E_USAGE, and those of `exports.working`."""
    if not options.working:
        return camera
    if options.size:
        why = "--size does not go with --working, which has the size that the clip's lens needs."
        raise RequestError("E_USAGE", why, "Leave one of them out.")
    return working.camera(camera)


def delivered(camera: CameraPath, frames: tuple[int, int] | None, delivery: Delivery | None) -> CameraPath:
    """The frames that are made, under the numbers that they are delivered with.

    With `frames`, the cut, the handles lie around it; without, the path's outermost frames are handles.
    RequestError E_RANGE where the path has not all of them.
    """
    handles, offset = (delivery.handles, delivery.frame_offset) if delivery else (0, 0)
    if frames:
        try:
            camera = camera.window(frames[0] - handles, frames[1] + handles)
        except RequestError as error:
            hint = f"Read the camera with --frames {frames[0] - handles}-{frames[1] + handles}, handles and all."
            raise RequestError(error.code, error.message, hint if handles else error.hint) from None
    return camera.renumbered(offset) if offset else camera
