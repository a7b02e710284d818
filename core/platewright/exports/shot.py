"""What is exported: a camera, and the frames of a plate, of a folder, or none.

A pixel's aspect is its width over its height, and a camera tells it: fy / fx.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import plate_file, sequences
from ..camera import CameraPath
from ..errors import RequestError
from ..frame_tags import pixel_aspect
from ..values import slug

DISPLAY = frozenset({"png", "jpg", "jpeg"})        # display-referred sRGB, unless a manifest says otherwise
_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)                     # as `sequences` takes names apart


@dataclass(frozen=True, slots=True)
class Numbered:
    """Numbered files of one folder: `<before>1001<after>`."""

    folder: Path
    before: str
    after: str                                     # with the suffix
    digits: int                                    # at least; more where the number needs them
    first: int
    last: int

    @classmethod
    def of(cls, files: dict[int, Path]) -> Numbered:
        """Of `sequences.frames_of`; RequestError E_EXPORT_FRAMES where a frame is missing or numbers are not alike."""
        first, last = min(files), max(files)
        path = files[first]
        if gaps := sorted(set(range(first, last + 1)) - set(files)):
            why = f"Frame {gaps[0]} of {path.parent} is missing."
            raise RequestError("E_EXPORT_FRAMES", why, "Fetch it, or make it again: every frame is needed.")
        named = _NUMBER.fullmatch(path.stem)
        assert named, "a frame has a number"
        found = cls(path.parent, named[1], named[3] + path.suffix, len(named[2]), first, last)
        strange = next((path for frame, path in files.items() if path.name != found.name(frame)), None)
        if strange:
            why = f"{strange.name} is not numbered like {path.name}."
            raise RequestError("E_EXPORT_FRAMES", why, "Give all frames as many digits.")
        return found

    def name(self, frame: int) -> str:
        """The file of a frame."""
        return f"{self.before}{frame:0{self.digits}d}{self.after}"

    @property
    def pattern(self) -> str:
        """The name as printf, Nuke and others write it: `plate.%04d.exr`."""
        return f"{self.before}%0{self.digits}d{self.after}"

    @property
    def kind(self) -> str:
        """exr, png, jpg ..."""
        return self.after.rpartition(".")[2].lower()


@dataclass(frozen=True, slots=True)
class Shot:
    """A camera, and what was made or filmed with it."""

    name: str                                      # what the exported files are called
    camera: CameraPath
    frames: Numbered | None
    manifest: dict[str, Any] | None                # of a plate
    foreground: Numbered | None = None             # what stands before the plate
    foreground_size: tuple[int, int] = (0, 0)

    @classmethod
    def read(cls, source: Path, camera: CameraPath | None = None) -> Shot:
        """A plate, a folder of frames with their camera, or a camera.json.

        RequestError E_EXPORT_FRAMES, E_EXPORT_CAMERA, and what reading cameras, manifests and folders raises.
        """
        if source.is_file():
            return cls(slug(source.name.partition(".")[0]), camera or CameraPath.read(source), None, None)
        files = sequences.frames_of(source)
        frames = Numbered.of(files)
        manifest = plate_file.read_manifest(source) if (source / "plate.json").exists() else None
        if camera is None and manifest is None:
            hint = "Add --camera camera.json; plates bring their own."
            raise RequestError("E_EXPORT_CAMERA", f"{source} does not say which camera its frames show.", hint)
        path = camera or CameraPath.read(source / "camera.json")
        path = path.window(frames.first, frames.last)
        size = sequences.common_size([files[frames.first]])
        if size != (path.width, path.height):
            raise sequences.other_size(files[frames.first], size, (path.width, path.height))
        return cls(slug(source.resolve().name), path, frames, manifest)

    def part(self, first: int, last: int) -> Shot:
        """The frames from `first` to `last`; RequestError E_RANGE."""
        frames = self.frames and replace(self.frames, first=first, last=last)
        return replace(self, camera=self.camera.window(first, last), frames=frames)

    def bent_by(self, lens: dict[str, Any] | None) -> Shot:
        """With the lens of another camera file."""
        return replace(self, camera=replace(self.camera, lens_distortion=lens))

    def under(self, folder: Path) -> Shot:
        """With a foreground; RequestError as `sequences.frames_of` and `Numbered.of`."""
        files = sequences.frames_of(folder)
        frames = Numbered.of(files)
        return replace(self, foreground=frames, foreground_size=sequences.common_size([files[frames.first]]))

    @property
    def pixel_aspect(self) -> float:
        """Width over height of a pixel, as the frames' headers say."""
        return pixel_aspect(self.camera.intrinsics[0])

    @property
    def colour(self) -> str:
        """The colour space of the frames by its interop name; empty where nobody says."""
        if self.manifest:
            return str(((self.manifest.get("picture") or {}).get("colour") or {}).get("space", ""))
        return "srgb_rec709_scene" if self.frames and self.frames.kind in DISPLAY else ""

    def facts(self) -> dict[str, Any]:
        """What is worth telling whoever finds an export: never a prompt, never an absolute path."""
        manifest = self.manifest or {}
        rate = self.camera.rate
        known = {
            "plate": manifest.get("plate"),
            "model": (manifest.get("model") or {}).get("name"),
            "request_sha256": manifest.get("request_sha256"),
            "verdict": (manifest.get("match") or {}).get("verdict"),
            "camera": self.camera.camera,
            "rate": f"{rate.numerator}/{rate.denominator}",
            "width": self.camera.width,
            "height": self.camera.height,
            "pixel_aspect": self.pixel_aspect,
            "colour": self.colour or None,
        }
        return {name: value for name, value in known.items() if value is not None}


def relative(target: Path, folder: Path) -> str:
    """The path from `folder` to `target` with slashes; absolute where no relative one leads there (another drive)."""
    try:
        return Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return target.resolve().as_posix()


def relative_url(target: Path, folder: Path) -> str:
    """The same as a URL reference."""
    path = relative(target, folder)
    return target.resolve().as_uri() if os.path.isabs(path) else quote(path)
