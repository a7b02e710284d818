"""Points followed through the pictures: from where they appear to where they go, or melt.

Each cell of the picture that holds no point is given its best corner. Pyramidal Lucas-Kanade carries the points from
one picture to the next and back again; then each is aligned with the patch it began with, so that errors do not add up.
A point whose surroundings no longer look like that patch has been lost: covered, or melted. Nothing here asks how
points ought to move: a camera that stands still, or a wall that swims, is followed as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .footage import Footage, Mask
from .patches import Floats, Patches

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int32]

CELLS = 900                                        # of a picture; one point each where it has texture
CELL_PX = 5                                        # at least
RADIUS_PX = (4, 10)                                # of a patch: least and most
SIDES_PER_RADIUS = 60                              # of a picture's side, the root of its area
CALM_PX = 0.8                                      # blur before measuring: interpolation errs on what is too sharp
SEEK_EVERY = 2                                     # pictures: new ground does not come faster than that
LEVELS_MAX = 4                                     # of the pyramid, each half the size of the one before

# A corner
REACH = 0.3                                        # of its gradients, in radii of a patch
TEXTURE_TO_NOISE = 10.0                            # least power of the gradient in its weakest direction, over noise's
NOISE_LEAST = 0.3 / 255                            # rounding to 8 bits is noise of this size
CALM_NOISE = 0.06                                  # power of the gradient of calmed noise of size one
ROUND = 0.06                                       # least power of the weakest direction over the strongest: no edges
LEAN = 0.3                                         # most that its gradients may lie to one side, in reaches

# A point that is still itself
RETURN_PX = 0.5                                    # there and back again
SLIP_PX = 1.0                                      # between the last picture's word and the first patch's
LIKENESS = 0.8                                     # correlation with the patch it began with
BEND = (0.6, 1.6)                                  # scale, least and most, before a new patch is taken
TORN = 3.0                                         # most that the scales of two directions may differ


@dataclass(frozen=True, slots=True)
class Tracks:
    """N observations of K tracks, sorted by track, then frame; a track has at least two, in consecutive pictures."""

    track: NDArray[np.int32]                       # (N,) 0 .. K-1
    frame: NDArray[np.int32]                       # (N,) index of the picture
    pixel: NDArray[np.float64]                     # (N, 2) from the top-left corner, first centre at +0.5
    was_lost: NDArray[np.bool_]                    # (K,) ended inside the picture before the last frame: it melted away
    width: int                                     # of the pictures, pixels
    height: int


def follow(footage: Footage, mask: Mask | None, tell: Callable[[int, int], None]) -> Tracks:
    """Follow what has texture; pictures are read once, in order, and only the points are kept.

    mask     areas to leave alone; a point that enters one ends without being lost
    tell     is told the pictures done and their count after each; may raise Cancelled
    raises   what `Footage.picture` and `Mask.is_free` raise
    """
    follower = _Follower(_Ground.of(footage))
    for index in range(len(footage)):
        follower.see(footage.luma(index), mask.is_free(index) if mask else None)
        tell(index + 1, len(footage))
    return follower.tracks()


class _Ground(NamedTuple):
    """The picture's size, and what follows from it, in pixels."""

    width: int
    height: int
    cell: int
    radius: int
    levels: int

    @classmethod
    def of(cls, footage: Footage) -> _Ground:
        side = float(np.sqrt(footage.width * footage.height))
        radius = int(np.clip(round(side / SIDES_PER_RADIUS), *RADIUS_PX))
        levels = int(np.clip(np.log2(min(footage.width, footage.height) / (4 * radius)), 0, LEVELS_MAX))
        return cls(footage.width, footage.height, max(CELL_PX, round(side / CELLS**0.5)), radius, levels)

    def holds(self, place: Floats) -> Flags:
        """Which places are far enough inside for their patch to be seen, most of it."""
        margin = 0.75 * self.radius
        is_inside = (place >= margin) & (place <= (self.width - 1 - margin, self.height - 1 - margin))
        return np.all(is_inside, axis=1, keepdims=True)[:, 0]

    def cells_of(self, place: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of the pixel at each place."""
        column, row = np.rint(np.clip(place, 0, (self.width - 1, self.height - 1))).astype(np.intp).T
        return row, column


@dataclass(slots=True)
class _Points:
    """N points as they are in one picture; places count from the first pixel's centre, as OpenCV's do."""

    name: Numbers                                  # (N,) of the track
    place: Floats                                  # (N, 2)
    speed: Floats                                  # (N, 2) pixels per picture
    warp: Floats                                   # (N, 2, 2) of the patch since it was cut
    patches: Patches

    @classmethod
    def new(cls, name: Numbers, place: Floats, speed: Floats, patches: Patches) -> _Points:
        return cls(name, place, speed, np.tile(np.eye(2, dtype=np.float32), (len(name), 1, 1)), patches)

    def taken(self, which: Flags) -> _Points:
        patches = self.patches.taken(which)
        return _Points(self.name[which], self.place[which], self.speed[which], self.warp[which], patches)

    def joined(self, other: _Points) -> _Points:
        return _Points(
            np.concatenate([self.name, other.name]),
            np.concatenate([self.place, other.place]),
            np.concatenate([self.speed, other.speed]),
            np.concatenate([self.warp, other.warp]),
            self.patches.joined(other.patches),
        )


class _Look(NamedTuple):
    """One picture, ready to be measured."""

    luma: Floats
    calm: Floats                                   # the same, slightly blurred
    codes: NDArray[np.uint8]                       # the same, stretched to its contrast: fog and night become visible


def _look(luma: Floats) -> _Look:
    dark, bright = np.percentile(luma[::4, ::4], (0.5, 99.5))
    codes = np.clip((luma - dark) * (235 / max(bright - dark, 0.08)) + 10, 0, 255).astype(np.uint8)
    return _Look(luma, np.asarray(cv2.GaussianBlur(luma, (0, 0), CALM_PX), dtype=np.float32), codes)


@dataclass(slots=True)
class _Follower:
    """The points of the last picture, and what has been seen of all."""

    ground: _Ground
    last: _Look | None = None
    points: _Points | None = None
    count: int = 0                                 # of tracks begun
    seen: list[tuple[Numbers, Floats]] = field(default_factory=list[tuple[Numbers, Floats]])
    lost: list[Numbers] = field(default_factory=list[Numbers])

    def see(self, luma: Floats, free: Flags | None) -> None:
        """Take the next picture."""
        look = _look(luma)
        points = self._followed(self.last, look, self.points, free) if self.last and self.points else None
        if points is None or len(self.seen) % SEEK_EVERY == 0:
            fresh = self._begun(look, points, free)
            points = points.joined(fresh) if points else fresh
        self.points = points
        self.seen.append((points.name, points.place))
        self.last = look

    def tracks(self) -> Tracks:
        """All that was seen in at least two pictures."""
        name = np.concatenate([np.zeros(0, np.int32), *(name for name, _ in self.seen)])
        place = np.concatenate([np.zeros((0, 2), np.float32), *(place for _, place in self.seen)])
        frame = np.repeat(np.arange(len(self.seen), dtype=np.int32), [len(name) for name, _ in self.seen])
        was_lost = np.zeros(self.count, dtype=np.bool_)
        was_lost[np.concatenate([np.zeros(0, np.int32), *self.lost])] = True
        is_track = np.bincount(name, minlength=self.count) >= 2
        number = (np.cumsum(is_track) - 1).astype(np.int32)
        order = np.argsort(name, kind="stable")
        order = order[is_track[name[order]]]
        pixel = place[order].astype(np.float64) + 0.5
        return Tracks(
            number[name[order]], frame[order], pixel, was_lost[is_track], self.ground.width, self.ground.height
        )

    # One picture ---------------------------------------------------------------------------------

    def _followed(self, last: _Look, look: _Look, points: _Points, free: Flags | None) -> _Points:
        """Those that are still themselves, where they are now; the others are noted where they melted."""
        if not len(points.name):
            return points
        guess, is_back = _carried(last, look, points, self.ground)
        place, warp, likeness = points.patches.find(look.calm, guess, points.warp)
        slip = np.linalg.norm(place - guess, axis=1)
        is_same = is_back & (likeness > LIKENESS) & (slip < SLIP_PX) & _is_whole(warp)
        has_gone = ~(self.ground.holds(points.place + 2 * points.speed) & self.ground.holds(guess))
        is_hidden = np.zeros_like(has_gone) if free is None else ~free[self.ground.cells_of(guess)]
        self.lost.append(points.name[~is_same & ~has_gone & ~is_hidden])
        now = _Points(points.name, place, place - points.place, warp, points.patches)
        now = now.taken(is_same & self.ground.holds(place) & ~is_hidden)
        return _recut(_thinned(now, self.ground.cell), look)

    def _begun(self, look: _Look, points: _Points | None, free: Flags | None) -> _Points:
        """New points where there are none; each expects to move as its nearest neighbour does."""
        old = np.zeros((0, 2), np.float32) if points is None else points.place
        place = _corners(look, self.ground, old, free)
        speed = np.zeros_like(place)
        if points is not None and len(old) and len(place):
            distance = np.square(place[:, None] - old[None]).sum(axis=-1)
            speed = points.speed[distance.argmin(axis=1)]
        name = np.arange(self.count, self.count + len(place), dtype=np.int32)
        self.count += len(place)
        return _Points.new(name, place, speed, Patches.cut(look.calm, place, self.ground.radius))


# Points from one picture to the next -------------------------------------------------------------


def _carried(last: _Look, look: _Look, points: _Points, ground: _Ground) -> tuple[Floats, Flags]:
    """Where the points went, to a fraction of a pixel, and whether the way back ends where it began."""
    window = (2 * ground.radius + 1, 2 * ground.radius + 1)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.05)

    def flow(source: _Look, target: _Look, start: Floats, guess: Floats) -> tuple[Floats, Flags]:
        end, is_found, _ = cv2.calcOpticalFlowPyrLK(
            source.codes, target.codes, start, guess, None, None, window, ground.levels, stop,
            cv2.OPTFLOW_USE_INITIAL_FLOW, 1e-5,
        )  # fmt: skip
        return np.asarray(end, dtype=np.float32), is_found.ravel() > 0

    there, is_found = flow(last, look, points.place, points.place + points.speed)
    back, is_found_back = flow(look, last, there, there - points.speed)
    return there, is_found & is_found_back & (np.linalg.norm(back - points.place, axis=1) < RETURN_PX)


def _is_whole(warp: Floats) -> Flags:
    """Which patches (N, 2, 2) are neither turned inside out nor torn."""
    area = np.linalg.det(warp)
    stretch = np.square(warp).sum(axis=(1, 2))     # the sum of the squares of both scales, as the area is their product
    return (area > 0.25) & (area < 4) & (stretch < (TORN + 1 / TORN) * area)


def _recut(points: _Points, look: _Look) -> _Points:
    """Take a new patch where the old one is now seen far larger or smaller."""
    scale = np.sqrt(np.linalg.det(points.warp))
    is_stale = (scale < BEND[0]) | (scale > BEND[1])
    if is_stale.any():
        fresh = Patches.cut(look.calm, points.place[is_stale], points.patches.radius)
        points.patches = points.patches.replaced(is_stale, fresh)
        points.warp[is_stale] = np.eye(2)
    return points


def _thinned(points: _Points, cell: int) -> _Points:
    """Of points that have come close together, the oldest."""
    column, row = np.floor(points.place / (0.5 * cell)).astype(np.int64).T
    _, first = np.unique(row << 32 | column, return_index=True)        # points are in the order of their age
    is_kept = np.zeros(len(points.name), dtype=np.bool_)
    is_kept[first] = True
    return points.taken(is_kept)


# New points --------------------------------------------------------------------------------------


def _corners(look: _Look, ground: _Ground, old: Floats, free: Flags | None) -> Floats:
    """The best corner of each cell, (N, 2), away from the border, the mask and the points there are."""
    score = _corner_scores(look, ground.radius)
    border = ground.radius + 1
    score[:border], score[-border:], score[:, :border], score[:, -border:] = 0, 0, 0, 0
    if free is not None:
        score[cv2.erode(free.astype(np.uint8), _square(ground.radius)) == 0] = 0
    gap = max(2, round(0.6 * ground.cell))
    is_taken = np.zeros(score.shape, dtype=np.uint8)
    is_taken[ground.cells_of(old)] = 1
    score[cv2.dilate(is_taken, _square(gap)) > 0] = 0
    score[cv2.dilate(score, _square(gap // 2)) > score] = 0
    return _best_of_cells(score, ground.cell)


def _corner_scores(look: _Look, radius: int) -> Floats:
    """How well a patch around each pixel would be held in its weakest direction (Shi and Tomasi, CVPR 1994); 0 is not.

    The limit is absolute: a sky has noise and rounding but no corners, however good the best of them may be.
    """
    x = cv2.Scharr(look.calm, cv2.CV_32F, 1, 0, scale=1 / 32)
    y = cv2.Scharr(look.calm, cv2.CV_32F, 0, 1, scale=1 / 32)
    reach = REACH * radius
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), reach) for product in (x * x, y * y, x * y))
    power = xx + yy
    root = np.sqrt(np.square(xx - yy) + 4 * np.square(xy))
    weak, strong = (power - root) / 2, (power + root) / 2
    # The blurred power rises towards its own centre: its slope tells how far away that is.
    lean_x, lean_y = cv2.Sobel(power, -1, 1, 0, scale=1 / 8), cv2.Sobel(power, -1, 0, 1, scale=1 / 8)
    is_centred = np.square(lean_x) + np.square(lean_y) < np.square(LEAN / reach * power)
    noise = max(_noise(look.luma), NOISE_LEAST)
    is_corner = (weak > TEXTURE_TO_NOISE * CALM_NOISE * noise**2) & (weak > ROUND * strong) & is_centred
    return np.where(is_corner, weak, 0).astype(np.float32)


def _noise(luma: Floats) -> float:
    """Its standard deviation in the calmest tenth of the picture, by the operator of Immerkaer (CVIU 1996)."""
    operator = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    ripple = np.abs(cv2.filter2D(luma, -1, operator))
    blocks = (max(1, luma.shape[1] // 16), max(1, luma.shape[0] // 16))
    calmest = np.percentile(cv2.resize(ripple, blocks, interpolation=cv2.INTER_AREA), 10)
    return float(calmest) * float(np.sqrt(np.pi / 2)) / 6


def _best_of_cells(score: Floats, cell: int) -> Floats:
    height, width = score.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = np.zeros((rows * cell, columns * cell), dtype=np.float32)
    padded[:height, :width] = score
    cells = padded.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3).reshape(rows * columns, cell * cell)
    best = cells.argmax(axis=1)
    chosen = np.flatnonzero(cells[np.arange(len(cells)), best] > 0)
    x = chosen % columns * cell + best[chosen] % cell
    y = chosen // columns * cell + best[chosen] // cell
    return np.column_stack([x, y]).astype(np.float32)


def _square(radius: int) -> NDArray[np.uint8]:
    return np.ones((2 * radius + 1, 2 * radius + 1), dtype=np.uint8)
