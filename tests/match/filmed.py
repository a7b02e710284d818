"""Rendered sequences by name, and what the check says of them; both are made once."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from platewright.camera import CameraPath
from platewright.match import Match, check
from platewright.match.footage import Footage
from platewright.match.matching import judged
from platewright.match.tracking import Tracks, follow
from tools import environments

HERE = Path(__file__).resolve().parent
MAKERS = ("render_sequences.py", "scenery.py", "textures.py")


@dataclass(frozen=True)
class Filmed:
    """A folder that render_sequences.py made."""

    folder: Path

    @property
    def frames(self) -> Path:
        return self.folder / "frames"

    @cached_property
    def camera(self) -> CameraPath:
        """The camera that should have been."""
        return CameraPath.read(self.folder / "camera.json")

    @cached_property
    def true(self) -> CameraPath:
        """The camera that took the pictures."""
        other = self.folder / "true_camera.json"
        return CameraPath.read(other) if other.exists() else self.camera


def library() -> Path:
    """Where the sequences of these very makers are kept."""
    makers = b"".join((HERE / name).read_bytes() for name in MAKERS)
    return environments.ROOT / ".lanes" / f"sequences-{hashlib.sha256(makers).hexdigest()[:12]}"


@cache
def filmed(name: str) -> Filmed:
    """The sequence of that name; the first call renders all that are missing, which takes minutes."""
    folder = library() / name
    if not folder.exists():
        command = [environments.blender("5.0").python, HERE / MAKERS[0], library()]
        log = library().with_suffix(".log")
        env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        with log.open("wb") as out:
            subprocess.run(command, stdout=out, stderr=out, env=env, check=True)
    return Filmed(folder)


@cache
def true_match(name: str) -> Match:
    """The check of a sequence against the camera.json beside it."""
    return check(Footage.open(filmed(name).frames), filmed(name).camera)


def matched(frames: Path, camera: CameraPath, **options: Any) -> Match:
    """The check of an unmasked folder whose pictures do not change: they are followed once, whatever the camera."""
    footage = Footage.open(frames)
    return judged(footage, _followed(frames), camera, **options)


@cache
def _followed(frames: Path) -> Tracks:
    return follow(Footage.open(frames), None, lambda done, total: None)
