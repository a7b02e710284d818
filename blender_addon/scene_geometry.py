"""What a scene knows of the place its camera films: the ground, the sun, and the depth of what it sees.

Ground  rays straight down from the camera and from a ring about it, at every key frame. The median of where they end,
        if most agree with it within a share of the camera's height: what is tilted or hilly has no one height. Where
        nothing lies below the camera at all, the level faces that it sees are asked instead. Nothing is ever assumed:
        a scene without a ground has none, and whoever makes pictures may put one where it likes.
Depth   planar, of key frames spread over the range, 128 pixels across, as a guide folder; none where nothing is hit
Sun     of the first frame

It is read a little at a time, and nothing is held between two helpings: undo, deletion, File > Open and quitting find
nothing of ours. What stands still is read in the viewport's own scene (`scene_still`). Setting up many things that may
move is the one thing that cannot be split: a helping is half as long again, and a window that would have to wait for
long gets fewer key frames.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import bpy
from mathutils import Vector

from platewright.camera import CameraPath
from platewright.errors import PlateError
from platewright.protocol import Input

from .camera_views import Pause
from .depth_exr import exr_bytes
from .scene_rays import Ball, Eye, Surface, near_below, nearest, surfaces
from .scene_read import metres_per_unit
from .scene_stage import Stage, scene_of, staged
from .scene_still import Sorting, Viewport, is_plain_sky
from .scene_sun import Sun, sun_of

GUIDE = "depth"                                    # name of a guide's folder
WIDTH = 128                                        # pixels of the depth, across
KEY_FRAMES = 9                                     # at most
PIECE = 16                                         # pixels of a row between two looks at the clock
LOOKS_SECONDS = 4.0                                # for all key frames of a scene in a window
WORTH = 0.5                                        # of the time that setting up took: so long is looked at the picture
RING = 8                                           # rays down about the camera, at half its height
AGREE_SHARE = 0.6                                  # of the rays that end on something
FLAT = 0.03                                        # of the camera's height: what lies farther off is no such ground
HEIGHT_MIN = 0.05                                  # metres: a camera lower than that lies on the ground
LEVEL = math.tan(math.radians(2.0))                # slope of a face that may be the ground
LEVEL_STEP = 8                                     # every so many pixels, where the picture is searched for a ground
DOWN = Vector((0.0, 0.0, -1.0))

Piece = tuple[int, int, int]                       # scene frame, row and first column of a piece of its picture


@dataclass(frozen=True, slots=True)
class SceneGeometry:
    """What was read; everything that is not known is empty."""

    ground_m: float | None = None                  # world metres
    sun: Sun | None = None
    size: tuple[int, int] = (0, 0)                 # of the depth pictures
    depth: dict[int, array[float]] = field(default_factory=dict)     # planar metres by scene frame, rows from the top

    def write(self, folder: Path) -> Input | None:
        """The depth as a new guide folder; None where there is none. From any thread. PlateError E_OUT_IO."""
        if not self.depth:
            return None
        try:
            folder.mkdir(parents=True)
            for number, values in self.depth.items():
                (folder / f"depth.{number:04d}.exr").write_bytes(exr_bytes(*self.size, values))
        except OSError as error:
            raise PlateError("E_OUT_IO", f"{folder} cannot be written: {error.strerror}.", "Make room.") from None
        return Input.of(folder)

    def words(self) -> str:
        """One line for people."""
        ground = "no ground" if self.ground_m is None else f"the ground at {self.ground_m:.3g} m"
        sun = "no sun" if self.sun is None else f"the sun at {self.sun[0]:.0f}, {self.sun[1]:.0f} degrees"
        depth = f"depth of {len(self.depth)} frames" if self.depth else "no depth"
        return f"The scene has {ground}, {sun}, {depth}."


@dataclass(frozen=True, slots=True)
class Place:
    """A scene as it is set up for one helping."""

    viewport: Viewport
    stage: Stage | None                            # what may move; None where all stands still
    shown: tuple[Stage, bpy.types.Depsgraph] | None      # the viewport's suns and sky, where they never change

    def find(self, ball: Ball) -> Surface | None:
        """What a ball holds."""
        return ball if isinstance(ball, Surface) else self.viewport.surface(ball.uid)

    def sun(self, graph: bpy.types.Depsgraph | None) -> Sun | None:
        """The sun, in the viewport or in the stage as it is evaluated in `graph`."""
        if self.shown:
            return sun_of(*self.shown)
        return sun_of(self.stage, graph) if self.stage and graph else None


class GeometryReading:
    """A scene's geometry `along` a camera path; `look` until it is true, from the main thread, then `geometry`.

    `look` raises CameraError E_CAMERA_GONE.
    """

    def __init__(self, scene: bpy.types.Scene, is_hurried: bool = False) -> None:
        self._is_hurried = is_hurried
        self._scene_uid, self._metres = scene.session_uid, metres_per_unit(scene)
        self._frames: tuple[int, ...] = ()
        self._below: list[tuple[float, float]] = []            # heights of a camera and of what is below it, metres
        self._level: list[tuple[float, float]] = []            # the same of level faces in its view
        self._depth: dict[int, array[float]] = {}
        self._sun: Sun | None = None
        self._eye: Eye                                         # of the frame that is looked at
        self._eye_of: int | None = None
        self._unseen = deque[Ball]()                           # what that eye was not opened to yet
        self._pause: Pause = _unheard

    def along(self, path: CameraPath) -> GeometryReading:
        """The path that the camera takes; before the first look."""
        self._path = path
        self._size = WIDTH, max(1, round(WIDTH * path.height / path.width))
        self._frames = spread(path.frames, KEY_FRAMES)
        self._sorting = Sorting(self._scene_uid, frozenset(path.cameras))
        self._looks = self._sample()
        return self

    @property
    def total(self) -> int:
        """How many key frames there are."""
        return len(self._frames)

    def look(self, pause: Pause | None = None) -> bool:
        """Read on until `pause` returns something true; True once all was looked at."""
        self._pause = pause or _unheard
        return next(self._looks, self) is self

    def geometry(self) -> SceneGeometry:
        """What was seen."""
        ground = level_of(self._below or self._level)
        depth = {number: values for number, values in self._depth.items() if any(values)}
        return SceneGeometry(None if ground is None else round(ground, 4), self._sun, self._size, depth)

    def _sample(self) -> Generator[None, None, None]:
        """One helping after the other; each sees as many pieces of as many frames as fit."""
        while not self._sorting.sort(self._is_late):
            yield
        if self._sorting.is_empty:
            return
        width, height = self._size
        rows = [(row, column) for row in range(height) for column in range(0, width, PIECE)]
        todo = deque((number, *piece) for number in self._frames for piece in rows)
        spent = 0.0
        while todo:
            while not self._take(todo[0][0], self._is_late):
                yield
            begun = perf_counter()
            with self._set_up() as place:
                self._see(place, todo, begun)
            spent += perf_counter() - begun
            yield
            if self._is_hurried and todo and todo[0][0] != self._frames[0]:
                self._thin_out(todo, spent / (1 - len(todo) / (len(rows) * self.total)))

    def _is_late(self) -> bool:
        return bool(self._pause(max(len(self._depth) - 1, 0), len(self._frames)))

    @contextmanager
    def _set_up(self) -> Iterator[Place]:
        """The scene for one helping. Raises CameraError E_CAMERA_GONE."""
        scene = scene_of(self._scene_uid)
        viewport = Viewport(scene)
        things = [thing for uid in self._sorting.staged if (thing := viewport.find(uid))]
        has_moving_light = not is_plain_sky(scene.world) or any(thing.type == "LIGHT" for thing in things)
        shown = None if has_moving_light else viewport.stage(self._sorting.suns)
        if shown is None:
            suns = [thing for uid in self._sorting.suns if (thing := viewport.find(uid))]
            things = list(dict.fromkeys([*things, *suns]))
        if not things and shown:
            yield Place(viewport, None, shown)
            return
        with staged(scene, things) as stage:
            yield Place(viewport, stage, shown)

    def _see(self, place: Place, todo: deque[Piece], begun: float) -> None:
        """Pieces until it is late, but for some time at least if the scene took long to be set up."""
        is_late = False
        while todo and not is_late:
            number = todo[0][0]
            eye = self._arrived(place, number, is_new=todo[0][1:] == (0, 0))
            if eye is None:
                return
            ready = perf_counter()
            least = ready + (ready - begun) * WORTH if place.stage else ready
            while todo and todo[0][0] == number and not is_late:
                self._depth[number].extend(self._piece(eye, *todo.popleft()[1:]))
                is_late = self._is_late() and perf_counter() >= least
            begun = perf_counter()

    def _arrived(self, place: Place, number: int, is_new: bool) -> Eye | None:
        """The view of a key frame, None while it is late; what is asked once of each is asked when it is new."""
        if not self._take(number, _never if place.stage else self._is_late):
            return None
        graph = place.stage.at(number) if place.stage else None
        moving = surfaces(graph) if graph else []
        eye = self._eye.seeing(moving, place.find)
        if is_new:
            self._depth[number] = array("f")
            self._below += self._heights(eye, self._under(eye, place, moving))
            if number == self._frames[0]:
                self._sun = place.sun(graph)
        return eye

    def _take(self, number: int, is_late: Callable[[], bool]) -> bool:
        """Open the eye of a key frame to what stands still; False if it got late over that."""
        if self._eye_of != number:
            self._eye = Eye(self._path, number - self._path.frames[0], self._metres, self._size)
            self._eye_of, self._unseen = number, deque(self._sorting.balls)
        while self._unseen:
            self._eye.take(self._unseen.popleft())
            if is_late():
                break
        return not self._unseen

    def _under(self, eye: Eye, place: Place, moving: list[Surface]) -> list[Vector | None]:
        """What rays straight down end on."""
        ring = self._ring(eye)
        near = near_below((*self._sorting.balls, *moving), eye.origin, (ring[-1] - eye.origin).length)
        solid = list(filter(None, map(place.find, near)))
        return [nearest(solid, spot, DOWN) for spot in ring]

    def _thin_out(self, todo: deque[Piece], seconds: float) -> None:
        """Leave key frames out where the first one has told that all of them would take too many seconds."""
        self._is_hurried = False
        if seconds <= LOOKS_SECONDS:
            return
        begun = len(self._depth)
        count = int(len(self._frames) * LOOKS_SECONDS / seconds) - begun
        kept = {*self._frames[:begun], *spread(self._frames[begun:], max(count, 1))}
        self._frames = tuple(number for number in self._frames if number in kept)
        left = [place for place in todo if place[0] in kept]
        todo.clear()
        todo.extend(left)

    def _piece(self, eye: Eye, row: int, first: int) -> array[float]:
        end = min(first + PIECE, eye.width)
        if not self._below and row % LEVEL_STEP == LEVEL_STEP // 2:
            columns = range(first + LEVEL_STEP // 2, end, LEVEL_STEP)
            self._level += self._heights(eye, [eye.level_at(row, column, LEVEL) for column in columns])
        return array("f", (value * self._metres for value in eye.row(row, first, end)))

    def _ring(self, eye: Eye) -> list[Vector]:
        """The camera's place, and some about it at half its height above what is below, or above zero."""
        under = self._below[-1][1] / self._metres if self._below else 0.0
        radius = abs(eye.origin.z - under) / 2
        turns = (2 * math.pi * step / RING for step in range(RING))
        return [eye.origin, *(eye.origin + Vector((math.cos(a), math.sin(a), 0.0)) * radius for a in turns)]

    def _heights(self, eye: Eye, ends: list[Vector | None]) -> list[tuple[float, float]]:
        high = eye.origin.z
        return [(high * self._metres, end.z * self._metres) for end in ends if end is not None and end.z < high]


def level_of(heights: list[tuple[float, float]]) -> float | None:
    """The one height, metres, on which most agree, of pairs of a camera's height and of what is below it."""
    if not heights:
        return None
    ground = median(below for _, below in heights)
    slack = FLAT * max(median(camera for camera, _ in heights) - ground, HEIGHT_MIN)
    agree = [below for _, below in heights if abs(below - ground) <= slack]
    return median(agree) if len(agree) >= AGREE_SHARE * len(heights) else None


def median(values: Iterable[float]) -> float:
    """The upper one of the middle: a height that was measured, not one between two. (`statistics` is slow to load.)"""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def spread(frames: tuple[int, ...], count: int) -> tuple[int, ...]:
    """`count` frames evenly spread, the first and the last among them; all where there are no more."""
    if len(frames) <= max(count, 1):
        return frames
    if count <= 1:
        return frames[-1:]
    step = (len(frames) - 1) / (count - 1)
    return tuple(frames[round(index * step)] for index in range(count))


def _unheard(done: int, total: int) -> None:
    del done, total


def _never() -> bool:
    return False


def geometry_along(scene: bpy.types.Scene, path: CameraPath) -> SceneGeometry:
    """The same in one go, for scripts and for background mode. Raises CameraError E_CAMERA_GONE."""
    reading = GeometryReading(scene).along(path)
    while not reading.look():
        continue
    return reading.geometry()
