"""The plate of which a part is made anew, and how far its frames hold the new part at either end.

What a model's card says of it (`anchors`):

    both    one that paints into frames is shown those about the range and keeps them; one that starts from a picture
            starts from the last before the range, and the latents that lie wholly within frames after it are put in
            their places while it samples (`models.far_side`)
    start   it starts from one picture, and knows nothing of the far side

Only frames of today's camera hold anything: a frame that shows another would pull the part away from the scene.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from . import fitting, pictures, provenance
from .camera import CameraPath
from .cards import ModelCard
from .errors import RequestError
from .pictures import Picture
from .protocol import PlateRequest, Remake

SAME = 1e-6                                        # of a pose in metres and radians, of a lens in widths
SHARE = 4                                          # of a model's longest clip one part holds it at either end at most


@dataclass(frozen=True, slots=True)
class Parent:
    """The plate whose other frames stay."""

    folder: Path
    camera: CameraPath                             # at its size
    files: dict[int, dict[str, Any]]               # entries of its manifest, by scene frame

    @classmethod
    def open(cls, remake: Remake, camera: CameraPath, frame_format: str) -> Parent:
        """The plate of a request whose own camera is `camera`, at the plate's size.

        RequestError E_REMAKE for another size, another format, or a range that leaves a gap; PlateError E_MANIFEST; and
        those of `Input.opened`.
        """
        folder = remake.plate.opened().parent
        document, seen = provenance.read_manifest(folder), CameraPath.read(folder / "camera.json")
        files = {entry["frame"]: entry for entry in document["frames"]}
        was = (seen.width, seen.height, document["picture"]["format"])
        if was != (camera.width, camera.height, frame_format):
            why = f"{folder.name} holds {was[0]}x{was[1]} {was[2]}, not {camera.width}x{camera.height} {frame_format}."
            raise RequestError("E_REMAKE", why, "Ask for what the plate has: its other frames are copied.")
        gap = [frame for frame in camera.frames if frame not in files and not remake.holds(frame)]
        if gap:
            why = f"Frame {gap[0]} is neither in {folder.name} nor in the range."
            raise RequestError("E_REMAKE", why, "Widen the range until it meets the plate.")
        return cls(folder, seen, files)

    def shows(self, frame: int, camera: CameraPath) -> bool:
        """Whether its frame shows what `camera` sees there."""
        mine, its = frame - self.camera.frames[0], frame - camera.frames[0]
        poses = zip(self.camera.camera_to_world[mine], camera.camera_to_world[its], strict=True)
        lenses = zip(self.camera.intrinsics[mine], camera.intrinsics[its], strict=True)
        return all(abs(a - b) <= SAME for a, b in poses) and all(abs(a - b) <= SAME * camera.width for a, b in lenses)

    def stale(self, camera: CameraPath, remake: Remake) -> list[int]:
        """Its frames that stay and show another camera."""
        kept = (frame for frame in camera.frames if not remake.holds(frame))
        return [frame for frame in kept if not self.shows(frame, camera)]

    def picture(self, frame: int) -> Picture:
        """Display sRGB (height, width, 3), 0..1. Raises PlateError E_FRAME_READ."""
        return pictures.read_picture(self.folder / self.files[frame]["file"])


def about(parent: Parent, remake: Remake, camera: CameraPath) -> tuple[list[int], list[int]]:
    """The frames of `camera` before and after the range that hold it, from its ends on until one is stale."""

    def holds(frame: int) -> bool:
        return frame in parent.files and parent.shows(frame, camera)

    before = takewhile(holds, (frame for frame in reversed(camera.frames) if frame < remake.first))
    after = takewhile(holds, (frame for frame in camera.frames if frame > remake.last))
    return sorted(before), list(after)


def handles_for(remake: Remake, card: ModelCard) -> int:
    """As many as were asked for, and no more than leave room in one clip for what they hold.

    Where latents hold it they fill one at least; none are none.
    """
    most = min(remake.handles, (card.clip.maximum - 1) // SHARE)
    return most if card.takes_plate else max(most, card.clip.multiple if remake.handles else 0)


def windows_of(request: PlateRequest, card: ModelCard, camera: CameraPath) -> list[fitting.Window]:
    """The windows of a path; of a part that is held at its far end, too, the last one is not much shorter."""
    return fitting.windows(len(camera), card.clip, even=card.anchors == "both" and request.remake is not None)


def latents_within(clip: CameraPath, last: int, known: Container[int], group: int) -> list[int]:
    """Which latents of a clip lie wholly within `known` frames: latent j > 0 is frames group (j - 1) + 1 .. group j.

    Beyond `last`, where its path ends, a clip rests on that frame.
    """
    is_known = [min(frame, last) in known for frame in clip.frames]
    count = (len(clip) - 1) // group
    return [j for j in range(1, count + 1) if all(is_known[group * (j - 1) + 1 : group * j + 1])]


def holding(
    parent: Parent, remake: Remake, request: PlateRequest, card: ModelCard, camera: CameraPath
) -> tuple[list[int], list[int]]:
    """The frames before and after the range that hold a part made along `camera`; what leads it is not among them."""
    before, after = about(parent, remake, camera)
    if card.anchors != "both":
        return [], []
    if card.takes_plate:
        return before, after
    group, last, held = card.clip.multiple, camera.frames[-1], set[int]()
    for window in windows_of(request, card, camera):
        clip = fitting.held(camera, window)
        for place in latents_within(clip, last, after, group):
            held |= {min(frame, last) for frame in clip.frames[group * (place - 1) + 1 : group * place + 1]}
    return [], sorted(held)


@dataclass(frozen=True, slots=True)
class Anchors:
    """What may hold a model at the ends of a part."""

    parent: Parent
    before: frozenset[int]
    after: frozenset[int]

    @classmethod
    def of(cls, request: PlateRequest, camera: CameraPath) -> Anchors | None:
        """Those among the frames of `camera`, the part's own; None where no part is made. Raises as `Parent.open`."""
        if request.remake is None:
            return None
        plate = request.camera if request.size is None else request.camera.fitted(*request.size)
        parent = Parent.open(request.remake, plate, request.frame_format)
        part = plate.window(camera.frames[0], camera.frames[-1])
        before, after = about(parent, request.remake, part)
        return cls(parent, frozenset(before), frozenset(after))

    @property
    def frames(self) -> frozenset[int]:
        """Both sides."""
        return self.before | self.after
