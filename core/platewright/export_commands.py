"""`platewright export`: a plate's camera, frames and lens for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .camera import CameraPath
from .exports import KINDS
from .values import frame_range

Answer = dict[str, Any]


def declare(command: argparse.ArgumentParser) -> None:
    """`export PLATE` writes all that needs nothing else; --to says what alone."""
    what = "a plate, a folder of frames with --camera, or a camera.json"
    command.add_argument("source", metavar="PLATE", help=what)
    kinds = ", ".join(f"{name} ({summary})" for name, summary in KINDS.items())
    command.add_argument("--to", nargs="+", action="extend", choices=tuple(KINDS), metavar="KIND", help=kinds)
    place = "where the files go (default: PLATE_export beside it)"
    command.add_argument("--out", metavar="DIR", help=place)
    command.add_argument("--camera", metavar="camera.json", help="the camera to export (default: the plate's own)")
    command.add_argument("--frames", type=frame_range, metavar="A-B", help="part of the range")
    bends = "the clip's lens: a SHOT.blend, or another camera.json (default: the one in the camera file)"
    command.add_argument("--lens", metavar="FILE", help=bends)
    front = "for nuke: the keyed foreground's frames (default: a node to connect it to)"
    command.add_argument("--foreground", metavar="DIR", help=front)
    command.add_argument("--replace", action="store_true", help="write over files that say something else")
    command.add_argument("--blender", help="for --lens SHOT.blend: a Blender, or a Python that has bpy")


def export(options: argparse.Namespace) -> Answer:
    """RequestError and PlateError as `exports.kinds.export`, and those of a Blender that is asked for a lens."""
    from .exports import kinds
    from .exports.shot import Shot

    source = Path(options.source)
    shot = Shot.read(source, CameraPath.read(Path(options.camera)) if options.camera else None)
    if options.frames:
        shot = shot.part(*options.frames)
    if options.lens:
        shot = shot.bent_by(_lens(Path(options.lens), options.blender))
    if options.foreground:
        shot = shot.under(Path(options.foreground))
    out = Path(options.out) if options.out else source.absolute().with_name(f"{shot.name}_export")
    return kinds.export(shot, options.to or (), out, options.replace)


def _lens(file: Path, blender: str | None) -> dict[str, Any] | None:
    """What a shot's or a camera file's clip has; RequestError E_LENS_NONE where that is nothing."""
    from . import host
    from .errors import RequestError

    is_shot = file.suffix.startswith(".blend")
    camera = host.read_camera(file, blender=blender) if is_shot else CameraPath.read(file)
    if camera.lens_distortion is None:
        hint = "Solve the clip's lens, and make it the camera's background, its constraint's clip or the active clip."
        raise RequestError("E_LENS_NONE", f"{file} holds no clip whose lens distorts.", hint)
    return camera.lens_distortion


def say(answer: Answer) -> str:
    """One line per file, with the kind it is of."""
    rows = [f"frames {answer['first']}-{answer['last']} -> {answer['out']}"]
    rows += [f"  {entry['kind']:10} {entry['file']}" for entry in answer["files"]]
    return "\n".join([*rows, *(f"  {warning}" for warning in answer["warnings"])])
