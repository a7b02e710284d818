"""match.png: one page that shows how well a plate follows its camera, and where it does not.

Left     verdict and figures, before and after the lock
Charts   the camera's error on every frame, in pixels of the plate and in degrees, with the limits of `locked`
Below    the worst frames with their tracks; an arrow leads from where the camera puts a point to where it is
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..disk import FileRecord, publish
from ..pictures import bytes_from_display, resize
from . import paper
from .footage import Footage
from .paper import BLUE, FAINT, GREEN, ORANGE, TEXT, VERMILLION, YELLOW, Chart, Colour, Curve, Page, Spot, length_of
from .tracking import Tracks
from .verdict import LOCKED_PX, WIDE
from .views import Array, Views
from .wording import NOT_KNOWN, VERDICTS, figures, measure

WIDTH, MARGIN, GUTTER = 1600, 24, 24
COLUMN = (WIDTH - 2 * MARGIN - 2 * GUTTER) / 3
HEAD, BAND, WORDS = 118, 330, 40                   # heights of the headline, of charts, of words instead; pixels
ROW = 25
LARGE = (round(2 * COLUMN + GUTTER), 620)          # the worst frame's picture at most, and the others'
SMALL = (round(COLUMN), 285)
CAPTION = 30
APART = 8                                          # worst frames lie at least this share of the range apart
DIM = 0.55                                         # of a picture's brightness, so that the tracks stand out
TRAIL, TRAIL_DIM = 6, 0.6                          # frames; of the track's brightness
TRACK_CELL, ARROW_CELL = 24.0, 60.0                # pixels: one of a kind per cell of a grid, to be told from the next
ARROW_LENGTH, ARROW_PLAIN = 34.0, 18.0             # pixels: wanted at least; long enough as it is
FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
COLOURS: dict[str, Colour] = {"locked": GREEN, "follows": YELLOW, "lost": VERMILLION, "unsolved": FAINT}
CHARTS = (                                         # what is drawn, how well it is known, title
    ("error_px", "uncertainty_px", "Camera error, pixels"),
    ("rotation_error_deg", "", "Rotation error, degrees"),
)


class Measured(Protocol):
    """What a page tells of a match."""

    @property
    def report(self) -> dict[str, Any]: ...        # as `check --json` answers
    @property
    def frames(self) -> tuple[int, ...]: ...       # scene frames of the footage
    @property
    def given(self) -> Views: ...                  # at the footage's size
    @property
    def solved(self) -> Views | None: ...
    @property
    def tracks(self) -> Tracks: ...
    @property
    def points_world(self) -> Array: ...           # (K, 4) homogeneous
    @property
    def is_explained(self) -> NDArray[np.bool_]: ...           # (K,)
    @property
    def per_frame(self) -> dict[str, Array]: ...   # each (F,), pixels of the plate


def write_match_picture(
    path: Path,
    after: Measured,
    before: Measured | None,
    footage: Footage,
    *,
    title: str,
    scale: float = 1.0,
    usable_beyond_m: float | None = None,
) -> FileRecord:
    """Draw and publish match.png.

    after      what is told; `before` is the same plate before its lock, if it was locked
    footage    the pictures that `after` was measured on
    scale      pixels of the plate per pixel of the footage
    usable_beyond_m   distance from which on a locked plate is locked; None: everywhere, or nowhere
    raises     PlateError E_FRAME_READ where a frame cannot be read, and those of `disk.publish`
    """
    limit_px = LOCKED_PX[after.given.width * scale >= WIDE][0]
    limit_deg = math.degrees(math.atan(limit_px / (scale * float(np.median(after.given.lens[:, 0])))))
    worst = worst_frames(after)
    cells = [draw_frame(after, footage, index, LARGE if place == 0 else SMALL) for place, index in enumerate(worst)]
    has_charts = any(list(error_curves(after, before, key)) for key, *_ in CHARTS)
    band = BAND if has_charts else WORDS
    page = Page(WIDTH, HEAD + band + 56 + height_of(cells) + MARGIN)
    draw_head(page, after, title)
    draw_figures(page, {**after.report, "usable_beyond_m": usable_beyond_m}, before.report if before else None)
    if has_charts:
        draw_charts(page, after, before, (limit_px, limit_deg))
    draw_frames(page, cells, HEAD + band + 20)

    def write(part: Path) -> None:
        page.picture().save(part, "PNG", compress_level=6)

    return publish(path, write)


# Words and figures -------------------------------------------------------------------------------


def draw_head(page: Page, match: Measured, title: str) -> None:
    """The verdict first, then what was measured and why it is called so."""
    words, colour = VERDICTS[match.report["verdict"]], COLOURS[match.report["verdict"]]
    page.area([(MARGIN, 24), (MARGIN + 10, 24), (MARGIN + 10, 56), (MARGIN, 56)], colour)
    page.words((MARGIN + 24, 22), words, 30)
    page.words((WIDTH - MARGIN, 28), title, 20, TEXT, "ra")
    range_ = f"frames {match.frames[0]} to {match.frames[-1]}"
    page.words((WIDTH - MARGIN, 60), range_, 15, FAINT, "ra")
    room = WIDTH - 4 * MARGIN - length_of(range_, 15)
    lines = wrapped(match.report.get("reason") or "", room, 16)
    for place, line in enumerate(lines[:2]):
        is_cut = place == 1 and len(lines) > 2
        page.words((MARGIN + 24, 60 + 22 * place), f"{line} ..." if is_cut else line, 16, FAINT)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines that fit."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and length_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def draw_figures(page: Page, after: dict[str, Any], before: dict[str, Any] | None) -> None:
    """A table: what, before the lock, now."""
    right, middle, top = MARGIN + COLUMN, MARGIN + COLUMN - 116, float(HEAD)
    if before is not None:
        page.words((middle, top), "before the lock", 14, ORANGE, "ra")
        page.words((right, top), "now", 14, BLUE, "ra")
    earlier = dict(figures(before)) if before is not None else {}
    known = [(name, value) for name, value in figures(after) if {value, earlier.get(name, value)} != {NOT_KNOWN}]
    for place, (name, value) in enumerate(known):
        y = top + 28 + ROW * place
        page.words((MARGIN, y), name, 15, FAINT)
        page.words((right, y), value, 15, TEXT, "ra")
        if name in earlier:
            page.words((middle, y), earlier[name], 15, FAINT, "ra")


# Charts ------------------------------------------------------------------------------------------


def draw_charts(page: Page, after: Measured, before: Measured | None, limits: tuple[float, float]) -> None:
    """Error per frame in pixels and in degrees; a sentence where one of them is not known."""
    names = f"locked: {limits[0]:g} px", f"{limits[0]:g} px is {limits[1]:.2g}\N{DEGREE SIGN}"
    for place, (key, noise, title) in enumerate(CHARTS):
        left = MARGIN + (place + 1) * (COLUMN + GUTTER)
        curves = list(error_curves(after, before, key))
        if not curves:
            page.words((left, HEAD), title, 16)
            page.words((left, HEAD + 40), "Not known on any frame.", 16, FAINT)
            continue
        chart = Chart(
            title=title,
            curves=curves,
            limit=limits[place],
            limit_name=names[place],
            noise=noise_curve(after, noise),
        )
        chart.draw(page, left, HEAD, COLUMN, BAND)


def error_curves(after: Measured, before: Measured | None, key: str) -> Iterator[Curve]:
    """One curve per match that has a value on some frame."""
    named = ((before, "before the lock", ORANGE), (after, "now" if before else "error", BLUE))
    for match, name, colour in named:
        if match is not None and np.isfinite(per_frame(match, key)).any():
            yield Curve(name=name, frames=match.frames, values=per_frame(match, key), colour=colour)


def per_frame(match: Measured, key: str) -> Array:
    """The figure on each frame (F,); NaN for a match that is unsolved, whose figures nobody may believe."""
    values = match.per_frame[key]
    return values if match.solved is not None else np.full_like(values, np.nan)


def noise_curve(match: Measured, key: str) -> Curve | None:
    """How well each frame's error is known."""
    if not key or not np.isfinite(values := per_frame(match, key)).any():
        return None
    return Curve(name="uncertainty", frames=match.frames, values=values, colour=paper.NOISE, width=9.0)


# The worst frames --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A frame's picture with its tracks, and what is said below it."""

    page: Page
    caption: str


def worst_frames(match: Measured, count: int = 3) -> list[int]:
    """Indices of the frames with the largest error, some way apart; first, middle and last where none is known."""
    error = per_frame(match, "error_px")
    total = len(match.frames)
    if not np.isfinite(error).any():
        return sorted({0, total // 2, total - 1})[:count]
    order = np.argsort(np.where(np.isfinite(error), -error, np.inf), kind="stable")
    chosen: list[int] = []
    for index in order[: int(np.isfinite(error).sum())]:
        if len(chosen) < count and all(abs(int(index) - other) > total / APART for other in chosen):
            chosen.append(int(index))
    return chosen


def draw_frame(match: Measured, footage: Footage, index: int, box: tuple[int, int]) -> Cell:
    """The picture of one frame, dimmed, its tracks and its arrows on it."""
    scale = min(box[0] / footage.width, box[1] / footage.height)
    width, height = max(1, round(footage.width * scale)), max(1, round(footage.height * scale))
    codes = bytes_from_display(resize(footage.picture(index), width, height) * np.float32(DIM))
    page = Page(width, height, Image.fromarray(codes))
    draw_tracks(page, match, index, scale)
    factor = draw_arrows(page, match, index, scale)
    return Cell(page, caption(match, index, factor))


def caption(match: Measured, index: int, factor: int) -> str:
    """The frame's number and errors, its tracks, and how much longer than true the arrows are."""
    error, turn = (per_frame(match, key)[index] for key, *_ in CHARTS)
    seen = match.tracks.track[match.tracks.frame == index]
    if not math.isfinite(error):
        return f"Frame {match.frames[index]}: {len(seen)} track{'' if len(seen) == 1 else 's'}"
    turned = f", turned {measure(float(turn), chr(176))}" if math.isfinite(turn) else ""
    rigid = f"{match.is_explained[seen].sum()} of {len(seen)} tracks rigid"
    arrows = f"; arrows x{factor}" if factor > 1 else ""
    return f"Frame {match.frames[index]}: {measure(float(error), 'px')} off{turned}; {rigid}{arrows}"


def draw_tracks(page: Page, match: Measured, index: int, scale: float) -> None:
    """Where tracks are now and where they were in the frames before, one of each kind per cell of a grid."""
    tracks = match.tracks
    here = np.flatnonzero(tracks.frame == index)
    is_good = match.is_explained[tracks.track[here]]
    for kind, colour in ((here[is_good], BLUE), (here[~is_good], VERMILLION)):
        for observation in kind[thinned(tracks.pixel[kind] * scale, TRACK_CELL)]:
            trail = tracks.pixel[trail_of(tracks.track, int(observation))] * scale
            spots = [(float(x), float(y)) for x, y in trail]
            page.line(spots, dimmed(colour), 1.0)
            if colour == BLUE:
                page.dot(spots[-1], 2.0, colour)
            else:
                page.cross(spots[-1], 3.0, colour, 1.5)


def dimmed(colour: Colour) -> Colour:
    red, green, blue = (round(TRAIL_DIM * code) for code in colour)
    return red, green, blue


def trail_of(track: NDArray[np.int32], observation: int) -> slice:
    """The observation and those of its track in the frames before."""
    first = observation
    while first > 0 and observation - first < TRAIL and track[first - 1] == track[observation]:
        first -= 1
    return slice(first, observation + 1)


def draw_arrows(page: Page, match: Measured, index: int, scale: float) -> int:
    """From where the given camera puts a point to where it is; the factor by which they are drawn longer, 0: none."""
    tips, errors = point_errors(match, index)
    tips, errors = tips * scale, errors * scale
    if not len(tips):
        return 0
    factor = magnification(errors)
    for place in thinned(tips, ARROW_CELL):
        (x, y), (right, down) = tips[place].tolist(), errors[place].tolist()
        page.arrow((x - factor * right, y - factor * down), (x, y), YELLOW)
    return factor


def point_errors(match: Measured, index: int) -> tuple[Array, Array]:
    """Where the frame's solved points are seen (P, 2) and how far from there the given camera puts them (P, 2)."""
    if match.solved is None:
        return np.zeros((0, 2)), np.zeros((0, 2))
    tracks = match.tracks
    here = np.flatnonzero((tracks.frame == index) & match.is_explained[tracks.track])
    points = match.points_world[tracks.track[here]]
    errors = projected(match.solved, points, index) - projected(match.given, points, index)
    is_known = np.isfinite(errors).all(axis=1)
    return tracks.pixel[here][is_known], errors[is_known]


def projected(views: Views, points_world: Array, index: int) -> Array:
    """Homogeneous world points (P, 4) as pixels (P, 2) of one frame; NaN behind the camera."""
    offset = points_world[:, :3] - points_world[:, 3:] * views.centre[index]
    points_camera = offset @ views.world_from_camera[index]
    depth = np.where(points_camera[:, 2:] > 0, points_camera[:, 2:], np.nan)
    return points_camera[:, :2] / depth * views.lens[index, :2] + views.lens[index, 2:]


def magnification(errors: Array) -> int:
    """By how much the arrows are lengthened to be seen: 1 where they can be seen as they are."""
    length = float(np.median(np.hypot(*errors.T)))
    wanted = 1.0 if length >= ARROW_PLAIN else ARROW_LENGTH / max(length, 1e-9)
    return max(factor for factor in FACTORS if factor <= max(wanted, 1.0))


def thinned(spots: Array, cell: float) -> NDArray[np.intp]:
    """Indices of one spot (P, 2) per cell of a grid."""
    cells = np.floor(spots / cell).astype(np.intp)
    return np.unique(cells, axis=0, return_index=True)[1]


# The page ----------------------------------------------------------------------------------------


def height_of(cells: Sequence[Cell]) -> int:
    """Of the pictures with their captions: the large one, or the small ones under each other."""
    small = sum(cell.page.height + CAPTION + 8 for cell in cells[1:])
    return max(cells[0].page.height + CAPTION, small)


def draw_frames(page: Page, cells: Sequence[Cell], top: float) -> None:
    """What the marks mean; the worst frame large, the others beside it."""
    draw_key(page, (MARGIN, top))
    top += 32
    place_cell(page, cells[0], (MARGIN, top))
    left = MARGIN + LARGE[0] + GUTTER
    for cell in cells[1:]:
        place_cell(page, cell, (left, top))
        top += cell.page.height + CAPTION + 8


def place_cell(page: Page, cell: Cell, spot: Spot) -> None:
    page.paste(cell.page, *spot)
    page.words((spot[0], spot[1] + cell.page.height + 7), cell.caption, 15, FAINT)


def draw_key(page: Page, spot: Spot) -> None:
    """What the dots, crosses and arrows are."""
    x, y = spot[0], spot[1] + 9
    page.dot((x + 6, y), 4, BLUE)
    x = said(page, x + 18, y, "explained by one rigid scene")
    page.cross((x + 6, y), 4, VERMILLION, 2)
    x = said(page, x + 18, y, "not explained: moving, melting or wrong")
    page.arrow((x, y), (x + 30, y), YELLOW)
    said(page, x + 40, y, "from where the camera puts a point to where the picture shows it")


def said(page: Page, x: float, y: float, text: str) -> float:
    page.words((x, y), text, 15, FAINT, "lm")
    return x + length_of(text, 15) + 32
