"""Which kind of difference from the given camera do the pictures ask for? The plainest that explains them.

    turns              rotation only: tripod pans, far backgrounds, cameras that stand still
    turns and moves    the given lens, free position: what there is parallax for
    turns and zooms    rotation and focal length
    all three

A path that explains a fair share of the tracks is believed before a larger crowd that moves by another law: clouds and
walkers are no camera. So models are fitted close to the path first, then wide open, and the open fit must earn it.

The open fit is the second witness: what it finds of a lost plate is not where the path's own start got stuck. Its turns
are found with robust kernels as wide as the misfit, its places from none at all: every camera in one spot, every point
at one depth. It hears the very tracks, and lenses as given. A general structure-from-motion pipeline with nothing to
start from was tried in that role and not taken: fed with the same tracks it agreed to 0.02 degrees on strong parallax,
yet was 17 degrees off, without a word, on a right crane shot whose lens zooms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .resecting import caught_up
from .solving import Model, Solution, promise, refine, spans, start
from .tracking import Tracks
from .views import Array, Views

PLAIN = (Model(moves=False, zooms=False), Model(moves=True, zooms=False))
TRACKS_PER_FRAME = 300                             # enough for a hundredth of a pixel; more only costs time
PARTS = (6, 4)                                     # of the picture: a textured cloud must not outvote the ground
SHORT_FRAMES, LONG_FRAMES = 3, 8                   # shorter than the first says nothing, than the second little
CLOSE_PX = (4.0, 2.0, 1.0)
ZOOM_STEPS = 100                                   # a longer lens and a nearer world look much alike: a flat valley
PROMISE = 0.012                                    # of the misfit; free lenses on a right path promise up to 0.005
SURE = 5.0                                         # standard errors by which tracks must speak for free lenses
EVEN_PX = 0.05                                     # tracks that lie closer than this are as good as each other
FAIR_SHARE = 0.5                                   # of the tracks: a fit close to the path then needs no other
CLOSE_SHARE, CLOSE_PART = 0.2, 0.3                 # of the tracks, and of what an open fit explains: then believed
AS_GOOD_SHARE = 0.03
AS_GOOD = (1.04, 0.005)                            # of the misfit, and pixels: a model that moves must earn so much
AS_GOOD_LENS = (1.005, 0.0)                        # the same of a lens that promised something
STILL_METRES = 1e-6
FLAT_DEPTH_METRES = 5.0

Tell = Callable[[str, int, int], None]
Witness = Literal["path", "free"]                  # a start close to the path, or one that is open to any


@dataclass(frozen=True, slots=True)
class Fit:
    """A solution and how much it explains."""

    solution: Solution
    share: float                                   # of the long tracks, within a pixel
    misfit_px: float                               # their median
    witness: Witness = "path"                      # where it started


def solve(tracks: Tracks, given: Views, tell: Tell) -> Fit:
    """The plainest cameras that explain the tracks about as well as any.

    tell   hears ("solving", done, total) and may raise to stop
    """
    tell("solving", 0, 3)
    plain = [_close(tracks, given, model) for model in PLAIN]
    tell("solving", 1, 3)
    if max(fit.share for fit in plain) < FAIR_SHARE:
        plain = _opened(tracks, given, plain)
    tell("solving", 2, 3)
    best = _plainest(plain, AS_GOOD)
    is_settled = best.share >= FAIR_SHARE and _strangeness(given, best.solution.model) < 2
    worth = [best] if is_settled else plain
    freed = [_freed(tracks, given, fit) for fit in worth if _promises(tracks, given, fit)]
    fits = [*worth, *(fit for fit in freed if not is_settled or _is_sure(tracks, best, fit))]
    tell("solving", 3, 3)
    fits.sort(key=lambda fit: _strangeness(given, fit.solution.model))
    return _plainest(fits, AS_GOOD_LENS if is_settled else AS_GOOD)


def _strangeness(given: Views, model: Model) -> int:
    """What is asked of the plate beyond the path: on a path that stands, a zoom is less strange than a move."""
    stands = np.ptp(given.centre, axis=0).max() < STILL_METRES
    return 2 * model.zooms + model.moves if not stands else 2 * model.moves + model.zooms


def _plainest(fits: list[Fit], as_good: tuple[float, float]) -> Fit:
    """The first that explains about as many tracks as the best, about as closely as the closest of those."""
    share = max(fit.share for fit in fits)
    misfit = min(fit.misfit_px for fit in fits if fit.share >= share - AS_GOOD_SHARE)
    return next(
        fit for fit in fits if fit.share >= share - AS_GOOD_SHARE and fit.misfit_px <= as_good[0] * misfit + as_good[1]
    )


def _close(tracks: Tracks, given: Views, model: Model) -> Fit:
    fit = refine(tracks, given, start(tracks, given, model), list(CLOSE_PX))
    return judged(tracks, caught_up(tracks, given, fit))


def _opened(tracks: Tracks, given: Views, close: list[Fit]) -> list[Fit]:
    """Fits that may be anywhere; each must explain clearly more than the one close to the path to be believed."""
    turning = _believed(close[0], [_widely(tracks, given, start(tracks, given, PLAIN[0]))])
    flat = _flat(tracks, replace(turning.solution.views, centre=given.centre), PLAIN[1])
    begins = [start(tracks, given, PLAIN[1]), flat]
    return [turning, _believed(close[1], [_widely(tracks, given, begin) for begin in begins])]


def _widely(tracks: Tracks, given: Views, begin: Solution) -> Fit:
    """Scales of the robust kernel from the first misfit down to a pixel, halved each time."""
    first = 2.0 * float(np.median(np.linalg.norm(begin.residual, axis=1)))
    count = int(np.clip(np.ceil(np.log2(max(first, 4.0))), 2, 8))
    scales = [float(2.0**place) for place in range(count, -1, -1)]
    fit = judged(tracks, caught_up(tracks, given, refine(tracks, given, begin, scales, steps=2)))
    return replace(fit, witness="free")


def _believed(close: Fit, wide: list[Fit]) -> Fit:
    best = max(wide, key=lambda fit: (round(fit.share, 2), -fit.misfit_px))
    return close if close.share >= max(CLOSE_SHARE, CLOSE_PART * best.share) else best


def _promises(tracks: Tracks, given: Views, plain: Fit) -> bool:
    """Whether free focal lengths would bring the misfit down by more than noise gives away."""
    return promise(tracks, given, replace(plain.solution, model=replace(plain.solution.model, zooms=True))) > PROMISE


def _freed(tracks: Tracks, given: Views, plain: Fit) -> Fit:
    """The fit of the model without zoom, its focal lengths set free."""
    begin = replace(plain.solution, model=replace(plain.solution.model, zooms=True))
    fit = judged(tracks, refine(tracks, given, begin, [CLOSE_PX[-1]], steps=ZOOM_STEPS, least_gain=1e-5))
    return replace(fit, witness=plain.witness)


def _is_sure(tracks: Tracks, plain: Fit, freed: Fit) -> bool:
    """Whether the tracks, one by one, speak for free lenses: Vuong's test (1989) of two models on the same data.

    On a bare plane another lens at another place explains nearly the same tracks: some better, as many worse.
    """
    _, length = spans(tracks)
    before, after = (np.log(EVEN_PX**2 + np.minimum(track_rms(tracks, fit.solution.residual), 1.0) ** 2)
                     for fit in (plain, freed))  # fmt: skip
    gain = (before - after) * length
    return bool(gain.sum() > SURE * gain.std() * np.sqrt(len(gain)))


def _flat(tracks: Tracks, views: Views, model: Model) -> Solution:
    """Known turns, no move yet, all points at one depth: where to begin when the given move may be the wrong one."""
    still = replace(views, centre=np.repeat(views.centre.mean(axis=0)[None], len(views), axis=0))
    begin = start(tracks, still, model)
    depth = np.full(len(begin.points.inverse_depth), 1 / FLAT_DEPTH_METRES)
    return replace(begin, points=replace(begin.points, inverse_depth=depth))


def judged(tracks: Tracks, solution: Solution) -> Fit:
    """The share of long tracks that lie within a pixel, and how closely."""
    rms = track_rms(tracks, solution.residual)
    _, length = spans(tracks)
    is_long = length >= LONG_FRAMES
    rms = rms[is_long] if is_long.any() else rms
    explained = rms <= 1.0
    return Fit(solution, float(explained.mean()), float(np.median(rms[explained])) if explained.any() else np.inf)


def track_rms(tracks: Tracks, residual: Array) -> Array:
    """(K,) root mean square distance of each track from its point, pixels."""
    first, length = spans(tracks)
    return np.sqrt(np.add.reduceat(np.einsum("ni,ni->n", residual, residual), first) / length)


def some(tracks: Tracks, chosen: NDArray[np.bool_]) -> Tracks:
    """Only the chosen tracks (K,), numbered anew."""
    keep = chosen[tracks.track]
    number = np.cumsum(chosen, dtype=np.int32) - 1
    return replace(
        tracks,
        track=number[tracks.track[keep]].astype(np.int32),
        frame=tracks.frame[keep],
        pixel=tracks.pixel[keep],
        was_lost=tracks.was_lost[chosen],
    )


def strongest(tracks: Tracks, frames: int) -> NDArray[np.bool_]:
    """(K,) the longest tracks, until every part of every frame that has so many sees its share of TRACKS_PER_FRAME."""
    first, length = spans(tracks)
    middle = tracks.pixel[first + length // 2] * PARTS / (tracks.width, tracks.height)
    column, row = np.clip(middle.astype(np.intp), 0, np.array(PARTS) - 1).T
    part = row * PARTS[0] + column
    seen = np.zeros((frames, PARTS[0] * PARTS[1]), dtype=np.int64)
    chosen = np.zeros(len(first), dtype=np.bool_)
    for track in np.argsort(-length, kind="stable"):
        span = tracks.frame[first[track] : first[track] + length[track]]
        if length[track] >= SHORT_FRAMES and seen[span, part[track]].min() < TRACKS_PER_FRAME // seen.shape[1]:
            chosen[track] = True
            seen[span, part[track]] += 1
    return chosen
