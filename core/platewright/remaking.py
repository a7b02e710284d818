"""Part of a plate made anew: all other frames are copied, byte for byte, into a new version that is whole.

Range       exactly the frames that were asked for are new; some of them may lie beyond the plate, which then grows
Both ends   a model that paints into frames is shown the handles, kept as they are, and makes what lies between
            (`anchors`): nothing is blended, and the join is measured none the less
Before it   a model that starts from a picture starts from the last frame that is kept: no overscan there, for a frame
            shows no more than itself; or from the picture that the request gives, of the range's own first frame. Any
            other is given a run-up of handles
After it    what lies wholly within frames that are kept is put in its place while such a model samples (`anchors`).
            One that cannot be held so is held to no picture at its end, nor is one that too few frames follow, which is
            said before it begins (W_ONE_END). The join lies where the range ends, and nothing is blended: two pictures
            that are not alike give a ghost. Handles are made beyond it and thrown away; how far they are from the
            frames that are kept tells how far the new part has come away, and where a longer range would join best
Camera      of today. Frames that are kept and show another are named (W_FRAMES_STALE); they hold nothing

    anchors     kept frames that the model was held to, `before` and `after` the range; the lead is one
    lead        frame that the model started from, or null
    made        first and last frame that it made, handles and all
    stale       frames kept that show another camera
    measured    how `joins` and `overlap` were, in words
    joins       of two frames each: `difference`, `usual`, and `times` the one is of the other
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

from . import anchors, disk, pictures, provenance
from .anchors import Parent
from .camera import CameraPath
from .cards import ModelCard
from .errors import RequestError
from .pictures import Picture, Tags
from .plates import MANIFEST, NATIVE
from .protocol import INPUTS, Input, PlateRequest, Remake
from .take import Source, Take

LEAD = "lead.png"                                  # the frame that the model starts from, while it is needed
ABOUT = 4                                          # frames to both sides of a join that tell the usual change
SEEN_TIMES, SEEN_LEAST = 2.0, 0.01                 # of the usual change, of display values: such a join shows
MEASURED = (                                       # for the manifest: what a reader needs to measure it again
    "difference: mean over pixels and channels of |a - b|, both as display sRGB 0..1 at the plate's size; of joins, "
    "between the two frames as written; of the overlap, between what the model made of a frame, brought to the plate "
    "like the others, and the frame that is kept; usual: the median difference of neighbours up to "
    f"{ABOUT} frames to either side, the joins left out"
)
GIVE_IT = "Name it again: a plate remembers what a file held, not where it lay."


def opened(request: PlateRequest, camera: CameraPath, card: ModelCard) -> Parent | None:
    """The plate of which the request makes a part anew, before anything is made; None where it makes a whole one.

    RequestError E_REMAKE, also where the model would start from a frame that shows another camera than `camera`; and
    what `Parent.open` raises.
    """
    remake = request.remake
    if remake is None:
        return None
    parent, lead = Parent.open(remake, camera, request.frame_format), remake.first - 1
    stale = {*parent.stale(camera, remake)} if _goes_on(request, card) else set[int]()
    if lead in stale:
        first = next(frame for frame in range(lead, camera.frames[0] - 1, -1) if frame - 1 not in stale)
        why = f"{card.title} would start from frame {lead}, which shows another camera than today's."
        hint = f"Ask for --frames {first}-{remake.last}, or name a picture of frame {remake.first} by --first-frame."
        raise RequestError("E_REMAKE", why, hint)
    return parent


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
    anchors: tuple[list[int], list[int]]           # before and after
    overlap: dict[int, float] = field(default_factory=dict[int, float])

    @classmethod
    def begun(cls, take: Take) -> Remade:
        """The frames that stay are in the version's folder, and the model's part is told.

        Raises what `Parent.open` and `PlateFolder.adopt` do.
        """
        remake, parent = take.request.remake, opened(take.request, take.camera, take.card)
        assert remake is not None and parent is not None
        for frame in take.camera.frames:
            if not remake.holds(frame):
                take.folder.adopt(frame, parent.folder / parent.files[frame]["file"], parent.files[frame]["sha256"])
        if stale := parent.stale(take.camera, remake):
            take.warn(f"W_FRAMES_STALE: Kept, though the camera is another now: {_ranges(stale)}.")
        goes_on = _goes_on(take.request, take.card) and remake.first - 1 in take.folder.frames
        lead = remake.first - 1 if goes_on else None
        part = _part(take, parent, remake, lead)
        before, after = anchors.holding(parent, remake, part.request, take.card, part.camera)
        if not after and remake.last + 1 in take.folder.frames and (why := _why_one_end(take.card, lead)):
            take.warn(f"W_ONE_END: {why}: how frame {remake.last} meets the next is measured.")
        return cls(take, part, parent, remake, lead, (before if lead is None else [lead], after))

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
            "anchors": {"before": self.anchors[0], "after": self.anchors[1]},
            "stale": self.parent.stale(self.take.camera, self.remake),
            "measured": MEASURED,
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
    frames, request = take.camera.frames, take.request
    handles = anchors.handles_for(remake, take.card) if take.card.anchors == "both" else remake.handles
    unled = remake.first if _is_led(request, take.card) else max(frames[0], remake.first - handles)
    camera = take.camera.window(unled if lead is None else lead, min(frames[-1], remake.last + handles))
    if lead is not None:
        request = replace(request, first_frame=_written_lead(take, parent, lead), still=None)
    elif camera.frames[0] < remake.first:
        request = replace(request, still=None)
    return replace(take, job=replace(take.job, request=request), camera=camera)


def _why_one_end(card: ModelCard, lead: int | None) -> str:
    """Why a part's far side is not held by frames that are there; empty for what needs or knows no such hold."""
    if card.anchors == "none" or card.takes_plate:
        return ""
    starts = f"{card.title} starts from {'a picture' if lead is None else f'frame {lead}'}"
    if card.anchors == "start":
        return f"{starts} and cannot be held at its end"
    return f"{starts}, and to hold its end takes {card.clip.multiple} frames of today's camera behind the range"


def _is_led(request: PlateRequest, card: ModelCard) -> bool:
    """Whether the model starts from a picture; one that paints into frames or lays a place does where one is given."""
    goes_on = not card.takes_plate and card.kind != "draft"
    return card.needs_first_frame or (card.takes_first_frame and (goes_on or request.first_frame is not None))


def _goes_on(request: PlateRequest, card: ModelCard) -> bool:
    """Whether that picture is the last frame that is kept; one that the request gives comes before it."""
    return _is_led(request, card) and request.first_frame is None


def _written_lead(take: Take, parent: Parent, lead: int) -> Input:
    """The kept frame that leads, with the camera that it shows."""
    camera, path = parent.camera.window(lead, lead), take.folder.path / NATIVE / LEAD
    shown = parent.picture(lead)
    tags = Tags(
        rate=camera.rate, frame=lead, world_from_camera=camera.camera_to_world[0], intrinsics=camera.intrinsics[0],
        texts=camera.texts(0),
    )  # fmt: skip
    with disk.refusing(path):
        path.parent.mkdir(exist_ok=True)
    disk.publish(path, lambda part: pictures.write_png(part, shown, tags))
    return Input.of(path)


def _ranges(frames: list[int]) -> str:
    """1001-1004, 1009."""
    starts = [frame for frame in frames if frame - 1 not in frames]
    stops = [frame for frame in frames if frame + 1 not in frames]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, stops, strict=True))


def _difference(a: Picture, b: Picture) -> float:
    return float(np.abs(a - b).mean())
