"""A folder of guides: pictures of what a scene's camera sees, drawn from the scene, for models that paint over them.

    camera.json                the view that they show: the scene's camera, wider than its picture
    guide.json                 kinds, and the SHA-256 of every file, by scene frame
    depth.1001.exr ...         planar depth in metres, see `guides`
    edges.1001.png ...         outlines and creases, white on black
    clay.1001.png ...          the scene in grey under its sun
    grid.1001.png ...          horizon and metre grid

A folder without guide.json is one of depth, as the picture of the request's own camera sees it.

Errors  RequestError E_GUIDE_FILE, E_GUIDE_CAMERA, E_GUIDE_FRAMES, E_GUIDE_KIND
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .camera import CameraPath
from .errors import RequestError
from .inputs import GUIDE_KINDS

FORMAT, VERSION = "platewright.guide", 1
FILE, CAMERA = "guide.json", "camera.json"
SUFFIXES = {"depth": "exr", "edges": "png", "clay": "png", "grid": "png"}
FILE_BYTES_MAX = 64 << 20
SAME = 1e-4                                        # of a rotation's entries; of metres, and of the way to the origin

Files = Mapping[str, Mapping[int, Path]]           # by kind, then by scene frame


@dataclass(frozen=True, slots=True)
class GuideFolder:
    """What such a folder holds, as its guide.json tells it; no picture was opened."""

    folder: Path
    view: CameraPath                               # what the pictures show
    files: Files

    def kind_for(self, wanted: str | None, preferred: Sequence[str]) -> str:
        """The wanted kind, else the first of those preferred that is there; RequestError E_GUIDE_KIND."""
        there = ", ".join(self.files)
        if wanted is not None and wanted not in self.files:
            hint = f"It has {there}. Make it again with `platewright guide --kinds`."
            raise RequestError("E_GUIDE_KIND", f"{self.folder.name} has no {wanted}.", hint)
        kind = wanted or next((kind for kind in preferred if kind in self.files), None)
        if kind is None:
            why = f"{self.folder.name} has {there}, which this model does not know."
            raise RequestError("E_GUIDE_KIND", why, f"It knows {', '.join(preferred)}.")
        return kind

    def view_of(self, camera: CameraPath) -> CameraPath:
        """The view in the frames of `camera`, whose poses it must have.

        Raises RequestError E_GUIDE_FRAMES where frames are missing, E_GUIDE_CAMERA where it stands elsewhere.
        """
        first, last = camera.frames[0], camera.frames[-1]
        if first < self.view.frames[0] or last > self.view.frames[-1]:
            had = f"{self.view.frames[0]} to {self.view.frames[-1]}"
            why = f"{self.folder.name} shows frames {had}, not {first} to {last}."
            raise RequestError("E_GUIDE_FRAMES", why, "Make the guide for all frames.")
        view = self.view.window(first, last)
        for frame, ours, theirs in zip(camera.frames, camera.camera_to_world, view.camera_to_world, strict=True):
            if not _is_same(ours, theirs):
                why = f"{self.folder.name} was made for another camera: at frame {frame} it stands elsewhere."
                raise RequestError("E_GUIDE_CAMERA", why, "Make the guide again for this camera.")
        return view


def _is_same(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    reach = SAME * (1.0 + max(abs(ours[place]) for place in (3, 7, 11)))
    return all(abs(a - b) <= (reach if i % 4 == 3 else SAME) for i, (a, b) in enumerate(zip(ours, theirs, strict=True)))


def read(folder: Path, offset: int = 0) -> GuideFolder | None:
    """The folder, if it has a guide.json; RequestError E_GUIDE_FILE names what is wrong with it, E_CAMERA_FILE.

    offset   what the frame numbers of who asks are raised by: the folder's own are the scene's
    """
    try:
        with (folder / FILE).open("rb") as file:
            document = json.loads(file.read(FILE_BYTES_MAX))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(folder, str(error)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _wrong(folder, f'"format" does not say {FORMAT}')
    if document.get("version") != VERSION:
        raise _wrong(folder, f"version {document.get('version')!r} is not {VERSION}")
    view = CameraPath.read(folder / CAMERA)
    files = _files(folder, view, document.get("kinds"))
    raised = {kind: {frame + offset: path for frame, path in of.items()} for kind, of in files.items()}
    return GuideFolder(folder, view.renumbered(offset), raised)


def _files(folder: Path, view: CameraPath, kinds: Any) -> Files:
    """Whose names are ours alone: what the file says of them is a hash, and no path."""
    if not isinstance(kinds, dict) or not kinds:
        raise _wrong(folder, '"kinds" is missing')
    strangers = [str(kind)[:40] for kind in kinds if kind not in GUIDE_KINDS]
    if strangers:
        raise _wrong(folder, f"the kind {strangers[0]!r} is not known")
    files = {kind: {frame: folder / file_name(kind, frame) for frame in view.frames} for kind in kinds}
    for kind, frames in files.items():
        gone = next((path.name for path in frames.values() if not path.is_file()), None)
        if gone is not None:
            raise _wrong(folder, f"{gone} of its {kind} is missing")
    return files


def file_name(kind: str, frame: int) -> str:
    """`depth.1001.exr`."""
    return f"{kind}.{frame:04d}.{SUFFIXES[kind]}"


def _wrong(folder: Path, why: str) -> RequestError:
    return RequestError("E_GUIDE_FILE", f"{folder / FILE}: {why[:200]}.", "Make it again with `platewright guide`.")
