"""What can be exported, and the writing of it: all that was asked for, or nothing.

A file that is there and says something else is somebody's work and is not replaced unless that is asked for; one that
is the same is left alone, so an export may be repeated.
"""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import disk
from ..errors import RequestError
from . import KINDS, chan, nuke, otio, poses, stmap, usd, working
from .shot import Shot

Name = Callable[[Shot], str]
Write = Callable[[Shot, Path, Path], None]         # the shot, a file to fill, and the folder where it is going to be


@dataclass(frozen=True, slots=True)
class Kind:
    """How one of `exports.KINDS` is made."""

    files: tuple[tuple[Name, Write], ...]
    needs_frames: bool = False
    needs_lens: bool = False
    warnings: Callable[[Shot], tuple[str, ...]] = field(default=lambda _: ())


_MAPS = (stmap.redistort_name, stmap.write_redistort), (stmap.undistort_name, stmap.write_undistort)
MAKERS = {
    "nuke": Kind(((nuke.name, nuke.write),), needs_frames=True),
    "chan": Kind(((chan.name, chan.write),), warnings=chan.warnings),
    "usd": Kind(((usd.name, usd.write),)),
    "otio": Kind(((otio.name, otio.write),), needs_frames=True),
    "re10k": Kind(((poses.re10k_name, poses.write_re10k),)),
    "cameractrl": Kind(((poses.cameractrl_name, poses.write_cameractrl),)),
    "stmap": Kind(_MAPS, needs_lens=True, warnings=stmap.warnings),
    "working": Kind(((working.name, working.write),), needs_lens=True),
}


def export(shot: Shot, wanted: Sequence[str], folder: Path, is_replacing: bool = False) -> dict[str, Any]:
    """Write the kinds named, or all that this shot has, into `folder`, which is made; the answer of the command.

    RequestError E_EXPORT_FRAMES, E_LENS_NONE ... for what was named and cannot be, E_EXPORT_EXISTS, E_EXPORT_PLATE,
    E_PATH, E_OUT_READONLY; PlateError as of `disk`.
    """
    shot, told = _with_usable_lens(shot, wanted)
    names = _asked(shot, wanted) if wanted else _possible(shot)
    if (folder / "plate.json").exists():
        hint = "Choose another folder: a plate holds what its plate.json lists, and nothing else."
        raise RequestError("E_EXPORT_PLATE", f"{folder} is a plate.", hint)
    told += [warning for kind in names for warning in MAKERS[kind].warnings(shot)]
    disk.check_folder(folder)
    with disk.refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written = [(kind, name(shot), write) for kind in names for name, write in MAKERS[kind].files]
    _write(shot, [(folder / name, write) for _, name, write in written], folder, is_replacing)
    return {
        "out": str(folder.resolve()),
        "files": [{"kind": kind, "file": name} for kind, name, _ in written],
        "first": shot.camera.frames[0],
        "last": shot.camera.frames[-1],
        "pixel_aspect": shot.pixel_aspect,
        "warnings": told,
    }


def _with_usable_lens(shot: Shot, wanted: Sequence[str]) -> tuple[Shot, list[str]]:
    """A lens that cannot be used is only told of, unless what is asked for needs one."""
    if shot.camera.lens_distortion is None or any(MAKERS[kind].needs_lens for kind in wanted):
        return shot, []
    try:
        stmap.needed(shot.camera, stmap.lens_of(shot.camera))
    except RequestError as error:
        return shot.bent_by(None), [f"W_LENS_UNUSED: nothing is bent. {error.message}"]
    return shot, []


def _possible(shot: Shot) -> list[str]:
    has_lens, has_frames = shot.camera.lens_distortion is not None, shot.frames is not None
    return [name for name, kind in MAKERS.items() if has_lens >= kind.needs_lens and has_frames >= kind.needs_frames]


def _asked(shot: Shot, wanted: Sequence[str]) -> list[str]:
    """Each once, in the order of KINDS; a script that bends brings its map."""
    brought = ["stmap"] if "nuke" in wanted and shot.camera.lens_distortion else []
    names = [name for name in KINDS if name in (*wanted, *brought)]
    if shot.frames is None and (name := next((name for name in names if MAKERS[name].needs_frames), None)):
        hint = "Give a plate, or a folder of frames with --camera."
        raise RequestError("E_EXPORT_FRAMES", f"{name} needs frames, and a camera file has none.", hint)
    if any(MAKERS[name].needs_lens for name in names):
        stmap.lens_of(shot.camera)
    return names


def _write(shot: Shot, files: Sequence[tuple[Path, Write]], folder: Path, is_replacing: bool) -> None:
    """All of them beside their names first, then under them."""
    with ExitStack() as staged:
        parts = [disk.Part(target) for target, _ in files]
        for part, (_, write) in zip(parts, files, strict=True):
            staged.callback(part.discard)
            with part.guarded():
                write(shot, part.path, folder)
        for part in parts:
            if part.target.exists() and not is_replacing and not filecmp.cmp(part.path, part.target, shallow=False):
                why = f"{part.target} is there and says something else."
                raise RequestError("E_EXPORT_EXISTS", why, "Export into another folder, or add --replace.")
        for part in parts:
            part.publish()
