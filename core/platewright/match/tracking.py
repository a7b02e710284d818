"""Points followed through the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .footage import Footage, Mask
from .patches import Floats, Patches

CELLS = 900                                        # of the picture, each worth one point where it has any texture
RADIUS = (4, 8)                                    # of a patch: least and most, pixels
CALM_PX = 0.8                                      # blur before anything is measured: interpolation errs on sharp edges
TEXTURE_TO_NOISE = 10.0                            # least gradient power in the weakest direction, over that of noise
NOISE_LEAST = 0.3 / 255                            # rounding to 8 bits makes this much noise
ROUND = 0.06                                       # least ratio of weakest to strongest direction: no edges
RETURN_PX = 0.5                                    # there and back again
SLIP_PX = 1.0                                      # between the guess by the last picture and the look at the anchor
LIKENESS = 0.8                                     # with the anchor's patch
FRESH = 0.9                                        # below this the patch is anchored anew
BEND = (0.75, 1.33)                                # scale since the anchor
ANCHOR_FRAMES = 4                                  # what looks different sooner than that has melted


@dataclass(frozen=True, slots=True)
class Tracks:
    """N observations of K tracks, sorted by track, then frame; a track has at least two, in consecutive pictures."""

    track: NDArray[np.int32]                       # (N,) 0 .. K-1
    frame: NDArray[np.int32]                       # (N,) index of the picture
    pixel: NDArray[np.float64]                     # (N, 2) from the top-left corner, first centre at +0.5
    was_lost: NDArray[np.bool_]                    # (K,) ended inside the picture before the last frame: it melted away
    width: int                                     # of the pictures, pixels
    height: int


@dataclass(slots=True)
class _Points:
    """N points as they are in one picture."""

    name: NDArray[np.int32]                        # (N,) of the track
    place: Floats                                  # (N, 2) OpenCV pixels
    speed: Floats                                  # (N, 2) pixels per picture
    warp: Floats                                   # (N, 2, 2) since the anchor
    since: NDArray[np.int32]                       # (N,) pictures since the anchor
    patches: Patches

    def taken(self, which: NDArray[np.bool_]) -> _Points:
        return _Points(
            self.name[which], self.place[which], self.speed[which], self.warp[which], self.since[which],
            self.patches.taken(which),
        )  # fmt: skip


class _Look(NamedTuple):
    """One picture, ready to be measured."""

    codes: NDArray[np.uint8]                       # stretched to its contrast
    calm: Floats                                   # luma, slightly blurred
    sharp: Floats                                  # luma


def follow(footage: Footage, mask: Mask | None, tell: Callable[[int, int], None]) -> Tracks:
    """Points of every part of the picture that has texture, from where they appear to where they go or melt.

    footage  read in order, once; what is kept are the points
    mask     areas to leave alone
    tell     is told pictures done and all of them after each; may raise Cancelled
    raises   what `Footage.picture` and `Mask.is_free` raise
    """
    follower = _Follower(footage, mask)
    for index in range(len(footage)):
        follower.see(index)
        tell(index + 1, len(footage))
    return follower.tracks()


class _Follower:
    def __init__(self, footage: Footage, mask: Mask | None) -> None:
        self.footage, self.mask = footage, mask
        side = float(np.sqrt(footage.width * footage.height))
        self.cell = max(5, round(side / np.sqrt(CELLS)))
        self.radius = int(np.clip(round(side / 48), *RADIUS))
        self.levels = int(np.clip(np.log2(min(footage.width, footage.height) / (4 * self.radius)), 0, 4))
        self.stretch: tuple[float, float] | None = None
        self.last: _Look | None = None
        self.points = self._none()
        self.count = 0
        self.was_lost: list[NDArray[np.int32]] = []
        self.seen: list[tuple[int, NDArray[np.int32], Floats]] = []

    def _none(self) -> _Points:
        nothing = np.zeros((0, 2), dtype=np.float32)
        patches = Patches.cut(np.zeros((4, 4), np.float32), nothing, self.radius)
        number = np.zeros(0, dtype=np.int32)
        return _Points(number, nothing, nothing, np.zeros((0, 2, 2), dtype=np.float32), number, patches)

    def see(self, index: int) -> None:
        look = self._look(index)
        free = None if self.mask is None else self.mask.is_free(index)
        if self.last is not None and len(self.points.name):
            self.points = self._followed(self.last, look, free)
            self.points = self._thinned(self.points)
        self._add(look, free)
        self.seen.append((index, self.points.name, self.points.place.copy()))
        self.last = look

    def _look(self, index: int) -> _Look:
        luma = self.footage.luma(index)
        low, high = (float(x) for x in np.percentile(luma[::4, ::4], (0.5, 99.5)))
        if self.stretch is None:
            self.stretch = low, high
        low, high = 0.8 * self.stretch[0] + 0.2 * low, 0.8 * self.stretch[1] + 0.2 * high
        self.stretch = low, high
        gain = 235 / max(high - low, 0.08)
        codes = np.clip((luma - low) * gain + 10, 0, 255).astype(np.uint8)
        return _Look(codes, cv2.GaussianBlur(luma, (0, 0), CALM_PX), luma)

    def _followed(self, last: _Look, look: _Look, free: NDArray[np.bool_] | None) -> _Points:
        p = self.points
        guess, is_back = self._flow(last, look, p)
        place, warp, likeness = p.patches.find(look.calm, guess, p.warp)
        slip = np.linalg.norm(place - guess, axis=1)
        scale = np.linalg.svd(np.where(np.isfinite(warp), warp, 0), compute_uv=False)
        is_same = (likeness > LIKENESS) & (slip < SLIP_PX) & (scale[:, 1] > 0.5) & (scale[:, 0] < 2)
        is_kept = is_back & (is_same | (p.since >= ANCHOR_FRAMES))
        place = np.where(is_same[:, None], place, guess)
        inside = self._inside(place)
        hidden = np.zeros(len(place), bool)
        if free is not None:
            at = np.rint(np.clip(place, 0, [self.footage.width - 1, self.footage.height - 1])).astype(int)
            hidden = ~free[at[:, 1], at[:, 0]]
        went = ~self._inside(p.place + 1.5 * p.speed) | ~inside
        if index_lost := True:
            lost = ~is_kept & ~went & ~hidden
            self.was_lost.append(p.name[lost])
        keep = is_kept & inside & ~hidden
        stale = ~is_same | (likeness < FRESH) | (scale[:, 1] < BEND[0]) | (scale[:, 0] > BEND[1])
        points = _Points(p.name, place, place - p.place, warp, p.since + 1, p.patches).taken(keep)
        return self._anchored(points, look, stale[keep])

    def _anchored(self, points: _Points, look: _Look, stale: NDArray[np.bool_]) -> _Points:
        if stale.any():
            points.patches = points.patches.replaced(stale, Patches.cut(look.calm, points.place[stale], self.radius))
            points.warp[stale] = np.eye(2)
            points.since[stale] = 0
        return points

    def _flow(self, last: _Look, look: _Look, p: _Points) -> tuple[Floats, NDArray[np.bool_]]:
        win = 2 * self.radius + 5
        options = {
            "winSize": (win, win), "maxLevel": self.levels, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
            "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02), "minEigThreshold": 1e-5,
        }
        there, ok, _ = cv2.calcOpticalFlowPyrLK(last.codes, look.codes, p.place, p.place + p.speed, **options)
        back, ok2, _ = cv2.calcOpticalFlowPyrLK(look.codes, last.codes, there, there - p.speed, **options)
        is_back = (ok.ravel() > 0) & (ok2.ravel() > 0) & (np.linalg.norm(back - p.place, axis=1) < RETURN_PX)
        return there, is_back

    def _inside(self, place: Floats) -> NDArray[np.bool_]:
        m = self.radius / 2
        return ((place >= m) & (place <= [self.footage.width - 1 - m, self.footage.height - 1 - m])).all(axis=1)

    def _thinned(self, points: _Points) -> _Points:
        bins = np.floor(points.place / (0.3 * self.cell)).astype(np.int64)
        order = np.argsort(points.name, kind="stable")
        _, first = np.unique((bins[:, 0] * 100000 + bins[:, 1])[order], return_index=True)
        keep = np.zeros(len(points.name), bool)
        keep[order[first]] = True
        return points.taken(keep)

    def _add(self, look: _Look, free: NDArray[np.bool_] | None) -> None:
        place = self._corners(look, free)
        if not len(place):
            return
        n = len(place)
        name = np.arange(self.count, self.count + n, dtype=np.int32)
        self.count += n
        p = self.points
        warp = np.broadcast_to(np.eye(2, dtype=np.float32), (n, 2, 2))
        self.points = _Points(
            np.concatenate([p.name, name]), np.concatenate([p.place, place]),
            np.concatenate([p.speed, self._speed(place)]), np.concatenate([p.warp, warp]),
            np.concatenate([p.since, np.zeros(n, np.int32)]), p.patches.joined(Patches.cut(look.calm, place, self.radius)),
        )

    def _speed(self, place: Floats) -> Floats:
        p = self.points
        if not len(p.name):
            return np.zeros_like(place)
        near = np.argmin(((place[:, None] - p.place[None]) ** 2).sum(-1), axis=1)
        return p.speed[near]

    def _corners(self, look: _Look, free: NDArray[np.bool_] | None) -> Floats:
        score = _corner_score(look, self.radius)
        m = self.radius + 1
        score[:m], score[-m:], score[:, :m], score[:, -m:] = 0, 0, 0, 0
        gap = max(2, round(0.6 * self.cell))
        if free is not None:
            score[~cv2.erode(free.astype(np.uint8), np.ones((2 * self.radius + 1,) * 2, np.uint8)).astype(bool)] = 0
        taken = np.zeros(score.shape, np.uint8)
        at = np.rint(self.points.place).astype(int)
        taken[at[:, 1], at[:, 0]] = 1
        score[cv2.dilate(taken, np.ones((2 * gap + 1,) * 2, np.uint8)) > 0] = 0
        score[cv2.dilate(score, np.ones((2 * (gap // 2) + 1,) * 2, np.uint8)) > score] = 0
        c = self.cell
        h, w = score.shape
        gh, gw = -(-h // c), -(-w // c)
        padded = np.zeros((gh * c, gw * c), np.float32)
        padded[:h, :w] = score
        cells = padded.reshape(gh, c, gw, c).transpose(0, 2, 1, 3).reshape(gh * gw, c * c)
        best = cells.argmax(1)
        which = np.flatnonzero(cells[np.arange(len(cells)), best] > 0)
        y = which // gw * c + best[which] // c
        x = which % gw * c + best[which] % c
        return np.column_stack([x, y]).astype(np.float32)

    def tracks(self) -> Tracks:
        frame = np.concatenate([np.full(len(n), i, np.int32) for i, n, _ in self.seen])
        name = np.concatenate([n for _, n, _ in self.seen])
        place = np.concatenate([x for _, _, x in self.seen]).astype(np.float64) + 0.5
        order = np.argsort(name, kind="stable")
        frame, name, place = frame[order], name[order], place[order]
        length = np.bincount(name, minlength=self.count)
        lost = np.zeros(self.count, bool)
        for n in self.was_lost:
            lost[n] = True
        long = length >= 2
        number = np.cumsum(long) - 1
        keep = long[name]
        return Tracks(
            number[name[keep]].astype(np.int32), frame[keep], place[keep], lost[long],
            self.footage.width, self.footage.height,
        )


def _noise(luma: Floats) -> float:
    """Immerkaer's operator, in the calmest tenth."""
    ripple = np.abs(cv2.filter2D(luma, -1, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)))
    h, w = luma.shape
    blocks = cv2.resize(ripple, (max(1, w // 16), max(1, h // 16)), interpolation=cv2.INTER_AREA)
    return float(np.percentile(blocks, 10)) * float(np.sqrt(np.pi / 2)) / 6


def _corner_score(look: _Look, radius: int) -> Floats:
    gx = cv2.Scharr(look.calm, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(look.calm, cv2.CV_32F, 0, 1, scale=1 / 32)
    size = (0, 0)
    s = 0.5 * radius
    xx, yy, xy = (cv2.GaussianBlur(g, size, s) for g in (gx * gx, gy * gy, gx * gy))
    half, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    weak, strong = half - root, half + root
    noise = max(_noise(look.sharp), NOISE_LEAST)
    limit = TEXTURE_TO_NOISE * 0.06 * noise**2
    return np.where((weak > limit) & (weak > ROUND * strong), weak, 0).astype(np.float32)
