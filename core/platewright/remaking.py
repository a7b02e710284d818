"""Part of a plate made anew: all other frames are copied, byte for byte, into a new version that is whole.

Range       exactly the frames that were asked for are new; some of them may lie beyond the plate, which then grows
Before it   a model that starts from a picture starts from the last frame that is kept: no overscan there, for a frame
            shows no more than itself; or from the picture that the request gives, of the range's own first frame. Any
            other is given a run-up of handles
After it    no model is held to a picture at its end. The join lies where the range ends, and nothing is blended: two
            pictures that are not alike give a ghost. Handles are made beyond it and thrown away; how far they are from
            the frames that are kept tells how far the new part has come away, and where a longer range would join best
Camera      of today. Frames that are kept and show another are named (W_FRAMES_STALE)

    lead        frame that the model started from, or null
    made        first and last frame that it made, handles and all
    stale       frames kept that show another camera
    joins       of two frames each: `difference` mean of |a - b| over display values, 0..1; `times` that of the usual
                change from frame to frame about it
    overlap     frames of the handles: `difference` between what was made there and what is kept
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from . import disk, pictures, provenance
from .camera import CameraPath
from .errors import RequestError
from .pictures import Picture, Tags
from .plates import MANIFEST, NATIVE
from .protocol import INPUTS, Input, PlateRequest, Remake
from .take import Source, Take

LEAD = "lead.png"                                  # the frame that the model starts from, while it is needed
SAME = 1e-6                                        # of a pose in metres and radians, of a lens in widths
ABOUT = 4                                          # frames to both sides of a join that tell the usual change
SEEN_TIMES, SEEN_LEAST = 2.0, 0.01                 # of the usual change, of display values: such a join shows
GIVE_IT = "Name it again: a plate remembers what a file held, not where it lay."


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


def request_from(
    plate: Path, frames: tuple[int, int], handles: int, camera: CameraPath | None, changes: dict[str, Any]
) -> PlateRequest:
    """The request that made `plate`, for these frames of it anew.

    camera    today's, which holds all of the plate's frames and the range; None: the plate's
    changes   fields of the request that are to be others
    PlateError E_MANIFEST; RequestError E_REMAKE for a plate that no model made, E_INPUT_MISSING, E_RANGE.
    """
    document = provenance.read_manifest(plate)
    old = document["request"]
    if old is None:
        hint = "Make a plate with `generate` first."
        raise RequestError("E_REMAKE", f"No model made {plate.name}: nobody knows how to make it again.", hint)
    lost = [name for name in INPUTS if name in old and name != "first_frame" and changes.get(name) is None]
    if lost:
        raise RequestError("E_INPUT_MISSING", f"{plate.name} was made with a {lost[0]}.", GIVE_IT)
    plain = {name: value for name, value in old.items() if name not in (*INPUTS, "remake", "lock")}
    asked = PlateRequest.from_dict({**plain, "lock": False})
    now, was, size = camera or asked.camera, asked.camera.frames, document["picture"]
    now = now.window(min(frames[0], was[0]), max(frames[1], was[-1]))
    wanted = None if (now.width, now.height) == (size["width"], size["height"]) else (size["width"], size["height"])
    remake = Remake(Input.of(plate / MANIFEST), *frames, handles)
    settled = {"lock": old.get("lock", True), "camera": now, "size": wanted, "remake": remake}
    return replace(asked, **{**settled, **changes}).checked()


@dataclass(slots=True)
class Remade:
    """The new version while it is made."""

    take: Take                                     # of the whole
    part: Take                                     # of what the model makes: the range and its handles
    parent: Parent
    remake: Remake
    lead: int | None                               # scene frame
    overlap: dict[int, float] = field(default_factory=dict[int, float])

    @classmethod
    def begun(cls, take: Take) -> Remade:
        """The frames that stay are in the version's folder, and the model's part is told.

        Raises what `Parent.open` and `PlateFolder.adopt` do.
        """
        remake = take.request.remake
        assert remake is not None
        parent = Parent.open(remake, take.camera, take.request.frame_format)
        for frame in take.camera.frames:
            if not remake.holds(frame):
                take.folder.adopt(frame, parent.folder / parent.files[frame]["file"], parent.files[frame]["sha256"])
        stale = _stale(parent, take.camera, remake)
        if stale:
            take.warn(f"W_FRAMES_STALE: Kept, though the camera is another now: {_ranges(stale)}.")
        lead = remake.first - 1 if _is_led(take) and remake.first - 1 in take.folder.frames else None
        lead = lead if take.request.first_frame is None else None
        return cls(take, _part(take, parent, remake, lead), parent, remake, lead)

    def whole(self, source: Source) -> Source:
        """The part's pictures where the range is, and nothing where a frame is there already."""
        start = self.part.camera.frames[0]

        def finished(index: int, picture: Picture) -> Picture:
            frame = self.take.camera.frames[index]
            return source.finished(frame - start, picture) if self.remake.holds(frame) else picture

        return Source(source.made, self._pictures(source), finished, None, source.lock)

    def _pictures(self, source: Source) -> Iterator[Picture]:
        """One for each frame of the whole; the handles are looked at on the way."""
        nothing = np.zeros((1, 1, 3), np.float32)
        made = dict(zip(self.part.camera.frames, range(len(self.part.camera)), strict=True))
        for frame in self.take.camera.frames:
            if frame not in made:
                yield nothing
                continue
            picture = next(source.pictures)
            if self.remake.holds(frame):
                yield picture
                continue
            here, there = source.finished(made[frame], picture), self._frame(frame)
            self.overlap[frame] = round(_difference(here, there), 6)
            yield nothing

    def _frame(self, frame: int) -> Picture:
        return pictures.read_picture(self.take.folder.path / self.take.folder.frames[frame].file)

    def told(self) -> dict[str, Any]:
        """For the manifest, once all frames are there; says so where a join shows."""
        joins = [self._join(*ends) for ends in self._ends()]
        for join in joins:
            if join["times"] and join["times"] > SEEN_TIMES and join["difference"] > SEEN_LEAST:
                a, b = join["frames"]
                why = f"From frame {a} to {b} the picture changes {join['times']:.1f} times as much as about it."
                self.take.warn(f"W_JOIN: {why}{self._better()}")
        return {
            "plate": self.parent.folder.name,
            "manifest_sha256": self.remake.plate.sha256,
            "first": self.remake.first,
            "last": self.remake.last,
            "handles": self.remake.handles,
            "lead": self.lead,
            "made": [self.part.camera.frames[0], self.part.camera.frames[-1]],
            "stale": _stale(self.parent, self.take.camera, self.remake),
            "joins": joins,
            "overlap": [{"frame": frame, "difference": value} for frame, value in self.overlap.items()],
        }

    def _ends(self) -> list[tuple[int, int]]:
        """Two frames, one new and one kept, on either side of each join."""
        ends = [(self.remake.first - 1, self.remake.first), (self.remake.last, self.remake.last + 1)]
        return [pair for pair in ends if all(frame in self.take.camera.frames for frame in pair)]

    def _join(self, a: int, b: int) -> dict[str, Any]:
        frames = [frame for frame in self.take.camera.frames if a - ABOUT <= frame <= b + ABOUT]
        steps = {pair: _difference(*map(self._frame, pair)) for pair in pairwise(frames)}
        others = [step for pair, step in steps.items() if pair not in self._ends()]
        usual = statistics.median(others) if others else 0.0
        times = round(steps[a, b] / usual, 3) if usual > 0 else None
        return {"frames": [a, b], "difference": round(steps[a, b], 6), "usual": round(usual, 6), "times": times}

    def _better(self) -> str:
        """Where in the handles after the range new and kept are most alike."""
        after = {frame: value for frame, value in self.overlap.items() if frame > self.remake.last}
        if not after:
            return ""
        best = min(after, key=lambda frame: after[frame])
        return f" Most alike are both at frame {best}: try --frames {self.remake.first}-{best}."


def _part(take: Take, parent: Parent, remake: Remake, lead: int | None) -> Take:
    """The range and its handles, as a plate of its own that shares the folder."""
    frames = take.camera.frames
    unled = remake.first if _is_led(take) else max(frames[0], remake.first - remake.handles)
    start = unled if lead is None else lead
    stop = min(frames[-1], remake.last + remake.handles)
    camera, request = take.camera.window(start, stop), take.request
    if lead is not None:
        request = replace(request, first_frame=_written_lead(take, parent, lead), still=None)
    return replace(take, job=replace(take.job, request=request), camera=camera)


def _is_led(take: Take) -> bool:
    """Whether the model starts from a picture; one that the request gives comes before a kept frame."""
    return take.card.needs_first_frame or (take.card.takes_first_frame and take.request.plate is None)


def _written_lead(take: Take, parent: Parent, lead: int) -> Input:
    """The kept frame that leads, with the camera that it shows."""
    camera, path = parent.camera.window(lead, lead), take.folder.path / NATIVE / LEAD
    shown = pictures.read_picture(parent.folder / parent.files[lead]["file"])
    tags = Tags(
        rate=camera.rate, frame=lead, world_from_camera=camera.camera_to_world[0], intrinsics=camera.intrinsics[0],
        texts=camera.texts(0),
    )  # fmt: skip
    with disk.refusing(path):
        path.parent.mkdir(exist_ok=True)
    disk.publish(path, lambda part: pictures.write_png(part, shown, tags))
    return Input.of(path)


def _stale(parent: Parent, camera: CameraPath, remake: Remake) -> list[int]:
    kept = (frame for frame in camera.frames if not remake.holds(frame))
    return [frame for frame in kept if not parent.shows(frame, camera)]


def _ranges(frames: list[int]) -> str:
    """1001-1004, 1009."""
    starts = [frame for frame in frames if frame - 1 not in frames]
    stops = [frame for frame in frames if frame + 1 not in frames]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def _difference(a: Picture, b: Picture) -> float:
    return float(np.abs(a - b).mean())
